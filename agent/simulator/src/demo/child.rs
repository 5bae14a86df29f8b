//! Programs that the demo starts: each with a log of its own, none outlives the demo.

use super::broker::find_program;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// `setpriv`, which makes the kernel end a program when its parent is killed; without it children of a killed demo go on.
pub fn pdeathsig_wrapper() -> Option<PathBuf> {
    find_program("setpriv")
}

/// Which of the demo's own environment variables a program gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Environment {
    /// Addresses of database and broker, as the server reads them.
    Server,
    /// None of ours: an agent has its own credentials in files.
    Agent,
}

/// A running program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) log: PathBuf,
    child: Child,
    status: Option<ExitStatus>,
}

impl Program {
    /// Starts a program; what it prints goes to `log`. Ctrl-C at the terminal does not reach it: the demo stops it in due order.
    pub(super) fn start(
        name: &str,
        program: &Path,
        arguments: &[&OsStr],
        environment: Environment,
        log: PathBuf,
    ) -> Result<Self> {
        let mut command = command(program, arguments, environment, &log)?;
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name} ({})", program.display()))?;
        Ok(Self { name: name.to_owned(), log, child, status: None })
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Sends it a signal, unless it has ended.
    pub(super) fn signal(&mut self, signal: Signal) {
        if self.ended().is_some() {
            return;
        }
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            // It may end in between; then there is nothing to signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Kills it and waits for its end.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
    }

    /// The last lines of its log, for a message about its end.
    pub(super) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(2000)..]).into_owned();
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// Nothing outlives the demo, also when it fails half-way.
impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(program: &Path, arguments: &[&OsStr], environment: Environment, log: &Path) -> Result<Command> {
    let output = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log)
        .with_context(|| format!("opening {}", log.display()))?;
    let mut command = match pdeathsig_wrapper() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("FLEXTRAFF_") || text == "DATABASE_URL";
        if ours && !(environment == Environment::Server && text.contains("__")) {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

/// Runs a program to its end; what it prints goes to `log`.
pub(super) fn run(name: &str, program: &Path, arguments: &[&OsStr], log: &Path) -> Result<()> {
    let status = command(program, arguments, Environment::Server, log)?
        .status()
        .with_context(|| format!("starting {name} ({})", program.display()))?;
    if !status.success() {
        anyhow::bail!("{name} failed ({status}); see {}", log.display());
    }
    Ok(())
}

/// How many lines of a log report an error. Understands the plain and the JSON form of the programs' logs.
pub(super) fn error_lines(log: &str) -> u64 {
    log.lines().filter(|line| is_error(&plain(line))).count() as u64
}

fn is_error(line: &str) -> bool {
    line.contains("\"level\":\"ERROR\"")
        || line.split_whitespace().take(3).any(|word| word == "ERROR" || word == "ERROR:")
        || line.starts_with("thread '") && line.contains("panicked at")
}

/// Without colours.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(letter) = rest.next() {
        if letter == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_lines_are_those_of_that_level() {
        let log = "2026-02-10T14:30:00Z  INFO flextraff: started without ERROR\n\
             2026-02-10T14:30:01Z ERROR flextraff: lost\n\
             \u{1b}[2m2026-02-10T14:30:01Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m flextraff: lost\n\
             ERROR flextraff: journal form\n\
             {\"t\":1,\"level\":\"ERROR\",\"message\":\"x\"}\n\
             thread 'main' panicked at src/main.rs:1:1:\n\
             2026-02-10T14:30:01Z WARN flextraff: nearly ERROR\n";
        assert_eq!(error_lines(log), 5);
    }

    #[test]
    fn a_program_ends_with_its_owner_and_its_end_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let shell = Path::new("/bin/sh");
        let arguments = [OsStr::new("-c"), OsStr::new("echo ready; exec sleep 600")];
        let start = |log: &str| {
            Program::start("sleeper", shell, &arguments, Environment::Agent, dir.path().join(log)).unwrap()
        };
        let mut sleeper = start("one");
        assert!(sleeper.ended().is_none());
        sleeper.signal(Signal::TERM);
        let status = sleeper.child.wait().unwrap();
        assert!(!status.success());
        let sleeper = start("two");
        let pid = sleeper.child.id();
        drop(sleeper);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_failing_command_names_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("import.log");
        let error = run("import", Path::new("/bin/false"), &[], &log).unwrap_err().to_string();
        assert!(error.contains("import failed") && error.contains("import.log"), "{error}");
    }
}
