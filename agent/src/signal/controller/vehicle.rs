//! An emergency vehicle asks for the stage that serves its lane.
//!
//! Its request is an emergency like the server's, and comes before that: the present green ends when its shortest time is over, all clearances
//! hold, the stage is held until the vehicle has passed or its time is over, the others are served once at their shortest, and the signal
//! returns to what it did.

use super::Controller;
use crate::signal::plans::Held;
use flextraff_common::junction::{Junction, LaneIx, StageIx};
use flextraff_common::plan::{Plan, StagePlan};
use flextraff_common::time::{MonoMs, UnixMs};
use flextraff_common::wire::Mode;
use std::sync::Arc;

impl Controller {
    /// Takes the lane of the emergency vehicle that has asked first, and until when it may ask; none: nobody asks any more.
    pub fn handle_vehicle(&mut self, asks: Option<(LaneIx, MonoMs)>, at: MonoMs) {
        if asks == self.vehicle {
            return;
        }
        let request = asks.and_then(|(lane, until)| {
            // Whoever asks again keeps his stage; one whose time was over is as good as another.
            let asks_on = |before: &(LaneIx, MonoMs)| before.0 == lane && before.1 > at;
            let present = self.vehicle.filter(asks_on).and(self.vehicle_stage);
            let stage = present.or_else(|| self.stage_for(lane))?;
            Some((stage, until))
        });
        self.vehicle = asks;
        self.vehicle_stage = request.map(|(stage, _)| stage);
        self.plans.hold_vehicle(
            request.map(|(stage, until)| Held { plan: Arc::new(plan(&self.junction, stage)), until }),
        );
        self.note_call(at);
    }

    /// The stage that releases most of the groups of a lane; of several the present one, else the one that is reached soonest.
    pub(super) fn stage_for(&self, lane: LaneIx) -> Option<StageIx> {
        let junction = &*self.junction;
        let present = self.shown.next_stage.or(self.shown.stage);
        let way_s = |stage: StageIx| match present {
            Some(present) if present == stage => 0,
            Some(present) => 1 + junction.clearance_s(present, stage),
            None => 1,
        };
        Self::best_stages(junction, lane).into_iter().min_by_key(|stage| (way_s(*stage), *stage))
    }

    /// The stages that release most of the groups of a lane, if any releases one.
    pub(super) fn best_stages(junction: &Junction, lane: LaneIx) -> Vec<StageIx> {
        let released = |stage: StageIx| {
            let groups = junction.stage(stage).groups;
            groups.iter().filter(|group| junction.group(*group).lanes.contains(&lane)).count()
        };
        let most = junction.stage_indexes().map(released).max().unwrap_or(0);
        junction.stage_indexes().filter(|stage| most > 0 && released(*stage) == most).collect()
    }
}

/// The emergency plan for a stage; how long it is held is bounded by the request and by the longest red.
fn plan(junction: &Junction, stage: StageIx) -> Plan {
    Plan {
        id: None,
        mode: Mode::Emergency,
        offset_s: None,
        stages: vec![StagePlan::exact(stage, junction.stage(stage).min_green_s)],
        valid_s: junction.signal.longest_red_s,
        ends_override: false,
        issued: UnixMs(0),
        reason: None,
    }
}
