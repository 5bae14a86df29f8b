//! People, as administrators see them: registration, the list, changes.

use super::body::{Body, Fields, JsonBody, PathParams};
use super::guard::{Acting, Admin, session_of};
use super::page::Page;
use super::problem::{BadBody, BadPage, Busy, NeedsAdmin, NeedsAdminAndId, Problem, ProblemBody};
use crate::app::App;
use crate::auth::weakness;
use crate::db::audit::{self, Deed};
use crate::db::users::{self, Change, Changed, ListedUser, NewUser, Registered, User};
use crate::db::{second_factor, sessions};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use flextraff_common::ids::UserId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

const SETUP_HEADER: &str = "x-setup-token";
const BAD_EMAIL: &str = "email is an address such as name@city.example";
const TAKEN: &str = "Username or email already registered";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(list))
        .routes(routes!(get, change, delete))
        .routes(routes!(reset_totp))
        .routes(routes!(sign_out))
}

/// A user to register.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"username": "operator1", "email": "operator1@city.example", "password": "a pass phrase that is long",
    "full_name": "Control room, first desk"}))]
pub struct UserCreate {
    /// 1 to 64 letters, digits and `. _ @ + -`; unique without regard to case.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._@+-]+$")]
    pub username: String,
    /// E-mail address; unique without regard to case.
    #[schema(max_length = 254, format = "email")]
    pub email: String,
    /// At least 12 characters that are hard to guess.
    #[schema(min_length = 12, max_length = 1024, format = "password")]
    pub password: String,
    /// Name for people.
    #[schema(max_length = 200)]
    pub full_name: Option<String>,
    /// Whether the user may do everything.
    #[serde(default)]
    #[schema(default = false)]
    pub is_admin: bool,
}

impl Body for UserCreate {
    fn read(fields: &mut Fields) -> Self {
        let user = Self {
            username: fields.line("username", 64),
            email: fields.line("email", 254),
            password: fields.text("password"),
            full_name: fields.optional_line("full_name", 200),
            is_admin: fields.flag_or("is_admin", false),
        };
        for (field, message) in user.faults() {
            fields.refuse(field, message);
        }
        user
    }
}

impl UserCreate {
    /// What is wrong with name, address and password: the field and a sentence.
    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !is_username(&self.username) {
            faults.push(("username", "username has 1 to 64 letters, digits and . _ @ + -".to_owned()));
        }
        if !is_email(&self.email) {
            faults.push(("email", BAD_EMAIL.to_owned()));
        }
        let full_name = self.full_name.as_deref().unwrap_or_default();
        if let Some(reason) = weakness(&self.password, &[&self.username, &self.email, full_name]) {
            faults.push(("password", reason));
        }
        faults
    }
}

/// Whether a text can be somebody's name to sign in with.
pub(super) fn is_username(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte))
}

/// One local part and one domain of at least two labels (RFC 5321 without quoting and without address literals).
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= 254
        && local.len() <= 64
        && local.split('.').all(atom)
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// Who asks for a registration.
enum Registrar {
    Admin,
    /// Nobody is registered yet, and this person may be the first.
    First,
}

impl FromRequestParts<App> for Registrar {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if let Some(signed) = session_of(parts, app).await? {
            return if signed.user.is_admin {
                Ok(Self::Admin)
            } else {
                Err(Problem::forbidden("Not enough privileges"))
            };
        }
        if users::any(&app.db).await? {
            return Err(Problem::unauthorized("Not authenticated"));
        }
        let presented =
            parts.headers.get(SETUP_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if app.allows_first_user(&parts.headers) || app.auth.is_setup_token(presented) {
            return Ok(Self::First);
        }
        Err(Problem::forbidden(
            "The first user is created with the set-up token of the server's start-up log in the header X-Setup-Token, \
             or by `flextraff-server user create`",
        ))
    }
}

/// Tells in the log, at start-up, how the first user comes about when nobody is registered yet.
///
/// # Errors
/// When the database fails.
pub async fn announce_first_user(app: &App) -> crate::db::Result<()> {
    if users::any(&app.db).await? {
        return Ok(());
    }
    let setup_token = app.auth.setup_token();
    if app.allows_first_user(&HeaderMap::new()) {
        tracing::warn!(
            setup_token,
            "nobody is registered yet: the first to register at /api/users/register is the administrator; through a proxy with this X-Setup-Token"
        );
    } else {
        tracing::warn!(
            setup_token,
            "nobody is registered yet: the first administrator registers with this X-Setup-Token"
        );
    }
    Ok(())
}

/// Registers a user. Administrators do; while there is no user the first one, an administrator, registers alone.
#[utoipa::path(post, path = "/api/users/register", tag = "users", request_body = UserCreate, security((), ("OAuth2PasswordBearer" = [])),
    params(("X-Setup-Token" = Option<String>, Header, description = "For the first user of a server that other machines reach")),
    responses(
        (status = 201, description = "Registered", body = User),
        (status = 400, description = "Name or address are taken", body = ProblemBody, content_type = "application/problem+json"),
        NeedsAdmin,
        BadBody,
        Busy,
    ))]
async fn register(
    State(app): State<App>,
    registrar: Registrar,
    Acting(actor): Acting,
    JsonBody(body): JsonBody<UserCreate>,
) -> Result<(StatusCode, Json<User>), Problem> {
    if matches!(registrar, Registrar::First) && !body.is_admin {
        return Err(Problem::invalid_field(
            "is_admin",
            "The first user is an administrator: send is_admin true",
        ));
    }
    let UserCreate { username, email, password, full_name, is_admin } = body;
    let password_hash = app.auth.passwords().hash(password).await?;
    let new = NewUser { username, email, password_hash, full_name, is_admin };
    let mut tx = app.db.begin().await?;
    let registered = match registrar {
        Registrar::Admin => users::register(&mut *tx, &new).await?,
        Registrar::First => users::register_first(&mut tx, &new).await?,
    };
    match registered {
        Registered::Created(user) => {
            let deed = Deed::new("user.create").to(&user.username).with(json!({
                "user_id": user.user_id, "email": user.email, "full_name": user.full_name, "is_admin": user.is_admin,
            }));
            audit::record(&mut *tx, &actor, deed).await?;
            tx.commit().await?;
            tracing::info!(user_id = %user.user_id, is_admin = user.is_admin, "user registered");
            Ok((StatusCode::CREATED, Json(user)))
        }
        Registered::Taken => Err(Problem::bad_request(TAKEN)),
        Registered::NotFirst => Err(Problem::unauthorized("Not authenticated")),
    }
}

/// All users, the newest first.
#[utoipa::path(get, path = "/api/users", tag = "users", params(Page), security(("OAuth2PasswordBearer" = [])), responses(
    (status = 200, body = [ListedUser], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAdmin,
        BadPage,
))]
async fn list(State(app): State<App>, _: Admin, page: Page) -> Result<Response, Problem> {
    let rows = users::list(&app.db, page.after()?, page.fetch()).await?;
    Ok(page.answer(rows, |listed| (listed.user.created_at, listed.user.user_id)))
}

/// A user.
#[utoipa::path(get, path = "/api/users/{user_id}", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path)), responses((status = 200, body = User), NeedsAdminAndId))]
async fn get(
    State(app): State<App>,
    _: Admin,
    PathParams(id): PathParams<Uuid>,
) -> Result<Json<User>, Problem> {
    users::get(&app.db, UserId(id)).await?.map(Json).ok_or_else(unknown)
}

/// What changes about a user; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"full_name": "Control room, second desk", "is_active": true}))]
struct UserChange {
    /// E-mail address.
    #[schema(max_length = 254, format = "email", nullable = false)]
    email: Option<String>,
    /// Name for people; null or empty takes it out.
    #[schema(max_length = 200)]
    full_name: Option<String>,
    /// Whether the user may do everything.
    #[schema(nullable = false)]
    is_admin: Option<bool>,
    /// Whether the user may sign in. Sessions of who may not end at once.
    #[schema(nullable = false)]
    is_active: Option<bool>,
    /// A new password; all sessions of the user end.
    #[schema(min_length = 12, max_length = 1024, format = "password", nullable = false)]
    password: Option<String>,
}

impl Body for UserChange {
    fn read(fields: &mut Fields) -> Self {
        let change = Self {
            email: fields.given("email").then(|| fields.line("email", 254)),
            full_name: fields
                .given("full_name")
                .then(|| fields.optional_line("full_name", 200).unwrap_or_default()),
            is_admin: fields.given("is_admin").then(|| fields.flag_or("is_admin", false)),
            is_active: fields.given("is_active").then(|| fields.flag_or("is_active", false)),
            password: fields.given("password").then(|| fields.text("password")),
        };
        if change.email.as_deref().is_some_and(|email| !is_email(email)) {
            fields.refuse("email", BAD_EMAIL);
        }
        change
    }
}

/// Changes a user.
#[utoipa::path(patch, path = "/api/users/{user_id}", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path)), request_body = UserChange,
    responses(
        (status = 200, body = User),
        (status = 400, description = "The address is taken", body = ProblemBody, content_type = "application/problem+json"),
        NeedsAdminAndId,
        (status = 409, description = "Nobody would be left to administer", body = ProblemBody, content_type = "application/problem+json"),
        BadBody,
        Busy,
    ))]
async fn change(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<UserChange>,
) -> Result<Json<User>, Problem> {
    let id = UserId(id);
    let before = users::get(&app.db, id).await?.ok_or_else(unknown)?;
    let password_hash = match body.password {
        Some(password) => {
            let email = body.email.as_deref().unwrap_or(&before.email);
            let full_name = before.full_name.as_deref().unwrap_or_default();
            if let Some(reason) = weakness(&password, &[&before.username, email, full_name]) {
                return Err(Problem::invalid_field("password", reason));
            }
            Some(app.auth.passwords().hash(password).await?)
        }
        None => None,
    };
    let changes = Change {
        email: body.email,
        full_name: body.full_name,
        is_admin: body.is_admin,
        is_active: body.is_active,
        password_hash,
    };
    let mut tx = app.db.begin().await?;
    let user = done(users::change(&mut tx, id, &changes).await?)?;
    if changes.password_hash.is_some() || changes.is_active == Some(false) {
        sessions::end_all(&mut *tx, id, None).await?;
    }
    audit::record(&mut *tx, &actor, Deed::new("user.update").to(&user.username).with(told(&changes))).await?;
    tx.commit().await?;
    Ok(Json(user))
}

/// The new values, for the audit log; of a password only that there is another.
fn told(change: &Change) -> serde_json::Value {
    let mut told = serde_json::Map::new();
    let mut tell = |name: &str, value: Option<serde_json::Value>| {
        if let Some(value) = value {
            told.insert(name.to_owned(), value);
        }
    };
    tell("email", change.email.clone().map(Into::into));
    tell("full_name", change.full_name.clone().map(Into::into));
    tell("is_admin", change.is_admin.map(Into::into));
    tell("is_active", change.is_active.map(Into::into));
    tell("password", change.password_hash.is_some().then(|| "changed".into()));
    told.into()
}

/// Deletes a user. What the user did stays in the records.
#[utoipa::path(delete, path = "/api/users/{user_id}", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path)),
    responses(
        (status = 204, description = "Deleted"),
        NeedsAdminAndId,
        (status = 409, description = "Nobody would be left to administer", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn delete(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let user = done(users::delete(&mut tx, UserId(id)).await?)?;
    let deed = Deed::new("user.delete").to(user.username).with(json!({"user_id": id}));
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the second factor of a user away who has lost the device.
#[utoipa::path(delete, path = "/api/users/{user_id}/totp", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path)),
    responses((status = 204, description = "The user signs in with the password alone"), NeedsAdminAndId))]
async fn reset_totp(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let user = users::get(&mut *tx, UserId(id)).await?.ok_or_else(unknown)?;
    second_factor::remove(&mut tx, UserId(id)).await?;
    audit::record(&mut *tx, &actor, Deed::new("user.totp.reset").to(user.username)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of a user at once. Who may sign in can do so again.
#[utoipa::path(delete, path = "/api/users/{user_id}/sessions", tag = "users", security(("OAuth2PasswordBearer" = [])),
    params(("user_id" = Uuid, Path)),
    responses((status = 204, description = "The user is signed in nowhere"), NeedsAdminAndId))]
async fn sign_out(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    PathParams(id): PathParams<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let user = users::get(&mut *tx, UserId(id)).await?.ok_or_else(unknown)?;
    let ended = sessions::end_all(&mut *tx, UserId(id), None).await?;
    let deed = Deed::new("session.end_all").to(user.username).with(json!({"sessions": ended}));
    audit::record(&mut *tx, &actor, deed).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn done(changed: Changed) -> Result<User, Problem> {
    match changed {
        Changed::Done(user) => Ok(user),
        Changed::Unknown => Err(unknown()),
        Changed::Taken => Err(Problem::bad_request(TAKEN)),
        Changed::LastAdmin => {
            Err(Problem::conflict("This is the last active administrator: make somebody else one first"))
        }
    }
}

fn unknown() -> Problem {
    Problem::not_found("User not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["admin@flextraff.com", "a.b+c@x-y.example.in", "मोहन@उदाहरण.भारत"]
        {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "", "@", "a@", "@b.c", "a@b", "a b@c.d", "a@b..c", "a..b@c.d", "a@-b.c", "a@b.c\0", "a@@b.c",
            "a,b@c.d",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
        assert!(!is_email(&format!("{}@b.example", "a".repeat(65))));
    }

    #[test]
    fn names_are_plain_words() {
        assert!(is_username("admin") && is_username("asha.k@city_2+x-y"));
        for bad in ["", "a b", "a\0", "é", &"a".repeat(65)] {
            assert!(!is_username(bad), "{bad:?}");
        }
    }
}
