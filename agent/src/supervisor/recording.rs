//! The recorder's thread: counts what the readers see, and keeps it.

mod files;
mod lasting;
#[cfg(test)]
mod tests;

pub(super) use files::ToKeep;

use super::intake::{Inputs, RecorderInput};
use super::recorder::{Recorder, RecorderSetup};
use super::restarts::{Pauses, Suspicion};
use super::threads::News;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::identity::SharedNames;
use crate::outbox::Patience;
use flextraff_common::ids::{BootId, OutboxId};
use flextraff_common::time::{Moment, UnixMs};
use lasting::Lasting;
use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use uuid::Uuid;

/// Between attempts to open the outbox.
const AGAIN: Duration = Duration::from_secs(5);
/// Longest wait of the recorder for something to happen.
const LONGEST_WAIT_MS: i64 = 1000;
/// How long a read waits in the recorder for others: to be woken up by each of hundreds a second costs more than to count it.
const COMPANY: Duration = Duration::from_millis(20);
/// Inputs that the recorder takes before it looks at the clock again.
const MOST_AT_ONCE: usize = 4096;

/// Starts counting and outbox.
pub(super) fn record(
    config: &Arc<Config>,
    clock: &Arc<Clock>,
    boot: BootId,
    names: SharedNames,
    inputs: Inputs,
    news: SyncSender<News>,
) -> io::Result<JoinHandle<()>> {
    let (mut lasting, clock) = (Lasting::new(Arc::clone(config)), Arc::clone(clock));
    Builder::new().name("recorder".to_owned()).spawn(move || {
        go_on(&inputs, &clock, Pauses::default(), |starts_anew| {
            let setup = RecorderSetup {
                path: lasting.config.outbox.path.clone(),
                boot,
                new_outbox_id: OutboxId(Uuid::new_v4()),
                all_lanes_watched: false,
                names: names.clone(),
                gives_up: false,
                starts_anew,
            };
            lasting.stored = false;
            let run = || recording(&mut lasting, &clock, setup, &inputs, &news);
            catch_unwind(AssertUnwindSafe(run)).map_err(|_| Failed { stored: lasting.stored })
        });
    })
}

/// A recorder has failed.
struct Failed {
    /// After it had stored something.
    stored: bool,
}

/// Runs recorders until one ends as it was told, each with whether it is to set aside what is stored. What comes between two of them waits; when
/// the end is asked for then, it is tried once more.
fn go_on(
    inputs: &Inputs,
    clock: &Clock,
    mut pauses: Pauses,
    mut run: impl FnMut(bool) -> Result<(), Failed>,
) {
    let mut suspicion = Suspicion::default();
    let mut is_last = false;
    loop {
        let began = clock.mono();
        let Err(Failed { stored }) = run(suspicion.gives_up()) else { return };
        let failed = clock.mono();
        let pause = pauses.after(failed.since(began));
        tracing::error!(
            pause_s = pause.as_secs(),
            "the recorder has failed and goes on from what is stored or waits"
        );
        if is_last || inputs.are_over() {
            return;
        }
        suspicion.handle(stored, failed);
        is_last = !inputs.hold(pause, || clock.mono());
    }
}

fn recording(
    lasting: &mut Lasting,
    clock: &Clock,
    mut setup: RecorderSetup,
    inputs: &Inputs,
    news: &SyncSender<News>,
) {
    let (mut told, mut patience) = (false, Patience::default());
    let recorder = loop {
        let config = Arc::clone(&lasting.config);
        match Recorder::succeed(config, &setup, &mut lasting.remains, &clock.now()) {
            Ok(recorder) => break recorder,
            Err(error) => {
                setup.gives_up = patience.handle(Some(&error), clock.now().mono);
                // Not waited for: it comes again with the next attempt.
                let _ = news.try_send(News::OutboxShut { failure: error.to_string() });
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(%error, "the outbox cannot be opened; signals run, nothing is counted, it is tried again");
                }
            }
        }
        if wait_for_disk(lasting, inputs, clock).is_break() {
            return;
        }
    };
    Desk::open(recorder, lasting, news, &clock.now()).work(|desk| serve(desk, inputs, clock));
}

fn serve(desk: &mut Desk<'_>, inputs: &Inputs, clock: &Clock) {
    loop {
        let wait_ms = desk.recorder.next_timeout().since(clock.now().mono).clamp(0, LONGEST_WAIT_MS);
        let first = inputs.next(Duration::from_millis(wait_ms.unsigned_abs()));
        if matches!(first, Ok(RecorderInput::Read(_))) {
            clock::gather(COMPANY);
        }
        let now = clock.now();
        inputs.beat(now.mono);
        let nobody_left = matches!(first, Err(RecvTimeoutError::Disconnected));
        let turn = desk.turn(first.ok(), inputs, &now);
        if turn.is_break() || nobody_left {
            desk.recorder.flush(&now);
            return;
        }
    }
}

/// The recorder at work.
struct Desk<'a> {
    recorder: Recorder,
    lasting: &'a mut Lasting,
    /// Readers of which reads were missed, until all that waits is taken.
    missed: BTreeSet<usize>,
    news: &'a SyncSender<News>,
    /// The outbox that the main thread knows.
    told: OutboxId,
    /// A moment that the outbox knows to have passed.
    earliest: UnixMs,
    /// Whether the main thread knows that the disk takes nothing.
    told_fails: bool,
}

impl<'a> Desk<'a> {
    fn open(
        mut recorder: Recorder,
        lasting: &'a mut Lasting,
        news: &'a SyncSender<News>,
        now: &Moment,
    ) -> Self {
        let (outbox, earliest) = (recorder.outbox_id(), recorder.earliest());
        let plans = lasting.hand_over(&mut recorder);
        let missed = BTreeSet::new();
        let mut desk = Self { recorder, lasting, missed, news, told: outbox, earliest, told_fails: false };
        desk.raise_readers(now);
        let _ = news.send(News::OutboxOpen { outbox, earliest, plans });
        desk.tell_outbox(now);
        desk
    }

    /// Lets it work until its end. When it fails before, what it has not stored waits for the next recorder.
    fn work(mut self, work: impl FnOnce(&mut Self)) {
        if let Err(failure) = catch_unwind(AssertUnwindSafe(|| work(&mut self))) {
            let Self { recorder, lasting, .. } = self;
            lasting.remains = Some(recorder.into_remains());
            resume_unwind(failure);
        }
    }

    /// Tells the recorder of the readers that are up.
    fn raise_readers(&mut self, now: &Moment) {
        for (reader, antennas) in self.lasting.readers.iter().enumerate() {
            self.recorder.handle_reader(reader, *antennas, now.mono);
        }
    }

    /// Takes what waits, and does what is due; the end where that was asked for.
    fn turn(&mut self, first: Option<RecorderInput>, inputs: &Inputs, now: &Moment) -> ControlFlow<()> {
        self.lasting.files.handle_timeout(now.mono);
        let mut taken = 0;
        for input in first.into_iter().chain(inputs.waiting().take(MOST_AT_ONCE)) {
            taken += 1;
            self.take(input, now)?;
        }
        // The counter's time goes on to now when everything that was read until now is taken: a passage whose reads still wait would close.
        if taken >= MOST_AT_ONCE {
            return Continue(());
        }
        for reader in std::mem::take(&mut self.missed) {
            if let Some(antennas) = self.lasting.readers.get(reader) {
                self.recorder.handle_reader(reader, *antennas, now.mono);
            }
        }
        let told = self.recorder.take_told(now.mono);
        if !told.is_empty() {
            let _ = self.news.try_send(News::Told(told));
        }
        self.recorder.handle_lost(inputs.take_lost());
        let stored = self.recorder.handle_timeout(now);
        self.lasting.stored |= stored;
        let outbox = self.recorder.outbox_id();
        let opened = News::OutboxOpen { outbox, earliest: self.earliest, plans: Vec::new() };
        // Not waited for: it comes again with the next turn.
        if outbox != self.told && self.news.try_send(opened).is_ok() {
            self.told = outbox;
        }
        if stored {
            let _ = self.news.try_send(News::RowsWaiting);
        }
        let fails = self.recorder.fails();
        if stored || fails != std::mem::replace(&mut self.told_fails, fails) {
            self.tell_outbox(now);
        }
        Continue(())
    }

    fn take(&mut self, input: RecorderInput, now: &Moment) -> ControlFlow<()> {
        match input {
            RecorderInput::Read(sighting) => self.recorder.handle_read(sighting),
            RecorderInput::Reader { reader, antennas, at } => {
                self.lasting.readers[reader] = antennas;
                // One whose reads are missed is watched again once all that waits is taken, see `turn`.
                if !antennas.are_up() || !self.missed.contains(&reader) {
                    self.recorder.handle_reader(reader, antennas, at);
                }
            }
            RecorderInput::Missed { reader, at } => {
                tracing::error!(
                    reader = self.lasting.config.readers.get(reader).map(|reader| reader.name.as_str()),
                    "the disk stood still for so long that reads are missed; their lanes count as not watched"
                );
                self.missed.insert(reader);
                self.recorder.handle_reader(reader, false, at);
            }
            RecorderInput::Demand { demand, at } => self.recorder.handle_demand(&demand, &at),
            RecorderInput::Cycle(cycle) => self.recorder.handle_cycle(cycle),
            RecorderInput::Events(events) => self.recorder.handle_events(events),
            RecorderInput::Ack(ack) => {
                self.recorder.handle_ack(&ack);
                self.tell_outbox(now);
            }
            RecorderInput::NeedRows { room, in_flight } => {
                let _ = self.news.try_send(News::Rows(self.recorder.rows(room, &in_flight, now)));
            }
            RecorderInput::SavePlan { plan, received } => self.recorder.save_plan(&plan, received),
            RecorderInput::Keep(keep) => self.lasting.files.handle(keep, now.mono),
            RecorderInput::Reconfigure { config, before } => {
                self.lasting.reconfigure(Arc::clone(&config), &before);
                self.missed.clear();
                self.recorder.reconfigure(config, now.mono);
                self.raise_readers(now);
            }
            RecorderInput::Stop => return Break(()),
        }
        Continue(())
    }

    fn tell_outbox(&mut self, now: &Moment) {
        if let Some(status) = self.recorder.status(now) {
            let counted = self.recorder.counted().to_vec();
            let _ = self.news.try_send(News::Recorded { outbox: status, counted });
        }
    }
}

/// Waits before the outbox is opened again; the end where that was asked for.
fn wait_for_disk(lasting: &mut Lasting, inputs: &Inputs, clock: &Clock) -> ControlFlow<()> {
    let until = clock.now().mono + AGAIN.as_millis() as i64;
    loop {
        let now = clock.now().mono;
        inputs.beat(now);
        let left_ms = until.since(now).max(0).unsigned_abs();
        match inputs.next(Duration::from_millis(left_ms)) {
            Ok(input) => lasting.take(input, now)?,
            Err(RecvTimeoutError::Disconnected) => return Break(()),
            Err(RecvTimeoutError::Timeout) => {
                lasting.files.handle_timeout(now);
                return Continue(());
            }
        }
    }
}
