//! What is known of each lane, in numbers for people and for other programs: each with its age and its confidence.
//!
//! The confidence of a number that is learned is the share that observations have in it, n / (n + w) after n observations when the guess is
//! worth w; old observations fade, and the guess with them. What a rate is observed for are the seconds in which somebody looked, at most
//! five minutes, beside a guess worth one. A count of vehicles is as good as the readers: its confidence is the read rate, for those on the
//! way times the share of vehicles that are announced, and of both only what is observed.

use super::estimator::{Estimator, seconds};
use super::lane::Lane;
use super::learned::{Evidence, Mean, Share};
use super::neighbour::WayHere;
use super::unseen::{HEAD_LEAVES_S, STARTS_S};
use super::vehicle::Vehicle;
use crate::config::Config;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{
    Estimate, EstimatedShares, Estimates, LaneEstimates, ReaderEstimate, ReaderSight, TurnShare,
    WayEstimates, ZoneName,
};
use std::collections::BTreeMap;

/// Start-up loss: the guess is worth five greens; it follows the last thirty.
pub(super) const STARTUP_LOSS: Mean =
    Mean::new(HEAD_LEAVES_S + STARTS_S[0] + STARTS_S[1] + STARTS_S[2], 5, 30);
/// The vehicle from which on a queue flows (HCM), counted from 1.
const FLOWS_FROM: u32 = 4;
/// The first four of a queue lose less than all of the start-up loss: the head hardly anything. On the average of the four this share.
const LOST_BY_THE_FIRST: f64 = 0.65;
/// A queue that takes longer than this to start was held up by something else, seconds.
const LONGEST_STARTUP_S: f64 = 8.0;
/// An advance reader that announces fewer of those who leave does not see its lane, share.
const ANNOUNCES_TOO_FEW: f64 = 0.25;
/// Most shares that are told of a lane; the greatest.
const MOST_SHARES: usize = 8;
/// Smaller shares are not told.
const LEAST_SHARE: f64 = 0.01;
/// Most ways from lanes of linked junctions that are told, those of which most is known; and of each the shares on so many lanes here.
const MOST_WAYS: usize = 16;
const MOST_SHARES_OF_WAY: usize = 3;
/// Longer names of lanes come from no agent.
pub(super) const LONGEST_NAME: usize = 64;

/// Which lanes each reader announces, in the order of the TOML.
#[derive(Clone, Debug)]
pub(super) struct AdvanceReaders(Vec<Vec<(Option<u8>, LaneIx)>>);

impl AdvanceReaders {
    pub(super) fn of(config: &Config) -> Self {
        Self(config.readers.iter().map(|reader| reader.lanes_by_port(ZoneName::Advance)).collect())
    }
}

impl Lane {
    /// A vehicle leaves in a green: when it is the fourth of a queue of which all were seen, it tells how long that took to start.
    pub(super) fn learn_startup_loss(&mut self, green_s: f64, at_s: f64) {
        let loss_s = at_s - green_s - f64::from(FLOWS_FROM - 1) * self.headway_s.value();
        if self.place_left(at_s) == Some(FLOWS_FROM) && loss_s <= LONGEST_STARTUP_S {
            self.startup_loss_s.add(at_s, loss_s.max(0.0));
        }
    }

    /// When the queue model lets the head of a queue leave, seconds after the start of green: as much later as the first vehicles on the average.
    pub(super) fn startup_s(&self) -> f64 {
        LOST_BY_THE_FIRST * self.startup_loss_s.value()
    }

    fn stop_sight(&self) -> ReaderSight {
        match (self.reader_up, self.stop_reader_blind()) {
            (false, _) => ReaderSight::Down,
            (true, true) => ReaderSight::Blind,
            (true, false) if self.presumed_per_s > 0.0 => ReaderSight::Silent,
            (true, false) => ReaderSight::Works,
        }
    }

    fn advance_sight(&self, up: bool) -> ReaderSight {
        let observed = self.heralded.evidence().confidence >= 0.5;
        match up {
            false => ReaderSight::Down,
            true if self.presumed_per_s > 0.0 => ReaderSight::Silent,
            true if observed && self.heralded.value() < ANNOUNCES_TOO_FEW => ReaderSight::Blind,
            true => ReaderSight::Works,
        }
    }
}

impl Estimator {
    /// What is known of each lane. Numbers are rounded: a status with many lanes stays small.
    pub fn estimates(&self, now: MonoMs) -> Estimates {
        let at_s = seconds(now);
        let mut counts = vec![(0_u32, 0_u32); self.lanes.len()];
        for vehicle in self.vehicles.values() {
            let (present, inventory) = &mut counts[vehicle.lane.index()];
            *inventory += 1;
            *present += u32::from(vehicle.at_stop_line());
        }
        let lanes = self.junction.lane_indexes().zip(counts);
        let lanes = lanes.map(|(lane, counts)| {
            (self.junction.lane(lane).name.clone(), self.lane_estimates(lane, counts, at_s))
        });
        Estimates { lanes: lanes.collect(), ways: self.way_estimates(at_s) }
    }

    /// Of the ways on which somebody has come, or has been expected.
    fn way_estimates(&self, at_s: f64) -> Vec<WayEstimates> {
        let mut ways: Vec<WayHere<'_>> =
            self.neighbours.ways().filter(|way| way.evidence.last_s.is_some()).collect();
        ways.sort_by(|a, b| b.evidence.confidence.total_cmp(&a.evidence.confidence));
        ways.truncate(MOST_WAYS);
        let told = ways.into_iter().map(|way| {
            let lanes = self.junction.lanes().iter().zip(way.shares);
            let shares =
                lanes.map(|(lane, share)| TurnShare { junction_id: None, lane: lane.name.clone(), share });
            let mut comes_on = shares_of(shares.collect(), way.evidence, at_s);
            comes_on.shares.truncate(MOST_SHARES_OF_WAY);
            WayEstimates {
                junction_id: way.junction,
                lane: way.lane.to_owned(),
                comes_on,
                travel_s: Some(mean(way.travel_s, at_s)),
            }
        });
        told.collect()
    }

    /// Tagged vehicles that wait on each lane at `at`: those that are at the stop line, or would be if nobody stood there. None where no
    /// reader at the stop line works.
    pub(crate) fn waiting(&self, at: MonoMs) -> Vec<Option<u32>> {
        let at_s = seconds(at);
        let mut waiting = vec![0_u32; self.lanes.len()];
        let waits = |vehicle: &&Vehicle| vehicle.due_s <= at_s && !vehicle.is_parked(at_s);
        for vehicle in self.vehicles.values().filter(waits) {
            waiting[vehicle.lane.index()] += 1;
        }
        let lanes = self.lanes.iter().zip(waiting);
        lanes.map(|(lane, waiting)| (lane.stop_sight() == ReaderSight::Works).then_some(waiting)).collect()
    }

    /// How the readers at the stop lines do, in lane order.
    pub(crate) fn stop_sights(&self) -> Vec<ReaderSight> {
        self.lanes.iter().map(Lane::stop_sight).collect()
    }

    fn lane_estimates(&self, ix: LaneIx, (present, inventory): (u32, u32), at_s: f64) -> LaneEstimates {
        let lane = &self.lanes[ix.index()];
        let announces = lane.shape.advance_m.is_some();
        let stop = lane.stop_sight();
        let advance = announces.then(|| lane.advance_sight(self.advance_up(ix)));
        let seen = if stop == ReaderSight::Works { observed(&lane.confirmed) } else { 0.0 };
        let announced = if advance == Some(ReaderSight::Works) { observed(&lane.heralded) } else { 0.0 };
        let counted = |number: u32, confidence: f64, last_s: f64| {
            let last_s = Some(last_s).filter(|last_s| last_s.is_finite());
            estimate(f64::from(number), 0, Evidence { confidence, last_s }, at_s)
        };
        LaneEstimates {
            stop_reader: Some(ReaderEstimate { state: stop, silent_s: age_s(lane.stop_read_s, at_s) }),
            advance_reader: advance
                .map(|state| ReaderEstimate { state, silent_s: age_s(lane.advance_read_s, at_s) }),
            present: Some(counted(present, seen, lane.stop_read_s)),
            inventory: Some(counted(inventory, seen * announced, lane.stop_read_s.max(lane.advance_read_s))),
            flow_per_h: Some(flow(lane, stop, advance, at_s)),
            headway_s: Some(mean(&lane.headway_s, at_s)),
            startup_loss_s: Some(mean(&lane.startup_loss_s, at_s)),
            drive_s: announces.then(|| mean(&lane.drive_s, at_s)),
            read_rate: announces.then(|| share(&lane.confirmed, at_s)),
            announced_share: Some(share(&lane.heralded, at_s)),
            tagged_share: Some(self.tagged_share(lane, at_s)),
            read_gap_s: Some(mean(lane.read_gaps.mean(), at_s)),
            goes_in: self.goes_in(lane, at_s),
            seen_again_share: self.seen_again(ix, at_s),
            stops_on: announces.then(|| self.stops_on(lane, at_s)),
            leads_to: self.leads_to(ix, at_s),
        }
    }

    /// Whether there is an antenna through which reads of a lane's advance zone could come.
    fn advance_up(&self, lane: LaneIx) -> bool {
        let readers = self.advance_readers.0.iter().zip(&self.readers);
        let places = readers.flat_map(|(places, antennas)| places.iter().map(move |place| (place, antennas)));
        let own = places.filter(|((_, announced), _)| *announced == lane);
        let mut own = own.map(|((port, _), antennas)| antennas.see(*port)).peekable();
        if own.peek().is_none() {
            return self.all_watched || self.counters.watch(lane);
        }
        own.any(|up| up)
    }

    fn tagged_share(&self, lane: &Lane, at_s: f64) -> Estimate {
        let (share, evidence) = self.seen_share(lane);
        estimate(share, 2, evidence, at_s)
    }

    fn goes_in(&self, lane: &Lane, at_s: f64) -> BTreeMap<String, Estimate> {
        let part = lane.shape.stages.part.iter();
        let told = part.map(|stage| {
            (self.junction.stage(stage).name.clone(), share(&lane.part_goes[stage.index()], at_s))
        });
        told.collect()
    }

    /// None where nobody who left the lane was seen elsewhere: it may lead to no linked junction.
    fn seen_again(&self, lane: LaneIx, at_s: f64) -> Option<Estimate> {
        let (share, evidence) = self.neighbours.seen_again(lane);
        evidence.last_s.is_some().then(|| estimate(share, 3, evidence, at_s))
    }

    fn stops_on(&self, lane: &Lane, at_s: f64) -> EstimatedShares {
        let total: f64 = lane.stops_at.iter().sum();
        let lanes = self.junction.lane_indexes().zip(&lane.stops_at);
        let shares = lanes.map(|(lane, count)| TurnShare {
            junction_id: None,
            lane: self.junction.lane(lane).name.clone(),
            share: count / total,
        });
        shares_of(shares.collect(), lane.stops.evidence(), at_s)
    }

    fn leads_to(&self, lane: LaneIx, at_s: f64) -> Option<EstimatedShares> {
        let (went, evidence) = self.neighbours.destinations(lane);
        let known = went.into_iter().filter(|(_, name, _)| name.len() <= LONGEST_NAME);
        let shares: Vec<TurnShare> = known
            .map(|(junction, lane, share)| TurnShare {
                junction_id: Some(junction),
                lane: lane.to_owned(),
                share,
            })
            .collect();
        (!shares.is_empty()).then(|| shares_of(shares, evidence, at_s))
    }
}

/// Tagged vehicles per hour, as the queue model takes it: those who leave, and behind a stop-line reader that does not see those who are
/// announced. Nothing is known of it while no reader sees them.
fn flow(lane: &Lane, stop: ReaderSight, advance: Option<ReaderSight>, at_s: f64) -> Estimate {
    let evidence = match (stop, advance) {
        (ReaderSight::Works, _) => lane.outflow.evidence(at_s),
        (_, Some(ReaderSight::Works)) => lane.announced.evidence(at_s),
        _ => Evidence { confidence: 0.0, ..lane.outflow.evidence(at_s) },
    };
    estimate(lane.flow(at_s) * 3600.0, 0, evidence, at_s)
}

/// What is observed of a share: the rest of it is not known to be so.
fn observed(share: &Share) -> f64 {
    share.value() * share.evidence().confidence
}

fn mean(mean: &Mean, at_s: f64) -> Estimate {
    estimate(mean.value(), 2, mean.evidence(), at_s)
}

fn share(share: &Share, at_s: f64) -> Estimate {
    estimate(share.value(), 3, share.evidence(), at_s)
}

fn estimate(value: f64, decimals: i32, evidence: Evidence, at_s: f64) -> Estimate {
    Estimate {
        value: round(value, decimals),
        age_s: evidence.last_s.and_then(|last_s| age_s(last_s, at_s)),
        confidence: round(evidence.confidence, 2),
    }
}

/// Sorts, rounds and leaves out what hardly anybody does.
fn shares_of(mut shares: Vec<TurnShare>, evidence: Evidence, at_s: f64) -> EstimatedShares {
    shares.retain(|turn| turn.share >= LEAST_SHARE);
    shares.sort_by(|a, b| {
        b.share.total_cmp(&a.share).then_with(|| (a.junction_id, &a.lane).cmp(&(b.junction_id, &b.lane)))
    });
    shares.truncate(MOST_SHARES);
    for turn in &mut shares {
        turn.share = round(turn.share, 3);
    }
    let Estimate { age_s, confidence, .. } = estimate(0.0, 0, evidence, at_s);
    EstimatedShares { shares, age_s, confidence }
}

/// Whole seconds since a moment; none when it never was.
fn age_s(last_s: f64, at_s: f64) -> Option<u32> {
    last_s.is_finite().then(|| (at_s - last_s).max(0.0) as u32)
}

fn round(value: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (value * factor).round() / factor
}
