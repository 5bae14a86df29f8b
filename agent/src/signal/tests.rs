//! Junctions and a recorder that the tests of signal, interlock and output share.

mod bus;
mod coordination;
mod emergency;
mod events;
mod flash;
pub(crate) mod model;
mod panel;
mod pedestrians;
mod plans;
mod property;
mod stages;
mod tactical;
mod vehicle;

use super::{Controller, CycleRecord, Fallback, Shown, SignalEvent};
use chrono_tz::Tz;
use flextraff_common::hires::Event;
use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::{
    CompatibleSpec, GroupKind, GroupSpec, IntergreenSpec, Junction, JunctionSpec, LaneSpec, SignalSpec,
    StageSpec,
};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Aspect, GreenTime, PlanStatus};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) fn lane(name: &str, id: u128) -> LaneSpec {
    LaneSpec { id: LaneId(Uuid::from_u128(id)), name: name.into(), direction: None }
}

pub(crate) fn group(name: &str, kind: GroupKind, lanes: &[&str]) -> GroupSpec {
    let lanes = lanes.iter().map(|&lane| lane.into()).collect();
    GroupSpec { name: name.into(), kind, lanes, ..GroupSpec::default() }
}

pub(crate) fn stage(name: &str, groups: &[&str]) -> StageSpec {
    StageSpec {
        name: name.into(),
        groups: groups.iter().map(|&group| group.into()).collect(),
        lanes: Vec::new(),
        min_green_s: 7.0,
        max_green_s: 60.0,
        skip: false,
    }
}

pub(crate) fn compatible(a: &str, b: &str) -> CompatibleSpec {
    CompatibleSpec { a: a.into(), b: b.into(), yields: false }
}

pub(crate) fn intergreen(from: &str, to: &str, seconds: f64) -> IntergreenSpec {
    IntergreenSpec { from: from.into(), to: to.into(), seconds }
}

/// Four approaches, one stage each; everything conflicts.
pub(crate) fn four_way_spec() -> JunctionSpec {
    let names = ["N", "S", "E", "W"];
    JunctionSpec {
        id: JunctionId(Uuid::from_u128(1)),
        name: "Main Street & Oak Ave".into(),
        lanes: names.iter().zip(10..).map(|(name, id)| lane(name, id)).collect(),
        groups: Vec::new(),
        stages: names.iter().map(|name| stage(name, &[name])).collect(),
        compatible: Vec::new(),
        intergreens: Vec::new(),
        signal: SignalSpec::default(),
    }
}

pub(crate) fn build(spec: &JunctionSpec) -> Arc<Junction> {
    Arc::new(Junction::build(spec).expect("the test's junction keeps every rule"))
}

pub(crate) fn four_way() -> Arc<Junction> {
    build(&four_way_spec())
}

/// Two approaches with through movement and a left arrow, and pedestrians: groups overlap from stage to stage.
pub(crate) fn overlapping_spec() -> JunctionSpec {
    JunctionSpec {
        groups: vec![
            group("N", GroupKind::Vehicle, &["N"]),
            group("S", GroupKind::Vehicle, &["S"]),
            group("NL", GroupKind::Arrow, &["N"]),
            group("E", GroupKind::Vehicle, &["E", "W"]),
            group("P", GroupKind::Pedestrian, &[]),
        ],
        stages: vec![stage("A", &["N", "S", "P"]), stage("B", &["N", "NL"]), stage("C", &["E"])],
        compatible: vec![
            compatible("N", "S"),
            compatible("N", "P"),
            compatible("S", "P"),
            compatible("N", "NL"),
        ],
        ..four_way_spec()
    }
}

/// Monday 2026-02-09, 00:00 UTC, at monotonic zero.
const EPOCH: UnixMs = UnixMs(1_770_595_200_000);

pub(crate) fn at(seconds: f64) -> Moment {
    let mono = MonoMs((seconds * 1000.0).round() as i64);
    Moment { mono, wall: EPOCH + mono.0, clock: ClockState::Synced }
}

/// A controller with everything that it has said.
pub(crate) struct Road {
    pub(crate) junction: Arc<Junction>,
    pub(crate) controller: Controller,
    pub(crate) shown: Vec<Shown>,
    pub(crate) cycles: Vec<CycleRecord>,
    pub(crate) statuses: Vec<PlanStatus>,
    /// Names of plans that were over.
    pub(crate) over: Vec<Option<String>>,
    pub(crate) events: Vec<Event>,
}

impl Road {
    /// Starts 12 s before zero, so that by default the first green begins at zero.
    pub(crate) fn new(junction: Arc<Junction>) -> Self {
        let fallback = Fallback::new(Vec::new(), Tz::UTC);
        Self::with(junction, fallback, at(-12.0))
    }

    /// Starts so that the first green begins at zero, however long the start-up takes.
    pub(crate) fn from_zero(junction: Arc<Junction>) -> Self {
        let signal = &junction.signal;
        let red_s = signal.startup_all_red_s.max(junction.longest_clearance_s());
        let start = at(-f64::from(signal.startup_flash_s + red_s));
        Self::with(junction, Fallback::new(Vec::new(), Tz::UTC), start)
    }

    pub(crate) fn with(junction: Arc<Junction>, fallback: Fallback, start: Moment) -> Self {
        let controller = Controller::new(Arc::clone(&junction), fallback, start);
        Self {
            junction,
            controller,
            shown: Vec::new(),
            cycles: Vec::new(),
            statuses: Vec::new(),
            over: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn run(&mut self, now: Moment) {
        self.controller.handle_timeout(now);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(event) = self.controller.poll() {
            match event {
                SignalEvent::Shown(shown) => self.shown.push(shown),
                SignalEvent::CycleEnded(record) => self.cycles.push(record),
                SignalEvent::Plan(status) => self.statuses.push(status),
                SignalEvent::PlanOver { plan_id } => self.over.push(plan_id),
                SignalEvent::Logged(events) => self.events.extend(events),
            }
        }
    }

    pub(crate) fn plan(&mut self, json: &str, now: Moment) -> PlanStatus {
        let message = message(json);
        let status = self.controller.handle_plan(&message, now);
        self.drain();
        status
    }

    /// One line per change from `from` on: time, state, stage, coming stage, and the lamps as letters.
    pub(crate) fn lines(&self, from: f64) -> Vec<String> {
        let name = |stage: Option<_>| stage.map_or("-", |stage| self.junction.stage(stage).name.as_str());
        self.shown
            .iter()
            .filter(|shown| shown.at >= at(from).mono)
            .map(|shown| {
                let state = serde_json::to_string(&shown.state).expect("a state is JSON");
                let lamps: String = shown.lamps.iter().copied().map(letter).collect();
                let time = shown.at.0 as f64 / 1000.0;
                let (stage, next) = (name(shown.stage), name(shown.next_stage));
                format!("{time} {} {stage}>{next} {lamps}", state.trim_matches('"'))
            })
            .collect()
    }

    /// Starts of the greens from `from` on: time and stage.
    pub(crate) fn greens(&self, from: f64) -> Vec<String> {
        let green = self.lines(from).into_iter().filter(|line| line.contains(" green "));
        green.filter_map(|line| Some(line.split_once('>')?.0.replace(" green", ""))).collect()
    }
}

pub(crate) fn message(json: &str) -> GreenTime {
    let id = "{\"junction_id\":\"00000000-0000-0000-0000-000000000001\",";
    serde_json::from_str(&json.replacen('{', id, 1)).expect("the test's JSON is a green-time message")
}

fn letter(aspect: Aspect) -> char {
    match aspect {
        Aspect::Green => 'G',
        Aspect::Amber => 'a',
        Aspect::Red => 'r',
        Aspect::RedAmber => 'u',
        Aspect::FlashRed => 'F',
        Aspect::FlashAmber => 'f',
        Aspect::Dark => '.',
    }
}
