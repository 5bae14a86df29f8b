//! Counts without a time that are left to another server, until it has surely stored them.
//!
//! Their senders do not send them again for want of an answer, and two servers that store one cannot tell that it is the same. So one server stores
//! what a junction sends. Should it die, the others have heard what it has not stored: who takes the junction over looks which of the last half a minute
//! are in the database, and stores the others.

use super::{Item, Message};
use crate::db::counts::Untimed;
use chrono::{DateTime, TimeDelta, Utc};
use flextraff_common::ids::JunctionId;
use std::collections::{BTreeSet, VecDeque};
use uuid::Uuid;

/// For so long they are kept, seconds: a lease holds ten after it was renewed, and its end is seen within three.
const KEPT_S: i64 = 30;
/// Most that are kept; then the oldest go.
const MOST: usize = 8192;
/// How far apart two servers may receive the same message, milliseconds. Senders of equal counts are further apart.
const APART_MS: i64 = 2500;

/// The counts of the last half a minute, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Kept(VecDeque<Item>);

impl Kept {
    /// Keeps counts without a time that were left to another server; nothing else.
    pub(super) fn keep(&mut self, item: &Item) {
        if counts_of(item).is_none() {
            return;
        }
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(item.clone());
    }

    /// Lets go of what is too old to be missing at `now`.
    pub(super) fn forget(&mut self, now: DateTime<Utc>) {
        let since = now - TimeDelta::seconds(KEPT_S);
        while self.0.front().is_some_and(|item| item.received < since) {
            self.0.pop_front();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lanes of the junctions that this server `holds` by now, and since when what they sent may be missing; `None`: there are none.
    pub(super) fn heirlooms(&self, holds: impl Fn(JunctionId) -> bool) -> Option<(Vec<Uuid>, DateTime<Utc>)> {
        let held = self.0.iter().filter(|item| item.junction().is_some_and(&holds));
        let lanes: BTreeSet<Uuid> = held.clone().filter_map(|item| Some(counts_of(item)?.0)).collect();
        let since = held.map(|item| item.received).min()?;
        Some((lanes.into_iter().collect(), since - TimeDelta::milliseconds(APART_MS)))
    }

    /// Takes out those of the junctions that this server `holds`, and answers with those that are not among `stored`.
    pub(super) fn missing(
        &mut self,
        holds: impl Fn(JunctionId) -> bool,
        mut stored: Vec<Untimed>,
    ) -> Vec<Item> {
        let (held, others): (VecDeque<Item>, VecDeque<Item>) =
            self.0.drain(..).partition(|item| item.junction().is_some_and(&holds));
        self.0 = others;
        let is_missing = |item: &Item| {
            let Some((lane, vehicles, epcs)) = counts_of(item) else { return false };
            // Each row of the database is one message, that which came nearest to it.
            let apart = |row: &Untimed| (row.ts - item.received).num_milliseconds().abs();
            let same = stored
                .iter()
                .enumerate()
                .filter(|(_, row)| row.lane_id == lane && i64::from(row.vehicle_count) == vehicles)
                .filter(|(_, row)| row.epc_ids == epcs && apart(row) <= APART_MS)
                .min_by_key(|(_, row)| apart(row))
                .map(|(at, _)| at);
            same.map(|at| stored.swap_remove(at)).is_none()
        };
        held.into_iter().filter(is_missing).collect()
    }
}

/// Lane, vehicles and tags of counts without a time.
fn counts_of(item: &Item) -> Option<(Uuid, i64, &[String])> {
    match &item.message {
        Ok(Message::Counts(counts)) if counts.untimed && counts.message.delivery.is_none() => {
            let message = &counts.message;
            Some((message.lane_id.0, message.vehicle_count, &message.epc_ids))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JUNCTION: &str = "00000000-0000-0000-0000-00000000000a";
    const LANE: &str = "00000000-0000-0000-0000-0000000000b1";

    fn at(ms: i64) -> DateTime<Utc> {
        "2026-02-10T14:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::milliseconds(ms)
    }

    fn heard(ms: i64, vehicles: u32) -> Item {
        let payload =
            json!({"junction_id": JUNCTION, "lane_id": LANE, "vehicle_count": vehicles, "epc_ids": []});
        let topic = format!("flextraff/{JUNCTION}/{LANE}/car-counts");
        Item::new(topic, payload.to_string().into_bytes(), at(ms))
    }

    fn row(ms: i64, vehicle_count: i32) -> Untimed {
        Untimed { lane_id: LANE.parse().unwrap(), ts: at(ms), vehicle_count, epc_ids: Vec::new() }
    }

    #[test]
    fn what_the_dead_server_has_not_stored_is_missing_once() {
        let mut kept = Kept::default();
        // A lane that sends the same every five seconds.
        for ms in [0, 5000, 10_000, 15_000] {
            kept.keep(&heard(ms, 1));
        }
        kept.keep(&heard(15_010, 2));
        assert_eq!(kept.heirlooms(|_| false), None);
        let (lanes, since) = kept.heirlooms(|_| true).unwrap();
        assert_eq!((lanes, since), (vec![LANE.parse().unwrap()], at(-2500)));
        let stored = vec![row(120, 1), row(4900, 1), row(15_020, 2)];
        let missing = kept.missing(|_| true, stored);
        let times: Vec<_> = missing.iter().map(|item| item.received).collect();
        assert_eq!(times, [at(10_000), at(15_000)]);
        assert!(kept.is_empty());
    }

    #[test]
    fn what_is_old_and_what_others_hold_is_left() {
        let mut kept = Kept::default();
        kept.keep(&heard(0, 1));
        kept.keep(&heard(1000, 1));
        kept.forget(at(30_500));
        assert!(kept.missing(|_| false, Vec::new()).is_empty());
        assert_eq!(kept.missing(|_| true, Vec::new()).len(), 1);
        let timed = json!({"junction_id": JUNCTION, "lane_id": LANE, "vehicle_count": 1, "epc_ids": [], "timestamp": "2026-02-10T14:00:00Z"});
        let topic = format!("flextraff/{JUNCTION}/{LANE}/car-counts");
        kept.keep(&Item::new(topic, timed.to_string().into_bytes(), at(0)));
        assert!(kept.is_empty(), "one with a time is stored by whoever hears it");
        for ms in 0..MOST as i64 + 100 {
            kept.keep(&heard(ms, 1));
        }
        assert_eq!(kept.0.len(), MOST);
    }
}
