//! Little room ahead.

use super::*;

/// Six wait at a lane that stage 0 serves; 2 s a vehicle, a second to start.
fn queue(gate: Option<Gate>) -> LaneQueue {
    let served = stages(&[0]);
    let arrival = Arrival { at_s: 0.0, vehicles: 1.0, weight: 1.0, stages: served, moving: false };
    LaneQueue {
        arrivals: vec![arrival; 6],
        headway_s: vec![2.0; 4],
        startup_s: 1.0,
        held_s: Vec::new(),
        served,
        gate,
    }
}

fn departures(gate: Option<Gate>) -> Vec<Option<f64>> {
    World { lanes: vec![queue(gate)], course: vec![(stage(0), 30.0)] }.departures(0)
}

const SHUT: Gate = Gate { room: 2.0, opens_s: 12.0, shuts_s: 15.0, again_s: 25.0, blocks: 0.0 };

#[test]
fn only_so_many_leave_until_the_way_ahead_moves() {
    let free = departures(None);
    assert_eq!(free, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0].map(Some), "it has had green for long");
    // Two while it is shut, two while it is open, and again two.
    assert_eq!(departures(Some(SHUT)), [0.0, 2.0, 12.0, 14.0, 16.0, 18.0].map(Some));
    let one = Gate { room: 1.0, ..SHUT };
    assert_eq!(
        departures(Some(one)),
        [0.0, 12.0, 14.0, 16.0, 25.0, 27.0].map(Some),
        "then it opens for good"
    );
    assert_eq!(departures(Some(Gate { opens_s: 0.0, shuts_s: 60.0, again_s: 90.0, ..SHUT })), free);
    assert_eq!(departures(Some(Gate { room: 6.0, ..SHUT })), free);
    let none = Gate { room: 0.0, shuts_s: 100.0, again_s: 100.0, ..SHUT };
    assert_eq!(departures(Some(none))[0], Some(12.0));
}

#[test]
fn whoever_has_green_and_no_room_costs_for_as_long() {
    let cost = |gate: Gate| {
        let model = Model::new(4, &[queue(Some(gate))], 0.0);
        let mut progress = model.begin(&[Some(-10.0)]);
        model.serve(&mut progress, stage(0), 0.0, 20.0);
        progress.cost
    };
    let blocked = cost(Gate { blocks: 3.0, ..SHUT }) - cost(SHUT);
    // The third could go at 4 s and goes at 12; the others find room.
    assert!(close(blocked, 3.0 * 8.0, 1e-9), "{blocked}");
    let one = Gate { room: 1.0, ..SHUT };
    let blocked = cost(Gate { blocks: 3.0, ..one }) - cost(one);
    // The second could go at 2 s and goes at 12, the fifth at 18, and has not gone by the end at 20.
    assert!(close(blocked, 3.0 * (10.0 + 2.0), 1e-9), "{blocked}");
    let red = Gate { blocks: 3.0, ..SHUT };
    let model = Model::new(4, &[queue(Some(red))], 0.0);
    let mut progress = model.begin(&[None]);
    model.serve(&mut progress, stage(1), 0.0, 20.0);
    assert!(close(progress.cost, 0.0, 1e-9), "at red nobody blocks: {}", progress.cost);
}

/// Nobody is left whom the present stage could let go, so it is not wanted.
#[test]
fn a_stage_that_could_let_nobody_go_is_neither_wanted_nor_urgent() {
    let model = Model::new(4, &[queue(Some(Gate { room: 0.0, ..SHUT }))], 0.0);
    let progress = model.begin(&[None]);
    let urgency = |at_s| model.urgency(&progress, stage(0), at_s, 5.0, 7.0);
    assert!(!model.wanted(&progress, stage(0), 0.0, 2.0) && close(urgency(0.0), 0.0, 1e-9));
    assert!(model.wanted(&progress, stage(0), 11.0, 2.0) && urgency(8.0) > 0.0, "it opens in time");
}

proptest! {
    #[test]
    fn while_it_is_shut_no_more_leave_than_there_is_room_for(world in world(false)) {
        for (position, lane) in world.lanes.iter().enumerate() {
            let Some(gate) = lane.gate else { continue };
            let left: Vec<(f64, f64)> = lane
                .arrivals
                .iter()
                .zip(world.departures(position))
                .filter_map(|(arrival, left_s)| Some((left_s?, arrival.vehicles)))
                .collect();
            for shut in [f64::NEG_INFINITY..gate.opens_s, gate.shuts_s..gate.again_s] {
                // Who leaves just as it opens may seem to do so before: a rounding of his delay.
                let shut = shut.start..shut.end - 1e-6;
                let through: Vec<f64> =
                    left.iter().filter(|(at_s, _)| shut.contains(at_s)).map(|(_, vehicles)| *vehicles).collect();
                // The last one may be larger than what is left of the room.
                let before_last: f64 = through.iter().rev().skip(1).sum();
                prop_assert!(through.is_empty() || before_last < gate.room + 1e-4, "{:?} at {:?}", through, gate);
            }
        }
    }

    #[test]
    fn more_room_is_never_dearer(
        mut lane in lane(true), more in 0.0..5.0, gate in gate(), blocks in 0.0..60.0,
    ) {
        lane.served = stages(&[0]);
        lane.arrivals.iter_mut().for_each(|arrival| arrival.stages = lane.served);
        let cost = |room: f64| {
            let lane = LaneQueue { gate: Some(Gate { room, blocks, ..gate }), ..lane.clone() };
            let model = Model::new(4, &[lane], 5.0);
            let mut progress = model.begin(&[Some(-5.0)]);
            model.serve(&mut progress, stage(0), 0.0, 200.0);
            model.leave_behind(&mut progress, 200.0, 20.0);
            progress.cost
        };
        prop_assert!(cost(gate.room + more) <= cost(gate.room) + 1e-6);
    }
}
