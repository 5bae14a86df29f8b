//! Who may see and operate which junction.

use flextraff_common::ids::{JunctionId, UserId};
use sqlx::PgPool;

/// What a user who is no administrator may do at a junction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
pub async fn role(db: &PgPool, user: UserId, junction: JunctionId) -> sqlx::Result<Option<Role>> {
    let role = sqlx::query_scalar!(
        "SELECT role FROM user_junction_access WHERE user_id = $1 AND junction_id = $2",
        user.0,
        junction.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(role.map(|role| if role == "operator" { Role::Operator } else { Role::Observer }))
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
