//! Vehicles that weigh more than others: those of the watch-list, from their first read on.
//!
//! A request only makes waiting dearer. The same search then extends a green or brings one early, and every limit holds as always. So that no
//! tag can hold the junction, a request ends after [`LASTS_MS`], a tag makes one in [`AGAIN_MS`], and there are at most [`MOST_AT_ONCE`].

use super::estimator::Estimator;
use flextraff_common::epc::{Epc, KeyedTag, TagKey};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Keys, WatchedClass, Watchlist};
use std::collections::BTreeMap;

/// A request counts for so long after its first read, milliseconds.
const LASTS_MS: i64 = 120_000;
/// Time between the first reads of two requests of one tag, milliseconds.
const AGAIN_MS: i64 = 300_000;
/// A vehicle of which nothing is known any more for so long has left, milliseconds.
const GONE_MS: i64 = 10_000;
/// Most requests at once.
const MOST_AT_ONCE: usize = 4;
/// How many ordinary vehicles a bus counts as: the persons that it carries against those in a car, some 30 to 2.
const TRANSIT: f64 = 15.0;
/// How many an emergency vehicle counts as: more than all that usually wait.
const EMERGENCY: f64 = 100.0;

/// The watch-list and the requests that come of it. In memory only.
#[derive(Clone, Debug, Default)]
pub struct Priority {
    key: Option<TagKey>,
    watched: BTreeMap<KeyedTag, (WatchedClass, UnixMs)>,
    requests: BTreeMap<Epc, Request>,
    /// When each tag has last begun a request.
    asked: BTreeMap<Epc, MonoMs>,
}

/// Why a vehicle counts more.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Request {
    class: WatchedClass,
    first: MonoMs,
    /// When the estimator last knew of the vehicle.
    known: MonoMs,
}

impl Priority {
    /// Takes the key under which watch-lists name vehicles.
    pub fn handle_keys(&mut self, keys: &Keys) {
        if let Some(key) = &keys.watchlist_key {
            self.key = Some(key.clone());
        }
    }

    /// Takes a watch-list in place of the last one; requests of before go on.
    pub fn handle_watchlist(&mut self, list: &Watchlist) {
        let entries = list.entries.iter();
        self.watched = entries.map(|entry| (entry.tag, (entry.class, entry.valid_until))).collect();
    }

    /// Takes a read; the requests change if it is the first of a watched vehicle. While the wall clock is not synchronised nobody can say
    /// whether an entry has run out: then it counts.
    pub fn handle_read(&mut self, epc: Epc, now: Moment) {
        let Some(key) = self.key.as_ref().filter(|_| !self.watched.is_empty()) else { return };
        if !self.requests.contains_key(&epc) {
            self.handle_keyed(epc, key.tag(&epc), now);
        }
    }

    /// The same of a vehicle whose `epc` is a pseudonym: `tag` is what the junction's key makes of its tag.
    pub fn handle_keyed(&mut self, epc: Epc, tag: KeyedTag, now: Moment) {
        if self.requests.contains_key(&epc) {
            return;
        }
        let Some(&(class, valid_until)) = self.watched.get(&tag) else { return };
        let runs_out = now.clock == ClockState::Synced && valid_until <= now.wall;
        let again = self.asked.get(&epc).is_some_and(|asked| now.mono.since(*asked) < AGAIN_MS);
        if runs_out || again || class == WatchedClass::Other || !self.has_room(class) {
            return;
        }
        self.asked.insert(epc, now.mono);
        self.requests.insert(epc, Request { class, first: now.mono, known: now.mono });
    }

    /// Whether a tag under the junction's key is on the list.
    pub fn watches(&self, tag: KeyedTag) -> bool {
        self.watched.contains_key(&tag)
    }

    /// Whether one more request may begin. For an emergency the newest request of a bus gives way.
    fn has_room(&mut self, class: WatchedClass) -> bool {
        if self.requests.len() < MOST_AT_ONCE {
            return true;
        }
        let buses = self.requests.iter().filter(|(_, request)| request.class < class);
        let newest = buses.max_by_key(|(epc, request)| (request.first, **epc)).map(|(epc, _)| *epc);
        newest.is_some_and(|epc| self.requests.remove(&epc).is_some())
    }

    /// Lets the time pass; `follows`: whether the vehicle is still known of.
    pub fn handle_timeout(&mut self, at: MonoMs, follows: impl Fn(&Epc) -> bool) {
        self.requests.retain(|epc, request| {
            if follows(epc) {
                request.known = at;
            }
            at.since(request.first) < LASTS_MS && at.since(request.known) < GONE_MS
        });
        self.asked.retain(|_, asked| at.since(*asked) < AGAIN_MS);
    }

    /// How many ordinary vehicles each of those that count more counts as.
    pub fn weights(&self) -> Vec<(Epc, f64)> {
        let weight = |class| if class == WatchedClass::Emergency { EMERGENCY } else { TRANSIT };
        self.requests.iter().map(|(epc, request)| (*epc, weight(request.class))).collect()
    }
}

impl Estimator {
    /// Takes which vehicles count more than others, and how many others each counts as; all that are not named count once.
    pub fn handle_priority(&mut self, weights: Vec<(Epc, f64)>) {
        self.priority = weights;
    }

    /// Whether a vehicle is believed to be here.
    pub fn follows(&self, epc: &Epc) -> bool {
        self.vehicles.contains_key(epc)
    }

    /// How many ordinary vehicles a vehicle counts as.
    pub(super) fn counts_as(&self, vehicle: &Epc) -> f64 {
        self.priority.iter().find(|(epc, _)| epc == vehicle).map_or(1.0, |(_, weight)| *weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::wire::Watched;

    fn epc(number: u32) -> Epc {
        Epc::new(&number.to_be_bytes()).expect("four bytes")
    }

    fn now(seconds: i64) -> Moment {
        let ms = seconds * 1000;
        Moment { mono: MonoMs(ms), wall: UnixMs(ms), clock: ClockState::Synced }
    }

    /// Buses 0 to 9 and ambulances 10 to 19.
    fn priority() -> Priority {
        let key = TagKey::new([7; 32]);
        let entries = (0..20)
            .map(|number| Watched {
                tag: key.tag(&epc(number)),
                class: if number < 10 { WatchedClass::Transit } else { WatchedClass::Emergency },
                valid_until: UnixMs(1_000_000),
            })
            .collect();
        let mut priority = Priority::default();
        priority.handle_watchlist(&Watchlist { entries });
        priority.handle_keys(&Keys { watchlist_key: Some(key), city: Vec::new() });
        priority
    }

    /// Whose requests run.
    fn running(priority: &Priority) -> Vec<u32> {
        let number = |(epc, _): &(Epc, f64)| {
            u32::from_be_bytes(epc.as_bytes().try_into().expect("the test's tags have four bytes"))
        };
        priority.weights().iter().map(number).collect()
    }

    #[test]
    fn a_stuck_tag_counts_for_two_minutes_in_five() {
        let mut priority = priority();
        let mut counts = Vec::new();
        for second in 0..600 {
            priority.handle_read(epc(3), now(second));
            priority.handle_timeout(now(second).mono, |_| true);
            if !priority.weights().is_empty() {
                counts.push(second);
            }
        }
        let expected: Vec<i64> = (0..120).chain(300..420).collect();
        assert_eq!(counts, expected);
    }

    #[test]
    fn four_count_at_once_and_a_bus_gives_way_to_an_ambulance() {
        let mut priority = priority();
        (0..6).for_each(|number| priority.handle_read(epc(number), now(i64::from(number))));
        assert_eq!(running(&priority), [0, 1, 2, 3]);
        priority.handle_read(epc(10), now(6));
        assert_eq!(running(&priority), [0, 1, 2, 10]);
        assert!(priority.weights()[3].1 > 4.0 * TRANSIT);
        (11..16).for_each(|number| priority.handle_read(epc(number), now(7)));
        assert_eq!(running(&priority), [10, 11, 12, 13]);
    }

    #[test]
    fn whoever_has_left_makes_room() {
        let mut priority = priority();
        (0..4).for_each(|number| priority.handle_read(epc(number), now(0)));
        for second in 1..12 {
            priority.handle_timeout(now(second).mono, |other| *other != epc(2));
        }
        assert_eq!(running(&priority), [0, 1, 3]);
        priority.handle_read(epc(2), now(12));
        assert_eq!(running(&priority), [0, 1, 3], "and comes again after five minutes at the soonest");
        priority.handle_read(epc(5), now(12));
        assert_eq!(running(&priority), [0, 1, 3, 5]);
    }

    #[test]
    fn only_entries_that_hold_count_and_without_a_clock_they_do() {
        let mut priority = priority();
        priority.handle_read(epc(77), now(1));
        priority.handle_read(epc(1), now(1000));
        assert!(running(&priority).is_empty());
        priority.handle_read(epc(1), Moment { clock: ClockState::Unsynced, ..now(1000) });
        assert_eq!(running(&priority), [1]);
        priority.handle_watchlist(&Watchlist::default());
        priority.handle_read(epc(2), now(5));
        assert_eq!(running(&priority), [1], "who has begun goes on");
    }
}
