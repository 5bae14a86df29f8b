//! What every decoder yields.

use flextraff_common::epc::Epc;

/// A tag as a reader reports it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TagFrame {
    /// The tag.
    pub epc: Epc,
    /// Antenna port from 1; `None` where the frame names none, or several at once.
    pub port: Option<u8>,
    /// Signal strength in the reader's own unit, greater is stronger.
    pub rssi: Option<f32>,
}

/// How clean a serial line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineStats {
    /// Byte sequences that looked like a frame but whose checksum or layout was wrong.
    pub bad_frames: u64,
    /// Bytes that belonged to no frame.
    pub dropped_bytes: u64,
}
