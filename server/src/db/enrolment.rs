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

/// Spends a token: the device that it is for, and its junction, with `password` as its login from now on; `None`: there is no such token, or its
/// time is over. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn spend_token(
    db: &mut PgConnection,
    hash: &TokenHash,
    password: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(DeviceId, JunctionId)>> {
    let spent = sqlx::query!(
        "UPDATE edge_devices SET token_hash = NULL, token_until = NULL
         WHERE token_hash = $1 AND token_until > $2 AND revoked_at IS NULL RETURNING device_id, junction_id",
        &hash[..],
        now,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(spent) = spent else { return Ok(None) };
    sqlx::query!(
        "INSERT INTO device_credentials (device_id, password, issued_at) VALUES ($1, $2, $3)
         ON CONFLICT (device_id) DO UPDATE
         SET credential_id = gen_random_uuid(), password = excluded.password, issued_at = excluded.issued_at",
        spent.device_id,
        password,
        now,
    )
    .execute(db)
    .await?;
    Ok(Some((DeviceId(spent.device_id), JunctionId(spent.junction_id))))
}

/// What the broker must know of a device.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerLogin {
    /// The device.
    pub device: DeviceId,
    /// Its junction.
    pub junction: JunctionId,
    /// Junctions whose demand and signal it hears.
    pub linked: Vec<JunctionId>,
    /// Its login: name of the credential, and the password; `None`: none, because it is revoked or not enrolled.
    pub credential: Option<(Uuid, String)>,
}

impl std::fmt::Debug for BrokerLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { device, junction, linked, credential } = self;
        let credential = credential.as_ref().map(|(id, _)| id);
        write!(f, "BrokerLogin({device}, {junction}, {linked:?}, {credential:?})")
    }
}

/// All devices as the broker must know them, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub async fn logins(db: &PgPool) -> sqlx::Result<Vec<BrokerLogin>> {
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
        r#"SELECT d.device_id, d.junction_id, c.credential_id AS "credential_id?", c.password AS "password?"
           FROM edge_devices d
           LEFT JOIN device_credentials c ON c.device_id = d.device_id AND d.revoked_at IS NULL ORDER BY d.device_id"#
    )
    .fetch_all(db)
    .await?;
    let login = |row: (Uuid, Uuid, Option<(Uuid, String)>)| BrokerLogin {
        device: DeviceId(row.0),
        junction: JunctionId(row.1),
        linked: linked.get(&row.1).cloned().unwrap_or_default(),
        credential: row.2,
    };
    Ok(rows
        .into_iter()
        .map(|row| login((row.device_id, row.junction_id, row.credential_id.zip(row.password))))
        .collect())
}
