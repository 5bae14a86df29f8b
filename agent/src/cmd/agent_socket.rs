//! The socket of the running agent, as commands use it.

use crate::console::protocol::{self, Message, Request, Snapshot, read_message};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest line of the agent, bytes.
pub(super) const LONGEST_LINE: u64 = 1 << 20;
/// How long the agent may take to take the request.
const TAKES_WITHIN: Duration = Duration::from_secs(5);
/// How long it may take to answer one: longer than it waits itself for lamps and disk.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// How long it may say nothing to whoever looks on: a snapshot comes each second.
const SAYS_WITHIN: Duration = Duration::from_secs(5);
/// Reads that may come before a snapshot.
const MOST_LINES: usize = 10_000;

/// Why the agent cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(
        "no agent answers: nobody listens at {path}; see whether it runs (systemctl status flextraff-agent), start it (systemctl start flextraff-agent), or name its socket with --socket"
    )]
    NoAgent { path: PathBuf },
    #[error(
        "{path} may not be used by this user; try it as the agent's user (sudo -u flextraff), or join the group flextraff"
    )]
    NotAllowed { path: PathBuf },
    #[error("the agent cannot be reached at {path}: {cause}")]
    Other { path: PathBuf, cause: io::Error },
}

/// Connects and says what is wanted; the answer is still to be read.
pub(super) fn open(path: &Path, request: Request) -> Result<UnixStream, ConnectError> {
    let owned = || path.to_owned();
    let other = |cause| ConnectError::Other { path: owned(), cause };
    let mut stream = UnixStream::connect(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ConnectError::NoAgent { path: owned() },
        ErrorKind::PermissionDenied => ConnectError::NotAllowed { path: owned() },
        _ => other(cause),
    })?;
    stream.set_write_timeout(Some(TAKES_WITHIN)).map_err(other)?;
    match stream.write_all(protocol::line(&request).as_bytes()) {
        // An agent that has no room has said so already.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(other(error)),
        _ => Ok(stream),
    }
}

/// Asks for one thing and takes the one answer.
pub(super) fn ask(path: &Path, request: Request) -> Result<Message, ConnectError> {
    let stream = open(path, request)?;
    let other = |cause| ConnectError::Other { path: path.to_owned(), cause };
    stream.set_read_timeout(Some(ANSWERS_WITHIN)).map_err(other)?;
    let mut line = Vec::new();
    let read = BufReader::new(stream).take(LONGEST_LINE).read_until(b'\n', &mut line);
    match read.map_err(other)? {
        0 => Err(other(io::Error::other("it closed the connection without an answer"))),
        _ => read_message(&line).map_err(|error| other(io::Error::other(error))),
    }
}

/// How the running agent is; none when no agent says so. Reads come in between.
pub(super) fn snapshot(path: &Path) -> Option<Snapshot> {
    let stream = open(path, Request::Monitor).ok()?;
    stream.set_read_timeout(Some(SAYS_WITHIN)).ok()?;
    let mut lines = BufReader::new(stream);
    for _ in 0..MOST_LINES {
        let mut line = Vec::new();
        if lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        if let Ok(Message::Snapshot(snapshot)) = read_message(&line) {
            return Some(*snapshot);
        }
    }
    None
}
