//! Readers that say nothing: because nobody is there, or because they are dead.

use super::*;
use crate::config::Antennas;
use flextraff_common::wire::ReaderSight;

#[test]
fn behind_a_dead_stop_line_reader_vehicles_leave_by_headway() {
    let mut scene = Scene::new();
    for number in 0..8 {
        scene.read(number, "N1", ADVANCE, 10.0 + 3.0 * f64::from(number));
    }
    scene.show(Some("N"), 50.0);
    let mut counts = Vec::new();
    for second in 50..90 {
        counts.push(scene.count("N1", f64::from(second)));
    }
    assert_eq!((counts[0], counts[39]), (8, 0), "{counts:?}");
    assert!(counts.windows(2).all(|pair| pair[0] - pair[1] <= 1), "one after the other: {counts:?}");
    assert!(!scene.lane("N1", 90.0).watched);
    assert!(scene.lane("E", 90.0).watched, "nothing was announced there that did not come");
}

#[test]
fn a_reader_that_sees_again_is_trusted_again() {
    let mut scene = Scene::new();
    for number in 0..8 {
        scene.read(number, "N1", ADVANCE, 10.0 + 3.0 * f64::from(number));
    }
    scene.show(Some("N"), 50.0);
    assert!(!scene.lane("N1", 90.0).watched);
    for number in 100..115 {
        let at_s = 100.0 + 5.0 * f64::from(number - 100);
        scene.read(number, "N1", ADVANCE, at_s);
        scene.read(number, "N1", STOP, at_s + 7.0);
    }
    assert!(scene.lane("N1", 190.0).watched);
}

#[test]
fn a_reader_whose_port_is_down_leaves_its_lanes_unwatched() {
    let mut scene = Scene::new();
    let watched = |scene: &Scene| -> Vec<bool> {
        scene.estimator.traffic(MonoMs(0)).lanes.iter().map(|lane| lane.watched).collect()
    };
    scene.read(1, "N1", STOP, 0.0);
    assert_eq!(watched(&scene), [true, true, true, true]);
    scene.estimator.handle_reader(0, false);
    assert_eq!(watched(&scene), [false, false, true, true]);
    scene.estimator.handle_reader(1, false);
    assert!(!scene.estimator.traffic(MonoMs(0)).is_known());
    scene.estimator.handle_reader(0, true);
    assert!(scene.estimator.traffic(MonoMs(0)).is_known());
    assert_eq!(watched(&scene), [true, true, false, false]);
    scene.estimator.handle_reader(7, false);
    assert_eq!(watched(&scene), [true, true, false, false], "there is no such reader");
}

#[test]
fn a_missing_antenna_leaves_the_lane_unwatched_that_only_it_watches() {
    let mut scene = Scene::new();
    scene.read(1, "N1", STOP, 0.0);
    scene.estimator.handle_reader(0, Antennas::from(true).without(Some(3)));
    let traffic = scene.estimator.traffic(MonoMs(0));
    assert_eq!(traffic.lanes.iter().map(|lane| lane.watched).collect::<Vec<_>>(), [true, false, true, true]);
    scene.estimator.handle_reader(0, Antennas::from(true).without(Some(2)));
    let sight = |scene: &mut Scene, lane| {
        let estimates = scene.estimates(lane, 1.0);
        [estimates.stop_reader, estimates.advance_reader].map(|reader| reader.map(|reader| reader.state))
    };
    let [stop_line, advance] = sight(&mut scene, "N1");
    assert_eq!((stop_line == Some(ReaderSight::Down), advance), (false, Some(ReaderSight::Down)));
    assert!(!sight(&mut scene, "N2").contains(&Some(ReaderSight::Down)));
}

#[test]
fn before_a_reader_has_come_up_or_read_anything_and_after_long_silence_nothing_is_known() {
    let config = config::parse(Path::new("agent.toml"), TOML).expect("the test's configuration is right");
    assert!(!Estimator::new(&config, false, MonoMs(0)).traffic(MonoMs(0)).is_known());
    assert!(!Estimator::new(&config, true, MonoMs(0)).traffic(MonoMs(0)).is_known());
    let mut scene = Scene::new();
    scene.read(1, "N1", STOP, 10.0);
    assert!(scene.estimator.traffic(MonoMs(190_000)).is_known());
    assert!(!scene.estimator.traffic(MonoMs(191_000)).is_known());
}
