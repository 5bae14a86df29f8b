//! `[output]` and `[input]`.

use super::errors::{At, Report};
use super::junction::Draft;
use super::table::Table;
use flextraff_common::junction::GroupKind;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What drives the lamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// GPIO of a Raspberry Pi.
    Rppal,
    /// Linux GPIO character device.
    Gpiochip,
    /// No lamps: the vector goes to a socket, for simulators and tests.
    Virtual,
}

/// Lamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputConfig {
    /// What drives them.
    pub driver: Driver,
    /// Whether a high level lights a lamp.
    pub active_high: bool,
    /// Pins of each group, in the junction's group order; empty with the virtual driver.
    pub pins: Vec<GroupPins>,
    /// Virtual driver: Unix datagram socket that gets each lamp vector as one JSON object, if somebody listens there.
    pub socket: Option<PathBuf>,
}

/// BCM numbers of a group's lamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupPins {
    /// Red lamp.
    pub red: Option<u8>,
    /// Amber lamp; pedestrian heads have none.
    pub amber: Option<u8>,
    /// Green lamp.
    pub green: Option<u8>,
}

/// BCM numbers of the inputs at the cabinet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputConfig {
    /// Police panel.
    pub panel: Option<u8>,
    /// Flash switch.
    pub flash: Option<u8>,
    /// Door contact.
    pub door: Option<u8>,
}

/// The driver that `[output]` names; without any, the lamps are virtual.
const DRIVERS: [(&str, Driver); 3] =
    [("rppal", Driver::Rppal), ("gpiochip", Driver::Gpiochip), ("virtual", Driver::Virtual)];

impl Driver {
    /// Its name in the TOML.
    pub fn name(self) -> &'static str {
        DRIVERS.iter().find(|(_, driver)| *driver == self).map_or("", |(name, _)| name)
    }
}

/// Pins given for a group.
#[derive(Debug)]
pub(super) struct PinEntry {
    group: String,
    /// Whether they are given at a lane, for the group of its name.
    of_lane: bool,
    at: usize,
    red: Option<At<u8>>,
    amber: Option<At<u8>>,
    green: Option<At<u8>>,
}

impl PinEntry {
    fn each(&self) -> impl Iterator<Item = (&'static str, At<u8>)> {
        [("red", self.red), ("amber", self.amber), ("green", self.green)]
            .into_iter()
            .filter_map(|(lamp, pin)| pin.map(|pin| (lamp, pin)))
    }
}

/// `pins` of a lane or group, if it has any.
pub(super) fn read_pins(table: &mut Table<'_>, group: &str, of_lane: bool) -> Option<PinEntry> {
    let title = table.path("pins");
    let mut pins = table.table("pins", &title);
    if !pins.is_present() {
        return None;
    }
    let mut pin = |key| read_pin(&mut pins, key);
    let (red, amber, green) = (pin("red"), pin("amber"), pin("green"));
    let entry = PinEntry { group: group.to_owned(), of_lane, at: pins.at, red, amber, green };
    pins.finish();
    Some(entry)
}

/// A BCM number of the Raspberry Pi's 40-pin header.
fn read_pin(table: &mut Table<'_>, key: &'static str) -> Option<At<u8>> {
    table.whole(key, 0..=27, "(a BCM number)").map(|pin| At { value: pin.value as u8, at: pin.at })
}

/// `[output]` and `[input]` as the file has them, before they are compared with the groups.
#[derive(Debug)]
pub(super) struct Pinned {
    driver: Driver,
    active_high: bool,
    socket: Option<PathBuf>,
    inputs: [Option<At<u8>>; 3],
}

impl Pinned {
    /// Reads both sections.
    pub(super) fn read(root: &mut Table<'_>) -> Self {
        let mut output = root.table("output", "[output]");
        let driver = output.choice("driver", &DRIVERS).map_or(Driver::Virtual, |driver| driver.value);
        let active_high =
            output.choice("active", &[("high", true), ("low", false)]).is_none_or(|active| active.value);
        let socket = output.path_to("socket");
        if let (Some(socket), true) = (&socket, driver != Driver::Virtual) {
            let message = format!(
                "socket is only for driver = \"virtual\", not for \"{}\"; take it out",
                driver.name()
            );
            output.report.add(socket.at, message);
        }
        output.finish();
        let mut input = root.table("input", "[input]");
        let inputs = ["panel", "flash", "door"].map(|key| read_pin(&mut input, key));
        input.finish();
        Self { driver, active_high, socket: socket.map(|socket| socket.value), inputs }
    }

    /// Whether real lamps hang on it.
    pub(super) fn drives_lamps(&self) -> bool {
        self.driver != Driver::Virtual
    }

    /// Gives each group its pins.
    pub(super) fn assign(self, draft: &Draft, report: &Report) -> (OutputConfig, InputConfig) {
        let (spec, entries) = (&draft.spec, draft.pins.as_slice());
        let groups: Vec<(&str, GroupKind)> = if spec.groups.is_empty() {
            spec.lanes.iter().map(|lane| (lane.name.as_str(), GroupKind::Vehicle)).collect()
        } else {
            spec.groups.iter().map(|group| (group.name.as_str(), group.kind)).collect()
        };
        self.check_unique(entries, report);
        for entry in entries.iter().filter(|entry| !groups.iter().any(|(name, _)| *name == entry.group)) {
            let group = &entry.group;
            report.add(
                entry.at,
                format!("lane \"{group}\" has pins, but there is no group \"{group}\"; move the pins to a [[group]]"),
            );
        }
        let mut pins = Vec::new();
        for (name, kind) in groups {
            let mut own = entries.iter().filter(|entry| entry.group == name);
            let entry = own.next();
            if let Some(second) = own.next() {
                let at = if second.of_lane { entry.map_or(second.at, |first| first.at) } else { second.at };
                report.add(at, format!("group \"{name}\" has its pins twice; keep one pins"));
            }
            if let (Some(amber), GroupKind::Pedestrian) = (entry.and_then(|entry| entry.amber), kind) {
                report.add(
                    amber.at,
                    format!("group \"{name}\" is a pedestrian head, which has no amber lamp; take amber out"),
                );
            }
            if self.drives_lamps() {
                let header = draft.place_of_group(name);
                self.check_complete(name, kind, entry, header, report);
                pins.push(entry.map_or_else(GroupPins::default, |entry| GroupPins {
                    red: entry.red.map(|pin| pin.value),
                    amber: entry.amber.map(|pin| pin.value),
                    green: entry.green.map(|pin| pin.value),
                }));
            }
        }
        let [panel, flash, door] = self.inputs.map(|pin| pin.map(|pin| pin.value));
        let output =
            OutputConfig { driver: self.driver, active_high: self.active_high, pins, socket: self.socket };
        (output, InputConfig { panel, flash, door })
    }

    fn check_complete(
        &self,
        name: &str,
        kind: GroupKind,
        entry: Option<&PinEntry>,
        header: usize,
        report: &Report,
    ) {
        let needed: &[&str] =
            if kind == GroupKind::Pedestrian { &["red", "green"] } else { &["red", "amber", "green"] };
        let missing: Vec<&str> = needed
            .iter()
            .copied()
            .filter(|lamp| !entry.is_some_and(|entry| entry.each().any(|(given, _)| given == *lamp)))
            .collect();
        if missing.is_empty() {
            return;
        }
        report.add(
            entry.map_or(header, |entry| entry.at),
            format!(
                "driver = \"{}\" needs a pin for each lamp, but group \"{name}\" has none for {}; add it to pins",
                self.driver.name(),
                missing.join(", ")
            ),
        );
    }

    fn check_unique(&self, entries: &[PinEntry], report: &Report) {
        let mut used: BTreeMap<u8, String> = BTreeMap::new();
        let lamps = entries.iter().flat_map(|entry| {
            entry.each().map(move |(lamp, pin)| (format!("{lamp} of \"{}\"", entry.group), pin))
        });
        let inputs = ["panel", "flash", "door"]
            .into_iter()
            .zip(self.inputs)
            .filter_map(|(name, pin)| pin.map(|pin| (format!("{name} of [input]"), pin)));
        for (user, pin) in lamps.chain(inputs) {
            match used.get(&pin.value) {
                Some(first) if *first == user => {}
                Some(first) => report
                    .add(pin.at, format!("pin {} is both {first} and {user}; each needs its own", pin.value)),
                None => {
                    used.insert(pin.value, user);
                }
            }
        }
    }
}
