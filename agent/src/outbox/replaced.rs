//! The note that a file is being replaced. To move it away, to make a new one and to store the gap in that are three steps; the note outlives a power
//! cut between them, so that the gap is told all the same.

use super::OutboxError;
use super::disk::is_full;
use super::open::{discard_aside, with_suffix};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Follows the name of the file.
const SUFFIX: &str = ".replaced";
/// Longest reason that is read, bytes.
const LONGEST: u64 = 4096;

fn path(outbox: &Path) -> PathBuf {
    with_suffix(outbox, SUFFIX)
}

/// Notes why the file is about to go; durable on return. A note that is there stays: nothing has been stored since, and the first reason counts.
///
/// # Errors
/// When the disk does not take it; then the file is to stay, because nothing would tell that it is gone.
pub(super) fn note(outbox: &Path, reason: &str) -> Result<(), OutboxError> {
    let path = path(outbox);
    if path.exists() {
        return Ok(());
    }
    let noted = match write(&path, reason) {
        // What is kept to be looked at must not cost counts.
        Err(error) if is_full(&error) && discard_aside(outbox) => write(&path, reason),
        noted => noted,
    };
    noted.map_err(|source| match source.kind() {
        _ if is_full(&source) => OutboxError::DiskFull,
        ErrorKind::ReadOnlyFilesystem => OutboxError::ReadOnly,
        _ => OutboxError::Io { path, source },
    })
}

fn write(path: &Path, reason: &str) -> io::Result<()> {
    let fresh = with_suffix(path, ".new");
    let mut file = File::create(&fresh)?;
    file.write_all(reason.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    sync_folder(path)
}

/// Why the file was being replaced, if it was.
pub(super) fn reason(outbox: &Path) -> Option<String> {
    let read = |file: File| {
        let mut reason = Vec::new();
        file.take(LONGEST).read_to_end(&mut reason)?;
        Ok(String::from_utf8_lossy(&reason).into_owned())
    };
    match File::open(path(outbox)).and_then(read) {
        Ok(reason) => Some(reason),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(format!("the outbox was replaced, and why cannot be read ({error})")),
    }
}

/// The gap is stored, or there is none.
pub(super) fn forget(outbox: &Path) {
    let path = path(outbox);
    // A note that stays tells of nothing a second time.
    let _ = fs::remove_file(&path).and_then(|()| sync_folder(&path));
}

/// Makes what has happened to names in a file's folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
