//! Room ahead of a lane: while the way ahead does not move, only so many may leave.

use super::queue::{FAR_S, within};

/// Most vehicles for which there is room; nobody counts more.
const MOST_ROOM: f64 = 1e6;

/// Limited room ahead of a lane. While the gate is open the way ahead moves, and whoever leaves finds room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Vehicles of the lane for which there is room each time that it is shut: while it is open the way ahead drains.
    pub room: f64,
    /// When it opens, seconds; zero or negative: it is open.
    pub opens_s: f64,
    /// When it shuts again, seconds.
    pub shuts_s: f64,
    /// When it opens for good, seconds.
    pub again_s: f64,
    /// Cost of each second in which somebody has green and finds no room, vehicle-seconds per second. Drivers go all the same, and then stand where
    /// they are in the way of everybody.
    pub blocks: f64,
}

impl Gate {
    /// A gate that is always open.
    pub(super) const NONE: Self =
        Self { room: MOST_ROOM, opens_s: -FAR_S, shuts_s: FAR_S, again_s: FAR_S, blocks: 0.0 };

    /// The same within the model's ranges and in order of time; what is no number counts as the least.
    pub(super) fn checked(self) -> Self {
        let opens_s = within(self.opens_s, -FAR_S, FAR_S);
        let shuts_s = within(self.shuts_s, opens_s, FAR_S);
        Self {
            room: within(self.room, 0.0, MOST_ROOM),
            opens_s,
            shuts_s,
            again_s: within(self.again_s, shuts_s, FAR_S),
            blocks: within(self.blocks, 0.0, MOST_ROOM),
        }
    }

    /// Whether whoever leaves at that moment finds the way ahead moving.
    pub(super) const fn is_open(&self, at_s: f64) -> bool {
        (at_s >= self.opens_s && at_s < self.shuts_s) || at_s >= self.again_s
    }

    /// When somebody leaves who could at `at_s`; `last_s` and `used` as for [`room_at`](Self::room_at).
    pub(super) const fn leaves_s(&self, at_s: f64, last_s: f64, used: f64) -> f64 {
        if self.room_at(at_s, last_s, used) > 0.0 {
            at_s
        } else if at_s < self.opens_s {
            self.opens_s
        } else {
            self.again_s
        }
    }

    /// For how many there is room at that moment, when the last one has left at `last_s` and `used` were those who had left since the gate shut.
    pub(super) const fn room_at(&self, at_s: f64, last_s: f64, used: f64) -> f64 {
        if self.is_open(at_s) { f64::INFINITY } else { self.room - self.used_at(at_s, last_s, used) }
    }

    /// How many have left since the gate shut, up to that moment.
    pub(super) const fn used_at(&self, at_s: f64, last_s: f64, used: f64) -> f64 {
        let since_it_shut = last_s >= self.shuts_s || (at_s < self.opens_s && last_s < self.opens_s);
        if since_it_shut { used } else { 0.0 }
    }
}
