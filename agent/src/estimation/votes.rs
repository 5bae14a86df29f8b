//! On which lane a tag is, where the antenna of the next lane hears it too.

use flextraff_common::junction::LaneIx;

/// How fast reads fade, seconds.
const MEMORY_S: f64 = 3.0;
/// With so many times the reads of another lane a lane is the vehicle's, whatever the strength.
const MORE_READS: f64 = 1.5;
/// Else the lane that reads it by so much stronger, dB.
const STRONGER_DB: f32 = 3.0;
/// With fewer reads, faded, a lane is forgotten.
const LEAST_READS: f64 = 0.05;

/// What speaks for each lane.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Votes(Vec<Vote>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Vote {
    lane: LaneIx,
    /// Reads, faded.
    reads: f64,
    last_s: f64,
    /// Strongest of them, dBm.
    rssi: Option<f32>,
}

impl Vote {
    fn reads_at(&self, at_s: f64) -> f64 {
        self.reads * (-(at_s - self.last_s).max(0.0) / MEMORY_S).exp()
    }
}

impl Votes {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes a read by the antenna of a lane.
    pub(super) fn add(&mut self, lane: LaneIx, rssi: Option<f32>, at_s: f64) {
        self.0.retain(|vote| vote.reads_at(at_s) >= LEAST_READS);
        let rssi = rssi.filter(|rssi| rssi.is_finite());
        let before = self.of(lane);
        let reads = before.map_or(0.0, |vote| vote.reads_at(at_s)) + 1.0;
        let strongest =
            [before.and_then(|vote| vote.rssi), rssi].into_iter().flatten().max_by(f32::total_cmp);
        self.0.retain(|vote| vote.lane != lane);
        self.0.push(Vote { lane, reads, last_s: at_s, rssi: strongest });
    }

    /// When the antenna of a lane read it last, seconds; none: never, or long ago.
    pub(super) fn last_s(&self, lane: LaneIx) -> Option<f64> {
        self.of(lane).map(|vote| vote.last_s)
    }

    /// Whether a lane is rather the vehicle's than another: most reads, then the strongest (the rule by which passages are counted).
    pub(super) fn leads(&self, lane: LaneIx, other: LaneIx, at_s: f64) -> bool {
        let Some(own) = self.of(lane) else { return false };
        let Some(other) = self.of(other) else { return true };
        let is_stronger = match (own.rssi, other.rssi) {
            (Some(own), Some(other)) => own >= other + STRONGER_DB,
            _ => false,
        };
        let (own, other) = (own.reads_at(at_s), other.reads_at(at_s));
        own > MORE_READS * other || (is_stronger && MORE_READS * own >= other)
    }

    fn of(&self, lane: LaneIx) -> Option<&Vote> {
        self.0.iter().find(|vote| vote.lane == lane)
    }
}
