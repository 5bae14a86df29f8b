//! The street: vehicles that arrive at the city's edge, queue at its signals, pass from junction to junction, and the tag reads that
//! they leave behind. Pure and deterministic: time advances by [`Street::step`], chance comes from the seed.
//!
//! Simplifications, on purpose: one file of vehicles a lane; a vehicle for which the next lane has no room waits at its upstream end
//! without blocking the junction behind; conflicting streams meet only through the signal. Where signals flash or are dark, the first
//! vehicles of the four approaches cross one at a time, [`NEGOTIATE_MS`] apart, as drivers do who give way to each other. A signal of
//! which nothing is known counts as red.

mod antenna;
mod fixed_time;
mod motion;
mod network;
#[cfg(test)]
mod tests;
mod vehicle;

pub use antenna::{Passage, Read, Sight};
pub use fixed_time::{fixed_aspects, fixed_time_mean_wait_s};
pub use network::{
    Approach, CROSSING_M, Kind, LaneRef, Node, Profile, STOP_ZONE_M, Side, Tag, grid, plain_reader,
};

use antenna::Seen;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ZoneName};
use motion::{Lane, Leave};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use vehicle::{Arrivals, Vehicle};

/// Length of a step, milliseconds.
pub const STEP_MS: i64 = 100;
/// Between two vehicles that cross a junction whose signal flashes or is dark, milliseconds.
pub const NEGOTIATE_MS: i64 = 4000;
/// After this time vehicles wait at the stop lines, milliseconds.
pub const WARM_UP_MS: i64 = 60_000;
/// Below this speed a vehicle waits, metres per second: 5 km/h.
const WAITING_MPS: f64 = 5.0 / 3.6;
/// Half the length of an advance zone, metres.
const ADVANCE_HALF_M: f64 = 4.0;

/// A vehicle this near to the stop line stands at it, metres.
const AT_LINE_M: f64 = 2.0;

/// Whose turn it is at a junction without a working signal.
#[derive(Clone, Copy, Debug, Default)]
struct Courtesy {
    /// Until when nobody else may cross.
    until: MonoMs,
    /// The approach.
    turn: usize,
    /// Its first vehicle.
    vehicle: Option<u64>,
}

/// What each group of a junction shows, in the order of [`Side::ALL`]; `None`: not known.
pub type Aspects = [Option<Aspect>; 4];

/// A vehicle that crossed a stop line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The lane.
    pub lane: LaneRef,
    /// What its signal showed.
    pub aspect: Option<Aspect>,
}

/// What happened in a step.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Reads in order of time.
    pub reads: Vec<Read>,
    /// Stop lines crossed.
    pub crossings: Vec<Crossing>,
}

/// Totals since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Vehicles that arrived at the city's edge.
    pub entered: u64,
    /// Vehicles that left the city.
    pub left: u64,
    /// Waiting of all vehicles together, milliseconds.
    pub waited_ms: u64,
    /// Vehicles that crossed each stop line, by junction, in the order of [`Side::ALL`].
    pub crossed: Vec<[u64; 4]>,
    /// Vehicles with a FASTag that have left a junction, each junction counts.
    pub tagged: u64,
}

impl Tally {
    /// Mean waiting of the vehicles that arrived so far, seconds; those still inside count with what they have waited.
    pub fn mean_wait_s(&self) -> f64 {
        if self.entered == 0 { 0.0 } else { self.waited_ms as f64 / 1000.0 / self.entered as f64 }
    }
}

/// The city's traffic.
#[derive(Clone, Debug)]
pub struct Street {
    nodes: Vec<Node>,
    lanes: Vec<[Lane; 4]>,
    arrivals: Vec<Arrivals>,
    aspects: Vec<Aspects>,
    courtesy: Vec<Courtesy>,
    seed: u64,
    sight: Sight,
    chance: SmallRng,
    now: MonoMs,
    tally: Tally,
}

impl Street {
    /// An empty city at time zero.
    pub fn new(nodes: Vec<Node>, seed: u64) -> Self {
        let mut arrivals = Vec::new();
        for (junction, node) in nodes.iter().enumerate() {
            for side in Side::ALL {
                if let Some(profile) = node.approaches[side as usize].arrivals {
                    arrivals.push(Arrivals::new(LaneRef { junction, side }, profile, seed));
                }
            }
        }
        let count = nodes.len();
        Self {
            lanes: (0..count).map(|_| <[Lane; 4]>::default()).collect(),
            arrivals,
            aspects: vec![[None; 4]; count],
            courtesy: vec![Courtesy::default(); count],
            seed,
            sight: Sight::default(),
            chance: SmallRng::seed_from_u64(seed),
            now: MonoMs(0),
            tally: Tally { crossed: vec![[0; 4]; count], ..Tally::default() },
            nodes,
        }
    }

    /// A city in which traffic has begun: [`WARM_UP_MS`] after the start, with every signal red, the first vehicles stand at the lines.
    pub fn warmed_up(nodes: Vec<Node>, seed: u64) -> Self {
        let mut street = Self::new(nodes, seed);
        while street.now.0 < WARM_UP_MS {
            street.step();
        }
        street
    }

    /// The same street under other antennas.
    #[must_use]
    pub const fn with_sight(mut self, sight: Sight) -> Self {
        self.sight = sight;
        self
    }

    /// Time of the street.
    pub const fn now(&self) -> MonoMs {
        self.now
    }

    /// Totals so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Vehicles in the city, those included that wait to get in.
    pub fn inside(&self) -> u64 {
        let lanes = self.lanes.iter().flatten();
        lanes.map(|lane| (lane.vehicles.len() + lane.waiting.len()) as u64).sum()
    }

    /// What a junction's lamps show from now on.
    pub fn set_lamps(&mut self, junction: usize, aspects: Aspects) {
        if let Some(slot) = self.aspects.get_mut(junction) {
            *slot = aspects;
        }
    }

    /// Lets [`STEP_MS`] pass.
    pub fn step(&mut self) -> Step {
        let (start, mut step) = (self.now, Step::default());
        self.now = self.now + STEP_MS;
        self.arrive();
        for junction in 0..self.nodes.len() {
            self.move_vehicles(junction, &mut step);
        }
        self.look(start, &mut step);
        step.reads.sort_by_key(|read| read.at);
        step
    }

    fn arrive(&mut self) {
        for arrivals in &mut self.arrivals {
            let LaneRef { junction, side } = arrivals.lane;
            while let Some(mut vehicle) = arrivals.arrived(self.now) {
                vehicle::register(&mut vehicle, self.tally.entered, self.seed);
                self.tally.entered += 1;
                self.lanes[junction][side as usize].waiting.push_back(vehicle);
            }
        }
    }

    fn move_vehicles(&mut self, junction: usize, step: &mut Step) {
        let courteous = self.negotiated(junction);
        for side in Side::ALL {
            let aspect = self.aspects[junction][side as usize];
            let leave = match aspect {
                Some(Aspect::Green) => Leave::Go,
                Some(Aspect::Amber) => Leave::StopIfPossible,
                Some(Aspect::FlashAmber | Aspect::FlashRed | Aspect::Dark) => {
                    courteous.map_or(Leave::Stop, Leave::OneByOne)
                }
                Some(Aspect::Red | Aspect::RedAmber) | None => Leave::Stop,
            };
            let approach = &self.nodes[junction].approaches[side as usize];
            let lane = &mut self.lanes[junction][side as usize];
            let moved = lane.step(leave, approach.speed_mps, approach.length_m, STEP_MS as f64 / 1000.0);
            let slow = lane.vehicles.iter().filter(|vehicle| vehicle.speed < WAITING_MPS).count();
            self.tally.waited_ms += (slow + lane.waiting.len()) as u64 * STEP_MS as u64;
            self.tally.crossed[junction][side as usize] += u64::from(moved.crossed);
            let crossing = Crossing { lane: LaneRef { junction, side }, aspect };
            step.crossings.extend((0..moved.crossed).map(|_| crossing));
            for vehicle in moved.gone {
                self.tally.tagged += u64::from(vehicle.tag.is_some_and(|tag| tag.fastag));
                self.leave(junction, side, vehicle);
            }
        }
    }

    /// Who may cross a junction whose signal flashes or is dark: the first vehicle of the approach whose turn it is, once it stands at
    /// the line and the one before is across.
    fn negotiated(&mut self, junction: usize) -> Option<u64> {
        let courtesy = self.courtesy[junction];
        if self.now < courtesy.until {
            return courtesy.vehicle;
        }
        let (turn, vehicle) = (1..=4).find_map(|offset| {
            let index = (courtesy.turn + offset) % 4;
            let flashes = matches!(
                self.aspects[junction][index],
                Some(Aspect::FlashAmber | Aspect::FlashRed | Aspect::Dark)
            );
            let first =
                self.lanes[junction][index].first().filter(|first| flashes && first.pos < AT_LINE_M)?;
            Some((index, first.id))
        })?;
        self.courtesy[junction] = Courtesy { until: self.now + NEGOTIATE_MS, turn, vehicle: Some(vehicle) };
        Some(vehicle)
    }

    /// Sends a vehicle on: three in five go straight, one left, one right.
    fn leave(&mut self, junction: usize, from: Side, mut vehicle: Vehicle) {
        let exit = match vehicle.chance() {
            share if share < 0.6 => from.opposite(),
            share if share < 0.8 => from.left_exit(),
            _ => from.left_exit().opposite(),
        };
        vehicle.hop += 1;
        match self.nodes[junction].exits[exit as usize] {
            Some(next) => self.lanes[next.junction][next.side as usize].waiting.push_back(vehicle),
            None => self.tally.left += 1,
        }
    }

    fn look(&mut self, start: MonoMs, step: &mut Step) {
        for (junction, lanes) in self.lanes.iter().enumerate() {
            for side in Side::ALL {
                let vehicles = &lanes[side as usize].vehicles;
                let within = |from: f64, to: f64| -> Vec<Seen> {
                    let tagged = vehicles.iter().filter(|vehicle| (from..=to).contains(&vehicle.pos));
                    tagged
                        .filter_map(|vehicle| {
                            let passage = Passage { junction, vehicle: vehicle.id, hop: vehicle.hop };
                            vehicle.tag.map(|tag| Seen { passage, tag, depth_m: vehicle.pos - from })
                        })
                        .collect()
                };
                let mut see = |seen: &[Seen], zone| {
                    let reads =
                        antenna::reads(self.sight, seen, (side, zone), start, STEP_MS, &mut self.chance);
                    step.reads.extend(reads);
                };
                see(&within(0.0, STOP_ZONE_M), ZoneName::StopLine);
                if let Some(middle) = self.nodes[junction].approaches[side as usize].advance_m {
                    see(&within(middle - ADVANCE_HALF_M, middle + ADVANCE_HALF_M), ZoneName::Advance);
                }
            }
        }
    }
}
