//! What a linked junction says of itself.

use super::estimates::LONGEST_NAME;
use super::neighbour::MOST_PLACES;
use super::unseen::Ratio;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::Demand;
use std::collections::BTreeMap;

/// What a neighbour said counts for so long, seconds.
const FRESH_S: f64 = 10.0;
/// Most vehicles of a neighbour that are about to leave and that are reckoned with.
const MOST_AHEAD: usize = 200;
/// No neighbour knows what is further ahead than this, seconds.
const AHEAD_S: f64 = 120.0;

/// A linked junction.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    pub(super) junction: JunctionId,
    /// Who tells what the lanes hold: not a device that only counts.
    teller: Option<DeviceId>,
    heard_s: f64,
    /// Its lanes, by name, as far as it has told of them.
    lanes: BTreeMap<String, LaneThere>,
    /// Whether it says which lanes have green.
    pub(super) tells_greens: bool,
    /// What its queues have told of those whom no reader sees; kept when it falls silent, because that hardly changes within hours.
    pub(super) unseen: Ratio,
    /// Who is about to leave towards here: from which lane, if it was said, and when.
    pub(super) ahead: Vec<(Option<String>, f64)>,
}

/// A lane of a linked junction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LaneThere {
    /// Tagged vehicles on it.
    pub(super) holds: f64,
    /// Vehicles that fit between its first reader and its stop line, as far as it has been said.
    pub(super) capacity: Option<f64>,
    /// When somebody last left it, seconds.
    pub(super) left_s: f64,
    /// When it flows; none: no such time is in sight.
    pub(super) flow: Option<Flow>,
}

/// A time in which a lane of a linked junction flows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flow {
    /// From when, seconds.
    pub(super) from_s: f64,
    /// Until when, seconds.
    pub(super) until_s: f64,
    /// Whether it is only meant to begin then: the neighbour may put that off.
    pub(super) is_meant: bool,
}

impl LaneThere {
    const UNKNOWN: Self = Self { holds: 0.0, capacity: None, left_s: f64::NEG_INFINITY, flow: None };
}

/// Whether a message tells of reads and passages as they happen, and nothing of what the lanes hold.
fn is_only_news(demand: &Demand) -> bool {
    let Demand { reads, passages, lanes, departed, departures, users, greens, .. } = demand;
    let has_state = !lanes.is_empty() || !departed.is_empty() || !departures.is_empty();
    let has_news = !reads.is_empty() || !passages.is_empty();
    has_news && !has_state && users.is_none() && greens.is_none()
}

impl Linked {
    pub(super) fn new(junction: JunctionId) -> Self {
        Self {
            junction,
            teller: None,
            heard_s: f64::NEG_INFINITY,
            lanes: BTreeMap::new(),
            tells_greens: false,
            unseen: Ratio::default(),
            ahead: Vec::new(),
        }
    }

    /// Takes what it says to `own`, the junction here.
    pub(super) fn handle(&mut self, own: JunctionId, demand: &Demand, at_s: f64) {
        for gone in &demand.departed {
            if let Some(lane) = self.lane_mut(&gone.lane) {
                lane.left_s = at_s - gone.ago_s.max(0.0);
            }
        }
        if !demand.lanes.is_empty() || demand.greens.is_some() || demand.users.is_some() {
            self.teller = Some(demand.device_id);
        }
        if self.teller != Some(demand.device_id) || is_only_news(demand) {
            return;
        }
        self.heard_s = self.heard_s.max(at_s);
        // A lane that is not named is empty, and has red.
        let flowed: BTreeMap<String, f64> = self
            .lanes
            .iter()
            .filter_map(|(name, lane)| Some((name.clone(), lane.flow?.from_s)))
            .filter(|(_, from_s)| *from_s <= at_s)
            .collect();
        self.lanes.values_mut().for_each(|lane| (lane.holds, lane.flow) = (0.0, None));
        for told in demand.lanes.iter().filter(|told| told.capacity > 0.0) {
            if let Some(lane) = self.lane_mut(&told.lane) {
                (lane.holds, lane.capacity) = (told.inventory.max(0.0), Some(told.capacity));
            }
        }
        self.tells_greens = demand.greens.is_some();
        if let Some(unseen) = demand.users.as_ref().and_then(Ratio::heard) {
            self.unseen = unseen;
        }
        for green in demand.greens.iter().flatten() {
            let until_s = green.until_s.map_or(f64::INFINITY, |until_s| at_s + until_s.clamp(0.0, AHEAD_S));
            let from_s = at_s + green.in_s.clamp(0.0, AHEAD_S);
            // It says each second anew that it has green, not since when; a green that was to come by now may have been put off.
            let since_s = flowed.get(&green.lane).filter(|_| from_s <= at_s);
            let from_s = since_s.map_or(from_s, |since_s| since_s.min(from_s));
            if let Some(lane) = self.lane_mut(&green.lane) {
                lane.flow = Some(Flow { from_s, until_s, is_meant: green.meant && from_s > at_s });
            }
        }
        let here = demand.departures.iter().filter(|departures| departures.to_junction == own);
        let each = here.flat_map(|from| from.in_s.iter().map(|in_s| (from.lane.clone(), *in_s)));
        let is_short = |lane: &Option<String>| lane.as_ref().is_none_or(|lane| lane.len() <= LONGEST_NAME);
        let soon = each.filter(|(lane, in_s)| (0.0..=AHEAD_S).contains(in_s) && is_short(lane));
        self.ahead = soon.take(MOST_AHEAD).map(|(lane, in_s)| (lane, at_s + in_s)).collect();
    }

    /// A lane of which something is told; none when too many have been named, or with a name that no lane has.
    fn lane_mut(&mut self, name: &str) -> Option<&mut LaneThere> {
        if !self.lanes.contains_key(name) && self.lanes.len() < MOST_PLACES && name.len() <= LONGEST_NAME {
            self.lanes.insert(name.to_owned(), LaneThere::UNKNOWN);
        }
        self.lanes.get_mut(name)
    }

    /// Whether what it said last still counts.
    pub(super) fn is_fresh(&self, at_s: f64) -> bool {
        at_s - self.heard_s <= FRESH_S
    }

    /// What is known of a lane; nothing when it has said nothing of late.
    pub(super) fn lane(&self, name: &str, at_s: f64) -> Option<&LaneThere> {
        self.lanes.get(name).filter(|_| self.is_fresh(at_s))
    }
}

#[cfg(test)]
impl Linked {
    /// Of how many lanes something is remembered.
    pub(super) fn size(&self) -> usize {
        self.lanes.len()
    }
}
