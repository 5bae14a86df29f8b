//! Plans that were sent, and what the road made of them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

/// A plan to record.
#[derive(Clone, Debug)]
pub struct NewPlan<'a> {
    /// Its name.
    pub plan_id: &'a str,
    /// The junction.
    pub junction_id: Uuid,
    /// Who decides.
    pub mode: &'a str,
    /// The green-time message.
    pub message: &'a Value,
    /// Why it is so.
    pub explanation: Option<&'a Value>,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// Until when it holds.
    pub valid_until: DateTime<Utc>,
}

/// Records a plan, or that it was sent again: then only its times move on, and what the road said of it stays.
pub async fn record(db: impl PgExecutor<'_>, plan: &NewPlan<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO green_times (plan_id, junction_id, mode, message, explanation, sent_at, valid_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (junction_id, plan_id) DO UPDATE
         SET message = excluded.message, explanation = excluded.explanation, sent_at = excluded.sent_at,
             valid_until = excluded.valid_until",
        plan.plan_id,
        plan.junction_id,
        plan.mode,
        plan.message,
        plan.explanation,
        plan.sent_at,
        plan.valid_until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes what the road made of a plan; `false` when no such plan was sent. A plan that has run does not go back to pending.
pub async fn confirm(
    db: impl PgExecutor<'_>,
    junction_id: Uuid,
    plan_id: &str,
    state: &str,
    reasons: &[String],
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let updated = sqlx::query!(
        "UPDATE green_times SET state = $3, reasons = $4, confirmed_at = $5
         WHERE junction_id = $1 AND plan_id = $2 AND NOT (state = 'running' AND $3 = 'pending')",
        junction_id,
        plan_id,
        state,
        reasons,
        at,
    )
    .execute(db)
    .await?;
    Ok(updated.rows_affected() == 1)
}
