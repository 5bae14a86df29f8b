//! The memory of an orderly end: red at every head, after all clearances. Whoever starts right after it needs no flash, if that red has lasted.

use super::safe_map::replace;
use crate::config::OutputConfig;
use flextraff_common::ids::BootId;
use flextraff_common::time::MonoMs;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file, beside the outbox.
const FILE: &str = "ended.json";
/// For how long after the end it counts, milliseconds: an upgrade takes some seconds.
const COUNTS_MS: i64 = 60_000;
/// Largest file, bytes.
const LARGEST: u64 = 1024;

/// When the lamps were left in red, on the clock of the machine's present uptime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderlyEnd {
    /// The uptime.
    pub boot: BootId,
    /// When, monotonic.
    pub at: MonoMs,
    /// The pins that show it, with their level.
    pub red: Vec<(u8, bool)>,
}

impl OrderlyEnd {
    /// An end at this moment; none with outputs whose red ends with the process.
    pub fn new(output: &OutputConfig, boot: BootId, at: MonoMs) -> Option<Self> {
        output.lasting_red().map(|red| Self { boot, at, red })
    }

    /// The file beside an outbox.
    pub fn beside(outbox: &Path) -> PathBuf {
        outbox.with_file_name(FILE)
    }

    /// Keeps it; durable on return.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, path: &Path) -> io::Result<()> {
        replace(path, &serde_json::to_vec(self).map_err(io::Error::other)?)
    }

    /// Reads the file and takes it away, so that it counts for one start only; none when it is not there, cannot be taken away, or is no such file.
    pub fn take(path: &Path) -> Option<Self> {
        let is_small = fs::metadata(path).is_ok_and(|file| file.len() <= LARGEST);
        let bytes = if is_small { fs::read(path).ok()? } else { Vec::new() };
        fs::remove_file(path).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Forgets an end: the lamps are about to show something else than its red. A file that stays counts for no start either, because whoever
    /// takes it takes it away.
    pub fn forget(path: &Path) {
        let _ = fs::remove_file(path);
    }

    /// Whether a start at `now` in the uptime `boot` follows it closely enough, and every head that `output` drives has been red since.
    pub fn counts(&self, output: &OutputConfig, boot: BootId, now: MonoMs) -> bool {
        let is_close = self.boot == boot && (0..=COUNTS_MS).contains(&now.since(self.at));
        is_close && output.lasting_red().is_some_and(|red| red == self.red)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::two_lanes;
    use uuid::Uuid;

    #[test]
    fn it_counts_once_for_a_minute_of_the_same_uptime() {
        let folder = tempfile::tempdir().unwrap();
        let path = OrderlyEnd::beside(&folder.path().join("outbox.sqlite"));
        assert_eq!(OrderlyEnd::take(&path), None);
        let output = &two_lanes("").output;
        let ended = OrderlyEnd::new(output, BootId(Uuid::from_u128(1)), MonoMs(5000)).unwrap();
        ended.keep(&path).unwrap();
        assert_eq!(OrderlyEnd::take(&path), Some(ended.clone()));
        assert_eq!(OrderlyEnd::take(&path), None, "once");
        let counts = |boot, now| ended.counts(output, BootId(Uuid::from_u128(boot)), MonoMs(now));
        assert!(counts(1, 5000) && counts(1, 65_000));
        assert!(!counts(1, 65_001) && !counts(1, 4999) && !counts(2, 6000));
    }

    #[test]
    fn what_is_no_such_file_counts_for_nothing_and_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        // The last but one is of a version that took every red for a lasting one.
        let of_before = r#"{"boot": "00000000-0000-0000-0000-000000000001", "at": 5000}"#;
        for text in ["", "{}", of_before, &"[".repeat(100_000)] {
            fs::write(&path, text).unwrap();
            assert_eq!(OrderlyEnd::take(&path), None);
            assert!(!path.exists());
        }
    }
}
