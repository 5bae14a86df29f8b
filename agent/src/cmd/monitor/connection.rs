//! The connection to the running agent, and what else a person does meanwhile, as one stream of inputs.

use crate::cmd::agent_socket::{ConnectError, LONGEST_LINE, open};
use crate::console::protocol::Request;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

/// Inputs that may wait for the drawing; what is beyond waits in the socket.
const WAITING: usize = 1024;
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

/// Asks the agent at a socket for everything, and heeds SIGINT, SIGTERM, SIGHUP and SIGWINCH.
pub(super) fn connect(path: &Path) -> Result<Receiver<Input>, ConnectError> {
    let other = |cause| ConnectError::Other { path: path.to_owned(), cause };
    let stream = open(path, Request::Monitor)?;
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
