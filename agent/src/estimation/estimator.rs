//! Follows every tagged vehicle from its first read to its departure.

use super::counters::Counters;
use super::estimates::AdvanceReaders;
use super::lane::{Lane, LaneShape, STOPS_FADE};
use super::late::Lateness;
use super::neighbour::Neighbours;
use super::presence::There;
use super::telling::News;
use super::unseen::Ratio;
use super::vehicle::Vehicle;
use super::walkers::Walkers;
use crate::config::{Antennas, Config, LaneConfig, StopLines};
use crate::reader::Read;
use crate::signal::Shown;
use flextraff_common::epc::Epc;
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::{GroupSet, Junction, LaneIx, StageIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControllerState, Demand, ZoneName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most vehicles that are followed at once; beyond it those unseen for longest are forgotten.
const MOST_VEHICLES: usize = 4000;
/// What another device of the junction has read so long ago says nothing of who is there, seconds.
const TOO_LATE_S: f64 = 5.0;
/// Somebody overtaken by a vehicle that was due so much later is not there, seconds; the second, where he may be on another lane.
const OVERTAKEN_S: (f64, f64) = (4.0, 8.0);
/// Unless he was read within this time, seconds.
const READ_LATELY_S: f64 = 1.5;
/// With fewer unseen users for each seen one nobody is taken to have left between two seen ones that follow each other.
const FEW_UNSEEN: f64 = 0.2;
/// Saturation headways that are believed, seconds.
const HEADWAYS_S: (f64, f64) = (1.0, 6.0);
/// A head that does not move for so long at its green does not want this green, seconds.
const STALLED_S: f64 = 6.0;

/// What the signal shows, as the estimator needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Light {
    pub(super) stage: Option<StageIx>,
    pub(super) green: bool,
    pub(super) since_s: f64,
}

/// Follows the vehicles of one junction.
#[derive(Clone, Debug)]
pub struct Estimator {
    pub(super) junction: Arc<Junction>,
    pub(super) lanes: Vec<Lane>,
    pub(super) walkers: Vec<Walkers>,
    pub(super) vehicles: BTreeMap<Epc, Vehicle>,
    /// Who has left a moment ago, and may turn out not to have.
    pub(super) left: BTreeMap<Epc, Vehicle>,
    pub(super) light: Light,
    pub(super) last_read_s: f64,
    pub(super) neighbours: Neighbours,
    lateness: Lateness,
    /// How many users of the whole junction are not seen.
    pub(super) unseen: Ratio,
    /// Vehicles that count more than others.
    pub(super) priority: Vec<(Epc, f64)>,
    stop_lines: StopLines,
    pub(super) advance_readers: AdvanceReaders,
    pub(super) readers: Vec<Antennas>,
    /// Whether lanes without a reader count as watched.
    pub(super) all_watched: bool,
    pub(super) counters: Counters,
    /// What neighbours have not been told yet.
    pub(super) news: News,
}

pub(super) fn seconds(at: MonoMs) -> f64 {
    at.0 as f64 / 1000.0
}

impl Estimator {
    /// An estimator that knows nothing yet. Lanes that no reader of this device watches count as watched only with `all_watched`,
    /// or while another device of the junction watches them.
    pub fn new(config: &Config, all_watched: bool, start: MonoMs) -> Self {
        let junction = Arc::clone(&config.junction);
        let lane = |(lane, site): (LaneIx, &LaneConfig)| {
            Lane::new(&junction, lane, LaneShape::new(&junction, lane, site), seconds(start))
        };
        let lanes = junction.lane_indexes().zip(&config.lanes).map(lane).collect();
        let mut estimator = Self {
            lanes,
            walkers: Walkers::of(&junction, seconds(start)),
            vehicles: BTreeMap::new(),
            left: BTreeMap::new(),
            light: Light { stage: None, green: false, since_s: seconds(start) },
            last_read_s: f64::NEG_INFINITY,
            neighbours: Neighbours::new(config, seconds(start)),
            lateness: Lateness::default(),
            unseen: Ratio::default(),
            priority: Vec::new(),
            readers: vec![all_watched.into(); config.readers.len()],
            stop_lines: StopLines::new(config.lanes.len(), &config.readers),
            advance_readers: AdvanceReaders::of(config),
            all_watched,
            counters: Counters::default(),
            news: News::default(),
            junction,
        };
        estimator.note_readers();
        estimator
    }

    /// Other readers watch the junction from now on, through these antennas.
    pub fn replace_readers(&mut self, config: &Config, antennas: Vec<Antennas>) {
        self.stop_lines = StopLines::new(config.lanes.len(), &config.readers);
        self.advance_readers = AdvanceReaders::of(config);
        self.readers = antennas;
        self.note_readers();
    }

    /// Takes that a reader came up or went down, or through which of its antennas it sees.
    pub fn handle_reader(&mut self, reader: usize, antennas: impl Into<Antennas>) {
        if let Some(state) = self.readers.get_mut(reader) {
            *state = antennas.into();
        }
        self.note_readers();
    }

    fn note_readers(&mut self) {
        let own = self.stop_lines.watched(|reader| self.readers[reader], self.all_watched);
        for ((lane, state), own) in self.junction.lane_indexes().zip(&mut self.lanes).zip(own) {
            state.reader_up = own || self.counters.watch(lane);
        }
    }

    /// Takes what the signal shows from now on.
    pub fn handle_shown(&mut self, shown: &Shown) {
        let at_s = seconds(shown.at);
        let lit: GroupSet = self
            .junction
            .group_indexes()
            .zip(&shown.lamps)
            .filter(|(_, aspect)| **aspect == Aspect::Green)
            .map(|(group, _)| group)
            .collect();
        self.walkers.iter_mut().for_each(|walkers| walkers.handle_green(lit, at_s));
        for ix in self.junction.lane_indexes() {
            let green = !self.lanes[ix.index()].shape.groups.intersection(lit).is_empty();
            if green && self.lanes[ix.index()].green_since_s.is_none() {
                self.learn_at_red(ix, at_s);
            }
            let lane = &mut self.lanes[ix.index()];
            match lane.green_since_s {
                None if green => lane.green_since_s = Some(at_s),
                Some(_) if !green => {
                    lane.green_since_s = None;
                    lane.red_since_s = at_s;
                    lane.note_green_over();
                    let stand = self.vehicles.values_mut().filter(|vehicle| vehicle.lane == ix);
                    stand.filter(|vehicle| vehicle.at_stop_line()).for_each(|vehicle| vehicle.greens += 1);
                    self.learn_unseen(ix, at_s);
                }
                _ => {}
            }
        }
        let green = shown.state == ControllerState::Green;
        if (green, shown.stage) != (self.light.green, self.light.stage) {
            self.light = Light { stage: shown.stage, green, since_s: at_s };
        }
    }

    /// Takes at which pedestrian heads somebody has pressed the button since the last green.
    pub fn handle_calls(&mut self, calls: GroupSet, at: MonoMs) {
        self.walkers.iter_mut().for_each(|walkers| walkers.handle_calls(calls, seconds(at)));
    }

    /// Takes a read.
    pub fn handle_read(&mut self, read: &Read) {
        if read.lane.index() >= self.lanes.len() {
            return;
        }
        let at_s = seconds(read.at);
        let tells = match read.zone {
            ZoneName::Advance => self.announce(read.epc, read.lane, at_s),
            ZoneName::StopLine => self.stop(read, at_s),
        };
        if tells {
            self.last_read_s = at_s;
        }
    }

    /// Takes a read at the stop line of a lane; whether it tells of traffic.
    fn stop(&mut self, read: &Read, at_s: f64) -> bool {
        let (epc, lane) = (read.epc, read.lane);
        if !self.vehicles.contains_key(&epc) {
            let vehicle = match self.who_is_there(epc, lane, at_s) {
                There::Crosses => return true,
                There::Still(vehicle) => vehicle,
                There::New => {
                    self.neighbours.arrived(epc, lane, at_s);
                    Vehicle::seen(lane, at_s)
                }
            };
            self.insert(epc, vehicle);
        }
        let Some(vehicle) = self.vehicles.get_mut(&epc) else { return false };
        // Whoever stays there for ever does not tell whether others come.
        let parked = vehicle.is_parked(at_s);
        let gone_s = self.lanes[vehicle.lane.index()].read_gaps.gone_after_s();
        vehicle.lane = vehicle.stands_on(lane, read.rssi, at_s, gone_s);
        let state = &mut self.lanes[vehicle.lane.index()];
        if vehicle.lane == lane && !parked {
            state.stop_read_s = at_s;
        }
        if vehicle.at_stop_line() && state.green_since_s.is_none() && !vehicle.has_left {
            state.read_gaps.add(at_s, at_s - vehicle.last_s);
        }
        vehicle.last_s = at_s;
        vehicle.due_s = vehicle.due_s.min(at_s);
        if vehicle.stopped_s.is_none() {
            vehicle.stopped_s = Some(at_s);
            self.news.reads.push((lane, ZoneName::StopLine, epc));
            match vehicle.via {
                None => vehicle.due_s = vehicle.due_s.min(state.note_unannounced(at_s)),
                Some(via) => {
                    let announced = &mut self.lanes[via.index()];
                    announced.confirmed.add(at_s, true);
                    announced.note_passed(vehicle.announced_s, lane);
                }
            }
        }
        !parked
    }

    pub(super) fn insert(&mut self, epc: Epc, vehicle: Vehicle) {
        if self.vehicles.len() >= MOST_VEHICLES {
            // Some at once: to look for one each time would take long just when much is read.
            let mut seen: Vec<f64> = self.vehicles.values().map(|vehicle| vehicle.last_s).collect();
            let (_, oldest, _) = seen.select_nth_unstable_by(MOST_VEHICLES / 16, f64::total_cmp);
            let oldest = *oldest;
            self.vehicles.retain(|_, vehicle| vehicle.last_s > oldest);
        }
        self.neighbours.unread.read_here(epc, vehicle.last_s);
        self.vehicles.insert(epc, vehicle);
    }

    /// Takes what a linked junction tells, or another device of this one. What was held up on its way counts from when it was said.
    pub fn handle_demand(&mut self, junction: JunctionId, demand: &Demand, now: MonoMs) {
        let late_s = self.lateness.of(demand, seconds(now));
        if junction != self.junction.id {
            self.neighbours.handle(junction, demand, seconds(now) - late_s);
            return;
        }
        if late_s > TOO_LATE_S {
            return;
        }
        self.counters.handle(&self.junction, demand, seconds(now));
        self.note_readers();
        for read in &demand.reads {
            if let (Some(lane), Ok(epc)) = (self.junction.lane_named(&read.lane), read.epc.parse()) {
                self.handle_read(&Read { lane, zone: read.zone, epc, rssi: None, at: now });
            }
        }
    }

    /// Lets the time pass: who has left, who was never there, who does not move.
    pub fn handle_timeout(&mut self, now: MonoMs) {
        let at_s = seconds(now);
        self.counters.handle_timeout(at_s);
        self.note_readers();
        self.note_departures(at_s);
        self.note_silence(at_s);
        self.note_hidden(at_s);
        self.clear_ghosts(at_s);
        self.note_stalls(at_s);
        self.neighbours.handle_timeout(at_s);
    }

    pub(super) fn departed(&mut self, epc: Epc, vehicle: &Vehicle) {
        let at_s = vehicle.last_s;
        if vehicle.has_left {
            // It was counted and told when it seemed to leave.
            let lane = &mut self.lanes[vehicle.lane.index()];
            lane.departed_s = lane.departed_s.max(at_s);
            return;
        }
        // Who passed a green without a stop tells how long the way takes.
        if let (Some(via), Some(stopped_s)) = (vehicle.via, vehicle.stopped_s)
            && at_s - stopped_s <= 2.0
            && self.lanes[vehicle.lane.index()].green_since_s.is_some_and(|green_s| stopped_s - green_s > 8.0)
        {
            let lane = &mut self.lanes[via.index()];
            let took = at_s - vehicle.announced_s;
            if took < 2.0 * lane.drive_s.value() + 2.0 {
                lane.drive_s.add(at_s, took);
            }
        }
        if let Some(via) = vehicle.via {
            self.lanes[via.index()].note_stop(vehicle.lane, at_s);
        }
        let unseen = self.unseen_for_each(&self.lanes[vehicle.lane.index()]);
        let lane = &mut self.lanes[vehicle.lane.index()];
        lane.heralded.add(at_s, vehicle.via.is_some());
        lane.outflow.add(at_s, 1.0);
        lane.usual_flow.add(at_s, 1.0);
        if let (Some(green_s), Some(stage), true) = (lane.green_since_s, self.light.stage, self.light.green) {
            let stood_before = vehicle.stopped_s.is_some_and(|stopped| stopped < green_s);
            if lane.shape.stages.part.contains(stage) && stood_before && at_s > green_s {
                lane.part_goes[stage.index()].add(at_s, true);
            }
            lane.note_place(vehicle, stage, green_s, at_s);
            lane.learn_startup_loss(green_s, at_s);
            let gap = at_s - lane.departed_s;
            let queued = vehicle.due_s < at_s - 4.0 && lane.departed_s > green_s + 2.0;
            if queued && (0.5..6.0).contains(&gap) && lane.headway_s(stage) <= lane.headway_s.value() {
                let places =
                    if unseen < FEW_UNSEEN { 1.0 } else { (gap / lane.headway_s.value()).round().max(1.0) };
                lane.headway_s.add(at_s, (gap / places).clamp(HEADWAYS_S.0, HEADWAYS_S.1));
            }
        }
        lane.departed_s = lane.departed_s.max(at_s);
        lane.unseen_stream.clear(vehicle.due_s.min(at_s));
        lane.held_until_s.fill(f64::NEG_INFINITY);
        self.neighbours.sent(epc, vehicle.lane, at_s);
        self.news.departed.push((vehicle.lane, epc, at_s));
        // Whoever was due before this one and was never seen at the stop line passed it unseen, or has gone elsewhere.
        let lanes = &self.lanes;
        let overtaken = |other: &Vehicle| {
            let margin_s = if other.is_surely_there(lanes) { OVERTAKEN_S.0 } else { OVERTAKEN_S.1 };
            let waits = other.lane == vehicle.lane && !other.at_stop_line();
            waits && other.due_s < vehicle.due_s - margin_s && at_s - other.last_s > READ_LATELY_S
        };
        let gone: Vec<Vehicle> =
            self.vehicles.extract_if(.., |_, other| overtaken(other)).map(|(_, other)| other).collect();
        for other in &gone {
            self.missed(other, at_s);
        }
    }

    fn note_stalls(&mut self, at_s: f64) {
        let Some(stage) = self.light.stage.filter(|_| self.light.green) else { return };
        for lane in self.junction.lane_indexes() {
            let state = &mut self.lanes[lane.index()];
            let Some(green_s) = state.green_since_s else { continue };
            let heads =
                self.vehicles.values_mut().filter(|vehicle| vehicle.lane == lane && vehicle.at_stop_line());
            let heads = heads.filter(|vehicle| !vehicle.is_parked(at_s));
            let head = heads.min_by(|a, b| a.stopped_s.unwrap_or(0.0).total_cmp(&b.stopped_s.unwrap_or(0.0)));
            let Some(head) = head else { continue };
            let stopped_s = head.stopped_s.unwrap_or(at_s);
            let still_s = at_s - green_s.max(self.light.since_s).max(stopped_s);
            state.note_held(stage, still_s.min(at_s - state.departed_s), at_s);
            if still_s <= STALLED_S || at_s - state.departed_s <= STALLED_S {
                continue;
            }
            if let Some((_, when)) = head.stalled.iter_mut().find(|(other, _)| *other == stage) {
                *when = at_s;
                continue;
            }
            if state.shape.stages.part.contains(stage) {
                state.part_goes[stage.index()].add(at_s, false);
            }
            head.stalled.push((stage, at_s));
        }
    }
}

impl Lane {
    /// Somebody whom its advance reader announced stopped on a lane, or passed there.
    fn note_stop(&mut self, lane: LaneIx, at_s: f64) {
        self.stops.add(at_s);
        self.stops_at.iter_mut().for_each(|count| *count *= STOPS_FADE);
        self.stops_at[lane.index()] += 1.0;
    }

    /// The lane to which the next announced vehicle goes, so that over time each gets its learned share.
    pub(super) fn place(&mut self, own: LaneIx) -> LaneIx {
        let sum: f64 = self.stops_at.iter().sum();
        let known = self.stops_at.iter().filter(|&&count| count > 0.0).count();
        if known <= 1 || sum <= 0.0 {
            return own;
        }
        for (due, count) in self.to_place.iter_mut().zip(&self.stops_at) {
            *due += count / sum;
        }
        let mut most = own;
        for (lane, due) in self.to_place.iter().enumerate() {
            if *due > self.to_place[most.index()] {
                most = LaneIx::new(lane);
            }
        }
        self.to_place[most.index()] -= 1.0;
        most
    }
}
