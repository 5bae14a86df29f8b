//! Room ahead: what the neighbour downstream says of its lane A, to which N1 leads over 350 m.

use super::neighbours::full;
use super::*;
use crate::signal::ComingGreen;
use flextraff_common::traffic::Gate;
use flextraff_common::wire::{DemandDeparted, DemandGreen, DemandLane, DemandRead};

/// From stop line to stop line, seconds; where the configuration does not say it, as long as at 40 km/h.
const WAY_S: f64 = 350.0 / (40.0 / 3.6);
/// Vehicles that fit between the junctions, one place kept free.
const ROOM: f64 = 44.0 - 1.0;

fn green(demand: Demand, in_s: f64, until_s: Option<f64>) -> Demand {
    Demand { greens: Some(vec![DemandGreen { lane: "A".to_owned(), in_s, until_s, meant: false }]), ..demand }
}

/// All lanes have red, and it says so.
fn red(demand: Demand) -> Demand {
    Demand { greens: Some(Vec::new()), ..demand }
}

fn gate(scene: &mut Scene, lane: &str, at_s: f64) -> Option<Gate> {
    scene.lane(lane, at_s).queue.gate
}

fn close(gate: Option<Gate>, room: f64, opens_s: f64, shuts_s: f64) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() < 0.05;
    gate.is_some_and(|gate| {
        near(gate.room, room)
            && near(gate.opens_s, opens_s)
            && (gate.shuts_s > 1e3 || near(gate.shuts_s, shuts_s))
    })
}

#[test]
fn there_is_room_for_as_many_as_fit_and_the_way_opens_with_the_neighbours_green() {
    let mut scene = Scene::new();
    let demand = green(full(&scene, 10.0, 4.0), 30.0, Some(50.0));
    scene.hear(3, &demand, 10.0);
    let found = gate(&mut scene, "N1", 10.0);
    assert!(close(found, ROOM - 4.0, 30.0 - WAY_S, 50.0 - WAY_S), "{found:?}");
    assert!(
        (found.map_or(0.0, |gate| gate.again_s) - (80.0 - WAY_S)).abs() < 1e-6,
        "and a usual red later once more"
    );
    assert_eq!(gate(&mut scene, "N2", 10.0), None, "N2 leads to no linked junction");
    let demand = green(full(&scene, 11.0, 4.0), 0.0, None);
    scene.hear(3, &demand, 11.0);
    assert!(
        gate(&mut scene, "N1", 11.0).is_some_and(|gate| gate.opens_s < 0.0 && gate.shuts_s > 1e3),
        "it flows"
    );
    assert_eq!(gate(&mut scene, "N1", 22.0), None, "what it said is old");
}

#[test]
fn of_a_lane_that_has_red_a_usual_one_is_expected() {
    let mut scene = Scene::new();
    let demand = red(full(&scene, 10.0, 4.0));
    scene.hear(3, &demand, 10.0);
    let found = gate(&mut scene, "N1", 10.0);
    assert!(close(found, ROOM - 4.0, 20.0, 1e6), "{found:?}");
    // A neighbour that says nothing of its greens is not taken to have red.
    let demand = full(&scene, 11.0, 4.0);
    scene.hear(3, &demand, 11.0);
    assert_eq!(gate(&mut scene, "N1", 11.0), None);
}

#[test]
fn a_green_at_which_nobody_leaves_a_full_lane_says_nothing() {
    let mut scene = Scene::new();
    let opens =
        |scene: &mut Scene, at_s: f64| gate(scene, "N1", at_s).expect("it says when it flows").opens_s;
    for second in 10..20 {
        let at_s = f64::from(second);
        let demand = green(full(&scene, at_s, 10.0), 0.0, None);
        scene.hear(3, &demand, at_s);
        let stands = opens(&mut scene, at_s) > 0.0;
        // Each message says again that it has green; nobody is heard to leave.
        assert_eq!(stands, second > 14, "{second}");
    }
    let left = DemandDeparted { lane: "A".to_owned(), epc: tag(7).to_string(), ago_s: 1.0 };
    let demand = Demand { departed: vec![left], ..green(full(&scene, 20.0, 10.0), 0.0, None) };
    scene.hear(3, &demand, 20.0);
    assert!(opens(&mut scene, 20.0) < 0.0, "somebody has left it");
}

#[test]
fn a_full_lane_that_has_just_got_green_is_about_to_move() {
    let mut scene = Scene::new();
    let stage = scene.stage_ix("N").index();
    let demand = red(full(&scene, 10.0, 25.0));
    scene.hear(3, &demand, 10.0);
    let held = |scene: &mut Scene, at_s: f64| scene.lane("N1", at_s).queue.held_s[stage] > 0.0;
    assert!(held(&mut scene, 10.0), "full, and it has red");
    let demand = green(full(&scene, 11.0, 25.0), 3.0, None);
    scene.hear(3, &demand, 11.0);
    assert!(!held(&mut scene, 11.0), "the gate says for how long");
    for second in 13..20 {
        let at_s = f64::from(second);
        let demand = green(full(&scene, at_s, 25.0), 0.0, None);
        scene.hear(3, &demand, at_s);
        assert_eq!(held(&mut scene, at_s), second > 17, "{second}: a queue takes some seconds to start");
    }
}

#[test]
fn a_green_that_the_neighbour_only_means_to_give_is_not_reckoned_with() {
    let mut scene = Scene::new();
    let mut opens_s = |in_s: f64, meant: bool, at_s: f64| {
        let mut demand = green(full(&scene, at_s, 4.0), in_s, None);
        demand.greens.iter_mut().flatten().for_each(|green| green.meant = meant);
        scene.hear(3, &demand, at_s);
        gate(&mut scene, "N1", at_s).expect("it says when A flows").opens_s
    };
    assert!((opens_s(40.0, true, 10.0) - 20.0).abs() < 0.05, "it may be put off");
    assert!((opens_s(40.0, false, 11.0) - (40.0 - WAY_S)).abs() < 0.05, "it comes as told");
    assert!(opens_s(0.0, true, 12.0) < 0.0, "what has begun has begun");
    let later = opens_s(1.0, false, 20.0);
    assert!((opens_s(40.0, false, 22.0) - (later + 39.0)).abs() < 0.05, "it was put off after all");
}

#[test]
fn who_is_on_the_way_there_takes_room() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    // Enough that it is known where those of N1 go.
    for number in 0..10 {
        scene.read(number, "N1", STOP, 10.0 + f64::from(number));
        super::neighbours::hear_of(&mut scene, number, 30.0 + f64::from(number));
    }
    for number in 20..23 {
        scene.read(number, "N1", STOP, 50.0 + f64::from(number - 20));
    }
    scene.until(56.0);
    let demand = red(full(&scene, 56.0, 4.0));
    scene.hear(3, &demand, 56.0);
    let found = gate(&mut scene, "N1", 56.0);
    assert!(close(found, ROOM - 4.0 - 3.0, 20.0, 1e6), "{found:?}");
}

#[test]
fn lanes_that_have_the_right_of_way_are_told_when_they_flow() {
    let scene = Scene::new();
    let stage = |name: &str| scene.stage_ix(name);
    let greens = [
        ComingGreen { stage: stage("E"), in_s: 0.0, until_s: Some(6.0), is_meant: false },
        ComingGreen { stage: stage("W"), in_s: 11.0, until_s: None, is_meant: true },
    ];
    let told = scene.estimator.tell_greens(&greens);
    let named: Vec<(&str, f64, Option<f64>, bool)> =
        told.iter().map(|green| (green.lane.as_str(), green.in_s, green.until_s, green.meant)).collect();
    assert_eq!(named, [("E", 0.0, None, false), ("W", 11.0, None, true)], "E goes on in W");
    assert_eq!(scene.estimator.tell_greens(&[]), []);
}

#[test]
fn odd_greens_are_taken_within_reason() {
    let mut scene = Scene::new();
    let demand = green(full(&scene, 10.0, -4.0), -1e300, Some(1e300));
    scene.hear(3, &demand, 10.0);
    let found = gate(&mut scene, "N1", 10.0).expect("a lane of which something is said");
    assert!(found.room <= ROOM && found.opens_s <= 0.0 && found.shuts_s.is_finite(), "{found:?}");
}

/// Half of N1's vehicles go to the neighbour downstream, to its lanes A and B; one lane alone would not matter.
#[test]
fn lanes_ahead_count_together() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    for number in 0..12 {
        scene.read(number, "N1", STOP, 10.0 + f64::from(number));
        let (junction, lane) = [(3, "A"), (2, "Z"), (3, "B"), (2, "Z")][number as usize % 4];
        let read =
            DemandRead { lane: lane.to_owned(), zone: STOP, epc: tag(number).to_string(), watched: None };
        let demand = Demand { reads: vec![read], ..scene.nothing(30.0) };
        scene.hear(junction, &demand, 30.0 + f64::from(number));
    }
    let lane =
        |name: &str| DemandLane { lane: name.to_owned(), present: 4.0, inventory: 4.0, capacity: 10.0 };
    let both = |scene: &Scene| Demand { lanes: vec![lane("A"), lane("B")], ..scene.nothing(60.0) };
    let demand = red(both(&scene));
    scene.hear(3, &demand, 60.0);
    let found = gate(&mut scene, "N1", 60.0);
    // Later vehicles count a little more.
    let room = 2.0 * (ROOM - 4.0) / 0.5;
    assert!(found.is_some_and(|gate| (gate.room - room).abs() < 2.0 && gate.opens_s > 19.0), "{found:?}");
    // While A flows only those of B are held up, and they are too few to hold up the others.
    let demand = green(both(&scene), 0.0, None);
    scene.hear(3, &demand, 61.0);
    let found = gate(&mut scene, "N1", 61.0);
    assert!(found.is_some_and(|gate| gate.opens_s < 0.0 || gate.room > 100.0), "{found:?}");
}

#[test]
fn one_vehicle_at_a_stop_line_without_an_advance_reader_does_not_fill_a_long_way() {
    let mut scene = Scene::new();
    scene.read(1, "N1", ADVANCE, 10.0);
    let lane = DemandLane { lane: "A".to_owned(), present: 1.0, inventory: 1.0, capacity: 1.0 };
    for second in 11..20 {
        let demand = red(Demand { lanes: vec![lane.clone()], ..scene.nothing(f64::from(second)) });
        scene.hear(3, &demand, f64::from(second));
    }
    let queue = scene.lane("N1", 20.0).queue;
    assert!(queue.arrivals[0].weight > 0.97, "{queue:?}");
    assert!(queue.held_s.iter().all(|held_s| *held_s == 0.0), "{queue:?}");
}
