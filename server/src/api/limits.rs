//! How much of the server one client, and all together, may have.

use super::addresses::{PerAddress, PerEach, customer};
use super::guard::{ClientAddress, SignedIn, bearer, session_of};
use super::problem::Problem;
use crate::app::App;
use crate::auth::Sender;
use crate::clock::Clock;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use flextraff_common::ids::UserId;
use futures_util::StreamExt as _;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Who watches the server must see it also when it is too busy for others.
const ALWAYS: [&str; 4] = ["/livez", "/readyz", "/health", "/metrics"];

/// Of all places one address has at most one in so many for requests whose bodies are still to come.
const SHARE: u32 = 8;

/// Places of those who set greens or an emergency, which no number of reports takes from them.
const URGENT: u32 = 64;
/// So many of those places one user has at most: no operator keeps the others from an emergency, wherever his requests come from.
const URGENT_OF_USER: u32 = 16;

/// Whether somebody sets what a signal shows.
fn is_urgent(request: &Request) -> bool {
    let path = request.uri().path().trim_end_matches('/');
    request.method() == Method::PUT && path.starts_with("/api/junctions/") && path.ends_with("/mode")
}

/// What the limits need; cheap to clone.
#[derive(Clone)]
pub(super) struct Limits {
    app: App,
    places: Arc<Semaphore>,
    bodies: PerAddress,
    /// For what the road waits for.
    urgent_places: Arc<Semaphore>,
    urgent_bodies: PerAddress,
    urgent_users: PerEach<UserId>,
}

impl Limits {
    pub(super) fn new(app: App) -> Self {
        let most = app.config.http.max_requests;
        let places = Arc::new(Semaphore::new(most as usize));
        Self {
            app,
            places,
            bodies: PerAddress::new((most / SHARE) as usize),
            urgent_places: Arc::new(Semaphore::new(URGENT as usize)),
            urgent_bodies: PerAddress::new((URGENT / SHARE) as usize),
            urgent_users: PerEach::new(URGENT_OF_USER as usize),
        }
    }
}

/// Lets a request in when its sender has not sent too many and not too many are under way.
pub(super) async fn admit(State(limits): State<Limits>, request: Request, next: Next) -> Response<Body> {
    if ALWAYS.contains(&request.uri().path().trim_end_matches('/')) {
        return next.run(request).await;
    }
    let is_urgent = is_urgent(&request);
    let (places, bodies) = if is_urgent {
        (&limits.urgent_places, &limits.urgent_bodies)
    } else {
        (&limits.places, &limits.bodies)
    };
    let Ok(_place) = places.try_acquire() else {
        let detail = "Too many requests are under way; try again in a second";
        return Problem::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 1).into_response();
    };
    let (mut parts, mut body) = request.into_parts();
    if let Some(address) = ClientAddress::of(&parts, &limits.app).0.filter(|_| !body.is_end_stream()) {
        let Some(slow) = bodies.take(address) else {
            let detail = "Too many requests of your address are not all here yet; try again in a second";
            return Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, 1).into_response();
        };
        // Given back with the body: once it has been read, or nobody wants it.
        body = Body::from_stream(body.into_data_stream().map(move |part| {
            let _ = &slow;
            part
        }));
    }
    if let Err(retry_after_s) = count(&limits.app, &mut parts, is_urgent).await {
        let detail = format!("Too many requests; try again in {retry_after_s} s");
        return Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, retry_after_s).into_response();
    }
    let user = parts.extensions.get::<SignedIn>().filter(|_| is_urgent).map(|signed| signed.user.id());
    let of_user = user.map(|user| limits.urgent_users.take_one(user));
    if let Some(None) = of_user {
        let detail = "Too many of your requests to set a mode are under way; try again in a second";
        return Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, 1).into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Counts a request of the user whose session it carries, else of the address; of nobody without either, which no network connection is.
///
/// # Errors
/// Seconds to wait when there were too many.
async fn count(app: &App, parts: &mut Parts, is_urgent: bool) -> Result<(), u32> {
    let token = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    if let Some(claims) = token.and_then(|token| app.auth.verify(token, Clock.now())) {
        let user = if is_urgent { Sender::Urgent(claims.sub) } else { Sender::User(claims.sub) };
        app.auth.may_send(user, Clock.instant())?;
        // With the token of a session that has ended nobody uses up what its user may send. The request finds the session again where it is needed.
        if let Ok(Some(_)) = session_of(parts, app).await {
            return app.auth.admit(user, Clock.instant());
        }
    }
    match ClientAddress::of(parts, app).0 {
        Some(address) => app.auth.admit(Sender::Address(customer(address)), Clock.instant()),
        None => Ok(()),
    }
}
