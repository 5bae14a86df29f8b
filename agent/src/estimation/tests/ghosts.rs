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
    scene.read(1, "N1", ADVANCE, 225.0);
    scene.read(2, "N1", ADVANCE, 227.0);
    scene.read(3, "N1", ADVANCE, 230.0);
    scene.show(Some("N"), 235.0);
    scene.stands(3, "N1", STOP, 237.0, 238.0);
    assert_eq!(scene.count("N1", 239.0), 3);
    // 5 s before the one that left: gone. 3 s before: perhaps still there.
    assert_eq!(scene.count("N1", 240.0), 1);
    assert!(scene.estimator.vehicles.contains_key(&tag(2)));
}

#[test]
fn whoever_may_be_on_another_lane_is_not_so_soon_overtaken() {
    let mut scene = Scene::new();
    for number in 1000..1040 {
        let at_s = 5.0 + 5.0 * f64::from(number - 1000);
        let lane = if number % 2 == 0 { "N1" } else { "N2" };
        scene.read(number, "N1", ADVANCE, at_s);
        scene.read(number, lane, STOP, at_s + 7.0);
    }
    scene.show(None, 230.0);
    // They are put on the two lanes in turn.
    for (number, at_s) in [(1, 238.0), (2, 238.5), (3, 244.0), (4, 244.5)] {
        scene.read(number, "N1", ADVANCE, at_s);
    }
    scene.show(Some("N"), 260.0);
    let first = scene.estimator.vehicles[&tag(3)].lane;
    let name = scene.config.junction.lane(first).name.clone();
    scene.read(3, &name, STOP, 261.0);
    scene.until(263.0);
    assert!(!scene.estimator.vehicles.contains_key(&tag(3)), "it has left");
    assert!(scene.estimator.vehicles.contains_key(&tag(1)) && scene.estimator.vehicles.contains_key(&tag(2)));
}

#[test]
fn whoever_is_announced_where_few_stop_counts_for_little() {
    let mut scene = Scene::new();
    // A third of those who come past the advance reader of N1 turn off before the stop line.
    for number in 1000..1060 {
        let at_s = 5.0 + 20.0 * f64::from(number - 1000);
        scene.show(None, at_s);
        scene.read(number, "N1", ADVANCE, at_s);
        scene.show(Some("N"), at_s + 5.0);
        if number % 3 != 0 {
            scene.read(number, "N1", STOP, at_s + 8.0);
        }
    }
    scene.show(None, 1205.0);
    scene.read(1, "N1", ADVANCE, 1210.0);
    let weighs = |scene: &mut Scene, at_s: f64| scene.lane("N1", at_s).queue.arrivals[0];
    let announced = weighs(&mut scene, 1214.0);
    assert!((0.5..0.8).contains(&announced.vehicles) && announced.weight < 0.8, "{announced:?}");
    scene.read(1, "N1", STOP, 1218.0);
    assert_eq!(weighs(&mut scene, 1219.0).vehicles, 1.0, "it is there");
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
