//! What holds for every course of stages.

use super::*;
use crate::junction::LaneIx;

/// Rounding of sums of times and costs.
const ROUNDING: f64 = 1e-6;

fn left(world: &World, model: &Model, progress: &Progress) -> f64 {
    let lanes = (0..world.lanes.len()).map(LaneIx::new);
    lanes.flat_map(|lane| model.left(progress, lane)).map(|arrival| arrival.vehicles).sum()
}

/// Cost of a course, those who are left at its end included.
fn cost(world: &World, stop_s: f64) -> f64 {
    let model = world.model(stop_s);
    let (mut progress, windows) = world.run(&model);
    let end_s = windows.last().map_or(0.0, |window| window.to_s);
    model.leave_behind(&mut progress, end_s, 20.0);
    progress.cost
}

proptest! {
    #[test]
    fn who_arrives_has_left_or_is_left(world in world(false)) {
        let model = world.model(5.0);
        let (progress, _) = world.run(&model);
        prop_assert!(close(progress.served + left(&world, &model, &progress), world.arrived(), ROUNDING));
    }

    #[test]
    fn departures_are_in_order_a_headway_apart_after_arrival_and_on_green(world in world(false)) {
        let (_, windows) = world.run(&world.model(0.0));
        for (position, lane) in world.lanes.iter().enumerate() {
            let departures = world.departures(position);
            let gone: Vec<f64> = departures.iter().flatten().copied().collect();
            let first_left = departures.iter().position(Option::is_none).unwrap_or(departures.len());
            prop_assert_eq!(gone.len(), first_left, "nobody overtakes");
            for (arrival, &at_s) in lane.arrivals.iter().zip(&gone) {
                prop_assert!(at_s >= arrival.at_s - ROUNDING, "{} before his arrival at {}", at_s, arrival.at_s);
                let on_green = windows.iter().any(|window| {
                    window.stages.minus(arrival.stages).is_empty()
                        && (window.from_s - ROUNDING..window.to_s + ROUNDING).contains(&at_s)
                });
                prop_assert!(on_green, "leaves at {} s in none of {:?}", at_s, windows);
            }
            let least_s = lane.headway_s.iter().copied().fold(f64::INFINITY, f64::min);
            for (pair, arrival) in gone.windows(2).zip(lane.arrivals.iter().skip(1)) {
                prop_assert!(pair[1] - pair[0] >= least_s * arrival.vehicles - ROUNDING);
            }
        }
    }

    #[test]
    fn cost_is_the_weighted_delay_of_those_who_left(world in world(false)) {
        let (progress, _) = world.run(&world.model(0.0));
        let mut sum = 0.0;
        for (position, lane) in world.lanes.iter().enumerate() {
            for (arrival, left_s) in lane.arrivals.iter().zip(world.departures(position)) {
                sum += left_s.map_or(0.0, |left_s| arrival.weight * (left_s - arrival.at_s));
            }
        }
        prop_assert!(close(progress.cost, sum, ROUNDING), "{} and {}", progress.cost, sum);
        prop_assert!(progress.cost >= 0.0);
    }

    #[test]
    fn stops_cost_extra_and_only_those_who_drive(world in world(false), stop_s in 0.0..20.0) {
        let (with, without) = (world.run(&world.model(stop_s)).0, world.run(&world.model(0.0)).0);
        let driving: f64 =
            world.lanes.iter().flat_map(|lane| &lane.arrivals).filter(|a| a.moving).map(|a| a.weight).sum();
        prop_assert!((-ROUNDING..=stop_s * driving + ROUNDING).contains(&(with.cost - without.cost)));
    }

    #[test]
    fn one_more_arrival_never_makes_a_course_cheaper(
        mut world in world(true), stop_s in 0.0..20.0, lane: prop::sample::Index, place: prop::sample::Index,
        at_s in -30.0..150.0, vehicles in 0.0..2.0, weight in 0.0..3.0, moving: bool,
        blocks in prop_oneof![Just(0.0), 0.0..60.0],
    ) {
        world.lanes.iter_mut().filter_map(|lane| lane.gate.as_mut()).for_each(|gate| gate.blocks = blocks);
        let mut more = world.clone();
        let lane = lane.get_mut(&mut more.lanes);
        let arrival = Arrival { at_s, vehicles, weight, stages: lane.served, moving };
        // Whoever comes late ahead of those who find no room keeps them out of everybody's way: then only at the end.
        let place = if blocks > 0.0 { lane.arrivals.len() } else { place.index(lane.arrivals.len() + 1) };
        lane.arrivals.insert(place, arrival);
        let (with, without) = (cost(&more, stop_s), cost(&world, stop_s));
        prop_assert!(with >= without - ROUNDING, "{} with, {} without", with, without);
    }

    #[test]
    fn a_longer_red_is_never_cheaper_for_the_lane(
        mut lane in lane(true), red_s in 0.0..90.0, longer_s in 0.0..60.0, stop_s in 0.0..20.0,
    ) {
        lane.served = stages(&[1]);
        lane.arrivals.iter_mut().for_each(|arrival| arrival.stages = stages(&[1]));
        let model = Model::new(4, &[lane], stop_s);
        let cost = |red_s: f64| {
            let mut progress = model.begin(&[None]);
            model.serve(&mut progress, stage(0), 0.0, red_s);
            let green_at = model.change(&mut progress, &timing(), stage(0), stage(1), red_s);
            model.serve(&mut progress, stage(1), green_at, 200.0);
            model.leave_behind(&mut progress, 200.0, 20.0);
            progress.cost
        };
        prop_assert!(cost(red_s + longer_s) >= cost(red_s) - ROUNDING);
    }

    #[test]
    fn serving_in_pieces_is_serving_at_once(mut world in world(false), cut in 0.0..1.0, blocks in 0.0..20.0) {
        world.lanes.iter_mut().filter_map(|lane| lane.gate.as_mut()).for_each(|gate| gate.blocks = blocks);
        let model = world.model(5.0);
        let (stage, green_s) = world.course[0];
        let (mut whole, mut pieces) = (world.begin(&model), world.begin(&model));
        model.serve(&mut whole, stage, 0.0, green_s);
        model.serve(&mut pieces, stage, 0.0, cut * green_s);
        model.serve(&mut pieces, stage, cut * green_s, green_s);
        prop_assert!(close(whole.cost, pieces.cost, ROUNDING) && close(whole.served, pieces.served, ROUNDING));
        for lane in (0..world.lanes.len()).map(LaneIx::new) {
            prop_assert_eq!(model.left(&whole, lane), model.left(&pieces, lane));
        }
    }

    #[test]
    fn the_same_again_is_the_same(world in world(false)) {
        prop_assert_eq!(world.run(&world.model(5.0)).0, world.run(&world.model(5.0)).0);
    }
}

/// Two vehicles wait at the start of a green of stage 1, a third comes into it: the times by hand.
#[test]
fn a_queue_discharges_after_its_start_up_loss_one_by_one() {
    let arrival = |at_s| Arrival { at_s, vehicles: 1.0, weight: 1.0, stages: stages(&[1]), moving: true };
    let queue = LaneQueue {
        arrivals: vec![arrival(-2.0), arrival(3.0), arrival(14.0)],
        headway_s: vec![2.0; 4],
        startup_s: 1.5,
        held_s: Vec::new(),
        served: stages(&[1]),
        gate: None,
    };
    let world = World { lanes: vec![queue], course: vec![(stage(0), 4.0), (stage(1), 10.0)] };
    assert_eq!(world.departures(0), [Some(10.5), Some(12.5), Some(14.5)]);
    // Waits of 12.5, 9.5 and 0.5 s; the last is no stop.
    assert!(close(world.run(&world.model(5.0)).0.cost, 22.5 + 2.0 * 5.0, 1e-9));
}

/// The first cannot go in stage 0, so nobody behind him can.
#[test]
fn whoever_cannot_go_holds_up_those_behind() {
    let arrival = |stages| Arrival { at_s: 0.0, vehicles: 1.0, weight: 1.0, stages, moving: false };
    let queue = LaneQueue {
        arrivals: vec![arrival(stages(&[1])), arrival(stages(&[0, 1]))],
        headway_s: vec![2.0; 4],
        startup_s: 1.0,
        held_s: Vec::new(),
        served: stages(&[0, 1]),
        gate: None,
    };
    let world = World { lanes: vec![queue], course: vec![(stage(0), 20.0), (stage(1), 10.0)] };
    assert_eq!(world.departures(0), [Some(26.0), Some(28.0)]);
}

/// There is no room ahead until 12 s in stage 0; stage 1 goes elsewhere.
#[test]
fn nobody_leaves_while_held_up() {
    let arrival = |stages| Arrival { at_s: 0.0, vehicles: 1.0, weight: 1.0, stages, moving: false };
    let queue = |held_s| LaneQueue {
        arrivals: vec![arrival(stages(&[0, 1])); 3],
        headway_s: vec![2.0; 4],
        startup_s: 1.0,
        held_s,
        served: stages(&[0, 1]),
        gate: None,
    };
    let course = vec![(stage(0), 15.0), (stage(1), 10.0)];
    let departures = |held_s| World { lanes: vec![queue(held_s)], course: course.clone() }.departures(0);
    assert_eq!(departures(vec![12.0]), [Some(12.0), Some(14.0), Some(16.0)]);
    let never_held: Vec<_> = departures(Vec::new());
    assert_eq!(departures(vec![0.0, 12.0]), never_held);
    assert!(never_held[2] < Some(12.0));
}
