use super::*;
use flextraff_common::wire::StageEnd;

fn lines(spec: &JunctionSpec, from: f64, until: f64) -> Vec<String> {
    let mut road = Road::new(build(spec));
    road.run(at(until));
    road.lines(from)
}

#[test]
fn start_up_is_flash_then_all_red_then_the_first_stage() {
    assert_eq!(
        lines(&four_way_spec(), -12.0, 1.0),
        ["-12 flash ->- ffff", "-6 all_red ->- rrrr", "0 green N>- Grrr"]
    );
    let mut spec = overlapping_spec();
    spec.signal.startup_flash_s = 0.0;
    spec.signal.startup_all_red_s = 0.0;
    spec.intergreens = vec![intergreen("E", "P", 9.5)];
    let lines = lines(&spec, -12.0, 1.0);
    assert_eq!(
        lines,
        ["-12 all_red ->- rrrrr", "-2 green A>- GGrrG"],
        "never shorter than the longest clearance"
    );
}

#[test]
fn start_up_is_red_first_where_no_stage_change_ends_a_green() {
    let mut spec = four_way_spec();
    spec.lanes.truncate(1);
    spec.stages = vec![stage("A", &["N"]), stage("B", &["N"])];
    spec.signal.startup_all_red_s = 0.0;
    assert_eq!(lines(&spec, -12.0, 1.0), ["-12 flash ->- f", "-6 all_red ->- r", "-5 green A>- G"]);
    let mut road = Road::with(build(&spec), Fallback::new(Vec::new(), Tz::UTC), at(0.0));
    road.controller.start_in_red(at(0.0));
    road.run(at(3.0));
    assert_eq!(road.lines(0.0), ["0 all_red ->- r", "1 green A>- G"], "after an orderly end as well");
}

#[test]
fn a_start_between_two_seconds_rounds_up() {
    let mut road = Road::with(four_way(), Fallback::new(Vec::new(), Tz::UTC), at(-12.7));
    road.run(at(-12.1));
    assert_eq!(road.lines(-20.0), ["-12.7 flash ->- ffff"]);
    road.run(at(0.0));
    assert_eq!(road.greens(-20.0), ["0 N"]);
}

#[test]
fn a_stage_change_is_amber_all_red_green() {
    assert_eq!(
        lines(&four_way_spec(), 20.0, 60.0),
        [
            "25 amber N>S arrr",
            "28 all_red N>S rrrr",
            "30 green S>- rGrr",
            "55 amber S>E rarr",
            "58 all_red S>E rrrr",
            "60 green E>- rrGr"
        ]
    );
}

#[test]
fn times_that_are_no_whole_seconds_are_never_cut() {
    let mut spec = four_way_spec();
    spec.signal.amber_s = 3.5;
    spec.intergreens = vec![intergreen("N", "S", 6.2)];
    assert_eq!(lines(&spec, 20.0, 40.0), ["26 amber N>S arrr", "30 all_red N>S rrrr", "33 green S>- rGrr"]);
}

#[test]
fn an_amber_that_is_no_whole_seconds_takes_nothing_from_the_red_after_it() {
    let mut spec = four_way_spec();
    (spec.signal.amber_s, spec.signal.all_red_s) = (3.1, 0.9);
    spec.signal.drives_lamps = true;
    assert_eq!(lines(&spec, 20.0, 40.0), ["25 amber N>S arrr", "29 all_red N>S rrrr", "30 green S>- rGrr"]);
    (spec.signal.amber_s, spec.signal.all_red_s) = (3.3, 1.7);
    assert_eq!(lines(&spec, 20.0, 40.0), ["25 amber N>S arrr", "29 all_red N>S rrrr", "31 green S>- rGrr"]);
    spec.intergreens = vec![intergreen("N", "S", 3.4)];
    assert_eq!(lines(&spec, 20.0, 40.0), ["25 amber N>S arrr", "29 all_red N>S rrrr", "30 green S>- rGrr"]);
}

#[test]
fn red_amber_is_the_end_of_the_intergreen() {
    let mut spec = four_way_spec();
    spec.signal.red_amber_s = 1.0;
    assert_eq!(
        lines(&spec, -6.0, 32.0),
        [
            "-6 all_red ->- rrrr",
            "0 red_amber N>- urrr",
            "1 green N>- Grrr",
            "26 amber N>S arrr",
            "29 all_red N>S rrrr",
            "30 red_amber S>- rurr",
            "31 green S>- rGrr"
        ]
    );
}

#[test]
fn red_amber_never_stands_beside_a_conflicting_amber() {
    let mut spec = four_way_spec();
    spec.signal.red_amber_s = 3.0;
    spec.signal.all_red_s = 2.0;
    let lines = lines(&spec, 20.0, 34.0);
    assert_eq!(lines, ["28 amber N>S arrr", "31 red_amber S>- rurr", "33 green S>- rGrr"]);
}

#[test]
fn groups_in_both_stages_stay_green_and_pedestrians_have_no_amber() {
    assert_eq!(
        lines(&overlapping_spec(), 0.0, 90.0),
        [
            "0 green A>- GGrrG",
            "25 amber A>B Garrr",
            "28 all_red A>B Grrrr",
            "30 green B>- GrGrr",
            "55 amber B>C ararr",
            "58 all_red B>C rrrrr",
            "60 green C>- rrrGr",
            "85 amber C>A rrrar",
            "88 all_red C>A rrrrr",
            "90 green A>- GGrrG"
        ]
    );
}

#[test]
fn a_change_that_only_adds_groups_is_immediate() {
    let mut spec = overlapping_spec();
    spec.stages[0] = stage("A", &["N"]);
    spec.stages[1] = stage("B", &["N", "S", "P"]);
    spec.stages[2] = stage("C", &["E"]);
    spec.stages.push(stage("D", &["NL"]));
    assert_eq!(lines(&spec, 0.0, 26.0), ["0 green A>- Grrrr", "25 green B>- GGrrG"]);
}

#[test]
fn a_group_that_waits_for_nobody_comes_before_the_rest_of_its_stage() {
    let mut spec = four_way_spec();
    spec.compatible = vec![compatible("N", "W"), compatible("S", "W")];
    spec.stages = vec![stage("1", &["N"]), stage("2", &["S", "W"]), stage("3", &["E"])];
    assert_eq!(
        lines(&spec, 0.0, 31.0),
        ["0 green 1>- Grrr", "25 amber 1>2 arrG", "28 all_red 1>2 rrrG", "30 green 2>- rGrG"]
    );
}

#[test]
fn a_long_intergreen_from_an_earlier_change_still_holds() {
    let mut spec = four_way_spec();
    spec.intergreens = vec![intergreen("N", "E", 30.0)];
    spec.stages.iter_mut().for_each(|stage| stage.min_green_s = 5.0);
    let mut road = Road::new(build(&spec));
    let plan = r#"{"stages": [{"stage": "N", "green_s": 5}, {"stage": "S", "green_s": 5},
        {"stage": "E", "green_s": 5}, {"stage": "W", "green_s": 5}], "plan_id": "short"}"#;
    road.plan(plan, at(-1.0));
    road.run(at(60.0));
    assert_eq!(road.greens(0.0)[..], ["24 N", "34 S", "59 E"], "N ends at 29, E starts 30 s later");
}

#[test]
fn a_jump_ahead_passes_through_every_second() {
    let mut jump = Road::new(four_way());
    jump.run(at(3600.0));
    let mut steps = Road::new(four_way());
    (-12..=3600).for_each(|second| steps.run(at(f64::from(second) + 0.3)));
    assert_eq!(jump.shown, steps.shown);
    assert_eq!(jump.cycles, steps.cycles);
}

#[test]
fn a_finished_cycle_adds_up() {
    let mut road = Road::new(build(&overlapping_spec()));
    road.run(at(90.0));
    let [cycle] = &road.cycles[..] else { panic!("one cycle, not {:?}", road.cycles) };
    assert_eq!((cycle.started, cycle.ended), (at(0.0).mono, at(90.0).mono));
    let stages: Vec<_> =
        cycle.stages.iter().map(|stage| (stage.green_s, stage.amber_s, stage.all_red_s)).collect();
    assert_eq!(stages, [(25.0, 3.0, 2.0); 3]);
    assert_eq!(cycle.lane_green_s, [55.0, 25.0, 25.0, 25.0], "N has green through A, the change, and B");
}

#[test]
fn a_fault_shows_its_aspect_at_once_and_for_ever() {
    let mut road = Road::new(build(&overlapping_spec()));
    road.run(at(33.2));
    road.controller.handle_fault("the interlock tripped", at(33.25));
    road.controller.handle_fault("a later reason", at(33.3));
    road.run(at(1000.0));
    assert_eq!(road.lines(31.0), ["33.25 flash ->- ffff."]);
    assert_eq!(road.controller.fault(), Some("the interlock tripped"));
    let cycle = road.cycles.last().expect("the cycle that the fault ended");
    assert_eq!(cycle.ended, at(33.25).mono);
    assert_eq!(cycle.stages.last().map(|stage| (stage.green_s, stage.end)), Some((3.25, StageEnd::Fault)));
    assert_eq!(cycle.lane_green_s[..1], [33.25]);
}
