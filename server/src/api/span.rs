//! Lists of what happened: from when to when.

use super::body::QueryParams;
use super::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Datelike as _, Utc};
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

/// Refuses times with which the database cannot calculate.
///
/// # Errors
/// 422.
pub(super) fn in_reach(field: &str, time: Option<DateTime<Utc>>) -> Result<(), Problem> {
    if time.is_some_and(|time| !(0..=9999).contains(&time.year())) {
        return Err(Problem::invalid_field(field, format!("{field} lies between the years 0 and 9999")));
    }
    Ok(())
}

impl<S: Send + Sync> FromRequestParts<S> for Span {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let QueryParams(span) = QueryParams::<Self>::of(&parts.uri)?;
        in_reach("from", span.from)?;
        in_reach("to", span.to)?;
        if span.from.zip(span.to).is_some_and(|(from, to)| from >= to) {
            return Err(Problem::invalid_field("to", "to is later than from"));
        }
        Ok(span)
    }
}
