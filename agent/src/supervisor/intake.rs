//! The way to the recorder. Whoever brings something never waits: a card may stand still for minutes, and readers, lamps, plans and people at the
//! console go on meanwhile.

use super::recording::ToKeep;
use crate::config::Config;
use crate::identity::Sighting;
use crate::outbox::Room;
use crate::signal::CycleRecord;
use flextraff_common::hires::Event;
use flextraff_common::ids::Seq;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Ack, Demand, GreenTime};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// Reads that may wait: those of a minute and a half of four readers at 150 a second, of a quarter of an hour of an ordinary street.
const MOST_READS: usize = 65_536;
/// What may wait beyond that: cycles, events, answers of the server, plans.
const MOST_BESIDES: usize = 8192;

/// What the recorder is told.
pub(super) enum RecorderInput {
    Read(Sighting),
    Reader {
        reader: usize,
        up: bool,
        at: MonoMs,
    },
    /// From here on there was no room for a reader's reads; until all that waits is taken, its lanes are not watched.
    Missed {
        reader: usize,
        at: MonoMs,
    },
    Demand(Box<Demand>),
    Cycle(CycleRecord),
    Events(Vec<Event>),
    Ack(Ack),
    NeedRows {
        room: Room,
        in_flight: BTreeSet<Seq>,
    },
    SavePlan {
        plan: Box<GreenTime>,
        received: MonoMs,
    },
    /// What is to be kept beside the outbox.
    Keep(ToKeep),
    /// Another configuration; for each of its readers, whether it is the one that had its place before.
    Reconfigure {
        config: Arc<Config>,
        kept: Vec<bool>,
    },
    Stop,
}

/// Where what is brought waits, and who takes it.
pub(super) fn open() -> (Intake, Inputs) {
    let (sender, receiver) = mpsc::channel();
    let shared = Arc::new(Shared { taken_at: AtomicI64::new(i64::MAX), ..Shared::default() });
    (Intake { sender, shared: Arc::clone(&shared) }, Inputs { receiver, shared })
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    /// Whether the log says that there is no room.
    full: AtomicBool,
    /// When the recorder last looked, monotonic milliseconds.
    taken_at: AtomicI64,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too much waits.
    Full,
    /// The recorder has ended.
    Ended,
}

/// Brings.
#[derive(Clone, Debug)]
pub(super) struct Intake {
    sender: Sender<RecorderInput>,
    shared: Arc<Shared>,
}

impl Intake {
    /// Brings anything but a read. What finds no room is lost, which takes thousands of minutes of cycles; the log says so once.
    pub(super) fn bring(&self, input: RecorderInput) {
        match self.push(input, MOST_READS + MOST_BESIDES) {
            Ok(()) => self.shared.full.store(false, Relaxed),
            Err(Refused::Ended) => tracing::error!("the recorder has ended"),
            Err(Refused::Full) => {
                if !self.shared.full.swap(true, Relaxed) {
                    tracing::error!(
                        "the disk has stood still for so long that cycles, events and answers of the server are lost"
                    );
                }
            }
        }
    }

    fn push(&self, input: RecorderInput, most: usize) -> Result<(), Refused> {
        let result = if self.shared.waiting.fetch_add(1, Relaxed) >= most {
            Err(Refused::Full)
        } else {
            self.sender.send(input).map_err(|_| Refused::Ended)
        };
        result.inspect_err(|_| {
            let _ = self.shared.waiting.fetch_sub(1, Relaxed);
        })
    }

    /// For how long the recorder has not looked, milliseconds: it waits for the disk.
    pub(super) fn idle_ms(&self, now: MonoMs) -> i64 {
        now.since(MonoMs(self.shared.taken_at.load(Relaxed))).max(0)
    }
}

/// The way of one reader's thread to the recorder.
#[derive(Debug)]
pub(super) struct ReadsIntake {
    intake: Intake,
    reader: usize,
    /// Whether the recorder has been told that reads are missed.
    missing: AtomicBool,
}

impl ReadsIntake {
    pub(super) fn new(intake: Intake, reader: usize) -> Self {
        Self { intake, reader, missing: AtomicBool::new(false) }
    }

    /// Brings a read; `false` when the recorder has ended. One that finds no room is lost, and its lane is not watched from then on.
    pub(super) fn bring(&self, sighting: Sighting) -> bool {
        let at = sighting.read.at;
        match self.intake.push(RecorderInput::Read(sighting), MOST_READS) {
            Ok(()) => self.missing.store(false, Relaxed),
            Err(Refused::Ended) => return false,
            Err(Refused::Full) => {
                if !self.missing.swap(true, Relaxed) {
                    self.intake.bring(RecorderInput::Missed { reader: self.reader, at });
                }
            }
        }
        true
    }

    /// Brings that the reader came up or went down.
    pub(super) fn bring_state(&self, up: bool, at: MonoMs) {
        self.intake.bring(RecorderInput::Reader { reader: self.reader, up, at });
    }
}

/// Takes, in the order in which it was brought.
#[derive(Debug)]
pub(super) struct Inputs {
    receiver: Receiver<RecorderInput>,
    shared: Arc<Shared>,
}

impl Inputs {
    /// The next, waited for.
    ///
    /// # Errors
    /// When the time is over, or nobody is left to bring anything.
    pub(super) fn next(&self, wait: Duration) -> Result<RecorderInput, RecvTimeoutError> {
        self.receiver.recv_timeout(wait).inspect(|_| self.count_taken())
    }

    /// Those that are there.
    pub(super) fn waiting(&self) -> impl Iterator<Item = RecorderInput> {
        self.receiver.try_iter().inspect(|_| self.count_taken())
    }

    /// The recorder is at work.
    pub(super) fn beat(&self, now: MonoMs) {
        self.shared.taken_at.store(now.0, Relaxed);
    }

    fn count_taken(&self) {
        self.shared.waiting.fetch_sub(1, Relaxed);
    }
}
