//! Who has passed here unread.
//!
//! Reads carry identity: whoever is read at a linked junction, on a lane to which ways from here lead, and has not been read here, has passed here
//! unread. A lane of which nobody is ever read is empty if hardly any such vehicle appears where it leads, and its reader has failed if many do.

use super::estimator::Estimator;
use super::learned::Rate;
use super::neighbour::{JOURNEY_S, MOST};
use crate::config::{LinkConfig, LinkDirection};
use flextraff_common::epc::Epc;
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::LaneIx;
use std::collections::BTreeMap;

/// How fast the rates follow the street, seconds.
const MEMORY_S: f64 = 600.0;
/// A vehicle is remembered for so long, seconds: nobody takes longer through a junction and on to the next.
const REMEMBERED_S: f64 = 2.0 * JOURNEY_S;
/// With a smaller share of those who leave seen anywhere again, those who are not seen there say nothing.
const SEEN_AGAIN: f64 = 0.25;
/// Vehicles that would have to appear downstream before their absence counts for half.
const WORTH: f64 = 5.0;
/// Share of the vehicles that working readers miss.
const MISSED: f64 = 0.05;
/// Vehicles on a lane for each that appears: leaving too many to wait there costs more than some green for nobody.
const AT_LEAST: f64 = 1.5;

/// Vehicles that linked junctions have read, and whether they had been read here.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    read_here: BTreeMap<Epc, f64>,
    read_there: BTreeMap<Epc, f64>,
    linked: Vec<Beyond>,
    /// The linked junctions to which each lane leads.
    leads_to: Vec<Vec<usize>>,
}

/// A linked junction.
#[derive(Clone, Debug)]
struct Beyond {
    /// Its lanes to which ways from here lead.
    lanes: Vec<String>,
    known: Rate,
    unknown: Rate,
}

impl Unread {
    /// `linked`: the linked junctions, each once; `leads_to`: those to which each lane leads.
    pub(super) fn new(
        leads_to: Vec<Vec<usize>>,
        links: &[LinkConfig],
        linked: &[JunctionId],
        start_s: f64,
    ) -> Self {
        let onward = links.iter().filter(|link| link.direction == LinkDirection::To);
        let beyond = |junction: &JunctionId| {
            let there = onward.clone().filter(|link| link.junction == *junction);
            Beyond {
                lanes: there.flat_map(|link| link.their_lanes.iter().cloned()).collect(),
                known: Rate::new(start_s, MEMORY_S),
                unknown: Rate::new(start_s, MEMORY_S),
            }
        };
        let linked = linked.iter().map(beyond).collect();
        Self { read_here: BTreeMap::new(), read_there: BTreeMap::new(), linked, leads_to }
    }

    /// A vehicle is read here for the first time.
    pub(super) fn read_here(&mut self, epc: Epc, at_s: f64) {
        if self.read_here.len() < MOST {
            self.read_here.insert(epc, at_s);
        }
    }

    /// A linked junction has read a vehicle on a lane.
    pub(super) fn read_there(&mut self, epc: Epc, linked: usize, lane: &str, at_s: f64) {
        let is_first = self.read_there.len() < MOST && self.read_there.insert(epc, at_s).is_none();
        let Some(beyond) = self.linked.get_mut(linked).filter(|_| is_first) else { return };
        if beyond.lanes.iter().any(|name| name == lane) {
            let known = self.read_here.contains_key(&epc);
            let rate = if known { &mut beyond.known } else { &mut beyond.unknown };
            rate.add(at_s, 1.0);
        }
    }

    pub(super) fn handle_timeout(&mut self, at_s: f64) {
        self.read_here.retain(|_, read_s| at_s - *read_s < REMEMBERED_S);
        self.read_there.retain(|_, read_s| at_s - *read_s < REMEMBERED_S);
    }

    /// Vehicles per second that have passed here unread and appear where a lane leads; none where it leads to no linked junction.
    fn passed_per_s(&self, lane: LaneIx, at_s: f64) -> Option<f64> {
        let to = &self.leads_to[lane.index()];
        let unread = |linked: &usize| {
            let Beyond { known, unknown, .. } = &self.linked[*linked];
            (unknown.per_s(at_s) - MISSED * known.per_s(at_s)).max(0.0)
        };
        (!to.is_empty()).then(|| to.iter().map(unread).sum())
    }

    /// Whether two lanes lead to the same linked junction.
    fn lead_together(&self, lane: LaneIx, other: LaneIx) -> bool {
        let others = &self.leads_to[other.index()];
        self.leads_to[lane.index()].iter().any(|to| others.contains(to))
    }
}

impl Estimator {
    /// What those who appear downstream say about a lane of which nobody is ever read, one of `silent`, on which else `most_per_s` would be
    /// presumed: vehicles per second, and how far that is to be believed, 0 to 1. None: they say nothing.
    pub(super) fn passed_unread(
        &self,
        lane: LaneIx,
        silent: &[LaneIx],
        most_per_s: f64,
        at_s: f64,
    ) -> Option<(f64, f64)> {
        let unread = &self.neighbours.unread;
        let seen_again = self.neighbours.onward.seen_again();
        let passed_per_s = unread.passed_per_s(lane, at_s).filter(|_| seen_again >= SEEN_AGAIN)?;
        let alike = silent.iter().filter(|other| unread.lead_together(lane, **other)).count() as f64;
        let per_s = AT_LEAST * passed_per_s / seen_again / alike.max(1.0);
        let watched_s = (at_s - self.lanes[lane.index()].start_s).min(MEMORY_S);
        let would_appear = most_per_s * seen_again * watched_s;
        Some((per_s.min(most_per_s), would_appear / (would_appear + WORTH)))
    }
}

#[cfg(test)]
impl Unread {
    /// How much is remembered: vehicles read here, and there.
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.read_here.len(), self.read_there.len()]
    }
}
