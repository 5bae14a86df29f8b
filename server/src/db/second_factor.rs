//! The second factor of people: a secret for one-time codes, and recovery codes that stand in for them.

use flextraff_common::ids::UserId;
use sqlx::{Executor, PgConnection, PgPool, Postgres};

/// Hash of a recovery code.
pub type CodeHash = [u8; 32];

/// A secret for one-time codes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The bytes that the user's device shares.
    pub bytes: Vec<u8>,
    /// Whether the user has shown that the device has them.
    pub confirmed: bool,
}

/// The secret of a user, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn secret(db: &PgPool, user: UserId) -> sqlx::Result<Option<Secret>> {
    let row = sqlx::query!("SELECT totp_secret, totp_confirmed FROM users WHERE user_id = $1", user.0)
        .fetch_optional(db)
        .await?;
    Ok(row.and_then(|row| {
        row.totp_secret.map(|secret| Secret { bytes: secret, confirmed: row.totp_confirmed })
    }))
}

/// Keeps a secret that is yet to be confirmed, in place of another such; not when one is confirmed already.
///
/// # Errors
/// When the database fails.
pub async fn offer(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    secret: &[u8],
) -> sqlx::Result<bool> {
    let kept = sqlx::query!(
        "UPDATE users SET totp_secret = $2, totp_last_step = NULL, updated_at = now()
         WHERE user_id = $1 AND NOT totp_confirmed",
        user.0,
        secret,
    )
    .execute(db)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// Notes the step whose code was shown; whether no code of this or a later step was shown before.
///
/// # Errors
/// When the database fails.
pub async fn spend_step(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    step: i64,
) -> sqlx::Result<bool> {
    let spent = sqlx::query!(
        "UPDATE users SET totp_last_step = $2
         WHERE user_id = $1 AND (totp_last_step IS NULL OR totp_last_step < $2)",
        user.0,
        step,
    )
    .execute(db)
    .await?;
    Ok(spent.rows_affected() > 0)
}

/// Notes that the user's device has the secret; `false` when another one was offered since, or it is confirmed already.
///
/// # Errors
/// When the database fails.
pub async fn confirm(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    secret: &[u8],
) -> sqlx::Result<bool> {
    let confirmed = sqlx::query!(
        "UPDATE users SET totp_confirmed = true, updated_at = now()
         WHERE user_id = $1 AND totp_secret = $2 AND NOT totp_confirmed",
        user.0,
        secret,
    )
    .execute(db)
    .await?;
    Ok(confirmed.rows_affected() > 0)
}

/// Takes the second factor of a user away.
///
/// # Errors
/// When the database fails.
pub async fn remove(db: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    set_recovery_codes(&mut *db, user, &[]).await?;
    sqlx::query!(
        "UPDATE users SET totp_secret = NULL, totp_confirmed = false, totp_last_step = NULL, updated_at = now()
         WHERE user_id = $1",
        user.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Replaces the recovery codes of a user.
///
/// # Errors
/// When the database fails.
pub async fn set_recovery_codes(
    db: &mut PgConnection,
    user: UserId,
    hashes: &[CodeHash],
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1", user.0).execute(&mut *db).await?;
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, hash FROM unnest($2::bytea[]) AS hash",
        user.0,
        &hashes,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Spends a recovery code; whether the user had it.
///
/// # Errors
/// When the database fails.
pub async fn spend_recovery_code(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    hash: &CodeHash,
) -> sqlx::Result<bool> {
    let spent =
        sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2", user.0, &hash[..],)
            .execute(db)
            .await?;
    Ok(spent.rows_affected() > 0)
}
