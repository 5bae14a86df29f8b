//! All lanes of a junction, their discharge, and its cost.

use super::discharge::RightOfWay;
use super::queue::{Arrival, FAR_S, LaneQueue, within};
use super::rollout::LEFT_BEHIND_S;
use super::{Departure, Gate, StageSet, Timing};
use crate::junction::{LaneIx, StageIx};
use std::cmp::Ordering;

/// A delay after which somebody who was still driving has to start again, seconds of waiting: less is no stop.
const STOP_AFTER_S: f64 = 1.5;

/// Whoever gives way looks anew whether he has a gap so often, seconds.
const LOOKS_EVERY_S: f64 = 2.0;
/// And so often in one piece of green at most: nobody has so long a green.
const MOST_LOOKS: u32 = 300;

/// From so many vehicles that are expected to go first in that time he has none.
const NO_GAP: f64 = 0.5;

/// Most lanes and crossings of one model.
const MOST_QUEUES: usize = 64;

/// All lanes of a junction, ready for rollouts.
#[derive(Clone, Debug)]
pub struct Model {
    lanes: usize,
    stages: usize,
    offsets: Vec<usize>,
    arrivals: Vec<Arrival>,
    headway_s: Vec<f64>,
    startup_s: Vec<f64>,
    held_s: Vec<f64>,
    served: Vec<StageSet>,
    gates: Vec<Gate>,
    stop_s: f64,
    right_of_way: RightOfWay,
}

/// How far a rollout has come: whom each lane has served, when it is free again, since when it has green, and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    next: [u16; MOST_QUEUES],
    free_s: [f64; MOST_QUEUES],
    green_s: [f64; MOST_QUEUES],
    /// How many had left since the gate shut when the last one did.
    used: [f32; MOST_QUEUES],
    /// Vehicle-seconds so far.
    pub cost: f64,
    /// Vehicles that have left.
    pub served: f64,
}

impl Model {
    /// Lanes in the junction's order. `stop_s`: cost of a stop, braking and starting again, seconds of delay; more than the 20 s that
    /// [`Rollout`](super::Rollout) adds for whoever it leaves behind would make it cheaper to serve nobody.
    ///
    /// Takes anything, because a signal must go on: what is outside its range counts as the nearest value inside, what is no number as the
    /// least (of a time: as the present), a headway that is not given as 2 s. Headways are 0.1 to 3600 s, start-up losses 0 to 3600 s, `stop_s`
    /// 0 to 20 s, vehicles and weights 0 to a million, times within a million seconds. Left out are stages from the 33rd on, lanes from the
    /// 65th on, and arrivals of a lane from the 65 536th on.
    pub fn new(stages: usize, lanes: &[LaneQueue], stop_s: f64) -> Self {
        let stages = stages.min(StageSet::MOST);
        let all = StageSet::first(stages);
        let mut model = Self {
            lanes: lanes.len().min(MOST_QUEUES),
            stages,
            offsets: vec![0],
            arrivals: Vec::with_capacity(lanes.iter().map(|lane| lane.arrivals.len()).sum()),
            headway_s: Vec::with_capacity(lanes.len() * stages),
            startup_s: Vec::with_capacity(lanes.len()),
            held_s: Vec::with_capacity(lanes.len() * stages),
            served: Vec::with_capacity(lanes.len()),
            gates: Vec::with_capacity(lanes.len()),
            stop_s: within(stop_s, 0.0, LEFT_BEHIND_S),
            right_of_way: RightOfWay::default(),
        };
        for lane in lanes.iter().take(MOST_QUEUES) {
            let arrivals = lane.arrivals.iter().take(usize::from(u16::MAX));
            model.arrivals.extend(arrivals.map(|arrival| arrival.checked(all)));
            model.offsets.push(model.arrivals.len());
            model.headway_s.extend((0..stages).map(|stage| lane.checked_headway_s(stage)));
            model.startup_s.push(lane.checked_startup_s());
            model.held_s.extend((0..stages).map(|stage| lane.checked_held_s(stage)));
            model.served.push(lane.served.intersection(all));
            model.gates.push(lane.gate.map_or(Gate::NONE, Gate::checked));
        }
        model
    }

    /// The same where lanes for one movement that gives way go only once rather nobody leaves the lanes that go first: while a queue discharges there is no
    /// gap (Highway Capacity Manual 2010, chapter 31: no permitted turn before the opposing queue has cleared).
    #[must_use]
    pub fn with_right_of_way(mut self, timing: &Timing) -> Self {
        self.right_of_way = timing.right_of_way.clone();
        self
    }

    /// The state at time 0. `green_since_s` of each lane: zero or negative when it has green; `None` on red, until a [`change`](Self::change)
    /// gives it green.
    pub fn begin(&self, green_since_s: &[Option<f64>]) -> Progress {
        let mut progress = Progress {
            next: [0; MOST_QUEUES],
            free_s: [f64::NEG_INFINITY; MOST_QUEUES],
            green_s: [f64::INFINITY; MOST_QUEUES],
            used: [0.0; MOST_QUEUES],
            cost: 0.0,
            served: 0.0,
        };
        for (lane, since) in green_since_s.iter().enumerate().take(self.lanes) {
            progress.green_s[lane] = since.filter(|since| !since.is_nan()).unwrap_or(f64::INFINITY);
        }
        progress
    }

    /// Whether everybody has left.
    pub fn is_empty(&self, progress: &Progress) -> bool {
        (0..self.lanes).all(|lane| self.line(lane).len() <= usize::from(progress.next[lane]))
    }

    /// Who is left on a lane, the head first; nobody on a lane that the model does not have.
    pub fn left(&self, progress: &Progress, lane: LaneIx) -> &[Arrival] {
        if lane.index() < self.lanes { self.rest(progress, lane.index()) } else { &[] }
    }

    /// Who has left between two states of a rollout that are a step apart: at the time at which the last of his lane did.
    pub(super) fn left_between(
        &self,
        before: &Progress,
        after: &Progress,
    ) -> impl Iterator<Item = Departure> {
        (0..self.lanes).flat_map(move |lane| {
            let gone = usize::from(before.next[lane])..usize::from(after.next[lane]);
            let in_s = after.free_s[lane];
            self.line(lane)[gone].iter().map(move |arrival| Departure {
                lane: LaneIx::new(lane),
                in_s,
                vehicles: arrival.vehicles,
            })
        })
    }

    /// Lets a stage have green from `from_s` to `to_s`. Nobody leaves before `from_s`, nor at `to_s` or later. Serving in pieces that follow
    /// each other is the same as serving once where nobody gives way; where somebody does, he looks anew at the start of each piece.
    pub fn serve(&self, progress: &mut Progress, stage: StageIx, from_s: f64, to_s: f64) {
        // Nor does anybody leave when one of the times is no number.
        if from_s.partial_cmp(&to_s) != Some(Ordering::Less) {
            return;
        }
        let only = StageSet::from_iter([stage]);
        let first = self.right_of_way.in_stage(stage);
        if first.is_empty() {
            (0..self.lanes).for_each(|lane| self.discharge(progress, lane, stage, only, from_s, to_s));
            return;
        }
        let (mut at_s, end_s) = (from_s.max(-FAR_S), to_s.min(FAR_S));
        let gives_way = |lane: usize| first.get(lane).is_some_and(|first| *first != 0);
        let mut looks = 0;
        while at_s < end_s {
            let until_s = if looks < MOST_LOOKS { (at_s + LOOKS_EVERY_S).min(end_s) } else { end_s };
            let before = progress.next;
            for lane in (0..self.lanes).filter(|lane| !gives_way(*lane)) {
                self.discharge(progress, lane, stage, only, at_s, until_s);
            }
            for lane in (0..self.lanes).filter(|lane| gives_way(*lane)) {
                let others = (0..self.lanes).filter(|other| first[lane] >> other & 1 == 1);
                let flow: f64 = others.map(|other| self.flow(progress, &before, other, stage, until_s)).sum();
                if flow < NO_GAP {
                    self.discharge(progress, lane, stage, only, at_s, until_s);
                }
            }
            (at_s, looks) = (until_s, looks + 1);
        }
    }

    /// How many have left a lane since it was as `before`, or would by `to_s`.
    fn flow(&self, progress: &Progress, before: &[u16], lane: usize, stage: StageIx, to_s: f64) -> f64 {
        let gone = &self.line(lane)[usize::from(before[lane])..usize::from(progress.next[lane])];
        let leaves = |head: &&Arrival| {
            head.at_s < to_s && head.stages.contains(stage) && self.room_at(progress, lane, to_s) > 0.0
        };
        let next = self.rest(progress, lane).first().filter(leaves);
        gone.iter().chain(next).map(|arrival| arrival.vehicles).sum()
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
                && self.room_at(progress, lane, at_s + look_s) > 0.0
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
        let (mut weight, mut green, mut startup) = (0.0, 0.0_f64, 0.0);
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
                let mut room = self.room_at(progress, lane, at_s + clearance_s);
                for arrival in self.rest(progress, lane) {
                    if arrival.at_s > until || !arrival.stages.contains(stage) || room <= 0.0 {
                        break;
                    }
                    room -= arrival.vehicles;
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

    /// Cost of leaving everybody who is left where they are at `end_s`: their delay so far, what serving each lane alone would add, and
    /// `each_s` more.
    pub fn leave_behind(&self, progress: &mut Progress, end_s: f64, each_s: f64) {
        let end_s = within(end_s, -FAR_S, FAR_S);
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

    /// For how many of a lane there is room ahead at that moment.
    fn room_at(&self, progress: &Progress, lane: usize, at_s: f64) -> f64 {
        self.gates[lane].room_at(at_s, progress.free_s[lane], f64::from(progress.used[lane]))
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
        let from_s = from_s.max(self.held_s[lane * self.stages + stage.index()]);
        let flowing = progress.green_s[lane] + self.startup_s[lane];
        let line = self.line(lane);
        let gate = &self.gates[lane];
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
            let could = leaves;
            let (last_s, used) = (progress.free_s[lane], f64::from(progress.used[lane]));
            leaves = gate.leaves_s(could, last_s, used);
            progress.cost += gate.blocks * (leaves.min(to_s) - could).max(0.0);
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
            if !gate.is_open(leaves) {
                progress.used[lane] = (gate.used_at(leaves, last_s, used) + arrival.vehicles) as f32;
            }
            next += 1;
        }
        progress.next[lane] = next as u16;
    }
}
