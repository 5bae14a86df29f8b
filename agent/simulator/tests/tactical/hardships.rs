//! What real readers do to tactical control on a street of one junction: it stays near what it is with perfect reads, and better than fixed time.

use super::junction::{Agent, Demand, Signal, TOML, mean_wait_s};
use flextraff_agent::config::{self, Config};
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{ControlLevel, ZoneName};
use flextraff_simulator::street::{Aspects, Passage, Read, Side};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const DEMAND: Demand = Demand { name: "even", veh_h: [240.0; 4], flips: false };

/// What becomes of a step's reads.
type Distortion = fn(&mut Hardship, &[Read]) -> Vec<Read>;

/// An agent whose readers do not see what they should.
struct Hardship {
    agent: Agent,
    distort: Distortion,
    chance: SmallRng,
    /// When each tag was last read in each zone.
    last: BTreeMap<(usize, ZoneName, Epc), MonoMs>,
    now: MonoMs,
}

impl Hardship {
    fn new(config: &Arc<Config>, distort: Distortion) -> Self {
        Self {
            agent: Agent::new(config, ControlLevel::RollingHorizon),
            distort,
            chance: SmallRng::seed_from_u64(7),
            last: BTreeMap::new(),
            now: MonoMs(0),
        }
    }
}

impl Signal for Hardship {
    fn step(&mut self, reads: &[Read], now: MonoMs) -> Aspects {
        self.now = now;
        // The street's own antennas overhear a little too.
        let own: Vec<Read> = reads.iter().filter(|read| read.side == read.true_side).copied().collect();
        let distorted = (self.distort)(self, &own);
        self.agent.step(&distorted, now)
    }
}

fn all(_: &mut Hardship, reads: &[Read]) -> Vec<Read> {
    reads.to_vec()
}

/// Many antennas in turn: each tag is read every 2 s.
fn seldom(hardship: &mut Hardship, reads: &[Read]) -> Vec<Read> {
    let due = |read: &&Read| {
        let last =
            hardship.last.entry((read.side as usize, read.zone, read.epc)).or_insert(MonoMs(i64::MIN / 2));
        let due = read.at.since(*last) >= 2000;
        if due {
            *last = read.at;
        }
        due
    };
    reads.iter().filter(due).copied().collect()
}

/// The antenna of the next lane hears each tag at the stop line too, 15 dB weaker.
fn overheard(hardship: &mut Hardship, reads: &[Read]) -> Vec<Read> {
    let mut heard = Vec::new();
    for read in reads {
        let beside = Side::ALL[(read.side as usize + 1) % 4];
        let other = Read { side: beside, rssi: read.rssi.saturating_sub(15), ..*read };
        let too = read.zone == ZoneName::StopLine;
        // Either may come first.
        match (too, hardship.chance.random_bool(0.5)) {
            (false, _) => heard.push(*read),
            (true, true) => heard.extend([other, *read]),
            (true, false) => heard.extend([*read, other]),
        }
    }
    heard
}

/// A car is parked beside the advance zone of N.
fn kerb(hardship: &mut Hardship, reads: &[Read]) -> Vec<Read> {
    let epc: Epc = "34161FA8203E7CB2FFFFFFE0".parse().expect("an EPC");
    let passage = Passage { junction: 0, vehicle: u64::MAX, hop: 0 };
    let (side, zone, at) = (Side::N, ZoneName::Advance, hardship.now);
    let parked = Read { at, passage, side, true_side: side, zone, epc, fastag: true, rssi: 190 };
    let second = hardship.now.0 % 500 == 0;
    second.then_some(parked).into_iter().chain(reads.iter().copied()).collect()
}

/// There are no advance readers.
fn stop_line_only(_: &mut Hardship, reads: &[Read]) -> Vec<Read> {
    reads.iter().filter(|read| read.zone == ZoneName::StopLine).copied().collect()
}

#[test]
fn real_readers_do_not_mislead_tactical_control() {
    let parse = |text: &str| {
        Arc::new(config::parse(Path::new("agent.toml"), text).expect("the test's configuration is right"))
    };
    let config = parse(TOML);
    let near = TOML
        .replace("advance_m = 100\n", "")
        .replace(r#""1" = "N", "2" = "N:advance", "3" = "S", "4" = "S:advance", "5" = "E", "6" = "E:advance", "7" = "W", "8" = "W:advance""#, r#""1" = "N", "3" = "S", "5" = "E", "7" = "W""#);
    let near = parse(&near);
    let wait_s = |config: &Arc<Config>, distort: Distortion| {
        mean_wait_s(&DEMAND, || Box::new(Hardship::new(config, distort)))
    };
    let clear_s = wait_s(&config, all);
    let fixed_s = mean_wait_s(&DEMAND, || Box::new(Agent::new(&config, ControlLevel::Fixed)));
    println!("perfect reads {clear_s:.1} s, fixed time {fixed_s:.1} s");
    let cases: [(&str, &Arc<Config>, Distortion, f64); 4] = [
        ("read every 2 s", &config, seldom, 1.2),
        ("overheard by the next lane", &config, overheard, 1.2),
        ("a parked car beside an advance zone", &config, kerb, 1.3),
        ("no advance readers", &near, stop_line_only, 1.5),
    ];
    let mut broken = Vec::new();
    for (name, config, distort, most) in cases {
        let wait_s = wait_s(config, distort);
        let line =
            format!("{name}: mean wait {wait_s:.1} s, {:.2} of that with perfect reads", wait_s / clear_s);
        println!("{line}");
        if wait_s > most * clear_s || wait_s > 0.9 * fixed_s {
            broken.push(line);
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
