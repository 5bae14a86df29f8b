use super::*;
use flextraff_common::hires::EventCode;
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::{ControllerState, Mode, SignalControl, StageEnd, ZoneName};

const PLAN: &str = r#"{"lane_times": [25, 25, 25, 25], "plan_id": "plan"}"#;
const EMERGENCY: &str = r#"{"mode": "emergency", "plan_id": "ambulance", "valid_s": 300, "stages": [{"stage": "E", "green_s": 0}]}"#;
const OVERRIDE: &str = r#"{"mode": "manual_override", "plan_id": "police", "lane_times": [40, 30, 30, 30]}"#;

/// The plan gives each stage 20 s of green.
fn road() -> Road {
    let mut road = Road::new(four_way());
    road.plan(PLAN, at(-1.0));
    road
}

impl Road {
    fn panel(&mut self, on: bool, seconds: f64) {
        self.controller.handle_panel(on, 3600, at(seconds));
        self.drain();
    }

    fn advance(&mut self, seconds: f64) {
        self.controller.handle_advance(at(seconds));
        self.drain();
    }

    /// Who decides after a moment.
    fn control(&mut self, seconds: f64) -> SignalControl {
        self.run(at(seconds));
        self.controller.shown().control
    }
}

#[test]
fn stages_go_on_only_when_it_is_pressed_and_each_has_its_shortest_green() {
    let mut road = road();
    assert_eq!(road.control(2.0), SignalControl::Plan);
    road.panel(true, 2.4);
    assert_eq!(road.control(3.0), SignalControl::Panel);
    assert_eq!(road.controller.shown().mode, Mode::ManualOverride);
    road.advance(50.0);
    // Too early: the shortest green is over at 62.
    road.advance(56.3);
    road.run(at(90.0));
    assert_eq!(
        road.lines(3.5),
        [
            "51 amber N>S arrr",
            "54 all_red N>S rrrr",
            "56 green S>- rGrr",
            "63 amber S>E rarr",
            "66 all_red S>E rrrr",
            "68 green E>- rrGr"
        ]
    );
    road.panel(false, 90.0);
    road.run(at(120.0));
    assert_eq!(road.lines(89.0)[..2], ["91 green E>- rrGr", "92 amber E>W rrar"], "E has had its 20 s");
    let ends: Vec<StageEnd> = road.cycles[1].stages.iter().map(|stage| stage.end).collect();
    assert_eq!((road.cycles[1].mode, &ends[..]), (Mode::ManualOverride, &[StageEnd::Manual; 3][..]));
    assert_eq!(road.controller.shown().plan_id.as_deref(), Some("plan"));
    let manual = road.events.iter().filter(|event| event.code == EventCode::ManualControl.number());
    assert_eq!(
        manual.map(|event| (event.at, event.parameter)).collect::<Vec<_>>(),
        [(at(3.0).mono, 1), (at(91.0).mono, 0)]
    );
}

#[test]
fn pressing_during_a_change_hurries_nobody() {
    let mut road = road();
    road.panel(true, 1.0);
    road.advance(10.0);
    for tenth in 0..40 {
        road.advance(11.5 + f64::from(tenth) / 10.0);
    }
    road.run(at(100.0));
    assert_eq!(road.greens(5.0), ["16 S"], "the next green waits for a press of its own");
}

#[test]
fn nobody_waits_longer_than_the_longest_red() {
    let mut spec = four_way_spec();
    spec.signal.longest_red_s = 90.0;
    let mut road = Road::new(build(&spec));
    road.panel(true, 0.0);
    road.run(at(1000.0));
    assert!(road.greens(0.0).len() > 20);
    let mut red_since = [0; 4];
    for pair in road.shown.windows(2) {
        for (group, since) in red_since.iter_mut().enumerate() {
            match (pair[0].lamps[group], pair[1].lamps[group]) {
                (Aspect::Green, Aspect::Amber) => *since = pair[1].at.0,
                (Aspect::Red, Aspect::Green) => {
                    let waited = pair[1].at.0 - *since;
                    assert!(waited <= 90_000, "group {group} at {:?}: {waited} ms", pair[1].at);
                }
                _ => {}
            }
        }
    }
    assert!(road.cycles[1].stages.iter().any(|stage| stage.end == StageEnd::ForceOff));
}

#[test]
fn its_time_ends_and_it_is_to_be_switched_on_anew() {
    let mut road = road();
    road.controller.handle_panel(true, 60, at(1.0));
    assert_eq!(road.control(60.0), SignalControl::Panel);
    assert_eq!(road.control(62.0), SignalControl::Plan);
    road.advance(63.0);
    let until = 63.0 + 100.0;
    road.run(at(until));
    assert!(road.greens(61.0).len() > 3, "the plan goes on: {:?}", road.greens(61.0));
    road.panel(false, until);
    road.panel(true, until + 1.0);
    assert_eq!(road.control(until + 10.0), SignalControl::Panel);
}

#[test]
fn nobody_waits_longer_because_its_time_ends_just_then() {
    let mut spec = four_way_spec();
    spec.signal.longest_red_s = 60.0;
    let mut road = Road::new(build(&spec));
    // S, E and W each need their clearance, and S and E their shortest greens, before W has waited for 60 s.
    let must_end = 60 - 3 * 5 - 2 * 7;
    road.run(at(1.0));
    road.controller.handle_panel(true, must_end - 1, at(1.0));
    road.run(at(70.0));
    assert_eq!(road.lines(3.0)[0], format!("{must_end} amber N>S arrr"));
    assert!(road.greens(2.0).contains(&"60 W".to_owned()), "{:?}", road.greens(2.0));
}

#[test]
fn it_comes_before_emergencies_and_overrides_which_wait_and_run_out() {
    let mut road = road();
    road.panel(true, 1.0);
    road.plan(OVERRIDE, at(2.0));
    road.plan(EMERGENCY, at(3.0));
    assert_eq!(road.control(100.0), SignalControl::Panel);
    assert_eq!(road.greens(0.0), ["0 N", "2 N"]);
    road.panel(false, 100.0);
    assert_eq!(road.control(106.0), SignalControl::Emergency);
    assert_eq!(road.lines(99.0)[2], "106 green E>- rrGr", "through due clearances");
    // The emergency has 300 s from 3 on; then the others are served, and the override runs.
    assert_eq!(road.control(360.0), SignalControl::ManualOverride);
}

#[test]
fn it_takes_an_emergency_over_and_gives_it_back() {
    let mut road = road();
    road.plan(EMERGENCY, at(1.0));
    assert_eq!(road.control(20.0), SignalControl::Emergency);
    road.panel(true, 20.0);
    road.advance(25.0);
    road.run(at(60.0));
    assert_eq!(road.greens(20.5), ["21 E", "31 W"]);
    assert_eq!(road.controller.shown().control, SignalControl::Panel);
    road.panel(false, 60.0);
    road.run(at(80.0));
    assert_eq!(road.greens(60.0), ["66 E"]);
}

#[test]
fn fault_and_flash_come_before_it() {
    let mut road = road();
    road.panel(true, 1.0);
    road.controller.handle_flash(true, at(5.0));
    road.run(at(20.0));
    assert_eq!(road.controller.shown().state, ControllerState::Flash);
    road.advance(21.0);
    assert_eq!(road.controller.shown().state, ControllerState::Flash);
    road.controller.handle_flash(false, at(30.0));
    assert_eq!(road.control(60.0), SignalControl::Panel, "after start-up it decides again");
    road.controller.handle_fault("a test", at(61.0));
    assert_eq!(road.control(62.0), SignalControl::Fault);
}

#[test]
fn at_start_up_and_during_a_change_it_waits() {
    let mut road = Road::new(four_way());
    road.panel(true, -11.0);
    road.run(at(60.0));
    assert_eq!(road.greens(-12.0), ["0 N"]);
    let mut road = self::road();
    road.panel(true, 21.0);
    road.run(at(100.0));
    assert_eq!(road.greens(1.0), ["25 S", "26 S"], "the change that has begun comes to its end");
    assert_eq!(road.controller.reason(), "The panel in the cabinet decides.");
}

#[test]
fn who_decides_is_told_when_a_bus_asks() {
    let mut road = Road::new(four_way());
    road.controller.handle_watched(&[true; 4]);
    road.controller.handle_read(LaneIx::new(0), ZoneName::StopLine, at(0.0).mono);
    assert_eq!(road.control(5.0), SignalControl::Fallback);
    let since = road.controller.shown().at;
    road.controller.handle_buses(&[LaneIx::new(0)], at(5.0).mono);
    assert_eq!(road.control(6.0), SignalControl::Transit);
    assert_eq!(road.controller.shown().at, since, "the lamps are what they were");
    road.controller.handle_buses(&[], at(6.0).mono);
    assert_eq!(road.control(7.0), SignalControl::Fallback);
}

#[test]
fn where_greens_run_exactly_no_bus_decides() {
    // A fallback that knows nothing of the traffic, and a plan without ranges at a junction whose lanes are read.
    let mut blind = Road::new(four_way());
    blind.controller.handle_buses(&[LaneIx::new(2)], at(-10.0).mono);
    assert_eq!(blind.control(40.0), SignalControl::Fallback);
    let mut exact = road();
    exact.controller.handle_watched(&[true; 4]);
    exact.controller.handle_read(LaneIx::new(2), ZoneName::StopLine, at(-10.0).mono);
    exact.controller.handle_buses(&[LaneIx::new(2)], at(-10.0).mono);
    assert_eq!(exact.control(40.0), SignalControl::Plan);
    assert_eq!(exact.greens(0.0)[..2], ["0 N", "25 S"], "as planned");
}
