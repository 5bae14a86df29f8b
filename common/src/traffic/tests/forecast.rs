//! Who is expected to leave.

use super::*;
use crate::junction::LaneIx;

const POLICY: Policy = Policy { gap_s: 2.0, horizon_s: 30.0 };

fn waiting(count: usize, served: &[usize]) -> LaneQueue {
    let stages = stages(served);
    let arrival = Arrival { at_s: -5.0, vehicles: 1.0, weight: 1.0, stages, moving: false };
    LaneQueue {
        arrivals: vec![arrival; count],
        headway_s: vec![2.0; 4],
        startup_s: 1.0,
        held_s: Vec::new(),
        served: stages,
        gate: None,
    }
}

fn departures(
    lanes: &[LaneQueue],
    green: &[Option<f64>],
    until_s: f64,
    next: Option<usize>,
) -> Vec<(usize, f64)> {
    let (model, timing) = (Model::new(4, lanes, 0.0), timing());
    let order = Order::Free(stages(&[0, 1, 2, 3]));
    let rollout = Rollout { model: &model, timing: &timing, order, policy: POLICY };
    let mut progress = model.begin(green);
    let departures = rollout.departures(&mut progress, stage(0), 0.0, until_s, next.map(stage));
    departures.iter().map(|departure| (departure.lane.index(), departure.in_s)).collect()
}

#[test]
fn a_queue_leaves_one_headway_after_the_other_and_then_the_next_stage_has_its_turn() {
    let lanes = [waiting(2, &[0]), waiting(2, &[1])];
    let green = [Some(-10.0), None];
    let both = [(0, 0.0), (0, 2.0), (1, 13.0), (1, 15.0)];
    // It is empty at 2 s, a gap of 2 s more or less; then 5 s of clearance and the start of the queue.
    let chosen = departures(&lanes, &green, 7.0, Some(1));
    assert_eq!(chosen, both);
    let by_policy = departures(&lanes, &green, 7.0, None);
    assert_eq!(by_policy, both);
    assert_eq!(departures(&lanes, &green, 60.0, None), both[..2], "the stage is to go on beyond the horizon");
    assert_eq!(departures(&[waiting(40, &[0])], &[Some(-10.0)], 0.0, None).len(), 15, "30 s at 2 s");
}

#[test]
fn it_ends_whatever_the_times_are() {
    let lanes = [waiting(2, &[1])];
    for until_s in [f64::INFINITY, f64::NAN, f64::NEG_INFINITY, 1e300] {
        assert!(departures(&lanes, &[None], until_s, None).len() <= 2);
    }
    let (model, mut timing) = (Model::new(4, &lanes, 0.0), timing());
    timing.max_green_s.fill(f64::NAN);
    let order = Order::Free(stages(&[0, 1]));
    let endless = Policy { gap_s: f64::INFINITY, horizon_s: f64::INFINITY };
    let rollout = Rollout { model: &model, timing: &timing, order, policy: endless };
    for from_s in [0.0, f64::NAN, f64::NEG_INFINITY] {
        rollout.departures(&mut model.begin(&[None]), stage(0), from_s, 0.0, None);
    }
}

proptest! {
    /// As many are foretold as the model serves, none before he arrives or beyond the horizon by more than a step, each lane in order.
    #[test]
    fn who_is_foretold_leaves(world in world(false), until_s in 0.0..40.0, follows in prop::option::of(0_usize..4)) {
        let (model, timing) = (world.model(0.0), timing());
        let order = Order::Free(stages(&[0, 1, 2, 3]));
        let rollout = Rollout { model: &model, timing: &timing, order, policy: POLICY };
        let mut progress = world.begin(&model);
        let next = follows.map(stage);
        let departures = rollout.departures(&mut progress, world.course[0].0, 0.0, until_s, next);
        let told: f64 = departures.iter().map(|departure| departure.vehicles).sum();
        prop_assert!(close(told, progress.served, 1e-9));
        prop_assert!(departures.is_sorted_by(|a, b| a.in_s <= b.in_s));
        for (lane, queue) in world.lanes.iter().enumerate() {
            let own = departures.iter().filter(|departure| departure.lane == LaneIx::new(lane));
            for (departure, arrival) in own.zip(&queue.arrivals) {
                let last_s = POLICY.horizon_s + 5.0;
                prop_assert!(departure.in_s >= arrival.at_s.max(0.0) && departure.in_s < last_s, "{departure:?}");
                prop_assert!(close(departure.vehicles, arrival.vehicles, 0.0));
            }
        }
    }
}
