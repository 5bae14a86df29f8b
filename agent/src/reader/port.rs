//! The only part that touches a serial line: one thread a reader.
//!
//! The thread only listens; it never writes to the reader and never sets DTR or RTS, which some readers take for a reset or a trigger. A
//! device that is missing, or goes away, is opened again with a growing pause; a device file that a USB adapter gets back under the same
//! name is therefore found without anybody's help.

use super::Read;
use super::source::Source;
use crate::config::ReaderConfig;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ReaderState;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest wait for a byte: how late the thread may notice a command, or an unfinished frame that is too old.
const READ_WAIT: Duration = Duration::from_millis(50);
/// First pause before a port is opened again.
const BACK_OFF: Duration = Duration::from_millis(500);
/// Longest pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
/// A port that was open for so long without a byte, milliseconds, was worth opening: the next pause is short again.
const GOOD_MS: i64 = 10_000;

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
    /// Its port is open.
    Up,
    /// Its port is gone. A reader counts as down until its first `Up`.
    Down,
}

/// Figures of a reader since the agent started, for the status message.
#[derive(Debug, Default)]
pub struct ReaderStats {
    up: AtomicBool,
    opens: AtomicU64,
    reads: AtomicU64,
    bad_frames: AtomicU64,
    dropped_bytes: AtomicU64,
    unmapped: AtomicU64,
}

impl ReaderStats {
    /// Whether the port is open.
    pub fn state(&self) -> ReaderState {
        if self.up.load(Relaxed) { ReaderState::Up } else { ReaderState::Down }
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

    fn set_line(&self, source: &Source) {
        let line = source.line();
        self.bad_frames.store(line.bad_frames, Relaxed);
        self.dropped_bytes.store(line.dropped_bytes, Relaxed);
        self.unmapped.store(source.unmapped(), Relaxed);
    }
}

/// Why a reader's thread cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No decoder for the protocol.
    #[error("reader \"{0}\": its protocol is not built into this program")]
    NotBuilt(String),
    /// The system gives no thread.
    #[error("reader \"{name}\": no thread to listen on it")]
    Thread {
        /// The reader.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// A request to the thread; that the channel is closed means stop.
struct Restart;

/// A running reader. Dropping it stops the thread without waiting for it.
#[derive(Debug)]
pub struct ReaderPort {
    stats: Arc<ReaderStats>,
    control: Sender<Restart>,
    thread: JoinHandle<()>,
}

impl ReaderPort {
    /// Starts to listen on a reader, which is the `reader`-th of the configuration. A missing device is not an error: it is waited for.
    ///
    /// Events go to `events`; when that channel is full the thread waits, and bytes queue up in the kernel. The thread also ends when
    /// nobody listens to `events` any more. `now` reads the monotonic clock.
    ///
    /// # Errors
    /// When the protocol is not built, or the system gives no thread.
    pub fn start(
        reader: usize,
        config: &ReaderConfig,
        events: SyncSender<ReaderEvent>,
        now: impl Fn() -> MonoMs + Send + 'static,
    ) -> Result<Self, StartError> {
        let name = config.name.clone();
        let source = Source::new(config).ok_or_else(|| StartError::NotBuilt(name.clone()))?;
        let stats = Arc::new(ReaderStats::default());
        let (control, requests) = mpsc::channel();
        let listener = Listener {
            reader,
            name: name.clone(),
            path: config.port.clone(),
            baud: config.baud,
            source,
            stats: Arc::clone(&stats),
            events,
            requests,
            now,
            failing: false,
        };
        let thread = std::thread::Builder::new()
            .name(format!("reader-{reader}"))
            .spawn(move || {
                listener.run();
            })
            .map_err(|source| StartError::Thread { name, source })?;
        Ok(Self { stats, control, thread })
    }

    /// Figures since the start.
    pub fn stats(&self) -> &ReaderStats {
        &self.stats
    }

    /// Closes the port and opens it again at once, as a person would pull and put back the plug. Returns whether the thread still runs.
    pub fn restart(&self) -> bool {
        self.control.send(Restart).is_ok()
    }

    /// Stops the thread and waits for its end. Whoever receives the events must go on receiving, or have hung up, until this returns.
    ///
    /// # Errors
    /// Whatever the thread panicked with.
    pub fn stop(self) -> std::thread::Result<()> {
        drop(self.control);
        self.thread.join()
    }
}

/// Why the thread stops listening on an open port.
enum End {
    /// The device is gone; whether it gave any byte.
    Gone { heard: bool },
    /// Asked to open it anew.
    Restart,
    /// Asked to end.
    Stop,
}

/// The thread's own state.
struct Listener<F> {
    reader: usize,
    name: String,
    path: String,
    baud: u32,
    source: Source,
    stats: Arc<ReaderStats>,
    events: SyncSender<ReaderEvent>,
    requests: mpsc::Receiver<Restart>,
    now: F,
    /// Whether the present failure has been logged.
    failing: bool,
}

impl<F: Fn() -> MonoMs> Listener<F> {
    fn run(mut self) {
        let mut pause = BACK_OFF;
        loop {
            if let Some(port) = self.open() {
                let opened = (self.now)();
                let end = self.listen(port);
                self.stats.up.store(false, Relaxed);
                if matches!(end, End::Stop) || !self.tell(ReaderEventKind::Down) {
                    return;
                }
                match end {
                    End::Restart => continue,
                    End::Gone { heard } if heard || (self.now)().since(opened) >= GOOD_MS => pause = BACK_OFF,
                    End::Gone { .. } | End::Stop => {}
                }
            }
            match self.requests.recv_timeout(pause) {
                Ok(Restart) => pause = BACK_OFF,
                Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(BACK_OFF_MAX),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn open(&mut self) -> Option<Box<dyn serialport::SerialPort>> {
        self.stats.opens.fetch_add(1, Relaxed);
        // 8 data bits, no parity, 1 stop bit, no flow control, exclusive, DTR as the system leaves it: the builder's defaults.
        match serialport::new(&self.path, self.baud).timeout(READ_WAIT).open() {
            Ok(port) => Some(port),
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(reader = %self.name, port = %self.path, %error, "reader port cannot be opened; trying again");
                }
                None
            }
        }
    }

    fn listen(&mut self, mut port: Box<dyn serialport::SerialPort>) -> End {
        self.source.reset();
        self.stats.up.store(true, Relaxed);
        if !self.tell(ReaderEventKind::Up) {
            return End::Stop;
        }
        let mut heard = false;
        let mut buffer = [0; 1024];
        loop {
            match self.requests.try_recv() {
                Ok(Restart) => return End::Restart,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return End::Stop,
            }
            let got = port.read(&mut buffer);
            let now = (self.now)();
            let reads = match got {
                Ok(0) => return self.gone(heard, &io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    if !std::mem::replace(&mut heard, true) {
                        self.failing = false;
                        tracing::info!(reader = %self.name, port = %self.path, "reader is heard");
                    }
                    self.source.feed(&buffer[..bytes], now)
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => self.source.handle_timeout(now),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return self.gone(heard, &error),
            };
            self.stats.set_line(&self.source);
            for read in reads {
                if !self.send(now, ReaderEventKind::Read(read)) {
                    return End::Stop;
                }
                self.stats.reads.fetch_add(1, Relaxed);
            }
        }
    }

    fn gone(&mut self, heard: bool, error: &io::Error) -> End {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(reader = %self.name, port = %self.path, %error, "reader port is gone; trying again");
        }
        End::Gone { heard }
    }

    fn tell(&self, kind: ReaderEventKind) -> bool {
        self.send((self.now)(), kind)
    }

    /// Whether anybody still listens.
    fn send(&self, at: MonoMs, kind: ReaderEventKind) -> bool {
        self.events.send(ReaderEvent { reader: self.reader, at, kind }).is_ok()
    }
}
