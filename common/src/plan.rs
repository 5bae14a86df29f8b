//! Plans: how long each stage of a junction has green.
//!
//! A plan comes as [`GreenTime`] and is either taken whole or refused whole, with every reason at once. The agent checks it against its own
//! junction; the server checks what it is about to send the same way.

mod read;
#[cfg(test)]
mod tests;

use crate::junction::{Junction, StageIx};
use crate::time::UnixMs;
use crate::wire::{GreenTime, Mode, StageTime};

/// Most characters of a plan's name.
pub const MAX_PLAN_ID: usize = 64;
/// Validity when the message gives none, seconds: automatic plan.
pub const AUTOMATIC_VALID_S: u32 = 900;
/// Validity when the message gives none, seconds: manual override.
pub const MANUAL_VALID_S: u32 = 3600;
/// Validity when the message gives none, seconds: emergency.
pub const EMERGENCY_VALID_S: u32 = 300;
/// Longest validity of an automatic plan or a manual override, seconds.
pub const MAX_VALID_S: u32 = 24 * 3600;
/// Longest validity of an emergency, seconds.
pub const MAX_EMERGENCY_VALID_S: u32 = 900;

/// Green times of a junction, checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name, as the sender gave it.
    pub id: Option<String>,
    /// Who decides.
    pub mode: Mode,
    /// Whole seconds after the common zero at which the cycle starts; `None`: not coordinated.
    pub offset_s: Option<u32>,
    /// The stages to serve, in the junction's order. In an emergency the one stage to reach.
    pub stages: Vec<StagePlan>,
    /// Seconds from receipt for which it holds.
    pub valid_s: u32,
    /// When it was made.
    pub issued: UnixMs,
    /// Why, for people.
    pub reason: Option<String>,
    /// Whether it ends an override or emergency before its time; only an automatic plan can.
    pub ends_override: bool,
}

/// Green of one stage, whole seconds, clearance not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagePlan {
    /// The stage.
    pub stage: StageIx,
    /// Its green.
    pub green_s: u32,
    /// Shortest that tactical control may make it.
    pub min_green_s: u32,
    /// Longest that tactical control may make it.
    pub max_green_s: u32,
}

impl StagePlan {
    /// A green that runs exactly.
    pub const fn exact(stage: StageIx, green_s: u32) -> Self {
        Self { stage, green_s, min_green_s: green_s, max_green_s: green_s }
    }
}

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum PlanProblem {
    #[error("the plan is for junction {theirs}, this is {ours}")]
    OtherJunction { ours: String, theirs: String },
    #[error("plan_id has {chars} characters; it has at most {MAX_PLAN_ID}")]
    LongId { chars: usize },
    #[error("the plan has neither stages nor lane_times; give one of them")]
    Empty,
    #[error("there is no stage \"{stage}\"; there are {known}")]
    UnknownStage { stage: String, known: String },
    #[error("stage \"{stage}\" is named twice")]
    StageTwice { stage: String },
    #[error("stage \"{stage}\" is not named, and may not be skipped")]
    StageMissing { stage: String },
    #[error("{field} is {value}; it is a number of seconds between 0 and 86400")]
    NoTime { field: String, value: f64 },
    #[error("lane_times has {count} entries; the junction has {lanes} lanes")]
    LaneTimes { count: usize, lanes: usize },
    #[error("the lanes' times are all zero")]
    NoGreen,
    #[error("stage \"{stage}\": {field} of {value} s is outside {least} to {most} s")]
    GreenOutOfRange { stage: String, field: &'static str, value: u32, least: u32, most: u32 },
    #[error("stage \"{stage}\": min_green_s {min} ≤ green_s {green} ≤ max_green_s {max} does not hold")]
    Range { stage: String, min: u32, green: u32, max: u32 },
    #[error("stage \"{stage}\" would wait {red} s for its green, longer than longest_red_s {longest}")]
    LongestRed { stage: String, red: u32, longest: u32 },
    #[error("the cycle of {cycle} s is outside the junction's {least} to {most} s")]
    Cycle { cycle: u32, least: u32, most: u32 },
    #[error("valid_s is {value}; {mode} holds at most {most} s")]
    Validity { value: f64, mode: &'static str, most: u32 },
    #[error("an emergency names one stage, the plan names {count}")]
    EmergencyStages { count: usize },
}

/// Limits on the cycle beyond what the junction itself demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Shortest cycle, seconds.
    pub min_cycle_s: u32,
    /// Longest cycle, seconds.
    pub max_cycle_s: u32,
}

impl Limits {
    /// No limit beyond the junction's own.
    pub const NONE: Self = Self { min_cycle_s: 0, max_cycle_s: u32::MAX };
}

impl Plan {
    /// Reads a message and checks the plan in it; `received` stamps a message without `timestamp`.
    ///
    /// # Errors
    /// Every broken rule.
    pub fn from_green_time(
        message: &GreenTime,
        junction: &Junction,
        received: UnixMs,
    ) -> Result<Self, Vec<PlanProblem>> {
        let plan = read::read(message, junction, received)?;
        let problems = plan.check(junction, Limits::NONE);
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// The message that says this plan, with `stages` exact and `lane_times` and `total_cycle_time` for readers of the published interface.
    pub fn to_green_time(&self, junction: &Junction) -> GreenTime {
        let emergency = self.mode == Mode::Emergency;
        let stages = self
            .stages
            .iter()
            .map(|stage| StageTime {
                stage: junction.stage(stage.stage).name.clone(),
                green_s: f64::from(stage.green_s),
                min_green_s: (!emergency).then_some(f64::from(stage.min_green_s)),
                max_green_s: (!emergency).then_some(f64::from(stage.max_green_s)),
            })
            .collect();
        GreenTime {
            junction_id: junction.id,
            lane_times: (!emergency).then(|| self.lane_times(junction).into_iter().map(f64::from).collect()),
            timestamp: Some(self.issued),
            total_cycle_time: (!emergency).then(|| f64::from(self.cycle_s(junction))),
            plan_id: self.id.clone(),
            mode: self.mode,
            offset_s: self.offset_s.map(f64::from),
            stages: Some(stages),
            valid_s: Some(f64::from(self.valid_s)),
            reason: self.reason.clone(),
            ends_override: self.ends_override,
        }
    }

    /// Length of one cycle: greens and the clearances between them, seconds.
    pub fn cycle_s(&self, junction: &Junction) -> u32 {
        self.clearances(junction).zip(&self.stages).map(|(clearance, stage)| stage.green_s + clearance).sum()
    }

    /// Each lane's share of the cycle, in lane order: green and the clearance after it of every stage that serves it, seconds.
    pub fn lane_times(&self, junction: &Junction) -> Vec<u32> {
        let shares: Vec<(StageIx, u32)> = self
            .stages
            .iter()
            .zip(self.clearances(junction))
            .map(|(stage, clearance)| (stage.stage, stage.green_s + clearance))
            .collect();
        junction
            .lane_indexes()
            .map(|lane| {
                let stages = junction.stages_of_lane(lane);
                shares.iter().filter(|(stage, _)| stages.contains(stage)).map(|(_, share)| share).sum()
            })
            .collect()
    }

    /// Every rule of the junction, and of `limits`, that the plan breaks.
    pub fn check(&self, junction: &Junction, limits: Limits) -> Vec<PlanProblem> {
        if self.mode == Mode::Emergency {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for planned in &self.stages {
            let stage = junction.stage(planned.stage);
            for (field, value) in [
                ("green_s", planned.green_s),
                ("min_green_s", planned.min_green_s),
                ("max_green_s", planned.max_green_s),
            ] {
                if !(stage.min_green_s..=stage.max_green_s).contains(&value) {
                    let (least, most) = (stage.min_green_s, stage.max_green_s);
                    let stage = stage.name.clone();
                    problems.push(PlanProblem::GreenOutOfRange { stage, field, value, least, most });
                    break;
                }
            }
            if !(planned.min_green_s..=planned.max_green_s).contains(&planned.green_s) {
                problems.push(PlanProblem::Range {
                    stage: stage.name.clone(),
                    min: planned.min_green_s,
                    green: planned.green_s,
                    max: planned.max_green_s,
                });
            }
        }
        for stage in junction.stage_indexes() {
            let named = self.stages.iter().any(|planned| planned.stage == stage);
            if !named && !junction.stage(stage).skip {
                problems.push(PlanProblem::StageMissing { stage: junction.stage(stage).name.clone() });
            }
        }
        self.check_cycle(junction, limits, &mut problems);
        problems
    }

    fn check_cycle(&self, junction: &Junction, limits: Limits, problems: &mut Vec<PlanProblem>) {
        let cycle = self.cycle_s(junction);
        for planned in &self.stages {
            let (red, longest) = (cycle.saturating_sub(planned.green_s), junction.signal.longest_red_s);
            if red > longest {
                let stage = junction.stage(planned.stage).name.clone();
                problems.push(PlanProblem::LongestRed { stage, red, longest });
            }
        }
        if !(limits.min_cycle_s..=limits.max_cycle_s).contains(&cycle) {
            problems.push(PlanProblem::Cycle { cycle, least: limits.min_cycle_s, most: limits.max_cycle_s });
        }
    }

    /// Clearance after each planned stage, the last one's leading back to the first.
    fn clearances<'a>(&'a self, junction: &'a Junction) -> impl Iterator<Item = u32> + 'a {
        let count = self.stages.len();
        (0..count)
            .map(move |at| junction.clearance_s(self.stages[at].stage, self.stages[(at + 1) % count].stage))
    }
}
