//! Times of uptimes that began with an unsynchronised clock.

use super::patiently;
use flextraff_common::wire::ClockFix;
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Remembers the true offsets of uptimes; of one that is named twice the last.
pub async fn insert(db: &mut PgConnection, fixes: &[&ClockFix]) -> Result<(), sqlx::Error> {
    if fixes.is_empty() {
        return Ok(());
    }
    let last: BTreeMap<(Uuid, Uuid), i64> =
        fixes.iter().map(|fix| ((fix.delivery.device_id.0, fix.delivery.boot_id.0), fix.offset_ms)).collect();
    let (devices, boots): (Vec<Uuid>, Vec<Uuid>) = last.keys().copied().unzip();
    let offsets: Vec<i64> = last.into_values().collect();
    sqlx::query!(
        "INSERT INTO clock_fixes (device_id, boot_id, offset_ms)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])
         ON CONFLICT (device_id, boot_id) DO UPDATE SET offset_ms = excluded.offset_ms, received_at = now()",
        &devices,
        &boots,
        &offsets,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Corrects the rows of uptimes whose offset is known: those that were stored before the offset came, and those that come after it.
///
/// A row's true time is its monotonic time plus the offset (see [`ClockFix::offset_ms`]); whatever else the row says about times moves along. Each
/// table is a transaction: the locks on all partitions of all tables are more than PostgreSQL has room for, unless set otherwise.
pub async fn correct(db: &PgPool, devices: &[Uuid], boots: &[Uuid]) -> Result<u64, sqlx::Error> {
    if devices.is_empty() {
        return Ok(0);
    }
    let known = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM clock_fixes
           WHERE (device_id, boot_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))"#,
        devices,
        boots
    )
    .fetch_one(db)
    .await?;
    if known == 0 {
        return Ok(0);
    }
    let counts = sqlx::query!(
        "UPDATE car_counts c
         SET ts = to_timestamp((c.mono_ms + x.offset_ms) / 1000.0),
             interval_start = c.interval_start + (to_timestamp((c.mono_ms + x.offset_ms) / 1000.0) - c.ts),
             clock = 'corrected'
         FROM clock_fixes x
         WHERE c.clock = 'unsynced' AND x.device_id = c.device_id AND x.boot_id = c.boot_id
           AND (c.device_id, c.boot_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))",
        devices,
        boots
    );
    let counts = patiently(db, counts).await?;
    let cycles = sqlx::query!(
        "WITH moved AS (
             UPDATE traffic_cycles c
             SET cycle_start_time = c.cycle_start_time + (to_timestamp((c.mono_ms + x.offset_ms) / 1000.0) - c.cycle_end_time),
                 cycle_end_time = to_timestamp((c.mono_ms + x.offset_ms) / 1000.0), clock = 'corrected'
             FROM clock_fixes x
             WHERE c.clock = 'unsynced' AND x.device_id = c.device_id AND x.boot_id = c.boot_id
               AND (c.device_id, c.boot_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
             RETURNING c.cycle_id, c.cycle_start_time)
         UPDATE lane_cycle_data d SET cycle_start_time = m.cycle_start_time,
             green_time_start = d.green_time_start + (m.cycle_start_time - d.cycle_start_time),
             green_time_end = d.green_time_end + (m.cycle_start_time - d.cycle_start_time)
         FROM moved m WHERE d.cycle_id = m.cycle_id",
        devices,
        boots
    );
    let cycles = patiently(db, cycles).await?;
    let events = sqlx::query!(
        "UPDATE signal_events e SET ts = e.ts + g.shift, clock = 'corrected'
         FROM (SELECT r.device_id, r.boot_id, r.mono_ms,
                      to_timestamp((r.mono_ms + x.offset_ms) / 1000.0) - max(r.ts) AS shift
               FROM signal_events r JOIN clock_fixes x USING (device_id, boot_id)
               WHERE r.clock = 'unsynced'
                 AND (r.device_id, r.boot_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
               GROUP BY r.device_id, r.boot_id, r.mono_ms, x.offset_ms) g
         WHERE e.clock = 'unsynced' AND e.device_id = g.device_id AND e.boot_id = g.boot_id AND e.mono_ms = g.mono_ms",
        devices,
        boots
    );
    let events = patiently(db, events).await?;
    Ok(counts + cycles + events)
}
