//! The readers, and who is told what they read.

use super::intake::{Intake, ReadsIntake};
use super::snapshot::Show;
use super::threads::News;
use crate::clock::Clock;
use crate::config::{Config, ReaderConfig};
use crate::identity::{SharedNames, Sighting};
use crate::output::{LampInput, LampStats};
use crate::reader::port::{Poller, ReaderEvent, ReaderEventKind, ReaderPort, StartError};
use anyhow::Context as _;
use flextraff_common::time::MonoMs;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::SyncSender;

/// A port of this name has no device: reads come from elsewhere.
const NO_DEVICE: &str = "virtual";

/// What a reader tells, once vehicles have their names.
#[derive(Clone, Copy)]
enum Seen {
    Vehicle(Sighting),
    Reader { reader: usize, up: bool, at: MonoMs },
}

impl Seen {
    fn new(event: &ReaderEvent, names: &SharedNames) -> Self {
        let (reader, at) = (event.reader, event.at);
        match &event.kind {
            ReaderEventKind::Read(read) => Self::Vehicle(names.sight(read)),
            ReaderEventKind::Up => Self::Reader { reader, up: true, at },
            ReaderEventKind::Down => Self::Reader { reader, up: false, at },
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
                    Seen::Reader { reader, up, .. } => LampInput::Reader { reader, up },
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
    ) -> Result<Vec<Option<ReaderPort>>, StartError> {
        config.readers.iter().enumerate().map(|(at, reader)| self.read(at, reader, show)).collect()
    }

    /// Starts a reader while the lamps run, if it has a port; whether it could is in the log.
    pub(super) fn read_anew(&self, reader: usize, config: &ReaderConfig, show: &Show) -> Option<ReaderPort> {
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
    ) -> Result<Option<ReaderPort>, StartError> {
        if config.port == NO_DEVICE {
            return Ok(None);
        }
        let (watcher, show) = (self.watcher.clone(), show.clone());
        let (recorder, clock) = (ReadsIntake::new(self.recorder.clone(), reader), Arc::clone(&self.clock));
        let tell = move |event: ReaderEvent| {
            // From here on nobody sees what must not be seen.
            let seen = Seen::new(&event, &show.names);
            watcher.tell(&seen);
            match seen {
                Seen::Vehicle(sighting) => {
                    show.tell(event.reader, &sighting.read);
                    recorder.bring(sighting)
                }
                Seen::Reader { up, at, .. } => {
                    recorder.bring_state(up, at);
                    true
                }
            }
        };
        ReaderPort::start(reader, config, &self.poller, tell, move || clock.mono()).map(Some)
    }
}
