//! Cycles and high-resolution events of the signal.

mod greens;

use chrono::{DateTime, TimeDelta, Utc};
use flextraff_common::ids::JunctionId;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{CycleStage, Cycles, Events};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

/// Inserts cycles with what their lanes saw. Their EPCs are filled in later: counts of the end of a cycle come after it.
pub async fn insert(db: &mut PgConnection, cycles: &[(JunctionId, &Cycles)]) -> Result<(), sqlx::Error> {
    if cycles.is_empty() {
        return Ok(());
    }
    let time = |time: UnixMs| {
        let out_of_range = || sqlx::Error::Encode("the times of the cycle are out of range".into());
        crate::ingest::to_utc(time).ok_or_else(out_of_range)
    };
    let starts: Vec<DateTime<Utc>> =
        cycles.iter().map(|(_, cycle)| time(cycle.started_at)).collect::<Result<_, _>>()?;
    let ends: Vec<DateTime<Utc>> =
        cycles.iter().map(|(_, cycle)| time(cycle.ended_at)).collect::<Result<_, _>>()?;
    let ids: Vec<Uuid> = cycles.iter().map(|_| Uuid::now_v7()).collect();
    let junctions: Vec<Uuid> = cycles.iter().map(|(junction, _)| junction.0).collect();
    let each = cycles.iter().map(|(_, cycle)| cycle);
    let lengths: Vec<f32> =
        each.clone().map(|cycle| cycle.ended_at.since(cycle.started_at) as f32 / 1000.0).collect();
    let modes: Vec<String> = each.clone().map(|cycle| super::mode_name(cycle.mode).to_owned()).collect();
    let devices: Vec<Uuid> = each.clone().map(|cycle| cycle.delivery.device_id.0).collect();
    let plans: Vec<Option<String>> = each.clone().map(|cycle| cycle.plan_id.clone()).collect();
    let stages: Vec<Json<&[CycleStage]>> = each.clone().map(|cycle| Json(cycle.stages.as_slice())).collect();
    let boots: Vec<Uuid> = each.clone().map(|cycle| cycle.delivery.boot_id.0).collect();
    let mono: Vec<i64> = each.clone().map(|cycle| cycle.delivery.mono_ms.0).collect();
    let clocks: Vec<String> = each.map(|cycle| super::clock_name(cycle.delivery.clock).to_owned()).collect();
    sqlx::query!(
        "INSERT INTO traffic_cycles (cycle_id, junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode,
             override_by_user_id, override_by_name, device_id, plan_id, stages, boot_id, mono_ms, clock)
         SELECT cycle_id, r.junction_id, start_at, end_at, length_s, cycle_mode,
             o.user_id, o.username, device_id, r.plan_id, r.stages, boot_id, mono_ms, clock
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::real[], $6::text[], $7::uuid[], $8::text[],
                 $9::jsonb[], $10::uuid[], $11::bigint[], $12::text[])
             AS r(cycle_id, junction_id, start_at, end_at, length_s, cycle_mode, device_id, plan_id, stages, boot_id, mono_ms, clock)
         LEFT JOIN LATERAL (
             SELECT user_id, username FROM manual_override_history h
             WHERE h.junction_id = r.junction_id AND h.plan_id = r.plan_id AND r.cycle_mode <> 'automatic' LIMIT 1
         ) o ON true",
        &ids,
        &junctions,
        &starts,
        &ends,
        &lengths,
        &modes,
        &devices,
        &plans as &[Option<String>],
        &stages as &[Json<&[CycleStage]>],
        &boots,
        &mono,
        &clocks,
    )
    .execute(&mut *db)
    .await?;
    insert_lanes(db, &ids, &starts, cycles).await
}

async fn insert_lanes(
    db: &mut PgConnection,
    ids: &[Uuid],
    starts: &[DateTime<Utc>],
    cycles: &[(JunctionId, &Cycles)],
) -> Result<(), sqlx::Error> {
    let junctions: Vec<Uuid> = cycles.iter().map(|(junction, _)| junction.0).collect();
    let served = greens::stages_of_lanes(db, &junctions).await?;
    let mut of_lanes: (Vec<Uuid>, Vec<Uuid>, Vec<DateTime<Utc>>) = Default::default();
    let (mut green_starts, mut green_ends) = (Vec::new(), Vec::new());
    for (at, (junction, cycle)) in cycles.iter().enumerate() {
        for lane in &cycle.lanes {
            of_lanes.0.push(ids[at]);
            of_lanes.1.push(junction.0);
            of_lanes.2.push(starts[at]);
            let green = served.get(&lane.lane_id.0).and_then(|stages| greens::of(&cycle.stages, stages));
            let (start, end) = green.unzip();
            let time = |seconds: f64| {
                starts[at].checked_add_signed(TimeDelta::milliseconds((seconds * 1000.0) as i64))
            };
            green_starts.push(start.and_then(time));
            green_ends.push(end.and_then(time));
        }
    }
    let lanes = cycles.iter().flat_map(|(_, cycle)| &cycle.lanes);
    let lane_ids: Vec<Uuid> = lanes.clone().map(|lane| lane.lane_id.0).collect();
    let counts: Vec<i32> =
        lanes.clone().map(|lane| i32::try_from(lane.vehicle_count).unwrap_or(i32::MAX)).collect();
    let greens: Vec<f32> = lanes.clone().map(|lane| lane.green_s as f32).collect();
    let queue = |queue: Option<f64>| queue.map(|queue| queue as f32);
    let queue_starts: Vec<Option<f32>> = lanes.clone().map(|lane| queue(lane.queue_start)).collect();
    let queue_ends: Vec<Option<f32>> = lanes.map(|lane| queue(lane.queue_end)).collect();
    sqlx::query!(
        "INSERT INTO lane_cycle_data (cycle_id, junction_id, cycle_start_time, lane_id, vehicle_count, green_time_seconds, queue_start,
             queue_end, green_time_start, green_time_end, was_congested, congestion_level)
         SELECT r.*, r.queue_end > 0.5 * r.queue_start AND r.queue_start >= 1,
             CASE WHEN r.queue_start > 0 THEN least(greatest(r.queue_end / r.queue_start, 0), 1) END
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::integer[], $6::real[], $7::real[], $8::real[],
                 $9::timestamptz[], $10::timestamptz[])
             AS r(cycle_id, junction_id, start_at, lane_id, vehicle_count, green_s, queue_start, queue_end, green_start, green_end)",
        &of_lanes.0,
        &of_lanes.1,
        &of_lanes.2,
        &lane_ids,
        &counts,
        &greens,
        &queue_starts as &[Option<f32>],
        &queue_ends as &[Option<f32>],
        &green_starts as &[Option<DateTime<Utc>>],
        &green_ends as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives the lanes of cycles that overlap these hours the EPCs of the passages whose first read lies within the cycle. Lanes that have as many
/// as vehicles were counted are done; cycles that begin more than an hour before the hour, or before `not_before`, are left out.
///
/// # Errors
/// When the database fails.
pub(super) async fn fill_epcs(
    db: &mut PgConnection,
    junctions: &[Uuid],
    hours: &[DateTime<Utc>],
    not_before: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH wanting AS (
             SELECT DISTINCT d.record_id, d.junction_id, d.lane_id, d.cycle_start_time, c.cycle_end_time
             FROM unnest($1::uuid[], $2::timestamptz[]) AS h(junction_id, start_at)
             JOIN traffic_cycles c ON c.junction_id = h.junction_id
                 AND c.cycle_start_time >= h.start_at - interval '1 hour' AND c.cycle_start_time < h.start_at + interval '1 hour'
                 AND c.cycle_end_time > h.start_at AND c.cycle_start_time >= $3
             JOIN lane_cycle_data d ON d.cycle_id = c.cycle_id AND d.cycle_start_time = c.cycle_start_time
             WHERE cardinality(d.epc_ids) < d.vehicle_count
         ), found AS (
             SELECT w.record_id, w.cycle_start_time,
                    array_agg(c.epc_ids[p.n] ORDER BY c.interval_start, p.n) AS epcs
             FROM wanting w
             JOIN car_counts c ON c.junction_id = w.junction_id AND c.lane_id = w.lane_id AND c.ts >= w.cycle_start_time
                 AND c.ts <= w.cycle_end_time + interval '10 minutes' AND c.interval_start <= w.cycle_end_time,
             json_array_elements(c.passages) WITH ORDINALITY AS p(passage, n)
             WHERE p.n <= cardinality(c.epc_ids)
               AND c.interval_start + (p.passage->>'t_ms')::double precision * interval '1 millisecond' >= w.cycle_start_time
               AND c.interval_start + (p.passage->>'t_ms')::double precision * interval '1 millisecond' < w.cycle_end_time
             GROUP BY 1, 2)
         UPDATE lane_cycle_data d SET epc_ids = f.epcs FROM found f
         WHERE d.record_id = f.record_id AND d.cycle_start_time = f.cycle_start_time AND d.epc_ids <> f.epcs",
        junctions,
        hours,
        not_before,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Inserts events.
pub async fn insert_events(
    db: &mut PgConnection,
    messages: &[(JunctionId, &Events)],
) -> Result<(), sqlx::Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = messages
        .iter()
        .flat_map(|(junction, message)| {
            message.events.iter().filter_map(|&(time, code, parameter)| {
                Some((*junction, &message.delivery, crate::ingest::to_utc(time)?, code, parameter))
            })
        })
        .collect();
    let junctions: Vec<Uuid> = rows.iter().map(|row| row.0.0).collect();
    let devices: Vec<Uuid> = rows.iter().map(|row| row.1.device_id.0).collect();
    let times: Vec<DateTime<Utc>> = rows.iter().map(|row| row.2).collect();
    let codes: Vec<i32> = rows.iter().map(|row| i32::from(row.3)).collect();
    let parameters: Vec<i64> = rows.iter().map(|row| i64::from(row.4)).collect();
    let boots: Vec<Uuid> = rows.iter().map(|row| row.1.boot_id.0).collect();
    let mono: Vec<i64> = rows.iter().map(|row| row.1.mono_ms.0).collect();
    let clocks: Vec<String> = rows.iter().map(|row| super::clock_name(row.1.clock).to_owned()).collect();
    sqlx::query!(
        "INSERT INTO signal_events (junction_id, device_id, ts, code, parameter, boot_id, mono_ms, clock)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::integer[], $5::bigint[], $6::uuid[], $7::bigint[], $8::text[])",
        &junctions,
        &devices,
        &times,
        &codes,
        &parameters,
        &boots,
        &mono,
        &clocks,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A cycle as it was served.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CycleResponse)]
pub struct CycleRow {
    /// Its id.
    pub cycle_id: Uuid,
    /// When it began.
    pub cycle_start_time: DateTime<Utc>,
    /// When it ended.
    pub cycle_end_time: Option<DateTime<Utc>>,
    /// Seconds that it took.
    pub total_cycle_time: Option<f32>,
    /// `automatic`, `manual_override` or `emergency`.
    pub cycle_mode: String,
    /// Name of the user whose override it ran.
    pub override_by: Option<String>,
    /// The plan that it ran; null: the agent's fallback.
    pub plan_id: Option<String>,
    /// The device that served it.
    pub device_id: Option<Uuid>,
    /// `synced`, `unsynced` or `corrected`: how good its times are.
    pub clock: Option<String>,
    /// Its stages as served, in their order.
    #[schema(value_type = Vec<ServedStage>)]
    pub stages: Json<Vec<ServedStage>>,
    /// What its lanes saw.
    #[schema(value_type = Vec<ServedLane>)]
    pub lanes: Json<Vec<ServedLane>>,
}

/// A stage as it was served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServedStage {
    /// Its name.
    pub stage: String,
    /// Seconds of green.
    pub green_s: f64,
    /// Seconds of amber after it.
    pub amber_s: f64,
    /// Seconds of all-red after that.
    pub all_red_s: f64,
    /// What ended its green: `plan`, `gap_out`, `max_out`, `force_off`, `priority`, `manual` or `fault`.
    pub end: Option<String>,
}

/// What a lane saw in a cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServedLane {
    /// The lane.
    pub lane_id: Uuid,
    /// Tagged vehicles that were counted.
    pub vehicle_count: i32,
    /// Seconds of green.
    pub green_s: Option<f64>,
    /// Tagged vehicles waiting at the start of green; null: not known.
    pub queue_start: Option<f64>,
    /// Tagged vehicles waiting at its end; null: not known.
    pub queue_end: Option<f64>,
    /// Whether more than half of the queue was still there at the end of green; null: not known.
    pub was_congested: Option<bool>,
    /// Share of the queue that was still there, 0 to 1; null: not known.
    pub congestion_level: Option<f64>,
}

/// At most `limit` cycles of a junction that began from `from` on and before `to`, the newest first, from behind `after` (start and id).
pub async fn list(
    db: &PgPool,
    junction: JunctionId,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<CycleRow>> {
    let (after_at, after_id) = after.unzip();
    sqlx::query_as!(
        CycleRow,
        r#"SELECT c.cycle_id, c.cycle_start_time, c.cycle_end_time, c.total_cycle_time, c.cycle_mode, c.override_by_name AS override_by,
                  c.plan_id, c.device_id, c.clock, c.stages AS "stages: Json<Vec<ServedStage>>",
                  coalesce(l.lanes, '[]') AS "lanes!: Json<Vec<ServedLane>>"
           FROM traffic_cycles c
           LEFT JOIN LATERAL (
               SELECT jsonb_agg(jsonb_build_object('lane_id', d.lane_id, 'vehicle_count', d.vehicle_count,
                          'green_s', d.green_time_seconds, 'queue_start', d.queue_start, 'queue_end', d.queue_end,
                          'was_congested', d.was_congested, 'congestion_level', d.congestion_level)
                      ORDER BY n.lane_index, d.lane_id) AS lanes
               FROM lane_cycle_data d LEFT JOIN lanes n ON n.lane_id = d.lane_id
               WHERE d.cycle_id = c.cycle_id AND d.cycle_start_time = c.cycle_start_time
           ) l ON true
           WHERE c.junction_id = $1
             AND ($2::timestamptz IS NULL OR c.cycle_start_time >= $2)
             AND ($3::timestamptz IS NULL OR c.cycle_start_time < $3)
             AND ($4::timestamptz IS NULL OR (c.cycle_start_time <= $4 AND (c.cycle_start_time, c.cycle_id) < ($4, $5::uuid)))
           ORDER BY c.cycle_start_time DESC, c.cycle_id DESC LIMIT $6"#,
        junction.0,
        from,
        to,
        after_at,
        after_id,
        limit,
    )
    .fetch_all(db)
    .await
}
