//! How much room there is ahead.
//!
//! A full lane ahead lets vehicles in only as it moves; whoever is let go all the same stands in the junction, and two junctions close to each other
//! can lock for good. Neighbours say what their lanes hold, who has left and which lanes flow: so it is known for how many there is room while a
//! lane ahead stands, and from when on it moves.

use super::lane::VEHICLE_M;
use super::linked::{LaneThere, Linked};
use super::neighbour::{Neighbours, Place};
use crate::config::{LinkConfig, LinkDirection};
use flextraff_common::junction::LaneIx;
use flextraff_common::traffic::Gate;

/// A reader at the stop line alone does not see how far a queue reaches back: where fewer vehicles than this fit between a lane's first reader and
/// its stop line, and at least so many more on the way, the length of the way tells how many it takes.
const SEES: f64 = 3.0;
/// A lane that holds this share of its capacity has no room.
const FULL: f64 = 0.9;
/// After somebody has left it a lane moves for so long, seconds.
const MOVES_FOR_S: f64 = 4.0;
/// Lanes ahead to which this share of a lane's vehicles goes can hold up all of them.
const MATTERS: f64 = 0.3;
/// A lane ahead of which nothing is said flows again after so long, seconds: half of a usual red.
const FLOWS_IN_S: f64 = 20.0;
/// And so long after a green that ends, seconds: a usual red.
const FLOWS_AGAIN_S: f64 = 30.0;
/// Of the way from stop line to stop line so much lies within junctions, where nobody may stand, metres.
const INSIDE_M: f64 = 20.0;
/// Slack in the time that a vehicle takes to the next stop line, seconds.
const SLACK_S: f64 = 2.0;
/// Cost of each second in which somebody has green and no room, vehicle-seconds per second: whoever goes all the same is in the way of others.
const BLOCKS: f64 = 30.0;
/// Places that are kept free: the next vehicle may be a long one, and some are under way before a green can end.
const SPARE: f64 = 1.0;

/// A lane ahead: the share of a lane's vehicles that goes there, how many fit, and from when to when whoever leaves finds it flowing.
struct Way {
    share: f64,
    room: f64,
    opens_s: f64,
    shuts_s: f64,
}

/// How many vehicles a way takes at whose end a lane has this capacity.
fn fits(link: &LinkConfig, capacity: f64) -> f64 {
    capacity.max(((link.distance_m - INSIDE_M) / VEHICLE_M).floor())
}

/// The gate towards one junction. Vehicles find their lane there on the way, so what counts is how many go to lanes that do not flow; when none
/// is shut, to all.
fn gate_of(ways: &[Way], at_s: f64) -> Option<Gate> {
    let is_shut = |way: &&Way| way.opens_s > at_s || way.shuts_s <= at_s;
    let share = |ways: &[&Way]| ways.iter().map(|way| way.share).sum::<f64>();
    let shut: Vec<&Way> = ways.iter().filter(is_shut).collect();
    let counting = if share(&shut) >= MATTERS { shut } else { ways.iter().collect() };
    let most = counting.iter().max_by(|a, b| a.share.total_cmp(&b.share))?;
    let share = share(&counting);
    let room: f64 = counting.iter().map(|way| way.room).sum();
    (share >= MATTERS).then(|| Gate {
        room: room / share,
        opens_s: most.opens_s - at_s,
        shuts_s: most.shuts_s - at_s,
        again_s: most.shuts_s + FLOWS_AGAIN_S - at_s,
        blocks: BLOCKS,
    })
}

impl LaneThere {
    /// Whether it stands: nobody has left it of late, nor has it just got green or is to get it.
    fn stands(&self, at_s: f64) -> bool {
        let green_s = self.flow.map_or(f64::NEG_INFINITY, |flow| flow.from_s);
        at_s - green_s.max(self.left_s) > MOVES_FOR_S
    }
}

impl Neighbours {
    /// How full the lanes are to which a lane leads, 0 to 1; of those of which nothing is known: empty.
    pub(super) fn fullness(&self, lane: LaneIx, at_s: f64) -> f64 {
        let full = |(to, share): &(Place, f64)| {
            share * self.lane_there(to, at_s).map_or(0.0, |(_, there)| self.fullness_of(lane, to, there))
        };
        self.ahead_of(lane).iter().map(full).sum()
    }

    /// Share of a lane's vehicles that goes to lanes which are full and stand. One that is to get green is left to the [gate](Self::gate).
    pub(super) fn no_room(&self, lane: LaneIx, at_s: f64) -> f64 {
        let stuck = |place: &Place| {
            self.lane_there(place, at_s)
                .is_some_and(|(_, there)| self.fullness_of(lane, place, there) >= FULL && there.stands(at_s))
        };
        self.ahead_of(lane).iter().filter(|(place, _)| stuck(place)).map(|(_, share)| share).sum()
    }

    /// How full a lane ahead is, 0 to 1.
    fn fullness_of(&self, lane: LaneIx, place: &Place, there: &LaneThere) -> f64 {
        let Some(capacity) = there.capacity else { return 0.0 };
        let way = self.link_to(lane, place).map_or(capacity, |link| fits(link, capacity));
        let takes = if capacity < SEES && way >= capacity + SEES { way } else { capacity };
        (there.holds / takes).min(1.0)
    }

    /// Room ahead of a lane, towards the junction where there is least, as far as that says which of its lanes flow; times from now.
    pub(super) fn gate(&self, lane: LaneIx, at_s: f64) -> Option<Gate> {
        let ahead = self.ahead_of(lane);
        let towards = |index: usize| {
            let there = ahead.iter().filter(|((linked, _), _)| *linked == index);
            let ways: Vec<Way> =
                there.filter_map(|(place, share)| self.way_to(lane, place, *share, at_s)).collect();
            gate_of(&ways, at_s)
        };
        let gates = (0..self.linked.len()).filter_map(towards);
        gates.min_by(|a, b| a.room.total_cmp(&b.room))
    }

    fn way_to(&self, lane: LaneIx, place: &Place, share: f64, at_s: f64) -> Option<Way> {
        let (linked, there) = self.lane_there(place, at_s)?;
        let capacity = there.capacity.filter(|_| linked.tells_greens)?;
        let link = self.link_to(lane, place)?;
        let fit = fits(link, capacity);
        let under_way = self.onward.under_way(place, at_s - 2.0 * link.free_flow_s - SLACK_S);
        // A green at which nobody leaves a full lane says nothing. Nor does one that the neighbour only means to give: whoever is let go because the
        // way ahead is about to open stands in the junction when the neighbour changes its mind.
        let stands = there.holds >= capacity && there.stands(at_s);
        let flow = there.flow.filter(|flow| !flow.is_meant && !stands);
        let (from_s, until_s) = flow.map_or_else(
            || (at_s + FLOWS_IN_S + link.free_flow_s, f64::INFINITY),
            |flow| (flow.from_s, flow.until_s),
        );
        Some(Way {
            share,
            room: (fit - SPARE - there.holds - under_way).max(0.0),
            opens_s: from_s - link.free_flow_s,
            shuts_s: until_s - link.free_flow_s,
        })
    }

    /// The lanes to which a lane leads, and the share of its vehicles that goes to each; a guess until enough is known.
    fn ahead_of(&self, lane: LaneIx) -> Vec<(Place, f64)> {
        if let Some(shares) = self.onward.shares(lane) {
            return shares.map(|(place, share)| (place.clone(), share)).collect();
        }
        let index =
            |link: &LinkConfig| self.linked.iter().position(|linked| linked.junction == link.junction);
        let links = self.links_to(lane).filter_map(|link| Some((index(link)?, link)));
        let places: Vec<Place> = links
            .flat_map(|(index, link)| link.their_lanes.iter().map(move |name| (index, name.clone())))
            .collect();
        let share = 1.0 / places.len() as f64;
        places.into_iter().map(|place| (place, share)).collect()
    }

    fn links_to(&self, lane: LaneIx) -> impl Iterator<Item = &LinkConfig> {
        self.links
            .iter()
            .filter(move |link| link.direction == LinkDirection::To && link.lanes.contains(&lane))
    }

    /// The link over which a lane's vehicles come to a place.
    fn link_to(&self, lane: LaneIx, place: &Place) -> Option<&LinkConfig> {
        let junction = self.linked.get(place.0)?.junction;
        let links = || self.links_to(lane).filter(|link| link.junction == junction);
        links().find(|link| link.their_lanes.contains(&place.1)).or_else(|| links().next())
    }

    fn lane_there(&self, place: &Place, at_s: f64) -> Option<(&Linked, &LaneThere)> {
        let linked = self.linked.get(place.0)?;
        Some((linked, linked.lane(&place.1, at_s)?))
    }
}
