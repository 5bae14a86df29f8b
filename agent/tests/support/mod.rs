//! A private Mosquitto on a free port, and a server that confirms rows.

pub(crate) mod proxy;
pub(crate) mod server;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a test waits for anything before it fails: long enough for rows that are sent again after 30 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// The one user that the broker knows.
pub(crate) const USER: &str = "junction";
/// Its password.
pub(crate) const PASSWORD: &str = "a lamp at every corner";

/// A broker without persistence.
pub(crate) struct Broker {
    config: PathBuf,
    child: Child,
    /// Where it listens on the loopback address.
    pub(crate) port: u16,
}

impl Broker {
    /// Starts a broker that asks for a password.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, "")
    }

    /// Starts a broker with more lines in its configuration.
    pub(crate) fn start_with(folder: &Path, lines: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port can be found")
            .port();
        let passwords = folder.join("passwords");
        run("mosquitto_passwd", &["-b", "-c", path(&passwords), USER, PASSWORD]);
        let config = folder.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence false\nuser root\nlog_type all\n{lines}\n",
            passwords.display()
        );
        std::fs::write(&config, text).expect("the folder is writable");
        let child = spawn(&config);
        Self { config, child, port }
    }

    /// Kills the broker without warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the broker runs");
        self.child.wait().expect("a killed child ends");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) {
        self.child.wait().expect("it was started here");
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts it again on the same port; it remembers nothing.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.config);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = command(program).args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program} is needed by this test ({error}); install it"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a key and a certificate, `name.pem` and `name.key`, signed by itself unless `more` says by whom.
pub(crate) fn certificate(folder: &Path, name: &str, subject: &str, more: &[&str]) -> (PathBuf, PathBuf) {
    let (pem, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let mut arguments = vec![
        "req",
        "-x509",
        "-days",
        "3650",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    arguments.extend(["-subj", subject, "-keyout", path(&key), "-out", path(&pem)]);
    arguments.extend(more);
    run("openssl", &arguments);
    (pem, key)
}

/// A path as text.
pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

fn spawn(config: &Path) -> Child {
    let mut child = command("mosquitto")
        .args(["-c", path(config)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("mosquitto is needed by this test ({error}); apt-get install mosquitto")
        });
    let log = child.stderr.take().expect("its error stream is piped");
    let (tell, running) = mpsc::channel();
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.contains(" running") {
                // Told once; the test goes on after that.
                let _ = tell.send(Ok(()));
            }
            if seen.len() < 50 {
                seen.push(line);
            }
        }
        let _ = tell.send(Err(seen.join("\n")));
    });
    match running.recv_timeout(PATIENCE) {
        Ok(Ok(())) => child,
        other => panic!("mosquitto does not start: {other:?}"),
    }
}

/// Debian keeps the broker where only root looks for programs.
fn command(program: &str) -> Command {
    let known = ["/usr/sbin", "/usr/local/sbin"].map(|folder| Path::new(folder).join(program));
    let found = known.iter().find(|path| path.exists());
    found.map_or_else(|| Command::new(program), Command::new)
}
