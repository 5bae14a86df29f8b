//! The closed forms against values worked out otherwise.

use super::*;

/// Area between the curves of arrivals and departures of one cycle, divided by the arrivals: a triangle over the red `r` and the time
/// `q r / (s − q)` that its queue needs to leave.
fn triangle_delay_s(cycle_s: f64, green_s: f64, flow: f64, saturation_flow: f64) -> f64 {
    let red_s = cycle_s - green_s;
    let queue = flow * red_s;
    let clears_s = queue / (saturation_flow - flow);
    0.5 * queue * (red_s + clears_s) / (flow * cycle_s)
}

#[test]
fn uniform_delay_is_the_area_between_arrivals_and_departures() {
    for cycle_s in [40.0, 90.0, 150.0] {
        for split in [0.1, 0.35, 0.6, 0.9] {
            for x in [0.05, 0.5, 0.8, 0.95, 1.0] {
                let (green_s, flow) = (split * cycle_s, x * split * 0.5);
                let area = triangle_delay_s(cycle_s, green_s, flow, 0.5);
                let formula = uniform_delay_s(cycle_s, green_s, flow, 0.5);
                assert!(
                    close(formula, area, 1e-9),
                    "cycle {cycle_s}, split {split}, x {x}: {formula}, {area}"
                );
            }
        }
    }
}

#[test]
fn limits_of_uniform_delay() {
    assert!(close(uniform_delay_s(60.0, 20.0, 0.0, 0.5), 40.0 * 40.0 / 120.0, 1e-9), "a single vehicle");
    assert!(close(uniform_delay_s(60.0, 20.0, -1.0, 0.5), 40.0 * 40.0 / 120.0, 1e-9));
    for flow in [0.0, 0.2, 0.5, 2.0] {
        assert!(uniform_delay_s(60.0, 60.0, flow, 0.5).abs() < 1e-9, "always green");
        assert!(uniform_delay_s(60.0, 75.0, flow, 0.5).abs() < 1e-9);
    }
    assert!(close(uniform_delay_s(60.0, 20.0, 9.0, 0.5), 20.0, 1e-9), "above saturation: half of the red");
    for (cycle_s, green_s, saturation_flow) in [(60.0, 0.0, 0.5), (0.0, 20.0, 0.5), (60.0, 20.0, 0.0)] {
        assert!(uniform_delay_s(cycle_s, green_s, 0.1, saturation_flow).is_infinite());
        assert!(hcm_delay_s(cycle_s, green_s, 0.1, saturation_flow, 0.25).is_infinite());
    }
}

/// Cycle 90 s, green 40 s, saturation flow 1800/h: capacity `c` = 800/h. HCM (2000), equations 16-11 and 16-12, with T = 0.25 h.
#[test]
fn hcm_delay_as_worked_by_hand() {
    // X = 0.9: d1 = 0.5 · 90 (1 − 4/9)² / (1 − 0.9 · 4/9) = 23.148; d2 = 225 (−0.1 + √(0.01 + 3.6 / 200)) = 15.150.
    assert!(close(hcm_delay_s(90.0, 40.0, 720.0 / 3600.0, 0.5, 0.25), 23.148 + 15.150, 0.002));
    // X = 0.5: d1 = 13.889 / (1 − 2/9) = 17.857; d2 = 225 (−0.5 + √(0.25 + 2 / 200)) = 2.229.
    assert!(close(hcm_delay_s(90.0, 40.0, 400.0 / 3600.0, 0.5, 0.25), 17.857 + 2.229, 0.002));
    // X = 1.2: d1 = 0.5 · 50 = 25; d2 = 225 (0.2 + √(0.04 + 4.8 / 200)) = 101.921.
    assert!(close(hcm_delay_s(90.0, 40.0, 960.0 / 3600.0, 0.5, 0.25), 25.0 + 101.921, 0.002));
}

#[test]
fn limits_of_hcm_delay() {
    let uniform = uniform_delay_s(90.0, 40.0, 0.2, 0.5);
    assert!(close(hcm_delay_s(90.0, 40.0, 0.0, 0.5, 0.25), uniform_delay_s(90.0, 40.0, 0.0, 0.5), 1e-9));
    assert!(close(hcm_delay_s(90.0, 40.0, -1.0, 0.5, 0.25), uniform_delay_s(90.0, 40.0, 0.0, 0.5), 1e-9));
    assert!(close(hcm_delay_s(90.0, 40.0, 0.2, 0.5, 0.0), uniform, 1e-9), "no time, no overflow");
    assert!(close(hcm_delay_s(90.0, 40.0, 0.2, 0.5, 1e-9), uniform, 1e-2));
    // Far above saturation the overflow of period T is that of a queue that grows evenly: T/2 (X − 1).
    let deterministic_s = 0.5 * 900.0 * (3.0 - 1.0);
    let overflow_s = hcm_delay_s(90.0, 40.0, 3.0 * 800.0 / 3600.0, 0.5, 0.25) - 25.0;
    assert!(close(overflow_s, deterministic_s, 0.01 * deterministic_s), "{overflow_s}");
}

proptest! {
    #[test]
    fn more_flow_or_less_green_is_never_quicker(
        cycle_s in 20.0..200.0, split in 0.05_f64..0.9, flow in 0.0..0.9, more in 0.0..0.5, longer in 1.0_f64..1.5,
    ) {
        let delay = |split: f64, flow: f64| hcm_delay_s(cycle_s, split * cycle_s, flow, 0.5, 0.25);
        prop_assert!(delay(split, flow + more) >= delay(split, flow) - 1e-9);
        prop_assert!(delay((split * longer).min(1.0), flow) <= delay(split, flow) + 1e-9);
    }
}
