//! What the lamps of a junction showed last.

use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use serde_json::Value;
use sqlx::PgPool;

/// The last signal message of a junction, and when it came.
pub async fn last(db: &PgPool, junction: JunctionId) -> sqlx::Result<Option<(Value, DateTime<Utc>)>> {
    let row =
        sqlx::query!("SELECT payload, received_at FROM junction_signal WHERE junction_id = $1", junction.0)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|row| (row.payload, row.received_at)))
}
