//! Whether the server is there and well.

use super::problem::Problem;
use crate::app::App;
use crate::clock::Clock;
use crate::db::{figures, setup};
use crate::metrics::{Format, Present};
use crate::room::FULL;
use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use std::time::Duration;
use tokio::time::timeout;
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

/// Figures for Prometheus; a router of its own because the configuration may leave it out.
pub(super) fn metrics_router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Longest that a scrape waits for the database: Prometheus gives one up after ten seconds, and with it what this process knows of the failure.
const FIGURES_WITHIN: Duration = Duration::from_secs(3);

/// Figures of this process and of the city, in the text format of Prometheus, or that of OpenMetrics for who accepts it. While the database is
/// away those that it knows are left out.
#[utoipa::path(get, path = "/metrics", tag = "system", responses(
    (status = 200, description = "Figures", content((String = "text/plain"), (String = "application/openmetrics-text"))),
))]
async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let format = Format::accepted(accepted(&headers));
    let figures = match timeout(FIGURES_WITHIN, figures::load(&app.db)).await {
        Ok(Ok(figures)) => Some(figures),
        Ok(Err(error)) => {
            tracing::debug!(%error, "figures of the database are left out");
            None
        }
        Err(_) => None,
    };
    let present = Present {
        broker: *app.mqtt.connected.borrow(),
        full: app.metrics.room.is_full(Clock.instant()),
        size: app.db.size(),
        idle: u32::try_from(app.db.num_idle()).unwrap_or(u32::MAX),
        figures: figures.as_ref(),
    };
    let text = app.metrics.text(&present, format).map_err(anyhow::Error::from)?;
    Ok(([(CONTENT_TYPE, format.content_type())], text).into_response())
}

fn accepted(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
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
    if accepted(&headers).contains("text/html") {
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
    /// What to do, where that is known: the disk of the database is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'static str>,
}

/// Whether database and broker are reached at this moment, and the database stores what comes.
#[utoipa::path(get, path = "/health", tag = "system", responses(
    (status = 200, description = "Both are connected", body = Health),
    (status = 503, description = "One is not, or the disk of the database is full", body = Health),
))]
async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let database = setup::takes_changes(&app.road).await;
    let mqtt = *app.mqtt.connected.borrow();
    let word = |connected| if connected { "connected" } else { "disconnected" };
    let full = app.metrics.room.is_full(Clock.instant());
    let (code, status) = if database && mqtt && !full {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "degraded")
    };
    (code, Json(Health { status, database: word(database), mqtt: word(mqtt), detail: full.then_some(FULL) }))
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
    if setup::answers(&app.road).await {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
    }
}
