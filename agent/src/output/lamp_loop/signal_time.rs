//! The signal's time: the clock's, but that it stands still where the lamps come too late.

use super::{LampEvent, LampLoop};
use crate::reader::Read;
use flextraff_common::time::{Moment, MonoMs};
use std::sync::atomic::Ordering::Relaxed;

/// How late a lamp may change, milliseconds, be it that the loop comes late or that it takes long until it has written. Beyond it the signal's time
/// stands still until the next whole second: to catch up would shorten an amber or an intergreen. Less than what the interlock tolerates.
const LATEST_MS: i64 = 250;

impl LampLoop<'_> {
    /// The controller's time for a moment, after standing still where the loop is too late.
    pub(super) fn signal_time(&mut self, now: Moment) -> Moment {
        let due = self.parts.control.next_timeout() + self.behind_ms;
        self.stand_still(now.mono.since(due), now.mono);
        self.moment_of(now)
    }

    /// Lets the signal's time stand still where a second begins too late by so much.
    fn stand_still(&mut self, late_ms: i64, now: MonoMs) {
        if late_ms > 0 {
            self.parts.stats.late_max_ms.fetch_max(late_ms.unsigned_abs(), Relaxed);
        }
        if late_ms > LATEST_MS {
            let still_s = late_ms.unsigned_abs().div_ceil(1000);
            self.behind_ms += 1000 * still_s.cast_signed();
            self.parts.control.handle_still(1000 * still_s.cast_signed());
            self.parts.stats.stood_still_s.fetch_add(still_s, Relaxed);
            self.emit(LampEvent::Late { late_ms, still_s });
            if let Some(trip) = self.parts.interlock.note_late(late_ms, now) {
                self.late = Some(trip);
            }
        }
    }

    /// The controller's time for a moment. It never goes back behind a second that the controller has passed, and whose lamps came too late.
    pub(super) fn moment_of(&self, now: Moment) -> Moment {
        let at = now.mono - self.behind_ms;
        let mono = at.max(self.parts.control.next_timeout() - 1000);
        Moment { mono, wall: now.wall + mono.since(at), ..now }
    }

    /// Takes that what was looked at at one moment was written at another: what the lamps changed too late lasts as long as it would have.
    pub(super) fn note_written(&mut self, looked: MonoMs, wrote: MonoMs) {
        self.parts.interlock.note_written(looked, wrote);
        // Several seconds pass at once where reads or plans have held up the tick between them: the first of them has waited longest.
        let first = std::mem::replace(&mut self.written_until, self.parts.control.next_timeout());
        if first < self.written_until {
            self.stand_still(wrote.since(first + self.behind_ms), wrote);
        }
    }

    /// The controller's time of a read. What was read while the signal stood still was read when it stood: before its last second was over
    /// nobody can have come.
    pub(super) fn time_of(&self, read: &Read) -> MonoMs {
        (read.at - self.behind_ms).max(self.parts.control.next_timeout() - 1000)
    }
}
