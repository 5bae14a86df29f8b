//! Where watched tags were read, and whether one vehicle can have been at all those places: if not, a tag has been copied.
//!
//! Antennas that are near each other read the same vehicle at the same time, as counting knows too. So two reads tell of a copy only if the way
//! between them is longer than what two antennas reach, and cannot have been driven in the time between. Stop lines of two approaches are too near
//! for that; there a vehicle is read on its way across, for some seconds, and a copy again and again.

use crate::config::Config;
use flextraff_common::epc::Epc;
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::{Direction, LaneIx};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::ZoneName;
use std::collections::{BTreeMap, VecDeque};

/// Faster than any vehicle drives in a city, metres per second: 180 km/h.
const FASTEST_M_S: f64 = 50.0;
/// How far two antennas reach together, metres.
const REACH_M: f64 = 30.0;
/// Reads at one place that are no further apart are one stay, milliseconds.
const STAY_MS: i64 = 10_000;
/// What a neighbour tells of was read at most so long before it was sent, milliseconds.
const TOLD_MS: i64 = 1200;
/// How far a neighbour's clock and the arrival of its message may be apart, milliseconds.
const AGREES_MS: i64 = 2000;
/// A vehicle that has left only by what a neighbour presumes has done so just now; of one that was read it takes longer to know, milliseconds.
const PRESUMED_MS: i64 = 500;
/// Two approaches read a tag at once if no more time lies between, milliseconds.
const AT_ONCE_MS: i64 = 1000;
/// In how many seconds of how long two approaches must have read a tag at once, milliseconds.
const AT_ONCE_SECONDS: usize = 5;
const WITHIN_MS: i64 = 30_000;
/// Nobody asks any more where a tag was before that, milliseconds.
const KEPT_MS: i64 = 120_000;
/// Most vehicles that neighbours have told of.
const MOST_TOLD: usize = 2000;

/// Where an antenna reads.
pub(super) type Place = (LaneIx, ZoneName);

/// How far places are from each other.
#[derive(Clone, Debug, Default)]
struct Places {
    /// Of each lane: its approach, and how far upstream its advance zone is, metres.
    lanes: Vec<(Option<Direction>, f64)>,
    /// Linked junctions, with the length of the way to or from them, metres.
    links: Vec<(JunctionId, f64)>,
}

impl Places {
    fn new(config: &Config) -> Self {
        let lanes = config.junction.lane_indexes().zip(&config.lanes);
        Self {
            lanes: lanes
                .map(|(ix, lane)| (config.junction.lane(ix).direction, lane.advance_m.unwrap_or(0.0)))
                .collect(),
            links: config.links.iter().map(|link| (link.junction, link.distance_m)).collect(),
        }
    }

    fn direction(&self, lane: LaneIx) -> Option<Direction> {
        self.lanes.get(lane.index()).and_then(|(direction, _)| *direction)
    }

    /// How far upstream of its stop line a place is, metres.
    fn upstream_m(&self, (lane, zone): Place) -> f64 {
        let advance_m = self.lanes.get(lane.index()).map_or(0.0, |(_, advance_m)| *advance_m);
        if zone == ZoneName::Advance { advance_m } else { 0.0 }
    }

    /// Whether two lanes are known to belong to different approaches.
    fn differ(&self, a: LaneIx, b: LaneIx) -> bool {
        matches!((self.direction(a), self.direction(b)), (Some(a), Some(b)) if a != b)
    }

    /// No vehicle is faster from one place to the other, milliseconds.
    fn between_ms(&self, a: Place, b: Place) -> i64 {
        let (a_m, b_m) = (self.upstream_m(a), self.upstream_m(b));
        // Where it is not known which approach a lane belongs to, the two may be beside each other.
        fastest_ms(if self.differ(a.0, b.0) { a_m + b_m } else { (a_m - b_m).abs() })
    }

    /// The same between the stop lines of a linked junction and a place here; none: it is not linked.
    fn linked_ms(&self, junction: JunctionId, here: Place) -> Option<i64> {
        let links = self.links.iter().filter(|(linked, _)| *linked == junction);
        let nearest_m = links.map(|(_, distance_m)| *distance_m).min_by(f64::total_cmp)?;
        Some(fastest_ms(nearest_m - self.upstream_m(here)))
    }
}

fn fastest_ms(distance_m: f64) -> i64 {
    ((distance_m - REACH_M).max(0.0) / FASTEST_M_S * 1000.0) as i64
}

/// A time for which a tag was read at a place.
#[derive(Clone, Copy, Debug)]
struct Stay {
    place: Place,
    first: MonoMs,
    last: MonoMs,
}

/// A read at a linked junction, not before and not after a moment.
#[derive(Clone, Copy, Debug)]
struct Told {
    junction: JunctionId,
    from: MonoMs,
    until: MonoMs,
}

impl Told {
    /// Whether it is too near in time to a stay for a way that takes `least_ms`, whenever exactly it was.
    fn is_too_near(&self, stay: &Stay, least_ms: i64) -> bool {
        stay.first.since(self.from).max(self.until.since(stay.last)).max(0) < least_ms
    }
}

/// Where tags were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Sights {
    places: Places,
    here: BTreeMap<Epc, Vec<Stay>>,
    elsewhere: BTreeMap<Epc, Told>,
    /// Seconds in which two approaches have read a tag at once.
    at_once: BTreeMap<Epc, VecDeque<MonoMs>>,
}

impl Sights {
    pub(super) fn new(config: &Config) -> Self {
        Self { places: Places::new(config), ..Self::default() }
    }

    /// Goes on with readers at other places.
    pub(super) fn reconfigure(&mut self, config: &Config) {
        self.places = Places::new(config);
    }

    /// Takes a read of a watched tag; whether it was where this vehicle cannot have been.
    pub(super) fn handle_read(&mut self, epc: Epc, place: Place, at: MonoMs) -> bool {
        let Self { places, here, elsewhere, at_once } = self;
        let stays = here.entry(epc).or_default();
        let too_near = |stay: &Stay| at.since(stay.last) < places.between_ms(stay.place, place);
        let mut impossible = stays.iter().any(too_near);
        let here = Stay { place, first: at, last: at };
        if let Some(told) = elsewhere.get(&epc)
            && let Some(least_ms) = places.linked_ms(told.junction, place)
        {
            impossible |= told.is_too_near(&here, least_ms);
        }
        let across = |stay: &Stay| {
            let both_stop = stay.place.1 == ZoneName::StopLine && place.1 == ZoneName::StopLine;
            both_stop && places.differ(stay.place.0, place.0) && at.since(stay.last) <= AT_ONCE_MS
        };
        if stays.iter().any(across) {
            let seconds = at_once.entry(epc).or_default();
            let second = at.floor_second();
            if seconds.back() != Some(&second) {
                seconds.push_back(second);
            }
            seconds.retain(|earlier| second.since(*earlier) < WITHIN_MS);
            impossible |= seconds.len() >= AT_ONCE_SECONDS;
        }
        match stays.iter_mut().find(|stay| stay.place == place) {
            Some(stay) if at.since(stay.last) <= STAY_MS => stay.last = stay.last.max(at),
            Some(stay) => *stay = here,
            None => stays.push(here),
        }
        impossible
    }

    /// Takes that a linked junction has read a tag at a stop line `ago_ms` before it `sent` that; the lane on which the same tag was read here
    /// when it cannot have been there.
    ///
    /// When that was is known only if the sender's clock and the arrival of the message agree: a message that was held up or a clock that is wrong
    /// must not make a copy out of a vehicle.
    pub(super) fn handle_told(
        &mut self,
        junction: JunctionId,
        epc: Epc,
        ago_ms: i64,
        sent: UnixMs,
        now: Moment,
    ) -> Option<LaneIx> {
        let is_full = self.elsewhere.len() >= MOST_TOLD && !self.elsewhere.contains_key(&epc);
        let took_ms = now.wall.since(sent);
        let is_sure = now.clock == ClockState::Synced && took_ms.abs() <= AGREES_MS;
        if is_full || !is_sure || !(0..=KEPT_MS).contains(&ago_ms) {
            return None;
        }
        let (by_arrival, by_clock) = (now.mono - ago_ms, now.mono - (ago_ms + took_ms));
        let told =
            Told { junction, from: by_arrival.min(by_clock) - TOLD_MS, until: by_arrival.max(by_clock) };
        self.elsewhere.insert(epc, told);
        let stays = self.here.get(&epc).into_iter().flatten();
        let too_near = |stay: &&Stay| {
            let least_ms = self.places.linked_ms(junction, stay.place);
            least_ms.is_some_and(|least_ms| told.is_too_near(stay, least_ms))
        };
        stays.rev().find(too_near).map(|stay| stay.place.0)
    }

    /// Whether a neighbour has read a vehicle of which it says that it left so long ago, or only presumes it.
    pub(super) const fn was_read(ago_ms: i64) -> bool {
        ago_ms > PRESUMED_MS
    }

    /// Whether two lanes are known to belong to different approaches.
    pub(super) fn differ(&self, a: LaneIx, b: LaneIx) -> bool {
        self.places.differ(a, b)
    }

    /// Whether a tag was read here of late.
    pub(super) fn has(&self, epc: &Epc) -> bool {
        self.here.contains_key(epc)
    }

    /// Forgets what was long ago.
    pub(super) fn handle_timeout(&mut self, at: MonoMs) {
        self.here.retain(|_, stays| {
            stays.retain(|stay| at.since(stay.last) < KEPT_MS);
            !stays.is_empty()
        });
        self.elsewhere.retain(|_, told| at.since(told.until) < KEPT_MS);
        self.at_once.retain(|_, seconds| seconds.back().is_some_and(|last| at.since(*last) < WITHIN_MS));
    }
}
