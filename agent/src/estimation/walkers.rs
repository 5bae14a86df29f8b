//! People on foot: nobody reads them, so they may wait at every red of theirs; where there is a push button they do from when it is pressed.

use super::queues::LaneTraffic;
use flextraff_common::junction::{GroupIx, GroupKind, GroupSet, Junction};
use flextraff_common::traffic::{Arrival, LaneQueue, StageSet};

/// People on foot put up with a red of this length; beyond it some walk against it (HCM 2000, chapter 18), seconds.
const PATIENCE_S: f64 = 30.0;
/// How long it takes beyond that until their wait weighs one vehicle more, seconds.
const GROWS_BY_ONE_S: f64 = 15.0;

/// Whether somebody has called the head's green.
#[derive(Clone, Copy, Debug)]
enum Called {
    /// There is no push button: nobody can say.
    Unknown,
    /// Nobody has pressed it since the last green.
    No,
    /// Somebody has, seconds.
    Since(f64),
}

/// A pedestrian head and how long it has shown red.
#[derive(Clone, Debug)]
pub(super) struct Walkers {
    group: GroupIx,
    served: StageSet,
    green_since_s: Option<f64>,
    red_since_s: f64,
    called: Called,
}

impl Walkers {
    /// The pedestrian heads of a junction.
    pub(super) fn of(junction: &Junction, start_s: f64) -> Vec<Self> {
        let pedestrian = |group: &GroupIx| junction.group(*group).kind == GroupKind::Pedestrian;
        let walkers = junction.group_indexes().filter(pedestrian).map(|group| Self {
            group,
            served: junction
                .stage_indexes()
                .filter(|&stage| junction.stage(stage).groups.contains(group))
                .collect(),
            green_since_s: None,
            red_since_s: start_s,
            called: if junction.group(group).button { Called::No } else { Called::Unknown },
        });
        walkers.collect()
    }

    pub(super) fn handle_green(&mut self, green: GroupSet, at_s: f64) {
        match (green.contains(self.group), self.green_since_s) {
            (true, None) => {
                self.green_since_s = Some(at_s);
                if matches!(self.called, Called::Since(_)) {
                    self.called = Called::No;
                }
            }
            (false, Some(_)) => {
                self.green_since_s = None;
                self.red_since_s = at_s;
            }
            _ => {}
        }
    }

    /// Takes where somebody has pressed a button since the last green.
    pub(super) fn handle_calls(&mut self, calls: GroupSet, at_s: f64) {
        self.called = match (self.called, calls.contains(self.group)) {
            (Called::No, true) => Called::Since(at_s),
            (Called::Since(_), false) => Called::No,
            (called, _) => called,
        };
    }

    /// As a lane on which somebody waits, with growing weight when his patience ends.
    pub(super) fn traffic(&self, stages: usize, at_s: f64) -> LaneTraffic {
        // Since when somebody waits, and whether that is known or only likely after a while.
        let (waited_s, is_there) = match self.called {
            Called::Unknown => (at_s - self.red_since_s, at_s - self.red_since_s > PATIENCE_S),
            Called::No => (0.0, false),
            Called::Since(called_s) => (at_s - called_s, true),
        };
        let waits = self.green_since_s.is_none() && is_there;
        let waiting = Arrival {
            at_s: 0.0,
            vehicles: 1.0,
            weight: 1.0 + (waited_s - PATIENCE_S).max(0.0) / GROWS_BY_ONE_S,
            stages: self.served,
            moving: false,
        };
        LaneTraffic {
            queue: LaneQueue {
                arrivals: if waits { vec![waiting] } else { Vec::new() },
                headway_s: vec![1.0; stages],
                startup_s: 0.0,
                held_s: Vec::new(),
                served: self.served,
                gate: None,
            },
            green_s: self.green_since_s.map(|since| at_s - since),
            watched: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::tests::{build, overlapping_spec};

    fn waits(walkers: &Walkers, at_s: f64) -> bool {
        !walkers.traffic(3, at_s).queue.arrivals.is_empty()
    }

    #[test]
    fn without_a_button_somebody_waits_after_half_a_minute_of_red() {
        let walkers = Walkers::of(&build(&overlapping_spec()), 0.0);
        assert!(!waits(&walkers[0], 30.0) && waits(&walkers[0], 31.0));
    }

    #[test]
    fn with_a_button_from_when_it_was_pressed_and_more_after_half_a_minute() {
        let mut spec = overlapping_spec();
        spec.groups[4].button = true;
        let junction = build(&spec);
        let mut walkers = Walkers::of(&junction, 0.0);
        let walkers = &mut walkers[0];
        let called: GroupSet = [walkers.group].into_iter().collect();
        walkers.handle_calls(GroupSet::EMPTY, 10.0);
        assert!(!waits(walkers, 1000.0), "nobody has pressed");
        walkers.handle_calls(called, 1000.0);
        assert!(waits(walkers, 1000.0), "somebody is there");
        walkers.handle_calls(called, 1020.0);
        let weighs = |at_s: f64| walkers.traffic(3, at_s).queue.arrivals[0].weight;
        let weights = [1001.0, 1030.0, 1045.0].map(|at_s| weighs(at_s).to_string());
        assert_eq!(weights, ["1", "1", "2"], "since the first time");
        walkers.handle_green(called, 1040.0);
        walkers.handle_green(GroupSet::EMPTY, 1050.0);
        assert!(!waits(walkers, 2000.0), "they have gone");
    }
}
