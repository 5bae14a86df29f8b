//! Fixed plans and limits by day and hour, and holidays.

use crate::planner::schedule::{ClockTime, Day, Entry, EntryLimits, FixedPlan};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use flextraff_common::ids::JunctionId;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use uuid::Uuid;

/// A holiday.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// The day, such as `2026-01-26`, in the junction's time zone.
    pub date: NaiveDate,
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

/// Whose holidays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Of a whole city.
    City(&'a str),
    /// Of one junction.
    Junction(JunctionId),
}

impl<'a> Owner<'a> {
    const fn columns(self) -> (Option<&'a str>, Option<Uuid>) {
        match self {
            Self::City(city) => (Some(city), None),
            Self::Junction(junction) => (None, Some(junction.0)),
        }
    }
}

/// The entries of all junctions, or of one, in their order.
///
/// # Errors
/// The database is away, or holds an entry that another program has made unreadable.
pub async fn entries(
    db: impl PgExecutor<'_>,
    only: Option<JunctionId>,
) -> sqlx::Result<BTreeMap<JunctionId, Vec<Entry>>> {
    let rows = sqlx::query!(
        r#"SELECT junction_id, entry_name, days, starts_at, ends_at, stages AS "stages: Json<Vec<crate::planner::schedule::FixedGreen>>",
                  offset_s, min_cycle_s, max_cycle_s, min_green_s, max_green_s
           FROM schedules WHERE $1::uuid IS NULL OR junction_id = $1 ORDER BY junction_id, entry_index"#,
        only.map(|junction| junction.0),
    )
    .fetch_all(db)
    .await?;
    let seconds = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let mut all: BTreeMap<JunctionId, Vec<Entry>> = BTreeMap::new();
    for row in rows {
        let limits = EntryLimits {
            min_cycle_s: seconds(row.min_cycle_s),
            max_cycle_s: seconds(row.max_cycle_s),
            min_green_s: seconds(row.min_green_s),
            max_green_s: seconds(row.max_green_s),
        };
        let offset_s = seconds(row.offset_s);
        let plan = row.stages.map(|Json(stages)| FixedPlan { stages, offset_s });
        let days = Day::WEEK.into_iter().chain([Day::Holiday]);
        all.entry(JunctionId(row.junction_id)).or_default().push(Entry {
            name: row.entry_name,
            days: days.filter(|day| row.days.iter().any(|name| name == day.name())).collect(),
            from: ClockTime::of(row.starts_at),
            to: ClockTime::of(row.ends_at),
            limits: plan.is_none().then_some(limits),
            plan,
        });
    }
    Ok(all)
}

/// Replaces the entries of a junction; in the caller's transaction.
pub async fn set_entries(db: &mut PgConnection, junction: JunctionId, entries: &[Entry]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM schedules WHERE junction_id = $1", junction.0).execute(&mut *db).await?;
    for (index, entry) in (0..).zip(entries) {
        let days: Vec<String> = entry.days.iter().map(|day| day.name().to_owned()).collect();
        let (from, to): (NaiveTime, NaiveTime) = (entry.from.time(), entry.to.time());
        let limits = entry.limits.unwrap_or_default();
        let seconds = |value: Option<u32>| value.and_then(|value| i32::try_from(value).ok());
        sqlx::query!(
            "INSERT INTO schedules (junction_id, entry_index, entry_name, days, starts_at, ends_at, stages, offset_s, min_cycle_s,
                 max_cycle_s, min_green_s, max_green_s)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            junction.0,
            index,
            entry.name,
            &days,
            from,
            to,
            entry.plan.as_ref().map(|plan| Json(&plan.stages)) as _,
            seconds(entry.plan.as_ref().and_then(|plan| plan.offset_s)),
            seconds(limits.min_cycle_s),
            seconds(limits.max_cycle_s),
            seconds(limits.min_green_s),
            seconds(limits.max_green_s),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// The holidays of a city or a junction, in order.
pub async fn holidays(db: impl PgExecutor<'_>, owner: Owner<'_>) -> sqlx::Result<Vec<Holiday>> {
    let (city, junction) = owner.columns();
    sqlx::query_as!(
        Holiday,
        "SELECT day AS date, holiday_name AS name FROM holidays WHERE lower(city) = lower($1) OR junction_id = $2 ORDER BY day",
        city,
        junction,
    )
    .fetch_all(db)
    .await
}

/// A city as its junctions write it, whatever letters `city` has; `None`: no junction lies there.
pub async fn city(db: impl PgExecutor<'_>, city: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT min(city) FROM junctions WHERE lower(city) = lower($1)", city)
        .fetch_one(db)
        .await
}

/// At most `limit` cities in which there are junctions, in order.
pub async fn cities(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT ON (lower(city)) city FROM junctions ORDER BY lower(city), city LIMIT $1",
        limit
    )
    .fetch_all(db)
    .await
}

/// From here on nobody else changes holidays of cities until the transaction ends.
pub async fn lock_holidays(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('flextraff.city_holidays')) AS locked")
        .fetch_one(db)
        .await?;
    Ok(())
}

/// The days that are holidays at each junction, its own and its city's; of all junctions, or of one.
pub async fn holiday_dates(
    db: impl PgExecutor<'_>,
    only: Option<JunctionId>,
) -> sqlx::Result<BTreeMap<JunctionId, BTreeSet<NaiveDate>>> {
    let rows = sqlx::query!(
        "SELECT j.junction_id, h.day FROM holidays h JOIN junctions j ON j.junction_id = h.junction_id OR lower(j.city) = lower(h.city)
         WHERE $1::uuid IS NULL OR j.junction_id = $1",
        only.map(|junction| junction.0),
    )
    .fetch_all(db)
    .await?;
    let mut all: BTreeMap<JunctionId, BTreeSet<NaiveDate>> = BTreeMap::new();
    for row in rows {
        all.entry(JunctionId(row.junction_id)).or_default().insert(row.day);
    }
    Ok(all)
}

/// Replaces the holidays of a city or a junction; in the caller's transaction.
pub async fn set_holidays(db: &mut PgConnection, owner: Owner<'_>, list: &[Holiday]) -> sqlx::Result<()> {
    let (city, junction) = owner.columns();
    sqlx::query!("DELETE FROM holidays WHERE lower(city) = lower($1) OR junction_id = $2", city, junction)
        .execute(&mut *db)
        .await?;
    let (days, names): (Vec<NaiveDate>, Vec<String>) =
        list.iter().map(|holiday| (holiday.date, holiday.name.clone())).unzip();
    sqlx::query!(
        "INSERT INTO holidays (city, junction_id, day, holiday_name)
         SELECT $1, $2, * FROM unnest($3::date[], $4::text[])",
        city,
        junction,
        &days,
        &names,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The time zone of a junction; UTC when it is gone or names no zone.
pub async fn time_zone(db: impl PgExecutor<'_>, junction: JunctionId) -> sqlx::Result<Tz> {
    let name = sqlx::query_scalar!("SELECT time_zone FROM junctions WHERE junction_id = $1", junction.0)
        .fetch_optional(db)
        .await?;
    Ok(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
}
