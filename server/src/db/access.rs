//! Who may see and operate which junction.

use chrono::{DateTime, Utc};
use flextraff_common::ids::{JunctionId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::{Executor, PgExecutor, PgPool, Postgres};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a user who is no administrator may do at a junction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Observer,
    /// Look and act.
    Operator,
}

/// The role of a user at a junction; `None` without a grant.
///
/// # Errors
/// When the database fails.
pub async fn role(db: impl PgExecutor<'_>, user: UserId, junction: JunctionId) -> sqlx::Result<Option<Role>> {
    let role = sqlx::query_scalar!(
        "SELECT role FROM user_junction_access WHERE user_id = $1 AND junction_id = $2",
        user.0,
        junction.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(role.map(|role| Role::of(&role)))
}

impl Role {
    fn of(name: &str) -> Self {
        if name == "operator" { Self::Operator } else { Self::Observer }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Operator => "operator",
        }
    }
}

/// A junction that was granted to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JunctionAccess)]
pub struct AccessRow {
    /// The junction.
    pub junction_id: Uuid,
    /// Its name.
    pub junction_name: String,
    /// What the user may do there.
    pub role: Role,
    /// Since when.
    pub granted_at: DateTime<Utc>,
    /// Who gave it.
    pub granted_by: Option<Uuid>,
}

/// All junctions that were granted to a user, in the order of their names.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    user: UserId,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<AccessRow>> {
    let (name, id) = after.unzip();
    let rows = sqlx::query!(
        "SELECT junction_id, junction_name, role, granted_at, granted_by
         FROM user_junction_access JOIN junctions USING (junction_id)
         WHERE user_id = $1 AND ($2::text IS NULL OR (junction_name, junction_id) > ($2, $3::uuid))
         ORDER BY junction_name, junction_id LIMIT $4",
        user.0,
        name,
        id,
        limit,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| AccessRow {
        junction_id: row.junction_id,
        junction_name: row.junction_name,
        role: Role::of(&row.role),
        granted_at: row.granted_at,
        granted_by: row.granted_by,
    });
    Ok(rows.collect())
}

/// Gives a user a role at a junction, or another one.
///
/// # Errors
/// When the database fails.
pub async fn grant(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    junction: JunctionId,
    role: Role,
    by: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO user_junction_access (user_id, junction_id, role, granted_by) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, junction_id) DO UPDATE
         SET role = excluded.role, granted_by = excluded.granted_by, granted_at = now()",
        user.0,
        junction.0,
        role.name(),
        by.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the role of a user at a junction away; whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn revoke(
    db: impl Executor<'_, Database = Postgres>,
    user: UserId,
    junction: JunctionId,
) -> sqlx::Result<bool> {
    let revoked = sqlx::query!(
        "DELETE FROM user_junction_access WHERE user_id = $1 AND junction_id = $2",
        user.0,
        junction.0,
    )
    .execute(db)
    .await?;
    Ok(revoked.rows_affected() > 0)
}

/// All junctions that were granted to a user.
///
/// # Errors
/// When the database fails.
pub async fn granted(db: &PgPool, user: UserId) -> sqlx::Result<Vec<JunctionId>> {
    let ids = sqlx::query_scalar!("SELECT junction_id FROM user_junction_access WHERE user_id = $1", user.0)
        .fetch_all(db)
        .await?;
    Ok(ids.into_iter().map(JunctionId).collect())
}
