//! A street of one junction, and the agent's estimation and signal controller at it.

use flextraff_agent::config::Config;
use flextraff_agent::control::Control;
use flextraff_agent::reader;
use flextraff_agent::signal::SignalEvent;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Aspect, ControlLevel};
use flextraff_simulator::street::{Approach, Aspects, Node, Profile, Read, Side, Street};
use std::sync::Arc;

pub(crate) const MINUTES: i64 = 30;
pub(crate) const SEEDS: [u64; 3] = [1, 2, 3];

/// Four approaches, one stage each, with the shortest and longest greens of the demo.
pub(crate) const TOML: &str = r#"
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
pub(crate) struct Demand {
    pub(crate) name: &'static str,
    pub(crate) veh_h: [f64; 4],
    pub(crate) flips: bool,
}

impl Demand {
    pub(crate) fn street(&self, seed: u64) -> Street {
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
pub(crate) trait Signal {
    fn step(&mut self, reads: &[Read], now: MonoMs) -> Aspects;
}

pub(crate) struct Agent {
    pub(crate) control: Control,
    aspects: Aspects,
}

impl Agent {
    pub(crate) fn new(config: &Arc<Config>, level: ControlLevel) -> Self {
        let mut control = Control::new(config, false, moment(MonoMs(0)));
        control.controller.set_highest_level(level);
        control.handle_reader(0, true, MonoMs(0));
        Self { control, aspects: [Some(Aspect::Red); 4] }
    }
}

pub(crate) fn moment(mono: MonoMs) -> Moment {
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

/// Mean wait of all vehicles, seconds.
pub(crate) fn mean_wait_s(demand: &Demand, make: impl Fn() -> Box<dyn Signal>) -> f64 {
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
