//! What people do with their own account: password, second factor, sessions.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::guard::{Acting, CurrentSession, CurrentUser};
use super::page::Page;
use super::problem::{BadBody, BadPage, Busy, NeedsUser, Problem, ProblemBody};
use super::token::{brake, is_second_factor, refuse_signed_in};
use crate::app::App;
use crate::auth::second_factor::{OneTimeCodes, new_recovery_codes, new_secret, recovery_hash};
use crate::auth::{MAX_PASSWORD_BYTES, weakness};
use crate::clock::Clock;
use crate::db::audit::{self, Actor, Deed};
use crate::db::second_factor;
use crate::db::sessions::{self, Session};
use crate::db::users::{self, User};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(set_password))
        .routes(routes!(offer))
        .routes(routes!(confirm))
        .routes(routes!(disable))
        .routes(routes!(recovery_codes))
        .routes(routes!(list, end_all))
        .routes(routes!(end))
}

/// The signed-in user.
#[utoipa::path(get, path = "/api/users/me", tag = "users", security(("OAuth2PasswordBearer" = [])), responses(
    (status = 200, body = User),
    NeedsUser,
))]
async fn me(CurrentUser(user): CurrentUser) -> Json<User> {
    Json(user)
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password until now.
    #[schema(max_length = 4096, format = "password")]
    current_password: String,
    /// At least 12 characters that are hard to guess.
    #[schema(min_length = 12, max_length = 1024, format = "password")]
    new_password: String,
}

impl Body for NewPassword {
    fn read(fields: &mut Fields) -> Self {
        Self { current_password: fields.text("current_password"), new_password: fields.text("new_password") }
    }
}

/// Changes the own password; every other session of the user ends.
#[utoipa::path(put, path = "/api/users/me/password", tag = "users", request_body = NewPassword,
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "The password until now is another one", body = ProblemBody, content_type = "application/problem+json"),
        NeedsUser,
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
        Busy,
    ))]
async fn set_password(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    CurrentSession(session): CurrentSession,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<NewPassword>,
) -> Result<StatusCode, Problem> {
    let verified = show_password(&app, &user, &actor, body.current_password, "current_password").await?;
    let about = [user.username.as_str(), &user.email, user.full_name.as_deref().unwrap_or_default()];
    if let Some(reason) = weakness(&body.new_password, &about) {
        return Err(Problem::invalid_field("new_password", reason));
    }
    let password_hash = app.auth.passwords().hash(body.new_password).await?;
    let mut tx = app.db.begin().await?;
    if !users::set_password(&mut tx, user.id(), &verified, &password_hash).await? {
        return Err(wrong_password("current_password"));
    }
    sessions::end_all(&mut *tx, user.id(), Some(session)).await?;
    audit::record(&mut *tx, &actor, Deed::new("user.password").to(user.username)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the user's device needs to show one-time codes.
#[derive(Serialize, ToSchema)]
struct Offer {
    /// The secret in base 32, to type in.
    secret: String,
    /// The address to show as QR code.
    uri: String,
}

/// The password, to show that the user still sits there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShownPassword {
    /// Password of the user.
    #[schema(max_length = 4096, format = "password")]
    password: String,
}

impl Body for ShownPassword {
    fn read(fields: &mut Fields) -> Self {
        Self { password: fields.text("password") }
    }
}

/// Begins a second factor: a secret for the user's device. It counts once a code of it is confirmed.
#[utoipa::path(post, path = "/api/users/me/totp", tag = "users", request_body = ShownPassword,
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = Offer),
        (status = 400, description = "The password is another one", body = ProblemBody, content_type = "application/problem+json"),
        NeedsUser,
        (status = 409, description = "There is a second factor already", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
        Busy,
    ))]
async fn offer(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<ShownPassword>,
) -> Result<Json<Offer>, Problem> {
    let verified = show_password(&app, &user, &actor, body.password, "password").await?;
    let secret = new_secret()?;
    let codes = OneTimeCodes::new(&secret, &user.username)?;
    let mut tx = users::with_password(&app.db, user.id(), &verified)
        .await?
        .ok_or_else(|| wrong_password("password"))?;
    if !second_factor::offer(&mut *tx, user.id(), &secret).await? {
        return Err(Problem::conflict(
            "There is a second factor already; disable it before you set up another",
        ));
    }
    audit::record(&mut *tx, &actor, Deed::new("user.totp.offer").to(user.username)).await?;
    tx.commit().await?;
    Ok(Json(Offer { secret: codes.secret(), uri: codes.uri()? }))
}

/// A one-time code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShownCode {
    /// The code that the device shows.
    #[schema(min_length = 1, max_length = 64)]
    totp: String,
}

impl Body for ShownCode {
    fn read(fields: &mut Fields) -> Self {
        Self { totp: fields.line("totp", 64) }
    }
}

/// Codes that stand in for the device, each once. They are shown this once.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    /// Ten codes.
    recovery_codes: Vec<String>,
}

/// Confirms the second factor with a code of the device; from now on each sign-in needs one.
#[utoipa::path(post, path = "/api/users/me/totp/confirm", tag = "users", request_body = ShownCode,
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = RecoveryCodes),
        (status = 400, description = "The code is wrong", body = ProblemBody, content_type = "application/problem+json"),
        NeedsUser,
        (status = 409, description = "There is no secret to confirm", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn confirm(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<ShownCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    brake(&app, &user.username, actor.address).await?;
    let secret = second_factor::secret(&app.db, user.id()).await?.filter(|secret| !secret.confirmed);
    let Some(secret) = secret else {
        return Err(Problem::conflict("There is no secret to confirm; ask for one first"));
    };
    let codes = OneTimeCodes::new(&secret.bytes, &user.username)?;
    let Some(step) = codes.step_of(&body.totp, Clock.now()) else {
        refuse_signed_in(&app, &actor, "totp").await?;
        return Err(wrong_code());
    };
    let recovery_codes = new_recovery_codes()?;
    let mut tx = app.db.begin().await?;
    if !second_factor::spend_step(&mut *tx, user.id(), step).await? {
        drop(tx);
        refuse_signed_in(&app, &actor, "totp").await?;
        return Err(wrong_code());
    }
    // Another secret may have been offered in the meantime, of which no code was shown.
    if !second_factor::confirm(&mut *tx, user.id(), &secret.bytes).await? {
        return Err(wrong_code());
    }
    second_factor::set_recovery_codes(&mut tx, user.id(), &hashes(&recovery_codes)).await?;
    audit::record(&mut *tx, &actor, Deed::new("user.totp.enable").to(user.username)).await?;
    tx.commit().await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Password and one-time code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShownBoth {
    /// Password of the user.
    #[schema(max_length = 4096, format = "password")]
    password: String,
    /// One-time code or recovery code.
    #[schema(min_length = 1, max_length = 64)]
    totp: String,
}

impl Body for ShownBoth {
    fn read(fields: &mut Fields) -> Self {
        Self { password: fields.text("password"), totp: fields.line("totp", 64) }
    }
}

/// Takes the second factor away.
#[utoipa::path(post, path = "/api/users/me/totp/disable", tag = "users", request_body = ShownBoth,
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 204, description = "There is no second factor any more"),
        (status = 400, description = "Password or code are wrong", body = ProblemBody, content_type = "application/problem+json"),
        NeedsUser,
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
        Busy,
    ))]
async fn disable(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<ShownBoth>,
) -> Result<StatusCode, Problem> {
    let verified = show_both(&app, &user, &actor, body).await?;
    let mut tx = users::with_password(&app.db, user.id(), &verified)
        .await?
        .ok_or_else(|| wrong_password("password"))?;
    second_factor::remove(&mut tx, user.id()).await?;
    audit::record(&mut *tx, &actor, Deed::new("user.totp.disable").to(user.username)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in place of the ones before.
#[utoipa::path(post, path = "/api/users/me/totp/recovery-codes", tag = "users", request_body = ShownBoth,
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = RecoveryCodes),
        (status = 400, description = "Password or code are wrong", body = ProblemBody, content_type = "application/problem+json"),
        NeedsUser,
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
        Busy,
    ))]
async fn recovery_codes(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<ShownBoth>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let verified = show_both(&app, &user, &actor, body).await?;
    let recovery_codes = new_recovery_codes()?;
    let mut tx = users::with_password(&app.db, user.id(), &verified)
        .await?
        .ok_or_else(|| wrong_password("password"))?;
    second_factor::set_recovery_codes(&mut tx, user.id(), &hashes(&recovery_codes)).await?;
    audit::record(&mut *tx, &actor, Deed::new("user.totp.recovery_codes").to(user.username)).await?;
    tx.commit().await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// One of the own sessions.
#[derive(Debug, Serialize, ToSchema)]
struct OwnSession {
    #[serde(flatten)]
    session: Session,
    /// Whether it is the one whose token this request carries.
    is_this: bool,
}

/// The own sessions that go on, the newest first.
#[utoipa::path(get, path = "/api/users/me/sessions", tag = "users", params(Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [OwnSession], headers(("Link" = String, description = "Address of the next page"))),
        NeedsUser,
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    CurrentSession(this): CurrentSession,
    page: Page,
) -> Result<Response, Problem> {
    let rows = sessions::list(&app.db, user.id(), Clock.utc(), page.after()?, page.fetch()).await?;
    let own = |session: Session| OwnSession { is_this: session.session_id == this, session };
    let rows: Vec<OwnSession> = rows.into_iter().map(own).collect();
    Ok(page.answer(rows, |own| (own.session.created_at, own.session.session_id)))
}

/// Signs out everywhere, here as well.
#[utoipa::path(delete, path = "/api/users/me/sessions", tag = "users", security(("OAuth2PasswordBearer" = [])),
    responses((status = 204, description = "Signed out everywhere"), NeedsUser))]
async fn end_all(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let count = sessions::end_all(&mut *tx, user.id(), None).await?;
    let deed = Deed::new("session.end_all").to(user.username).with(json!({"sessions": count}));
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one of the own sessions.
#[utoipa::path(delete, path = "/api/users/me/sessions/{session_id}", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("session_id" = Uuid, Path)),
    responses(
        (status = 204, description = "It is over"),
        NeedsUser,
        (status = 404, description = "No such session goes on", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The id is no UUID", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn end(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    Acting(actor): Acting,
    PathParams(session): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    if !sessions::end(&mut *tx, user.id(), session).await? {
        return Err(Problem::not_found("You have no such session"));
    }
    audit::record(&mut *tx, &actor, Deed::new("session.end").to(session.to_string())).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the password of who is signed in already; attempts count as those to sign in do. Returns the hash that was verified: it may be another
/// one by the time of the deed.
async fn show_password(
    app: &App,
    user: &User,
    actor: &Actor,
    password: String,
    field: &str,
) -> Result<String, Problem> {
    brake(app, &user.username, actor.address).await?;
    let stored = users::credentials(&app.db, &user.username).await?.map(|(_, stored)| stored);
    let right =
        password.len() <= MAX_PASSWORD_BYTES && app.auth.passwords().verify(password, stored.clone()).await?;
    if let Some(stored) = stored.filter(|_| right) {
        // With a second factor only both together forget the attempts: else whoever knows the password could guess codes without end.
        if !user.totp_enabled {
            app.auth.signed_in(&user.username, actor.address);
        }
        return Ok(stored);
    }
    refuse_signed_in(app, actor, "password").await?;
    Err(wrong_password(field))
}

async fn show_both(app: &App, user: &User, actor: &Actor, body: ShownBoth) -> Result<String, Problem> {
    let verified = show_password(app, user, actor, body.password, "password").await?;
    if !is_second_factor(app, user, &body.totp).await? {
        refuse_signed_in(app, actor, "totp").await?;
        return Err(wrong_code());
    }
    app.auth.signed_in(&user.username, actor.address);
    Ok(verified)
}

fn wrong_password(field: &str) -> Problem {
    Problem::bad_request("Incorrect password").about(field, format!("{field} is wrong"))
}

fn wrong_code() -> Problem {
    Problem::bad_request("The one-time code is wrong or was used before")
        .about("totp", "totp is wrong or was used before")
}

fn hashes(codes: &[String]) -> Vec<[u8; 32]> {
    codes.iter().filter_map(|code| recovery_hash(code)).collect()
}
