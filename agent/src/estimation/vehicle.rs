//! One tagged vehicle on its way to the stop line, or at it.

use super::lane::Lane;
use flextraff_common::junction::{LaneIx, StageIx};

/// With at least this share nobody is expected elsewhere.
const SURE: f64 = 0.85;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vehicle {
    /// The lane on which it is believed to be; known once it was read at the stop line.
    pub(super) lane: LaneIx,
    /// When it passes the stop line, or would have, if nothing holds it up, seconds.
    pub(super) due_s: f64,
    /// First read.
    pub(super) announced_s: f64,
    /// Last read.
    pub(super) last_s: f64,
    /// First read at the stop line.
    pub(super) stopped_s: Option<f64>,
    /// The lane whose advance reader saw it.
    pub(super) via: Option<LaneIx>,
    /// Stages whose green it did not use although it stood at the head, and when that was found.
    pub(super) stalled: Vec<(StageIx, f64)>,
}

impl Vehicle {
    /// Whether hardly anybody whom the same advance reader announces stops on another lane.
    pub(super) fn is_surely_there(&self, lanes: &[Lane]) -> bool {
        self.via.is_some_and(|via| {
            let stops_at = &lanes[via.index()].stops_at;
            stops_at[self.lane.index()] > SURE * stops_at.iter().sum::<f64>()
        })
    }

    pub(super) const fn at_stop_line(&self) -> bool {
        self.stopped_s.is_some()
    }
}
