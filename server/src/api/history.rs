//! What happened at a junction: overrides, cycles, and what its lamps showed last.

use super::body::PathParams;
use super::guard::{CurrentUser, may_look};
use super::junctions::existing;
use super::page::Page;
use super::problem::{NeedsAccess, NeedsAccessToList, Problem};
use super::span::Span;
use crate::app::App;
use crate::clock::Clock;
use crate::db::cycles::{self, CycleRow};
use crate::db::junction_api::JunctionRow;
use crate::db::overrides::{self, OverrideRow};
use crate::db::signals;
use crate::db::users::User;
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
    OpenApiRouter::new().routes(routes!(overrides)).routes(routes!(cycles)).routes(routes!(signal))
}

/// The junction, when it is there and the user may look at it.
pub(super) async fn looked_at(app: &App, user: &User, id: JunctionId) -> Result<JunctionRow, Problem> {
    may_look(app, user, id).await?;
    existing(app, id).await
}

/// Overrides and emergencies that ran within a time, the newest first.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/overrides", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), Span, Page),
    responses(
        (status = 200, body = [OverrideRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAccessToList,
    ))]
async fn overrides(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    span: Span,
    page: Page,
) -> Result<Response, Problem> {
    let junction = JunctionId(id);
    looked_at(&app, &user, junction).await?;
    let filter = overrides::Filter { override_id: None, from: span.from, to: span.to };
    let rows = overrides::list(&app.db, junction, &filter, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |row| (row.override_start, row.override_id)))
}

/// Cycles that began within a time, as they were served, the newest first.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/cycles", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), Span, Page),
    responses(
        (status = 200, body = [CycleRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAccessToList,
    ))]
async fn cycles(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    span: Span,
    page: Page,
) -> Result<Response, Problem> {
    let junction = JunctionId(id);
    looked_at(&app, &user, junction).await?;
    let rows = cycles::list(&app.db, junction, span.from, span.to, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |row| (row.cycle_start_time, row.cycle_id)))
}

/// What the lamps showed last.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct SignalAnswer {
    /// The last signal message, field by field as the junction sent it; null: it has not sent any.
    #[schema(value_type = Option<Object>)]
    signal: Option<Value>,
    /// When it came.
    received_at: Option<DateTime<Utc>>,
    /// Seconds since then. A junction sends on every change and every 5 s: after 15 s nobody knows what its lamps show.
    age_s: Option<f64>,
}

/// What the lamps of a junction showed last, and how long ago.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/signal", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path)), responses((status = 200, body = SignalAnswer), NeedsAccess))]
async fn signal(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<SignalAnswer>, Problem> {
    let junction = JunctionId(id);
    looked_at(&app, &user, junction).await?;
    let (signal, received_at) = signals::last(&app.db, junction).await?.unzip();
    let age = |at: DateTime<Utc>| ((Clock.utc() - at).num_milliseconds().max(0) as f64) / 1000.0;
    Ok(Json(SignalAnswer { signal, received_at, age_s: received_at.map(age) }))
}
