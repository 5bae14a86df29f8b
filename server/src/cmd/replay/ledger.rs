//! What is stored already, in memory: the same rules by which the database takes a row once.

use crate::ingest::Message;
use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, LaneId, OutboxId};
use rangemap::RangeInclusiveSet;
use std::collections::{BTreeMap, BTreeSet};

/// Rows that have been taken.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    outboxes: BTreeMap<(DeviceId, OutboxId), RangeInclusiveSet<u64>>,
    /// Counts of the published interface, which carry no row of an outbox.
    others: BTreeSet<(LaneId, DateTime<Utc>)>,
}

impl Ledger {
    /// Enters a message; says whether it is new.
    pub(super) fn enter(&mut self, message: &Message) -> bool {
        match (message.delivery(), message) {
            (Some(row), _) => {
                let seqs = self.outboxes.entry((row.device_id, row.outbox_id)).or_default();
                let new = !seqs.contains(&row.seq.0);
                seqs.insert(row.seq.0..=row.seq.0);
                new
            }
            (None, Message::Counts(counts)) => self.others.insert((counts.message.lane_id, counts.ts)),
            (None, _) => true,
        }
    }
}
