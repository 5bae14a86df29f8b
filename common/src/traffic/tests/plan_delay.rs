//! Predicted delay of a plan against the closed forms.

use super::*;

fn flow(per_h: f64, served: &[usize]) -> LaneFlow {
    LaneFlow { flow_per_h: per_h, headway_s: vec![2.0; 4], startup_s: 1.5, served: stages(served) }
}

fn cycle(greens: &[(usize, f64)]) -> Vec<(StageIx, f64)> {
    greens.iter().map(|&(position, green_s)| (stage(position), green_s)).collect()
}

fn delay_s(greens: &[(usize, f64)], lane: LaneFlow) -> f64 {
    plan_delay_s(&timing(), &cycle(greens), &[lane])[0]
}

#[test]
fn below_saturation_it_is_the_uniform_delay() {
    for greens in [[12.0, 12.0, 12.0, 12.0], [40.0, 10.0, 25.0, 7.0], [60.0, 20.0, 9.5, 33.0]] {
        let cycle_s = greens.iter().sum::<f64>() + 20.0;
        let plan: Vec<_> = greens.into_iter().enumerate().collect();
        for x in [0.01, 0.2, 0.5, 0.8, 0.9, 0.95] {
            for (position, green_s) in greens.into_iter().enumerate() {
                let effective_s = green_s - 1.5;
                let capacity = 0.5 * effective_s / cycle_s;
                let predicted_s = delay_s(&plan, flow(3600.0 * x * capacity, &[position]));
                let uniform_s = uniform_delay_s(cycle_s, effective_s, x * capacity, 0.5);
                let apart = (predicted_s - uniform_s).abs() / uniform_s;
                assert!(apart < 0.02, "green {green_s} of {cycle_s}, x {x}: {predicted_s}, not {uniform_s}");
            }
        }
    }
}

/// Overflow of what comes in the quarter of an hour, behind the queue of two cycles of warm-up: (x − 1) (T/2 + 2 C).
#[test]
fn above_saturation_the_overflow_comes_on_top() {
    let (cycle_s, effective_s) = (100.0, 28.5);
    let capacity = 0.5 * effective_s / cycle_s;
    for x in [1.1, 1.3, 2.0, 5.0] {
        let predicted_s = delay_s(&[(0, 30.0), (1, 60.0)], flow(3600.0 * x * capacity, &[0]));
        let expected_s = uniform_delay_s(cycle_s, effective_s, x * capacity, 0.5) + (x - 1.0) * 650.0;
        assert!(close(predicted_s, expected_s, 0.03 * expected_s), "x {x}: {predicted_s}, not {expected_s}");
    }
}

#[test]
fn a_lane_of_two_stages_has_green_in_the_clearance_between_them() {
    let predicted_s = delay_s(&[(0, 20.0), (1, 20.0), (2, 35.0)], flow(400.0, &[0, 1]));
    let uniform_s = uniform_delay_s(90.0, 20.0 + 5.0 + 20.0 - 1.5, 400.0 / 3600.0, 0.5);
    assert!(close(predicted_s, uniform_s, 0.02 * uniform_s), "{predicted_s}, not {uniform_s}");
    // The same when the cycle begins in the middle of that green.
    let turned_s = delay_s(&[(1, 20.0), (2, 35.0), (0, 20.0)], flow(400.0, &[0, 1]));
    assert!(close(predicted_s, turned_s, 0.02 * uniform_s), "{predicted_s} and {turned_s}");
}

#[test]
fn two_greens_in_a_cycle_are_a_cycle_of_half_the_length() {
    let twice_s = delay_s(&[(0, 15.0), (1, 20.0), (0, 15.0), (2, 20.0)], flow(500.0, &[0]));
    let once_s = delay_s(&[(0, 15.0), (1, 20.0)], flow(500.0, &[0]));
    assert!(close(twice_s, once_s, 0.02 * once_s), "{twice_s} and {once_s}");
}

#[test]
fn lanes_do_not_change_each_other_and_keep_their_order() {
    let (timing, plan) = (timing(), cycle(&[(0, 20.0), (1, 30.0), (3, 10.0)]));
    let lanes = [flow(300.0, &[0]), flow(500.0, &[1]), flow(90.0, &[3]), flow(10.0, &[2])];
    let together = plan_delay_s(&timing, &plan, &lanes);
    let alone: Vec<f64> =
        lanes.iter().map(|lane| plan_delay_s(&timing, &plan, std::slice::from_ref(lane))[0]).collect();
    assert_eq!(together, alone);
    assert!(together[3].is_infinite(), "stage 2 has no green");
}

#[test]
fn limits() {
    let empty_road_s = delay_s(&[(0, 30.0), (1, 60.0)], flow(0.0, &[0]));
    assert!(close(empty_road_s, uniform_delay_s(100.0, 28.5, 0.0, 0.5), 0.5), "{empty_road_s}");
    assert!(delay_s(&[(0, 30.0)], flow(500.0, &[0])).abs() < 0.01, "always green");
    assert!(delay_s(&[(0, 0.0), (1, 30.0)], flow(500.0, &[0])).is_infinite());
    assert!(delay_s(&[], flow(500.0, &[0])).is_infinite());
    assert!(
        delay_s(&[(0, 1.0), (1, 30.0)], flow(500.0, &[0])).is_infinite(),
        "green within the start-up loss"
    );
    assert_eq!(plan_delay_s(&timing(), &cycle(&[(0, 30.0)]), &[]), Vec::<f64>::new());
}

#[test]
fn a_cycle_is_its_greens_and_clearances() {
    let timing = timing();
    assert!(close(timing.cycle_s(&cycle(&[(0, 20.0), (1, 30.0), (3, 10.0)])), 75.0, 1e-9));
    assert!(close(timing.cycle_s(&cycle(&[(0, 20.0)])), 20.0, 1e-9));
    assert!(close(timing.cycle_s(&[]), 0.0, 1e-9));
}

/// Above saturation a short green serves few portions, and half a portion too much or too little sums up over all cycles.
#[test]
fn a_little_more_flow_is_not_quicker_above_saturation() {
    for (per_h, more, green_s) in [(1423.8828, 3.2060, 10.7691), (1443.1862, 9.1004, 8.3719)] {
        let plan = [(0, green_s), (1, 30.0)];
        let (less_s, more_s) = (delay_s(&plan, flow(per_h, &[0])), delay_s(&plan, flow(per_h + more, &[0])));
        assert!(more_s >= less_s * 0.995, "{less_s} and {more_s} at {per_h}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn more_flow_is_never_quicker(per_h in 0.0..1500.0, more in 0.0..500.0, green_s in 8.0..60.0) {
        let plan = [(0, green_s), (1, 30.0)];
        let (less_s, more_s) = (delay_s(&plan, flow(per_h, &[0])), delay_s(&plan, flow(per_h + more, &[0])));
        // The size of the portions differs.
        prop_assert!(more_s >= less_s * 0.98 - 0.1, "{} and {}", less_s, more_s);
    }

    #[test]
    fn no_number_makes_it_panic_or_negative(
        greens in prop::collection::vec((any::<u8>(), absurd::number()), 0..4), per_h in absurd::number(),
        headway_s in prop::collection::vec(absurd::number(), 0..5), startup_s in absurd::number(),
    ) {
        let plan: Vec<_> = greens.iter().map(|&(position, green_s)| (stage(position.into()), green_s)).collect();
        let lane = LaneFlow { flow_per_h: per_h, headway_s, startup_s, served: stages(&[0, 1, 2, 3]) };
        prop_assert!(plan_delay_s(&timing(), &plan, &[lane])[0] >= 0.0);
    }
}
