//! The only part that touches a serial line, or a reader in the network: one thread waits for the bytes of all of them, one for each opens and
//! closes its line.
//!
//! Nobody sets DTR or RTS, which some readers take for a reset or a trigger. A device that is missing, or goes away, is opened
//! again with a growing pause.

mod line;
mod listener;
mod poller;
mod sockets;
mod usb;

pub use line::{Line, OpenError};
pub use poller::{BEAT, Poller};

use super::Read;
use super::driver::Driver;
use super::source::Source;
use crate::config::{Antennas, Protocol, ReaderConfig};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ReaderState;
use listener::{Listener, Restart};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// What a reader's thread tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReaderEvent {
    /// Position of the reader in the configuration.
    pub reader: usize,
    /// When it happened.
    pub at: MonoMs,
    /// What happened.
    pub kind: ReaderEventKind,
}

/// What happened at a reader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReaderEventKind {
    /// It read a tag.
    Read(Read),
    /// Its port is open, or it is heard again.
    Up,
    /// It is up, and not all of its antennas are there.
    UpWithout(Antennas),
    /// Its port is gone, or it has fallen silent. A reader counts as down until its first `Up`.
    Down,
}

/// What is known about a reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundOut {
    /// Its family; `None` until it is known.
    pub protocol: Option<Protocol>,
    /// Bits per second; `None` in the network, and until it is known.
    pub baud: Option<u32>,
    /// What is wrong and what to do about it.
    pub detail: Option<String>,
}

/// Figures of a reader since the agent started, for the status message.
#[derive(Debug, Default)]
pub struct ReaderStats {
    state: Mutex<ReaderState>,
    antennas: Mutex<Antennas>,
    found: Mutex<FoundOut>,
    opens: AtomicU64,
    reads: AtomicU64,
    bad_frames: AtomicU64,
    dropped_bytes: AtomicU64,
    unmapped: AtomicU64,
}

impl ReaderStats {
    /// Whether the port is open and the reader gives the signs of life that it owes.
    pub fn state(&self) -> ReaderState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Through which antennas it sees: none unless it is up.
    pub fn antennas(&self) -> Antennas {
        *self.antennas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known about it.
    pub fn found(&self) -> FoundOut {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often the port was opened or tried to.
    pub fn opens(&self) -> u64 {
        self.opens.load(Relaxed)
    }

    /// Reads delivered.
    pub fn reads(&self) -> u64 {
        self.reads.load(Relaxed)
    }

    /// Frames with a wrong checksum.
    pub fn bad_frames(&self) -> u64 {
        self.bad_frames.load(Relaxed)
    }

    /// Bytes that belonged to no frame.
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes.load(Relaxed)
    }

    /// Tags from antennas that the configuration puts on no lane.
    pub fn unmapped(&self) -> u64 {
        self.unmapped.load(Relaxed)
    }

    fn set_state(&self, state: ReaderState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn set_antennas(&self, antennas: Antennas) {
        *self.antennas.lock().unwrap_or_else(PoisonError::into_inner) = antennas;
    }

    fn set_found(&self, found: FoundOut) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// Why a reader's thread cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives no thread.
    #[error("reader \"{name}\": no thread to listen on it")]
    Thread {
        /// The reader.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// A running reader. Dropping it stops the thread without waiting for it.
#[derive(Debug)]
pub struct ReaderPort {
    stats: Arc<ReaderStats>,
    poller: Poller,
    control: Sender<Restart>,
    thread: JoinHandle<()>,
}

impl ReaderPort {
    /// Starts to listen on a reader, which is the `reader`-th of the configuration. A missing device is not an error: it is waited for.
    ///
    /// `poller` waits for its bytes. `tell` takes every event and says whether anybody still listens; else the thread ends. It is not to wait: the other
    /// readers do so too.
    /// `now` reads the monotonic clock.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        reader: usize,
        config: &ReaderConfig,
        poller: &Poller,
        tell: impl Fn(ReaderEvent) -> bool + Send + 'static,
        now: impl Fn() -> MonoMs + Send + 'static,
    ) -> Result<Self, StartError> {
        let name = config.name.clone();
        let stats = Arc::new(ReaderStats::default());
        let (control, requests) = mpsc::channel();
        let driven = Source::new(config).map(|source| (source, Driver::new(config, config.protocol)));
        let listener = Listener::new(
            reader,
            config.clone(),
            driven,
            (Arc::clone(&stats), poller.clone()),
            tell,
            requests,
            now,
        );
        let thread = std::thread::Builder::new()
            .name(format!("reader-{reader}"))
            .spawn(move || listener.run())
            .map_err(|source| StartError::Thread { name, source })?;
        Ok(Self { stats, poller: poller.clone(), control, thread })
    }

    /// Figures since the start.
    pub fn stats(&self) -> &ReaderStats {
        &self.stats
    }

    /// Closes the port and opens it again at once, as a person would pull and put back the plug. Returns whether the thread still runs.
    pub fn restart(&self) -> bool {
        let runs = self.control.send(Restart).is_ok();
        self.poller.ring();
        runs
    }

    /// Whether the thread has ended without being told to: a defect.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Stops the thread and waits for its end. Whoever receives the events must go on receiving, or have hung up, until this returns.
    ///
    /// # Errors
    /// Whatever the thread panicked with.
    pub fn stop(self) -> std::thread::Result<()> {
        drop(self.control);
        self.poller.ring();
        self.thread.join()
    }
}
