//! Alarms: what a person should look into.

use super::body::{PathParams, QueryParams};
use super::guard::{Acting, CurrentUser, may_look, may_operate};
use super::page::Page;
use super::problem::{BadPage, NeedsUser, Problem, ProblemBody};
use crate::alarms::{Kind, Severity};
use crate::app::App;
use crate::db::alarms::{self, AlarmRow, Filter};
use crate::db::audit::{self, Deed};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use flextraff_common::ids::JunctionId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(acknowledge))
}

/// Which alarms are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// At this junction.
    junction_id: Option<Uuid>,
    /// Open ones, or those that are over; left out: both.
    open: Option<bool>,
    /// Of this kind.
    #[param(inline, value_type = Option<Kind>)]
    kind: Option<String>,
    /// Of this severity and above: `info`, `warning`, `error` or `critical`.
    #[param(inline)]
    severity: Option<Severity>,
    /// Those of which somebody has taken notice, or of which nobody has; left out: both.
    acknowledged: Option<bool>,
}

impl Wanted {
    fn kind(&self) -> Result<Option<&'static str>, Problem> {
        let Some(name) = &self.kind else { return Ok(None) };
        let names = Kind::ALL.map(Kind::name).join(", ");
        let kind = Kind::named(name)
            .ok_or_else(|| Problem::invalid_field("kind", format!("kind is one of {names}")))?;
        Ok(Some(kind.name()))
    }
}

/// Alarms of the junctions that the user may look at, the newest first.
#[utoipa::path(get, path = "/api/alarms", tag = "alarms", params(Wanted, Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [AlarmRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        (status = 403, description = "No access to this junction", body = ProblemBody, content_type = "application/problem+json"),
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    QueryParams(wanted): QueryParams<Wanted>,
    page: Page,
) -> Result<Response, Problem> {
    if let Some(junction) = wanted.junction_id {
        may_look(&app, &user, JunctionId(junction)).await?;
    }
    let filter = Filter {
        granted_to: (!user.is_admin).then_some(user.user_id),
        junction_id: wanted.junction_id,
        open: wanted.open,
        kind: wanted.kind()?,
        severity: wanted.severity,
        acknowledged: wanted.acknowledged,
    };
    let rows = alarms::list(&app.db, &filter, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |alarm| (alarm.opened_at, alarm.alarm_id)))
}

/// An alarm.
#[utoipa::path(get, path = "/api/alarms/{alarm_id}", tag = "alarms", security(("OAuth2PasswordBearer" = [])),
    params(("alarm_id" = Uuid, Path)),
    responses(
        (status = 200, body = AlarmRow),
        NeedsUser,
        (status = 403, description = "No access to its junction", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such alarm", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The id is no UUID", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn get(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<AlarmRow>, Problem> {
    let alarm = existing(&app, id).await?;
    may_look(&app, &user, JunctionId(alarm.junction_id.unwrap_or_default())).await?;
    Ok(Json(alarm))
}

/// Notes that the user has taken notice of an alarm. It stays open until its cause is gone.
#[utoipa::path(post, path = "/api/alarms/{alarm_id}/acknowledge", tag = "alarms", security(("OAuth2PasswordBearer" = [])),
    params(("alarm_id" = Uuid, Path)),
    responses(
        (status = 200, body = AlarmRow),
        NeedsUser,
        (status = 403, description = "No operator of its junction", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such alarm", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The id is no UUID", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn acknowledge(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<AlarmRow>, Problem> {
    let alarm = existing(&app, id).await?;
    let junction = JunctionId(alarm.junction_id.unwrap_or_default());
    may_operate(&app, &user, junction).await?;
    let mut tx = app.db.begin().await?;
    alarms::acknowledge(&mut *tx, id, user.user_id).await?;
    let deed = Deed::new("alarm.acknowledge").at(junction).to(format!("{} {id}", alarm.kind));
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    Ok(Json(existing(&app, id).await?))
}

async fn existing(app: &App, id: Uuid) -> Result<AlarmRow, Problem> {
    alarms::get(&app.db, id).await?.ok_or_else(|| Problem::not_found("Alarm not found"))
}
