//! The program `flextraff-simulator`.

use clap::{Parser, Subcommand};
use flextraff_simulator::demo::{FaultOptions, Interrupts, Options, pdeathsig_wrapper, run, run_faults};
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
    /// Run the same city while programs are killed, cables pulled, disks filled and outboxes damaged; then check that nothing is lost or doubled
    Faults(FaultOptions),
}

#[expect(clippy::print_stderr, reason = "a command's own errors")]
fn main() -> ExitCode {
    let command = Arguments::parse().command;
    if pdeathsig_wrapper().is_none() {
        eprintln!("setpriv is not installed: if this program is killed, what it started goes on");
    }
    let result = Interrupts::listen().map_err(Into::into).and_then(|mut interrupts| {
        let terminal = stdout().is_terminal();
        match &command {
            Command::Demo(options) => run(options, &mut interrupts, &mut stdout(), terminal),
            Command::Faults(options) => run_faults(options, &mut interrupts, &mut stdout(), terminal),
        }
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
