//! Emergencies in the high-resolution log: who calls, and what the signal does about it.
//!
//! The pre-empt number is that of the stage that is asked for, by a vehicle or by an operator. A call is on while it is the one that counts among
//! emergencies, also while the panel in the cabinet, flash or a fault comes before it.

use super::{Controller, Green, Phase};
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::junction::StageIx;
use flextraff_common::time::MonoMs;

/// What was logged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preempting {
    /// The stage that is called.
    called: Option<StageIx>,
    /// The stage that the signal is on the way to for those who call, or holds for them.
    target: Option<StageIx>,
    /// Whether it has green.
    dwells: bool,
}

impl Controller {
    /// Logs a call that begins or ends.
    pub(super) fn note_call(&mut self, at: MonoMs) {
        let called = self.emergency_stage(at);
        let before = std::mem::replace(&mut self.preempting.called, called);
        if before == called {
            return;
        }
        self.log_preempt(before, EventCode::PreemptCallOff, at);
        self.log_preempt(called, EventCode::PreemptCallOn, at);
    }

    /// Logs what the signal begins to do for those who call. The round in which the others are served is an exit, and the way back an entry.
    pub(super) fn note_course(&mut self, at: MonoMs) {
        self.note_call(at);
        let wanted = |stage: &StageIx, target: Option<StageIx>| Some(*stage) == target;
        let (target, dwells) = match &self.phase {
            Phase::Green(green) => {
                (Some(green.stage).filter(|stage| wanted(stage, self.program.target)), true)
            }
            Phase::Clearance(_, coming) => {
                let program = coming.cycle_of.as_ref().unwrap_or(&self.program);
                (Some(coming.stage).filter(|stage| wanted(stage, program.target)), false)
            }
            Phase::Startup(_) | Phase::ToFlash(_) | Phase::Flash | Phase::Fault => (None, false),
        };
        let dwells = dwells && target.is_some();
        let before = self.preempting;
        self.preempting = Preempting { target, dwells, ..before };
        if target.is_none() {
            self.log_preempt(before.target, EventCode::PreemptExit, at);
        } else if before.target != target {
            self.log_preempt(target, EventCode::PreemptEntry, at);
        }
        if dwells && !(before.dwells && before.target == target) {
            self.log_preempt(target, EventCode::PreemptDwell, at);
        }
    }

    /// Logs that a stage was held for as long as it may be while somebody still asks for it.
    pub(super) fn note_held(&mut self, green: Green, at: MonoMs) {
        if self.program.target == Some(green.stage) && self.emergency_stage(at) == Some(green.stage) {
            self.log_preempt(Some(green.stage), EventCode::PreemptMaxPresence, at);
        }
    }

    fn log_preempt(&mut self, stage: Option<StageIx>, code: EventCode, at: MonoMs) {
        if let Some(stage) = stage {
            self.log.push(Event::new(at, code, stage.index() as u32 + 1));
        }
    }
}
