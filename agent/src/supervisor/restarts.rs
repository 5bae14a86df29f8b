//! How a part that has failed is started anew: after a pause, so that a defect that comes again at once costs neither the processor nor the log.

use flextraff_common::time::MonoMs;
use std::time::Duration;

/// Pause after the first failure, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// Whoever ran for so long had not failed at once, milliseconds.
const GOOD_MS: i64 = 60_000;
/// Failures within [`SOON_MS`] on one stored state after which it is what they come from.
const MOST_FAILURES: usize = 3;
const SOON_MS: i64 = 60_000;

/// Growing pauses.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    limits: [Duration; 2],
}

impl Default for Pauses {
    fn default() -> Self {
        Self::between(PAUSES)
    }
}

impl Pauses {
    pub(super) const fn between(limits: [Duration; 2]) -> Self {
        Self { next: limits[0], limits }
    }

    /// For how long to wait after a failure of what had run for so long, milliseconds.
    pub(super) fn after(&mut self, ran_ms: i64) -> Duration {
        if ran_ms >= GOOD_MS {
            self.next = self.limits[0];
        }
        let pause = self.next;
        self.next = (pause * 2).min(self.limits[1]);
        pause
    }
}

/// Whether what is stored makes the recorder fail.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    failures: Vec<MonoMs>,
    given_up: bool,
}

impl Suspicion {
    /// Takes a failure; `stored`: whether anything had been stored before it.
    pub(super) fn handle(&mut self, stored: bool, now: MonoMs) {
        if stored {
            *self = Self::default();
        }
        self.failures.retain(|at| now.since(*at) < SOON_MS);
        self.failures.push(now);
    }

    /// Whether what is stored is to be set aside now; said once, until something has been stored again: a new file does not mend a defect that
    /// has other causes.
    pub(super) fn gives_up(&mut self) -> bool {
        !self.given_up && self.failures.len() >= MOST_FAILURES && {
            self.given_up = true;
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_run_lasts() {
        let mut pauses = Pauses::default();
        let after =
            |pauses: &mut Pauses, ran_ms: [i64; 7]| ran_ms.map(|ran_ms| pauses.after(ran_ms).as_secs());
        assert_eq!(after(&mut pauses, [0, 59_999, 0, 0, 0, 0, 0]), [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(after(&mut pauses, [0, 60_000, 0, 60_000, 60_000, 0, 0]), [30, 1, 2, 1, 1, 2, 4]);
    }

    #[test]
    fn what_is_stored_is_given_up_after_three_failures_in_a_minute_and_only_once() {
        let given_up = |failures: &[(bool, i64)]| -> Vec<bool> {
            let mut suspicion = Suspicion::default();
            let fail = |(stored, at): &(bool, i64)| {
                suspicion.handle(*stored, MonoMs(*at));
                suspicion.gives_up()
            };
            failures.iter().map(fail).collect()
        };
        let soon = [(false, 0), (false, 1000), (false, 3000), (false, 5000), (false, 6000)];
        assert_eq!(given_up(&soon), [false, false, true, false, false]);
        assert_eq!(given_up(&[(false, 0), (false, 30_000), (false, 60_000)]), [false; 3]);
        assert_eq!(given_up(&[(false, 0), (false, 1000), (true, 3000)]), [false; 3], "it can be worked with");
        let again = [(false, 0), (false, 1), (false, 2), (true, 3), (false, 4), (false, 5)];
        assert_eq!(given_up(&again), [false, false, true, false, false, true]);
    }
}
