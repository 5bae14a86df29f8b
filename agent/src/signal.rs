//! The signal controller: turns plans into stages, and stages into what each lamp shows.
//!
//! Pure: time comes with each call, and every answer leaves through [`Controller::poll`]. What it knows of a plan are green times; amber,
//! all-red and red-amber are its own, from the junction's intergreens. Lamps change only at whole seconds of the monotonic clock, a
//! fault excepted; a time that is no whole second is rounded up, so that nothing is ever shorter than configured.

mod clearance;
mod controller;
mod coordination;
mod cycle;
mod event_log;
mod fallback;
mod fault;
mod green;
mod plans;
mod program;
mod startup;
mod tactical;
#[cfg(test)]
pub(crate) mod tests;

pub use controller::{ComingGreen, Controller};
pub use cycle::{CycleRecord, LaneQueues, StageRecord};
pub use fallback::Fallback;
pub use fault::fault_lamps;
pub(crate) use tactical::Rest;
pub use tactical::{Choice, Decision, Forced, Grounds};

use flextraff_common::hires::Event;
use flextraff_common::junction::StageIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControllerState, Mode, PlanStatus, SignalControl};
use std::any::Any;

/// Aspect of every signal group, in the junction's order.
pub type Lamps = Vec<Aspect>;

/// What the signal shows from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Since when.
    pub at: MonoMs,
    /// What the signal is doing.
    pub state: ControllerState,
    /// The ending stage in amber and all-red, the next in red-amber; none in start-up, flash and dark.
    pub stage: Option<StageIx>,
    /// The coming stage, in amber and all-red.
    pub next_stage: Option<StageIx>,
    /// Aspect of every group.
    pub lamps: Lamps,
    /// The running plan; none: fallback.
    pub plan_id: Option<String>,
    /// Who decides, as plans know it.
    pub mode: Mode,
    /// Who decides, in full.
    pub control: SignalControl,
    /// When the present cycle's first green began.
    pub cycle_start: MonoMs,
    /// How much later than the offset of the plan says that was, milliseconds; none: the cycle is not coordinated.
    pub offset_error_ms: Option<i64>,
}

impl Shown {
    /// Whole seconds since the cycle's first green began; 0 before that.
    pub fn cycle_second(&self, now: MonoMs) -> u32 {
        u32::try_from(now.since(self.cycle_start).div_euclid(1000)).unwrap_or(0)
    }
}

/// What the controller has to say, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalEvent {
    /// The lamps, the stage, or who decides has changed.
    Shown(Shown),
    /// A cycle is over.
    CycleEnded(CycleRecord),
    /// A plan that was pending now runs, or one that an override had suspended runs again.
    Plan(PlanStatus),
    /// The plan of which that was said last neither runs nor waits any more, and no other has taken its place: its time is over.
    PlanOver {
        /// Its name.
        plan_id: Option<String>,
    },
    /// High-resolution events, in order of time.
    Logged(Vec<Event>),
}

/// What a panic said, as far as it is text.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
