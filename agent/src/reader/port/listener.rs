//! The thread of one reader: opens and closes its line, which may take long, and looks for a reader whose speed is not known. Once a reader is
//! known, all readers' lines are waited for by one thread.

mod serving;
mod telling;
#[cfg(test)]
mod tests;

use super::line::{Line, OpenError};
use super::poller::Poller;
use super::sockets::{Choice, Seat, Seen, Sockets};
use super::usb;
use super::{FoundOut, ReaderEvent, ReaderEventKind, ReaderStats};
use crate::config::{Antennas, Protocol, ReaderConfig, TCP};
use crate::reader::Read;
use crate::reader::driver::{Driver, Problem};
use crate::reader::frame::LineStats;
use crate::reader::prober::{Found, Prober};
use crate::reader::source::Source;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ReaderState;
use serving::Serving;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

/// Longest wait for a byte or a connection: how late the thread may notice a request.
const READ_WAIT: Duration = Duration::from_millis(50);
/// First pause before a port is opened again.
const BACK_OFF: Duration = Duration::from_millis(500);
/// Longest pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
/// A port that was open for so long without a byte, milliseconds, was worth opening: the next pause is short again.
const GOOD_MS: i64 = 10_000;
/// How often what is known about a reader is brought up to date, milliseconds.
const LOOK_MS: i64 = 500;

/// A request to the thread; that the channel is closed means stop.
pub(super) struct Restart;

/// Where device files come from.
pub(super) struct Devices {
    /// Where the kernel tells about them.
    pub(super) sys: PathBuf,
    /// Opens one at a speed.
    pub(super) open: fn(&str, u32) -> Result<Line, OpenError>,
}

impl Default for Devices {
    fn default() -> Self {
        Self { sys: usb::SYS.into(), open: Line::open }
    }
}

/// Why the thread stops listening on an open line.
enum End {
    /// The device is gone; whether it gave any byte.
    Gone { heard: bool },
    /// The other end of a connection has been silent for too long; perhaps it hears nothing of this one any more.
    Silent,
    /// Asked to open it anew.
    Restart,
    /// Asked to end.
    Stop,
    /// A defect: whoever looks after the threads starts another.
    Failed,
}

/// What is done on an open line.
enum Work {
    Probing(Box<Prober>),
    Driving,
}

/// The thread's own state.
pub(super) struct Listener<T, F> {
    reader: usize,
    config: ReaderConfig,
    /// `None` while the protocol is not known.
    driven: Option<(Source, Driver)>,
    found: FoundOut,
    stats: Arc<ReaderStats>,
    poller: Poller,
    events: T,
    requests: Receiver<Restart>,
    now: F,
    devices: Devices,
    /// Figures of sources that are given up.
    before: (LineStats, u64),
    /// Where the adapter was plugged in when it was last open.
    seat: Seat,
    /// Whether the present failure has been logged.
    failing: bool,
    told: Vec<Problem>,
    look_due: MonoMs,
    /// Through which antennas it sees, as it was told.
    antennas: Antennas,
    /// When the line was opened.
    opened: MonoMs,
    /// Whether it was opened anew, or is looked for, because the reader is silent, which it is until it is heard.
    silent: bool,
    /// What to do about its reads that belong to no lane, once there was one.
    misplaced: Option<String>,
}

impl<T: Fn(ReaderEvent) -> bool + Send + 'static, F: Fn() -> MonoMs + Send + 'static> Listener<T, F> {
    pub(super) fn run(mut self) {
        let mut pause = BACK_OFF;
        loop {
            if let Some(line) = self.open() {
                self.opened = (self.now)();
                let Some((listener, end)) = self.listen(line) else { return };
                self = listener;
                self.silent = matches!(end, End::Silent);
                if self.silent {
                    continue;
                }
                self.stats.set_state(ReaderState::Down);
                let listens = self.tell_antennas(Antennas::default());
                if matches!(end, End::Stop | End::Failed) || !listens {
                    return;
                }
                match end {
                    End::Restart => continue,
                    End::Gone { heard } if heard || (self.now)().since(self.opened) >= GOOD_MS => {
                        pause = BACK_OFF;
                    }
                    End::Gone { .. } | End::Silent | End::Stop | End::Failed => {}
                }
            }
            match self.requests.recv_timeout(pause) {
                Ok(Restart) => pause = BACK_OFF,
                Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(BACK_OFF_MAX),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Listens on an open line until there is a reason to leave it; `None` when the thread that waits for it has failed.
    fn listen(mut self, line: Line) -> Option<(Self, End)> {
        let now = (self.now)();
        let work = self.begin(now);
        // A reader that will say something is there when it has.
        let is_awaited = self.driven.as_ref().is_none_or(|(_, driver)| driver.is_awaited());
        if !self.silent && !is_awaited {
            self.stats.set_state(ReaderState::Up);
            let antennas = self.driven.as_ref().map_or(true.into(), |(_, driver)| driver.antennas());
            if !self.tell_antennas(antennas) {
                return Some((self, End::Stop));
            }
        }
        let poller = self.poller.clone();
        let (back, returned) = mpsc::sync_channel(1);
        let mut serving = Box::new(Serving::new(self, line, work, now, back));
        loop {
            serving.search();
            if let Some(end) = serving.end.take() {
                return Some((serving.listener, end));
            }
            poller.bring(serving);
            serving = returned.recv().ok()?;
        }
    }
}

impl<T: Fn(ReaderEvent) -> bool, F: Fn() -> MonoMs> Listener<T, F> {
    pub(super) fn new(
        reader: usize,
        config: ReaderConfig,
        driven: Option<(Source, Driver)>,
        (stats, poller): (Arc<ReaderStats>, Poller),
        events: T,
        requests: Receiver<Restart>,
        now: F,
    ) -> Self {
        let baud = (!config.port.starts_with(TCP)).then_some(config.baud);
        let known = config.protocol != Protocol::Auto;
        let found = FoundOut {
            protocol: known.then_some(config.protocol),
            baud: baud.filter(|_| known),
            detail: None,
        };
        Self {
            reader,
            seat: Sockets::of_this_process().seat(&config),
            config,
            driven,
            found,
            stats,
            poller,
            events,
            requests,
            now,
            before: (LineStats::default(), 0),
            failing: false,
            told: Vec::new(),
            look_due: MonoMs::default(),
            antennas: Antennas::default(),
            opened: MonoMs::default(),
            silent: false,
            misplaced: None,
            devices: Devices::default(),
        }
    }

    fn open(&mut self) -> Option<Line> {
        self.stats.opens.fetch_add(1, Relaxed);
        let baud = self.found.baud.unwrap_or(self.config.baud);
        let opened =
            if self.config.port.starts_with(TCP) { self.connect(baud)? } else { self.open_device(baud) };
        opened.inspect_err(|error| self.cannot_open(error)).ok()
    }

    fn open_device(&mut self, baud: u32) -> Result<Line, OpenError> {
        let sys = &self.devices.sys;
        let configured = PathBuf::from(&self.config.port);
        // A link is resolved anew at each opening; a plain name means the socket that had it first.
        let is_plain = usb::is_plain(&configured);
        let Choice { device, socket } = if is_plain {
            let own = self.seat.socket().and_then(|socket| usb::device_in(sys, &socket));
            let seen = Seen { own, configured: usb::socket(sys, &configured) };
            self.seat.choose(seen, (self.now)())?
        } else {
            Choice { device: configured.clone(), socket: None }
        };
        let line = (self.devices.open)(&device.to_string_lossy(), baud)?;
        // The name stays with the device while it is open: what is seen now is what was opened.
        let opened = usb::socket(sys, &device);
        if !is_plain {
            if let Some(socket) = opened {
                self.seat.hold(socket);
            }
            return Ok(line);
        }
        if socket.is_some() && opened != socket {
            return Err(OpenError::SocketEmpty);
        }
        if let Some(opened) = opened
            && self.seat.take(&opened)?
        {
            tracing::warn!(reader = %self.config.name, port = %device.display(), "reader port is in another USB socket now; its own has stayed empty");
        } else if device != configured {
            tracing::info!(reader = %self.config.name, port = %device.display(), "reader port has another name now");
        }
        Ok(line)
    }

    /// Connects to a reader in the network; `None` when the thread is to end meanwhile.
    fn connect(&self, baud: u32) -> Option<Result<Line, OpenError>> {
        let opened = match Line::opening(self.config.port.clone(), baud) {
            Ok(opened) => opened,
            Err(error) => return Some(Err(error.into())),
        };
        loop {
            match opened.recv_timeout(READ_WAIT) {
                Ok(opened) => return Some(opened),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let defect = io::Error::other("the attempt ended without a result");
                    return Some(Err(defect.into()));
                }
            }
            // A request to open it anew is met by what goes on.
            if matches!(self.requests.try_recv(), Err(TryRecvError::Disconnected)) {
                return None;
            }
        }
    }

    fn cannot_open(&mut self, error: &OpenError) {
        let port = self.config.port.clone();
        let is_missing = matches!(error, OpenError::Serial(_)) && Line::is_missing(&port);
        let way_out = if is_missing { "plug it in, or correct port" } else { error.way_out() };
        self.stats.set_state(ReaderState::Down);
        self.say(Some(format!("{port} cannot be opened ({error}); {way_out}")));
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(reader = %self.config.name, %port, %error, "reader port cannot be opened; trying again");
        }
    }

    /// What to do on a line that was opened: another reader may be at its end.
    fn begin(&mut self, now: MonoMs) -> Work {
        self.look_due = now;
        if self.config.protocol != Protocol::Auto
            && let Some((source, driver)) = &mut self.driven
        {
            source.reset();
            if self.silent {
                driver.handle_reopen(now);
            } else {
                driver.handle_open(now);
            }
            return Work::Driving;
        }
        self.probe(now)
    }

    fn probe(&mut self, now: MonoMs) -> Work {
        if let Some((source, _)) = self.driven.take() {
            let (line, (before, unmapped)) = (source.line(), &mut self.before);
            before.bad_frames += line.bad_frames;
            before.dropped_bytes += line.dropped_bytes;
            *unmapped += source.unmapped();
        }
        let in_network = self.config.port.starts_with(TCP);
        let first = (!in_network).then(|| self.found.baud.unwrap_or(self.config.baud));
        let ReaderConfig { antenna_byte, mode, .. } = self.config;
        Work::Probing(Box::new(Prober::new(Protocol::Auto, first, antenna_byte, mode, now)))
    }

    /// Goes on with a reader that was found; gives what it has read so far.
    fn drive(&mut self, found: Found, now: MonoMs) -> Vec<Read> {
        let Found { protocol, baud, decoder, tags } = found;
        if (self.found.protocol, self.found.baud) != (Some(protocol), baud) {
            let protocol = protocol.name();
            tracing::info!(reader = %self.config.name, protocol, baud, "reader found");
        }
        self.found = FoundOut { protocol: Some(protocol), baud, detail: None };
        // Before the first read is told.
        self.say(None);
        let mut source = Source::of(decoder, &self.config);
        let reads = tags.iter().flat_map(|(at, tag)| source.place(&[*tag], *at)).collect();
        let mut driver = Driver::new(&self.config, protocol);
        driver.handle_found(now);
        self.driven = Some((source, driver));
        self.look_due = now;
        reads
    }

    fn take(&mut self, bytes: &[u8], now: MonoMs) -> Vec<Read> {
        let Some((source, driver)) = &mut self.driven else { return Vec::new() };
        let before = source.frames();
        let reads = if bytes.is_empty() { source.handle_timeout(now) } else { source.feed(bytes, now) };
        if source.frames() > before {
            driver.handle_frames(source.take_signals(), now);
        }
        driver.handle_ports(&source.take_ports());
        driver.handle_timeout(now);
        reads
    }

    fn next_timeout(&self) -> Option<MonoMs> {
        let (source, driver) = self.driven.as_ref()?;
        source.next_timeout().into_iter().chain(driver.next_timeout()).min()
    }

    /// Tells through which antennas it sees, if that has changed; whether anybody still listens.
    fn tell_antennas(&mut self, antennas: Antennas) -> bool {
        if std::mem::replace(&mut self.antennas, antennas) == antennas {
            return true;
        }
        self.stats.set_antennas(antennas);
        let kind = match antennas {
            antennas if antennas == false.into() => ReaderEventKind::Down,
            antennas if antennas == true.into() => ReaderEventKind::Up,
            antennas => ReaderEventKind::UpWithout(antennas),
        };
        self.send((self.now)(), kind)
    }

    /// Whether anybody still listens.
    fn send(&self, at: MonoMs, kind: ReaderEventKind) -> bool {
        (self.events)(ReaderEvent { reader: self.reader, at, kind })
    }
}
