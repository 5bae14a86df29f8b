//! The rules that a file of junctions keeps. All that are broken are told, each with its place and a sentence.

use super::{DeviceEntry, JunctionEntry, JunctionFile, LinkEntry};
use flextraff_common::junction::{Junction, Problem};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// Most characters of a name.
const MAX_NAME: usize = 200;

/// What a name for people may be, and the database keeps.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
}

/// A rule that a file breaks. Written out it is the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which junction or link breaks it.
    pub part: Part,
    /// The field of that which is at fault, such as `lanes`.
    pub field: &'static str,
    /// What is wrong, naming the entry.
    pub sentence: String,
}

/// A part of a file, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of `junctions`.
    Junction(usize),
    /// One of `links`.
    Link(usize),
}

impl Broken {
    /// The field as one of the whole file, such as `junctions[0].lanes`.
    pub fn path(&self) -> String {
        match self.part {
            Part::Junction(at) => format!("junctions[{at}].{}", self.field),
            Part::Link(at) => format!("links[{at}].{}", self.field),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// The field of a [`JunctionEntry`] that breaks a rule of junctions.
fn field_of(problem: &Problem) -> &'static str {
    let of = |named: &str| match named {
        lane if lane.starts_with("lane") => "lanes",
        group if group.starts_with("group") => "groups",
        "[[compatible]]" => "compatible",
        "[[intergreen]]" => "intergreens",
        _ => "stages",
    };
    match problem {
        Problem::None { what }
        | Problem::TooMany { what, .. }
        | Problem::DuplicateName { what, .. }
        | Problem::BadName { what, .. } => of(what),
        Problem::Unknown { user, .. } | Problem::Twice { user, .. } => of(user),
        Problem::DuplicateLaneId { .. } => "lanes",
        Problem::GroupWithoutLane { .. }
        | Problem::NotPedestrian { .. }
        | Problem::NoPedestrianClearance { .. }
        | Problem::OnlyPedestrians => "groups",
        Problem::OneStage
        | Problem::GroupWithoutStage { .. }
        | Problem::EmptyStage { .. }
        | Problem::ConflictInStage { .. }
        | Problem::MinAboveMax { .. } => "stages",
        Problem::DuplicateCompatible { .. } | Problem::CompatibleWithItself { .. } => "compatible",
        Problem::DuplicateIntergreen { .. }
        | Problem::IntergreenOfCompatible { .. }
        | Problem::IntergreenOutOfRange { .. } => "intergreens",
        // Of a group or a stage it says so, such as `min_green_s of stage "N"`.
        Problem::OutOfRange { field, .. } => field.split_once(" of ").map_or("signal", |(_, user)| of(user)),
        Problem::RedAmberTooLong { .. } | Problem::RoundAboveLongestRed { .. } => "signal",
    }
}

impl JunctionFile {
    /// Every rule that the file breaks, each naming the junction; empty: it may be imported.
    pub fn problems(&self) -> Vec<Broken> {
        let mut problems = Vec::new();
        let mut ids = BTreeMap::new();
        let mut owners: BTreeMap<Uuid, &str> = BTreeMap::new();
        for (at, junction) in self.junctions.iter().enumerate() {
            let name = &junction.junction_name;
            let mut say = |field: &'static str, what: String| {
                let sentence = format!("junction \"{name}\": {what}");
                problems.push(Broken { part: Part::Junction(at), field, sentence });
            };
            // By it the live feed tells what belongs to no junction, which is for administrators alone.
            if junction.junction_id.0.is_nil() {
                say("junction_id", "junction_id is not the nil UUID".to_owned());
            }
            if let Some(other) = ids.insert(junction.junction_id, name) {
                let what = format!("\"{other}\" has the same junction_id {}", junction.junction_id);
                say("junction_id", what);
            }
            junction.own_problems(&mut say);
            let lanes = junction.lanes.iter().map(|lane| ("lanes", "lane_id", lane.lane_id.0));
            let devices = junction.devices.iter().map(|device| ("devices", "device_id", device.device_id.0));
            for (field, named, id) in lanes.chain(devices) {
                if let Some(other) = owners.insert(id, name) {
                    say(field, format!("{named} {id} stands twice; the other is in \"{other}\""));
                }
            }
            for device in &junction.devices {
                junction.device_problems(device, &mut |what| say("devices", what));
            }
            for broken in Junction::build(&junction.spec()).err().unwrap_or_default() {
                say(field_of(&broken), broken.to_string());
            }
        }
        for (at, link) in self.links.iter().enumerate() {
            self.link_problems(link, &mut |field, what| {
                let sentence = format!("link from {} to {}: {what}", link.from_junction, link.to_junction);
                problems.push(Broken { part: Part::Link(at), field, sentence });
            });
        }
        problems
    }

    fn link_problems(&self, link: &LinkEntry, say: &mut dyn FnMut(&'static str, String)) {
        if link.from_junction == link.to_junction {
            say("to_junction", "it leads to where it starts".to_owned());
        }
        if !(link.distance_m > 0.0 && link.distance_m <= 100_000.0) {
            let what =
                format!("distance_m {} is out of range; it lies between 0 and 100000", link.distance_m);
            say("distance_m", what);
        }
        if !(link.free_flow_s > 0.0 && link.free_flow_s <= 7200.0) {
            let what =
                format!("free_flow_s {} is out of range; it lies between 0 and 7200", link.free_flow_s);
            say("free_flow_s", what);
        }
        let from = ("from_junction", link.from_junction, "from_lanes", &link.from_lanes);
        let to = ("to_junction", link.to_junction, "to_lanes", &link.to_lanes);
        for (end, junction, field, lanes) in [from, to] {
            let Some(entry) = self.junctions.iter().find(|entry| entry.junction_id == junction) else {
                say(end, format!("junction {junction} is not in the file"));
                continue;
            };
            for lane in lanes.iter().filter(|lane| entry.lanes.iter().all(|own| own.lane_id != **lane)) {
                say(field, format!("junction \"{}\" has no lane {lane}", entry.junction_name));
            }
        }
    }
}

impl JunctionEntry {
    /// Rules about names, place, times and the order of lanes.
    fn own_problems(&self, say: &mut dyn FnMut(&'static str, String)) {
        for (field, text) in [("junction_name", &self.junction_name), ("city", &self.city)] {
            if !is_name(text) {
                say(field, format!("{field} has 1 to {MAX_NAME} characters and no control characters"));
            }
        }
        for group in &self.groups {
            for exit in group.exits.iter().filter(|exit| !is_name(exit)) {
                let what = format!(
                    "exit {exit:?} of group \"{}\" has 1 to {MAX_NAME} characters and no control characters",
                    group.name
                );
                say("groups", what);
            }
        }
        for (field, value, most) in [("latitude", self.latitude, 90.0), ("longitude", self.longitude, 180.0)]
        {
            if !(-most..=most).contains(&value) {
                let what = format!("{field} {value} is out of range; it lies between -{most} and {most}");
                say(field, what);
            }
        }
        if self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            let what = format!(
                "time_zone \"{}\" is no zone of the IANA database, such as Asia/Kolkata",
                self.time_zone
            );
            say("time_zone", what);
        }
        let (least, base, most) = (self.min_cycle_time, self.base_cycle_time, self.max_cycle_time);
        if !(1 <= least && least <= base && base <= most && most <= 3600) {
            let field = if least < 1 || least > most {
                "min_cycle_time"
            } else if most > 3600 {
                "max_cycle_time"
            } else {
                "base_cycle_time"
            };
            let what = format!(
                "min_cycle_time {least}, base_cycle_time {base} and max_cycle_time {most} must rise, between 1 and 3600"
            );
            say(field, what);
        }
        let mut indexes = BTreeMap::new();
        for lane in &self.lanes {
            if let Some(other) = indexes.insert(lane.lane_index, &lane.lane_name) {
                let what = format!("lanes \"{other}\" and \"{}\" have the same lane_index", lane.lane_name);
                say("lanes", what);
            }
            if !(0..=1000).contains(&lane.lane_index) {
                let what =
                    format!("lane_index {} is out of range; it lies between 0 and 1000", lane.lane_index);
                say("lanes", what);
            }
        }
    }

    fn device_problems(&self, device: &DeviceEntry, say: &mut dyn FnMut(String)) {
        let id = device.device_id;
        if device.device_name.as_ref().is_some_and(|name| !is_name(name)) {
            say(format!("device_name of {id} has 1 to {MAX_NAME} characters and no control characters"));
        }
        for (at, lane) in device.lanes.iter().enumerate() {
            if self.lanes.iter().all(|own| own.lane_id != *lane) {
                say(format!("device {id} names lane {lane}, which is not one of its lanes"));
            }
            if device.lanes[..at].contains(lane) {
                say(format!("device {id} names lane {lane} twice"));
            }
        }
    }
}
