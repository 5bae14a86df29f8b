//! Plans of a junction: those that were sent, the one that holds and why, and what another one would cost.

use super::body::{OptionalJsonBody, PathParams};
use super::guard::{CurrentUser, may_operate};
use super::history::looked_at;
use super::junctions::existing;
use super::mode::{EXCEED, ModeBody, refused};
use super::page::Page;
use super::problem::{BadBody, NeedsAccess, NeedsAccessToList, Problem, ProblemBody};
use super::span::Span;
use crate::app::App;
use crate::clock::Clock;
use crate::db::overrides::{self, OverrideRow};
use crate::db::plans::{self, PlanRow};
use crate::dispatch::{PlanView, View, Wanted};
use crate::optimizer::{Explanation, LaneFlow, Prediction};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(current)).routes(routes!(preview))
}

/// A plan that was sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PlanResponse)]
pub(super) struct PlanAnswer {
    /// Its name.
    plan_id: String,
    /// `automatic`, `manual_override` or `emergency`.
    mode: String,
    /// What the road made of it: `sent` (nothing heard yet), `pending` (starts when the running cycle ends), `running`, `refused`, `replaced` (by
    /// one that runs), or `expired`.
    state: String,
    /// Why the road refuses it.
    reasons: Vec<String>,
    /// Since when the road has said so.
    since: Option<DateTime<Utc>>,
    /// When it was sent first.
    first_sent_at: DateTime<Utc>,
    /// When it was sent last.
    sent_at: DateTime<Utc>,
    /// Until when it holds, unless it is sent again.
    valid_until: DateTime<Utc>,
    /// When the road last began to run it.
    ran_from: Option<DateTime<Utc>>,
    /// When another one took its place.
    ran_until: Option<DateTime<Utc>>,
    /// Green of each stage, `[{stage, green_s, min_green_s, max_green_s}]`; in an emergency the stage to reach.
    #[schema(value_type = Vec<Object>)]
    stages: Value,
    /// Each lane's share of the cycle in lane order, clearance included, seconds; null in an emergency.
    #[schema(value_type = Option<Vec<f64>>)]
    lane_times: Value,
    /// Length of the cycle, seconds; null in an emergency.
    #[schema(value_type = Option<f64>)]
    total_cycle_time: Value,
    /// Seconds after the common zero at which the cycle starts; null: not coordinated.
    #[schema(value_type = Option<f64>)]
    offset_s: Value,
    /// Why, in a sentence.
    #[schema(value_type = Option<String>)]
    reason: Value,
    /// Demand, flow ratios, and what bound cycle and greens; null: a person decided.
    #[schema(value_type = Option<Explanation>)]
    explanation: Option<Value>,
}

impl From<PlanRow> for PlanAnswer {
    fn from(mut row: PlanRow) -> Self {
        let mut field = |name: &str| row.message.get_mut(name).map(Value::take).unwrap_or_default();
        Self {
            stages: field("stages"),
            lane_times: field("lane_times"),
            total_cycle_time: field("total_cycle_time"),
            offset_s: field("offset_s"),
            reason: field("reason"),
            plan_id: row.plan_id,
            mode: row.mode,
            state: row.state,
            reasons: row.reasons,
            since: row.confirmed_at,
            first_sent_at: row.first_sent_at,
            sent_at: row.sent_at,
            valid_until: row.valid_until,
            ran_from: row.ran_from,
            ran_until: row.ran_until,
            explanation: row.explanation,
        }
    }
}

/// Plans that were sent to a junction and held within a time, the newest first.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/plans", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), Span, Page),
    responses(
        (status = 200, body = [PlanAnswer], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAccessToList,
    ))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    span: Span,
    page: Page,
) -> Result<Response, Problem> {
    let junction = JunctionId(id);
    looked_at(&app, &user, junction).await?;
    let filter = plans::Filter { from: span.from, to: span.to };
    let after = page.after::<(DateTime<Utc>, String)>()?.map(|(key, _)| key);
    let rows = plans::list(&app.db, junction, &filter, after, page.fetch(), Clock.utc()).await?;
    let rows: Vec<PlanAnswer> = rows.into_iter().map(PlanAnswer::from).collect();
    let key = |row: &PlanAnswer| ((row.first_sent_at, row.plan_id.clone()), Uuid::nil());
    Ok(page.answer(rows, key))
}

/// A plan with what it costs the present demand.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Costed {
    #[serde(flatten)]
    plan: PlanAnswer,
    /// Predicted delay at the present demand; null: an emergency, or a plan that does not fit the junction any more.
    predicted: Option<Prediction>,
}

/// What holds at a junction, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Current {
    /// Who decides: `automatic`, `manual_override` or `emergency`.
    mode: String,
    /// The plan that is meant to hold, with what the road says of it; null: none was sent yet.
    plan: Option<Costed>,
    /// The plan that ran before it, or still runs while it is pending or refused; null: none.
    previous: Option<Costed>,
    /// The override that runs.
    #[serde(rename = "override")]
    overridden: Option<OverrideRow>,
    /// Demand of each lane in the last 15 minutes, in lane order.
    demand: Vec<LaneFlow>,
}

/// The plan that holds at a junction, why it is so, what the road says of it, and beside it the one before.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/plans/current", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), responses((status = 200, body = Current), NeedsAccess))]
async fn current(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<Current>, Problem> {
    let junction = JunctionId(id);
    let row = looked_at(&app, &user, junction).await?;
    let (now, utc) = (Clock.now(), Clock.utc());
    let plan = plans::current(&app.db, junction, utc).await?;
    let name = plan.as_ref().map(|plan| plan.plan_id.clone());
    let previous = plans::last_run(&app.db, junction, name.as_deref(), utc).await?;
    let newest = overrides::list(&app.db, junction, &overrides::Filter::default(), None, 1).await?;
    let view = View::of(&app.db, junction, now).await?;
    let (plan, previous, demand) = aside(move || {
        let cost = |row: PlanRow| {
            let predicted = view.as_ref().and_then(|view| view.predicted(&row.message));
            Costed { predicted, plan: row.into() }
        };
        (plan.map(cost), previous.map(cost), view.as_ref().map(View::demand).unwrap_or_default())
    })
    .await?;
    Ok(Json(Current {
        mode: row.current_mode,
        plan,
        previous,
        overridden: newest.into_iter().find(|newest| newest.override_end.is_none()),
        demand,
    }))
}

/// A plan and what it would cost, beside the one that runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Compared {
    /// Demand of each lane in the last 15 minutes, in lane order; all predictions are for it.
    demand: Vec<LaneFlow>,
    /// The plan that was asked about.
    plan: PlanView,
    /// The plan that runs; null: none of the server's.
    running: Option<Costed>,
}

/// What a plan would cost the present demand, beside the running one: the body is that of a manual override; without one, or with
/// `"mode": "automatic"`, it is the plan that the planner would send now. Nothing is sent.
#[utoipa::path(post, path = "/api/junctions/{junction_id}/plans/preview", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), request_body(content = Option<ModeBody>, description = "As for `mode`"),
    responses(
        (status = 200, body = Compared),
        (status = 400, description = "Lane times exceed total cycle time", body = ProblemBody, content_type = "application/problem+json"),
        NeedsAccess,
        BadBody,
    ))]
async fn preview(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    OptionalJsonBody(body): OptionalJsonBody<PreviewBody>,
) -> Result<Json<Compared>, Problem> {
    let junction = JunctionId(id);
    may_operate(&app, &user, junction).await?;
    existing(&app, junction).await?;
    let wanted = match body.and_then(|body| body.0) {
        Some(body) => Some(body.wanted().ok_or_else(|| Problem::bad_request(EXCEED))?),
        None => None,
    };
    if matches!(wanted, Some(Wanted::Emergency(_))) {
        return Err(Problem::invalid_field("mode", "An emergency has no cycle that could be compared"));
    }
    let (now, utc) = (Clock.now(), Clock.utc());
    let running = plans::running(&app.db, junction, utc).await?;
    let view = View::of(&app.db, junction, now).await?.ok_or_else(|| View::missing(junction));
    let view = view.map_err(|error| refused(error, wanted.as_ref()))?;
    let compared = aside(move || {
        let plan = view.preview(wanted.as_ref()).map_err(|error| refused(error, wanted.as_ref()))?;
        let running = running.map(|row| Costed { predicted: view.predicted(&row.message), plan: row.into() });
        Ok::<_, Problem>(Compared { demand: view.demand(), plan, running })
    });
    Ok(Json(compared.await??))
}

/// The body of a preview: that of a mode, or an empty object.
#[derive(Debug)]
struct PreviewBody(Option<ModeBody>);

impl super::body::Body for PreviewBody {
    fn read(fields: &mut super::body::Fields) -> Self {
        Self((!fields.is_empty()).then(|| ModeBody::read(fields)))
    }
}

/// Predictions are minutes of traffic: not on the threads that answer everybody.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(error.into()))
}
