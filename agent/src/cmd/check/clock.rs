//! The wall clock.

use super::Finding;
use crate::clock::Clock;
use crate::config::{ClockTrust, Config};
use flextraff_common::time::ClockState;

/// Whether offsets and time-of-day tables can work.
pub(super) fn check(config: &Config) -> Finding {
    match (config.clock_trust, Clock::new(config.clock_trust).now().clock) {
        (ClockTrust::Always, _) => Finding::ok("clock", "the configuration vouches for the clock"),
        (ClockTrust::Kernel, ClockState::Synced) => Finding::ok("clock", "the clock is synchronised"),
        (ClockTrust::Kernel, ClockState::Unsynced) => Finding::warning(
            "clock",
            "the clock is not synchronised; offsets and time-of-day tables wait for it, everything else works",
            "enable systemd-timesyncd or chrony, or set trust = \"always\" in [clock] if something else keeps the clock",
        ),
    }
}
