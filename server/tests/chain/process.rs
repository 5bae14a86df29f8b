//! Programs that are started, stopped, killed, and waiting for what they do.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for anything: longer than the 30 s after which an agent sends a row again.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Waits until `look` finds something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The server's program, or the agent's beside it.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_flextraff-server")).with_file_name(name);
    assert!(
        path.exists(),
        "{} is missing; build the workspace first: cargo build --workspace",
        path.display()
    );
    path
}

/// Debian keeps the broker where only root looks for programs.
pub(crate) fn tool(name: &str) -> Command {
    let known = ["/usr/sbin", "/usr/local/sbin"].map(|folder| Path::new(folder).join(name));
    let mut command = Command::new(known.into_iter().find(|path| path.exists()).unwrap_or(name.into()));
    command.stdin(Stdio::null());
    command
}

/// A running program; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output goes to the end of `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("the folder is writable");
        let same = file.try_clone().expect("a file can be shared");
        let name = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).stdout(file).stderr(same).spawn();
        let child = child.unwrap_or_else(|error| panic!("{} does not start: {error}", name.display()));
        Self { child, log: log.to_owned() }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("it has an id");
        kill_process(id, signal).expect("it can be signalled");
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a killed program ends");
    }

    /// Asks it to end and waits for that.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        until("the program ends", async || self.child.try_wait().expect("it is ours")).await
    }
}

#[expect(clippy::print_stdout, reason = "what the program said belongs to the report of a failed test")]
impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            println!("--- {}", self.log.display());
            println!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}
