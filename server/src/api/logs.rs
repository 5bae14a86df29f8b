//! What happened that an operator should see.

use super::body::QueryParams;
use super::guard::{CurrentUser, may_look};
use super::page::Page;
use super::problem::{BadPage, NeedsUser, Problem, ProblemBody};
use super::span::Span;
use crate::app::App;
use crate::db::logs::{self, Filter, Level, LogRow, Type};
use axum::extract::State;
use axum::response::Response;
use flextraff_common::ids::JunctionId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which lines are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of this level and above: `debug`, `info`, `warning`, `error` or `critical`.
    #[param(inline)]
    level: Option<Level>,
    /// Of this type, such as `device.offline`, or the part before the dot, such as `device`.
    #[serde(rename = "type")]
    #[param(max_length = 100)]
    kind: Option<String>,
    /// At this junction.
    junction_id: Option<Uuid>,
    /// About this device.
    device_id: Option<Uuid>,
}

/// What happened, the newest first: administrators see all of it, others what concerns their junctions.
#[utoipa::path(get, path = "/api/logs", tag = "logs", params(Wanted, Span, Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [LogRow], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        (status = 403, description = "No access to this junction", body = ProblemBody, content_type = "application/problem+json"),
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    QueryParams(wanted): QueryParams<Wanted>,
    span: Span,
    page: Page,
) -> Result<Response, Problem> {
    let Wanted { level, kind, junction_id, device_id } = wanted;
    if let Some(junction) = junction_id {
        may_look(&app, &user, JunctionId(junction)).await?;
    }
    if kind.as_deref().is_some_and(|kind| Type::named(kind).is_empty()) {
        let names = Type::ALL.map(Type::name).join(", ");
        let message = format!("type is one of {names}, or the part before a dot");
        return Err(Problem::invalid_field("type", message));
    }
    let filter = Filter {
        granted_to: (!user.is_admin).then_some(user.user_id),
        level,
        types: kind.map(|kind| Type::named(&kind)),
        junction_id,
        device_id,
        from: span.from,
        to: span.to,
    };
    let rows = logs::list(&app.db, &filter, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |row| (row.logged_at, row.log_id)))
}
