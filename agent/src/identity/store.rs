//! Files with keys: mode 0600, beside the outbox, always whole.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Names in the outbox's folder: pseudonym keys; whom the junction looks out for.
const KEYS: &str = "keys.json";
const WATCHLIST: &str = "watchlist.json";
/// Owner only.
const MODE: u32 = 0o600;
/// Largest file that is read, bytes: more than the longest watch-list.
const MOST_BYTES: u64 = 1 << 22;

/// The file with the pseudonym keys beside this outbox.
pub fn path(outbox: &Path) -> PathBuf {
    outbox.with_file_name(KEYS)
}

/// The file with the watch-list and its key beside this outbox.
pub fn watchlist_path(outbox: &Path) -> PathBuf {
    outbox.with_file_name(WATCHLIST)
}

/// What the file holds; nothing when it is missing.
///
/// # Errors
/// When it cannot be read, or holds something else; the error shows nothing of its content.
pub fn load<T: DeserializeOwned + Default>(path: &Path) -> io::Result<T> {
    match fs::metadata(path) {
        Ok(about) if about.len() > MOST_BYTES => return Err(invalid("it is too large")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
        Ok(_) | Err(_) => {}
    }
    let bytes = fs::read(path)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| invalid(&format!("no keys in line {} column {}", error.line(), error.column())))
}

/// Writes the file anew; after a power cut it holds the one or the other.
///
/// # Errors
/// When it cannot be written; the file of before stays.
pub fn save<T: Serialize>(path: &Path, kept: &T) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let fresh = path.with_extension("json.new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(MODE).open(&fresh)?;
    // It may be left from an earlier attempt, with another mode.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(&serde_json::to_vec(kept).map_err(io::Error::other)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
