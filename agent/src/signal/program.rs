//! What runs: the stages of one plan, of the fallback, or of an emergency, and the order in which they follow each other.

use flextraff_common::junction::{GroupSet, Junction, StageIx};
use flextraff_common::plan::{Plan, StagePlan};
use flextraff_common::time::MonoMs;
use flextraff_common::traffic::{StageSet, Timing};
use flextraff_common::wire::Mode;
use std::sync::Arc;

/// The stages of a cycle in the junction's order, each with its green; never empty.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The plan; none: fallback.
    pub(super) plan: Option<Arc<Plan>>,
    pub(super) stages: Vec<StagePlan>,
    /// The stage that an emergency asks for.
    pub(super) target: Option<StageIx>,
    /// Whether an emergency vehicle asks for it.
    pub(super) by_vehicle: bool,
    /// Whether somebody at the cabinet's panel goes from stage to stage.
    pub(super) by_panel: bool,
    /// Whether its stages have ranges within which tactical control may move.
    pub(super) ranged: bool,
}

impl Program {
    /// Greens of the TOML; tactical control may move within each stage's own range.
    pub(super) fn fallback(mut stages: Vec<StagePlan>, junction: &Junction) -> Self {
        for planned in &mut stages {
            let stage = junction.stage(planned.stage);
            (planned.min_green_s, planned.max_green_s) = (stage.min_green_s, stage.max_green_s);
        }
        let ranged = has_range(&stages);
        Self { plan: None, stages, target: None, by_vehicle: false, by_panel: false, ranged }
    }

    pub(super) fn of_plan(plan: &Arc<Plan>, junction: &Junction) -> Self {
        if plan.mode != Mode::Emergency {
            let ranged = plan.mode == Mode::Automatic && has_range(&plan.stages);
            let (plan, stages) = (Some(Arc::clone(plan)), plan.stages.clone());
            return Self { plan, stages, target: None, by_vehicle: false, by_panel: false, ranged };
        }
        let target = plan.stages.first().map(|planned| planned.stage);
        let stages = junction
            .stage_indexes()
            .map(|stage| {
                let hold = Some(stage) == target;
                let least = junction.stage(stage).min_green_s;
                StagePlan::exact(stage, if hold { junction.signal.longest_red_s.max(least) } else { least })
            })
            .collect();
        let plan = Some(Arc::clone(plan));
        Self { plan, stages, target, by_vehicle: false, by_panel: false, ranged: false }
    }

    /// Every stage in the junction's order, each until the panel asks for the next one.
    pub(super) fn by_panel(junction: &Junction) -> Self {
        let exact = |stage| StagePlan::exact(stage, junction.stage(stage).max_green_s);
        let stages = junction.stage_indexes().map(exact).collect();
        Self { plan: None, stages, target: None, by_vehicle: false, by_panel: true, ranged: false }
    }

    pub(super) fn mode(&self) -> Mode {
        if self.by_panel {
            return Mode::ManualOverride;
        }
        self.plan.as_ref().map_or(Mode::Automatic, |plan| plan.mode)
    }

    pub(super) fn plan_id(&self) -> Option<String> {
        self.plan.as_ref().and_then(|plan| plan.id.clone())
    }

    /// Green of a stage, seconds; of one that is not in the program: none.
    pub(super) fn green_s(&self, stage: StageIx) -> Option<u32> {
        self.stages.iter().find(|planned| planned.stage == stage).map(|planned| planned.green_s)
    }

    /// Where a cycle begins: with the stage of the emergency, else with the first of the junction's order.
    pub(super) fn first(&self) -> StageIx {
        self.target.unwrap_or_else(|| self.stages[0].stage)
    }

    /// Length of one cycle with the planned greens, seconds.
    pub(super) fn cycle_s(&self, junction: &Junction) -> u32 {
        let served = |planned: &StagePlan| {
            planned.green_s + junction.clearance_s(planned.stage, self.after(planned.stage))
        };
        self.stages.iter().map(served).sum()
    }

    /// The stage that follows, in the junction's order and from its end back to its beginning.
    pub(super) fn after(&self, stage: StageIx) -> StageIx {
        let later = self.stages.iter().find(|planned| planned.stage > stage);
        later.unwrap_or(&self.stages[0]).stage
    }

    /// Its stages, in the junction's order.
    pub(super) fn order(&self) -> Vec<StageIx> {
        self.stages.iter().map(|planned| planned.stage).collect()
    }

    /// Those of its stages that are left out while nobody wants them.
    pub(super) fn may_skip(&self, junction: &Junction) -> StageSet {
        let stages = self.stages.iter().map(|planned| planned.stage);
        stages.filter(|stage| junction.stage(*stage).skip).collect()
    }

    /// Clearances, and the ranges of its greens, as tactical control reckons with them.
    pub(super) fn timing(&self, junction: &Junction) -> Timing {
        let mut timing = Timing::of(junction);
        for planned in &self.stages {
            timing.min_green_s[planned.stage.index()] = f64::from(planned.min_green_s);
            timing.max_green_s[planned.stage.index()] = f64::from(planned.max_green_s);
        }
        // A change that only adds groups is free on the road; in the search it would go back and forth for nothing.
        timing.set_least_clearance_s(f64::from(junction.signal.amber_ms) / 1000.0);
        timing
    }

    /// All groups that it serves.
    pub(super) fn groups(&self, junction: &Junction) -> GroupSet {
        self.stages
            .iter()
            .fold(GroupSet::EMPTY, |all, planned| all.union(junction.stage(planned.stage).groups))
    }

    /// When the green of `stage` must end at the latest so that no group of the program waits longer than the longest red although every
    /// stage before its own has only its shortest green; `red_since` by group.
    pub(super) fn latest_end(
        &self,
        junction: &Junction,
        stage: StageIx,
        red_since: &[MonoMs],
    ) -> Option<MonoMs> {
        let longest_ms = i64::from(junction.signal.longest_red_s) * 1000;
        let mut served = junction.stage(stage).groups;
        let (mut at, mut ahead_ms) = (stage, 0);
        let mut latest: Option<MonoMs> = None;
        for _ in 0..self.stages.len() {
            let next = self.after(at);
            if next == stage {
                break;
            }
            ahead_ms += i64::from(junction.clearance_s(at, next)) * 1000;
            for group in junction.stage(next).groups.minus(served).iter() {
                let end = red_since[group.index()] + (longest_ms - ahead_ms);
                latest = Some(latest.map_or(end, |sooner| sooner.min(end)));
            }
            served = served.union(junction.stage(next).groups);
            ahead_ms += i64::from(junction.stage(next).min_green_s) * 1000;
            at = next;
        }
        latest
    }
}

/// Whether there is something to decide: with one stage there is not.
fn has_range(stages: &[StagePlan]) -> bool {
    stages.len() > 1 && stages.iter().any(|planned| planned.min_green_s < planned.max_green_s)
}
