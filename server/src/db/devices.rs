//! Devices: how they are, what their lamps show, what they lost.

use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::{Gap, Signal, Status};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most characters of a version that are kept.
const MAX_VERSION: usize = 200;

/// Takes over what a device says of itself. A status that the broker kept is no sign of life of this moment.
pub async fn set_status(
    db: &mut PgConnection,
    status: &Status,
    retained: bool,
    received: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let fault = status.controller.as_ref().is_some_and(|controller| controller.fault.is_some());
    let state = match (status.online, fault) {
        (false, _) => "offline",
        (true, true) => "error",
        (true, false) => "online",
    };
    let version: Option<String> =
        status.software_version.as_ref().map(|version| version.chars().take(MAX_VERSION).collect());
    let heartbeat = (status.online && !retained).then_some(received);
    // The last will says nothing but that the device is gone: what it said before stays readable.
    sqlx::query!(
        "UPDATE edge_devices
         SET status = CASE WHEN status = 'maintenance' THEN status ELSE $2 END,
             software_version = coalesce($3, software_version),
             last_heartbeat = greatest(last_heartbeat, $4),
             status_at = $7,
             last_status = CASE WHEN $5 OR last_status IS NULL THEN $6 ELSE last_status || '{\"online\": false}' END
         WHERE device_id = $1",
        status.device_id.0,
        state,
        version,
        heartbeat,
        status.online,
        Json(status) as _,
        received,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sets the state of junctions from their devices': error when one has a fault, online when one is, else offline. Maintenance stays.
pub async fn refresh_junctions(db: &mut PgConnection, junctions: &[Uuid]) -> Result<(), sqlx::Error> {
    if junctions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE junctions j
         SET status = CASE WHEN j.status = 'maintenance' THEN j.status WHEN d.fault THEN 'error'
                           WHEN d.online THEN 'online' ELSE 'offline' END,
             last_heartbeat = greatest(j.last_heartbeat, d.heartbeat)
         FROM (SELECT of.junction_id, coalesce(bool_or(status = 'error'), false) AS fault,
                      coalesce(bool_or(status = 'online'), false) AS online, max(last_heartbeat) AS heartbeat
               FROM unnest($1::uuid[]) AS of(junction_id)
               LEFT JOIN edge_devices e ON e.junction_id = of.junction_id AND e.revoked_at IS NULL
               GROUP BY of.junction_id) d
         WHERE j.junction_id = d.junction_id",
        junctions
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Marks devices offline of which nothing was heard since `before`: a broker that dies tells no last will. Answers with each and its junction,
/// whose state is set anew.
pub async fn mark_silent(
    db: &mut PgConnection,
    before: DateTime<Utc>,
) -> Result<Vec<(DeviceId, JunctionId)>, sqlx::Error> {
    let silent = sqlx::query!(
        "UPDATE edge_devices
         SET status = CASE WHEN status = 'maintenance' THEN status ELSE 'offline' END,
             last_status = last_status || '{\"online\": false}'
         WHERE last_status @> '{\"online\": true}'
           AND coalesce(greatest(status_at, last_heartbeat), '-infinity') < $1
         RETURNING device_id, junction_id",
        before
    )
    .fetch_all(&mut *db)
    .await?;
    let junctions: BTreeSet<Uuid> = silent.iter().map(|row| row.junction_id).collect();
    refresh_junctions(db, &junctions.into_iter().collect::<Vec<_>>()).await?;
    Ok(silent.into_iter().map(|row| (DeviceId(row.device_id), JunctionId(row.junction_id))).collect())
}

/// The hash of the configuration that a device has sent; `None`: none, or no such device.
pub async fn config_hash(db: &PgPool, device: DeviceId) -> Result<Option<String>, sqlx::Error> {
    let found = sqlx::query_scalar!("SELECT config_hash FROM edge_devices WHERE device_id = $1", device.0)
        .fetch_optional(db)
        .await?;
    Ok(found.flatten())
}

/// Keeps the configuration that a device has sent, under the hash that its status named.
pub async fn set_config(
    db: &PgPool,
    device: DeviceId,
    hash: &str,
    toml: &str,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE edge_devices SET config_hash = $2, config_toml = $3, config_at = $4 WHERE device_id = $1",
        device.0,
        hash,
        toml,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps the last signal message of each junction; no junction stands twice in `signals`.
pub async fn set_signals(
    db: &mut PgConnection,
    signals: &BTreeMap<JunctionId, (&Signal, DateTime<Utc>)>,
) -> Result<(), sqlx::Error> {
    if signals.is_empty() {
        return Ok(());
    }
    let junctions: Vec<Uuid> = signals.keys().map(|junction| junction.0).collect();
    let payloads: Vec<Json<&Signal>> = signals.values().map(|(signal, _)| Json(*signal)).collect();
    let received: Vec<DateTime<Utc>> = signals.values().map(|(_, received)| *received).collect();
    sqlx::query!(
        "INSERT INTO junction_signal (junction_id, payload, received_at)
         SELECT * FROM unnest($1::uuid[], $2::jsonb[], $3::timestamptz[])
         ON CONFLICT (junction_id) DO UPDATE SET payload = excluded.payload, received_at = excluded.received_at",
        &junctions,
        &payloads as &[Json<&Signal>],
        &received
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Records what an outbox lost.
pub async fn insert_gap(db: &mut PgConnection, junction: JunctionId, gap: &Gap) -> Result<(), sqlx::Error> {
    let lanes: Vec<Uuid> = gap.lanes.iter().map(|lane| lane.0).collect();
    sqlx::query!(
        "INSERT INTO count_gaps (device_id, outbox_id, seq, junction_id, gap_from, gap_to, lane_ids, rows_lost, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        gap.delivery.device_id.0,
        gap.delivery.outbox_id.0,
        gap.delivery.seq.0 as i64,
        junction.0,
        gap.from.and_then(crate::ingest::to_utc),
        gap.to.and_then(crate::ingest::to_utc),
        &lanes,
        gap.rows.map(|rows| rows as i64),
        gap.reason,
    )
    .execute(db)
    .await?;
    Ok(())
}
