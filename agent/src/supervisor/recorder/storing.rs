//! From what was counted and seen to stored rows.

use super::{Recorder, WRITING, kept, rows};
use crate::outbox::OutboxError;
use flextraff_common::time::{Moment, MonoMs};

/// Time between two gaps that tell of what was lost before it became rows, milliseconds: what goes on for hours is not told each second.
const GAP_MS: i64 = 60_000;
/// Between attempts to open a file again, milliseconds.
const REOPEN_MS: i64 = 5000;
/// A file that looks damaged so soon after it was opened again and found whole is damaged, milliseconds.
const CHECKED_MS: i64 = 600_000;

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
        // What only now looks damaged is opened again, or replaced, at once.
        let again = |recorder: &Self| recorder.damaged.is_some() || recorder.reopen_due == Some(now.mono);
        let mut result = self.commit(now);
        for _ in 0..2 {
            if result.is_err() && again(self) {
                result = self.commit(now);
            }
        }
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
                if self.failing.is_none() || !matches!(error, OutboxError::Closed) {
                    self.failing = Some(error.to_string());
                }
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

    /// Stores what waits; whether it made rows. A file on which the disk has failed is opened again, one that turns out to be damaged is replaced, and what
    /// waits goes into the new one.
    fn commit(&mut self, now: &Moment) -> Result<bool, OutboxError> {
        if let Some(reason) = &self.damaged {
            self.outbox.start_anew(reason, now)?;
            (self.damaged, self.reopen_due) = (None, None);
            self.begin_anew();
        }
        if self.reopen_due.is_some_and(|due| due <= now.mono) {
            self.reopen_due = Some(now.mono + REOPEN_MS);
            self.reopened = Some(now.mono);
            let before = self.outbox.outbox_id();
            let found = self.outbox.open_again(now)?;
            self.reopen_due = None;
            if self.outbox.outbox_id() == before {
                tracing::info!("the outbox was opened again and is whole");
                self.unstored.handle_found(&found.into_iter().collect(), self.outbox.passages()?);
            } else {
                self.begin_anew();
            }
        }
        let done = self.outbox.commit(self.unstored.begin(), now);
        match &done {
            Ok(_) => self.unstored.done(),
            Err(_) => self.unstored.put_back(),
        }
        self.heed(WRITING, done.as_ref().err(), now.mono);
        Ok(!done?.is_empty())
    }

    /// Another file is there in place of one that was damaged.
    fn begin_anew(&mut self) {
        if let Some(aside) = self.outbox.set_aside() {
            tracing::error!(file = %aside.display(), "the outbox was damaged while it was open and is set aside; its rows are reported as a gap");
        }
        self.unstored.begin_anew();
    }

    /// Remembers what trying again does not mend: damage, and a disk that fails for a minute.
    pub(super) fn heed(&mut self, access: usize, failed: Option<&OutboxError>, now: MonoMs) {
        let is_over = self.patience[access].handle(failed, now);
        if is_over && self.reopen_due.is_none() {
            self.reopen_due = Some(now);
        }
        if let Some(error) = failed {
            self.note_damage(error, now);
        }
    }

    /// A file that looks damaged is opened and checked once more: what was read wrongly once is no damage. When that has been done, it is.
    pub(super) fn note_damage(&mut self, error: &OutboxError, now: MonoMs) {
        if !error.is_damage() {
            return;
        }
        if self.reopened.is_some_and(|at| now.since(at) < CHECKED_MS) {
            self.damaged = Some(format!("the outbox was damaged ({error})"));
        } else {
            self.reopen_due = Some(now);
        }
    }
}
