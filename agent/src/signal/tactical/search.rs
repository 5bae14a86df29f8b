//! The search over "hold so long, then go there".

use super::{Choice, Decision, Forced, Grounds};
use crate::estimation::Traffic;
use flextraff_common::junction::StageIx;
use flextraff_common::traffic::{LaneQueue, Model, Order, Policy, Rollout, Timing};

/// Green times that are tried, seconds from now: fine where the next step is at stake, coarse further on.
const HOLDS_S: [f64; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 22.0, 26.0, 30.0, 40.0];

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

/// The same when these are the lanes.
fn search_among(situation: &Situation<'_>, lanes: &[LaneQueue]) -> Decision {
    let Situation { traffic, timing, order, stage, .. } = *situation;
    let model = Model::new(timing.stages(), lanes, STOP_S);
    let green: Vec<Option<f64>> =
        traffic.lanes.iter().map(|lane| lane.green_s.map(|green_s| -green_s)).collect();
    let start = model.begin(&green);
    let rollout = Rollout { model: &model, timing, order, policy: POLICY };

    let mut best = Choice { stage, hold_s: 1, cost: f64::INFINITY };
    let mut alternatives: Vec<Choice> = Vec::new();
    if situation.latest_s > 0.0 {
        best.cost = rollout.finish(&mut start.clone(), stage, 0.0, 1.0, f64::INFINITY);
        alternatives.push(best);
    }
    for hold_s in HOLDS_S {
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
            let mut progress = held.clone();
            let green_at = model.change(&mut progress, timing, stage, next, hold_s);
            let until = green_at + timing.min_green_s[next.index()];
            let cost = rollout.finish(&mut progress, next, green_at, until, best.cost);
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
    alternatives.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.stage.cmp(&b.stage)));
    let forced = (situation.latest_s <= 0.0).then_some(Forced::MaxGreen);
    Decision { at: traffic.at, stage, best, alternatives, forced, grounds: Grounds::Cost, wish: None }
}
