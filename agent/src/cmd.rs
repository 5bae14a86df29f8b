//! Commands. Exit codes: 0 ok, 1 failed, 2 usage or configuration error.

mod agent_socket;
mod check;
mod config;
mod enroll;
mod failsafe;
mod lamps;
mod monitor;
mod replay;
mod run;

use crate::config::{Config, ConfigErrors, DEFAULT_PATH, OutboxConfig};
use clap::{Parser, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};

/// The command did what it should.
pub const OK: u8 = 0;
/// The command failed.
pub const FAILED: u8 = 1;
/// The command line or the configuration is wrong; systemd does not start the service again.
pub const USAGE: u8 = 2;

/// Agent at a junction: reads FASTag readers, counts, keeps every count, drives the lamps.
#[derive(Debug, Parser)]
#[command(name = "flextraff-agent", version, arg_required_else_help = true)]
struct Cli {
    /// Configuration file; files config.d/*.toml beside it override single keys
    #[arg(long, value_name = "FILE", global = true, default_value = DEFAULT_PATH)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent until SIGTERM or SIGINT
    Run,
    /// Check configuration, serial ports, GPIO, disk, clock and broker; what fails is named with what to do
    ///
    /// Changes nothing and may run beside the service. It connects to the broker as the agent would, under a client id of its own, so that a
    /// running agent stays connected. Exit code 0 when nothing failed, 1 when something did, 2 when the configuration is wrong.
    Check {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Look at the running agent: reads, counts, lamps, estimates and the last decision, live
    ///
    /// Talks to `flextraff-agent run` over the socket of [console]. A table that fills the terminal; plain lines when the output is no
    /// terminal. Ctrl-C ends it, and the agent never notices. Exit code 1 when no agent runs.
    Monitor(monitor::MonitorArgs),
    /// Spend a one-time token at the server for this device's login at the broker
    ///
    /// The token is the first line of standard input. Writes config.d/50-broker.toml, mqtt-password and, where the server names an authority
    /// of its own, ca.pem beside the configuration. Run it as root; needs curl.
    Enroll(enroll::EnrollArgs),
    /// Print the effective configuration: what the files say and what defaults add, secrets masked
    Config(config::ConfigArgs),
    /// Play JSON lines of time, reads and messages through the same cores on a given clock, and print what they do
    ///
    /// Opens no port, no socket and no file but the configuration. The same input gives the same output.
    Replay(replay::ReplayArgs),
    /// Look after the lamps from the cabinet
    Lamps(lamps::LampsArgs),
    /// Show red at every head and end; with --flash the fault aspect until SIGTERM
    ///
    /// Needs nothing but the pins of [output]: no network, no disk to write to. With a configuration that cannot be used it takes the pins
    /// that the last good start has kept beside the outbox.
    Failsafe {
        /// Flash until told to stop
        #[arg(long)]
        flash: bool,
        /// Latch a fault where systemd says that its watchdog has ended the agent: for ExecStopPost= of its unit
        #[arg(long)]
        after_agent: bool,
    },
}

/// Runs the command that the command line names.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { OK });
        }
    };
    ExitCode::from(match cli.command {
        Command::Check { json } => check::run(&cli.config, json),
        Command::Enroll(args) => enroll::run(&cli.config, &args),
        Command::Config(args) => config::run(&cli.config, &args),
        Command::Monitor(args) => monitor::run(&cli.config, &args),
        Command::Run => run::run(&cli.config),
        Command::Replay(args) => replay::run(&cli.config, &args),
        Command::Lamps(args) => lamps::run(&cli.config, &args),
        Command::Failsafe { flash, after_agent } => failsafe::run(&cli.config, flash, after_agent),
    })
}

/// The configuration, or its errors printed.
fn load(path: &Path) -> Result<Config, u8> {
    crate::config::load(path).map_err(|errors| refuse(&errors))
}

/// As [`load`], for what needs no more of it than junction, device and lamps: it says what is wrong with the rest, and that keeps nobody from it.
fn load_site(path: &Path) -> Result<Config, u8> {
    crate::config::load(path).or_else(|errors| {
        let site = crate::config::load_lamps(path).ok_or_else(|| refuse(&errors))?;
        complain(&errors.to_string());
        complain("what it says of junction, device and lamps is right, and serves");
        let outbox = OutboxConfig { path: crate::config::outbox_path(path), ..site.outbox };
        Ok(Config { outbox, console: crate::config::console_path(path), ..site })
    })
}

/// Prints what is wrong with the configuration.
fn refuse(errors: &ConfigErrors) -> u8 {
    complain(&errors.to_string());
    USAGE
}

/// Says when SIGTERM or SIGINT has come.
fn told_to_stop() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let (tell, told) = sync_channel(1);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let _ = signals.forever().next();
        // Whoever no longer listens ends anyway.
        let _ = tell.send(());
    })?;
    Ok(told)
}

/// Writes to standard output and gives the exit code: a reader that has gone away, such as `head`, has seen enough.
fn print(text: &str) -> u8 {
    match writeln!(io::stdout().lock(), "{text}").and_then(|()| io::stdout().flush()) {
        Ok(()) => OK,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => OK,
        Err(error) => {
            complain(&format!("standard output cannot be written: {error}"));
            FAILED
        }
    }
}

/// Writes to standard error; without one there is nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
