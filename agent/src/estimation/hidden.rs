//! Who waits where nobody is seen.
//!
//! Three kinds: users without a tag among those who are seen, everybody on a lane whose readers have failed, and vehicles that no advance reader
//! has announced and that stand behind those in the stop-line zone. All come one by one at a rate that is known on the average, and leave in
//! turn; so it is enough to know since when those who are still there have come.

use super::estimator::Estimator;
use super::lane::{Lane, VEHICLE_M};
use super::vehicle::Vehicle;
use super::zone::Blocked;
use flextraff_common::junction::StageIx;
use flextraff_common::traffic::SATURATION_HEADWAY_S;

/// Most users of a lane that nobody has seen and that are reckoned with.
pub(super) const MOST_HIDDEN: f64 = 15.0;
/// How far before the stop line the first vehicle of a queue may stand, metres.
const STANDS_BEFORE_M: f64 = 1.0;
/// So long after the start of green the first one leaves, seconds.
const HEAD_STARTS_S: f64 = 1.0;
/// A green stop line without a read for so long has nobody behind it, and longer where unseen users may pass in a row, seconds.
const SILENT_S: f64 = 2.0;
/// So long after the start of green the first one from behind the zone is read in it at the latest, seconds.
const MOVES_UP_S: f64 = 3.0;
/// Of a longer queue nobody is more certain.
const MOST_IN_DOUBT: f64 = 3.0;
/// Whoever comes unannounced while so many stand behind the zone is one of them.
const STOOD_BEHIND: f64 = 0.5;

/// A stream of users whom nobody sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stream {
    /// Whoever has come before has left, seconds.
    pub(super) since_s: f64,
}

impl Stream {
    /// Whoever came before that moment has left.
    pub(super) const fn clear(&mut self, before_s: f64) {
        self.since_s = self.since_s.max(before_s);
    }

    /// So many leave, but nobody who came after `latest_s`; there are [`MOST_HIDDEN`] at most.
    fn serve(&mut self, count: f64, per_s: f64, latest_s: f64, at_s: f64) {
        if per_s <= 0.0 {
            if count > 0.0 {
                self.clear(latest_s);
            }
            return;
        }
        let served = (self.since_s + count / per_s).min(latest_s).max(self.since_s);
        self.since_s = served.max(at_s - MOST_HIDDEN / per_s);
    }

    /// How many of those are still there who came up to a moment, [`MOST_HIDDEN`] at most also when the rate has just risen.
    pub(super) fn count(self, per_s: f64, until_s: f64) -> f64 {
        (per_s * (until_s - self.since_s).max(0.0)).min(MOST_HIDDEN)
    }
}

/// So many unseen users may leave in a row before a queue of that expected length is taken to be over. With a share q of unseen users k of them
/// follow each other with the probability q^k, and a Poisson queue of mean n is empty with e^-n: beyond n / -ln q the queue is rather over.
fn in_a_row(for_each: f64, queue: f64) -> f64 {
    if for_each <= 0.0 { 0.0 } else { queue.clamp(0.0, MOST_IN_DOUBT) / (1.0 + 1.0 / for_each).ln() }
}

impl Lane {
    /// Users per second whom no reader sees; `for_each` seen one so many.
    pub(super) fn unseen_per_s(&self, for_each: f64, at_s: f64) -> f64 {
        if self.presumed_per_s > 0.0 { self.presumed_per_s } else { self.usual_flow.per_s(at_s) * for_each }
    }

    /// Vehicles that stand in the stop-line zone when it is full.
    pub(super) fn places_in_zone(&self) -> f64 {
        ((self.shape.stop_zone_m - STANDS_BEFORE_M) / VEHICLE_M).max(0.0).floor() + 1.0
    }

    /// Vehicles per second that no advance reader announces and that the stop-line reader sees.
    pub(super) fn unannounced_per_s(&self, at_s: f64) -> f64 {
        self.flow(at_s) * (1.0 - self.heralded.value())
    }

    /// Lets unseen users leave in the second before `at_s`, one headway after the other, as far as nobody seen does.
    fn serve_unseen(&mut self, stage: Option<StageIx>, seen: &[&Vehicle], per_s: f64, at_s: f64) {
        let next_due_s = seen.iter().map(|vehicle| vehicle.due_s).fold(at_s, f64::min);
        let (Some(green_s), Some(stage)) = (self.green_since_s, stage) else {
            return self.unseen_stream.serve(0.0, per_s, next_due_s, at_s);
        };
        let headway_s = self.headway_s(stage);
        let held = self.held_until_s[stage.index()] > at_s;
        let head_is_seen = seen.iter().any(|vehicle| vehicle.at_stop_line());
        let from_s = (at_s - 1.0).max(green_s + HEAD_STARTS_S).max(self.departed_s + headway_s);
        let free_s = if held || head_is_seen { 0.0 } else { (at_s - from_s).max(0.0) };
        self.unseen_stream.serve(free_s / headway_s, per_s, next_due_s, at_s);
    }

    /// The stop-line zone shows whether somebody may stand behind it.
    ///
    /// At green reads that stop say that nobody comes any more. At red they say either that nobody comes, or that unseen users fill the zone: the
    /// longer a lane is silent that is usually read, the likelier is the latter.
    fn look_behind(&mut self, seen: &[&Vehicle], for_each: f64, at_s: f64) {
        let per_s = self.unannounced_per_s(at_s);
        if let Some(green_s) = self.green_since_s {
            let silent_s = at_s - (green_s + MOVES_UP_S).max(self.stop_read_s);
            let is_open = silent_s
                > SILENT_S + SATURATION_HEADWAY_S * in_a_row(for_each, self.behind.count(per_s, at_s));
            if is_open {
                self.behind.clear(at_s);
            }
            self.left_behind = !is_open && self.behind.count(per_s, at_s) >= STOOD_BEHIND;
        } else if !self.left_behind {
            let there = seen.iter().filter_map(|vehicle| vehicle.stopped_s);
            let places = self.places_in_zone() as usize;
            let free = places.saturating_sub(there.clone().count()) as u32;
            let silent_s = at_s - there.fold(self.red_since_s, f64::max);
            let unseen_per_s = self.unseen_per_s(for_each, at_s);
            self.behind.since_s = at_s - Blocked::after(free, per_s, unseen_per_s, silent_s).for_s;
        }
        self.behind.serve(0.0, per_s, at_s, at_s);
    }

    /// Somebody whom nobody announced comes into the stop-line zone; since when he has been on the lane: in a queue he has stood behind it.
    pub(super) fn note_unannounced(&mut self, at_s: f64) -> f64 {
        let per_s = self.unannounced_per_s(at_s);
        let stood = self.behind.count(per_s, at_s) >= STOOD_BEHIND;
        let came_s = if stood { self.behind.since_s } else { at_s };
        self.behind.serve(1.0, per_s, at_s, at_s);
        came_s
    }
}

impl Estimator {
    /// Lets the time pass for those whom nobody sees.
    pub(super) fn note_hidden(&mut self, at_s: f64) {
        let mut seen: Vec<Vec<&Vehicle>> = vec![Vec::new(); self.lanes.len()];
        let vehicles = self.vehicles.values().filter(|vehicle| !vehicle.is_parked(at_s));
        vehicles.for_each(|vehicle| seen[vehicle.lane.index()].push(vehicle));
        let stage = self.light.stage.filter(|_| self.light.green);
        let for_each: Vec<f64> = self.lanes.iter().map(|lane| self.unseen_for_each(lane)).collect();
        for ((lane, seen), for_each) in self.lanes.iter_mut().zip(seen).zip(for_each) {
            lane.serve_unseen(stage, &seen, lane.unseen_per_s(for_each, at_s), at_s);
            lane.look_behind(&seen, for_each, at_s);
        }
    }
}
