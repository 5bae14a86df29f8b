//! People: registration, the own account, the list.

use super::body::{Body, Fields, JsonBody};
use super::guard::{Admin, CurrentUser, user_of};
use super::page::Page;
use super::problem::{BadBody, BadPage, Busy, NeedsAdmin, NeedsUser, Problem, ProblemBody};
use crate::app::App;
use crate::auth::weakness;
use crate::db::users::{self, NewUser, Registered, User};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const SETUP_HEADER: &str = "x-setup-token";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(me)).routes(routes!(list))
}

/// A user to register.
#[derive(Clone, Deserialize, ToSchema)]
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
            faults.push(("email", "email is an address such as name@city.example".to_owned()));
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
        if let Some(user) = user_of(&parts.headers, app).await? {
            return if user.is_admin {
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
        if app.allows_first_user() || app.auth.is_setup_token(presented) {
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
    if app.allows_first_user() {
        tracing::warn!(
            "nobody is registered yet: the first to register at /api/users/register is the administrator"
        );
    } else {
        let setup_token = app.auth.setup_token();
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
    let registered = match registrar {
        Registrar::Admin => users::register(&app.db, &new).await?,
        Registrar::First => users::register_first(&app.db, &new).await?,
    };
    match registered {
        Registered::Created(user) => {
            tracing::info!(user_id = %user.user_id, is_admin = user.is_admin, "user registered");
            Ok((StatusCode::CREATED, Json(user)))
        }
        Registered::Taken => Err(Problem::bad_request("Username or email already registered")),
        Registered::NotFirst => Err(Problem::unauthorized("Not authenticated")),
    }
}

/// The signed-in user.
#[utoipa::path(get, path = "/api/users/me", tag = "users", security(("OAuth2PasswordBearer" = [])), responses(
    (status = 200, body = User),
        NeedsUser,
))]
async fn me(CurrentUser(user): CurrentUser) -> Json<User> {
    Json(user)
}

/// All users, the newest first.
#[utoipa::path(get, path = "/api/users", tag = "users", params(Page), security(("OAuth2PasswordBearer" = [])), responses(
    (status = 200, body = [User], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAdmin,
        BadPage,
))]
async fn list(State(app): State<App>, _: Admin, page: Page) -> Result<Response, Problem> {
    let rows = users::list(&app.db, page.after()?, page.fetch()).await?;
    Ok(page.answer("/api/users/", rows, |user| (user.created_at, user.user_id)))
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
