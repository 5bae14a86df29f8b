//! The search over "hold so long, then go there".

use super::{Choice, Decision, Forced, Grounds};
use crate::estimation::Traffic;
use flextraff_common::junction::StageIx;
use flextraff_common::traffic::{LaneQueue, Model, Order, Policy, Progress, Rollout, Timing};

/// Green times that are tried, seconds from now: fine where the next step is at stake, coarse further on.
const HOLDS_S: [f64; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 22.0, 26.0, 30.0, 40.0];

/// Most rollouts of one search, but for those that are shown: where many stages may follow, fewer green times are tried for each. What is
/// decided is whether to go at once, and that is asked again a second later.
const MOST_ROLLOUTS: usize = 64;

/// Cost of a stop, seconds of delay: braking from and accelerating to city speed.
const STOP_S: f64 = 5.0;
/// How a rollout goes on after its first change.
const POLICY: Policy = Policy { gap_s: 2.0, horizon_s: 150.0 };

/// What a decision depends on.
pub(in crate::signal) struct Situation<'a> {
    pub(in crate::signal) traffic: &'a Traffic,
    pub(in crate::signal) timing: &'a Timing,
    pub(in crate::signal) order: Order<'a>,
    /// The stage that has green.
    pub(in crate::signal) stage: StageIx,
    /// Seconds until it must end.
    pub(in crate::signal) latest_s: f64,
}

/// The cheapest way to go on.
pub(in crate::signal) fn search(situation: &Situation<'_>) -> Decision {
    let lanes: Vec<LaneQueue> = situation.traffic.lanes.iter().map(|lane| lane.queue.clone()).collect();
    let decision = search_among(situation, &lanes);
    let lacks_room = |lane: &LaneQueue| {
        let vehicles: f64 = lane.arrivals.iter().map(|arrival| arrival.vehicles).sum();
        lane.gate.is_some_and(|gate| gate.room < vehicles)
    };
    if !lanes.iter().any(lacks_room) {
        return decision;
    }
    let free: Vec<LaneQueue> = lanes.into_iter().map(|lane| LaneQueue { gate: None, ..lane }).collect();
    Decision { wish: Some(search_among(situation, &free).best), ..decision }
}

/// The green times that are tried where so many stages may follow.
fn holds_s(next: usize) -> impl Iterator<Item = f64> {
    let fits = |every: &usize| HOLDS_S.len().div_ceil(*every) * next <= MOST_ROLLOUTS;
    let every = (1..HOLDS_S.len()).find(fits).unwrap_or(HOLDS_S.len());
    HOLDS_S.into_iter().step_by(every)
}

/// The same when these are the lanes.
fn search_among(situation: &Situation<'_>, lanes: &[LaneQueue]) -> Decision {
    let Situation { traffic, timing, order, stage, .. } = *situation;
    let model = Model::new(timing.stages(), lanes, STOP_S).with_right_of_way(timing);
    let green: Vec<Option<f64>> =
        traffic.lanes.iter().map(|lane| lane.green_s.map(|green_s| -green_s)).collect();
    let start = model.begin(&green);
    let rollout = Rollout { model: &model, timing, order, policy: POLICY };

    // What it costs to go to another stage after so long, given up beyond `most`.
    let change = |mut held: Progress, next: StageIx, hold_s: f64, most: f64| {
        let green_at = model.change(&mut held, timing, stage, next, hold_s);
        rollout.finish(&mut held, next, green_at, green_at + timing.min_green_s[next.index()], most)
    };
    let to_end = |choice: &Choice| {
        if choice.stage == stage {
            return rollout.finish(&mut start.clone(), stage, 0.0, 1.0, f64::INFINITY);
        }
        let (mut held, hold_s) = (start.clone(), f64::from(choice.hold_s));
        model.serve(&mut held, stage, 0.0, hold_s);
        change(held, choice.stage, hold_s, f64::INFINITY)
    };

    let mut best = Choice { stage, hold_s: 1, cost: f64::INFINITY };
    let mut alternatives: Vec<Choice> = Vec::new();
    if situation.latest_s > 0.0 {
        best.cost = to_end(&best);
        alternatives.push(best);
    }
    let others = order.after(stage, |_| true).iter().count();
    for hold_s in holds_s(others) {
        if hold_s > situation.latest_s && hold_s > 0.0 {
            continue;
        }
        let mut held = start.clone();
        model.serve(&mut held, stage, 0.0, hold_s);
        if held.cost >= best.cost {
            break;
        }
        let after = order.after(stage, |next| model.wanted(&held, next, hold_s, 0.0));
        for next in after.iter() {
            let cost = change(held.clone(), next, hold_s, best.cost);
            let choice = Choice { stage: next, hold_s: hold_s as u32, cost };
            match alternatives.iter_mut().find(|other| other.stage == next) {
                Some(other) if choice.cost < other.cost => *other = choice,
                Some(_) => {}
                None => alternatives.push(choice),
            }
            if cost < best.cost - 1e-9 {
                best = choice;
            }
        }
    }
    alternatives.retain(|other| other.stage != best.stage);
    // What was given up as soon as it cost more than the best is rolled out to its end: its cost is shown.
    for other in &mut alternatives {
        other.cost = to_end(other);
    }
    alternatives.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.stage.cmp(&b.stage)));
    let forced = (situation.latest_s <= 0.0).then_some(Forced::MaxGreen);
    Decision { at: traffic.at, stage, best, alternatives, forced, grounds: Grounds::Cost, wish: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimation::LaneTraffic;
    use crate::signal::tests::four_way;
    use flextraff_common::junction::StageOrder;
    use flextraff_common::time::MonoMs;
    use flextraff_common::traffic::{Arrival, StageSet};

    fn decide(waiting: [usize; 4]) -> Decision {
        decide_in(StageOrder::Free, waiting)
    }

    /// A decision in N's green with so many waiting on each of the four lanes, each of which has its own stage. None may be left out.
    fn decide_in(order: StageOrder, waiting: [usize; 4]) -> Decision {
        let junction = four_way();
        let timing = Timing::of(&junction);
        let stages: Vec<StageIx> = junction.stage_indexes().collect();
        let lanes = waiting.iter().zip(&stages).map(|(&vehicles, &stage)| {
            let served: StageSet = [stage].into_iter().collect();
            let arrival = Arrival { at_s: 0.0, vehicles: 1.0, weight: 1.0, stages: served, moving: false };
            let queue = LaneQueue {
                arrivals: vec![arrival; vehicles],
                headway_s: vec![2.0; 4],
                startup_s: 1.0,
                held_s: vec![0.0; 4],
                served,
                gate: None,
            };
            LaneTraffic { queue, green_s: (stage == stages[0]).then_some(10.0), watched: true }
        });
        let traffic = Traffic { at: MonoMs(0), lanes: lanes.collect(), silent_s: 0.0 };
        let order = Order::of(order, &stages, StageSet::EMPTY);
        search(&Situation { traffic: &traffic, timing: &timing, order, stage: stages[0], latest_s: 50.0 })
    }

    #[test]
    fn where_many_stages_may_follow_fewer_green_times_are_tried() {
        for next in 0..=15 {
            let holds: Vec<f64> = holds_s(next).collect();
            assert!(holds.len() * next <= MOST_ROLLOUTS, "{next}: {holds:?}");
            assert!(
                holds[0] == 0.0 && holds.len() >= 4 && *holds.last().unwrap() >= 22.0,
                "{next}: {holds:?}"
            );
            assert_eq!(holds.len() == HOLDS_S.len(), next <= 4, "{next}: {holds:?}");
        }
    }

    #[test]
    fn in_a_fixed_order_a_green_for_nobody_ends_for_those_who_wait_behind_stages_that_nobody_wants() {
        for waiting in [[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 8]] {
            let decision = decide_in(StageOrder::Fixed, waiting);
            let best = decision.best;
            assert_eq!((best.stage.index(), best.hold_s), (1, 0), "{waiting:?}: {decision:?}");
        }
        let decision = decide_in(StageOrder::Fixed, [0; 4]);
        assert_eq!(decision.best.stage.index(), 0, "nobody waits: {decision:?}");
    }

    #[test]
    fn an_alternative_that_is_hardly_dearer_is_shown_so() {
        let decision = decide([0, 6, 6, 1]);
        let to = |stage: usize| {
            let mut others = decision.alternatives.iter();
            others.find(|other| other.stage.index() == stage).expect("a course for every other stage").cost
        };
        let best = decision.best;
        assert_eq!((best.stage.index(), best.hold_s), (1, 0), "{decision:?}");
        assert!((1.0..1.01).contains(&(to(2) / best.cost)), "as many wait there: {decision:?}");
        assert!((1.0..3.0).contains(&(to(3) / best.cost)), "a detour of one green: {decision:?}");
    }
}
