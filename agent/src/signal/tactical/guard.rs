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
}

impl Guard<'_> {
    /// Seconds that may pass at `at`, while `stage` has green, before the most pressing group must be on its way to green; and the stage
    /// that serves it. None: no group waits.
    pub(in crate::signal) fn slack_s(&self, stage: StageIx, at: MonoMs) -> Option<(i64, StageIx)> {
        self.slack_with(stage, at, |group| self.red_since[group.index()])
    }

    fn slack_with(
        &self,
        stage: StageIx,
        at: MonoMs,
        red_since: impl Fn(GroupIx) -> MonoMs,
    ) -> Option<(i64, StageIx)> {
        let longest_ms = i64::from(self.junction.signal.longest_red_s) * 1000;
        let all = self
            .stages
            .iter()
            .fold(GroupSet::EMPTY, |all, &stage| all.union(self.junction.stage(stage).groups));
        let mut waiting: Vec<_> = all.minus(self.junction.stage(stage).groups).iter().collect();
        waiting.sort_by_key(|group| (red_since(*group), *group));
        let mut covered = self.junction.stage(stage).groups;
        let (mut last, mut busy_s, mut slack, mut first) = (stage, 0, i64::MAX, None);
        for group in waiting {
            if covered.contains(group) {
                continue;
            }
            let Some(next) = self.best_for(group) else { continue };
            busy_s += i64::from(self.junction.clearance_s(last, next));
            let left_s = (red_since(group) + longest_ms).since(at).div_euclid(1000);
            slack = slack.min(left_s - busy_s);
            busy_s += i64::from(self.junction.stage(next).min_green_s);
            covered = covered.union(self.junction.stage(next).groups);
            first.get_or_insert(next);
            last = next;
        }
        first.map(|stage| (slack, stage))
    }

    /// Whether going to `next` now leaves enough time for everybody else.
    pub(in crate::signal) fn allows(&self, stage: StageIx, next: StageIx, at: MonoMs) -> bool {
        let busy_s = self.junction.clearance_s(stage, next) + self.junction.stage(next).min_green_s;
        let ending = self.junction.stage(stage).groups;
        let red_since =
            |group: GroupIx| if ending.contains(group) { at } else { self.red_since[group.index()] };
        self.slack_with(next, at + i64::from(busy_s) * 1000, red_since).is_none_or(|(slack, _)| slack >= 0)
    }

    /// Of the stages that serve a group the one that serves most groups. Who has green now plays no part: otherwise the course on which time was
    /// still enough would not be the one that is taken a second later.
    fn best_for(&self, group: GroupIx) -> Option<StageIx> {
        let serving =
            self.stages.iter().copied().filter(|&stage| self.junction.stage(stage).groups.contains(group));
        serving.max_by_key(|&stage| (self.junction.stage(stage).groups.len(), std::cmp::Reverse(stage)))
    }
}
