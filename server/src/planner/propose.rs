//! What an automatic plan is at a moment: the schedule's, or the optimizer's within the schedule's limits.

use super::schedule::{EntryLimits, Schedule};
use crate::optimizer::{Bounds, Explanation, LaneDemand, explain_fixed, optimize};
use flextraff_common::junction::Junction;
use flextraff_common::plan::{Limits, Plan, StagePlan};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::Mode;

/// An automatic plan before it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposed {
    /// Green of each stage, with its range.
    pub stages: Vec<StagePlan>,
    /// Seconds after the common zero at which the cycle starts; `None`: not coordinated.
    pub offset_s: Option<u32>,
    /// The entry of the schedule that fixes or limits it.
    pub entry: Option<String>,
    /// Why it is so.
    pub explanation: Explanation,
}

/// The plan for a demand at a moment. A fixed plan that does not fit the junction any more is left out, and that is said.
pub(super) fn propose(
    junction: &Junction,
    limits: Limits,
    base_cycle_s: u32,
    demand: &[LaneDemand],
    schedule: &Schedule,
    now: UnixMs,
) -> Proposed {
    let Some(holds) = schedule.at(now) else {
        return planned(junction, limits.into(), base_cycle_s, demand);
    };
    let (name, until) = (&holds.entry.name, schedule.clock(holds.until));
    let named = |proposed: Proposed, sentence: String| {
        let explanation = Explanation { schedule: Some(name.clone()), sentence, ..proposed.explanation };
        Proposed { entry: Some(name.clone()), explanation, ..proposed }
    };
    let Some(fixed) = &holds.entry.plan else {
        let bounds = within(limits, holds.entry.limits.unwrap_or_default());
        let proposed = planned(junction, bounds, base_cycle_s, demand);
        let sentence =
            format!("{} Schedule entry \"{name}\" limits it until {until}.", proposed.explanation.sentence);
        return named(proposed, sentence);
    };
    match fixed.stages_at(junction, limits) {
        Ok(stages) => {
            let cycle_s = cycle_s(junction, &stages);
            let sentence = format!("Schedule entry \"{name}\" fixes a cycle of {cycle_s} s until {until}.");
            let explanation = explain_fixed(junction, &stages, cycle_s, demand, sentence.clone());
            let proposed = Proposed { stages, offset_s: fixed.offset_s, entry: None, explanation };
            named(proposed, sentence)
        }
        Err(problems) => {
            let proposed = planned(junction, limits.into(), base_cycle_s, demand);
            let sentence = format!(
                "{} The plan of schedule entry \"{name}\" does not fit the junction: {}.",
                proposed.explanation.sentence,
                problems.join("; ")
            );
            named(proposed, sentence)
        }
    }
}

fn planned(junction: &Junction, bounds: Bounds, base_cycle_s: u32, demand: &[LaneDemand]) -> Proposed {
    let proposal = optimize(junction, bounds, base_cycle_s, demand);
    Proposed { stages: proposal.stages, offset_s: None, entry: None, explanation: proposal.explanation }
}

/// An entry's limits within the junction's.
fn within(limits: Limits, entry: EntryLimits) -> Bounds {
    let cycle = |value: Option<u32>, usual: u32| {
        value.unwrap_or(usual).clamp(limits.min_cycle_s, limits.max_cycle_s.max(limits.min_cycle_s))
    };
    let min_cycle_s = cycle(entry.min_cycle_s, limits.min_cycle_s);
    let max_cycle_s = cycle(entry.max_cycle_s, limits.max_cycle_s).max(min_cycle_s);
    Bounds {
        cycle: Limits { min_cycle_s, max_cycle_s },
        min_green_s: entry.min_green_s.unwrap_or(0),
        max_green_s: entry.max_green_s.unwrap_or(u32::MAX),
    }
}

fn cycle_s(junction: &Junction, stages: &[StagePlan]) -> u32 {
    let plan = Plan {
        id: None,
        mode: Mode::Automatic,
        offset_s: None,
        stages: stages.to_vec(),
        valid_s: super::VALID_S,
        ends_override: false,
        issued: UnixMs(0),
        reason: None,
    };
    plan.cycle_s(junction)
}
