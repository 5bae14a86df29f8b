//! The HTTP API, a family of endpoints a file.
//!
//! Every path works with and without a trailing slash. Whatever is refused is a problem document (RFC 9457) with a sentence for people.

mod access;
mod account;
pub(crate) mod addresses;
mod alarms;
pub(crate) mod analytics;
mod audit;
pub mod body;
mod counts;
mod csv;
mod dead_letters;
pub(crate) mod devices;
mod docs;
mod etag;
pub mod guard;
mod history;
pub mod junctions;
pub mod kept;
mod layers;
mod layout;
mod limits;
mod links;
mod logs;
mod mode;
mod overview;
pub mod page;
mod plans;
pub mod problem;
mod schedule;
mod settings;
mod span;
mod start;
mod system;
mod token;
pub mod users;
mod watchlist;

use crate::app::App;
use crate::{dashboard, live};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode, Uri};
use problem::Problem;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::normalize_path::NormalizePath;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Everything that the server answers over HTTP.
pub fn router(app: App) -> Router {
    let mut api = endpoints();
    if app.config.http.metrics {
        api = api.merge(system::metrics_router());
    }
    let (api, document) = api.split_for_parts();
    let mut routes = api.merge(live::router()).merge(dashboard::router());
    if app.config.http.docs {
        routes = routes.merge(docs::router(&docs::complete(document)));
    }
    let cors = layers::cors(&app.config.http.cors_origins);
    let routes: Router = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(body::MOST_BYTES))
        .layer(axum::middleware::from_fn(layers::note_route))
        .with_state(app.clone());
    let limits = limits::Limits::new(app.clone());
    // Layers of a router run after it has found the route, so that the slash is trimmed outside of it.
    Router::new()
        .fallback_service(NormalizePath::trim_trailing_slash(routes))
        .layer(axum::middleware::from_fn_with_state(limits, limits::admit))
        .layer(axum::middleware::from_fn(etag::tag))
        .layer(CompressionLayer::new())
        .layer(cors)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(axum::middleware::from_fn_with_state(app, layers::observe))
}

/// The OpenAPI document of the API.
pub fn document() -> OpenApi {
    docs::complete(endpoints().merge(system::metrics_router()).into_openapi())
}

fn endpoints() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(docs::description())
        .merge(system::router())
        .merge(start::router())
        .merge(account::router())
        .merge(users::router())
        .merge(access::router())
        .merge(token::router())
        .merge(junctions::router())
        .merge(overview::router())
        .merge(layout::router())
        .merge(links::router())
        .merge(mode::router())
        .merge(alarms::router())
        .merge(history::router())
        .merge(counts::router())
        .merge(analytics::router())
        .merge(plans::router())
        .merge(schedule::router())
        .merge(devices::router())
        .merge(watchlist::router())
        .merge(audit::router())
        .merge(dead_letters::router())
        .merge(logs::router())
        .merge(settings::router())
}

async fn not_found(request: Request) -> Problem {
    Problem::not_found(format!("There is nothing at {}", shown(request.uri())))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} does not work at {}", shown(&uri)))
}

fn shown(uri: &Uri) -> String {
    uri.path().chars().take(200).collect()
}
