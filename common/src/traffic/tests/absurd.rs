//! Numbers that mean nothing: no panic, no endless rollout, no cost below zero or without number.

use super::*;
use crate::junction::LaneIx;

pub(super) fn number() -> impl Strategy<Value = f64> {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 0.0, -0.0];
    prop_oneof![-5.0..100.0, prop::sample::select(odd.to_vec()), any::<f64>()]
}

fn set() -> impl Strategy<Value = StageSet> {
    prop::collection::vec(any::<u8>().prop_map(|position| stage(position.into())), 0..40)
        .prop_map(|some| some.into_iter().collect())
}

fn queue() -> impl Strategy<Value = LaneQueue> {
    let arrival = (number(), number(), number(), set(), any::<bool>());
    let arrival = arrival.prop_map(|(at_s, vehicles, weight, stages, moving)| Arrival {
        at_s,
        vehicles,
        weight,
        stages,
        moving,
    });
    let headways = prop::collection::vec(number(), 0..6);
    let held = prop::collection::vec(number(), 0..6);
    let gate = (number(), number(), number(), number(), number()).prop_map(
        |(room, opens_s, shuts_s, again_s, blocks)| Gate { room, opens_s, shuts_s, again_s, blocks },
    );
    let arrivals = prop::collection::vec(arrival, 0..6);
    (arrivals, headways, number(), held, set(), prop::option::of(gate)).prop_map(
        |(arrivals, headway_s, startup_s, held_s, served, gate)| LaneQueue {
            arrivals,
            headway_s,
            startup_s,
            held_s,
            served,
            gate,
        },
    )
}

fn finish(model: &Model, timing: &Timing, policy: Policy, mut progress: Progress) -> f64 {
    let order = Order::Free(stages(&[0, 1, 2, 3]));
    Rollout { model, timing, order, policy }.finish(&mut progress, stage(0), 0.0, 0.0, f64::INFINITY)
}

proptest! {
    #[test]
    fn rollouts_end(
        lanes in prop::collection::vec(queue(), 0..4), stop_s in number(), green in prop::option::of(number()),
        gap_s in number(), horizon_s in number(), from_s in number(), until_s in number(), cap in number(),
        least_s in number(), greens in prop::array::uniform2(number()), fixed: bool,
    ) {
        let mut timing = timing();
        timing.set_least_clearance_s(least_s);
        timing.min_green_s.fill(greens[0]);
        timing.max_green_s.fill(greens[1]);
        let model = Model::new(4, &lanes, stop_s);
        let all = [0, 1, 2, 3].map(stage);
        let set = stages(&[0, 1, 2, 3]);
        let order = if fixed { Order::Fixed(&all, set) } else { Order::Free(set) };
        let rollout = Rollout { model: &model, timing: &timing, order, policy: Policy { gap_s, horizon_s } };
        let mut progress = model.begin(&[green, None]);
        let cost = rollout.finish(&mut progress, stage(0), from_s, until_s, cap);
        prop_assert!(cost >= 0.0, "{}", cost);
        prop_assert!(progress.served >= 0.0);
    }

    #[test]
    fn courses_do_not_panic(
        lanes in prop::collection::vec(queue(), 0..4), count in 0_usize..70, stop_s in number(), at in any::<u8>(),
        from_s in number(), to_s in number(), end_s in number(),
    ) {
        let (model, timing) = (Model::new(count, &lanes, stop_s), timing());
        let mut progress = model.begin(&[Some(0.0); 4]);
        model.serve(&mut progress, stage(at.into()), from_s, to_s);
        model.change(&mut progress, &timing, stage(0), stage(usize::from(at % 4)), from_s);
        model.leave_behind(&mut progress, end_s, 20.0);
        prop_assert!(progress.cost >= 0.0, "{}", progress.cost);
        prop_assert!(model.left(&progress, LaneIx::new(at.into())).len() < 6);
    }
}

fn waiting(count: usize, served: StageSet, goes: StageSet) -> LaneQueue {
    let arrival = Arrival { at_s: 0.0, vehicles: 1.0, weight: 1.0, stages: goes, moving: false };
    LaneQueue {
        arrivals: vec![arrival; count],
        headway_s: vec![0.0; 4],
        startup_s: 0.0,
        held_s: Vec::new(),
        served,
        gate: None,
    }
}

/// Neither the lane nor its vehicles have green in any stage, and nothing else ends the rollout or takes time.
#[test]
fn whoever_no_stage_serves_is_left_behind() {
    let mut timing = timing();
    timing.min_green_s.fill(0.0);
    timing.max_green_s.fill(f64::INFINITY);
    let policy = Policy { gap_s: f64::INFINITY, horizon_s: f64::INFINITY };
    let all = stages(&[0, 1, 2, 3]);
    for (served, goes) in [(StageSet::EMPTY, StageSet::EMPTY), (StageSet::EMPTY, all), (all, StageSet::EMPTY)]
    {
        let model = Model::new(4, &[waiting(3, served, goes)], 5.0);
        let cost = finish(&model, &timing, policy, model.begin(&[None]));
        assert!(cost.is_finite() && cost >= 60.0, "{cost}");
    }
    let model = Model::new(4, &[waiting(3, all, all)], 5.0);
    assert!(finish(&model, &timing, policy, model.begin(&[None])).is_finite());
}

#[test]
fn a_lane_has_at_most_65_535_arrivals_and_a_model_64_lanes() {
    let all = stages(&[0, 1, 2, 3]);
    let model = Model::new(4, &[waiting(70_000, all, all)], 5.0);
    let mut progress = model.begin(&[Some(-10.0)]);
    assert_eq!(model.left(&progress, LaneIx::new(0)).len(), 65_535);
    model.serve(&mut progress, stage(0), 0.0, 1e6);
    assert!(model.is_empty(&progress) && close(progress.served, 65_535.0, 1e-6));
    // Headways of zero count as a tenth of a second.
    assert!(close(progress.cost, 0.1 * 65_535.0 * 65_534.0 / 2.0, 1.0), "{}", progress.cost);

    let many = Model::new(4, &vec![waiting(1, all, all); 100], 5.0);
    let mut progress = many.begin(&[Some(-10.0); 100]);
    many.serve(&mut progress, stage(0), 0.0, 10.0);
    assert!(close(progress.served, 64.0, 1e-9) && many.left(&progress, LaneIx::new(64)).is_empty());
}

#[test]
fn numbers_out_of_range_count_as_the_nearest_in_range() {
    let all = stages(&[0, 1, 2, 3]);
    let odd = Arrival { at_s: f64::NAN, vehicles: f64::NAN, weight: -3.0, stages: all, moving: true };
    let far = Arrival { at_s: f64::INFINITY, vehicles: 1e9, weight: f64::INFINITY, ..odd };
    let model = Model::new(4, &[LaneQueue { arrivals: vec![odd, far], ..waiting(0, all, all) }], f64::NAN);
    let left = model.left(&model.begin(&[]), LaneIx::new(0)).to_vec();
    assert_eq!(left[0], Arrival { at_s: 0.0, vehicles: 0.0, weight: 0.0, ..odd });
    assert_eq!(left[1], Arrival { at_s: 1e6, vehicles: 1e6, weight: 1e6, ..odd });
}
