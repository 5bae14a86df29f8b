//! From the bytes of a reader to tag reads.
//!
//! [`uhfreader`] and its kin are pure decoders: bytes and the time go in, tag frames come out. [`source`] picks the decoder that the
//! configuration names and puts each frame on its lane. [`port`] is the only part that touches a serial line.

mod crc;
pub mod frame;
pub mod port;
pub mod source;
pub mod uhfreader;

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
