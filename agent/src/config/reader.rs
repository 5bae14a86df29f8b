//! `[[reader]]`.

use flextraff_common::junction::LaneIx;
use flextraff_common::wire::ZoneName;
use std::collections::BTreeMap;

/// A reader's serial protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Found out by listening.
    Auto,
    /// Chafon Len-Adr-Cmd: `UHFReader18`, 288, RRU, CF-RU, MU.
    Uhfreader,
    /// Chafon with CF header.
    Cf,
    /// M100, QM100, YRM100 and R200.
    M100,
    /// A line of hex digits per read.
    Ascii,
    /// `ThingMagic` M6e and M7e.
    Thingmagic,
    /// Impinj Indy, Invelion, Rodinbell.
    A0,
    /// `CC FF FF`.
    Cc,
}

/// How a frame's antenna byte names the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AntennaByte {
    /// One bit a port.
    #[default]
    Mask,
    /// The port's number, from 0.
    Index,
}

/// What an antenna watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watch {
    /// The lane.
    pub lane: LaneIx,
    /// Where on it.
    pub zone: ZoneName,
}

/// Which antenna watches what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneMap {
    /// By port, from 1.
    pub ports: BTreeMap<u8, Watch>,
    /// Reads that name no port, or one that is not listed.
    pub default: Option<Watch>,
}

impl LaneMap {
    /// What a read with this antenna port (from 1; `None`: the frame has none) was of.
    pub fn watch(&self, port: Option<u8>) -> Option<Watch> {
        port.and_then(|port| self.ports.get(&port).copied()).or(self.default)
    }
}

/// A reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderConfig {
    /// Name, unique.
    pub name: String,
    /// Its serial protocol.
    pub protocol: Protocol,
    /// Device file, or `virtual` for none.
    pub port: String,
    /// Bits per second.
    pub baud: u32,
    /// How its frames name the antenna.
    pub antenna_byte: AntennaByte,
    /// Which antenna watches what.
    pub lanes: LaneMap,
    /// Transmit power, dBm; `None`: as the reader is set.
    pub power_dbm: Option<u8>,
    /// Frequency region; `None`: as the reader is set.
    pub region: Option<String>,
    /// Gen2 session 0 to 3; `None`: as the reader is set.
    pub session: Option<u8>,
}
