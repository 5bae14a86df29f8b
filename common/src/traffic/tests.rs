use super::*;
use crate::junction::{Junction, StageIx, tests::four_way};
use proptest::prelude::*;

mod absurd;
mod closed_form;
mod discharge;
mod fixed_time;
mod forecast;
mod gates;
mod order;
mod plan_delay;
mod properties;
mod rollouts;

/// Four stages; 5 s of clearance between any two, greens of 7 to 60 s.
fn timing() -> Timing {
    Timing::of(&Junction::build(&four_way()).expect("four_way keeps every rule"))
}

fn stage(position: usize) -> StageIx {
    StageIx::new(position)
}

fn stages(positions: &[usize]) -> StageSet {
    positions.iter().copied().map(stage).collect()
}

fn close(a: f64, b: f64, most_apart: f64) -> bool {
    (a - b).abs() <= most_apart
}

/// Lanes, and a course of stages with their greens, seconds.
#[derive(Clone, Debug)]
struct World {
    lanes: Vec<LaneQueue>,
    course: Vec<(StageIx, f64)>,
}

/// A time in which stages have green: all of these together.
#[derive(Clone, Copy, Debug)]
struct Window {
    from_s: f64,
    to_s: f64,
    stages: StageSet,
}

impl World {
    fn model(&self, stop_s: f64) -> Model {
        Model::new(4, &self.lanes, stop_s)
    }

    fn arrived(&self) -> f64 {
        self.lanes.iter().flat_map(|lane| &lane.arrivals).map(|arrival| arrival.vehicles).sum()
    }

    /// The state at time 0: the course's first stage has had green for 3 s.
    fn begin(&self, model: &Model) -> Progress {
        let first = self.course[0].0;
        let green: Vec<_> =
            self.lanes.iter().map(|lane| lane.served.contains(first).then_some(-3.0)).collect();
        model.begin(&green)
    }

    /// Runs the course from time 0 on; also the times in which somebody may have left, in order.
    fn run(&self, model: &Model) -> (Progress, Vec<Window>) {
        let (timing, mut progress) = (timing(), self.begin(model));
        let (mut at_s, mut windows) = (0.0, Vec::new());
        for (position, &(stage, green_s)) in self.course.iter().enumerate() {
            model.serve(&mut progress, stage, at_s, at_s + green_s);
            windows.push(Window { from_s: at_s, to_s: at_s + green_s, stages: StageSet::from_iter([stage]) });
            at_s += green_s;
            let Some(&(next, _)) = self.course.get(position + 1) else { break };
            let green_at = model.change(&mut progress, &timing, stage, next, at_s);
            let both = StageSet::from_iter([stage, next]);
            windows.push(Window { from_s: at_s, to_s: green_at, stages: both });
            at_s = green_at;
        }
        (progress, windows)
    }

    /// When each of a lane leaves in the course: told by the cost of a model in which only his delay counts.
    fn departures(&self, lane: usize) -> Vec<Option<f64>> {
        let line = &self.lanes[lane].arrivals;
        let departure = |probe: usize| {
            let mut world = self.clone();
            world.lanes.iter_mut().flat_map(|lane| &mut lane.arrivals).for_each(|other| other.weight = 0.0);
            world.lanes[lane].arrivals[probe].weight = 1.0;
            let model = world.model(0.0);
            let (progress, _) = world.run(&model);
            let left = model.left(&progress, crate::junction::LaneIx::new(lane)).len();
            (probe < line.len() - left).then_some(line[probe].at_s + progress.cost)
        };
        (0..line.len()).map(departure).collect()
    }
}

fn subset(of: StageSet) -> impl Strategy<Value = StageSet> {
    let all: Vec<StageIx> = of.iter().collect();
    let most = all.len();
    prop::sample::subsequence(all, 1..=most).prop_map(|some| some.into_iter().collect())
}

/// Little room ahead for a while; nobody is blocked by those for whom there is none.
fn gate() -> impl Strategy<Value = Gate> {
    (0.0..5.0, -20.0..60.0, 0.0..60.0, 0.0..60.0).prop_map(|(room, opens_s, open_s, shut_s)| {
        let shuts_s = opens_s + open_s;
        Gate { room, opens_s, shuts_s, again_s: shuts_s + shut_s, blocks: 0.0 }
    })
}

/// A lane whose vehicles go in some or, with `alike`, in all of its stages.
fn lane(alike: bool) -> impl Strategy<Value = LaneQueue> {
    let served = subset(stages(&[0, 1, 2, 3]));
    served.prop_flat_map(move |served| {
        let goes = if alike { Just(served).boxed() } else { subset(served).boxed() };
        let arrival = (-30.0..120.0, prop_oneof![Just(1.0), 0.3..1.0], 0.0..4.0, goes, any::<bool>());
        let arrival = arrival.prop_map(|(at_s, vehicles, weight, stages, moving)| Arrival {
            at_s,
            vehicles,
            weight,
            stages,
            moving,
        });
        let headways = prop::collection::vec(1.0..6.0, 4);
        let held = prop::collection::vec(prop_oneof![Just(0.0), 0.0..40.0], 0..5);
        let arrivals = prop::collection::vec(arrival, 0..15);
        (arrivals, headways, 0.0..3.0, held, prop::option::of(gate())).prop_map(
            move |(mut arrivals, headway_s, startup_s, held_s, gate)| {
                arrivals.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
                LaneQueue { arrivals, headway_s, startup_s, held_s, served, gate }
            },
        )
    })
}

fn course() -> impl Strategy<Value = Vec<(StageIx, f64)>> {
    let green = ((0_usize..4).prop_map(stage), 0.0..40.0);
    prop::collection::vec(green, 1..8).prop_map(|mut course| {
        course.dedup_by_key(|(stage, _)| *stage);
        course
    })
}

fn world(alike: bool) -> impl Strategy<Value = World> {
    (prop::collection::vec(lane(alike), 1..5), course()).prop_map(|(lanes, course)| World { lanes, course })
}
