//! `flextraff-agent lamps`: what a person at the cabinet does with the lamps.

use super::{FAILED, OK, complain, load, print};
use crate::output::FaultLatch;
use std::path::Path;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum LampsCommand {
    /// Clear the latched fault, after its cause has been found; the agent leaves the fault aspect when it is started anew
    ClearFault,
}

pub(super) fn run(path: &Path, command: &LampsCommand) -> u8 {
    let LampsCommand::ClearFault = command;
    let config = match load(path) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let latch = FaultLatch::beside(&config.outbox.path);
    let Some(fault) = latch.read() else {
        return print("No fault is latched.");
    };
    match latch.clear() {
        Ok(()) => match print(&format!("Cleared: {} ({})", fault.reason, fault.at)) {
            OK => print("Start the agent anew: systemctl restart flextraff-agent"),
            code => code,
        },
        Err(error) => {
            complain(&error.to_string());
            FAILED
        }
    }
}
