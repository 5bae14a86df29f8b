//! The only place that reads a clock.

use flextraff_common::time::{MonoMs, UnixMs};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A stopwatch that knows when it was started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: UnixMs,
}

impl Clock {
    /// Starts at zero.
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        Self { start: Instant::now(), wall: UnixMs(wall) }
    }

    /// Milliseconds since the start.
    pub fn now(&self) -> MonoMs {
        MonoMs(self.start.elapsed().as_millis() as i64)
    }

    /// Wall time of one of its times, as far as the wall clock was not set meanwhile.
    pub fn wall(&self, at: MonoMs) -> UnixMs {
        self.wall + at.0
    }
}
