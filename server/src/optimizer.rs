//! Cycle and splits of a junction from its demand; pure.
//!
//! Webster's method: the stage's flow ratio is the greatest ratio of flow to saturation flow of its lanes; the cycle of least delay follows
//! from their sum and the time lost in clearances; green is shared in proportion to the flow ratios (Webster, Road Research Technical
//! Paper 39, 1958; Indian practice: IRC:93). The result keeps every limit of the junction and says which of them bound it.

mod cycle;
mod demand;
mod explain;
mod split;
#[cfg(test)]
mod tests;

pub use demand::{DemandWindow, LaneDemand};
pub use explain::{Bound, Explanation, LaneFlow, StageShare};

use flextraff_common::junction::{Junction, StageIx};
use flextraff_common::plan::{Limits, StagePlan};

/// Saturation flow that a lane is taken to have until its own is known, vehicles per hour of green (3.5 m lane, IRC:SP:41).
pub const SATURATION_FLOW_VEH_H: f64 = 1890.0;
/// Time lost at the start of each green, seconds (Webster's usual value).
pub const START_UP_LOSS_S: f64 = 2.0;
/// A lane must have been watched this long for its flow to count, seconds.
pub const LEAST_OBSERVED_S: f64 = 60.0;
/// From this sum of flow ratios on the junction is over capacity and runs its longest cycle.
pub const OVER_CAPACITY: f64 = 0.95;

/// Greens for the next cycles, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Green of each stage, with the range that tactical control may use.
    pub stages: Vec<StagePlan>,
    /// Why.
    pub explanation: Explanation,
}

/// Cycle and greens for a demand; `base_cycle_s` where no lane's demand is known.
///
/// Every stage is served: no tags never means no demand, because two- and three-wheelers carry none.
pub fn optimize(junction: &Junction, limits: Limits, base_cycle_s: u32, demand: &[LaneDemand]) -> Proposal {
    let lanes = explain::lane_flows(junction, demand);
    let ratios: Vec<(f64, Option<usize>)> =
        junction.stage_indexes().map(|stage| flow_ratio(junction, stage, &lanes)).collect();
    let stage_ratios: Vec<f64> = ratios.iter().map(|&(ratio, _)| ratio).collect();
    let known = lanes.iter().any(|lane| lane.flow_veh_h.is_some());
    let chosen = cycle::choose(junction, limits, known.then_some(&stage_ratios), base_cycle_s);
    let shares = if known { stage_ratios } else { vec![1.0; ratios.len()] };
    let (greens, split_bounds) = split::share(junction, chosen.cycle_s, &shares);
    let explanation = explain::build(junction, lanes, &ratios, &chosen, &greens, split_bounds);
    let stages = junction
        .stage_indexes()
        .zip(greens)
        .map(|(stage, green_s)| {
            let limits = junction.stage(stage);
            StagePlan { stage, green_s, min_green_s: limits.min_green_s, max_green_s: limits.max_green_s }
        })
        .collect();
    Proposal { stages, explanation }
}

/// Greatest flow ratio of the lanes that a stage serves, and which lane has it. A lane that several stages serve brings each its even part.
fn flow_ratio(junction: &Junction, stage: StageIx, lanes: &[LaneFlow]) -> (f64, Option<usize>) {
    let mut best = (0.0, None);
    for lane in junction.lanes_of_stage(stage) {
        let served = junction.stages_of_lane(lane).len().max(1);
        let ratio = lanes[lane.index()].flow_ratio.unwrap_or(0.0) / served as f64;
        if ratio > best.0 {
            best = (ratio, Some(lane.index()));
        }
    }
    best
}
