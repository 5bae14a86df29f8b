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
fn gives_way(junction: &Junction, groups: GroupSet, stage: StageIx) -> bool {
    yields_in(junction, stage).iter().any(|&(gives, takes)| groups.contains(gives) && !groups.contains(takes))
}

/// Who gives way in a stage, and to whom.
///
/// `yields` of the junction says of each pair who gives way. Where files name only the pair and not the side, a group with more such pairs than its
/// partners is the one that gives way: a turn crosses several streams, a stream is crossed by one turn.
fn yields_in(junction: &Junction, stage: StageIx) -> Vec<(GroupIx, GroupIx)> {
    let green = junction.stage(stage).groups;
    let pairs: Vec<_> =
        junction.yields().iter().filter(|(a, b)| green.contains(*a) && green.contains(*b)).collect();
    let pairs_of = |group: GroupIx| pairs.iter().filter(|(a, b)| *a == group || *b == group).count();
    let sides = |&&(a, b): &&(GroupIx, GroupIx)| if pairs_of(a) >= pairs_of(b) { (a, b) } else { (b, a) };
    pairs.iter().map(sides).collect()
}

/// Which lanes go only when others leave them a gap: those with one movement, as a lane of its own for a turn has. Of lanes with several movements
/// only some drivers wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RightOfWay {
    lanes: usize,
    /// Of each stage and lane: the lanes that go first, a bit for each.
    first: Vec<u64>,
}

impl RightOfWay {
    pub(super) fn of(junction: &Junction) -> Self {
        let lanes = junction.lanes().len();
        let mut first = Vec::with_capacity(junction.stages().len() * lanes);
        for stage in junction.stage_indexes() {
            let yields = yields_in(junction, stage);
            for lane in junction.lane_indexes() {
                let groups = LaneStages::groups(junction, lane);
                let turns = |group: GroupIx| groups.contains(group) && junction.group(group).exits.len() == 1;
                let is_turn = junction.group_indexes().filter(|&group| groups.contains(group)).count() == 1;
                let takes = yields
                    .iter()
                    .filter(|(gives, takes)| is_turn && turns(*gives) && !groups.contains(*takes));
                let lanes = takes.flat_map(|(_, takes)| &junction.group(*takes).lanes);
                first.push(lanes.fold(0, |bits, lane| bits | 1 << lane.index()));
            }
        }
        Self { lanes, first }
    }

    /// Of each lane: the lanes that go first in a stage, a bit for each; empty when nobody gives way there.
    pub(super) fn in_stage(&self, stage: StageIx) -> &[u64] {
        let from = stage.index() * self.lanes;
        let here = self.first.get(from..from + self.lanes).unwrap_or_default();
        if here.iter().any(|first| *first != 0) { here } else { &[] }
    }
}
