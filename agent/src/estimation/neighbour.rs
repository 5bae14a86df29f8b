//! Who is on the way here from linked junctions.

use super::early::Early;
use super::estimates::LONGEST_NAME;
use super::lane::drive_s;
use super::learned::{Evidence, Mean, Trials};
use super::linked::Linked;
use super::onward::Onward;
use super::unread::Unread;
use crate::config::{Config, LinkConfig, LinkDirection};
use flextraff_common::epc::Epc;
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::{LaneIx, MAX_LANES};
use flextraff_common::traffic::Departure;
use flextraff_common::wire::Demand;
use std::collections::BTreeMap;

/// A vehicle that has not arrived so long after it was due is no longer reckoned with, seconds.
const MISSED_S: f64 = 3.0;
/// A vehicle that has not arrived so long after it was due went elsewhere, seconds.
const LATE_S: f64 = 15.0;
/// A departure, which is told as an age, may be thought so much too late: the time that the message took, seconds.
const MESSAGE_S: f64 = 2.0;
/// Where a vehicle went is of interest for so long, seconds.
pub(super) const JOURNEY_S: f64 = 300.0;
/// Most vehicles on the way between junctions that are followed.
pub(super) const MOST: usize = 4000;
/// Most lanes of neighbours that are known by name: more than eight junctions have, whatever names a message makes up.
pub(super) const MOST_PLACES: usize = 8 * MAX_LANES;
/// Vehicles that the guess about where a lane leads is worth.
const GUESS_WORTH: f64 = 4.0;
/// By how much each vehicle that leaves lets those before it fade.
const FADE: f64 = 0.98;

/// A lane of a neighbour: the position of the junction among the linked ones, and the name of its lane.
pub(super) type Place = (usize, String);

/// A way from a neighbour's lane to here.
#[derive(Clone, Debug)]
struct Way {
    /// Vehicles that came, by our lane (where they were seen first).
    came: Vec<f64>,
    /// Vehicles that left there.
    left: Trials,
    /// From their stop line to the first of our readers, seconds.
    travel_s: Mean,
}

/// What is known of the way from a lane of a linked junction.
pub(super) struct WayHere<'a> {
    pub(super) junction: JunctionId,
    pub(super) lane: &'a str,
    /// Of those who leave that lane: the share that comes on each lane here.
    pub(super) shares: Vec<f64>,
    pub(super) evidence: Evidence,
    pub(super) travel_s: &'a Mean,
}

#[derive(Clone, Debug)]
struct Coming {
    from: Place,
    left_s: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Neighbours {
    own: JunctionId,
    /// How many lanes there are here.
    lanes: usize,
    pub(super) links: Vec<LinkConfig>,
    pub(super) linked: Vec<Linked>,
    ways: BTreeMap<Place, Way>,
    coming: BTreeMap<Epc, Coming>,
    /// On which lane those were seen of whom no neighbour has said that they come.
    unannounced: Early<LaneIx>,
    pub(super) onward: Onward,
    pub(super) unread: Unread,
    /// From each of our first readers to the stop line, seconds.
    drive_s: Vec<f64>,
}

impl Neighbours {
    pub(super) fn new(config: &Config, start_s: f64) -> Self {
        let mut linked: Vec<JunctionId> = config.links.iter().map(|link| link.junction).collect();
        linked.sort_unstable();
        linked.dedup();
        let lanes = config.junction.lanes().len();
        let mut leads_to = vec![Vec::new(); lanes];
        for link in config.links.iter().filter(|link| link.direction == LinkDirection::To) {
            let Some(index) = linked.iter().position(|junction| *junction == link.junction) else { continue };
            for lane in &link.lanes {
                let to: &mut Vec<usize> = &mut leads_to[lane.index()];
                if !to.contains(&index) {
                    to.push(index);
                }
            }
        }
        Self {
            unread: Unread::new(leads_to.clone(), &config.links, &linked, start_s),
            onward: Onward::new(leads_to),
            own: config.junction.id,
            lanes,
            links: config.links.clone(),
            linked: linked.into_iter().map(Linked::new).collect(),
            ways: BTreeMap::new(),
            coming: BTreeMap::new(),
            unannounced: Early::default(),
            drive_s: config.lanes.iter().map(drive_s).collect(),
        }
    }

    /// Takes what a neighbour tells.
    pub(super) fn handle(&mut self, junction: JunctionId, demand: &Demand, at_s: f64) {
        let Some(index) = self.linked.iter().position(|linked| linked.junction == junction) else { return };
        self.linked[index].handle(self.own, demand, at_s);
        let named = demand.reads.iter().filter(|read| read.lane.len() <= LONGEST_NAME);
        for read in named {
            let Ok(epc) = read.epc.parse::<Epc>() else { continue };
            self.unread.read_there(epc, index, &read.lane, at_s);
            self.onward.seen(epc, (index, read.lane.clone()), at_s);
        }
        for departed in &demand.departed {
            let Ok(epc) = departed.epc.parse::<Epc>() else { continue };
            let from = (index, departed.lane.clone());
            let is_recent = (0.0..=JOURNEY_S).contains(&departed.ago_s);
            if !is_recent || self.coming.len() >= MOST || self.way(&from).is_none() {
                continue;
            }
            let coming = Coming { from, left_s: at_s - departed.ago_s };
            match self.unannounced.take(epc, coming.left_s - MESSAGE_S) {
                Some((lane, seen_s)) => self.has_come(&coming, lane, seen_s),
                None => drop(self.coming.insert(epc, coming)),
            }
        }
    }

    /// The way from a place, made when somebody first leaves there towards here.
    fn way(&mut self, from: &Place) -> Option<&mut Way> {
        if !self.ways.contains_key(from) {
            if self.ways.len() >= MOST_PLACES || from.1.len() > LONGEST_NAME {
                return None;
            }
            let junction = self.linked.get(from.0)?.junction;
            let links = self.links.iter().filter(|link| {
                link.junction == junction
                    && link.direction == LinkDirection::From
                    && (link.their_lanes.is_empty() || link.their_lanes.contains(&from.1))
            });
            let mut came = vec![0.0; self.lanes];
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
                Way {
                    came,
                    left: Trials::new(GUESS_WORTH, FADE),
                    travel_s: Mean::new(travel_s / any * 1.1, 3, 30),
                },
            );
        }
        self.ways.get_mut(from)
    }

    /// A vehicle was seen here for the first time.
    pub(super) fn arrived(&mut self, epc: Epc, lane: LaneIx, at_s: f64) {
        match self.coming.remove(&epc) {
            Some(coming) => self.has_come(&coming, lane, at_s),
            None if self.linked.is_empty() => {}
            None => self.unannounced.note(epc, lane, at_s),
        }
    }

    fn has_come(&mut self, coming: &Coming, lane: LaneIx, at_s: f64) {
        if let Some(way) = self.ways.get_mut(&coming.from) {
            way.learn(Some(lane), at_s);
            way.travel_s.add(at_s, (at_s - coming.left_s).clamp(1.0, 120.0));
        }
    }

    /// A vehicle left here.
    pub(super) fn sent(&mut self, epc: Epc, lane: LaneIx, at_s: f64) {
        if !self.linked.is_empty() {
            self.onward.left(epc, lane, at_s);
        }
    }

    pub(super) fn handle_timeout(&mut self, at_s: f64) {
        self.onward.handle_timeout(at_s);
        self.unread.handle_timeout(at_s);
        self.unannounced.handle_timeout(at_s);
        let ways = &mut self.ways;
        self.coming.retain(|_, coming| {
            let Some(way) = ways.get_mut(&coming.from) else { return false };
            let gone = at_s - coming.left_s > way.travel_s.value() + LATE_S;
            if gone {
                way.learn(None, at_s);
            }
            !gone
        });
    }

    /// Where those went who left from a lane: junction, name of its lane and share of those who arrived anywhere; and what is known of it.
    pub(super) fn destinations(&self, lane: LaneIx) -> (Vec<(JunctionId, &str, f64)>, Evidence) {
        let (shares, evidence) = self.onward.destinations(lane);
        let named =
            shares.map(|((linked, name), share)| (self.linked[*linked].junction, name.as_str(), share));
        (named.collect(), evidence)
    }

    /// Share of those who left from a lane who were seen at a linked junction, and what is known of it.
    pub(super) fn seen_again(&self, lane: LaneIx) -> (f64, Evidence) {
        self.onward.seen_again_from(lane)
    }

    /// The ways here from lanes of linked junctions.
    pub(super) fn ways(&self) -> impl Iterator<Item = WayHere<'_>> {
        self.ways.iter().filter_map(|((linked, lane), way)| {
            let left = way.left.total();
            Some(WayHere {
                junction: self.linked.get(*linked)?.junction,
                lane,
                shares: way.came.iter().map(|came| came / left).collect(),
                evidence: way.left.evidence(),
                travel_s: &way.travel_s,
            })
        })
    }

    /// Of those who are about to leave a lane, in order of time: when some do towards each linked junction, seconds ahead.
    pub(super) fn spread(&self, lane: LaneIx, departures: &[&Departure]) -> Vec<(JunctionId, Vec<f64>)> {
        let spread = self.onward.spread(lane, self.linked.len(), departures);
        spread.into_iter().map(|(linked, in_s)| (self.linked[linked].junction, in_s)).collect()
    }

    /// Who is on the way here: when each reaches our first reader at the earliest, and with which probability on which lane.
    pub(super) fn coming(&self, at_s: f64) -> impl Iterator<Item = (f64, LaneIx, f64)> + '_ {
        let known = self.coming.values().filter_map(|coming| Some((coming, self.ways.get(&coming.from)?)));
        let in_time =
            move |(coming, way): &(&Coming, &Way)| at_s <= coming.left_s + way.travel_s.value() + MISSED_S;
        let left = known.filter(in_time).flat_map(move |(coming, way)| {
            let seen_s = (coming.left_s + way.travel_s.value()).max(at_s + 0.5);
            let shares = way.came.iter().enumerate();
            shares.map(move |(lane, came)| (seen_s, LaneIx::new(lane), came / way.left.total()))
        });
        left.chain(self.about_to_come(at_s))
    }

    /// The same of those who have not left the neighbour yet, but have been announced; all of them come here.
    fn about_to_come(&self, at_s: f64) -> impl Iterator<Item = (f64, LaneIx, f64)> + '_ {
        let heard = self.linked.iter().enumerate().filter(move |(_, linked)| linked.is_fresh(at_s));
        heard.flat_map(move |(index, linked)| {
            let due = linked.ahead.iter().filter(move |(_, leaves_s)| *leaves_s > at_s - 1.0);
            due.filter_map(move |(lane, leaves_s)| Some((*leaves_s, self.way_of(index, lane.as_deref())?)))
                .flat_map(|(leaves_s, way)| {
                    let (seen_s, all) = (leaves_s + way.travel_s.value(), way.came.iter().sum::<f64>());
                    let shares = way.came.iter().enumerate();
                    shares.map(move |(lane, came)| (seen_s, LaneIx::new(lane), came / all))
                })
        })
    }

    /// The way from a neighbour's lane; when that was not said, the one that most take.
    fn way_of(&self, linked: usize, lane: Option<&str>) -> Option<&Way> {
        if let Some(lane) = lane {
            return self.ways.get(&(linked, lane.to_owned()));
        }
        let of_linked = self.ways.iter().filter(|((from, _), _)| *from == linked);
        of_linked.max_by(|(_, a), (_, b)| a.left.total().total_cmp(&b.left.total())).map(|(_, way)| way)
    }
}

impl Way {
    fn learn(&mut self, lane: Option<LaneIx>, at_s: f64) {
        self.came.iter_mut().for_each(|count| *count *= FADE);
        self.left.add(at_s);
        if let Some(lane) = lane {
            self.came[lane.index()] += 1.0;
        }
    }
}

#[cfg(test)]
impl Neighbours {
    /// How much is remembered: ways here, vehicles on their way, vehicles sent, and places to which each lane's vehicles go.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let own = [self.ways.len(), self.coming.len(), self.unannounced.len()].into_iter();
        let told = self.linked.iter().map(Linked::size);
        own.chain(self.onward.sizes()).chain(self.unread.sizes()).chain(told).collect()
    }
}
