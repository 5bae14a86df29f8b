//! Users whom no reader sees: two- and three-wheelers without a tag, and vehicles whose tag was never read.
//!
//! A queue that discharges at saturation leaves one vehicle a headway, seen or not. The time after which a seen one leaves therefore tells
//! its place, and so how many stood before it unseen. These arrived between the start of red and its own arrival; in the same time seen ones
//! arrive at their usual rate. Both summed over many queues, the ratio is that of two Poisson streams over the same exposure: unseen users for
//! each seen one.

use super::estimator::Estimator;
use super::lane::{HEADWAY_S, Lane};
use super::learned::Evidence;
use super::vehicle::Vehicle;
use flextraff_common::junction::{LaneIx, StageIx};

/// Unseen users for each seen one before anything is learned: 60 % are seen. About half of Indian traffic carries no tag; where more does, reckoning
/// with too many costs little, while reckoning with too few leaves them at red.
const GUESS: f64 = 0.67;
/// Seen vehicles that the guess is worth, and that the ratio of the whole junction is worth to a lane: places are rough, single lanes noisy.
const WORTH: f64 = 20.0;
/// How much of what was learned each further queue leaves.
const FADE: f64 = 0.998;
/// From the start of green to the last read of a head that leaves at once, seconds.
const HEAD_LEAVES_S: f64 = 0.3;
/// How much later than a saturation headway after the one before it each of the next in a queue leaves, because it starts from a stop, seconds: about
/// 2 s in all, the start-up lost time of the HCM; SUMO's drivers need as much.
const STARTS_S: [f64; 3] = [1.1, 0.6, 0.3];
/// Whoever arrives in the last second of red may not have stopped, seconds.
const STOOD_S: f64 = 1.0;
/// Most unseen users of one queue that are believed: behind a longer gap something else has held it up.
const MOST_IN_QUEUE: f64 = 10.0;
/// As many at most stand between two seen ones, and so much further is the next one.
const MOST_BETWEEN: u32 = 11;
/// The ratio is believed up to this.
const MOST: f64 = 3.0;

/// Unseen and seen users over the same times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ratio {
    unseen: f64,
    seen: f64,
    last_s: Option<f64>,
}

impl Ratio {
    fn add(&mut self, at_s: f64, unseen: f64, seen: f64) {
        self.unseen = self.unseen * FADE + unseen;
        self.seen = self.seen * FADE + seen;
        self.last_s = Some(at_s);
    }

    /// What is known when everybody has been seen for a long time.
    #[cfg(test)]
    pub(super) const fn all_seen() -> Self {
        Self { unseen: 0.0, seen: f64::MAX, last_s: None }
    }

    /// Unseen users for each seen one, beside a guess.
    fn value(&self, guess: f64) -> f64 {
        ((self.unseen + WORTH * guess) / (self.seen + WORTH)).clamp(0.0, MOST)
    }

    fn evidence(&self) -> Evidence {
        Evidence { confidence: self.seen / (self.seen + WORTH), last_s: self.last_s }
    }
}

/// A queue that is leaving in its green.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Discharge {
    /// Since when the lane had had red.
    red_s: f64,
    /// Of the last seen vehicle that had stood in it: its place, counted from 1, when it left and when it was due.
    place: u32,
    left_s: f64,
    due_s: f64,
    /// How many seen ones have left.
    seen: f64,
}

/// When the vehicle in a place leaves, seconds after the head, if each starts as soon as it can; place 0 is when the head may leave.
fn leaves_s(place: u32) -> f64 {
    let before = place.saturating_sub(1);
    f64::from(before) * HEADWAY_S + STARTS_S.iter().take(before as usize).sum::<f64>()
}

/// The place of a vehicle that leaves so long after the one in `place`: the one whose time is nearest. To count on from each seen vehicle
/// keeps what one start takes longer than another from adding up.
fn place_after(place: u32, gap_s: f64) -> u32 {
    let off_s = |other: u32| (leaves_s(other) - leaves_s(place) - gap_s).abs();
    (place + 1..=place + MOST_BETWEEN).min_by(|a, b| off_s(*a).total_cmp(&off_s(*b))).unwrap_or(place + 1)
}

impl Lane {
    /// A seen vehicle leaves at `at_s` in a green that began at `green_s`.
    pub(super) fn note_place(&mut self, vehicle: &Vehicle, stage: StageIx, green_s: f64, at_s: f64) {
        let has_way = self.shape.full.contains(stage) && !self.gives_way.contains(stage);
        if !has_way || vehicle.due_s > green_s - STOOD_S {
            return;
        }
        let (place, seen) = match &self.discharge {
            Some(before) => (place_after(before.place, at_s - before.left_s), before.seen + 1.0),
            None => (place_after(0, at_s - green_s - HEAD_LEAVES_S), 1.0),
        };
        let red_s = self.red_since_s;
        self.discharge = Some(Discharge { red_s, place, left_s: at_s, due_s: vehicle.due_s, seen });
    }

    /// The green of a queue is over: unseen users in it, and seen ones who usually arrive in the time in which they did.
    fn take_discharge(&mut self, at_s: f64) -> Option<(f64, f64)> {
        let queue = self.discharge.take().filter(|queue| queue.due_s > queue.red_s)?;
        let unseen = (f64::from(queue.place) - queue.seen).clamp(0.0, MOST_IN_QUEUE);
        Some((unseen, self.usual_flow.per_s(at_s) * (queue.due_s - queue.red_s)))
    }
}

impl Estimator {
    /// A lane's green is over.
    pub(super) fn learn_unseen(&mut self, lane: LaneIx, at_s: f64) {
        let lane = &mut self.lanes[lane.index()];
        if let Some((unseen, seen)) = lane.take_discharge(at_s) {
            lane.unseen.add(at_s, unseen, seen);
            self.unseen.add(at_s, unseen, seen);
        }
    }

    /// Unseen users for each seen one on a lane.
    pub(super) fn unseen_for_each(&self, lane: &Lane) -> f64 {
        lane.unseen.value(self.unseen.value(GUESS))
    }

    /// Share of a lane's users who are seen, and what is known of it.
    pub(super) fn seen_share(&self, lane: &Lane) -> (f64, Evidence) {
        (1.0 / (1.0 + self.unseen_for_each(lane)), lane.unseen.evidence())
    }
}
