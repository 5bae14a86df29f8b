//! What the dashboard needs to know before anybody has signed in.

use super::problem::{Problem, ProblemBody};
use crate::app::App;
use crate::db::users;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(start))
}

/// How the first user comes about.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FirstUser {
    /// There are users already.
    Registered,
    /// Whoever registers next is the administrator.
    Open,
    /// Whoever knows the set-up token of the start-up log.
    NeedsToken,
}

/// What a page needs to start.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Start {
    /// Whether somebody must register first, and how.
    first_user: FirstUser,
    /// Address of map tiles with `{z}`, `{x}` and `{y}`; null: the map has no background.
    tile_url: Option<String>,
    /// Whose map this is.
    tile_attribution: Option<String>,
    /// Version of the server.
    version: &'static str,
}

/// What the dashboard needs before anybody has signed in; for everybody.
#[utoipa::path(get, path = "/api/dashboard", tag = "system", responses(
    (status = 200, body = Start),
    (status = 503, description = "The database cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn start(State(app): State<App>, headers: HeaderMap) -> Result<Json<Start>, Problem> {
    let first_user = match (users::any(&app.db).await?, app.allows_first_user(&headers)) {
        (true, _) => FirstUser::Registered,
        (false, true) => FirstUser::Open,
        (false, false) => FirstUser::NeedsToken,
    };
    let dashboard = &app.config.dashboard;
    Ok(Json(Start {
        first_user,
        tile_url: dashboard.tile_url.clone(),
        tile_attribution: dashboard.tile_attribution.clone(),
        version: env!("CARGO_PKG_VERSION"),
    }))
}
