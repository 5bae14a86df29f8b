//! Pages of lists: `limit` and `cursor`, and the next page's address in a `Link` header (RFC 8288).

use super::problem::Problem;
use crate::auth::hex;
use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header::LINK};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

const DEFAULT: u16 = 500;
const MOST: u16 = 1000;

/// Longest cursor, in characters: a name of 200 characters and an id.
const MOST_CURSOR: usize = 4096;

/// Which part of a list to answer with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Most entries of the answer.
    #[param(minimum = 1, maximum = 1000, default = 500)]
    #[serde(default = "default_limit")]
    limit: u16,
    /// Where the page begins: from the `Link` header of the page before.
    cursor: Option<String>,
}

const fn default_limit() -> u16 {
    DEFAULT
}

impl Page {
    /// The sort key of the entry behind which the page begins.
    ///
    /// # Errors
    /// 422 when the cursor comes from elsewhere.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<(K, Uuid)>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let key = unhex(cursor).and_then(|json| serde_json::from_slice(&json).ok());
        if key.is_none() {
            return Err(Problem::invalid_field(
                "cursor",
                "This cursor comes from no Link header of this list",
            ));
        }
        Ok(key)
    }

    /// Most entries of the answer.
    pub fn limit(&self) -> usize {
        usize::from(self.limit)
    }

    /// How many rows to fetch: one more than the page holds tells whether there is a next one.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The answer: the rows that were fetched as a JSON array, without the extra one. `key` is what the list is sorted by.
    pub fn answer<T: Serialize, K: Serialize>(
        &self,
        path: &str,
        rows: Vec<T>,
        key: impl Fn(&T) -> (K, Uuid),
    ) -> Response {
        self.answer_with(path, "", rows, key)
    }

    /// As [`Self::answer`], of a list that was asked for with further parameters, which the next page's address repeats.
    pub fn answer_with<T: Serialize, K: Serialize>(
        &self,
        path: &str,
        query: &str,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> (K, Uuid),
    ) -> Response {
        let more = rows.len() > self.limit();
        rows.truncate(self.limit());
        let next = rows.last().filter(|_| more).map(&key);
        self.answer_rows(path, query, &rows, next)
    }

    /// The answer with these rows, and the key of the last one when there are more.
    pub fn answer_rows<T: Serialize, K: Serialize>(
        &self,
        path: &str,
        query: &str,
        rows: &[T],
        next: Option<(K, Uuid)>,
    ) -> Response {
        let mut response = Json(rows).into_response();
        let next = next.and_then(|key| serde_json::to_vec(&key).ok());
        if let Some(cursor) = next.map(|json| hex(&json)) {
            let and = if query.is_empty() { "" } else { "&" };
            let link = format!("<{path}?{query}{and}limit={}&cursor={cursor}>; rel=\"next\"", self.limit);
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

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > MOST_CURSOR || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
