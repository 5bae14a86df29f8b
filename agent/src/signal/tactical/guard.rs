//! The longest red: a safety net below the search, which normally never needs it.

use flextraff_common::junction::{GroupIx, GroupSet, Junction, StageIx};
use flextraff_common::time::MonoMs;

/// Whether every group can still get green in time.
pub(in crate::signal) struct Guard<'a> {
    pub(in crate::signal) junction: &'a Junction,
    /// The stages that may be served.
    pub(in crate::signal) stages: &'a [StageIx],
    /// Of each group: since when those who wait at it count as waiting.
    pub(in crate::signal) red_since: &'a [MonoMs],
    /// Of each group: when its last green ended.
    pub(in crate::signal) green_ended: &'a [Option<MonoMs>],
}

/// Stages one after the other, each with its shortest green.
#[derive(Clone)]
struct Course {
    stage: StageIx,
    /// When its green ends.
    until: MonoMs,
    green_ended: Vec<Option<MonoMs>>,
}

impl Course {
    /// Changes to a stage; when it has green. Groups whose green ended several stages ago may still hold it up.
    fn change(&mut self, junction: &Junction, next: StageIx) -> MonoMs {
        let (old, new) = (junction.stage(self.stage).groups, junction.stage(next).groups);
        old.minus(new).iter().for_each(|group| self.green_ended[group.index()] = Some(self.until));
        let mut green_at = self.until + i64::from(junction.clearance_s(self.stage, next)) * 1000;
        for group in new.minus(old).iter() {
            for other in junction.conflicts_of(group).iter() {
                let Some(ended) = self.green_ended[other.index()] else { continue };
                let clear = ended + i64::from(junction.intergreen_ms(other, group));
                green_at = green_at.max(clear.ceil_second());
            }
        }
        self.stage = next;
        self.until = green_at + i64::from(junction.stage(next).min_green_s) * 1000;
        green_at
    }
}

impl Guard<'_> {
    /// Seconds that may pass at `at`, while `stage` has green, before the most pressing group must be on its way to green; and the stage
    /// that serves it. None: no group waits.
    pub(in crate::signal) fn slack_s(&self, stage: StageIx, at: MonoMs) -> Option<(i64, StageIx)> {
        self.slack_on(self.begin(stage, at), |group| self.red_since[group.index()])
    }

    fn begin(&self, stage: StageIx, until: MonoMs) -> Course {
        Course { stage, until, green_ended: self.green_ended.to_vec() }
    }

    fn slack_on(&self, mut course: Course, red_since: impl Fn(GroupIx) -> MonoMs) -> Option<(i64, StageIx)> {
        let longest_ms = i64::from(self.junction.signal.longest_red_s) * 1000;
        let all = self
            .stages
            .iter()
            .fold(GroupSet::EMPTY, |all, &stage| all.union(self.junction.stage(stage).groups));
        let mut covered = self.junction.stage(course.stage).groups;
        let mut waiting: Vec<_> = all.minus(covered).iter().collect();
        waiting.sort_by_key(|group| (red_since(*group), *group));
        let (mut slack, mut first) = (i64::MAX, None);
        for group in waiting {
            if covered.contains(group) {
                continue;
            }
            let Some(next) = self.best_for(group) else { continue };
            let green_at = course.change(self.junction, next);
            slack = slack.min((red_since(group) + longest_ms).since(green_at).div_euclid(1000));
            covered = covered.union(self.junction.stage(next).groups);
            first.get_or_insert(next);
        }
        first.map(|stage| (slack, stage))
    }

    /// Whether going to `next` now leaves enough time for everybody else.
    pub(in crate::signal) fn allows(&self, stage: StageIx, next: StageIx, at: MonoMs) -> bool {
        self.slack_after(stage, next, at) >= 0
    }

    /// Going to which stage now leaves most time for everybody else.
    pub(in crate::signal) fn safest(&self, stage: StageIx, at: MonoMs) -> Option<StageIx> {
        let others = self.stages.iter().copied().filter(|other| *other != stage);
        others.max_by_key(|&next| (self.slack_after(stage, next, at), std::cmp::Reverse(next)))
    }

    fn slack_after(&self, stage: StageIx, next: StageIx, at: MonoMs) -> i64 {
        let mut course = self.begin(stage, at);
        course.change(self.junction, next);
        let ending = self.junction.stage(stage).groups;
        let red_since =
            |group: GroupIx| if ending.contains(group) { at } else { self.red_since[group.index()] };
        self.slack_on(course, red_since).map_or(i64::MAX, |(slack, _)| slack)
    }

    /// The first stage, in their order from `next` on, from which going on in that order, each with its shortest green, is in time for all.
    pub(in crate::signal) fn joins_order(
        &self,
        stage: StageIx,
        next: StageIx,
        at: MonoMs,
    ) -> Option<StageIx> {
        let count = self.stages.len();
        let first = self.stages.iter().position(|&other| other == next)?;
        let ahead = (first..first + count).map(|position| (position, self.stages[position % count]));
        ahead
            .filter(|(_, other)| *other != stage)
            .find(|(position, _)| self.is_in_time(self.begin(stage, at), *position))
            .map(|(_, other)| other)
    }

    /// Whether a course through all stages in their order, from a position in it on, gives everybody green in time.
    fn is_in_time(&self, mut course: Course, first: usize) -> bool {
        let longest_ms = i64::from(self.junction.signal.longest_red_s) * 1000;
        let mut covered = self.junction.stage(course.stage).groups;
        self.stages.iter().cycle().skip(first).take(self.stages.len()).all(|&next| {
            if next == course.stage {
                return true;
            }
            let green_at = course.change(self.junction, next);
            let groups = self.junction.stage(next).groups;
            let in_time = |group: GroupIx| green_at.since(self.red_since[group.index()]) <= longest_ms;
            let all = groups.minus(covered).iter().all(in_time);
            covered = covered.union(groups);
            all
        })
    }

    /// Of the stages that serve a group the one that serves most groups. Who has green now plays no part: otherwise the course on which time was
    /// still enough would not be the one that is taken a second later.
    fn best_for(&self, group: GroupIx) -> Option<StageIx> {
        let serving =
            self.stages.iter().copied().filter(|&stage| self.junction.stage(stage).groups.contains(group));
        serving.max_by_key(|&stage| (self.junction.stage(stage).groups.len(), std::cmp::Reverse(stage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::tests::{at, build, four_way_spec, intergreen};

    #[test]
    fn the_intergreen_of_a_stage_before_the_last_counts() {
        let slack = |long_s: f64| {
            let mut spec = four_way_spec();
            spec.intergreens = vec![intergreen("N", "E", long_s)];
            let junction = build(&spec);
            let stages: Vec<StageIx> = junction.stage_indexes().collect();
            // N until 2 s before S began; E waits since 0 and is next.
            let (mut red_since, mut green_ended) = (vec![at(90.0).mono; 4], vec![None; 4]);
            red_since[2] = at(0.0).mono;
            green_ended[0] = Some(at(90.0).mono);
            let guard = Guard {
                junction: &junction,
                stages: &stages,
                red_since: &red_since,
                green_ended: &green_ended,
            };
            guard.slack_s(stages[1], at(102.0).mono).expect("somebody waits")
        };
        assert_eq!(slack(5.0), (180 - 102 - 5, StageIx::new(2)), "all-red and amber after S");
        assert_eq!(slack(30.0), (180 - 90 - 30, StageIx::new(2)), "30 s after N");
    }

    #[test]
    fn the_order_is_joined_where_it_is_in_time_for_all() {
        let junction = build(&four_way_spec());
        let stages: Vec<StageIx> = junction.stage_indexes().collect();
        // N has green until 200 and S is next by the order; E has waited since `east`.
        let joins = |east: f64, west: f64| {
            let mut red_since = vec![at(190.0).mono; 4];
            (red_since[2], red_since[3]) = (at(east).mono, at(west).mono);
            let green_ended = vec![None; 4];
            let guard = Guard {
                junction: &junction,
                stages: &stages,
                red_since: &red_since,
                green_ended: &green_ended,
            };
            guard.joins_order(stages[0], stages[1], at(200.0).mono)
        };
        assert_eq!(joins(100.0, 100.0), Some(StageIx::new(1)));
        assert_eq!(joins(25.0, 40.0), Some(StageIx::new(2)), "after S it would be too late for E");
        assert_eq!(joins(100.0, 25.0), Some(StageIx::new(3)), "and after E for W");
        assert_eq!(joins(25.0, 25.0), None, "one of them is late whatever comes next");
    }
}
