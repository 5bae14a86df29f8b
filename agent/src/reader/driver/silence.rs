//! Whether a reader that says nothing is there.

use super::Driver;
use flextraff_common::time::MonoMs;

/// A reader that gave so many signs of life, each at most [`super::REGULAR_MS`] after the one before, gives them all the time.
const REGULAR_SIGNS: u8 = 10;
/// After such a time without a frame a reader that gives signs of life all the time is silent, milliseconds.
const REGULAR_SILENCE_MS: i64 = 10_000;

impl Driver {
    /// Whether nothing was heard for the configured time of a reader that would have said something: it sends signs of life, answers
    /// questions, or should do so and has never been heard.
    pub fn is_silent(&self, now: MonoMs) -> bool {
        let would_speak = self.has_spoken || (self.family.is_some() && !self.has_heard);
        would_speak && now.since(self.heard) >= self.patience_ms()
    }

    /// Whether nothing has come since the line was opened of a reader that will say something if it is there.
    pub fn is_awaited(&self) -> bool {
        self.family.is_some() && !self.has_come && (self.has_spoken || !self.has_heard)
    }

    /// Whether no intact frame has come for the configured time since the line was opened.
    pub fn has_said_nothing(&self, now: MonoMs) -> bool {
        !self.has_come && now.since(self.heard) >= self.silence_ms
    }

    /// How long it may be quiet, milliseconds: as configured, or shorter when it gives signs of life all the time.
    pub(super) fn patience_ms(&self) -> i64 {
        if self.gives_signs() { self.silence_ms.min(REGULAR_SILENCE_MS) } else { self.silence_ms }
    }

    pub(super) fn gives_signs(&self) -> bool {
        self.signs >= REGULAR_SIGNS
    }

    /// Milliseconds since an intact frame came, or since the line was opened.
    pub fn quiet_ms(&self, now: MonoMs) -> i64 {
        now.since(self.heard)
    }
}
