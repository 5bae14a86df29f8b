//! What a plan would cost at present, before it is sent.

use super::request::to_override;
use super::{ModeError, Wanted, sites};
use crate::optimizer::{Explanation, LaneFlow, Prediction, lane_flows, predict};
use crate::planner::{Override, OverrideError, Proposed, Site};
use flextraff_common::ids::JunctionId;
use flextraff_common::plan::{Plan, StagePlan};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{GreenTime, Mode};
use serde::{Deserialize as _, Serialize};
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;

/// A junction at one moment, as the planner would see it with what the database holds.
pub struct View {
    site: Site,
    now: UnixMs,
}

/// A plan and what it would cost.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlanView {
    /// `automatic` or `manual_override`.
    pub mode: &'static str,
    /// Green of each stage.
    #[schema(max_items = 16)]
    pub stages: Vec<StageView>,
    /// Each lane's share of the cycle in lane order, clearance included, seconds.
    pub lane_times: Vec<u32>,
    /// Length of the cycle, seconds.
    pub total_cycle_time: u32,
    /// Seconds after the common zero at which the cycle starts; null: not coordinated.
    pub offset_s: Option<u32>,
    /// Why it is so; null: a person gave it.
    pub explanation: Option<Explanation>,
    /// What it would cost the present demand.
    pub predicted: Prediction,
}

/// Green of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageView {
    /// Name of the stage.
    pub stage: String,
    /// Green, seconds.
    pub green_s: u32,
    /// Shortest that tactical control may make it.
    pub min_green_s: u32,
    /// Longest that tactical control may make it.
    pub max_green_s: u32,
}

impl View {
    /// Looks at a junction; `None`: it is gone, or has no stages to plan for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(db: &PgPool, junction: JunctionId, now: UnixMs) -> sqlx::Result<Option<Self>> {
        Ok(sites::site(db, junction, now).await?.map(|site| Self { site, now }))
    }

    /// Why there is none of this junction.
    pub fn missing(junction: JunctionId) -> ModeError {
        OverrideError::UnknownJunction(junction).into()
    }

    /// Demand of each lane, in lane order.
    pub fn demand(&self) -> Vec<LaneFlow> {
        lane_flows(self.site.junction(), &self.site.demand())
    }

    /// What the planner would send now, or what `wanted` would make of the signal.
    ///
    /// # Errors
    /// As the override would be refused.
    pub fn preview(&self, wanted: Option<&Wanted>) -> Result<PlanView, ModeError> {
        let junction = self.site.junction();
        let asked = match wanted {
            Some(wanted) => to_override(junction, wanted, None, None, self.now)?,
            None => None,
        };
        let Some(asked) = asked else {
            let Proposed { stages, offset_s, explanation, .. } = self.site.propose(self.now);
            return Ok(self.shown(Mode::Automatic, stages, offset_s, Some(explanation)));
        };
        let plan = self.plan_of(&asked)?;
        Ok(self.shown(plan.mode, plan.stages, plan.offset_s, None))
    }

    fn plan_of(&self, asked: &Override) -> Result<Plan, ModeError> {
        Ok(self.site.override_plan(asked, self.now).map_err(OverrideError::Problems)?)
    }

    /// What a plan that was sent costs the present demand; `None`: it is an emergency, or does not fit the junction any more.
    pub fn predicted(&self, message: &Value) -> Option<Prediction> {
        let message = GreenTime::deserialize(message).ok()?;
        let plan = Plan::from_green_time(&message, self.site.junction(), self.now).ok()?;
        (plan.mode != Mode::Emergency).then(|| self.cost(&plan.stages))
    }

    fn cost(&self, stages: &[StagePlan]) -> Prediction {
        predict(self.site.junction(), stages, &self.site.demand())
    }

    fn shown(
        &self,
        mode: Mode,
        stages: Vec<StagePlan>,
        offset_s: Option<u32>,
        explanation: Option<Explanation>,
    ) -> PlanView {
        let junction = self.site.junction();
        let predicted = self.cost(&stages);
        let plan = Plan {
            id: None,
            mode,
            offset_s,
            stages,
            valid_s: 1,
            ends_override: false,
            issued: self.now,
            reason: None,
        };
        let stage = |planned: &StagePlan| StageView {
            stage: junction.stage(planned.stage).name.clone(),
            green_s: planned.green_s,
            min_green_s: planned.min_green_s,
            max_green_s: planned.max_green_s,
        };
        PlanView {
            mode: crate::db::mode_name(mode),
            stages: plan.stages.iter().map(stage).collect(),
            lane_times: plan.lane_times(junction),
            total_cycle_time: plan.cycle_s(junction),
            offset_s,
            explanation,
            predicted,
        }
    }
}
