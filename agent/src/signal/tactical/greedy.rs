//! The greedy rule: go where most wait for the time that serving them takes.
//!
//! It stands in for the search after a defect there, and for that reason shares none of its code: it reads off the estimate of the traffic
//! by itself, and looks no further than the next green.

use super::ladder::following;
use super::{Choice, Decision, Forced, Grounds};
use crate::estimation::{LaneTraffic, Traffic};
use flextraff_common::junction::{StageIx, StageOrder};
use flextraff_common::traffic::{StageSet, Timing};

/// A lane still discharges while somebody whom the present stage serves comes within this time, seconds.
const GAP_S: f64 = 3.0;
/// While the present stage's lanes discharge another one must be better by this factor: a change costs those who come later, too.
const CLEARLY: f64 = 1.3;

/// What the rule goes by.
pub(in crate::signal) struct Lookout<'a> {
    pub(in crate::signal) traffic: &'a Traffic,
    pub(in crate::signal) timing: &'a Timing,
    /// The stages that may be served, in the order of the junction.
    pub(in crate::signal) stages: &'a [StageIx],
    pub(in crate::signal) order: StageOrder,
    /// Those that a fixed order may leave out.
    pub(in crate::signal) may_skip: StageSet,
    /// The stage that has green.
    pub(in crate::signal) stage: StageIx,
    /// Seconds until it must end.
    pub(in crate::signal) latest_s: f64,
}

/// What to do now. Each waiting user counts with its weight, which grows with its wait, so that nobody is left for good.
pub(in crate::signal) fn greedy(lookout: &Lookout<'_>) -> Decision {
    let Lookout { traffic, timing, stages, order, may_skip, stage, latest_s } = *lookout;
    let waits = |next: StageIx| traffic.lanes.iter().any(|lane| !waiting(lane, next, 0.0).is_empty());
    let others = following(stages, stage, order, may_skip, waits);
    let (discharges, present) = discharging(traffic, stage);
    let mut best: Option<(StageIx, f64)> = None;
    for &next in &others {
        let rate = rate(traffic, next, timing.clearance_s(stage, next), timing.min_green_s[next.index()]);
        if best.is_none_or(|(_, most)| rate > most) {
            best = Some((next, rate));
        }
    }
    let must_end = latest_s <= 0.0;
    let to = best.filter(|&(_, rate)| {
        // In a fixed order somebody may wait behind a stage at which nobody does.
        let wanted = rate > 0.0 || stages.iter().any(|&other| other != stage && waits(other));
        must_end || (wanted && (!discharges || rate > present * CLEARLY))
    });
    let choice = |(stage, hold_s)| Choice { stage, hold_s, cost: f64::INFINITY };
    let grounds = Grounds::Greedy { present, other: best.map(|(_, rate)| rate), discharges };
    let forced = must_end.then_some(Forced::MaxGreen);
    let best = choice(to.map_or((stage, 1), |(next, _)| (next, 0)));
    let alternatives = others.iter().filter(|&&next| next != best.stage).map(|&next| choice((next, 0)));
    let stay = (best.stage != stage && !must_end).then(|| choice((stage, 1)));
    let alternatives = stay.into_iter().chain(alternatives).collect();
    Decision { at: traffic.at, stage, best, alternatives, forced, grounds, wish: None }
}

/// Those on a lane whom a stage serves and who are there within `within_s`, as far as nobody stands before them whom it does not: the weight
/// of each, and the saturation headways that it takes.
fn waiting(lane: &LaneTraffic, stage: StageIx, within_s: f64) -> Vec<(f64, f64)> {
    let held_s = lane.queue.held_s.get(stage.index()).copied().unwrap_or(0.0);
    if !lane.queue.served.contains(stage) || held_s > within_s {
        return Vec::new();
    }
    let in_time = lane
        .queue
        .arrivals
        .iter()
        .take_while(|arrival| arrival.at_s <= within_s && arrival.stages.contains(stage));
    in_time.map(|arrival| (arrival.weight, arrival.vehicles)).collect()
}

/// Weight and time of serving a stage's lanes: the longest lane decides about the time.
fn work(traffic: &Traffic, stage: StageIx, within_s: f64, startup: bool) -> (f64, f64) {
    let (mut weight, mut busy_s) = (0.0, 0.0_f64);
    for lane in &traffic.lanes {
        let users = waiting(lane, stage, within_s);
        if users.is_empty() {
            continue;
        }
        let headway_s = lane.queue.headway_s.get(stage.index()).copied().unwrap_or(2.0);
        let headways: f64 = users.iter().map(|(_, headways)| headways).sum();
        weight += users.iter().map(|(weight, _)| weight).sum::<f64>();
        busy_s = busy_s.max(headways * headway_s + if startup { lane.queue.startup_s } else { 0.0 });
    }
    (weight, busy_s)
}

/// Weight served per second of clearance and green, if the stage followed now.
fn rate(traffic: &Traffic, stage: StageIx, clearance_s: f64, min_green_s: f64) -> f64 {
    let (weight, busy_s) = work(traffic, stage, clearance_s, true);
    finite(weight / (clearance_s + busy_s.max(min_green_s)).max(1.0))
}

/// Whether the present stage still serves somebody, and the weight that it serves per second.
fn discharging(traffic: &Traffic, stage: StageIx) -> (bool, f64) {
    let (weight, busy_s) = work(traffic, stage, GAP_S, false);
    (weight > 0.0, finite(weight / busy_s.max(GAP_S)))
}

const fn finite(rate: f64) -> f64 {
    if rate.is_finite() { rate } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::tests::four_way;
    use flextraff_common::time::MonoMs;
    use flextraff_common::traffic::{Arrival, LaneQueue};

    /// Where to go from N: weights of those who wait on each of the four lanes, each of which has its own stage.
    fn goes_to(waiting: [&[f64]; 4], order: StageOrder, latest_s: f64) -> usize {
        goes_with(waiting, 0.0, order, latest_s)
    }

    /// The same with no room ahead of N for so long.
    fn goes_with(waiting: [&[f64]; 4], held_s: f64, order: StageOrder, latest_s: f64) -> usize {
        let junction = four_way();
        let timing = Timing::of(&junction);
        let stages: Vec<StageIx> = junction.stage_indexes().collect();
        let lanes = waiting.iter().zip(&stages).map(|(weights, &stage)| {
            let served: StageSet = [stage].into_iter().collect();
            let arrival =
                |&weight: &f64| Arrival { at_s: 0.0, vehicles: 1.0, weight, stages: served, moving: false };
            let arrivals = weights.iter().map(arrival).collect();
            let queue = LaneQueue {
                arrivals,
                headway_s: vec![2.0; 4],
                startup_s: 1.0,
                held_s: vec![held_s, 0.0, 0.0, 0.0],
                served,
                gate: None,
            };
            LaneTraffic { queue, green_s: None, watched: true }
        });
        let traffic = Traffic { at: MonoMs(0), lanes: lanes.collect(), silent_s: 0.0 };
        let (may_skip, stage) = (stages.iter().copied().collect(), stages[0]);
        let (traffic, timing, stages) = (&traffic, &timing, &stages[..]);
        greedy(&Lookout { traffic, timing, stages, order, may_skip, stage, latest_s }).best.stage.index()
    }

    #[test]
    fn it_goes_where_most_wait_and_stays_while_it_discharges() {
        let free = |waiting| goes_to(waiting, StageOrder::Free, 30.0);
        assert_eq!(free([&[], &[1.0], &[1.0, 1.0], &[]]), 2);
        assert_eq!(free([&[], &[], &[], &[]]), 0, "nobody waits");
        assert_eq!(free([&[1.0, 1.0], &[1.0; 4], &[], &[]]), 0, "N discharges");
        assert_eq!(free([&[1.0, 1.0], &[4.0; 4], &[], &[]]), 1, "those at S have waited for minutes");
        assert_eq!(
            free([&[f64::NAN], &[f64::INFINITY], &[1.0], &[]]),
            2,
            "numbers that are none count for nothing"
        );
    }

    #[test]
    fn a_queue_without_room_ahead_holds_no_green() {
        let waiting: [&[f64]; 4] = [&[1.0; 4], &[1.0], &[], &[]];
        assert_eq!(goes_with(waiting, 0.0, StageOrder::Free, 30.0), 0);
        assert_eq!(goes_with(waiting, 20.0, StageOrder::Free, 30.0), 1);
    }

    #[test]
    fn the_longest_green_and_a_fixed_order_hold() {
        assert_eq!(goes_to([&[1.0; 9], &[], &[1.0], &[]], StageOrder::Free, 0.0), 2);
        assert_eq!(goes_to([&[1.0; 9], &[], &[], &[]], StageOrder::Free, 0.0), 1);
        assert_eq!(goes_to([&[], &[], &[1.0], &[1.0; 9]], StageOrder::Fixed, 30.0), 2, "E is before W");
    }
}
