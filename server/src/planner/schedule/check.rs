//! Rules that a schedule keeps.

use super::{Day, Entry, EntryLimits, FixedPlan, MAX_ENTRIES};
use flextraff_common::junction::Junction;
use flextraff_common::plan::{Limits, Plan, StagePlan};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{GreenTime, StageTime};

/// Most characters of a name.
const MAX_NAME: usize = 100;
/// Longest time in a schedule, seconds.
const MOST_S: u32 = 3600;

impl FixedPlan {
    /// Its greens at a junction.
    ///
    /// # Errors
    /// Every rule of the junction that they break.
    pub fn stages_at(&self, junction: &Junction, limits: Limits) -> Result<Vec<StagePlan>, Vec<String>> {
        let time = |green: &super::FixedGreen| StageTime {
            stage: green.stage.clone(),
            green_s: green.green_s,
            ..StageTime::default()
        };
        let message = GreenTime {
            junction_id: junction.id,
            stages: Some(self.stages.iter().map(time).collect()),
            offset_s: self.offset_s.map(f64::from),
            ..GreenTime::default()
        };
        let told = |problems: Vec<flextraff_common::plan::PlanProblem>| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let plan = Plan::from_green_time(&message, junction, UnixMs(0)).map_err(told)?;
        let mut problems = told(plan.check(junction, limits));
        let cycle_s = plan.cycle_s(junction);
        if let Some(offset_s) = self.offset_s.filter(|offset_s| *offset_s >= cycle_s) {
            problems.push(format!("offset_s {offset_s} is not shorter than the cycle of {cycle_s} s"));
        }
        if problems.is_empty() { Ok(plan.stages) } else { Err(problems) }
    }
}

/// Every rule that the entries break, each naming the entry; empty: they may hold.
pub fn problems(entries: &[Entry], junction: &Junction, limits: Limits) -> Vec<String> {
    let mut problems = Vec::new();
    if entries.len() > MAX_ENTRIES {
        problems.push(format!("a schedule has at most {MAX_ENTRIES} entries"));
        return problems;
    }
    for (at, entry) in entries.iter().enumerate() {
        let name = &entry.name;
        if name.trim() != name
            || name.is_empty()
            || name.chars().count() > MAX_NAME
            || name.chars().any(char::is_control)
        {
            problems.push(format!(
                "entry {}: name has 1 to {MAX_NAME} characters, no control characters, and no spaces around it",
                at + 1
            ));
            continue;
        }
        let mut say = |what: String| problems.push(format!("entry \"{name}\": {what}"));
        if entries[..at].iter().any(|other| other.name == *name) {
            say("another entry has the same name".to_owned());
        }
        if entry.days.is_empty() {
            say("it has no days".to_owned());
        }
        match (&entry.plan, entry.limits) {
            (Some(plan), None) => {
                plan.stages_at(junction, limits).err().into_iter().flatten().for_each(&mut say);
            }
            (None, Some(within)) => limit_problems(within, limits).into_iter().for_each(&mut say),
            _ => say("it has either a plan or limits".to_owned()),
        }
    }
    for (at, a) in entries.iter().enumerate() {
        for b in entries[at + 1..].iter().filter(|b| a.plan.is_some() == b.plan.is_some()) {
            if let Some(day) = overlap(a, b).or_else(|| overlap(b, a)) {
                problems.push(format!("entries \"{}\" and \"{}\" overlap on {}", a.name, b.name, day.name()));
            }
        }
    }
    problems
}

fn limit_problems(within: EntryLimits, limits: Limits) -> Vec<String> {
    let mut problems = Vec::new();
    let all = [
        ("min_cycle_s", within.min_cycle_s),
        ("max_cycle_s", within.max_cycle_s),
        ("min_green_s", within.min_green_s),
        ("max_green_s", within.max_green_s),
    ];
    if all.iter().all(|(_, value)| value.is_none()) {
        problems.push(
            "limits has at least one of min_cycle_s, max_cycle_s, min_green_s and max_green_s".to_owned(),
        );
    }
    for (field, value) in all.iter().filter_map(|(field, value)| Some((field, (*value)?))) {
        if !(1..=MOST_S).contains(&value) {
            problems.push(format!("{field} lies between 1 and {MOST_S}"));
        }
        if field.ends_with("cycle_s") && !(limits.min_cycle_s..=limits.max_cycle_s).contains(&value) {
            problems.push(format!(
                "{field} {value} is outside the junction's {} to {} s",
                limits.min_cycle_s, limits.max_cycle_s
            ));
        }
    }
    for [(least_name, least), (most_name, most)] in [[all[0], all[1]], [all[2], all[3]]] {
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            problems.push(format!("{least_name} {least} is longer than {most_name} {most}"));
        }
    }
    problems
}

/// Minutes since the midnight before it starts at which an entry ends.
const fn end_min(entry: &Entry) -> u16 {
    let days = if entry.crosses_midnight() { 1440 } else { 0 };
    entry.to.minutes() + days
}

/// A day on which `a` starts, and `b` too or on the day after, before `a` is over. Before and after a holiday, which may be any day, the entry
/// that starts later holds instead.
fn overlap(a: &Entry, b: &Entry) -> Option<Day> {
    a.days.iter().copied().find(|&day| {
        let same =
            b.days.contains(&day) && a.from.minutes() <= b.from.minutes() && b.from.minutes() < end_min(a);
        let next = day.next().is_some_and(|next| b.days.contains(&next));
        same || (next && b.from.minutes() + 1440 < end_min(a))
    })
}
