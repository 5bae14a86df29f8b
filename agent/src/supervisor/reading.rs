//! The readers, and who is told what they read.

use super::intake::{Intake, ReadsIntake};
use super::snapshot::Show;
use super::threads::News;
use crate::clock::Clock;
use crate::config::{Antennas, Config, ReaderConfig};
use crate::identity::{SharedNames, Sighting};
use crate::output::{LampInput, LampStats};
use crate::reader::port::{Poller, ReaderEvent, ReaderEventKind, ReaderPort, StartError};
use anyhow::Context as _;
use flextraff_common::time::MonoMs;
use std::ops::Deref;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A port of this name has no device: reads come from elsewhere.
const NO_DEVICE: &str = "virtual";

/// What a reader tells, once vehicles have their names.
#[derive(Clone, Copy)]
enum Seen {
    Vehicle(Sighting),
    Reader { reader: usize, antennas: Antennas, at: MonoMs },
}

impl Seen {
    /// `reader`: the number under which the reader is heard.
    fn new(reader: usize, event: &ReaderEvent, names: &SharedNames) -> Self {
        let at = event.at;
        match &event.kind {
            ReaderEventKind::Read(read) => Self::Vehicle(names.sight(read)),
            ReaderEventKind::Up => Self::Reader { reader, antennas: true.into(), at },
            ReaderEventKind::UpWithout(antennas) => Self::Reader { reader, antennas: *antennas, at },
            ReaderEventKind::Down => Self::Reader { reader, antennas: false.into(), at },
        }
    }
}

/// Who lives on reads besides the recorder. Never waited for: what they miss comes again with the next read, a count would be lost.
#[derive(Clone)]
pub(super) enum Watcher {
    /// The lamp loop.
    Lamps(SyncSender<LampInput>, Arc<LampStats>),
    /// The main thread, for the lamp loop of another device.
    Others(SyncSender<News>),
}

impl Watcher {
    fn tell(&self, seen: &Seen) {
        match (self, *seen) {
            (Self::Lamps(lamps, stats), seen) => {
                let input = match seen {
                    Seen::Vehicle(sighting) => LampInput::Read(sighting),
                    Seen::Reader { reader, antennas, .. } => LampInput::Reader { reader, up: antennas },
                };
                if lamps.try_send(input).is_err() {
                    stats.reads_dropped.fetch_add(1, Relaxed);
                }
            }
            (Self::Others(news), Seen::Vehicle(sighting)) => drop(news.try_send(News::Read(sighting))),
            (Self::Others(_), Seen::Reader { .. }) => {}
        }
    }
}

/// Under which number what a reader tells is heard, its position in the configuration; none: it is for nobody any more.
#[derive(Clone)]
pub(super) struct Heard(Arc<Mutex<Option<usize>>>);

/// While it lives, what a reader tells waits.
pub(super) struct Held<'a>(MutexGuard<'a, Option<usize>>);

impl Held<'_> {
    /// From now on it is heard under another number.
    pub(super) fn renumber(&mut self, reader: usize) {
        *self.0 = Some(reader);
    }
}

impl Heard {
    fn under(reader: usize) -> Self {
        Self(Arc::new(Mutex::new(Some(reader))))
    }

    fn hold(&self) -> Held<'_> {
        Held(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on nothing that it tells reaches anybody, also what it is just about to tell: its number may soon be another one's.
    pub(super) fn end(&self) {
        *self.hold().0 = None;
    }

    /// Whether it is heard; `tell` is called with its number when it is.
    fn tell(&self, tell: impl FnOnce(usize) -> bool) -> bool {
        self.hold().0.is_some_and(tell)
    }
}

/// A reader.
pub(super) struct RunningReader {
    port: ReaderPort,
    heard: Heard,
}

impl RunningReader {
    pub(super) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Lets what it tells wait, for a moment: everybody is to learn of its new number first.
    pub(super) fn hold(&self) -> Held<'_> {
        self.heard.hold()
    }

    /// As [`ReaderPort::stop`].
    pub(super) fn stop(self) -> std::thread::Result<()> {
        self.port.stop()
    }
}

impl Deref for RunningReader {
    type Target = ReaderPort;

    fn deref(&self) -> &ReaderPort {
        &self.port
    }
}

/// Starts readers.
pub(super) struct Reading {
    poller: Poller,
    clock: Arc<Clock>,
    recorder: Intake,
    watcher: Watcher,
}

impl Reading {
    /// Starts the thread that waits for all readers.
    pub(super) fn start(clock: &Arc<Clock>, recorder: &Intake, watcher: Watcher) -> anyhow::Result<Self> {
        let time = Arc::clone(clock);
        let poller = Poller::start(move || time.mono()).context("no thread to wait for readers")?;
        Ok(Self { poller, clock: Arc::clone(clock), recorder: recorder.clone(), watcher })
    }

    /// Starts each reader that has a port.
    pub(super) fn read_all(
        &self,
        config: &Config,
        show: &Show,
    ) -> Result<Vec<Option<RunningReader>>, StartError> {
        config.readers.iter().enumerate().map(|(at, reader)| self.read(at, reader, show)).collect()
    }

    /// Starts a reader while the lamps run, if it has a port; whether it could is in the log.
    pub(super) fn read_anew(
        &self,
        reader: usize,
        config: &ReaderConfig,
        show: &Show,
    ) -> Option<RunningReader> {
        self.read(reader, config, show).unwrap_or_else(|error| {
            tracing::error!(reader = config.name, %error, "it cannot be started");
            None
        })
    }

    fn read(
        &self,
        reader: usize,
        config: &ReaderConfig,
        show: &Show,
    ) -> Result<Option<RunningReader>, StartError> {
        if config.port == NO_DEVICE {
            return Ok(None);
        }
        let heard = Heard::under(reader);
        let (tell, clock) = (self.teller(show, heard.clone()), Arc::clone(&self.clock));
        let port = ReaderPort::start(reader, config, &self.poller, tell, move || clock.mono())?;
        Ok(Some(RunningReader { port, heard }))
    }

    /// Tells what a reader tells to everybody who lives on it, as long as it is heard; whether anybody is left.
    fn teller(&self, show: &Show, heard: Heard) -> impl Fn(ReaderEvent) -> bool + use<> {
        let (watcher, show) = (self.watcher.clone(), show.clone());
        let recorder = ReadsIntake::new(self.recorder.clone());
        let tell = move |reader: usize, event: ReaderEvent| {
            // From here on nobody sees what must not be seen.
            let seen = Seen::new(reader, &event, &show.names);
            watcher.tell(&seen);
            match seen {
                Seen::Vehicle(sighting) => {
                    // By the number that it had when it started: what is shown goes by the configuration of then.
                    show.tell(event.reader, &sighting.read);
                    recorder.bring(reader, sighting)
                }
                Seen::Reader { antennas, at, .. } => {
                    recorder.bring_state(reader, antennas, at);
                    true
                }
            }
        };
        move |event| heard.tell(|reader| tell(reader, event))
    }
}

#[cfg(test)]
mod tests {
    use super::super::intake::{self, RecorderInput};
    use super::*;
    use crate::config::{ClockTrust, Privacy, parse};
    use crate::console::Hub;
    use crate::identity::{KeptKeys, Names};
    use std::path::Path;

    #[test]
    fn a_reader_is_heard_under_its_present_number_and_one_that_is_no_longer_wanted_not_at_all() {
        let text = include_str!("../../../config/agent.toml");
        let config =
            Arc::new(parse(Path::new("agent.toml"), text).expect("the example configuration is right"));
        let clock = Arc::new(Clock::new(ClockTrust::Always));
        let names = Names::new(Privacy::Raw, KeptKeys::default(), Box::new(|| [7; 32]), clock.now());
        let show =
            Show { names: SharedNames::new(names), hub: Hub::default(), config, clock: Arc::clone(&clock) };
        let (recorder, inputs) = intake::open();
        let (news, _inbox) = std::sync::mpsc::sync_channel(8);
        let reading = Reading::start(&clock, &recorder, Watcher::Others(news)).expect("a thread");
        let heard = Heard::under(0);
        let tell = reading.teller(&show, heard.clone());
        let up = ReaderEvent { reader: 0, at: clock.mono(), kind: ReaderEventKind::Up };
        let told = || {
            let told = inputs.waiting().map(|input| match input {
                RecorderInput::Reader { reader, .. } => reader,
                _ => panic!("it was told something else"),
            });
            told.collect::<Vec<_>>()
        };
        assert!(tell(up));
        assert_eq!(told(), [0]);
        heard.hold().renumber(3);
        assert!(tell(up));
        assert_eq!(told(), [3], "its thread does not know");
        heard.end();
        assert!(!tell(up), "so its thread ends");
        assert_eq!(inputs.waiting().count(), 0, "its number may be another one's");
    }
}
