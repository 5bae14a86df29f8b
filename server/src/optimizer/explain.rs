//! Why a plan is as it is, in numbers and in a sentence; stored with the plan.

use super::{LaneDemand, cycle::Chosen, cycle::lost_s, saturation_veh_h};
use flextraff_common::junction::{Junction, LaneIx};
use flextraff_common::plan::StagePlan;
use flextraff_common::traffic::LaneStages;
use serde::Serialize;
use utoipa::ToSchema;

/// A limit that decided a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The junction's shortest cycle.
    MinCycle,
    /// The junction's longest cycle.
    MaxCycle,
    /// All stages at their shortest green.
    MinGreens,
    /// All stages at their longest green.
    MaxGreens,
    /// The longest that anybody may wait.
    LongestRed,
    /// The stage's shortest green.
    MinGreen,
    /// The stage's longest green.
    MaxGreen,
}

/// Demand of a lane as the optimizer took it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LaneFlow {
    /// Name of the lane.
    pub lane: String,
    /// Seconds watched in the window.
    pub observed_s: f64,
    /// Tagged vehicles per hour; null: watched too little.
    pub flow_veh_h: Option<f64>,
    /// Vehicles per hour of green that it can discharge, on the average of its stages: less where only part of it has green, or it gives way.
    pub saturation_veh_h: f64,
    /// Flow over saturation flow.
    pub flow_ratio: Option<f64>,
}

/// A stage's part of the cycle.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageShare {
    /// Name of the stage.
    pub stage: String,
    /// Its flow ratio.
    pub flow_ratio: f64,
    /// The lane that decides it.
    pub critical_lane: Option<String>,
    /// Green, seconds.
    pub green_s: u32,
    /// The limit that decided the green.
    pub bound: Option<Bound>,
}

/// Why a plan is as it is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// How it was made: `webster`, or `schedule` for a fixed plan.
    pub method: &'static str,
    /// In a sentence.
    pub sentence: String,
    /// Length of the cycle, seconds.
    pub cycle_s: u32,
    /// Webster's cycle before limits, seconds.
    pub webster_cycle_s: Option<f64>,
    /// The limit that decided the cycle.
    pub cycle_bound: Option<Bound>,
    /// Time lost in clearances and start-ups, seconds a cycle.
    pub lost_s: f64,
    /// Sum of the stages' flow ratios.
    pub flow_ratio_sum: f64,
    /// The entry of the schedule that fixes or limits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Each lane's demand.
    pub lanes: Vec<LaneFlow>,
    /// Each stage's part.
    pub stages: Vec<StageShare>,
}

pub(super) fn lane_flows(junction: &Junction, demand: &[LaneDemand]) -> Vec<LaneFlow> {
    junction
        .lanes()
        .iter()
        .enumerate()
        .map(|(at, lane)| {
            let demand = demand.get(at).copied().unwrap_or_default();
            let flow_veh_h = demand.flow_veh_h();
            let saturation_veh_h = saturation_veh_h(LaneStages::of(junction, LaneIx::new(at)));
            LaneFlow {
                lane: lane.name.clone(),
                observed_s: tenths(demand.observed_s),
                flow_veh_h: flow_veh_h.map(tenths),
                saturation_veh_h: tenths(saturation_veh_h),
                flow_ratio: flow_veh_h.map(|flow| flow / saturation_veh_h),
            }
        })
        .collect()
}

pub(super) fn build(
    junction: &Junction,
    lanes: Vec<LaneFlow>,
    ratios: &[(f64, Option<usize>)],
    chosen: &Chosen,
    greens: &[u32],
    bounds: Vec<Option<Bound>>,
) -> Explanation {
    let stages: Vec<StageShare> = junction
        .stages()
        .iter()
        .enumerate()
        .zip(bounds)
        .map(|((at, stage), bound)| StageShare {
            stage: stage.name.clone(),
            flow_ratio: ratios[at].0,
            critical_lane: ratios[at].1.map(|lane| lanes[lane].lane.clone()),
            green_s: greens[at],
            bound,
        })
        .collect();
    Explanation {
        method: "webster",
        sentence: sentence(chosen, &stages, &lanes),
        cycle_s: chosen.cycle_s,
        webster_cycle_s: chosen.webster_s.map(tenths),
        cycle_bound: chosen.bound,
        lost_s: tenths(chosen.lost_s),
        flow_ratio_sum: chosen.flow_ratio_sum,
        schedule: None,
        lanes,
        stages,
    }
}

/// Of greens that were given beforehand.
pub(super) fn fixed(
    junction: &Junction,
    lanes: Vec<LaneFlow>,
    ratios: &[(f64, Option<usize>)],
    greens: &[StagePlan],
    cycle_s: u32,
    sentence: String,
) -> Explanation {
    let share = |planned: &StagePlan| {
        let (flow_ratio, lane) = ratios[planned.stage.index()];
        StageShare {
            stage: junction.stage(planned.stage).name.clone(),
            flow_ratio,
            critical_lane: lane.map(|lane| lanes[lane].lane.clone()),
            green_s: planned.green_s,
            bound: None,
        }
    };
    let stages = greens.iter().map(share).collect();
    Explanation {
        method: "schedule",
        sentence,
        cycle_s,
        webster_cycle_s: None,
        cycle_bound: None,
        lost_s: tenths(lost_s(junction)),
        flow_ratio_sum: ratios.iter().map(|(ratio, _)| ratio).sum(),
        schedule: None,
        lanes,
        stages,
    }
}

fn sentence(chosen: &Chosen, stages: &[StageShare], lanes: &[LaneFlow]) -> String {
    let cycle = chosen.cycle_s;
    if lanes.iter().all(|lane| lane.flow_veh_h.is_none()) {
        return format!(
            "No lane has been watched for a minute yet: the base cycle of {cycle} s is shared evenly."
        );
    }
    let why = match (chosen.webster_s, chosen.bound) {
        (None, _) => format!(
            "Flow ratios add up to {:.2}, which is over capacity: the longest cycle, {cycle} s, runs",
            chosen.flow_ratio_sum
        ),
        (Some(webster), Some(bound)) => {
            format!("Webster's cycle of {webster:.0} s is bound by {} to {cycle} s", bound_name(bound))
        }
        (Some(_), None) => {
            format!("Webster's cycle is {cycle} s at a flow ratio of {:.2}", chosen.flow_ratio_sum)
        }
    };
    let most = stages.iter().max_by_key(|stage| stage.green_s);
    let share = most.map_or_else(String::new, |stage| {
        let lane = stage.critical_lane.as_ref().map_or_else(String::new, |lane| format!(" for lane {lane}"));
        format!("; stage {} gets most green, {} s{lane}", stage.stage, stage.green_s)
    });
    format!("{why}{share}.")
}

const fn bound_name(bound: Bound) -> &'static str {
    match bound {
        Bound::MinCycle => "the shortest cycle",
        Bound::MaxCycle => "the longest cycle",
        Bound::MinGreens => "the minimum greens",
        Bound::MaxGreens => "the maximum greens",
        Bound::LongestRed => "the longest red",
        Bound::MinGreen => "the minimum green",
        Bound::MaxGreen => "the maximum green",
    }
}

pub(super) fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
