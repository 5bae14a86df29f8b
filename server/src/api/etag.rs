//! What has not changed need not be sent again, and what others have changed is not replaced unseen (RFC 9110, 8.8.3 and 13.1).

use super::problem::Problem;
use crate::app::App;
use crate::db::audit;
use axum::Json;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use axum::middleware::Next;
use chrono_tz::Tz;
use flextraff_common::ids::JunctionId;
use serde::Serialize;
use std::hash::{DefaultHasher, Hasher as _};

/// Gives each whole JSON answer to a GET its entity tag, and answers 304 without a body to who has the same already.
///
/// The tag is a weak one, a number over the bytes: how they are compressed does not matter. It saves the way, not the work: rights are checked
/// and the answer is made as always. An answer with a tag of its own is left alone: that names what can be replaced, and more than that may
/// stand beside it.
pub(super) async fn tag(request: Request, next: Next) -> Response<Body> {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known: Vec<HeaderValue> = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
    let (mut parts, body) = next.run(request).await.into_parts();
    let length = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|_| {
        parts.status == StatusCode::OK && is_json(&parts.headers) && !parts.headers.contains_key(ETAG)
    }) else {
        return Response::from_parts(parts, body);
    };
    let Ok(bytes) = to_bytes(body, length).await else {
        parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        return Response::from_parts(parts, Body::empty());
    };
    let tag = format!("W/\"{:016x}\"", number_over(&bytes));
    let same = known.iter().any(|known| names(known, &tag));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        parts.headers.insert(ETAG, tag);
    }
    if same {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn number_over(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// An answer with the tag of what can be replaced.
pub(super) type Tagged<T> = ([(HeaderName, String); 1], Json<T>);

pub(super) const fn tagged<T>(tag: String, body: T) -> Tagged<T> {
    ([(ETAG, tag)], Json(body))
}

/// The strong tag of what can be replaced as a whole.
pub(super) fn of(content: &impl Serialize) -> Result<String, Problem> {
    let bytes = serde_json::to_vec(content).map_err(anyhow::Error::from)?;
    Ok(format!("\"{:016x}\"", number_over(&bytes)))
}

/// Longest If-Match, characters: some tags.
const MOST_TAGS: usize = 256;
/// Among so many of the last deeds the one that matters is looked for.
const MOST_DEEDS: i64 = 500;

/// Which state of a thing a request is to replace (If-Match); without one, whatever is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Replaces(Vec<HeaderValue>);

impl<S: Send + Sync> FromRequestParts<S> for Replaces {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let tags: Vec<HeaderValue> = parts.headers.get_all(IF_MATCH).iter().cloned().collect();
        if tags.iter().map(HeaderValue::len).sum::<usize>() > MOST_TAGS {
            return Err(Problem::invalid_field("If-Match", format!("It has at most {MOST_TAGS} characters")));
        }
        Ok(Self(tags))
    }
}

impl Replaces {
    /// Whether it is to replace what has this tag.
    pub(super) fn is(&self, tag: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|known| names(known, tag))
    }
}

/// 412: somebody has changed what was to be replaced; who and when, by the last of these actions in the audit log.
pub(super) async fn outdated(
    app: &App,
    junction: JunctionId,
    zone: Tz,
    actions: &[&str],
) -> Result<Problem, Problem> {
    let mut last: Option<audit::AuditEntry> = None;
    for action in actions {
        let filter = audit::Filter {
            junction_id: Some(junction.0),
            action: Some((*action).to_owned()),
            ..audit::Filter::default()
        };
        last = last
            .into_iter()
            .chain(audit::list(&app.db, &filter, None, 1).await?)
            .max_by_key(|deed| deed.audit_id);
    }
    Ok(changed(last, zone))
}

/// The same of what belongs to no junction; `target` is what the action was done to.
pub(super) async fn outdated_elsewhere(app: &App, action: &str, target: &str) -> Result<Problem, Problem> {
    let filter = audit::Filter { action: Some(action.to_owned()), ..audit::Filter::default() };
    let deeds = audit::list(&app.db, &filter, None, MOST_DEEDS).await?;
    let last = deeds.into_iter().find(|deed| deed.target.as_deref() == Some(target));
    Ok(changed(last, Tz::UTC))
}

fn changed(last: Option<audit::AuditEntry>, zone: Tz) -> Problem {
    let sentence = last.map_or_else(
        || "Somebody has changed this since you loaded it".to_owned(),
        |deed| {
            let who = deed.username.unwrap_or_else(|| "somebody".to_owned());
            let at = deed.at.with_timezone(&zone).format("%-d %b %Y, %H:%M:%S %Z");
            format!("This has changed since you loaded it; {who} saved it last, on {at}")
        },
    );
    Problem::new(StatusCode::PRECONDITION_FAILED, sentence)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"application/json")
}

/// Whether a list of tags holds this one; compared weakly, as If-None-Match is; strong tags are equal to themselves only.
fn names(list: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let list = list.to_str().unwrap_or_default();
    list.trim() == "*" || list.split(',').any(|known| opaque(known) == opaque(tag))
}
