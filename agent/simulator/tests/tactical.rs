//! The agent's estimation and signal controller on a street of one junction, from tag reads to lamps: the levels of tactical control beside fixed
//! time and a vehicle-actuated signal that sees the same tags.

use flextraff_agent::config::{self, Config};
use flextraff_agent::control::Control;
use flextraff_agent::reader;
use flextraff_agent::signal::SignalEvent;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Aspect, ControlLevel};
use flextraff_simulator::street::{Approach, Aspects, Node, Profile, Read, Side, Street};
use std::path::Path;
use std::sync::Arc;

const MINUTES: i64 = 30;
const SEEDS: [u64; 3] = [1, 2, 3];

/// Four approaches, one stage each, with the shortest and longest greens of the demo.
const TOML: &str = r#"
[junction]
id = "00000000-0000-4000-8000-000000000001"
name = "Test"
[device]
id = "00000000-0000-4000-8000-0000000000d1"
[signal]
stage_order = "free"
[[lane]]
id = "00000000-0000-4000-8000-000000000011"
name = "N"
speed_kmh = 40
stop_zone_m = 8
advance_m = 100
[[lane]]
id = "00000000-0000-4000-8000-000000000012"
name = "S"
speed_kmh = 40
stop_zone_m = 8
advance_m = 100
[[lane]]
id = "00000000-0000-4000-8000-000000000013"
name = "E"
speed_kmh = 40
stop_zone_m = 8
advance_m = 100
[[lane]]
id = "00000000-0000-4000-8000-000000000014"
name = "W"
speed_kmh = 40
stop_zone_m = 8
advance_m = 100
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "S"
lanes = ["S"]
[[stage]]
name = "E"
lanes = ["E"]
[[stage]]
name = "W"
lanes = ["W"]
[[reader]]
name = "all"
port = "virtual"
lanes = { "1" = "N", "2" = "N:advance", "3" = "S", "4" = "S:advance", "5" = "E", "6" = "E:advance", "7" = "W", "8" = "W:advance" }
[output]
driver = "virtual"
"#;

/// Vehicles an hour from N, S, E and W, and whether N and S have theirs early and E and W late.
struct Demand {
    name: &'static str,
    veh_h: [f64; 4],
    flips: bool,
}

const DEMANDS: [Demand; 4] = [
    Demand { name: "low", veh_h: [150.0, 150.0, 150.0, 150.0], flips: false },
    Demand { name: "unbalanced", veh_h: [650.0, 250.0, 150.0, 100.0], flips: false },
    Demand { name: "peak", veh_h: [430.0, 430.0, 430.0, 430.0], flips: false },
    Demand { name: "flip", veh_h: [350.0, 350.0, 350.0, 350.0], flips: true },
];

impl Demand {
    fn street(&self, seed: u64) -> Street {
        let approaches = Side::ALL.map(|side| {
            let half_s = MINUTES as f64 * 30.0;
            let early = matches!(side, Side::N | Side::S);
            let profile = Profile {
                mean_veh_h: self.veh_h[side as usize],
                swing: if self.flips { 0.8 } else { 0.0 },
                period_s: 2.0 * half_s,
                phase_s: if early { 0.0 } else { half_s },
            };
            Approach {
                length_m: 400.0,
                speed_mps: 40.0 / 3.6,
                advance_m: Some(100.0),
                arrivals: Some(profile),
            }
        });
        Street::new(vec![Node { approaches, exits: [None; 4] }], seed)
    }
}

/// What makes lamps of reads.
trait Signal {
    fn step(&mut self, reads: &[Read], now: MonoMs) -> Aspects;
}

struct Agent {
    control: Control,
    aspects: Aspects,
}

impl Agent {
    fn new(config: &Arc<Config>, level: ControlLevel) -> Self {
        let mut control = Control::new(config, false, moment(MonoMs(0)));
        control.controller.set_highest_level(level);
        control.handle_reader(0, true, MonoMs(0));
        Self { control, aspects: [Some(Aspect::Red); 4] }
    }
}

fn moment(mono: MonoMs) -> Moment {
    Moment { mono, wall: UnixMs(1_770_595_200_000) + mono.0, clock: ClockState::Synced }
}

impl Signal for Agent {
    fn step(&mut self, reads: &[Read], now: MonoMs) -> Aspects {
        for read in reads {
            self.control.handle_read(&reader::Read {
                lane: LaneIx::new(read.side as usize),
                zone: read.zone,
                epc: read.epc,
                rssi: Some(f32::from(read.rssi)),
                at: read.at,
            });
        }
        self.control.handle_timeout(moment(now));
        while let Some(event) = self.control.poll() {
            if let SignalEvent::Shown(shown) = event {
                self.aspects = Side::ALL.map(|side| Some(shown.lamps[side as usize]));
            }
        }
        self.aspects
    }
}

/// One stage after the other, 7 to 60 s of green; it goes on while tags are read on its lane within the gap time.
struct Actuated {
    stage: usize,
    since: MonoMs,
    read: [MonoMs; 4],
}

const MIN_GREEN_MS: i64 = 7000;
const MAX_GREEN_MS: i64 = 60_000;
const GAP_MS: i64 = 3000;
const AMBER_MS: i64 = 3000;
const CLEARANCE_MS: i64 = 5000;

impl Actuated {
    fn new() -> Self {
        Self { stage: 0, since: MonoMs(0), read: [MonoMs(i64::MIN / 2); 4] }
    }
}

impl Signal for Actuated {
    fn step(&mut self, reads: &[Read], now: MonoMs) -> Aspects {
        for read in reads {
            self.read[read.side as usize] = read.at;
        }
        let (green_ms, quiet_ms) = (now.since(self.since), now.since(self.read[self.stage]));
        let ends = green_ms >= MIN_GREEN_MS && (quiet_ms > GAP_MS || green_ms >= MAX_GREEN_MS);
        if ends {
            self.stage = (self.stage + 1) % 4;
            self.since = now + CLEARANCE_MS;
        }
        let mut aspects = [Some(Aspect::Red); 4];
        if now >= self.since {
            aspects[self.stage] = Some(Aspect::Green);
        } else if now < self.since + (AMBER_MS - CLEARANCE_MS) && self.since.0 > CLEARANCE_MS {
            aspects[(self.stage + 3) % 4] = Some(Aspect::Amber);
        }
        aspects
    }
}

/// Mean wait of all vehicles, seconds.
fn mean_wait_s(demand: &Demand, make: impl Fn() -> Box<dyn Signal>) -> f64 {
    let waits = SEEDS.map(|seed| {
        let (mut street, mut signal) = (demand.street(seed), make());
        let mut reads = Vec::new();
        while street.now().0 < MINUTES * 60_000 {
            reads.extend(street.step().reads);
            // A step's reads come with its end, as from a reader's buffer.
            let lamps = signal.step(&reads, street.now());
            reads.clear();
            street.set_lamps(0, lamps);
        }
        street.tally().mean_wait_s()
    });
    waits.iter().sum::<f64>() / waits.len() as f64
}

#[test]
fn tactical_control_beats_fixed_time_and_keeps_up_with_actuation() {
    let config =
        Arc::new(config::parse(Path::new("agent.toml"), TOML).expect("the test's configuration is right"));
    let mut broken = Vec::new();
    for demand in &DEMANDS {
        let at_level = |level| mean_wait_s(demand, || Box::new(Agent::new(&config, level)));
        let tactical = at_level(ControlLevel::RollingHorizon);
        let greedy = at_level(ControlLevel::Greedy);
        let own_actuated = at_level(ControlLevel::Actuated);
        let fixed = at_level(ControlLevel::Fixed);
        let actuated = mean_wait_s(demand, || Box::new(Actuated::new()));
        let line = format!(
            "{}: mean wait {tactical:.1} s tactical ({greedy:.1} s greedy, {own_actuated:.1} s actuated), \
             {fixed:.1} s fixed time, {actuated:.1} s actuated beside it",
            demand.name
        );
        println!("{line}");
        if tactical > 0.85 * fixed
            || tactical > 0.9 * actuated
            || greedy > 0.9 * fixed
            || own_actuated > fixed
        {
            broken.push(line);
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
