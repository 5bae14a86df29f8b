//! How a machine becomes a device: one-time tokens, logins at the broker, and what the broker must let them do.

use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Hash of a token: what the database knows of it.
pub type TokenHash = [u8; 32];

/// Gives a device a new token, which takes the place of the one before; its login at the broker goes, and a revoked device is listened to again.
/// Whether there is such a device. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn set_token(
    db: &mut PgConnection,
    device: DeviceId,
    hash: &TokenHash,
    until: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "UPDATE edge_devices SET token_hash = $2, token_until = $3, revoked_at = NULL WHERE device_id = $1",
        device.0,
        &hash[..],
        until,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM device_credentials WHERE device_id = $1", device.0).execute(db).await?;
    Ok(changed.rows_affected() > 0)
}

/// Spends a token: the device that it is for, and its junction; `None`: there is no such token, or its time is over. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn spend_token(
    db: &mut PgConnection,
    hash: &TokenHash,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(DeviceId, JunctionId)>> {
    let spent = sqlx::query!(
        "UPDATE edge_devices SET token_hash = NULL, token_until = NULL
         WHERE token_hash = $1 AND token_until > $2 AND revoked_at IS NULL RETURNING device_id, junction_id",
        &hash[..],
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(spent.map(|spent| (DeviceId(spent.device_id), JunctionId(spent.junction_id))))
}

/// Gives a device its login from now on: a password, and where a certificate is shown instead of it, its serial number and its end. Belongs into
/// a transaction.
///
/// # Errors
/// When the database fails.
pub async fn set_login(
    db: &mut PgConnection,
    device: DeviceId,
    password: &str,
    certificate: Option<(&str, DateTime<Utc>)>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    if let Some((serial, not_after)) = certificate {
        sqlx::query!(
            "INSERT INTO device_certificates (serial, device_id, issued_at, not_after) VALUES ($1, $2, $3, $4)",
            serial,
            device.0,
            now,
            not_after,
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!(
        "INSERT INTO device_credentials (device_id, password, serial, issued_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (device_id) DO UPDATE SET credential_id = gen_random_uuid(), password = excluded.password,
                                               serial = excluded.serial, issued_at = excluded.issued_at",
        device.0,
        password,
        certificate.map(|(serial, _)| serial),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the broker must know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logins {
    /// All devices, in the order of their ids.
    pub devices: Vec<BrokerLogin>,
    /// Certificates that have not expired and are nobody's login any more: device and serial number.
    pub ended: Vec<(DeviceId, String)>,
}

/// How a device shows the broker who it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its name.
    pub id: Uuid,
    /// The password; where there is a certificate, nobody has got it.
    pub password: String,
    /// Serial number of the certificate that is shown instead.
    pub serial: Option<String>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({}, {:?})", self.id, self.serial)
    }
}

/// What the broker must know of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerLogin {
    /// The device.
    pub device: DeviceId,
    /// Its junction.
    pub junction: JunctionId,
    /// Junctions whose demand and signal it hears.
    pub linked: Vec<JunctionId>,
    /// Its login; `None`: none, because it is revoked or not enrolled.
    pub credential: Option<Credential>,
}

/// All devices and ended certificates as the broker must know them.
///
/// # Errors
/// When the database fails.
pub async fn logins(db: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Logins> {
    let mut linked: BTreeMap<Uuid, Vec<JunctionId>> = BTreeMap::new();
    for row in sqlx::query!(
        r#"SELECT from_junction AS "here!", to_junction AS "there!" FROM links
           UNION SELECT to_junction, from_junction FROM links ORDER BY 1, 2"#
    )
    .fetch_all(db)
    .await?
    {
        linked.entry(row.here).or_default().push(JunctionId(row.there));
    }
    let rows = sqlx::query!(
        r#"SELECT d.device_id, d.junction_id, c.credential_id AS "credential_id?", c.password AS "password?", c.serial
           FROM edge_devices d
           LEFT JOIN device_credentials c ON c.device_id = d.device_id AND d.revoked_at IS NULL ORDER BY d.device_id"#
    )
    .fetch_all(db)
    .await?;
    let devices = rows.into_iter().map(|row| {
        let login = row.credential_id.zip(row.password);
        BrokerLogin {
            device: DeviceId(row.device_id),
            junction: JunctionId(row.junction_id),
            linked: linked.get(&row.junction_id).cloned().unwrap_or_default(),
            credential: login.map(|(id, password)| Credential { id, password, serial: row.serial }),
        }
    });
    let ended = sqlx::query!(
        "SELECT device_id, serial FROM device_certificates t
         WHERE not_after > $1 AND NOT EXISTS (
             SELECT FROM device_credentials c JOIN edge_devices d USING (device_id)
             WHERE c.serial = t.serial AND d.revoked_at IS NULL)
         ORDER BY serial",
        now,
    )
    .fetch_all(db)
    .await?;
    let ended = ended.into_iter().map(|row| (DeviceId(row.device_id), row.serial)).collect();
    Ok(Logins { devices: devices.collect(), ended })
}
