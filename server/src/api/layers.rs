//! What every request goes through: a time limit, an id, a log line when it fails, and the headers that keep browsers safe.

use super::guard::Encrypted;
use super::problem::{Cause, Problem};
use super::token::SEVERAL_PAGES;
use crate::app::App;
use crate::clock::Clock;
use crate::db;
use crate::room::FULL;
use anyhow::anyhow;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LINK,
    REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use std::any::Any;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument as _;
use uuid::Uuid;

/// Longest time that a request may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// For so long a browser takes no other way than the encrypted one (RFC 6797).
const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Set on each answer that has none of its own.
const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (CACHE_CONTROL, "no-store"),
];

/// Runs a request within its time limit, logs it once when it fails, and dresses the answer.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response<Body> {
    let id = request_id(&request);
    let started = Clock.instant();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let Encrypted(encrypted) = Encrypted::of(&parts, &app);
    let request = Request::from_parts(parts, body);
    let span = tracing::info_span!("request", request_id = id);
    let answer = next.run(request).instrument(span);
    let mut response = tokio::time::timeout(TIME_LIMIT, answer).await.unwrap_or_else(|_| {
        let detail = "The request took too long; try again in a few seconds";
        Problem::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 5).into_response()
    });
    let status = response.status().as_u16();
    let route = response.extensions_mut().remove::<Route>();
    let took = Clock.instant().saturating_duration_since(started);
    app.metrics.request(known(&method), route.as_ref().map_or("none", |route| &route.0), status, took);
    if let Some(Cause(error)) = response.extensions_mut().remove::<Cause>() {
        if error.downcast_ref::<db::Error>().is_some_and(db::is_full)
            && app.metrics.room.refused(Clock.instant())
        {
            tracing::error!("{FULL}");
        }
        tracing::error!(request_id = id, %method, path, status, error = format!("{error:#}"), "request failed");
    } else {
        tracing::debug!(request_id = id, %method, path, status, "request");
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if encrypted {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(A_YEAR);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The route that answers, with placeholders, for [`observe`].
#[derive(Clone)]
struct Route(String);

/// Leaves the route of a request in its answer.
pub(super) async fn note_route(request: Request, next: Next) -> Response<Body> {
    let route = request.extensions().get::<MatchedPath>().map(|path| Route(path.as_str().to_owned()));
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// The name of a method; of one that nobody has heard of only that.
fn known(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) { method.as_str() } else { "other" }
}

/// The id that a proxy has given, when it is a plain word, or a new one.
fn request_id(request: &Request) -> String {
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain);
    given.map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned)
}

/// Pages of other origins that may call the API.
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            HeaderName::from_static("x-setup-token"),
            HeaderName::from_static(SEVERAL_PAGES),
        ])
        .expose_headers([ETAG, LINK, RETRY_AFTER, REQUEST_ID])
        .max_age(Duration::from_mins(10))
}

/// A panic in a handler is an internal error of that request only.
#[expect(clippy::needless_pass_by_value, reason = "the catching layer hands the panic over")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Problem::internal(anyhow!("a request handler panicked: {text}")).into_response()
}
