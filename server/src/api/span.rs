//! Lists of what happened: from when to when.

use super::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{DateTime, SecondsFormat, Utc};
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

impl Span {
    /// The parameters again, for the next page's address.
    pub(super) fn query(self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, time) in [("from", self.from), ("to", self.to)] {
            if let Some(time) = time {
                query.append_pair(name, &time.to_rfc3339_opts(SecondsFormat::Micros, true));
            }
        }
        query.finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Span {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(span) = Query::<Self>::try_from_uri(&parts.uri)
            .map_err(|rejection| Problem::invalid_field("query", rejection.body_text()))?;
        if span.from.zip(span.to).is_some_and(|(from, to)| from >= to) {
            return Err(Problem::invalid_field("to", "to is later than from"));
        }
        Ok(span)
    }
}
