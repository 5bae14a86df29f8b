//! Who did what, for administrators.

use super::guard::Admin;
use super::page::Page;
use super::problem::{BadPage, NeedsAdmin, Problem};
use crate::app::App;
use crate::db::audit::{self, AuditEntry, Filter};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Lines that one question to the database brings into an export.
const CHUNK: i64 = 1000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export))
}

/// Which lines are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of this user.
    user_id: Option<Uuid>,
    /// At this junction.
    junction_id: Option<Uuid>,
    /// An action, such as `user.update`, or the part before a dot, such as `user`.
    #[param(max_length = 100)]
    action: Option<String>,
    /// From this time on (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Before this time (RFC 3339).
    to: Option<DateTime<Utc>>,
}

impl Wanted {
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let time = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let pairs = [
            ("user_id", self.user_id.as_ref().map(ToString::to_string)),
            ("junction_id", self.junction_id.as_ref().map(ToString::to_string)),
            ("action", self.action.clone()),
            ("from", self.from.as_ref().map(time)),
            ("to", self.to.as_ref().map(time)),
        ];
        for (name, value) in pairs {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        query.finish()
    }
}

impl From<Wanted> for Filter {
    fn from(wanted: Wanted) -> Self {
        let Wanted { user_id, junction_id, action, from, to } = wanted;
        Self { user_id, junction_id, action, from, to }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(wanted) = Query::<Self>::try_from_uri(&parts.uri)
            .map_err(|rejection| Problem::invalid_field("query", rejection.body_text()))?;
        if wanted.action.as_deref().is_some_and(|action| action.len() > 100 || action.contains('\0')) {
            return Err(Problem::invalid_field("action", "action has at most 100 characters"));
        }
        Ok(wanted)
    }
}

/// The audit log, the newest line first.
#[utoipa::path(get, path = "/api/audit", tag = "administration", params(Wanted, Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [AuditEntry], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAdmin,
        BadPage,
    ))]
async fn list(State(app): State<App>, _: Admin, wanted: Wanted, page: Page) -> Result<Response, Problem> {
    let before = page.after::<i64>()?.map(|(id, _)| id);
    let query = wanted.query();
    let rows = audit::list(&app.db, &wanted.into(), before, page.fetch()).await?;
    Ok(page.answer_with("/api/audit", &query, rows, |entry| (entry.audit_id, Uuid::nil())))
}

/// The audit log as CSV, the newest line first.
#[utoipa::path(get, path = "/api/audit/export", tag = "administration", params(Wanted), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, description = "Lines of audit_id, at, user_id, username, ip_address, action, junction_id, target, detail",
            body = String, content_type = "text/csv"),
        NeedsAdmin,
        (status = 422, description = "A filter is invalid", body = super::problem::ProblemBody, content_type = "application/problem+json"),
    ))]
async fn export(State(app): State<App>, _: Admin, wanted: Wanted) -> Response {
    let stream =
        futures_util::stream::unfold(Some(Export { app, filter: wanted.into(), before: None }), chunk);
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    (headers, Body::from_stream(stream)).into_response()
}

struct Export {
    app: App,
    filter: Filter,
    /// Number of the last line that went out.
    before: Option<i64>,
}

/// The next lines, and what is left; the first ones follow the header.
async fn chunk(export: Option<Export>) -> Option<(anyhow::Result<Bytes>, Option<Export>)> {
    let export = export?;
    let rows = match audit::list(&export.app.db, &export.filter, export.before, CHUNK).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::error!(%error, "an export of the audit log breaks off");
            return Some((Err(error.into()), None));
        }
    };
    let text = csv_of(&rows, export.before.is_none());
    let last = rows.last().map(|entry| entry.audit_id);
    let more = rows.len() as i64 == CHUNK;
    let next = more.then_some(Export { before: last, ..export });
    Some((text, next))
}

fn csv_of(rows: &[AuditEntry], with_header: bool) -> anyhow::Result<Bytes> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    if with_header {
        csv.write_record([
            "audit_id",
            "at",
            "user_id",
            "username",
            "ip_address",
            "action",
            "junction_id",
            "target",
            "detail",
        ])?;
    }
    for row in rows {
        let text = |value: &Option<String>| harmless(value.as_deref().unwrap_or_default());
        let id = |value: &Option<Uuid>| value.map(|id| id.to_string()).unwrap_or_default();
        csv.write_record([
            row.audit_id.to_string(),
            row.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            id(&row.user_id),
            text(&row.username),
            text(&row.ip_address),
            harmless(&row.action),
            id(&row.junction_id),
            text(&row.target),
            harmless(&row.detail.to_string()),
        ])?;
    }
    Ok(csv.into_inner()?.into())
}

/// Spreadsheets take what begins so for a formula (OWASP, CSV injection); an apostrophe makes it text.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_quoted_and_no_cell_is_a_formula() {
        let entry = AuditEntry {
            audit_id: 7,
            at: DateTime::UNIX_EPOCH,
            user_id: None,
            username: Some("=cmd()".into()),
            ip_address: Some("::1".into()),
            action: "user.update".into(),
            junction_id: None,
            target: Some("a,\"b\"\n".into()),
            detail: json!({"is_admin": true}),
        };
        let text = csv_of(std::slice::from_ref(&entry), true).unwrap();
        let expected = "audit_id,at,user_id,username,ip_address,action,junction_id,target,detail\n\
            7,1970-01-01T00:00:00.000Z,,'=cmd(),::1,user.update,,\"a,\"\"b\"\"\n\",\"{\"\"is_admin\"\":true}\"\n";
        assert_eq!(std::str::from_utf8(&text).unwrap(), expected);
        assert!(csv_of(&[], false).unwrap().is_empty());
    }

    #[test]
    fn the_next_page_asks_for_the_same() {
        let wanted = Wanted {
            user_id: Some(Uuid::nil()),
            junction_id: None,
            action: Some("user.a&b".into()),
            from: Some(DateTime::UNIX_EPOCH),
            to: None,
        };
        assert_eq!(
            wanted.query(),
            "user_id=00000000-0000-0000-0000-000000000000&action=user.a%26b&from=1970-01-01T00%3A00%3A00.000000Z"
        );
    }
}
