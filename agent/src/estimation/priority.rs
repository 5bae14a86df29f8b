//! Vehicles that come before others: those of the watch-list, from their first read on.
//!
//! A bus only makes waiting dearer: the same search then extends a green or brings one early. An emergency vehicle asks the controller for the
//! stage of its lane ([`Priority::asks`]). Every limit holds as always. So that no tag can hold the junction, a request ends after [`LASTS_MS`],
//! a tag makes one in [`AGAIN_MS`], there are at most [`MOST_AT_ONCE`], and of emergency vehicles at most [`MOST_EMERGENCIES`] in
//! [`EMERGENCIES_MS`]; what is refused for that is an alarm, because a tag can be copied.

use super::estimator::Estimator;
use crate::reader::Read;
use flextraff_common::epc::{Epc, KeyedTag, TagKey};
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Keys, WatchedClass, Watchlist, ZoneName};
use std::collections::{BTreeMap, VecDeque};

/// A request counts for so long after its first read, milliseconds.
const LASTS_MS: i64 = 120_000;
/// Time between the first reads of two requests of one tag, milliseconds.
const AGAIN_MS: i64 = 300_000;
/// A vehicle of which nothing is known any more for so long has left, milliseconds; an emergency vehicle holds everybody up meanwhile.
const GONE_MS: i64 = 10_000;
const EMERGENCY_GONE_MS: i64 = 4000;
/// Most requests of emergency vehicles that may begin within a time, milliseconds.
const MOST_EMERGENCIES: usize = 6;
const EMERGENCIES_MS: i64 = 900_000;
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
    /// When each tag has last begun a request, and whether it has been told that it asks too often.
    asked: BTreeMap<Epc, (MonoMs, bool)>,
    /// When emergency vehicles have begun a request.
    emergencies: VecDeque<MonoMs>,
    alarms: VecDeque<Alarm>,
}

/// Requests that nobody should make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// A tag has come again too soon.
    #[error(
        "the tag of an emergency vehicle asks for green again within five minutes: it may have been copied, or stand near an antenna"
    )]
    Again,
    /// The junction has had too many.
    #[error(
        "more than six emergency vehicles have asked for green within a quarter of an hour: tags may have been copied"
    )]
    Many,
}

/// Why a vehicle counts more.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Request {
    class: WatchedClass,
    /// Where it was read last, at the stop line if it was read there.
    lane: LaneIx,
    at_stop_line: bool,
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
    pub fn handle_read(&mut self, read: &Read, now: Moment) {
        if self.goes_on(read) {
            return;
        }
        let key = self.key.as_ref().filter(|_| !self.watched.is_empty());
        if let Some(tag) = key.map(|key| key.tag(&read.epc)) {
            self.handle_keyed(read, tag, now);
        }
    }

    /// The same of a vehicle whose EPC is a pseudonym: `tag` is what the junction's key makes of its tag.
    pub fn handle_keyed(&mut self, read: &Read, tag: KeyedTag, now: Moment) {
        if self.goes_on(read) {
            return;
        }
        let Some(&(class, valid_until)) = self.watched.get(&tag) else { return };
        let runs_out = now.clock == ClockState::Synced && valid_until <= now.wall;
        if runs_out || class == WatchedClass::Other {
            return;
        }
        let is_emergency = class == WatchedClass::Emergency;
        if let Some((asked, told)) = self.asked.get_mut(&read.epc)
            && now.mono.since(*asked) < AGAIN_MS
        {
            // Who is still on his way out is no second vehicle.
            let is_late = now.mono.since(*asked) >= LASTS_MS;
            if is_emergency && is_late && !std::mem::replace(told, true) {
                self.alarms.push_back(Alarm::Again);
            }
            return;
        }
        self.emergencies.retain(|began| now.mono.since(*began) < EMERGENCIES_MS);
        if is_emergency && self.emergencies.len() >= MOST_EMERGENCIES {
            self.asked.insert(read.epc, (now.mono, true));
            self.alarms.push_back(Alarm::Many);
            return;
        }
        if !self.has_room(class) {
            return;
        }
        if is_emergency {
            self.emergencies.push_back(now.mono);
        }
        self.asked.insert(read.epc, (now.mono, false));
        let at_stop_line = read.zone == ZoneName::StopLine;
        let request = Request { class, lane: read.lane, at_stop_line, first: now.mono, known: now.mono };
        self.requests.insert(read.epc, request);
    }

    /// Whether a read is of a vehicle that asks already. The stop line knows its lane better than an antenna upstream.
    fn goes_on(&mut self, read: &Read) -> bool {
        let Some(request) = self.requests.get_mut(&read.epc) else { return false };
        if !request.at_stop_line {
            request.lane = read.lane;
            request.at_stop_line = read.zone == ZoneName::StopLine;
        }
        true
    }

    /// The lane of the emergency vehicle that has asked first of all that still ask, and until when it may.
    pub fn asks(&self) -> Option<(LaneIx, MonoMs)> {
        let emergencies =
            self.requests.iter().filter(|(_, request)| request.class == WatchedClass::Emergency);
        let first = emergencies.min_by_key(|(epc, request)| (request.first, **epc));
        first.map(|(_, request)| (request.lane, request.first + LASTS_MS))
    }

    /// What somebody should look into, each once.
    pub fn take_alarm(&mut self) -> Option<Alarm> {
        self.alarms.pop_front()
    }

    /// Whether a tag under the junction's key is on the list.
    pub fn watches(&self, tag: KeyedTag) -> bool {
        self.watched.contains_key(&tag)
    }

    /// Whether a bus asks for priority.
    pub fn serves_bus(&self) -> bool {
        self.requests.values().any(|request| request.class == WatchedClass::Transit)
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
            let is_emergency = request.class == WatchedClass::Emergency;
            let gone_ms = if is_emergency { EMERGENCY_GONE_MS } else { GONE_MS };
            at.since(request.first) < LASTS_MS && at.since(request.known) < gone_ms
        });
        self.asked.retain(|_, (asked, _)| at.since(*asked) < AGAIN_MS);
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

    fn read(number: u32, lane: usize, zone: ZoneName) -> Read {
        Read { lane: LaneIx::new(lane), zone, epc: epc(number), rssi: None, at: MonoMs(0) }
    }

    /// A read on the first lane.
    fn seen(number: u32) -> Read {
        read(number, 0, ZoneName::Advance)
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
            priority.handle_read(&seen(3), now(second));
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
        (0..6).for_each(|number| priority.handle_read(&seen(number), now(i64::from(number))));
        assert_eq!(running(&priority), [0, 1, 2, 3]);
        priority.handle_read(&seen(10), now(6));
        assert_eq!(running(&priority), [0, 1, 2, 10]);
        assert!(priority.weights()[3].1 > 4.0 * TRANSIT);
        (11..16).for_each(|number| priority.handle_read(&seen(number), now(7)));
        assert_eq!(running(&priority), [10, 11, 12, 13]);
    }

    #[test]
    fn whoever_has_left_makes_room() {
        let mut priority = priority();
        (0..4).for_each(|number| priority.handle_read(&seen(number), now(0)));
        for second in 1..12 {
            priority.handle_timeout(now(second).mono, |other| *other != epc(2));
        }
        assert_eq!(running(&priority), [0, 1, 3]);
        priority.handle_read(&seen(2), now(12));
        assert_eq!(running(&priority), [0, 1, 3], "and comes again after five minutes at the soonest");
        priority.handle_read(&seen(5), now(12));
        assert_eq!(running(&priority), [0, 1, 3, 5]);
    }

    #[test]
    fn only_entries_that_hold_count_and_without_a_clock_they_do() {
        let mut priority = priority();
        priority.handle_read(&seen(77), now(1));
        priority.handle_read(&seen(1), now(1000));
        assert!(running(&priority).is_empty());
        priority.handle_read(&seen(1), Moment { clock: ClockState::Unsynced, ..now(1000) });
        assert_eq!(running(&priority), [1]);
        priority.handle_watchlist(&Watchlist::default());
        priority.handle_read(&seen(2), now(5));
        assert_eq!(running(&priority), [1], "who has begun goes on");
    }

    #[test]
    fn an_emergency_vehicle_asks_for_its_lane_until_it_has_left() {
        let mut priority = priority();
        priority.handle_read(&seen(3), now(0));
        assert_eq!(priority.asks(), None, "a bus asks for nothing");
        priority.handle_read(&read(11, 1, ZoneName::Advance), now(1));
        assert_eq!(priority.asks(), Some((LaneIx::new(1), MonoMs(121_000))));
        priority.handle_read(&read(12, 0, ZoneName::StopLine), now(2));
        priority.handle_read(&read(11, 2, ZoneName::StopLine), now(8));
        assert_eq!(priority.asks(), Some((LaneIx::new(2), MonoMs(121_000))), "the stop line knows better");
        priority.handle_read(&read(11, 1, ZoneName::Advance), now(9));
        assert_eq!(priority.asks(), Some((LaneIx::new(2), MonoMs(121_000))), "than an antenna upstream");
        for second in 9..14 {
            priority.handle_timeout(now(second).mono, |other| *other != epc(11));
        }
        assert_eq!(priority.asks(), Some((LaneIx::new(0), MonoMs(122_000))), "the next one");
        priority.handle_timeout(now(122).mono, |_| true);
        assert_eq!(priority.asks(), None, "its time is over");
        assert_eq!(priority.take_alarm(), None);
    }

    #[test]
    fn tags_that_ask_too_often_are_an_alarm_and_get_nothing() {
        let mut priority = priority();
        for second in 0..290 {
            priority.handle_read(&seen(10), now(second));
            priority.handle_timeout(now(second).mono, |_| false);
        }
        assert_eq!((priority.take_alarm(), priority.take_alarm()), (Some(Alarm::Again), None), "once");
        for number in 11..16 {
            priority.handle_read(&seen(number), now(300));
            priority.handle_timeout(now(310).mono, |_| false);
        }
        assert_eq!(priority.take_alarm(), None);
        priority.handle_read(&seen(16), now(320));
        assert_eq!((priority.asks(), priority.take_alarm()), (None, Some(Alarm::Many)));
        priority.handle_read(&seen(16), now(321));
        assert_eq!(priority.take_alarm(), None, "each tag once");
        priority.handle_read(&seen(17), now(901));
        assert!(priority.asks().is_some(), "a quarter of an hour after the first");
    }
}
