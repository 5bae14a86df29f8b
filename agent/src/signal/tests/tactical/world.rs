//! Random junctions, plans and traffic pictures, and a run second by second that writes down all that can be seen from outside.

use super::*;
use crate::estimation::{LaneTraffic, Traffic};
use crate::signal::Decision;
use flextraff_common::junction::{GroupSet, LaneIx, StageIx, StageOrder};
use flextraff_common::traffic::{Arrival, LaneQueue, StageSet};
use flextraff_common::wire::{ControlLevel, Mode, PlanState, StageTime, ZoneName};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What the junction adds to a shape, the traffic, and what is asked of the controller.
#[derive(Clone, Debug)]
pub(super) struct Script {
    shape: Shape,
    fixed: bool,
    shared_lanes: bool,
    longest: Vec<u8>,
    spare_s: u32,
    seed: u64,
    pub(super) asks: Vec<(u32, Ask)>,
}

#[derive(Clone, Debug)]
pub(super) enum Ask {
    Ranged { greens: Vec<(u8, u8, u8)>, skips: u16, valid_s: u32 },
    Exact { manual: bool, greens: Vec<u8>, skips: u16, valid_s: u32, releases: bool },
    Emergency { stage: u8, valid_s: u32 },
    Blind { seconds: u32 },
}

pub(super) fn scripts(asks: impl Strategy<Value = Ask> + 'static) -> impl Strategy<Value = Script> {
    let asks = prop::collection::vec((prop_oneof![0_u32..20, 0_u32..400], asks), 1..7);
    let sizes = (prop::collection::vec(any::<u8>(), 16), prop_oneof![Just(0_u32), 0_u32..120]);
    (shapes(), any::<bool>(), any::<bool>(), sizes, any::<u64>(), asks).prop_map(
        |(shape, fixed, shared_lanes, (longest, spare_s), seed, asks)| Script {
            shape,
            fixed,
            shared_lanes,
            longest,
            spare_s,
            seed,
            asks,
        },
    )
}

pub(super) fn ranged() -> impl Strategy<Value = Ask> {
    let green = (0_u8..40, 0_u8..40, 0_u8..40);
    (prop::collection::vec(green, 16), any::<u16>(), 30_u32..900)
        .prop_map(|(greens, skips, valid_s)| Ask::Ranged { greens, skips, valid_s })
}

pub(super) fn any_ask() -> impl Strategy<Value = Ask> {
    let exact =
        (any::<bool>(), prop::collection::vec(0_u8..40, 16), any::<u16>(), 30_u32..900, any::<bool>());
    prop_oneof![
        2 => ranged(),
        4 => exact.prop_map(|(manual, greens, skips, valid_s, releases)| Ask::Exact { manual, greens, skips, valid_s, releases }),
        1 => (any::<u8>(), 5_u32..300).prop_map(|(stage, valid_s)| Ask::Emergency { stage, valid_s }),
        1 => (1_u32..60).prop_map(|seconds| Ask::Blind { seconds }),
    ]
}

impl Script {
    /// The shape with lanes of several groups, longest greens of its own, and a longest red that a round at shortest greens keeps with 10 s to spare.
    pub(super) fn junction(&self) -> Option<Arc<Junction>> {
        let mut spec = spec(&self.shape)?;
        if self.shared_lanes {
            let lanes: Vec<String> = spec.groups.iter().map(|group| group.lanes[0].clone()).collect();
            for (at, group) in spec.groups.iter_mut().enumerate() {
                group.lanes = vec![lanes[at & !1].clone()];
            }
            spec.lanes = spec.lanes.into_iter().step_by(2).collect();
        }
        for (stage, more) in spec.stages.iter_mut().zip(self.longest.iter().cycle()) {
            stage.max_green_s = stage.min_green_s + f64::from(more % 50);
            stage.skip &= more % 4 > 0;
        }
        spec.signal.stage_order = if self.fixed { StageOrder::Fixed } else { StageOrder::Free };
        let longest_change = Junction::build(&spec).ok()?.longest_clearance_s();
        let shortest: f64 = spec.stages.iter().map(|stage| stage.min_green_s).sum();
        let round_s = shortest + spec.stages.len() as f64 * f64::from(longest_change);
        spec.signal.longest_red_s = round_s + 10.0 + f64::from(self.spare_s);
        Junction::build(&spec).ok().map(Arc::new)
    }

    fn plan(junction: &Junction, number: usize, ask: &Ask) -> Option<GreenTime> {
        let skipped = |skips: u16, at: usize| skips >> at & 1 == 1 && junction.stages()[at].skip;
        let stages = junction.stages().iter().enumerate();
        let (mode, times, valid_s, ends_override) = match ask {
            Ask::Blind { .. } => return None,
            Ask::Emergency { stage, valid_s } => {
                let stage = &junction.stages()[usize::from(*stage) % junction.stages().len()];
                let time = StageTime { stage: stage.name.clone(), ..StageTime::default() };
                (Mode::Emergency, vec![time], *valid_s, false)
            }
            Ask::Exact { manual, greens, skips, valid_s, releases } => {
                let times = stages.zip(greens).filter(|((at, _), _)| !skipped(*skips, *at)).map(
                    |((_, stage), green)| {
                        let green_s = (stage.min_green_s + u32::from(*green)).min(stage.max_green_s);
                        StageTime {
                            stage: stage.name.clone(),
                            green_s: f64::from(green_s),
                            ..StageTime::default()
                        }
                    },
                );
                let mode = if *manual { Mode::ManualOverride } else { Mode::Automatic };
                (mode, times.collect(), *valid_s, *releases)
            }
            Ask::Ranged { greens, skips, valid_s } => {
                let times = stages.zip(greens).filter(|((at, _), _)| !skipped(*skips, *at)).map(
                    |((_, stage), green)| {
                        let clip = |seconds: u32| f64::from(seconds.min(stage.max_green_s));
                        let least = stage.min_green_s + u32::from(green.0) / 4;
                        StageTime {
                            stage: stage.name.clone(),
                            green_s: clip(least + u32::from(green.1) / 4),
                            min_green_s: Some(clip(least)),
                            max_green_s: Some(clip(least + u32::from(green.1) / 4 + u32::from(green.2))),
                        }
                    },
                );
                (Mode::Automatic, times.collect(), *valid_s, false)
            }
        };
        Some(GreenTime {
            junction_id: junction.id,
            stages: Some(times),
            mode,
            valid_s: Some(f64::from(valid_s)),
            ends_override,
            plan_id: Some(format!("p{number}")),
            ..GreenTime::default()
        })
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % sides
    }
}

/// A picture of the traffic that need not have anything to do with the last one. Some lanes are far more wanted than others, so that the search
/// by itself would leave those alone.
fn picture(junction: &Junction, seed: u64, at: MonoMs) -> Traffic {
    let mut dice = Dice(seed ^ (at.0 as u64).rotate_left(20));
    let favourites = seed >> 32;
    let lanes = junction.lane_indexes().map(|lane| {
        let served: StageSet = junction.stages_of_lane(lane).into_iter().collect();
        let favourite = favourites >> (lane.index() % 32) & 1 == 1;
        let count = if favourite { 3 + dice.roll(8) } else { dice.roll(12).saturating_sub(8) };
        let mut arrivals: Vec<Arrival> = (0..count)
            .map(|_| {
                let some: StageSet = served.iter().filter(|_| dice.roll(3) > 0).collect();
                Arrival {
                    at_s: dice.roll(160) as f64 - 100.0,
                    vehicles: [1.0, 1.0, 0.4][dice.roll(3) as usize],
                    weight: dice.roll(50) as f64 / if favourite { 5.0 } else { 50.0 },
                    stages: if some.is_empty() { served } else { some },
                    moving: dice.roll(2) == 0,
                }
            })
            .collect();
        arrivals.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        LaneTraffic {
            queue: LaneQueue {
                arrivals,
                headway_s: vec![1.0 + dice.roll(30) as f64 / 10.0; junction.stages().len()],
                startup_s: dice.roll(30) as f64 / 10.0,
                held_s: Vec::new(),
                served,
                gate: None,
            },
            green_s: (dice.roll(2) == 0).then(|| dice.roll(60) as f64),
            watched: true,
        }
    });
    Traffic { at, lanes: lanes.collect(), silent_s: 0.0 }
}

/// A second of the run: what was shown when it began, and what the controller made of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Second {
    pub(super) at: MonoMs,
    pub(super) before: Shown,
    pub(super) traffic: Option<Traffic>,
    pub(super) decision: Option<Decision>,
    pub(super) level: Option<ControlLevel>,
}

/// A range of greens by stage; stages that are missing are not served.
pub(super) type Ranges = BTreeMap<StageIx, (u32, u32)>;

/// A run and what was seen of it.
pub(super) struct World {
    pub(super) junction: Arc<Junction>,
    pub(super) road: Road,
    pub(super) seconds: Vec<Second>,
    /// Of each accepted plan: when it came, its mode, its ranges.
    pub(super) plans: BTreeMap<String, (MonoMs, Mode, Ranges)>,
    valid_s: BTreeMap<String, i64>,
    /// When plans came that end overrides and emergencies.
    pub(super) releases: Vec<MonoMs>,
}

impl World {
    /// Runs a script to its end and 500 s on.
    pub(super) fn run(script: &Script) -> Option<Self> {
        Self::run_at(ControlLevel::RollingHorizon, script)
    }

    /// The same with every level above one broken.
    pub(super) fn run_at(level: ControlLevel, script: &Script) -> Option<Self> {
        let junction = script.junction()?;
        let mut road = Road::new(Arc::clone(&junction));
        let levels = [ControlLevel::RollingHorizon, ControlLevel::Greedy, ControlLevel::Actuated];
        let above: Vec<ControlLevel> = levels.into_iter().filter(|other| *other < level).collect();
        road.controller.set_broken(&above);
        // Some lanes are not watched.
        let watched: Vec<bool> =
            junction.lane_indexes().map(|lane| script.seed >> (lane.index() % 16) & 3 > 0).collect();
        road.controller.handle_watched(&watched);
        let mut world = Self {
            junction,
            road,
            seconds: Vec::new(),
            plans: BTreeMap::new(),
            valid_s: BTreeMap::new(),
            releases: Vec::new(),
        };
        let (mut at_s, mut blind_until) = (-12, 0);
        for (number, (wait_s, ask)) in script.asks.iter().enumerate() {
            let until = at_s + *wait_s as i32;
            world.pass(script, &mut at_s, until, blind_until);
            if let Ask::Blind { seconds } = ask {
                blind_until = at_s + *seconds as i32;
            }
            if let Some(message) = Script::plan(&world.junction, number, ask) {
                world.ask(&message, at(f64::from(at_s) - 0.5));
            }
        }
        world.pass(script, &mut at_s.clone(), at_s + 500, blind_until);
        Some(world)
    }

    fn pass(&mut self, script: &Script, at_s: &mut i32, until: i32, blind_until: i32) {
        while *at_s < until {
            let now = at(f64::from(*at_s));
            let before = self.road.controller.shown().clone();
            let traffic = (*at_s >= blind_until).then(|| picture(&self.junction, script.seed, now.mono));
            for (lane, traffic) in traffic.iter().flat_map(|traffic| &traffic.lanes).enumerate() {
                let head = traffic.queue.arrivals.first();
                if head.is_some_and(|head| head.at_s <= 0.0) {
                    self.road.controller.handle_read(LaneIx::new(lane), ZoneName::StopLine, now.mono - 300);
                }
            }
            if let Some(traffic) = traffic.clone() {
                self.road.controller.handle_traffic(traffic);
            }
            self.road.run(now);
            let decision = self.road.controller.take_decision();
            while self.road.controller.take_defect().is_some() {}
            let level = self.road.controller.level();
            self.seconds.push(Second { at: now.mono, before, traffic, decision, level });
            *at_s += 1;
        }
    }

    fn ask(&mut self, message: &GreenTime, now: Moment) {
        let status = self.road.controller.handle_plan(message, now);
        self.road.drain();
        if status.state == PlanState::Refused {
            return;
        }
        let times = message.stages.iter().flatten();
        let range = |time: &StageTime| {
            let stage = self.junction.stage_named(&time.stage).expect("a stage of the junction");
            let (least, most) =
                (time.min_green_s.unwrap_or(time.green_s), time.max_green_s.unwrap_or(time.green_s));
            (stage, (least as u32, most as u32))
        };
        let ranges = times.map(range).collect();
        let id = status.plan_id.expect("plans have names");
        self.valid_s.insert(id.clone(), message.valid_s.map_or(0, |valid_s| valid_s as i64));
        self.plans.insert(id, (now.mono, message.mode, ranges));
        if message.ends_override && message.mode == Mode::Automatic {
            self.releases.push(now.mono);
        }
    }

    /// The plan that counts, where all are automatic.
    pub(super) fn newest(&self, at: MonoMs) -> Option<&str> {
        let came = self.plans.iter().filter(|(_, (came, ..))| *came <= at);
        let newest = came.max_by_key(|(_, (came, ..))| *came)?.0;
        (self.plan_ends(newest) > at).then_some(newest.as_str())
    }

    /// When a plan stops to count.
    pub(super) fn plan_ends(&self, id: &str) -> MonoMs {
        self.plans[id].0 + self.valid_s[id] * 1000
    }

    /// The ranges of what runs: those of the plan, of the fallback without one.
    pub(super) fn ranges(&self, plan_id: Option<&str>) -> Ranges {
        if let Some(id) = plan_id {
            return self.plans[id].2.clone();
        }
        let range = |stage| (self.junction.stage(stage).min_green_s, self.junction.stage(stage).max_green_s);
        self.junction.stage_indexes().map(|stage| (stage, range(stage))).collect()
    }

    /// The groups that what runs serves.
    pub(super) fn groups(&self, plan_id: Option<&str>) -> GroupSet {
        self.ranges(plan_id)
            .keys()
            .fold(GroupSet::EMPTY, |all, &stage| all.union(self.junction.stage(stage).groups))
    }

    /// Greens of stages that are over: what had green, from when to when, and what was shown when they ended.
    pub(super) fn greens(&self) -> Vec<(StageIx, MonoMs, MonoMs, &Shown)> {
        let mut greens = Vec::new();
        let mut running: Option<(StageIx, &Shown, &Shown)> = None;
        for shown in &self.road.shown {
            let green = (shown.state == flextraff_common::wire::ControllerState::Green)
                .then_some(shown.stage)
                .flatten();
            if let Some((stage, first, last)) = running
                && green != Some(stage)
            {
                greens.push((stage, first.at, shown.at, last));
                running = None;
            }
            if let Some(stage) = green {
                running = Some((stage, running.map_or(shown, |(_, first, _)| first), shown));
            }
        }
        greens
    }
}
