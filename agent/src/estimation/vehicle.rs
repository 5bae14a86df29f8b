//! One tagged vehicle on its way to the stop line, or at it.

use super::lane::Lane;
use super::votes::Votes;
use flextraff_common::junction::{LaneIx, StageIx};

/// Whoever has stood at the stop line for so long, seconds, and through so many greens of his lane is parked or broken down.
pub(super) const PARKED_S: f64 = 600.0;
pub(super) const PARKED_GREENS: u32 = 3;
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
    /// Greens of its lane that have ended while it stood at the stop line.
    pub(super) greens: u32,
    /// The lane whose advance reader saw it.
    pub(super) via: Option<LaneIx>,
    /// Stages whose green it did not use although it stood at the head, and when that was found.
    pub(super) stalled: Vec<(StageIx, f64)>,
    /// Whether it was taken to have left already, and told so, and is still there.
    pub(super) has_left: bool,
    pub(super) votes: Votes,
    /// Since when it has been read at the stop line of another lane after it had left.
    pub(super) crosses_s: Option<f64>,
}

impl Vehicle {
    /// One that is read for the first time, on that lane as far as is known.
    pub(super) const fn seen(lane: LaneIx, at_s: f64) -> Self {
        Self {
            lane,
            due_s: at_s,
            announced_s: at_s,
            last_s: at_s,
            stopped_s: None,
            greens: 0,
            via: None,
            stalled: Vec::new(),
            has_left: false,
            votes: Votes::new(),
            crosses_s: None,
        }
    }

    /// Takes a read at the stop line of a lane, and says on which lane it stands. One that was not read on its lane for `gone_s` has left that.
    pub(super) fn stands_on(&mut self, lane: LaneIx, rssi: Option<f32>, at_s: f64, gone_s: f64) -> LaneIx {
        self.votes.add(lane, rssi, at_s);
        let is_there = self.votes.last_s(self.lane).is_some_and(|last_s| at_s - last_s <= gone_s);
        let wins = !is_there || self.votes.leads(lane, self.lane, at_s);
        if wins || self.lane == lane { lane } else { self.lane }
    }

    /// Whether hardly anybody whom the same advance reader announces stops on another lane.
    pub(super) fn is_surely_there(&self, lanes: &[Lane]) -> bool {
        self.via.is_some_and(|via| {
            let stops_at = &lanes[via.index()].stops_at;
            stops_at[self.lane.index()] > SURE * stops_at.iter().sum::<f64>()
        })
    }

    /// Whether it stands at the stop line and will not leave: a car that is parked or broken down, a tag that somebody has lost.
    pub(super) fn is_parked(&self, at_s: f64) -> bool {
        self.greens >= PARKED_GREENS && self.stopped_s.is_some_and(|stopped_s| at_s - stopped_s > PARKED_S)
    }

    pub(super) const fn at_stop_line(&self) -> bool {
        self.stopped_s.is_some()
    }
}
