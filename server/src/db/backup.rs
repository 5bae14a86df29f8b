//! What a backup must know of the database.

use super::Result;
use sqlx::PgPool;

/// Whether nobody has put anything into it.
///
/// # Errors
/// When the database fails.
pub async fn is_empty(db: &PgPool) -> Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS "empty!""#
    )
    .fetch_one(db)
    .await
}

/// How many servers use it at the moment, this program not among them.
///
/// # Errors
/// When the database fails.
pub async fn servers(db: &PgPool) -> Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'flextraff-server' AND pid <> pg_backend_pid()"#
    )
    .fetch_one(db)
    .await
}

/// The last step of the schema that was taken, and the version of PostgreSQL.
///
/// # Errors
/// When the database fails, or never was the server's.
pub async fn versions(db: &PgPool) -> Result<(i64, String)> {
    let step: i64 =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
            .fetch_one(db)
            .await?;
    let postgres = sqlx::query_scalar!(r#"SELECT current_setting('server_version') AS "version!""#)
        .fetch_one(db)
        .await?;
    Ok((step, postgres))
}
