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

/// What a frame without tags says about the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An answer to a command.
    Reply {
        /// Which; `None`: the reader does not say, so it is the one that was sent last.
        code: Option<u16>,
        /// The reader's own code of why it does not obey.
        refused: Option<u16>,
        /// What it answers.
        data: Vec<u8>,
    },
    /// The inventory that was asked for has ended; the next one must be asked for.
    RoundEnd,
    /// The reader lives and reads nothing.
    KeepAlive,
    /// The reader lives, and these of its antenna ports, from 1, have no antenna.
    NoAntenna(Vec<u8>),
    /// The reader lives, and the antenna that it was to read with in this round is missing.
    NoAntennaHere,
    /// The reader complains about itself, in words.
    Trouble(&'static str),
}

impl Signal {
    /// An answer to the command `code`; `status` 0 means done.
    pub(super) fn reply(code: u16, status: u16, data: &[u8]) -> Self {
        Self::Reply { code: Some(code), refused: (status != 0).then_some(status), data: data.to_vec() }
    }
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
        /// Which of the family's kinds of reader sends such frames: checksum preset, layout; 0 where there is one kind.
        variant: usize,
    },
}

impl Candidate {
    /// One byte that belongs to no frame.
    pub(super) const NOTHING: Self = Self::Skip { bytes: 1, bad: false };
    /// The first byte of what looks like a frame and is none. Only this byte goes: a real frame may begin within the others.
    pub(super) const BAD: Self = Self::Skip { bytes: 1, bad: true };

    /// A frame of a family with one checksum; [`Candidate::BAD`] where its data fit no layout.
    pub(super) fn frame(bytes: usize, tags: Option<Vec<TagFrame>>) -> Self {
        tags.map_or(Self::BAD, |tags| Self::Frame { bytes, tags, variant: 0 })
    }
}

/// A family of readers: how their frames begin, end and are checked, and what they hold.
pub(super) trait Family: std::fmt::Debug + Send {
    /// Bytes of the longest frame.
    fn longest(&self) -> usize;

    /// What these bytes begin with. With [`Family::longest`] bytes and more it is never [`Candidate::Unfinished`].
    fn candidate(&self, bytes: &[u8]) -> Candidate;

    /// What an intact frame says besides tags.
    fn signal(&self, _frame: &[u8]) -> Option<Signal> {
        None
    }

    /// A frame of this variant has come.
    fn verified(&mut self, _variant: usize) {}

    /// Another reader may be at the end of the line from now on.
    fn forget(&mut self) {}
}
