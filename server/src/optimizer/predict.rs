//! What a plan would cost a demand: the delay on each lane, and in all.

use super::explain::tenths;
use super::{LaneDemand, SATURATION_FLOW_VEH_H, START_UP_LOSS_S};
use flextraff_common::junction::{Junction, StageIx};
use flextraff_common::plan::StagePlan;
use flextraff_common::traffic::{
    LaneFlow, LaneStages, SATURATION_HEADWAY_S, Timing, hcm_delay_s, plan_delay_s, uniform_delay_s,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Analysis period, hours: the quarter of an hour of the Highway Capacity Manual.
const PERIOD_H: f64 = 0.25;

/// Predicted delay of a lane.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LaneDelay {
    /// Name of the lane.
    pub lane: String,
    /// Tagged vehicles per hour; null: watched too little, and then `delay_s` is that of a single vehicle that comes at any moment.
    pub flow_veh_h: Option<f64>,
    /// Flow over capacity; from 1 on the queue grows.
    pub saturation: Option<f64>,
    /// Mean delay, seconds per vehicle; null: the lane has no green, or its queue never leaves.
    pub delay_s: Option<f64>,
    /// Vehicle-seconds per hour: delay times flow; null: either is not known.
    pub delay_veh_s_h: Option<f64>,
}

/// Predicted delay of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Prediction {
    /// Of each lane, in lane order.
    pub lanes: Vec<LaneDelay>,
    /// Of all lanes whose flow is known, vehicle-seconds per hour; null: of none, or one of them never gets through.
    pub total_veh_s_h: Option<f64>,
    /// The same, seconds per vehicle; null also without any vehicle.
    pub mean_s: Option<f64>,
}

/// Delay that a demand meets while `stages` run again and again with their greens exactly.
///
/// Even arrivals by the queue model, which both sides share ([`plan_delay_s`]), and for random ones the overflow term of the Highway Capacity
/// Manual (2000), equation 16-12, less its part that even arrivals have too. Amber discharges about what the start-up loses.
pub fn predict(junction: &Junction, stages: &[StagePlan], demand: &[LaneDemand]) -> Prediction {
    let timing = Timing::of(junction);
    let greens: Vec<(StageIx, f64)> =
        stages.iter().map(|planned| (planned.stage, f64::from(planned.green_s))).collect();
    let cycle_s = timing.cycle_s(&greens);
    let amber_s = f64::from(junction.signal.amber_ms) / 1000.0;
    let startup_s = (START_UP_LOSS_S - amber_s).max(0.0);
    let flows: Vec<Option<f64>> = junction
        .lane_indexes()
        .map(|lane| demand.get(lane.index()).and_then(LaneDemand::flow_veh_h))
        .collect();
    let stages_of: Vec<LaneStages> =
        junction.lane_indexes().map(|lane| LaneStages::of(junction, lane)).collect();
    let queues: Vec<LaneFlow> = stages_of
        .iter()
        .zip(&flows)
        .map(|(stages, flow)| LaneFlow {
            flow_per_h: flow.unwrap_or(0.0),
            headway_s: stages.headways_s(junction.stages().len(), SATURATION_HEADWAY_S),
            startup_s,
            served: stages.served(),
        })
        .collect();
    let even = plan_delay_s(&timing, &greens, &queues);
    let lanes: Vec<LaneDelay> = junction
        .lane_indexes()
        .map(|lane| {
            let flow = flows[lane.index()];
            let service = Service::of(stages_of[lane.index()], &greens, startup_s);
            let delay_s = even[lane.index()] + service.random_s(cycle_s, flow.unwrap_or(0.0));
            let delay_s = delay_s.is_finite().then_some(delay_s);
            let capacity = service.vehicles * 3600.0 / cycle_s;
            LaneDelay {
                lane: junction.lane(lane).name.clone(),
                flow_veh_h: flow.map(tenths),
                saturation: flow
                    .filter(|_| capacity > 0.0)
                    .map(|flow| (flow / capacity * 1000.0).round() / 1000.0),
                delay_s: delay_s.map(tenths),
                delay_veh_s_h: delay_s.zip(flow).map(|(delay, flow)| tenths(delay * flow)),
            }
        })
        .collect();
    let known = flows.iter().zip(&lanes).filter(|(flow, _)| flow.is_some());
    let vehicles: f64 = flows.iter().flatten().sum();
    let total: Option<f64> = known.map(|(_, lane)| lane.delay_veh_s_h).sum();
    let total = total.filter(|_| flows.iter().any(Option::is_some));
    Prediction {
        lanes,
        total_veh_s_h: total.map(tenths),
        mean_s: total.filter(|_| vehicles > 0.0).map(|total| tenths(total / vehicles)),
    }
}

/// What a cycle does for a lane.
struct Service {
    /// Effective green, seconds.
    green_s: f64,
    /// How many vehicles of a queue leave in it.
    vehicles: f64,
}

impl Service {
    fn of(stages: LaneStages, greens: &[(StageIx, f64)], startup_s: f64) -> Self {
        let own = greens.iter().filter(|(stage, _)| stages.served().contains(*stage));
        own.fold(Self { green_s: 0.0, vehicles: 0.0 }, |sum, &(stage, green_s)| {
            let green_s = (green_s - startup_s).max(0.0);
            let vehicles = green_s * SATURATION_FLOW_VEH_H / 3600.0 / stages.headway_factor(stage);
            Self { green_s: sum.green_s + green_s, vehicles: sum.vehicles + vehicles }
        })
    }

    /// What random arrivals cost beyond even ones, seconds per vehicle.
    fn random_s(&self, cycle_s: f64, flow_veh_h: f64) -> f64 {
        if self.green_s <= 0.0 || cycle_s <= 0.0 {
            return 0.0;
        }
        let (flow, saturation_flow) = (flow_veh_h / 3600.0, self.vehicles / self.green_s);
        let degree = flow * cycle_s / (saturation_flow * self.green_s.min(cycle_s));
        let even_overflow_s = 1800.0 * PERIOD_H * (degree - 1.0).max(0.0);
        let all = hcm_delay_s(cycle_s, self.green_s, flow, saturation_flow, PERIOD_H);
        (all - uniform_delay_s(cycle_s, self.green_s, flow, saturation_flow) - even_overflow_s).max(0.0)
    }
}
