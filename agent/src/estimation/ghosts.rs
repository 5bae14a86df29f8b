//! Vehicles that were announced and do not turn up at the stop line where they were believed to be.
//!
//! They have passed it unread, have turned off before it, or stand on another lane to which the same advance reader leads: where a road
//! widens before the junction a reader upstream cannot know who will turn. They are given up, and remembered: those who turn up after all tell
//! where the vehicles of their reader stop.

use super::estimator::{Estimator, MOST_VEHICLES};
use super::lane::{HEADWAY_S, Lane};
use super::vehicle::Vehicle;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use std::collections::BTreeMap;

/// A green lane is empty when its stop line is silent for so long and for a saturation headway, and for as many headways more as unseen users
/// may pass in a row: so many times those that there are for each seen one, seconds.
const GAP_S: f64 = 2.0;
const MOST_IN_A_ROW: f64 = 2.0;
/// So long after the start of green the head of a queue has moved at the latest, seconds.
const STARTS_S: f64 = 7.0;
/// Whoever was due at the stop line, or still read in the advance zone, within this time may still be on the way, seconds.
const MAY_STILL_COME_S: f64 = 3.0;
/// Behind a stop-line reader that is not trusted somebody due has left so much later, unless that reader sees them after all, seconds.
const MAY_BE_LATE_S: f64 = 2.0;
/// Somebody overtaken by a vehicle that was due so much later is not there, seconds; the second, where he may be on another lane.
const OVERTAKEN_S: (f64, f64) = (4.0, 8.0);
/// Nobody stays unseen for longer on the way to the stop line, seconds.
const OLDEST_S: f64 = 240.0;

/// Vehicles that have been given up, and may turn up after all.
pub(super) type Lost = BTreeMap<Epc, Vehicle>;

impl Estimator {
    /// Whoever was due before a vehicle that has left, and was never seen at the stop line, is not on its lane.
    pub(super) fn note_overtaken(&mut self, left: &Vehicle, at_s: f64) {
        let overtaken = |other: &Vehicle| {
            let margin_s = if other.is_surely_there(&self.lanes) { OVERTAKEN_S.0 } else { OVERTAKEN_S.1 };
            other.lane == left.lane && !other.at_stop_line() && other.due_s < left.due_s - margin_s
        };
        for epc in self.those(overtaken) {
            self.give_up(epc, at_s);
        }
    }

    /// Lets go who was announced and cannot be where they were believed to be.
    pub(super) fn clear_ghosts(&mut self, at_s: f64) {
        let mut clear = vec![false; self.lanes.len()];
        for lane in self.junction.lane_indexes() {
            let state = &self.lanes[lane.index()];
            let Some(green_s) = state.green_since_s else { continue };
            if state.stop_reader_blind() {
                self.let_one_go(lane, green_s, at_s);
                continue;
            }
            let silent_s = at_s - green_s.max(state.stop_read_s);
            let for_each = self.unseen_for_each(state);
            clear[lane.index()] =
                silent_s > GAP_S + HEADWAY_S * (1.0 + MOST_IN_A_ROW * for_each) && at_s - green_s > STARTS_S;
        }
        let ghosts = self.those(|vehicle| {
            !vehicle.at_stop_line()
                && clear[vehicle.lane.index()]
                && vehicle.due_s.max(vehicle.last_s) < at_s - MAY_STILL_COME_S
        });
        for epc in ghosts {
            self.give_up(epc, at_s);
        }
        self.vehicles.retain(|_, vehicle| vehicle.at_stop_line() || at_s - vehicle.due_s <= OLDEST_S);
        self.lost.retain(|_, vehicle| at_s - vehicle.due_s <= OLDEST_S);
    }

    fn those(&self, which: impl Fn(&Vehicle) -> bool) -> Vec<Epc> {
        self.vehicles.iter().filter(|(_, vehicle)| which(vehicle)).map(|(epc, _)| *epc).collect()
    }

    /// A vehicle is not on the lane on which it was believed to be. Where it is the reader that sees nobody, it stays and leaves in its turn.
    fn give_up(&mut self, epc: Epc, at_s: f64) {
        let Some(vehicle) = self.vehicles.get_mut(&epc) else { return };
        if !std::mem::replace(&mut vehicle.given_up, true)
            && let Some(via) = vehicle.via
        {
            self.lanes[via.index()].confirmed.add(at_s, false);
        }
        if !self.lanes[vehicle.lane.index()].stop_reader_blind()
            && let Some(vehicle) = self.vehicles.remove(&epc)
            && self.lost.len() < MOST_VEHICLES
        {
            self.lost.insert(epc, vehicle);
        }
    }

    /// Somebody is read: if given up, then wrongly.
    pub(super) fn find(&mut self, epc: Epc) {
        if let Some(vehicle) = self.lost.remove(&epc) {
            self.vehicles.insert(epc, vehicle);
        }
    }

    /// Behind a stop-line reader that says nothing, announced vehicles leave one saturation headway after the other.
    fn let_one_go(&mut self, lane: LaneIx, green_s: f64, at_s: f64) {
        let stage = self.light.stage;
        let state = &mut self.lanes[lane.index()];
        let headway = stage.map_or(2.0, |stage| state.headway_s(stage));
        if at_s - green_s <= 3.0 || at_s - state.let_go_s < headway {
            return;
        }
        let waiting =
            self.vehicles.iter().filter(|(_, vehicle)| vehicle.lane == lane && !vehicle.at_stop_line());
        let first = waiting
            .min_by(|a, b| a.1.due_s.total_cmp(&b.1.due_s))
            .map(|(epc, vehicle)| (*epc, vehicle.due_s));
        if let Some((epc, due_s)) = first
            && due_s < at_s - MAY_BE_LATE_S
        {
            state.let_go_s = at_s;
            state.confirmed.add(at_s, false);
            state.outflow.add(at_s, 1.0);
            state.usual_flow.add(at_s, 1.0);
            self.vehicles.remove(&epc);
            self.neighbours.sent(epc, lane, at_s);
            self.news.departed.push((lane, epc, at_s));
        }
    }
}

impl Lane {
    /// The lane to which the next announced vehicle goes, so that over time each gets its learned share.
    pub(super) fn place(&mut self, own: LaneIx) -> LaneIx {
        let sum: f64 = self.stops_at.iter().sum();
        let known = self.stops_at.iter().filter(|&&count| count > 0.0).count();
        if known <= 1 || sum <= 0.0 {
            return own;
        }
        for (due, count) in self.to_place.iter_mut().zip(&self.stops_at) {
            *due += count / sum;
        }
        let mut most = own;
        for (lane, due) in self.to_place.iter().enumerate() {
            if *due > self.to_place[most.index()] {
                most = LaneIx::new(lane);
            }
        }
        self.to_place[most.index()] -= 1.0;
        most
    }
}
