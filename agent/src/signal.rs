//! The signal controller: stages, clearances, plans.

use flextraff_common::junction::StageIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControllerState, Mode};

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
    /// Who decides.
    pub mode: Mode,
    /// When the present cycle's first green began.
    pub cycle_start: MonoMs,
}
