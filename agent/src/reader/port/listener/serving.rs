//! An open line: joins it to prober, driver and source, step by step, and never waits.

use super::super::line::Line;
use super::super::poller::Polled;
use super::super::{ReaderEvent, ReaderEventKind};
use super::{End, LOOK_MS, Listener, READ_WAIT, Restart, Work, telling};
use crate::config::{Antennas, Protocol, TCP};
use crate::reader::Read;
use crate::reader::prober::Probe;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ReaderState;
use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{SyncSender, TryRecvError};
use std::time::Duration;

/// Most bytes that are taken at once.
const MOST_BYTES: usize = 4096;

/// A listener and its open line, in the hands of its own thread or of the one that waits for all lines.
pub(super) struct Serving<T, F> {
    pub(super) listener: Listener<T, F>,
    /// Why the line is to be left.
    pub(super) end: Option<End>,
    line: Line,
    work: Work,
    /// Whether any byte has come.
    heard: bool,
    due: MonoMs,
    back: SyncSender<Box<Self>>,
}

impl<T: Fn(ReaderEvent) -> bool, F: Fn() -> MonoMs> Serving<T, F> {
    /// On a line that was just opened; `back`: where it is handed back to.
    pub(super) fn new(
        listener: Listener<T, F>,
        line: Line,
        work: Work,
        now: MonoMs,
        back: SyncSender<Box<Self>>,
    ) -> Self {
        Self { listener, end: None, line, work, heard: false, due: now, back }
    }

    /// Looks for a reader of unknown speed and family, on the calling thread: a change of speed waits for the adapter, and with one that has
    /// failed for seconds.
    pub(super) fn search(&mut self) {
        while self.end.is_none() && matches!(self.work, Work::Probing(_)) {
            let longest_ms = READ_WAIT.as_millis() as i64;
            let wait_ms = self.due.since((self.listener.now)()).clamp(0, longest_ms);
            match self.line.wait(Duration::from_millis(wait_ms.unsigned_abs())) {
                Ok(readable) => self.go_on((self.listener.now)(), readable),
                Err(error) => self.end = Some(self.gone(&error)),
            }
        }
    }

    /// A defect ends this reader's thread and no other's.
    fn go_on(&mut self, now: MonoMs, readable: bool) {
        let done = catch_unwind(AssertUnwindSafe(|| self.try_step(now, readable)));
        self.end = done.map_or(Some(End::Failed), Result::err);
    }

    fn try_step(&mut self, now: MonoMs, readable: bool) -> Result<(), End> {
        match self.listener.requests.try_recv() {
            Ok(Restart) => return Err(End::Restart),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                // Best effort: a reader that reads on is stopped when it is next opened.
                if let Some((_, driver)) = &self.listener.driven {
                    let _ = self.line.write(&driver.stop());
                }
                return Err(End::Stop);
            }
        }
        let mut buffer = [0; MOST_BYTES];
        let came =
            if readable { self.line.read(&mut buffer).map_err(|error| self.gone(&error))? } else { 0 };
        let reads = self.take(&buffer[..came], now);
        self.send(reads, now)?;
        self.obey().map_err(|error| self.gone(&error))?;
        self.look(now)?;
        let due = match &self.work {
            Work::Probing(prober) => Some(prober.next_timeout()),
            Work::Driving => self.listener.next_timeout(),
        };
        let look_due = self.listener.look_due;
        self.due = due.map_or(look_due, |due| due.min(look_due));
        Ok(())
    }

    /// Takes what came, and what is due without it.
    fn take(&mut self, bytes: &[u8], now: MonoMs) -> Vec<Read> {
        let listener = &mut self.listener;
        if !bytes.is_empty() && !std::mem::replace(&mut self.heard, true) {
            listener.failing = false;
            tracing::info!(reader = %listener.config.name, port = %listener.config.port, "reader is heard");
        }
        let reads = match &mut self.work {
            Work::Probing(prober) => {
                let found = if bytes.is_empty() { None } else { prober.feed(bytes, now) };
                match found.or_else(|| prober.handle_timeout(now)) {
                    Some(found) => {
                        self.work = Work::Driving;
                        listener.drive(found, now)
                    }
                    None => Vec::new(),
                }
            }
            Work::Driving => listener.take(bytes, now),
        };
        listener.set_line();
        listener.log_misplaced(now);
        reads
    }

    fn send(&mut self, reads: Vec<Read>, now: MonoMs) -> Result<(), End> {
        if !self.listener.antennas.are_up() && self.is_there() {
            // That its lanes are watched is known before the first read.
            self.listener.look_due = now;
            self.look(now)?;
        }
        let listener = &mut self.listener;
        if !reads.is_empty() && listener.is_blind() {
            // The first one that belongs to a lane.
            listener.look_due = now;
        }
        for read in reads {
            if !listener.send(now, ReaderEventKind::Read(read)) {
                return Err(End::Stop);
            }
            listener.stats.reads.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    /// Does to the line what prober or driver want.
    fn obey(&mut self) -> io::Result<()> {
        let line = &mut self.line;
        if let Work::Probing(prober) = &mut self.work {
            for probe in prober.take_probes() {
                match probe {
                    Probe::Baud(baud) => line.set_baud(baud)?,
                    Probe::Ask(question) => line.write(&question)?,
                }
            }
        } else if let Some((_, driver)) = &mut self.listener.driven {
            let bytes = driver.take_output();
            if !bytes.is_empty() {
                line.write(&bytes)?;
            }
        }
        Ok(())
    }

    fn is_there(&self) -> bool {
        let driver = self.listener.driven.as_ref().map(|(_, driver)| driver);
        matches!(self.work, Work::Driving) && driver.is_some_and(|driver| !driver.is_awaited())
    }

    /// Brings state and what is known up to date.
    fn look(&mut self, now: MonoMs) -> Result<(), End> {
        let listener = &mut self.listener;
        if now < listener.look_due {
            return Ok(());
        }
        listener.look_due = now + LOOK_MS;
        let (state, detail) = match (&self.work, &listener.driven) {
            (Work::Probing(prober), _) if prober.rounds() > 0 || listener.silent => {
                (Some(ReaderState::Silent), Some(telling::UNRECOGNISED.to_owned()))
            }
            (Work::Driving, Some((_, driver))) if self.heard && driver.has_said_nothing(now) => {
                (Some(ReaderState::Silent), Some(telling::GARBLED.to_owned()))
            }
            (Work::Driving, Some((_, driver))) => {
                let detail = telling::detail(driver, now);
                match (driver.is_silent(now), driver.is_awaited()) {
                    (true, _) => (Some(ReaderState::Silent), detail),
                    (false, true) => (None, detail.or_else(|| Some(telling::AWAITED.to_owned()))),
                    (false, false) => (Some(ReaderState::Up), detail),
                }
            }
            (Work::Probing(_), _) | (Work::Driving, None) => (None, Some(telling::LOOKED_FOR.to_owned())),
        };
        listener.log_problems();
        let is_blind = listener.is_blind();
        let misplaced = listener.misplaced.clone().filter(|_| is_blind);
        listener.say(misplaced.or(detail));
        let before = listener.stats.state();
        let silent = state == Some(ReaderState::Silent);
        // A reader that has not said anything yet is what it was.
        let state = state.map_or(before, |state| if is_blind { ReaderState::Silent } else { state });
        if state != before {
            listener.stats.set_state(state);
            if is_blind {
                // Logged with the read that belongs to no lane.
            } else if silent {
                tracing::warn!(reader = %listener.config.name, "reader is silent");
            } else if before == ReaderState::Silent {
                tracing::info!(reader = %listener.config.name, "reader is heard again");
            }
        }
        let antennas = match &listener.driven {
            _ if state != ReaderState::Up => Antennas::default(),
            Some((_, driver)) => driver.antennas(),
            None => true.into(),
        };
        if !listener.tell_antennas(antennas) {
            return Err(End::Stop);
        }
        let in_network = listener.config.port.starts_with(TCP);
        if silent && in_network && now.since(listener.opened) >= listener.config.silence_ms {
            return Err(End::Silent);
        }
        if silent && listener.config.protocol == Protocol::Auto && matches!(self.work, Work::Driving) {
            listener.silent = true;
            self.work = listener.probe(now);
        }
        Ok(())
    }

    fn gone(&mut self, error: &io::Error) -> End {
        self.listener.log_gone(error);
        End::Gone { heard: self.heard }
    }
}

impl<T: Fn(ReaderEvent) -> bool + Send, F: Fn() -> MonoMs + Send> Polled for Serving<T, F> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.line.fd()
    }

    fn due(&self) -> MonoMs {
        self.due
    }

    fn awaits_answer(&self) -> bool {
        self.listener.driven.as_ref().is_some_and(|(_, driver)| driver.awaits_answer())
    }

    fn step(&mut self, now: MonoMs, readable: bool) -> bool {
        self.go_on(now, readable);
        self.end.is_none() && matches!(self.work, Work::Driving)
    }

    fn hand_back(self: Box<Self>) {
        let back = self.back.clone();
        // Its thread waits for it.
        let _ = back.send(self);
    }
}
