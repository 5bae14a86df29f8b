//! Estimation and signal controller on one clock: reads and plans in, lamps out.
//!
//! The lamps need the controller only. What reckons with the traffic may have a defect: a panic there is caught, what is known of the traffic
//! is forgotten, and a simpler level of control, which needs none of it, decides for a minute at least.

mod lanes;
mod stayers;
#[cfg(test)]
mod tests;

use self::lanes::{Detectors, Queues};
use self::stayers::Stayers;

use crate::config::{Antennas, Config, ReaderConfig, StopLines};
use crate::estimation::{Alarm, Estimator, Priority};
use crate::identity::{KnownAs, Sighting};
use crate::reader::Read;
use crate::signal::{Controller, Fallback, Rest, SignalEvent, panic_message};
use flextraff_common::epc::KeyedTag;
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::{GroupIx, GroupSet, LaneIx};
use flextraff_common::plan::PlanProblem;
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{
    ControlLevel, Demand, DemandDeparture, DemandGreen, Estimates, GreenTime, Keys, PlanStatus, Watchlist,
    ZoneName,
};
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A defect that shows again is told again after this, milliseconds.
const TELL_AGAIN_MS: i64 = 60_000;

/// The signal controller and what it knows of the traffic.
pub struct Control {
    /// The state machine.
    pub controller: Controller,
    config: Arc<Config>,
    stop_lines: StopLines,
    all_watched: bool,
    /// What the reads say.
    estimator: Estimator,
    /// Whom the junction looks out for; outlasts defects of the estimator.
    priority: Priority,
    alarms: VecDeque<Alarm>,
    /// How far the signal's time is behind the clock, milliseconds.
    behind_ms: i64,
    /// By which name vehicles go on here when a pseudonym key changes.
    known_as: KnownAs,
    /// Tags that stay, which call nobody.
    stayers: Stayers,
    /// The last second that was passed through: it says what wall time a read has.
    second: Moment,
    /// Through which antennas readers see, as far as it was said.
    readers: Vec<Option<Antennas>>,
    events: VecDeque<SignalEvent>,
    /// Groups whose push buttons are pressed.
    pressed: GroupSet,
    queues: Queues,
    detectors: Detectors,
    demand: Option<Demand>,
    /// After a defect in estimation: until when nobody goes by it.
    rest: Rest,
    defects: VecDeque<String>,
    /// The last defect that was told, and when.
    told: Option<(String, MonoMs)>,
    /// Called within each second's estimation: where a defect would be.
    #[cfg(test)]
    hook: fn(MonoMs),
    /// Called at each look at the time: where a defect that nobody catches would be.
    #[cfg(test)]
    pub(crate) defect: fn(MonoMs),
    /// Called when a fault is told: where a defect of the controller would be.
    #[cfg(test)]
    pub(crate) fault_defect: fn(),
}

/// Lanes whose stop line a reader of this device watches.
fn read_lanes(config: &Config) -> impl Iterator<Item = LaneIx> + use<> {
    let lanes: BTreeSet<LaneIx> = config.readers.iter().flat_map(ReaderConfig::stop_lines).collect();
    lanes.into_iter()
}

impl Control {
    /// Begins with start-up; lanes without readers count as watched only with `all_watched`.
    pub fn new(config: &Arc<Config>, all_watched: bool, start: Moment) -> Self {
        let fallback = Fallback::new(config.fallback.clone(), config.time_zone);
        let mut control = Self {
            controller: Controller::new(Arc::clone(&config.junction), fallback, start),
            estimator: Estimator::new(config, all_watched, start.mono),
            priority: Priority::new(config),
            alarms: VecDeque::new(),
            behind_ms: 0,
            known_as: KnownAs::default(),
            stayers: Stayers::default(),
            second: start,
            readers: vec![None; config.readers.len()],
            events: VecDeque::new(),
            pressed: GroupSet::EMPTY,
            queues: Queues::new(config.lanes.len()),
            detectors: Detectors::new(read_lanes(config)),
            demand: None,
            rest: Rest::default(),
            defects: VecDeque::new(),
            told: None,
            #[cfg(test)]
            hook: |_| {},
            #[cfg(test)]
            defect: |_| {},
            #[cfg(test)]
            fault_defect: || {},
            all_watched,
            stop_lines: StopLines::new(config.junction.lanes().len(), &config.readers),
            config: Arc::clone(config),
        };
        control.note_watched();
        control
    }

    /// Takes a read.
    pub fn handle_read(&mut self, read: impl Into<Sighting>) {
        self.take_read(read.into(), true);
    }

    /// Takes a read that has waited while the signal stood still, so that its time is not its own.
    pub fn handle_late_read(&mut self, read: impl Into<Sighting>) {
        self.take_read(read.into(), false);
    }

    /// Takes that the signal's time stands still for so long, milliseconds; vehicles do not.
    pub fn handle_still(&mut self, ms: i64) {
        self.behind_ms += ms;
    }

    fn take_read(&mut self, sighting: Sighting, is_exact: bool) {
        let epc = self.known_as.name(sighting.read.epc, sighting.prev, sighting.read.at);
        let read = Read { epc, ..sighting.read };
        self.note_watched_vehicle(&read, sighting.keyed, is_exact.then(|| read.at + self.behind_ms));
        if !self.config.counting.accepts(sighting.fastag)
            && !self.priority.looks_for(&read.epc, sighting.keyed)
        {
            return;
        }
        if !self.stayers.handle_read(read.epc, read.at) {
            self.actuate(&read);
        }
        self.estimate(read.at, |estimator| estimator.handle_read(&read));
    }

    /// Tells actuation of a read; it has a record of its own.
    fn actuate(&mut self, read: &Read) {
        match read.zone {
            ZoneName::StopLine => self.controller.handle_tag(read.epc, read.lane, read.rssi, read.at),
            ZoneName::Advance => self.controller.handle_read(read.lane, read.zone, read.at),
        }
    }

    /// Takes the key under which watch-lists name vehicles.
    pub fn handle_keys(&mut self, keys: &Keys) {
        self.priority.handle_keys(keys);
    }

    /// Takes the vehicles that the junction looks out for.
    pub fn handle_watchlist(&mut self, list: &Watchlist) {
        self.priority.handle_watchlist(list);
    }

    fn note_watched_vehicle(&mut self, read: &Read, keyed: Option<KeyedTag>, seen: Option<MonoMs>) {
        let now = Moment { mono: read.at, wall: self.second.wall_at(read.at), clock: self.second.clock };
        self.priority.handle_read(read, keyed, seen, now);
        self.controller.handle_vehicle(self.priority.asks(), read.at);
        self.note_alarms(read.at);
    }

    fn note_alarms(&mut self, at: MonoMs) {
        while let Some(alarm) = self.priority.take_alarm() {
            self.controller.log_event(Event::new(at, EventCode::VendorAlarm, alarm.kind.number()));
            self.alarms.push_back(alarm);
        }
    }

    /// What somebody should look into about vehicles that ask for green.
    pub fn take_alarm(&mut self) -> Option<Alarm> {
        self.alarms.pop_front()
    }

    /// Takes that a reader (by its place in the TOML) came up or went down, or through which of its antennas it sees.
    pub fn handle_reader(&mut self, reader: usize, antennas: impl Into<Antennas>, at: MonoMs) {
        let antennas = antennas.into();
        if let Some(state) = self.readers.get_mut(reader) {
            *state = Some(antennas);
        }
        self.note_watched();
        self.estimate(at, |estimator| estimator.handle_reader(reader, antennas));
    }

    /// Goes on under another configuration of the same junction: other readers, other greens without a plan. `before` says for each reader
    /// which place it had before, if it stays; the others are down.
    pub fn reconfigure(&mut self, config: &Arc<Config>, before: &[Option<usize>], at: MonoMs) {
        self.controller.set_fallback(Fallback::new(config.fallback.clone(), config.time_zone));
        let states = std::mem::take(&mut self.readers);
        self.readers = before.iter().map(|before| states.get((*before)?).copied().flatten()).collect();
        self.stop_lines = StopLines::new(config.junction.lanes().len(), &config.readers);
        self.config = Arc::clone(config);
        self.priority.reconfigure(config);
        self.detectors = Detectors::new(read_lanes(config));
        self.note_watched();
        let up = self.readers.iter().map(|up| up.unwrap_or(self.all_watched.into())).collect();
        self.estimate(at, |estimator| estimator.replace_readers(config, up));
    }

    /// Takes the groups whose push buttons are pressed at a moment.
    pub fn handle_pressed(&mut self, pressed: GroupSet, now: Moment) {
        let before = std::mem::replace(&mut self.pressed, pressed);
        for group in pressed.minus(before).iter() {
            self.handle_button(group, now);
        }
        for group in before.minus(pressed).iter() {
            self.controller.log_event(Event::of_phase(now.mono, EventCode::PedDetectorOff, group));
        }
    }

    /// Takes that somebody presses the push button of a pedestrian head.
    pub fn handle_button(&mut self, group: GroupIx, now: Moment) {
        self.handle_timeout(now);
        self.controller.handle_button(group, now.mono);
        self.tell_calls(now.mono);
    }

    /// Tells the estimator who has pressed a button and waits.
    fn tell_calls(&mut self, at: MonoMs) {
        let calls = self.controller.pedestrian_calls();
        self.estimate(at, |estimator| estimator.handle_calls(calls, at));
    }

    /// Tells the controller which stop lines the own readers watch.
    fn note_watched(&mut self) {
        let (readers, all) = (&self.readers, self.all_watched);
        let watched = self.stop_lines.watched(|reader| readers[reader].unwrap_or(all.into()), all);
        self.controller.handle_watched(&watched);
    }

    /// Takes what another junction, or another device of this one, tells.
    pub fn handle_demand(&mut self, junction: JunctionId, demand: &Demand, now: Moment) {
        if junction == self.config.junction.id {
            self.note_calls(demand, now.mono);
        }
        for departed in &demand.departed {
            if let Ok(epc) = departed.epc.parse() {
                self.known_as.name(epc, None, now.mono);
            }
        }
        self.priority.handle_demand(junction, demand, now.mono + self.behind_ms, now);
        self.note_alarms(now.mono);
        self.estimate(now.mono, |estimator| estimator.handle_demand(junction, demand, now.mono));
    }

    /// Tells the controller what another device of this junction has read, and what it watches; what it reads it watches.
    fn note_calls(&mut self, demand: &Demand, at: MonoMs) {
        let junction = Arc::clone(&self.config.junction);
        let named = demand.watched.iter().flatten();
        let mut watched: Vec<LaneIx> = named.filter_map(|lane| junction.lane_named(lane)).collect();
        for read in &demand.reads {
            let (Some(lane), Ok(epc)) = (junction.lane_named(&read.lane), read.epc.parse()) else { continue };
            self.known_as.name(epc, None, at);
            let told = Read { lane, zone: read.zone, epc, rssi: None, at };
            self.actuate(&told);
            // When exactly it was read the other device does not tell.
            self.note_watched_vehicle(&told, read.watched, None);
            if read.zone == ZoneName::StopLine {
                watched.push(lane);
            }
        }
        for lane in watched {
            self.controller.handle_told_watched(lane, at);
        }
    }

    /// What others are to be told, once a second.
    pub fn poll_demand(&mut self) -> Option<Demand> {
        self.demand.take()
    }

    /// What is known of the lanes; none after a defect that shows just now.
    pub fn estimates(&mut self, now: MonoMs) -> Option<Estimates> {
        self.estimate(now, |estimator| estimator.estimates(now))
    }

    /// With what estimation or a level of control has panicked; the same defect is told once a minute.
    pub fn take_defect(&mut self) -> Option<String> {
        self.defects.pop_front()
    }

    /// As [`Controller::handle_fault`].
    pub fn handle_fault(&mut self, reason: &str, now: Moment) {
        #[cfg(test)]
        (self.fault_defect)();
        self.controller.handle_fault(reason, now);
    }

    /// As [`Controller::handle_plan`].
    pub fn handle_plan(&mut self, message: &GreenTime, now: Moment) -> PlanStatus {
        self.handle_timeout(now);
        self.controller.handle_plan(message, now)
    }

    /// As [`Controller::restore_plan`].
    ///
    /// # Errors
    /// Every rule that the plan breaks.
    pub fn restore_plan(
        &mut self,
        message: &GreenTime,
        received: Option<MonoMs>,
        now: Moment,
    ) -> Result<(), Vec<PlanProblem>> {
        self.handle_timeout(now);
        self.controller.restore_plan(message, received, now)
    }

    /// When there is something to do.
    pub fn next_timeout(&self) -> MonoMs {
        self.controller.next_timeout()
    }

    /// Passes through every whole second up to and including `now`.
    pub fn handle_timeout(&mut self, now: Moment) {
        #[cfg(test)]
        (self.defect)(now.mono);
        while self.controller.next_timeout() <= now.mono {
            let at = self.controller.next_timeout();
            let second = Moment { mono: at, wall: now.wall_at(at), clock: now.clock };
            #[cfg(test)]
            let hook = self.hook;
            let device = self.config.device;
            self.second = second;
            self.known_as.handle_timeout(at);
            self.priority.handle_timeout(at, |epc| self.estimator.follows(epc));
            self.controller.handle_vehicle(self.priority.asks(), at);
            let weights = self.priority.weights();
            self.controller.handle_buses(&self.priority.buses(), at);
            let seen = self.estimate(at, |estimator| {
                #[cfg(test)]
                hook(at);
                estimator.handle_priority(weights);
                estimator.handle_timeout(at);
                (estimator.traffic(at), estimator.tell(device, second), estimator.stop_sights())
            });
            let told = seen.map(|(traffic, demand, sights)| {
                self.detectors
                    .handle_sights(&sights, at)
                    .into_iter()
                    .for_each(|event| self.controller.log_event(event));
                if !self.rest.rests(at) {
                    self.controller.handle_traffic(traffic);
                }
                demand
            });
            self.controller.handle_timeout(second);
            if let Some(demand) = told {
                let (departures, greens) = self.intentions(at);
                self.demand = Some(Demand { departures, greens, ..demand });
            }
            while let Some((level, defect)) = self.controller.take_defect() {
                self.tell(format!("{}: {defect}", level.name()), at);
                // With two methods that fail on it, the fault may well be in the estimate.
                if level == ControlLevel::Greedy {
                    self.forget(at);
                }
            }
            self.take_events();
        }
        self.controller.handle_timeout(now);
        self.take_events();
    }

    /// Whom the neighbours are to expect, and which lanes flow, if that is known.
    fn intentions(&mut self, at: MonoMs) -> (Vec<DemandDeparture>, Option<Vec<DemandGreen>>) {
        let controller = &self.controller;
        let intended = || (controller.departures(at), controller.coming_greens(at));
        match catch_unwind(AssertUnwindSafe(intended)) {
            Ok((departures, greens)) => {
                let told = self.estimate(at, |estimator| {
                    let greens = greens.map(|greens| estimator.tell_greens(&greens));
                    (estimator.tell_departures(&departures), greens)
                });
                told.unwrap_or_default()
            }
            Err(panic) => {
                self.tell(panic_message(&*panic), at);
                (Vec::new(), None)
            }
        }
    }

    /// Who waits on each lane; none where nobody can say.
    fn waiting(&mut self, at: MonoMs) -> lanes::Waiting {
        let lanes = self.config.lanes.len();
        self.estimate(at, |estimator| estimator.waiting(at)).unwrap_or_else(|| vec![None; lanes])
    }

    fn take_events(&mut self) {
        while let Some(event) = self.controller.poll() {
            let event = match event {
                SignalEvent::Shown(shown) => {
                    let waiting = self.waiting(shown.at);
                    self.queues.handle_lamps(&self.config.junction, &shown.lamps, &waiting);
                    self.estimate(shown.at, |estimator| estimator.handle_shown(&shown));
                    SignalEvent::Shown(shown)
                }
                SignalEvent::CycleEnded(mut record) => {
                    let waiting = self.waiting(record.ended);
                    self.queues.end_cycle(&mut record, &waiting);
                    SignalEvent::CycleEnded(record)
                }
                event @ (SignalEvent::Plan(_) | SignalEvent::PlanOver { .. } | SignalEvent::Logged(_)) => {
                    event
                }
            };
            self.events.push_back(event);
        }
    }

    /// What has happened, in order of time.
    pub fn poll(&mut self) -> Option<SignalEvent> {
        self.take_events();
        self.events.pop_front()
    }

    fn estimate<T>(&mut self, at: MonoMs, act: impl FnOnce(&mut Estimator) -> T) -> Option<T> {
        // After a panic nothing of it is used any more: a new one takes its place.
        match catch_unwind(AssertUnwindSafe(|| act(&mut self.estimator))) {
            Ok(answer) => Some(answer),
            Err(panic) => {
                self.tell(panic_message(&*panic), at);
                self.forget(at);
                None
            }
        }
    }

    fn tell(&mut self, defect: String, at: MonoMs) {
        let is_old = |(told, when): &(String, MonoMs)| *told == defect && at.since(*when) < TELL_AGAIN_MS;
        if !self.told.as_ref().is_some_and(is_old) {
            self.told = Some((defect.clone(), at));
            self.defects.push_back(defect);
        }
    }

    /// Begins to follow the traffic anew; for a while nobody goes by it.
    fn forget(&mut self, at: MonoMs) {
        self.rest.failed(at);
        self.estimator = Estimator::new(&self.config, self.all_watched, at);
        for (reader, up) in self.readers.iter().enumerate() {
            if let Some(up) = *up {
                self.estimator.handle_reader(reader, up);
            }
        }
        self.estimator.handle_shown(self.controller.shown());
        self.estimator.handle_calls(self.controller.pedestrian_calls(), at);
    }
}
