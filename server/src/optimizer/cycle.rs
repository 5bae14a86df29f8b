//! Length of the cycle.

use super::{Bound, OVER_CAPACITY, START_UP_LOSS_S};
use flextraff_common::junction::{Junction, StageIx};
use flextraff_common::plan::Limits;

/// A cycle and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    /// Its length, whole seconds.
    pub cycle_s: u32,
    /// Time lost in it, seconds.
    pub lost_s: f64,
    /// Sum of the stages' flow ratios.
    pub flow_ratio_sum: f64,
    /// Webster's cycle before limits; `None` over capacity or without demand.
    pub webster_s: Option<f64>,
    /// What bound it.
    pub bound: Option<Bound>,
}

/// Clearances of one round of all stages, whole seconds each, in order.
pub(super) fn clearances(junction: &Junction) -> Vec<u32> {
    let count = junction.stages().len();
    junction
        .stage_indexes()
        .map(|stage| junction.clearance_s(stage, StageIx::new((stage.index() + 1) % count)))
        .collect()
}

/// Time lost in one round of all stages, seconds.
pub(super) fn lost_s(junction: &Junction) -> f64 {
    let amber_s = f64::from(junction.signal.amber_ms) / 1000.0;
    let lost = |clearance: u32| START_UP_LOSS_S + (f64::from(clearance) - amber_s).max(0.0);
    clearances(junction).into_iter().map(lost).sum()
}

/// Webster's cycle `(1.5 L + 5) / (1 − Y)` within the limits. `L` is the start-up loss of each stage plus the part of each clearance that is
/// not amber, because amber discharges about what the start-up lost.
pub(super) fn choose(
    junction: &Junction,
    limits: Limits,
    ranges: &[(u32, u32)],
    ratios: Option<&Vec<f64>>,
    base_cycle_s: u32,
) -> Chosen {
    let lost_s = lost_s(junction);
    let flow_ratio_sum: f64 = ratios.map_or(0.0, |ratios| ratios.iter().sum());
    let webster_s = (ratios.is_some() && flow_ratio_sum < OVER_CAPACITY)
        .then(|| (1.5 * lost_s + 5.0) / (1.0 - flow_ratio_sum));
    let wanted = match (ratios, webster_s) {
        (None, _) => f64::from(base_cycle_s),
        (Some(_), Some(webster)) => webster,
        (Some(_), None) => f64::INFINITY,
    };

    let clearance_sum: u32 = clearances(junction).iter().sum();
    let least_greens: u32 = ranges.iter().map(|range| range.0).sum();
    let most_greens: u32 = ranges.iter().map(|range| range.1).sum();
    let shortest_green = ranges.iter().map(|range| range.0).min().unwrap_or(0);
    // What the greens' ranges allow wins over what the administrator wants.
    let mut cycle = (wanted, None);
    for (least, most) in [
        ((limits.min_cycle_s, Bound::MinCycle), (limits.max_cycle_s, Bound::MaxCycle)),
        (
            (clearance_sum + least_greens, Bound::MinGreens),
            (clearance_sum + most_greens, Bound::MaxGreens)
                .min((junction.signal.longest_red_s + shortest_green, Bound::LongestRed)),
        ),
    ] {
        if cycle.0 > f64::from(most.0) {
            cycle = (f64::from(most.0), Some(most.1));
        }
        if cycle.0 < f64::from(least.0) {
            cycle = (f64::from(least.0), Some(least.1));
        }
    }
    let (cycle_s, bound) = (cycle.0.round() as u32, cycle.1);
    Chosen { cycle_s, lost_s, flow_ratio_sum, webster_s, bound }
}
