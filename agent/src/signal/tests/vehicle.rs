use super::*;
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::{Mode, SignalControl, StageEnd};

/// Pre-empt events from `from` on: time, code and number of the pre-empt.
fn preempts(road: &Road, from: f64) -> Vec<(f64, u16, u32)> {
    let events = road.events.iter().filter(|event| (101..=111).contains(&event.code));
    let events = events.map(|event| (event.at.0 as f64 / 1000.0, event.code, event.parameter));
    events.filter(|(time, ..)| *time >= from).collect()
}

const PLAN: &str = r#"{"lane_times": [25, 25, 25, 25], "plan_id": "plan"}"#;
const FAR: MonoMs = MonoMs(i64::MAX / 2);

/// N has green from zero on, for 20 s.
fn road() -> Road {
    let mut road = Road::new(four_way());
    road.plan(PLAN, at(-1.0));
    road
}

/// E, the third of N, S, E and W.
fn east() -> LaneIx {
    LaneIx::new(2)
}

#[test]
fn its_stage_comes_through_due_clearances_and_the_plan_goes_on_when_it_has_passed() {
    let mut road = road();
    road.run(at(3.0));
    road.controller.handle_vehicle(Some((east(), FAR)), at(3.2).mono);
    let plans = road.statuses.len();
    road.run(at(25.4));
    assert_eq!(
        road.lines(0.5),
        ["7 amber N>E arrr", "10 all_red N>E rrrr", "12 green E>- rrGr"],
        "the shortest green of N, its clearance, and S is passed over"
    );
    assert_eq!(road.controller.shown().control, SignalControl::EmergencyVehicle);
    assert_eq!(road.controller.shown().mode, Mode::Emergency);
    assert_eq!(road.statuses.len(), plans, "nobody has sent a plan");
    assert_eq!(road.cycles[0].stages[0].end, StageEnd::Priority);

    road.controller.handle_vehicle(None, at(25.5).mono);
    road.run(at(60.0));
    assert_eq!(
        road.lines(20.0)[0],
        "26 amber E>W rrar",
        "at the next second, and on in the order of the plan"
    );
    assert_eq!(road.controller.shown().control, SignalControl::Plan);
    assert_eq!(
        preempts(&road, 0.0),
        [(3.2, 102, 3), (7.0, 105, 3), (12.0, 107, 3), (25.5, 104, 3), (26.0, 111, 3)],
        "asked for, on the way, served, no longer asked for, on the way back"
    );
    assert_eq!(road.statuses.last().map(|status| status.plan_id.as_deref()), Some(Some("plan")));
}

#[test]
fn a_stage_that_serves_it_goes_on() {
    let mut road = road();
    road.run(at(2.0));
    road.controller.handle_vehicle(Some((LaneIx::new(0), FAR)), at(2.5).mono);
    road.run(at(40.0));
    assert_eq!(road.lines(0.5).len(), 1, "{:?}", road.lines(0.5));
    road.controller.handle_vehicle(None, at(40.5).mono);
    road.run(at(50.0));
    assert_eq!(road.greens(41.0), ["46 S"]);
    assert_eq!(
        preempts(&road, 0.0),
        [(2.5, 102, 1), (3.0, 105, 1), (3.0, 107, 1), (40.5, 104, 1), (41.0, 111, 1)]
    );
}

#[test]
fn it_comes_before_an_emergency_of_the_server_which_goes_on_afterwards() {
    let mut road = road();
    road.plan(
        r#"{"mode": "emergency", "plan_id": "fire", "valid_s": 300, "stages": [{"stage": "N", "green_s": 0}]}"#,
        at(2.0),
    );
    road.run(at(10.0));
    road.controller.handle_vehicle(Some((east(), FAR)), at(10.5).mono);
    road.run(at(30.0));
    assert_eq!(road.greens(5.0), ["16 E"]);
    road.controller.handle_vehicle(None, at(30.5).mono);
    road.run(at(60.0));
    assert_eq!(road.greens(20.0), ["36 N"]);
    let calls: Vec<_> = preempts(&road, 0.0).into_iter().filter(|(_, code, _)| *code <= 104).collect();
    assert_eq!(
        calls,
        [(2.0, 102, 1), (10.5, 104, 1), (10.5, 102, 3), (30.5, 104, 3), (30.5, 102, 1)],
        "one call counts at a time"
    );
    assert_eq!(road.controller.shown().plan_id.as_deref(), Some("fire"));
}

#[test]
fn its_time_ends_by_itself_and_nobody_waits_longer_than_the_longest_red() {
    let mut road = road();
    road.run(at(2.0));
    road.controller.handle_vehicle(Some((east(), at(62.0).mono)), at(2.0).mono);
    road.run(at(80.0));
    assert_eq!(road.greens(1.0)[..2], ["12 E", "67 W"]);

    let mut road = self::road();
    road.run(at(2.0));
    road.controller.handle_vehicle(Some((east(), FAR)), at(2.0).mono);
    road.run(at(600.0));
    let held: Vec<f64> = road
        .cycles
        .iter()
        .flat_map(|cycle| &cycle.stages)
        .filter(|stage| stage.stage.index() == 2)
        .map(|stage| stage.green_s)
        .collect();
    assert!(held.iter().all(|green_s| *green_s <= 180.0), "{held:?}");
    assert!(road.greens(150.0).iter().any(|green| green.ends_with('N')), "the others have their turn");
    let round: Vec<_> = preempts(&road, 12.5).into_iter().take(4).collect();
    assert_eq!(round.iter().map(|(_, code, _)| *code).collect::<Vec<_>>(), [110, 111, 105, 107]);
    assert!(round[0].0 <= 192.0 && round.iter().all(|(.., number)| *number == 3), "{round:?}");
}

#[test]
fn behind_panel_flash_and_fault_it_is_asked_for_and_nothing_is_done() {
    let mut road = road();
    road.run(at(2.0));
    road.controller.handle_panel(true, 3600, at(2.5));
    road.controller.handle_vehicle(Some((east(), at(100.0).mono)), at(5.0).mono);
    road.run(at(120.0));
    assert_eq!(preempts(&road, 0.0), [(5.0, 102, 3), (100.0, 104, 3)]);

    let mut road = self::road();
    road.run(at(2.0));
    road.controller.handle_vehicle(Some((east(), FAR)), at(2.5).mono);
    road.run(at(20.0));
    road.controller.handle_fault("a test", at(20.5));
    road.drain();
    assert_eq!(preempts(&road, 12.5), [(20.5, 111, 3)]);
    road.controller.handle_vehicle(None, at(21.2).mono);
    road.run(at(22.0));
    assert_eq!(preempts(&road, 21.0), [(21.2, 104, 3)], "also told while the fault lasts");
}

#[test]
fn who_asks_again_after_his_time_gets_the_present_stage() {
    let mut spec = four_way_spec();
    spec.stages.push(stage("EW", &["E", "W"]));
    spec.compatible.push(compatible("E", "W"));
    let mut road = Road::from_zero(build(&spec));
    road.run(at(1.0));
    // While N has its shortest green he has asked for E, and passed.
    road.controller.handle_vehicle(Some((east(), at(3.0).mono)), at(1.0).mono);
    road.run(at(130.0));
    assert_eq!(road.greens(0.0).last().map(String::as_str), Some("113 EW"));
    road.controller.handle_vehicle(Some((east(), FAR)), at(130.0).mono);
    road.run(at(180.0));
    assert_eq!(road.lines(131.0).len(), 1, "{:?}", road.lines(131.0));
    assert_eq!(road.controller.shown().control, SignalControl::EmergencyVehicle);
}
