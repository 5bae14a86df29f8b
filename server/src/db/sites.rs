//! What the planner remembers of before a restart.

use crate::optimizer::{LaneDemand, Shown};
use crate::planner::LONGEST_SILENCE_S;
use flextraff_common::ids::{JunctionId, LaneId, OutboxId, Seq};
use flextraff_common::time::UnixMs;
use sqlx::PgPool;

/// Of which time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// From then on.
    pub since: UnixMs,
    /// From then on each interval by itself; before, those of a minute together.
    pub exact_since: UnixMs,
    /// Until then.
    pub until: UnixMs,
}

/// What a lane showed.
#[derive(Clone, Copy, Debug)]
pub struct Recent {
    /// Its junction.
    pub junction: JunctionId,
    /// The lane.
    pub lane: LaneId,
    /// What it showed.
    pub shown: Shown,
}

/// What the lanes of all junctions, or of one, showed. An interval whose sender does not say how long it watched stands for the time since the
/// one before.
///
/// # Errors
/// When the database fails.
pub async fn recent_demand(db: &PgPool, only: Option<JunctionId>, span: Span) -> sqlx::Result<Vec<Recent>> {
    let rows = sqlx::query!(
        // A junction at a time, by its index: by time alone all that a day of the city has brought would be read.
        r#"SELECT j.junction_id, lane_id, (EXTRACT(EPOCH FROM max(ts)) * 1000)::bigint AS "end!",
                  sum(vehicle_count)::double precision AS "vehicles!", coalesce(sum(watched), 0)::double precision AS "observed!",
                  (array_agg(outbox_id))[1] AS outbox_id, min(seq) AS seq, bool_and(exact) AS "exact!"
           FROM junctions j CROSS JOIN LATERAL (
               SELECT lane_id, ts, vehicle_count, outbox_id, seq, ts > to_timestamp($5::double precision / 1000) AS exact,
                      coalesce(observed_s, least(EXTRACT(EPOCH FROM ts - lag(ts) OVER (PARTITION BY lane_id ORDER BY ts))::double precision,
                                     $2::double precision))
                          AS watched
               FROM car_counts
               WHERE junction_id = j.junction_id
                 AND ts > to_timestamp($1::double precision / 1000) AND ts <= to_timestamp($4::double precision / 1000)
           ) c
           WHERE $3::uuid IS NULL OR j.junction_id = $3
           GROUP BY j.junction_id, lane_id, CASE WHEN exact THEN ts ELSE date_trunc('minute', ts) END, exact,
                    CASE WHEN exact THEN outbox_id END, CASE WHEN exact THEN seq END
           ORDER BY 1, 2, 3"#,
        span.since.0 as f64,
        LONGEST_SILENCE_S,
        only.map(|junction| junction.0),
        span.until.0 as f64,
        span.exact_since.0 as f64,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let whose = row.outbox_id.zip(row.seq).filter(|_| row.exact);
            let shown = Shown {
                end: UnixMs(row.end),
                demand: LaneDemand { vehicles: row.vehicles, observed_s: row.observed },
                row: whose.map(|(outbox, seq)| (OutboxId(outbox), Seq(seq as u64))),
                uptime: None,
            };
            Recent { junction: JunctionId(row.junction_id), lane: LaneId(row.lane_id), shown }
        })
        .collect())
}
