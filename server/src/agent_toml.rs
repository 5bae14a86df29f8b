//! The configuration file of an agent, from what the server knows of its junction; pure.

use crate::junction_file::{JunctionEntry, LinkEntry};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::junction::{CompatibleSpec, Direction, GroupKind, IntergreenSpec, StageOrder};
use serde::Serialize;
use std::collections::BTreeMap;

/// Stands where a device's id is to be filled in.
const NO_DEVICE: &str = "00000000-0000-0000-0000-000000000000";

const HEAD: &str = "\
# Configuration of the FlexTraff agent at this junction, for /etc/flextraff/agent.toml, as the server knows it.
#
# To be filled in on site: the pins of each lane or group (pins = { red = 17, amber = 27, green = 22 }, BCM numbers), then driver = \"rppal\" or
# \"gpiochip\" below [output]; a [[reader]] for each reader; the password of the broker in its file, where [mqtt] names one. Where there is no [mqtt]
# the device enrols for its login: flextraff-agent enroll. Then: flextraff-agent check.
# Compatible pairs and intergreens below are what the server plans with. Compare them with the signal plan before any lamp is connected:
# on the road this file rules.
";

#[derive(Serialize)]
struct File<'a> {
    junction: Head<'a>,
    device: Device,
    signal: Signal,
    output: Output,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt: Option<Mqtt<'a>>,
    lane: Vec<Lane<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group: Vec<Group<'a>>,
    stage: Vec<Stage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compatible: Vec<CompatibleSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    intergreen: Vec<IntergreenSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    link: Vec<Link<'a>>,
}

#[derive(Serialize)]
struct Head<'a> {
    id: JunctionId,
    name: &'a str,
    time_zone: &'a str,
}

#[derive(Serialize)]
struct Device {
    id: String,
}

#[derive(Serialize)]
struct Signal {
    amber_s: f64,
    all_red_s: f64,
    red_amber_s: f64,
    stage_order: StageOrder,
    longest_red_s: f64,
}

#[derive(Serialize)]
struct Output {
    driver: &'static str,
}

#[derive(Serialize)]
struct Mqtt<'a> {
    url: &'a str,
    username: String,
    password_file: &'static str,
}

#[derive(Serialize)]
struct Lane<'a> {
    id: LaneId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
}

#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    kind: GroupKind,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lanes: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    exits: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    walk_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clearance_s: Option<f64>,
}

#[derive(Serialize)]
struct Stage<'a> {
    name: &'a str,
    groups: &'a [String],
    min_green_s: f64,
    max_green_s: f64,
    skip: bool,
}

#[derive(Serialize)]
struct Link<'a> {
    junction: JunctionId,
    direction: &'static str,
    lanes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    their_lanes: Vec<&'a str>,
    distance_m: f64,
    free_flow_s: f64,
}

/// The file. `links` are those of the junction, `names` the names of all lanes in them; `broker` is the address for devices. Without a device the
/// junction's only one is meant, or a place is left to fill in.
///
/// # Errors
/// When a value cannot be written as TOML.
pub fn text(
    entry: &JunctionEntry,
    links: &[LinkEntry],
    names: &BTreeMap<LaneId, String>,
    device: Option<DeviceId>,
    broker: Option<&str>,
) -> anyhow::Result<String> {
    let spec = entry.spec();
    let device = device.or(match entry.devices[..] {
        [ref only] => Some(only.device_id),
        _ => None,
    });
    let device = device.map_or_else(|| NO_DEVICE.to_owned(), |device| device.to_string());
    let own: BTreeMap<LaneId, &str> =
        entry.lanes.iter().map(|lane| (lane.lane_id, lane.lane_name.as_str())).collect();
    let file = File {
        junction: Head { id: entry.junction_id, name: &entry.junction_name, time_zone: &entry.time_zone },
        device: Device { id: device.clone() },
        signal: Signal {
            amber_s: entry.signal.amber_s,
            all_red_s: entry.signal.all_red_s,
            red_amber_s: entry.signal.red_amber_s,
            stage_order: entry.signal.stage_order,
            longest_red_s: entry.signal.longest_red_s,
        },
        output: Output { driver: "virtual" },
        mqtt: broker.map(|url| Mqtt { url, username: device, password_file: "/etc/flextraff/mqtt-password" }),
        lane: spec
            .lanes
            .iter()
            .map(|lane| Lane { id: lane.id, name: &lane.name, direction: lane.direction })
            .collect(),
        group: entry
            .groups
            .iter()
            .map(|group| Group {
                name: &group.name,
                kind: group.kind,
                lanes: group.lanes.iter().filter_map(|lane| own.get(lane).copied()).collect(),
                exits: &group.exits,
                walk_s: group.walk_s,
                clearance_s: group.clearance_s,
            })
            .collect(),
        stage: entry
            .stages
            .iter()
            .map(|stage| Stage {
                name: &stage.stage,
                groups: &stage.groups,
                min_green_s: stage.min_green_s,
                max_green_s: stage.max_green_s,
                skip: stage.skip,
            })
            .collect(),
        compatible: spec.compatible.clone(),
        intergreen: spec.intergreens.clone(),
        link: links.iter().filter_map(|link| neighbour(entry.junction_id, link, &own, names)).collect(),
    };
    Ok(format!("{HEAD}{}\n{}", crossings(entry), toml::to_string(&file)?))
}

/// What is left to do about heads for pedestrians, as lines of a comment.
fn crossings(entry: &JunctionEntry) -> String {
    let heads = || entry.groups.iter().filter(|group| group.kind == GroupKind::Pedestrian);
    let named = |groups: Vec<&str>| groups.join(", ").replace(char::is_control, " ");
    let buttons: Vec<&str> = heads().filter(|group| group.button).map(|group| group.name.as_str()).collect();
    let untold: Vec<&str> =
        heads().filter(|group| group.clearance_s.is_none()).map(|group| group.name.as_str()).collect();
    let line = |told: &str, groups: Vec<&str>| match groups[..] {
        [] => String::new(),
        _ => format!("# {told}: {}.\n", named(groups)),
    };
    line("Push buttons of pedestrian heads have their pin (button = 5) in these groups", buttons)
        + &line(
            "How long a crossing takes (clearance_s, at 1.2 m/s or slower) is told for none of these pedestrian heads, here nor on the server",
            untold,
        )
}

/// A link as one of its ends sees it; `None` when it is not known which of the own lanes belong to it, without which the agent cannot use it.
fn neighbour<'a>(
    here: JunctionId,
    link: &'a LinkEntry,
    own: &BTreeMap<LaneId, &'a str>,
    names: &'a BTreeMap<LaneId, String>,
) -> Option<Link<'a>> {
    let (junction, direction, ours, theirs) = if link.from_junction == here {
        (link.to_junction, "to", &link.from_lanes, &link.to_lanes)
    } else {
        (link.from_junction, "from", &link.to_lanes, &link.from_lanes)
    };
    let lanes: Vec<&str> = ours.iter().filter_map(|lane| own.get(lane).copied()).collect();
    (!lanes.is_empty()).then(|| Link {
        junction,
        direction,
        lanes,
        their_lanes: theirs.iter().filter_map(|lane| names.get(lane).map(String::as_str)).collect(),
        distance_m: link.distance_m,
        free_flow_s: link.free_flow_s,
    })
}
