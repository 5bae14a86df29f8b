//! People on foot: nobody reads them, so they may wait at every red of theirs.

use super::queues::LaneTraffic;
use flextraff_common::junction::{GroupIx, GroupKind, GroupSet, Junction};
use flextraff_common::traffic::{Arrival, LaneQueue, StageSet};

/// People on foot put up with a red of this length; beyond it some walk against it (HCM 2000, chapter 18), seconds.
const PATIENCE_S: f64 = 30.0;
/// How long it takes beyond that until their wait weighs one vehicle more, seconds.
const GROWS_BY_ONE_S: f64 = 15.0;

/// A pedestrian head and how long it has shown red.
#[derive(Clone, Debug)]
pub(super) struct Walkers {
    group: GroupIx,
    served: StageSet,
    green_since_s: Option<f64>,
    red_since_s: f64,
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
        });
        walkers.collect()
    }

    pub(super) fn handle_green(&mut self, green: GroupSet, at_s: f64) {
        match (green.contains(self.group), self.green_since_s) {
            (true, None) => self.green_since_s = Some(at_s),
            (false, Some(_)) => {
                self.green_since_s = None;
                self.red_since_s = at_s;
            }
            _ => {}
        }
    }

    /// As a lane on which somebody waits whose patience ends.
    pub(super) fn traffic(&self, stages: usize, at_s: f64) -> LaneTraffic {
        let red_s = at_s - self.red_since_s;
        let waits = self.green_since_s.is_none() && red_s > PATIENCE_S;
        let waiting = Arrival {
            at_s: 0.0,
            vehicles: 1.0,
            weight: 1.0 + (red_s - PATIENCE_S) / GROWS_BY_ONE_S,
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
