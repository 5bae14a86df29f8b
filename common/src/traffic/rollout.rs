//! Rollouts: what a course of stages costs until everybody has left.

use super::queue::FAR_S;
use super::{Model, Progress, StageSet, Timing};
use crate::junction::{StageIx, StageOrder};

/// Step of a rollout, seconds.
const STEP_S: f64 = 1.0;
/// Cost of each vehicle that a rollout leaves behind, seconds beyond its wait: more than a change of stages.
pub(super) const LEFT_BEHIND_S: f64 = 20.0;
/// Most steps of one rollout; a guard against endless ones, far more than a horizon has.
const MOST_STEPS: u32 = 2000;

/// How a rollout goes on after its first change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// A stage goes on while somebody whom it serves arrives within this time, seconds.
    pub gap_s: f64,
    /// How far it looks, seconds. Whoever is left then costs his wait so far, what serving his lane alone would add, and 20 s.
    pub horizon_s: f64,
}

/// Rollouts over one model.
#[derive(Clone, Copy, Debug)]
pub struct Rollout<'a> {
    /// Who is where.
    pub model: &'a Model,
    /// The signal.
    pub timing: &'a Timing,
    /// What follows a stage: in a fixed order the next that is wanted or may not be skipped, in a free one all others.
    pub order: Order<'a>,
    /// How to go on.
    pub policy: Policy,
}

/// The order of stages.
#[derive(Clone, Copy, Debug)]
pub enum Order<'a> {
    /// Any of these may follow any.
    Free(StageSet),
    /// One after the other; those of the set are left out while nobody wants them.
    Fixed(&'a [StageIx], StageSet),
}

impl<'a> Order<'a> {
    /// The order that a junction has, of the stages that are served; `may_skip`: which of them are left out while nobody wants them.
    pub fn of(order: StageOrder, stages: &'a [StageIx], may_skip: StageSet) -> Self {
        match order {
            StageOrder::Free => Self::Free(stages.iter().copied().collect()),
            StageOrder::Fixed => Self::Fixed(stages, may_skip),
        }
    }

    /// The stages that may follow `stage` when `wanted` says who is. In a fixed order at most one, also after a stage that is not in the order.
    pub fn after(&self, stage: StageIx, wanted: impl Fn(StageIx) -> bool) -> StageSet {
        match *self {
            Order::Free(stages) => {
                let mut others = stages;
                others.remove(stage);
                others
            }
            Order::Fixed(order, may_skip) => {
                let at = order.iter().position(|&other| other == stage);
                let first = at
                    .map_or_else(|| order.iter().position(|&other| other > stage).unwrap_or(0), |at| at + 1);
                let others = order.iter().copied().cycle().skip(first);
                let mut others = others.take(order.len() - usize::from(at.is_some()));
                let soonest = others.clone().next();
                others
                    .find(|&next| !may_skip.contains(next) || wanted(next))
                    .or(soonest)
                    .into_iter()
                    .collect()
            }
        }
    }
}

impl Rollout<'_> {
    /// Goes on from `stage`, which has green from `from_s` at least until `until_s`, until everybody has left or the horizon is reached. Returns
    /// the cost, vehicle-seconds: exactly when it is below `cap`, else something that is not below `cap`, because it gives up there.
    ///
    /// It ends whatever the times are: after 2000 steps at the latest.
    pub fn finish(
        &self,
        progress: &mut Progress,
        mut stage: StageIx,
        from_s: f64,
        until_s: f64,
        cap: f64,
    ) -> f64 {
        let (model, timing, policy) = (self.model, self.timing, self.policy);
        let cap = if cap.is_nan() { f64::INFINITY } else { cap };
        let mut at_s = from_s;
        if until_s > at_s {
            model.serve(progress, stage, at_s, until_s);
            at_s = until_s;
        }
        let mut steps = 0;
        while at_s < policy.horizon_s
            && progress.cost < cap
            && steps < MOST_STEPS
            && !model.is_empty(progress)
        {
            let began = at_s;
            let longest = timing.max_green_s[stage.index()];
            while at_s < policy.horizon_s
                && model.wanted(progress, stage, at_s, policy.gap_s)
                && at_s - began < longest
                && progress.cost < cap
                && steps < MOST_STEPS
            {
                model.serve(progress, stage, at_s, at_s + STEP_S);
                at_s += STEP_S;
                steps += 1;
            }
            if model.is_empty(progress) {
                break;
            }
            let until = if let Some(next) = self.next(progress, stage, at_s) {
                at_s = model.change(progress, timing, stage, next, at_s);
                stage = next;
                at_s + timing.shortest_s(stage)
            } else {
                // Nobody waits: rest in this green until somebody comes.
                let next = model.next_arrival_s(progress).map_or(at_s + STEP_S, |next| next - policy.gap_s);
                next.floor().max(at_s + STEP_S).min(policy.horizon_s.max(at_s + STEP_S))
            };
            model.serve(progress, stage, at_s, until);
            at_s = until;
            steps += 1;
        }
        // Without a horizon the rollout ends where its steps do.
        let horizon_s = if policy.horizon_s < FAR_S { policy.horizon_s } else { at_s };
        model.leave_behind(progress, horizon_s.max(at_s), LEFT_BEHIND_S);
        progress.cost
    }

    /// The stage to go to by weighted shortest processing time; none: nobody waits elsewhere. In a fixed order it is the one that follows, also when
    /// nobody wants it: whoever waits behind it is reached through it only.
    pub fn next(&self, progress: &Progress, stage: StageIx, at_s: f64) -> Option<StageIx> {
        let urgency = |next: StageIx| {
            let clearance = self.timing.clearance_s(stage, next);
            self.model.urgency(progress, next, at_s, clearance, self.timing.shortest_s(next))
        };
        let after = self.order.after(stage, |stage| self.model.wanted(progress, stage, at_s, 0.0));
        let mut best = (0.0, None);
        for next in after.iter() {
            let urgency = urgency(next);
            if urgency > best.0 {
                best = (urgency, Some(next));
            }
        }
        match self.order {
            Order::Fixed(order, _) if best.1.is_none() => {
                let waits = |&other: &StageIx| other != stage && urgency(other) > 0.0;
                after.iter().next().filter(|_| order.iter().any(waits))
            }
            _ => best.1,
        }
    }
}
