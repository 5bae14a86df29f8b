//! How much of the server one client, and all together, may have.

use super::guard::{ClientAddress, bearer, session_of};
use super::problem::Problem;
use crate::app::App;
use crate::auth::Sender;
use crate::clock::Clock;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
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
    let Ok(_place) = limits.places.try_acquire() else {
        let detail = "Too many requests are under way; try again in a second";
        return Problem::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 1).into_response();
    };
    let (mut parts, body) = request.into_parts();
    if let Err(retry_after_s) = count(&limits.app, &mut parts).await {
        let detail = format!("Too many requests; try again in {retry_after_s} s");
        return Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, retry_after_s).into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Counts a request of the user whose session it carries, else of the address; of nobody without either, which no network connection is.
///
/// # Errors
/// Seconds to wait when there were too many.
async fn count(app: &App, parts: &mut Parts) -> Result<(), u32> {
    let token = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    if let Some(claims) = token.and_then(|token| app.auth.verify(token, Clock.now())) {
        let user = Sender::User(claims.sub);
        app.auth.may_send(user, Clock.instant())?;
        // With the token of a session that has ended nobody uses up what its user may send. The request finds the session again where it is needed.
        if let Ok(Some(_)) = session_of(parts, app).await {
            return app.auth.admit(user, Clock.instant());
        }
    }
    match ClientAddress::of(parts, app).0 {
        Some(address @ IpAddr::V4(_)) => app.auth.admit(Sender::Address(address), Clock.instant()),
        Some(IpAddr::V6(v6)) => {
            let network = IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into());
            app.auth.admit(Sender::Address(network), Clock.instant())
        }
        None => Ok(()),
    }
}
