//! Walk and clearance of pedestrian heads, and odd shapes of junctions.

use super::*;
use flextraff_common::junction::Problem;
use flextraff_common::junction::{GroupIx, LaneIx, StageIx};
use flextraff_common::wire::ZoneName;

/// Lines from 20 s to 70 s of the overlapping junction after a change to it.
fn changed(change: impl FnOnce(&mut JunctionSpec)) -> Vec<String> {
    let mut spec = overlapping_spec();
    change(&mut spec);
    let mut road = Road::from_zero(build(&spec));
    road.run(at(70.0));
    road.lines(20.0)
}

#[test]
fn conflicting_greens_wait_for_the_clearance_and_three_seconds_more() {
    let lines = changed(|spec| spec.groups[4].clearance_s = Some(8.5));
    assert_eq!(
        lines,
        [
            "25 amber A>B Garrr",
            "28 all_red A>B Grrrr",
            // NL conflicts with P: 8.5 s to cross and 3 s, to the next whole second.
            "37 green B>- GrGrr",
            "62 amber B>C ararr",
            "65 all_red B>C rrrrr",
            "67 green C>- rrrGr",
        ]
    );
}

#[test]
fn a_longer_intergreen_of_the_file_stays_and_a_shorter_one_does_not() {
    let green_of_b = |seconds| {
        let lines = changed(|spec| {
            spec.groups[4].clearance_s = Some(8.5);
            spec.intergreens = vec![intergreen("P", "NL", seconds)];
        });
        lines.into_iter().find(|line| line.contains("green B"))
    };
    assert_eq!(green_of_b(14.0).as_deref(), Some("39 green B>- GrGrr"));
    assert_eq!(green_of_b(6.0).as_deref(), Some("37 green B>- GrGrr"));
}

#[test]
fn a_stage_lasts_at_least_the_walk_of_its_pedestrians() {
    let mut spec = overlapping_spec();
    spec.groups[4].walk_s = Some(12.4);
    spec.stages[1].min_green_s = 3.0;
    let junction = build(&spec);
    let least: Vec<u32> = junction.stages().iter().map(|stage| stage.min_green_s).collect();
    assert_eq!(least, [13, 3, 7]);
    let plan = r#"{"stages": [{"stage": "A", "green_s": 12}, {"stage": "B", "green_s": 3}, {"stage": "C", "green_s": 9}]}"#;
    let reasons = Road::new(junction).plan(plan, at(0.0)).reasons;
    assert_eq!(reasons, ["stage \"A\": green_s of 12 s is outside 13 to 60 s"]);
    spec.groups[4].walk_s = None;
    spec.stages[0].min_green_s = 2.0;
    assert_eq!(build(&spec).stages()[0].min_green_s, 7, "where the file says nothing of the walk");
}

#[test]
fn walk_and_clearance_have_ranges_and_belong_to_pedestrians() {
    let mut spec = overlapping_spec();
    spec.groups[0].clearance_s = Some(9.0);
    spec.groups[4].walk_s = Some(3.0);
    spec.groups[4].clearance_s = Some(61.0);
    let problems = Junction::build(&spec).expect_err("three mistakes");
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        problems,
        [
            "group \"N\" has clearance_s, which only a pedestrian group has; take it out, or set kind = \"pedestrian\"",
            "walk_s of group \"P\" is 3 s; it lies between 4 s and 60 s",
            "clearance_s of group \"P\" is 61 s; it lies between 1 s and 60 s",
        ]
    );
}

#[test]
fn a_clearance_goes_on_while_stages_follow_that_do_not_concern_it() {
    // P conflicts with E only, and E comes two stages later, after a short one.
    let lines = changed(|spec| {
        spec.groups[4].clearance_s = Some(20.0);
        spec.compatible.push(compatible("NL", "P"));
        spec.stages[1].min_green_s = 5.0;
        spec.stages[1].max_green_s = 5.0;
    });
    assert_eq!(
        lines[2..6],
        ["30 green B>- GrGrr", "35 amber B>C ararr", "38 all_red B>C rrrrr", "48 green C>- rrrGr"]
    );
}

#[test]
fn a_group_of_two_stages_that_follow_each_other_across_the_cycles_end_stays_green() {
    let mut spec = overlapping_spec();
    spec.stages.rotate_left(1);
    let mut road = Road::new(build(&spec));
    road.run(at(120.0));
    // B, C, A, and N goes on from A into B.
    assert_eq!(
        road.lines(84.0),
        [
            "85 amber A>B Garrr",
            "88 all_red A>B Grrrr",
            "90 green B>- GrGrr",
            "115 amber B>C ararr",
            "118 all_red B>C rrrrr",
            "120 green C>- rrrGr"
        ]
    );
    let of_lanes = &road.cycles[0].lane_green_s;
    assert_eq!(of_lanes[..1], [25.0 + 30.0], "of the first cycle: B, then A and the change");
}

#[test]
fn sixteen_stages_of_one_group_each_have_their_turn() {
    let names: Vec<String> = (0..16).map(|number| format!("g{number}")).collect();
    let mut spec = four_way_spec();
    spec.signal.longest_red_s = 300.0;
    spec.lanes = names.iter().zip(10..).map(|(name, id)| lane(name, id)).collect();
    spec.stages = names
        .iter()
        .map(|name| StageSpec { min_green_s: 5.0, max_green_s: 8.0, ..stage(name, &[name]) })
        .collect();
    let mut road = Road::new(build(&spec));
    road.run(at(2.0 * 16.0 * 13.0));
    let expected: Vec<String> = (0..33).map(|turn| format!("{} g{}", turn * 13, turn % 16)).collect();
    assert_eq!(road.greens(0.0), expected, "8 s of green and 5 s of clearance");
    let splits = road.events.iter().filter(|event| (134..150).contains(&event.code));
    assert!(splits.clone().all(|event| event.parameter == 13) && splits.count() == 16);
}

/// N and E, and walkers with a button and a stage of their own, which may be left out.
fn with_button() -> Road {
    let mut spec = four_way_spec();
    spec.lanes.truncate(2);
    spec.groups = vec![
        group("N", GroupKind::Vehicle, &["N"]),
        group("S", GroupKind::Vehicle, &["S"]),
        group("P", GroupKind::Pedestrian, &[]),
    ];
    spec.groups[2].button = true;
    spec.stages =
        vec![stage("N", &["N"]), stage("S", &["S"]), StageSpec { skip: true, ..stage("P", &["P"]) }];
    let mut road = Road::new(build(&spec));
    road.controller.handle_watched(&[true; 2]);
    road
}

/// Lets vehicles call both lanes again and again.
fn run_with_calls(road: &mut Road, from: i32, until: i32) {
    for second in from..until {
        let now = at(f64::from(second));
        if second % 5 == 0 {
            for lane in 0..2 {
                road.controller.handle_read(LaneIx::new(lane), ZoneName::StopLine, now.mono);
            }
        }
        road.run(now);
    }
}

fn walks(road: &Road) -> usize {
    road.greens(0.0).iter().filter(|line| line.ends_with(" P")).count()
}

#[test]
fn a_pedestrian_stage_with_a_button_comes_when_it_is_pressed_and_only_then() {
    let mut road = with_button();
    run_with_calls(&mut road, -12, 100);
    assert_eq!(walks(&road), 1, "once after start-up: nobody knows who waited before");
    let pressed = at(100.35);
    road.controller.handle_button(GroupIx::new(2), pressed.mono);
    road.controller.handle_button(GroupIx::new(2), pressed.mono + 400);
    run_with_calls(&mut road, 101, 200);
    assert_eq!(walks(&road), 2, "pressed twice, served once");
    let calls = road.events.iter().filter(|event| matches!(event.code, 45 | 90));
    let calls: Vec<_> = calls.map(|event| (event.at.0, event.code, event.parameter)).collect();
    assert_eq!(calls, [(100_350, 90, 3), (100_350, 45, 3), (100_750, 90, 3)]);
    assert!(road.controller.pedestrian_calls().is_empty());
}

#[test]
fn who_presses_while_the_head_shows_green_calls_nobody() {
    let mut road = with_button();
    let mut second = -12;
    while walks(&road) == 0 {
        run_with_calls(&mut road, second, second + 1);
        second += 1;
    }
    road.controller.handle_button(GroupIx::new(2), at(f64::from(second)).mono);
    assert!(road.controller.pedestrian_calls().is_empty());
    run_with_calls(&mut road, second, second + 20);
    road.controller.handle_button(GroupIx::new(2), at(f64::from(second) + 20.0).mono);
    assert_eq!(road.controller.pedestrian_calls().len(), 1, "the next green is for whoever comes at red");
}

#[test]
fn a_stage_for_which_somebody_has_pressed_is_not_left_out_on_its_turn_whoever_decides() {
    let mut road = with_button();
    run_with_calls(&mut road, -12, 100);
    let may_skip = |road: &Road| road.controller.may_skip().contains(StageIx::new(2));
    assert!(may_skip(&road), "nobody has pressed");
    road.controller.handle_button(GroupIx::new(2), at(100.35).mono);
    assert!(!may_skip(&road));
    run_with_calls(&mut road, 101, 200);
    assert!(may_skip(&road), "it was served");
}
