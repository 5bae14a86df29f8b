//! How long a disk that answers with errors is waited for before the file counts as damaged.

use super::OutboxError;
use flextraff_common::time::MonoMs;

/// Errors of a loose card or a bus go away within seconds; a bad block stays, milliseconds.
const WAITED_MS: i64 = 60_000;

/// Since when one kind of access has failed for no other reason than the disk.
#[derive(Debug, Default)]
pub struct Patience {
    since: Option<MonoMs>,
}

impl Patience {
    /// Takes how an access ended; whether the file is to be given up: errors of the disk, and nothing else, for a minute.
    pub fn handle(&mut self, failed: Option<&OutboxError>, now: MonoMs) -> bool {
        if !failed.is_some_and(OutboxError::is_of_disk) {
            self.since = None;
            return false;
        }
        now.since(*self.since.get_or_insert(now)) >= WAITED_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn failure(code: i32) -> OutboxError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn a_disk_that_answers_with_errors_for_a_minute_is_given_up() {
        for code in
            [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CANTOPEN]
        {
            let mut patience = Patience::default();
            assert!(!patience.handle(Some(&failure(code)), MonoMs(5000)));
            assert!(!patience.handle(Some(&failure(code)), MonoMs(64_999)));
            assert!(patience.handle(Some(&failure(code)), MonoMs(65_000)));
        }
    }

    #[test]
    fn whatever_else_happens_meanwhile_the_minute_begins_anew() {
        for between in
            [None, Some(OutboxError::InUse), Some(OutboxError::DiskFull), Some(OutboxError::ReadOnly)]
        {
            let mut patience = Patience::default();
            assert!(!patience.handle(Some(&failure(ffi::SQLITE_IOERR_READ)), MonoMs(0)));
            assert!(!patience.handle(between.as_ref(), MonoMs(59_000)));
            assert!(!patience.handle(Some(&failure(ffi::SQLITE_IOERR_READ)), MonoMs(61_000)), "{between:?}");
        }
    }
}
