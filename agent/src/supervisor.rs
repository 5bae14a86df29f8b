//! Joins the stages with bounded channels, each on a thread of its own: the lamps first, because signals run with nothing else; then counting and
//! outbox, the readers, and the link to the broker. Nothing here or below can block the lamps: whatever goes to them is tried, never waited for.
//!
//! A panic in the recorder or the link starts that part anew, after a pause; one in the lamp loop shows red at every head and ends the process, so that systemd
//! starts it with its start-up sequence.

pub mod alarms;
mod asks;
pub mod commands;
mod connection;
mod floods;
pub mod forward;
mod intake;
mod keys;
mod lamps;
mod leaving;
pub mod messages;
mod opening;
mod others;
mod reading;
pub mod recorder;
mod recording;
mod reload;
mod restarts;
mod snapshot;
mod telling;
mod threads;
mod watched;
mod way_out;

use crate::clock::{Clock, boot_id};
use crate::config::Config;
use crate::console::{Asks, Console, Hub};
use crate::health;
use crate::link::{Inbound, LinkEvent, LinkRequest};
use crate::output::{FaultLatch, LampEvent, LampInput, LampsShow, LatchedFault, Switches};
use crate::service;
use crate::signal::{Decision, Shown, SignalEvent, panic_message};
use alarms::Alarms;
use anyhow::Context as _;
use asks::{Waiting, Who};
use commands::Handled;
use connection::Connection;
use flextraff_common::epc::KeyId;
use flextraff_common::ids::{BootId, OutboxId};
use flextraff_common::time::{Moment, MonoMs, UnixMs};
use flextraff_common::wire::{ControlLevel, DeviceType, Estimates, OutboxStatus, PlanStatus};
use forward::Forwarder;
use intake::{Intake, RecorderInput};
use lamps::Lamps;
use messages::SIGNAL_PERIOD_MS;
use opening::CameBefore;
use others::Others;
use reading::{Reading, RunningReader, Watcher};
use snapshot::Show;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;
use threads::News;
use tokio::sync::mpsc as async_mpsc;
use watched::Watched;
use way_out::WayOut;

/// News that may wait for the main thread.
const NEWS: usize = 1024;
/// Reads, demand and plans that may wait for the lamp loop: what comes in a second or two in which it stands still.
const LAMP_INPUTS: usize = 2048;
/// Messages that may wait for the link.
const LINK_REQUESTS: usize = 256;
/// Between looks at what has no event of its own.
const TICK: Duration = Duration::from_secs(1);
/// Between attempts to start readers and link that could not be started, milliseconds.
const MISSING_AGAIN_MS: i64 = 30_000;

/// Runs the agent until SIGTERM or SIGINT, which ends it at the end of the present stage; a second one as soon as amber is over; `path`: where the configuration is read again on SIGHUP.
///
/// # Errors
/// When the lamps cannot be driven, or the system gives no thread.
pub fn run(config: Config, path: &Path) -> anyhow::Result<()> {
    let config = Arc::new(config);
    let clock = Arc::new(Clock::new(config.clock_trust));
    let boot = boot_id();
    let (news, inbox) = mpsc::sync_channel(NEWS);
    let way_out = Arc::new(WayOut::default());
    threads::heed_signals(news.clone(), Arc::clone(&way_out), Arc::clone(&clock))?;
    let lamps = (config.device_type != DeviceType::RfidCounter)
        .then(|| Lamps::start(&config, &clock, boot, news.clone(), &way_out))
        .transpose()?;
    let (recorder, recorder_inputs) = intake::open();
    let names = keys::open(&config, &clock, boot);
    let watched = Watched::open(&config);
    let recording = recording::record(&config, &clock, boot, names.clone(), recorder_inputs, news.clone())?;
    asks::tell_cleared(&config, &recorder, clock.mono());
    let watcher = lamps.as_ref().map_or_else(|| Watcher::Others(news.clone()), Lamps::watcher);
    let hub = Hub::default();
    let show = Show { names, hub: hub.clone(), config: Arc::clone(&config), clock: Arc::clone(&clock) };
    let reading = Reading::start(&clock, &recorder, watcher)?;
    let readers = reading.read_all(&config, &show)?;
    // Somebody who cannot look is no reason to leave the lamps undriven.
    let to_main = news.clone();
    let asks: Asks = Arc::new(move |asked| drop(to_main.try_send(News::Asked(asked))));
    let console = Console::start(config.console.clone(), hub.clone(), asks)
        .inspect_err(|error| tracing::warn!(%error, "nobody can look at the agent from this machine"))
        .ok();
    tracing::info!(junction = %config.junction.id, device = %config.device, config_hash = config.hash, "agent is running");
    let mut supervisor = Supervisor {
        path: path.to_owned(),
        boot,
        started: clock.now().mono,
        forwarder: lamps.is_none().then(|| Forwarder::new(Arc::clone(&config), clock.now().mono)),
        lamps,
        reading,
        hub,
        show,
        console,
        recorder,
        readers,
        rates: Vec::new(),
        link: None,
        outbox_id: None,
        came: CameBefore::default(),
        earliest: UnixMs(0),
        news,
        outbox: None,
        counted: Vec::new(),
        connection: Connection::default(),
        shown: None,
        level: None,
        decision: None,
        estimates: None,
        dropped: (0, 0),
        disk_told: false,
        plan: None,
        fault: FaultLatch::of(&config).read(),
        shows: LampsShow::Signal,
        switches: Switches::default(),
        ending: false,
        tested: None,
        waiting: Waiting::default(),
        key_id: None,
        watched: Watched::default(),
        others: Others::default(),
        alarms: Alarms::default(),
        signal_due: MonoMs(i64::MIN),
        missing_due: clock.now().mono + MISSING_AGAIN_MS,
        clock,
        config,
    };
    supervisor.restore_watched(watched);
    // Whatever ends the main thread, greens end through amber, and what was counted is stored.
    let served = catch_unwind(AssertUnwindSafe(|| supervisor.serve(&inbox)));
    let result = served.unwrap_or_else(|panic| {
        Err(anyhow::anyhow!("the main thread has failed: {}", panic_message(&*panic)))
    });
    supervisor.stop(inbox, recording);
    result
}

/// What the main thread knows.
struct Supervisor {
    config: Arc<Config>,
    /// Where the configuration is read again.
    path: PathBuf,
    clock: Arc<Clock>,
    boot: BootId,
    started: MonoMs,
    lamps: Option<Lamps>,
    reading: Reading,
    /// What people at this machine see.
    hub: Hub,
    show: Show,
    console: Option<Console>,
    /// Where there is no lamp loop: tells others the reads.
    forwarder: Option<Forwarder>,
    recorder: Intake,
    readers: Vec<Option<RunningReader>>,
    /// Reads of each reader at the last status, and reads per second since the one before.
    rates: Vec<Rate>,
    link: Option<async_mpsc::Sender<LinkRequest>>,
    /// Known from the moment when the outbox is open.
    outbox_id: Option<OutboxId>,
    /// What has come before it was.
    came: CameBefore,
    /// A moment that the outbox knows to have passed.
    earliest: UnixMs,
    news: SyncSender<News>,
    outbox: Option<OutboxStatus>,
    /// Passages on each lane since the agent started.
    counted: Vec<u64>,
    /// To the broker.
    connection: Connection,
    shown: Option<Shown>,
    level: Option<ControlLevel>,
    decision: Option<Decision>,
    estimates: Option<Estimates>,
    /// Reads that the lamp loop did not take and events that nobody took, as far as the log says so.
    dropped: (u64, u64),
    /// Whether the log says that the disk stands still.
    disk_told: bool,
    plan: Option<PlanStatus>,
    /// Name of the pseudonym key that serves.
    key_id: Option<KeyId>,
    /// Whom the junction looks out for, as it is kept over restarts.
    watched: Watched,
    /// Who counts for the lamps here.
    others: Others,
    /// What a person should look into.
    alarms: Alarms,
    /// Why the lamps show the fault aspect, if they do.
    fault: Option<LatchedFault>,
    /// What the lamps show beside what the controller wants.
    shows: LampsShow,
    /// What the switches in the cabinet are.
    switches: Switches,
    /// Whether the lamp loop has been told to end.
    ending: bool,
    /// What the feedback has found in the last lamp test.
    tested: Option<Vec<String>>,
    /// Who waits for an answer of the lamp loop.
    waiting: Waiting,
    signal_due: MonoMs,
    /// When what could not be started is tried again.
    missing_due: MonoMs,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    at: MonoMs,
    reads: u64,
    per_s: f64,
}

impl Supervisor {
    /// Serves until it is told to stop, or the lamp loop has failed.
    fn serve(&mut self, inbox: &Receiver<News>) -> anyhow::Result<()> {
        let mut tick_due = self.started;
        loop {
            if self.ending && self.lamps.as_ref().is_none_or(Lamps::has_ended) {
                // The loop tells of its last cycle and events before it ends.
                let clock = Arc::clone(&self.clock);
                leaving::hear_out(inbox, &clock, |event| self.handle_lamp(event));
                return Ok(());
            }
            let now = self.clock.now();
            if now.mono >= tick_due {
                tick_due = now.mono + 1000;
                self.tick(&now)?;
            }
            self.forward(now);
            let due = self.forwarder.as_ref().map_or(tick_due, |reads| tick_due.min(reads.next_timeout()));
            let wait = Duration::from_millis(due.since(now.mono).max(1).unsigned_abs());
            match inbox.recv_timeout(wait.min(TICK)) {
                Ok(News::Stop) if !self.end_lamps() => return Ok(()),
                Ok(News::Lamp(LampEvent::Ended)) => return Ok(()),
                Ok(news) => self.handle(news),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("every thread has ended"),
            }
        }
    }

    fn handle(&mut self, news: News) {
        match news {
            News::Lamp(event) => self.handle_lamp(event),
            News::Read(read) => {
                if let Some(forwarder) = &mut self.forwarder {
                    forwarder.handle_read(read);
                }
            }
            News::Link(event) => self.handle_link(event),
            News::OutboxOpen { outbox, earliest, plans } => self.handle_outbox_open(outbox, earliest, plans),
            News::OutboxShut { failure } => self.handle_outbox_shut(failure),
            News::Rows(rows) => self.to_link(LinkRequest::Rows(rows)),
            News::Asked(asked) => self.handle_asked(asked),
            News::RowsWaiting => self.to_link(LinkRequest::RowsWaiting),
            News::Recorded { outbox, counted } => (self.outbox, self.counted) = (Some(outbox), counted),
            News::Reload => drop(self.reload()),
            News::Told(passages) => self.tell_passages(passages),
            News::Stop => {}
        }
    }

    fn handle_lamp(&mut self, event: LampEvent) {
        match event {
            LampEvent::Signal(SignalEvent::Shown(shown)) => {
                self.shown = Some(shown);
                self.tell_signal(&self.clock.now());
                self.tell_status();
            }
            LampEvent::Signal(SignalEvent::CycleEnded(cycle)) => {
                self.recorder.bring(RecorderInput::Cycle(cycle));
            }
            LampEvent::Signal(SignalEvent::Plan(status)) => self.tell_plan(status),
            LampEvent::Signal(SignalEvent::PlanOver { plan_id }) => {
                tracing::info!(plan = plan_id.as_deref().unwrap_or("without a name"), "plan is over");
                health::forget_plan(&mut self.plan, plan_id.as_deref());
                self.tell_status();
            }
            LampEvent::Signal(SignalEvent::Logged(events)) => {
                self.recorder.bring(RecorderInput::Events(events));
            }
            LampEvent::Lost(unkept) => self.recorder.lose(unkept),
            LampEvent::Decided(decision) => self.decision = Some(decision),
            LampEvent::Estimated(estimates) => self.estimates = Some(*estimates),
            LampEvent::Level(level) => {
                messages::log_level(level);
                self.level = level;
                self.tell_status();
            }
            LampEvent::Demand(demand) => self.tell_demand(&demand),
            LampEvent::Defect { reason } => messages::log_defect(&reason),
            LampEvent::Alarm(alarm) => {
                messages::log_alarm(&self.config.junction, &alarm);
                self.alarms.handle(&alarm, &self.config.junction, self.clock.now());
                self.tell_status();
            }
            LampEvent::KeepPlan { message, received } => {
                // As it came: which wall time its receipt had may be known only later.
                self.recorder.bring(RecorderInput::SavePlan { plan: message, received: received.mono });
            }
            LampEvent::Late { late_ms, still_s } => {
                tracing::warn!(
                    late_ms,
                    still_s,
                    "the lamp loop was late; the signal stood still to keep its times"
                );
            }
            LampEvent::NotRestored { reasons } => {
                let reasons = reasons.join("; ");
                tracing::warn!(reasons, "the plan of before the restart no longer fits the junction");
            }
            LampEvent::Tripped { reason, at } => {
                tracing::error!(reason, "the interlock has driven the fault aspect");
                self.fault = Some(LatchedFault { reason, at: at.wall, clock: at.clock });
                self.tell_status();
            }
            LampEvent::Cleared => {
                tracing::warn!("the latched fault has been cleared; the signal starts up");
                self.fault = None;
                self.tell_status();
            }
            LampEvent::Switched(switches) => {
                messages::log_switches(self.switches, switches);
                self.switches = switches;
                self.tell_status();
            }
            // The main loop has ended with it.
            LampEvent::Ended => {}
            LampEvent::Answered { id, answer } => self.answered(id, answer),
            LampEvent::Shows(shows) => self.shows = shows,
            LampEvent::Tested { found } => {
                messages::log_test(&found);
                self.tested = Some(found);
            }
        }
    }

    fn handle_link(&mut self, event: LinkEvent) {
        self.connection.handle(&event, self.clock.mono());
        match event {
            LinkEvent::Connected => {
                tracing::info!("connected to the broker");
                self.tell_status();
            }
            LinkEvent::Disconnected { reason, .. } => {
                tracing::warn!(reason, "not connected to the broker; counts are kept");
            }
            LinkEvent::NeedRows { room, in_flight } => {
                self.recorder.bring(RecorderInput::NeedRows { room, in_flight });
            }
            LinkEvent::Ack(ack) => self.recorder.bring(RecorderInput::Ack(ack)),
            LinkEvent::Inbound(Inbound::GreenTime(message)) => self.take_plan(message),
            // A counter has no say in plans.
            LinkEvent::Inbound(Inbound::UnreadablePlan(refused)) if self.lamps.is_some() => {
                self.tell_plan(refused);
            }
            LinkEvent::Inbound(Inbound::UnreadablePlan(refused)) => messages::log_plan(&refused),
            LinkEvent::Inbound(Inbound::Command(command)) => {
                match commands::handle(self, &command, self.clock.now()) {
                    Handled::Reply(reply) => self.tell_reply(&reply),
                    Handled::Ask(id, ask) => self.ask_lamps(Who::Server(id), ask),
                }
            }
            LinkEvent::Inbound(Inbound::Unreadable { topic, reason }) => {
                tracing::warn!(topic, reason, "a message cannot be used");
            }
            LinkEvent::Inbound(Inbound::Demand(junction, demand)) => {
                let now = self.clock.now();
                let demand = Box::new(demand);
                if junction == self.config.junction.id {
                    self.show_told_reads(&demand, &now);
                    if self.lamps.is_some() && demand.device_id != self.config.device {
                        self.others.note(&demand, now.mono);
                    }
                    self.recorder.bring(RecorderInput::Demand { demand: demand.clone(), at: now });
                }
                self.to_lamps_if_free(LampInput::Demand { junction, demand });
            }
            LinkEvent::Inbound(Inbound::Keys(keys)) => self.handle_keys(keys),
            LinkEvent::Inbound(Inbound::Watchlist(list)) => self.handle_watchlist(list),
            // Neighbours' lamps have no part in green times that their demand does not tell.
            LinkEvent::Inbound(Inbound::Signal(..)) => {}
        }
    }

    fn tick(&mut self, now: &Moment) -> anyhow::Result<()> {
        if !self.ending && self.lamps.as_ref().is_some_and(Lamps::has_ended) {
            let ended = self.lamps.take().and_then(|mut lamps| lamps.end());
            return match ended {
                Some(Ok(Err(error))) => Err(error).context("the lamps"),
                _ => anyhow::bail!("the lamp loop has ended by itself"),
            };
        }
        for (reader, port) in self.readers.iter_mut().enumerate() {
            if port.as_ref().is_some_and(|port| port.has_ended()) {
                let config = &self.config.readers[reader];
                tracing::error!(reader = config.name, "a reader's thread has failed and is started anew");
                *port = self.reading.read_anew(reader, config, &self.show);
            }
        }
        if now.mono >= self.missing_due {
            self.missing_due = now.mono + MISSING_AGAIN_MS;
            self.start_missing();
        }
        self.feed_watchdog();
        self.tend_keys(now);
        self.measure(now);
        self.tell_readers();
        self.log_dropped();
        self.log_disk(now);
        self.others.log_silent(now.mono);
        if now.mono >= self.signal_due {
            self.tell_signal(now);
        }
        self.alarms.handle_timeout(now.mono);
        self.tell_status();
        self.tell_snapshot(now);
        Ok(())
    }

    /// Where there is a lamp loop, only that one feeds it.
    fn feed_watchdog(&self) {
        if self.lamps.is_none() {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Watchdog]);
        }
    }

    /// Which readers are up, again and again: an event that lamp loop or recorder missed would else leave lanes unwatched for good, or watched.
    fn tell_readers(&self) {
        for (reader, port) in self.readers.iter().enumerate() {
            if let Some(port) = port {
                // A change is told before this, or after it.
                let _held = port.hold();
                let antennas = port.stats().antennas();
                self.to_lamps_if_free(LampInput::Reader { reader, up: antennas });
                self.recorder.repeat_state(reader, antennas, self.clock.mono());
            }
        }
    }

    /// Losing a message to the link does no harm: status and signal are repeated, rows are asked for again.
    fn to_link(&self, request: LinkRequest) {
        if let Some(link) = &self.link {
            let _ = link.try_send(request);
        }
    }

    /// Ends every thread: the lamps show red, what was counted is stored, the broker is told.
    fn stop(self, inbox: Receiver<News>, recording: JoinHandle<()>) {
        tracing::info!("stopping");
        drop(inbox);
        if self.forwarder.is_some() {
            // Where there are lamps, they say so.
            service::leave();
        }
        if let Some(lamps) = self.lamps {
            lamps.stop(&self.config, &self.clock, self.boot);
        }
        leaving::end(self.readers.into_iter().flatten().collect(), &self.clock, || ());
        self.recorder.bring(RecorderInput::Stop);
        let _ = recording.join();
        if let Some(console) = self.console {
            console.stop();
        }
        if let Some(link) = self.link {
            threads::disconnect(&link);
        }
    }
}
