//! The program `flextraff-simulator`.

use clap::{Parser, Subcommand};
use flextraff_simulator::demo::{Interrupts, Options, pdeathsig_wrapper, run};
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

/// The street around FlexTraff: vehicles, tag readers and lamps
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a small city: the server, six junctions, and the traffic on their streets
    Demo(Options),
}

#[expect(clippy::print_stderr, reason = "a command's own errors")]
fn main() -> ExitCode {
    let Command::Demo(options) = Arguments::parse().command;
    if pdeathsig_wrapper().is_none() {
        eprintln!("setpriv is not installed: if this program is killed, what it started goes on");
    }
    let result = Interrupts::listen().map_err(Into::into).and_then(|mut interrupts| {
        let terminal = stdout().is_terminal();
        run(&options, &mut interrupts, &mut stdout(), terminal)
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("flextraff-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
