//! A junction as both sides see it: lanes, signal groups, stages, and which groups may have green together.
//!
//! [`JunctionSpec`] is the form in which files and messages name things; [`Junction::build`] turns it into the checked, indexed form
//! that everything else works on, or lists every rule that it breaks.

mod sets;
mod spec;
#[cfg(test)]
pub(crate) mod tests;
mod validate;

pub use sets::{GroupIx, GroupSet, LaneIx, StageIx};
pub use spec::{
    CompatibleSpec, Direction, FaultAspect, GroupKind, GroupSpec, IntergreenSpec, JunctionSpec, LaneSpec,
    SignalSpec, StageOrder, StageSpec,
};
pub use validate::Problem;

use crate::ids::{JunctionId, LaneId};

/// Most lanes of one junction.
pub const MAX_LANES: usize = 32;
/// Most stages of one junction.
pub const MAX_STAGES: usize = 16;
/// Most signal groups of one junction.
pub const MAX_GROUPS: usize = 64;

/// Shortest green of a pedestrian head that gives none, seconds (Signal Timing Manual, 2nd edition: 7 s, 4 s where few walk).
pub const WALK_S: f64 = 7.0;
/// From the end of a pedestrian clearance to a conflicting green, milliseconds (Signal Timing Manual, 2nd edition: at least 3 s).
pub const DONT_WALK_MS: u32 = 3000;

/// A lane that ends at the stop line.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Id on the wire and in the database.
    pub id: LaneId,
    /// Name in the agent's TOML, such as `N`.
    pub name: String,
    /// The approach it belongs to: where its vehicles come from.
    pub direction: Option<Direction>,
}

/// A signal head (or several that always show the same).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name in the agent's TOML.
    pub name: String,
    /// Whom it signals.
    pub kind: GroupKind,
    /// The lanes that it releases; empty for pedestrians.
    pub lanes: Vec<LaneIx>,
    /// Where its movements lead, as far as the TOML says.
    pub exits: Vec<String>,
    /// Shortest green of a pedestrian head, milliseconds; the stages in which it has green have at least as much. Zero for others.
    pub walk_ms: u32,
    /// How long those who stepped off with the last green of a pedestrian head need to cross, milliseconds. It lies within the intergreens
    /// of the group, with [`DONT_WALK_MS`] after it; zero: not given, or no pedestrian head.
    pub clearance_ms: u32,
    /// Whether a pedestrian head has a push button: who wants to cross presses it.
    pub button: bool,
}

/// Signal groups that have green together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Name in the agent's TOML.
    pub name: String,
    /// Its groups.
    pub groups: GroupSet,
    /// Shortest green, whole seconds.
    pub min_green_s: u32,
    /// Longest green, whole seconds.
    pub max_green_s: u32,
    /// Whether it may be left out: by a plan, and in a fixed order while nobody wants it.
    pub skip: bool,
}

/// Times that hold for the whole junction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalTimes {
    /// Amber after each vehicle green, milliseconds; whole seconds.
    pub amber_ms: u32,
    /// All-red after amber where no intergreen is given, milliseconds.
    pub all_red_ms: u32,
    /// Red-amber before each vehicle green, milliseconds; it lies within the intergreen.
    pub red_amber_ms: u32,
    /// Whether the controller may choose the order of stages.
    pub stage_order: StageOrder,
    /// Longest that a lane with somebody waiting stays without green, seconds.
    pub longest_red_s: u32,
    /// Flash at start-up, seconds.
    pub startup_flash_s: u32,
    /// All-red after the start-up flash, seconds; at least the longest clearance.
    pub startup_all_red_s: u32,
    /// What the lamps show on a fault.
    pub fault_aspect: FaultAspect,
}

/// A junction that keeps every rule of [`Problem`].
#[derive(Clone, Debug, PartialEq)]
pub struct Junction {
    /// Id on the wire and in the database.
    pub id: JunctionId,
    /// Name for people.
    pub name: String,
    lanes: Vec<Lane>,
    groups: Vec<Group>,
    stages: Vec<Stage>,
    /// Times for the whole junction.
    pub signal: SignalTimes,
    compatible: Vec<GroupSet>,
    yields: Vec<(GroupIx, GroupIx)>,
    intergreen_ms: Vec<u32>,
}

impl Junction {
    /// Checks a specification and indexes it.
    ///
    /// # Errors
    /// Every broken rule, in the order of the specification; never only the first.
    pub fn build(spec: &JunctionSpec) -> Result<Self, Vec<Problem>> {
        validate::build(spec)
    }

    /// Lanes in the order of `lane_index`.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Signal groups in the order of the TOML.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Stages in the order in which they are served.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The lane at an index that came from this junction.
    pub fn lane(&self, lane: LaneIx) -> &Lane {
        &self.lanes[lane.index()]
    }

    /// The group at an index that came from this junction.
    pub fn group(&self, group: GroupIx) -> &Group {
        &self.groups[group.index()]
    }

    /// The stage at an index that came from this junction.
    pub fn stage(&self, stage: StageIx) -> &Stage {
        &self.stages[stage.index()]
    }

    /// Indexes of all lanes.
    pub fn lane_indexes(&self) -> impl Iterator<Item = LaneIx> + use<> {
        (0..self.lanes.len()).map(LaneIx::new)
    }

    /// Indexes of all groups.
    pub fn group_indexes(&self) -> impl Iterator<Item = GroupIx> + use<> {
        (0..self.groups.len()).map(GroupIx::new)
    }

    /// Indexes of all stages.
    pub fn stage_indexes(&self) -> impl Iterator<Item = StageIx> + use<> {
        (0..self.stages.len()).map(StageIx::new)
    }

    /// The lane of that name.
    pub fn lane_named(&self, name: &str) -> Option<LaneIx> {
        self.lanes.iter().position(|lane| lane.name == name).map(LaneIx::new)
    }

    /// The lane of that id.
    pub fn lane_with_id(&self, id: LaneId) -> Option<LaneIx> {
        self.lanes.iter().position(|lane| lane.id == id).map(LaneIx::new)
    }

    /// The group of that name.
    pub fn group_named(&self, name: &str) -> Option<GroupIx> {
        self.groups.iter().position(|group| group.name == name).map(GroupIx::new)
    }

    /// The stage of that name.
    pub fn stage_named(&self, name: &str) -> Option<StageIx> {
        self.stages.iter().position(|stage| stage.name == name).map(StageIx::new)
    }

    /// All groups.
    pub fn all_groups(&self) -> GroupSet {
        self.group_indexes().collect()
    }

    /// The lanes that have green in a stage, in lane order, each once.
    pub fn lanes_of_stage(&self, stage: StageIx) -> Vec<LaneIx> {
        let mut lanes: Vec<LaneIx> = self
            .stage(stage)
            .groups
            .iter()
            .flat_map(|group| self.group(group).lanes.iter().copied())
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    /// The stages in which any group of a lane has green, in order.
    pub fn stages_of_lane(&self, lane: LaneIx) -> Vec<StageIx> {
        self.stage_indexes().filter(|&stage| self.lanes_of_stage(stage).contains(&lane)).collect()
    }

    /// Whether two groups must never have green together. A group never conflicts with itself.
    pub fn conflicts(&self, a: GroupIx, b: GroupIx) -> bool {
        a != b && !self.compatible[a.index()].contains(b)
    }

    /// Every group that conflicts with `group`.
    pub fn conflicts_of(&self, group: GroupIx) -> GroupSet {
        self.group_indexes().filter(|&other| self.conflicts(group, other)).collect()
    }

    /// Pairs in which the first gives way to the second while both have green.
    pub fn yields(&self) -> &[(GroupIx, GroupIx)] {
        &self.yields
    }

    /// Shortest time from the end of green of `from` to the start of green of `to`, milliseconds; zero where they do not conflict. What is given
    /// has been lengthened by what rounding has added to the amber, so that the red after it is as long as it was meant to be.
    pub fn intergreen_ms(&self, from: GroupIx, to: GroupIx) -> u32 {
        self.intergreen_ms[from.index() * self.groups.len() + to.index()]
    }

    /// Time from the end of a group's green until whoever had it is out of everybody's way, milliseconds: its longest intergreen.
    pub fn longest_intergreen_ms(&self, from: GroupIx) -> u32 {
        self.conflicts_of(from).iter().map(|to| self.intergreen_ms(from, to)).max().unwrap_or(0)
    }

    /// Time from the end of one stage's green to the start of the next one's, in whole seconds: the longest intergreen between groups that
    /// end and groups that come, and at least the amber of whatever ends. Zero when the change only adds groups.
    pub fn clearance_s(&self, from: StageIx, to: StageIx) -> u32 {
        let (old, new) = (self.stage(from).groups, self.stage(to).groups);
        let (ending, coming) = (old.minus(new), new.minus(old));
        if ending.is_empty() {
            return 0;
        }
        let longest = ending
            .iter()
            .flat_map(|end| coming.iter().map(move |come| (end, come)))
            .map(|(end, come)| self.intergreen_ms(end, come))
            .max()
            .unwrap_or(0);
        longest.max(self.signal.amber_ms).div_ceil(1000)
    }

    /// The longest that it may take until every head is red and nobody in anybody's way, whole seconds: a change of stages that has just begun, the
    /// shortest green, amber, and red for the longest of the intergreens.
    pub fn longest_end_s(&self) -> u32 {
        let seconds = |ms: u32| ms.div_ceil(1000);
        let to_red_s = seconds(self.signal.amber_ms) + seconds(self.signal.all_red_ms);
        let end_s = |stage: StageIx| {
            let change_s = self.stage_indexes().map(|from| self.clearance_s(from, stage));
            let gone_s =
                self.stage(stage).groups.iter().map(|group| seconds(self.longest_intergreen_ms(group)));
            change_s.fold(seconds(self.signal.red_amber_ms), u32::max)
                + self.stage(stage).min_green_s
                + gone_s.fold(to_red_s, u32::max)
        };
        self.stage_indexes().map(end_s).max().unwrap_or(0)
    }

    /// Longest clearance between any two stages, whole seconds.
    pub fn longest_clearance_s(&self) -> u32 {
        self.stage_indexes()
            .flat_map(|from| self.stage_indexes().map(move |to| (from, to)))
            .map(|(from, to)| self.clearance_s(from, to))
            .max()
            .unwrap_or(0)
    }
}
