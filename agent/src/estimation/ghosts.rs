//! Vehicles that were announced and never seen at a stop line: they passed it unread, have gone elsewhere, or their reader is blind.

use super::estimator::Estimator;
use super::vehicle::Vehicle;
use flextraff_common::junction::LaneIx;
use flextraff_common::traffic::SATURATION_HEADWAY_S;

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
/// Nobody stays unseen for longer on the way to the stop line, seconds.
const OLDEST_S: f64 = 240.0;

impl Estimator {
    /// Somebody who was announced has never been seen at a stop line.
    pub(super) fn missed(&mut self, vehicle: &Vehicle, at_s: f64) {
        if let Some(via) = vehicle.via {
            self.lanes[via.index()].confirmed.add(at_s, false);
        }
    }

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
            clear[lane.index()] = silent_s > GAP_S + SATURATION_HEADWAY_S * (1.0 + MOST_IN_A_ROW * for_each)
                && at_s - green_s > STARTS_S;
        }
        let is_ghost = |vehicle: &Vehicle| {
            !vehicle.at_stop_line()
                && clear[vehicle.lane.index()]
                && vehicle.due_s.max(vehicle.last_s) < at_s - MAY_STILL_COME_S
        };
        let ghosts: Vec<Vehicle> =
            self.vehicles.values().filter(|vehicle| is_ghost(vehicle)).cloned().collect();
        for ghost in &ghosts {
            self.missed(ghost, at_s);
        }
        // Where it is the reader that sees nobody, they leave one by one from now on.
        let lanes = &self.lanes;
        self.vehicles.retain(|_, vehicle| {
            let cleared = is_ghost(vehicle) && !lanes[vehicle.lane.index()].stop_reader_blind();
            !cleared && (vehicle.at_stop_line() || at_s - vehicle.due_s.max(vehicle.last_s) <= OLDEST_S)
        });
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
