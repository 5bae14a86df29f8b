//! Pages of lists: `limit` and `cursor`, and the next page's address in a `Link` header (RFC 8288).

use super::body::QueryParams;
use super::problem::Problem;
use crate::auth::hex;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Datelike as _, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

const DEFAULT: u16 = 500;
const MOST: u16 = 1000;

/// Longest cursor, in characters: a name of 200 characters and an id.
const MOST_CURSOR: usize = 4096;

/// What a list is sorted by, and a cursor carries.
pub trait SortKey: DeserializeOwned {
    /// Whether the database can compare anything with it. A key of one of its rows it can; a cursor may be made up.
    fn is_comparable(&self) -> bool {
        true
    }
}

impl SortKey for i64 {}
impl SortKey for Uuid {}

impl SortKey for String {
    fn is_comparable(&self) -> bool {
        !self.contains('\0')
    }
}

impl SortKey for DateTime<Utc> {
    fn is_comparable(&self) -> bool {
        (0..=9999).contains(&self.year())
    }
}

impl<A: SortKey, B: SortKey> SortKey for (A, B) {
    fn is_comparable(&self) -> bool {
        self.0.is_comparable() && self.1.is_comparable()
    }
}

impl<A: SortKey, B: SortKey, C: SortKey> SortKey for (A, B, C) {
    fn is_comparable(&self) -> bool {
        self.0.is_comparable() && self.1.is_comparable() && self.2.is_comparable()
    }
}

/// Which part of a list to answer with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Most entries of the answer.
    #[param(minimum = 1, maximum = 1000, default = 500)]
    #[serde(default = "default_limit")]
    limit: u16,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(min_length = 2, max_length = 4096, pattern = "^([0-9a-f]{2})+$")]
    cursor: Option<String>,
    /// The address that was asked for.
    #[serde(skip)]
    #[param(ignore)]
    here: Uri,
}

const fn default_limit() -> u16 {
    DEFAULT
}

impl Page {
    /// The sort key of the entry behind which the page begins.
    ///
    /// # Errors
    /// 422 when the cursor comes from elsewhere.
    pub fn after<K: SortKey>(&self) -> Result<Option<(K, Uuid)>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let key = unhex(cursor)
            .and_then(|json| serde_json::from_slice(&json).ok())
            .filter(<(K, Uuid)>::is_comparable);
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
        rows: Vec<T>,
        key: impl Fn(&T) -> (K, Uuid),
    ) -> Response {
        self.write(rows, key).into_response()
    }

    /// As [`Page::answer`], to be sent once or more often.
    pub fn write<T: Serialize, K: Serialize>(
        &self,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> (K, Uuid),
    ) -> Result<Written, Problem> {
        let more = rows.len() > self.limit();
        rows.truncate(self.limit());
        let next = rows.last().filter(|_| more).map(&key);
        self.write_rows(&rows, next, &[])
    }

    /// The answer with these rows, and the key of the last one when there are more. The next page's address repeats the parameters of this
    /// one's, but for those in `pinned`, which it has instead.
    pub fn answer_rows<T: Serialize, K: Serialize>(
        &self,
        rows: &[T],
        next: Option<(K, Uuid)>,
        pinned: &[(&str, String)],
    ) -> Response {
        self.write_rows(rows, next, pinned).into_response()
    }

    fn write_rows<T: Serialize, K: Serialize>(
        &self,
        rows: &[T],
        next: Option<(K, Uuid)>,
        pinned: &[(&str, String)],
    ) -> Result<Written, Problem> {
        let json = serde_json::to_vec(rows).map_err(|error| Problem::internal(error.into()))?;
        let next = next.and_then(|key| serde_json::to_vec(&key).ok());
        let link = next.and_then(|json| {
            let link = format!("<{}>; rel=\"next\"", self.next(&hex(&json), pinned));
            HeaderValue::from_str(&link).ok()
        });
        Ok(Written { json: json.into(), link })
    }

    /// The address that was asked for.
    pub fn here(&self) -> &Uri {
        &self.here
    }

    fn next(&self, cursor: &str, pinned: &[(&str, String)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let replaced = |name: &str| {
            matches!(name, "limit" | "cursor") || pinned.iter().any(|(pinned, _)| *pinned == name)
        };
        for (name, value) in form_urlencoded::parse(self.here.query().unwrap_or_default().as_bytes()) {
            if !replaced(&name) {
                query.append_pair(&name, &value);
            }
        }
        for (name, value) in pinned {
            query.append_pair(name, value);
        }
        query.append_pair("limit", &self.limit.to_string()).append_pair("cursor", cursor);
        format!("{}?{}", self.here.path(), query.finish())
    }
}

/// A page as it is sent.
#[derive(Clone, Debug, Default)]
pub struct Written {
    json: Bytes,
    link: Option<HeaderValue>,
}

impl Written {
    /// Bytes of its body.
    pub fn bytes(&self) -> usize {
        self.json.len()
    }
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let link = self.link.map(|link| [(LINK, link)]);
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], link, self.json).into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let QueryParams(page) = QueryParams::<Self>::of(&parts.uri)?;
        if !(1..=MOST).contains(&page.limit) {
            return Err(Problem::invalid_field("limit", format!("limit lies between 1 and {MOST}")));
        }
        Ok(Self { here: parts.uri.clone(), ..page })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > MOST_CURSOR || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_with_which_the_database_cannot_compare_is_refused() {
        let page = |json: &str| Page { limit: 7, cursor: Some(hex(json.as_bytes())), here: Uri::default() };
        let id = Uuid::nil();
        let name = |name: &str| page(&format!("[{name:?}, \"{id}\"]")).after::<String>().map_err(drop);
        assert_eq!(name("Main"), Ok(Some(("Main".to_owned(), id))));
        assert_eq!(page(&format!(r#"["\u0000", "{id}"]"#)).after::<String>().map_err(drop), Err(()));
        let time = |time: &str| page(&format!("[\"{time}\", \"{id}\"]")).after::<DateTime<Utc>>().is_ok();
        assert!(time("2026-02-10T00:00:00Z") && time("0001-01-01T00:00:00Z"));
        assert!(!time("-200000-01-01T00:00:00Z") && !time("+10000-01-01T00:00:00Z"));
        let long = |time: &str| page(&format!("[[\"{time}\", \"{id}\", 1], \"{id}\"]"));
        assert!(long("2026-02-10T00:00:00Z").after::<(DateTime<Utc>, Uuid, i64)>().is_ok());
        assert!(long("-200000-01-01T00:00:00Z").after::<(DateTime<Utc>, Uuid, i64)>().is_err());
    }

    #[test]
    fn the_next_page_asks_for_the_same() {
        let here = "/api/audit?action=user.a%26b&cursor=00&from=2026-02-10&limit=7".parse().unwrap();
        let page = Page { limit: 7, cursor: None, here };
        assert_eq!(page.next("ab", &[]), "/api/audit?action=user.a%26b&from=2026-02-10&limit=7&cursor=ab");
        let pinned = [("from", "2026-02-11".to_owned())];
        assert_eq!(
            page.next("ab", &pinned),
            "/api/audit?action=user.a%26b&from=2026-02-11&limit=7&cursor=ab"
        );
    }
}
