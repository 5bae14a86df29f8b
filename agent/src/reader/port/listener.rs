//! The thread of one reader: opens its line, and joins it to prober, driver and source.

use super::line::{Line, OpenError};
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
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

/// Longest wait for a byte, milliseconds: how late the thread may notice a request.
const READ_WAIT_MS: i64 = 50;
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

/// Why the thread stops listening on an open line.
enum End {
    /// The device is gone; whether it gave any byte.
    Gone { heard: bool },
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
    /// Figures of sources that are given up.
    before: (LineStats, u64),
    /// Where the adapter was plugged in when it was last open.
    socket: Option<PathBuf>,
    /// Whether the present failure has been logged.
    failing: bool,
    told: Vec<Problem>,
    look_due: MonoMs,
    watched: bool,
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
            config,
            driven,
            found,
            stats,
            events,
            requests,
            now,
            before: (LineStats::default(), 0),
            socket: None,
            failing: false,
            told: Vec::new(),
            look_due: MonoMs::default(),
            watched: false,
        }
    }

    pub(super) fn run(mut self) {
        let mut pause = BACK_OFF;
        loop {
            if let Some(line) = self.open() {
                let opened = (self.now)();
                let end = self.listen(line);
                self.stats.set_state(ReaderState::Down);
                let gone = !self.watched || self.tell(ReaderEventKind::Down);
                self.watched = false;
                if matches!(end, End::Stop) || !gone {
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

    fn open(&mut self) -> Option<Line> {
        self.stats.opens.fetch_add(1, Relaxed);
        let sys = Path::new(usb::SYS);
        let configured = PathBuf::from(&self.config.port);
        let moved = self.socket.as_ref().and_then(|socket| usb::device_in(sys, socket));
        let device = moved.unwrap_or_else(|| configured.clone());
        let baud = self.found.baud.unwrap_or(self.config.baud);
        match Line::open(&device.to_string_lossy(), baud) {
            Ok(line) => {
                if device != configured {
                    tracing::info!(reader = %self.config.name, port = %device.display(), "reader port has another name now");
                }
                // A link is resolved anew at each opening; a plain name means the socket that had it first.
                if usb::socket(sys, &configured).is_some() || self.socket.is_some() {
                    self.socket = usb::socket(sys, &device);
                }
                Some(line)
            }
            Err(error) => {
                self.cannot_open(&error);
                None
            }
        }
    }

    fn cannot_open(&mut self, error: &OpenError) {
        let port = self.config.port.clone();
        let way_out = match error {
            _ if Line::is_missing(&port) => "plug it in, or correct port",
            OpenError::Serial(error) if error.kind == serialport::ErrorKind::NoDevice => {
                "another program holds it; stop that"
            }
            OpenError::Serial(_) => "check that the agent's user is in the group dialout",
            OpenError::Connection(_) | OpenError::NoSuchHost => {
                "check the reader's power, network and address"
            }
        };
        self.say(Some(format!("{port} cannot be opened ({error}); {way_out}")));
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(reader = %self.config.name, %port, %error, "reader port cannot be opened; trying again");
        }
    }

    fn listen(&mut self, mut line: Line) -> End {
        let now = (self.now)();
        let mut work = self.begin(now);
        self.stats.set_state(ReaderState::Up);
        self.watched = true;
        if !self.tell(ReaderEventKind::Up) {
            return End::Stop;
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
            if !self.look(&mut work, now) {
                return End::Stop;
            }
            let due = match &work {
                Work::Probing(prober) => Some(prober.next_timeout()),
                Work::Driving => self.next_timeout(),
            };
            let wait_ms = due.map_or(READ_WAIT_MS, |due| due.since(now).clamp(1, READ_WAIT_MS));
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
            driver.handle_open(now);
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

    /// Brings state and what is known up to date; whether anybody still listens.
    fn look(&mut self, work: &mut Work, now: MonoMs) -> bool {
        if now < self.look_due {
            return true;
        }
        self.look_due = now + LOOK_MS;
        let (silent, detail) = match (&*work, &self.driven) {
            (Work::Probing(prober), _) => {
                let detail = (prober.rounds() > 0).then(|| {
                    "no reader was recognised at any usual speed; check its power and cable, or set protocol and baud".to_owned()
                });
                (prober.rounds() > 0, detail)
            }
            (Work::Driving, Some((_, driver))) => (driver.is_silent(now), detail(driver, now)),
            (Work::Driving, None) => (false, None),
        };
        self.log_problems();
        if silent && self.config.protocol == Protocol::Auto && matches!(work, Work::Driving) {
            *work = self.probe(now);
        }
        self.say(detail);
        let state = if silent { ReaderState::Silent } else { ReaderState::Up };
        if state == self.stats.state() {
            return true;
        }
        self.stats.set_state(state);
        self.watched = !silent;
        if silent {
            tracing::warn!(reader = %self.config.name, "reader is silent");
        } else {
            tracing::info!(reader = %self.config.name, "reader is heard again");
        }
        self.tell(if silent { ReaderEventKind::Down } else { ReaderEventKind::Up })
    }

    /// Each problem once, when the reader has been told everything.
    fn log_problems(&mut self) {
        let Some((_, driver)) = self.driven.as_ref().filter(|(_, driver)| driver.is_settled()) else {
            return;
        };
        for problem in driver.problems() {
            if !self.told.contains(problem) {
                tracing::warn!(reader = %self.config.name, "the reader {problem}");
            }
        }
        self.told = driver.problems().to_vec();
    }

    fn say(&mut self, detail: Option<String>) {
        let now = FoundOut { detail, ..self.found.clone() };
        if now != self.stats.found() {
            self.stats.set_found(now);
        }
    }

    fn set_line(&self) {
        let (LineStats { bad_frames, dropped_bytes }, unmapped) = self.before;
        let source = self.driven.as_ref().map(|(source, _)| source);
        let line = source.map(Source::line).unwrap_or_default();
        self.stats.bad_frames.store(bad_frames + line.bad_frames, Relaxed);
        self.stats.dropped_bytes.store(dropped_bytes + line.dropped_bytes, Relaxed);
        self.stats.unmapped.store(unmapped + source.map_or(0, Source::unmapped), Relaxed);
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

/// What is wrong with a reader, and what to do.
fn detail(driver: &Driver, now: MonoMs) -> Option<String> {
    let mut text = String::new();
    if driver.is_silent(now) {
        let quiet_s = driver.quiet_ms(now) / 1000;
        let _ = write!(
            text,
            "nothing intact came for {quiet_s} s; check the reader's power, cable, protocol and baud"
        );
    }
    for problem in driver.problems() {
        let _ = write!(text, "{}the reader {problem}", if text.is_empty() { "" } else { "; " });
    }
    (!text.is_empty()).then_some(text)
}
