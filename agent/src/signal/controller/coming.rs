//! What counts at a moment, and what follows a green.

use super::super::clearance::Clearance;
use super::super::program::Program;
use super::super::tactical::Guard;
use super::Controller;
use flextraff_common::junction::{GroupIx, StageIx};
use flextraff_common::time::{ClockState, MonoMs};
use flextraff_common::wire::Mode;

/// What follows a green.
#[derive(Clone, Debug)]
pub(super) struct Coming {
    pub(super) stage: StageIx,
    /// What runs from the start of that green on: a cycle begins with it.
    pub(super) cycle_of: Option<Program>,
}

impl Controller {
    /// The stage that an emergency asks for.
    pub(super) fn emergency_stage(&self, at: MonoMs) -> Option<StageIx> {
        let emergency = self.plans.best(at).filter(|plan| plan.mode == Mode::Emergency);
        emergency.and_then(|plan| plan.stages.first()).map(|planned| planned.stage)
    }

    /// What counts at a moment.
    pub(super) fn wanted(&self, at: MonoMs) -> Program {
        if self.panel.decides(at) {
            return Program::by_panel(&self.junction);
        }
        if let Some(plan) = self.plans.best(at) {
            let by_vehicle = self.plans.vehicle_decides(at);
            return Program { by_vehicle, ..Program::of_plan(plan, &self.junction) };
        }
        let wall = (self.now.clock == ClockState::Synced).then(|| self.now.wall_at(at));
        Program::fallback(self.fallback.stages(&self.junction, wall), &self.junction)
    }

    /// What counts for what follows the green of a stage that ends now. A plan that ends before its first green can begin does not: the groups
    /// that it leaves out would wait on, for one that never runs.
    pub(super) fn wanted_after(&self, stage: StageIx, at: MonoMs) -> Program {
        if self.plans.best(at).is_some_and(|plan| plan.mode == Mode::Emergency) {
            return self.wanted(at);
        }
        let begins = |next| Clearance::new(&self.junction, Some(stage), next, at, &self.green_ended).green_at;
        self.wanted(self.junction.stage_indexes().map(begins).fold(at, MonoMs::max))
    }

    /// What follows the green of a stage that ends now.
    pub(super) fn coming(&self, stage: StageIx, at: MonoMs) -> Coming {
        let wanted = self.wanted_after(stage, at);
        let next = self.program.after(stage);
        match (self.program.target, wanted.target) {
            // Out of an emergency: on from here, in the order of what runs next, unless somebody has waited too long meanwhile. Otherwise
            // emergencies that come anew as soon as they are over would leave others without green for as long as they come.
            (Some(_), None) => {
                let next = self.in_time(&wanted, stage, wanted.after(stage), at);
                Coming { stage: next, cycle_of: Some(wanted) }
            }
            (Some(present), Some(target)) if present == target && next != target => {
                Coming { stage: self.for_others(&self.program, stage), cycle_of: None }
            }
            // Emergencies that take turns between stages with the same lamps would leave others without green for as long as they come.
            (Some(_), Some(target)) if self.shows_the_same(stage, target) && self.are_overdue(stage, at) => {
                Coming { stage: self.for_others(&wanted, stage), cycle_of: Some(wanted) }
            }
            (_, Some(target)) => Coming { stage: target, cycle_of: Some(wanted) },
            (None, None) if next > stage => {
                Coming { stage: self.in_time(&self.program, stage, next, at), cycle_of: None }
            }
            (None, None) => {
                // The new cycle's first stage may be the one that has just had its time: it does not get a second one in a row.
                let first = wanted.first();
                let first = if first == stage { wanted.after(stage) } else { first };
                Coming { stage: self.in_time(&wanted, stage, first, at), cycle_of: Some(wanted) }
            }
        }
    }

    /// The stage that follows so that others get green: not one that lights nothing new; if there is no other, the next in order.
    fn for_others(&self, program: &Program, stage: StageIx) -> StageIx {
        let order = std::iter::successors(Some(program.after(stage)), |next| Some(program.after(*next)));
        let mut others = order.take(program.order().len());
        others.find(|next| !self.shows_the_same(stage, *next)).unwrap_or_else(|| program.after(stage))
    }

    /// Whether the second stage has no group that the first has not.
    fn shows_the_same(&self, stage: StageIx, other: StageIx) -> bool {
        let groups = |stage| self.junction.stage(stage).groups;
        groups(other).minus(groups(stage)).is_empty()
    }

    /// Whether a group that the stage does not serve has waited for the longest red.
    fn are_overdue(&self, stage: StageIx, at: MonoMs) -> bool {
        let longest_ms = i64::from(self.junction.signal.longest_red_s) * 1000;
        let served = self.junction.stage(stage).groups;
        let waits =
            |(group, since): (GroupIx, &MonoMs)| !served.contains(group) && at.since(*since) >= longest_ms;
        self.junction.group_indexes().zip(&self.red_since).any(waits)
    }

    /// `next`, unless somebody would then wait longer than the longest red, because what ran before served the stages in another order or left
    /// some out: then a stage from which the order of the stages is in time for all, else the one that leaves the others most time.
    pub(super) fn in_time(&self, program: &Program, stage: StageIx, next: StageIx, at: MonoMs) -> StageIx {
        let junction = &*self.junction;
        let new = program.groups(junction).minus(self.program.groups(junction));
        let since = |(group, since): (GroupIx, &MonoMs)| if new.contains(group) { at } else { *since };
        let red_since: Vec<MonoMs> = junction.group_indexes().zip(&self.red_since).map(since).collect();
        let stages = program.order();
        let (stages, red_since, green_ended) = (&stages[..], &red_since[..], &self.green_ended[..]);
        let guard = Guard { junction, stages, red_since, green_ended };
        if next == stage || (program.ranged && guard.allows(stage, next, at)) {
            return next;
        }
        let joins = if program.ranged { None } else { guard.joins_order(stage, next, at) };
        joins.or_else(|| guard.safest(stage, at)).unwrap_or(next)
    }
}
