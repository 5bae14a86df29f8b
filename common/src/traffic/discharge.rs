//! How freely a lane discharges in each stage: which of its movements have green, and whether they give way.

use super::StageSet;
use crate::junction::{GroupIx, GroupSet, Junction, LaneIx, StageIx};

/// Saturation headway that a lane is taken to have until its own is known, seconds per vehicle: about 1 900 vehicles an hour (HCM base rate;
/// IRC:SP:41 gives 1 890 for a lane of 3.5 m).
pub const SATURATION_HEADWAY_S: f64 = 1.9;
/// How much longer it is where a movement gives way to another.
const GIVES_WAY: f64 = 1.5;
/// How much longer it is where only some movements of the lane have green: the others stand in the way.
const IN_PART: f64 = 2.0;

/// The stages in which a lane has green.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneStages {
    /// All of its movements have green.
    pub full: StageSet,
    /// Some of them have.
    pub part: StageSet,
    /// One of them has, and gives way to another lane.
    pub gives_way: StageSet,
}

impl LaneStages {
    /// Those of a lane of a junction. A movement is a signal group of the lane.
    pub fn of(junction: &Junction, lane: LaneIx) -> Self {
        let groups = Self::groups(junction, lane);
        let in_stage = |stage: StageIx| junction.stage(stage).groups.intersection(groups);
        let any: StageSet = junction.stage_indexes().filter(|&stage| !in_stage(stage).is_empty()).collect();
        let full: StageSet = any.iter().filter(|&stage| in_stage(stage) == groups).collect();
        let gives_way =
            junction.stage_indexes().filter(|&stage| gives_way(junction, groups, stage)).collect();
        Self { full, part: any.minus(full), gives_way }
    }

    /// The signal groups of a lane.
    pub fn groups(junction: &Junction, lane: LaneIx) -> GroupSet {
        junction.group_indexes().filter(|&group| junction.group(group).lanes.contains(&lane)).collect()
    }

    /// Those in which any movement of the lane has green.
    #[must_use]
    pub const fn served(&self) -> StageSet {
        self.full.union(self.part)
    }

    /// How many times its saturation headway the lane needs for each vehicle in a stage that serves it.
    pub const fn headway_factor(&self, stage: StageIx) -> f64 {
        match (self.gives_way.contains(stage), self.part.contains(stage)) {
            (true, _) => GIVES_WAY,
            (false, true) => IN_PART,
            (false, false) => 1.0,
        }
    }

    /// Saturation headway in each of so many stages, seconds per vehicle, for a lane that has this one where it flows freely.
    pub fn headways_s(&self, stages: usize, saturation_headway_s: f64) -> Vec<f64> {
        let all = (0..stages).map(StageIx::new);
        all.map(|stage| saturation_headway_s * self.headway_factor(stage)).collect()
    }
}

/// Whether a movement of these groups gives way in a stage.
///
/// `yields` of the junction says of each pair who gives way. Where files name only the pair and not the side, a group with more such pairs than its
/// partners is the one that gives way: a turn crosses several streams, a stream is crossed by one turn.
fn gives_way(junction: &Junction, groups: GroupSet, stage: StageIx) -> bool {
    let green = junction.stage(stage).groups;
    let pairs: Vec<_> =
        junction.yields().iter().filter(|(a, b)| green.contains(*a) && green.contains(*b)).collect();
    let pairs_of = |group: GroupIx| pairs.iter().filter(|(a, b)| *a == group || *b == group).count();
    pairs.iter().any(|&&(a, b)| {
        let (gives, takes) = if pairs_of(a) >= pairs_of(b) { (a, b) } else { (b, a) };
        groups.contains(gives) && !groups.contains(takes)
    })
}
