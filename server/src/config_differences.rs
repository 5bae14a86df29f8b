//! What a device is configured with, beside what the server plans with: every difference as a sentence; pure.

#[cfg(test)]
mod tests;

use crate::junction_file::JunctionEntry;
use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::{
    CompatibleSpec, Direction, Group, GroupIx, GroupKind, GroupSpec, IntergreenSpec, Junction, JunctionSpec,
    LaneSpec, SignalSpec, StageOrder, StageSpec,
};
use serde::Deserialize;
use std::fmt::Display;

/// Most differences that are told.
const MOST: usize = 200;

/// The parts of an agent's effective configuration that the server has, too; it shows every default.
#[derive(Deserialize)]
struct File {
    junction: Head,
    signal: Signal,
    lane: Vec<Lane>,
    #[serde(default)]
    group: Vec<GroupTable>,
    stage: Vec<Stage>,
    #[serde(default)]
    compatible: Vec<CompatibleSpec>,
    #[serde(default)]
    intergreen: Vec<IntergreenSpec>,
}

#[derive(Deserialize)]
struct Head {
    id: JunctionId,
    time_zone: String,
}

#[derive(Deserialize)]
struct Signal {
    amber_s: f64,
    all_red_s: f64,
    red_amber_s: f64,
    stage_order: StageOrder,
    longest_red_s: f64,
}

#[derive(Deserialize)]
struct Lane {
    id: LaneId,
    name: String,
    direction: Option<Direction>,
}

#[derive(Deserialize)]
struct GroupTable {
    name: String,
    #[serde(default)]
    kind: GroupKind,
    #[serde(default)]
    lanes: Vec<String>,
    #[serde(default)]
    exits: Vec<String>,
    walk_s: Option<f64>,
    clearance_s: Option<f64>,
    /// Pin of its push button.
    button: Option<u8>,
}

#[derive(Deserialize)]
struct Stage {
    name: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    lanes: Vec<String>,
    min_green_s: f64,
    max_green_s: f64,
    #[serde(default)]
    skip: bool,
}

impl File {
    fn spec(self) -> JunctionSpec {
        let lane = |Lane { id, name, direction }| LaneSpec { id, name, direction };
        let group = |group: GroupTable| GroupSpec {
            name: group.name,
            kind: group.kind,
            lanes: group.lanes,
            exits: group.exits,
            walk_s: group.walk_s,
            clearance_s: group.clearance_s,
            button: group.button.is_some(),
        };
        let stage = |stage: Stage| StageSpec {
            name: stage.name,
            groups: stage.groups,
            lanes: stage.lanes,
            min_green_s: stage.min_green_s,
            max_green_s: stage.max_green_s,
            skip: stage.skip,
        };
        JunctionSpec {
            id: self.junction.id,
            name: String::new(),
            lanes: self.lane.into_iter().map(lane).collect(),
            groups: self.group.into_iter().map(group).collect(),
            stages: self.stage.into_iter().map(stage).collect(),
            compatible: self.compatible,
            intergreens: self.intergreen,
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
}

/// Every difference between the junction on the server and the configuration that a device has sent; empty: none that matters to plans.
pub fn differences(entry: &JunctionEntry, toml: &str) -> Vec<String> {
    let file: File = match toml::from_str(toml) {
        Ok(file) => file,
        Err(error) => {
            return vec![format!("the configuration of the device cannot be read: {}", error.message())];
        }
    };
    let mut found = Found::default();
    found.values("the junction: id", &entry.junction_id, &file.junction.id);
    found.values("the junction: time_zone", &entry.time_zone, &file.junction.time_zone);
    let device = Junction::build(&file.spec());
    match (entry.build(), device) {
        (Ok(server), Ok(device)) => compare(&server, &device, &mut found),
        (server, device) => {
            let server = server.err().unwrap_or_default();
            found
                .0
                .extend(server.into_iter().map(|problem| format!("the junction on the server: {problem}")));
            let device = device.err().unwrap_or_default();
            found.0.extend(
                device.into_iter().map(|problem| format!("the configuration of the device: {problem}")),
            );
        }
    }
    found.0.truncate(MOST);
    found.0
}

/// The differences so far.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn values<T: PartialEq + Display>(&mut self, what: &str, server: &T, device: &T) {
        if server != device {
            self.0.push(format!("{what} is {server} on the server and {device} on the device"));
        }
    }

    fn lists(&mut self, what: &str, server: &[&str], device: &[&str]) {
        if server != device {
            let told = |list: &[&str]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
            let (server, device) = (told(server), told(device));
            self.0.push(format!("{what} are {server} on the server and {device} on the device"));
        }
    }

    /// Names that only one side has; whether both have all of them.
    fn names(&mut self, kind: &str, server: &[&str], device: &[&str]) -> bool {
        let before = self.0.len();
        for name in server.iter().filter(|name| !device.contains(name)) {
            self.0.push(format!("{kind} {name} is on the server only"));
        }
        for name in device.iter().filter(|name| !server.contains(name)) {
            self.0.push(format!("{kind} {name} is on the device only"));
        }
        self.0.len() == before
    }
}

fn compare(server: &Junction, device: &Junction, found: &mut Found) {
    signal(server, device, found);
    lanes(server, device, found);
    groups(server, device, found);
    stages(server, device, found);
    clearances(server, device, found);
}

fn signal(server: &Junction, device: &Junction, found: &mut Found) {
    let (ours, theirs) = (&server.signal, &device.signal);
    for (name, ours, theirs) in [
        ("amber_s", ours.amber_ms, theirs.amber_ms),
        ("all_red_s", ours.all_red_ms, theirs.all_red_ms),
        ("red_amber_s", ours.red_amber_ms, theirs.red_amber_ms),
    ] {
        found.values(name, &seconds(ours), &seconds(theirs));
    }
    let order = |order| match order {
        StageOrder::Fixed => "fixed",
        StageOrder::Free => "free",
    };
    found.values("stage_order", &order(ours.stage_order), &order(theirs.stage_order));
    found.values("longest_red_s", &ours.longest_red_s, &theirs.longest_red_s);
}

fn lanes(server: &Junction, device: &Junction, found: &mut Found) {
    let direction = |direction: Option<Direction>| {
        direction.map_or_else(|| "none".to_owned(), |side| format!("{side:?}"))
    };
    for lane in server.lanes() {
        let name = &lane.name;
        if let Some(at) = device.lane_with_id(lane.id) {
            let other = device.lane(at);
            found.values(&format!("lane {}: name", lane.id), name, &other.name);
            found.values(
                &format!("lane {name}: direction"),
                &direction(lane.direction),
                &direction(other.direction),
            );
        } else if let Some(at) = device.lane_named(name) {
            found.values(&format!("lane {name}: id"), &lane.id, &device.lane(at).id);
        } else {
            found.0.push(format!("lane {name} is on the server only"));
        }
    }
    let known = |id, name: &str| server.lane_with_id(id).is_some() || server.lane_named(name).is_some();
    for lane in device.lanes().iter().filter(|lane| !known(lane.id, &lane.name)) {
        found.0.push(format!("lane {} is on the device only", lane.name));
    }
    let ids = |junction: &Junction| junction.lanes().iter().map(|lane| lane.id).collect::<Vec<_>>();
    let (ours, theirs) = (ids(server), ids(device));
    if ours.len() == theirs.len() && ours != theirs && ours.iter().all(|id| theirs.contains(id)) {
        let names = |junction: &'_ Junction| {
            junction.lanes().iter().map(|lane| lane.name.clone()).collect::<Vec<_>>().join(", ")
        };
        found.values("the order of lanes", &names(server), &names(device));
    }
}

fn groups(server: &Junction, device: &Junction, found: &mut Found) {
    let names =
        |junction| Junction::groups(junction).iter().map(|group| group.name.as_str()).collect::<Vec<_>>();
    found.names("group", &names(server), &names(device));
    let lanes = |group: &Group, junction: &Junction| {
        let mut ids: Vec<LaneId> = group.lanes.iter().map(|lane| junction.lane(*lane).id).collect();
        ids.sort_unstable();
        ids
    };
    let told = |group: &Group, junction: &Junction| {
        let names: Vec<&str> = group.lanes.iter().map(|lane| junction.lane(*lane).name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    for ours in server.groups() {
        let Some(theirs) = device.group_named(&ours.name).map(|at| device.group(at)) else { continue };
        let name = &ours.name;
        let kind = |kind| match kind {
            GroupKind::Vehicle => "vehicle",
            GroupKind::Arrow => "arrow",
            GroupKind::Pedestrian => "pedestrian",
        };
        found.values(&format!("group {name}: kind"), &kind(ours.kind), &kind(theirs.kind));
        if lanes(ours, server) != lanes(theirs, device) {
            let (ours, theirs) = (told(ours, server), told(theirs, device));
            found.0.push(format!("group {name}: lanes are {ours} on the server and {theirs} on the device"));
        }
        found.values(&format!("group {name}: walk_s"), &seconds(ours.walk_ms), &seconds(theirs.walk_ms));
        let clearances = (seconds(ours.clearance_ms), seconds(theirs.clearance_ms));
        found.values(&format!("group {name}: clearance_s"), &clearances.0, &clearances.1);
        let button = |group: &Group| if group.button { "there" } else { "missing" };
        found.values(&format!("group {name}: the push button"), &button(ours), &button(theirs));
        found.lists(&format!("group {name}: exits"), &sorted(&ours.exits), &sorted(&theirs.exits));
    }
}

fn stages(server: &Junction, device: &Junction, found: &mut Found) {
    let names =
        |junction| Junction::stages(junction).iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>();
    let (ours, theirs) = (names(server), names(device));
    if found.names("stage", &ours, &theirs) && ours != theirs {
        found.values("the order of stages", &ours.join(", "), &theirs.join(", "));
    }
    for stage in server.stages() {
        let Some(other) = device.stage_named(&stage.name).map(|at| device.stage(at)) else { continue };
        let name = &stage.name;
        let groups = |junction: &Junction, groups: flextraff_common::junction::GroupSet| {
            sorted(&groups.iter().map(|group| junction.group(group).name.clone()).collect::<Vec<_>>())
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (ours, theirs) = (groups(server, stage.groups), groups(device, other.groups));
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            (ours.iter().map(String::as_str).collect(), theirs.iter().map(String::as_str).collect());
        found.lists(&format!("stage {name}: groups"), &ours, &theirs);
        found.values(&format!("stage {name}: min_green_s"), &stage.min_green_s, &other.min_green_s);
        found.values(&format!("stage {name}: max_green_s"), &stage.max_green_s, &other.max_green_s);
        found.values(&format!("stage {name}: skip"), &stage.skip, &other.skip);
    }
}

/// What may be green together, who gives way, and the intergreens.
fn clearances(server: &Junction, device: &Junction, found: &mut Found) {
    let common: Vec<(&str, GroupIx, GroupIx)> = server
        .group_indexes()
        .filter_map(|at| {
            let name = server.group(at).name.as_str();
            Some((name, at, device.group_named(name)?))
        })
        .collect();
    for (number, &(a, ours_a, theirs_a)) in common.iter().enumerate() {
        for &(b, ours_b, theirs_b) in &common[number + 1..] {
            let conflict = (server.conflicts(ours_a, ours_b), device.conflicts(theirs_a, theirs_b));
            match conflict {
                (false, true) => {
                    found.0.push(format!(
                        "groups {a} and {b} may have green together on the server, but not on the device"
                    ));
                }
                (true, false) => {
                    found.0.push(format!(
                        "groups {a} and {b} may have green together on the device, but not on the server"
                    ));
                }
                (false, false) => {
                    for ((first, x, u), (second, y, v)) in [
                        ((a, ours_a, theirs_a), (b, ours_b, theirs_b)),
                        ((b, ours_b, theirs_b), (a, ours_a, theirs_a)),
                    ] {
                        let yields = (server.yields().contains(&(x, y)), device.yields().contains(&(u, v)));
                        if yields.0 != yields.1 {
                            let side = if yields.0 { "server" } else { "device" };
                            found.0.push(format!("group {first} gives way to {second} on the {side} only"));
                        }
                    }
                }
                (true, true) => {}
            }
        }
    }
    let usual = |junction: &Junction| junction.signal.amber_ms + junction.signal.all_red_ms;
    for &(from, ours_from, theirs_from) in &common {
        for &(to, ours_to, theirs_to) in &common {
            let conflict = server.conflicts(ours_from, ours_to) && device.conflicts(theirs_from, theirs_to);
            let (ours, theirs) =
                (server.intergreen_ms(ours_from, ours_to), device.intergreen_ms(theirs_from, theirs_to));
            // What follows from other amber or all-red times is told there.
            let follows = ours == usual(server) && theirs == usual(device);
            if from != to && conflict && !follows {
                found.values(
                    &format!("the intergreen from {from} to {to}"),
                    &seconds(ours),
                    &seconds(theirs),
                );
            }
        }
    }
}

fn sorted(names: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn seconds(ms: u32) -> String {
    format!("{} s", f64::from(ms) / 1000.0)
}
