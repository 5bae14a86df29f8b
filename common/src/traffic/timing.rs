//! The times of the signal, as rollouts need them.

use super::discharge::RightOfWay;
use super::queue::{FAR_S, within};
use crate::junction::{Junction, StageIx};

/// Times of the signal that the model needs, seconds, and who goes first.
///
/// The lists have one entry for each stage of the junction.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    stages: usize,
    clearance_s: Vec<f64>,
    /// Shortest green of each stage.
    pub min_green_s: Vec<f64>,
    /// Longest green of each stage.
    pub max_green_s: Vec<f64>,
    pub(super) right_of_way: RightOfWay,
}

impl Timing {
    /// The times of a junction, its stages with their own shortest and longest greens.
    pub fn of(junction: &Junction) -> Self {
        let stages = junction.stages().len();
        let pairs = junction.stage_indexes().flat_map(|p| junction.stage_indexes().map(move |q| (p, q)));
        Self {
            stages,
            clearance_s: pairs.map(|(p, q)| f64::from(junction.clearance_s(p, q))).collect(),
            min_green_s: junction.stages().iter().map(|stage| f64::from(stage.min_green_s)).collect(),
            max_green_s: junction.stages().iter().map(|stage| f64::from(stage.max_green_s)).collect(),
            right_of_way: RightOfWay::of(junction),
        }
    }

    /// From the end of the green of one stage to the start of the next one's.
    pub fn clearance_s(&self, from: StageIx, to: StageIx) -> f64 {
        self.clearance_s[from.index() * self.stages + to.index()]
    }

    /// Length of a cycle of stages, each with its green, seconds: the greens, and the clearance after each, from the last to the first too.
    pub fn cycle_s(&self, greens: &[(StageIx, f64)]) -> f64 {
        let next = greens.iter().cycle().skip(1);
        let parts = greens.iter().zip(next).map(|(&(stage, green_s), &(next, _))| {
            green_s + if next == stage { 0.0 } else { self.clearance_s(stage, next) }
        });
        parts.sum()
    }

    /// Lets every change cost at least so many seconds, also one that only adds groups.
    pub fn set_least_clearance_s(&mut self, least_s: f64) {
        let least_s = within(least_s, 0.0, FAR_S);
        self.clearance_s.iter_mut().for_each(|clearance| *clearance = clearance.max(least_s));
    }

    /// Shortest green of a stage for rollouts, seconds: never negative, never endless.
    pub(super) fn shortest_s(&self, stage: StageIx) -> f64 {
        within(self.min_green_s[stage.index()], 0.0, FAR_S)
    }

    /// How many stages there are.
    pub const fn stages(&self) -> usize {
        self.stages
    }
}
