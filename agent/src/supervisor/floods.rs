//! How much of what others tell of their traffic is heard: a device that floods its topic must make no tick late, and keep no command of the server
//! from being heard.

use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Demand;
use std::collections::BTreeMap;

/// What a message costs beside its entries: about as much as so many of them.
const MESSAGE: usize = 8;
/// Entries of one sender that are heard in a second. Four readers of 150 reads a second and the traffic of a large junction need a third of it.
const OF_ONE: usize = 2000;
/// Entries of all senders together.
const OF_ALL: usize = 8000;
/// Senders that are told apart; all beyond are one.
const MOST_SENDERS: usize = 64;
/// Between two times at which it is said that somebody floods, milliseconds.
const TELL_AGAIN_MS: i64 = 60_000;

/// What has been heard in the present second.
#[derive(Debug)]
pub(super) struct Floods {
    since: MonoMs,
    used: BTreeMap<Option<(JunctionId, DeviceId)>, usize>,
    /// When it was last said.
    told: Option<MonoMs>,
}

/// A message that is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unheard {
    /// Whether that is to be said.
    pub(super) is_news: bool,
}

impl Default for Floods {
    fn default() -> Self {
        Self { since: MonoMs(i64::MIN), used: BTreeMap::new(), told: None }
    }
}

impl Floods {
    /// Takes a message that comes at `at`.
    ///
    /// # Errors
    /// When it is not to be heard, because it is one of a flood: its sender says all that matters anew each second.
    pub(super) fn admit(&mut self, junction: JunctionId, demand: &Demand, at: MonoMs) -> Result<(), Unheard> {
        if at.0 - self.since.0.max(at.0 - 1000) >= 1000 {
            self.since = at;
            self.used.clear();
        }
        let all: usize = self.used.values().sum();
        let sender = Some((junction, demand.device_id));
        let is_told_apart = self.used.contains_key(&sender) || self.used.len() < MOST_SENDERS;
        let used = self.used.entry(sender.filter(|_| is_told_apart)).or_default();
        let cost = cost(demand);
        if *used + cost > OF_ONE || all + cost > OF_ALL {
            let is_news = self.told.is_none_or(|told| at.since(told) >= TELL_AGAIN_MS);
            self.told = self.told.filter(|_| !is_news).or(Some(at));
            return Err(Unheard { is_news });
        }
        *used += cost;
        Ok(())
    }
}

/// How much work a message makes.
fn cost(demand: &Demand) -> usize {
    let departures: usize = demand.departures.iter().map(|departure| 1 + departure.in_s.len()).sum();
    let optional = demand.watched.as_ref().map_or(0, Vec::len) + demand.greens.as_ref().map_or(0, Vec::len);
    let named = demand.reads.len() + demand.lanes.len() + demand.departed.len() + demand.passages.len();
    MESSAGE + named + departures + optional
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::UnixMs;
    use flextraff_common::wire::{DemandRead, ZoneName};
    use uuid::Uuid;

    fn reads(device: u128, count: usize) -> Demand {
        let read =
            DemandRead { lane: "N".into(), zone: ZoneName::StopLine, epc: "E2000016".into(), watched: None };
        Demand { reads: vec![read; count], ..Demand::new(DeviceId(Uuid::from_u128(device)), UnixMs(0)) }
    }

    fn heard(floods: &mut Floods, junction: u128, demand: &Demand, at_ms: i64) -> bool {
        floods.admit(JunctionId(Uuid::from_u128(junction)), demand, MonoMs(at_ms)).is_ok()
    }

    #[test]
    fn a_flood_is_heard_in_part_and_others_are_heard_beside_it() {
        let mut floods = Floods::default();
        let heard_of_flood =
            (0..10_000).filter(|n| heard(&mut floods, 1, &reads(1, 1), 5000 + n / 20)).count();
        assert_eq!(heard_of_flood, OF_ONE / (MESSAGE + 1));
        assert!(heard(&mut floods, 1, &reads(2, 600), 5600), "another device of the junction");
        assert!(heard(&mut floods, 2, &reads(1, 600), 5600), "the same of a neighbour");
        assert!(!heard(&mut floods, 1, &reads(1, 1), 5999));
        assert!(heard(&mut floods, 1, &reads(1, 1), 6000), "the next second");
    }

    #[test]
    fn who_feigns_many_senders_gets_no_more_than_all_together() {
        let mut floods = Floods::default();
        let heard = (0..100_000).filter(|n| heard(&mut floods, 1, &reads(*n, 1), 0)).count();
        assert!(heard * (MESSAGE + 1) <= OF_ALL, "{heard}");
        assert!(floods.used.len() <= MOST_SENDERS + 1);
    }

    #[test]
    fn a_flood_is_told_of_once_a_minute() {
        let mut floods = Floods::default();
        let junction = JunctionId(Uuid::from_u128(1));
        let told = (0..100_000).filter(|ms| {
            let unheard = floods.admit(junction, &reads(1, 100), MonoMs(*ms)).err();
            unheard.is_some_and(|unheard| unheard.is_news)
        });
        assert_eq!(told.count(), 2);
    }

    #[test]
    fn what_real_devices_tell_is_heard() {
        let mut floods = Floods::default();
        for second in 0..60 {
            for device in 0..4 {
                for n in 0..60 {
                    let at_ms = 1000 * second + 15 * n;
                    assert!(heard(&mut floods, 1, &reads(device, 3), at_ms), "{second} {device} {n}");
                }
            }
        }
    }
}
