//! Devices as the API and the command line create, show and change them.

use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId, UserId};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

/// A device, as the API shows one.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DeviceResponse)]
pub struct DeviceRow {
    /// Its id; also its user name at the broker, where it shows no certificate.
    pub device_id: Uuid,
    /// The junction that it belongs to.
    pub junction_id: Uuid,
    /// `junction`, `rfid_counter` or `light_controller`.
    pub device_type: String,
    /// Its name for people.
    pub device_name: Option<String>,
    /// The lanes that it serves; empty: all of the junction.
    pub lanes: Vec<Uuid>,
    /// `online`, `offline`, `error` while its lamps are in fault, or `maintenance` until that is taken back.
    pub status: String,
    /// Whether it is heard: a status came within three periods of 30 s, and the broker has not said that it is gone.
    pub online: bool,
    /// When its last live status came.
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// Version of its agent.
    pub software_version: Option<String>,
    /// Hash of the configuration that it runs on, as its status says.
    pub config_hash: Option<String>,
    /// Its last status message; vehicles are not named.
    #[schema(value_type = Option<Object>)]
    pub last_status: Option<Value>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was revoked; null: it was not.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Whether it has a login at the broker that it got by enrolment.
    pub enrolled: bool,
    /// Until when the certificate holds that is its login; null: it has none.
    pub certificate_until: Option<DateTime<Utc>>,
    /// Until when its enrolment token holds; null: there is none.
    pub token_until: Option<DateTime<Utc>>,
}

/// A device to create.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Its id.
    pub device_id: DeviceId,
    /// Where.
    pub junction_id: JunctionId,
    /// What it does.
    pub device_type: &'static str,
    /// Its name for people.
    pub device_name: Option<String>,
    /// The lanes that it serves; empty: all.
    pub lanes: Vec<Uuid>,
}

/// What changes about a device; `None`: it stays.
#[derive(Clone, Debug, Default)]
pub struct DeviceChange {
    /// What it does.
    pub device_type: Option<&'static str>,
    /// Its name for people; empty: none.
    pub device_name: Option<String>,
    /// The lanes that it serves.
    pub lanes: Option<Vec<Uuid>>,
    /// Whether somebody works at it.
    pub maintenance: Option<bool>,
}

/// At most `limit` devices, the newest first, from behind `after` (time of creation and id): all that `user` may look at (`None`: all that there
/// are), those of `junction`, or `device` alone.
///
/// # Errors
/// When the database fails.
async fn select(
    db: &mut PgConnection,
    user: Option<UserId>,
    junction: Option<JunctionId>,
    device: Option<DeviceId>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<DeviceRow>> {
    let (at, id) = after.unzip();
    let mut rows = sqlx::query_as!(
        DeviceRow,
        r#"SELECT d.device_id, d.junction_id, d.device_type, d.device_name,
                  ARRAY(SELECT l.lane_id FROM edge_device_lanes l WHERE l.device_id = d.device_id ORDER BY l.lane_id) AS "lanes!",
                  d.status, coalesce(d.last_status @> '{"online": true}', false) AS "online!", d.last_heartbeat,
                  d.software_version, d.last_status->>'config_hash' AS config_hash, d.last_status, d.created_at,
                  d.revoked_at, c.device_id IS NOT NULL AS "enrolled!", t.not_after AS "certificate_until?", d.token_until
           FROM edge_devices d LEFT JOIN device_credentials c USING (device_id)
           LEFT JOIN device_certificates t ON t.serial = c.serial
           WHERE ($1::uuid IS NULL OR EXISTS (
                     SELECT FROM user_junction_access a WHERE a.user_id = $1 AND a.junction_id = d.junction_id))
             AND ($2::uuid IS NULL OR d.junction_id = $2)
             AND ($3::uuid IS NULL OR d.device_id = $3)
             AND ($4::timestamptz IS NULL OR (d.created_at, d.device_id) < ($4, $5::uuid))
           ORDER BY d.created_at DESC, d.device_id DESC LIMIT $6"#,
        user.map(|user| user.0),
        junction.map(|junction| junction.0),
        device.map(|device| device.0),
        at,
        id,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.iter_mut().filter_map(|row| row.last_status.as_mut()).for_each(crate::live::hide_vehicles);
    Ok(rows)
}

/// Devices that a user may look at, or all, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    user: Option<UserId>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<DeviceRow>> {
    select(&mut *db.acquire().await?, user, None, None, after, limit).await
}

/// Devices of a junction, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn at(
    db: &PgPool,
    junction: JunctionId,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<DeviceRow>> {
    select(&mut *db.acquire().await?, None, Some(junction), None, after, limit).await
}

/// A device.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &mut PgConnection, device: DeviceId) -> sqlx::Result<Option<DeviceRow>> {
    Ok(select(db, None, None, Some(device), None, 1).await?.pop())
}

/// The configurations that the devices of a junction have sent: device, time and TOML.
///
/// # Errors
/// When the database fails.
pub async fn configs(
    db: &PgPool,
    junction: JunctionId,
) -> sqlx::Result<Vec<(DeviceId, DateTime<Utc>, String)>> {
    let rows = sqlx::query!(
        r#"SELECT device_id, config_at AS "config_at!", config_toml AS "config_toml!" FROM edge_devices
           WHERE junction_id = $1 AND config_toml IS NOT NULL AND config_at IS NOT NULL ORDER BY device_id"#,
        junction.0,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (DeviceId(row.device_id), row.config_at, row.config_toml)).collect())
}

/// Creates a device; `None` when its id is taken. Its lanes belong to the junction. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn create(db: &mut PgConnection, new: &NewDevice) -> sqlx::Result<Option<DeviceRow>> {
    let created = sqlx::query!(
        "INSERT INTO edge_devices (device_id, junction_id, device_type, device_name) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        new.device_id.0,
        new.junction_id.0,
        new.device_type,
        new.device_name,
    )
    .execute(&mut *db)
    .await?;
    if created.rows_affected() == 0 {
        return Ok(None);
    }
    set_lanes(db, new.device_id, &new.lanes).await?;
    get(db, new.device_id).await
}

/// Changes a device; `None`: there is none. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn change(
    db: &mut PgConnection,
    device: DeviceId,
    change: &DeviceChange,
) -> sqlx::Result<Option<DeviceRow>> {
    super::devices::lock_junction_of(db, device).await?;
    sqlx::query!(
        "UPDATE edge_devices
         SET device_type = coalesce($2, device_type),
             device_name = CASE WHEN $3::text IS NULL THEN device_name ELSE nullif($3, '') END,
             status = CASE WHEN $4::boolean THEN 'maintenance'
                           WHEN $4 IS NULL OR status <> 'maintenance' THEN status
                           WHEN NOT coalesce(last_status @> '{\"online\": true}', false) THEN 'offline'
                           WHEN last_status #>> '{controller,fault}' IS NOT NULL THEN 'error' ELSE 'online' END
         WHERE device_id = $1",
        device.0,
        change.device_type,
        change.device_name,
        change.maintenance,
    )
    .execute(&mut *db)
    .await?;
    if let Some(lanes) = &change.lanes {
        set_lanes(db, device, lanes).await?;
    }
    let changed = get(db, device).await?;
    if let Some(changed) = changed.as_ref().filter(|_| change.maintenance.is_some()) {
        super::devices::refresh_junctions(db, &[changed.junction_id]).await?;
    }
    Ok(changed)
}

async fn set_lanes(db: &mut PgConnection, device: DeviceId, lanes: &[Uuid]) -> sqlx::Result<()> {
    let only = match lanes[..] {
        [only] => Some(only),
        _ => None,
    };
    sqlx::query!("UPDATE edge_devices SET lane_id = $2 WHERE device_id = $1", device.0, only)
        .execute(&mut *db)
        .await?;
    sqlx::query!("DELETE FROM edge_device_lanes WHERE device_id = $1", device.0).execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO edge_device_lanes (device_id, lane_id) SELECT DISTINCT $1::uuid, * FROM unnest($2::uuid[])",
        device.0,
        lanes,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Of `lanes` those that do not belong to a junction.
///
/// # Errors
/// When the database fails.
pub async fn foreign_lanes(
    db: &mut PgConnection,
    junction: JunctionId,
    lanes: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT l AS "lane!" FROM unnest($2::uuid[]) AS l
           WHERE NOT EXISTS (SELECT FROM lanes WHERE lane_id = l AND junction_id = $1)"#,
        junction.0,
        lanes,
    )
    .fetch_all(db)
    .await
}

/// Stops listening to a device: its messages become dead letters, token and login at the broker go. Whether it was listened to. Belongs into a
/// transaction.
///
/// # Errors
/// When the database fails.
pub async fn revoke(db: &mut PgConnection, device: DeviceId, at: DateTime<Utc>) -> sqlx::Result<bool> {
    super::devices::lock_junction_of(db, device).await?;
    let junction = sqlx::query_scalar!(
        "UPDATE edge_devices
         SET revoked_at = $2, status = 'offline', token_hash = NULL, token_until = NULL,
             last_status = last_status || '{\"online\": false}'
         WHERE device_id = $1 AND revoked_at IS NULL RETURNING junction_id",
        device.0,
        at,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(junction) = junction else { return Ok(false) };
    sqlx::query!("DELETE FROM device_credentials WHERE device_id = $1", device.0).execute(&mut *db).await?;
    super::devices::refresh_junctions(db, &[junction]).await?;
    Ok(true)
}

/// Deletes a device; its counts and cycles stay. Whether there was one. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut PgConnection, device: DeviceId) -> sqlx::Result<bool> {
    super::devices::lock_junction_of(db, device).await?;
    let junction =
        sqlx::query_scalar!("DELETE FROM edge_devices WHERE device_id = $1 RETURNING junction_id", device.0,)
            .fetch_optional(&mut *db)
            .await?;
    let Some(junction) = junction else { return Ok(false) };
    super::devices::refresh_junctions(db, &[junction]).await?;
    Ok(true)
}

/// A sender whose messages are refused because it is assigned to no junction, or to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnknownSender {
    /// How it names itself.
    pub device_id: Uuid,
    /// The junction that it last named.
    pub junction_id: Option<Uuid>,
    /// Messages of it that were refused and are still kept.
    pub messages: i64,
    /// When the first of them came.
    pub first_at: DateTime<Utc>,
    /// When the last of them came.
    pub last_at: DateTime<Utc>,
    /// Why the last one was refused.
    pub detail: String,
}

/// Senders that nobody knows, those that were heard last first.
///
/// # Errors
/// When the database fails.
pub async fn unknown_senders(
    db: &PgPool,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<UnknownSender>> {
    let (at, id) = after.unzip();
    sqlx::query_as!(
        UnknownSender,
        r#"SELECT device_id AS "device_id!", (array_agg(junction_id ORDER BY received_at DESC))[1] AS junction_id,
                  count(*) AS "messages!", min(received_at) AS "first_at!", max(received_at) AS "last_at!",
                  (array_agg(detail ORDER BY received_at DESC))[1] AS "detail!"
           FROM dead_letters l
           WHERE reason = 'unknown_device' AND device_id IS NOT NULL
             AND NOT EXISTS (SELECT FROM edge_devices d WHERE d.device_id = l.device_id AND d.junction_id = l.junction_id
                                AND d.revoked_at IS NULL)
           GROUP BY device_id
           HAVING $1::timestamptz IS NULL OR (max(received_at), device_id) < ($1, $2::uuid)
           ORDER BY max(received_at) DESC, device_id DESC LIMIT $3"#,
        at,
        id,
        limit,
    )
    .fetch_all(db)
    .await
}
