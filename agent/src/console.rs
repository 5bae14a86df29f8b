//! The socket through which a person at this machine looks at the running agent, and looks after its lamps.
//!
//! A client connects, says in one line of JSON what it wants, and gets lines of JSON back ([`protocol`]). Whoever has something to tell
//! gives it to the [`Hub`] and goes on: lines wait in a bounded ring, and a client that does not keep up loses its connection. Nothing that
//! a client does or leaves undone reaches counting or lamps.

mod listen;
pub mod protocol;
mod server;

use protocol::{Message, Request};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use tokio::sync::{broadcast, oneshot};

/// Lines that may wait for the slowest client: a second of many reads.
const WAITING_LINES: usize = 2048;

/// Takes what clients are to see.
#[derive(Clone, Debug)]
pub struct Hub(broadcast::Sender<Arc<str>>);

impl Default for Hub {
    fn default() -> Self {
        Self(broadcast::Sender::new(WAITING_LINES))
    }
}

impl Hub {
    /// Whether anybody looks.
    pub fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Tells every client; makes the message only if there is one. Never waits.
    pub fn tell(&self, message: impl FnOnce() -> Message) {
        if self.is_watched() {
            // That the last one has left meanwhile is its business.
            let _ = self.0.send(protocol::line(&message()).into());
        }
    }
}

/// Who has connected, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
    /// Process id; none where it is of no process of this machine.
    pub pid: Option<i32>,
}

/// Something that somebody asks of the agent.
#[derive(Debug)]
pub struct Asked {
    /// What.
    pub request: Request,
    /// Who.
    pub peer: Peer,
    /// Takes the answer; whoever drops it has none.
    pub answer: oneshot::Sender<Message>,
}

/// Hands over what somebody asks; never waits.
pub type Asks = Arc<dyn Fn(Asked) + Send + Sync>;

/// The listening socket, on a thread of its own.
#[derive(Debug)]
pub struct Console {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Console {
    /// Listens at `path`, with access for owner and group; `asks` takes what is asked beside looking. While that cannot be, such as because another agent listens there, the log says
    /// so, and it is tried again.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(path: PathBuf, hub: Hub, asks: Asks) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let thread = Builder::new().name("console".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
            match runtime {
                Ok(runtime) => runtime.block_on(server::run(&path, &hub, &asks, stopped)),
                Err(error) => tracing::error!(%error, "nobody can look at the agent from this machine"),
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends every connection and takes the socket away.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}
