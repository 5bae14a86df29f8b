//! Cycles that come to the offset of their plan.

use super::*;
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::{Mode, StageEnd, ZoneName};
use proptest::prelude::*;

/// 120 s; zero of the tests is a midnight, so that its cycles start at offset 0.
const PLAN: &str = r#"{"stages": [{"stage": "N", "green_s": 25}, {"stage": "S", "green_s": 25},
    {"stage": "E", "green_s": 25}, {"stage": "W", "green_s": 25}], "plan_id": "p", "valid_s": 80000, "offset_s": OFFSET}"#;

/// N 20 to 40 s, the others 10 to 30.
const RANGED: &str = r#"{"stages": [
    {"stage": "N", "green_s": 25, "min_green_s": 20, "max_green_s": 40},
    {"stage": "S", "green_s": 20, "min_green_s": 10, "max_green_s": 30},
    {"stage": "E", "green_s": 20, "min_green_s": 10, "max_green_s": 30},
    {"stage": "W", "green_s": 15, "min_green_s": 10, "max_green_s": 30}],
    "plan_id": "r", "valid_s": 80000, "offset_s": OFFSET}"#;

fn with_offset(plan: &str, offset_s: u32) -> String {
    plan.replace("OFFSET", &offset_s.to_string())
}

/// Starts and lengths of the cycles of a plan, seconds.
fn cycles(road: &Road) -> Vec<(i64, i64)> {
    let of_plan = road.cycles.iter().filter(|cycle| cycle.plan_id.is_some());
    of_plan.map(|cycle| (cycle.started.0 / 1000, cycle.ended.since(cycle.started) / 1000)).collect()
}

#[test]
fn a_cycle_in_step_is_left_alone() {
    let mut road = Road::new(four_way());
    road.plan(&with_offset(PLAN, 0), at(-1.0));
    road.run(at(481.0));
    assert_eq!(cycles(&road), [(0, 120), (120, 120), (240, 120), (360, 120)]);
    assert!(road.cycles.iter().all(|cycle| cycle.offset_error_s == Some(0.0)));
    assert!(road.shown.last().is_some_and(|shown| shown.offset_error_ms == Some(0)));
}

#[test]
fn an_offset_ahead_is_reached_by_longer_greens_and_one_behind_by_shorter() {
    let mut road = Road::new(four_way());
    road.plan(&with_offset(PLAN, 30), at(-1.0));
    road.run(at(631.0));
    assert_eq!(cycles(&road), [(0, 130), (130, 130), (260, 130), (390, 120), (510, 120)]);
    let errors: Vec<_> = road.cycles.iter().filter_map(|cycle| cycle.offset_error_s).collect();
    assert_eq!(errors, [-30.0, -20.0, -10.0, 0.0, 0.0]);
    let greens: Vec<f64> = road.cycles[0].stages.iter().map(|stage| stage.green_s).collect();
    assert_eq!(greens, [28.0, 28.0, 27.0, 27.0], "ten seconds over four stages");

    let mut road = Road::new(four_way());
    road.plan(&with_offset(PLAN, 90), at(-1.0));
    road.run(at(500.0));
    assert_eq!(cycles(&road)[..4], [(0, 110), (110, 110), (220, 110), (330, 120)]);
    let states: Vec<u32> =
        road.events.iter().filter(|event| event.code == 150).map(|event| event.parameter).collect();
    assert_eq!(states, [3, 1], "shorter, then in step");
}

#[test]
fn where_the_shorter_way_takes_too_long_the_other_one_is_taken() {
    let mut spec = four_way_spec();
    spec.stages.iter_mut().for_each(|stage| stage.min_green_s = 24.0);
    let mut road = Road::new(build(&spec));
    road.plan(&with_offset(PLAN, 90), at(-1.0));
    road.run(at(600.0));
    assert_eq!(
        cycles(&road)[..4],
        [(0, 150), (150, 150), (300, 150), (450, 120)],
        "4 s a cycle would take eight"
    );
}

#[test]
fn without_room_the_greens_stay_as_planned() {
    let mut spec = four_way_spec();
    spec.stages.iter_mut().for_each(|stage| (stage.min_green_s, stage.max_green_s) = (25.0, 25.0));
    let mut road = Road::new(build(&spec));
    road.plan(&with_offset(PLAN, 90), at(-1.0));
    road.run(at(361.0));
    assert_eq!(cycles(&road), [(0, 120), (120, 120), (240, 120)]);
    assert!(road.cycles.iter().all(|cycle| cycle.offset_error_s == Some(30.0)));
}

#[test]
fn only_a_clock_that_can_be_trusted_moves_a_cycle() {
    let mut road = Road::new(four_way());
    let unsynced = |seconds: f64| Moment { clock: ClockState::Unsynced, ..at(seconds) };
    road.plan(&with_offset(PLAN, 30), unsynced(-1.0));
    road.run(unsynced(241.0));
    assert_eq!(cycles(&road), [(0, 120), (120, 120)]);
    assert!(road.cycles.iter().all(|cycle| cycle.offset_error_s.is_none()));
    // Synchronised 5 s before the end of the cycle: too soon for that one.
    (355..=490).for_each(|second| road.run(at(f64::from(second))));
    assert_eq!(cycles(&road)[2..], [(240, 120), (360, 120)]);
    (491..=1000).for_each(|second| road.run(at(f64::from(second))));
    assert_eq!(cycles(&road)[4..8], [(480, 130), (610, 130), (740, 130), (870, 120)]);
}

#[test]
fn a_clock_that_is_set_leads_to_a_new_transition_and_never_to_a_jump() {
    let mut road = Road::new(four_way());
    road.plan(&with_offset(PLAN, 0), at(-1.0));
    for second in 0..=1000 {
        let mut now = at(f64::from(second));
        if second >= 200 {
            now.wall = now.wall + 45_000;
        }
        road.run(now);
    }
    assert_eq!(cycles(&road)[..6], [(0, 120), (120, 120), (240, 105), (345, 105), (450, 105), (555, 120)]);
}

#[test]
fn a_manual_override_runs_exactly_and_an_emergency_is_never_held() {
    let mut road = Road::new(four_way());
    let manual = with_offset(PLAN, 30).replace("\"plan_id\"", "\"mode\": \"manual_override\", \"plan_id\"");
    road.plan(&manual, at(-1.0));
    road.run(at(241.0));
    assert_eq!(cycles(&road), [(0, 120), (120, 120)]);
    assert!(
        road.cycles.iter().all(|cycle| cycle.mode == Mode::ManualOverride && cycle.offset_error_s.is_none())
    );
}

/// Somebody is read on a lane at a whole second.
fn read(road: &mut Road, lane: usize, second: i32) {
    let now = at(f64::from(second));
    road.controller.handle_read(LaneIx::new(lane), ZoneName::StopLine, now.mono);
}

/// Under a plan with ranges, in step from zero on; every lane is read in the seconds that `calls` says.
fn actuated(until: i32, calls: impl Fn(i32) -> bool) -> Road {
    let mut road = Road::new(four_way());
    road.controller.handle_watched(&[true; 4]);
    road.plan(&with_offset(RANGED, 0), at(-1.0));
    for second in -12..=until {
        if calls(second) {
            (0..4).for_each(|lane| read(&mut road, lane, second));
        }
        road.run(at(f64::from(second)));
    }
    road
}

#[test]
fn actuated_stages_are_forced_off_for_the_coordinated_one() {
    // Everybody wants green, all the time.
    let road = actuated(600, |_| true);
    let starts: Vec<String> = road.greens(0.0).into_iter().filter(|line| line.ends_with(" N")).collect();
    assert_eq!(starts, ["0 N", "100 N", "200 N", "300 N", "400 N", "500 N", "600 N"]);
    let forced = |cycle: &CycleRecord| cycle.stages.iter().any(|stage| stage.end == StageEnd::ForceOff);
    assert!(road.cycles.iter().all(forced));
}

#[test]
fn a_coordinated_green_that_comes_early_is_held_until_its_yield_point() {
    // Each lane calls at times; nobody extends: every stage gaps out.
    let road = actuated(500, |second| second % 10 == 0);
    for cycle in &road.cycles[1..] {
        let started = cycle.started.0 / 1000;
        let due = (started + 50) / 100 * 100;
        assert!(started <= due, "{cycle:?}");
        let ends = started + cycle.stages[0].green_s as i64;
        let longest = cycle.stages[0].green_s >= 40.0;
        assert!(ends >= due + 20 || longest, "held for its shortest green after it was due: {cycle:?}");
    }
    assert!(road.cycles.len() >= 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_offset_is_reached_within_three_cycles_and_no_green_leaves_its_range(
        greens in prop::collection::vec(14_u32..40, 4),
        offset_s in 0_u32..300,
        starts_s in 0_u32..400,
        amber in prop::sample::select(vec![3.0, 3.4]),
    ) {
        let mut spec = four_way_spec();
        spec.signal.amber_s = amber;
        let junction = build(&spec);
        let mut road = Road::with(Arc::clone(&junction), Fallback::new(Vec::new(), Tz::UTC), at(f64::from(starts_s) - 12.0));
        let stages: Vec<String> = ["N", "S", "E", "W"].iter().zip(&greens)
            .map(|(stage, green)| format!("{{\"stage\": \"{stage}\", \"green_s\": {green}}}")).collect();
        let plan = format!("{{\"stages\": [{}], \"plan_id\": \"p\", \"valid_s\": 80000, \"offset_s\": {offset_s}}}", stages.join(","));
        road.plan(&plan, at(f64::from(starts_s) - 1.0));
        road.run(at(f64::from(starts_s) + 2000.0));
        let cycle_s = i64::from(greens.iter().sum::<u32>() + 4 * junction.clearance_s(junction.stage_named("N").unwrap(), junction.stage_named("S").unwrap()));
        let lengths = cycles(&road);
        for (number, (start, _)) in lengths.iter().enumerate().skip(3) {
            prop_assert_eq!((start + EPOCH.0 / 1000 - i64::from(offset_s)).rem_euclid(cycle_s), 0, "cycle {}: {:?}", number, lengths);
        }
        for stage in road.cycles.iter().flat_map(|cycle| &cycle.stages) {
            prop_assert!((7.0..=60.0).contains(&stage.green_s), "{:?}", stage);
        }
        prop_assert!(lengths.iter().all(|(_, length)| (length - cycle_s).abs() <= cycle_s / 6 + 1), "the shorter way, in three parts");
    }

    #[test]
    fn an_actuated_plan_is_in_step_after_three_cycles_whoever_calls(
        offset_s in 0_u32..100,
        pattern in prop::collection::vec(0_u8..16, 7..61),
        every in 1_i32..15,
    ) {
        let mut road = Road::new(four_way());
        road.controller.handle_watched(&[true; 4]);
        road.plan(&with_offset(RANGED, offset_s), at(-1.0));
        for second in -12..=1500 {
            let calls = if second % every == 0 { pattern[second.unsigned_abs() as usize % pattern.len()] } else { 0 };
            (0..4).filter(|lane| calls & (1 << lane) != 0).for_each(|lane| read(&mut road, lane, second));
            road.run(at(f64::from(second)));
        }
        prop_assert!(road.cycles.len() > 8, "{}", road.cycles.len());
        let of_plan = road.cycles.iter().filter(|cycle| cycle.plan_id.is_some());
        for cycle in of_plan.skip(3) {
            let started = cycle.started.0 / 1000 - i64::from(offset_s);
            let due = (started + 50).div_euclid(100) * 100;
            let green_s = cycle.stages[0].green_s as i64;
            prop_assert!(started <= due, "late: {:?}", cycle);
            prop_assert!(started + green_s >= due + 20 || green_s >= 40, "not held: {:?}", cycle);
            prop_assert!(cycle.stages.iter().all(|stage| (10.0..=40.0).contains(&stage.green_s)), "{:?}", cycle);
        }
    }
}
