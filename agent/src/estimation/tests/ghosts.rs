//! Vehicles that were announced and then missed at the stop line.

use super::*;

/// Vehicles that are read at both readers and leave, so that the stop-line reader is known to see.
fn trusted(scene: &mut Scene) {
    for number in 1000..1020 {
        let at_s = 5.0 + 6.0 * f64::from(number - 1000);
        scene.read(number, "N1", ADVANCE, at_s);
        scene.stands(number, "N1", STOP, at_s + 7.0, at_s + 7.5);
    }
    scene.until(199.0);
    assert!(scene.estimator.vehicles.is_empty());
}

#[test]
fn a_green_without_reads_clears_the_lane() {
    let mut scene = Scene::new();
    trusted(&mut scene);
    scene.read(1, "N1", ADVANCE, 200.0);
    scene.show(Some("N"), 220.0);
    assert_eq!(scene.count("N1", 226.0), 1, "its queue may need some seconds to move");
    assert_eq!(scene.count("N1", 229.0), 0);
    assert!(scene.lane("N1", 229.0).watched, "one missed vehicle does not make a reader blind");
}

#[test]
fn a_red_without_reads_clears_nobody() {
    let mut scene = Scene::new();
    trusted(&mut scene);
    scene.read(1, "N1", ADVANCE, 200.0);
    assert_eq!(scene.count("N1", 300.0), 1);
}

#[test]
fn who_is_overtaken_by_somebody_due_long_after_is_gone() {
    let mut scene = Scene::new();
    trusted(&mut scene);
    scene.read(1, "N1", ADVANCE, 200.0);
    scene.read(2, "N1", ADVANCE, 222.0);
    scene.read(3, "N1", ADVANCE, 230.0);
    scene.show(Some("N"), 235.0);
    scene.stands(3, "N1", STOP, 237.0, 238.0);
    assert_eq!(scene.count("N1", 239.0), 3);
    // 30 s before the one that left: gone. 8 s before: perhaps still there.
    assert_eq!(scene.count("N1", 240.0), 1);
    assert!(scene.estimator.vehicles.contains_key(&tag(2)));
}

#[test]
fn nobody_stays_unseen_for_longer_than_four_minutes() {
    let mut scene = Scene::new();
    scene.read(1, "N1", ADVANCE, 10.0);
    let due_s = 10.0 + DRIVE_S;
    assert!(scene.count("N1", (due_s + 239.0).floor()) == 1);
    scene.until(due_s + 242.0);
    assert!(scene.estimator.vehicles.is_empty());
}
