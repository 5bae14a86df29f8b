//! What every decoder yields, and what a family of readers tells it.

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

/// What the bytes from some offset on are.
#[derive(Debug)]
pub(super) enum Candidate {
    /// Perhaps a frame whose end is not here yet.
    Unfinished,
    /// So many bytes that belong to no frame; `bad`: they looked like one, but checksum or layout is wrong.
    Skip {
        /// At least one.
        bytes: usize,
        /// Whether they count as a bad frame.
        bad: bool,
    },
    /// A frame.
    Frame {
        /// Its length, at least one.
        bytes: usize,
        /// The tags in it, in order.
        tags: Vec<TagFrame>,
        /// Which of the family's checksum presets it has; 0 where there is one.
        preset: usize,
    },
}

impl Candidate {
    /// One byte that belongs to no frame.
    pub(super) const NOTHING: Self = Self::Skip { bytes: 1, bad: false };
    /// The first byte of what looks like a frame and is none. Only this byte goes: a real frame may begin within the others.
    pub(super) const BAD: Self = Self::Skip { bytes: 1, bad: true };

    /// A frame of a family with one checksum; [`Candidate::BAD`] where its data fit no layout.
    pub(super) fn frame(bytes: usize, tags: Option<Vec<TagFrame>>) -> Self {
        tags.map_or(Self::BAD, |tags| Self::Frame { bytes, tags, preset: 0 })
    }
}

/// A family of readers: how their frames begin, end and are checked, and what they hold.
pub(super) trait Family: std::fmt::Debug + Send {
    /// Bytes of the longest frame.
    fn longest(&self) -> usize;

    /// What these bytes begin with. With [`Family::longest`] bytes and more it is never [`Candidate::Unfinished`].
    fn candidate(&self, bytes: &[u8]) -> Candidate;

    /// A frame with this checksum preset has come.
    fn verified(&mut self, _preset: usize) {}

    /// Another reader may be at the end of the line from now on.
    fn forget(&mut self) {}
}
