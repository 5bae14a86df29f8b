//! How the vehicles of one lane move in one step: single file, each keeping space and time behind the one ahead, the first minding the
//! signal.
//!
//! A first-order follow-the-leader rule in the manner of Newell (2002): speed is the gap ahead divided by the driver's following time,
//! bounded by the desired speed, acceleration, and what still lets one brake behind the vehicle ahead.

use super::network::{CROSSING_M, Kind};
use super::vehicle::Vehicle;
use std::collections::VecDeque;

/// Braking that drivers choose, m/s².
const BRAKING: f64 = 3.0;
/// Braking that drivers accept rather than pass an amber light, m/s² (FHWA Signal Timing Manual, 2nd edition, equation 6-1: 3.05).
const AMBER_BRAKING: f64 = 3.05;
/// From the stop line to where the first vehicle stands, metres.
const STAND_M: f64 = 1.0;

/// What the signal asks of the first vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Pass.
    Go,
    /// Stop if safely possible.
    StopIfPossible,
    /// Stop.
    Stop,
    /// Stop, but this one, standing first, may cross.
    OneByOne(u64),
}

/// A lane with its vehicles, the one nearest to (or beyond) the stop line first.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) vehicles: VecDeque<Vehicle>,
    /// Vehicles for which the lane has no room yet.
    pub(super) waiting: VecDeque<Vehicle>,
}

/// What a step of a lane did.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// How many crossed the stop line.
    pub(super) crossed: u32,
    /// Who left the junction behind.
    pub(super) gone: Vec<Vehicle>,
}

impl Lane {
    /// The first vehicle that has not crossed.
    pub(super) fn first(&self) -> Option<&Vehicle> {
        self.vehicles.iter().find(|vehicle| vehicle.pos >= 0.0)
    }

    /// Moves everybody by `dt` seconds.
    pub(super) fn step(&mut self, leave: Leave, limit_mps: f64, length_m: f64, dt: f64) -> Moved {
        let mut moved = Moved::default();
        let mut ahead: Option<(f64, f64, Kind)> = None;
        for vehicle in &mut self.vehicles {
            let before = vehicle.pos;
            let may_cross = before < 0.0 || may_cross(vehicle, leave);
            let mut speed =
                (limit_mps * vehicle.briskness).min(vehicle.speed + vehicle.kind.acceleration() * dt);
            if let Some((pos, leader_speed, kind)) = ahead {
                let gap = (before - pos - kind.space_m()).max(0.0);
                speed = speed
                    .min(gap / vehicle.kind.follow_s())
                    .min((leader_speed.powi(2) + 2.0 * BRAKING * gap).sqrt());
            }
            if !may_cross {
                let gap = (before - STAND_M).max(0.0);
                speed = speed.min((2.0 * BRAKING * gap).sqrt()).min(gap / dt);
            }
            vehicle.speed = speed;
            vehicle.pos -= speed * dt;
            if before >= 0.0 && vehicle.pos < 0.0 {
                moved.crossed += 1;
            }
            ahead = Some((vehicle.pos, speed, vehicle.kind));
        }
        while self.vehicles.front().is_some_and(|vehicle| vehicle.pos <= -CROSSING_M) {
            moved.gone.extend(self.vehicles.pop_front());
        }
        self.admit(limit_mps, length_m);
        moved
    }

    /// Lets in who waits at the upstream end, while there is room.
    fn admit(&mut self, limit_mps: f64, length_m: f64) {
        while let Some(mut vehicle) = self.waiting.pop_front() {
            let gap =
                self.vehicles.back().map_or(f64::INFINITY, |last| length_m - last.pos - last.kind.space_m());
            if gap < 0.0 {
                self.waiting.push_front(vehicle);
                return;
            }
            vehicle.pos = length_m;
            vehicle.speed = (limit_mps * vehicle.briskness).min(gap / vehicle.kind.follow_s());
            vehicle.committed = false;
            self.vehicles.push_back(vehicle);
        }
    }
}

fn may_cross(vehicle: &mut Vehicle, leave: Leave) -> bool {
    match leave {
        Leave::Go => true,
        Leave::StopIfPossible => {
            let room = (vehicle.pos - STAND_M).max(0.1);
            vehicle.committed = vehicle.committed || vehicle.speed.powi(2) > 2.0 * AMBER_BRAKING * room;
            vehicle.committed
        }
        Leave::Stop => false,
        Leave::OneByOne(id) => vehicle.id == id,
    }
}
