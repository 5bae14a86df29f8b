//! Which alarms were told, and which of several servers tells one.

use sqlx::PgPool;
use uuid::Uuid;

/// An open alarm that not everybody has heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// The alarm.
    pub id: Uuid,
    /// The ways by which it was told.
    pub told_by: Vec<String>,
}

/// Takes the open alarms that nobody tells, those of the last day: they are this server's to tell for three minutes, as are those that it has in hand.
///
/// # Errors
/// When the database fails.
pub async fn claim(db: &PgPool, in_hand: &[Uuid]) -> sqlx::Result<Vec<Untold>> {
    sqlx::query!(
        "UPDATE alarms SET told_until = now() + interval '3 minutes' WHERE alarm_id = ANY($1) AND told_at IS NULL",
        in_hand,
    )
    .execute(db)
    .await?;
    sqlx::query_as!(
        Untold,
        "UPDATE alarms SET told_until = now() + interval '3 minutes'
         WHERE told_at IS NULL AND closed_at IS NULL AND opened_at > now() - interval '1 day' AND told_until <= now()
           AND alarm_id <> ALL($1)
         RETURNING alarm_id AS id, told_by",
        in_hand,
    )
    .fetch_all(db)
    .await
}

/// Notes that an alarm was told by these ways; when they are `all` with those before, it is told.
///
/// # Errors
/// When the database fails.
pub async fn told(db: &PgPool, id: Uuid, by: &[&str], all: &[&str]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE alarms SET told_by = told_by || $2, told_at = CASE WHEN told_by || $2 @> $3 THEN now() END
         WHERE alarm_id = $1 AND told_at IS NULL",
        id,
        by as &[&str],
        all as &[&str],
    )
    .execute(db)
    .await?;
    Ok(())
}
