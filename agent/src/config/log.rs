//! `[log]`.

use super::table::Table;

/// How much the log tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may fail.
    Warn,
    /// And what happens.
    #[default]
    Info,
    /// And why.
    Debug,
    /// And every step.
    Trace,
}

const LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

impl LogLevel {
    /// As the TOML writes it.
    pub fn name(self) -> &'static str {
        LEVELS.iter().find(|(_, level)| *level == self).map_or("info", |(name, _)| name)
    }
}

/// Reads `[log]`.
pub(super) fn read_log(root: &mut Table<'_>) -> LogLevel {
    let mut table = root.table("log", "[log]");
    let level = table.choice("level", &LEVELS).map_or_else(LogLevel::default, |level| level.value);
    table.finish();
    level
}
