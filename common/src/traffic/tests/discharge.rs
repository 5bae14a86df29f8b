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
