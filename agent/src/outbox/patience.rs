//! How long a disk that answers with errors is waited for before the file is opened anew, and looked at.

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
    /// Takes how an access ended; whether there was nothing but errors of the disk for a minute. Then the next minute begins.
    pub fn handle(&mut self, failed: Option<&OutboxError>, now: MonoMs) -> bool {
        if !failed.is_some_and(OutboxError::is_of_disk) {
            self.since = None;
            return false;
        }
        let is_over = now.since(*self.since.get_or_insert(now)) >= WAITED_MS;
        if is_over {
            self.since = Some(now);
        }
        is_over
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
    fn each_minute_in_which_a_disk_answers_with_errors_is_told_once() {
        for code in
            [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CANTOPEN]
        {
            let mut patience = Patience::default();
            assert!(!patience.handle(Some(&failure(code)), MonoMs(5000)));
            assert!(!patience.handle(Some(&failure(code)), MonoMs(64_999)));
            assert!(patience.handle(Some(&failure(code)), MonoMs(65_000)));
            assert!(!patience.handle(Some(&failure(code)), MonoMs(66_000)));
            assert!(patience.handle(Some(&failure(code)), MonoMs(125_000)));
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
