//! What linked junctions tell: who is on the way here, and how much room there is ahead.

use super::learned::{Evidence, Mean, Trials};
use crate::config::{Config, LinkConfig, LinkDirection};
use flextraff_common::epc::Epc;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::junction::{LaneIx, MAX_LANES};
use flextraff_common::wire::Demand;
use std::collections::BTreeMap;

/// What a neighbour said counts for so long, seconds.
const FRESH_S: f64 = 10.0;
/// A vehicle that has not arrived so long after it was due is no longer reckoned with, seconds.
const MISSED_S: f64 = 3.0;
/// A vehicle that has not arrived so long after it was due went elsewhere, seconds.
const LATE_S: f64 = 15.0;
/// Where a vehicle went is of interest for so long, seconds.
const JOURNEY_S: f64 = 300.0;
/// Most vehicles on the way between junctions that are followed.
const MOST: usize = 4000;
/// Most lanes of neighbours that are known by name: more than eight junctions have, whatever names a message makes up.
const MOST_PLACES: usize = 8 * MAX_LANES;
/// A lane that holds this share of its capacity has no room.
const FULL: f64 = 0.9;
/// After somebody has left it a lane moves for so long, seconds.
const MOVES_FOR_S: f64 = 4.0;
/// Vehicles that the guess about where a lane leads is worth.
const GUESS_WORTH: f64 = 4.0;

/// Vehicles that the guess is worth about where those go who leave a lane of ours.
const WENT_WORTH: f64 = 3.0;
/// By how much each vehicle that arrives there lets those before it fade.
const WENT_FADE: f64 = 0.99;

/// A lane of a neighbour: the position of the junction among the linked ones, and the name of its lane.
type Place = (usize, String);

#[derive(Clone, Debug)]
struct Linked {
    junction: JunctionId,
    /// Who tells what the lanes hold: not a device that only counts.
    teller: Option<DeviceId>,
    heard_s: f64,
    lanes: BTreeMap<String, f64>,
    /// When somebody last left each lane, seconds.
    moved_s: BTreeMap<String, f64>,
}

/// A way from a neighbour's lane to here.
#[derive(Clone, Debug)]
struct Way {
    /// Vehicles that came, by our lane (where they were seen first).
    came: Vec<f64>,
    /// Vehicles that left there.
    left: f64,
    /// From their stop line to the first of our readers, seconds.
    travel_s: Mean,
}

#[derive(Clone, Debug)]
struct Coming {
    from: Place,
    left_s: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Neighbours {
    links: Vec<LinkConfig>,
    linked: Vec<Linked>,
    ways: BTreeMap<Place, Way>,
    coming: BTreeMap<Epc, Coming>,
    /// Who left here, from which lane and when.
    sent: BTreeMap<Epc, (LaneIx, f64)>,
    /// Where those went who left from each of our lanes.
    went: Vec<BTreeMap<Place, f64>>,
    /// What is known of it.
    went_seen: Vec<Trials>,
    /// From each of our first readers to the stop line, seconds.
    drive_s: Vec<f64>,
}

impl Neighbours {
    pub(super) fn new(config: &Config) -> Self {
        let mut linked: Vec<JunctionId> = config.links.iter().map(|link| link.junction).collect();
        linked.sort_unstable();
        linked.dedup();
        let lanes = config.junction.lanes().len();
        Self {
            links: config.links.clone(),
            linked: linked
                .into_iter()
                .map(|junction| Linked {
                    junction,
                    teller: None,
                    heard_s: f64::NEG_INFINITY,
                    lanes: BTreeMap::new(),
                    moved_s: BTreeMap::new(),
                })
                .collect(),
            ways: BTreeMap::new(),
            coming: BTreeMap::new(),
            sent: BTreeMap::new(),
            went: vec![BTreeMap::new(); lanes],
            went_seen: vec![Trials::new(WENT_WORTH, WENT_FADE); lanes],
            drive_s: config
                .lanes
                .iter()
                .map(|lane| {
                    (lane.advance_m.unwrap_or(0.0) - 8.0).max(0.0) / ((lane.speed_kmh / 3.6).max(3.0) * 0.95)
                })
                .collect(),
        }
    }

    /// Takes what a neighbour tells.
    pub(super) fn handle(&mut self, junction: JunctionId, demand: &Demand, at_s: f64) {
        let Some(index) = self.linked.iter().position(|linked| linked.junction == junction) else { return };
        let linked = &mut self.linked[index];
        for gone in &demand.departed {
            if linked.moved_s.len() < MOST_PLACES || linked.moved_s.contains_key(&gone.lane) {
                linked.moved_s.insert(gone.lane.clone(), at_s - gone.ago_s);
            }
        }
        if !demand.lanes.is_empty() {
            linked.teller = Some(demand.device_id);
        }
        if linked.teller == Some(demand.device_id) {
            linked.heard_s = at_s;
            linked.lanes.clear();
            for lane in &demand.lanes {
                let full = lane.inventory / lane.capacity;
                if full > 0.0 && linked.lanes.len() < MOST_PLACES {
                    linked.lanes.insert(lane.lane.clone(), full.min(1.0));
                }
            }
        }
        for read in &demand.reads {
            let Ok(epc) = read.epc.parse::<Epc>() else { continue };
            if let Some((lane, _)) = self.sent.remove(&epc) {
                let went = &mut self.went[lane.index()];
                for count in went.values_mut() {
                    *count *= WENT_FADE;
                }
                self.went_seen[lane.index()].add(at_s);
                let place = (index, read.lane.clone());
                if went.len() < MOST_PLACES || went.contains_key(&place) {
                    *went.entry(place).or_insert(0.0) += 1.0;
                }
            }
        }
        for departed in &demand.departed {
            let Ok(epc) = departed.epc.parse::<Epc>() else { continue };
            let from = (index, departed.lane.clone());
            let is_recent = (0.0..=JOURNEY_S).contains(&departed.ago_s);
            if !is_recent || self.coming.len() >= MOST || self.way(&from).is_none() {
                continue;
            }
            self.coming.insert(epc, Coming { from, left_s: at_s - departed.ago_s });
        }
    }

    /// The way from a place, made when somebody first leaves there towards here.
    fn way(&mut self, from: &Place) -> Option<&mut Way> {
        if !self.ways.contains_key(from) {
            if self.ways.len() >= MOST_PLACES {
                return None;
            }
            let junction = self.linked.get(from.0)?.junction;
            let links = self.links.iter().filter(|link| {
                link.junction == junction
                    && link.direction == LinkDirection::From
                    && (link.their_lanes.is_empty() || link.their_lanes.contains(&from.1))
            });
            let mut came = vec![0.0; self.went.len()];
            let (mut travel_s, mut any) = (0.0, 0.0);
            for link in links {
                for lane in &link.lanes {
                    came[lane.index()] += 1.0;
                    travel_s += (link.free_flow_s - self.drive_s[lane.index()]).max(1.0);
                    any += 1.0;
                }
            }
            if any == 0.0 {
                return None;
            }
            for share in &mut came {
                *share *= 0.5 * GUESS_WORTH / any;
            }
            self.ways.insert(
                from.clone(),
                Way { came, left: GUESS_WORTH, travel_s: Mean::new(travel_s / any * 1.1, 3, 30) },
            );
        }
        self.ways.get_mut(from)
    }

    /// A vehicle was seen here for the first time.
    pub(super) fn arrived(&mut self, epc: Epc, lane: LaneIx, at_s: f64) {
        let Some(coming) = self.coming.remove(&epc) else { return };
        if let Some(way) = self.ways.get_mut(&coming.from) {
            way.learn(Some(lane));
            way.travel_s.add(at_s, (at_s - coming.left_s).clamp(1.0, 120.0));
        }
    }

    /// A vehicle left here.
    pub(super) fn sent(&mut self, epc: Epc, lane: LaneIx, at_s: f64) {
        if self.sent.len() < MOST && !self.linked.is_empty() {
            self.sent.insert(epc, (lane, at_s));
        }
    }

    pub(super) fn handle_timeout(&mut self, at_s: f64) {
        self.sent.retain(|_, (_, sent_s)| at_s - *sent_s < JOURNEY_S);
        let ways = &mut self.ways;
        self.coming.retain(|_, coming| {
            let Some(way) = ways.get_mut(&coming.from) else { return false };
            let gone = at_s - coming.left_s > way.travel_s.value() + LATE_S;
            if gone {
                way.learn(None);
            }
            !gone
        });
    }

    /// How full the lanes are to which a lane leads, 0 to 1; of those of which nothing is known: empty.
    pub(super) fn fullness(&self, lane: LaneIx, at_s: f64) -> f64 {
        let went = &self.went[lane.index()];
        let total: f64 = went.values().sum::<f64>();
        if total < WENT_WORTH {
            return self.guessed_fullness(lane, at_s);
        }
        went.iter().map(|((linked, name), count)| count / total * self.full(*linked, name, at_s)).sum()
    }

    /// Where those went who left from a lane: junction, name of its lane and share of those who arrived anywhere; and what is known of it.
    pub(super) fn destinations(&self, lane: LaneIx) -> (Vec<(JunctionId, &str, f64)>, Evidence) {
        let went = &self.went[lane.index()];
        let total: f64 = went.values().sum();
        let shares = went
            .iter()
            .map(|((linked, name), count)| (self.linked[*linked].junction, name.as_str(), count / total))
            .collect();
        (shares, self.went_seen[lane.index()].evidence())
    }

    /// Share of a lane's vehicles that goes to lanes which are full and do not move.
    pub(super) fn no_room(&self, lane: LaneIx, at_s: f64) -> f64 {
        let went = &self.went[lane.index()];
        let total: f64 = went.values().sum::<f64>();
        if total < WENT_WORTH {
            return if self.guessed_fullness(lane, at_s) >= FULL { 1.0 } else { 0.0 };
        }
        let stuck = |place: &Place| {
            let moved_s = self.linked[place.0].moved_s.get(&place.1);
            self.full(place.0, &place.1, at_s) >= FULL
                && moved_s.is_none_or(|moved_s| at_s - moved_s > MOVES_FOR_S)
        };
        went.iter().filter(|(place, _)| stuck(place)).map(|(_, count)| count / total).sum()
    }

    fn guessed_fullness(&self, lane: LaneIx, at_s: f64) -> f64 {
        let links = self
            .links
            .iter()
            .filter(|link| link.direction == LinkDirection::To && link.lanes.contains(&lane));
        let (mut sum, mut count) = (0.0, 0.0);
        for link in links {
            let Some(index) = self.linked.iter().position(|linked| linked.junction == link.junction) else {
                continue;
            };
            for name in &link.their_lanes {
                sum += self.full(index, name, at_s);
                count += 1.0;
            }
        }
        if count > 0.0 { sum / count } else { 0.0 }
    }

    fn full(&self, linked: usize, lane: &str, at_s: f64) -> f64 {
        let linked = &self.linked[linked];
        if at_s - linked.heard_s > FRESH_S {
            return 0.0;
        }
        linked.lanes.get(lane).copied().unwrap_or(0.0)
    }

    /// Who is on the way here: when each reaches our first reader at the earliest, and with which probability on which lane.
    pub(super) fn coming(&self, at_s: f64) -> impl Iterator<Item = (f64, LaneIx, f64)> + '_ {
        let known = self.coming.values().filter_map(|coming| Some((coming, self.ways.get(&coming.from)?)));
        let in_time =
            move |(coming, way): &(&Coming, &Way)| at_s <= coming.left_s + way.travel_s.value() + MISSED_S;
        known.filter(in_time).flat_map(move |(coming, way)| {
            let seen_s = (coming.left_s + way.travel_s.value()).max(at_s + 0.5);
            let shares = way.came.iter().enumerate();
            shares.map(move |(lane, came)| (seen_s, LaneIx::new(lane), came / way.left))
        })
    }
}

impl Way {
    fn learn(&mut self, lane: Option<LaneIx>) {
        self.came.iter_mut().for_each(|count| *count *= 0.98);
        self.left = self.left * 0.98 + 1.0;
        if let Some(lane) = lane {
            self.came[lane.index()] += 1.0;
        }
    }
}

#[cfg(test)]
impl Neighbours {
    /// How much is remembered: ways here, vehicles on their way, vehicles sent, and places to which each lane's vehicles go.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let went = self.went.iter().map(BTreeMap::len);
        [self.ways.len(), self.coming.len(), self.sent.len()].into_iter().chain(went).collect()
    }
}
