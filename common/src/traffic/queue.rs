//! Lanes as lines of arrivals, and their discharge.

use super::StageSet;
use crate::junction::{Junction, LaneIx, StageIx};

/// A stop after which somebody who was still driving has to start again, seconds of waiting: less is no stop.
const STOP_AFTER_S: f64 = 1.5;

/// Most lanes and crossings of one model.
const MOST_QUEUES: usize = 64;

/// One arrival at a stop line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// When it passes the stop line if nothing holds it up; negative when it already waits. Seconds.
    pub at_s: f64,
    /// How many vehicles it stands for: 1, or a fraction of an expected one. It takes that share of a saturation headway.
    pub vehicles: f64,
    /// Cost of each second of its delay, vehicle-seconds.
    pub weight: f64,
    /// The stages in which its movement has green.
    pub stages: StageSet,
    /// Whether it still drives, so that a red would stop it.
    pub moving: bool,
}

/// A lane: who is on it, and how fast it discharges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneQueue {
    /// In the order in which they leave.
    pub arrivals: Vec<Arrival>,
    /// Saturation headway in each stage, seconds per vehicle; of a stage that does not serve the lane: without meaning.
    pub headway_s: Vec<f64>,
    /// From the start of green to the first departure of a queue, beyond one headway, seconds.
    pub startup_s: f64,
    /// The stages in which any movement of the lane has green.
    pub served: StageSet,
}

/// Times of the signal that the model needs, seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    stages: usize,
    clearance_s: Vec<f64>,
    /// Shortest green of each stage.
    pub min_green_s: Vec<f64>,
    /// Longest green of each stage.
    pub max_green_s: Vec<f64>,
}

impl Timing {
    /// The times of a junction, its stages with their own shortest and longest greens.
    pub fn of(junction: &Junction) -> Self {
        let stages = junction.stages().len();
        let pairs = junction.stage_indexes().flat_map(|p| junction.stage_indexes().map(move |q| (p, q)));
        Self {
            stages,
            clearance_s: pairs.map(|(p, q)| f64::from(junction.clearance_s(p, q))).collect(),
            min_green_s: junction.stages().iter().map(|stage| f64::from(stage.min_green_s)).collect(),
            max_green_s: junction.stages().iter().map(|stage| f64::from(stage.max_green_s)).collect(),
        }
    }

    /// From the end of the green of one stage to the start of the next one's.
    pub fn clearance_s(&self, from: StageIx, to: StageIx) -> f64 {
        self.clearance_s[from.index() * self.stages + to.index()]
    }

    /// Lets every change cost at least so much, also one that only adds groups.
    pub fn set_least_clearance_s(&mut self, least_s: f64) {
        self.clearance_s.iter_mut().for_each(|clearance| *clearance = clearance.max(least_s));
    }

    /// How many stages there are.
    pub const fn stages(&self) -> usize {
        self.stages
    }
}

/// All lanes of a junction, ready for rollouts.
#[derive(Clone, Debug)]
pub struct Model {
    lanes: usize,
    stages: usize,
    offsets: Vec<usize>,
    arrivals: Vec<Arrival>,
    headway_s: Vec<f64>,
    startup_s: Vec<f64>,
    served: Vec<StageSet>,
    /// Cost of a stop, seconds of delay: braking and starting again.
    pub stop_s: f64,
}

/// How far a rollout has come: whom each lane has served, when it is free again, since when it has green, and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    next: [u16; MOST_QUEUES],
    free_s: [f64; MOST_QUEUES],
    green_s: [f64; MOST_QUEUES],
    /// Vehicle-seconds so far.
    pub cost: f64,
    /// Vehicles that have left.
    pub served: f64,
}

impl Model {
    /// Lanes in the junction's order; arrivals beyond 65 535 of one lane are left out.
    pub fn new(stages: usize, lanes: &[LaneQueue], stop_s: f64) -> Self {
        let mut model = Self {
            lanes: lanes.len().min(MOST_QUEUES),
            stages,
            offsets: vec![0],
            arrivals: Vec::with_capacity(lanes.iter().map(|lane| lane.arrivals.len()).sum()),
            headway_s: Vec::with_capacity(lanes.len() * stages),
            startup_s: Vec::with_capacity(lanes.len()),
            served: Vec::with_capacity(lanes.len()),
            stop_s,
        };
        for lane in lanes.iter().take(MOST_QUEUES) {
            model.arrivals.extend(lane.arrivals.iter().take(usize::from(u16::MAX)));
            model.offsets.push(model.arrivals.len());
            model
                .headway_s
                .extend((0..stages).map(|stage| lane.headway_s.get(stage).copied().unwrap_or(2.0).max(0.1)));
            model.startup_s.push(lane.startup_s);
            model.served.push(lane.served);
        }
        model
    }

    /// The state at time 0. `green_since_s` of each lane: zero or negative when it has green, `None` on red.
    pub fn begin(&self, green_since_s: &[Option<f64>]) -> Progress {
        let mut progress = Progress {
            next: [0; MOST_QUEUES],
            free_s: [f64::NEG_INFINITY; MOST_QUEUES],
            green_s: [f64::INFINITY; MOST_QUEUES],
            cost: 0.0,
            served: 0.0,
        };
        for (lane, since) in green_since_s.iter().enumerate().take(self.lanes) {
            progress.green_s[lane] = since.unwrap_or(f64::INFINITY);
        }
        progress
    }

    /// Whether everybody has left.
    pub fn is_empty(&self, progress: &Progress) -> bool {
        (0..self.lanes).all(|lane| self.line(lane).len() <= usize::from(progress.next[lane]))
    }

    /// Who is left on a lane, the head first.
    pub fn left(&self, progress: &Progress, lane: LaneIx) -> &[Arrival] {
        self.rest(progress, lane.index())
    }

    /// Lets a stage have green from `from_s` to `to_s`. Nobody leaves before `from_s`.
    pub fn serve(&self, progress: &mut Progress, stage: StageIx, from_s: f64, to_s: f64) {
        let only = StageSet::from_iter([stage]);
        for lane in 0..self.lanes {
            self.discharge(progress, lane, stage, only, from_s, to_s);
        }
    }

    fn headway(&self, lane: usize, stage: StageIx) -> f64 {
        self.headway_s[lane * self.stages + stage.index()]
    }

    /// Changes from one stage to another; lanes that both serve go on. Returns when the new stage has green.
    pub fn change(
        &self,
        progress: &mut Progress,
        timing: &Timing,
        from: StageIx,
        to: StageIx,
        at_s: f64,
    ) -> f64 {
        let green_at = at_s + timing.clearance_s(from, to);
        let both = StageSet::from_iter([from, to]);
        for lane in 0..self.lanes {
            if self.served[lane].contains(to) && self.served[lane].contains(from) {
                self.discharge(progress, lane, from, both, at_s, green_at);
            }
            let (old, new) = match self.rest(progress, lane).first() {
                Some(head) => (head.stages.contains(from), head.stages.contains(to)),
                None => (self.served[lane].contains(from), self.served[lane].contains(to)),
            };
            if new && !old {
                progress.green_s[lane] = green_at;
            }
        }
        green_at
    }

    /// Whether anybody whom the stage serves waits at `at_s` or arrives within `look_s`.
    pub fn wanted(&self, progress: &Progress, stage: StageIx, at_s: f64, look_s: f64) -> bool {
        (0..self.lanes).any(|lane| {
            self.rest(progress, lane)
                .first()
                .is_some_and(|head| head.stages.contains(stage) && head.at_s <= at_s + look_s)
        })
    }

    /// Weight that a stage would serve per second if it followed now: weighted-shortest-processing-time (Smith's rule), the clearance
    /// and the start-up loss being part of the processing time. Zero when nobody wants it.
    pub fn urgency(
        &self,
        progress: &Progress,
        stage: StageIx,
        at_s: f64,
        clearance_s: f64,
        min_green_s: f64,
    ) -> f64 {
        let (mut weight, mut green, mut startup) = (0.0, 0.0_f64, 0.0_f64);
        // Those who arrive while the first ones leave are served along with them.
        for _ in 0..2 {
            let until = at_s + clearance_s + green;
            (weight, startup) = (0.0, 0.0);
            let mut longest = 0.0_f64;
            for lane in 0..self.lanes {
                if !self.served[lane].contains(stage) {
                    continue;
                }
                let headway = self.headway(lane, stage);
                let mut busy = 0.0;
                for arrival in self.rest(progress, lane) {
                    if arrival.at_s > until || !arrival.stages.contains(stage) {
                        break;
                    }
                    weight += arrival.weight;
                    busy += headway * arrival.vehicles;
                }
                if busy > longest {
                    (longest, startup) = (busy, self.startup_s[lane]);
                }
            }
            green = longest;
        }
        if weight <= 0.0 { 0.0 } else { weight / (clearance_s + startup + green.max(min_green_s)) }
    }

    /// Cost of leaving everybody who is left where they are at `end_s`: their delay so far, and what serving each lane alone would add.
    pub fn leave_behind(&self, progress: &mut Progress, end_s: f64, each_s: f64) {
        for lane in 0..self.lanes {
            let mut ahead = 0.0;
            for arrival in self.rest(progress, lane) {
                let waited = (end_s - arrival.at_s).max(0.0);
                let headway = arrival.stages.iter().next().map_or(0.0, |stage| self.headway(lane, stage));
                progress.cost += arrival.weight * (waited + ahead + each_s);
                ahead += headway * arrival.vehicles;
            }
        }
    }

    /// When the first of those left would arrive, over all lanes.
    pub fn next_arrival_s(&self, progress: &Progress) -> Option<f64> {
        (0..self.lanes)
            .filter_map(|lane| Some(self.rest(progress, lane).first()?.at_s))
            .min_by(f64::total_cmp)
    }

    fn line(&self, lane: usize) -> &[Arrival] {
        &self.arrivals[self.offsets[lane]..self.offsets[lane + 1]]
    }

    fn rest(&self, progress: &Progress, lane: usize) -> &[Arrival] {
        &self.line(lane)[usize::from(progress.next[lane])..]
    }

    /// Lets the vehicles of a lane go whose movements have green in all of `stages`, at the headway of `stage`.
    #[inline]
    fn discharge(
        &self,
        progress: &mut Progress,
        lane: usize,
        stage: StageIx,
        stages: StageSet,
        from_s: f64,
        to_s: f64,
    ) {
        if !self.served[lane].contains(stage) {
            return;
        }
        let headway = self.headway(lane, stage);
        let flowing = progress.green_s[lane] + self.startup_s[lane];
        let line = self.line(lane);
        let mut next = usize::from(progress.next[lane]);
        while let Some(arrival) = line.get(next) {
            if !stages.minus(arrival.stages).is_empty() {
                break;
            }
            let mut leaves = (progress.free_s[lane] + headway * arrival.vehicles).max(from_s);
            // Only those who stood when the green began lose its start; who arrives later drives through.
            if flowing > leaves && arrival.at_s < progress.green_s[lane] + 1.0 {
                leaves = flowing;
            }
            leaves = leaves.max(arrival.at_s);
            if leaves >= to_s {
                break;
            }
            let delay = leaves - arrival.at_s;
            progress.cost += delay * arrival.weight;
            if arrival.moving && delay > STOP_AFTER_S {
                progress.cost += self.stop_s * arrival.weight;
            }
            progress.served += arrival.vehicles;
            progress.free_s[lane] = leaves;
            next += 1;
        }
        progress.next[lane] = next as u16;
    }
}
