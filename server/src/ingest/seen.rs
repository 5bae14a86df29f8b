//! Counts that this server has told of. With several servers on one database another one may store a row first: it is news here all the same,
//! once.

use super::{Fate, Item, Message};
use chrono::{DateTime, TimeDelta, Utc};
use flextraff_common::ids::{DeviceId, LaneId, OutboxId};
use std::collections::{BTreeSet, VecDeque};

/// Counts that another server has stored are news when their interval ended within this time, minutes: later ones the planner does not need.
const NEWS_FOR_MIN: i64 = 15;
/// Most counts that are remembered, some 20 MB: of 400 counts a second those of five minutes, in which whatever comes twice has come.
const MOST: usize = 1 << 17;

/// Which counts they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Count {
    /// A row of an outbox.
    Row(DeviceId, OutboxId, u64),
    /// A message of the published interface.
    Published(LaneId, DateTime<Utc>),
}

/// What was told, as long as it would be news once more.
#[derive(Debug, Default)]
pub(super) struct Seen {
    told: BTreeSet<Count>,
    /// The same, each with the time when it came, the oldest first.
    by_age: VecDeque<(DateTime<Utc>, Count)>,
}

impl Seen {
    /// Whether a message holds counts of these minutes that it has not been asked about before. What is refused is told by nobody, and not
    /// remembered.
    pub(super) fn first(&mut self, item: &Item, fate: &Fate) -> bool {
        let Ok(Message::Counts(counts)) = &item.message else { return false };
        let since = item.received - TimeDelta::minutes(NEWS_FOR_MIN);
        if counts.ts < since || matches!(fate, Fate::Refused(_) | Fate::Left { sound: false }) {
            return false;
        }
        self.forget(since);
        let count = match &counts.message.delivery {
            Some(delivery) => Count::Row(delivery.device_id, delivery.outbox_id, delivery.seq.0),
            None => Count::Published(counts.message.lane_id, counts.ts),
        };
        let first = self.told.insert(count);
        if first {
            self.by_age.push_back((item.received, count));
        }
        first
    }

    /// Lets go of what came before a time, and of the oldest where it is too much.
    fn forget(&mut self, before: DateTime<Utc>) {
        while let Some(&(received, count)) = self.by_age.front()
            && (received < before || self.by_age.len() >= MOST)
        {
            self.by_age.pop_front();
            self.told.remove(&count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, Refusal};
    use super::*;
    use crate::shares::Left;
    use flextraff_common::ids::{BootId, JunctionId, Seq};
    use flextraff_common::time::{ClockState, MonoMs};
    use flextraff_common::wire::{CarCounts, Delivery, RejectCode};
    use uuid::Uuid;

    /// Counts of a row whose interval ended `age_s` before they come.
    fn row(outbox: u128, seq: u64, at_s: i64, age_s: i64) -> Item {
        let received = DateTime::UNIX_EPOCH + TimeDelta::seconds(at_s);
        let delivery = Delivery {
            device_id: DeviceId(Uuid::nil()),
            outbox_id: OutboxId(Uuid::from_u128(outbox)),
            seq: Seq(seq),
            boot_id: BootId(Uuid::nil()),
            mono_ms: MonoMs(0),
            clock: ClockState::Synced,
        };
        let message = CarCounts {
            junction_id: JunctionId(Uuid::nil()),
            lane_id: LaneId(Uuid::nil()),
            vehicle_count: 0,
            epc_ids: Vec::new(),
            timestamp: None,
            delivery: Some(delivery),
            interval_start: None,
            observed_s: None,
            departed: None,
            present: None,
            other_tags: None,
            passages: None,
            departures: None,
        };
        let ts = received - TimeDelta::seconds(age_s);
        let counts = Counts { message, ts, untimed: false, flags: Vec::new() };
        Item {
            topic: String::new(),
            payload: Vec::new(),
            size: 0,
            received,
            message: Ok(Message::Counts(Box::new(counts))),
            left: Left::Nothing,
            again: false,
        }
    }

    #[test]
    fn counts_are_first_once_while_they_are_news() {
        let mut seen = Seen::default();
        assert!(seen.first(&row(1, 7, 1000, 5), &Fate::Stored));
        assert!(!seen.first(&row(1, 7, 1200, 205), &Fate::Duplicate));
        assert!(seen.first(&row(2, 7, 1200, 5), &Fate::Duplicate), "another outbox");
        assert!(!seen.first(&row(1, 8, 1200, 901), &Fate::Duplicate), "too old to be news");
    }

    #[test]
    fn a_day_of_an_outbox_takes_the_room_of_minutes() {
        let mut seen = Seen::default();
        // Between counts stand rows of other kinds: no two numbers are neighbours.
        for number in 0..86_400 {
            assert!(seen.first(&row(1, 3 * number + 1, number as i64, 1), &Fate::Stored));
            assert!(!seen.first(&row(1, 3 * number + 1, number as i64, 1), &Fate::Duplicate));
        }
        assert!(seen.told.len() <= 901, "{}", seen.told.len());
        assert_eq!(seen.told.len(), seen.by_age.len());
    }

    #[test]
    fn neither_strangers_nor_old_counts_take_room_and_there_is_a_most() {
        let mut seen = Seen::default();
        let refusal = Refusal {
            code: RejectCode::UnknownLane,
            detail: String::new(),
            junction: None,
            device: None,
            delivery: None,
        };
        let refused = Fate::Refused(Box::new(refusal));
        for outbox in 0..10_000 {
            assert!(!seen.first(&row(outbox, 1, 0, 0), &refused));
            assert!(!seen.first(&row(outbox, 1, 0, 0), &Fate::Left { sound: false }));
            assert!(!seen.first(&row(outbox, 1, 0, 3600), &Fate::Stored));
        }
        assert!(seen.told.is_empty() && seen.by_age.is_empty());
        for outbox in 0..MOST as u128 + 1000 {
            seen.first(&row(outbox, 1, 0, 0), &Fate::Stored);
        }
        assert_eq!((seen.told.len(), seen.by_age.len()), (MOST, MOST));
        assert!(!seen.first(&row(MOST as u128, 1, 0, 0), &Fate::Duplicate));
        assert!(seen.first(&row(0, 1, 0, 0), &Fate::Duplicate), "the oldest went");
    }
}
