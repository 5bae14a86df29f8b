//! Errors as RFC 9457 problem documents, whose `detail` is a sentence for people.

use crate::auth::Overloaded;
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{self, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

/// Seconds after which a client may try again when the server is busy or without its database.
const RETRY_AFTER_S: u32 = 5;

/// Why a request was not served.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    advice: Option<Advice>,
    cookie: Option<String>,
    cause: Option<Cause>,
}

/// What the client is to do, for a header.
#[derive(Clone, Copy, Debug)]
enum Advice {
    /// Send a bearer token (RFC 6750, 3).
    SignIn,
    /// Try again after so many seconds.
    RetryAfter(u32),
}

/// What is wrong with a field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Name of the field.
    pub field: String,
    /// What is wrong, as a sentence.
    pub message: String,
}

/// The document that a client sees (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: the status says it all.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Name of the status.
    pub title: &'static str,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong, as a sentence.
    pub detail: Cow<'static, str>,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What went wrong inside; goes to the log with the request's id and never to the client.
#[derive(Clone, Debug)]
pub(super) struct Cause(pub(super) Arc<anyhow::Error>);

impl Problem {
    /// A problem of a status.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), advice: None, cookie: None, cause: None }
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// 400.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401, with a challenge.
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { advice: Some(Advice::SignIn), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// 403.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 422, naming each field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut named = BTreeSet::new();
        let fields: Vec<&str> =
            errors.iter().map(|error| error.field.as_str()).filter(|field| named.insert(*field)).collect();
        let detail = format!("Invalid request: {}", fields.join(", "));
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 422 for one field.
    pub fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// 409.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Names a field that is at fault, whatever the status is.
    #[must_use]
    pub fn about(mut self, field: &str, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// Sends a `Set-Cookie` header along.
    #[must_use]
    pub fn with_cookie(self, cookie: String) -> Self {
        Self { cookie: Some(cookie), ..self }
    }

    /// 429 or 503 with the time to wait.
    pub fn retry(status: StatusCode, detail: impl Into<Cow<'static, str>>, after_s: u32) -> Self {
        Self { advice: Some(Advice::RetryAfter(after_s)), ..Self::new(status, detail) }
    }

    /// 500; the cause is logged, not shown.
    pub fn internal(cause: anyhow::Error) -> Self {
        let detail = "Internal error; the server's log has it under the id in X-Request-Id";
        Self { cause: Some(Cause(Arc::new(cause))), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail) }
    }
}

/// For a terminal: the sentence, then a line for each field.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        self.errors.iter().try_for_each(|error| write!(f, "\n  {}: {}", error.field, error.message))
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        if error.is::<Overloaded>() {
            let detail = "Too many people are signing in at this moment; try again in a few seconds";
            return Self::retry(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER_S);
        }
        let of_database = error.downcast_ref::<crate::db::Error>();
        if of_database.is_some_and(crate::db::is_orphan) {
            return Self::not_found("What this is about, or whoever asks for it, has been deleted meanwhile");
        }
        if of_database.is_some_and(crate::db::is_deadlock) {
            let detail = "Somebody else changed the same at this moment, so nothing was changed; try again";
            return Self::retry(StatusCode::SERVICE_UNAVAILABLE, detail, 1);
        }
        if of_database.is_some_and(crate::db::is_unfit) {
            // Nothing is broken that somebody would have to mend, unless no value of the request explains it.
            tracing::warn!(%error, "the database cannot take a value of a request");
            let detail = "The database cannot take a value of this request: a text, a number or a time in it is none that it can keep or calculate with";
            return Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        }
        if of_database.is_some_and(crate::db::is_away) {
            let detail = if of_database.is_some_and(crate::db::is_full) {
                "The disk of the database is full: nothing can be stored until an administrator makes room"
            } else {
                "The database cannot be reached; try again in a few seconds"
            };
            let problem = Self::retry(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER_S);
            return Self { cause: Some(Cause(Arc::new(error))), ..problem };
        }
        Self::internal(error)
    }
}

impl From<crate::db::Error> for Problem {
    fn from(error: crate::db::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
            errors: self.errors,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.advice {
            Some(Advice::SignIn) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Some(Advice::RetryAfter(seconds)) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            None => {}
        }
        if let Some(cookie) = self.cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            headers.insert(SET_COOKIE, cookie);
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $text:literal),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
                    BTreeMap::from([$((stringify!($status).to_owned(), documented($text))),+])
                }
            }
        )+
    };
}

/// A refusal with a problem document.
pub(super) fn documented(text: &str) -> RefOr<openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(text).content("application/problem+json", content).build().into()
}

refusals! {
    /// How the OpenAPI document describes that a token is needed.
    NeedsUser { 401: "Not signed in" }
    /// How the OpenAPI document describes what is asked by a name.
    NeedsUserAndName { 401: "Not signed in", 422: "The name is too long" }
    /// How the OpenAPI document describes what is asked of a city.
    NoSuchCity { 404: "No junction is in this city" }
    /// How the OpenAPI document describes that an administrator's token is needed.
    NeedsAdmin { 401: "Not signed in", 403: "No administrator" }
    /// How the OpenAPI document describes what an administrator does to something with an id.
    NeedsAdminAndId {
        401: "Not signed in",
        403: "No administrator",
        404: "There is nothing of this id",
        422: "The id is no UUID",
    }
    /// How the OpenAPI document describes that a junction must be there and granted.
    NeedsAccess {
        401: "Not signed in",
        403: "No access to this junction",
        404: "Junction not found",
        422: "The id is no UUID",
    }
    /// How the OpenAPI document describes bodies that are refused.
    BadBody { 413: "The body is too large", 415: "The body is of another type", 422: "The body is invalid" }
    /// How the OpenAPI document describes what is replaced as a whole.
    Outdated { 412: "It is no longer what If-Match names; the sentence says who has changed it, and when" }
    /// How the OpenAPI document describes lists.
    BadPage { 422: "limit or cursor are invalid" }
    /// How the OpenAPI document describes lists of what happened at a junction.
    NeedsAccessToList {
        401: "Not signed in",
        403: "No access to this junction",
        404: "Junction not found",
        422: "The id is no UUID, or from, to, limit or cursor are invalid",
    }
    /// How the OpenAPI document describes what a span of a junction comes to.
    NeedsAccessToSpan {
        401: "Not signed in",
        403: "No access to this junction",
        404: "Junction not found",
        422: "The id is no UUID, the lane is unknown, or the span is empty, too long or otherwise invalid",
    }
    /// How the OpenAPI document describes a server that hashes too many passwords at once.
    Busy { 503: "Too many people are signing in, or the database is out of reach" }
}
