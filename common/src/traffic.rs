//! The queue model: who arrives when at which stop line, how fast a green lets them go, and what their waiting costs.
//!
//! One model for tactical control at the junction, the optimiser and the preview of the server, and the explanation of both. It is a
//! deterministic point-queue model: a lane is a line of arrivals that leave in order, no faster than its saturation headway allows, after the
//! start-up loss of its green. Every quantity is in seconds from the moment at which the model was made; every function is a pure one.

mod closed_form;
mod discharge;
mod forecast;
mod gate;
mod model;
mod plan_delay;
mod queue;
mod rollout;
mod stage_set;
#[cfg(test)]
mod tests;
mod timing;

pub use closed_form::{hcm_delay_s, uniform_delay_s};
pub use discharge::{LaneStages, SATURATION_HEADWAY_S};
pub use forecast::Departure;
pub use gate::Gate;
pub use model::{Model, Progress};
pub use plan_delay::{LaneFlow, plan_delay_s};
pub use queue::{Arrival, LaneQueue};
pub use rollout::{Order, Policy, Rollout};
pub use stage_set::StageSet;
pub use timing::Timing;
