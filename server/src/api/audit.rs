//! Who did what, for administrators.

use super::body::QueryParams;
use super::csv::{self, CHUNK, cell};
use super::guard::Admin;
use super::page::Page;
use super::problem::{BadPage, NeedsAdmin, Problem};
use super::span::in_reach;
use crate::app::App;
use crate::db::audit::{self, AuditEntry, Filter};
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

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
    #[param(max_length = 100, pattern = "^[^\\x00]*$")]
    action: Option<String>,
    /// From this time on (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Before this time (RFC 3339).
    to: Option<DateTime<Utc>>,
}

impl TryFrom<Wanted> for Filter {
    type Error = Problem;

    fn try_from(Wanted { user_id, junction_id, action, from, to }: Wanted) -> Result<Self, Problem> {
        if action.as_deref().is_some_and(|action| action.chars().count() > 100 || action.contains('\0')) {
            return Err(Problem::invalid_field("action", "action has at most 100 characters, and no NUL"));
        }
        in_reach("from", from)?;
        in_reach("to", to)?;
        Ok(Self { user_id, junction_id, action, from, to })
    }
}

/// The audit log, the newest line first.
#[utoipa::path(get, path = "/api/audit", tag = "administration", params(Wanted, Page), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [AuditEntry], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAdmin,
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    _: Admin,
    QueryParams(wanted): QueryParams<Wanted>,
    page: Page,
) -> Result<Response, Problem> {
    let before = page.after::<i64>()?.map(|(id, _)| id);
    let rows = audit::list(&app.db, &wanted.try_into()?, before, page.fetch()).await?;
    Ok(page.answer(rows, |entry| (entry.audit_id, Uuid::nil())))
}

/// The audit log as CSV, the newest line first.
#[utoipa::path(get, path = "/api/audit/export", tag = "administration", params(Wanted), security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, description = "Lines of audit_id, at, user_id, username, ip_address, action, junction_id, target, detail",
            body = String, content_type = "text/csv"),
        NeedsAdmin,
        (status = 422, description = "A filter is invalid", body = super::problem::ProblemBody, content_type = "application/problem+json"),
    ))]
async fn export(
    State(app): State<App>,
    _: Admin,
    QueryParams(wanted): QueryParams<Wanted>,
) -> Result<Response, Problem> {
    let filter: Arc<Filter> = Arc::new(wanted.try_into()?);
    let header =
        ["audit_id", "at", "user_id", "username", "ip_address", "action", "junction_id", "target", "detail"];
    let header = header.map(ToOwned::to_owned).to_vec();
    let table = csv::table(header, None, move |before| {
        let (db, filter) = (app.db.clone(), Arc::clone(&filter));
        async move {
            let rows = audit::list(&db, &filter, before, CHUNK).await?;
            let last = rows.last().map(|entry| entry.audit_id).filter(|_| rows.len() as i64 == CHUNK);
            Ok((rows.into_iter().map(line).collect(), last.map(Some)))
        }
    });
    Ok(csv::download("audit.csv", table))
}

fn line(entry: AuditEntry) -> Vec<String> {
    let text = |value: Option<String>| csv::text(value.as_deref().unwrap_or_default());
    vec![
        entry.audit_id.to_string(),
        entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        cell(entry.user_id),
        text(entry.username),
        text(entry.ip_address),
        csv::text(&entry.action),
        cell(entry.junction_id),
        text(entry.target),
        csv::text(&entry.detail.to_string()),
    ]
}
