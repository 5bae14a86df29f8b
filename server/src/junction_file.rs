//! Junctions as JSON: what `junction export` writes, `junction import` reads, and replay plans for.

mod problems;

pub use problems::{Broken, Part};

use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::junction::{
    CompatibleSpec, Direction, GroupKind, GroupSpec, IntergreenSpec, Junction, JunctionSpec, LaneSpec,
    SignalSpec, StageOrder, StageSpec,
};
use flextraff_common::plan::Limits;
use flextraff_common::wire::DeviceType;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Largest file, bytes.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Junctions and the links between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JunctionFile {
    /// The junctions.
    pub junctions: Vec<JunctionEntry>,
    /// Which of them is reached from which without another signal between.
    #[serde(default)]
    pub links: Vec<LinkEntry>,
}

/// A junction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JunctionEntry {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub junction_id: JunctionId,
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub junction_name: String,
    /// The city it lies in.
    #[schema(min_length = 1, max_length = 200)]
    pub city: String,
    /// Degrees north (WGS 84).
    #[schema(minimum = -90, maximum = 90)]
    pub latitude: f64,
    /// Degrees east (WGS 84).
    #[schema(minimum = -180, maximum = 180)]
    pub longitude: f64,
    /// Time zone of its schedules and days, such as `Asia/Kolkata`.
    #[serde(default = "default_time_zone")]
    #[schema(min_length = 1, max_length = 64)]
    pub time_zone: String,
    /// Shortest cycle, seconds.
    #[schema(minimum = 1, maximum = 3600)]
    pub min_cycle_time: i32,
    /// Longest cycle, seconds.
    #[schema(minimum = 1, maximum = 3600)]
    pub max_cycle_time: i32,
    /// Cycle without measurements, seconds.
    #[schema(minimum = 1, maximum = 3600)]
    pub base_cycle_time: i32,
    /// Its lanes.
    #[schema(max_items = 32)]
    pub lanes: Vec<LaneEntry>,
    /// Its signal groups; empty: one for each lane.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub groups: Vec<GroupEntry>,
    /// Its stages, in the order in which they are served.
    #[schema(min_items = 1, max_items = 16)]
    pub stages: Vec<StageEntry>,
    /// Its devices.
    #[serde(default)]
    pub devices: Vec<DeviceEntry>,
    /// Times for the whole junction.
    #[serde(default)]
    pub signal: SignalEntry,
    /// Groups that may have green together; empty: the groups of each stage.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub compatible: Vec<CompatibleSpec>,
    /// Intergreens that differ from amber plus all-red.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub intergreens: Vec<IntergreenSpec>,
}

/// Where nobody says another one.
pub fn default_time_zone() -> String {
    "Asia/Kolkata".to_owned()
}

/// A lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneEntry {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub lane_id: LaneId,
    /// Its place in `lane_times`.
    #[schema(minimum = 0, maximum = 1000)]
    pub lane_index: i32,
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    pub lane_name: String,
    /// The side that its vehicles come from.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(N|NE|E|SE|S|SW|W|NW)$")]
    pub direction_enum: Option<Direction>,
}

/// A signal group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Whom it signals.
    #[serde(default)]
    #[schema(value_type = String, pattern = "^(vehicle|arrow|pedestrian)$")]
    pub kind: GroupKind,
    /// The lanes that it releases.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub lanes: Vec<LaneId>,
    /// Where its movements lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exits: Vec<String>,
    /// Shortest green of a pedestrian head, seconds; absent: 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 4, maximum = 60)]
    pub walk_s: Option<f64>,
    /// How long those need to cross who stepped off with the last green of a pedestrian head, seconds: nothing that conflicts gets green before.
    /// Absent: what the intergreens say is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 60)]
    pub clearance_s: Option<f64>,
    /// Whether a pedestrian head has a push button.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub button: bool,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StageEntry {
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    pub stage: String,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// Shortest green, seconds.
    #[schema(minimum = 1, maximum = 600)]
    pub min_green_s: f64,
    /// Longest green, seconds.
    #[schema(minimum = 1, maximum = 600)]
    pub max_green_s: f64,
    /// Whether a plan may leave it out.
    #[serde(default)]
    pub skip: bool,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceEntry {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub device_id: DeviceId,
    /// What it does.
    #[schema(value_type = String, pattern = "^(junction|rfid_counter|light_controller)$")]
    pub device_type: DeviceType,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The lanes that it serves; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub lanes: Vec<LaneId>,
}

/// Times for the whole junction, seconds; what is left out is as an agent has it by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignalEntry {
    /// Amber after each green.
    #[schema(minimum = 1, maximum = 6)]
    pub amber_s: f64,
    /// All-red after amber.
    #[schema(minimum = 0, maximum = 10)]
    pub all_red_s: f64,
    /// Red-amber before each green.
    #[schema(minimum = 0, maximum = 3)]
    pub red_amber_s: f64,
    /// Whether the controller may choose the order of stages.
    #[schema(value_type = String, pattern = "^(fixed|free)$")]
    pub stage_order: StageOrder,
    /// Longest that a lane with somebody waiting stays without green.
    #[schema(minimum = 20, maximum = 600)]
    pub longest_red_s: f64,
}

impl Default for SignalEntry {
    fn default() -> Self {
        let SignalSpec { amber_s, all_red_s, red_amber_s, stage_order, longest_red_s, .. } =
            SignalSpec::default();
        Self { amber_s, all_red_s, red_amber_s, stage_order, longest_red_s }
    }
}

/// A way from one junction to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkEntry {
    /// Where it starts.
    #[schema(value_type = Uuid)]
    pub from_junction: JunctionId,
    /// Lanes there whose vehicles take it; empty: not known.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub from_lanes: Vec<LaneId>,
    /// Where it ends.
    #[schema(value_type = Uuid)]
    pub to_junction: JunctionId,
    /// Lanes there on which it ends; empty: not known.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub to_lanes: Vec<LaneId>,
    /// From stop line to stop line, metres.
    #[schema(exclusive_minimum = 0, maximum = 100_000)]
    pub distance_m: f64,
    /// Travel time without waiting, seconds.
    #[schema(exclusive_minimum = 0, maximum = 7200)]
    pub free_flow_s: f64,
}

impl JunctionEntry {
    /// The form in which junctions are checked, lanes in the order of their index. Lanes that do not exist stand by their id, and so are named
    /// when the junction is built.
    pub fn spec(&self) -> JunctionSpec {
        let mut lanes: Vec<&LaneEntry> = self.lanes.iter().collect();
        lanes.sort_by_key(|lane| lane.lane_index);
        let names: BTreeMap<LaneId, &str> =
            self.lanes.iter().map(|lane| (lane.lane_id, lane.lane_name.as_str())).collect();
        let name =
            |lane: &LaneId| names.get(lane).map_or_else(|| lane.to_string(), |name| (*name).to_owned());
        JunctionSpec {
            id: self.junction_id,
            name: self.junction_name.clone(),
            lanes: lanes
                .into_iter()
                .map(|lane| LaneSpec {
                    id: lane.lane_id,
                    name: lane.lane_name.clone(),
                    direction: lane.direction_enum,
                })
                .collect(),
            groups: self
                .groups
                .iter()
                .map(|group| GroupSpec {
                    name: group.name.clone(),
                    kind: group.kind,
                    lanes: group.lanes.iter().map(name).collect(),
                    exits: group.exits.clone(),
                    walk_s: group.walk_s,
                    clearance_s: group.clearance_s,
                    button: group.button,
                })
                .collect(),
            stages: self
                .stages
                .iter()
                .map(|stage| StageSpec {
                    name: stage.stage.clone(),
                    groups: stage.groups.clone(),
                    lanes: Vec::new(),
                    min_green_s: stage.min_green_s,
                    max_green_s: stage.max_green_s,
                    skip: stage.skip,
                })
                .collect(),
            compatible: if self.compatible.is_empty() {
                self.compatible_by_stages()
            } else {
                self.compatible.clone()
            },
            intergreens: self.intergreens.clone(),
            signal: SignalSpec {
                amber_s: self.signal.amber_s,
                all_red_s: self.signal.all_red_s,
                red_amber_s: self.signal.red_amber_s,
                stage_order: self.signal.stage_order,
                longest_red_s: self.signal.longest_red_s,
                ..SignalSpec::default()
            },
        }
    }

    /// Each pair of groups that some stage gives green together. Good enough to plan with: what may light together at the road stands in the
    /// agent's own file.
    fn compatible_by_stages(&self) -> Vec<CompatibleSpec> {
        let names: BTreeSet<&String> = if self.groups.is_empty() {
            self.lanes.iter().map(|lane| &lane.lane_name).collect()
        } else {
            self.groups.iter().map(|group| &group.name).collect()
        };
        let mut pairs = BTreeSet::new();
        for stage in &self.stages {
            let groups: BTreeSet<&String> =
                stage.groups.iter().filter(|group| names.contains(group)).collect();
            for (at, &a) in groups.iter().enumerate() {
                pairs.extend(groups.iter().skip(at + 1).map(|&b| (a, b)));
            }
        }
        let spec = |(a, b): (&String, &String)| CompatibleSpec { a: a.clone(), b: b.clone(), yields: false };
        pairs.into_iter().map(spec).collect()
    }

    /// Bounds of the cycle.
    pub fn limits(&self) -> Limits {
        Limits {
            min_cycle_s: self.min_cycle_time.max(0) as u32,
            max_cycle_s: self.max_cycle_time.max(0) as u32,
        }
    }

    /// Its time zone; UTC when no such zone is known.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC)
    }

    /// Cycle without measurements, seconds.
    pub fn base_cycle_s(&self) -> u32 {
        self.base_cycle_time.max(0) as u32
    }

    /// The junction as the planner works on it, or every rule that it breaks.
    ///
    /// # Errors
    /// Sentences, each naming the entry.
    pub fn build(&self) -> Result<Junction, Vec<String>> {
        Junction::build(&self.spec()).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }
}
