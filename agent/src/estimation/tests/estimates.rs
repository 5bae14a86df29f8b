//! What is told of the lanes: the numbers, their ages and how far they can be trusted.

use super::*;
use flextraff_common::wire::{
    DemandDeparted, DemandDeparture, EstimatedShares, Estimates, LaneEstimates, MAX_PAYLOAD, ReaderSight,
    TurnShare, WayEstimates,
};

impl Scene {
    pub(super) fn estimates(&mut self, lane: &str, at_s: f64) -> LaneEstimates {
        self.until(at_s);
        self.estimator.estimates(mono(at_s)).lanes.remove(lane).expect("every lane is named")
    }

    /// Vehicles come every 8 s and leave over N1's stop line, the last at `from_s + 8 · number`.
    fn passes(&mut self, first: u32, number: u32, from_s: f64, seen: impl Fn(u32) -> bool) {
        for vehicle in 0..number {
            let at_s = from_s + 8.0 * f64::from(vehicle);
            self.read(first + vehicle, "N1", ADVANCE, at_s);
            if seen(vehicle) {
                self.stands(first + vehicle, "N1", STOP, at_s + 7.0, at_s + 7.5);
            }
        }
    }
}

#[test]
fn at_the_start_everything_is_a_guess() {
    let mut scene = Scene::new();
    let north = scene.estimates("N1", 1.0);
    for (name, guess) in [
        ("headway", north.headway_s),
        ("start-up loss", north.startup_loss_s),
        ("drive time", north.drive_s),
        ("read rate", north.read_rate),
        ("announced", north.announced_share),
        ("tagged", north.tagged_share),
        ("present", north.present),
        ("inventory", north.inventory),
    ] {
        let guess = guess.unwrap_or_else(|| panic!("no {name}"));
        assert_eq!((guess.age_s, guess.confidence), (None, 0.0), "{name}");
    }
    assert_eq!(north.drive_s.map(|drive| drive.value), Some((DRIVE_S * 100.0).round() / 100.0));
    assert_eq!(
        north.stop_reader.map(|reader| (reader.state, reader.silent_s)),
        Some((ReaderSight::Works, None))
    );
    let west = scene.estimates("W", 1.0);
    assert_eq!(
        (west.drive_s, west.read_rate, west.advance_reader),
        (None, None, None),
        "nobody announces there"
    );
}

#[test]
fn vehicles_are_counted_with_the_confidence_that_the_readers_have_earned() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    scene.passes(0, 30, 5.0, |_| true);
    scene.show(None, 260.0);
    scene.read(100, "N1", ADVANCE, 270.0);
    scene.read(101, "N1", ADVANCE, 272.0);
    scene.stands(100, "N1", STOP, 278.0, 281.0);
    let north = scene.estimates("N1", 281.0);
    let (present, inventory) = (north.present.unwrap(), north.inventory.unwrap());
    assert_eq!((present.value, present.age_s), (1.0, Some(0)));
    assert_eq!((inventory.value, inventory.age_s), (2.0, Some(0)));
    assert!(present.confidence > 0.9, "{present:?}");
    assert!((0.8..present.confidence).contains(&inventory.confidence), "{inventory:?}");
    let (rate, announced) = (north.read_rate.unwrap(), north.announced_share.unwrap());
    assert_eq!(rate.value, 1.0);
    assert!(rate.age_s == Some(3) && announced.value > 0.95, "{rate:?} {announced:?}");
    // One each 8 s until a minute ago.
    let flow = north.flow_per_h.unwrap();
    assert!((330.0..470.0).contains(&flow.value) && flow.confidence > 0.7, "{flow:?}");
    let drive = north.drive_s.unwrap();
    assert!(drive.confidence > 0.7 && (7.0..7.6).contains(&drive.value), "{drive:?}");
}

#[test]
fn a_port_that_closes_and_a_reader_that_misses_vehicles_are_told_apart() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    scene.passes(0, 30, 5.0, |_| true);
    let works = scene.estimates("N1", 250.0);
    scene.passes(100, 60, 260.0, |vehicle| vehicle % 3 == 0);
    let blind = scene.estimates("N1", 760.0);
    assert_eq!(blind.stop_reader.map(|reader| reader.state), Some(ReaderSight::Blind));
    assert_eq!(blind.advance_reader.map(|reader| reader.state), Some(ReaderSight::Works));
    assert!((0.25..0.5).contains(&blind.read_rate.unwrap().value), "{:?}", blind.read_rate);
    let confidences = |known: &LaneEstimates| {
        (
            known.present.unwrap().confidence,
            known.inventory.unwrap().confidence,
            known.flow_per_h.unwrap().confidence,
        )
    };
    assert_eq!((confidences(&blind).0, confidences(&blind).1), (0.0, 0.0));
    assert!(confidences(&blind).2 > 0.7, "the advance reader still tells the flow");

    scene.estimator.handle_reader(0, false);
    let dead = scene.estimates("N1", 770.0);
    assert_eq!(dead.stop_reader.map(|reader| reader.state), Some(ReaderSight::Down));
    assert_eq!(dead.advance_reader.map(|reader| reader.state), Some(ReaderSight::Down));
    assert_eq!(confidences(&dead), (0.0, 0.0, 0.0));
    assert!(
        dead.headway_s.unwrap().confidence >= works.headway_s.unwrap().confidence,
        "what was learned stays"
    );
    let other = scene.estimates("E", 770.0).stop_reader.map(|reader| reader.state);
    assert_eq!(
        other,
        Some(ReaderSight::Silent),
        "its port is open, and nobody was ever read there beside so many"
    );
}

#[test]
fn an_advance_reader_that_announces_hardly_anybody_is_blind() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    for number in 0..40 {
        let at_s = 5.0 + 4.0 * f64::from(number);
        scene.stands(number, "N1", STOP, at_s, at_s + 0.5);
    }
    let north = scene.estimates("N1", 200.0);
    assert_eq!(
        north.advance_reader.map(|reader| (reader.state, reader.silent_s)),
        Some((ReaderSight::Blind, None))
    );
    assert!(north.announced_share.unwrap().value < 0.05, "{:?}", north.announced_share);
}

/// Queues of five that wait on N1, whose vehicles leave so long after the start of green; all are read, or all but the second.
fn queues_leave(scene: &mut Scene, left_s: [f64; 5], all_are_read: bool) {
    for cycle in 0..20 {
        let start = 10.0 + 80.0 * f64::from(cycle);
        let numbers = (0..5).filter(|k| all_are_read || *k != 1);
        for k in numbers.clone() {
            scene.read(cycle * 5 + k, "N1", ADVANCE, start + 2.0 * f64::from(k));
        }
        scene.read(cycle * 5, "N1", STOP, start + 29.0);
        scene.show(Some("N"), start + 30.0);
        scene.read(cycle * 5, "N1", STOP, start + 30.1);
        for k in numbers {
            scene.read(cycle * 5 + k, "N1", STOP, start + 30.0 + left_s[k as usize]);
        }
        scene.show(None, start + 50.0);
    }
}

#[test]
fn the_start_up_loss_is_learned_from_the_fourth_of_a_queue() {
    let mut scene = Scene::new();
    let guess = scene.estimates("N1", 1.0).startup_loss_s.unwrap();
    assert_eq!((guess.value, guess.confidence), (2.3, 0.0));
    // The fourth leaves 3.2 s later than three headways of 1.9 s after the start of green; then one follows the other.
    queues_leave(&mut scene, [1.2, 4.2, 6.8, 8.9, 10.8], true);
    let estimates = scene.estimates("N1", 1700.0);
    let loss = estimates.startup_loss_s.unwrap();
    let expected = 8.9 - 3.0 * estimates.headway_s.unwrap().value;
    assert!((loss.value - expected).abs() < 0.4 && loss.confidence == 0.8, "{loss:?} {expected}");
    assert_eq!(scene.estimates("N2", 1700.0).startup_loss_s.unwrap().age_s, None);
}

#[test]
fn where_somebody_unseen_is_in_the_queue_its_start_up_loss_is_not_believed() {
    let mut scene = Scene::new();
    queues_leave(&mut scene, [0.3, 3.3, 5.8, 8.0, 9.9], false);
    assert_eq!(scene.estimates("N1", 1700.0).startup_loss_s.unwrap().age_s, None);
}

#[test]
fn turn_shares_name_lanes_here_and_at_the_neighbours() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    for number in 0..60 {
        let at_s = 10.0 + 8.0 * f64::from(number);
        scene.read(number, "N1", ADVANCE, at_s);
        scene.read(number, if number % 4 == 0 { "N1" } else { "N2" }, STOP, at_s + 6.0);
    }
    let stops = scene.estimates("N1", 500.0).stops_on.unwrap();
    let lanes: Vec<&str> = stops.shares.iter().map(|turn| turn.lane.as_str()).collect();
    assert_eq!(lanes, ["N2", "N1"], "the greatest first, and nobody else");
    assert!((0.65..0.8).contains(&stops.shares[0].share) && stops.confidence > 0.9, "{stops:?}");
    assert_eq!(scene.estimates("N1", 500.0).leads_to, None);

    for number in 0..60 {
        let reads = vec![flextraff_common::wire::DemandRead {
            lane: if number % 3 == 0 { "B".to_owned() } else { "A".to_owned() },
            zone: ADVANCE,
            epc: tag(number).to_string(),
            watched: None,
        }];
        let demand = Demand { reads, ..scene.nothing(501.0) };
        scene.hear(3, &demand, 501.0);
    }
    let leads = scene.estimates("N2", 511.0).leads_to.unwrap();
    let (junction, lane) = (leads.shares[0].junction_id, leads.shares[0].lane.as_str());
    assert_eq!((junction, lane, leads.age_s), (Some(neighbour(3)), "A", Some(10)));
    let sum: f64 = leads.shares.iter().map(|turn| turn.share).sum();
    assert!((sum - 1.0).abs() < 0.01 && leads.confidence > 0.8, "{leads:?}");
}

#[test]
fn every_number_of_a_long_day_is_sound_and_confidence_lies_between_zero_and_one() {
    let mut scene = Scene::new();
    for second in 0..3000_u32 {
        let at_s = f64::from(second);
        if second % 40 == 0 {
            scene.show([Some("N"), None, Some("E"), Some("W")][(second / 40 % 4) as usize], at_s);
        }
        let lane = ["N1", "N2", "E", "W"][(second % 4) as usize];
        scene.read(second / 9, lane, if second % 9 < 4 { ADVANCE } else { STOP }, at_s);
        if second % 50 != 0 {
            continue;
        }
        let all = serde_json::to_value(scene.estimator.estimates(mono(at_s))).unwrap();
        for known in
            all["lanes"].as_object().unwrap().values().flat_map(|lane| lane.as_object().unwrap().values())
        {
            let confidence = known.get("confidence").map_or(0.0, |number| number.as_f64().unwrap());
            assert!((0.0..=1.0).contains(&confidence), "{known}");
            let value = known.get("value").map_or(0.0, |number| number.as_f64().expect("a number, not null"));
            assert!(value >= 0.0, "{known}");
        }
    }
}

#[test]
fn the_estimates_of_32_lanes_are_a_small_part_of_a_payload() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    scene.passes(0, 30, 5.0, |_| true);
    let lane = scene.estimates("N1", 300.0);
    let lanes = (0..32).map(|number| (format!("{number:032}"), lane.clone())).collect();
    let shares: Vec<TurnShare> = (0..3)
        .map(|number| TurnShare { junction_id: None, lane: format!("{number:032}"), share: 0.325 })
        .collect();
    let way = WayEstimates {
        junction_id: neighbour(2),
        lane: format!("{:032}", 0),
        comes_on: EstimatedShares { shares, age_s: Some(100), confidence: 0.95 },
        travel_s: lane.headway_s,
    };
    let known = Estimates { lanes, ways: vec![way; 16] };
    let bytes = serde_json::to_vec(&known).unwrap().len();
    assert!(bytes < MAX_PAYLOAD / 8, "{bytes} bytes");
}

#[test]
fn how_often_tags_are_read_and_who_leaves_in_which_stage_are_told() {
    let mut scene = Scene::new();
    assert_eq!(scene.estimates("N1", 1.0).goes_in.len(), 0, "all of N1's movements have green together");
    let east = scene.estimates("E", 1.0);
    assert_eq!(east.goes_in.keys().collect::<Vec<_>>(), ["W"]);
    assert_eq!((east.goes_in["W"].value, east.goes_in["W"].confidence), (0.5, 0.0), "a guess");
    for number in 0..20 {
        let at_s = 10.0 + 60.0 * f64::from(number);
        // Read every second at red; of those who want to turn right, the head stands at the green of W.
        scene.show(None, at_s);
        (0..10).for_each(|second| scene.read(number, "E", STOP, at_s + f64::from(second)));
        scene.show(Some("W"), at_s + 10.0);
        (10..=30).for_each(|second| scene.read(number, "E", STOP, at_s + f64::from(second)));
        scene.show(Some("E"), at_s + 31.0);
        scene.until(at_s + 50.0);
    }
    let east = scene.estimates("E", 1300.0);
    let goes = east.goes_in["W"];
    assert!(goes.value < 0.2 && goes.confidence > 0.5 && goes.age_s.is_some(), "{goes:?}");
    let gap = east.read_gap_s.unwrap();
    assert!((0.9..=1.0).contains(&gap.value) && gap.confidence > 0.8, "{gap:?}");
}

#[test]
fn the_ways_from_and_to_linked_junctions_are_told() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    assert_eq!(scene.estimator.estimates(mono(1.0)).ways, []);
    assert_eq!(scene.estimates("N1", 1.0).seen_again_share, None);
    for number in 0..40 {
        let at_s = 100.0 + 50.0 * f64::from(number);
        let departed =
            vec![DemandDeparted { lane: "S1".to_owned(), epc: tag(number).to_string(), ago_s: 0.0 }];
        // Two are said to leave, and one does.
        let departures = vec![DemandDeparture {
            to_junction: neighbour(1),
            lane: Some("S1".to_owned()),
            in_s: vec![0.0, 0.5],
        }];
        let demand = Demand { departures, ..super::neighbours::full(&scene, at_s, 1.0) };
        scene.hear(2, &demand, at_s);
        let demand = Demand { departed, ..super::neighbours::full(&scene, at_s + 1.0, 1.0) };
        scene.hear(2, &demand, at_s + 1.0);
        scene.read(number, "N1", STOP, at_s + 25.0);
        // Half of them are seen downstream.
        if number % 2 == 0 {
            super::neighbours::hear_of(&mut scene, number, at_s + 40.0);
        }
    }
    scene.until(2500.0);
    let told = scene.estimator.estimates(mono(2500.0));
    let [way] = &told.ways[..] else { panic!("one way: {:?}", told.ways) };
    assert_eq!((way.junction_id, way.lane.as_str()), (neighbour(2), "S1"));
    let share = &way.comes_on.shares[0];
    assert!(share.lane == "N1" && share.share > 0.8 && way.comes_on.confidence > 0.8, "{way:?}");
    let travel = way.travel_s.unwrap();
    assert!((travel.value - 24.0).abs() < 1.0 && travel.confidence > 0.8, "{travel:?}");
    let again = told.lanes["N1"].seen_again_share.unwrap();
    assert!((0.4..0.6).contains(&again.value) && again.confidence > 0.8, "{again:?}");
}
