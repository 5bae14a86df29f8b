//! Scenes in which reads come by hand, and what the estimator makes of them.
#![expect(clippy::float_cmp, reason = "weights that are set, not computed")]

mod counters;
mod estimates;
mod ghosts;
mod lanes;
mod learning;
mod neighbours;
mod property;
mod readers;
mod room;
mod silent;
mod staying;
mod unseen;

use super::unseen::Ratio;
use super::{Estimator, LaneTraffic};
use crate::config::{self, Config};
use crate::reader::Read;
use crate::signal::Shown;
use flextraff_common::epc::Epc;
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::{LaneIx, StageIx};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Aspect, ControllerState, Demand, Mode, SignalControl, ZoneName};
use std::path::Path;
use uuid::Uuid;

/// N1 and N2 side by side with advance readers; E shared by through traffic and a right turn, which stage W does not serve; W without an advance
/// reader. A neighbour upstream of N1, one downstream.
const TOML: &str = r#"
[junction]
id = "00000000-0000-4000-8000-000000000001"
name = "Test"
[device]
id = "00000000-0000-4000-8000-0000000000d1"
[[lane]]
id = "00000000-0000-4000-8000-000000000011"
name = "N1"
[[lane]]
id = "00000000-0000-4000-8000-000000000012"
name = "N2"
[[lane]]
id = "00000000-0000-4000-8000-000000000013"
name = "E"
[[lane]]
id = "00000000-0000-4000-8000-000000000014"
name = "W"
[[group]]
name = "N1"
lanes = ["N1"]
[[group]]
name = "N2"
lanes = ["N2"]
[[group]]
name = "E"
lanes = ["E"]
[[group]]
name = "E-right"
kind = "arrow"
lanes = ["E"]
[[group]]
name = "W"
lanes = ["W"]
[[compatible]]
a = "N1"
b = "N2"
[[compatible]]
a = "E"
b = "E-right"
[[compatible]]
a = "E"
b = "W"
[[stage]]
name = "N"
groups = ["N1", "N2"]
[[stage]]
name = "E"
groups = ["E", "E-right"]
[[stage]]
name = "W"
groups = ["E", "W"]
[[reader]]
name = "north"
port = "virtual"
lanes = { "1" = "N1", "2" = "N1:advance", "3" = "N2", "4" = "N2:advance" }
[[reader]]
name = "others"
port = "virtual"
lanes = { "1" = "E", "2" = "E:advance", "3" = "W" }
[[link]]
junction = "00000000-0000-4000-8000-000000000002"
direction = "from"
lanes = ["N1"]
distance_m = 350
free_flow_s = 30
[[link]]
junction = "00000000-0000-4000-8000-000000000003"
direction = "to"
lanes = ["N1"]
their_lanes = ["A"]
distance_m = 350
[counting]
accept = "all"
[output]
driver = "virtual"
"#;

const STOP: ZoneName = ZoneName::StopLine;
const ADVANCE: ZoneName = ZoneName::Advance;

/// From the advance zone to the stop line at 95 % of 50 km/h, seconds.
const DRIVE_S: f64 = (100.0 - 8.0) / (50.0 / 3.6 * 0.95);

fn mono(at_s: f64) -> MonoMs {
    MonoMs((at_s * 1000.0).round() as i64)
}

fn moment(at_s: f64) -> Moment {
    Moment { mono: mono(at_s), wall: UnixMs(1_770_595_200_000) + mono(at_s).0, clock: ClockState::Synced }
}

fn neighbour(number: u128) -> JunctionId {
    JunctionId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 + number))
}

fn tag(number: u32) -> Epc {
    let [a, b, c, d] = number.to_be_bytes();
    Epc::new(&[0xE2, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]).expect("12 bytes are an EPC")
}

/// An estimator and its clock, which begins at zero with all signals red and all readers working.
struct Scene {
    config: Config,
    estimator: Estimator,
    second: i64,
}

impl Scene {
    fn new() -> Self {
        let config = config::parse(Path::new("agent.toml"), TOML).expect("the test's configuration is right");
        let mut estimator = Estimator::new(&config, false, MonoMs(0));
        estimator.handle_reader(0, true);
        estimator.handle_reader(1, true);
        estimator.unseen = Ratio::all_seen();
        Self { config, estimator, second: 0 }
    }

    fn lane_ix(&self, name: &str) -> LaneIx {
        self.config.junction.lane_named(name).expect("a lane of the test's junction")
    }

    fn stage_ix(&self, name: &str) -> StageIx {
        self.config.junction.stage_named(name).expect("a stage of the test's junction")
    }

    /// Lets the time pass up to a moment; whole seconds are passed one by one.
    fn until(&mut self, at_s: f64) {
        while (self.second as f64) < at_s.floor() {
            self.second += 1;
            self.estimator.handle_timeout(MonoMs(self.second * 1000));
            self.estimator.tell(self.config.device, moment(self.second as f64));
        }
    }

    fn read(&mut self, number: u32, lane: &str, zone: ZoneName, at_s: f64) {
        self.until(at_s);
        let read = Read { lane: self.lane_ix(lane), zone, epc: tag(number), rssi: None, at: mono(at_s) };
        self.estimator.handle_read(&read);
    }

    /// A vehicle is read twice a second.
    fn stands(&mut self, number: u32, lane: &str, zone: ZoneName, from_s: f64, to_s: f64) {
        let reads = ((to_s - from_s) * 2.0) as u32;
        (0..=reads).for_each(|half| self.read(number, lane, zone, from_s + f64::from(half) / 2.0));
    }

    /// Green for a stage, red for all others; none: red for all.
    fn show(&mut self, stage: Option<&str>, at_s: f64) {
        self.until(at_s);
        let stage = stage.map(|name| self.stage_ix(name));
        let groups = stage.map(|stage| self.config.junction.stage(stage).groups).unwrap_or_default();
        let lamps = self.config.junction.group_indexes();
        let lamps =
            lamps.map(|group| if groups.contains(group) { Aspect::Green } else { Aspect::Red }).collect();
        self.estimator.handle_shown(&Shown {
            at: mono(at_s),
            state: if stage.is_some() { ControllerState::Green } else { ControllerState::AllRed },
            stage,
            next_stage: None,
            lamps,
            plan_id: None,
            mode: Mode::Automatic,
            control: SignalControl::Fallback,
            cycle_start: MonoMs(0),
            offset_error_ms: None,
        });
    }

    /// A lane at a whole second.
    fn lane(&mut self, name: &str, at_s: f64) -> LaneTraffic {
        self.until(at_s);
        self.estimator.traffic(mono(at_s)).lanes[self.lane_ix(name).index()].clone()
    }

    /// How many are on a lane or expected there, at a whole second.
    fn count(&mut self, name: &str, at_s: f64) -> usize {
        self.lane(name, at_s).queue.arrivals.len()
    }

    fn hear(&mut self, junction: u128, demand: &Demand, at_s: f64) {
        self.until(at_s);
        self.estimator.handle_demand(neighbour(junction), demand, mono(at_s));
    }

    /// What a neighbour says that has nothing to say.
    fn nothing(&self, at_s: f64) -> Demand {
        Demand::new(self.config.device, moment(at_s).wall)
    }
}
