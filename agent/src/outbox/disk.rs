//! What the disk itself says, where SQLite only says that it failed: what passes is waited for, and only a file that is spoilt is given up.

use super::OutboxError;
use super::open::with_suffix;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Follows the name of the outbox: a file that is written to see whether the disk takes any.
const TRIAL: &str = ".trial";
/// Its size, bytes: it needs blocks of its own.
const TRIAL_BYTES: usize = 64 << 10;
/// The files of an outbox that hold rows.
const WITH_ROWS: [&str; 2] = ["", "-wal"];

/// Whether an access failed because the disk has no room left, or its user none: no damage, and to be had by freeing some.
pub(super) fn is_for_want_of_room(outbox: &Path, error: &OutboxError) -> bool {
    match error {
        OutboxError::DiskFull => true,
        // A quota that is used up is an input/output error to SQLite, or a log that cannot be made.
        error if error.is_of_disk() => takes_files(outbox).is_err_and(|error| is_full(&error)),
        OutboxError::Io { source, .. } => is_full(source),
        _ => false,
    }
}

/// Why nothing of an outbox can be had again although its disk works: it takes other files, and says of this one that it is spoilt. A disk that is away,
/// full or read-only, and a file that belongs to somebody else, are none of that.
pub(super) fn spoilt(outbox: &Path) -> Option<io::Error> {
    let mut spoilt = None;
    // A disk that comes or goes meanwhile does not fail and work twice in this order.
    for _ in 0..2 {
        takes_files(outbox).ok()?;
        spoilt = Some(read_through(outbox).err().filter(is_lasting)?);
    }
    spoilt
}

/// Whether a disk takes a file durably.
fn takes_files(outbox: &Path) -> io::Result<()> {
    let trial = with_suffix(outbox, TRIAL);
    let write = || {
        let mut file = File::create(&trial)?;
        file.write_all(&vec![0x5A; TRIAL_BYTES])?;
        file.sync_all()
    };
    let written = write();
    // It may be there in part.
    let removed = fs::remove_file(&trial);
    written.and(removed)
}

fn read_through(outbox: &Path) -> io::Result<()> {
    for tail in WITH_ROWS {
        match File::open(with_suffix(outbox, tail)) {
            Ok(mut file) => drop(io::copy(&mut file, &mut io::sink())?),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a file system says of a block or an entry that is bad.
fn is_lasting(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EUCLEAN | libc::EBADMSG))
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_spoilt_only_where_the_disk_says_so_and_takes_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = folder.path().join("outbox.sqlite");
        assert!(spoilt(&outbox).is_none(), "there is none");
        fs::write(&outbox, "rows").expect("it is written");
        assert!(spoilt(&outbox).is_none(), "it can be read");
        // To read what lies there is an input/output error.
        let log = with_suffix(&outbox, "-wal");
        std::os::unix::fs::symlink("/proc/self/mem", &log).expect("a link");
        assert_eq!(spoilt(&outbox).and_then(|error| error.raw_os_error()), Some(libc::EIO));
        // The disk takes nothing.
        let in_the_way = with_suffix(&outbox, TRIAL);
        fs::create_dir(&in_the_way).expect("a folder");
        assert!(spoilt(&outbox).is_none(), "it may be the disk");
        fs::remove_dir(&in_the_way).expect("it is empty");
        fs::remove_file(&log).expect("it is there");
        fs::create_dir(&log).expect("a folder");
        assert!(spoilt(&outbox).is_none(), "nobody says that its blocks are bad");
        assert!(!in_the_way.exists());
    }

    #[test]
    fn what_passes_is_not_lasting_and_a_quota_is_want_of_room() {
        let of = io::Error::from_raw_os_error;
        for passing in [libc::EACCES, libc::EPERM, libc::EDQUOT, libc::ENOSPC, libc::EROFS, libc::EMFILE] {
            assert!(!is_lasting(&of(passing)), "{}", of(passing));
        }
        assert!(is_full(&of(libc::EDQUOT)) && is_full(&of(libc::ENOSPC)) && !is_full(&of(libc::EIO)));
    }
}
