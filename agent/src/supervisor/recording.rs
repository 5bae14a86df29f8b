//! The recorder's thread: counts what the readers see, and keeps it.

mod files;
#[cfg(test)]
mod tests;

pub(super) use files::ToKeep;

use super::intake::{Inputs, RecorderInput};
use super::recorder::{Recorder, RecorderSetup};
use super::threads::News;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::identity::SharedNames;
use crate::outbox::Patience;
use files::Files;
use flextraff_common::ids::{BootId, OutboxId};
use flextraff_common::time::{Moment, UnixMs};
use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    let (mut config, clock) = (Arc::clone(config), Arc::clone(clock));
    let setup = move |config: &Config| RecorderSetup {
        path: config.outbox.path.clone(),
        boot,
        new_outbox_id: OutboxId(Uuid::new_v4()),
        all_lanes_watched: false,
        names: names.clone(),
        gives_up: false,
    };
    Builder::new().name("recorder".to_owned()).spawn(move || {
        let mut up = vec![false; config.readers.len()];
        let mut files = Files::beside(&config.outbox.path);
        loop {
            let setup = setup(&config);
            let run = || recording(&mut config, &clock, &setup, &inputs, &news, (&mut up, &mut files));
            if let Ok(()) = catch_unwind(AssertUnwindSafe(run)) {
                return;
            }
            tracing::error!("the recorder has failed and goes on from what is stored");
        }
    })
}

fn recording(
    config: &mut Arc<Config>,
    clock: &Clock,
    setup: &RecorderSetup,
    inputs: &Inputs,
    news: &SyncSender<News>,
    (up, files): (&mut Vec<bool>, &mut Files),
) {
    let (mut told, mut patience, mut setup) = (false, Patience::default(), setup.clone());
    let recorder = loop {
        match Recorder::open(Arc::clone(&*config), &setup, &clock.now()) {
            Ok(recorder) => break recorder,
            Err(error) => {
                setup.gives_up = patience.handle(Some(&error), clock.now().mono);
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(%error, "the outbox cannot be opened; signals run, nothing is counted, it is tried again");
                }
            }
        }
        if !wait_for_disk(config, inputs, clock, (up, files)) {
            return;
        }
    };
    let mut desk = Desk::open(recorder, config, (up, files), news, &clock.now());
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
    config: &'a mut Arc<Config>,
    /// Which readers are up.
    up: &'a mut Vec<bool>,
    /// What is kept beside the outbox.
    files: &'a mut Files,
    /// Readers of which reads were missed, until all that waits is taken.
    missed: BTreeSet<usize>,
    news: &'a SyncSender<News>,
    /// The outbox that the main thread knows.
    told: OutboxId,
    /// A moment that the outbox knows to have passed.
    earliest: UnixMs,
}

impl<'a> Desk<'a> {
    fn open(
        recorder: Recorder,
        config: &'a mut Arc<Config>,
        (up, files): (&'a mut Vec<bool>, &'a mut Files),
        news: &'a SyncSender<News>,
        now: &Moment,
    ) -> Self {
        let (outbox, earliest) = (recorder.outbox_id(), recorder.earliest());
        let plans = recorder.plans();
        let mut desk =
            Self { recorder, config, up, files, missed: BTreeSet::new(), news, told: outbox, earliest };
        desk.raise_readers(now);
        let _ = news.send(News::OutboxOpen { outbox, earliest, plans });
        desk.tell_outbox(now);
        desk
    }

    /// Tells the recorder of the readers that are up.
    fn raise_readers(&mut self, now: &Moment) {
        for (reader, _) in self.up.iter().enumerate().filter(|(_, up)| **up) {
            self.recorder.handle_reader(reader, true, now.mono);
        }
    }

    /// Takes what waits, and does what is due; the end where that was asked for.
    fn turn(&mut self, first: Option<RecorderInput>, inputs: &Inputs, now: &Moment) -> ControlFlow<()> {
        self.files.handle_timeout(now.mono);
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
            if self.up.get(reader) == Some(&true) {
                self.recorder.handle_reader(reader, true, now.mono);
            }
        }
        let told = self.recorder.take_told(now.mono);
        if !told.is_empty() {
            let _ = self.news.try_send(News::Told(told));
        }
        let stored = self.recorder.handle_timeout(now);
        let outbox = self.recorder.outbox_id();
        let opened = News::OutboxOpen { outbox, earliest: self.earliest, plans: Vec::new() };
        // Not waited for: it comes again with the next turn.
        if outbox != self.told && self.news.try_send(opened).is_ok() {
            self.told = outbox;
        }
        if stored {
            let _ = self.news.try_send(News::RowsWaiting);
            self.tell_outbox(now);
        }
        Continue(())
    }

    fn take(&mut self, input: RecorderInput, now: &Moment) -> ControlFlow<()> {
        match input {
            RecorderInput::Read(sighting) => self.recorder.handle_read(sighting),
            RecorderInput::Reader { reader, up, at } => {
                self.up[reader] = up;
                self.recorder.handle_reader(reader, up, at);
            }
            RecorderInput::Missed { reader, at } => {
                tracing::error!(
                    reader = self.config.readers.get(reader).map(|reader| reader.name.as_str()),
                    "the disk stood still for so long that reads are missed; their lanes count as not watched"
                );
                self.missed.insert(reader);
                self.recorder.handle_reader(reader, false, at);
            }
            RecorderInput::Demand(demand) => self.recorder.handle_demand(&demand, now),
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
            RecorderInput::Keep(keep) => self.files.handle(keep, now.mono),
            RecorderInput::Reconfigure { config, kept } => {
                self.config.clone_from(&config);
                keep_up(self.up, &kept);
                self.missed.clear();
                self.recorder.reconfigure(config, now.mono);
                self.raise_readers(now);
            }
            RecorderInput::Stop => return Break(()),
        }
        Continue(())
    }

    fn tell_outbox(&self, now: &Moment) {
        if let Some(status) = self.recorder.status(now) {
            let counted = self.recorder.counted().to_vec();
            let _ = self.news.try_send(News::Recorded { outbox: status, counted });
        }
    }
}

/// Readers that keep their place stay as they are, others are down.
fn keep_up(up: &mut Vec<bool>, kept: &[bool]) {
    *up = kept.iter().enumerate().map(|(reader, kept)| *kept && up.get(reader) == Some(&true)).collect();
}

/// Waits before the outbox is opened again; `false` when told to stop. Reads of this time cannot be stored: it counts as not observed.
fn wait_for_disk(
    config: &mut Arc<Config>,
    inputs: &Inputs,
    clock: &Clock,
    (up, files): (&mut Vec<bool>, &mut Files),
) -> bool {
    let until = clock.now().mono + AGAIN.as_millis() as i64;
    loop {
        let now = clock.now().mono;
        inputs.beat(now);
        let left_ms = until.since(now).max(0).unsigned_abs();
        match inputs.next(Duration::from_millis(left_ms)) {
            Ok(RecorderInput::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Ok(RecorderInput::Reader { reader, up: is_up, .. }) => up[reader] = is_up,
            Ok(RecorderInput::Keep(keep)) => files.handle(keep, now),
            Ok(RecorderInput::Reconfigure { config: new, kept }) => {
                *config = new;
                keep_up(up, &kept);
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => {
                files.handle_timeout(now);
                return true;
            }
        }
    }
}
