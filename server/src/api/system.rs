//! Whether the server is there and well.

use crate::app::App;
use crate::db::setup;
use axum::Json;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(root))
        .routes(routes!(health))
        .routes(routes!(livez))
        .routes(routes!(readyz))
}

#[derive(Serialize, ToSchema)]
struct Root {
    message: &'static str,
    status: &'static str,
}

/// Greets; a browser is sent to the pages for people.
#[utoipa::path(get, path = "/", tag = "system", responses(
    (status = 200, body = Root),
    (status = 303, description = "To /app/, when HTML is asked for"),
))]
async fn root(headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") {
        return Redirect::to("/app/").into_response();
    }
    Json(Root { message: "Flextraff API v1.0", status: "online" }).into_response()
}

#[derive(Serialize, ToSchema)]
struct Health {
    /// `healthy` or `degraded`.
    status: &'static str,
    /// `connected` or `disconnected`.
    database: &'static str,
    /// `connected` or `disconnected`.
    mqtt: &'static str,
}

/// Whether database and broker are reached at this moment.
#[utoipa::path(get, path = "/health", tag = "system", responses(
    (status = 200, description = "Both are connected", body = Health),
    (status = 503, description = "One is not", body = Health),
))]
async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let database = setup::answers(&app.db).await;
    let mqtt = *app.mqtt.connected.borrow();
    let word = |connected| if connected { "connected" } else { "disconnected" };
    let (code, status) = if database && mqtt {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "degraded")
    };
    (code, Json(Health { status, database: word(database), mqtt: word(mqtt) }))
}

/// Whether the process runs.
#[utoipa::path(get, path = "/livez", tag = "system", responses((status = 200, description = "It does", body = String)))]
async fn livez() -> &'static str {
    "ok"
}

/// Whether requests can be served: the database answers.
#[utoipa::path(get, path = "/readyz", tag = "system", responses(
    (status = 200, description = "They can", body = String),
    (status = 503, description = "The database does not answer", body = String),
))]
async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    if setup::answers(&app.db).await {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
    }
}
