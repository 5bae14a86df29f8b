//! Whether the disk of the database is full, by what the last writes came to.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an administrator is to know, and do.
pub const FULL: &str = "The disk of the database is full: what is there can be read, but nothing is stored until there is room on it again \
                        (README of the server, \"A full disk\")";

/// A refusal is worth so much: who has something to store tries again every few seconds, and of several servers another one may do so.
const WORTH: Duration = Duration::from_mins(1);

/// When a write was last refused for want of room.
#[derive(Debug, Default)]
pub struct Room(Mutex<Option<Instant>>);

impl Room {
    /// A write was refused for want of room at `now`; whether that is news.
    pub fn refused(&self, now: Instant) -> bool {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = !counts(*refused, now);
        *refused = Some(now);
        is_news
    }

    /// A write was taken.
    pub fn taken(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether there is none at `now`, as far as is known.
    pub fn is_full(&self, now: Instant) -> bool {
        counts(*self.0.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

fn counts(refused: Option<Instant>, now: Instant) -> bool {
    refused.is_some_and(|refused| now.saturating_duration_since(refused) < WORTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn it_is_full_from_a_refusal_until_something_is_taken_or_nobody_has_tried_for_a_minute() {
        let (room, start) = (Room::default(), Clock.instant());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!room.is_full(at(0)));
        assert!(room.refused(at(0)), "that is news");
        assert!(!room.refused(at(50)), "and that is not");
        assert!(room.is_full(at(109)));
        assert!(!room.is_full(at(110)));
        assert!(room.refused(at(120)));
        room.taken();
        assert!(!room.is_full(at(121)));
    }
}
