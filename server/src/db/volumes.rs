//! Volumes of lanes, summed up beforehand.

use crate::analytics::{HourSum, Quarter, Sum};
use crate::local::Width;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use flextraff_common::ids::JunctionId;
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What counts add to the sums of five minutes.
#[derive(Debug, Default)]
pub struct NewVolumes {
    /// By junction, start of the five minutes and lane.
    sums: BTreeMap<(Uuid, DateTime<Utc>, Uuid), Added>,
}

#[derive(Debug, Default)]
struct Added {
    vehicle_count: i64,
    observed_ms: i64,
    unsaid: i64,
    intervals: i64,
}

impl NewVolumes {
    /// Adds an interval that ended at `ts`. What was watched is rounded as PostgreSQL rounds it, so that a row that moves takes along what it brought.
    pub fn push(
        &mut self,
        junction: Uuid,
        lane: Uuid,
        ts: DateTime<Utc>,
        vehicle_count: i32,
        observed_s: Option<f32>,
    ) {
        let sum = self.sums.entry((junction, five_minutes_of(ts), lane)).or_default();
        sum.vehicle_count += i64::from(vehicle_count);
        match observed_s {
            Some(seconds) => sum.observed_ms += (f64::from(seconds) * 1000.0).round_ties_even() as i64,
            None => sum.unsaid += 1,
        }
        sum.intervals += 1;
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds them to what is stored. The hours are to be summed up again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add(self, db: &mut PgConnection) -> sqlx::Result<()> {
        let (keys, sums): (Vec<_>, Vec<Added>) = self.sums.into_iter().unzip();
        let junctions: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let starts: Vec<DateTime<Utc>> = keys.iter().map(|key| key.1).collect();
        let lanes: Vec<Uuid> = keys.iter().map(|key| key.2).collect();
        let vehicles: Vec<i64> = sums.iter().map(|sum| sum.vehicle_count).collect();
        let observed: Vec<i64> = sums.iter().map(|sum| sum.observed_ms).collect();
        let unsaid: Vec<i64> = sums.iter().map(|sum| sum.unsaid).collect();
        let intervals: Vec<i64> = sums.iter().map(|sum| sum.intervals).collect();
        // In the order of the keys, as every other writer: two of them never wait for each other.
        sqlx::query!(
            "INSERT INTO lane_volumes_5m AS v (junction_id, bucket_start, lane_id, vehicle_count, observed_ms, unsaid, intervals)
             SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
             ON CONFLICT (junction_id, bucket_start, lane_id) DO UPDATE
             SET vehicle_count = v.vehicle_count + excluded.vehicle_count, observed_ms = v.observed_ms + excluded.observed_ms,
                 unsaid = v.unsaid + excluded.unsaid, intervals = v.intervals + excluded.intervals",
            &junctions,
            &starts,
            &lanes,
            &vehicles,
            &observed,
            &unsaid,
            &intervals,
        )
        .execute(&mut *db)
        .await?;
        sqlx::query!("SELECT roll_ups_are_due($1, $2) AS due", &junctions, &starts).fetch_one(db).await?;
        Ok(())
    }
}

/// Start of the five minutes to which an interval belongs that ended at `ts`: those in which it ends, their end included.
fn five_minutes_of(ts: DateTime<Utc>) -> DateTime<Utc> {
    const WIDTH_US: i64 = 300_000_000;
    let last = ts.timestamp_micros() - 1;
    DateTime::from_timestamp_micros(last - last.rem_euclid(WIDTH_US)).unwrap_or(ts)
}

/// Place of a bucket among the edges, lane, and what it showed; in the order of the buckets.
pub type BucketSum = (usize, Uuid, Sum);

/// Whether a junction has a lane, or has had one that counted.
///
/// # Errors
/// When the database fails.
pub async fn has_lane(db: &PgPool, junction: JunctionId, lane: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM lanes WHERE junction_id = $1 AND lane_id = $2)
               OR EXISTS (SELECT FROM lane_volumes_day WHERE junction_id = $1 AND lane_id = $2) AS "has!""#,
        junction.0,
        lane,
    )
    .fetch_one(db)
    .await
}

/// Sums over buckets of a width between edges that rise, out of the widest sums that fit. An interval belongs to the bucket in which it ends.
///
/// # Errors
/// When the database fails.
pub async fn sums(
    db: &PgPool,
    junction: JunctionId,
    zone: Tz,
    lane: Option<Uuid>,
    width: Option<Width>,
    edges: &[DateTime<Utc>],
) -> sqlx::Result<Vec<BucketSum>> {
    match width {
        Some(Width::Hour) => hours(db, junction, lane, edges).await,
        Some(Width::Day) => {
            let dates: Vec<NaiveDate> =
                edges.iter().map(|edge| edge.with_timezone(&zone).date_naive()).collect();
            days(db, junction, lane, &dates).await
        }
        Some(Width::FiveMinutes | Width::Quarter) | None => five_minutes(db, junction, lane, edges).await,
    }
}

/// As [`sums`], out of five minutes; edges are whole five minutes.
///
/// # Errors
/// When the database fails.
pub async fn five_minutes(
    db: &PgPool,
    junction: JunctionId,
    lane: Option<Uuid>,
    edges: &[DateTime<Utc>],
) -> sqlx::Result<Vec<BucketSum>> {
    let (Some(first), Some(last)) = (edges.first(), edges.last()) else { return Ok(Vec::new()) };
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT width_bucket(bucket_start, $3::timestamptz[]) AS "bucket!", lane_id, sum(vehicle_count)::bigint AS "vehicle_count!",
                  sum(observed_ms)::bigint AS "observed_ms!", sum(unsaid)::bigint AS "unsaid!"
           FROM lane_volumes_5m
           WHERE junction_id = $1 AND ($2::uuid IS NULL OR lane_id = $2) AND bucket_start >= $4 AND bucket_start < $5
           GROUP BY 1, 2 ORDER BY 1, 2"#,
        junction.0,
        lane,
        edges,
        first,
        last,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::placed).collect())
}

/// Sums of a lane in a bucket, as the database answers.
struct Row {
    bucket: i32,
    lane_id: Uuid,
    vehicle_count: i64,
    observed_ms: i64,
    unsaid: i64,
}

impl Row {
    fn placed(self) -> BucketSum {
        let Self { bucket, lane_id, vehicle_count, observed_ms, unsaid } = self;
        (usize::try_from(bucket - 1).unwrap_or_default(), lane_id, Sum { vehicle_count, observed_ms, unsaid })
    }
}

async fn hours(
    db: &PgPool,
    junction: JunctionId,
    lane: Option<Uuid>,
    edges: &[DateTime<Utc>],
) -> sqlx::Result<Vec<BucketSum>> {
    let (Some(first), Some(last)) = (edges.first(), edges.last()) else { return Ok(Vec::new()) };
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT width_bucket(hour_start, $3::timestamptz[]) AS "bucket!", lane_id, vehicle_count, observed_ms, unsaid
           FROM lane_volumes_hour
           WHERE junction_id = $1 AND ($2::uuid IS NULL OR lane_id = $2) AND hour_start >= $4 AND hour_start < $5
           ORDER BY hour_start, lane_id"#,
        junction.0,
        lane,
        edges,
        first,
        last,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::placed).collect())
}

/// Sums of days; the last of `dates`, which rise, is not among them.
///
/// # Errors
/// When the database fails.
pub async fn days(
    db: &PgPool,
    junction: JunctionId,
    lane: Option<Uuid>,
    dates: &[NaiveDate],
) -> sqlx::Result<Vec<BucketSum>> {
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return Ok(Vec::new()) };
    let rows = sqlx::query!(
        "SELECT stat_date, lane_id, vehicle_count, observed_ms, unsaid FROM lane_volumes_day
         WHERE junction_id = $1 AND ($2::uuid IS NULL OR lane_id = $2) AND stat_date >= $3 AND stat_date < $4
         ORDER BY stat_date, lane_id",
        junction.0,
        lane,
        first,
        last,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().filter_map(|row| {
        let sum = Sum { vehicle_count: row.vehicle_count, observed_ms: row.observed_ms, unsaid: row.unsaid };
        Some((dates.binary_search(&row.stat_date).ok()?, row.lane_id, sum))
    });
    Ok(rows.collect())
}

/// Sums by hour and weekday of the days from the first to the last.
///
/// # Errors
/// When the database fails.
pub async fn week(
    db: &PgPool,
    junction: JunctionId,
    (first, last): (NaiveDate, NaiveDate),
) -> sqlx::Result<Vec<HourSum>> {
    let rows = sqlx::query!(
        r#"SELECT extract(isodow FROM stat_date)::integer - 1 AS "weekday!", hour, lane_id, count(DISTINCT stat_date) AS "days!",
                  count(DISTINCT hour_start) AS "hours!",
                  sum(vehicle_count)::bigint AS "vehicle_count!", sum(observed_ms)::bigint AS "observed_ms!",
                  sum(unsaid)::bigint AS "unsaid!"
           FROM lane_volumes_hour
           WHERE junction_id = $1 AND stat_date BETWEEN $2 AND $3
             AND hour_start >= $2::timestamp AT TIME ZONE 'UTC' - interval '1 day'
             AND hour_start < $3::timestamp AT TIME ZONE 'UTC' + interval '2 days'
             AND (observed_ms > 0 OR unsaid > 0 OR vehicle_count > 0)
           GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"#,
        junction.0,
        first,
        last,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| HourSum {
        weekday: usize::try_from(row.weekday).unwrap_or_default(),
        hour: usize::try_from(row.hour).unwrap_or_default(),
        lane_id: row.lane_id,
        days: row.days,
        hours: row.hours,
        sum: Sum { vehicle_count: row.vehicle_count, observed_ms: row.observed_ms, unsaid: row.unsaid },
    });
    Ok(rows.collect())
}

/// Quarters of an hour in which lanes had vehicles, in the order of time.
///
/// # Errors
/// When the database fails.
pub async fn quarters(
    db: &PgPool,
    junction: JunctionId,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> sqlx::Result<Vec<(Uuid, Quarter)>> {
    let rows = sqlx::query!(
        r#"SELECT date_bin('15 minutes', bucket_start, '0001-01-01T00:00:00Z') AS "start!", lane_id,
                  sum(vehicle_count)::bigint AS "vehicle_count!"
           FROM lane_volumes_5m
           WHERE junction_id = $1 AND bucket_start >= $2 AND bucket_start < $3
           GROUP BY 1, 2 HAVING sum(vehicle_count) > 0 ORDER BY 1, 2"#,
        junction.0,
        from,
        to,
    )
    .fetch_all(db)
    .await?;
    let quarter = |start, vehicle_count| Quarter { start, vehicle_count };
    Ok(rows.into_iter().map(|row| (row.lane_id, quarter(row.start, row.vehicle_count))).collect())
}
