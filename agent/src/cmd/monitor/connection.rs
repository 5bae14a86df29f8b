//! The connection to the running agent, and what else a person does meanwhile, as one stream of inputs.

use crate::console::protocol::{self, Request};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

/// Inputs that may wait for the drawing; what is beyond waits in the socket.
const WAITING: usize = 1024;
/// Longest line of the agent, bytes.
const LONGEST_LINE: u64 = 1 << 20;
/// How long the agent may take to take the request.
const TAKES_WITHIN: Duration = Duration::from_secs(5);

/// What happens.
#[derive(Debug)]
pub(super) enum Input {
    /// The agent says something.
    Line(Vec<u8>),
    /// The agent says nothing more.
    Closed,
    /// The terminal has another size.
    Resized,
    /// Enough.
    Stop,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(
        "no agent is running here: nobody listens at {path}; start it (systemctl start flextraff-agent), or name its socket with --socket"
    )]
    NoAgent { path: PathBuf },
    #[error(
        "{path} may not be used by this user; try sudo -u flextraff flextraff-agent monitor, or join the group flextraff"
    )]
    NotAllowed { path: PathBuf },
    #[error("the agent cannot be reached at {path}: {cause}")]
    Other { path: PathBuf, cause: io::Error },
}

/// Asks the agent at a socket for everything, and heeds SIGINT, SIGTERM, SIGHUP and SIGWINCH.
pub(super) fn connect(path: &Path) -> Result<Receiver<Input>, ConnectError> {
    let owned = || path.to_owned();
    let other = |cause| ConnectError::Other { path: owned(), cause };
    let mut stream = UnixStream::connect(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ConnectError::NoAgent { path: owned() },
        ErrorKind::PermissionDenied => ConnectError::NotAllowed { path: owned() },
        _ => other(cause),
    })?;
    stream.set_write_timeout(Some(TAKES_WITHIN)).map_err(other)?;
    match stream.write_all(protocol::line(&Request::Monitor).as_bytes()) {
        // An agent that has no room has said so already.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(other(error)),
        _ => {}
    }
    let (tell, inputs) = sync_channel(WAITING);
    heed_signals(tell.clone()).map_err(other)?;
    let thread = Builder::new().name("agent".to_owned());
    thread.spawn(move || listen(stream, &tell)).map_err(other)?;
    Ok(inputs)
}

fn listen(stream: UnixStream, tell: &SyncSender<Input>) {
    let mut reads = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let length = (&mut reads).take(LONGEST_LINE).read_until(b'\n', &mut line).unwrap_or_default();
        if length == 0 {
            // Nobody listens any more only when everything ends.
            let _ = tell.send(Input::Closed);
            return;
        }
        if tell.send(Input::Line(line)).is_err() {
            return;
        }
    }
}

fn heed_signals(tell: SyncSender<Input>) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGWINCH])?;
    Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in &mut signals {
            let input = if signal == SIGWINCH { Input::Resized } else { Input::Stop };
            if tell.send(input).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}
