//! From what was counted and seen to stored rows.

use super::{Recorder, WRITING, kept, rows};
use crate::outbox::OutboxError;
use flextraff_common::time::{Moment, MonoMs};

/// Time between two gaps that tell of what was lost before it became rows, milliseconds: what goes on for hours is not told each second.
const GAP_MS: i64 = 60_000;

impl Recorder {
    /// Makes rows of what is known and stores them; with `all` also what is told only from time to time.
    pub(super) fn store(&mut self, now: &Moment, all: bool) -> bool {
        self.stored = now.mono;
        self.events.handle_clock(now);
        self.limits.log(self.counter.beyond(), now.mono);
        let flush = self.counter.take();
        for interval in &flush.intervals {
            let starts =
                interval.passages.iter().map(|passage| (interval.start + passage.t_ms, interval.lane));
            self.starts.extend(starts);
            self.counted[interval.lane.index()] += interval.passages.len() as u64;
            self.unstored.add(rows::counts(&self.config.junction, interval), self.boot);
            self.events.handle_interval(interval);
        }
        for change in &flush.passages {
            self.unstored.change(kept::write(self.boot, change, &self.config.junction));
        }
        self.report_cycles();
        if self.failing.is_none()
            && let Some(row) = self.events.take(now.mono, all, &mut self.lost)
        {
            self.unstored.add(row, self.boot);
        }
        self.tell_lost(now.mono, all);
        // What only now turns out to be damaged is replaced at once.
        let result = self
            .commit(now)
            .or_else(|error| if self.damaged.is_some() { self.commit(now) } else { Err(error) });
        match result {
            Ok(stored) => {
                self.counter.handle_stored();
                if self.failing.take().is_some() {
                    tracing::info!("the outbox stores again");
                }
                stored
            }
            Err(error) => {
                if self.failing.is_none() {
                    tracing::error!(%error, "counts could not be stored; they are kept in memory and tried again");
                }
                self.failing = Some(error.to_string());
                false
            }
        }
    }

    /// Makes gaps of what was lost, one for each reason.
    fn tell_lost(&mut self, now: MonoMs, all: bool) {
        if self.lost.is_empty() || (now < self.lost_due && !all) {
            return;
        }
        self.lost_due = now + GAP_MS;
        for (reason, loss) in self.lost.take() {
            self.unstored.add_lost(reason, loss, self.boot);
        }
    }

    /// Stores what waits; whether it made rows. A file that turns out to be damaged is replaced, and what waits goes into the new one.
    fn commit(&mut self, now: &Moment) -> Result<bool, OutboxError> {
        if let Some(reason) = &self.damaged {
            self.outbox.start_anew(reason, now)?;
            if let Some(aside) = self.outbox.set_aside() {
                tracing::error!(file = %aside.display(), reason, "the outbox was damaged while it was open and is set aside; its rows are reported as a gap");
            }
            self.damaged = None;
            self.unstored.begin_anew();
        }
        let done = self.outbox.commit(self.unstored.begin(), now);
        match &done {
            Ok(_) => self.unstored.done(),
            Err(_) => self.unstored.put_back(),
        }
        self.heed(WRITING, done.as_ref().err(), now.mono);
        Ok(!done?.is_empty())
    }

    /// Remembers damage, which trying again does not mend.
    pub(super) fn heed(&mut self, access: usize, failed: Option<&OutboxError>, now: MonoMs) {
        let gives_up = self.patience[access].handle(failed, now);
        if let Some(error) = failed {
            self.note_damage(error, gives_up);
        }
    }

    pub(super) fn note_damage(&mut self, error: &OutboxError, gives_up: bool) {
        if gives_up || error.is_damage() {
            self.damaged = Some(format!("the outbox was damaged ({error})"));
        }
    }
}
