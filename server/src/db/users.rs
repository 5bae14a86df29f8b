//! People who sign in.

use chrono::{DateTime, Utc};
use flextraff_common::ids::UserId;
use serde::Serialize;
use sqlx::{Executor, PgPool, Postgres, Transaction};
use utoipa::ToSchema;
use uuid::Uuid;

/// Serialises the creation of the first user over all replicas of the server.
const FIRST_USER_LOCK: i64 = 0x464c_5831;

/// A user, as the API shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UserResponse)]
pub struct User {
    /// Id of the user.
    pub user_id: Uuid,
    /// Name to sign in with; unique without regard to case.
    pub username: String,
    /// E-mail address; unique without regard to case.
    pub email: String,
    /// Name for people.
    pub full_name: Option<String>,
    /// Whether the user may do everything.
    pub is_admin: bool,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the user was registered.
    pub created_at: DateTime<Utc>,
}

impl User {
    /// Id of the user.
    pub const fn id(&self) -> UserId {
        UserId(self.user_id)
    }
}

/// A user to register.
#[derive(Clone)]
pub struct NewUser {
    /// Name to sign in with.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// PHC string of the password.
    pub password_hash: String,
    /// Name for people.
    pub full_name: Option<String>,
    /// Whether the user may do everything.
    pub is_admin: bool,
}

/// What came of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The user exists now.
    Created(User),
    /// Name or address belong to somebody else.
    Taken,
    /// There are users already, so that this is not the first.
    NotFirst,
}

/// Registers a user.
///
/// # Errors
/// When the database fails.
pub async fn register(db: &PgPool, new: &NewUser) -> sqlx::Result<Registered> {
    insert(db, new).await
}

/// Registers a user only while there is none; of many at once exactly one succeeds.
///
/// # Errors
/// When the database fails.
pub async fn register_first(db: &PgPool, new: &NewUser) -> sqlx::Result<Registered> {
    let mut tx: Transaction<'_, Postgres> = db.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", FIRST_USER_LOCK).execute(&mut *tx).await?;
    if any(&mut *tx).await? {
        return Ok(Registered::NotFirst);
    }
    let registered = insert(&mut *tx, new).await?;
    tx.commit().await?;
    Ok(registered)
}

async fn insert(db: impl Executor<'_, Database = Postgres>, new: &NewUser) -> sqlx::Result<Registered> {
    let inserted = sqlx::query_as!(
        User,
        "INSERT INTO users (username, email, password_hash, full_name, is_admin) VALUES ($1, $2, $3, $4, $5)
         RETURNING user_id, username, email, full_name, is_admin, is_active, created_at",
        new.username,
        new.email,
        new.password_hash,
        new.full_name,
        new.is_admin,
    )
    .fetch_one(db)
    .await;
    match inserted {
        Ok(user) => Ok(Registered::Created(user)),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Registered::Taken),
        Err(error) => Err(error),
    }
}

/// Whether there is any user.
///
/// # Errors
/// When the database fails.
pub async fn any(db: impl Executor<'_, Database = Postgres>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "any!""#).fetch_one(db).await
}

/// The user of a name and the PHC string of the password.
///
/// # Errors
/// When the database fails.
pub async fn credentials(db: &PgPool, username: &str) -> sqlx::Result<Option<(User, String)>> {
    let row = sqlx::query!(
        "SELECT user_id, username, email, full_name, is_admin, is_active, created_at, password_hash
         FROM users WHERE lower(username) = lower($1)",
        username,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let user = User {
            user_id: row.user_id,
            username: row.username,
            email: row.email,
            full_name: row.full_name,
            is_admin: row.is_admin,
            is_active: row.is_active,
            created_at: row.created_at,
        };
        (user, row.password_hash)
    }))
}

/// The user of an id, when active.
///
/// # Errors
/// When the database fails.
pub async fn active(db: &PgPool, id: UserId) -> sqlx::Result<Option<User>> {
    sqlx::query_as!(
        User,
        "SELECT user_id, username, email, full_name, is_admin, is_active, created_at
         FROM users WHERE user_id = $1 AND is_active",
        id.0,
    )
    .fetch_optional(db)
    .await
}

/// Notes that a user has signed in.
///
/// # Errors
/// When the database fails.
pub async fn signed_in(db: &PgPool, id: UserId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE users SET last_login = now() WHERE user_id = $1", id.0).execute(db).await?;
    Ok(())
}

/// At most `limit` users, the newest first, from behind `after` (time of registration and id).
///
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool, after: Option<(DateTime<Utc>, Uuid)>, limit: i64) -> sqlx::Result<Vec<User>> {
    let (created_at, id) = after.unzip();
    sqlx::query_as!(
        User,
        "SELECT user_id, username, email, full_name, is_admin, is_active, created_at
         FROM users
         WHERE $1::timestamptz IS NULL OR (created_at, user_id) < ($1, $2::uuid)
         ORDER BY created_at DESC, user_id DESC LIMIT $3",
        created_at,
        id,
        limit,
    )
    .fetch_all(db)
    .await
}
