//! What neighbours tell: who comes, and how much room there is ahead.

use super::*;
use flextraff_common::traffic::Departure;
use flextraff_common::wire::{
    DemandDeparted, DemandDeparture, DemandGreen, DemandLane, DemandPassage, DemandRead,
};

const NOBODY: [f64; 0] = [];

fn departed(scene: &Scene, number: u32, at_s: f64, ago_s: f64) -> Demand {
    let departed = DemandDeparted { lane: "S1".to_owned(), epc: tag(number).to_string(), ago_s };
    Demand { departed: vec![departed], ..scene.nothing(at_s) }
}

/// Lane A of the neighbour downstream reads a vehicle.
pub(super) fn hear_of(scene: &mut Scene, number: u32, at_s: f64) {
    let read = DemandRead { lane: "A".to_owned(), zone: STOP, epc: tag(number).to_string(), watched: None };
    let demand = Demand { reads: vec![read], ..scene.nothing(at_s) };
    scene.hear(3, &demand, at_s);
}

fn ten_of_e_are_seen_downstream(scene: &mut Scene) {
    for number in 0..10 {
        let at_s = 10.0 + 5.0 * f64::from(number);
        scene.read(number, "E", STOP, at_s);
        hear_of(scene, number, at_s + 4.0);
    }
}

pub(super) fn full(scene: &Scene, at_s: f64, inventory: f64) -> Demand {
    let lane = DemandLane { lane: "A".to_owned(), present: inventory, inventory, capacity: 10.0 };
    Demand { lanes: vec![lane], ..scene.nothing(at_s) }
}

#[test]
fn who_left_a_neighbour_is_expected_here() {
    let mut scene = Scene::new();
    let demand = departed(&scene, 1, 100.0, 2.0);
    scene.hear(2, &demand, 100.0);
    let expected = scene.lane("N1", 100.0).queue.arrivals;
    let due_s = (30.0 - DRIVE_S) * 1.1 + DRIVE_S - 2.0;
    assert!(expected.len() == 1 && (expected[0].at_s - due_s).abs() < 1e-6, "{expected:?}, {due_s}");
    assert!(expected[0].weight == 0.5 && expected[0].vehicles == 0.5, "every other at first: {expected:?}");
    scene.read(1, "N1", ADVANCE, 124.0);
    let seen = scene.lane("N1", 124.0).queue.arrivals;
    assert!(seen.len() == 1 && seen[0].vehicles == 1.0, "no longer expected, but here: {seen:?}");
}

#[test]
fn the_share_of_those_who_come_is_learned() {
    for (every, low, high) in [(1, 0.9, 1.0), (2, 0.4, 0.6)] {
        let mut scene = Scene::new();
        for number in 0..100 {
            let at_s = 100.0 + 50.0 * f64::from(number);
            let demand = departed(&scene, number, at_s, 0.0);
            scene.hear(2, &demand, at_s);
            if number % every == 0 {
                scene.read(number, "N1", ADVANCE, at_s + 25.0);
            }
        }
        scene.show(Some("N"), 5140.0);
        scene.until(5500.0);
        let demand = departed(&scene, 1000, 5500.0, 0.0);
        scene.hear(2, &demand, 5500.0);
        let expected = scene.lane("N1", 5500.0).queue.arrivals;
        assert!(expected.len() == 1 && (low..=high).contains(&expected[0].weight), "{every}: {expected:?}");
        let due_s = 25.0 + DRIVE_S;
        assert!((expected[0].at_s - due_s).abs() < 1.0, "the travel time too: {expected:?}, {due_s}");
    }
}

#[test]
fn on_a_short_way_who_has_come_before_it_is_told_is_not_expected_again_and_counts_as_come() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    for number in 0..60 {
        let at_s = 100.0 + 50.0 * f64::from(number);
        scene.read(number, "N1", ADVANCE, at_s + 3.0);
        let demand = departed(&scene, number, at_s + 4.0, 4.0);
        scene.hear(2, &demand, at_s + 4.0);
        let expected = scene.lane("N1", at_s + 4.0).queue.arrivals;
        assert!(expected.len() == 1, "the one that is here: {expected:?}");
        scene.read(number, "N1", STOP, at_s + 10.0);
        scene.until(at_s + 45.0);
    }
    let demand = departed(&scene, 1000, 3100.0, 0.0);
    scene.hear(2, &demand, 3100.0);
    let expected = scene.lane("N1", 3100.0).queue.arrivals;
    let [next] = &expected[..] else { panic!("one is expected: {expected:?}") };
    assert!(next.weight > 0.8, "all before it came: {next:?}");
    assert!((8.0..12.0).contains(&next.at_s), "three seconds to the reader, seven from there: {next:?}");
}

#[test]
fn who_goes_the_other_way_is_not_taken_for_one_who_comes() {
    let mut scene = Scene::new();
    scene.read(1, "N1", STOP, 100.0);
    // It has passed here, and then left the neighbour: whether it comes back is not known.
    let demand = departed(&scene, 1, 106.0, 1.0);
    scene.hear(2, &demand, 106.0);
    let expected = scene.lane("N1", 106.0).queue.arrivals;
    assert!(expected.iter().any(|arrival| arrival.weight == 0.5), "{expected:?}");
}

#[test]
fn on_a_short_way_who_is_seen_downstream_before_it_has_left_here_counts_as_gone_there() {
    let mut scene = Scene::new();
    scene.show(Some("E"), 1.0);
    for number in 0..20 {
        let at_s = 10.0 + 10.0 * f64::from(number);
        scene.read(number, "E", STOP, at_s);
        hear_of(&mut scene, number, at_s + 1.0);
        scene.until(at_s + 5.0);
    }
    scene.until(800.0);
    let east = scene.config.junction.lane_named("E").expect("the lane exists");
    let (places, _) = scene.estimator.neighbours.destinations(east);
    assert!(matches!(places[..], [(_, "A", share)] if share == 1.0), "{places:?}");
    let again = scene.estimator.neighbours.onward.seen_again();
    assert!(again > 0.9, "all were seen again: {again}");
}

#[test]
fn who_never_comes_is_no_longer_expected() {
    let mut scene = Scene::new();
    for number in 0..20 {
        let at_s = 100.0 + 60.0 * f64::from(number);
        let demand = departed(&scene, number, at_s, 0.0);
        scene.hear(2, &demand, at_s);
    }
    let demand = departed(&scene, 1000, 1400.0, 0.0);
    scene.hear(2, &demand, 1400.0);
    assert!(scene.lane("N1", 1400.0).queue.arrivals.iter().all(|arrival| arrival.vehicles == 1.0));
}

#[test]
fn without_room_ahead_vehicles_weigh_less_until_the_neighbour_falls_silent() {
    let mut scene = Scene::new();
    let stage = scene.stage_ix("N");
    scene.read(1, "N1", ADVANCE, 10.0);
    let weight = |scene: &mut Scene, at_s: f64| {
        let queue = scene.lane("N1", at_s).queue;
        (queue.arrivals[0].weight, queue.headway_s[stage.index()])
    };
    assert_eq!(weight(&mut scene, 12.0), (1.0, 1.9));
    let demand = full(&scene, 12.0, 5.0);
    scene.hear(3, &demand, 12.0);
    let half = weight(&mut scene, 12.0);
    assert!((half.0 - 0.6).abs() < 1e-9 && half.1 == 1.9, "{half:?}");
    let demand = full(&scene, 13.0, 25.0);
    scene.hear(3, &demand, 13.0);
    let none = weight(&mut scene, 13.0);
    assert!((none.0 - 0.2).abs() < 1e-9 && (none.1 - 7.6).abs() < 1e-9, "{none:?}");
    scene.read(2, "E", ADVANCE, 13.5);
    assert_eq!(scene.lane("E", 14.0).queue.arrivals[0].weight, 1.0, "E does not lead there");
    assert!(weight(&mut scene, 23.0).0 < 0.25);
    let silent = weight(&mut scene, 24.0);
    assert!(silent.0 > 1.0 && silent.1 == 1.9, "silent for 11 s: {silent:?}");
}

#[test]
fn where_our_vehicles_go_is_learned_from_the_neighbours_reads() {
    let mut scene = Scene::new();
    scene.show(Some("E"), 1.0);
    // No link says that E leads there.
    ten_of_e_are_seen_downstream(&mut scene);
    scene.show(Some("N"), 60.0);
    let demand = full(&scene, 70.0, 10.0);
    scene.hear(3, &demand, 70.0);
    scene.read(100, "E", ADVANCE, 70.0);
    assert!(scene.lane("E", 70.0).queue.arrivals[0].weight < 0.25);
}

#[test]
fn strangers_and_nonsense_are_no_news() {
    let mut scene = Scene::new();
    let mut demand = departed(&scene, 1, 100.0, 0.0);
    scene.hear(99, &demand, 100.0);
    demand.departed[0].epc = "no tag".to_owned();
    scene.hear(2, &demand, 100.0);
    assert_eq!(scene.count("N1", 100.0), 0);
}

#[test]
fn another_device_of_this_junction_is_as_good_as_an_own_reader() {
    let mut scene = Scene::new();
    let read = |lane: &str| DemandRead {
        lane: lane.to_owned(),
        zone: ADVANCE,
        epc: tag(1).to_string(),
        watched: None,
    };
    let demand = Demand { reads: vec![read("N1"), read("no lane")], ..scene.nothing(10.0) };
    scene.hear(1, &demand, 10.0);
    assert_eq!(scene.count("N1", 10.0), 1);
}

#[test]
fn nobody_is_let_towards_a_full_lane_that_does_not_move() {
    let mut scene = Scene::new();
    let stage = scene.stage_ix("N").index();
    scene.read(1, "N1", ADVANCE, 10.0);
    let held_s = |scene: &mut Scene, at_s: f64| scene.lane("N1", at_s).queue.held_s[stage];
    assert_eq!(held_s(&mut scene, 12.0), 0.0);
    let demand = full(&scene, 13.0, 25.0);
    scene.hear(3, &demand, 13.0);
    assert!(held_s(&mut scene, 13.0) > 0.0);
    let demand = full(&scene, 14.0, 5.0);
    scene.hear(3, &demand, 14.0);
    assert_eq!(held_s(&mut scene, 14.0), 0.0, "there is room again");
}

#[test]
fn a_full_lane_that_moves_takes_more() {
    let mut scene = Scene::new();
    let stage = scene.stage_ix("E").index();
    scene.show(Some("E"), 1.0);
    ten_of_e_are_seen_downstream(&mut scene);
    let held_s = |scene: &mut Scene, at_s: f64| scene.lane("E", at_s).queue.held_s[stage];
    let gone = DemandDeparted { lane: "A".to_owned(), epc: tag(0).to_string(), ago_s: 0.5 };
    let demand = Demand { departed: vec![gone], ..full(&scene, 70.0, 25.0) };
    scene.hear(3, &demand, 70.0);
    assert_eq!(held_s(&mut scene, 70.0), 0.0);
    let demand = full(&scene, 75.0, 25.0);
    scene.hear(3, &demand, 75.0);
    assert!(held_s(&mut scene, 75.0) > 0.0, "nobody has left it for 5 s");
}

/// A neighbour that will send vehicles to a junction, with something on its lanes, as one has that has vehicles to send.
fn will_leave(scene: &Scene, to: u128, lane: Option<&str>, in_s: &[f64], at_s: f64) -> Demand {
    let lane = lane.map(str::to_owned);
    let departures = vec![DemandDeparture { to_junction: neighbour(to), lane, in_s: in_s.to_vec() }];
    Demand { departures, ..full(scene, at_s, 1.0) }
}

#[test]
fn who_is_about_to_leave_a_neighbour_is_expected_here_until_the_neighbour_says_otherwise() {
    let mut scene = Scene::new();
    // One has come this way before.
    let demand = departed(&scene, 1, 100.0, 0.0);
    scene.hear(2, &demand, 100.0);
    scene.read(1, "N1", ADVANCE, 125.0);
    scene.stands(1, "N1", STOP, 131.0, 131.0);
    scene.show(Some("N"), 132.0);
    scene.until(150.0);
    let due = |scene: &mut Scene, at_s: f64| -> Vec<f64> {
        scene.lane("N1", at_s).queue.arrivals.iter().map(|arrival| arrival.at_s).collect()
    };
    assert_eq!(due(&mut scene, 150.0), NOBODY);
    for lane in [Some("S1"), None] {
        let demand = will_leave(&scene, 1, lane, &[4.0, 500.0, -3.0, f64::NAN], 150.0);
        scene.hear(2, &demand, 150.0);
        let expected = due(&mut scene, 150.0);
        assert_eq!(expected.len(), 1, "{lane:?}: {expected:?}");
        assert!((expected[0] - (4.0 + 25.0 + DRIVE_S)).abs() < 2.0, "{lane:?}: {expected:?}");
    }
    let elsewhere = will_leave(&scene, 3, Some("S1"), &[4.0], 150.0);
    scene.hear(2, &elsewhere, 150.0);
    assert_eq!(due(&mut scene, 150.0), NOBODY, "they go to another junction, as it says now");
    let unknown = will_leave(&scene, 1, Some("S9"), &[4.0], 150.0);
    scene.hear(2, &unknown, 150.0);
    assert_eq!(due(&mut scene, 150.0), NOBODY, "nobody has come from there");
    let demand = will_leave(&scene, 1, Some("S1"), &[4.0], 150.0);
    scene.hear(2, &demand, 150.0);
    assert_eq!(due(&mut scene, 154.0).len(), 1);
    assert_eq!(due(&mut scene, 156.0), NOBODY, "he would have left, and nobody has said that he did");
    let demand = will_leave(&scene, 1, Some("S1"), &[30.0], 156.0);
    scene.hear(2, &demand, 156.0);
    assert_eq!(due(&mut scene, 168.0), NOBODY, "the neighbour has fallen silent");
}

#[test]
fn neighbours_are_told_their_share_of_those_who_will_leave() {
    let mut scene = Scene::new();
    let (n1, n2) = (scene.lane_ix("N1"), scene.lane_ix("N2"));
    let departures: Vec<Departure> = (0..12)
        .map(|number| Departure {
            lane: if number % 3 < 2 { n1 } else { n2 },
            in_s: 1.0 + f64::from(number),
            vehicles: 1.0,
        })
        .collect();
    let tell = |scene: &Scene| {
        let told = scene.estimator.tell_departures(&departures);
        told.into_iter().map(|told| (told.to_junction, told.lane, told.in_s.len())).collect::<Vec<_>>()
    };
    let half = vec![(neighbour(3), Some("N1".to_owned()), 4)];
    assert_eq!(tell(&scene), half, "half of those on the lane that leads there, before anything is learned");
    for number in 0..120 {
        let at_s = 20.0 + 20.0 * f64::from(number);
        scene.show(Some("N"), at_s);
        scene.stands(number, "N1", STOP, at_s, at_s + 1.0);
        // Three of four are seen there.
        if number % 4 > 0 {
            hear_of(&mut scene, number, at_s + 15.0);
        }
    }
    scene.until(2800.0);
    let most = vec![(neighbour(3), Some("N1".to_owned()), 6)];
    assert_eq!(tell(&scene), most, "three quarters of eight");
}

#[test]
fn reads_and_passages_as_they_happen_say_nothing_of_what_the_lanes_hold() {
    let mut scene = Scene::new();
    scene.read(1, "N1", ADVANCE, 10.0);
    let demand = full(&scene, 12.0, 10.0);
    scene.hear(3, &demand, 12.0);
    let weight = |scene: &mut Scene, at_s: f64| scene.lane("N1", at_s).queue.arrivals[0].weight;
    let held_back = weight(&mut scene, 12.0);
    assert!(held_back < 0.3, "{held_back}");
    hear_of(&mut scene, 7, 12.3);
    let passage = DemandPassage { epc: tag(8).to_string(), prev: None, counts: true };
    let passages = Demand { passages: vec![passage], ..scene.nothing(12.6) };
    scene.hear(3, &passages, 12.6);
    assert!(weight(&mut scene, 13.0) < 0.3, "it is still full");
    let empty = scene.nothing(13.0);
    scene.hear(3, &empty, 13.0);
    assert_eq!(weight(&mut scene, 14.0), 1.0, "the message of each second says that nobody is there");
}

#[test]
fn names_that_no_lane_has_are_not_kept() {
    let mut scene = Scene::new();
    let long = "x".repeat(65);
    let read = DemandRead { lane: long.clone(), zone: STOP, epc: tag(1).to_string(), watched: None };
    scene.read(1, "E", STOP, 5.0);
    scene.show(Some("E"), 6.0);
    scene.until(20.0);
    let before = scene.estimator.neighbours.sizes();
    let demand = Demand {
        reads: vec![read],
        lanes: vec![DemandLane { lane: long.clone(), present: 1.0, inventory: 1.0, capacity: 9.0 }],
        departed: vec![DemandDeparted { lane: long.clone(), epc: tag(2).to_string(), ago_s: 1.0 }],
        departures: vec![DemandDeparture {
            to_junction: scene.config.junction.id,
            lane: Some(long.clone()),
            in_s: vec![1.0; 100],
        }],
        greens: Some(vec![DemandGreen { lane: long, in_s: 0.0, until_s: None, meant: false }]),
        ..scene.nothing(20.0)
    };
    scene.hear(2, &demand, 20.0);
    assert_eq!(scene.estimator.neighbours.sizes(), before);
    assert!(scene.estimator.neighbours.linked.iter().all(|linked| linked.ahead.is_empty()));
}

#[test]
fn what_was_held_up_on_its_way_is_as_old_as_its_sender_says() {
    let mut scene = Scene::new();
    // The neighbour's clock is an hour ahead; its messages come within a second, until a line stands still for a minute.
    let say = |scene: &mut Scene, said_s: f64, heard_s: f64, inventory: f64| {
        let mut demand = scene.nothing(said_s + 3600.0);
        demand.lanes = vec![DemandLane { lane: "A".to_owned(), present: 0.0, inventory, capacity: 10.0 }];
        scene.hear(3, &demand, heard_s);
    };
    for second in 1..60 {
        say(&mut scene, f64::from(second), f64::from(second), 0.0);
    }
    let full = |scene: &mut Scene, at_s: f64| {
        scene.until(at_s);
        scene.estimator.neighbours.linked.iter().any(|linked| linked.is_fresh(at_s))
    };
    assert!(full(&mut scene, 60.0));
    say(&mut scene, 61.0, 120.0, 9.0);
    assert!(!full(&mut scene, 120.0), "it was full a minute ago");
    say(&mut scene, 119.5, 120.5, 9.0);
    assert!(full(&mut scene, 121.0));
}
