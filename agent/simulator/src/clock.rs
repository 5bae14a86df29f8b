//! The only place that reads a clock.

use flextraff_common::time::MonoMs;
use std::time::Instant;

/// A stopwatch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts at zero.
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds since the start.
    pub fn now(&self) -> MonoMs {
        MonoMs(self.start.elapsed().as_millis() as i64)
    }
}
