//! How long a rollout of the queue model takes on this machine:
//!
//! `cargo run --release -p flextraff-common --example rollouts`
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and says what it saw"
)]

use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::{
    CompatibleSpec, Junction, JunctionSpec, LaneSpec, Problem, SignalSpec, StageIx, StageSpec,
};
use flextraff_common::traffic::{Arrival, LaneQueue, Model, Order, Policy, Rollout, StageSet, Timing};
use std::time::Instant;

const VEHICLES: usize = 20;
const ROLLOUTS: u32 = 2000;

/// Twenty vehicles on every lane: of a busy junction, and of one as large as any may be.
fn main() -> Result<(), Vec<Problem>> {
    measure(&Shape { stages: 4, lanes: 3 })?;
    measure(&Shape { stages: 16, lanes: 2 })
}

/// How many stages there are, and lanes of each.
struct Shape {
    stages: usize,
    lanes: usize,
}

fn measure(shape: &Shape) -> Result<(), Vec<Problem>> {
    let timing = Timing::of(&junction(shape)?);
    let count = shape.stages * shape.lanes;
    let lanes: Vec<LaneQueue> = (0..count).map(|number| lane(shape, number)).collect();
    let all: StageSet = (0..shape.stages).map(StageIx::new).collect();
    let policy = Policy { gap_s: 2.0, horizon_s: 150.0 };
    let green = vec![Some(-5.0); shape.lanes];

    let started = Instant::now();
    let models: Vec<Model> = (0..1000).map(|_| Model::new(shape.stages, &lanes, 5.0)).collect();
    println!(
        "model of {count} lanes and {} stages: {:.1} µs",
        shape.stages,
        started.elapsed().as_secs_f64() * 1e6 / models.len() as f64
    );

    let rollout = Rollout { model: &models[0], timing: &timing, order: Order::Free(all), policy };
    let start = models[0].begin(&green);
    let started = Instant::now();
    let mut cost = 0.0;
    for hold_s in (0..30).cycle().take(ROLLOUTS as usize) {
        cost += rollout.finish(&mut start.clone(), StageIx::new(0), 0.0, f64::from(hold_s), f64::INFINITY);
    }
    let each = started.elapsed().as_secs_f64() * 1e6 / f64::from(ROLLOUTS);
    println!(
        "rollout until {} vehicles have left: {each:.1} µs; mean cost {:.3}",
        count * VEHICLES,
        cost / f64::from(ROLLOUTS)
    );
    Ok(())
}

fn lane(shape: &Shape, lane: usize) -> LaneQueue {
    let served: StageSet = [StageIx::new(lane / shape.lanes)].into_iter().collect();
    let arrivals = (0..VEHICLES).map(|i| Arrival {
        at_s: (i as f64 * 3.0 + lane as f64 - 15.0).max(0.0),
        vehicles: 1.0,
        weight: 1.0,
        stages: served,
        moving: i > 5,
    });
    LaneQueue {
        arrivals: arrivals.collect(),
        headway_s: vec![2.0; shape.stages],
        startup_s: 1.0,
        held_s: Vec::new(),
        served,
        gate: None,
    }
}

fn junction(shape: &Shape) -> Result<Junction, Vec<Problem>> {
    let id = |number: usize| uuid::Uuid::from_u128(number as u128 + 1);
    let name = |lane: usize| format!("lane {lane}");
    Junction::build(&JunctionSpec {
        id: JunctionId(id(0)),
        name: "Measured".into(),
        lanes: (0..shape.stages * shape.lanes)
            .map(|lane| LaneSpec { id: LaneId(id(lane + 1)), name: name(lane), direction: None })
            .collect(),
        groups: Vec::new(),
        stages: (0..shape.stages)
            .map(|stage| StageSpec {
                name: format!("stage {stage}"),
                groups: Vec::new(),
                lanes: (0..shape.lanes).map(|lane| name(shape.lanes * stage + lane)).collect(),
                min_green_s: 5.0,
                max_green_s: 60.0,
                skip: false,
            })
            .collect(),
        compatible: (0..shape.stages)
            .flat_map(|stage| {
                let pairs = [(0, 1), (0, 2), (1, 2)].into_iter().filter(|(_, b)| *b < shape.lanes);
                pairs.map(move |(a, b)| (name(shape.lanes * stage + a), name(shape.lanes * stage + b)))
            })
            .map(|(a, b)| CompatibleSpec { a, b, yields: false })
            .collect(),
        intergreens: Vec::new(),
        signal: SignalSpec::default(),
    })
}
