//! How often the loop that writes the lamps was late. Once is a busy machine, and the signal stands still for it; again and again is a controller
//! that no longer has its lamps in hand.

use flextraff_common::time::MonoMs;

/// Less is a machine that is busy for a moment, such as while its programs are upgraded, milliseconds.
const LATE_MS: i64 = 500;
/// So many times trip,
const MOST: usize = 3;
/// within so long, milliseconds.
const WITHIN_MS: i64 = 600_000;

/// When the loop was late before.
#[derive(Clone, Debug, Default)]
pub(super) struct LateTimes([Option<MonoMs>; MOST - 1]);

impl LateTimes {
    /// Takes that it was late once more, by so much: whether that is too often.
    pub(super) fn add(&mut self, late_ms: i64, now: MonoMs) -> bool {
        if late_ms < LATE_MS {
            return false;
        }
        let [before, last] = self.0;
        self.0 = [last, Some(now)];
        before.is_some_and(|before| now.since(before) <= WITHIN_MS)
    }

    /// Within how many minutes how many times are too many.
    pub(super) const fn limit() -> (usize, i64) {
        (MOST, WITHIN_MS / 60_000)
    }
}
