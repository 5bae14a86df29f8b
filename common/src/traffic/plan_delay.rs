//! What a plan would cost: the mean delay on each lane while it runs.

use super::queue::within;
use super::{Arrival, LaneQueue, Model, StageSet, Timing};
use crate::junction::StageIx;

/// Length of the analysis period, seconds: the quarter of an hour of the Highway Capacity Manual.
const PERIOD_S: f64 = 900.0;
/// Cycles before it, in which the queues become what they are in every cycle.
const WARM_UP: usize = 2;
/// Fewest and most cycles of an analysis period.
const CYCLES: (f64, f64) = (3.0, 900.0);
/// A queue that has not left after so many times the warm-up and the period never leaves.
const ENDLESS: usize = 20;
/// Vehicles flow in portions of at most so many vehicles, and of at most so many seconds. A green serves whole portions: above saturation the
/// delay is off by up to half a portion in what a green serves, 0.3 % of a green that lets three vehicles go.
const PORTION: (f64, f64) = (0.02, 1.0);
/// Most portions of a lane.
const MOST_PORTIONS: f64 = 60_000.0;
/// Longest green, seconds.
const MOST_GREEN_S: f64 = 3600.0;

/// A lane, and how many vehicles come on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneFlow {
    /// Flow, vehicles per hour, evenly spread.
    pub flow_per_h: f64,
    /// Saturation headway in each stage, seconds per vehicle: 3600 divided by the saturation flow per hour.
    pub headway_s: Vec<f64>,
    /// Start-up loss, seconds: displayed green less this is effective green.
    pub startup_s: f64,
    /// The stages in which the lane has green.
    pub served: StageSet,
}

/// Predicted mean delay of each lane, in the order of `lanes`, seconds per vehicle, when `cycle` runs again and again: its stages in order,
/// each with its green in seconds, and the clearances of `timing` between them.
///
/// The queue model is rolled out over two cycles without counting, and then over so many whole cycles that they last a quarter of an hour;
/// whoever arrives in these is followed until he has left. Below saturation this is the delay of even arrivals, [`uniform_delay_s`], also where
/// a lane has green several times in a cycle; above it the queue grows from the first cycle on. Without flow it is the delay of a single vehicle
/// that comes at any moment. Random arrivals cost more: the difference between [`hcm_delay_s`] and [`uniform_delay_s`].
///
/// Infinite when a lane has no green, or so little that its queue lasts twenty times as long as its flow. Stages without green, and those that
/// the junction does not have, are left out of the cycle; greens are at most an hour.
///
/// [`uniform_delay_s`]: super::uniform_delay_s
/// [`hcm_delay_s`]: super::hcm_delay_s
pub fn plan_delay_s(timing: &Timing, cycle: &[(StageIx, f64)], lanes: &[LaneFlow]) -> Vec<f64> {
    let greens: Vec<(StageIx, f64)> = cycle
        .iter()
        .filter(|(stage, green_s)| stage.index() < timing.stages() && *green_s > 0.0)
        .map(|&(stage, green_s)| (stage, green_s.min(MOST_GREEN_S)))
        .collect();
    let cycle_s = timing.cycle_s(&greens);
    lanes.iter().map(|lane| lane_delay_s(timing, &greens, cycle_s, lane)).collect()
}

fn lane_delay_s(timing: &Timing, greens: &[(StageIx, f64)], cycle_s: f64, lane: &LaneFlow) -> f64 {
    let Some(place) = greens.iter().position(|(stage, _)| lane.served.contains(*stage)) else {
        return f64::INFINITY;
    };
    let counted = (PERIOD_S / cycle_s).ceil().clamp(CYCLES.0, CYCLES.1) as usize;
    let own = greens[place].0;
    let (queue, portions) = portions(cycle_s, counted, own, lane);
    let model = Model::new(timing.stages(), &[queue], 0.0);
    // Time 0 is the end of the lane's green, when nobody waits.
    let mut progress = model.begin(&[Some(f64::NEG_INFINITY)]);
    let (mut stage, mut at_s) = (own, 0.0);
    for _ in 0..ENDLESS * (WARM_UP + counted) {
        for &(next, green_s) in greens.iter().cycle().skip(place + 1).take(greens.len()) {
            if next != stage {
                at_s = model.change(&mut progress, timing, stage, next, at_s);
                stage = next;
            }
            model.serve(&mut progress, stage, at_s, at_s + green_s);
            at_s += green_s;
        }
        if model.is_empty(&progress) {
            return progress.cost / portions;
        }
    }
    f64::INFINITY
}

/// The flow of a lane, `own` being a stage of its own, in equal portions, of which those of the counted cycles have a weight; and how many
/// have.
fn portions(cycle_s: f64, counted: usize, own: StageIx, lane: &LaneFlow) -> (LaneQueue, f64) {
    let flow = within(lane.flow_per_h, 0.0, f64::MAX) / 3600.0;
    let cycles = WARM_UP + counted;
    let fine = (flow / PORTION.0).max(1.0 / PORTION.1) * cycle_s;
    let each_cycle = fine.clamp(1.0, MOST_PORTIONS / cycles as f64).ceil() as usize;
    let apart_s = cycle_s / each_cycle as f64;
    let arrival = |i: usize| Arrival {
        at_s: (i as f64 + 0.5) * apart_s,
        vehicles: flow * apart_s,
        weight: if i < WARM_UP * each_cycle { 0.0 } else { 1.0 },
        stages: lane.served,
        moving: true,
    };
    let mut queue = LaneQueue {
        arrivals: (0..cycles * each_cycle).map(arrival).collect(),
        headway_s: lane.headway_s.clone(),
        startup_s: lane.startup_s,
        held_s: Vec::new(),
        served: lane.served,
        gate: None,
    };
    // A portion leaves when its middle would: else each green would serve the half of a portion too many.
    queue.startup_s = queue.checked_startup_s() + 0.5 * flow * apart_s * queue.checked_headway_s(own.index());
    (queue, (counted * each_cycle) as f64)
}
