//! Errors as RFC 9457 problem documents, whose `detail` is a sentence for people.

use crate::auth::Overloaded;
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;
use utoipa::ToSchema;

/// Seconds after which a client may try again when the server is busy or without its database.
const RETRY_AFTER_S: u32 = 5;

/// Why a request was not served.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    headers: HeaderMap,
    cause: Option<Cause>,
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
    pub status: u16,
    /// What is wrong, as a sentence.
    pub detail: Cow<'static, str>,
    /// What is wrong with which field; only with status 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What went wrong inside; goes to the log with the request's id and never to the client.
#[derive(Clone, Debug)]
pub(super) struct Cause(pub(super) Arc<anyhow::Error>);

impl Problem {
    /// A problem of a status.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), headers: HeaderMap::new(), cause: None }
    }

    /// 400.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401, with the challenge that RFC 6750 asks for.
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
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
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let detail = format!("Invalid request: {}", fields.join(", "));
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 422 for one field.
    pub fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// 429 or 503 with the time to wait.
    pub fn retry(status: StatusCode, detail: impl Into<Cow<'static, str>>, after_s: u32) -> Self {
        Self::new(status, detail).with_header(RETRY_AFTER, HeaderValue::from(after_s))
    }

    /// 500; the cause is logged, not shown.
    pub fn internal(cause: anyhow::Error) -> Self {
        let detail = "Internal error; the server's log has it under the id in X-Request-Id";
        Self { cause: Some(Cause(Arc::new(cause))), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail) }
    }

    fn with_header(mut self, name: axum::http::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        if error.is::<Overloaded>() {
            let detail = "Too many people are signing in at this moment; try again in a few seconds";
            return Self::retry(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER_S);
        }
        let out_of_reach = matches!(
            error.downcast_ref(),
            Some(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::Tls(_))
        );
        if out_of_reach {
            let detail = "The database cannot be reached; try again in a few seconds";
            let problem = Self::retry(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER_S);
            return Self { cause: Some(Cause(Arc::new(error))), ..problem };
        }
        Self::internal(error)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
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
        let mut response = (self.status, self.headers, Json(body)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}
