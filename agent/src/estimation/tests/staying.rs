//! Tags that stay, readers that read them seldom, and vehicles that seem to leave and have not.

use super::*;

/// Followers come through the advance zone of N1 every 10 s and leave, in a green of half of each minute.
fn followers(scene: &mut Scene, from_s: i32, to_s: i32, mut each: impl FnMut(&mut Scene, f64)) {
    for second in from_s..to_s {
        let at_s = f64::from(second);
        match second % 60 {
            0 => scene.show(Some("N"), at_s),
            30 => scene.show(None, at_s),
            _ => {}
        }
        each(scene, at_s);
        let number = 1000 + u32::try_from(second / 10).expect("a time after the start");
        match second % 10 {
            0 => scene.read(number, "N1", ADVANCE, at_s + 0.1),
            7 => scene.read(number, "N1", STOP, at_s + 0.1),
            _ => {}
        }
    }
}

/// Lets the time pass with a green for N of 30 s in each `cycle`; `each` second something is read.
fn cycles(scene: &mut Scene, cycle: i32, to_s: i32, mut each: impl FnMut(&mut Scene, f64)) {
    for second in 1..to_s {
        let at_s = f64::from(second);
        if second % cycle == cycle / 2 {
            scene.show(Some("N"), at_s);
        } else if second % cycle == cycle / 2 + 30 {
            scene.show(None, at_s);
        }
        each(scene, at_s);
    }
}

/// What the lane is told to hold.
fn told(scene: &mut Scene, at_s: f64) -> f64 {
    scene.until(at_s);
    let told = scene.estimator.tell(scene.config.device, moment(at_s));
    told.lanes.iter().find(|lane| lane.lane == "N1").map_or(0.0, |lane| lane.inventory)
}

#[test]
fn a_tag_at_the_kerb_of_the_advance_zone_is_no_queue() {
    let mut scene = Scene::new();
    let parked = |scene: &mut Scene, at_s: f64| {
        scene.read(1, "N1", ADVANCE, at_s);
        scene.read(1, "N1", ADVANCE, at_s + 0.05);
    };
    followers(&mut scene, 1, 100, parked);
    assert!(scene.estimator.lanes[0].queue_over_advance(99.5).is_some(), "nothing tells it from a queue yet");
    followers(&mut scene, 100, 300, parked);
    assert_eq!(scene.estimator.lanes[0].queue_over_advance(299.5), None, "those behind it have passed");
    assert!(!scene.estimator.vehicles.contains_key(&tag(1)));
    let capacity = scene.estimator.lanes[0].capacity();
    assert!(told(&mut scene, 300.0) < capacity, "nor is the lane full");
    let announced = scene.estimator.lanes[0].announced.per_s(300.0);
    assert!(announced < 0.12, "{announced} a second: one every 10 s and nobody twice");
    assert!(scene.estimator.lanes[0].confirmed.value() > 0.9, "{:?}", scene.estimator.lanes[0].confirmed);
    // A real queue beside it is seen.
    for half in 0..20 {
        let at_s = 301.0 + f64::from(half) / 2.0;
        scene.read(1, "N1", ADVANCE, at_s);
        scene.read(2, "N1", ADVANCE, at_s + 0.1);
    }
    assert!(scene.estimator.lanes[0].queue_over_advance(311.0).is_some());
    // It drives off, and counts like anybody else when it is back.
    scene.until(400.0);
    scene.read(1, "N1", ADVANCE, 401.0);
    assert!(scene.estimator.vehicles.contains_key(&tag(1)));
}

#[test]
fn a_queue_that_stands_long_and_that_some_pass_on_another_lane_stays_one() {
    let mut scene = Scene::new();
    followers(&mut scene, 1, 200, |_, _| {});
    for half in 0..300 {
        let at_s = 201.0 + f64::from(half) / 2.0;
        scene.read(1, "N1", ADVANCE, at_s);
        if half % 20 == 10 {
            scene.read(1000 + half, "N1", ADVANCE, at_s + 0.1);
            scene.read(1000 + half, "N2", STOP, at_s + 0.2);
        }
    }
    assert!(scene.estimator.lanes[0].queue_over_advance(351.0).is_some());
    assert!(scene.estimator.vehicles.contains_key(&tag(1)), "it is still read, so it is still there");
}

#[test]
fn where_nobody_passes_a_stander_is_parked_after_ten_minutes_and_three_greens() {
    let mut scene = Scene::new();
    cycles(&mut scene, 200, 700, |scene, at_s| {
        scene.read(1, "N1", ADVANCE, at_s);
        let stands = scene.estimator.lanes[0].queue_over_advance(at_s).is_some();
        assert_eq!(stands, (6.0..=601.0).contains(&at_s), "at {at_s} s");
    });
}

#[test]
fn a_tag_that_stays_does_not_make_readers_look_as_if_they_knew_the_traffic() {
    let mut scene = Scene::new();
    cycles(&mut scene, 100, 1200, |scene, at_s| scene.read(1, "N1", STOP, at_s));
    let traffic = scene.estimator.traffic(mono(1199.5));
    assert!(traffic.silent_s > 500.0 && !traffic.is_known(), "{}", traffic.silent_s);
}

/// One after the other stands at red at N1, read in a rhythm, and leaves at green; how many were told to have left, and how many passed.
fn passages(scene: &mut Scene, gaps_s: &[f64]) -> (usize, u32) {
    let mut told = 0;
    let cycles = 30;
    for cycle in 0..cycles {
        let red_s = 60.0 * f64::from(cycle) + 1.0;
        scene.show(None, red_s);
        let mut at_s = red_s + 5.0;
        let mut gaps = gaps_s.iter().cycle().skip(cycle as usize);
        // Three wait for a gap for 8 s of green.
        while at_s < red_s + 43.0 {
            if at_s > red_s + 35.0 && scene.estimator.lanes[0].green_since_s.is_none() {
                scene.show(Some("N"), red_s + 35.0);
            }
            for number in 0..3 {
                scene.read(3 * cycle + number, "N1", STOP, at_s + f64::from(number) * 0.01);
            }
            at_s += gaps.next().copied().unwrap_or(0.5);
            while (scene.second as f64) < at_s.floor() {
                let second = scene.second as f64 + 1.0;
                told += said(scene, second);
            }
        }
        for second in 0..10 {
            told += said(scene, red_s + 46.0 + f64::from(second));
        }
    }
    (told, 3 * cycles)
}

/// Lets the time pass to a second; how many are told to have left.
fn said(scene: &mut Scene, second: f64) -> usize {
    let mut told = 0;
    while (scene.second as f64) < second {
        scene.second += 1;
        scene.estimator.handle_timeout(MonoMs(scene.second * 1000));
        told += scene.estimator.tell(scene.config.device, moment(scene.second as f64)).departed.len();
    }
    told
}

#[test]
fn however_seldom_a_reader_reads_everybody_leaves_once() {
    // Eight antennas in turn, a reader with pauses, and one that misses many.
    let rhythms: [&[f64]; 4] = [&[0.5], &[1.5], &[2.0], &[0.5, 0.5, 1.0, 0.5, 2.0, 0.5, 1.5, 0.5, 0.5, 3.0]];
    for gaps_s in rhythms {
        let mut scene = Scene::new();
        let (told, passed) = passages(&mut scene, gaps_s);
        assert_eq!(told, passed as usize, "read every {gaps_s:?} s");
        let flow = scene.estimator.lanes[0].usual_flow.per_s(1800.0);
        assert!((0.04..0.06).contains(&flow), "{flow} a second, read every {gaps_s:?} s");
    }
}

#[test]
fn the_time_without_a_read_after_which_somebody_has_left_is_learned() {
    let gone_after_s = |gaps_s: &[f64]| {
        let mut scene = Scene::new();
        passages(&mut scene, gaps_s);
        scene.estimator.lanes[0].read_gaps.gone_after_s()
    };
    assert_eq!(gone_after_s(&[0.5]), 1.2);
    assert_eq!(gone_after_s(&[0.05]), 1.2);
    assert!((1.6..=4.0).contains(&gone_after_s(&[1.5])));
    assert!((2.1..=4.0).contains(&gone_after_s(&[2.0])));
}

#[test]
fn who_is_back_at_the_stop_line_has_waited_all_the_time() {
    let mut scene = Scene::new();
    scene.stands(1, "N1", STOP, 20.0, 40.0);
    assert_eq!(scene.count("N1", 46.0), 0, "hidden behind a lorry");
    scene.read(1, "N1", STOP, 55.0);
    let waiting = scene.lane("N1", 55.0).queue.arrivals;
    assert!(waiting.len() == 1 && waiting[0].weight > 1.5, "{waiting:?}");
    scene.until(70.0);
    scene.read(1, "N1", STOP, 120.0);
    assert!(scene.lane("N1", 120.0).queue.arrivals[0].weight < 1.1, "it has come round the block");
}

#[test]
fn an_antenna_that_hears_the_next_lane_too_misleads_nobody() {
    // How often it does, how strong it is, and whether it speaks first.
    for (every, weak, first) in
        [(3, Some(-67.0), false), (1, Some(-67.0), false), (1, Some(-67.0), true), (3, None, true)]
    {
        let mut scene = Scene::new();
        let strong = weak.map(|_| -50.0);
        let mut told = 0;
        for cycle in 0..20 {
            let red_s = 60.0 * f64::from(cycle) + 1.0;
            scene.show(None, red_s);
            scene.read(cycle as u32, "N1", ADVANCE, red_s + 1.0);
            for half in 0..60 {
                let at_s = red_s + 8.0 + f64::from(half) / 2.0;
                let mut own = vec![("N1", strong)];
                if half % every == 0 {
                    own.insert(usize::from(!first), ("N2", weak));
                }
                for (lane, rssi) in own {
                    let lane = scene.lane_ix(lane);
                    scene.until(at_s);
                    let read = Read { lane, zone: STOP, epc: tag(cycle as u32), rssi, at: mono(at_s) };
                    scene.estimator.handle_read(&read);
                }
                if half > 6 {
                    let lane = scene.estimator.vehicles[&tag(cycle as u32)].lane;
                    assert_eq!(lane, scene.lane_ix("N1"), "{every} {weak:?} {first} at {at_s} s");
                }
            }
            scene.show(Some("N"), red_s + 38.0);
            for second in 0..12 {
                told += said(&mut scene, red_s + 40.0 + f64::from(second));
            }
        }
        assert_eq!(told, 20, "everybody leaves once");
        let [own, next] = ["N1", "N2"].map(|name| scene.lane_ix(name).index());
        assert!(
            scene.estimator.lanes[own].stops_at[own] > 15.0
                && scene.estimator.lanes[own].stops_at[next] < 0.1
        );
        assert_eq!(scene.estimator.lanes[next].usual_flow.per_s(1200.0), 0.0, "nobody leaves N2");
    }
}

#[test]
fn whoever_passes_the_stop_line_of_another_lane_on_his_way_across_is_nobody_new() {
    let mut scene = Scene::new();
    scene.show(Some("N"), 1.0);
    scene.stands(1, "N1", STOP, 20.0, 22.0);
    scene.until(24.0);
    scene.read(1, "W", STOP, 25.0);
    assert_eq!((scene.count("W", 25.0), scene.estimator.vehicles.len()), (0, 0));
    scene.read(1, "W", STOP, 90.0);
    assert_eq!(scene.count("W", 90.0), 1, "it is back");
}

#[test]
fn whoever_is_held_at_a_second_stop_line_on_the_way_across_stands_there() {
    // Between one second and three after it has passed the first.
    for gap_s in [1.0, 2.0, 3.0] {
        let mut scene = Scene::new();
        scene.show(Some("N"), 1.0);
        scene.stands(1, "N1", STOP, 10.0, 22.0);
        scene.stands(1, "W", STOP, 22.0 + gap_s, 29.0 + gap_s);
        let here = (scene.count("W", 29.0 + gap_s), scene.count("N1", 29.0 + gap_s));
        assert_eq!(here, (1, 0), "after {gap_s} s");
    }
}

#[test]
fn a_parked_car_is_no_queue_for_neighbours_or_the_record() {
    let mut scene = Scene::new();
    cycles(&mut scene, 100, 500, |scene, at_s| scene.read(1, "N1", STOP, at_s));
    assert_eq!(told(&mut scene, 500.0), 1.0);
    (500..1200).for_each(|second| scene.read(1, "N1", STOP, f64::from(second)));
    assert_eq!(told(&mut scene, 1200.0), 0.0);
    assert_eq!(scene.estimator.waiting(mono(1200.0))[0], Some(0));
}
