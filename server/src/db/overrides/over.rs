//! Overrides that are over, or of which that is open, beyond what ends them one at a time.

use super::ended;
use crate::db::logs;
use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use flextraff_common::plan::MAX_VALID_S;
use sqlx::{PgConnection, PgExecutor, PgPool};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Overrides of a mode at a junction that were ended before their time.
#[derive(Clone, Debug)]
pub struct EndedEarly {
    /// The junction.
    pub junction: JunctionId,
    /// `manual_override` or `emergency`.
    pub mode: String,
    /// When the last of them would have ended by itself.
    pub expires_at: DateTime<Utc>,
}

/// The overrides that were ended, or another one took the place of, and that would still run at `now`.
pub async fn ended_early(db: impl PgExecutor<'_>, now: DateTime<Utc>) -> sqlx::Result<Vec<EndedEarly>> {
    let rows = sqlx::query!(
        // A junction at a time, by its index: else all that were ever set would be read.
        r#"SELECT j.junction_id, o.mode, max(o.expires_at) AS "expires_at!"
           FROM junctions j CROSS JOIN LATERAL (
               SELECT mode, expires_at FROM manual_override_history
               WHERE junction_id = j.junction_id AND override_start > $1::timestamptz - $2 * interval '1 second'
                 AND override_end < expires_at AND expires_at > $1
           ) o
           GROUP BY j.junction_id, o.mode"#,
        now,
        f64::from(MAX_VALID_S),
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| EndedEarly {
            junction: JunctionId(row.junction_id),
            mode: row.mode,
            expires_at: row.expires_at,
        })
        .collect())
}

/// An override that was ended because the database is one of before.
#[derive(Clone, Debug)]
pub struct EndedByRestore {
    /// Name of its junction.
    pub junction: String,
    /// Its id.
    pub override_id: Uuid,
    /// `manual_override` or `emergency`.
    pub mode: String,
}

/// Ends every override, whoever set it, and sets its junction back to automatic: what ran when a backup was made nobody has asked for now. In the
/// caller's transaction.
pub async fn end_all(db: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<EndedByRestore>> {
    let rows = sqlx::query!(
        r#"WITH over AS (
             UPDATE manual_override_history
             SET override_end = least($1, expires_at), end_reason = CASE WHEN expires_at <= $1 THEN 'expired' ELSE 'ended' END
             WHERE override_end IS NULL RETURNING junction_id, override_id, mode, end_reason
         ), back AS (
             UPDATE junctions SET current_mode = 'automatic', updated_at = now()
             WHERE junction_id IN (SELECT junction_id FROM over)
         )
         SELECT junction_id, junction_name, override_id, mode, end_reason AS "end_reason!"
         FROM over JOIN junctions USING (junction_id) ORDER BY junction_name, junction_id"#,
        now,
    )
    .fetch_all(&mut *db)
    .await?;
    let entries = rows.iter().map(|row| ended(row.junction_id, row.override_id, &row.end_reason, None));
    logs::record(db, &entries.collect::<Vec<_>>()).await?;
    Ok(rows
        .into_iter()
        .map(|row| EndedByRestore {
            junction: row.junction_name,
            override_id: row.override_id,
            mode: row.mode,
        })
        .collect())
}

/// Those of these junctions at which somebody is just starting or ending an override, in a transaction whose end is open.
pub async fn undecided(db: &PgPool, junctions: &[Uuid]) -> sqlx::Result<BTreeSet<JunctionId>> {
    let mut tx = db.begin().await?;
    let all = sqlx::query_scalar!("SELECT junction_id FROM junctions WHERE junction_id = ANY($1)", junctions)
        .fetch_all(&mut *tx)
        .await?;
    let free = sqlx::query_scalar!(
        "SELECT junction_id FROM junctions WHERE junction_id = ANY($1) FOR NO KEY UPDATE SKIP LOCKED",
        junctions,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.rollback().await?;
    Ok(all.into_iter().filter(|id| !free.contains(id)).map(JunctionId).collect())
}
