//! The vehicles that junctions look out for, each under its junction's key: who reads this table cannot tell which vehicles they are.

use chrono::{DateTime, Utc};
use flextraff_common::epc::KeyedTag;
use flextraff_common::ids::{JunctionId, UserId};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{Watched, WatchedClass, Watchlist};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

/// An entry of a watch-list. Which vehicle it is cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchlistEntry {
    /// Its id.
    pub entry_id: Uuid,
    /// The junction that looks out.
    pub junction_id: Uuid,
    /// `emergency` or `transit`.
    pub class: String,
    /// What people call it.
    pub label: Option<String>,
    /// From then on it is a vehicle like any other.
    pub valid_until: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Who added it.
    pub created_by: Option<Uuid>,
}

/// A vehicle to look out for.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its tag under the junction's key.
    pub tag: KeyedTag,
    /// What it is.
    pub class: WatchedClass,
    /// What people call it.
    pub label: Option<String>,
    /// Until when.
    pub valid_until: DateTime<Utc>,
    /// Who adds it.
    pub user: Uuid,
}

/// Adds an entry, or renews the one of the same vehicle. Belongs into a transaction.
///
/// # Errors
/// When the database fails.
pub async fn add(
    db: &mut PgConnection,
    junction: JunctionId,
    entry: &NewEntry,
) -> sqlx::Result<WatchlistEntry> {
    sqlx::query_as!(
        WatchlistEntry,
        "INSERT INTO watchlist (junction_id, tag_hmac, class, label, valid_until, created_by) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (junction_id, tag_hmac) DO UPDATE
         SET class = excluded.class, label = excluded.label, valid_until = excluded.valid_until
         RETURNING entry_id, junction_id, class, label, valid_until, created_at, created_by",
        junction.0,
        entry.tag.to_string(),
        entry.class.name(),
        entry.label,
        entry.valid_until,
        entry.user,
    )
    .fetch_one(db)
    .await
}

/// How many entries a junction has.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &mut PgConnection, junction: JunctionId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM watchlist WHERE junction_id = $1"#, junction.0)
        .fetch_one(db)
        .await
}

/// Entries of the junctions that `user` may look at (`None`: of all), or of one, the newest first; only those whose label has `search` in it.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    user: Option<UserId>,
    junction: Option<JunctionId>,
    search: Option<&str>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<WatchlistEntry>> {
    let (at, id) = after.unzip();
    sqlx::query_as!(
        WatchlistEntry,
        "SELECT entry_id, junction_id, class, label, valid_until, created_at, created_by FROM watchlist w
         WHERE ($1::uuid IS NULL OR EXISTS (
                   SELECT FROM user_junction_access a WHERE a.user_id = $1 AND a.junction_id = w.junction_id))
           AND ($2::uuid IS NULL OR junction_id = $2)
           AND ($3::timestamptz IS NULL OR (created_at, entry_id) < ($3, $4::uuid))
           AND ($6::text IS NULL OR strpos(lower(label), lower($6)) > 0)
         ORDER BY created_at DESC, entry_id DESC LIMIT $5",
        user.map(|user| user.0),
        junction.map(|junction| junction.0),
        at,
        id,
        limit,
        search,
    )
    .fetch_all(db)
    .await
}

/// Takes an entry out and returns it; `None`: there is none.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &mut PgConnection, entry: Uuid) -> sqlx::Result<Option<WatchlistEntry>> {
    sqlx::query_as!(
        WatchlistEntry,
        "DELETE FROM watchlist WHERE entry_id = $1
         RETURNING entry_id, junction_id, class, label, valid_until, created_at, created_by",
        entry,
    )
    .fetch_optional(db)
    .await
}

/// Takes out all entries of a label and class, at every junction, and returns them.
///
/// # Errors
/// When the database fails.
pub async fn remove_everywhere(
    db: &mut PgConnection,
    label: &str,
    class: WatchedClass,
) -> sqlx::Result<Vec<WatchlistEntry>> {
    sqlx::query_as!(
        WatchlistEntry,
        "DELETE FROM watchlist WHERE label = $1 AND class = $2
         RETURNING entry_id, junction_id, class, label, valid_until, created_at, created_by",
        label,
        class.name(),
    )
    .fetch_all(db)
    .await
}

/// What a junction's devices must look out for at `now`.
///
/// # Errors
/// When the database fails.
pub async fn message(db: &PgPool, junction: JunctionId, now: DateTime<Utc>) -> sqlx::Result<Watchlist> {
    let rows = sqlx::query!(
        r#"SELECT tag_hmac, class, valid_until AS "valid_until!" FROM watchlist
           WHERE junction_id = $1 AND valid_until > $2 ORDER BY tag_hmac"#,
        junction.0,
        now,
    )
    .fetch_all(db)
    .await?;
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        entries.push(Watched {
            tag: row.tag_hmac.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            class: match row.class.as_str() {
                "emergency" => WatchedClass::Emergency,
                _ => WatchedClass::Transit,
            },
            valid_until: UnixMs(row.valid_until.timestamp_millis()),
        });
    }
    Ok(Watchlist { entries })
}

/// Takes out what has run out, and returns the junctions whose lists it stood on.
///
/// # Errors
/// When the database fails.
pub async fn expire(db: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Vec<JunctionId>> {
    let gone = sqlx::query_scalar!(
        r#"WITH gone AS (DELETE FROM watchlist WHERE valid_until <= $1 RETURNING junction_id)
           SELECT DISTINCT junction_id AS "junction!" FROM gone ORDER BY 1"#,
        now,
    )
    .fetch_all(db)
    .await?;
    Ok(gone.into_iter().map(JunctionId).collect())
}
