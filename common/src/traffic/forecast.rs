//! Who is expected to leave, and when.

use super::{Progress, Rollout};
use crate::junction::{LaneIx, StageIx};

/// Step of a forecast, seconds.
const STEP_S: f64 = 1.0;
/// Most steps of one forecast; a guard against endless ones.
const MOST_STEPS: usize = 300;

/// Somebody who is expected to leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Departure {
    /// The lane, as the model numbers them.
    pub lane: LaneIx,
    /// When, seconds from now.
    pub in_s: f64,
    /// How many vehicles: less than 1 of somebody who is only expected himself.
    pub vehicles: f64,
}

impl Rollout<'_> {
    /// Who leaves within the policy's horizon, in order of time, when `stage` has green from `from_s` at least until `until_s`. Then `next`
    /// follows; without one, the stage goes on and others follow as the policy says. It ends whatever the times are: after 300 steps of
    /// a second, or a change of stages, at the latest.
    pub fn departures(
        &self,
        progress: &mut Progress,
        mut stage: StageIx,
        from_s: f64,
        until_s: f64,
        mut next: Option<StageIx>,
    ) -> Vec<Departure> {
        let (model, timing, policy) = (self.model, self.timing, self.policy);
        let (mut at_s, mut began_s, mut until_s) = (from_s, from_s, until_s);
        let mut departures = Vec::new();
        for _ in 0..MOST_STEPS {
            if at_s.is_nan() || at_s >= policy.horizon_s || model.is_empty(progress) {
                break;
            }
            let before = progress.clone();
            let longest_s = timing.max_green_s[stage.index()];
            let goes_on = at_s < until_s
                || (next.is_none()
                    && at_s - began_s < longest_s
                    && model.wanted(progress, stage, at_s, policy.gap_s));
            let follows =
                if goes_on { None } else { next.take().or_else(|| self.next(progress, stage, at_s)) };
            if let Some(next) = follows.filter(|next| *next != stage) {
                at_s = model.change(progress, timing, stage, next, at_s);
                (stage, began_s, until_s) = (next, at_s, at_s + timing.shortest_s(next));
            } else {
                model.serve(progress, stage, at_s, at_s + STEP_S);
                at_s += STEP_S;
            }
            departures.extend(model.left_between(&before, progress));
        }
        departures.sort_by(|a, b| a.in_s.total_cmp(&b.in_s));
        departures
    }
}
