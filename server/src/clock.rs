//! The only reader of the machine's clocks.

use chrono::{DateTime, Duration, Utc};
use flextraff_common::time::UnixMs;
use std::time::Instant;

/// Reads the clocks of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// Wall time, milliseconds.
    pub fn now(self) -> UnixMs {
        UnixMs(self.utc().timestamp_millis())
    }

    /// Wall time, as exact as the machine has it.
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    pub fn utc(self) -> DateTime<Utc> {
        Utc::now()
    }

    /// Monotonic time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    pub fn instant(self) -> Instant {
        Instant::now()
    }
}

/// Times of receipt, whole microseconds, no two alike: they tell apart messages that carry no time of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamps {
    last: Option<DateTime<Utc>>,
}

impl Stamps {
    /// The stamp of what is received at `now`.
    pub fn stamp(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now);
        let stamp = match self.last {
            Some(last) if now <= last => last + Duration::microseconds(1),
            _ => now,
        };
        self.last = Some(stamp);
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_one_moment_differ() {
        let now = DateTime::from_timestamp(1_800_000_000, 1_234).unwrap();
        let mut stamps = Stamps::default();
        let (first, second) = (stamps.stamp(now), stamps.stamp(now));
        assert_eq!((second - first).num_microseconds(), Some(1));
        assert!(stamps.stamp(now - Duration::seconds(5)) > second);
    }
}
