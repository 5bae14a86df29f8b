//! What months of counts and cycles come to, by junction.

pub(crate) mod export;
mod when;

use super::body::{PathParams, QueryParams};
use super::guard::CurrentUser;
use super::history::looked_at;
use super::problem::{NeedsAccessToSpan, Problem};
use crate::analytics::{self, Bucket, HourMean, LaneSum, Peak, QueueBucket, SplitBucket, StageEndsBucket};
use crate::app::App;
use crate::clock::Clock;
use crate::db::users::User;
use crate::db::{Database, daily_stats, junction_api, roll_ups, schedules, served, volumes};
use crate::local::{Width, instant};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use flextraff_common::ids::JunctionId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use when::{Dates, Most, When};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(daily))
        .routes(routes!(peak_hours))
        .routes(routes!(volume_buckets))
        .routes(routes!(splits))
        .routes(routes!(stage_ends))
        .routes(routes!(queues))
        .merge(export::router())
}

/// A junction that the user may look at.
struct Place {
    junction: JunctionId,
    zone: Tz,
    /// Its lanes, in their order.
    lanes: Vec<Uuid>,
}

impl Place {
    /// Finds it, and brings its sums up to date.
    async fn find(app: &App, user: &User, id: Uuid) -> Result<Self, Problem> {
        let junction = JunctionId(id);
        looked_at(app, user, junction).await?;
        Ok(Self::of(&app.db, junction).await?)
    }

    /// A junction that exists; brings its sums up to date.
    async fn of(db: &Database, junction: JunctionId) -> anyhow::Result<Self> {
        roll_ups::refresh(db, Some(junction)).await?;
        let zone = schedules::time_zone(db, junction).await?;
        let lanes = junction_api::lanes(db, junction).await?;
        Ok(Self { junction, zone, lanes: lanes.into_iter().map(|lane| lane.lane_id).collect() })
    }

    fn zone_name(&self) -> String {
        self.zone.name().to_owned()
    }

    /// The lanes that are asked for.
    async fn lanes(&self, app: &App, only: Option<Uuid>) -> Result<Vec<Uuid>, Problem> {
        let Some(lane) = only else { return Ok(self.lanes.clone()) };
        if !self.lanes.contains(&lane) && !volumes::has_lane(&app.db, self.junction, lane).await? {
            return Err(Problem::invalid_field("lane_id", format!("The junction has no lane {lane}")));
        }
        Ok(vec![lane])
    }
}

/// Of which lane.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfLane {
    /// Only of this lane.
    lane_id: Option<Uuid>,
}

/// Days of a junction.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct DailyAnswer {
    /// The junction.
    junction_id: Uuid,
    /// Its time zone, to which the days belong.
    time_zone: String,
    /// All days of the span, the oldest first.
    days: Vec<Day>,
}

/// A day of a junction.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct Day {
    /// The day, in the junction's time zone.
    stat_date: NaiveDate,
    /// Tagged vehicles of all lanes that were watched; null: none was.
    total_vehicles: Option<i64>,
    /// Its lanes, in their order.
    lanes: Vec<LaneSum>,
    /// Most tagged vehicles of one hour; null: nobody watched.
    max_vehicle_count: Option<i64>,
    /// The hour of the day, 0 to 23, that had them; null: there were none.
    peak_hour: Option<i32>,
    /// Cycles that began.
    total_cycles: i32,
    /// Mean of their lengths, seconds; null: there were none.
    avg_cycle_time: Option<f32>,
    /// Cycles by the planner or the agent's fallback.
    automatic_cycles: i32,
    /// Cycles of manual overrides.
    manual_override_cycles: i32,
    /// Cycles of emergencies.
    emergency_cycles: i32,
}

/// Days of a junction: volumes of its lanes, peak hour, cycles by mode. Without `from` 30 days; 366 at most.
#[utoipa::path(get, path = "/api/analytics/junction/{junction_id}/daily", tag = "analytics",
    security(("OAuth2PasswordBearer" = [])), params(("junction_id" = Uuid, Path), Dates),
    responses((status = 200, body = DailyAnswer), NeedsAccessToSpan))]
async fn daily(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(dates): QueryParams<Dates>,
) -> Result<Json<DailyAnswer>, Problem> {
    let place = Place::find(&app, &user, id).await?;
    let span = dates.span(place.zone, Clock.utc(), 366)?;
    let days = days(&app.db, &place, span).await?;
    Ok(Json(DailyAnswer { junction_id: id, time_zone: place.zone_name(), days }))
}

/// When the first day begins and the last one ends.
fn bounds(zone: Tz, (first, last): (NaiveDate, NaiveDate)) -> (DateTime<Utc>, DateTime<Utc>) {
    let midnight = |day: NaiveDate| instant(zone, day.and_time(NaiveTime::MIN));
    (midnight(first), midnight(last.succ_opt().unwrap_or(last)))
}

/// All days from the first to the last.
async fn days(db: &Database, place: &Place, span: (NaiveDate, NaiveDate)) -> anyhow::Result<Vec<Day>> {
    let (first, last) = span;
    let end = last.succ_opt().unwrap_or(last);
    let dates: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= end).collect();
    let sums = volumes::days(db, place.junction, None, &dates).await?;
    let lanes = analytics::sums_by_bucket(&place.lanes, &sums, dates.len() - 1);
    let mut known = daily_stats::list(db, place.junction, span).await?.into_iter().peekable();
    let days = dates.into_iter().zip(lanes).map(|(stat_date, lanes)| {
        let row = known.next_if(|row| row.stat_date == stat_date);
        let total_vehicles = analytics::total(&lanes);
        let watched = row.as_ref().filter(|_| total_vehicles.is_some());
        Day {
            stat_date,
            total_vehicles,
            lanes,
            max_vehicle_count: watched.map(|row| row.max_vehicle_count),
            peak_hour: watched.and_then(|row| row.peak_hour),
            total_cycles: row.as_ref().map_or(0, |row| row.total_cycles),
            avg_cycle_time: row.as_ref().and_then(|row| row.avg_cycle_time),
            automatic_cycles: row.as_ref().map_or(0, |row| row.automatic_cycles),
            manual_override_cycles: row.as_ref().map_or(0, |row| row.manual_override_cycles),
            emergency_cycles: row.as_ref().map_or(0, |row| row.emergency_cycles),
        }
    });
    Ok(days.collect())
}

/// Volumes by hour and weekday.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PeakHoursAnswer {
    /// The junction.
    junction_id: Uuid,
    /// Its time zone, to which the hours belong.
    time_zone: String,
    /// The first day.
    from: NaiveDate,
    /// The last day, included.
    to: NaiveDate,
    /// The 168 hours of a week.
    hours: Vec<HourMean>,
    /// The hour of the day, 0 to 23, in which most vehicles come on average over the days of the week; null: none came.
    peak_hour: Option<u8>,
    /// The busiest hour of the span, which begins at any quarter: of all lanes together, then of each lane that had vehicles.
    peaks: Vec<Peak>,
}

/// Mean volumes by hour and weekday, and the busiest hour with its peak hour factor. Without `from` 30 days; 92 at most.
#[utoipa::path(get, path = "/api/analytics/junction/{junction_id}/peak-hours", tag = "analytics",
    security(("OAuth2PasswordBearer" = [])), params(("junction_id" = Uuid, Path), Dates),
    responses((status = 200, body = PeakHoursAnswer), NeedsAccessToSpan))]
async fn peak_hours(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(dates): QueryParams<Dates>,
) -> Result<Json<PeakHoursAnswer>, Problem> {
    let place = Place::find(&app, &user, id).await?;
    let (from, to) = dates.span(place.zone, Clock.utc(), 92)?;
    let sums = volumes::week(&app.db, place.junction, (from, to)).await?;
    let hours = analytics::means(&place.lanes, &sums);
    let quarters = volumes::quarters(&app.db, place.junction, bounds(place.zone, (from, to))).await?;
    let peaks = analytics::peaks(place.zone, &quarters);
    let peak_hour = analytics::peak_hour(&hours);
    Ok(Json(PeakHoursAnswer {
        junction_id: id,
        time_zone: place.zone_name(),
        from,
        to,
        hours,
        peak_hour,
        peaks,
    }))
}

/// How wide buckets are.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wide {
    /// Buckets of the junction's local time: `5m`, `15m`, `1h` or `1d`. Absent: one for all of the span.
    #[param(inline)]
    bucket: Option<Width>,
}

/// Volumes over buckets of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct VolumesAnswer {
    /// The junction.
    junction_id: Uuid,
    /// Its time zone, to which the buckets belong.
    time_zone: String,
    /// The buckets, the oldest first.
    buckets: Vec<Bucket>,
}

/// Volumes of the lanes over buckets of local time. An interval belongs to the bucket in which it ends. A span has at most 7 days in buckets
/// of 5 minutes, 31 in quarters, 92 in hours and 366 in days.
#[utoipa::path(get, path = "/api/analytics/junction/{junction_id}/volumes", tag = "analytics",
    security(("OAuth2PasswordBearer" = [])), params(("junction_id" = Uuid, Path), Wide, OfLane, When),
    responses((status = 200, body = VolumesAnswer), NeedsAccessToSpan))]
async fn volume_buckets(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(wide): QueryParams<Wide>,
    QueryParams(of): QueryParams<OfLane>,
    QueryParams(when): QueryParams<When>,
) -> Result<Json<VolumesAnswer>, Problem> {
    let place = Place::find(&app, &user, id).await?;
    let lanes = place.lanes(&app, of.lane_id).await?;
    let edges = when.edges(place.zone, Clock.utc(), wide.bucket, Most::Volumes)?;
    let sums = volumes::sums(&app.db, place.junction, place.zone, of.lane_id, wide.bucket, &edges).await?;
    let buckets = analytics::buckets(place.zone, &edges, &lanes, &sums);
    Ok(Json(VolumesAnswer { junction_id: id, time_zone: place.zone_name(), buckets }))
}

/// Greens and splits over buckets of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct SplitsAnswer {
    /// The junction.
    junction_id: Uuid,
    /// Its time zone, to which the buckets belong.
    time_zone: String,
    /// The buckets, the oldest first.
    buckets: Vec<SplitBucket>,
}

/// Cycle lengths, greens and splits of the stages, as they were served, over buckets of local time. A cycle belongs to the bucket in which it
/// begins. A span has at most 92 days, in buckets of 5 minutes 7 and in quarters 31.
#[utoipa::path(get, path = "/api/analytics/junction/{junction_id}/splits", tag = "analytics",
    security(("OAuth2PasswordBearer" = [])), params(("junction_id" = Uuid, Path), Wide, When),
    responses((status = 200, body = SplitsAnswer), NeedsAccessToSpan))]
async fn splits(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(wide): QueryParams<Wide>,
    QueryParams(when): QueryParams<When>,
) -> Result<Json<SplitsAnswer>, Problem> {
    let place = Place::find(&app, &user, id).await?;
    let edges = when.edges(place.zone, Clock.utc(), wide.bucket, Most::Cycles)?;
    let cycles = served::cycles(&app.db, place.junction, &edges).await?;
    let stages = served::stages(&app.db, place.junction, &edges).await?;
    let buckets = analytics::splits(place.zone, &edges, &cycles, stages);
    Ok(Json(SplitsAnswer { junction_id: id, time_zone: place.zone_name(), buckets }))
}

/// Ends of greens over buckets of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct StageEndsAnswer {
    /// The junction.
    junction_id: Uuid,
    /// Its time zone, to which the buckets belong.
    time_zone: String,
    /// The buckets, the oldest first.
    buckets: Vec<StageEndsBucket>,
}

/// What ended the greens of the stages, over buckets of local time. Spans as for splits.
#[utoipa::path(get, path = "/api/analytics/junction/{junction_id}/stage-ends", tag = "analytics",
    security(("OAuth2PasswordBearer" = [])), params(("junction_id" = Uuid, Path), Wide, When),
    responses((status = 200, body = StageEndsAnswer), NeedsAccessToSpan))]
async fn stage_ends(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(wide): QueryParams<Wide>,
    QueryParams(when): QueryParams<When>,
) -> Result<Json<StageEndsAnswer>, Problem> {
    let place = Place::find(&app, &user, id).await?;
    let edges = when.edges(place.zone, Clock.utc(), wide.bucket, Most::Cycles)?;
    let ends = served::stage_ends(&app.db, place.junction, &edges).await?;
    let buckets = analytics::stage_ends(place.zone, &edges, ends);
    Ok(Json(StageEndsAnswer { junction_id: id, time_zone: place.zone_name(), buckets }))
}

/// Queues over buckets of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct QueuesAnswer {
    /// The junction.
    junction_id: Uuid,
    /// Its time zone, to which the buckets belong.
    time_zone: String,
    /// The buckets, the oldest first.
    buckets: Vec<QueueBucket>,
}

/// Queues of the lanes at the start and at the end of green, over buckets of local time. Spans as for splits.
#[utoipa::path(get, path = "/api/analytics/junction/{junction_id}/queues", tag = "analytics",
    security(("OAuth2PasswordBearer" = [])), params(("junction_id" = Uuid, Path), Wide, OfLane, When),
    responses((status = 200, body = QueuesAnswer), NeedsAccessToSpan))]
async fn queues(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(wide): QueryParams<Wide>,
    QueryParams(of): QueryParams<OfLane>,
    QueryParams(when): QueryParams<When>,
) -> Result<Json<QueuesAnswer>, Problem> {
    let place = Place::find(&app, &user, id).await?;
    let lanes = place.lanes(&app, of.lane_id).await?;
    let edges = when.edges(place.zone, Clock.utc(), wide.bucket, Most::Cycles)?;
    let rows = served::queues(&app.db, place.junction, of.lane_id, &edges).await?;
    let buckets = analytics::queues(place.zone, &edges, &lanes, &rows);
    Ok(Json(QueuesAnswer { junction_id: id, time_zone: place.zone_name(), buckets }))
}
