//! Days of junctions: `junction_daily_stats`.

use chrono::{DateTime, NaiveDate, Utc};
use flextraff_common::ids::JunctionId;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Sums up days anew, out of the volumes of their lanes and the cycles that began in them. A day of which nothing is left goes.
///
/// # Errors
/// When the database fails.
pub(super) async fn sum_up(
    db: &mut PgConnection,
    junctions: &[Uuid],
    dates: &[NaiveDate],
    starts: &[DateTime<Utc>],
    ends: &[DateTime<Utc>],
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH days AS (
             SELECT * FROM unnest($1::uuid[], $2::date[], $3::timestamptz[], $4::timestamptz[])
                 AS d(junction_id, stat_date, start_at, end_at)
         ), hours AS (
             SELECT d.junction_id, d.stat_date, v.hour, v.hour_start, sum(v.vehicle_count) AS vehicles
             FROM days d JOIN lane_volumes_hour v
                 ON v.junction_id = d.junction_id AND v.hour_start >= d.start_at AND v.hour_start < d.end_at
             GROUP BY 1, 2, 3, 4
         ), volumes AS (
             SELECT junction_id, stat_date, sum(vehicles) AS vehicles, max(vehicles) AS most,
                    (array_agg(hour ORDER BY vehicles DESC, hour_start))[1] AS peak
             FROM hours GROUP BY 1, 2
         ), cycles AS (
             SELECT d.junction_id, d.stat_date, count(*) AS all_of_them, avg(c.total_cycle_time) AS mean,
                    count(*) FILTER (WHERE c.cycle_mode = 'automatic') AS automatic,
                    count(*) FILTER (WHERE c.cycle_mode = 'manual_override') AS manual,
                    count(*) FILTER (WHERE c.cycle_mode = 'emergency') AS emergency
             FROM days d JOIN traffic_cycles c
                 ON c.junction_id = d.junction_id AND c.cycle_start_time >= d.start_at AND c.cycle_start_time < d.end_at
             GROUP BY 1, 2
         ), gone AS (
             DELETE FROM junction_daily_stats s USING days d
             WHERE s.junction_id = d.junction_id AND s.stat_date = d.stat_date
               AND NOT EXISTS (SELECT FROM volumes v WHERE v.junction_id = d.junction_id AND v.stat_date = d.stat_date)
               AND NOT EXISTS (SELECT FROM cycles c WHERE c.junction_id = d.junction_id AND c.stat_date = d.stat_date)
         )
         INSERT INTO junction_daily_stats (junction_id, stat_date, total_cycles, total_vehicles, avg_cycle_time, max_vehicle_count,
             peak_hour, automatic_cycles, manual_override_cycles, emergency_cycles)
         SELECT junction_id, stat_date, coalesce(c.all_of_them, 0), coalesce(v.vehicles, 0), c.mean, coalesce(v.most, 0),
                CASE WHEN v.most > 0 THEN v.peak END, coalesce(c.automatic, 0), coalesce(c.manual, 0), coalesce(c.emergency, 0)
         FROM volumes v FULL JOIN cycles c USING (junction_id, stat_date)
         ON CONFLICT (junction_id, stat_date) DO UPDATE
         SET total_cycles = excluded.total_cycles, total_vehicles = excluded.total_vehicles, avg_cycle_time = excluded.avg_cycle_time,
             max_vehicle_count = excluded.max_vehicle_count, peak_hour = excluded.peak_hour,
             automatic_cycles = excluded.automatic_cycles, manual_override_cycles = excluded.manual_override_cycles,
             emergency_cycles = excluded.emergency_cycles, computed_at = now()",
        junctions,
        dates,
        starts,
        ends,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A day of a junction.
#[derive(Clone, Debug, PartialEq)]
pub struct DayRow {
    /// The day, in the junction's time zone.
    pub stat_date: NaiveDate,
    /// Most vehicles of one hour.
    pub max_vehicle_count: i64,
    /// The hour that had them; `None`: there were none.
    pub peak_hour: Option<i32>,
    /// Cycles that began.
    pub total_cycles: i32,
    /// Mean of their lengths, seconds.
    pub avg_cycle_time: Option<f32>,
    /// Cycles by the planner or the agent's fallback.
    pub automatic_cycles: i32,
    /// Cycles of manual overrides.
    pub manual_override_cycles: i32,
    /// Cycles of emergencies.
    pub emergency_cycles: i32,
}

/// The days from the first to the last of which anything is known.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    junction: JunctionId,
    (first, last): (NaiveDate, NaiveDate),
) -> sqlx::Result<Vec<DayRow>> {
    sqlx::query_as!(
        DayRow,
        "SELECT stat_date, max_vehicle_count, peak_hour, total_cycles, avg_cycle_time, automatic_cycles, manual_override_cycles,
                emergency_cycles
         FROM junction_daily_stats WHERE junction_id = $1 AND stat_date BETWEEN $2 AND $3 ORDER BY stat_date",
        junction.0,
        first,
        last,
    )
    .fetch_all(db)
    .await
}
