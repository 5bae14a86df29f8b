//! Signing in.

use super::body::{Body, Fields, FormBody};
use super::guard::ClientAddress;
use super::problem::{BadBody, Busy, Problem, ProblemBody};
use super::users::is_username;
use crate::app::App;
use crate::auth::{Attempt, MAX_PASSWORD_BYTES};
use crate::clock::Clock;
use crate::db::users;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(token))
}

/// The form of an OAuth 2 password grant; further fields are ignored.
#[derive(Deserialize, ToSchema)]
struct Login {
    /// Name of the user.
    username: String,
    /// Password of the user.
    #[schema(format = "password")]
    password: String,
}

impl Body for Login {
    fn read(fields: &mut Fields) -> Self {
        Self { username: fields.text("username"), password: fields.text("password") }
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

/// Signs in: an access token for name and password.
#[utoipa::path(post, path = "/api/users/token", tag = "users",
    request_body(content = Login, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Token),
        (status = 400, description = "The user is inactive", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "Wrong name or password", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
        (status = 429, description = "Too many attempts", body = ProblemBody, content_type = "application/problem+json"),
        Busy,
    ))]
async fn token(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    FormBody(Login { username, password }): FormBody<Login>,
) -> Result<Json<Token>, Problem> {
    if let Attempt::Refused { retry_after_s } = app.auth.attempt(&username, address, Clock.instant()) {
        tracing::warn!(?address, "too many attempts to sign in");
        let detail = "Too many attempts to sign in; wait before the next";
        return Err(Problem::retry(StatusCode::TOO_MANY_REQUESTS, detail, retry_after_s));
    }
    let found = if is_username(&username) { users::credentials(&app.db, &username).await? } else { None };
    let (user, stored) = found.unzip();
    let right = password.len() <= MAX_PASSWORD_BYTES && app.auth.passwords().verify(password, stored).await?;
    let Some(user) = user.filter(|_| right) else {
        return Err(Problem::unauthorized("Incorrect username or password"));
    };
    if !user.is_active {
        return Err(Problem::bad_request("Inactive user"));
    }
    app.auth.signed_in(&username, address);
    users::signed_in(&app.db, user.id()).await?;
    let access_token = app.auth.issue(user.id(), &user.username, Clock.now())?;
    Ok(Json(Token { access_token, token_type: "bearer" }))
}
