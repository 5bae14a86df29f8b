//! What the planner remembers of before a restart.

use crate::planner::LONGEST_SILENCE_S;
use flextraff_common::ids::{JunctionId, LaneId};
use sqlx::PgPool;

/// What the lanes of all junctions, or of one, showed since a moment and until another: lane, end of interval (Unix milliseconds), vehicles, seconds watched. An
/// interval whose sender does not say how long it watched stands for the time since the one before.
pub async fn recent_demand(
    db: &PgPool,
    only: Option<JunctionId>,
    since_unix_ms: i64,
    until_unix_ms: i64,
) -> sqlx::Result<Vec<(JunctionId, LaneId, i64, f64, f64)>> {
    let rows = sqlx::query!(
        // A junction at a time, by its index: by time alone all that a day of the city has brought would be read.
        r#"SELECT j.junction_id, lane_id, (EXTRACT(EPOCH FROM max(ts)) * 1000)::bigint AS "end!",
                  sum(vehicle_count)::double precision AS "vehicles!", coalesce(sum(watched), 0)::double precision AS "observed!"
           FROM junctions j CROSS JOIN LATERAL (
               SELECT lane_id, ts, vehicle_count,
                      coalesce(observed_s, least(EXTRACT(EPOCH FROM ts - lag(ts) OVER (PARTITION BY lane_id ORDER BY ts))::double precision,
                                     $2::double precision))
                          AS watched
               FROM car_counts
               WHERE junction_id = j.junction_id
                 AND ts > to_timestamp($1::double precision / 1000) AND ts <= to_timestamp($4::double precision / 1000)
           ) c
           WHERE $3::uuid IS NULL OR j.junction_id = $3
           GROUP BY j.junction_id, lane_id, date_trunc('minute', ts) ORDER BY 1, 2, 3"#,
        since_unix_ms as f64,
        LONGEST_SILENCE_S,
        only.map(|junction| junction.0),
        until_unix_ms as f64,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (JunctionId(row.junction_id), LaneId(row.lane_id), row.end, row.vehicles, row.observed))
        .collect())
}
