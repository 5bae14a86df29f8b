//! The levels of control beneath the search, and when one falls to the next.
//!
//! Each level needs less than the one before: the search an estimate of the traffic; the greedy rule the same estimate, and none of the
//! search's code; actuation only who was read at the stop lines of late; the planned greens nothing at all.

use flextraff_common::junction::{StageIx, StageOrder};
use flextraff_common::time::MonoMs;
use flextraff_common::traffic::StageSet;
use flextraff_common::wire::ControlLevel;

/// A level that has failed rests for so long, milliseconds.
const FIRST_REST_MS: i64 = 60_000;
/// Its longest rest, when it fails again and again, milliseconds.
const LONGEST_REST_MS: i64 = 3_600_000;
/// After so long without another defect, the next one counts as the first again, milliseconds.
const FORGIVEN_AFTER_MS: i64 = 3_600_000;

/// Something that has failed, and how long it is left alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rest {
    rest_ms: i64,
    until: Option<MonoMs>,
}

impl Rest {
    /// Takes that it has failed. If that happens again after its rest it rests twice as long, at most an hour; a failure within the rest
    /// begins that rest anew.
    pub(crate) fn failed(&mut self, at: MonoMs) {
        self.rest_ms = match self.until {
            Some(until) if at < until => self.rest_ms,
            Some(until) if at.since(until) < FORGIVEN_AFTER_MS => (2 * self.rest_ms).min(LONGEST_REST_MS),
            _ => FIRST_REST_MS,
        };
        self.until = Some(at + self.rest_ms);
    }

    /// Whether it is left alone.
    pub(crate) fn rests(&self, at: MonoMs) -> bool {
        self.until.is_some_and(|until| at < until)
    }
}

/// What the levels find at a moment.
#[derive(Clone, Copy, Debug)]
pub(in crate::signal) struct Found {
    /// The running greens have ranges within which something may be decided.
    pub(in crate::signal) ranged: bool,
    /// Whether the estimate of this moment knows the traffic; none: there is no such estimate.
    pub(in crate::signal) estimate: Option<bool>,
    /// Stop-line readers work and have read somebody of late.
    pub(in crate::signal) reads: bool,
    /// The running greens are those of a plan.
    pub(in crate::signal) plan: bool,
}

/// Which levels may decide, and which have failed.
#[derive(Clone, Debug)]
pub(in crate::signal) struct Ladder {
    highest: ControlLevel,
    search: Rest,
    greedy: Rest,
    actuated: Rest,
}

impl Default for Ladder {
    fn default() -> Self {
        let rest = Rest::default();
        Self { highest: ControlLevel::RollingHorizon, search: rest, greedy: rest, actuated: rest }
    }
}

impl Ladder {
    /// Leaves out every level above one.
    pub(in crate::signal) fn set_highest(&mut self, level: ControlLevel) {
        self.highest = level;
    }

    /// The best level that can work.
    pub(in crate::signal) fn level(&self, found: Found, at: MonoMs) -> ControlLevel {
        let knows = found.estimate == Some(true);
        // An estimate that knows nothing although readers are up has its reasons not to trust them.
        let may_actuate = found.reads && found.estimate != Some(false);
        let tactical = [
            (ControlLevel::RollingHorizon, knows, &self.search),
            (ControlLevel::Greedy, knows, &self.greedy),
            (ControlLevel::Actuated, may_actuate, &self.actuated),
        ];
        let works = |(level, has_what_it_needs, rest): &(ControlLevel, bool, &Rest)| {
            *level >= self.highest && found.ranged && *has_what_it_needs && !rest.rests(at)
        };
        let planned = if found.plan { ControlLevel::Splits } else { ControlLevel::Fixed };
        tactical.into_iter().find(works).map_or(planned, |(level, ..)| level)
    }

    /// Takes that a level has failed; the planned greens cannot.
    pub(in crate::signal) fn failed(&mut self, level: ControlLevel, at: MonoMs) {
        match level {
            ControlLevel::RollingHorizon => self.search.failed(at),
            ControlLevel::Greedy => self.greedy.failed(at),
            ControlLevel::Actuated => self.actuated.failed(at),
            ControlLevel::Splits | ControlLevel::Fixed | ControlLevel::Other => {}
        }
    }
}

/// The stages that may follow `stage`, the soonest in the order first: in a free order all others; in a fixed one a single one, the next that
/// somebody wants or that may not be skipped. `stages` is in the order of the junction.
pub(super) fn following(
    stages: &[StageIx],
    stage: StageIx,
    order: StageOrder,
    may_skip: StageSet,
    wanted: impl Fn(StageIx) -> bool,
) -> Vec<StageIx> {
    let later = stages.iter().copied().filter(|&other| other > stage);
    let mut others: Vec<StageIx> =
        later.chain(stages.iter().copied().filter(|&other| other < stage)).collect();
    if order == StageOrder::Fixed {
        let next = others.iter().position(|&next| !may_skip.contains(next) || wanted(next)).unwrap_or(0);
        others = others.get(next).copied().into_iter().collect();
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(rest: &Rest, from_s: i64) -> i64 {
        (0..10_000).find(|more| !rest.rests(MonoMs((from_s + more) * 1000))).expect("a rest ends")
    }

    #[test]
    fn who_fails_again_rests_twice_as_long_and_at_most_an_hour() {
        let (mut rest, mut at_s) = (Rest::default(), 5);
        assert!(!rest.rests(MonoMs(0)));
        let mut lengths = Vec::new();
        for _ in 0..8 {
            rest.failed(MonoMs(at_s * 1000));
            lengths.push(rests(&rest, at_s));
            at_s += lengths[lengths.len() - 1] + 3;
        }
        assert_eq!(lengths, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }

    #[test]
    fn failing_on_and_on_is_one_rest_and_a_good_hour_is_a_new_beginning() {
        let mut rest = Rest::default();
        for second in 0..300 {
            rest.failed(MonoMs(second * 1000));
        }
        assert_eq!(rests(&rest, 299), 60);
        rest.failed(MonoMs(400_000));
        assert_eq!(rests(&rest, 400), 120);
        rest.failed(MonoMs((520 + 3600) * 1000));
        assert_eq!(rests(&rest, 520 + 3600), 60);
    }

    #[test]
    fn each_level_stands_in_for_the_ones_above() {
        let at = MonoMs(0);
        let all = Found { ranged: true, estimate: Some(true), reads: true, plan: true };
        let mut ladder = Ladder::default();
        let mut levels = Vec::new();
        for _ in 0..4 {
            let level = ladder.level(all, at);
            levels.push(level);
            ladder.failed(level, at);
        }
        let expected = [
            ControlLevel::RollingHorizon,
            ControlLevel::Greedy,
            ControlLevel::Actuated,
            ControlLevel::Splits,
        ];
        assert_eq!(levels, expected);
        assert_eq!(ladder.level(all, MonoMs(60_000)), ControlLevel::RollingHorizon, "and climbs back");
    }

    #[test]
    fn a_level_without_what_it_needs_is_left_out() {
        let level = |found| Ladder::default().level(found, MonoMs(0));
        let all = Found { ranged: true, estimate: Some(true), reads: true, plan: true };
        assert_eq!(level(Found { estimate: None, ..all }), ControlLevel::Actuated);
        assert_eq!(level(Found { estimate: Some(false), ..all }), ControlLevel::Splits);
        assert_eq!(level(Found { estimate: None, reads: false, ..all }), ControlLevel::Splits);
        assert_eq!(level(Found { estimate: None, reads: false, plan: false, ..all }), ControlLevel::Fixed);
        assert_eq!(level(Found { ranged: false, ..all }), ControlLevel::Splits);
        assert_eq!(level(Found { reads: false, ..all }), ControlLevel::RollingHorizon);
    }
}
