//! Readers, recorder, session, controller and interlock on one given clock.

mod explain;
mod inbound;
mod telling;

use self::explain::explain;
use super::ReplayArgs;
use super::input::{self, Content};
use crate::config::{Config, Driver, Protocol};
use crate::control::Control;
use crate::health;
use crate::identity::{KeptKeys, Names, SharedNames};
use crate::interlock::Interlock;
use crate::link::LinkEvent;
use crate::link::session::{Action, Session, SessionConfig};
use crate::reader::Read;
use crate::reader::source::Source;
use crate::signal::{Decision, Lamps, Shown, SignalEvent};
use crate::supervisor::alarms::Alarms;
use crate::supervisor::forward::{self, Forwarder};
use crate::supervisor::messages::{self, SIGNAL_PERIOD_MS};
use crate::supervisor::recorder::{Recorder, RecorderSetup};
use flextraff_common::ids::{BootId, OutboxId};
use flextraff_common::junction::StageIx;
use flextraff_common::replay::{Replay, seconds};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::topics::{Topic, agent_filters, matches};
use flextraff_common::wire::{ControlLevel, ControllerState, Demand, DeviceType, PlanStatus, encode};
use serde_json::json;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// SQLite's own name for a database that lies in memory.
const IN_MEMORY: &str = ":memory:";

/// The agent on a given clock.
pub(super) struct Engine {
    config: Arc<Config>,
    epoch: UnixMs,
    seed: u64,
    ack: bool,
    explain: bool,
    highest: ControlLevel,
    readers: Vec<String>,
    /// Topics that a broker would bring here.
    filters: Vec<String>,
    running: Option<Running>,
    lines: Vec<String>,
    /// Why what came could not be used, as far as nobody was told yet.
    unused: Vec<String>,
}

/// What exists from the first line's time on.
struct Running {
    now: MonoMs,
    started: MonoMs,
    boot: BootId,
    sources: Vec<Option<Source>>,
    up: Vec<bool>,
    names: SharedNames,
    recorder: Recorder,
    session: Session,
    lamps: Option<Lighting>,
    /// Where there are no lamps: tells others the reads.
    forwarder: Option<Forwarder>,
    link_up: bool,
    signal_due: MonoMs,
    status_due: MonoMs,
    plan: Option<PlanStatus>,
}

/// The signal; a counter has none.
struct Lighting {
    control: Control,
    interlock: Interlock,
    shown: Option<Shown>,
    alarms: Alarms,
    decision: Option<Decision>,
    level: Option<ControlLevel>,
    told_lamps: Option<Lamps>,
    told_stage: Option<(Option<StageIx>, ControllerState, Option<StageIx>)>,
    trips: u64,
}

impl Replay for Engine {
    type Line<'a> = input::Line;

    fn now(&self) -> Option<MonoMs> {
        self.running.as_ref().map(|running| running.now)
    }

    fn start(&mut self, at: MonoMs) -> io::Result<()> {
        self.run(at).map_err(io::Error::other)
    }

    /// Runs every timer that is due up to and including `to`.
    fn advance(&mut self, to: MonoMs) {
        while let Some(due) = self.running.as_ref().map(Running::next_timeout) {
            if due > to {
                break;
            }
            self.step(due);
        }
        if let Some(running) = &mut self.running {
            running.now = to;
        }
    }

    fn take(&mut self, line: input::Line, at: MonoMs) -> Result<(), String> {
        let content = input::content(line, &self.config.junction, &self.readers)?;
        if let Content::Bytes { reader, .. } = content
            && self.config.readers[reader].protocol == Protocol::Auto
        {
            return Err(format!(
                "reader \"{}\" has protocol \"auto\"; name its own protocol to replay its bytes",
                self.readers[reader]
            ));
        }
        self.handle(content, at);
        let unused = std::mem::take(&mut self.unused);
        if unused.is_empty() { Ok(()) } else { Err(unused.join("; ")) }
    }

    fn lines(&mut self) -> &mut Vec<String> {
        &mut self.lines
    }
}

impl Engine {
    /// An agent that starts with the first line; says that it is ready.
    pub(super) fn new(config: Arc<Config>, args: &ReplayArgs) -> Self {
        let linked: Vec<_> = config.links.iter().map(|link| link.junction).collect();
        let filters = agent_filters(config.junction.id, config.device, &linked);
        Self {
            epoch: args.epoch,
            seed: args.seed,
            ack: args.ack,
            explain: args.explain,
            highest: args.level,
            readers: config.readers.iter().map(|reader| reader.name.clone()).collect(),
            running: None,
            lines: vec![json!({"ready": true, "subscribe": filters}).to_string()],
            filters,
            unused: Vec::new(),
            config,
        }
    }

    fn moment(&self, at: MonoMs) -> Moment {
        Moment { mono: at, wall: self.epoch + at.0, clock: ClockState::Synced }
    }

    fn run(&mut self, at: MonoMs) -> anyhow::Result<()> {
        let now = self.moment(at);
        let id = |what: &str| Uuid::new_v5(&self.config.device.0, format!("{what}/{}", self.seed).as_bytes());
        let boot = BootId(id("boot"));
        let mut drawn = 0;
        let random = {
            let device = self.config.device.0;
            let seed = self.seed;
            move || {
                drawn += 1;
                let half =
                    |half| *Uuid::new_v5(&device, format!("key/{seed}/{drawn}/{half}").as_bytes()).as_bytes();
                let mut bytes = [0; 32];
                bytes[..16].copy_from_slice(&half(0));
                bytes[16..].copy_from_slice(&half(1));
                bytes
            }
        };
        let names =
            SharedNames::new(Names::new(self.config.privacy, KeptKeys::default(), Box::new(random), now));
        let setup = RecorderSetup {
            path: PathBuf::from(IN_MEMORY),
            boot,
            new_outbox_id: OutboxId(id("outbox")),
            all_lanes_watched: true,
            names: names.clone(),
            gives_up: false,
            starts_anew: false,
        };
        let recorder = Recorder::open(Arc::clone(&self.config), &setup, &now)?;
        let session = SessionConfig {
            device: self.config.device,
            junction: self.config.junction.id,
            linked: self.config.links.iter().map(|link| link.junction).collect(),
            outbox: recorder.outbox_id(),
            seed: self.seed,
        };
        let lamps = (self.config.device_type != DeviceType::RfidCounter).then(|| Lighting {
            control: self.control(now),
            interlock: Interlock::new(&self.config.junction, self.config.output.driver != Driver::Virtual),
            shown: None,
            alarms: Alarms::default(),
            decision: None,
            level: None,
            told_lamps: None,
            told_stage: None,
            trips: 0,
        });
        self.running = Some(Running {
            now: at,
            started: at,
            boot,
            sources: self.config.readers.iter().map(Source::new).collect(),
            up: vec![true; self.config.readers.len()],
            names,
            recorder,
            session: Session::new(session, at),
            forwarder: lamps.is_none().then(|| Forwarder::new(Arc::clone(&self.config), at)),
            lamps,
            link_up: true,
            signal_due: at + SIGNAL_PERIOD_MS,
            status_due: at,
            plan: None,
        });
        self.step(at);
        Ok(())
    }

    fn control(&self, now: Moment) -> Control {
        let mut control = Control::new(&self.config, true, now);
        control.controller.set_highest_level(self.highest);
        control
    }

    /// Everything that is due at a moment.
    fn step(&mut self, at: MonoMs) {
        let now = self.moment(at);
        let Some(running) = &mut self.running else { return };
        running.now = at;
        running.names.update(|names| names.handle_timeout(now));
        let held_back = running.sources.iter_mut().flatten().flat_map(|source| source.handle_timeout(at));
        for read in held_back.collect::<Vec<_>>() {
            running.handle_read(&read);
        }
        if let Some(lamps) = &mut running.lamps {
            lamps.control.handle_timeout(now);
            if let Some(demand) = lamps.control.poll_demand() {
                running.session.handle_live(Topic::Demand(self.config.junction.id), encode(&demand));
            }
            while let Some(reason) = lamps.control.take_defect() {
                messages::log_defect(&reason);
            }
            while let Some(alarm) = lamps.control.take_alarm() {
                messages::log_alarm(&self.config.junction, &alarm);
                lamps.alarms.handle(&alarm, &self.config.junction, now);
                running.status_due = at;
            }
            lamps.alarms.handle_timeout(at);
            if let Some(decision) = lamps.control.controller.take_decision() {
                if self.explain {
                    let line = explain(&self.config.junction, &decision);
                    self.lines.push(json!({"t": seconds(at), "decision": line}).to_string());
                }
                lamps.decision = Some(decision);
            }
        }
        if let Some(forwarder) = &mut running.forwarder {
            let up = &running.up;
            let watched = || forward::watched(&self.config, |reader| up[reader], true);
            if let Some(demand) = forwarder.handle_timeout(now, watched) {
                running.session.handle_live(Topic::Demand(self.config.junction.id), encode(&demand));
            }
        }
        self.obey_controller(&now);
        self.note_level(&now);
        let Some(running) = &mut self.running else { return };
        let told = running.recorder.take_told(at);
        if !told.is_empty() {
            let demand = Demand { passages: told, ..Demand::new(self.config.device, now.wall) };
            running.session.handle_live(Topic::Demand(self.config.junction.id), encode(&demand));
        }
        if running.recorder.handle_timeout(&now) {
            running.session.handle_rows_waiting(at);
        }
        if running.signal_due <= at {
            self.tell_signal(&now);
        }
        let Some(running) = &mut self.running else { return };
        if running.status_due <= at {
            running.status_due = at + health::PERIOD_MS;
            self.tell_status(&now);
        }
        let Some(running) = &mut self.running else { return };
        running.session.handle_timeout(at);
        self.obey_session(&now);
        // No line brought this: it has no number.
        for reason in std::mem::take(&mut self.unused) {
            self.lines.push(json!({"t": seconds(at), "error": reason}).to_string());
        }
    }

    fn handle(&mut self, content: Content, at: MonoMs) {
        let now = self.moment(at);
        let Some(running) = &mut self.running else { return };
        match content {
            Content::Bytes { reader, bytes } => {
                let reads = running.sources[reader].as_mut().map(|source| source.feed(&bytes, at));
                if running.up[reader] {
                    reads.into_iter().flatten().for_each(|read| running.handle_read(&read));
                }
            }
            Content::Tag { lane, zone, epc, rssi } => {
                running.handle_read(&Read { lane, zone, epc, rssi, at });
            }
            Content::Reader { reader, up } => {
                running.up[reader] = up;
                running.recorder.handle_reader(reader, up, at);
                if let Some(lamps) = &mut running.lamps {
                    lamps.control.handle_reader(reader, up, at);
                }
                self.tell_status(&now);
            }
            Content::Button { group } => {
                if let Some(lamps) = &mut running.lamps {
                    lamps.control.handle_button(group, now);
                } else {
                    self.unused.push("this device drives no lamps, and has no buttons".to_owned());
                }
            }
            Content::Link { up } => {
                running.link_up = up;
                if up {
                    running.session.handle_connected(at);
                    running.session.handle_subscribed(at);
                } else {
                    running.session.handle_disconnected("the link is down".to_owned(), at);
                }
            }
            Content::Message { topic, .. } if !running.link_up => {
                self.unused.push(format!("{}: the link is down, so that no message comes", short(&topic)));
            }
            Content::Message { topic, .. } if !self.filters.iter().any(|filter| matches(filter, &topic)) => {
                self.unused.push(format!("{}: this agent does not subscribe to it", short(&topic)));
            }
            Content::Message { topic, payload } => running.session.handle_message(&topic, &payload, at),
            Content::Time => {}
        }
        self.obey_session(&now);
    }

    /// Says what the controller did since the last call, each vector after the interlock has seen it.
    fn obey_controller(&mut self, now: &Moment) {
        loop {
            let Some(running) = &mut self.running else { return };
            let Some(lamps) = &mut running.lamps else { return };
            match lamps.control.poll() {
                None => return,
                Some(SignalEvent::Shown(shown)) => {
                    if let Err(trip) = lamps.interlock.check(&shown.lamps, shown.at) {
                        tracing::error!(%trip, "the interlock has driven the fault aspect");
                        lamps.trips += 1;
                        lamps.control.controller.handle_fault(&trip.to_string(), *now);
                        continue;
                    }
                    self.show(shown);
                    self.tell_signal(now);
                    self.tell_status(now);
                }
                Some(SignalEvent::CycleEnded(cycle)) => running.recorder.handle_cycle(cycle),
                Some(SignalEvent::Logged(events)) => running.recorder.handle_events(events),
                Some(SignalEvent::Plan(status)) => {
                    running.plan = Some(status);
                    self.tell_status(now);
                }
                Some(SignalEvent::PlanOver { plan_id }) => {
                    health::forget_plan(&mut running.plan, plan_id.as_deref());
                    self.tell_status(now);
                }
            }
        }
    }

    /// Does what the session asks for; publishing is printing.
    fn obey_session(&mut self, now: &Moment) {
        loop {
            let Some(running) = &mut self.running else { return };
            let Some(action) = running.session.poll() else { return };
            match action {
                // A session that drops a connection because nobody acks finds the given link still up.
                Action::Connect | Action::Close if running.link_up => {
                    running.session.handle_connected(now.mono);
                }
                Action::Subscribe(_) => running.session.handle_subscribed(now.mono),
                Action::Publish { topic, payload } => self.publish(topic, &payload, now),
                Action::Event(event) => self.handle_event(event, now),
                Action::Connect | Action::Close | Action::Goodbye => {}
            }
        }
    }

    fn handle_event(&mut self, event: LinkEvent, now: &Moment) {
        let Some(running) = &mut self.running else { return };
        match event {
            LinkEvent::NeedRows { room, in_flight } => {
                let rows = running.recorder.rows(room, &in_flight, now);
                running.session.handle_rows(rows, now.mono);
            }
            LinkEvent::Ack(ack) => running.recorder.handle_ack(&ack),
            LinkEvent::Inbound(message) => self.handle_inbound(message, now),
            LinkEvent::Connected | LinkEvent::Disconnected { .. } => {}
        }
    }
}

impl Running {
    fn handle_read(&mut self, read: &Read) {
        let sighting = self.names.sight(read);
        self.recorder.handle_read(sighting);
        if let Some(lamps) = &mut self.lamps {
            lamps.control.handle_read(sighting);
        }
        if let Some(forwarder) = &mut self.forwarder {
            forwarder.handle_read(sighting);
        }
    }

    fn next_timeout(&self) -> MonoMs {
        let sources = self.sources.iter().flatten().filter_map(Source::next_timeout);
        let lamps = self.lamps.as_ref().map(|lamps| lamps.control.next_timeout());
        let due = sources
            .chain(lamps)
            .chain(self.forwarder.as_ref().map(Forwarder::next_timeout))
            .chain(self.session.next_timeout())
            .chain([self.recorder.next_timeout(), self.signal_due, self.status_due])
            .min();
        // A timer of the past is due now; the next millisecond is the soonest after a step, so that time always goes on.
        due.unwrap_or(self.now).max(self.now + 1)
    }
}

/// As much of a topic as is told.
fn short(topic: &str) -> String {
    topic.chars().take(200).collect()
}
