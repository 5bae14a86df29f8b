//! Lanes of which nobody is read: empty, or their readers have failed.
//!
//! No tags never means no demand. A reader that says of itself that it is down is known to have failed; one that only falls silent is presumed to,
//! the more the more vehicles it misses that the others have. What comes on such a lane is what came before it fell silent, or else what the
//! other lanes of the junction would suggest, as far as nothing better is known of those who pass here unread.

use super::estimator::Estimator;
use super::lane::Lane;
use flextraff_common::junction::LaneIx;
use flextraff_common::traffic::SATURATION_HEADWAY_S;

/// A lane that was read within this time is not silent, seconds.
const SILENT_S: f64 = 120.0;
/// A lane that never had any may have failed when it misses more vehicles than the first of as many as other lanes have, and counts as failed
/// when it misses so many more.
const MAY_FAIL: (f64, f64) = (6.0, 30.0);
/// A lane whose reader says that it is down counts as failed after so much silence, seconds.
const DOWN_S: f64 = 30.0;
/// Fewer vehicles than this missing are no evidence.
const MISSING: f64 = 10.0;
/// Vehicles on a lane that has failed for each on another: leaving too many to wait there costs more than some green for nobody.
const AS_OTHERS: f64 = 2.0;
/// No lane is presumed to be more saturated than this, if all stages had the same green.
const SATURATED: f64 = 0.8;

impl Lane {
    fn silent_s(&self, at_s: f64) -> f64 {
        at_s - self.stop_read_s.max(self.advance_read_s).max(self.start_s)
    }

    /// Whether nobody has ever been read on it although its reader is up.
    fn was_never_read(&self) -> bool {
        self.reader_up && self.usual_flow.last_per_s() <= 0.0
    }

    /// Vehicles per second that are presumed to come unread; `typical`: those of a lane that is read; `alike`: the lanes of which nobody has
    /// ever been read.
    fn presumed_per_s(&self, typical: f64, alike: f64, stages: usize, at_s: f64) -> f64 {
        let silent_s = self.silent_s(at_s);
        if silent_s < if self.reader_up { SILENT_S } else { DOWN_S } || typical <= 0.0 {
            return 0.0;
        }
        let before = self.usual_flow.last_per_s();
        if before * silent_s > MISSING {
            return before;
        }
        let failed = if self.reader_up {
            // As a rule one reader fails and not all of them: of many lanes without anybody most are empty.
            ((typical * silent_s - MAY_FAIL.0) / MAY_FAIL.1).clamp(0.0, 1.0) / alike.max(1.0)
        } else {
            1.0
        };
        let split = self.shape.served().iter().count() as f64 / stages as f64;
        failed * (AS_OTHERS * typical).min(SATURATED * split / SATURATION_HEADWAY_S)
    }
}

impl Estimator {
    /// Presumes what comes on lanes that are silent while others are read.
    pub(super) fn note_silence(&mut self, at_s: f64) {
        let reading = self.lanes.iter().filter(|lane| lane.silent_s(at_s) < SILENT_S);
        let (flow, count) =
            reading.fold((0.0, 0.0), |(flow, count), lane| (flow + lane.usual_flow.per_s(at_s), count + 1.0));
        let typical = if count > 0.0 { flow / count } else { 0.0 };
        let stages = self.junction.stages().len();
        let never: Vec<LaneIx> =
            self.junction.lane_indexes().filter(|lane| self.lanes[lane.index()].was_never_read()).collect();
        let presumed = |ix: LaneIx| {
            let lane = &self.lanes[ix.index()];
            let presumed_per_s = |alike: f64| lane.presumed_per_s(typical, alike, stages, at_s);
            let shared_per_s = presumed_per_s(never.len() as f64);
            if shared_per_s <= 0.0 || !never.contains(&ix) {
                return shared_per_s;
            }
            let found = self.passed_unread(ix, &never, presumed_per_s(1.0), at_s);
            found.map_or(shared_per_s, |(per_s, sure)| sure * per_s + (1.0 - sure) * shared_per_s)
        };
        let presumed: Vec<f64> = self.junction.lane_indexes().map(presumed).collect();
        for (lane, presumed_per_s) in self.lanes.iter_mut().zip(presumed) {
            lane.presumed_per_s = presumed_per_s;
        }
    }
}
