//! `flextraff-server replay`: ingest and planner on a given clock. JSON lines in, JSON lines out; no database, no broker, no port.

mod engine;
mod input;
mod ledger;
#[cfg(test)]
mod tests;

use super::{Failure, junction};
use anyhow::{Context as _, anyhow};
use engine::Engine;
use flextraff_common::replay;
use flextraff_common::time::UnixMs;
use std::io::{self, BufWriter, ErrorKind};
use std::process::ExitCode;

/// How to replay.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// Junctions, devices and links as JSON, such as `junction export` writes
    #[arg(long, value_name = "FILE")]
    junctions: String,
    /// Wall time of t = 0
    #[arg(long, value_name = "RFC3339", default_value = "2026-01-01T00:00:00Z", value_parser = UnixMs::parse)]
    epoch: UnixMs,
    /// Ids are derived from it
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Replays standard input.
pub(super) fn run(args: &ReplayArgs) -> Result<ExitCode, Failure> {
    if args.junctions == "-" {
        return Err(Failure::Config(anyhow!(
            "standard input brings the lines to replay; --junctions needs a file of its own"
        )));
    }
    let file = junction::load(&args.junctions)?;
    let mut engine = Engine::new(&file, args.epoch, args.seed)
        .map_err(|problems| Failure::Config(anyhow!("{}: {}", args.junctions, problems.join("; "))))?;
    let output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match replay::play(&mut engine, io::stdin().lock(), output) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever closes the pipe early has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => Ok(result.map(|()| ExitCode::SUCCESS).context("cannot replay")?),
    }
}
