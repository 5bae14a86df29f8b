//! Buses that ask for priority.
//!
//! In the search a bus is a vehicle that counts more. Actuation knows no costs and goes by a rule: a green that serves a bus goes on as long as
//! it may, and those before it end early, as soon as their shortest time is over; that for one bus in [`CUT_AGAIN_MS`], so that a row of buses
//! leaves the others their greens.

use super::{Controller, Green};
use crate::signal::tactical::{Decision, Grounds};
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::junction::{LaneIx, StageIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ControlLevel;

/// Time between two greens that actuation ends early for buses, milliseconds.
const CUT_AGAIN_MS: i64 = 120_000;

/// The buses that ask.
#[derive(Clone, Debug, Default)]
pub(super) struct Buses {
    /// Lane and stage of each, whoever has asked first first.
    asking: Vec<(LaneIx, StageIx)>,
    /// When a green was last ended early for one.
    cut: Option<MonoMs>,
    /// The stage for which greens end early until it has its own.
    cutting: Option<StageIx>,
    /// The green, by its beginning, of which the log says that it goes on for a bus.
    extended: Option<MonoMs>,
}

impl Buses {
    /// Whether any asks.
    pub(super) fn ask(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Makes sure that none plays a part: what they change about a decision is one of the answers that there may be.
    #[cfg(test)]
    pub(super) fn assert_idle(&self) {
        let Self { asking, cut, cutting, extended } = self;
        assert!(asking.is_empty() && cut.is_none() && cutting.is_none() && extended.is_none());
    }

    fn count(&self, stage: StageIx) -> usize {
        self.asking.iter().filter(|(_, asked)| *asked == stage).count()
    }
}

impl Controller {
    /// Takes the lanes of the buses that ask for priority, whoever has asked first first; each keeps the stage that it was given at first.
    pub fn handle_buses(&mut self, lanes: &[LaneIx], at: MonoMs) {
        let mut before = self.buses.asking.clone();
        let mut asking = Vec::new();
        for &lane in lanes {
            let known = before.iter().position(|(known, _)| *known == lane);
            let stage = known.map(|known| before.remove(known).1).or_else(|| self.stage_for(lane));
            asking.extend(stage.map(|stage| (lane, stage)));
        }
        let cutting = self.buses.cutting.filter(|cutting| asking.iter().any(|(_, stage)| stage == cutting));
        let after = Buses { asking, cutting, ..self.buses.clone() };
        for stage in self.junction.stage_indexes() {
            let (before, now) = (self.buses.count(stage), after.count(stage));
            if now > before {
                self.log_bus(EventCode::PriorityCheckIn, stage, at);
            } else if now < before {
                self.log_bus(EventCode::PriorityCheckOut, stage, at);
            }
        }
        self.buses = after;
    }

    /// The stages that buses ask for, whoever has asked first first: the present one where it serves them.
    pub(super) fn bus_stages(&self, present: StageIx) -> Vec<StageIx> {
        let stage =
            |(lane, stage): &(LaneIx, StageIx)| if self.serves(present, *lane) { present } else { *stage };
        self.buses.asking.iter().map(stage).collect()
    }

    /// Whether the present green may end early for the first of the buses that it does not serve.
    pub(super) fn may_cut_for(&self, stages: &[StageIx], present: StageIx, at: MonoMs) -> bool {
        let target = stages.iter().copied().find(|stage| *stage != present);
        let goes_on = target.is_some() && self.buses.cutting == target;
        goes_on || self.buses.cut.is_none_or(|cut| at.since(cut) >= CUT_AGAIN_MS)
    }

    /// Takes what was decided about a green, and logs that it goes on or ends early for a bus: in actuation by its rule, else when that is beyond
    /// or before the green of the plan. `next`: what follows; none: it goes on.
    pub(super) fn note_bus(&mut self, green: Green, decision: &Decision, next: Option<StageIx>, at: MonoMs) {
        if self.buses.cutting == Some(green.stage) {
            self.buses.cutting = None;
        }
        let by_rule = decision.grounds.level() == ControlLevel::Actuated;
        let planned_ms = 1000 * i64::from(self.program.green_s(green.stage).unwrap_or(0));
        let had_ms = at.since(green.counted_from);
        let stages = self.bus_stages(green.stage);
        let (here, there) =
            (stages.contains(&green.stage), stages.iter().find(|stage| **stage != green.stage));
        match (next, there) {
            (None, _) if here => {
                let extends =
                    if by_rule { decision.grounds == Grounds::BusHere } else { had_ms >= planned_ms };
                if extends && self.buses.extended != Some(green.began) {
                    self.buses.extended = Some(green.began);
                    self.log_bus(EventCode::PriorityExtendGreen, green.stage, at);
                }
            }
            (Some(_), Some(&target)) if by_rule && decision.grounds == Grounds::BusThere => {
                self.cut_for(target, at);
            }
            (Some(next), _) if !by_rule && !here && had_ms < planned_ms && stages.contains(&next) => {
                self.log_bus(EventCode::PriorityEarlyGreen, next, at);
            }
            _ => {}
        }
    }

    /// Takes that a green ends early for a bus at a stage; the next ones then do too, until the stage has its own.
    fn cut_for(&mut self, target: StageIx, at: MonoMs) {
        if self.buses.cutting.replace(target) != Some(target) {
            self.buses.cut = Some(at);
            self.log_bus(EventCode::PriorityEarlyGreen, target, at);
        }
    }

    /// Whether a lane has green in a stage.
    fn serves(&self, stage: StageIx, lane: LaneIx) -> bool {
        let groups = self.junction.stage(stage).groups;
        groups.iter().any(|group| self.junction.group(group).lanes.contains(&lane))
    }

    fn log_bus(&mut self, code: EventCode, stage: StageIx, at: MonoMs) {
        self.log.push(Event::new(at, code, stage.index() as u32 + 1));
    }
}
