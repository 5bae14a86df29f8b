//! The queue model under a fixed-time signal with even arrivals, against the closed forms.

use super::*;
use crate::junction::LaneIx;

const HEADWAY_S: f64 = 2.0;
const STARTUP_S: f64 = 2.0;

/// A lane of stage 1 under stages 0 and 1 in turn, and what becomes of it.
struct FixedTime {
    /// Effective green: the displayed one is longer by the start-up loss.
    green_s: f64,
    cycle_s: f64,
    /// Vehicles per second.
    flow: f64,
    /// Vehicles that each arrival stands for.
    portion: f64,
}

impl FixedTime {
    /// Mean delay of whoever comes within so many cycles, seconds per vehicle, and the vehicles left at their end.
    fn run(&self, cycles: usize) -> (f64, f64) {
        let served = stages(&[1]);
        let timing = timing();
        let count = (self.flow * self.cycle_s * cycles as f64 / self.portion) as usize;
        let arrival = |i: usize| Arrival {
            at_s: (i as f64 + 0.5) * self.portion / self.flow,
            vehicles: self.portion,
            weight: self.portion,
            stages: served,
            moving: true,
        };
        let arrivals: Vec<Arrival> = (0..count).map(arrival).collect();
        let headway_s = vec![HEADWAY_S; 4];
        let model = Model::new(
            4,
            &[LaneQueue {
                arrivals,
                headway_s,
                startup_s: STARTUP_S,
                held_s: Vec::new(),
                served,
                gate: None,
            }],
            0.0,
        );
        let mut progress = model.begin(&[None]);
        let shown_s = self.green_s + STARTUP_S;
        let other_s = self.cycle_s - shown_s - 10.0;
        let mut at_s = 0.0;
        for _ in 0..cycles {
            model.serve(&mut progress, stage(0), at_s, at_s + other_s);
            let green_at = model.change(&mut progress, &timing, stage(0), stage(1), at_s + other_s);
            model.serve(&mut progress, stage(1), green_at, green_at + shown_s);
            at_s = model.change(&mut progress, &timing, stage(1), stage(0), green_at + shown_s);
        }
        let left = model.left(&progress, LaneIx::new(0)).iter().map(|arrival| arrival.vehicles).sum();
        (progress.cost / progress.served, left)
    }
}

/// Degrees of saturation are multiples of it (the golden ratio less 1), so that arrivals come at all moments of the cycle.
const IRRATIONAL: f64 = 0.618_033_988_749_895;

/// Cycle, effective green, degree of saturation.
fn grid() -> impl Iterator<Item = (f64, f64, f64)> {
    let cycles = [(60.0, 12.0), (60.0, 30.0), (90.0, 20.0), (90.0, 50.0), (120.0, 40.0), (120.0, 80.0)];
    let degrees = [0.15, 0.5, 0.8, 1.1, 1.3, 1.45, 1.52].map(|x| x * IRRATIONAL);
    cycles.into_iter().flat_map(move |(cycle_s, green_s)| degrees.map(|x| (cycle_s, green_s, x)))
}

/// The first departures of each green fall into the fluid's first headway, so that portions of a tenth of a vehicle are a twentieth of a
/// headway quicker than the fluid.
#[test]
fn a_flow_in_small_portions_has_websters_uniform_delay() {
    for (cycle_s, green_s, x) in grid() {
        let flow = x * green_s / cycle_s / HEADWAY_S;
        let (delay_s, _) = FixedTime { green_s, cycle_s, flow, portion: 0.1 }.run(400);
        let webster_s = uniform_delay_s(cycle_s, green_s, flow, 1.0 / HEADWAY_S);
        let apart = (delay_s - webster_s).abs() / webster_s;
        assert!(apart < 0.03, "cycle {cycle_s}, green {green_s}, x {x}: {delay_s} instead of {webster_s}");
    }
}

#[test]
fn whole_vehicles_have_websters_uniform_delay_within_half_a_headway_and_a_bit() {
    for (cycle_s, green_s, x) in grid() {
        let flow = x * green_s / cycle_s / HEADWAY_S;
        let (delay_s, _) = FixedTime { green_s, cycle_s, flow, portion: 1.0 }.run(400);
        let webster_s = uniform_delay_s(cycle_s, green_s, flow, 1.0 / HEADWAY_S);
        let apart_s = delay_s - webster_s;
        assert!(
            apart_s.abs() < 0.7 * HEADWAY_S,
            "cycle {cycle_s}, green {green_s}, x {x}: {apart_s} s apart"
        );
    }
}

#[test]
fn above_saturation_the_queue_grows_by_what_exceeds_capacity() {
    for (cycle_s, green_s, x) in [(60.0, 20.0, 1.1), (90.0, 40.0, 1.25), (120.0, 30.0, 2.0)] {
        let capacity = green_s / cycle_s / HEADWAY_S;
        for cycles in [10, 20, 40] {
            let (_, left) = FixedTime { green_s, cycle_s, flow: x * capacity, portion: 1.0 }.run(cycles);
            let expected = (x - 1.0) * capacity * cycle_s * cycles as f64;
            // In the first red and the last clearance a queue stands besides.
            assert!(
                close(left, expected, 5.0 + x * capacity * 10.0),
                "x {x}, {cycles}: {left}, not {expected}"
            );
        }
    }
}
