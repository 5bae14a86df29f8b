//! What is known of one lane.

use super::advance::{AtKerb, Standing};
use super::estimates::STARTUP_LOSS;
use super::hidden::Stream;
use super::learned::{Mean, Rate, Share, Trials};
use super::presence::ReadGaps;
use super::unseen::{Discharge, Ratio};
use crate::config::LaneConfig;
use flextraff_common::junction::{GroupSet, Junction, LaneIx, StageIx};
use flextraff_common::traffic::{LaneStages, SATURATION_HEADWAY_S, StageSet};

/// What a vehicle takes of a queue, metres.
pub(super) const VEHICLE_M: f64 = 7.5;
/// So far before the stop line its head may stand, metres.
const HEAD_STANDS_M: f64 = 2.0;
/// A queue reaches back from the stop line; its vehicles stop so much before it, metres.
const STOPS_SHORT_M: f64 = 8.0;
/// Nobody drives slower on a free road, whatever the TOML says, metres per second.
const LEAST_SPEED: f64 = 3.0;
/// Traffic drives at this share of the speed limit, before anything is learned.
const SPEED_SHARE: f64 = 0.95;
/// Vehicles that the guess is worth that whom an advance reader announces stops on its own lane.
const OWN_LANE_WORTH: f64 = 2.0;
/// By how much each vehicle that stops lets those before it fade.
pub(super) const STOPS_FADE: f64 = 0.99;
/// A head with the right of way that has not moved for so long at green has no room ahead, seconds.
const HELD_S: f64 = 5.0;
/// One that gives way, or of whose lane only some movements have green, waits for a gap or for another stage; beyond this it is held up too, seconds.
const WAITS_FOR_GAP_S: f64 = 15.0;
/// Longer than this nobody is expected to be held up, seconds.
const MOST_HELD_S: f64 = 60.0;
/// A stop-line reader that sees less than this share of those whom an advance reader announces is taken to be blind, if at least the second
/// share of those whom it sees had been announced.
const BLIND: f64 = 0.5;
const ANNOUNCED: f64 = 0.3;
/// How fast rates follow the street, seconds.
const RATE_MEMORY_S: f64 = 300.0;
/// How fast the usual flow follows it, seconds.
const USUAL_MEMORY_S: f64 = 900.0;

/// A lane as the junction and the TOML describe it.
#[derive(Clone, Debug)]
pub(super) struct LaneShape {
    /// From the advance zone to the stop line, metres.
    pub(super) advance_m: Option<f64>,
    /// Length of the stop-line zone, metres.
    pub(super) stop_zone_m: f64,
    /// From the advance zone to the stop line without a stop, before anything is learned, seconds.
    drive_s: f64,
    /// When it has green.
    pub(super) stages: LaneStages,
    /// Its groups.
    pub(super) groups: GroupSet,
}

impl LaneShape {
    pub(super) fn new(junction: &Junction, lane: LaneIx, config: &LaneConfig) -> Self {
        Self {
            advance_m: config.advance_m,
            stop_zone_m: config.stop_zone_m,
            drive_s: drive_s(config),
            stages: LaneStages::of(junction, lane),
            groups: LaneStages::groups(junction, lane),
        }
    }

    pub(super) const fn served(&self) -> StageSet {
        self.stages.served()
    }
}

/// From a lane's advance zone to its stop line without a stop, before anything is learned, seconds.
pub(super) fn drive_s(lane: &LaneConfig) -> f64 {
    let metres = (lane.advance_m.unwrap_or(0.0) - STOPS_SHORT_M).max(0.0);
    metres / ((lane.speed_kmh / 3.6).max(LEAST_SPEED) * SPEED_SHARE)
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) shape: LaneShape,
    /// Since when any of its movements has green.
    pub(super) green_since_s: Option<f64>,
    /// Since when none has.
    pub(super) red_since_s: f64,
    /// Last read at the stop line.
    pub(super) stop_read_s: f64,
    /// Last read in the advance zone.
    pub(super) advance_read_s: f64,
    /// Last departure.
    pub(super) departed_s: f64,
    /// Departures.
    pub(super) outflow: Rate,
    /// The same over a longer time.
    pub(super) usual_flow: Rate,
    /// Vehicles that its advance reader announces.
    pub(super) announced: Rate,
    /// Saturation headway where it has the right of way.
    pub(super) headway_s: Mean,
    /// How much later than if it had flowed from the start of green on a queue leaves, because its first vehicles start from a stop.
    pub(super) startup_loss_s: Mean,
    /// Of those who stood at the head when only some movements got green: who left.
    pub(super) part_goes: Vec<Share>,
    /// Where those whom its advance reader announced stopped, by lane.
    pub(super) stops_at: Vec<f64>,
    /// What is known of it.
    pub(super) stops: Trials,
    /// Of each lane: vehicles announced here that are still to be put there.
    pub(super) to_place: Vec<f64>,
    /// Who stands in its advance zone.
    pub(super) standing: Option<Standing>,
    /// Tags that stay beside its advance zone.
    pub(super) kerb: Vec<AtKerb>,
    /// How often the stop-line reader reads a tag that stands still.
    pub(super) read_gaps: ReadGaps,
    /// Of those whom its advance reader announced: whom the stop-line reader then saw.
    pub(super) confirmed: Share,
    /// Of those who left: whom an advance reader had announced.
    pub(super) heralded: Share,
    /// From the advance zone to the stop line without a stop, seconds.
    pub(super) drive_s: Mean,
    /// With a stop-line reader that cannot be trusted: when the last vehicle was taken to have left.
    pub(super) let_go_s: f64,
    /// Until when nobody is expected to leave in each stage, because the head has stood at its green.
    pub(super) held_until_s: Vec<f64>,
    /// The queue that leaves in the present green.
    pub(super) discharge: Option<Discharge>,
    /// When it was first looked at.
    pub(super) start_s: f64,
    /// Those of its users who are not seen.
    pub(super) unseen_stream: Stream,
    /// Those whom nobody has announced, and who stand behind the stop-line zone.
    pub(super) behind: Stream,
    /// Whether some of those were still there when its last green ended.
    pub(super) left_behind: bool,
    /// Vehicles per second that are presumed to come although nobody is read.
    pub(super) presumed_per_s: f64,
    /// How many users of it are not seen.
    pub(super) unseen: Ratio,
    /// Whether a working reader watches its stop line, as far as its port says.
    pub(super) reader_up: bool,
}

impl Lane {
    pub(super) fn new(junction: &Junction, lane: LaneIx, shape: LaneShape, start_s: f64) -> Self {
        let lanes = junction.lanes().len();
        let mut stops_at = vec![0.0; lanes];
        stops_at[lane.index()] = OWN_LANE_WORTH;
        Self {
            green_since_s: None,
            red_since_s: start_s,
            stop_read_s: f64::NEG_INFINITY,
            advance_read_s: f64::NEG_INFINITY,
            departed_s: f64::NEG_INFINITY,
            outflow: Rate::new(start_s, RATE_MEMORY_S),
            usual_flow: Rate::new(start_s, USUAL_MEMORY_S),
            announced: Rate::new(start_s, RATE_MEMORY_S),
            headway_s: Mean::new(SATURATION_HEADWAY_S, 20, 20),
            startup_loss_s: STARTUP_LOSS,
            part_goes: vec![Share::new(1.0, 2.0, 0.95); junction.stages().len()],
            stops_at,
            stops: Trials::new(OWN_LANE_WORTH, STOPS_FADE),
            to_place: vec![0.0; lanes],
            standing: None,
            kerb: Vec::new(),
            read_gaps: ReadGaps::GUESS,
            confirmed: Share::new(2.0, 2.0, 0.95),
            heralded: Share::new(1.0, 2.0, 0.99),
            drive_s: Mean::new(shape.drive_s, 5, 30),
            let_go_s: f64::NEG_INFINITY,
            held_until_s: vec![f64::NEG_INFINITY; junction.stages().len()],
            discharge: None,
            start_s,
            unseen_stream: Stream { since_s: start_s },
            behind: Stream { since_s: start_s },
            left_behind: false,
            presumed_per_s: 0.0,
            unseen: Ratio::default(),
            reader_up: true,
            shape,
        }
    }

    /// Seconds per vehicle of a queue in a stage.
    pub(super) fn headway_s(&self, stage: StageIx) -> f64 {
        self.headway_s.value() * self.shape.stages.headway_factor(stage)
    }

    /// Its head has stood for so long at the green of a stage: that goes on for as long again, as far as anybody can tell.
    pub(super) fn note_held(&mut self, stage: StageIx, held_s: f64, at_s: f64) {
        let has_way = self.shape.stages.full.minus(self.shape.stages.gives_way);
        let until_s = at_s + held_s.min(MOST_HELD_S);
        if has_way.contains(stage) {
            if held_s > HELD_S {
                // What is full is the way ahead, whatever the stage.
                has_way.iter().for_each(|stage| self.held_until_s[stage.index()] = until_s);
            }
        } else if held_s > WAITS_FOR_GAP_S {
            self.held_until_s[stage.index()] = until_s;
        }
    }

    /// Whether its advance reader sees vehicles that the stop-line reader does not: then silence of the latter says nothing. Where those who are
    /// seen there have come past no advance reader, those whom it announces go elsewhere, and that says nothing.
    pub(super) fn stop_reader_blind(&self) -> bool {
        !self.reader_up || (self.confirmed.value() < BLIND && self.heralded.value() >= ANNOUNCED)
    }

    /// Vehicles that fit between its first reader and the stop line; at least one does.
    pub(super) fn capacity(&self) -> f64 {
        let first_m = self.shape.advance_m.unwrap_or(self.shape.stop_zone_m);
        ((first_m - HEAD_STANDS_M) / VEHICLE_M).floor().max(1.0)
    }

    /// Vehicles with a tag per second.
    pub(super) fn flow(&self, at_s: f64) -> f64 {
        let out = self.outflow.per_s(at_s);
        if self.stop_reader_blind() { out.max(self.announced.per_s(at_s)) } else { out }
    }
}
