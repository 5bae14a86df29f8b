//! Cycles as they were served, summed up over buckets of time. A cycle belongs to the bucket in which it begins.

use crate::analytics::{CyclesRow, LaneQueue, Spread, StageEnds, StageRow};
use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use sqlx::PgPool;
use uuid::Uuid;

/// Between two vehicles of a queue that leave at green, where nothing is learned of the lane, seconds.
const SATURATION_HEADWAY_S: f64 = 2.0;

fn place(bucket: i32) -> usize {
    usize::try_from(bucket - 1).unwrap_or_default()
}

fn ends(edges: &[DateTime<Utc>]) -> (DateTime<Utc>, DateTime<Utc>) {
    let first = edges.first().copied().unwrap_or_default();
    (first, edges.last().copied().unwrap_or(first))
}

/// Cycles of each bucket that has any.
///
/// # Errors
/// When the database fails.
pub async fn cycles(
    db: &PgPool,
    junction: JunctionId,
    edges: &[DateTime<Utc>],
) -> sqlx::Result<Vec<CyclesRow>> {
    let (from, to) = ends(edges);
    let rows = sqlx::query!(
        r#"SELECT width_bucket(cycle_start_time, $2::timestamptz[]) AS "bucket!", count(*) AS "cycles!",
                  avg(total_cycle_time)::double precision AS mean, min(total_cycle_time)::double precision AS least,
                  max(total_cycle_time)::double precision AS most,
                  coalesce(sum(total_cycle_time::double precision), 0) AS "total_s!"
           FROM traffic_cycles WHERE junction_id = $1 AND cycle_start_time >= $3 AND cycle_start_time < $4
           GROUP BY 1 ORDER BY 1"#,
        junction.0,
        edges,
        from,
        to,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| CyclesRow {
        bucket: place(row.bucket),
        cycles: row.cycles,
        cycle_s: Spread::new(row.mean, row.least, row.most),
        total_s: row.total_s,
    });
    Ok(rows.collect())
}

/// Stages of each bucket, in the order of the junction; those that it no longer has come last.
///
/// # Errors
/// When the database fails.
pub async fn stages(
    db: &PgPool,
    junction: JunctionId,
    edges: &[DateTime<Utc>],
) -> sqlx::Result<Vec<StageRow>> {
    let (from, to) = ends(edges);
    let rows = sqlx::query!(
        r#"WITH served AS (
               SELECT width_bucket(c.cycle_start_time, $2::timestamptz[]) AS bucket, s.stage, s.green_s,
                      s.green_s + s.amber_s + s.all_red_s AS split_s
               FROM traffic_cycles c,
                    jsonb_to_recordset(c.stages) AS s(stage text, green_s double precision, amber_s double precision,
                                                      all_red_s double precision)
               WHERE c.junction_id = $1 AND c.cycle_start_time >= $3 AND c.cycle_start_time < $4 AND s.stage IS NOT NULL
           ), summed AS (
               SELECT bucket, stage, count(*) AS served, avg(green_s) AS green_mean, min(green_s) AS green_min, max(green_s) AS green_max,
                      avg(split_s) AS split_mean, min(split_s) AS split_min, max(split_s) AS split_max, sum(split_s) AS total_s
               FROM served GROUP BY 1, 2)
           SELECT bucket AS "bucket!", stage AS "stage!", served AS "served!", green_mean, green_min, green_max, split_mean, split_min,
                  split_max, total_s
           FROM summed LEFT JOIN stages n ON n.junction_id = $1 AND n.stage_name = summed.stage
           ORDER BY bucket, n.stage_index NULLS LAST, stage"#,
        junction.0,
        edges,
        from,
        to,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().filter_map(|row| {
        Some(StageRow {
            bucket: place(row.bucket),
            stage: row.stage,
            served: row.served,
            green_s: Spread::new(row.green_mean, row.green_min, row.green_max)?,
            split_s: Spread::new(row.split_mean, row.split_min, row.split_max)?,
            total_s: row.total_s?,
        })
    });
    Ok(rows.collect())
}

/// What ended the greens of the stages of each bucket.
///
/// # Errors
/// When the database fails.
pub async fn stage_ends(
    db: &PgPool,
    junction: JunctionId,
    edges: &[DateTime<Utc>],
) -> sqlx::Result<Vec<(usize, StageEnds)>> {
    let (from, to) = ends(edges);
    let rows = sqlx::query!(
        r#"WITH ends AS (
               SELECT width_bucket(c.cycle_start_time, $2::timestamptz[]) AS bucket, s.stage, s."end" AS cause
               FROM traffic_cycles c, jsonb_to_recordset(c.stages) AS s(stage text, "end" text)
               WHERE c.junction_id = $1 AND c.cycle_start_time >= $3 AND c.cycle_start_time < $4 AND s.stage IS NOT NULL
           ), summed AS (
               SELECT bucket, stage, count(*) FILTER (WHERE cause = 'plan') AS plan,
                      count(*) FILTER (WHERE cause = 'gap_out') AS gap_out, count(*) FILTER (WHERE cause = 'max_out') AS max_out,
                      count(*) FILTER (WHERE cause = 'force_off') AS force_off, count(*) FILTER (WHERE cause = 'priority') AS priority,
                      count(*) FILTER (WHERE cause = 'manual') AS manual, count(*) FILTER (WHERE cause = 'fault') AS fault
               FROM ends GROUP BY 1, 2)
           SELECT bucket AS "bucket!", stage AS "stage!", plan AS "plan!", gap_out AS "gap_out!", max_out AS "max_out!",
                  force_off AS "force_off!", priority AS "priority!", manual AS "manual!", fault AS "fault!"
           FROM summed LEFT JOIN stages n ON n.junction_id = $1 AND n.stage_name = summed.stage
           ORDER BY bucket, n.stage_index NULLS LAST, stage"#,
        junction.0,
        edges,
        from,
        to,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let ends = StageEnds {
            stage: row.stage,
            plan: row.plan,
            gap_out: row.gap_out,
            max_out: row.max_out,
            force_off: row.force_off,
            priority: row.priority,
            manual: row.manual,
            fault: row.fault,
        };
        (place(row.bucket), ends)
    });
    Ok(rows.collect())
}

/// Queues of the lanes of each bucket, and the waits that follow from them.
///
/// Whoever waits is counted when green starts and when it ends; between, the queue is taken to grow and shrink evenly, and one that is served whole
/// to go at 2 s a vehicle. The area under it, vehicle-seconds, over the vehicles of the same cycles is the mean wait: the queue-count
/// method of the Highway Capacity Manual (7th ed., chapter 31, field measurement of control delay), with two counts a cycle.
///
/// # Errors
/// When the database fails.
pub async fn queues(
    db: &PgPool,
    junction: JunctionId,
    lane: Option<Uuid>,
    edges: &[DateTime<Utc>],
) -> sqlx::Result<Vec<(usize, LaneQueue)>> {
    let (from, to) = ends(edges);
    let rows = sqlx::query!(
        r#"SELECT width_bucket(cycle_start_time, $3::timestamptz[]) AS "bucket!", lane_id,
                  sum((queue_start + queue_end) / 2
                      * (cycle_s - green_s + CASE WHEN queue_end > 0 THEN green_s ELSE least(green_s, $6::double precision * queue_start) END))
                      / nullif(sum(vehicle_count) FILTER (WHERE queue_start + queue_end + cycle_s + green_s IS NOT NULL), 0) AS wait_s,
                  count(*) FILTER (WHERE num_nonnulls(queue_start, queue_end) > 0) AS "cycles!",
                  avg(queue_start)::double precision AS start_mean, min(queue_start)::double precision AS start_min,
                  max(queue_start)::double precision AS start_max, avg(queue_end)::double precision AS end_mean,
                  min(queue_end)::double precision AS end_min, max(queue_end)::double precision AS end_max,
                  count(was_congested) AS "judged!", count(*) FILTER (WHERE was_congested) AS "congested!",
                  avg(congestion_level)::double precision AS level
           FROM (SELECT d.*, greatest(c.total_cycle_time, d.green_time_seconds)::double precision AS cycle_s,
                        d.green_time_seconds::double precision AS green_s
                 FROM lane_cycle_data d
                 LEFT JOIN traffic_cycles c
                     ON c.cycle_id = d.cycle_id AND c.cycle_start_time = d.cycle_start_time
                        AND c.junction_id = $1 AND c.cycle_start_time >= $4 AND c.cycle_start_time < $5
                 WHERE d.junction_id = $1 AND d.cycle_start_time >= $4 AND d.cycle_start_time < $5) d
           WHERE lane_id IN (SELECT lane_id FROM lanes WHERE junction_id = $1
                             UNION SELECT lane_id FROM lane_volumes_day WHERE junction_id = $1)
             AND ($2::uuid IS NULL OR lane_id = $2)
           GROUP BY 1, 2 ORDER BY 1, 2"#,
        junction.0,
        lane,
        edges,
        from,
        to,
        SATURATION_HEADWAY_S,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let queue = LaneQueue {
            lane_id: row.lane_id,
            cycles: row.cycles,
            queue_start: Spread::new(row.start_mean, row.start_min, row.start_max),
            queue_end: Spread::new(row.end_mean, row.end_min, row.end_max),
            congested_cycles: (row.judged > 0).then_some(row.congested),
            congestion_level: row.level.map(|level| (level * 1000.0).round() / 1000.0),
            wait_s: row.wait_s.map(|wait_s| (wait_s * 10.0).round() / 10.0),
        };
        (place(row.bucket), queue)
    });
    Ok(rows.collect())
}
