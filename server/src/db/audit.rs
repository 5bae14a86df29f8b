//! Who did what: written to the end, never changed.

use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use serde::Serialize;
use serde_json::Value;
use sqlx::{Executor, PgPool, Postgres};
use std::net::IpAddr;
use utoipa::ToSchema;
use uuid::Uuid;

/// Who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// Id of the user; `None`: nobody who is signed in.
    pub user_id: Option<Uuid>,
    /// Name of the user, which stays when the account goes.
    pub username: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Somebody at the server's own machine.
    pub fn command_line() -> Self {
        Self { username: Some("(command line)".to_owned()), ..Self::default() }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// In a word, such as `user.update`.
    pub action: &'static str,
    /// The junction that it concerns.
    pub junction: Option<JunctionId>,
    /// What it was done to, such as a user's name or a device's id.
    pub target: Option<String>,
    /// The new values, without secrets.
    pub detail: Value,
}

impl Deed {
    /// A deed without junction, target or values.
    pub fn new(action: &'static str) -> Self {
        Self { action, junction: None, target: None, detail: Value::Object(serde_json::Map::new()) }
    }

    /// What it was done to.
    #[must_use]
    pub fn to(self, target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..self }
    }

    /// The junction that it concerns.
    #[must_use]
    pub fn at(self, junction: JunctionId) -> Self {
        Self { junction: Some(junction), ..self }
    }

    /// The new values; they hold no secret.
    #[must_use]
    pub fn with(self, detail: Value) -> Self {
        Self { detail, ..self }
    }
}

/// Writes down a deed; in the transaction of the deed itself, so that neither is without the other.
///
/// # Errors
/// When the database fails.
pub async fn record(
    db: impl Executor<'_, Database = Postgres>,
    actor: &Actor,
    deed: Deed,
) -> sqlx::Result<()> {
    let target = deed.target.map(|target| target.chars().take(200).collect::<String>());
    sqlx::query!(
        "INSERT INTO audit_log (user_id, username, ip_address, action, junction_id, target, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        actor.user_id,
        actor.username,
        actor.address.map(|address| address.to_string()),
        deed.action,
        deed.junction.map(|junction| junction.0),
        target,
        deed.detail,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Refusals of one kind a minute that have a line each.
const REFUSALS_A_MINUTE: i64 = 60;

/// Writes down that somebody was refused. Beyond 60 such lines within a minute the rest are summed up, by account and minute: strangers may try as
/// often as they like, and must not fill the log with it.
///
/// # Errors
/// When the database fails.
pub async fn refuse(db: &PgPool, actor: &Actor, deed: Deed) -> sqlx::Result<()> {
    let lines = sqlx::query_scalar!(
        r#"SELECT count(*) AS "lines!" FROM (
               SELECT FROM audit_log WHERE action = $1 AND at > now() - interval '1 minute' LIMIT $2) r"#,
        deed.action,
        REFUSALS_A_MINUTE,
    )
    .fetch_one(db)
    .await?;
    if lines < REFUSALS_A_MINUTE {
        return record(db, actor, deed).await;
    }
    sqlx::query!(
        "INSERT INTO refusals (action, at, username, user_id, refused)
         VALUES ($1, date_trunc('minute', now()), coalesce($2, ''), $3, 1)
         ON CONFLICT (action, at, username) DO UPDATE SET refused = refusals.refused + 1",
        deed.action,
        actor.username,
        actor.user_id,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes lines of the refusals that were summed up in minutes that are over; how many lines.
///
/// # Errors
/// When the database fails.
pub async fn sum_up_refusals(db: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT sum_up_refusals() AS "lines!""#).fetch_one(db).await
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Number of the line; later lines have greater ones.
    pub audit_id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; null: nobody who was signed in, or the server's own machine.
    pub user_id: Option<Uuid>,
    /// Name of the user at that time.
    pub username: Option<String>,
    /// Where the request came from.
    pub ip_address: Option<String>,
    /// What was done, in a word.
    pub action: String,
    /// The junction that it concerns.
    pub junction_id: Option<Uuid>,
    /// What it was done to.
    pub target: Option<String>,
    /// The new values.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// Which lines are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this user.
    pub user_id: Option<Uuid>,
    /// At this junction.
    pub junction_id: Option<Uuid>,
    /// Whose action is this word, or begins with it and a dot.
    pub action: Option<String>,
    /// From this time on.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}

/// At most `limit` lines, the newest first, below number `before`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<AuditEntry>> {
    sqlx::query_as!(
        AuditEntry,
        "SELECT audit_id, at, user_id, username, ip_address, action, junction_id, target, detail
         FROM audit_log
         WHERE ($1::uuid IS NULL OR user_id = $1)
           AND ($2::uuid IS NULL OR junction_id = $2)
           AND ($3::text IS NULL OR action = $3 OR starts_with(action, $3 || '.'))
           AND ($4::timestamptz IS NULL OR at >= $4)
           AND ($5::timestamptz IS NULL OR at < $5)
           AND ($6::bigint IS NULL OR audit_id < $6)
         ORDER BY audit_id DESC LIMIT $7",
        filter.user_id,
        filter.junction_id,
        filter.action,
        filter.from,
        filter.to,
        before,
        limit,
    )
    .fetch_all(db)
    .await
}
