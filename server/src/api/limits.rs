//! How much of the server one client, and all together, may have.

use super::guard::{ClientAddress, bearer};
use super::problem::Problem;
use crate::app::App;
use crate::auth::Sender;
use crate::clock::Clock;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Who watches the server must see it also when it is too busy for others.
const ALWAYS: [&str; 4] = ["/livez", "/readyz", "/health", "/metrics"];

/// What the limits need; cheap to clone.
#[derive(Clone)]
pub(super) struct Limits {
    app: App,
    places: Arc<Semaphore>,
}

impl Limits {
    pub(super) fn new(app: App) -> Self {
        let places = Arc::new(Semaphore::new(app.config.http.max_requests as usize));
        Self { app, places }
    }
}

/// Lets a request in when its sender has not sent too many and not too many are under way.
pub(super) async fn admit(State(limits): State<Limits>, request: Request, next: Next) -> Response<Body> {
    if ALWAYS.contains(&request.uri().path().trim_end_matches('/')) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    if let Some(sender) = sender(&limits.app, &parts)
        && let Err(retry_after_s) = limits.app.auth.admit(sender, Clock.instant())
    {
        let detail = format!("Too many requests; try again in {retry_after_s} s");
        return Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, retry_after_s).into_response();
    }
    let Ok(_place) = limits.places.try_acquire() else {
        let detail = "Too many requests are under way; try again in a second";
        return Problem::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 1).into_response();
    };
    next.run(Request::from_parts(parts, body)).await
}

/// Who has signed the token, or the address; nobody without either, which no network connection is.
fn sender(app: &App, parts: &axum::http::request::Parts) -> Option<Sender> {
    let token = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    if let Some(claims) = token.and_then(|token| app.auth.verify(token, Clock.now())) {
        return Some(Sender::User(claims.sub));
    }
    ClientAddress::of(parts, app).0.map(|address| match address {
        IpAddr::V4(_) => Sender::Address(address),
        IpAddr::V6(v6) => Sender::Address(IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into())),
    })
}
