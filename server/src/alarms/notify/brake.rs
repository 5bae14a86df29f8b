//! Not more than people can read: what is told within an hour.

use crate::alarms::Severity;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_hours(1);

/// One brake for what is critical and one for everything else: however many devices are away, a signal in fault is told.
#[derive(Debug)]
pub(super) struct Brakes {
    critical: Brake,
    others: Brake,
}

impl Brakes {
    pub(super) fn new(most: u32) -> Self {
        Self { critical: Brake::new(most), others: Brake::new(most) }
    }

    /// As [`Brake::pass`].
    pub(super) fn pass(&mut self, severity: Severity, now: Instant) -> Option<u64> {
        match severity {
            Severity::Critical => self.critical.pass(now),
            Severity::Info | Severity::Warning | Severity::Error => self.others.pass(now),
        }
    }
}

/// Lets so many through within an hour and counts the others.
#[derive(Debug)]
struct Brake {
    most: usize,
    passed: VecDeque<Instant>,
    held: u64,
}

impl Brake {
    fn new(most: u32) -> Self {
        Self { most: most as usize, passed: VecDeque::new(), held: 0 }
    }

    /// How many were held back since the last one that passed; `None`: this one is, too.
    fn pass(&mut self, now: Instant) -> Option<u64> {
        while self.passed.front().is_some_and(|first| now.saturating_duration_since(*first) >= HOUR) {
            self.passed.pop_front();
        }
        if self.passed.len() >= self.most {
            self.held += 1;
            return None;
        }
        self.passed.push_back(now);
        Some(std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::Kind;
    use crate::clock::Clock;

    #[test]
    fn the_brake_counts_what_it_holds() {
        let start = Clock.instant();
        let mut brake = Brake::new(2);
        let passes: Vec<_> = (0..5).map(|at| brake.pass(start + Duration::from_secs(at))).collect();
        assert_eq!(passes, [Some(0), Some(0), None, None, None]);
        assert_eq!(brake.pass(start + HOUR), Some(3));
        assert_eq!(brake.pass(start + HOUR + Duration::from_millis(1)), None);
        assert_eq!(brake.pass(start + HOUR + Duration::from_secs(1)), Some(1));
    }

    #[test]
    fn what_is_critical_waits_for_nothing_that_is_not() {
        let start = Clock.instant();
        let mut brakes = Brakes::new(2);
        let mut passes = |severity| brakes.pass(severity, start);
        for expected in [Some(0), Some(0), None] {
            assert_eq!(passes(Kind::DeviceOffline.severity()), expected);
        }
        for expected in [Some(0), Some(0), None] {
            assert_eq!(passes(Kind::SignalFault.severity()), expected);
        }
        assert_eq!(passes(Severity::Warning), None);
    }
}
