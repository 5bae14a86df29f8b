//! From a message to a plan: what `stages` and `lane_times` mean.

use super::{
    AUTOMATIC_VALID_S, EMERGENCY_VALID_S, MANUAL_VALID_S, MAX_EMERGENCY_VALID_S, MAX_PLAN_ID, MAX_VALID_S,
    Plan, PlanProblem, StagePlan,
};
use crate::junction::{Junction, StageIx};
use crate::time::UnixMs;
use crate::wire::{GreenTime, Mode, StageTime};

/// More than any time in a plan; keeps sums far from overflow.
const MOST_S: f64 = 86_400.0;

pub(super) fn read(
    message: &GreenTime,
    junction: &Junction,
    received: UnixMs,
) -> Result<Plan, Vec<PlanProblem>> {
    let mut problems = Vec::new();
    if message.junction_id != junction.id {
        let (ours, theirs) = (junction.id.to_string(), message.junction_id.to_string());
        problems.push(PlanProblem::OtherJunction { ours, theirs });
    }
    if let Some(chars) =
        message.plan_id.as_ref().map(|id| id.chars().count()).filter(|&chars| chars > MAX_PLAN_ID)
    {
        problems.push(PlanProblem::LongId { chars });
    }
    let valid_s = validity(message, &mut problems);
    let offset_s = message.offset_s.map(|value| seconds("offset_s", value, &mut problems));
    let mut stages = match (&message.stages, &message.lane_times) {
        (Some(stages), _) => from_stages(stages, message.mode, junction, &mut problems),
        (None, Some(times)) if message.mode != Mode::Emergency => {
            from_lane_times(times, message.total_cycle_time, junction, &mut problems)
        }
        _ => {
            problems.push(PlanProblem::Empty);
            Vec::new()
        }
    };
    if message.mode == Mode::Emergency && message.stages.is_some() && stages.len() != 1 {
        problems.push(PlanProblem::EmergencyStages { count: stages.len() });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    stages.sort_by_key(|planned| planned.stage);
    Ok(Plan {
        id: message.plan_id.clone(),
        mode: message.mode,
        offset_s,
        stages,
        valid_s,
        issued: message.timestamp.unwrap_or(received),
        reason: message.reason.clone(),
        ends_override: message.ends_override && message.mode == Mode::Automatic,
    })
}

fn seconds(field: &str, value: f64, problems: &mut Vec<PlanProblem>) -> u32 {
    if !(0.0..=MOST_S).contains(&value) {
        problems.push(PlanProblem::NoTime { field: field.to_owned(), value });
        return 0;
    }
    value.round() as u32
}

fn validity(message: &GreenTime, problems: &mut Vec<PlanProblem>) -> u32 {
    let (mode, usual, most) = match message.mode {
        Mode::Automatic => ("an automatic plan", AUTOMATIC_VALID_S, MAX_VALID_S),
        Mode::ManualOverride => ("a manual override", MANUAL_VALID_S, MAX_VALID_S),
        Mode::Emergency => ("an emergency", EMERGENCY_VALID_S, MAX_EMERGENCY_VALID_S),
    };
    match message.valid_s {
        None => usual,
        Some(value) if (1.0..=f64::from(most)).contains(&value) => value.round() as u32,
        Some(value) => {
            problems.push(PlanProblem::Validity { value, mode, most });
            usual
        }
    }
}

fn from_stages(
    times: &[StageTime],
    mode: Mode,
    junction: &Junction,
    problems: &mut Vec<PlanProblem>,
) -> Vec<StagePlan> {
    let mut stages: Vec<StagePlan> = Vec::new();
    for time in times {
        let Some(stage) = junction.stage_named(&time.stage) else {
            let known: Vec<&str> = junction.stages().iter().map(|stage| stage.name.as_str()).collect();
            problems.push(PlanProblem::UnknownStage {
                stage: time.stage.chars().take(64).collect(),
                known: known.join(", "),
            });
            continue;
        };
        if stages.iter().any(|planned| planned.stage == stage) {
            problems.push(PlanProblem::StageTwice { stage: time.stage.clone() });
            continue;
        }
        let mut of = |field: &str, value: f64| {
            seconds(&format!("{field} of stage \"{}\"", time.stage), value, problems)
        };
        let green_s = of("green_s", time.green_s);
        let mut range = |field: &str, value: Option<f64>| match value {
            Some(value) if mode == Mode::Automatic => of(field, value),
            _ => green_s,
        };
        let min_green_s = range("min_green_s", time.min_green_s);
        let max_green_s = range("max_green_s", time.max_green_s);
        stages.push(StagePlan { stage, green_s, min_green_s, max_green_s });
    }
    stages
}

/// A stage's time is the greatest of its lanes', scaled so that all fill the cycle (or their own sum); less the clearance that follows, it is green.
fn from_lane_times(
    times: &[f64],
    cycle: Option<f64>,
    junction: &Junction,
    problems: &mut Vec<PlanProblem>,
) -> Vec<StagePlan> {
    if times.len() != junction.lanes().len() {
        problems.push(PlanProblem::LaneTimes { count: times.len(), lanes: junction.lanes().len() });
        return Vec::new();
    }
    for (lane, &value) in junction.lanes().iter().zip(times) {
        if !(0.0..=MOST_S).contains(&value) {
            problems
                .push(PlanProblem::NoTime { field: format!("lane_times of lane \"{}\"", lane.name), value });
        }
    }
    if let Some(value) = cycle.filter(|value| !(0.0..=MOST_S).contains(value)) {
        problems.push(PlanProblem::NoTime { field: "total_cycle_time".to_owned(), value });
    }
    if !problems.is_empty() {
        return Vec::new();
    }
    let shares: Vec<(StageIx, f64)> = junction
        .stage_indexes()
        .map(|stage| {
            let greatest =
                junction.lanes_of_stage(stage).iter().map(|lane| times[lane.index()]).fold(0.0, f64::max);
            (stage, greatest)
        })
        .filter(|&(stage, share)| share > 0.0 || !junction.stage(stage).skip)
        .collect();
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if sum <= 0.0 {
        problems.push(PlanProblem::NoGreen);
        return Vec::new();
    }
    let scale = cycle.map_or(1.0, |cycle| cycle / sum);
    (0..shares.len())
        .map(|at| {
            let (stage, share) = shares[at];
            let clearance = junction.clearance_s(stage, shares[(at + 1) % shares.len()].0);
            let green_s = (share * scale).round() as u32;
            StagePlan::exact(stage, green_s.saturating_sub(clearance))
        })
        .collect()
}
