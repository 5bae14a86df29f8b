//! What is lost before it becomes a row: only counted, so that a gap tells of it.

use crate::output::{Unheard, Unkept};
use crate::signal::CycleRecord;
use flextraff_common::hires::Event;
use flextraff_common::time::MonoMs;
use std::collections::{BTreeMap, BTreeSet};

/// Time from one row of events to the next, milliseconds; what a power cut can lose of the log.
pub(super) const EVENTS_ROW_MS: i64 = 10_000;

/// Why cycles and events are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::supervisor) enum Cause {
    /// The outbox cannot be opened.
    NotOpen,
    /// The disk stands still, and no more may wait for it.
    StandsStill,
    /// The agent had no time to take them from the lamp loop, which waits for nobody.
    Unheard,
}

impl Cause {
    const fn of_cycles(self) -> &'static str {
        match self {
            Self::NotOpen => "the outbox could not be opened: cycles were dropped",
            Self::StandsStill => "the disk stood still for too long: cycles were dropped",
            Self::Unheard => "the agent had no time for the lamp loop: cycles were dropped",
        }
    }

    const fn of_events(self) -> &'static str {
        match self {
            Self::NotOpen => "the outbox could not be opened: events were dropped",
            Self::StandsStill => "the disk stood still for too long: events were dropped",
            Self::Unheard => "the agent had no time for the lamp loop: events were dropped",
        }
    }
}

/// What is lost for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::supervisor) struct Loss {
    pub(super) from: MonoMs,
    pub(super) to: MonoMs,
    /// How many rows it would have been.
    pub(super) rows: u64,
}

/// What is lost, by reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::supervisor) struct Losses(BTreeMap<&'static str, Loss>);

impl Losses {
    /// A cycle is lost.
    pub(in crate::supervisor) fn add_cycle(&mut self, cycle: &CycleRecord, cause: Cause) {
        self.add(cause.of_cycles(), Loss { from: cycle.started, to: cycle.ended, rows: 1 });
    }

    /// Events are lost.
    pub(in crate::supervisor) fn add_events(&mut self, events: &[Event], cause: Cause) {
        let row = |at: MonoMs| at.0.div_euclid(EVENTS_ROW_MS);
        let times = || events.iter().map(|event| event.at);
        let (Some(from), Some(to)) = (times().min(), times().max()) else { return };
        let reason = cause.of_events();
        // Those of the row before it may belong to the same one.
        let known = self.0.get(reason).map_or(row(from) - 1, |known| row(known.to));
        let rows = times().map(row).filter(|row| *row > known).collect::<BTreeSet<_>>();
        self.add(reason, Loss { from, to, rows: rows.len() as u64 });
    }

    /// What nobody took from the lamp loop is lost; events as if there had been some for each row of that time.
    pub(in crate::supervisor) fn add_unkept(&mut self, unkept: Unkept) {
        if let Some(Unheard { from, to, count }) = unkept.cycles {
            self.add(Cause::Unheard.of_cycles(), Loss { from, to, rows: count });
        }
        if let Some(Unheard { from, to, .. }) = unkept.events {
            let row = |at: MonoMs| at.0.div_euclid(EVENTS_ROW_MS);
            let rows = (row(to) - row(from) + 1).unsigned_abs();
            self.add(Cause::Unheard.of_events(), Loss { from, to, rows });
        }
    }

    pub(super) fn add(&mut self, reason: &'static str, loss: Loss) {
        let known = self.0.entry(reason).or_insert(Loss { rows: 0, ..loss });
        known.from = known.from.min(loss.from);
        known.to = known.to.max(loss.to);
        known.rows += loss.rows;
    }

    /// Joins what is lost elsewhere.
    pub(super) fn join(&mut self, other: Self) {
        for (reason, loss) in other.0 {
            self.add(reason, loss);
        }
    }

    pub(in crate::supervisor) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = (&'static str, Loss)> + use<> {
        std::mem::take(&mut self.0).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::hires::EventCode;

    #[test]
    fn events_count_as_the_rows_that_they_would_have_been() {
        let events = |times: &[i64]| -> Vec<Event> {
            times.iter().map(|at| Event::new(MonoMs(*at), EventCode::PhaseOn, 1)).collect()
        };
        let mut losses = Losses::default();
        for times in [[12_000, 11_000].as_slice(), &[], &[19_999], &[25_000], &[20_000], &[31_000, 59_000]] {
            losses.add_events(&events(times), Cause::NotOpen);
        }
        losses.add_events(&events(&[5]), Cause::StandsStill);
        let unheard = |from, to, count| Some(Unheard { from: MonoMs(from), to: MonoMs(to), count });
        losses.add_unkept(Unkept { cycles: unheard(0, 150_000, 2), events: unheard(9000, 30_000, 40) });
        losses.add_unkept(Unkept::default());
        let lost: Vec<_> = losses.take().collect();
        let loss = |from, to, rows| Loss { from: MonoMs(from), to: MonoMs(to), rows };
        assert_eq!(
            lost,
            [
                ("the agent had no time for the lamp loop: cycles were dropped", loss(0, 150_000, 2)),
                ("the agent had no time for the lamp loop: events were dropped", loss(9000, 30_000, 4)),
                ("the disk stood still for too long: events were dropped", loss(5, 5, 1)),
                ("the outbox could not be opened: events were dropped", loss(11_000, 59_000, 4)),
            ]
        );
        assert_eq!(losses.take().count(), 0, "each is told once");
    }
}
