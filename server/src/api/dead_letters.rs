//! Messages that could not be used, for administrators.

use super::body::QueryParams;
use super::guard::{Acting, Admin};
use super::page::Page;
use super::problem::{BadPage, NeedsAdmin, Problem};
use super::span::Span;
use crate::app::App;
use crate::db::audit::{self, Deed};
use crate::db::dead_letters::{self, DeadLetter, Filter, REASONS};
use axum::extract::State;
use axum::response::Response;
use flextraff_common::ids::JunctionId;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Longest topic, in characters.
const MOST_TOPIC: usize = 1000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which messages are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Refused for this reason: `unknown_junction`, `unknown_lane`, `unknown_device`, `ids_disagree`, `malformed`, `version` or `other`.
    #[param(
        pattern = "^(unknown_junction|unknown_lane|unknown_device|ids_disagree|malformed|version|other)$"
    )]
    reason: Option<String>,
    /// On topics that this filter matches, such as `flextraff/+/+/car-counts` or `flextraff/#`.
    #[param(max_length = 1000, pattern = "^[^\\x00]*$")]
    topic: Option<String>,
    /// Of this junction, as the topic says.
    junction_id: Option<Uuid>,
    /// From this device, as the message says.
    device_id: Option<Uuid>,
}

/// Messages that could not be used, with the reason, the newest first. The first 500 bytes of each are shown; they may name vehicles, so that
/// the audit log keeps who looked at them.
#[utoipa::path(get, path = "/api/dead-letters", tag = "administration", params(Wanted, Span, Page),
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 200, body = [DeadLetter], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAdmin,
        BadPage,
    ))]
async fn list(
    State(app): State<App>,
    _: Admin,
    Acting(actor): Acting,
    QueryParams(wanted): QueryParams<Wanted>,
    span: Span,
    page: Page,
) -> Result<Response, Problem> {
    let Wanted { reason, topic, junction_id, device_id } = wanted;
    if reason.as_deref().is_some_and(|reason| !REASONS.contains(&reason)) {
        return Err(Problem::invalid_field("reason", format!("reason is one of {}", REASONS.join(", "))));
    }
    if topic.as_deref().is_some_and(|topic| topic.chars().count() > MOST_TOPIC || topic.contains('\0')) {
        return Err(Problem::invalid_field("topic", format!("topic has at most {MOST_TOPIC} characters")));
    }
    let filter = Filter { reason, topic, junction_id, device_id, from: span.from, to: span.to };
    let before = page.after::<i64>()?.map(|(id, _)| id);
    let rows = dead_letters::list(&app.db, &filter, before, page.fetch()).await?;
    let detail = json!({"reason": filter.reason, "topic": filter.topic, "device_id": filter.device_id});
    let deed = Deed::new("dead_letters.read").with(detail);
    let deed = match junction_id {
        Some(junction) => deed.at(JunctionId(junction)),
        None => deed,
    };
    audit::record(&app.db, &actor, deed).await?;
    Ok(page.answer(rows, |letter| (letter.dead_letter_id, Uuid::nil())))
}
