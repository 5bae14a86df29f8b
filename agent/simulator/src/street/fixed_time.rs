//! The same street under fixed-time signals, for comparison.

use super::{Aspects, Side, Street, grid};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;

/// Green of each stage, milliseconds.
const GREEN_MS: i64 = 25_000;
const AMBER_MS: i64 = 3000;
const ALL_RED_MS: i64 = 2000;

/// What a fixed-time signal with one stage an approach shows: 25 s green, 3 s amber, 2 s all-red each.
pub fn fixed_aspects(at: MonoMs) -> Aspects {
    let stage_ms = GREEN_MS + AMBER_MS + ALL_RED_MS;
    let in_cycle = at.0.rem_euclid(4 * stage_ms);
    let (stage, t) = ((in_cycle / stage_ms) as usize, in_cycle % stage_ms);
    Side::ALL.map(|side| {
        let aspect = match t {
            _ if side as usize != stage => Aspect::Red,
            0..GREEN_MS => Aspect::Green,
            t if t < GREEN_MS + AMBER_MS => Aspect::Amber,
            _ => Aspect::Red,
        };
        Some(aspect)
    })
}

/// Mean wait in the same city with the same seed, hence the same arrivals and routes, at `until` of the street's time, seconds: warmed
/// up, then under fixed time.
pub fn fixed_time_mean_wait_s(seed: u64, until: MonoMs) -> f64 {
    let nodes = grid();
    let count = nodes.len();
    let mut street = Street::warmed_up(nodes, seed);
    while street.now() < until {
        let aspects = fixed_aspects(street.now());
        for junction in 0..count {
            street.set_lamps(junction, aspects);
        }
        street.step();
    }
    street.tally().mean_wait_s()
}
