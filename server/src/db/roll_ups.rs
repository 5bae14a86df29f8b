//! Hours and days of counts and cycles, summed up again where something has changed.
//!
//! Five minutes are kept by triggers in the transaction that stores the counts: one statement a batch. An hour would be written again in each
//! batch that belongs to it, and so would a day; they are summed up from the five minutes instead, when somebody asks or a minute has passed,
//! and only where five minutes have changed. As that sums up anew, whatever comes late or moves is right by itself.

use crate::local::{Width, edges};
use chrono::{DateTime, NaiveDate, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;
use flextraff_common::ids::JunctionId;
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// Hours that are summed up in one transaction.
const AT_ONCE: i64 = 200;
/// How often to look again when those who store hold what is due, and the time between.
const LOOKS: u32 = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Brings hours and days up to date, of one junction or of all. Of all, a junction whose values the database refuses holds up no other: it is
/// logged, and stays due.
///
/// # Errors
/// When the database fails, or refuses the values of the one junction; what was not summed up then is the next time.
pub async fn refresh(db: &PgPool, junction: Option<JunctionId>) -> sqlx::Result<()> {
    match refresh_together(db, junction).await {
        Err(error) if junction.is_none() && super::is_poison(&error) => refresh_each(db).await,
        done => done,
    }
}

/// Each junction in transactions of its own.
async fn refresh_each(db: &PgPool) -> sqlx::Result<()> {
    let junctions = sqlx::query_scalar!("SELECT DISTINCT junction_id FROM roll_ups_due ORDER BY junction_id")
        .fetch_all(db)
        .await?;
    for junction in junctions {
        match refresh_together(db, Some(JunctionId(junction))).await {
            Err(error) if super::is_poison(&error) => {
                tracing::error!(%junction, %error, "the database refuses hours and days of a junction; those of the others are summed up");
            }
            done => done?,
        }
    }
    Ok(())
}

async fn refresh_together(db: &PgPool, junction: Option<JunctionId>) -> sqlx::Result<()> {
    let mut looks = 0;
    while looks < LOOKS && some_are_due(db, junction).await? {
        let mut tx = db.begin().await?;
        // One at a time: two who sum up the same day would not see each other's hours.
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('flextraff.roll_ups')) AS locked")
            .fetch_one(&mut *tx)
            .await?;
        let done = sum_up(&mut tx, junction).await?;
        tx.commit().await?;
        if !done {
            looks += 1;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}

/// Gives lanes of cycles the EPCs of the passages that began in them, in the hours that were summed up since the last time, and takes those
/// before `before` out of them: whatever is stored or moves there so late is summed up again, too.
///
/// # Errors
/// When the database fails; what was not done then is the next time.
pub async fn fill_epcs(db: &PgPool, before: DateTime<Utc>) -> sqlx::Result<()> {
    loop {
        let mut tx = db.begin().await?;
        // One at a time, as above: a cycle may lie in two hours.
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('flextraff.cycle_epcs')) AS locked")
            .fetch_one(&mut *tx)
            .await?;
        let due = sqlx::query!(
            "DELETE FROM cycle_epcs_due d USING (SELECT junction_id, hour_start FROM cycle_epcs_due LIMIT $1) t
             WHERE d.junction_id = t.junction_id AND d.hour_start = t.hour_start
             RETURNING d.junction_id, d.hour_start",
            AT_ONCE,
        )
        .fetch_all(&mut *tx)
        .await?;
        if due.is_empty() {
            return Ok(());
        }
        let (junctions, starts): (Vec<Uuid>, Vec<DateTime<Utc>>) =
            due.into_iter().map(|row| (row.junction_id, row.hour_start)).unzip();
        super::cycles::fill_epcs(&mut tx, &junctions, &starts, before).await?;
        super::retention::take_out_late(&mut tx, &junctions, &starts, before).await?;
        tx.commit().await?;
    }
}

async fn some_are_due(db: &PgPool, junction: Option<JunctionId>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM roll_ups_due WHERE $1::uuid IS NULL OR junction_id = $1) AS "due!""#,
        junction.map(|junction| junction.0),
    )
    .fetch_one(db)
    .await
}

/// Hours or days of local time, a column a vector.
#[derive(Default)]
struct Spans {
    junctions: Vec<Uuid>,
    dates: Vec<NaiveDate>,
    hours: Vec<i16>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<DateTime<Utc>>,
}

impl Spans {
    fn push(&mut self, junction: Uuid, zone: Tz, start: DateTime<Utc>, end: DateTime<Utc>) {
        let local = start.with_timezone(&zone);
        self.junctions.push(junction);
        self.dates.push(local.date_naive());
        self.hours.push(local.hour() as i16);
        self.starts.push(start);
        self.ends.push(end);
    }

    fn of(hours: &BTreeSet<(Uuid, DateTime<Utc>)>, zone: impl Fn(Uuid) -> Tz, width: Width) -> Self {
        let mut known = BTreeSet::new();
        let mut spans = Self::default();
        for &(junction, hour) in hours {
            let zone = zone(junction);
            for edge in edges(zone, width, hour, hour + TimeDelta::hours(1), usize::MAX).windows(2) {
                if known.insert((junction, edge[0])) {
                    spans.push(junction, zone, edge[0], edge[1]);
                }
            }
        }
        spans
    }
}

/// Sums up what is due, and whether there was any. What transactions hold that are still storing is left until they have ended: to wait for them
/// with other rows in hand could hold them up for ever.
async fn sum_up(db: &mut PgConnection, junction: Option<JunctionId>) -> sqlx::Result<bool> {
    let due = sqlx::query!(
        r#"WITH taken AS (
               DELETE FROM roll_ups_due d USING (
                   SELECT junction_id, hour_start FROM roll_ups_due WHERE $1::uuid IS NULL OR junction_id = $1
                   ORDER BY junction_id, hour_start LIMIT $2 FOR UPDATE SKIP LOCKED) t
               WHERE d.junction_id = t.junction_id AND d.hour_start = t.hour_start
               RETURNING d.junction_id, d.hour_start)
           SELECT junction_id AS "junction_id!", hour_start AS "hour_start!", time_zone AS "time_zone?"
           FROM taken LEFT JOIN junctions USING (junction_id)"#,
        junction.map(|junction| junction.0),
        AT_ONCE,
    )
    .fetch_all(&mut *db)
    .await?;
    if due.is_empty() {
        return Ok(false);
    }
    // Without a time zone the junction is gone.
    let zones: BTreeMap<Uuid, Tz> = due
        .iter()
        .filter_map(|row| Some((row.junction_id, row.time_zone.as_ref()?.parse().unwrap_or(Tz::UTC))))
        .collect();
    let hours: BTreeSet<(Uuid, DateTime<Utc>)> = due
        .iter()
        .filter(|row| zones.contains_key(&row.junction_id))
        .map(|row| (row.junction_id, row.hour_start))
        .collect();
    let zone = |junction: Uuid| zones.get(&junction).copied().unwrap_or(Tz::UTC);
    // From here on each statement sees what those have stored who made it due.
    sum_up_hours(db, &Spans::of(&hours, zone, Width::Hour)).await?;
    sum_up_days(db, &Spans::of(&hours, zone, Width::Day)).await?;
    // Of a junction that is gone as well: its counts stay, and their EPCs have an end.
    let (junctions, starts): (Vec<Uuid>, Vec<DateTime<Utc>>) =
        due.into_iter().map(|row| (row.junction_id, row.hour_start)).unzip();
    sqlx::query!(
        "INSERT INTO cycle_epcs_due (junction_id, hour_start) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
         ORDER BY 1, 2 ON CONFLICT DO NOTHING",
        &junctions,
        &starts,
    )
    .execute(db)
    .await?;
    Ok(true)
}

async fn sum_up_hours(db: &mut PgConnection, hours: &Spans) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM lane_volumes_hour v USING unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS h(junction_id, start_at, end_at)
         WHERE v.junction_id = h.junction_id AND v.hour_start >= h.start_at AND v.hour_start < h.end_at",
        &hours.junctions,
        &hours.starts,
        &hours.ends,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO lane_volumes_hour (junction_id, hour_start, lane_id, stat_date, hour, vehicle_count, observed_ms, unsaid)
         SELECT h.junction_id, h.start_at, v.lane_id, h.stat_date, h.hour, sum(v.vehicle_count), sum(v.observed_ms), sum(v.unsaid)
         FROM unnest($1::uuid[], $2::date[], $3::smallint[], $4::timestamptz[], $5::timestamptz[])
             AS h(junction_id, stat_date, hour, start_at, end_at)
         JOIN lane_volumes_5m v
             ON v.junction_id = h.junction_id AND v.bucket_start >= h.start_at AND v.bucket_start < h.end_at
         GROUP BY 1, 2, 3, 4, 5",
        &hours.junctions,
        &hours.dates,
        &hours.hours,
        &hours.starts,
        &hours.ends,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn sum_up_days(db: &mut PgConnection, days: &Spans) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM lane_volumes_day v USING unnest($1::uuid[], $2::date[]) AS d(junction_id, stat_date)
         WHERE v.junction_id = d.junction_id AND v.stat_date = d.stat_date",
        &days.junctions,
        &days.dates,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO lane_volumes_day (junction_id, stat_date, lane_id, vehicle_count, observed_ms, unsaid)
         SELECT d.junction_id, d.stat_date, v.lane_id, sum(v.vehicle_count), sum(v.observed_ms), sum(v.unsaid)
         FROM unnest($1::uuid[], $2::date[], $3::timestamptz[], $4::timestamptz[]) AS d(junction_id, stat_date, start_at, end_at)
         JOIN lane_volumes_hour v
             ON v.junction_id = d.junction_id AND v.hour_start >= d.start_at AND v.hour_start < d.end_at
         GROUP BY 1, 2, 3",
        &days.junctions,
        &days.dates,
        &days.starts,
        &days.ends,
    )
    .execute(&mut *db)
    .await?;
    super::daily_stats::sum_up(db, &days.junctions, &days.dates, &days.starts, &days.ends).await
}
