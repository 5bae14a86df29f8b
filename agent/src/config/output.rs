//! `[output]` and `[input]`.

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
