//! The agent's estimation and signal controller on a street of one junction, from tag reads to lamps: the levels of tactical control beside fixed
//! time and a vehicle-actuated signal that sees the same tags.

mod hardships;
mod junction;

use flextraff_agent::config;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControlLevel};
use flextraff_simulator::street::{Aspects, Read};
use junction::{Agent, Demand, Signal, TOML, mean_wait_s};
use std::path::Path;
use std::sync::Arc;

/// The demands, and the most that tactical control may wait there, as a share of fixed time and of actuation: a tenth more than it does.
const DEMANDS: [(Demand, f64, f64); 4] = [
    (Demand { name: "low", veh_h: [150.0, 150.0, 150.0, 150.0], flips: false }, 0.39, 0.79),
    (Demand { name: "unbalanced", veh_h: [650.0, 250.0, 150.0, 100.0], flips: false }, 0.14, 0.55),
    (Demand { name: "peak", veh_h: [430.0, 430.0, 430.0, 430.0], flips: false }, 0.72, 0.60),
    (Demand { name: "flip", veh_h: [350.0, 350.0, 350.0, 350.0], flips: true }, 0.31, 0.54),
];
/// And as a share of the level beneath it.
const OF_GREEDY: f64 = 1.08;

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

#[test]
fn tactical_control_beats_fixed_time_and_keeps_up_with_actuation() {
    let config =
        Arc::new(config::parse(Path::new("agent.toml"), TOML).expect("the test's configuration is right"));
    let mut broken = Vec::new();
    for (demand, of_fixed, of_actuated) in &DEMANDS {
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
        if tactical > of_fixed * fixed
            || tactical > of_actuated * actuated
            || tactical > OF_GREEDY * greedy
            || greedy > 0.9 * fixed
            || own_actuated > fixed
        {
            broken.push(line);
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
