//! Keys of pseudonyms, one per city and period, and of watch-lists, one per junction.

use chrono::{DateTime, Utc};
use flextraff_common::epc::{KeyId, TagKey};
use flextraff_common::ids::JunctionId;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{CityKey, Keys};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A key that is made unless there is one for its period.
#[derive(Clone)]
pub struct NewKey {
    /// Its name; no other key has it.
    pub key_id: KeyId,
    /// 256 random bits.
    pub secret: [u8; 32],
    /// Start of its period.
    pub from: DateTime<Utc>,
    /// End of its period.
    pub until: DateTime<Utc>,
}

/// The watch-list key of a junction and the pseudonym keys of its city from `now` on; what is missing is made out of `watchlist` and `city`.
/// `None`: there is no such junction.
///
/// # Errors
/// When the database fails.
pub async fn of_junction(
    db: &PgPool,
    junction: JunctionId,
    watchlist: [u8; 32],
    city: &[NewKey],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Keys>> {
    let mut tx = db.begin().await?;
    let Some(watchlist_key) = watchlist_key(&mut tx, junction, watchlist, now).await? else {
        return Ok(None);
    };
    for key in city {
        sqlx::query!(
            "INSERT INTO privacy_keys (key_id, kind, city, secret, valid_from, valid_until)
             SELECT $1, 'pseudonym', city, $2, $3, $4 FROM junctions WHERE junction_id = $5 ON CONFLICT DO NOTHING",
            key.key_id.as_str(),
            &key.secret[..],
            key.from,
            key.until,
            junction.0,
        )
        .execute(&mut *tx)
        .await?;
    }
    let rows = sqlx::query!(
        r#"SELECT key_id, secret, valid_from, valid_until AS "valid_until!" FROM privacy_keys
           WHERE kind = 'pseudonym' AND lower(city) = (SELECT lower(city) FROM junctions WHERE junction_id = $1) AND valid_until > $2
           ORDER BY valid_from"#,
        junction.0,
        now,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let mut keys = Keys { watchlist_key: Some(watchlist_key), city: Vec::with_capacity(rows.len()) };
    for row in rows {
        keys.city.push(CityKey {
            key_id: row.key_id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            key: key_of(&row.secret)?,
            valid_from: UnixMs(row.valid_from.timestamp_millis()),
            valid_until: UnixMs(row.valid_until.timestamp_millis()),
        });
    }
    Ok(Some(keys))
}

/// The watch-list key of a junction, made out of `secret` when there is none; `None`: there is no such junction. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn watchlist_key(
    db: &mut PgConnection,
    junction: JunctionId,
    secret: [u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<TagKey>> {
    sqlx::query!(
        "INSERT INTO privacy_keys (key_id, kind, junction_id, secret, valid_from)
         SELECT 'watchlist:' || junction_id, 'watchlist', junction_id, $2, $3 FROM junctions WHERE junction_id = $1
         ON CONFLICT DO NOTHING",
        junction.0,
        &secret[..],
        now,
    )
    .execute(&mut *db)
    .await?;
    let secret = sqlx::query_scalar!(
        "SELECT secret FROM privacy_keys WHERE kind = 'watchlist' AND junction_id = $1",
        junction.0,
    )
    .fetch_optional(db)
    .await?;
    secret.map(|secret| key_of(&secret)).transpose()
}

fn key_of(secret: &[u8]) -> sqlx::Result<TagKey> {
    secret.try_into().map(TagKey::new).map_err(|_| sqlx::Error::Decode("a key has not 32 bytes".into()))
}

/// Junctions that have a watch-list key: what their devices have may be an old list.
///
/// # Errors
/// When the database fails.
pub async fn with_watchlist_key(db: &PgPool) -> sqlx::Result<Vec<JunctionId>> {
    let found: Vec<Option<Uuid>> =
        sqlx::query_scalar!("SELECT junction_id FROM privacy_keys WHERE kind = 'watchlist' ORDER BY 1")
            .fetch_all(db)
            .await?;
    Ok(found.into_iter().flatten().map(JunctionId).collect())
}
