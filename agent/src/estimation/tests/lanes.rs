//! Vehicles on their way, at the stop line, between lanes, and those whom nobody sees.

use super::*;

#[test]
fn a_vehicle_is_announced_waits_and_leaves() {
    let mut scene = Scene::new();
    scene.read(1, "N1", ADVANCE, 10.0);
    let coming = scene.lane("N1", 10.0).queue.arrivals;
    assert!((coming[0].at_s - DRIVE_S).abs() < 1e-6 && coming[0].moving && coming.len() == 1, "{coming:?}");
    assert_eq!(coming[0].stages, [scene.stage_ix("N")].into_iter().collect());
    assert!(coming[0].weight == 1.0 && coming[0].vehicles == 1.0);

    scene.stands(1, "N1", STOP, 17.5, 32.0);
    let waiting = scene.lane("N1", 30.0).queue.arrivals;
    assert!(waiting.len() == 1 && waiting[0].at_s == 0.0 && !waiting[0].moving, "{waiting:?}");
    let waited_s = 30.0 - 10.0 - DRIVE_S;
    assert!((waiting[0].weight - (1.0 + waited_s / 60.0)).abs() < 1e-6, "{waiting:?}");

    scene.show(Some("N"), 30.0);
    assert_eq!(scene.count("N1", 33.0), 1, "unseen for 1 s only");
    assert_eq!(scene.count("N1", 34.0), 0);
    assert_eq!(scene.lane("N1", 34.0).green_s, Some(4.0));
}

#[test]
fn who_was_missed_at_the_advance_reader_counts_from_the_stop_line_on() {
    let mut scene = Scene::new();
    scene.stands(1, "N1", STOP, 20.0, 26.0);
    let waiting = scene.lane("N1", 26.0).queue.arrivals;
    assert!(waiting.len() == 1 && waiting[0].at_s == 0.0, "{waiting:?}");
    assert!((waiting[0].weight - (1.0 + 6.0 / 60.0)).abs() < 1e-6);
}

#[test]
fn at_a_red_light_lost_reads_are_no_departure() {
    let mut scene = Scene::new();
    scene.stands(1, "N1", STOP, 20.0, 26.0);
    assert_eq!(scene.count("N1", 29.0), 1);
    scene.stands(1, "N1", STOP, 29.5, 40.0);
    assert_eq!(scene.count("N1", 40.0), 1);
}

#[test]
fn a_lane_changer_counts_once_where_it_stopped() {
    let mut scene = Scene::new();
    scene.read(1, "N1", ADVANCE, 10.0);
    assert_eq!((scene.count("N1", 12.0), scene.count("N2", 12.0)), (1, 0));
    scene.stands(1, "N2", STOP, 17.5, 20.0);
    assert_eq!((scene.count("N1", 20.0), scene.count("N2", 20.0)), (0, 1));
}

#[test]
fn a_head_that_does_not_use_part_of_its_lanes_movements_waits_for_all_of_them() {
    let mut scene = Scene::new();
    let (both, full) = (
        ["E", "W"].map(|name| scene.stage_ix(name)).into_iter().collect(),
        [scene.stage_ix("E")].into_iter().collect(),
    );
    scene.stands(1, "E", STOP, 10.0, 25.5);
    assert_eq!(scene.lane("E", 25.0).queue.arrivals[0].stages, both);
    scene.show(Some("W"), 25.5);
    scene.stands(1, "E", STOP, 26.0, 40.0);
    assert_eq!(scene.lane("E", 40.0).queue.arrivals[0].stages, full, "14 s of green without moving");
    scene.show(Some("N"), 41.0);
    scene.stands(1, "E", STOP, 40.5, 120.0);
    assert_eq!(scene.lane("E", 120.0).queue.arrivals[0].stages, full, "it still wants to turn");
}

#[test]
fn behind_a_reader_at_the_stop_line_alone_a_queue_grows_as_the_flow_says() {
    let mut scene = Scene::new();
    scene.show(Some("W"), 0.5);
    // One vehicle every 10 s drives through.
    for number in 0..60 {
        scene.read(number, "W", STOP, 1.0 + 10.0 * f64::from(number));
    }
    scene.show(None, 600.0);
    assert_eq!(scene.count("W", 605.0), 0, "nobody stands at the line: nobody waits behind");
    let waiting = |scene: &mut Scene, at_s: f64| -> f64 {
        scene.lane("W", at_s).queue.arrivals.iter().map(|arrival| arrival.vehicles).sum()
    };
    scene.read(100, "W", STOP, 606.0);
    assert_eq!(waiting(&mut scene, 609.0), 1.0, "there is room in the zone for another one");
    for half in 0..100 {
        let at_s = 610.0 + f64::from(half) / 2.0;
        scene.read(100, "W", STOP, at_s);
        scene.read(101, "W", STOP, at_s);
    }
    let red = waiting(&mut scene, 660.0);
    assert!((5.5..8.0).contains(&red), "{red} after 50 s behind a full zone with 0.1 vehicles a second");
    scene.show(Some("W"), 660.0);
    for number in 102..105 {
        scene.read(number, "W", STOP, 660.0 + 2.0 * f64::from(number - 101));
    }
    let green = waiting(&mut scene, 667.0);
    assert!((2.0..4.0).contains(&green), "three have come forward: {green}");
    assert_eq!(waiting(&mut scene, 670.0), 0.0, "nobody comes any more");
}

#[test]
fn somebody_without_a_tag_may_wait_at_a_long_red() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    assert_eq!(scene.count("W", 100.0), 0);
    let early = scene.lane("W", 120.0).queue.arrivals;
    let late = scene.lane("W", 170.0).queue.arrivals;
    assert!(
        early.len() == 1 && late.len() == 1 && late[0].weight > early[0].weight + 1.0,
        "{early:?} {late:?}"
    );
    assert_eq!(scene.count("N1", 170.0), 0, "no red, nobody who waits");
}

#[test]
fn one_vehicle_that_stands_in_the_advance_zone_is_a_queue_over_it() {
    let mut scene = Scene::new();
    for number in 0..6 {
        scene.read(number, "N1", ADVANCE, f64::from(number) * 2.5);
    }
    assert!(scene.lane("N1", 16.0).queue.arrivals.iter().all(|arrival| arrival.weight < 1.5));
    scene.stands(9, "N1", ADVANCE, 20.0, 40.0);
    let queue = scene.lane("N1", 40.0).queue.arrivals;
    assert!(queue.len() > 7, "those behind it are reckoned with: {queue:?}");
    assert!(queue.iter().filter(|arrival| arrival.weight > 2.0).count() >= 6, "{queue:?}");
    assert_eq!(scene.count("N1", 42.0), 7, "it has moved on");
}

#[test]
fn whoever_stands_behind_the_advance_zone_may_carry_no_tag_either() {
    let users = |unseen: Ratio| -> f64 {
        let mut scene = Scene::new();
        scene.estimator.unseen = unseen;
        (0..6).for_each(|number| scene.read(number, "N1", ADVANCE, f64::from(number) * 2.5));
        scene.stands(9, "N1", ADVANCE, 20.0, 60.0);
        let queue = scene.lane("N1", 60.0).queue.arrivals;
        // Seven have been announced; whoever else is there stands beyond.
        queue.iter().skip(7).map(|arrival| arrival.vehicles).sum()
    };
    let all = users(Ratio::all_seen());
    let two_thirds = users(Ratio::default());
    assert!(all >= 2.0 && two_thirds > 1.3 * all, "{all} {two_thirds}");
}

#[test]
fn a_queue_over_the_advance_zone_is_seen_when_two_stand_in_it() {
    let mut scene = Scene::new();
    for half in 0..40 {
        scene.read(half % 2, "N1", ADVANCE, 20.0 + f64::from(half) / 2.0);
    }
    let queue = scene.lane("N1", 40.0).queue.arrivals;
    assert!(queue.iter().filter(|arrival| arrival.weight > 2.0).count() == 2, "{queue:?}");
}

#[test]
fn a_stream_over_the_advance_zone_is_no_queue() {
    for gap_tenths in [5, 10, 20, 30] {
        let mut scene = Scene::new();
        scene.show(Some("N"), 1.0);
        for number in 0..40 {
            let at_s = 10.0 + f64::from(number * gap_tenths) / 10.0;
            scene.read(number, "N1", ADVANCE, at_s);
            scene.read(number, "N1", ADVANCE, at_s + 0.3);
            let lane = scene.lane_ix("N1");
            assert_eq!(scene.estimator.lanes[lane.index()].queue_over_advance(at_s + 0.3), None);
        }
    }
}

#[test]
fn a_head_that_stands_at_its_green_is_held_up_for_as_long_again() {
    let mut scene = Scene::new();
    let held_s = |scene: &mut Scene, at_s: f64| scene.lane("N1", at_s).queue.held_s;
    let stage = scene.stage_ix("N").index();
    scene.stands(1, "N1", STOP, 5.0, 10.0);
    scene.show(Some("N"), 10.5);
    scene.stands(1, "N1", STOP, 11.0, 14.0);
    assert_eq!(held_s(&mut scene, 14.0)[stage], 0.0, "a queue takes some seconds to start");
    scene.stands(1, "N1", STOP, 14.5, 18.0);
    let early = held_s(&mut scene, 18.0)[stage];
    scene.stands(1, "N1", STOP, 18.5, 24.0);
    let late = held_s(&mut scene, 24.0)[stage];
    assert!((6.0..9.0).contains(&early) && late >= early + 5.0, "{early} {late}");
    scene.until(27.0);
    assert_eq!(held_s(&mut scene, 27.0)[stage], 0.0, "it has left");
}

#[test]
fn a_head_that_may_wait_for_a_gap_is_not_held_up_so_soon() {
    let mut scene = Scene::new();
    let stage = scene.stage_ix("W").index();
    scene.stands(1, "E", STOP, 5.0, 10.0);
    // In stage W only one of the two movements of E has green.
    scene.show(Some("W"), 10.5);
    let held_s = |scene: &mut Scene, at_s: f64| scene.lane("E", at_s).queue.held_s[stage];
    scene.stands(1, "E", STOP, 11.0, 22.0);
    assert_eq!(held_s(&mut scene, 22.0), 0.0);
    scene.stands(1, "E", STOP, 22.5, 30.0);
    assert!(held_s(&mut scene, 30.0) > 15.0);
}

#[test]
fn a_vehicle_that_stays_at_the_stop_line_is_given_up_once_others_have_had_their_greens() {
    let mut scene = Scene::new();
    let mut weight: f64 = 0.0;
    for second in 0..3600 {
        let at_s = f64::from(second);
        // Half a minute of green for N, half of red.
        if second % 30 == 0 {
            scene.show(Some(if second % 60 == 0 { "N" } else { "E" }), at_s);
        }
        scene.read(1, "N1", STOP, at_s + 0.5);
        if second > 0 {
            let arrivals = scene.lane("N1", at_s).queue.arrivals;
            weight = weight.max(arrivals.iter().map(|arrival| arrival.weight).sum());
        }
    }
    assert!((10.0..12.0).contains(&weight), "it counts as those who wait, and no more: {weight}");
    assert_eq!(scene.count("N1", 3600.0), 0, "parked");
    // Others come and go beside it.
    scene.stands(2, "N1", STOP, 3600.5, 3603.0);
    assert_eq!(scene.count("N1", 3603.0), 1);
    // It is read no more, and comes back.
    scene.until(3700.0);
    scene.read(1, "N1", STOP, 3700.5);
    assert_eq!(scene.count("N1", 3701.0), 1, "as any other vehicle");
}

#[test]
fn whoever_is_held_at_a_long_red_is_not_parked() {
    let mut scene = Scene::new();
    scene.show(Some("E"), 1.0);
    scene.stands(1, "N1", STOP, 10.0, 2000.0);
    let arrivals = scene.lane("N1", 2000.0).queue.arrivals;
    let weight: f64 = arrivals.iter().map(|arrival| arrival.weight).sum();
    assert!((11.0..13.0).contains(&weight), "{arrivals:?}");
}
