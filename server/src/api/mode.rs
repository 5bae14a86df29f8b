//! Who decides about a junction's signal: the planner, an operator, an emergency.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::guard::{Acting, CurrentUser, may_operate};
use super::junctions::existing;
use super::problem::{BadBody, NeedsAccess, Problem};
use crate::app::App;
use crate::db::audit::{self, Deed};
use crate::db::is_away;
use crate::db::users::User;
use crate::dispatch::{ModeError, ModeRequest, RoadAnswer, Wanted};
use crate::planner::OverrideError;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::MAX_STAGES;
use flextraff_common::plan::{MAX_VALID_S, PlanProblem};
use flextraff_common::wire::StageTime;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// The sentence of the published interface.
pub(super) const EXCEED: &str = "Lane times exceed total cycle time";
/// The mode that a body without one asks for.
const MANUAL: &str = "manual_override";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(set_mode))
}

/// A mode to set. Without `mode` it is a manual override.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"total_cycle_time": 120, "north_lane_time": 40, "south_lane_time": 30, "east_lane_time": 30,
    "west_lane_time": 20, "expires_in_minutes": 30, "reason": "Procession on the north road"}))]
pub(super) struct ModeBody {
    /// Who is to decide.
    #[schema(default = "manual_override", pattern = "^(automatic|manual_override|emergency)$")]
    pub mode: Option<String>,
    /// Seconds of one cycle; with the four lane times.
    #[schema(minimum = 1, maximum = 3600)]
    pub total_cycle_time: Option<i32>,
    /// Seconds of lane N, clearance included.
    #[schema(minimum = 0, maximum = 3600)]
    pub north_lane_time: Option<i32>,
    /// Seconds of lane S, clearance included.
    #[schema(minimum = 0, maximum = 3600)]
    pub south_lane_time: Option<i32>,
    /// Seconds of lane E, clearance included.
    #[schema(minimum = 0, maximum = 3600)]
    pub east_lane_time: Option<i32>,
    /// Seconds of lane W, clearance included; absent: what is left of the cycle.
    #[schema(minimum = 0, maximum = 3600)]
    pub west_lane_time: Option<i32>,
    /// Instead of lane times, for junctions of any shape: green of each stage.
    #[schema(max_items = 16)]
    pub stages: Option<Vec<StageBody>>,
    /// The lane that an emergency is for.
    pub lane_id: Option<Uuid>,
    /// After how many minutes it ends by itself: 60 unless said otherwise, at most 1440; an emergency 5, at most 15.
    #[schema(minimum = 1, maximum = 1440)]
    pub expires_in_minutes: Option<i32>,
    /// Why.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Green of a stage.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StageBody {
    /// Name of the stage.
    #[schema(max_length = 64)]
    pub stage: String,
    /// Seconds of green, clearance not included.
    #[schema(minimum = 0, maximum = 3600)]
    pub green_s: f64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ModeAnswer {
    /// `success`, or `refused` by the junction.
    pub status: &'static str,
    /// In a sentence.
    pub message: &'static str,
    /// The plan that was sent: `plans` tells what becomes of it; null: none had to be.
    pub plan_id: Option<String>,
    /// What the junction says within two seconds: `running`, `pending` (starts when the running cycle ends), `refused`, or `unknown`.
    pub applied: RoadAnswer,
    /// Why the junction refuses.
    pub reasons: Vec<String>,
}

impl Body for ModeBody {
    // Places of those who set a mode are few, and who waits for one may have an emergency.
    const WITHIN: Duration = Duration::from_secs(5);

    fn read(fields: &mut Fields) -> Self {
        let mode = fields.has("mode").then(|| fields.line("mode", 32));
        match mode.as_deref().unwrap_or(MANUAL) {
            "automatic" => {}
            "emergency" => fields.require(&["lane_id"]),
            MANUAL if fields.has("stages") => {}
            MANUAL => {
                fields.require(&["total_cycle_time", "north_lane_time", "south_lane_time", "east_lane_time"]);
            }
            _ => fields.refuse("mode", "mode is automatic, manual_override or emergency"),
        }
        let seconds = 0..=3600;
        Self {
            mode,
            total_cycle_time: fields.optional_whole("total_cycle_time", 1..=3600),
            north_lane_time: fields.optional_whole("north_lane_time", seconds.clone()),
            south_lane_time: fields.optional_whole("south_lane_time", seconds.clone()),
            east_lane_time: fields.optional_whole("east_lane_time", seconds.clone()),
            west_lane_time: fields.optional_whole("west_lane_time", seconds),
            stages: fields.optional_list("stages", MAX_STAGES),
            lane_id: fields.optional_parsed("lane_id", "the UUID of a lane"),
            expires_in_minutes: fields.optional_whole("expires_in_minutes", 1..=(MAX_VALID_S / 60) as i32),
            reason: fields.optional_line("reason", 1000),
        }
    }
}

impl ModeBody {
    /// The fields that were given, for the audit log.
    fn told(&self) -> anyhow::Result<serde_json::Value> {
        let mut told = serde_json::to_value(self)?;
        if let Some(fields) = told.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        Ok(told)
    }

    /// What it asks for; `None` when the lane times do not fit into the cycle.
    pub(super) fn wanted(self) -> Option<Wanted> {
        match self.mode.as_deref() {
            Some("automatic") => return Some(Wanted::Automatic),
            Some("emergency") => return self.lane_id.map(|lane| Wanted::Emergency(LaneId(lane))),
            _ => {}
        }
        if let Some(stages) = self.stages {
            let time = |stage: StageBody| StageTime {
                stage: stage.stage,
                green_s: stage.green_s,
                ..StageTime::default()
            };
            return Some(Wanted::Stages(stages.into_iter().map(time).collect()));
        }
        let cycle = self.total_cycle_time?;
        let (north, south, east) = (self.north_lane_time?, self.south_lane_time?, self.east_lane_time?);
        let left = cycle - north - south - east;
        let west = self.west_lane_time.unwrap_or(left);
        (0..=left).contains(&west).then_some(Wanted::Lanes { times: [north, south, east, west], cycle })
    }
}

/// Who may set the mode of the junction in the path; known before its body is waited for, so that nobody else takes a place by holding it back.
struct Operating {
    user: User,
    junction: JunctionId,
}

impl FromRequestParts<App> for Operating {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let CurrentUser(user) = CurrentUser::from_request_parts(parts, app).await?;
        let PathParams(id) = PathParams::<Uuid>::from_request_parts(parts, app).await?;
        let (app, junction) = (app.clone().for_the_road(), JunctionId(id));
        may_operate(&app, &user, junction).await?;
        existing(&app, junction).await?;
        Ok(Self { user, junction })
    }
}

/// Sets a junction's mode: a manual override, an emergency for a lane, or back to automatic.
#[utoipa::path(put, path = "/api/junctions/{junction_id}/mode", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), request_body = ModeBody,
    responses(
        (status = 200, description = "Sent to the junction", body = ModeAnswer),
        (status = 400, description = "Lane times exceed total cycle time", body = super::problem::ProblemBody,
            content_type = "application/problem+json"),
        (status = 408, description = "The body did not come within 5 s", body = super::problem::ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = super::problem::ProblemBody,
            content_type = "application/problem+json"),
        NeedsAccess,
        BadBody,
    ))]
async fn set_mode(
    State(app): State<App>,
    Operating { user, junction }: Operating,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<ModeBody>,
) -> Result<Json<ModeAnswer>, Problem> {
    let app = app.for_the_road();
    let asked = body.told()?;
    let (minutes, reason) = (body.expires_in_minutes.map(|minutes| minutes as u32), body.reason.clone());
    let wanted = body.wanted().ok_or_else(|| Problem::bad_request(EXCEED))?;
    let message = match wanted {
        Wanted::Automatic => "Automatic mode activated",
        Wanted::Emergency(_) => "Emergency activated",
        Wanted::Lanes { .. } | Wanted::Stages(_) => "Manual override activated",
    };
    // Before it is sent: nobody sets a mode without a trace. Only the way back to automatic, which is the safe direction, does not wait for a database
    // that has no room.
    let deed = Deed::new("junction.mode").at(junction).with(asked);
    let unrecorded = match audit::record(&app.db, &actor, deed.clone()).await {
        Err(error) if matches!(wanted, Wanted::Automatic) && is_away(&error) => Some(Box::new((actor, deed))),
        recorded => recorded.map(|()| None)?,
    };
    let request =
        ModeRequest { junction, user: user.id(), wanted: wanted.clone(), minutes, reason, unrecorded };
    let outcome = app.dispatch.set_mode(request).await.map_err(|error| refused(error, Some(&wanted)))?;
    tracing::info!(junction_id = %junction, user_id = %user.user_id, applied = ?outcome.applied, message, "mode set");
    let (status, message) = match outcome.applied {
        RoadAnswer::Refused => ("refused", "The junction refuses it and stays in automatic mode"),
        _ => ("success", message),
    };
    let crate::dispatch::Outcome { plan_id, applied, reasons } = outcome;
    Ok(Json(ModeAnswer { status, message, plan_id, applied, reasons }))
}

/// Why what was wanted is not carried out, with the fields that are at fault.
pub(super) fn refused(error: ModeError, wanted: Option<&Wanted>) -> Problem {
    let detail = error.to_string();
    let unprocessable = || Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail.clone());
    match error {
        ModeError::Database(cause) => cause.into(),
        // Without advice when to try again: nobody should do so unseen.
        ModeError::Unconfirmed { .. } => Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail),
        ModeError::Changing => Problem::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 1),
        ModeError::Stopping => Problem::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 5),
        ModeError::UnknownLane(_) => Problem::invalid_field("lane_id", detail),
        ModeError::TooLong { .. } => Problem::invalid_field("expires_in_minutes", detail),
        ModeError::OtherShape => unprocessable().about("stages", detail.clone()),
        ModeError::Override(OverrideError::UnknownJunction(_)) => unprocessable(),
        ModeError::Override(OverrideError::Problems(problems)) => {
            problems.iter().fold(unprocessable(), |told, problem| {
                told.about(field_of(problem, wanted), problem.to_string())
            })
        }
    }
}

/// The field of a [`ModeBody`] that breaks a rule of plans.
fn field_of(problem: &PlanProblem, wanted: Option<&Wanted>) -> &'static str {
    match (wanted, problem) {
        (Some(Wanted::Emergency(_)), _) => "lane_id",
        (_, PlanProblem::Validity { .. }) => "expires_in_minutes",
        // With times of lanes a stage is one of the four that serve them.
        (
            Some(Wanted::Lanes { .. }),
            PlanProblem::GreenOutOfRange { stage, .. } | PlanProblem::Range { stage, .. },
        ) => match stage.as_str() {
            "N" => "north_lane_time",
            "S" => "south_lane_time",
            "E" => "east_lane_time",
            "W" => "west_lane_time",
            _ => "total_cycle_time",
        },
        (Some(Wanted::Lanes { .. }), _) => "total_cycle_time",
        _ => "stages",
    }
}
