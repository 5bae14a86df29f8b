//! The sections and keys of the file, as they are written.

use super::super::GroupPins;
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::junction::{
    CompatibleSpec, Direction, FaultAspect, GroupKind, IntergreenSpec, StageOrder,
};
use flextraff_common::wire::DeviceType;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The file's sections, in the order in which the example has them.
#[derive(Serialize)]
pub(super) struct Effective<'c> {
    pub(super) junction: Head<'c>,
    pub(super) device: Device,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mqtt: Option<Mqtt<'c>>,
    pub(super) clock: Clock,
    pub(super) signal: Signal,
    pub(super) counting: Counting,
    pub(super) outbox: Outbox<'c>,
    pub(super) events: Events,
    pub(super) privacy: PrivacySection,
    pub(super) output: Output<'c>,
    pub(super) input: Input,
    pub(super) console: Console<'c>,
    pub(super) log: Log,
    pub(super) lane: Vec<Lane<'c>>,
    pub(super) group: Vec<Group<'c>>,
    pub(super) stage: Vec<Stage<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) compatible: Vec<CompatibleSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) intergreen: Vec<IntergreenSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reader: Vec<Reader<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) link: Vec<Link<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fallback: Vec<Fallback<'c>>,
}

#[derive(Serialize)]
pub(super) struct Head<'c> {
    pub(super) id: JunctionId,
    pub(super) name: &'c str,
    pub(super) time_zone: &'c str,
}

#[derive(Serialize)]
pub(super) struct Device {
    pub(super) id: DeviceId,
    pub(super) r#type: DeviceType,
}

#[derive(Serialize)]
pub(super) struct Mqtt<'c> {
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<&'c Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cert_file: Option<&'c Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_file: Option<&'c Path>,
}

#[derive(Serialize)]
pub(super) struct Clock {
    pub(super) trust: &'static str,
}

#[derive(Serialize)]
pub(super) struct Signal {
    pub(super) amber_s: f64,
    pub(super) all_red_s: f64,
    pub(super) red_amber_s: f64,
    pub(super) stage_order: StageOrder,
    pub(super) longest_red_s: u32,
    pub(super) startup_flash_s: u32,
    pub(super) startup_all_red_s: u32,
    pub(super) fault_aspect: FaultAspect,
}

#[derive(Serialize)]
pub(super) struct Counting {
    pub(super) settle_ms: i64,
    pub(super) absence_s: f64,
    pub(super) interval_s: i64,
    pub(super) accept: &'static str,
}

#[derive(Serialize)]
pub(super) struct Outbox<'c> {
    pub(super) path: &'c Path,
    pub(super) max_mb: u64,
    pub(super) flush_ms: i64,
}

#[derive(Serialize)]
pub(super) struct Events {
    pub(super) enabled: bool,
}

#[derive(Serialize)]
pub(super) struct PrivacySection {
    pub(super) epc: &'static str,
}

#[derive(Serialize)]
pub(super) struct Output<'c> {
    pub(super) driver: &'static str,
    pub(super) active: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) socket: Option<&'c Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chip: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enable_pin: Option<u8>,
    pub(super) enable_on_fault: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identify_pin: Option<u8>,
    pub(super) feedback_active: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) longest_stop_s: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Input {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) panel: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advance: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flash: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) door: Option<u8>,
    pub(super) active: &'static str,
    pub(super) longest_panel_s: u32,
}

#[derive(Serialize)]
pub(super) struct Console<'c> {
    pub(super) socket: &'c Path,
}

#[derive(Serialize)]
pub(super) struct Log {
    pub(super) level: &'static str,
}

#[derive(Serialize)]
pub(super) struct Lane<'c> {
    pub(super) id: LaneId,
    pub(super) name: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) direction: Option<Direction>,
    pub(super) speed_kmh: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advance_m: Option<f64>,
    pub(super) stop_zone_m: f64,
}

#[derive(Serialize)]
pub(super) struct Group<'c> {
    pub(super) name: &'c str,
    pub(super) kind: GroupKind,
    pub(super) lanes: Vec<&'c str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) exits: &'c [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) walk_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clearance_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) button: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pins: Option<GroupPins>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feedback: Option<GroupPins>,
}

#[derive(Serialize)]
pub(super) struct Stage<'c> {
    pub(super) name: &'c str,
    pub(super) groups: Vec<&'c str>,
    pub(super) min_green_s: u32,
    pub(super) max_green_s: u32,
    pub(super) skip: bool,
}

#[derive(Serialize)]
pub(super) struct Reader<'c> {
    pub(super) name: &'c str,
    pub(super) protocol: &'static str,
    pub(super) port: &'c str,
    pub(super) baud: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) antenna_byte: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) power_dbm: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<u8>,
    pub(super) mode: &'static str,
    pub(super) silence_s: i64,
    pub(super) lanes: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(super) struct Link<'c> {
    pub(super) junction: JunctionId,
    pub(super) direction: &'static str,
    pub(super) lanes: Vec<&'c str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) their_lanes: &'c [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit: Option<&'c str>,
    pub(super) distance_m: f64,
    pub(super) free_flow_s: f64,
}

#[derive(Serialize)]
pub(super) struct Fallback<'c> {
    pub(super) days: Vec<&'static str>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) greens: BTreeMap<&'c str, u32>,
}
