//! Vehicles that come before others: those of the watch-list, from their first read on.
//!
//! A bus only makes waiting dearer: the same search then extends a green or brings one early, and actuation does as much by rule. An emergency
//! vehicle asks the controller for the stage of its lane ([`Priority::asks`]). Every limit holds as always. So that no tag can hold the junction, a
//! request ends after [`LASTS_MS`], a tag makes one in [`AGAIN_MS`], there are at most [`MOST_AT_ONCE`], and of emergency vehicles at most
//! [`MOST_EMERGENCIES`] in [`EMERGENCIES_MS`]; what is refused for that is an alarm, because a tag can be copied, but for a
//! bus that finds others in its place.
//!
//! A tag that was read in two places ([`places`]) has been copied, or somebody sends what it sends. A bus then gets no priority for
//! [`SUSPECT_MS`]: it loses little. An emergency vehicle still does, within the limits above: whoever could switch off an ambulance with a copy
//! would do more harm than whoever gets a green by one.

mod alarm;
mod places;
#[cfg(test)]
mod tests;

pub use alarm::Alarm;

use self::places::Sights;
use super::estimator::{Estimator, seconds};
use super::votes::Votes;
use crate::config::Config;
use crate::reader::Read;
use flextraff_common::epc::{Epc, KeyedTag, TagKey};
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{AlarmKind, Demand, Keys, WatchedClass, Watchlist, ZoneName};
use std::collections::{BTreeMap, VecDeque};

/// So many reads at a stop line are no stray ones.
const SURE_READS: u32 = 3;
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
/// For how long a tag counts as copied after it was read in two places, milliseconds.
const SUSPECT_MS: i64 = 900_000;
/// After so long it is an alarm anew that it goes on, milliseconds.
const TELL_AGAIN_MS: i64 = 300_000;
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
    /// When each tag has last begun a request, and what became of it.
    asked: BTreeMap<Epc, Asked>,
    /// When emergency vehicles have begun a request.
    emergencies: VecDeque<MonoMs>,
    sights: Sights,
    /// Tags that have been copied.
    suspects: BTreeMap<Epc, Suspect>,
    /// By which tag each vehicle that was read of late is watched.
    tags: BTreeMap<Epc, KeyedTag>,
    alarms: VecDeque<Alarm>,
    /// When it was last an alarm that more emergency vehicles ask at once than may.
    crowded: Option<MonoMs>,
}

/// Why a vehicle counts more.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    class: WatchedClass,
    /// The lane by which most reads are, of those at the stop line if it was read there.
    lane: LaneIx,
    votes: Votes,
    at_stop_line: bool,
    /// Reads of it there.
    reads: u32,
    first: MonoMs,
    /// When the vehicle was last read, or known of by the estimator.
    known: MonoMs,
    tag: KeyedTag,
}

impl Request {
    fn of(read: &Read, tag: KeyedTag, class: WatchedClass, first: MonoMs, now: MonoMs) -> Self {
        let at_stop_line = read.zone == ZoneName::StopLine;
        let mut request = Self {
            class,
            lane: read.lane,
            votes: Votes::new(),
            at_stop_line,
            reads: 1,
            first,
            known: now,
            tag,
        };
        request.votes.add(read.lane, read.rssi, seconds(now));
        request
    }

    /// Takes another read of the vehicle. The stop line knows its lane better than an antenna upstream; of the antennas there the one that leads by
    /// reads does, for that of the next lane may be the first to hear it. `differ`: whether two lanes belong to different approaches; one that was at its
    /// stop line passes the antennas of others on its way out.
    fn handle_read(&mut self, read: &Read, differ: impl FnOnce(LaneIx, LaneIx) -> bool, now: MonoMs) {
        self.known = now;
        match (self.at_stop_line, read.zone) {
            (true, ZoneName::Advance) => {}
            (false, ZoneName::StopLine) => {
                *self = Self::of(read, self.tag, self.class, self.first, now);
            }
            _ => {
                self.votes.add(read.lane, read.rssi, seconds(now));
                if read.lane == self.lane {
                    self.reads = self.reads.saturating_add(1);
                }
                let is_on_its_way_out = self.passed().is_some() && differ(self.lane, read.lane);
                if self.votes.leads(read.lane, self.lane, seconds(now)) && !is_on_its_way_out {
                    (self.lane, self.reads) = (read.lane, 1);
                }
            }
        }
    }

    /// The lane at whose stop line it surely was, if it was at any.
    fn passed(&self) -> Option<LaneIx> {
        (self.at_stop_line && self.reads >= SURE_READS).then_some(self.lane)
    }
}

/// The last request of a tag.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: MonoMs,
    /// Whether it has been told that it asks too often.
    told: bool,
    /// Whether the vehicle has left since.
    left: bool,
    /// The lane at whose stop line it surely was before that; elsewhere it is on its way out.
    passed: Option<LaneIx>,
}

/// A tag that has been copied.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    until: MonoMs,
    told: MonoMs,
}

impl Priority {
    /// Watches for nobody yet.
    pub fn new(config: &Config) -> Self {
        Self { sights: Sights::new(config), ..Self::default() }
    }

    /// Goes on under another configuration of the same junction.
    pub fn reconfigure(&mut self, config: &Config) {
        self.sights.reconfigure(config);
    }

    /// Takes the key under which watch-lists name vehicles.
    pub fn handle_keys(&mut self, keys: &Keys) {
        if let Some(key) = &keys.watchlist_key
            && self.key.as_ref() != Some(key)
        {
            self.key = Some(key.clone());
            self.tags.clear();
        }
    }

    /// Takes a watch-list in place of the last one. Whoever is not on it any more, or has become something else, asks for nothing from now on: a
    /// tag that was lost or stolen is taken off the list.
    pub fn handle_watchlist(&mut self, list: &Watchlist) {
        let entries = list.entries.iter();
        self.watched = entries.map(|entry| (entry.tag, (entry.class, entry.valid_until))).collect();
        let watched = &self.watched;
        let class = |tag: &KeyedTag| watched.get(tag).map(|(class, _)| *class);
        self.requests.retain(|_, request| class(&request.tag) == Some(request.class));
        self.tags.retain(|_, tag| watched.contains_key(tag));
    }

    /// Takes a read; the requests change if it is the first of a watched vehicle. While the wall clock is not synchronised nobody can say
    /// whether an entry has run out: then it counts. One that runs out while its vehicle is served lasts as long as the request.
    ///
    /// `keyed`: what the junction's key makes of the tag, where its EPC is a pseudonym. `seen`: when exactly it was read, on a clock that never stands
    /// still; none: that is not known.
    pub fn handle_read(&mut self, read: &Read, keyed: Option<KeyedTag>, seen: Option<MonoMs>, now: Moment) {
        let key = self.key.as_ref().filter(|_| !self.watched.is_empty());
        let known = keyed.or_else(|| self.tags.get(&read.epc).copied());
        let Some(tag) = known.or_else(|| key.map(|key| key.tag(&read.epc))) else { return };
        let Some(&(class, valid_until)) = self.watched.get(&tag) else { return };
        let goes_on = self.goes_on(read, now.mono) || self.comes_back(read, tag, class, now.mono);
        let has_run_out = now.clock == ClockState::Synced && valid_until <= now.wall;
        if class == WatchedClass::Other || (has_run_out && !goes_on) {
            return;
        }
        self.tags.insert(read.epc, tag);
        if seen.is_some_and(|seen| self.sights.handle_read(read.epc, (read.lane, read.zone), seen)) {
            self.suspect(read.epc, class, read.lane, now.mono);
        }
        if !goes_on && self.may_begin(read, class, now.mono) {
            self.begin(read, tag, class, now.mono);
        }
    }

    /// Whether the list names the vehicle of a read; `keyed` as for [`handle_read`](Self::handle_read).
    pub fn looks_for(&self, epc: &Epc, keyed: Option<KeyedTag>) -> bool {
        let key = self.key.as_ref().filter(|_| !self.watched.is_empty());
        let tag = keyed.or_else(|| self.tags.get(epc).copied()).or_else(|| key.map(|key| key.tag(epc)));
        tag.is_some_and(|tag| self.watched.contains_key(&tag))
    }

    /// Takes what a linked junction tells of its stop lines: a tag that is watched here cannot be there at the same time. `seen`: now, on the clock of
    /// reads.
    pub fn handle_demand(&mut self, junction: JunctionId, demand: &Demand, seen: MonoMs, now: Moment) {
        if self.watched.is_empty() {
            return;
        }
        let at_stop_line = demand.reads.iter().filter(|read| read.zone == ZoneName::StopLine);
        let reads = at_stop_line.map(|read| (&read.epc, 0));
        let departed = demand.departed.iter().map(|gone| (&gone.epc, (gone.ago_s * 1000.0) as i64));
        for (epc, ago_ms) in reads.chain(departed.filter(|(_, ago_ms)| Sights::was_read(*ago_ms))) {
            let Ok(epc) = epc.parse() else { continue };
            let Some(lane) =
                self.sights.handle_told(junction, epc, ago_ms, demand.t, Moment { mono: seen, ..now })
            else {
                continue;
            };
            let class = self.tags.get(&epc).and_then(|tag| self.watched.get(tag)).map(|(class, _)| *class);
            if let Some(class) = class {
                self.suspect(epc, class, lane, now.mono);
            }
        }
    }

    /// Whether a vehicle of which nothing is known yet may ask; what should not be is an alarm.
    fn may_begin(&mut self, read: &Read, class: WatchedClass, now: MonoMs) -> bool {
        let is_emergency = class == WatchedClass::Emergency;
        let alarm = |kind| Alarm { kind, class, lane: read.lane, epc: read.epc };
        if let Some(asked) = self.asked.get_mut(&read.epc)
            && now.since(asked.at) < AGAIN_MS
        {
            // Who is still on his way out is no second vehicle, and a bus may stand in a queue for long.
            let is_late = now.since(asked.at) >= LASTS_MS && (is_emergency || asked.left);
            if is_late && !std::mem::replace(&mut asked.told, true) {
                self.alarms.push_back(alarm(AlarmKind::TagTooOften));
            }
            return false;
        }
        if !is_emergency {
            let is_copied = self.suspects.get(&read.epc).is_some_and(|suspect| now < suspect.until);
            return !is_copied && self.has_room(read, class, now);
        }
        self.emergencies.retain(|began| now.since(*began) < EMERGENCIES_MS);
        if self.emergencies.len() >= MOST_EMERGENCIES {
            self.asked.insert(read.epc, Asked { at: now, told: true, left: false, passed: None });
            self.alarms.push_back(alarm(AlarmKind::TooManyEmergencies));
            return false;
        }
        self.has_room(read, class, now)
    }

    fn begin(&mut self, read: &Read, tag: KeyedTag, class: WatchedClass, now: MonoMs) {
        if class == WatchedClass::Emergency {
            self.emergencies.push_back(now);
        }
        self.asked.insert(read.epc, Asked { at: now, told: false, left: false, passed: None });
        self.requests.insert(read.epc, Request::of(read, tag, class, now, now));
    }

    /// Takes that a tag was read in two places.
    fn suspect(&mut self, epc: Epc, class: WatchedClass, lane: LaneIx, now: MonoMs) {
        let before = self.suspects.get(&epc).map(|suspect| suspect.told);
        let told = before.filter(|told| now.since(*told) < TELL_AGAIN_MS);
        if told.is_none() {
            self.alarms.push_back(Alarm { kind: AlarmKind::TagInTwoPlaces, class, lane, epc });
        }
        self.suspects.insert(epc, Suspect { until: now + SUSPECT_MS, told: told.unwrap_or(now) });
        if class == WatchedClass::Transit {
            self.requests.remove(&epc);
        }
    }

    /// Whether a read is of an emergency vehicle that was thought to have left: nobody had read it for a while, and it is still on its way. Its
    /// request goes on, and ends when it would have ended.
    fn comes_back(&mut self, read: &Read, tag: KeyedTag, class: WatchedClass, now: MonoMs) -> bool {
        let lost = |asked: &&Asked| {
            asked.left && now.since(asked.at) < LASTS_MS && asked.passed.is_none_or(|lane| lane == read.lane)
        };
        let asked = self.asked.get(&read.epc).filter(lost);
        let Some(first) = asked.map(|asked| asked.at).filter(|_| class == WatchedClass::Emergency) else {
            return false;
        };
        if !self.has_room(read, class, now) {
            return false;
        }
        self.asked.insert(read.epc, Asked { at: first, told: false, left: false, passed: None });
        self.requests.insert(read.epc, Request::of(read, tag, class, first, now));
        true
    }

    /// Whether a read is of a vehicle that asks already.
    fn goes_on(&mut self, read: &Read, now: MonoMs) -> bool {
        let request = self.requests.get_mut(&read.epc);
        request.map(|request| request.handle_read(read, |a, b| self.sights.differ(a, b), now)).is_some()
    }

    /// The lane of the emergency vehicle that has asked first of all that still ask, and until when it may.
    pub fn asks(&self) -> Option<(LaneIx, MonoMs)> {
        let emergencies =
            self.requests.iter().filter(|(_, request)| request.class == WatchedClass::Emergency);
        let first = emergencies.min_by_key(|(epc, request)| (request.first, **epc));
        first.map(|(_, request)| (request.lane, request.first + LASTS_MS))
    }

    /// The lanes of the buses that ask for priority, whoever has asked first first.
    pub fn buses(&self) -> Vec<LaneIx> {
        let buses = self.requests.iter().filter(|(_, request)| request.class == WatchedClass::Transit);
        let mut buses: Vec<(MonoMs, Epc, LaneIx)> =
            buses.map(|(epc, request)| (request.first, *epc, request.lane)).collect();
        buses.sort_unstable();
        buses.into_iter().map(|(.., lane)| lane).collect()
    }

    /// What somebody should look into, each once.
    pub fn take_alarm(&mut self) -> Option<Alarm> {
        self.alarms.pop_front()
    }

    /// Whether a tag under the junction's key is on the list.
    pub fn watches(&self, tag: KeyedTag) -> bool {
        self.watched.contains_key(&tag)
    }

    /// Whether one more request may begin. For an emergency the newest request of a bus gives way; one that finds no room is an alarm, and may begin
    /// as soon as another has ended.
    fn has_room(&mut self, read: &Read, class: WatchedClass, now: MonoMs) -> bool {
        if self.requests.len() < MOST_AT_ONCE {
            return true;
        }
        let buses = self.requests.iter().filter(|(_, request)| request.class < class);
        let newest = buses.max_by_key(|(epc, request)| (request.first, **epc)).map(|(epc, _)| *epc);
        let has_room = newest.is_some_and(|epc| self.requests.remove(&epc).is_some());
        // It is read again and again.
        let is_told = self.crowded.is_some_and(|told| now.since(told) < TELL_AGAIN_MS);
        if !has_room && class == WatchedClass::Emergency && !is_told {
            self.crowded = Some(now);
            let kind = AlarmKind::TooManyEmergencies;
            self.alarms.push_back(Alarm { kind, class, lane: read.lane, epc: read.epc });
        }
        has_room
    }

    /// Lets the time pass; `follows`: whether the vehicle is still known of.
    pub fn handle_timeout(&mut self, at: MonoMs, follows: impl Fn(&Epc) -> bool) {
        let asked = &mut self.asked;
        self.requests.retain(|epc, request| {
            if follows(epc) {
                request.known = request.known.max(at);
            }
            let is_emergency = request.class == WatchedClass::Emergency;
            let gone_ms = if is_emergency { EMERGENCY_GONE_MS } else { GONE_MS };
            let left = at.since(request.known) >= gone_ms;
            if left && let Some(asked) = asked.get_mut(epc) {
                (asked.left, asked.passed) = (true, request.passed());
            }
            at.since(request.first) < LASTS_MS && !left
        });
        asked.retain(|_, asked| at.since(asked.at) < AGAIN_MS);
        self.suspects.retain(|_, suspect| at < suspect.until);
        self.sights.handle_timeout(at);
        self.tags.retain(|epc, _| self.requests.contains_key(epc) || self.sights.has(epc));
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
