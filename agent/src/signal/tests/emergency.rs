use super::*;
use flextraff_common::wire::{Mode, PlanState, StageEnd};

const PLAN: &str = r#"{"lane_times": [25, 25, 25, 25], "plan_id": "plan"}"#;

fn emergency(stage: &str, valid_s: u32) -> String {
    format!(
        r#"{{"mode": "emergency", "plan_id": "ambulance", "valid_s": {valid_s}, "stages": [{{"stage": "{stage}"}}]}}"#
    )
}

fn road() -> Road {
    let mut road = Road::new(four_way());
    road.plan(PLAN, at(-1.0));
    road
}

#[test]
fn the_present_green_ends_after_its_minimum_and_the_stage_comes_through_due_clearances() {
    let mut road = road();
    assert_eq!(road.plan(&emergency("E", 100), at(3.4)).state, PlanState::Pending);
    road.run(at(20.0));
    assert_eq!(
        road.lines(0.5),
        ["7 amber N>E arrr", "10 all_red N>E rrrr", "12 green E>- rrGr"],
        "S is passed over"
    );
    assert_eq!(road.statuses.last().map(|status| status.plan_id.as_deref()), Some(Some("ambulance")));
    let cycle = &road.cycles[0];
    assert_eq!((cycle.ended, cycle.stages.len()), (at(12.0).mono, 1));
    assert_eq!((cycle.stages[0].end, cycle.stages[0].green_s), (StageEnd::Priority, 7.0));
    assert_eq!(road.controller.shown().mode, Mode::Emergency);
    assert_eq!(road.plan(&emergency("E", 100), at(20.0)).state, PlanState::Running, "the same again renews");
}

#[test]
fn a_stage_that_has_green_keeps_it() {
    let mut road = road();
    road.run(at(2.0));
    road.plan(&emergency("N", 60), at(2.5));
    road.run(at(59.0));
    assert_eq!(road.lines(0.5).len(), 1);
    assert_eq!((road.shown[3].at, road.shown[3].mode), (at(3.0).mono, Mode::Emergency));
    road.run(at(70.0));
    assert_eq!(
        road.greens(4.0),
        ["68 S"],
        "validity ends at 62.5: the next second ends the green, and the order goes on"
    );
    assert_eq!(road.controller.shown().mode, Mode::Automatic);
    assert_eq!(
        road.cycles.iter().map(|cycle| cycle.mode).collect::<Vec<_>>(),
        [Mode::Automatic, Mode::Emergency]
    );
}

#[test]
fn it_waits_for_a_running_clearance_and_leaves_the_others_their_minimum() {
    let mut road = road();
    road.plan(&emergency("N", 500), at(21.0));
    road.run(at(600.0));
    let greens = road.greens(0.0);
    assert_eq!(greens[..3], ["0 N", "25 S", "37 N"], "S was on its way");
    let held: Vec<f64> = road
        .cycles
        .iter()
        .filter(|cycle| cycle.mode == Mode::Emergency)
        .map(|cycle| cycle.stages[0].green_s)
        .collect();
    assert!(held.iter().all(|&held| (7.0..=180.0).contains(&held)), "{held:?}");
    let round = road.cycles.iter().find(|cycle| cycle.mode == Mode::Emergency).expect("a round of it");
    let served: Vec<_> = round.stages.iter().map(|stage| stage.stage.index()).collect();
    assert_eq!(served, [0, 1, 2, 3], "the others once, then back");
    assert!(
        round.stages[1..]
            .iter()
            .all(|stage| (6.9..7.1).contains(&stage.green_s) && stage.end == StageEnd::Priority)
    );
    assert_eq!(round.stages[0].end, StageEnd::ForceOff);
}

#[test]
fn its_hold_never_exceeds_the_longest_red() {
    let mut spec = four_way_spec();
    spec.signal.longest_red_s = 60.0;
    let mut road = Road::new(build(&spec));
    road.plan(&emergency("N", 900), at(-1.0));
    road.run(at(900.0));
    let mut ended = [MonoMs(0); 4];
    for pair in road.shown.windows(2) {
        for (group, ended) in ended.iter_mut().enumerate() {
            let (was, is) = (pair[0].lamps[group], pair[1].lamps[group]);
            if was == Aspect::Green && is != Aspect::Green {
                *ended = pair[1].at;
            }
            if was != Aspect::Green && is == Aspect::Green && pair[1].at.0 >= 0 {
                assert!(pair[1].at.since(*ended) <= 60_000, "group {group} at {:?}", pair[1].at);
            }
        }
    }
    assert!(road.cycles.len() > 10);
}

#[test]
fn another_stage_and_an_early_end() {
    let mut road = road();
    road.plan(&emergency("E", 300), at(1.0));
    road.plan(&emergency("W", 300), at(30.0));
    road.run(at(40.0));
    assert_eq!(road.greens(0.0), ["0 N", "12 E", "36 W"]);
    road.plan(r#"{"lane_times": [25, 25, 25, 25], "plan_id": "plan", "ends_override": true}"#, at(46.0));
    road.run(at(60.0));
    assert_eq!(road.greens(37.0), ["52 N"]);
    assert_eq!(road.statuses.last().map(|status| status.plan_id.as_deref()), Some(Some("plan")));
}

/// How many greens S gets in ten minutes in which emergencies for two stages with the lamps of N come in turn, in that rhythm.
fn greens_of_s(every_s: f64) -> usize {
    let mut spec = four_way_spec();
    spec.signal.longest_red_s = 60.0;
    spec.lanes.truncate(2);
    spec.stages = vec![stage("N", &["N"]), stage("N2", &["N"]), stage("S", &["S"])];
    spec.stages.iter_mut().for_each(|stage| stage.lanes.clone_from(&stage.groups));
    spec.stages.iter_mut().for_each(|stage| stage.groups.clear());
    let mut road = Road::new(build(&spec));
    let mut at_s = 1.0;
    while at_s < 600.0 {
        let asked = if ((at_s / every_s) as u32).is_multiple_of(2) { "N" } else { "N2" };
        road.plan(&emergency(asked, 900), at(at_s));
        at_s += every_s;
        road.run(at(at_s));
    }
    road.greens(0.0).iter().filter(|line| line.ends_with(" S")).count()
}

#[test]
fn emergencies_that_take_turns_between_stages_with_the_same_lamps_leave_nobody_without_green() {
    for every_s in [3.0, 7.0, 8.0, 11.0, 20.0] {
        assert!(greens_of_s(every_s) >= 6, "each {every_s} s: {}", greens_of_s(every_s));
    }
}

/// What the server sends where one takes the place of another: the end of all, and the new one right after it.
#[test]
fn an_override_that_another_mode_took_the_place_of_does_not_come_back() {
    let end = r#"{"lane_times": [25, 25, 25, 25], "plan_id": "plan", "ends_override": true}"#;
    let manual = |valid_s: u32| {
        format!(
            r#"{{"lane_times": [20, 20, 20, 20], "mode": "manual_override", "plan_id": "hand", "valid_s": {valid_s}}}"#
        )
    };
    for (first, second, mode) in [
        (manual(3600), emergency("E", 60), Mode::Emergency),
        (emergency("E", 600), manual(300), Mode::ManualOverride),
    ] {
        let mut road = road();
        road.plan(&first, at(1.0));
        road.run(at(150.0));
        road.plan(end, at(150.2));
        road.plan(&second, at(150.2));
        road.run(at(200.0));
        assert_eq!(road.controller.shown().mode, mode);
        road.run(at(700.0));
        assert_eq!(road.controller.shown().mode, Mode::Automatic, "after {mode:?}");
        let last = road.cycles.last().map(|cycle| cycle.mode);
        assert_eq!(last, Some(Mode::Automatic), "after {mode:?}");
    }
}
