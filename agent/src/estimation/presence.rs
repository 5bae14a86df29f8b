//! Whether a tag at the stop line is still there.
//!
//! Readers differ in how often they read a tag that stands still: one antenna without pause reads it many times a second, eight in turn every
//! other second, and a weak one misses some. So the time after which a vehicle that is not read has left is learned from those who stand at red.

use super::estimator::Estimator;
use super::learned::Mean;
use super::vehicle::Vehicle;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;

/// Least and greatest time after which a vehicle that is not read at a green stop line has left, seconds.
const GONE_S: (f64, f64) = (1.2, 4.0);
/// The same at a red one, where reads may only have failed.
const GONE_ON_RED_S: f64 = 4.0;
/// Of the mean gap in which a moment falls so many have passed when it has left.
const GAPS: f64 = 1.5;
/// Before anything is learned a tag is read so often, seconds.
const GUESS_S: f64 = 0.5;
/// Gaps that the guess is worth, and that are remembered.
const WORTH: u32 = 10;
const MEMORY: u32 = 200;
/// Whoever is read again at the same stop line within this time had not left: it takes longer to come back round a block, seconds.
const RETURNS_S: f64 = 30.0;
/// Whoever is read within this time after he has left, at the stop line of another lane, is on his way across, seconds.
const CROSSES_S: f64 = 10.0;
/// Unless he is read there for longer: where a junction has a second stop line on the way across he stands at it, seconds.
const PASSES_S: f64 = 3.0;
/// Vehicles that have left and may come back, at most.
const MOST_LEFT: usize = 1000;

/// The gaps between two reads of a tag that stands still.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadGaps {
    mean: Mean,
    square: Mean,
}

impl ReadGaps {
    pub(super) const GUESS: Self =
        Self { mean: Mean::new(GUESS_S, WORTH, MEMORY), square: Mean::new(GUESS_S * GUESS_S, WORTH, MEMORY) };

    pub(super) fn add(&mut self, at_s: f64, gap_s: f64) {
        self.mean.add(at_s, gap_s);
        self.square.add(at_s, gap_s * gap_s);
    }

    /// The mean gap, seconds.
    pub(super) const fn mean(&self) -> &Mean {
        &self.mean
    }

    /// After how long without a read a vehicle at a green stop line has left, seconds. A moment falls into a long gap more often than into a
    /// short one: into one of the mean of the squares over the mean (Feller 1971, the waiting-time paradox).
    pub(super) fn gone_after_s(&self) -> f64 {
        (GAPS * self.square.value() / self.mean.value().max(f64::EPSILON)).clamp(GONE_S.0, GONE_S.1)
    }
}

/// Whose tag is read at a stop line.
#[derive(Debug)]
pub(super) enum There {
    /// Of somebody who has come.
    New,
    /// Of somebody who seemed to have left.
    Still(Vehicle),
    /// Of somebody who has left another lane and passes by.
    Crosses,
}

impl Estimator {
    /// Who has left by now, in the order of their last reads.
    pub(super) fn note_departures(&mut self, at_s: f64) {
        self.left.retain(|_, vehicle| at_s - vehicle.last_s <= RETURNS_S);
        let lanes = &self.lanes;
        let mut left: Vec<(Epc, Vehicle)> = self
            .vehicles
            .extract_if(.., |_, vehicle| {
                let lane = &lanes[vehicle.lane.index()];
                let gone_s = lane.read_gaps.gone_after_s();
                let open = lane.green_since_s.is_some() || at_s - lane.red_since_s < GONE_ON_RED_S + gone_s;
                let unseen_s = at_s - vehicle.last_s;
                vehicle.at_stop_line() && unseen_s > if open { gone_s } else { GONE_ON_RED_S }
            })
            .collect();
        left.sort_by(|a, b| a.1.last_s.total_cmp(&b.1.last_s).then(a.0.cmp(&b.0)));
        for (epc, vehicle) in left {
            self.departed(epc, &vehicle);
            if self.left.len() < MOST_LEFT {
                self.left.insert(epc, Vehicle { has_left: true, ..vehicle });
            }
        }
    }

    /// Whose tag it is that is read at a stop line and is not known to be there.
    pub(super) fn who_is_there(&mut self, epc: Epc, lane: LaneIx, at_s: f64) -> There {
        match self.left.get_mut(&epc) {
            Some(vehicle) if vehicle.lane == lane && at_s - vehicle.last_s <= RETURNS_S => {
                self.left.remove(&epc).map_or(There::New, There::Still)
            }
            Some(vehicle) if vehicle.lane != lane && at_s - vehicle.last_s <= CROSSES_S => {
                let since_s = *vehicle.crosses_s.get_or_insert(at_s);
                if at_s - since_s <= PASSES_S { There::Crosses } else { There::New }
            }
            _ => There::New,
        }
    }
}
