//! `[counting]`, `[outbox]` and `[privacy]`.

use std::path::PathBuf;

/// How reads become passages and passages become counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountingConfig {
    /// How long after the first stop-line read the lane is decided, and after its end an interval is published, milliseconds.
    pub settle_ms: i64,
    /// How long a vehicle must be unseen in every lane for its passage to close, milliseconds.
    pub absence_ms: i64,
    /// Length of an interval, milliseconds.
    pub interval_ms: i64,
    /// Which tags count.
    pub accept: Accept,
}

impl Default for CountingConfig {
    fn default() -> Self {
        Self { settle_ms: 1000, absence_ms: 10_000, interval_ms: 5000, accept: Accept::Fastag }
    }
}

/// Which tags count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// Only tags with the structure of a FASTag; others are counted apart.
    #[default]
    Fastag,
    /// Every tag.
    All,
}

/// Where rows wait until the server has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxConfig {
    /// The SQLite file.
    pub path: PathBuf,
    /// Largest size of that file, bytes.
    pub max_bytes: u64,
    /// Time between commits, milliseconds: the most that a power cut can lose.
    pub flush_ms: i64,
}

/// How a vehicle is named outside the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    /// By the hex of its EPC.
    #[default]
    Raw,
    /// By a keyed hash of it.
    Pseudonym,
}
