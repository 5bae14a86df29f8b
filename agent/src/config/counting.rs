//! `[counting]`, `[outbox]`, `[events]` and `[privacy]`.

use super::table::Table;
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

impl CountingConfig {
    /// Whether a tag is a vehicle; `fastag`: whether it has the structure of a FASTag.
    pub fn accepts(&self, fastag: bool) -> bool {
        fastag || self.accept == Accept::All
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

/// Reads `[counting]`.
pub(super) fn read_counting(root: &mut Table<'_>) -> CountingConfig {
    let mut table = root.table("counting", "[counting]");
    let usual = CountingConfig::default();
    let settle_ms = table.whole("settle_ms", 0..=10_000, "milliseconds");
    let absence = table.number("absence_s", 1.0..=600.0, "seconds");
    let config = CountingConfig {
        settle_ms: settle_ms.map_or(usual.settle_ms, |settle| settle.value),
        absence_ms: absence.map_or(usual.absence_ms, |absence| ms(absence.value)),
        interval_ms: table
            .whole("interval_s", 1..=3600, "seconds")
            .map_or(usual.interval_ms, |interval| interval.value * 1000),
        accept: table
            .choice("accept", &[("fastag", Accept::Fastag), ("all", Accept::All)])
            .map_or(usual.accept, |accept| accept.value),
    };
    if let (Some(at), true) = (settle_ms.map(|settle| settle.at), config.settle_ms > config.absence_ms) {
        table.report.add(at, "settle_ms of [counting] is longer than absence_s; make it shorter");
    }
    table.finish();
    config
}

/// Reads `[outbox]`.
pub(super) fn read_outbox(root: &mut Table<'_>) -> OutboxConfig {
    let mut table = root.table("outbox", "[outbox]");
    let config = OutboxConfig {
        path: table.path_to("path").map_or_else(|| PathBuf::from(OUTBOX), |path| path.value),
        max_bytes: table.whole("max_mb", 8..=1_000_000, "megabytes").map_or(512, |size| size.value as u64)
            * 1_000_000,
        flush_ms: table.whole("flush_ms", 10..=60_000, "milliseconds").map_or(1000, |flush| flush.value),
    };
    table.finish();
    config
}

/// Reads `[events]`: whether the high-resolution log of the signal is kept.
pub(super) fn read_events(root: &mut Table<'_>) -> bool {
    let mut table = root.table("events", "[events]");
    let enabled = table.flag("enabled").unwrap_or(true);
    table.finish();
    enabled
}

/// Reads `[privacy]`.
pub(super) fn read_privacy(root: &mut Table<'_>) -> Privacy {
    let mut table = root.table("privacy", "[privacy]");
    let privacy = table
        .choice("epc", &[("raw", Privacy::Raw), ("pseudonym", Privacy::Pseudonym)])
        .map_or_else(Privacy::default, |privacy| privacy.value);
    table.finish();
    privacy
}

/// Where the outbox lies when the file does not say: the state folder that systemd makes for the service.
pub(super) const OUTBOX: &str = "/var/lib/flextraff/outbox.sqlite";

fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
