//! What the planner remembers of before a restart.

use flextraff_common::ids::{JunctionId, LaneId};
use sqlx::PgPool;

/// What the lanes of all junctions showed since a moment: lane, end of interval (Unix milliseconds), vehicles, seconds watched.
pub async fn recent_demand(
    db: &PgPool,
    since_unix_ms: i64,
) -> sqlx::Result<Vec<(JunctionId, LaneId, i64, f64, f64)>> {
    let rows = sqlx::query!(
        r#"SELECT junction_id, lane_id, (EXTRACT(EPOCH FROM max(ts)) * 1000)::bigint AS "end!",
                  sum(vehicle_count)::double precision AS "vehicles!", sum(observed_s)::double precision AS "observed!"
           FROM car_counts
           WHERE ts > to_timestamp($1::double precision / 1000) AND observed_s IS NOT NULL
           GROUP BY junction_id, lane_id, date_trunc('minute', ts) ORDER BY 1, 2, 3"#,
        since_unix_ms as f64,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (JunctionId(row.junction_id), LaneId(row.lane_id), row.end, row.vehicles, row.observed))
        .collect())
}
