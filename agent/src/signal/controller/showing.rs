//! What the lamps show in the present state, and who is told of it.

use super::flash::flash_lamps;
use super::{Controller, Phase};
use crate::signal::event_log::View;
use crate::signal::fault::{fault_lamps, fault_state};
use crate::signal::{Lamps, Shown, SignalEvent};
use flextraff_common::hires::FlashState;
use flextraff_common::junction::{GroupIx, GroupSet, Junction};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControllerState};

impl Controller {
    /// Shows the present state, and tells what has changed by it.
    pub(super) fn show(&mut self, at: MonoMs) {
        self.note_level(at);
        self.note_course(at);
        let junction = &*self.junction;
        let (state, stage, next_stage, lamps): (_, _, _, Lamps) = match &mut self.phase {
            Phase::Startup(startup) => {
                let (state, lamps) = startup.show(junction, at);
                (state, None, None, lamps)
            }
            Phase::Green(green) => {
                let groups = junction.stage(green.stage).groups;
                (ControllerState::Green, Some(green.stage), None, green_lamps(junction, groups))
            }
            Phase::Clearance(clearance, _) => clearance.show(at),
            Phase::ToFlash(way) => way.show(junction, at),
            Phase::Flash => (ControllerState::Flash, None, None, flash_lamps(junction)),
            Phase::Fault => (fault_state(junction), None, None, fault_lamps(junction)),
        };
        if lamps != self.shown.lamps {
            self.cycle.lamps(junction, &lamps, at);
            let green = |group: &GroupIx| lamps[group.index()] == Aspect::Green;
            self.deciding.calls.handle_green(junction.group_indexes().filter(green).collect());
        }
        let (flash, coming) = match &self.phase {
            Phase::Startup(_) => (FlashState::Startup, None),
            Phase::Green(green) => (FlashState::NotFlashing, Some(green.stage)),
            Phase::Clearance(_, coming) => (FlashState::NotFlashing, Some(coming.stage)),
            Phase::ToFlash(_) => (FlashState::NotFlashing, None),
            Phase::Flash => (FlashState::LocalManual, None),
            Phase::Fault => (FlashState::FaultMonitor, None),
        };
        self.log.handle_lamps(View { junction, lamps: &lamps, state, coming, flash }, at);
        let (plan_id, mode) = (self.program.plan_id(), self.program.mode());
        let control = self.control();
        let cycle_start = self.cycle.started;
        let offset_error_ms = self.coordination.error_ms;
        let shown = Shown {
            at,
            state,
            stage,
            next_stage,
            lamps,
            plan_id,
            mode,
            control,
            cycle_start,
            offset_error_ms,
        };
        let before = &self.shown;
        if (Shown { at: before.at, ..shown.clone() }) != *before {
            // Since when the lamps show what they show does not depend on who decides.
            let is_same = (Shown { at, control, ..before.clone() }) == shown;
            let shown = if is_same { Shown { at: before.at, ..shown } } else { shown };
            self.shown = shown.clone();
            self.events.push_back(SignalEvent::Shown(shown));
        }
        self.events.extend(self.log.take());
    }
}

fn green_lamps(junction: &Junction, green: GroupSet) -> Lamps {
    let aspect = |group| if green.contains(group) { Aspect::Green } else { Aspect::Red };
    junction.group_indexes().map(aspect).collect()
}
