//! What a recorder that fails leaves to the one that takes its place.

use super::events::Events;
use super::losses::Losses;
use super::unstored::Unstored;
use crate::signal::CycleRecord;
use flextraff_common::ids::OutboxId;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use std::collections::VecDeque;

/// What is known in memory only. Reads since the last flush are not among it: the counter that has them may be what has failed.
pub(in crate::supervisor) struct Remains {
    /// The outbox that has what is stored.
    pub(super) outbox: OutboxId,
    /// What it has not taken yet.
    pub(super) unstored: Unstored,
    /// What was lost before it became rows.
    pub(super) lost: Losses,
    /// The high-resolution log of the last seconds.
    pub(super) events: Events,
    /// Cycles that wait for the last counts of their time, and first reads of passages for them.
    pub(super) cycles: VecDeque<CycleRecord>,
    pub(super) starts: VecDeque<(MonoMs, LaneIx)>,
    /// Passages of published intervals, by lane.
    pub(super) counted: Vec<u64>,
}

impl Remains {
    /// Nothing, but open passages as an outbox has them.
    pub(super) fn none(
        outbox: OutboxId,
        passages: Vec<(String, String)>,
        events: bool,
        lanes: usize,
        now: MonoMs,
    ) -> Self {
        Self {
            outbox,
            unstored: Unstored::new(passages),
            lost: Losses::default(),
            events: Events::new(events, now),
            cycles: VecDeque::new(),
            starts: VecDeque::new(),
            counted: vec![0; lanes],
        }
    }

    /// As it is to go into an outbox: the one of before, or one in its place, which has none of the open passages.
    pub(super) fn for_outbox(mut self, outbox: OutboxId) -> Self {
        self.unstored.put_back();
        if self.outbox != outbox {
            self.unstored.begin_anew();
        }
        self.outbox = outbox;
        self
    }
}
