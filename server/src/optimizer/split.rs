//! How the cycle's green is shared among the stages.

use super::{Bound, cycle::clearances};
use flextraff_common::junction::Junction;

/// Whole seconds of green for each stage: in proportion to `shares`, within each stage's range, adding up to the cycle less its clearances
/// wherever the ranges allow. Second: which range bound each stage.
pub(super) fn share(
    junction: &Junction,
    cycle_s: u32,
    shares: &[f64],
    ranges: &[(u32, u32)],
) -> (Vec<u32>, Vec<Option<Bound>>) {
    let clearance: u32 = clearances(junction).iter().sum();
    let green_total = f64::from(cycle_s.saturating_sub(clearance));
    let ranges: Vec<(f64, f64)> =
        ranges.iter().map(|&(least, most)| (f64::from(least), f64::from(most))).collect();
    let (exact, bounds) = fill(green_total, shares, &ranges);
    (round(&exact, green_total, &ranges), bounds)
}

/// Each stage gets `scale × share` within its range; the scale at which they add up to the total is found by bisection, because their sum
/// never falls as the scale grows.
fn fill(total: f64, shares: &[f64], ranges: &[(f64, f64)]) -> (Vec<f64>, Vec<Option<Bound>>) {
    let part = |at: usize, scale: f64| (scale * shares[at].max(1e-6)).clamp(ranges[at].0, ranges[at].1);
    let sum = |scale: f64| (0..shares.len()).map(|at| part(at, scale)).sum::<f64>();
    let (mut low, mut high) = (0.0, total.max(1.0) / 1e-6);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if sum(middle) < total {
            low = middle;
        } else {
            high = middle;
        }
    }
    let bound = |at: usize| {
        let wanted = high * shares[at].max(1e-6);
        if wanted < ranges[at].0 - 1e-6 {
            Some(Bound::MinGreen)
        } else if wanted > ranges[at].1 + 1e-6 {
            Some(Bound::MaxGreen)
        } else {
            None
        }
    };
    ((0..shares.len()).map(|at| part(at, high)).collect(), (0..shares.len()).map(bound).collect())
}

/// Whole seconds by largest remainder, so that the sum stays what it was.
fn round(exact: &[f64], total: f64, ranges: &[(f64, f64)]) -> Vec<u32> {
    let mut greens: Vec<u32> = exact.iter().map(|green| green.floor() as u32).collect();
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|&a, &b| (exact[b].fract()).total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    let mut missing = (total.min(exact.iter().sum()).round() as u32).saturating_sub(greens.iter().sum());
    for at in order {
        if missing > 0 && f64::from(greens[at] + 1) <= ranges[at].1 {
            greens[at] += 1;
            missing -= 1;
        }
    }
    greens
}
