//! What holds for every rollout that chooses its own course.

use super::*;
use crate::junction::LaneIx;

const ROUNDING: f64 = 1e-6;
const POLICY: Policy = Policy { gap_s: 2.0, horizon_s: 150.0 };

fn in_order() -> [StageIx; 4] {
    [0, 1, 2, 3].map(stage)
}

fn finish(world: &World, fixed: bool, from_s: f64, until_s: f64, cap: f64) -> (f64, Progress) {
    let (model, timing, all) = (world.model(5.0), timing(), in_order());
    let set = stages(&[0, 1, 2, 3]);
    let order = if fixed { Order::Fixed(&all, set) } else { Order::Free(set) };
    let rollout = Rollout { model: &model, timing: &timing, order, policy: POLICY };
    let mut progress = world.begin(&model);
    let cost = rollout.finish(&mut progress, world.course[0].0, from_s, until_s, cap);
    (cost, progress)
}

proptest! {
    #[test]
    fn a_cap_gives_the_exact_cost_or_something_not_below_it(
        world in world(false), fixed: bool, until_s in 0.0..40.0, share in 0.0..1.5,
    ) {
        let (exact, _) = finish(&world, fixed, 0.0, until_s, f64::INFINITY);
        let cap = exact * share;
        let (capped, _) = finish(&world, fixed, 0.0, until_s, cap);
        if exact < cap {
            prop_assert_eq!(capped.to_bits(), exact.to_bits());
        } else {
            prop_assert!(capped >= cap, "{} below the cap {} of {}", capped, cap, exact);
        }
    }

    #[test]
    fn nobody_is_lost_or_served_in_the_past(world in world(false), fixed: bool, from_s in 0.0..60.0, green_s in 0.0..40.0) {
        let (cost, progress) = finish(&world, fixed, from_s, from_s + green_s, f64::INFINITY);
        let model = world.model(5.0);
        let lanes = (0..world.lanes.len()).map(LaneIx::new);
        let left: f64 = lanes.flat_map(|lane| model.left(&progress, lane)).map(|arrival| arrival.vehicles).sum();
        prop_assert!(close(progress.served + left, world.arrived(), ROUNDING));
        let all = world.lanes.iter().flat_map(|lane| &lane.arrivals);
        let waited: f64 = all.map(|arrival| arrival.weight * (from_s - arrival.at_s).max(0.0)).sum();
        prop_assert!(cost >= waited - ROUNDING, "{} although they had waited {}", cost, waited);
    }

    #[test]
    fn everybody_leaves_when_there_is_time(world in world(true), fixed: bool, may_skip in 0_usize..16) {
        let (model, timing, all) = (world.model(5.0), timing(), in_order());
        let policy = Policy { horizon_s: 2000.0, ..POLICY };
        let may_skip: Vec<usize> = (0..4).filter(|stage| may_skip & (1 << stage) != 0).collect();
        let order = if fixed { Order::Fixed(&all, stages(&may_skip)) } else { Order::Free(stages(&[0, 1, 2, 3])) };
        let mut progress = world.begin(&model);
        Rollout { model: &model, timing: &timing, order, policy }
            .finish(&mut progress, world.course[0].0, 0.0, 0.0, f64::INFINITY);
        let weighty = world.lanes.iter().flat_map(|lane| &lane.arrivals).all(|arrival| arrival.weight > 0.0);
        prop_assert!(model.is_empty(&progress) || !weighty);
    }

    #[test]
    fn the_same_again_is_the_same(world in world(false), fixed: bool, cap in 0.0..5000.0) {
        prop_assert_eq!(finish(&world, fixed, 0.0, 7.0, cap), finish(&world, fixed, 0.0, 7.0, cap));
    }
}

/// Ten wait at stage 1 and one at stage 2: the ten first, as Smith's rule says.
#[test]
fn those_who_leave_soonest_for_their_weight_come_first() {
    let wait = |served: StageSet, count: usize| LaneQueue {
        arrivals: vec![
            Arrival { at_s: 0.0, vehicles: 1.0, weight: 1.0, stages: served, moving: false };
            count
        ],
        headway_s: vec![2.0; 4],
        startup_s: 1.0,
        held_s: Vec::new(),
        served,
        gate: None,
    };
    let (model, timing) = (Model::new(4, &[wait(stages(&[2]), 1), wait(stages(&[1]), 10)], 5.0), timing());
    let order = Order::Free(stages(&[0, 1, 2, 3]));
    let rollout = Rollout { model: &model, timing: &timing, order, policy: POLICY };
    let mut progress = model.begin(&[None, None]);
    assert_eq!(rollout.next(&progress, stage(0), 0.0), Some(stage(1)));
    // Clearance 5, start-up 1, ten at 2 s; then clearance 5, start-up 1 for the one. The last of the ten leaves in the second from 24 s on.
    let ten: f64 = (0..10).map(|i| 6.0 + 2.0 * f64::from(i)).sum();
    let cost = rollout.finish(&mut progress, stage(0), 0.0, 0.0, f64::INFINITY);
    assert!(close(cost, ten + 25.0 + 6.0, 1e-9), "{cost}");
}

/// Nobody waits, somebody comes late: the green rests, and he finds it green.
#[test]
fn a_green_rests_while_nobody_waits() {
    let served = stages(&[0]);
    let late = Arrival { at_s: 100.0, vehicles: 1.0, weight: 1.0, stages: served, moving: true };
    let lane = LaneQueue {
        arrivals: vec![late],
        headway_s: vec![2.0; 4],
        startup_s: 1.0,
        held_s: Vec::new(),
        served,
        gate: None,
    };
    let (model, timing) = (Model::new(4, &[lane], 5.0), timing());
    let order = Order::Free(stages(&[0, 1, 2, 3]));
    let rollout = Rollout { model: &model, timing: &timing, order, policy: POLICY };
    let mut progress = model.begin(&[Some(-10.0)]);
    assert!(rollout.finish(&mut progress, stage(0), 0.0, 0.0, f64::INFINITY).abs() < 1e-9);
    assert!(model.is_empty(&progress));
}
