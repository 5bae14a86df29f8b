//! From the bytes of a reader to tag reads.
//!
//! [`decoder`] is pure: bytes and the time go in, tag frames come out. Each family of readers has a file of its own that says how its frames
//! begin and end and what they hold. [`source`] picks the one that the configuration names and puts each frame on its lane. [`driver`] sets a reader and
//! keeps it reading, [`prober`] finds out what it is; both are pure, too. [`port`] is the only part that touches a line.

mod a0;
mod ascii;
mod cc;
mod cf;
mod command;
mod crc;
pub mod decoder;
pub mod driver;
pub mod frame;
mod m100;
pub mod port;
pub mod prober;
pub mod source;
mod thingmagic;
mod uhfreader;

use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ZoneName;

/// A tag seen by an antenna.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    /// The lane that the antenna watches.
    pub lane: LaneIx,
    /// Where on it.
    pub zone: ZoneName,
    /// The tag.
    pub epc: Epc,
    /// Signal strength, dBm or the reader's own unit: comparable between antennas of one reader.
    pub rssi: Option<f32>,
    /// When.
    pub at: MonoMs,
}
