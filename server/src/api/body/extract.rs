//! What handlers take of a request: bodies, parameters of the path and of the query.

use super::super::problem::Problem;
use super::{Body, Fields, MOST_BYTES};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection};
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::time::timeout;

/// A JSON object as body.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(pub T);

impl<T: Body, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(no_json());
        }
        let bytes = timeout(T::WITHIN, Bytes::from_request(request, state)).await.map_err(|_| {
            let detail = format!("The body did not come within {} s", T::WITHIN.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
        })?;
        Ok(Self(read_json(&bytes.map_err(|rejection| refused(&rejection, MOST_BYTES))?)?))
    }
}

/// A JSON object as body, or no body at all.
#[derive(Clone, Copy, Debug)]
pub struct OptionalJsonBody<T>(pub Option<T>);

impl<T: Body, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| refused(&rejection, MOST_BYTES))?;
        match bytes.is_empty() {
            true => Ok(Self(None)),
            false if json => Ok(Self(Some(read_json(&bytes)?))),
            false => Err(no_json()),
        }
    }
}

/// The bytes of a JSON body, of at most `MOST` bytes, which the route allows by a `DefaultBodyLimit`.
#[derive(Clone, Debug)]
pub struct JsonBytes<const MOST: usize>(pub Bytes);

impl<const MOST: usize, S: Send + Sync> FromRequest<S> for JsonBytes<MOST> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(no_json());
        }
        let bytes = Bytes::from_request(request, state).await;
        Ok(Self(bytes.map_err(|rejection| refused(&rejection, MOST))?))
    }
}

fn no_json() -> Problem {
    let detail = "Send the body as JSON, with Content-Type: application/json";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

fn read_json<T: Body>(bytes: &[u8]) -> Result<T, Problem> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(values)) => Fields::check(values),
        Ok(_) => Err(Problem::invalid_field("body", "The body is a JSON object")),
        Err(error) => Err(Problem::invalid_field("body", format!("The body is no JSON: {error}"))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A form as body.
#[derive(Clone, Copy, Debug)]
pub struct FormBody<T>(pub T);

impl<T: Body, S: Send + Sync> FromRequest<S> for FormBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let form = Form::<BTreeMap<String, String>>::from_request(request, state).await;
        let Form(values) = form.map_err(|rejection| match rejection {
            FormRejection::InvalidFormContentType(_) => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the body as a form, with Content-Type: application/x-www-form-urlencoded",
            ),
            FormRejection::BytesRejection(rejection) => refused(&rejection, MOST_BYTES),
            other => Problem::invalid_field("body", other.body_text()),
        })?;
        Ok(Self(Fields::check(values.into_iter().map(|(name, text)| (name, Value::String(text))).collect())?))
    }
}

fn refused(rejection: &BytesRejection, most: usize) -> Problem {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(status, format!("The body is too large; at most {most} bytes are read"));
    }
    Problem::new(status, "The body ended early")
}

/// Parameters in the path; what does not parse is 422.
#[derive(Clone, Copy, Debug)]
pub struct PathParams<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            Err(rejection) => Err(Problem::invalid_field("path", rejection.body_text())),
        }
    }
}

/// Parameters of the query; what does not parse is 422.
#[derive(Clone, Copy, Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> QueryParams<T> {
    /// Those of an address.
    ///
    /// # Errors
    /// 422.
    pub fn of(uri: &Uri) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::try_from_uri(uri) {
            Ok(query) => Ok(Self(query.0)),
            Err(rejection) => Err(Problem::invalid_field("query", rejection.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}
