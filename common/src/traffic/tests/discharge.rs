//! Which movements of a lane have green, and who gives way.

use super::*;
use crate::junction::{CompatibleSpec, GroupKind, GroupSpec, Junction, LaneIx, tests::four_way};
use crate::traffic::{LaneStages, SATURATION_HEADWAY_S};

/// Lane N has a group for who goes ahead and one for who turns; stage N serves both, stage S the former only, together with lane S.
fn junction(yields: bool) -> Junction {
    let mut spec = four_way();
    let group = |name: &str, lane: &str| GroupSpec {
        name: name.into(),
        kind: GroupKind::Vehicle,
        lanes: vec![lane.into()],
        ..GroupSpec::default()
    };
    spec.groups =
        vec![group("N", "N"), group("N-turn", "N"), group("S", "S"), group("E", "E"), group("W", "W")];
    let stages: [&[&str]; 4] = [&["N", "N-turn"], &["N", "S"], &["E"], &["W"]];
    for (stage, groups) in spec.stages.iter_mut().zip(stages) {
        stage.lanes = Vec::new();
        stage.groups = groups.iter().map(|group| (*group).to_owned()).collect();
    }
    let pair = |a: &str, b: &str, yields| CompatibleSpec { a: a.into(), b: b.into(), yields };
    spec.compatible = vec![pair("N", "N-turn", false), pair("S", "N", yields)];
    Junction::build(&spec).expect("the test's junction keeps every rule")
}

fn headways_s(junction: &Junction, lane: usize) -> Vec<f64> {
    LaneStages::of(junction, LaneIx::new(lane)).headways_s(junction.stages().len(), SATURATION_HEADWAY_S)
}

#[test]
fn a_lane_of_which_some_movements_have_green_discharges_half_as_fast() {
    let junction = junction(false);
    let north = LaneStages::of(&junction, LaneIx::new(0));
    assert_eq!((north.full, north.part), (stages(&[0]), stages(&[1])));
    assert_eq!((north.served(), north.gives_way), (stages(&[0, 1]), StageSet::EMPTY));
    let [north, south] = [0, 1].map(|lane| headways_s(&junction, lane));
    assert!(close(north[0], 1.9, 1e-9) && close(north[1], 3.8, 1e-9), "{north:?}");
    assert!(close(south[1], 1.9, 1e-9), "the lane opposite has all of its green: {south:?}");
}

#[test]
fn who_gives_way_takes_half_as_long_again() {
    let junction = junction(true);
    let south = LaneStages::of(&junction, LaneIx::new(1));
    assert_eq!((south.full, south.gives_way), (stages(&[1]), stages(&[1])));
    assert!(close(headways_s(&junction, 1)[1], 1.5 * 1.9, 1e-9));
    assert!(close(headways_s(&junction, 0)[1], 3.8, 1e-9), "to which it gives way");
}

/// S is a lane for a turn that gives way to N in the stage N; E goes alone.
fn turn(exits: &[&str]) -> Junction {
    let mut spec = four_way();
    let group = |lane: &str, exits: &[&str]| GroupSpec {
        name: lane.into(),
        kind: GroupKind::Vehicle,
        lanes: vec![lane.into()],
        exits: exits.iter().map(|exit| (*exit).to_owned()).collect(),
        ..GroupSpec::default()
    };
    spec.groups = vec![group("N", &["S"]), group("S", exits), group("E", &["W"]), group("W", &["E"])];
    let green: [&[&str]; 4] = [&["N", "S"], &["S"], &["E"], &["W"]];
    for (stage, groups) in spec.stages.iter_mut().zip(green) {
        stage.lanes = Vec::new();
        stage.groups = groups.iter().map(|group| (*group).to_owned()).collect();
    }
    spec.compatible = vec![CompatibleSpec { a: "S".into(), b: "N".into(), yields: true }];
    Junction::build(&spec).expect("the test's junction keeps every rule")
}

/// How many of five on the turn have left 12 s and 30 s after the start of the stage, with so many in a queue on the lane opposite.
fn turned(junction: &Junction, stage: usize, opposite: usize) -> [usize; 2] {
    turned_past(junction, stage, &vec![(-10.0, 1.0); opposite])
}

/// The same with these opposite: when each comes, and how much of a vehicle is expected then.
fn turned_past(junction: &Junction, stage: usize, opposite: &[(f64, f64)]) -> [usize; 2] {
    let timing = Timing::of(junction);
    let served = [stages(&[0]), stages(&[0, 1])];
    let lanes = [opposite, &[(-10.0, 1.0); 5]].into_iter().zip(served).map(|(arrivals, served)| {
        let arrival = |&(at_s, vehicles): &(f64, f64)| Arrival {
            at_s,
            vehicles,
            weight: vehicles,
            stages: served,
            moving: false,
        };
        LaneQueue {
            arrivals: arrivals.iter().map(arrival).collect(),
            headway_s: vec![2.0; 4],
            startup_s: 2.0,
            served,
            ..LaneQueue::default()
        }
    });
    let lanes: Vec<LaneQueue> = lanes.collect();
    let model = Model::new(4, &lanes, 0.0).with_right_of_way(&timing);
    let mut progress = model.begin(&[(stage == 0).then_some(0.0), Some(0.0)]);
    [(0.0, 12.0), (12.0, 30.0)].map(|(from_s, to_s)| {
        model.serve(&mut progress, StageIx::new(stage), from_s, to_s);
        5 - model.left(&progress, LaneIx::new(1)).len()
    })
}

#[test]
fn nobody_turns_through_a_queue_that_discharges() {
    let lane_of_its_own = turn(&["E"]);
    assert_eq!(turned(&lane_of_its_own, 0, 5), [0, 5], "five need until 10 s, and then the gap is long");
    assert_eq!(turned(&lane_of_its_own, 0, 20), [0, 0], "the queue lasts for all of the green");
    assert_eq!(turned(&lane_of_its_own, 0, 0), [5, 5], "nobody comes");
    assert_eq!(turned(&lane_of_its_own, 1, 20), [5, 5], "nobody goes first in the second stage");
    let shared = turn(&["E", "N"]);
    assert_eq!(turned(&shared, 0, 20), [5, 5], "of a lane with two ways only some give way");
}

#[test]
fn somebody_who_may_come_leaves_a_gap_and_somebody_who_comes_does_not() {
    let turn = turn(&["E"]);
    let each_2_s =
        |vehicles: f64| (0..15).map(|at| (2.0 * f64::from(at) + 1.5, vehicles)).collect::<Vec<_>>();
    assert_eq!(turned_past(&turn, 0, &each_2_s(0.3)), [5, 5], "rather nobody comes");
    assert_eq!(turned_past(&turn, 0, &each_2_s(0.6)), [0, 0], "rather somebody does");
    let two_lanes_full = each_2_s(0.3).into_iter().flat_map(|one| [one; 2]).collect::<Vec<_>>();
    assert_eq!(turned_past(&turn, 0, &two_lanes_full), [0, 0], "of two who may come");
}

#[test]
fn whoever_gives_way_looks_in_any_piece_of_green() {
    let timing = Timing::of(&turn(&["E"]));
    let model = Model::new(4, &[], 0.0).with_right_of_way(&timing);
    for (from_s, to_s) in [(f64::NEG_INFINITY, f64::INFINITY), (f64::NAN, 5.0), (5.0, 5.0), (-1e300, 1e300)] {
        let mut progress = model.begin(&[]);
        model.serve(&mut progress, StageIx::new(0), from_s, to_s);
        assert!(model.is_empty(&progress), "{from_s} to {to_s}");
    }
}
