//! Devices: how they are, what their lamps show, what they lost.

use super::array_literal;
use super::logs::{self, Entry, Level, Type};
use super::tidings;
use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::{Gap, Signal, Status};
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most characters of a version that are kept.
const MAX_VERSION: usize = 200;

/// What a device says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Where it stands.
    pub junction: JunctionId,
    /// What it says.
    pub status: &'a Status,
    /// Whether the broker kept it: then it is no sign of life of this moment.
    pub retained: bool,
    /// When it came.
    pub received: DateTime<Utc>,
}

/// Locks junctions until the transaction ends.
///
/// Whoever changes devices and their junctions, or several junctions, begins with this: all of them take junctions before devices, and junctions in
/// the order of their ids, so that none waits for another that waits for it. Others may go on to refer to a junction meanwhile.
pub async fn lock_junctions(db: &mut PgConnection, junctions: &[Uuid]) -> Result<(), sqlx::Error> {
    if junctions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "SELECT FROM junctions WHERE junction_id = ANY($1) ORDER BY junction_id FOR NO KEY UPDATE",
        junctions
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The same for the junction of a device, if there is such a device.
pub async fn lock_junction_of(db: &mut PgConnection, device: DeviceId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT FROM junctions WHERE junction_id = (SELECT junction_id FROM edge_devices WHERE device_id = $1) FOR NO KEY UPDATE",
        device.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes over what devices say of themselves, in the order of `said`, and writes down who comes, goes or has started anew. What came before what
/// is known is left out.
pub async fn set_statuses(db: &mut PgConnection, said: &[Said<'_>]) -> Result<(), sqlx::Error> {
    let mut rest: Vec<&Said<'_>> = said.iter().collect();
    // One statement does not change a row twice: what a device says in addition waits for the next one.
    while !rest.is_empty() {
        let mut devices = BTreeSet::new();
        let (these, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|said| devices.insert(said.status.device_id));
        set_once_each(db, &these).await?;
        rest = others;
    }
    Ok(())
}

async fn set_once_each(db: &mut PgConnection, said: &[&Said<'_>]) -> Result<(), sqlx::Error> {
    let state = |status: &Status| {
        let fault = status.controller.as_ref().is_some_and(|controller| controller.fault.is_some());
        match (status.online, fault) {
            (false, _) => "offline",
            (true, true) => "error",
            (true, false) => "online",
        }
    };
    let version = |status: &Status| {
        status.software_version.as_ref().map(|version| version.chars().take(MAX_VERSION).collect::<String>())
    };
    let devices: Vec<Uuid> = said.iter().map(|said| said.status.device_id.0).collect();
    let states: Vec<String> = said.iter().map(|said| state(said.status).to_owned()).collect();
    let versions: Vec<Option<String>> = said.iter().map(|said| version(said.status)).collect();
    let heartbeats: Vec<Option<DateTime<Utc>>> =
        said.iter().map(|said| (said.status.online && !said.retained).then_some(said.received)).collect();
    let online: Vec<bool> = said.iter().map(|said| said.status.online).collect();
    // Without the vehicles that its alarms are about: what is kept of it outlives every EPC.
    let statuses: Vec<Json<Value>> = said
        .iter()
        .map(|said| {
            let mut status = serde_json::to_value(said.status).unwrap_or_default();
            crate::live::hide_vehicles(&mut status);
            Json(status)
        })
        .collect();
    let received: Vec<DateTime<Utc>> = said.iter().map(|said| said.received).collect();
    // The last will says nothing but that the device is gone: what it said before stays readable.
    let before = sqlx::query!(
        r#"WITH said AS (
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::boolean[], $6::jsonb[], $7::timestamptz[])
                   AS s(device_id, state, version, heartbeat, online, status, received)
           ), before AS (
               SELECT device_id, last_status, status_at FROM edge_devices WHERE device_id = ANY($1) ORDER BY device_id FOR UPDATE
           ), news AS (
               -- Another server may have been quicker with what came later. What is said to have come in the future a wrong clock has told.
               SELECT s.*, last_status->>'boot_id' AS boot_before, coalesce((last_status->>'online')::boolean, false) AS was_online
               FROM said s JOIN before USING (device_id)
               WHERE received >= status_at OR status_at IS NULL OR status_at > now()
           ), set AS (
               UPDATE edge_devices d
               SET status = CASE WHEN d.status = 'maintenance' THEN d.status ELSE s.state END,
                   software_version = coalesce(s.version, d.software_version),
                   last_heartbeat = greatest(d.last_heartbeat, s.heartbeat),
                   status_at = s.received,
                   last_status = CASE WHEN s.online OR d.last_status IS NULL THEN s.status ELSE d.last_status || '{"online": false}' END
               FROM news s WHERE d.device_id = s.device_id)
           SELECT device_id AS "device_id!", was_online AS "online!", boot_before AS boot_id FROM news"#,
        &devices,
        &states,
        &versions as &[Option<String>],
        &heartbeats as &[Option<DateTime<Utc>>],
        &online,
        &statuses as &[Json<Value>],
        &received,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut entries = Vec::new();
    for said in said {
        if let Some(before) = before.iter().find(|before| before.device_id == said.status.device_id.0) {
            entries.extend(changed(said, before.online, before.boot_id.as_deref()));
        }
    }
    logs::record(db, &entries).await
}

/// What an operator should see of a status, after the one before.
fn changed(said: &Said<'_>, was_online: bool, boot_before: Option<&str>) -> Option<Entry> {
    let Said { junction, status, .. } = said;
    let boot = status.boot_id.map(|boot| boot.to_string());
    let restarted = boot_before.zip(boot.as_deref()).is_some_and(|(before, now)| before != now);
    let (level, kind, message) = match (was_online, status.online) {
        (_, true) if restarted => {
            (Level::Warning, Type::DeviceRestarted, "The device has started anew".to_owned())
        }
        (false, true) => {
            let version = status.software_version.as_ref();
            let version = version.map(|version| format!(" with version {version}")).unwrap_or_default();
            (Level::Info, Type::DeviceOnline, format!("The device is online{version}"))
        }
        (true, false) => {
            let message =
                "The device has left the broker; the junction goes on alone and its counts wait there";
            (Level::Warning, Type::DeviceOffline, message.to_owned())
        }
        _ => return None,
    };
    let metadata = json!({ "boot_id": boot, "software_version": status.software_version });
    Some(Entry::new(level, kind, message).at(*junction).of(status.device_id).with(metadata))
}

/// Sets the state of junctions from their devices': error when one has a fault, online when one is, maintenance when one is in it, else offline.
pub async fn refresh_junctions(db: &mut PgConnection, junctions: &[Uuid]) -> Result<(), sqlx::Error> {
    if junctions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE junctions j
         SET status = CASE WHEN d.fault THEN 'error' WHEN d.online THEN 'online'
                           WHEN d.maintenance THEN 'maintenance' ELSE 'offline' END,
             last_heartbeat = greatest(j.last_heartbeat, d.heartbeat)
         FROM (SELECT of.junction_id, coalesce(bool_or(status = 'error'), false) AS fault,
                      coalesce(bool_or(status = 'online'), false) AS online,
                      coalesce(bool_or(status = 'maintenance'), false) AS maintenance, max(last_heartbeat) AS heartbeat
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
    // Before the devices, in the order in which everybody locks.
    sqlx::query!(
        "SELECT FROM junctions WHERE junction_id IN (
             SELECT junction_id FROM edge_devices
             WHERE last_status @> '{\"online\": true}' AND coalesce(greatest(status_at, last_heartbeat), '-infinity') < $1)
         ORDER BY junction_id FOR NO KEY UPDATE",
        before
    )
    .execute(&mut *db)
    .await?;
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
    let gone = silent.iter().map(|row| {
        let message = "Nothing is heard of the device; it counts as offline";
        let entry = Entry::new(Level::Warning, Type::DeviceOffline, message);
        entry.at(JunctionId(row.junction_id)).of(DeviceId(row.device_id))
    });
    logs::record(&mut *db, &gone.collect::<Vec<_>>()).await?;
    for row in &silent {
        tidings::tell_silent(&mut *db, JunctionId(row.junction_id), DeviceId(row.device_id)).await?;
    }
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

/// What the lamps of a junction show.
#[derive(Clone, Copy, Debug)]
pub struct Lamps<'a> {
    /// What they show.
    pub signal: &'a Signal,
    /// When it came; of one that the broker kept, when it was so.
    pub at: DateTime<Utc>,
    /// Whether the broker kept it: then it is no news beside one that came later.
    pub retained: bool,
}

/// Keeps the last signal message of each junction; no junction stands twice in `signals`.
pub async fn set_signals(
    db: &mut PgConnection,
    signals: &BTreeMap<JunctionId, Lamps<'_>>,
) -> Result<(), sqlx::Error> {
    if signals.is_empty() {
        return Ok(());
    }
    let junctions: Vec<Uuid> = signals.keys().map(|junction| junction.0).collect();
    let payloads: Vec<Json<&Signal>> = signals.values().map(|lamps| Json(lamps.signal)).collect();
    let received: Vec<DateTime<Utc>> = signals.values().map(|lamps| lamps.at).collect();
    let retained: Vec<bool> = signals.values().map(|lamps| lamps.retained).collect();
    sqlx::query!(
        "INSERT INTO junction_signal (junction_id, payload, received_at)
         SELECT junction_id, payload, received_at
         FROM unnest($1::uuid[], $2::jsonb[], $3::timestamptz[], $4::boolean[]) AS s(junction_id, payload, received_at, retained)
         WHERE NOT (retained AND EXISTS (
             SELECT FROM junction_signal k WHERE k.junction_id = s.junction_id AND k.received_at >= s.received_at))
         ON CONFLICT (junction_id) DO UPDATE SET payload = excluded.payload, received_at = excluded.received_at",
        &junctions,
        &payloads as &[Json<&Signal>],
        &received,
        &retained,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Records what outboxes lost.
pub async fn insert_gaps(db: &mut PgConnection, gaps: &[(JunctionId, &Gap)]) -> Result<(), sqlx::Error> {
    if gaps.is_empty() {
        return Ok(());
    }
    let devices: Vec<Uuid> = gaps.iter().map(|(_, gap)| gap.delivery.device_id.0).collect();
    let outboxes: Vec<Uuid> = gaps.iter().map(|(_, gap)| gap.delivery.outbox_id.0).collect();
    let seqs: Vec<i64> = gaps.iter().map(|(_, gap)| gap.delivery.seq.0 as i64).collect();
    let junctions: Vec<Uuid> = gaps.iter().map(|(junction, _)| junction.0).collect();
    let from: Vec<Option<DateTime<Utc>>> =
        gaps.iter().map(|(_, gap)| gap.from.and_then(crate::ingest::to_utc)).collect();
    let to: Vec<Option<DateTime<Utc>>> =
        gaps.iter().map(|(_, gap)| gap.to.and_then(crate::ingest::to_utc)).collect();
    let lanes: Vec<String> =
        gaps.iter().map(|(_, gap)| array_literal(gap.lanes.iter().map(ToString::to_string))).collect();
    let rows: Vec<Option<i64>> = gaps.iter().map(|(_, gap)| gap.rows.map(|rows| rows as i64)).collect();
    let reasons: Vec<String> = gaps.iter().map(|(_, gap)| gap.reason.clone()).collect();
    sqlx::query!(
        "INSERT INTO count_gaps (device_id, outbox_id, seq, junction_id, gap_from, gap_to, lane_ids, rows_lost, reason)
         SELECT device_id, outbox_id, seq, junction_id, gap_from, gap_to, lane_ids::uuid[], rows_lost, reason
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::bigint[],
             $9::text[]) AS r(device_id, outbox_id, seq, junction_id, gap_from, gap_to, lane_ids, rows_lost, reason)
         ON CONFLICT DO NOTHING",
        &devices,
        &outboxes,
        &seqs,
        &junctions,
        &from as &[Option<DateTime<Utc>>],
        &to as &[Option<DateTime<Utc>>],
        &lanes,
        &rows as &[Option<i64>],
        &reasons,
    )
    .execute(&mut *db)
    .await?;
    let entries = gaps.iter().map(|(junction, gap)| {
        let rows = gap.rows.map_or_else(|| "an unknown number of".to_owned(), |rows| rows.to_string());
        let message = format!("The device has lost {rows} rows that the server never got: {}", gap.reason);
        let metadata = json!({ "from": gap.from, "to": gap.to, "lanes": gap.lanes, "rows": gap.rows });
        let entry = Entry::new(Level::Error, Type::CountsLost, message);
        entry.at(*junction).of(gap.delivery.device_id).with(metadata)
    });
    logs::record(db, &entries.collect::<Vec<_>>()).await
}
