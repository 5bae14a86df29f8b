//! Counts of a junction: interval by interval, or summed up over buckets of its local time.

use super::body::PathParams;
use super::guard::CurrentUser;
use super::history::looked_at;
use super::page::Page;
use super::problem::{NeedsAccessToList, Problem};
use super::span::Span;
use crate::app::App;
use crate::clock::Clock;
use crate::db::count_reads::{self, CountRow};
use crate::db::{junction_api, schedules};
use crate::local::{Width, edges};
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
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
    #[param(value_type = Option<String>)]
    bucket: Option<Width>,
    /// Only of this lane.
    lane_id: Option<Uuid>,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(wanted) = Query::<Self>::try_from_uri(&parts.uri)
            .map_err(|rejection| Problem::invalid_field("query", rejection.body_text()))?;
        Ok(wanted)
    }
}

/// A bucket of time with what each lane showed in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Bucket {
    /// Its start, in the junction's local time.
    start: String,
    /// Its end, in the junction's local time.
    end: String,
    /// Seconds that it lasts.
    seconds: i64,
    /// Its lanes, in their order.
    lanes: Vec<LaneSum>,
}

/// What a lane showed in a bucket.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct LaneSum {
    /// The lane.
    lane_id: Uuid,
    /// Tagged vehicles; null: nobody watched, which is not the same as none.
    vehicle_count: Option<i64>,
    /// Seconds that were really watched; null: a sender does not say.
    observed_s: Option<f64>,
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
    wanted: Wanted,
    span: Span,
    page: Page,
) -> Result<Response, Problem> {
    let junction = JunctionId(id);
    looked_at(&app, &user, junction).await?;
    let path = format!("/api/junctions/{id}/counts");
    match wanted.bucket {
        None => intervals(&app, junction, &path, &wanted, span, &page).await,
        Some(width) => buckets(&app, junction, &path, width, &wanted, span, &page).await,
    }
}

async fn intervals(
    app: &App,
    junction: JunctionId,
    path: &str,
    wanted: &Wanted,
    span: Span,
    page: &Page,
) -> Result<Response, Problem> {
    let after =
        page.after::<(DateTime<Utc>, Uuid, i64)>()?.map(|((at, lane, seq), outbox)| (at, lane, seq, outbox));
    let rows =
        count_reads::list(&app.db, junction, wanted.lane_id, span.from, span.to, after, page.fetch()).await?;
    let query = query(wanted, span);
    Ok(page.answer_with(path, &query, rows, |row| ((row.timestamp, row.lane_id, row.seq), row.outbox_id)))
}

async fn buckets(
    app: &App,
    junction: JunctionId,
    path: &str,
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
    let sums = count_reads::sums(&app.db, junction, wanted.lane_id, &edges).await?;
    let mut lanes: Vec<Uuid> =
        junction_api::lanes(&app.db, junction).await?.into_iter().map(|lane| lane.lane_id).collect();
    lanes.retain(|lane| wanted.lane_id.is_none_or(|only| only == *lane));
    for sum in &sums {
        if !lanes.contains(&sum.lane_id) {
            lanes.push(sum.lane_id);
        }
    }
    let lane = |bucket: usize, lane_id: Uuid| {
        let sum = sums.iter().find(|sum| sum.bucket == bucket && sum.lane_id == lane_id);
        LaneSum {
            lane_id,
            vehicle_count: sum
                .filter(|sum| sum.observed_s > 0.0 || sum.unsaid > 0 || sum.vehicle_count > 0)
                .map(|sum| sum.vehicle_count),
            observed_s: match sum {
                Some(sum) if sum.unsaid > 0 => None,
                Some(sum) => Some((sum.observed_s * 10.0).round() / 10.0),
                None => Some(0.0),
            },
        }
    };
    let bucket = |(at, edge): (usize, &[DateTime<Utc>])| Bucket {
        start: local(edge[0], zone),
        end: local(edge[1], zone),
        seconds: (edge[1] - edge[0]).num_seconds(),
        lanes: lanes.iter().map(|id| lane(at, *id)).collect(),
    };
    let rows: Vec<Bucket> = edges.windows(2).enumerate().map(bucket).rev().collect();
    let pinned = Span { from: Some(from), to: Some(to) };
    let next = edges.first().filter(|first| **first > from).map(|first| (*first, Uuid::nil()));
    Ok(page.answer_rows(path, &query(wanted, pinned), &rows, next))
}

fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false)
}

fn query(wanted: &Wanted, span: Span) -> String {
    let mut query = form_urlencoded::Serializer::new(span.query());
    if let Some(width) = wanted.bucket {
        query.append_pair("bucket", width.name());
    }
    if let Some(lane) = wanted.lane_id {
        query.append_pair("lane_id", &lane.to_string());
    }
    query.finish()
}
