//! From what is known of vehicles to what the queue model takes.

use super::estimator::{Estimator, seconds};
use super::hidden::{MOST_HIDDEN, Stream};
use super::lane::Lane;
use super::vehicle::Vehicle;
use flextraff_common::epc::Epc;
use flextraff_common::junction::StageIx;
use flextraff_common::time::MonoMs;
use flextraff_common::traffic::{Arrival, LaneQueue, StageSet};

/// A vehicle that has waited so long counts twice, one that has waited twice as long three times, and so on, seconds.
const PATIENCE_S: f64 = 60.0;
/// Beyond this nobody counts more, seconds: no red is so long, and something else holds him up.
const MOST_WAIT_S: f64 = 600.0;
/// A stage in which only some movements of a lane have green serves its head if at least this share of heads has left in it.
const PART_SERVES: f64 = 0.4;
/// A head that did not move in a stage does not want that stage for so long, seconds.
const STALL_HOLDS_S: f64 = 45.0;
/// After so much red somebody without a tag may wait at a lane without any, seconds.
const UNSEEN_AFTER_S: f64 = 110.0;
/// Their weight then, and how long it takes to grow by 1, seconds.
const UNSEEN_WEIGHT: (f64, f64) = (0.5, 30.0);
/// Weight of everybody on a lane whose queue stands over its advance zone: what lies behind is in danger too.
const OVERFLOW_WEIGHT: f64 = 2.0;
/// Share of its weight that a vehicle loses when the lanes ahead are full.
const FULL_AHEAD: f64 = 0.8;
/// Lanes ahead this full let vehicles in only slowly, and by how much.
const BLOCKED_AHEAD: (f64, f64) = (0.85, 4.0);
/// When this share of a lane's vehicles goes to lanes that are full and do not move, its head is taken to be one of them.
const NO_ROOM: f64 = 0.3;
/// Then nobody is expected to leave for so long, seconds; that is looked at anew each second.
const NO_ROOM_FOR_S: f64 = 5.0;
/// Without any read for so long nothing is known, seconds.
const SILENT_S: f64 = 180.0;
/// Fewer expected users whom nobody sees are not worth a green.
const LEAST_HIDDEN: f64 = 0.3;
/// Most arrivals of a lane that are reckoned with.
const MOST_ARRIVALS: usize = 80;
/// A vehicle due later than this still drives, seconds.
const MOVING_S: f64 = 1.5;
/// A vehicle on its way from a neighbour is expected on a lane to which it comes with at least this probability.
const EXPECTED: f64 = 0.35;

/// The junction's traffic at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// When.
    pub at: MonoMs,
    /// Each lane, in lane order, and then each pedestrian head.
    pub lanes: Vec<LaneTraffic>,
    /// Since the last read of any reader, seconds.
    pub silent_s: f64,
}

/// A lane's traffic at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneTraffic {
    /// Who is on it and who is expected, for the queue model; times from the moment on.
    pub queue: LaneQueue,
    /// Since when it has green, seconds ago; none: it has red.
    pub green_s: Option<f64>,
    /// Whether its stop-line reader is known to work.
    pub watched: bool,
}

impl Traffic {
    /// Whether anything at all is known. With no working reader, or when none has read anything for minutes, the plan's greens are better:
    /// no tags never means no demand.
    pub fn is_known(&self) -> bool {
        self.silent_s <= SILENT_S && self.lanes.iter().any(|lane| lane.watched)
    }
}

impl Estimator {
    /// What the queue model takes at a moment.
    pub fn traffic(&self, now: MonoMs) -> Traffic {
        let at_s = seconds(now);
        let mut on_lane: Vec<Vec<(&Epc, &Vehicle)>> = vec![Vec::new(); self.lanes.len()];
        for (epc, vehicle) in self.vehicles.iter().filter(|(_, vehicle)| !vehicle.is_parked(at_s)) {
            on_lane[vehicle.lane.index()].push((epc, vehicle));
        }
        let coming = self.coming(at_s);
        let lanes = self.junction.lane_indexes().zip(&self.lanes).zip(on_lane);
        let lanes = lanes.map(|((ix, lane), mut vehicles)| {
            vehicles.sort_by(|(_, a), (_, b)| a.order().total_cmp(&b.order()));
            let fullness = self.neighbours.fullness(ix, at_s);
            let overflow = if lane.queue_over_advance(at_s).is_some() { OVERFLOW_WEIGHT } else { 1.0 };
            let weight = overflow * (1.0 - FULL_AHEAD * fullness);
            let mut arrivals: Vec<Arrival> = vehicles
                .iter()
                .map(|(epc, vehicle)| {
                    let comes = self.comes(lane, vehicle);
                    let arrival = lane.arrival(vehicle, comes * weight * self.counts_as(epc), at_s);
                    Arrival { vehicles: comes, ..arrival }
                })
                .collect();
            lane.add_unseen(&mut arrivals, &vehicles, self.unseen_for_each(lane), weight, at_s);
            lane.add_behind(&mut arrivals, self.unseen_for_each(lane), weight, at_s);
            arrivals
                .extend(coming[ix.index()].iter().map(|&(due_s, share)| lane.expected(due_s - at_s, share)));
            arrivals.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
            arrivals.truncate(MOST_ARRIVALS);
            let no_room_s = if self.neighbours.no_room(ix, at_s) >= NO_ROOM { NO_ROOM_FOR_S } else { 0.0 };
            let held_s = lane.held_until_s.iter().map(|until_s| (until_s - at_s).max(no_room_s)).collect();
            let slower = if fullness > BLOCKED_AHEAD.0 { BLOCKED_AHEAD.1 } else { 1.0 };
            let stages = self.junction.stage_indexes();
            LaneTraffic {
                queue: LaneQueue {
                    arrivals,
                    headway_s: stages.map(|stage| lane.headway_s(stage) * slower).collect(),
                    startup_s: lane.startup_s(),
                    held_s,
                    served: lane.shape.served(),
                    gate: self.neighbours.gate(ix, at_s),
                },
                green_s: lane.green_since_s.map(|since| at_s - since),
                watched: !lane.stop_reader_blind(),
            }
        });
        let stages = self.junction.stages().len();
        let walkers = self.walkers.iter().map(|walkers| walkers.traffic(stages, at_s));
        Traffic { at: now, lanes: lanes.chain(walkers).collect(), silent_s: at_s - self.last_read_s }
    }

    /// Probability that an announced vehicle comes to the stop line: some go elsewhere, or pass it unseen.
    fn comes(&self, lane: &Lane, vehicle: &Vehicle) -> f64 {
        match vehicle.via {
            Some(via) if !vehicle.at_stop_line() && !lane.stop_reader_blind() => {
                self.lanes[via.index()].confirmed.value()
            }
            _ => 1.0,
        }
    }

    /// Who is on the way from neighbours: by lane, when each is due at the stop line, and with which probability.
    fn coming(&self, at_s: f64) -> Vec<Vec<(f64, f64)>> {
        let mut coming = vec![Vec::new(); self.lanes.len()];
        for (seen_s, seen_on, share) in self.neighbours.coming(at_s) {
            let first = &self.lanes[seen_on.index()];
            let due_s = seen_s + first.drive_s.value();
            let total: f64 = first.stops_at.iter().sum();
            for (lane, count) in first.stops_at.iter().enumerate() {
                let share = share * count / total;
                if share >= EXPECTED {
                    coming[lane].push((due_s, share));
                }
            }
        }
        coming
    }
}

impl Vehicle {
    /// Whoever stands at the stop line leaves first.
    fn order(&self) -> f64 {
        self.stopped_s.map_or(self.due_s, |stopped| stopped - 1e6)
    }
}

impl Lane {
    fn arrival(&self, vehicle: &Vehicle, weight: f64, at_s: f64) -> Arrival {
        let wait = at_s - vehicle.due_s;
        Arrival {
            at_s: (-wait).max(0.0),
            vehicles: 1.0,
            weight: weight * (1.0 + wait.clamp(0.0, MOST_WAIT_S) / PATIENCE_S),
            stages: self.stages_for(vehicle, at_s),
            moving: -wait > MOVING_S,
        }
    }

    /// Somebody of whom only the probability is known.
    fn expected(&self, at_s: f64, probability: f64) -> Arrival {
        Arrival {
            at_s: at_s.max(0.0),
            vehicles: probability,
            weight: probability,
            stages: self.usable(),
            moving: at_s > MOVING_S,
        }
    }

    /// The stages whose green a vehicle may use: all that serve its lane, those with only some movements if the head usually leaves in them,
    /// but none at which it has been seen to stand still.
    fn stages_for(&self, vehicle: &Vehicle, at_s: f64) -> StageSet {
        let holds =
            |stage: StageIx, when: f64| at_s - when < STALL_HOLDS_S || self.shape.stages.part.contains(stage);
        let stalled: StageSet = vehicle
            .stalled
            .iter()
            .filter(|(stage, when)| holds(*stage, *when))
            .map(|(stage, _)| *stage)
            .collect();
        let ever: StageSet = vehicle.stalled.iter().map(|(stage, _)| *stage).collect();
        let choices = [self.usable().minus(stalled), self.shape.served().minus(ever)];
        choices.into_iter().find(|stages| !stages.is_empty()).unwrap_or(self.shape.served())
    }

    fn usable(&self) -> StageSet {
        let goes = |stage: &StageIx| self.part_goes[stage.index()].value() >= PART_SERVES;
        let usable = self.shape.stages.full.union(self.shape.stages.part.iter().filter(goes).collect());
        if usable.is_empty() { self.shape.served() } else { usable }
    }

    /// A queue that reaches back beyond the advance zone, and those who stand unannounced behind the stop-line zone.
    fn add_behind(&self, arrivals: &mut Vec<Arrival>, for_each: f64, weight: f64, at_s: f64) {
        if let Some(since_s) = self.queue_over_advance(at_s) {
            let per_s = self.announced.per_s(at_s).max(self.flow(at_s)) * (1.0 + for_each);
            let beyond = per_s * (at_s - since_s);
            for _ in 0..(beyond + 0.5).clamp(0.0, MOST_HIDDEN) as u32 {
                arrivals.push(self.expected(0.0, 1.0));
            }
        }
        let behind = self.hidden(self.behind, self.unannounced_per_s(at_s), at_s, weight, at_s);
        if behind.vehicles > LEAST_HIDDEN {
            arrivals.push(behind);
        }
    }

    /// Unseen users who have come before each seen one and after the last; and after [`UNSEEN_AFTER_S`] of red somebody in any case.
    fn add_unseen(
        &self,
        arrivals: &mut Vec<Arrival>,
        vehicles: &[(&Epc, &Vehicle)],
        for_each: f64,
        weight: f64,
        at_s: f64,
    ) {
        let per_s = self.unseen_per_s(for_each, at_s);
        let mut stream = self.unseen_stream;
        let mut left = MOST_HIDDEN;
        for (arrival, (_, vehicle)) in arrivals.iter_mut().zip(vehicles) {
            let before_s = vehicle.due_s.min(at_s);
            let unseen = self.hidden(stream, per_s, before_s, weight, at_s);
            if unseen.vehicles <= left {
                left -= unseen.vehicles;
                arrival.vehicles += unseen.vehicles;
                arrival.weight += unseen.weight;
            }
            stream.clear(before_s);
        }
        let mut last = self.hidden(stream, per_s, at_s, weight, at_s);
        if last.vehicles < LEAST_HIDDEN || last.vehicles > left {
            last.vehicles = 0.0;
        }
        let red_s = at_s - self.red_since_s;
        if self.green_since_s.is_none() && vehicles.is_empty() && red_s > UNSEEN_AFTER_S {
            let feared = UNSEEN_WEIGHT.0 + (red_s - UNSEEN_AFTER_S) / UNSEEN_WEIGHT.1;
            last.vehicles = last.vehicles.max(1.0);
            last.weight = last.weight.max(feared);
        }
        if last.vehicles > 0.0 {
            arrivals.push(last);
        }
    }

    /// Those of a stream who are still there of all who came up to a moment; on the average each has come half-way.
    fn hidden(&self, stream: Stream, per_s: f64, until_s: f64, weight: f64, at_s: f64) -> Arrival {
        let vehicles = stream.count(per_s, until_s);
        let waits_s = at_s - 0.5 * (stream.since_s + until_s);
        let weight = weight * vehicles * (1.0 + waits_s.max(0.0) / PATIENCE_S);
        Arrival { vehicles, weight, ..self.expected(0.0, 1.0) }
    }
}
