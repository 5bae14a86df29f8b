//! Counts of a junction: interval by interval, or summed up over buckets of its local time.

use super::body::{PathParams, QueryParams};
use super::guard::CurrentUser;
use super::history::looked_at;
use super::page::Page;
use super::problem::{NeedsAccessToList, Problem};
use super::span::Span;
use crate::analytics::{Bucket, buckets};
use crate::app::App;
use crate::clock::Clock;
use crate::db::count_reads::{self, CountRow};
use crate::db::{junction_api, schedules, volumes};
use crate::local::{Width, edges};
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use flextraff_common::ids::JunctionId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(counts))
}

/// How counts are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Sums over buckets of the junction's local time: `5m`, `15m`, `1h` or `1d`. Absent: every interval as it came.
    #[param(inline)]
    bucket: Option<Width>,
    /// Only of this lane.
    lane_id: Option<Uuid>,
}

/// A row of the answer.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CountOrBucket)]
#[expect(dead_code, reason = "it describes the answer: each form is written by itself")]
enum Described {
    /// Without `bucket`.
    Interval(CountRow),
    /// With `bucket`.
    Bucket(Bucket),
}

/// Counts of a junction, the newest first: every interval as it came, or sums over buckets of local time. An interval belongs to the bucket
/// in which it ends. Without `from`, buckets begin a day before `to`, days 31 days before; without `to` they end now.
#[utoipa::path(get, path = "/api/junctions/{junction_id}/counts", tag = "junctions", security(("OAuth2PasswordBearer" = [])),
    params(("junction_id" = Uuid, Path), Wanted, Span, Page),
    responses(
        (status = 200, body = [Described], headers(("Link" = String, description = "Address of the next page"))),
        NeedsAccessToList,
    ))]
async fn counts(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(wanted): QueryParams<Wanted>,
    span: Span,
    page: Page,
) -> Result<Response, Problem> {
    let junction = JunctionId(id);
    looked_at(&app, &user, junction).await?;
    match wanted.bucket {
        None => intervals(&app, junction, &wanted, span, &page).await,
        Some(width) => in_buckets(&app, junction, width, &wanted, span, &page).await,
    }
}

async fn intervals(
    app: &App,
    junction: JunctionId,
    wanted: &Wanted,
    span: Span,
    page: &Page,
) -> Result<Response, Problem> {
    let after =
        page.after::<(DateTime<Utc>, Uuid, i64)>()?.map(|((at, lane, seq), outbox)| (at, lane, seq, outbox));
    let rows =
        count_reads::list(&app.db, junction, wanted.lane_id, span.from, span.to, after, page.fetch()).await?;
    Ok(page.answer(rows, |row| ((row.timestamp, row.lane_id, row.seq), row.outbox_id)))
}

async fn in_buckets(
    app: &App,
    junction: JunctionId,
    width: Width,
    wanted: &Wanted,
    span: Span,
    page: &Page,
) -> Result<Response, Problem> {
    let zone = schedules::time_zone(&app.db, junction).await?;
    // Fixed for all pages, so that the last one ends where the first one said.
    let to = span.to.unwrap_or_else(|| Clock.utc());
    let from = span.from.unwrap_or_else(|| to - width.usual_span());
    if from >= to {
        return Err(Problem::invalid_field("from", "from is earlier than to"));
    }
    let end = page.after::<DateTime<Utc>>()?.map_or(to, |(start, _)| start.min(to));
    let edges = edges(zone, width, from, end, page.limit().min(width.most_at_once()));
    let sums = volumes::five_minutes(&app.db, junction, wanted.lane_id, &edges).await?;
    let lanes: Vec<Uuid> =
        junction_api::lanes(&app.db, junction).await?.into_iter().map(|lane| lane.lane_id).collect();
    let lanes: Vec<Uuid> =
        lanes.into_iter().filter(|lane| wanted.lane_id.is_none_or(|only| only == *lane)).collect();
    let mut rows = buckets(zone, &edges, &lanes, &sums);
    rows.reverse();
    let next = edges.first().filter(|first| **first > from).map(|first| (*first, Uuid::nil()));
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    Ok(page.answer_rows(&rows, next, &[("from", time(from)), ("to", time(to))]))
}
