//! The lamps' way out past the main thread: whoever asks again and again to end the process does not wait for one that stands still, and leaves no green
//! lit.

use crate::clock::{self, Clock};
use crate::output::LampStats;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest that red at every head is waited for, milliseconds: amber ends within 8 s, and the guard takes the lamps of a loop that hangs within 2 s.
const LONGEST_MS: i64 = 15_000;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// How the lamp loop is reached, where there is one.
#[derive(Debug, Default)]
pub(super) struct WayOut(OnceLock<Arc<LampStats>>);

impl WayOut {
    /// Takes the lamp loop that is about to begin.
    pub(super) fn lead_by(&self, stats: &Arc<LampStats>) {
        let _ = self.0.set(Arc::clone(stats));
    }

    /// Ends the lamp loop as soon as amber is over.
    pub(super) fn hurry(&self) {
        if let Some(stats) = self.0.get() {
            stats.hurry.store(true, Relaxed);
        }
    }

    /// Waits until every head is red, and no longer than that can take.
    pub(super) fn wait_for_red(&self, clock: &Clock) {
        let Some(stats) = self.0.get() else { return };
        stats.pulse.leaves.store(true, Relaxed);
        let until = clock.mono() + LONGEST_MS;
        while !stats.pulse.rests.load(Relaxed) && clock.mono() < until {
            clock::gather(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClockTrust;

    #[test]
    fn whoever_ends_the_process_waits_for_red_where_there_are_lamps() {
        let (way_out, clock) = (Arc::new(WayOut::default()), Clock::new(ClockTrust::Always));
        way_out.hurry();
        way_out.wait_for_red(&clock);
        let stats = Arc::new(LampStats::default());
        way_out.lead_by(&stats);
        way_out.hurry();
        assert!(stats.hurry.load(Relaxed));
        let waits = Arc::clone(&way_out);
        let leaves = std::thread::spawn(move || waits.wait_for_red(&clock));
        clock::wait_until("its guard is told", || stats.pulse.leaves.load(Relaxed));
        clock::gather(4 * LOOK);
        assert!(!leaves.is_finished(), "amber is lit");
        stats.pulse.rests.store(true, Relaxed);
        leaves.join().expect("no panic");
    }
}
