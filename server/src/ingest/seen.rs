//! Counts that this server has told of. With several servers on one database another one may store a row first: it is news here all the same,
//! once.

use super::{Item, Message};
use chrono::{DateTime, TimeDelta, Utc};
use flextraff_common::ids::{DeviceId, LaneId, OutboxId};
use rangemap::RangeInclusiveSet;
use std::collections::{BTreeMap, BTreeSet};

/// Counts that another server has stored are news when their interval ended within this time, minutes: later ones the planner does not need.
const NEWS_FOR_MIN: i64 = 15;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rows: BTreeMap<(DeviceId, OutboxId), RangeInclusiveSet<u64>>,
    /// Messages of the published interface.
    published: BTreeSet<(DateTime<Utc>, LaneId)>,
}

impl Seen {
    /// Whether a message holds counts of these minutes that it has not been asked about before.
    pub(super) fn first(&mut self, item: &Item) -> bool {
        let Ok(Message::Counts(counts)) = &item.message else { return false };
        let since = item.received - TimeDelta::minutes(NEWS_FOR_MIN);
        let first = if let Some(delivery) = &counts.message.delivery {
            let rows = self.rows.entry((delivery.device_id, delivery.outbox_id)).or_default();
            let first = !rows.contains(&delivery.seq.0);
            rows.insert(delivery.seq.0..=delivery.seq.0);
            first
        } else {
            self.published = self.published.split_off(&(since, LaneId(uuid::Uuid::nil())));
            self.published.insert((counts.ts, counts.message.lane_id))
        };
        first && counts.ts >= since
    }
}
