//! What is known of a junction as CSV.

pub(crate) use super::when::Moment;
use super::when::{Dates, When};
use super::{Day, Place, days};
use crate::api::body::{PathParams, QueryParams};
use crate::api::csv::{self, CHUNK, Lines, Table, cell};
use crate::api::guard::CurrentUser;
use crate::api::problem::{NeedsAccessToSpan, Problem};
use crate::app::App;
use crate::clock::Clock;
use crate::db::Database;
use crate::db::count_reads::{self, CountRow};
use crate::db::cycles::{self, CycleRow};
use crate::db::junction_api;
use anyhow::{Context as _, anyhow};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use flextraff_common::ids::JunctionId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most days of one export for whoever has the database.
const MOST_DAYS: i64 = 3660;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// What an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Intervals as they came, without EPCs.
    Counts,
    /// Cycles as they were served, a line a stage.
    Cycles,
    /// Days, as `daily` answers.
    Daily,
}

impl What {
    /// Name of the file, and how many days of it are answered at a time.
    const fn limits(self) -> (&'static str, i64) {
        match self {
            Self::Counts => ("counts.csv", 31),
            Self::Cycles => ("cycles.csv", 92),
            Self::Daily => ("daily.csv", 366),
        }
    }
}

/// What is wanted.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `counts`, `cycles` or `daily`.
    #[param(inline)]
    what: What,
}

/// Counts, cycles or days of a junction as CSV; counts and cycles the newest first, at most 31 and 92 days of them. Days take no times.
#[utoipa::path(get, path = "/api/analytics/junction/{junction_id}/export", tag = "analytics",
    security(("OAuth2PasswordBearer" = [])), params(("junction_id" = Uuid, Path), Wanted, When),
    responses(
        (status = 200, description = "Lines behind a header that names the columns", body = String, content_type = "text/csv"),
        NeedsAccessToSpan,
    ))]
async fn export(
    State(app): State<App>,
    CurrentUser(user): CurrentUser,
    PathParams(id): PathParams<Uuid>,
    QueryParams(Wanted { what }): QueryParams<Wanted>,
    uri: Uri,
) -> Result<Response, Problem> {
    let place = Place::find(&app, &user, id).await?;
    let (file, most) = what.limits();
    let when = match what {
        What::Daily => Span::Days(QueryParams::<Dates>::of(&uri)?.0),
        What::Counts | What::Cycles => Span::Times(QueryParams::<When>::of(&uri)?.0),
    };
    Ok(csv::download(file, table(&app.db, &place, what, when, most).await?))
}

/// The same for whoever has the database, of any length up to ten years; `None`: there is no such junction.
///
/// # Errors
/// When the span cannot be, or the database fails.
pub(crate) async fn of_junction(
    db: &Database,
    junction: JunctionId,
    what: What,
    from: Option<Moment>,
    to: Option<Moment>,
) -> anyhow::Result<Option<Table>> {
    if junction_api::get(db, junction).await?.is_none() {
        return Ok(None);
    }
    let when = When::new(from, to);
    let when = match what {
        What::Daily => Span::Days(when.days().context("daily takes days such as 2026-02-10, no times")?),
        What::Counts | What::Cycles => Span::Times(when),
    };
    let place = Place::of(db, junction).await?;
    let table = table(db, &place, what, when, MOST_DAYS).await;
    Ok(Some(table.map_err(|problem| anyhow!("{problem}"))?))
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
enum Span {
    Days(Dates),
    Times(When),
}

async fn table(db: &Database, place: &Place, what: What, span: Span, most: i64) -> Result<Table, Problem> {
    let now = Clock.utc();
    let (db, junction) = (db.clone(), place.junction);
    Ok(match span {
        Span::Days(dates) => {
            let days = days(&db, place, dates.span(place.zone, now, most)?).await?;
            daily(days, &names(&db, junction).await?)
        }
        Span::Times(when) if what == What::Counts => {
            let span = when.span(place.zone, now, 1, most, "counts")?;
            let names = names(&db, junction).await?;
            counts(db, junction, names, span)
        }
        Span::Times(when) => cycles(db, junction, when.span(place.zone, now, 1, most, "cycles")?),
    })
}

/// The names of a junction's lanes.
async fn names(db: &Database, junction: JunctionId) -> anyhow::Result<BTreeMap<Uuid, String>> {
    let lanes = junction_api::lanes(db, junction).await?;
    Ok(lanes.into_iter().map(|lane| (lane.lane_id, lane.lane_name)).collect())
}

fn owned<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(ToOwned::to_owned).to_vec()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

type Times = (DateTime<Utc>, DateTime<Utc>);

fn counts(db: Database, junction: JunctionId, names: BTreeMap<Uuid, String>, (from, to): Times) -> Table {
    let header = owned([
        "timestamp",
        "interval_start",
        "lane_id",
        "lane_name",
        "vehicle_count",
        "observed_s",
        "departed",
        "present",
        "other_tags",
        "device_id",
        "clock",
        "flagged",
    ]);
    let names = Arc::new(names);
    csv::table(header, None, move |after| {
        let (db, names) = (db.clone(), Arc::clone(&names));
        async move {
            let rows = count_reads::list(&db, junction, None, Some(from), Some(to), after, CHUNK).await?;
            let lines = rows.iter().map(|row| count_line(row, &names)).collect();
            let last = rows.last().map(|row| (row.timestamp, row.lane_id, row.seq, row.outbox_id));
            Ok((lines, last.filter(|_| rows.len() as i64 == CHUNK).map(Some))) as anyhow::Result<Lines<_>>
        }
    })
}

fn count_line(row: &CountRow, names: &BTreeMap<Uuid, String>) -> Vec<String> {
    vec![
        time(row.timestamp),
        cell(row.interval_start.map(time)),
        row.lane_id.to_string(),
        csv::text(names.get(&row.lane_id).map_or("", String::as_str)),
        row.vehicle_count.to_string(),
        cell(row.observed_s),
        cell(row.departed),
        cell(row.present),
        cell(row.other_tags),
        cell(row.device_id),
        cell(row.clock.as_deref()),
        cell(row.flagged.as_deref()),
    ]
}

fn cycles(db: Database, junction: JunctionId, (from, to): Times) -> Table {
    let header = owned([
        "cycle_id",
        "cycle_start_time",
        "cycle_end_time",
        "total_cycle_time",
        "cycle_mode",
        "override_by",
        "plan_id",
        "device_id",
        "clock",
        "stage",
        "green_s",
        "amber_s",
        "all_red_s",
        "end",
    ]);
    csv::table(header, None, move |after| {
        let db = db.clone();
        async move {
            let rows = cycles::list(&db, junction, Some(from), Some(to), after, CHUNK).await?;
            let lines = rows.iter().flat_map(cycle_lines).collect();
            let last = rows.last().map(|row| (row.cycle_start_time, row.cycle_id));
            Ok((lines, last.filter(|_| rows.len() as i64 == CHUNK).map(Some))) as anyhow::Result<Lines<_>>
        }
    })
}

fn cycle_lines(row: &CycleRow) -> Vec<Vec<String>> {
    let cycle = [
        row.cycle_id.to_string(),
        time(row.cycle_start_time),
        cell(row.cycle_end_time.map(time)),
        cell(row.total_cycle_time),
        row.cycle_mode.clone(),
        csv::text(row.override_by.as_deref().unwrap_or_default()),
        csv::text(row.plan_id.as_deref().unwrap_or_default()),
        cell(row.device_id),
        cell(row.clock.as_deref()),
    ];
    let line = |stage: [String; 5]| cycle.iter().cloned().chain(stage).collect();
    if row.stages.is_empty() {
        return vec![line(<[String; 5]>::default())];
    }
    let stages = row.stages.iter().map(|stage| {
        let seconds = [stage.green_s, stage.amber_s, stage.all_red_s].map(|seconds| seconds.to_string());
        let [green, amber, all_red] = seconds;
        [csv::text(&stage.stage), green, amber, all_red, cell(stage.end.as_deref())]
    });
    stages.map(line).collect()
}

fn daily(days: Vec<Day>, names: &BTreeMap<Uuid, String>) -> Table {
    let mut header = owned([
        "stat_date",
        "total_vehicles",
        "max_vehicle_count",
        "peak_hour",
        "total_cycles",
        "avg_cycle_time",
        "automatic_cycles",
        "manual_override_cycles",
        "emergency_cycles",
    ]);
    for lane in days.first().iter().flat_map(|day| &day.lanes) {
        let name = names.get(&lane.lane_id).cloned().unwrap_or_else(|| lane.lane_id.to_string());
        header
            .extend([csv::text(&format!("{name} vehicle_count")), csv::text(&format!("{name} observed_s"))]);
    }
    let lines: Vec<Vec<String>> = days.into_iter().map(day_line).collect();
    csv::table(header, lines, async |lines| Ok((lines, None)))
}

fn day_line(day: Day) -> Vec<String> {
    let mut line = vec![
        day.stat_date.to_string(),
        cell(day.total_vehicles),
        cell(day.max_vehicle_count),
        cell(day.peak_hour),
        day.total_cycles.to_string(),
        cell(day.avg_cycle_time),
        day.automatic_cycles.to_string(),
        day.manual_override_cycles.to_string(),
        day.emergency_cycles.to_string(),
    ];
    for lane in day.lanes {
        line.extend([cell(lane.vehicle_count), cell(lane.observed_s)]);
    }
    line
}
