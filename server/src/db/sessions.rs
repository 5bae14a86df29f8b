//! Sign-ins and the refresh tokens that keep them going.

use super::audit::{self, Actor, Deed};
use super::users::User;
use chrono::{DateTime, Utc};
use flextraff_common::ids::UserId;
use serde::Serialize;
use serde_json::json;
use sqlx::{Executor, PgConnection, PgPool, Postgres, Transaction};
use std::net::IpAddr;
use utoipa::ToSchema;
use uuid::Uuid;

/// Hash of a refresh token: what the database knows of it.
pub type TokenHash = [u8; 32];

/// A sign-in, as the API shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct Session {
    /// Id of the session.
    pub session_id: Uuid,
    /// When the user signed in.
    pub created_at: DateTime<Utc>,
    /// When a token was last issued.
    pub last_used_at: DateTime<Utc>,
    /// When it ends unless it is used before.
    pub expires_at: DateTime<Utc>,
    /// Where the user signed in.
    pub ip_address: Option<String>,
    /// The browser or program.
    pub user_agent: Option<String>,
}

/// Begins a session whose first refresh token has this hash.
///
/// # Errors
/// When the database fails.
pub async fn begin(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    token: &TokenHash,
    expires_at: DateTime<Utc>,
    address: Option<IpAddr>,
    user_agent: Option<&str>,
) -> sqlx::Result<Uuid> {
    let user_agent = user_agent.map(|agent| agent.chars().take(400).collect::<String>());
    sqlx::query_scalar!(
        r#"WITH session AS (
               INSERT INTO sessions (user_id, expires_at, ip_address, user_agent) VALUES ($1, $2, $3, $4) RETURNING session_id
           ), token AS (
               INSERT INTO refresh_tokens (token_hash, session_id) SELECT $5, session_id FROM session
           )
           SELECT session_id AS "session_id!" FROM session"#,
        user.0,
        expires_at,
        address.map(|address| address.to_string()),
        user_agent,
        &token[..],
    )
    .fetch_one(db)
    .await
}

/// The token that follows the one that is shown, should that be due.
#[derive(Clone, Copy, Debug)]
pub struct Successor {
    /// What the database knows of it.
    pub hash: TokenHash,
    /// What only the bearer of the shown token can read it from.
    pub sealed: [u8; 32],
}

/// The token with which a session goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoesOnWith {
    /// The one that was shown: it has just been issued.
    Shown,
    /// The successor that was offered.
    Offered,
    /// The successor that another request got a moment ago, sealed with the one that was shown.
    Sealed([u8; 32]),
}

/// A refresh token that is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What the database knows of it.
    pub hash: &'a TokenHash,
    /// From where.
    pub address: Option<IpAddr>,
}

/// What came of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The session goes on.
    Renewed {
        /// Whose it is.
        user: User,
        /// The session.
        session: Uuid,
        /// With which token.
        token: GoesOnWith,
    },
    /// The token was spent before: somebody has copied it. The session is over.
    Reused {
        /// The session that ended.
        session: Uuid,
        /// Whose it was.
        user: Uuid,
        /// Whether it ended by this.
        ended: bool,
    },
    /// There is no such token, or its session is over, or its user is out.
    Unknown,
}

/// Lets a session go on by a refresh token, which is spent for the next one. Whoever shows it, or the one before it, within `stands_s` seconds
/// is answered with the same token instead: an answer may have been lost, and several pages of a browser ask at once. Who shows a spent token
/// later has copied it: the session ends, and the audit log says so.
///
/// # Errors
/// When the database fails.
pub async fn refresh(
    db: &PgPool,
    Shown { hash: shown, address }: Shown<'_>,
    next: Successor,
    stands_s: f64,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<Refreshed> {
    let mut tx = db.begin().await?;
    let found = sqlx::query!(
        r#"SELECT session_id, successor, used_at IS NOT NULL AS "is_used!",
                  coalesce(used_at, issued_at) > now() - $2::float8 * interval '1 second' AS "is_recent!"
           FROM refresh_tokens WHERE token_hash = $1 FOR UPDATE"#,
        &shown[..],
        stands_s,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(found) = found else { return Ok(Refreshed::Unknown) };
    let session = found.session_id;
    let sealed = found.successor.and_then(|sealed| sealed.try_into().ok()).filter(|_| found.is_recent);
    let token = match (found.is_used, sealed) {
        (false, _) if found.is_recent => GoesOnWith::Shown,
        (false, _) => GoesOnWith::Offered,
        (true, Some(sealed)) => GoesOnWith::Sealed(sealed),
        (true, None) => return reused(tx, session, address).await,
    };
    let Some((user, _)) = user_of(&mut *tx, session, now).await? else { return Ok(Refreshed::Unknown) };
    if token == GoesOnWith::Offered {
        spend(&mut tx, session, shown, next).await?;
    }
    sqlx::query!(
        "UPDATE sessions SET last_used_at = now(), expires_at = $2 WHERE session_id = $1",
        session,
        expires_at,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Refreshed::Renewed { user, session, token })
}

/// Ends a session whose spent token is shown again.
async fn reused(
    mut tx: Transaction<'_, Postgres>,
    session: Uuid,
    address: Option<IpAddr>,
) -> sqlx::Result<Refreshed> {
    let found = sqlx::query!(
        r#"UPDATE sessions s SET revoked_at = coalesce(s.revoked_at, now()) FROM sessions before
           WHERE s.session_id = $1 AND before.session_id = s.session_id
           RETURNING s.user_id, before.revoked_at IS NULL AS "ended!""#,
        session,
    )
    .fetch_one(&mut *tx)
    .await?;
    if found.ended {
        let actor = Actor { address, ..Actor::default() };
        let detail = json!({ "user_id": found.user_id });
        let deed = Deed::new("session.reused").to(session.to_string()).with(detail);
        audit::record(&mut *tx, &actor, deed).await?;
    }
    tx.commit().await?;
    Ok(Refreshed::Reused { session, user: found.user_id, ended: found.ended })
}

/// Puts a successor in the place of a token. Those before lead to no successor any more: a spent token gives nobody the valid one.
async fn spend(tx: &mut PgConnection, session: Uuid, spent: &TokenHash, next: Successor) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE refresh_tokens SET successor = NULL WHERE session_id = $1 AND successor IS NOT NULL",
        session
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE refresh_tokens SET used_at = now(), successor = $2 WHERE token_hash = $1",
        &spent[..],
        &next.sealed[..],
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "INSERT INTO refresh_tokens (token_hash, session_id) VALUES ($1, $2)",
        &next.hash[..],
        session
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The active user of a session that has not ended, and the version of the list of junctions
/// ([`super::junction_api::list`]) at this moment.
///
/// # Errors
/// When the database fails.
pub async fn user_of(
    db: impl Executor<'_, Database = Postgres>,
    session: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(User, Uuid)>> {
    let found = sqlx::query!(
        r#"SELECT u.user_id, username, email, full_name, is_admin, is_active, totp_confirmed AS totp_enabled,
                  u.created_at, last_login, (SELECT version FROM junction_list) AS "junctions!"
           FROM sessions s JOIN users u USING (user_id)
           WHERE session_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND is_active"#,
        session,
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|row| {
        let user = User {
            user_id: row.user_id,
            username: row.username,
            email: row.email,
            full_name: row.full_name,
            is_admin: row.is_admin,
            is_active: row.is_active,
            totp_enabled: row.totp_enabled,
            created_at: row.created_at,
            last_login: row.last_login,
        };
        (user, row.junctions)
    }))
}

/// The session of a refresh token, spent or not, with id and name of its user.
///
/// # Errors
/// When the database fails.
pub async fn of_token(db: &PgPool, token: &TokenHash) -> sqlx::Result<Option<(Uuid, Uuid, String)>> {
    let found = sqlx::query!(
        "SELECT session_id, user_id, username
         FROM refresh_tokens JOIN sessions USING (session_id) JOIN users USING (user_id) WHERE token_hash = $1",
        &token[..],
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|row| (row.session_id, row.user_id, row.username)))
}

/// At most `limit` sessions of a user that go on, the newest first, from behind `after` (its beginning and id).
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    user: UserId,
    now: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<Session>> {
    let (created_at, id) = after.unzip();
    sqlx::query_as!(
        Session,
        "SELECT session_id, created_at, last_used_at, expires_at, ip_address, user_agent
         FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
           AND ($3::timestamptz IS NULL OR (created_at, session_id) < ($3, $4::uuid))
         ORDER BY created_at DESC, session_id DESC LIMIT $5",
        user.0,
        now,
        created_at,
        id,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Ends a session of a user; whether there was one that went on.
///
/// # Errors
/// When the database fails.
pub async fn end(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    session: Uuid,
) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "UPDATE sessions SET revoked_at = now() WHERE session_id = $1 AND user_id = $2 AND revoked_at IS NULL",
        session,
        user.0,
    )
    .execute(db)
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// Ends all sessions of a user but one; how many there were.
///
/// # Errors
/// When the database fails.
pub async fn end_all(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    but: Option<Uuid>,
) -> sqlx::Result<u64> {
    let ended = sqlx::query!(
        "UPDATE sessions SET revoked_at = now()
         WHERE user_id = $1 AND revoked_at IS NULL AND session_id IS DISTINCT FROM $2",
        user.0,
        but,
    )
    .execute(db)
    .await?;
    Ok(ended.rows_affected())
}

/// Ends all sessions of everybody; how many there were.
///
/// # Errors
/// When the database fails.
pub async fn end_of_all(db: impl Executor<'_, Database = Postgres>) -> sqlx::Result<u64> {
    let ended = sqlx::query!(
        "UPDATE sessions SET revoked_at = now() WHERE revoked_at IS NULL AND expires_at > now()"
    )
    .execute(db)
    .await?;
    Ok(ended.rows_affected())
}

/// Whether a user has signed in from an address, or a network such as `2001:db8::/64`, since a time.
///
/// # Errors
/// When the database fails.
pub async fn knows_address(
    db: &PgPool,
    username: &str,
    network: &str,
    since: DateTime<Utc>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM sessions JOIN users USING (user_id)
               WHERE lower(username) = lower($1) AND ip_address::inet <<= $2::text::inet
                 AND sessions.created_at >= $3) AS "known!""#,
        username,
        network,
        since,
    )
    .fetch_one(db)
    .await
}
