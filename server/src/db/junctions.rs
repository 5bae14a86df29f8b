//! Junctions with all that belongs to them: as files write them, as the planner needs them.

use super::{devices as device_states, junction_api, links};
use crate::junction_file::{
    DeviceEntry, GroupEntry, JunctionEntry, JunctionFile, LaneEntry, LinkEntry, StageEntry,
};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Reads all junctions and links, in the order of their names, at one moment.
///
/// # Errors
/// The database is away, or holds a junction that a program other than this one has made unreadable.
pub async fn export(db: &PgPool) -> Result<JunctionFile, sqlx::Error> {
    let mut transaction = db.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *transaction)
        .await?;
    let junctions = entries(&mut transaction, None).await?;
    let links = links::list(&mut *transaction, None).await?;
    transaction.commit().await?;
    Ok(JunctionFile { junctions, links })
}

/// A junction with all that belongs to it, as it is until the end of the transaction.
///
/// # Errors
/// As [`export`].
pub async fn lock(db: &mut PgConnection, id: JunctionId) -> Result<Option<JunctionEntry>, sqlx::Error> {
    sqlx::query!("SELECT FROM junctions WHERE junction_id = $1 FOR UPDATE", id.0)
        .fetch_optional(&mut *db)
        .await?;
    Ok(entries(db, Some(id)).await?.pop())
}

/// A junction with all that belongs to it.
///
/// # Errors
/// As [`export`].
pub async fn entry(db: &PgPool, id: JunctionId) -> Result<Option<JunctionEntry>, sqlx::Error> {
    let mut transaction = db.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *transaction)
        .await?;
    Ok(entries(&mut transaction, Some(id)).await?.pop())
}

async fn entries(db: &mut PgConnection, only: Option<JunctionId>) -> Result<Vec<JunctionEntry>, sqlx::Error> {
    let only = only.map(|junction| junction.0);
    let mut lanes = lanes(db, only).await?;
    let mut groups = groups(db, only).await?;
    let mut stages = stages(db, only).await?;
    let mut devices = devices(db, only).await?;
    let rows = sqlx::query!(
        r#"SELECT junction_id, junction_name, city, latitude, longitude, time_zone, min_cycle_time, max_cycle_time,
                  base_cycle_time, signal, compatible, intergreens
           FROM junctions WHERE $1::uuid IS NULL OR junction_id = $1 ORDER BY junction_name, junction_id"#,
        only,
    )
    .fetch_all(db)
    .await?;
    let mut junctions = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.junction_id;
        let unreadable =
            |error: serde_json::Error| sqlx::Error::Decode(format!("junction {id}: {error}").into());
        junctions.push(JunctionEntry {
            junction_id: JunctionId(id),
            junction_name: row.junction_name,
            city: row.city,
            latitude: row.latitude,
            longitude: row.longitude,
            time_zone: row.time_zone,
            min_cycle_time: row.min_cycle_time,
            max_cycle_time: row.max_cycle_time,
            base_cycle_time: row.base_cycle_time,
            lanes: lanes.remove(&id).unwrap_or_default(),
            groups: groups.remove(&id).unwrap_or_default(),
            stages: stages.remove(&id).unwrap_or_default(),
            devices: devices.remove(&id).unwrap_or_default(),
            signal: serde_json::from_value(row.signal).map_err(unreadable)?,
            compatible: serde_json::from_value(row.compatible).map_err(unreadable)?,
            intergreens: serde_json::from_value(row.intergreens).map_err(unreadable)?,
        });
    }
    Ok(junctions)
}

async fn lanes(
    db: &mut PgConnection,
    only: Option<Uuid>,
) -> Result<BTreeMap<Uuid, Vec<LaneEntry>>, sqlx::Error> {
    let mut lanes: BTreeMap<Uuid, Vec<LaneEntry>> = BTreeMap::new();
    for row in sqlx::query!(
        "SELECT junction_id, lane_id, lane_index, lane_name, direction_enum FROM lanes
         WHERE is_active AND ($1::uuid IS NULL OR junction_id = $1) ORDER BY lane_index",
        only,
    )
    .fetch_all(db)
    .await?
    {
        lanes.entry(row.junction_id).or_default().push(LaneEntry {
            lane_id: LaneId(row.lane_id),
            lane_index: row.lane_index,
            lane_name: row.lane_name,
            direction_enum: row.direction_enum.map(|name| named(&name)).transpose()?,
        });
    }
    Ok(lanes)
}

async fn groups(
    db: &mut PgConnection,
    only: Option<Uuid>,
) -> Result<BTreeMap<Uuid, Vec<GroupEntry>>, sqlx::Error> {
    let mut groups: BTreeMap<Uuid, Vec<GroupEntry>> = BTreeMap::new();
    for row in sqlx::query!(
        "SELECT junction_id, group_name, kind, lane_ids, exits, walk_s, clearance_s, button FROM signal_groups
         WHERE $1::uuid IS NULL OR junction_id = $1 ORDER BY group_index, group_name",
        only,
    )
    .fetch_all(db)
    .await?
    {
        groups.entry(row.junction_id).or_default().push(GroupEntry {
            name: row.group_name,
            kind: named(&row.kind)?,
            lanes: row.lane_ids.into_iter().map(LaneId).collect(),
            exits: row.exits,
            walk_s: row.walk_s,
            clearance_s: row.clearance_s,
            button: row.button,
        });
    }
    Ok(groups)
}

async fn stages(
    db: &mut PgConnection,
    only: Option<Uuid>,
) -> Result<BTreeMap<Uuid, Vec<StageEntry>>, sqlx::Error> {
    let mut stages: BTreeMap<Uuid, Vec<StageEntry>> = BTreeMap::new();
    for row in sqlx::query!(
        "SELECT junction_id, stage_name, groups, min_green_s, max_green_s, skip FROM stages
         WHERE $1::uuid IS NULL OR junction_id = $1 ORDER BY stage_index, stage_name",
        only,
    )
    .fetch_all(db)
    .await?
    {
        stages.entry(row.junction_id).or_default().push(StageEntry {
            stage: row.stage_name,
            groups: row.groups,
            min_green_s: row.min_green_s,
            max_green_s: row.max_green_s,
            skip: row.skip,
        });
    }
    Ok(stages)
}

async fn devices(
    db: &mut PgConnection,
    only: Option<Uuid>,
) -> Result<BTreeMap<Uuid, Vec<DeviceEntry>>, sqlx::Error> {
    let mut devices: BTreeMap<Uuid, Vec<DeviceEntry>> = BTreeMap::new();
    for row in sqlx::query!(
        r#"SELECT d.junction_id, d.device_id, d.device_type, d.device_name,
                  ARRAY(SELECT l.lane_id FROM edge_device_lanes l WHERE l.device_id = d.device_id ORDER BY l.lane_id) AS "lanes!"
           FROM edge_devices d
           WHERE d.revoked_at IS NULL AND ($1::uuid IS NULL OR d.junction_id = $1) ORDER BY d.device_id"#,
        only,
    )
    .fetch_all(db)
    .await?
    {
        devices.entry(row.junction_id).or_default().push(DeviceEntry {
            device_id: DeviceId(row.device_id),
            device_type: named(&row.device_type)?,
            device_name: row.device_name,
            lanes: row.lanes.into_iter().map(LaneId).collect(),
        });
    }
    Ok(devices)
}

/// A value of one of the enumerations, all of which read as their names.
fn named<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, sqlx::Error> {
    serde_json::from_value(name.into()).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn name_of<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => format!("{other:?}"),
    }
}

/// Creates or replaces the junctions and links of a file; others stay as they are. Tells the links to other junctions that have lost lanes.
///
/// Lanes that the file leaves out of a junction go, and so do links among its junctions; history stays, and so do devices. What was counted on such a
/// lane before is still taken. Belongs into a transaction.
///
/// # Errors
/// The database is away, a lane or device of the file belongs to a junction that is not in it, a city would have two junctions of a name, or a link to
/// another junction would have no lane left.
pub async fn import(db: &mut PgConnection, file: &JunctionFile) -> Result<Vec<LinkEntry>, sqlx::Error> {
    let junctions: Vec<Uuid> = file.junctions.iter().map(|junction| junction.junction_id.0).collect();
    device_states::lock_junctions(db, &junctions).await?;
    for junction in &file.junctions {
        store(db, junction).await?;
    }
    // When all are stored: they may exchange their names.
    if let Some((name, city)) = junction_api::namesake(db, &junctions).await? {
        return Err(sqlx::Error::Protocol(junction_api::taken(&name, &city)));
    }
    sqlx::query!("DELETE FROM links WHERE from_junction = ANY($1) AND to_junction = ANY($1)", &junctions)
        .execute(&mut *db)
        .await?;
    for link in &file.links {
        links::store(&mut *db, link).await?;
    }
    links::forget_lanes(db, &junctions).await
}

/// Names of the lanes at both ends of links.
///
/// # Errors
/// When the database fails.
pub async fn lane_names(db: &PgPool, links: &[LinkEntry]) -> Result<BTreeMap<LaneId, String>, sqlx::Error> {
    let lanes: Vec<Uuid> = links
        .iter()
        .flat_map(|link| link.from_lanes.iter().chain(&link.to_lanes))
        .map(|lane| lane.0)
        .collect();
    let rows = sqlx::query!("SELECT lane_id, lane_name FROM lanes WHERE lane_id = ANY($1)", &lanes)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (LaneId(row.lane_id), row.lane_name)).collect())
}

/// Deletes a junction with its lanes, stages, devices and links; its history stays. Whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut PgConnection, id: JunctionId) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query!("DELETE FROM junctions WHERE junction_id = $1", id.0).execute(db).await?;
    Ok(deleted.rows_affected() > 0)
}

/// Creates a junction, or replaces one. Lanes that are left out go; [`links::forget_lanes`] takes them out of links.
///
/// # Errors
/// When the database fails, or a lane or device belongs to another junction.
pub async fn store(db: &mut PgConnection, junction: &JunctionEntry) -> Result<(), sqlx::Error> {
    let id = junction.junction_id.0;
    sqlx::query!(
        "INSERT INTO junctions (junction_id, junction_name, city, latitude, longitude, time_zone, min_cycle_time,
             max_cycle_time, base_cycle_time, signal, compatible, intergreens)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (junction_id) DO UPDATE
         SET junction_name = excluded.junction_name, city = excluded.city, latitude = excluded.latitude,
             longitude = excluded.longitude, time_zone = excluded.time_zone, min_cycle_time = excluded.min_cycle_time,
             max_cycle_time = excluded.max_cycle_time, base_cycle_time = excluded.base_cycle_time,
             signal = excluded.signal, compatible = excluded.compatible, intergreens = excluded.intergreens,
             updated_at = now()",
        id,
        junction.junction_name,
        junction.city,
        junction.latitude,
        junction.longitude,
        junction.time_zone,
        junction.min_cycle_time,
        junction.max_cycle_time,
        junction.base_cycle_time,
        Json(&junction.signal) as _,
        Json(&junction.compatible) as _,
        Json(&junction.intergreens) as _,
    )
    .execute(&mut *db)
    .await?;
    let kept: Vec<Uuid> = junction.lanes.iter().map(|lane| lane.lane_id.0).collect();
    let named: Vec<Uuid> = junction.devices.iter().map(|device| device.device_id.0).collect();
    // A device without lanes serves all of them.
    let stranded = sqlx::query_scalar!(
        "SELECT d.device_id FROM edge_devices d JOIN edge_device_lanes l USING (device_id)
         WHERE d.junction_id = $1 AND d.device_id <> ALL($2)
         GROUP BY d.device_id HAVING bool_and(l.lane_id <> ALL($3)) ORDER BY d.device_id LIMIT 1",
        id,
        &named,
        &kept,
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(device) = stranded {
        return Err(sqlx::Error::Protocol(format!(
            "device {device} serves only lanes that would go: give it other lanes, or delete it, first"
        )));
    }
    remove_lanes(&mut *db, id, &kept).await?;
    for lane in &junction.lanes {
        let stored = sqlx::query!(
            "INSERT INTO lanes (lane_id, junction_id, lane_index, lane_name, direction_enum) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (lane_id) DO UPDATE
             SET lane_index = excluded.lane_index, lane_name = excluded.lane_name,
                 direction_enum = excluded.direction_enum, is_active = true
             WHERE lanes.junction_id = excluded.junction_id",
            lane.lane_id.0,
            id,
            lane.lane_index,
            lane.lane_name,
            lane.direction_enum.map(|direction| name_of(&direction)),
        )
        .execute(&mut *db)
        .await?;
        if stored.rows_affected() == 0 {
            return Err(sqlx::Error::Protocol(format!("lane {} belongs to another junction", lane.lane_id)));
        }
    }
    upsert_signal(db, junction).await?;
    upsert_devices(db, junction).await
}

/// Takes out the lanes that are not `kept`, and notes when: outboxes may hold what was counted there before.
async fn remove_lanes(db: &mut PgConnection, junction: Uuid, kept: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM lanes WHERE junction_id = $1 AND lane_id <> ALL($2) RETURNING lane_id)
         INSERT INTO removed_lanes (junction_id, lane_id, removed_at, served_by)
         SELECT $1, lane_id, clock_timestamp(),
                ARRAY(SELECT l.device_id FROM edge_device_lanes l WHERE l.lane_id = gone.lane_id ORDER BY l.device_id)
         FROM gone
         ON CONFLICT (junction_id, lane_id) DO UPDATE SET removed_at = excluded.removed_at, served_by = excluded.served_by",
        junction,
        kept
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM removed_lanes WHERE junction_id = $1 AND lane_id = ANY($2)", junction, kept)
        .execute(db)
        .await?;
    Ok(())
}

async fn upsert_signal(db: &mut PgConnection, junction: &JunctionEntry) -> Result<(), sqlx::Error> {
    let id = junction.junction_id.0;
    sqlx::query!("DELETE FROM signal_groups WHERE junction_id = $1", id).execute(&mut *db).await?;
    for (index, group) in (0..).zip(&junction.groups) {
        let lanes: Vec<Uuid> = group.lanes.iter().map(|lane| lane.0).collect();
        sqlx::query!(
            "INSERT INTO signal_groups (junction_id, group_name, group_index, kind, lane_ids, exits, walk_s, clearance_s, button)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id,
            group.name,
            index,
            name_of(&group.kind),
            &lanes,
            &group.exits,
            group.walk_s,
            group.clearance_s,
            group.button,
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!("DELETE FROM stages WHERE junction_id = $1", id).execute(&mut *db).await?;
    for (index, stage) in (0..).zip(&junction.stages) {
        sqlx::query!(
            "INSERT INTO stages (junction_id, stage_name, stage_index, groups, min_green_s, max_green_s, skip)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id,
            stage.stage,
            index,
            &stage.groups,
            stage.min_green_s,
            stage.max_green_s,
            stage.skip,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

async fn upsert_devices(db: &mut PgConnection, junction: &JunctionEntry) -> Result<(), sqlx::Error> {
    let id = junction.junction_id.0;
    for device in &junction.devices {
        let lanes: Vec<Uuid> = device.lanes.iter().map(|lane| lane.0).collect();
        let only = match lanes[..] {
            [only] => Some(only),
            _ => None,
        };
        let stored = sqlx::query!(
            "INSERT INTO edge_devices (device_id, junction_id, lane_id, device_type, device_name) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (device_id) DO UPDATE
             SET lane_id = excluded.lane_id, device_type = excluded.device_type,
                 device_name = coalesce(excluded.device_name, edge_devices.device_name)
             WHERE edge_devices.junction_id = excluded.junction_id",
            device.device_id.0,
            id,
            only,
            name_of(&device.device_type),
            device.device_name,
        )
        .execute(&mut *db)
        .await?;
        if stored.rows_affected() == 0 {
            return Err(sqlx::Error::Protocol(format!(
                "device {} belongs to another junction",
                device.device_id
            )));
        }
        sqlx::query!("DELETE FROM edge_device_lanes WHERE device_id = $1", device.device_id.0)
            .execute(&mut *db)
            .await?;
        sqlx::query!(
            "INSERT INTO edge_device_lanes (device_id, lane_id) SELECT DISTINCT $1::uuid, * FROM unnest($2::uuid[])",
            device.device_id.0,
            &lanes
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
