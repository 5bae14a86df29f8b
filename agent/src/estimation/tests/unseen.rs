//! Users without a tag: how many there are for each who is seen, and what that means for a lane at red.

use super::*;
use crate::estimation::hidden::{MOST_HIDDEN, Stream};
use crate::estimation::unseen::expected;
use flextraff_common::wire::DemandUsers;

/// Cycles of 60 s red and 30 s green on N1, in each of which `seen` vehicles queue and the last of them leaves from place `place`.
fn cycles(scene: &mut Scene, count: u32, seen: u32, place: f64) -> f64 {
    let mut start = 10.0;
    for cycle in 0..count {
        scene.show(None, start);
        for number in 0..seen {
            let at_s = start + 20.0 + 10.0 * f64::from(number);
            scene.read(cycle * 100 + number, "N1", ADVANCE, at_s);
        }
        scene.show(Some("N"), start + 60.0);
        for number in 0..seen {
            // Unseen ones stand before each of them.
            let before = place * f64::from(number + 1) / f64::from(seen) - 1.0;
            scene.read(cycle * 100 + number, "N1", STOP, start + 60.3 + 1.9 * before);
        }
        start += 90.0;
    }
    scene.show(None, start);
    start
}

fn tagged_share(scene: &mut Scene, at_s: f64) -> (f64, f64) {
    let share = scene.estimates("N1", at_s).tagged_share.expect("it is always told");
    (share.value, share.confidence)
}

fn fresh() -> Scene {
    let mut scene = Scene::new();
    scene.estimator.unseen = Ratio::default();
    scene
}

#[test]
fn places_in_the_queue_tell_the_share_of_those_who_are_seen() {
    let (mut half, mut all) = (fresh(), fresh());
    let end = cycles(&mut half, 60, 4, 8.0);
    cycles(&mut all, 60, 4, 4.0);
    let ((half, confidence), (all, _)) = (tagged_share(&mut half, end), tagged_share(&mut all, end));
    assert!((0.35..0.58).contains(&half) && all > 0.8, "{half} and {all}");
    assert!(confidence > 0.5, "{confidence}");
}

#[test]
fn what_a_queue_takes_to_start_is_not_taken_for_unseen_users() {
    let mut scene = fresh();
    let mut start = 10.0;
    for cycle in 0..60 {
        scene.show(None, start);
        (0..6).for_each(|number| {
            scene.read(cycle * 100 + number, "N1", ADVANCE, start + 5.0 * f64::from(number + 1));
        });
        scene.show(Some("N"), start + 60.0);
        // The first ones need longer than a saturation headway each, about 2 s in all.
        for (number, leaves_s) in (0..).zip([0.4, 3.4, 5.8, 7.9, 9.7, 11.6]) {
            scene.read(cycle * 100 + number, "N1", STOP, start + 60.0 + leaves_s);
        }
        start += 90.0;
    }
    scene.show(None, start);
    let (share, confidence) = tagged_share(&mut scene, start);
    assert!(share > 0.93 && confidence > 0.8, "{share} {confidence}");
}

#[test]
fn a_lane_learns_from_the_others_what_it_does_not_know_itself() {
    let mut scene = fresh();
    let end = cycles(&mut scene, 60, 4, 4.0);
    let east = scene.estimates("E", end).tagged_share.expect("it is always told");
    assert!(east.value > 0.7 && east.confidence == 0.0 && east.age_s.is_none(), "{east:?}");
}

#[test]
fn a_queue_that_something_else_holds_up_tells_little() {
    let mut scene = fresh();
    let end = cycles(&mut scene, 10, 4, 4.0);
    let (before, _) = tagged_share(&mut scene, end);
    // By their times as many again stand between them.
    (0..5)
        .for_each(|number| scene.read(90_000 + number, "N1", ADVANCE, end + 20.0 + 5.0 * f64::from(number)));
    scene.show(Some("N"), end + 60.0);
    (0..5).for_each(|number| scene.read(90_000 + number, "N1", STOP, end + 60.3 + 4.0 * f64::from(number)));
    scene.show(None, end + 90.0);
    let (after, _) = tagged_share(&mut scene, end + 91.0);
    assert!(after < before && after > before - 0.05, "{before} {after}");
}

/// What a neighbour's queues have told.
fn hear_of_users(scene: &mut Scene, unseen: f64, seen: f64, at_s: f64) {
    let demand = Demand { users: Some(DemandUsers { unseen, seen }), ..scene.nothing(at_s) };
    scene.hear(2, &demand, at_s);
}

#[test]
fn a_junction_learns_from_its_neighbours_what_it_does_not_know_itself() {
    let mut scene = fresh();
    let (guess, _) = tagged_share(&mut scene, 10.0);
    hear_of_users(&mut scene, 150.0, 150.0, 11.0);
    let (half, confidence) = tagged_share(&mut scene, 30.0);
    assert!(guess > 0.6 && (0.49..0.53).contains(&half), "{guess} {half}");
    assert_eq!(confidence, 0.0, "it has not seen it itself");
    hear_of_users(&mut scene, 0.0, 300.0, 31.0);
    let (all, _) = tagged_share(&mut scene, 32.0);
    assert!(all > 0.95, "the last word counts: {all}");
    assert_eq!(tagged_share(&mut scene, 90.0).0, all, "and goes on to when the neighbour falls silent");
}

#[test]
fn own_queues_tell_a_junction_more_than_its_neighbours_do() {
    let mut scene = fresh();
    let end = cycles(&mut scene, 60, 4, 8.0);
    let (own, _) = tagged_share(&mut scene, end);
    hear_of_users(&mut scene, 0.0, 10_000.0, end);
    let (both, _) = tagged_share(&mut scene, end);
    assert!(own < both && both < own + 0.15, "{own} {both}");
}

#[test]
fn what_no_neighbour_can_have_learned_is_no_news() {
    let mut scene = fresh();
    let (before, _) = tagged_share(&mut scene, 10.0);
    for (unseen, seen) in [(f64::NAN, 1.0), (-1.0, 9.0), (1.0, f64::INFINITY), (1e9, 1.0), (5.0, -5.0)] {
        hear_of_users(&mut scene, unseen, seen, 11.0);
        assert_eq!(tagged_share(&mut scene, 11.0).0, before, "{unseen} {seen}");
    }
}

#[test]
fn neighbours_are_told_what_the_queues_have_told() {
    let mut scene = fresh();
    let end = cycles(&mut scene, 60, 4, 8.0);
    let device = scene.config.device;
    let told = scene.estimator.tell(device, moment(end)).users.expect("it says so each second");
    let share = told.seen / (told.seen + told.unseen);
    assert!(told.seen > 50.0 && (0.35..0.58).contains(&share), "{told:?}");
}

#[test]
fn at_red_those_without_a_tag_are_reckoned_with_as_time_goes_by() {
    let mut scene = fresh();
    let end = cycles(&mut scene, 20, 4, 8.0);
    let waiting = |scene: &mut Scene, at_s: f64| -> f64 {
        scene.lane("N1", at_s).queue.arrivals.iter().map(|arrival| arrival.vehicles).sum()
    };
    assert_eq!(waiting(&mut scene, end + 2.0), 0.0);
    let (soon, late) = (waiting(&mut scene, end + 30.0), waiting(&mut scene, end + 60.0));
    assert!(soon > 0.3 && late > 1.5 * soon && late < 6.0, "{soon} {late}");
    scene.show(Some("N"), end + 61.0);
    let green: Vec<f64> = (0..12).map(|second| waiting(&mut scene, end + 62.0 + f64::from(second))).collect();
    assert!(green.is_sorted_by(|a, b| a >= b) && green[0] > 1.0, "at green they leave one by one: {green:?}");
    assert_eq!(green[11], 0.0, "and then there is nobody");
}

#[test]
fn a_lane_full_of_unseen_users_never_waits_for_longer_than_one_that_nobody_uses() {
    let mut scene = fresh();
    let end = cycles(&mut scene, 2, 1, 1.0);
    let weight = |scene: &mut Scene, at_s: f64| -> f64 {
        scene.lane("N1", at_s).queue.arrivals.iter().map(|arrival| arrival.weight).sum()
    };
    let (early, late) = (weight(&mut scene, end + 115.0), weight(&mut scene, end + 170.0));
    assert!(early >= 0.5 && late >= early + 1.0, "{early} {late}");
}

#[test]
fn a_night_at_red_says_nothing_about_the_share_of_those_who_are_seen() {
    let mut scene = fresh();
    let end = cycles(&mut scene, 60, 4, 8.0);
    let (before, _) = tagged_share(&mut scene, end);
    // The signal is switched off by hand for six hours; then one vehicle waits, and leaves first.
    let morning = end + 6.0 * 3600.0;
    scene.read(90_000, "N1", ADVANCE, morning - 30.0);
    scene.show(Some("N"), morning);
    scene.read(90_000, "N1", STOP, morning + 0.3);
    scene.show(None, morning + 30.0);
    let (after, _) = tagged_share(&mut scene, morning + 31.0);
    assert!((after - before).abs() < 0.02, "{before} {after}");
}

#[test]
fn what_is_expected_of_a_full_zone_stays_a_number_whatever_the_flow() {
    for mean in [0.0, 0.3, 5.0, 200.0, 700.0, 1e5] {
        for unseen in [0, 1, 3] {
            let (within, beyond) = (expected(true, unseen, mean), expected(false, unseen, mean));
            let most = f64::from(unseen);
            assert!(
                (0.0..=most + 1e-9).contains(&within) && beyond > most,
                "{mean} {unseen}: {within} {beyond}"
            );
        }
    }
}

#[test]
fn a_rate_that_rises_between_two_seconds_reckons_with_no_more_users_than_there_can_be() {
    let stream = Stream { since_s: 100.0 };
    assert!((stream.count(0.1, 200.0) - 10.0).abs() < 1e-9);
    assert_eq!([0.16, 3.0, 1e300].map(|per_s| stream.count(per_s, 200.0)), [MOST_HIDDEN; 3]);
}
