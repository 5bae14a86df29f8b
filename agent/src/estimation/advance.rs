//! The advance zone: who comes, who stands there in a queue, and who stays at the kerb.
//!
//! A vehicle that stands over the advance zone means a queue that reaches back to it. A car that is parked beside it, a bus at its stop, or a tag
//! that somebody has lost there means nothing; but it is read in the same way. Others tell them apart: nobody reaches the stop line past a queue.

use super::estimator::Estimator;
use super::lane::Lane;
use super::vehicle::{PARKED_GREENS, PARKED_S, Vehicle};
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::ZoneName;

/// Whoever was read in an advance zone within this time is still there, seconds.
const STANDS_S: f64 = 1.5;
/// A vehicle that is not read there for so long has left the zone, seconds.
const GONE_S: f64 = 5.0;
/// Whoever is read there for longer stands, seconds.
const DRIVES_THROUGH_S: f64 = 4.0;
/// Whoever stands there for so long while so many who came after it have reached the stop line stands at the kerb: seconds, vehicles. Some may
/// change lanes to pass a queue.
const AT_KERB_S: f64 = 120.0;
const AT_KERB_PASSED: u32 = 5;
/// A queue holds up only its own lane. So somebody must have reached each lane to which at least this share of those goes who come through the zone.
const LEADS_THERE: f64 = 0.1;
/// Whoever stood at the kerb and is not read for so long has gone, seconds.
const FORGOTTEN_S: f64 = 60.0;
/// Tags at the kerb of one zone that are remembered.
const MOST_AT_KERB: usize = 32;

/// Who stands in an advance zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    epc: Epc,
    since_s: f64,
    last_s: f64,
    /// Vehicles that came after it and have reached a stop line.
    passed: u32,
    /// The lanes whose stop lines they have reached, one bit each.
    reached: u32,
    /// Greens of the lane that have ended since.
    greens: u32,
}

impl Standing {
    const fn new(epc: Epc, at_s: f64) -> Self {
        Self { epc, since_s: at_s, last_s: at_s, passed: 0, reached: 0, greens: 0 }
    }

    /// Whether it is no queue, or one that no signal resolves; `leads_to`: the lanes to which the zone leads.
    fn stays(&self, leads_to: u32) -> bool {
        let stood_s = self.last_s - self.since_s;
        let passed = self.passed >= AT_KERB_PASSED && self.reached & leads_to == leads_to;
        (stood_s > AT_KERB_S && passed) || (stood_s > PARKED_S && self.greens >= PARKED_GREENS)
    }
}

/// A tag beside an advance zone, and when it was read last.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtKerb {
    pub(super) epc: Epc,
    last_s: f64,
}

impl Lane {
    /// Whether a queue stands over its advance zone, and since when.
    pub(super) fn queue_over_advance(&self, at_s: f64) -> Option<f64> {
        let standing = self.standing.filter(|_| self.shape.advance_m.is_some())?;
        let is_there = at_s - standing.last_s < STANDS_S.max(self.read_gaps.gone_after_s());
        let stands = is_there && standing.last_s - standing.since_s > DRIVES_THROUGH_S;
        stands.then_some(standing.since_s)
    }

    /// One of its greens is over.
    pub(super) fn note_green_over(&mut self) {
        if let Some(standing) = &mut self.standing {
            standing.greens += 1;
        }
    }

    /// Somebody who came through the advance zone at `announced_s` has reached the stop line of a lane.
    pub(super) fn note_passed(&mut self, announced_s: f64, lane: LaneIx) {
        if let Some(standing) = self.standing.as_mut().filter(|standing| announced_s > standing.since_s) {
            standing.passed += 1;
            standing.reached |= 1 << lane.index();
        }
    }

    /// The lanes to which its advance zone leads, one bit each.
    fn leads_to(&self) -> u32 {
        let total: f64 = self.stops_at.iter().sum();
        let lanes = self.stops_at.iter().enumerate();
        lanes.filter(|(_, count)| **count >= LEADS_THERE * total).fold(0, |all, (lane, _)| all | 1 << lane)
    }

    /// Whether a tag that is read in the advance zone is one at the kerb.
    fn is_at_kerb(&mut self, epc: Epc, at_s: f64) -> bool {
        self.kerb.retain(|tag| at_s - tag.last_s < FORGOTTEN_S);
        let known = self.kerb.iter_mut().find(|tag| tag.epc == epc);
        known.map(|tag| tag.last_s = at_s).is_some()
    }

    /// Takes that a tag is read in the advance zone; whether it turns out to be at the kerb.
    fn note_standing(&mut self, epc: Epc, at_s: f64) -> bool {
        let standing = match self.standing {
            Some(standing) if standing.epc == epc && at_s - standing.last_s < GONE_S => {
                Standing { last_s: at_s, ..standing }
            }
            // Two may stand in the zone, and be read in turn.
            Some(standing) if standing.epc != epc && at_s - standing.last_s < STANDS_S => standing,
            _ => Standing::new(epc, at_s),
        };
        let stays = standing.epc == epc && standing.stays(self.leads_to()) && self.kerb.len() < MOST_AT_KERB;
        if stays {
            self.kerb.push(AtKerb { epc, last_s: at_s });
        }
        self.standing = Some(standing).filter(|_| !stays);
        stays
    }
}

impl Estimator {
    /// Takes a read in the advance zone of a lane; whether it tells of traffic.
    pub(super) fn announce(&mut self, epc: Epc, lane: LaneIx, at_s: f64) -> bool {
        let at_advance = &mut self.lanes[lane.index()];
        if at_advance.is_at_kerb(epc, at_s) {
            return false;
        }
        if at_advance.note_standing(epc, at_s) {
            let waits = |vehicle: &Vehicle| vehicle.via == Some(lane) && !vehicle.at_stop_line();
            if self.vehicles.get(&epc).is_some_and(waits) {
                self.vehicles.remove(&epc);
            }
            return false;
        }
        at_advance.advance_read_s = at_s;
        if let Some(vehicle) = self.vehicles.get_mut(&epc) {
            if !vehicle.at_stop_line() {
                vehicle.last_s = at_s;
            }
            return true;
        }
        at_advance.announced.add(at_s, 1.0);
        let due_s = at_s + at_advance.drive_s.value();
        let to = at_advance.place(lane);
        self.neighbours.arrived(epc, lane, at_s);
        self.news.reads.push((lane, ZoneName::Advance, epc));
        let vehicle = Vehicle { via: Some(lane), due_s, ..Vehicle::seen(to, at_s) };
        self.insert(epc, vehicle);
        true
    }
}
