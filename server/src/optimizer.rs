//! Cycle and splits of a junction from its demand; pure.
//!
//! Webster's method: the stage's flow ratio is the greatest ratio of flow to saturation flow of its lanes; a lane discharges in each stage as the
//! queue model of the agents lets it ([`LaneStages`]). The cycle of least delay follows
//! from their sum and the time lost in clearances; green is shared in proportion to the flow ratios (Webster, Road Research Technical
//! Paper 39, 1958; Indian practice: IRC:93). The result keeps every limit of the junction and says which of them bound it.

mod cycle;
mod demand;
mod explain;
mod predict;
mod split;
#[cfg(test)]
mod tests;

pub use demand::{DemandWindow, LaneDemand, Row, Shown};
pub use explain::{Bound, Explanation, LaneFlow, StageShare};
pub use predict::{LaneDelay, Prediction, predict};

use flextraff_common::junction::{Junction, Stage, StageIx};
use flextraff_common::plan::{Limits, StagePlan};
use flextraff_common::traffic::{LaneStages, SATURATION_HEADWAY_S};

/// Saturation flow of a lane in a stage in which all of its movements have green and the right of way, vehicles per hour of green.
pub const SATURATION_FLOW_VEH_H: f64 = 3600.0 / SATURATION_HEADWAY_S;
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

/// Bounds of the proposal, beyond the junction's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of the cycle.
    pub cycle: Limits,
    /// Shortest green of any stage, seconds, as far as the stage's own range allows.
    pub min_green_s: u32,
    /// Longest green of any stage, seconds, as far as the stage's own range allows.
    pub max_green_s: u32,
}

impl From<Limits> for Bounds {
    fn from(cycle: Limits) -> Self {
        Self { cycle, min_green_s: 0, max_green_s: u32::MAX }
    }
}

impl Bounds {
    /// Shortest and longest green of a stage, seconds.
    fn range(&self, stage: &Stage) -> (u32, u32) {
        let within = |green_s: u32| green_s.clamp(stage.min_green_s, stage.max_green_s);
        let least = within(self.min_green_s);
        (least, within(self.max_green_s).max(least))
    }
}

/// Cycle and greens for a demand; `base_cycle_s` where no lane's demand is known.
///
/// Every stage is served: no tags never means no demand, because two- and three-wheelers carry none.
pub fn optimize(
    junction: &Junction,
    bounds: impl Into<Bounds>,
    base_cycle_s: u32,
    demand: &[LaneDemand],
) -> Proposal {
    let bounds = bounds.into();
    let ranges: Vec<(u32, u32)> = junction.stages().iter().map(|stage| bounds.range(stage)).collect();
    let lanes = explain::lane_flows(junction, demand);
    let ratios = flow_ratios(junction, &lanes);
    let stage_ratios: Vec<f64> = ratios.iter().map(|&(ratio, _)| ratio).collect();
    let known = lanes.iter().any(|lane| lane.flow_veh_h.is_some());
    let chosen = cycle::choose(junction, bounds.cycle, &ranges, known.then_some(&stage_ratios), base_cycle_s);
    let shares = if known { stage_ratios } else { vec![1.0; ratios.len()] };
    let (greens, split_bounds) = split::share(junction, chosen.cycle_s, &shares, &ranges);
    let explanation = explain::build(junction, lanes, &ratios, &chosen, &greens, split_bounds);
    let stages = junction
        .stage_indexes()
        .zip(greens.into_iter().zip(ranges))
        .map(|(stage, (green_s, (min_green_s, max_green_s)))| StagePlan {
            stage,
            green_s,
            min_green_s,
            max_green_s,
        })
        .collect();
    Proposal { stages, explanation }
}

/// What a demand makes of greens that were given beforehand; `sentence` says by whom.
pub fn explain_fixed(
    junction: &Junction,
    stages: &[StagePlan],
    cycle_s: u32,
    demand: &[LaneDemand],
    sentence: String,
) -> Explanation {
    let lanes = explain::lane_flows(junction, demand);
    let ratios = flow_ratios(junction, &lanes);
    explain::fixed(junction, lanes, &ratios, stages, cycle_s, sentence)
}

/// What a demand is on each lane, in lane order.
pub fn lane_flows(junction: &Junction, demand: &[LaneDemand]) -> Vec<LaneFlow> {
    explain::lane_flows(junction, demand)
}

/// What a lane discharges on the average of the stages that serve it, vehicles per hour of green.
fn saturation_veh_h(stages: LaneStages) -> f64 {
    let (sum, count) = stages.served().iter().fold((0.0, 0.0), |(sum, count), stage| {
        (sum + SATURATION_FLOW_VEH_H / stages.headway_factor(stage), count + 1.0)
    });
    if count > 0.0 { sum / count } else { SATURATION_FLOW_VEH_H }
}

/// Of each stage the flow ratio, and which lane decides it.
fn flow_ratios(junction: &Junction, lanes: &[LaneFlow]) -> Vec<(f64, Option<usize>)> {
    junction.stage_indexes().map(|stage| flow_ratio(junction, stage, lanes)).collect()
}

/// Greatest flow ratio of the lanes that a stage serves, and which lane has it. A lane that several stages serve brings each its even part: what it
/// needs of each if all of them have the same green, because its saturation flow is the mean of theirs.
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
