//! What the controller's intentions mean for its neighbours: who will leave, and when.

use super::{Controller, Phase};
use flextraff_common::junction::StageIx;
use flextraff_common::time::MonoMs;
use flextraff_common::traffic::{Departure, LaneQueue, Model, Order, Policy, Rollout};
use flextraff_common::wire::Mode;

/// A stage goes on while somebody whom it serves arrives within 2 s; further ahead than 10 s the next decisions change too much.
const POLICY: Policy = Policy { gap_s: 2.0, horizon_s: 10.0 };

/// From when and until when at least a stage has green, seconds from now, and what follows then.
struct Course {
    stage: StageIx,
    from_s: f64,
    until_s: f64,
    next: Option<StageIx>,
    /// Whether a decision ends the present green, not a plan.
    is_decided: bool,
}

/// A stage that has green or is about to get it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComingGreen {
    /// The stage.
    pub stage: StageIx,
    /// Seconds ahead of its start; 0: it has green.
    pub in_s: f64,
    /// Seconds ahead of its end; none: it is not in sight.
    pub until_s: Option<f64>,
    /// Whether its start is only meant, because the end of the present green is decided anew each second.
    pub is_meant: bool,
}

/// What is told to neighbours.
#[derive(Clone, Copy, Debug)]
enum Intent {
    /// What happens.
    Deed,
    /// What would happen if there were room ahead everywhere: a junction that waits for its neighbour to make room must say whom it would send,
    /// or the neighbour never does.
    Wish,
}

impl Controller {
    /// The stage that has green or gets it next, and the one that follows if that is decided, in order of time; none in start-up, flash and
    /// fault, where traffic goes as it can.
    pub fn coming_greens(&self, at: MonoMs) -> Option<Vec<ComingGreen>> {
        let Course { stage, from_s, until_s, next, is_decided } = self.course(at, Intent::Deed)?;
        let timing = self.program.timing(&self.junction);
        let first = ComingGreen { stage, in_s: from_s, until_s: next.map(|_| until_s), is_meant: false };
        let then = |next| ComingGreen {
            stage: next,
            in_s: until_s + timing.clearance_s(stage, next),
            until_s: None,
            is_meant: is_decided,
        };
        Some(std::iter::once(first).chain(next.map(then)).collect())
    }

    /// Who is expected to leave in the next 10 s, in order of time, by the traffic as last told and the last decision; nobody when
    /// the traffic is not known, at start-up, in an emergency and after a fault.
    pub fn departures(&self, at: MonoMs) -> Vec<Departure> {
        let traffic = self.deciding.traffic.as_ref().filter(|traffic| traffic.at == at && traffic.is_known());
        let (Some(traffic), Some(course)) =
            (traffic, self.course(at, Intent::Wish).filter(|_| self.program.mode() != Mode::Emergency))
        else {
            return Vec::new();
        };
        let junction = &*self.junction;
        let lanes: Vec<LaneQueue> =
            traffic.lanes.iter().map(|lane| LaneQueue { gate: None, ..lane.queue.clone() }).collect();
        let timing = self.program.timing(junction);
        let stages = self.program.order();
        let order = Order::of(junction.signal.stage_order, &stages, self.may_skip());
        let model = Model::new(timing.stages(), &lanes, 0.0).with_right_of_way(&timing);
        let green: Vec<Option<f64>> = traffic
            .lanes
            .iter()
            .map(|lane| {
                let begins = || lane.queue.served.contains(course.stage).then_some(course.from_s);
                lane.green_s.map(|green_s| -green_s).or_else(begins)
            })
            .collect();
        let mut progress = model.begin(&green);
        let rollout = Rollout { model: &model, timing: &timing, order, policy: POLICY };
        let Course { stage, from_s, until_s, next, .. } = course;
        let mut departures = rollout.departures(&mut progress, stage, from_s, until_s, next);
        // Beyond the lanes there are the pedestrian heads.
        departures.retain(|departure| departure.lane.index() < junction.lanes().len());
        departures
    }

    fn course(&self, at: MonoMs, intent: Intent) -> Option<Course> {
        let least_s = |stage: StageIx| f64::from(self.junction.stage(stage).min_green_s);
        match &self.phase {
            Phase::Green(green) => {
                let stage = green.stage;
                let decision = self.deciding.decision.as_ref().filter(|decision| decision.at == at);
                let had_s = at.since(green.began) as f64 / 1000.0;
                let planned_s = || f64::from(self.program.green_s(stage).unwrap_or(0));
                let best = decision.map(|decision| match intent {
                    Intent::Deed => decision.best,
                    Intent::Wish => decision.wish.unwrap_or(decision.best),
                });
                let (until_s, next) = match best {
                    Some(best) if best.stage != stage => (f64::from(best.hold_s), Some(best.stage)),
                    Some(_) => (1.0, None),
                    None if self.program.ranged => (least_s(stage) - had_s, None),
                    None => (planned_s() - had_s, Some(self.program.after(stage))),
                };
                Some(Course {
                    stage,
                    from_s: 0.0,
                    until_s: until_s.max(0.0),
                    next,
                    is_decided: best.is_some(),
                })
            }
            Phase::Clearance(clearance, coming) => {
                let from_s = clearance.green_at.since(at) as f64 / 1000.0;
                let until_s = from_s + least_s(coming.stage);
                Some(Course { stage: coming.stage, from_s, until_s, next: None, is_decided: false })
            }
            Phase::Startup(_) | Phase::ToFlash(_) | Phase::Flash | Phase::Fault => None,
        }
    }
}
