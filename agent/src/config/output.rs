//! `[output]` and `[input]`.

use super::errors::{At, Report};
use super::junction::Draft;
use super::table::Table;
use flextraff_common::junction::GroupKind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What drives the lamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// GPIO of a Raspberry Pi.
    Rppal,
    /// Linux GPIO character device.
    Gpiochip,
    /// No lamps: the vector goes to a socket, for simulators and tests.
    Virtual,
}

/// Lamps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputConfig {
    /// What drives them.
    pub driver: Driver,
    /// Whether a high level lights a lamp.
    pub active_high: bool,
    /// Pins of each group, in the junction's group order; empty with the virtual driver.
    pub pins: Vec<GroupPins>,
    /// The switches and contacts in the cabinet.
    pub input: InputConfig,
    /// Pin of each group's push button, in the junction's group order; its level while it is pressed is that of lit lamps at `feedback`.
    pub buttons: Vec<Option<u8>>,
    /// Virtual driver: Unix datagram socket that gets each lamp vector as one JSON object, if somebody listens there.
    pub socket: Option<PathBuf>,
    /// Driver gpiochip: device file or label of the chip; without it the chip of a Raspberry Pi's header.
    pub chip: Option<String>,
    /// Pin that is toggled while the lamps are driven as they should be: it holds a charge-pump relay that connects them.
    pub enable_pin: Option<u8>,
    /// Whether it goes on in the fault aspect; else the relay lets the lamps go to the cabinet's own flasher.
    pub enable_on_fault: bool,
    /// Pin that blinks when somebody wants to know which cabinet this is.
    pub identify_pin: Option<u8>,
    /// Input pins that tell what each group's lamps really show, in the junction's group order; empty with the virtual driver.
    pub feedback: Vec<GroupPins>,
    /// Whether a high level there means a lit lamp.
    pub feedback_active_high: bool,
    /// For how long the agent waits for the end of the present stage when it is told to end, seconds, where the file says so;
    /// [`Config::longest_stop_s`](super::Config::longest_stop_s) says it always.
    pub longest_stop_s: Option<u32>,
}

/// Numbers of the pins of a group's lamps: BCM numbers, or lines of the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPins {
    /// Red lamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red: Option<u8>,
    /// Amber lamp; pedestrian heads have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amber: Option<u8>,
    /// Green lamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub green: Option<u8>,
}

impl GroupPins {
    fn count(self) -> usize {
        self.each().count()
    }

    fn each(self) -> impl Iterator<Item = u8> {
        [self.red, self.amber, self.green].into_iter().flatten()
    }
}

/// The switches and contacts in the cabinet; BCM numbers, or lines of the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputConfig {
    /// Switch of the policeman's panel.
    pub panel: Option<u8>,
    /// The panel's push button for the next stage.
    pub advance: Option<u8>,
    /// Flash switch.
    pub flash: Option<u8>,
    /// Door contact, on while the door is open.
    pub door: Option<u8>,
    /// Whether a high level means on.
    pub active_high: bool,
    /// For how long the panel may decide before it is to be switched on anew, seconds.
    pub longest_panel_s: u32,
}

impl OutputConfig {
    /// The pins that go on showing red when the process that drives them has ended, with their level; none where red does not last: the kernel
    /// makes lines of gpiochip inputs again, and a master enable that rests gives the lamps to the cabinet's flasher. Virtual lamps need no pins.
    pub fn lasting_red(&self) -> Option<Vec<(u8, bool)>> {
        match (self.driver, self.enable_pin) {
            (Driver::Virtual, _) => Some(Vec::new()),
            (Driver::Rppal, None) => {
                let red = self.pins.iter().filter_map(|pins| pins.red);
                Some(red.map(|pin| (pin, self.active_high)).collect())
            }
            (Driver::Rppal, Some(_)) | (Driver::Gpiochip, _) => None,
        }
    }
}

impl OutputConfig {
    /// The pins of the lamps that this drives.
    pub fn lamp_pins(&self) -> impl Iterator<Item = u8> + '_ {
        self.pins.iter().flat_map(|pins| pins.each())
    }

    /// Every pin that this uses, for whatever; none with virtual lamps.
    pub fn all_pins(&self) -> BTreeSet<u8> {
        if self.driver == Driver::Virtual {
            return BTreeSet::new();
        }
        let switches = self.input.each().into_iter().filter_map(|(_, pin)| pin);
        let others = self.buttons.iter().flatten().copied().chain(self.enable_pin).chain(self.identify_pin);
        let feedback = self.feedback.iter().flat_map(|pins| pins.each());
        self.lamp_pins().chain(feedback).chain(others).chain(switches).collect()
    }
}

impl InputConfig {
    /// Every input by its key, whether it is wired or not.
    pub fn each(&self) -> [(&'static str, Option<u8>); 4] {
        [("panel", self.panel), ("advance", self.advance), ("flash", self.flash), ("door", self.door)]
    }

    /// Whether anything is wired.
    pub fn is_wired(&self) -> bool {
        self.each().iter().any(|(_, pin)| pin.is_some())
    }
}

/// The pins of `[input]`.
const INPUTS: [&str; 4] = ["panel", "advance", "flash", "door"];
/// For how long the panel may decide where `[input]` does not say, seconds: as long as an operator's override.
const LONGEST_PANEL_S: u32 = 3600;

/// The longest that the agent may wait for the end of the present stage, seconds; less than systemd waits.
pub const MOST_STOP_S: u32 = 120;
/// Most lines of a GPIO character device in one request (`GPIO_V2_LINES_MAX` of Linux' `gpio.h`).
const MOST_CHIP_LINES: usize = 64;

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
    /// Whether they tell what the lamps show instead of driving them.
    is_feedback: bool,
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

    fn pins(&self) -> GroupPins {
        let number = |pin: Option<At<u8>>| pin.map(|pin| pin.value);
        GroupPins { red: number(self.red), amber: number(self.amber), green: number(self.green) }
    }
}

/// `pins` and `feedback` of a lane or group, as far as it has them.
pub(super) fn read_pins(table: &mut Table<'_>, group: &str, of_lane: bool, pinned: &Pinned) -> Vec<PinEntry> {
    let mut entries = Vec::new();
    for (key, is_feedback) in [("pins", false), ("feedback", true)] {
        let title = table.path(key);
        let mut pins = table.table(key, &title);
        if !pins.is_present() {
            continue;
        }
        let mut pin = |key| read_pin(&mut pins, key, pinned.driver);
        let (red, amber, green) = (pin("red"), pin("amber"), pin("green"));
        let group = group.to_owned();
        entries.push(PinEntry { group, of_lane, is_feedback, at: pins.at, red, amber, green });
        pins.finish();
    }
    entries
}

/// A BCM number of the Raspberry Pi's 40-pin header; another board's chip may have more lines.
pub(super) fn read_pin(table: &mut Table<'_>, key: &'static str, driver: Driver) -> Option<At<u8>> {
    let (most, unit) = if driver == Driver::Gpiochip { (255, "(a line)") } else { (27, "(a BCM number)") };
    table.whole(key, 0..=most, unit).map(|pin| At { value: pin.value as u8, at: pin.at })
}

/// `[output]` and `[input]` as the file has them, before they are compared with the groups.
#[derive(Debug)]
pub(super) struct Pinned {
    driver: Driver,
    active_high: bool,
    socket: Option<PathBuf>,
    chip: Option<String>,
    enable_pin: Option<At<u8>>,
    enable_on_fault: bool,
    identify_pin: Option<At<u8>>,
    feedback_active_high: bool,
    longest_stop_s: Option<u32>,
    inputs: [Option<At<u8>>; 4],
    input_active_high: bool,
    longest_panel_s: u32,
}

impl Pinned {
    /// Reads both sections.
    pub(super) fn read(root: &mut Table<'_>) -> Self {
        const LEVELS: [(&str, bool); 2] = [("high", true), ("low", false)];
        let mut output = root.table("output", "[output]");
        let driver = output.choice("driver", &DRIVERS).map_or(Driver::Virtual, |driver| driver.value);
        let active_high = output.choice("active", &LEVELS).is_none_or(|active| active.value);
        let socket = output.path_to("socket");
        let only_for = |key: &str, at: usize, only: Driver| {
            if driver != only {
                let (only, driver) = (only.name(), driver.name());
                let message =
                    format!("{key} is only for driver = \"{only}\", not for \"{driver}\"; take it out");
                output.report.add(at, message);
            }
        };
        if let Some(socket) = &socket {
            only_for("socket", socket.at, Driver::Virtual);
        }
        let chip = output.text("chip");
        if let Some(chip) = &chip {
            only_for("chip", chip.at, Driver::Gpiochip);
        }
        let enable_pin = read_pin(&mut output, "enable_pin", driver);
        let enable_on_fault = output.flag("enable_on_fault").unwrap_or(false);
        let identify_pin = read_pin(&mut output, "identify_pin", driver);
        let feedback_active_high =
            output.choice("feedback_active", &LEVELS).is_none_or(|active| active.value);
        let longest_stop_s = output.whole("longest_stop_s", 0..=MOST_STOP_S.into(), "s");
        output.finish();
        let mut input = root.table("input", "[input]");
        let inputs = INPUTS.map(|key| read_pin(&mut input, key, driver));
        if let ([None, Some(advance), ..], report) = (&inputs, input.report) {
            report.add(
                advance.at,
                "advance of [input] does nothing without panel; add panel, the switch".to_owned(),
            );
        }
        let input_active_high = input.choice("active", &LEVELS).is_some_and(|active| active.value);
        let longest_panel_s = input.whole("longest_panel_s", 60..=86_400, "s");
        input.finish();
        Self {
            driver,
            active_high,
            socket: socket.map(|socket| socket.value),
            chip: chip.map(|chip| chip.value),
            enable_pin,
            enable_on_fault,
            identify_pin,
            feedback_active_high,
            longest_stop_s: longest_stop_s.map(|longest| longest.value as u32),
            inputs,
            input_active_high,
            longest_panel_s: longest_panel_s.map_or(LONGEST_PANEL_S, |longest| longest.value as u32),
        }
    }

    pub(super) const fn driver(&self) -> Driver {
        self.driver
    }

    /// Whether real lamps hang on it.
    pub(super) fn drives_lamps(&self) -> bool {
        self.driver != Driver::Virtual
    }

    /// Gives each group its pins.
    pub(super) fn assign(self, draft: &Draft, report: &Report) -> OutputConfig {
        let (spec, entries) = (&draft.spec, draft.pins.as_slice());
        let groups: Vec<(&str, GroupKind)> = if spec.groups.is_empty() {
            spec.lanes.iter().map(|lane| (lane.name.as_str(), GroupKind::Vehicle)).collect()
        } else {
            spec.groups.iter().map(|group| (group.name.as_str(), group.kind)).collect()
        };
        self.check_unique(draft, report);
        for entry in entries.iter().filter(|entry| !groups.iter().any(|(name, _)| *name == entry.group)) {
            let group = &entry.group;
            report.add(
                entry.at,
                format!("lane \"{group}\" has pins, but there is no group \"{group}\"; move the pins to a [[group]]"),
            );
        }
        let (mut pins, mut feedback) = (Vec::new(), Vec::new());
        for (name, kind) in groups {
            for (is_feedback, key, into) in [(false, "pins", &mut pins), (true, "feedback", &mut feedback)] {
                let own =
                    entries.iter().filter(|entry| entry.group == name && entry.is_feedback == is_feedback);
                let entry = only_one(own, name, key, report);
                if let (Some(amber), GroupKind::Pedestrian) = (entry.and_then(|entry| entry.amber), kind) {
                    report.add(
                        amber.at,
                        format!(
                            "group \"{name}\" is a pedestrian head, which has no amber lamp; take amber out"
                        ),
                    );
                }
                if self.drives_lamps() {
                    if !is_feedback {
                        self.check_complete(name, kind, entry, draft.place_of_group(name), report);
                    }
                    into.push(entry.map_or_else(GroupPins::default, PinEntry::pins));
                }
            }
        }
        let buttons = draft.buttons.iter().map(|pin| pin.map(|pin| pin.value)).collect();
        let [panel, advance, flash, door] = self.inputs.map(|pin| pin.map(|pin| pin.value));
        let input = InputConfig {
            panel,
            advance,
            flash,
            door,
            active_high: self.input_active_high,
            longest_panel_s: self.longest_panel_s,
        };
        let count = |groups: &[GroupPins]| groups.iter().copied().map(GroupPins::count).sum::<usize>();
        let lamps = count(&pins) + self.enable_pin.iter().chain(&self.identify_pin).count();
        let switches = self.inputs.iter().flatten().count();
        let inputs = count(&feedback) + draft.buttons.iter().flatten().count() + switches;
        self.check_lines(lamps, inputs, entries, report);
        OutputConfig {
            driver: self.driver,
            active_high: self.active_high,
            pins,
            input,
            buttons,
            socket: self.socket,
            chip: self.chip,
            enable_pin: self.enable_pin.map(|pin| pin.value),
            enable_on_fault: self.enable_on_fault,
            identify_pin: self.identify_pin.map(|pin| pin.value),
            feedback,
            feedback_active_high: self.feedback_active_high,
            longest_stop_s: self.longest_stop_s,
        }
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

    /// All lamps are switched in one request of the kernel, and all inputs looked at in another.
    fn check_lines(&self, outputs: usize, inputs: usize, entries: &[PinEntry], report: &Report) {
        let Some(last) = entries.last().filter(|_| self.driver == Driver::Gpiochip) else { return };
        for (count, what) in [(outputs, "outputs"), (inputs, "inputs")] {
            if count > MOST_CHIP_LINES {
                report.add(
                    last.at,
                    format!(
                        "driver = \"gpiochip\" takes at most {MOST_CHIP_LINES} {what}, and there are {count}; split the signal over two agents"
                    ),
                );
            }
        }
    }

    fn check_unique(&self, draft: &Draft, report: &Report) {
        let mut used: BTreeMap<u8, String> = BTreeMap::new();
        let lamps = draft.pins.iter().flat_map(|entry| {
            let of = if entry.is_feedback { "feedback of " } else { "" };
            entry.each().map(move |(lamp, pin)| (format!("{of}{lamp} of \"{}\"", entry.group), pin))
        });
        let aux = [("enable_pin", self.enable_pin), ("identify_pin", self.identify_pin)]
            .into_iter()
            .filter_map(|(name, pin)| pin.map(|pin| (format!("{name} of [output]"), pin)));
        let inputs = INPUTS
            .into_iter()
            .zip(self.inputs)
            .filter_map(|(name, pin)| pin.map(|pin| (format!("{name} of [input]"), pin)));
        let buttons = draft.spec.groups.iter().zip(&draft.buttons);
        let buttons =
            buttons.filter_map(|(group, pin)| pin.map(|pin| (format!("button of \"{}\"", group.name), pin)));
        for (user, pin) in lamps.chain(aux).chain(inputs).chain(buttons) {
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

/// The only entry of a group; a second one is an error.
fn only_one<'e>(
    mut own: impl Iterator<Item = &'e PinEntry>,
    group: &str,
    key: &str,
    report: &Report,
) -> Option<&'e PinEntry> {
    let entry = own.next();
    if let Some(second) = own.next() {
        let at = if second.of_lane { entry.map_or(second.at, |first| first.at) } else { second.at };
        report.add(at, format!("group \"{group}\" has its {key} twice; keep one {key}"));
    }
    entry
}
