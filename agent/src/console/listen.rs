//! Makes the listening socket, also where a killed agent has left its own behind.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// How long whoever listens there already may take to show that it lives.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// Owner and group: what is shown names vehicles.
const MODE: u32 = 0o660;

/// Why nobody can connect.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListenError {
    /// Its folder is missing.
    #[error("its folder is missing: make it, or name another socket in [console]")]
    NoFolder,
    /// Something else has that name.
    #[error(
        "there is a file of that name that is no socket: take it away, or name another socket in [console]"
    )]
    Occupied,
    /// Another agent is there.
    #[error("another agent listens there: give each its own socket in [console]")]
    Taken,
    /// The system refuses.
    #[error("{0}")]
    Refused(#[from] io::Error),
}

/// Listens at a path. A socket that nobody listens at any more is replaced.
pub(super) async fn listen(path: &Path) -> Result<UnixListener, ListenError> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            take_away_if_dead(path).await?;
            UnixListener::bind(path)?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(ListenError::NoFolder),
        bound => bound?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))?;
    Ok(listener)
}

async fn take_away_if_dead(path: &Path) -> Result<(), ListenError> {
    if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(ListenError::Occupied);
    }
    match tokio::time::timeout(ANSWERS_WITHIN, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Ok(std::fs::remove_file(path)?),
        // Also one that is too busy to take a connection is there.
        _ => Err(ListenError::Taken),
    }
}
