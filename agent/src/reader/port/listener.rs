//! The thread of one reader: opens its line, and joins it to prober, driver and source.

mod telling;
#[cfg(test)]
mod tests;

use super::line::{Line, OpenError};
use super::sockets::{Choice, Seat, Seen, Sockets};
use super::usb;
use super::{FoundOut, ReaderEvent, ReaderEventKind, ReaderStats};
use crate::config::{Protocol, ReaderConfig, TCP};
use crate::reader::Read;
use crate::reader::driver::{Driver, Problem};
use crate::reader::frame::LineStats;
use crate::reader::prober::{Found, Probe, Prober};
use crate::reader::source::Source;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ReaderState;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
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
    watched: bool,
    /// When the line was opened.
    opened: MonoMs,
    /// Whether it was opened anew because the reader is silent, which it is until it is heard.
    silent: bool,
    /// What to do about its reads that belong to no lane, once there was one.
    misplaced: Option<String>,
}

impl<T: Fn(ReaderEvent) -> bool, F: Fn() -> MonoMs> Listener<T, F> {
    pub(super) fn new(
        reader: usize,
        config: ReaderConfig,
        driven: Option<(Source, Driver)>,
        stats: Arc<ReaderStats>,
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
            events,
            requests,
            now,
            before: (LineStats::default(), 0),
            failing: false,
            told: Vec::new(),
            look_due: MonoMs::default(),
            watched: false,
            opened: MonoMs::default(),
            silent: false,
            misplaced: None,
            devices: Devices::default(),
        }
    }

    pub(super) fn run(mut self) {
        let mut pause = BACK_OFF;
        loop {
            if let Some(line) = self.open() {
                self.opened = (self.now)();
                let end = self.listen(line);
                self.silent = matches!(end, End::Silent);
                if self.silent {
                    continue;
                }
                self.stats.set_state(ReaderState::Down);
                let gone = !self.watched || self.tell(ReaderEventKind::Down);
                self.watched = false;
                if matches!(end, End::Stop) || !gone {
                    return;
                }
                match end {
                    End::Restart => continue,
                    End::Gone { heard } if heard || (self.now)().since(self.opened) >= GOOD_MS => {
                        pause = BACK_OFF;
                    }
                    End::Gone { .. } | End::Silent | End::Stop => {}
                }
            }
            match self.requests.recv_timeout(pause) {
                Ok(Restart) => pause = BACK_OFF,
                Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(BACK_OFF_MAX),
                Err(RecvTimeoutError::Disconnected) => return,
            }
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

    fn listen(&mut self, mut line: Line) -> End {
        let now = (self.now)();
        let mut work = self.begin(now);
        self.watched = !self.silent;
        if self.watched {
            self.stats.set_state(ReaderState::Up);
            if !self.tell(ReaderEventKind::Up) {
                return End::Stop;
            }
        }
        let mut heard = false;
        let mut buffer = [0; 1024];
        loop {
            match self.requests.try_recv() {
                Ok(Restart) => return End::Restart,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    // Best effort: a reader that reads on is stopped when it is next opened.
                    if let Some((_, driver)) = &self.driven {
                        let _ = line.write(&driver.stop());
                    }
                    return End::Stop;
                }
            }
            let now = (self.now)();
            if let Err(error) = self.obey(&mut work, &mut line) {
                return self.gone(heard, &error);
            }
            if let Some(end) = self.look(&mut work, now) {
                return end;
            }
            let due = match &work {
                Work::Probing(prober) => Some(prober.next_timeout()),
                Work::Driving => self.next_timeout(),
            };
            let longest_ms = READ_WAIT.as_millis() as i64;
            let wait_ms = due.map_or(longest_ms, |due| due.since(now).clamp(1, longest_ms));
            let got = line.read(&mut buffer, Duration::from_millis(wait_ms.unsigned_abs()));
            let now = (self.now)();
            let bytes = match got {
                Ok(bytes) => {
                    if !std::mem::replace(&mut heard, true) {
                        self.failing = false;
                        tracing::info!(reader = %self.config.name, port = %self.config.port, "reader is heard");
                    }
                    &buffer[..bytes]
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => &[],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return self.gone(heard, &error),
            };
            let reads = match &mut work {
                Work::Probing(prober) => {
                    let found = if bytes.is_empty() { None } else { prober.feed(bytes, now) };
                    match found.or_else(|| prober.handle_timeout(now)) {
                        Some(found) => {
                            work = Work::Driving;
                            self.drive(found, now)
                        }
                        None => Vec::new(),
                    }
                }
                Work::Driving => self.take(bytes, now),
            };
            self.set_line();
            self.log_misplaced(now);
            if !reads.is_empty() && self.is_blind() {
                // That its lanes are watched is known before the next read.
                self.look_due = now;
            }
            for read in reads {
                if !self.send(now, ReaderEventKind::Read(read)) {
                    return End::Stop;
                }
                self.stats.reads.fetch_add(1, Relaxed);
            }
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
        driver.handle_open(now);
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
        driver.handle_timeout(now);
        reads
    }

    fn next_timeout(&self) -> Option<MonoMs> {
        let (source, driver) = self.driven.as_ref()?;
        source.next_timeout().into_iter().chain(driver.next_timeout()).min()
    }

    /// Does to the line what prober or driver want.
    fn obey(&mut self, work: &mut Work, line: &mut Line) -> io::Result<()> {
        if let Work::Probing(prober) = work {
            for probe in prober.take_probes() {
                match probe {
                    Probe::Baud(baud) => line.set_baud(baud)?,
                    Probe::Ask(question) => line.write(&question)?,
                }
            }
        } else if let Some((_, driver)) = &mut self.driven {
            let bytes = driver.take_output();
            if !bytes.is_empty() {
                line.write(&bytes)?;
            }
        }
        Ok(())
    }

    /// Brings state and what is known up to date; gives why the line is to be left.
    fn look(&mut self, work: &mut Work, now: MonoMs) -> Option<End> {
        if now < self.look_due {
            return None;
        }
        self.look_due = now + LOOK_MS;
        let (silent, detail) = match (&*work, &self.driven) {
            (Work::Probing(prober), _) if prober.rounds() > 0 || self.silent => {
                let detail = "no reader was recognised at any usual speed; check its power and cable, or set protocol and baud";
                (true, Some(detail.to_owned()))
            }
            (Work::Driving, Some((_, driver))) => (driver.is_silent(now), telling::detail(driver, now)),
            _ => (false, None),
        };
        self.log_problems();
        let is_blind = self.is_blind();
        let misplaced = self.misplaced.clone().filter(|_| is_blind);
        self.say(misplaced.or(detail));
        let state = if silent || is_blind { ReaderState::Silent } else { ReaderState::Up };
        if state != self.stats.state() {
            self.stats.set_state(state);
            self.watched = state == ReaderState::Up;
            if is_blind {
                // Logged with the read that belongs to no lane.
            } else if silent {
                tracing::warn!(reader = %self.config.name, "reader is silent");
            } else {
                tracing::info!(reader = %self.config.name, "reader is heard again");
            }
            if !self.tell(if self.watched { ReaderEventKind::Up } else { ReaderEventKind::Down }) {
                return Some(End::Stop);
            }
        }
        let in_network = self.config.port.starts_with(TCP);
        if silent && in_network && now.since(self.opened) >= self.config.silence_ms {
            return Some(End::Silent);
        }
        if silent && self.config.protocol == Protocol::Auto && matches!(work, Work::Driving) {
            *work = self.probe(now);
        }
        None
    }

    fn gone(&mut self, heard: bool, error: &io::Error) -> End {
        self.say(Some(format!("{} is gone ({error}); check its cable", self.config.port)));
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(reader = %self.config.name, port = %self.config.port, %error, "reader port is gone; trying again");
        }
        End::Gone { heard }
    }

    fn tell(&self, kind: ReaderEventKind) -> bool {
        self.send((self.now)(), kind)
    }

    /// Whether anybody still listens.
    fn send(&self, at: MonoMs, kind: ReaderEventKind) -> bool {
        (self.events)(ReaderEvent { reader: self.reader, at, kind })
    }
}
