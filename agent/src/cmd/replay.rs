//! `flextraff-agent replay`: the same cores on a given clock. JSON lines in, JSON lines out; no network, no hardware, no database.

mod engine;
mod input;
#[cfg(test)]
mod tests;
mod timing;

use self::timing::Timing;
use super::{FAILED, OK, complain};
use crate::clock::Clock;
use crate::config::ClockTrust;
use engine::Engine;
use flextraff_common::replay::{self, Replay};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::ControlLevel;
use std::io::{self, BufWriter, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// How to replay.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// Wall time of t = 0
    #[arg(long, value_name = "RFC3339", default_value = "2026-01-01T00:00:00Z", value_parser = UnixMs::parse)]
    epoch: UnixMs,
    /// Ids are derived from it
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Answer every outbox message as committed at once
    #[arg(long)]
    ack: bool,
    /// Say why each green lasts as long as it does
    #[arg(long)]
    explain: bool,
    /// Leave out every level of control above this one: rolling_horizon, greedy, actuated, splits
    #[arg(long, value_name = "LEVEL", default_value = "rolling_horizon", value_parser = level)]
    level: ControlLevel,
    /// Say at the end, on standard error, how long a step in time took, its decision of tactical control included
    #[arg(long)]
    timing: bool,
}

fn level(name: &str) -> Result<ControlLevel, String> {
    let levels =
        [ControlLevel::RollingHorizon, ControlLevel::Greedy, ControlLevel::Actuated, ControlLevel::Splits];
    let named = levels.into_iter().find(|level| level.name() == name);
    named.ok_or_else(|| format!("expected one of {}", levels.map(ControlLevel::name).join(", ")))
}

pub(super) fn run(path: &Path, args: &ReplayArgs) -> u8 {
    let config = match super::load(path) {
        Ok(config) => Arc::new(config),
        Err(code) => return code,
    };
    let mut engine = Engine::new(config, args);
    let played = if args.timing {
        let mut timing = Timing::new(engine, Clock::new(ClockTrust::Kernel));
        let played = play(&mut timing);
        complain(&format!("replay: {}", timing.told()));
        played
    } else {
        play(&mut engine)
    };
    match played {
        Ok(()) => OK,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => OK,
        Err(error) => {
            complain(&format!("replay: {error}"));
            FAILED
        }
    }
}

fn play(engine: &mut impl Replay) -> io::Result<()> {
    let output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    replay::play(engine, io::stdin().lock(), output)
}
