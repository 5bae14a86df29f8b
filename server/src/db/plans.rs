//! Plans that were sent, and what the road made of them.

use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
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
        "INSERT INTO green_times (plan_id, junction_id, mode, message, explanation, first_sent_at, sent_at, valid_until)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
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

/// Notes what the road made of a plan. Returns what was noted before; `None` when no such plan was sent. A plan that has run does not go back to pending, and one that
/// begins to run replaces the one before.
pub async fn confirm(
    db: impl PgExecutor<'_>,
    junction_id: Uuid,
    plan_id: &str,
    state: &str,
    reasons: &[String],
    at: DateTime<Utc>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"WITH before AS (
             SELECT state FROM green_times WHERE junction_id = $1 AND plan_id = $2 FOR UPDATE
         ), replaced AS (
             UPDATE green_times SET state = 'replaced', confirmed_at = $5, ran_until = $5
             WHERE $3 = 'running' AND junction_id = $1 AND plan_id <> $2 AND state = 'running'
               AND EXISTS (SELECT FROM green_times WHERE junction_id = $1 AND plan_id = $2)
         ), told AS (
             UPDATE green_times
             SET state = $3, reasons = $4,
                 confirmed_at = CASE WHEN state = $3 THEN confirmed_at ELSE $5 END,
                 ran_from = CASE WHEN $3 = 'running' AND state <> 'running' THEN $5 ELSE ran_from END,
                 ran_until = CASE WHEN $3 = 'running' THEN NULL ELSE ran_until END
             WHERE junction_id = $1 AND plan_id = $2 AND NOT (state = 'running' AND $3 = 'pending')
             RETURNING plan_id
         )
         SELECT state FROM before"#,
        junction_id,
        plan_id,
        state,
        reasons,
        at,
    )
    .fetch_optional(db)
    .await
}

/// A plan with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRow {
    /// Its name.
    pub plan_id: String,
    /// Who decides.
    pub mode: String,
    /// The green-time message.
    pub message: Value,
    /// Why it is so; `None`: a person decided.
    pub explanation: Option<Value>,
    /// When it was sent first.
    pub first_sent_at: DateTime<Utc>,
    /// When it was sent last.
    pub sent_at: DateTime<Utc>,
    /// Until when it holds.
    pub valid_until: DateTime<Utc>,
    /// `sent`, `pending`, `running`, `refused`, `replaced` or, when its time is over, `expired`.
    pub state: String,
    /// Why the road refuses it.
    pub reasons: Vec<String>,
    /// Since when the road has said so.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When the road last began to run it.
    pub ran_from: Option<DateTime<Utc>>,
    /// When another one took its place.
    pub ran_until: Option<DateTime<Utc>>,
}

/// Which plans are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// That held at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// That were sent first before this time.
    pub to: Option<DateTime<Utc>>,
}

/// At most `limit` plans of a junction, the newest first, from behind `after` (first sent, name); `now` decides which are over.
pub async fn list(
    db: &PgPool,
    junction: JunctionId,
    filter: &Filter,
    after: Option<(DateTime<Utc>, String)>,
    limit: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<PlanRow>> {
    let (after_at, after_id) = after.unzip();
    sqlx::query_as!(
        PlanRow,
        r#"SELECT plan_id, mode, message, explanation, first_sent_at, sent_at, valid_until,
                  CASE WHEN valid_until <= $7 AND state IN ('sent', 'pending', 'running') THEN 'expired' ELSE state END AS "state!",
                  reasons, confirmed_at, ran_from, ran_until
           FROM green_times
           WHERE junction_id = $1
             AND ($2::timestamptz IS NULL OR valid_until >= $2)
             AND ($3::timestamptz IS NULL OR first_sent_at < $3)
             AND ($4::timestamptz IS NULL OR (first_sent_at, plan_id) < ($4, $5))
           ORDER BY first_sent_at DESC, plan_id DESC LIMIT $6"#,
        junction.0,
        filter.from,
        filter.to,
        after_at,
        after_id,
        limit,
        now,
    )
    .fetch_all(db)
    .await
}

/// The plan that is meant to hold at `now`: that of the open override, else the newest automatic one.
pub async fn current(db: &PgPool, junction: JunctionId, now: DateTime<Utc>) -> sqlx::Result<Option<PlanRow>> {
    sqlx::query_as!(
        PlanRow,
        r#"SELECT plan_id, mode, message, explanation, first_sent_at, sent_at, valid_until,
                  CASE WHEN valid_until <= $2 AND state IN ('sent', 'pending', 'running') THEN 'expired' ELSE state END AS "state!",
                  reasons, confirmed_at, ran_from, ran_until
           FROM green_times
           WHERE junction_id = $1 AND plan_id = coalesce(
               (SELECT plan_id FROM manual_override_history JOIN green_times USING (junction_id, plan_id)
                WHERE junction_id = $1 AND override_end IS NULL AND expires_at > $2),
               (SELECT plan_id FROM green_times
                WHERE junction_id = $1 AND green_times.mode = 'automatic' ORDER BY first_sent_at DESC, plan_id DESC LIMIT 1))"#,
        junction.0,
        now,
    )
    .fetch_optional(db)
    .await
}

/// The plan that began to run last, other than `except`.
pub async fn last_run(
    db: &PgPool,
    junction: JunctionId,
    except: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<PlanRow>> {
    sqlx::query_as!(
        PlanRow,
        r#"SELECT plan_id, mode, message, explanation, first_sent_at, sent_at, valid_until,
                  CASE WHEN valid_until <= $3 AND state IN ('sent', 'pending', 'running') THEN 'expired' ELSE state END AS "state!",
                  reasons, confirmed_at, ran_from, ran_until
           FROM green_times
           WHERE junction_id = $1 AND ran_from IS NOT NULL AND ($2::text IS NULL OR plan_id <> $2)
           ORDER BY ran_from DESC, plan_id DESC LIMIT 1"#,
        junction.0,
        except,
        now,
    )
    .fetch_optional(db)
    .await
}

/// The plan that the road runs.
pub async fn running(db: &PgPool, junction: JunctionId, now: DateTime<Utc>) -> sqlx::Result<Option<PlanRow>> {
    let last = last_run(db, junction, None, now).await?;
    Ok(last.filter(|plan| plan.state == "running"))
}

/// The message of a plan that was sent.
pub async fn message(
    db: impl PgExecutor<'_>,
    junction: JunctionId,
    plan_id: &str,
) -> sqlx::Result<Option<Value>> {
    sqlx::query_scalar!(
        "SELECT message FROM green_times WHERE junction_id = $1 AND plan_id = $2",
        junction.0,
        plan_id
    )
    .fetch_optional(db)
    .await
}
