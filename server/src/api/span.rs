//! Lists of what happened: from when to when.

use super::body::QueryParams;
use super::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

/// From when to when.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Span {
    /// From this time on (RFC 3339).
    pub from: Option<DateTime<Utc>>,
    /// Before this time (RFC 3339).
    pub to: Option<DateTime<Utc>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Span {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let QueryParams(span) = QueryParams::<Self>::of(&parts.uri)?;
        if span.from.zip(span.to).is_some_and(|(from, to)| from >= to) {
            return Err(Problem::invalid_field("to", "to is later than from"));
        }
        Ok(span)
    }
}
