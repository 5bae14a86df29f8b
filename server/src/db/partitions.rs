//! Partitions of the tables that grow: made ahead, and dropped when their time is over.

use chrono::NaiveDate;
use sqlx::PgPool;

/// How many days ahead of today partitions are made.
const DAYS_AHEAD: i32 = 7;

/// Makes the partitions around `today`; returns how many were missing.
///
/// # Errors
/// When the database fails, or somebody who reads a table leaves no room to change it.
pub async fn make_ahead(db: &PgPool, today: NaiveDate) -> Result<i32, sqlx::Error> {
    let mut tx = db.begin().await?;
    super::wait_shortly(&mut tx).await?;
    let made = sqlx::query_scalar!(r#"SELECT ensure_partitions($1, $2) AS "made!""#, today, DAYS_AHEAD)
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(made)
}
