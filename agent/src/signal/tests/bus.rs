//! Buses in actuation: their green goes on, and those before it end early.

use super::*;
use flextraff_common::junction::{LaneIx, StageOrder};
use flextraff_common::wire::{ControlLevel, SignalControl, StageEnd, ZoneName};

const N: usize = 0;
const S: usize = 1;
const E: usize = 2;
const W: usize = 3;

/// A road whose lanes are all watched, at which a lane is read each second for some time; nothing else is known of the traffic.
struct Actuated {
    road: Road,
    reads: Vec<(usize, std::ops::Range<i32>)>,
    second: i32,
}

impl Actuated {
    fn new(order: StageOrder, reads: &[(usize, std::ops::Range<i32>)]) -> Self {
        let mut spec = four_way_spec();
        spec.signal.stage_order = order;
        let mut road = Road::new(build(&spec));
        road.controller.handle_watched(&[true; 4]);
        Self { road, reads: reads.to_vec(), second: -12 }
    }

    /// Goes on until a second, with buses on these lanes from now on.
    fn with(&mut self, buses: &[usize], until: i32) {
        let lanes: Vec<LaneIx> = buses.iter().map(|lane| LaneIx::new(*lane)).collect();
        self.road.controller.handle_buses(&lanes, at(f64::from(self.second)).mono);
        while self.second < until {
            let now = at(f64::from(self.second));
            for (lane, _) in self.reads.iter().filter(|(_, when)| when.contains(&self.second)) {
                self.road.controller.handle_read(LaneIx::new(*lane), ZoneName::StopLine, now.mono);
            }
            self.road.run(now);
            self.second += 1;
        }
    }

    /// Starts of the greens from `from` on; who decides changes in between.
    fn greens(&self, from: f64) -> Vec<String> {
        let mut greens = self.road.greens(from);
        greens.dedup();
        greens
    }

    /// Events of buses: time, code and number of the stage.
    fn log(&self) -> Vec<(f64, u16, u32)> {
        let events = self.road.events.iter().filter(|event| (112..=115).contains(&event.code));
        events.map(|event| (event.at.0 as f64 / 1000.0, event.code, event.parameter)).collect()
    }
}

#[test]
fn those_before_its_stage_have_their_shortest_green_and_its_own_goes_on_until_it_has_passed() {
    let mut test = Actuated::new(StageOrder::Fixed, &[(N, 0..300), (S, 0..300)]);
    test.with(&[], 4);
    assert_eq!(test.road.controller.level(), Some(ControlLevel::Actuated));
    test.with(&[E], 45);
    assert_eq!(test.greens(0.0), ["0 N", "12 S", "24 E"], "7 s each though both are read all the time");
    assert_eq!(test.road.controller.shown().control, SignalControl::Transit);
    test.with(&[], 60);
    assert_eq!(test.greens(25.0), ["50 W"], "when it has passed nobody uses E any more");
    assert_eq!(test.log(), [(4.0, 112, 3), (7.0, 113, 3), (31.0, 114, 3), (45.0, 115, 3)]);
    test.with(&[], 130);
    let stages = &test.road.cycles[0].stages;
    let ends: Vec<StageEnd> = stages.iter().map(|stage| stage.end).collect();
    assert_eq!(ends[..3], [StageEnd::Priority, StageEnd::Priority, StageEnd::GapOut], "{stages:?}");
}

#[test]
fn without_it_they_are_served_for_as_long_as_they_come() {
    let mut test = Actuated::new(StageOrder::Fixed, &[(N, 0..300), (S, 0..300)]);
    test.with(&[], 80);
    assert_eq!(test.greens(0.0), ["0 N", "65 S"], "the longest green");
    assert_eq!(test.log(), []);
}

#[test]
fn in_a_free_order_its_stage_is_next() {
    let mut test = Actuated::new(StageOrder::Free, &[(N, 0..300), (S, 0..300)]);
    test.with(&[], 10);
    test.with(&[E], 30);
    assert_eq!(test.greens(0.0), ["0 N", "15 E"]);
}

#[test]
fn its_green_is_never_longer_than_the_longest_and_nobody_waits_longer_than_the_longest_red() {
    let mut test = Actuated::new(StageOrder::Fixed, &[(S, 0..600)]);
    // One that stands there for good.
    test.with(&[N], 400);
    let greens = test.greens(0.0);
    assert_eq!(greens[..2], ["0 N", "65 S"], "{greens:?}");
    let mut red_since = [None; 4];
    for shown in test.road.shown.iter().filter(|shown| shown.at >= at(0.0).mono) {
        for (lamp, since) in shown.lamps.iter().zip(&mut red_since) {
            match (lamp, *since) {
                (Aspect::Green, Some(from)) => {
                    assert!(shown.at.since(from) <= 180_000);
                    *since = None;
                }
                (Aspect::Red, None) => *since = Some(shown.at),
                _ => {}
            }
        }
    }
}

#[test]
fn greens_end_early_for_one_bus_in_two_minutes() {
    let mut test = Actuated::new(StageOrder::Free, &[(N, 0..600), (S, 0..600)]);
    test.with(&[], 10);
    test.with(&[E], 30);
    // It passes; whoever is read follows, and another bus comes 60 s after the first.
    test.with(&[], 70);
    let before = test.greens(16.0);
    test.with(&[E], 90);
    assert_eq!(test.greens(16.0), before, "a green that is used goes on: {before:?}");
    test.with(&[], 140);
    test.with(&[W], 170);
    let early: Vec<f64> =
        test.log().iter().filter(|(_, code, _)| *code == 113).map(|(time, ..)| *time).collect();
    assert_eq!(early.len(), 2, "{:?}", test.log());
    assert!(early[1] - early[0] >= 120.0, "{early:?}");
}

#[test]
fn exact_plans_know_no_buses() {
    let mut test = Actuated::new(StageOrder::Fixed, &[(N, 0..300)]);
    let plan =
        r#"{"mode": "manual_override", "plan_id": "hand", "lane_times": [30, 30, 30, 30], "valid_s": 600}"#;
    test.road.plan(plan, at(-11.0));
    test.second = -11;
    test.with(&[E], 100);
    assert_eq!(test.greens(0.0), ["0 N", "30 S", "60 E", "90 W"]);
    assert_eq!(test.log().iter().filter(|(_, code, _)| *code != 112).count(), 0, "{:?}", test.log());
}
