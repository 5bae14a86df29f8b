//! The named form of a junction, as TOML and JSON files write it.

use crate::ids::{JunctionId, LaneId};
use serde::{Deserialize, Serialize};

/// A junction before it is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct JunctionSpec {
    /// Id on the wire and in the database.
    pub id: JunctionId,
    /// Name for people.
    pub name: String,
    /// Lanes in the order of `lane_index`.
    pub lanes: Vec<LaneSpec>,
    /// Signal groups. Empty means one vehicle group per lane, named as the lane.
    pub groups: Vec<GroupSpec>,
    /// Stages in the order in which they are served.
    pub stages: Vec<StageSpec>,
    /// Pairs that may have green together; every other pair conflicts.
    pub compatible: Vec<CompatibleSpec>,
    /// Intergreens that differ from amber plus all-red.
    pub intergreens: Vec<IntergreenSpec>,
    /// Times for the whole junction.
    pub signal: SignalSpec,
}

/// A lane.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneSpec {
    /// Id on the wire and in the database.
    pub id: LaneId,
    /// Name, unique in the junction.
    pub name: String,
    /// The approach it belongs to.
    pub direction: Option<Direction>,
}

/// A signal group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupSpec {
    /// Name, unique in the junction.
    pub name: String,
    /// Whom it signals.
    pub kind: GroupKind,
    /// Names of the lanes that it releases.
    pub lanes: Vec<String>,
    /// Where its movements lead.
    pub exits: Vec<String>,
    /// Shortest green of a pedestrian head, seconds; none: 7 s.
    pub walk_s: Option<f64>,
    /// How long those who stepped off with the last green need to cross, seconds; none: what the intergreens say is enough.
    pub clearance_s: Option<f64>,
    /// Whether a pedestrian head has a push button.
    pub button: bool,
}

/// A stage: its groups by name, or all groups of some lanes.
#[derive(Clone, Debug, PartialEq)]
pub struct StageSpec {
    /// Name, unique in the junction.
    pub name: String,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// Names of lanes all of whose groups belong to it; used when `groups` is empty.
    pub lanes: Vec<String>,
    /// Shortest green, seconds.
    pub min_green_s: f64,
    /// Longest green, seconds.
    pub max_green_s: f64,
    /// Whether a plan may leave it out.
    pub skip: bool,
}

/// Two groups that may have green together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompatibleSpec {
    /// One group.
    pub a: String,
    /// The other group.
    pub b: String,
    /// Whether `a` gives way to `b`.
    #[serde(default, rename = "yield")]
    pub yields: bool,
}

/// Time from the end of one group's green to the start of another's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntergreenSpec {
    /// The group whose green ends.
    pub from: String,
    /// The group whose green starts.
    pub to: String,
    /// Seconds.
    pub seconds: f64,
}

/// Times for the whole junction, seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalSpec {
    /// Amber after each vehicle green; rounded up to the whole second, and every intergreen grows by as much.
    pub amber_s: f64,
    /// All-red after amber.
    pub all_red_s: f64,
    /// Red-amber before each vehicle green.
    pub red_amber_s: f64,
    /// Whether the controller may choose the order of stages.
    pub stage_order: StageOrder,
    /// Longest that a lane with somebody waiting stays without green.
    pub longest_red_s: f64,
    /// Flash at start-up.
    pub startup_flash_s: f64,
    /// All-red after the start-up flash.
    pub startup_all_red_s: f64,
    /// What the lamps show on a fault.
    pub fault_aspect: FaultAspect,
    /// Whether real lamps hang on the output: then amber is at least 3 s and all-red more than zero.
    pub drives_lamps: bool,
}

impl Default for SignalSpec {
    fn default() -> Self {
        Self {
            amber_s: 3.0,
            all_red_s: 2.0,
            red_amber_s: 0.0,
            stage_order: StageOrder::Fixed,
            longest_red_s: 180.0,
            startup_flash_s: 6.0,
            startup_all_red_s: 6.0,
            fault_aspect: FaultAspect::FlashAmber,
            drives_lamps: false,
        }
    }
}

/// The side of the junction that a lane comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// North.
    N,
    /// North-east.
    NE,
    /// East.
    E,
    /// South-east.
    SE,
    /// South.
    S,
    /// South-west.
    SW,
    /// West.
    W,
    /// North-west.
    NW,
}

/// Whom a signal group is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupKind {
    /// A full signal: red, amber, green.
    #[default]
    Vehicle,
    /// An arrow for a turning movement: red, amber, green.
    Arrow,
    /// A pedestrian head: red, green.
    Pedestrian,
}

/// Whether the controller may choose the order of stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageOrder {
    /// Always in the order of the TOML; stages may be skipped where allowed.
    #[default]
    Fixed,
    /// Any order.
    Free,
}

/// What the lamps show on a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultAspect {
    /// Every vehicle head flashes amber.
    #[default]
    FlashAmber,
    /// Every vehicle head flashes red.
    FlashRed,
    /// Every head shows red.
    AllRed,
}
