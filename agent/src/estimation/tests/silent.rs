//! Lanes of which nobody is read while others are.

use super::*;
use flextraff_common::wire::{DemandRead, ReaderSight};

/// Vehicles leave E at green every ten seconds, and N1 too for as long as its readers work.
fn drive(scene: &mut Scene, from_s: u32, to_s: u32, n1_until_s: u32) {
    for second in (from_s..to_s).step_by(10) {
        let at_s = f64::from(second);
        scene.show(Some("E"), at_s);
        scene.read(second, "E", STOP, at_s + 1.0);
        scene.show(Some("N"), at_s + 4.0);
        if second < n1_until_s {
            scene.read(100_000 + second, "N1", STOP, at_s + 5.0);
        }
    }
    scene.show(None, f64::from(to_s));
}

fn waiting(scene: &mut Scene, lane: &str, at_s: f64) -> f64 {
    scene.lane(lane, at_s).queue.arrivals.iter().map(|arrival| arrival.vehicles).sum()
}

#[test]
fn on_a_lane_of_which_nobody_is_ever_read_some_are_presumed_in_time() {
    let mut scene = Scene::new();
    drive(&mut scene, 10, 100, 0);
    assert_eq!(waiting(&mut scene, "W", 102.0), 0.0, "that can be chance");
    drive(&mut scene, 110, 140, 0);
    let w = scene.lane_ix("W").index();
    scene.until(142.0);
    let soon = scene.estimator.lanes[w].presumed_per_s;
    drive(&mut scene, 150, 1000, 0);
    scene.until(1030.0);
    let late = scene.estimator.lanes[w].presumed_per_s;
    assert!(soon > 0.0 && late > 1.2 * soon && late < 0.15, "{soon}, {late}");
    assert_eq!(waiting(&mut scene, "W", 1030.0), 15.0, "it has had no green all the time; more do not count");
    assert_eq!(waiting(&mut scene, "E", 1030.0), 0.0);
    scene.show(Some("W"), 1031.0);
    let green: Vec<f64> = (0..8).map(|second| waiting(&mut scene, "W", 1033.0 + f64::from(second))).collect();
    assert!(
        green.is_sorted_by(|a, b| a >= b) && green[0] > green[7],
        "at green they leave one by one: {green:?}"
    );
    scene.read(1, "W", STOP, 1045.0);
    scene.show(None, 1050.0);
    assert_eq!(waiting(&mut scene, "W", 1060.0), 0.0, "somebody has been read");
}

#[test]
fn of_many_lanes_of_which_nobody_is_ever_read_most_are_taken_to_be_empty() {
    // Nobody is ever read on two lanes, or on three.
    let [two, three] = [1000, 0].map(|n1_until_s| {
        let mut scene = Scene::new();
        drive(&mut scene, 10, 1000, n1_until_s);
        let w = scene.lane_ix("W").index();
        scene.estimator.lanes[w].presumed_per_s
    });
    assert!((1.4..1.6).contains(&(two / three)), "{two} {three}");
    // Where a reader says itself that it is down there is nothing to guess about its lanes.
    let mut scene = Scene::new();
    scene.estimator.handle_reader(0, false);
    drive(&mut scene, 10, 1000, 0);
    let [n1, w] = ["N1", "W"].map(|name| scene.lane_ix(name).index());
    let presumed = |lane: usize| scene.estimator.lanes[lane].presumed_per_s;
    assert!(
        presumed(w) > 2.5 * three && presumed(n1) > 2.5 * three,
        "{} {} {three}",
        presumed(w),
        presumed(n1)
    );
}

#[test]
fn a_lane_that_falls_silent_is_presumed_to_go_on_as_before() {
    let mut scene = Scene::new();
    drive(&mut scene, 10, 1000, 700);
    let n1 = scene.lane_ix("N1");
    scene.until(1001.0);
    let before = scene.estimator.lanes[n1.index()].presumed_per_s;
    let told = scene.estimator.estimates(mono(1001.0)).lanes["N1"].stop_reader.expect("it has one");
    assert_eq!(told.state, ReaderSight::Silent);
    assert!((0.05..=0.11).contains(&before), "one in ten seconds, as far as learned: {before}");
    drive(&mut scene, 1010, 1020, 2000);
    scene.until(1021.0);
    assert_eq!(scene.estimator.lanes[n1.index()].presumed_per_s, 0.0);
}

#[test]
fn a_reader_that_is_down_is_not_waited_for() {
    let mut scene = Scene::new();
    drive(&mut scene, 10, 100, 0);
    scene.estimator.handle_reader(0, false);
    drive(&mut scene, 100, 140, 0);
    let presumed = |scene: &Scene| -> Vec<bool> {
        scene.estimator.lanes.iter().map(|lane| lane.presumed_per_s > 0.0).collect()
    };
    scene.until(141.0);
    assert_eq!(presumed(&scene)[..3], [true, true, false], "of N1 and N2 nothing will be heard");
}

#[test]
fn where_nobody_is_read_at_all_nobody_is_presumed() {
    let mut scene = Scene::new();
    drive(&mut scene, 10, 1000, 1000);
    scene.until(3000.0);
    assert!(scene.estimator.lanes.iter().all(|lane| lane.presumed_per_s == 0.0), "it is night");
}

/// The neighbour to which N1 leads reads a vehicle on its lane A.
fn read_there(scene: &mut Scene, number: u32, at_s: f64) {
    let read = DemandRead { lane: "A".to_owned(), zone: STOP, epc: tag(number).to_string(), watched: None };
    let demand = Demand { reads: vec![read], ..scene.nothing(at_s) };
    scene.hear(3, &demand, at_s);
}

/// Vehicles leave E; N1, which leads to the neighbour, gives no read. What is presumed there then.
fn presumed_on_n1(unknown: bool) -> f64 {
    let mut scene = Scene::new();
    for second in (10..1200).step_by(10) {
        drive(&mut scene, second, second + 10, 0);
        // Some of those of E are seen there, so that it is known that whoever goes there is read.
        if second > 40 && second % 20 == 0 {
            read_there(&mut scene, second - 30, f64::from(second + 10));
        }
        if unknown {
            read_there(&mut scene, 500_000 + second, f64::from(second + 10));
        }
    }
    let n1 = scene.lane_ix("N1").index();
    scene.estimator.lanes[n1].presumed_per_s
}

#[test]
fn who_appears_downstream_without_having_been_read_here_tells_of_a_failed_reader() {
    let [empty, failed] = [false, true].map(presumed_on_n1);
    assert!(empty < 0.02, "nobody comes out of it: {empty}");
    assert!(failed > 5.0 * empty && failed > 0.06, "one in ten seconds does: {failed}, {empty}");
}
