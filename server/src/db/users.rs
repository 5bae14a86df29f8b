//! People who sign in.

use chrono::{DateTime, Utc};
use flextraff_common::ids::UserId;
use serde::Serialize;
use sqlx::{Executor, PgConnection, PgPool, Postgres, Transaction};
use utoipa::ToSchema;
use uuid::Uuid;

/// Serialises, over all replicas of the server, what depends on which users there are.
const USERS_LOCK: i64 = 0x464c_5831;

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
    /// Whether a one-time code is asked for at sign-in.
    pub totp_enabled: bool,
    /// When the user was registered.
    pub created_at: DateTime<Utc>,
    /// When the user last signed in.
    pub last_login: Option<DateTime<Utc>>,
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
pub async fn register(db: impl Executor<'_, Database = Postgres>, new: &NewUser) -> sqlx::Result<Registered> {
    insert(db, new).await
}

/// Registers a user only while there is none; of many at once exactly one succeeds.
///
/// # Errors
/// When the database fails.
pub async fn register_first(db: &mut PgConnection, new: &NewUser) -> sqlx::Result<Registered> {
    one_at_a_time(&mut *db).await?;
    if any(&mut *db).await? {
        return Ok(Registered::NotFirst);
    }
    insert(&mut *db, new).await
}

/// Until the end of the transaction nobody else creates the first user or takes out the last administrator.
async fn one_at_a_time(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", USERS_LOCK).execute(db).await?;
    Ok(())
}

async fn insert(db: impl Executor<'_, Database = Postgres>, new: &NewUser) -> sqlx::Result<Registered> {
    let inserted = sqlx::query_as!(
        User,
        "INSERT INTO users (username, email, password_hash, full_name, is_admin) VALUES ($1, $2, $3, $4, $5)
         RETURNING user_id, username, email, full_name, is_admin, is_active, totp_confirmed AS totp_enabled,
                   created_at, last_login",
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
        "SELECT user_id, username, email, full_name, is_admin, is_active, totp_confirmed, created_at, last_login,
                password_hash
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
            totp_enabled: row.totp_confirmed,
            created_at: row.created_at,
            last_login: row.last_login,
        };
        (user, row.password_hash)
    }))
}

/// The user of an id.
///
/// # Errors
/// When the database fails.
pub async fn get(db: impl Executor<'_, Database = Postgres>, id: UserId) -> sqlx::Result<Option<User>> {
    sqlx::query_as!(
        User,
        "SELECT user_id, username, email, full_name, is_admin, is_active, totp_confirmed AS totp_enabled,
                created_at, last_login
         FROM users WHERE user_id = $1",
        id.0,
    )
    .fetch_optional(db)
    .await
}

/// What changes about a user; `None`: stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// E-mail address.
    pub email: Option<String>,
    /// Name for people; an empty one takes it out.
    pub full_name: Option<String>,
    /// Whether the user may do everything.
    pub is_admin: Option<bool>,
    /// Whether the user may sign in.
    pub is_active: Option<bool>,
    /// PHC string of a new password.
    pub password_hash: Option<String>,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is done; the user as it is now.
    Done(User),
    /// There is no such user.
    Unknown,
    /// The address belongs to somebody else.
    Taken,
    /// Without this user nobody would be left to administer the server.
    LastAdmin,
}

/// Changes a user. Belongs into a transaction, which is given up unless it is [`Changed::Done`].
///
/// # Errors
/// When the database fails.
pub async fn change(db: &mut PgConnection, id: UserId, change: &Change) -> sqlx::Result<Changed> {
    one_at_a_time(&mut *db).await?;
    if (change.is_admin == Some(false) || change.is_active == Some(false)) && is_last_admin(db, id).await? {
        return Ok(Changed::LastAdmin);
    }
    let changed = sqlx::query_as!(
        User,
        "UPDATE users SET email = coalesce($2, email),
                          full_name = nullif(coalesce($3, full_name), ''),
                          is_admin = coalesce($4, is_admin),
                          is_active = coalesce($5, is_active),
                          password_hash = coalesce($6, password_hash),
                          updated_at = now()
         WHERE user_id = $1
         RETURNING user_id, username, email, full_name, is_admin, is_active, totp_confirmed AS totp_enabled,
                   created_at, last_login",
        id.0,
        change.email,
        change.full_name,
        change.is_admin,
        change.is_active,
        change.password_hash,
    )
    .fetch_optional(db)
    .await;
    match changed {
        Ok(Some(user)) => Ok(Changed::Done(user)),
        Ok(None) => Ok(Changed::Unknown),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Changed::Taken),
        Err(error) => Err(error),
    }
}

/// Deletes a user. What the user did stays in the records.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut PgConnection, id: UserId) -> sqlx::Result<Changed> {
    one_at_a_time(&mut *db).await?;
    if is_last_admin(&mut *db, id).await? {
        return Ok(Changed::LastAdmin);
    }
    let Some(user) = get(&mut *db, id).await? else { return Ok(Changed::Unknown) };
    sqlx::query!("DELETE FROM users WHERE user_id = $1", id.0).execute(db).await?;
    Ok(Changed::Done(user))
}

async fn is_last_admin(db: &mut PgConnection, id: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE user_id = $1 AND is_admin AND is_active)
              AND NOT EXISTS (SELECT FROM users WHERE user_id <> $1 AND is_admin AND is_active) AS "last!""#,
        id.0,
    )
    .fetch_one(db)
    .await
}

/// Notes that a user signs in, and keeps `rehashed` in place of the hash that was verified. `false`: meanwhile the password is another one, the
/// user is out, or has got a second factor while `second_factor` says that none was shown. Until the end of the transaction that stays so.
///
/// # Errors
/// When the database fails.
pub async fn sign_in(
    db: &mut PgConnection,
    id: UserId,
    verified: &str,
    second_factor: bool,
    rehashed: Option<&str>,
) -> sqlx::Result<bool> {
    let noted = sqlx::query!(
        "UPDATE users SET last_login = now(), password_hash = coalesce($4, password_hash)
         WHERE user_id = $1 AND password_hash = $2 AND is_active AND ($3 OR NOT totp_confirmed)",
        id.0,
        verified,
        second_factor,
        rehashed,
    )
    .execute(db)
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// Keeps another password in place of the one that was verified; `false` when that is not the password any more, or the user is out.
///
/// # Errors
/// When the database fails.
pub async fn set_password(
    db: &mut PgConnection,
    id: UserId,
    verified: &str,
    password_hash: &str,
) -> sqlx::Result<bool> {
    let kept = sqlx::query!(
        "UPDATE users SET password_hash = $3, updated_at = now()
         WHERE user_id = $1 AND password_hash = $2 AND is_active",
        id.0,
        verified,
        password_hash,
    )
    .execute(db)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// A transaction in which the password that was verified stays the one of a user who may sign in; `None`: it is not any more.
///
/// # Errors
/// When the database fails.
pub async fn with_password(
    db: &PgPool,
    id: UserId,
    verified: &str,
) -> sqlx::Result<Option<Transaction<'static, Postgres>>> {
    let mut tx = db.begin().await?;
    let found = sqlx::query!(
        "SELECT user_id FROM users WHERE user_id = $1 AND password_hash = $2 AND is_active FOR NO KEY UPDATE",
        id.0,
        verified,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(found.map(|_| tx))
}

/// A user as the list of all has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedUser {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// To how many junctions access is given; an administrator has it to all.
    #[schema(minimum = 0)]
    pub junctions: i64,
}

/// At most `limit` users, the newest first, from behind `after` (time of registration and id).
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<ListedUser>> {
    let (created_at, id) = after.unzip();
    let rows = sqlx::query!(
        r#"SELECT user_id, username, email, full_name, is_admin, is_active, totp_confirmed, created_at, last_login,
                  (SELECT count(*) FROM user_junction_access a WHERE a.user_id = u.user_id) AS "junctions!"
           FROM users u
           WHERE $1::timestamptz IS NULL OR (created_at, user_id) < ($1, $2::uuid)
           ORDER BY created_at DESC, user_id DESC LIMIT $3"#,
        created_at,
        id,
        limit,
    )
    .fetch_all(db)
    .await?;
    let listed = rows.into_iter().map(|row| ListedUser {
        user: User {
            user_id: row.user_id,
            username: row.username,
            email: row.email,
            full_name: row.full_name,
            is_admin: row.is_admin,
            is_active: row.is_active,
            totp_enabled: row.totp_confirmed,
            created_at: row.created_at,
            last_login: row.last_login,
        },
        junctions: row.junctions,
    });
    Ok(listed.collect())
}
