//! Who is on a lane, and the ranges that the model takes.

use super::{Gate, StageSet};

/// Farther from the present than this no time of the model lies, seconds.
pub(super) const FAR_S: f64 = 1e6;
/// Least and greatest saturation headway, seconds per vehicle.
const HEADWAYS_S: (f64, f64) = (0.1, 3600.0);
/// Headway of a stage for which none is given, seconds per vehicle.
const USUAL_HEADWAY_S: f64 = 2.0;
/// Longest start-up loss, seconds.
const MOST_STARTUP_S: f64 = 3600.0;
/// Greatest number of vehicles of one arrival, and greatest weight.
const MOST: f64 = 1e6;

/// One arrival at a stop line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// When it passes the stop line if nothing holds it up, seconds; negative: it has waited since then, and that counts as delay.
    pub at_s: f64,
    /// How many vehicles it stands for: 1, or a fraction of an expected one. It takes so many saturation headways.
    pub vehicles: f64,
    /// Cost of each second of its delay, vehicle-seconds per second; 1 for an ordinary vehicle.
    pub weight: f64,
    /// The stages in which its movement has green.
    pub stages: StageSet,
    /// Whether it still drives, so that a red would stop it.
    pub moving: bool,
}

/// A lane: who is on it, and how fast it discharges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneQueue {
    /// In the order in which they leave.
    pub arrivals: Vec<Arrival>,
    /// Saturation headway in each stage, seconds per vehicle; of a stage that does not serve the lane: without meaning.
    pub headway_s: Vec<f64>,
    /// Start-up loss: from the start of green to the first departure of a queue, seconds. The others follow at the saturation headway, so that
    /// a green of `g` serves `(g − startup_s) / headway_s` vehicles, rounded up.
    pub startup_s: f64,
    /// Until when nobody leaves in each stage, because there is no room ahead or no gap, seconds; zero, negative or not given: nothing holds
    /// them up.
    pub held_s: Vec<f64>,
    /// The stages in which any movement of the lane has green.
    pub served: StageSet,
    /// Room ahead; none: there is always enough.
    pub gate: Option<Gate>,
}

impl Arrival {
    /// The same within the model's ranges: a time that is no number counts as the present, one that is not finite as very far away; vehicles
    /// and weight that are negative or no number count as 0; stages that the junction does not have are left out.
    pub(super) fn checked(self, all: StageSet) -> Self {
        let at_s = if self.at_s.is_nan() { 0.0 } else { self.at_s };
        Self {
            at_s: within(at_s, -FAR_S, FAR_S),
            vehicles: within(self.vehicles, 0.0, MOST),
            weight: within(self.weight, 0.0, MOST),
            stages: self.stages.intersection(all),
            moving: self.moving,
        }
    }
}

impl LaneQueue {
    pub(super) fn checked_headway_s(&self, stage: usize) -> f64 {
        within(self.headway_s.get(stage).copied().unwrap_or(USUAL_HEADWAY_S), HEADWAYS_S.0, HEADWAYS_S.1)
    }

    pub(super) fn checked_held_s(&self, stage: usize) -> f64 {
        within(self.held_s.get(stage).copied().unwrap_or(0.0), 0.0, FAR_S)
    }

    pub(super) fn checked_startup_s(&self) -> f64 {
        within(self.startup_s, 0.0, MOST_STARTUP_S)
    }
}

/// The value, or the nearest in the range; what is no number counts as the least.
pub(super) const fn within(value: f64, least: f64, most: f64) -> f64 {
    value.max(least).min(most)
}
