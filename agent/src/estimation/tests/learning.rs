//! What is learned from identities: where those go who come, and how fast queues discharge.

use super::*;
use flextraff_common::traffic::{LaneStages, SATURATION_HEADWAY_S};

#[test]
fn shares_of_lane_changers_are_learned() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    // Three of four who are announced on N1 stop on N2.
    for number in 0..200 {
        let at_s = 10.0 + 4.0 * f64::from(number);
        scene.read(number, "N1", ADVANCE, at_s);
        scene.read(number, if number % 4 == 0 { "N1" } else { "N2" }, STOP, at_s + 3.0);
    }
    scene.show(None, 815.0);
    for number in 1000..1020 {
        scene.read(number, "N1", ADVANCE, 820.0 + f64::from(number - 1000) * 2.0);
    }
    let placed = (scene.count("N1", 859.0), scene.count("N2", 859.0));
    assert!((4..=6).contains(&placed.0) && placed.0 + placed.1 == 20, "{placed:?}");
}

#[test]
fn the_saturation_headway_of_a_lane_is_learned() {
    let mut scene = Scene::new();
    let stage = scene.stage_ix("N");
    let headway =
        |scene: &mut Scene, lane: &str, at_s: f64| scene.lane(lane, at_s).queue.headway_s[stage.index()];
    assert!((headway(&mut scene, "N1", 1.0) - 1.9).abs() < 1e-9);
    for cycle in 0..12 {
        let start = 10.0 + f64::from(cycle) * 80.0;
        // Ten vehicles wait, then leave one every 2.9 s.
        for number in 0..10 {
            scene.read(cycle * 10 + number, "N1", ADVANCE, start + f64::from(number));
        }
        scene.show(Some("N"), start + 30.0);
        for number in 0..10 {
            scene.read(cycle * 10 + number, "N1", STOP, start + 32.0 + 2.9 * f64::from(number));
        }
        scene.show(None, start + 70.0);
    }
    let learned = headway(&mut scene, "N1", 1000.0);
    assert!((2.6..=2.95).contains(&learned), "{learned}");
    assert!((headway(&mut scene, "N2", 1000.0) - 1.9).abs() < 1e-9, "the lane beside it learned nothing");
}

#[test]
fn who_gives_way_or_shares_a_lane_takes_longer() {
    let headways_s = |toml: &str| {
        let config = config::parse(Path::new("agent.toml"), toml).expect("the test's configuration is right");
        let mut scene = Scene { estimator: Estimator::new(&config, true, MonoMs(0)), config, second: 0 };
        let stages = ["E", "W"].map(|stage| scene.stage_ix(stage).index());
        let queue = scene.lane("E", 1.0).queue;
        // The server's plans go by the same function.
        let shared = LaneStages::of(&scene.config.junction, scene.lane_ix("E"));
        assert_eq!(queue.headway_s, shared.headways_s(3, SATURATION_HEADWAY_S));
        stages.map(|stage| (queue.headway_s[stage] * 100.0).round())
    };
    let pair = "a = \"E\"\nb = \"W\"\n";
    assert!(TOML.contains(pair));
    assert_eq!(headways_s(TOML), [190.0, 380.0], "in stage W only some of its movements have green");
    assert_eq!(headways_s(&TOML.replace(pair, &format!("{pair}yield = true\n"))), [190.0, 285.0]);
}

#[test]
fn a_lone_vehicle_says_nothing_about_the_saturation_headway() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    for number in 0..50 {
        scene.read(number, "N1", ADVANCE, 10.0 + 5.0 * f64::from(number));
        scene.read(number, "N1", STOP, 17.0 + 5.0 * f64::from(number));
    }
    let stage = scene.stage_ix("N");
    assert!((scene.lane("N1", 300.0).queue.headway_s[stage.index()] - 1.9).abs() < 1e-9);
}
