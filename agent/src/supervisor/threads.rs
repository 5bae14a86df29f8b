//! The threads and what goes between them.

use super::recorder::{Recorder, RecorderSetup};
use super::snapshot::Show;
use crate::clock::{self, Clock};
use crate::config::{Config, ReaderConfig};
use crate::console::Asked;
use crate::identity::{SharedNames, Sighting};
use crate::link::session::SessionConfig;
use crate::link::{self, LinkEvent, LinkRequest};
use crate::outbox::{Outgoing, Patience, Room};
use crate::output::{self, LampError, LampEvent, LampInput, LampParts, LampStats};
use crate::reader::port::{ReaderEvent, ReaderEventKind, ReaderPort, StartError};
use crate::service::Feeder;
use crate::signal::CycleRecord;
use flextraff_common::hires::Event;
use flextraff_common::ids::{BootId, OutboxId, Seq};
use flextraff_common::time::{Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Ack, Demand, DemandPassage, GreenTime, OutboxStatus};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::mpsc as async_mpsc;
use uuid::Uuid;

/// A port of this name has no device: reads come from elsewhere.
const NO_DEVICE: &str = "virtual";
/// Between attempts to open the outbox, and before a failed part starts anew.
const AGAIN: Duration = Duration::from_secs(5);
/// Longest wait of the recorder for something to happen.
const LONGEST_WAIT_MS: i64 = 1000;
/// How long a read waits in the recorder for others: to be woken up by each of hundreds a second costs more than to count it.
const COMPANY: Duration = Duration::from_millis(20);
/// Inputs that the recorder takes before it looks at the clock again.
const MOST_AT_ONCE: usize = 4096;
/// How long the goodbye to the broker may take.
const GOODBYE: Duration = Duration::from_secs(3);

/// What the main thread is told.
pub(super) enum News {
    /// By the lamp loop.
    Lamp(LampEvent),
    /// By a reader, where the reads go to another device's lamp loop.
    Read(Sighting),
    /// By the link.
    Link(LinkEvent),
    /// The outbox is open; `earliest`: it is later than this; the plans of before the restart, and when they had come, if in this uptime.
    OutboxOpen { outbox: OutboxId, earliest: UnixMs, plans: Vec<(Box<GreenTime>, Option<MonoMs>)> },
    /// Rows that the link asked for.
    Rows(Vec<Outgoing>),
    /// By somebody at this machine.
    Asked(Asked),
    /// The outbox has new rows.
    RowsWaiting,
    /// How full the outbox is, and the passages counted on each lane since the agent started.
    Recorded { outbox: OutboxStatus, counted: Vec<u64> },
    /// SIGHUP.
    Reload,
    /// By the recorder: what other devices of the junction are to be told of vehicles in the stop-line zones.
    Told(Vec<DemandPassage>),
    /// SIGTERM or SIGINT.
    Stop,
}

/// What the recorder is told.
pub(super) enum RecorderInput {
    Read(Sighting),
    Reader {
        reader: usize,
        up: bool,
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
    /// Another configuration; for each of its readers, whether it is the one that had its place before.
    Reconfigure {
        config: Arc<Config>,
        kept: Vec<bool>,
    },
    Stop,
}

/// Tells the main thread of SIGHUP, SIGTERM and SIGINT; the second one that asks to end ends the process at once.
pub(super) fn heed_signals(news: SyncSender<News>) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGTERM, SIGINT])?;
    Builder::new().name("signals".to_owned()).spawn(move || {
        let mut asked = 0;
        for signal in &mut signals {
            if signal == SIGHUP {
                let _ = news.send(News::Reload);
                continue;
            }
            asked += 1;
            // The second one hurries the end.
            if asked > 2 {
                std::process::exit(1);
            }
            let _ = news.send(News::Stop);
        }
    })?;
    Ok(())
}

/// Starts the lamp loop, and a thread that passes its events on.
pub(super) fn drive_lamps(
    parts: LampParts,
    clock: Arc<Clock>,
    events: Receiver<LampEvent>,
    news: SyncSender<News>,
) -> io::Result<JoinHandle<Result<(), LampError>>> {
    Builder::new().name("lamp-news".to_owned()).spawn(move || {
        for event in events {
            if news.send(News::Lamp(event)).is_err() {
                return;
            }
        }
    })?;
    let stats = Arc::clone(&parts.stats);
    Builder::new().name("lamps".to_owned()).spawn(move || {
        let mut feeder = Feeder::default();
        let mut due_us = None;
        // Whole milliseconds would make each tick late by half of one.
        let left =
            |due: MonoMs| Duration::from_micros((due.0 * 1000 - clock.mono_us()).max(0).unsigned_abs());
        output::run(parts, &|| clock.now(), &left, &mut || {
            let written_us = clock.mono_us();
            if let Some(due_us) = due_us.replace(next_tick_us(written_us)) {
                stats.written.record((written_us - due_us).max(0).unsigned_abs());
            }
            feeder.tick();
        })
    })
}

/// When the lamp loop writes next, after a moment, microseconds.
const fn next_tick_us(now_us: i64) -> i64 {
    let tick_us = output::TICK_MS * 1000;
    now_us - now_us.rem_euclid(tick_us) + tick_us
}

/// Starts counting and outbox.
pub(super) fn record(
    config: &Arc<Config>,
    clock: &Arc<Clock>,
    boot: BootId,
    names: SharedNames,
    inputs: Receiver<RecorderInput>,
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
        loop {
            let setup = setup(&config);
            let run = || recording(&mut config, &clock, &setup, &inputs, &news, &mut up);
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
    inputs: &Receiver<RecorderInput>,
    news: &SyncSender<News>,
    up: &mut Vec<bool>,
) {
    let (mut told, mut patience, mut setup) = (false, Patience::default(), setup.clone());
    let mut recorder = loop {
        match Recorder::open(Arc::clone(&*config), &setup, &clock.now()) {
            Ok(recorder) => break recorder,
            Err(error) => {
                setup.gives_up = patience.handle(Some(&error), clock.now().mono);
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(%error, "the outbox cannot be opened; signals run, nothing is counted, it is tried again");
                }
            }
        }
        if !wait_for_disk(config, inputs, clock, up) {
            return;
        }
    };
    for (reader, _) in up.iter().enumerate().filter(|(_, up)| **up) {
        recorder.handle_reader(reader, true, clock.now().mono);
    }
    let plans = recorder.plans();
    let (mut outbox, earliest) = (recorder.outbox_id(), recorder.earliest());
    let _ = news.send(News::OutboxOpen { outbox, earliest, plans });
    tell_outbox(&recorder, &clock.now(), news);
    loop {
        let wait_ms = recorder.next_timeout().since(clock.now().mono).clamp(0, LONGEST_WAIT_MS);
        let first = inputs.recv_timeout(Duration::from_millis(wait_ms.unsigned_abs()));
        if matches!(first, Ok(RecorderInput::Read(_))) {
            clock::gather(COMPANY);
        }
        // Everything that was read until now is taken before the counter's time goes on to now.
        let now = clock.now();
        let stop = matches!(first, Err(RecvTimeoutError::Disconnected));
        let waiting = first.into_iter().chain(inputs.try_iter().take(MOST_AT_ONCE));
        for input in waiting {
            match input {
                RecorderInput::Read(sighting) => recorder.handle_read(sighting),
                RecorderInput::Reader { reader, up: is_up, at } => {
                    up[reader] = is_up;
                    recorder.handle_reader(reader, is_up, at);
                }
                RecorderInput::Demand(demand) => recorder.handle_demand(&demand, &now),
                RecorderInput::Cycle(cycle) => recorder.handle_cycle(cycle),
                RecorderInput::Events(events) => recorder.handle_events(events),
                RecorderInput::Ack(ack) => {
                    recorder.handle_ack(&ack);
                    tell_outbox(&recorder, &now, news);
                }
                RecorderInput::NeedRows { room, in_flight } => {
                    let _ = news.try_send(News::Rows(recorder.rows(room, &in_flight, &now)));
                }
                RecorderInput::SavePlan { plan, received } => recorder.save_plan(&plan, received),
                RecorderInput::Reconfigure { config: new, kept } => {
                    config.clone_from(&new);
                    keep_up(up, &kept);
                    recorder.reconfigure(new, now.mono);
                    for (reader, _) in up.iter().enumerate().filter(|(_, up)| **up) {
                        recorder.handle_reader(reader, true, now.mono);
                    }
                }
                RecorderInput::Stop => {
                    recorder.flush(&clock.now());
                    return;
                }
            }
        }
        let told = recorder.take_told(now.mono);
        if !told.is_empty() {
            let _ = news.try_send(News::Told(told));
        }
        let stored = recorder.handle_timeout(&now);
        let present = recorder.outbox_id();
        let opened = News::OutboxOpen { outbox: present, earliest, plans: Vec::new() };
        // Not waited for: the main thread may be waiting for this one.
        if present != outbox && news.try_send(opened).is_ok() {
            outbox = present;
        }
        if stored {
            let _ = news.try_send(News::RowsWaiting);
            tell_outbox(&recorder, &now, news);
        }
        if stop {
            recorder.flush(&now);
            return;
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
    inputs: &Receiver<RecorderInput>,
    clock: &Clock,
    up: &mut Vec<bool>,
) -> bool {
    let until = clock.now().mono + AGAIN.as_millis() as i64;
    loop {
        let left_ms = until.since(clock.now().mono).max(0).unsigned_abs();
        match inputs.recv_timeout(Duration::from_millis(left_ms)) {
            Ok(RecorderInput::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Ok(RecorderInput::Reader { reader, up: is_up, .. }) => up[reader] = is_up,
            Ok(RecorderInput::Reconfigure { config: new, kept }) => {
                *config = new;
                keep_up(up, &kept);
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return true,
        }
    }
}

fn tell_outbox(recorder: &Recorder, now: &Moment, news: &SyncSender<News>) {
    if let Some(status) = recorder.status(now) {
        let _ = news.try_send(News::Recorded { outbox: status, counted: recorder.counted().to_vec() });
    }
}

/// What a reader's thread tells, once vehicles have their names.
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

impl From<Seen> for RecorderInput {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::Vehicle(sighting) => Self::Read(sighting),
            Seen::Reader { reader, up, at } => Self::Reader { reader, up, at },
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

/// Starts a thread for each reader that has a port.
pub(super) fn read(
    config: &Config,
    clock: &Arc<Clock>,
    recorder: &SyncSender<RecorderInput>,
    watcher: &Watcher,
    show: &Show,
) -> Result<Vec<Option<ReaderPort>>, StartError> {
    let start = |(reader, config): (usize, &ReaderConfig)| {
        has_device(config).then(|| read_one(reader, config, clock, recorder, watcher, show)).transpose()
    };
    config.readers.iter().enumerate().map(start).collect()
}

/// Whether a reader has a port to listen on.
pub(super) fn has_device(config: &ReaderConfig) -> bool {
    config.port != NO_DEVICE
}

/// Starts the thread of one reader.
pub(super) fn read_one(
    reader: usize,
    config: &ReaderConfig,
    clock: &Arc<Clock>,
    recorder: &SyncSender<RecorderInput>,
    watcher: &Watcher,
    show: &Show,
) -> Result<ReaderPort, StartError> {
    let (recorder, clock) = (recorder.clone(), Arc::clone(clock));
    let (watcher, show) = (watcher.clone(), show.clone());
    let tell = move |event: ReaderEvent| {
        // From here on nobody sees what must not be seen.
        let seen = Seen::new(&event, &show.names);
        // First those who do not wait: a recorder that waits for its disk must not hold up a green.
        watcher.tell(&seen);
        if let Seen::Vehicle(sighting) = &seen {
            show.tell(event.reader, &sighting.read);
        }
        recorder.send(seen.into()).is_ok()
    };
    ReaderPort::start(reader, config, tell, move || clock.now().mono)
}

/// Starts the link, if there is a broker; `earliest`: what the outbox knows to have passed.
pub(super) fn connect(
    config: &Arc<Config>,
    clock: &Arc<Clock>,
    outbox: OutboxId,
    earliest: UnixMs,
    news: SyncSender<News>,
) -> io::Result<Option<async_mpsc::Sender<LinkRequest>>> {
    if config.mqtt.is_none() {
        tracing::warn!("[mqtt] is not configured: the agent works alone and keeps its counts");
        return Ok(None);
    }
    let session = SessionConfig {
        device: config.device,
        junction: config.junction.id,
        linked: config.links.iter().map(|link| link.junction).collect(),
        outbox,
        seed: Uuid::new_v4().as_u64_pair().0,
    };
    let (config, clock) = (Arc::clone(config), Arc::clone(clock));
    let earliest = earliest.max(clock::earliest());
    let (requests, mut received) = async_mpsc::channel(super::LINK_REQUESTS);
    Builder::new().name("link".to_owned()).spawn(move || {
        let Some(mqtt) = &config.mqtt else { return };
        loop {
            let emit = |event| drop(news.try_send(News::Link(event)));
            let run = || link::run(mqtt, session.clone(), earliest, &mut received, emit, || clock.now());
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::error!(%error, "the link cannot run; it is tried again"),
                Err(_) => tracing::error!("the link has failed and is started anew"),
            }
        }
    })?;
    Ok(Some(requests))
}

/// Tells the broker that the device leaves, and waits a little for that to arrive.
pub(super) fn disconnect(link: &async_mpsc::Sender<LinkRequest>) {
    if link.try_send(LinkRequest::Stop).is_err() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let _ = runtime.block_on(async { tokio::time::timeout(GOODBYE, link.closed()).await });
}
