//! Signing in, going on, and signing out.

use super::addresses::network;
use super::body::{Body, Fields, FormBody};
use super::guard::{ClientAddress, Encrypted, OwnOrigin, session_of};
use super::problem::{BadBody, Busy, Problem, ProblemBody};
use super::users::is_username;
use crate::app::App;
use crate::auth::second_factor::{OneTimeCodes, recovery_hash};
use crate::auth::{Attempt, MAX_PASSWORD_BYTES, Passwords, RefreshToken, no_cookie};
use crate::clock::Clock;
use crate::db::audit::{self, Actor, Deed};
use crate::db::sessions::{self, GoesOnWith, Refreshed, Shown, Successor};
use crate::db::users::{self, User};
use crate::db::{self, second_factor, tidings};
use axum::Json;
use axum::extract::State;
use axum::http::header::{COOKIE, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use chrono::{DateTime, Days, Utc};
use flextraff_common::ids::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::IpAddr;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// For so long an address from which somebody has signed in is known, days.
const KNOWN_DAYS: u64 = 30;
/// Tells nobody which of the two is wrong.
const INCORRECT: &str = "Incorrect username or password";
const SECONDS_PER_DAY: u64 = 86_400;
/// The header by which a browser's page says that others may show the same cookie.
pub(super) const SEVERAL_PAGES: &str = "x-several-pages";
/// Longest value of it, characters.
const MOST_SEVERAL: usize = 16;
/// For so long a cookie stands then, and its successor is told again, seconds.
const STANDS_S: f64 = 60.0;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(token)).routes(routes!(refresh)).routes(routes!(logout))
}

/// The form of an OAuth 2 password grant; further fields are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "operator1", "password": "a pass phrase that is long"}))]
struct Login {
    /// Name of the user.
    #[schema(max_length = 4096)]
    username: String,
    /// Password of the user.
    #[schema(max_length = 4096, format = "password")]
    password: String,
    /// One-time code or recovery code of a user with a second factor.
    #[schema(max_length = 64)]
    totp: Option<String>,
}

impl Body for Login {
    // As OAuth 2 wants it (RFC 6749, 3.2).
    const PASSES_OVER: bool = true;

    fn read(fields: &mut Fields) -> Self {
        Self {
            username: fields.text("username"),
            password: fields.text("password"),
            totp: fields.optional_line("totp", 64),
        }
    }
}

/// An access token.
#[derive(Serialize, ToSchema)]
struct Token {
    /// Goes into `Authorization: Bearer …`.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
}

/// Signs in: an access token for name and password, and a cookie with which browsers get the next ones.
///
/// A user with a second factor also sends `totp`; without it the answer is 401 and names that field.
#[utoipa::path(post, path = "/api/users/token", tag = "users",
    request_body(content = Login, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Token, headers(("Set-Cookie" = String, description = "The refresh token"))),
        (status = 400, description = "The user is inactive", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "Wrong name or password, or the one-time code is missing or wrong", body = ProblemBody,
            content_type = "application/problem+json"),
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
        Busy,
    ))]
async fn token(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Encrypted(encrypted): Encrypted,
    headers: HeaderMap,
    FormBody(Login { username, password, totp }): FormBody<Login>,
) -> Result<Response, Problem> {
    brake(&app, &username, address).await?;
    let found = if is_username(&username) { users::credentials(&app.db, &username).await? } else { None };
    let (user, stored) = found.unzip();
    let actor = Actor {
        user_id: user.as_ref().map(|user| user.user_id),
        username: user.as_ref().map(|user| user.username.clone()),
        address,
    };
    let right = password.len() <= MAX_PASSWORD_BYTES
        && app.auth.passwords().verify(password.clone(), stored.clone()).await?;
    let Some((user, stored)) = user.zip(stored).filter(|_| right) else {
        refuse(&app, &username, &actor, "password").await?;
        return Err(Problem::unauthorized(INCORRECT));
    };
    if !user.is_active {
        refuse(&app, &username, &actor, "inactive").await?;
        return Err(Problem::bad_request("Inactive user"));
    }
    if user.totp_enabled {
        let Some(code) = totp else {
            refuse(&app, &username, &actor, "totp missing").await?;
            return Err(Problem::unauthorized("A one-time code is needed").about("totp", "totp is missing"));
        };
        if !is_second_factor(&app, &user, &code).await? {
            refuse(&app, &username, &actor, "totp").await?;
            let problem = Problem::unauthorized("The one-time code is wrong or was used before");
            return Err(problem.about("totp", "totp is wrong or was used before"));
        }
    }
    let rehashed =
        if Passwords::is_outdated(&stored) { Some(app.auth.passwords().hash(password).await?) } else { None };
    let refresh = RefreshToken::random()?;
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let mut tx = app.db.begin().await?;
    // Since it was verified somebody may have changed it and ended all sessions.
    if !users::sign_in(&mut tx, user.id(), &stored, user.totp_enabled, rehashed.as_deref()).await? {
        drop(tx);
        refuse(&app, &username, &actor, "password").await?;
        return Err(Problem::unauthorized(INCORRECT));
    }
    let session = sessions::begin(&mut *tx, user.id(), &refresh.hash(), expiry(&app), address, agent).await?;
    audit::record(&mut *tx, &actor, Deed::new("session.begin").to(session.to_string())).await?;
    tx.commit().await?;
    app.auth.signed_in(&username, address);
    answer(&app, &user, session, &refresh, encrypted)
}

/// A further access token for the cookie of the sign-in, and the next cookie once that is a minute old; a replaced one that is shown later ends its session.
#[utoipa::path(post, path = "/api/users/token/refresh", tag = "users",
    params(
        ("flextraff_refresh" = String, Cookie, max_length = 256, description = "The refresh token"),
        ("x-several-pages" = Option<String>, Header, max_length = 16,
            description = "Any value: several pages of one browser may show this cookie at once, and an answer may be lost on its way. Then a cookie \
                           stands for a minute, and the one that it replaced gives the same answer as long. Without it each cookie is for one use."),
    ),
    responses(
        (status = 200, body = Token, headers(("Set-Cookie" = String, description = "The next refresh token"))),
        (status = 401, description = "No session goes on with this cookie", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The header is too long", body = ProblemBody, content_type = "application/problem+json"),
        Busy,
    ))]
async fn refresh(
    State(app): State<App>,
    _: OwnOrigin,
    ClientAddress(address): ClientAddress,
    Encrypted(encrypted): Encrypted,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(shown) = presented(&headers) else { return Err(over(encrypted)) };
    let next = RefreshToken::random()?;
    let offered = Successor { hash: next.hash(), sealed: shown.seal(&next) };
    let stands_s = match headers.get(SEVERAL_PAGES) {
        Some(value) if value.len() > MOST_SEVERAL => {
            let sentence = format!("It has at most {MOST_SEVERAL} characters");
            return Err(Problem::invalid_field("X-Several-Pages", sentence));
        }
        Some(_) => STANDS_S,
        None => 0.0,
    };
    let by = Shown { hash: &shown.hash(), address };
    match sessions::refresh(&app.db, by, offered, stands_s, Clock.utc(), expiry(&app)).await? {
        Refreshed::Renewed { user, session, token } => {
            let token = match token {
                GoesOnWith::Shown => shown,
                GoesOnWith::Offered => next,
                GoesOnWith::Sealed(sealed) => shown.open(&sealed),
            };
            answer(&app, &user, session, &token, encrypted)
        }
        Refreshed::Reused { ended: false, .. } | Refreshed::Unknown => Err(over(encrypted)),
        Refreshed::Reused { session, user, .. } => {
            tracing::warn!(%session, user_id = %user, "a refresh token was used twice: its session is ended");
            Err(over(encrypted))
        }
    }
}

/// Signs out: ends the session of the access token or of the cookie.
#[utoipa::path(post, path = "/api/users/logout", tag = "users", security((), ("OAuth2PasswordBearer" = [])),
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "Not signed in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn logout(
    State(app): State<App>,
    _: OwnOrigin,
    ClientAddress(address): ClientAddress,
    Encrypted(encrypted): Encrypted,
    mut parts: Parts,
) -> Result<Response, Problem> {
    let mut ended = Vec::new();
    // A token that has run out leaves the cookie, which would else sign in again.
    let signed = match session_of(&mut parts, &app).await {
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => None,
        signed => signed?,
    };
    if let Some(signed) = signed {
        ended.push((signed.session, signed.user.user_id, signed.user.username));
    }
    if let Some(token) = presented(&parts.headers) {
        ended.extend(sessions::of_token(&app.db, &token.hash()).await?);
    }
    if ended.is_empty() {
        return Err(Problem::unauthorized("Not authenticated"));
    }
    let mut tx = app.db.begin().await?;
    for (session, user_id, username) in ended {
        if sessions::end(&mut *tx, UserId(user_id), session).await? {
            let actor = Actor { user_id: Some(user_id), username: Some(username), address };
            audit::record(&mut *tx, &actor, Deed::new("session.end").to(session.to_string())).await?;
        }
    }
    tx.commit().await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(SET_COOKIE, no_cookie(encrypted))])).into_response())
}

/// Counts an attempt to show a password.
///
/// # Errors
/// 429 when too many came before.
pub(super) async fn brake(app: &App, username: &str, address: Option<IpAddr>) -> Result<(), Problem> {
    let retry_after_s = match app.auth.attempt(username, address, Clock.instant()) {
        Attempt::Allowed => return Ok(()),
        Attempt::Refused { retry_after_s } => retry_after_s,
        Attempt::OnlyFromKnownAddress { retry_after_s } => {
            let since = Clock.utc().checked_sub_days(Days::new(KNOWN_DAYS)).unwrap_or_default();
            if let Some(address) = address
                && is_username(username)
                && sessions::knows_address(&app.db, username, &network(address), since).await?
            {
                return Ok(());
            }
            retry_after_s
        }
    };
    tracing::warn!(?address, "too many attempts to sign in");
    let detail = "Too many attempts to sign in; wait before the next";
    Err(Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, retry_after_s))
}

/// Whether a text is the one-time code of this moment, or a recovery code; it is spent.
pub(super) async fn is_second_factor(app: &App, user: &User, code: &str) -> Result<bool, Problem> {
    if let Some(hash) = recovery_hash(code) {
        return Ok(second_factor::spend_recovery_code(&app.db, user.id(), &hash).await?);
    }
    let Some(secret) = second_factor::secret(&app.db, user.id()).await? else { return Ok(false) };
    let codes = OneTimeCodes::new(&secret.bytes, &user.username)?;
    match codes.step_of(code, Clock.now()) {
        Some(step) => Ok(second_factor::spend_step(&app.db, user.id(), step).await?),
        None => Ok(false),
    }
}

/// Notes it, and tells the other servers, which count it as well. Of names that nobody has the name is not kept: it may be a password in the wrong field. The line itself is, so that the time of the answer
/// does not tell which names exist.
async fn refuse(app: &App, username: &str, actor: &Actor, why: &'static str) -> db::Result<()> {
    tidings::tell_guess(&app.db, &app.auth.guess(username, actor.address)).await?;
    audit::refuse(&app.db, actor, Deed::new("session.refuse").with(json!({"reason": why}))).await
}

/// The same of who is signed in and shows a password or a code once more.
pub(super) async fn refuse_signed_in(app: &App, actor: &Actor, why: &'static str) -> db::Result<()> {
    let detail = json!({"reason": why, "signed_in": true});
    let username = actor.username.as_deref().unwrap_or_default();
    tidings::tell_guess(&app.db, &app.auth.guess(username, actor.address)).await?;
    audit::record(&app.db, actor, Deed::new("session.refuse").with(detail)).await
}

fn presented(headers: &HeaderMap) -> Option<RefreshToken> {
    RefreshToken::in_cookies(headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()))
}

fn expiry(app: &App) -> DateTime<Utc> {
    Clock
        .utc()
        .checked_add_days(Days::new(app.config.auth.session_days.into()))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn answer(
    app: &App,
    user: &User,
    session: Uuid,
    refresh: &RefreshToken,
    encrypted: bool,
) -> Result<Response, Problem> {
    let access_token = app.auth.issue(user.id(), session, &user.username, Clock.now())?;
    let max_age_s = SECONDS_PER_DAY * u64::from(app.config.auth.session_days);
    let cookie = refresh.cookie(max_age_s, encrypted);
    let token = Token { access_token, token_type: "bearer" };
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Json(token)).into_response())
}

/// 401, and the cookie that is worth nothing goes.
fn over(encrypted: bool) -> Problem {
    Problem::unauthorized("This session is over; sign in again").with_cookie(no_cookie(encrypted))
}
