//! Pages of lists: `limit` and `cursor`, and the next page's address in a `Link` header (RFC 8288).

use super::problem::Problem;
use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header::LINK};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

const DEFAULT: u16 = 500;
const MOST: u16 = 1000;

/// Which part of a list to answer with.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Most entries of the answer.
    #[param(minimum = 1, maximum = 1000, default = 500)]
    #[serde(default = "default_limit")]
    limit: u16,
    /// The last entry of the page before; the `Link` header of that page holds it.
    cursor: Option<Uuid>,
}

const fn default_limit() -> u16 {
    DEFAULT
}

impl Page {
    /// The entry behind which the page begins.
    pub const fn after(&self) -> Option<Uuid> {
        self.cursor
    }

    /// How many rows to fetch: one more than the page holds tells whether there is a next one.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The answer: the rows that were fetched as a JSON array, without the extra one.
    pub fn answer<T: Serialize>(&self, path: &str, mut rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Response {
        let more = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let next = rows.last().map(id).filter(|_| more);
        let mut response = Json(rows).into_response();
        if let Some(cursor) = next {
            let link = format!("<{path}?limit={}&cursor={cursor}>; rel=\"next\"", self.limit);
            if let Ok(link) = HeaderValue::from_str(&link) {
                response.headers_mut().insert(LINK, link);
            }
        }
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(page) = Query::<Self>::try_from_uri(&parts.uri)
            .map_err(|rejection| Problem::invalid_field("query", rejection.body_text()))?;
        if !(1..=MOST).contains(&page.limit) {
            return Err(Problem::invalid_field("limit", format!("limit lies between 1 and {MOST}")));
        }
        Ok(page)
    }
}
