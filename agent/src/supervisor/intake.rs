//! The way to the recorder. Whoever brings something never waits: a card may stand still for minutes, and readers, lamps, plans and people at the
//! console go on meanwhile.

use super::recorder::{Cause, Losses};
use super::recording::ToKeep;
use crate::config::{Antennas, Config};
use crate::identity::Sighting;
use crate::outbox::Room;
use crate::output::Unkept;
use crate::signal::CycleRecord;
use flextraff_common::hires::Event;
use flextraff_common::ids::Seq;
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{Ack, Demand, GreenTime};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Reads that may wait: those of a minute and a half of four readers at 150 a second, of a quarter of an hour of an ordinary street.
const MOST_READS: usize = 65_536;
/// What may wait beyond that: cycles, events, answers of the server, plans.
const MOST_BESIDES: usize = 8192;
/// Beyond both: which readers are up, since when. Without these a lane that nobody watched would be one without vehicles.
const MOST_STATES: usize = 4096;
/// While more than this waits nothing is brought that comes again.
const MOST_FOR_REPEATS: usize = 1024;
/// In a pause the recorder says so often that it is not the disk that it waits for, milliseconds.
const LONGEST_REST_MS: i64 = 1000;

/// What the recorder is told.
pub(super) enum RecorderInput {
    Read(Sighting),
    Reader {
        reader: usize,
        antennas: Antennas,
        at: MonoMs,
    },
    /// From here on there was no room for a reader's reads; until all that waits is taken, its lanes are not watched.
    Missed {
        reader: usize,
        at: MonoMs,
    },
    Demand {
        demand: Box<Demand>,
        /// When it came.
        at: Moment,
    },
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
    /// Another configuration; for each of its readers, the number that it had before, if it stays.
    Reconfigure {
        config: Arc<Config>,
        before: Vec<Option<usize>>,
    },
    Stop,
}

impl RecorderInput {
    /// Notes what is lost when it is not taken, where nothing else tells of it.
    pub(super) fn lose(&self, losses: &mut Losses, cause: Cause) {
        match self {
            Self::Cycle(cycle) => losses.add_cycle(cycle, cause),
            Self::Events(events) => losses.add_events(events, cause),
            _ => {}
        }
    }
}

/// Where what is brought waits, and who takes it.
pub(super) fn open() -> (Intake, Inputs) {
    let (sender, receiver) = mpsc::channel();
    let shared = Arc::new(Shared { taken_at: AtomicI64::new(i64::MAX), ..Shared::default() });
    let inputs =
        Inputs { receiver, shared: Arc::clone(&shared), held: RefCell::default(), over: Cell::new(false) };
    (Intake { sender, shared }, inputs)
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    /// Whether the log says that there is no room.
    full: AtomicBool,
    /// When the recorder last looked, monotonic milliseconds.
    taken_at: AtomicI64,
    /// What found no room.
    lost: Mutex<Losses>,
}

impl Shared {
    fn lose(&self, input: &RecorderInput) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        input.lose(&mut lost, Cause::StandsStill);
    }
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
    /// Brings anything but a read. What finds no room is lost, which takes thousands of minutes of cycles; the log says so once, and a gap what.
    pub(super) fn bring(&self, input: RecorderInput) {
        let is_state = matches!(input, RecorderInput::Reader { .. } | RecorderInput::Missed { .. });
        let most = MOST_READS + MOST_BESIDES + if is_state { MOST_STATES } else { 0 };
        match self.push(input, most) {
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

    /// Brings again which readers are up, as far as there is time for it.
    pub(super) fn repeat_state(&self, reader: usize, antennas: Antennas, at: MonoMs) {
        let _ = self.push(RecorderInput::Reader { reader, antennas, at }, MOST_FOR_REPEATS);
    }

    /// Takes what was lost before it could be brought; a gap tells of it.
    pub(super) fn lose(&self, unkept: Unkept) {
        self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).add_unkept(unkept);
    }

    fn push(&self, input: RecorderInput, most: usize) -> Result<(), Refused> {
        let result = if self.shared.waiting.fetch_add(1, Relaxed) >= most {
            self.shared.lose(&input);
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
    /// Whether the recorder has been told that reads are missed.
    missing: AtomicBool,
}

impl ReadsIntake {
    pub(super) fn new(intake: Intake) -> Self {
        Self { intake, missing: AtomicBool::new(false) }
    }

    /// Brings a read of the reader of a number; `false` when the recorder has ended. One that finds no room is lost, and its lane is not watched from then on.
    pub(super) fn bring(&self, reader: usize, sighting: Sighting) -> bool {
        let at = sighting.read.at;
        match self.intake.push(RecorderInput::Read(sighting), MOST_READS) {
            Ok(()) => self.missing.store(false, Relaxed),
            Err(Refused::Ended) => return false,
            Err(Refused::Full) => {
                if !self.missing.swap(true, Relaxed) {
                    self.intake.bring(RecorderInput::Missed { reader, at });
                }
            }
        }
        true
    }

    /// Brings that the reader came up or went down, or through which of its antennas it sees.
    pub(super) fn bring_state(&self, reader: usize, antennas: Antennas, at: MonoMs) {
        self.intake.bring(RecorderInput::Reader { reader, antennas, at });
    }
}

/// Takes, in the order in which it was brought.
pub(super) struct Inputs {
    receiver: Receiver<RecorderInput>,
    shared: Arc<Shared>,
    /// Comes first; it counts as waiting.
    held: RefCell<VecDeque<RecorderInput>>,
    /// Whether the end has been taken.
    over: Cell<bool>,
}

impl Inputs {
    /// The next, waited for.
    ///
    /// # Errors
    /// When the time is over, or nobody is left to bring anything.
    pub(super) fn next(&self, wait: Duration) -> Result<RecorderInput, RecvTimeoutError> {
        let held = self.held.borrow_mut().pop_front();
        held.map_or_else(|| self.receiver.recv_timeout(wait), Ok).inspect(|input| self.count_taken(input))
    }

    /// Those that are there.
    pub(super) fn waiting(&self) -> impl Iterator<Item = RecorderInput> {
        let held = std::iter::from_fn(|| self.held.borrow_mut().pop_front());
        held.chain(self.receiver.try_iter()).inspect(|input| self.count_taken(input))
    }

    /// Lets them wait for a while; `false` as soon as the end waits among them, or nobody is left to bring any.
    pub(super) fn hold(&self, pause: Duration, now: impl Fn() -> MonoMs) -> bool {
        let until = now() + pause.as_millis() as i64;
        loop {
            let at = now();
            self.beat(at);
            let left_ms = until.since(at).min(LONGEST_REST_MS);
            if left_ms <= 0 {
                return true;
            }
            match self.receiver.recv_timeout(Duration::from_millis(left_ms.unsigned_abs())) {
                Ok(input) => {
                    let ends = matches!(input, RecorderInput::Stop);
                    self.held.borrow_mut().push_back(input);
                    if ends {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Whether the end has been taken: nothing more is to come.
    pub(super) fn are_over(&self) -> bool {
        self.over.get()
    }

    /// What has found no room since this was asked last.
    pub(super) fn take_lost(&self) -> Losses {
        std::mem::take(&mut *self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The recorder is at work.
    pub(super) fn beat(&self, now: MonoMs) {
        self.shared.taken_at.store(now.0, Relaxed);
    }

    fn count_taken(&self, input: &RecorderInput) {
        self.shared.waiting.fetch_sub(1, Relaxed);
        if matches!(input, RecorderInput::Stop) {
            self.over.set(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::ClockTrust;
    use flextraff_common::hires::EventCode;
    use std::sync::mpsc::channel;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn event(ms: i64) -> RecorderInput {
        RecorderInput::Events(vec![Event::new(MonoMs(ms), EventCode::PhaseOn, 1)])
    }

    fn times(inputs: impl IntoIterator<Item = RecorderInput>) -> Vec<i64> {
        let time = |input| match input {
            RecorderInput::Events(events) => events[0].at.0,
            _ => -1,
        };
        inputs.into_iter().map(time).collect()
    }

    #[test]
    fn a_pause_loses_nothing_and_ends_with_the_agent() {
        let clock = Clock::new(ClockTrust::Always);
        let (intake, inputs) = open();
        intake.bring(event(1));
        assert!(inputs.hold(Duration::from_millis(1), || clock.mono()));
        intake.bring(event(2));
        assert_eq!(inputs.shared.waiting.load(Relaxed), 2, "what is held waits, too");
        let first = inputs.next(Duration::ZERO).ok();
        assert_eq!(times(first.into_iter().chain(inputs.waiting())), [1, 2]);
        assert_eq!(inputs.shared.waiting.load(Relaxed), 0);
        assert!(inputs.hold(Duration::ZERO, || clock.mono()) && !inputs.are_over());
        let (tell, ended) = channel();
        intake.bring(event(3));
        intake.bring(RecorderInput::Stop);
        std::thread::spawn(move || {
            let held = inputs.hold(PATIENCE * 10, || clock.mono());
            tell.send((held, inputs.are_over(), times(inputs.waiting()), inputs.are_over()))
        });
        assert_eq!(ended.recv_timeout(PATIENCE), Ok((false, false, vec![3, -1], true)));
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let (intake, inputs) = open();
        for _ in 0..MOST_READS + MOST_BESIDES {
            intake.bring(event(0));
        }
        assert!(inputs.take_lost().is_empty());
        intake.bring(event(7000));
        intake.bring(event(8000));
        let mut expected = Losses::default();
        let at = |ms| Event::new(MonoMs(ms), EventCode::PhaseOn, 1);
        expected.add_events(&[at(7000), at(8000)], Cause::StandsStill);
        assert_eq!(inputs.take_lost(), expected);
        assert!(inputs.take_lost().is_empty(), "it is told once");
    }

    #[test]
    fn which_readers_are_up_finds_room_when_nothing_else_does_and_is_repeated_when_there_is_time() {
        let (intake, inputs) = open();
        for _ in 0..=MOST_READS + MOST_BESIDES {
            intake.bring(event(0));
        }
        intake.repeat_state(1, true.into(), MonoMs(1));
        ReadsIntake::new(intake.clone()).bring_state(0, false.into(), MonoMs(2));
        let states = |inputs: &Inputs| -> Vec<(usize, bool, MonoMs)> {
            let state = |input| match input {
                RecorderInput::Reader { reader, antennas, at } => Some((reader, antennas.are_up(), at)),
                _ => None,
            };
            inputs.waiting().filter_map(state).collect()
        };
        assert_eq!(states(&inputs), [(0, false, MonoMs(2))]);
        intake.repeat_state(1, true.into(), MonoMs(3));
        assert_eq!(states(&inputs), [(1, true, MonoMs(3))]);
    }
}
