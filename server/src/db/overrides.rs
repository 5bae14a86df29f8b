//! Overrides and emergencies: who asked for what, until when. One at a time runs at a junction.

mod over;

pub use over::{EndedByRestore, EndedEarly, end_all, ended_early, undecided};

use super::logs::{self, Entry, Level, Type};
use chrono::{DateTime, SecondsFormat, Utc};
use flextraff_common::ids::JunctionId;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

/// An override to record.
#[derive(Clone, Debug)]
pub struct NewOverride<'a> {
    /// Its id; also the name of its plan.
    pub override_id: Uuid,
    /// The junction.
    pub junction_id: Uuid,
    /// Who asked for it.
    pub user_id: Uuid,
    /// `manual_override` or `emergency`.
    pub mode: &'a str,
    /// The cycle, seconds.
    pub total_cycle_time: Option<i32>,
    /// Times of the lanes north, south, east and west, seconds.
    pub lane_times: Option<[i32; 4]>,
    /// Greens by stage.
    pub stages: Option<&'a Value>,
    /// The lane that an emergency is for.
    pub lane_id: Option<Uuid>,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Why.
    pub reason: Option<&'a str>,
}

/// An override that has not ended.
#[derive(Clone, Debug)]
pub struct OpenOverride {
    /// Its id.
    pub override_id: Uuid,
    /// The junction.
    pub junction_id: Uuid,
    /// `manual_override` or `emergency`.
    pub mode: String,
    /// The cycle, seconds.
    pub total_cycle_time: Option<i32>,
    /// Times of the lanes north, south, east and west, seconds.
    pub lane_times: Option<[i32; 4]>,
    /// Greens by stage.
    pub stages: Option<Value>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
}

/// Why an override ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its time was over.
    Expired,
    /// Somebody ended it.
    Ended,
    /// Another one took its place.
    Replaced,
    /// The road refused it.
    Refused,
}

impl EndReason {
    /// As the database and the API name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::Replaced => "replaced",
            Self::Refused => "refused",
        }
    }
}

/// Ends whatever override runs at the junction, starts this one, and sets the junction's mode; in the caller's transaction. Of two at the same
/// moment the one that comes second takes the place of the other.
pub async fn start(db: &mut PgConnection, new: &NewOverride<'_>) -> sqlx::Result<()> {
    one_at_a_time(&mut *db, new.junction_id).await?;
    end_open(&mut *db, new.junction_id, None, new.start, EndReason::Replaced, Some(new.user_id)).await?;
    let lanes = new.lane_times;
    sqlx::query!(
        "INSERT INTO manual_override_history (override_id, junction_id, user_id, mode, total_cycle_time, north_lane_time,
             south_lane_time, east_lane_time, west_lane_time, stages, lane_id, plan_id, override_start, expires_at, reason, username)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, (SELECT username FROM users WHERE user_id = $3))",
        new.override_id,
        new.junction_id,
        new.user_id,
        new.mode,
        new.total_cycle_time,
        lanes.map(|lanes| lanes[0]),
        lanes.map(|lanes| lanes[1]),
        lanes.map(|lanes| lanes[2]),
        lanes.map(|lanes| lanes[3]),
        new.stages,
        new.lane_id,
        new.override_id.to_string(),
        new.start,
        new.expires_at,
        new.reason,
    )
    .execute(&mut *db)
    .await?;
    set_mode(&mut *db, new.junction_id, new.mode).await?;
    let what = if new.mode == "emergency" { "An emergency" } else { "A manual override" };
    let reason = new.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let until = new.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let entry =
        Entry::new(Level::Warning, Type::OverrideSet, format!("{what} was set until {until}{reason}"))
            .at(JunctionId(new.junction_id))
            .by(Some(new.user_id))
            .with(json!({ "override_id": new.override_id, "mode": new.mode }));
    logs::record(db, &[entry]).await
}

/// Ends the override `only`, or whichever runs at the junction, and sets it back to automatic; in the caller's transaction. `by`: who ended it.
/// Returns the override that ran. Nothing changes when `only` does not run any more: another one may have taken its place.
pub async fn end(
    db: &mut PgConnection,
    junction_id: Uuid,
    only: Option<Uuid>,
    at: DateTime<Utc>,
    why: EndReason,
    by: Option<Uuid>,
) -> sqlx::Result<Option<Uuid>> {
    one_at_a_time(&mut *db, junction_id).await?;
    let ended = end_open(&mut *db, junction_id, only, at, why, by).await?;
    if ended.is_some() || only.is_none() {
        set_mode(db, junction_id, "automatic").await?;
    }
    Ok(ended)
}

/// Until the end of the transaction nobody else starts or ends an override at the junction.
async fn one_at_a_time(db: &mut PgConnection, junction_id: Uuid) -> sqlx::Result<()> {
    // A statement of its own: the next ones must see what others committed while this one waited.
    sqlx::query!("SELECT junction_id FROM junctions WHERE junction_id = $1 FOR NO KEY UPDATE", junction_id)
        .fetch_optional(db)
        .await?;
    Ok(())
}

/// What an operator should see of the end of an override.
fn ended(junction: Uuid, override_id: Uuid, reason: &str, by: Option<Uuid>) -> Entry {
    let (level, how) = match reason {
        "expired" => (Level::Info, "has run out"),
        "replaced" => (Level::Info, "was replaced by another one"),
        "refused" => (Level::Warning, "is over: the junction refuses it"),
        _ => (Level::Info, "was ended"),
    };
    let metadata = json!({ "override_id": override_id, "end_reason": reason });
    Entry::new(level, Type::OverrideEnded, format!("The override {how}"))
        .at(JunctionId(junction))
        .by(by)
        .with(metadata)
}

async fn end_open(
    db: &mut PgConnection,
    junction_id: Uuid,
    only: Option<Uuid>,
    at: DateTime<Utc>,
    why: EndReason,
    by: Option<Uuid>,
) -> sqlx::Result<Option<Uuid>> {
    let row = sqlx::query!(
        r#"UPDATE manual_override_history
         SET override_end = least($2, expires_at),
             end_reason = CASE WHEN expires_at <= $2 THEN 'expired' ELSE $3 END,
             ended_by = CASE WHEN expires_at <= $2 THEN NULL ELSE $4::uuid END,
             ended_by_name = CASE WHEN expires_at > $2 THEN (SELECT username FROM users WHERE user_id = $4) END
         WHERE junction_id = $1 AND override_end IS NULL AND ($5::uuid IS NULL OR override_id = $5)
         RETURNING override_id, end_reason AS "end_reason!", ended_by"#,
        junction_id,
        at,
        why.name(),
        by,
        only,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    logs::record(db, &[ended(junction_id, row.override_id, &row.end_reason, row.ended_by)]).await?;
    Ok(Some(row.override_id))
}

/// Ends every override whose time is over at `now`, and sets its junction back to automatic, whoever missed it. Returns junctions and overrides.
pub async fn end_expired(db: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Vec<(JunctionId, Uuid)>> {
    let mut tx = db.begin().await?;
    // Junctions first, as whoever starts or ends one: two never wait for each other.
    sqlx::query!(
        "SELECT junction_id FROM junctions
         WHERE junction_id IN (
             SELECT junction_id FROM manual_override_history WHERE override_end IS NULL AND expires_at <= $1)
         ORDER BY junction_id FOR NO KEY UPDATE",
        now,
    )
    .fetch_all(&mut *tx)
    .await?;
    let over = sqlx::query!(
        r#"WITH over AS (
             UPDATE manual_override_history SET override_end = expires_at, end_reason = 'expired'
             WHERE override_end IS NULL AND expires_at <= $1 RETURNING junction_id, override_id
         ), back AS (
             UPDATE junctions SET current_mode = 'automatic', updated_at = now()
             WHERE junction_id IN (SELECT junction_id FROM over)
         )
         SELECT junction_id, override_id FROM over ORDER BY junction_id"#,
        now,
    )
    .fetch_all(&mut *tx)
    .await?;
    let entries = over.iter().map(|row| ended(row.junction_id, row.override_id, "expired", None));
    logs::record(&mut *tx, &entries.collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(over.into_iter().map(|row| (JunctionId(row.junction_id), row.override_id)).collect())
}

async fn set_mode(db: impl PgExecutor<'_>, junction_id: Uuid, mode: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE junctions SET current_mode = $2, updated_at = now() WHERE junction_id = $1",
        junction_id,
        mode
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Every override that has not been ended, whether its time is over or not.
pub async fn open(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<OpenOverride>> {
    let rows = sqlx::query!(
        "SELECT override_id, junction_id, mode, total_cycle_time, north_lane_time, south_lane_time, east_lane_time,
                west_lane_time, stages, expires_at, reason
         FROM manual_override_history WHERE override_end IS NULL ORDER BY junction_id",
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OpenOverride {
            override_id: row.override_id,
            junction_id: row.junction_id,
            mode: row.mode,
            total_cycle_time: row.total_cycle_time,
            lane_times: row
                .north_lane_time
                .zip(row.south_lane_time)
                .zip(row.east_lane_time.zip(row.west_lane_time))
                .map(|((north, south), (east, west))| [north, south, east, west]),
            stages: row.stages,
            expires_at: row.expires_at,
            reason: row.reason,
        })
        .collect())
}

/// An override as the API and the live feed show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = OverrideResponse)]
pub struct OverrideRow {
    /// Its id; also the name of its plan.
    pub override_id: Uuid,
    /// The junction.
    pub junction_id: Uuid,
    /// `manual_override` or `emergency`.
    pub mode: String,
    /// Who asked for it; null: the account is gone.
    pub user_id: Option<Uuid>,
    /// Name of that user at that time.
    pub username: Option<String>,
    /// The cycle, seconds.
    pub total_cycle_time: Option<i32>,
    /// Time of lane N, clearance included, seconds.
    pub north_lane_time: Option<i32>,
    /// Time of lane S, clearance included, seconds.
    pub south_lane_time: Option<i32>,
    /// Time of lane E, clearance included, seconds.
    pub east_lane_time: Option<i32>,
    /// Time of lane W, clearance included, seconds.
    pub west_lane_time: Option<i32>,
    /// Greens by stage, `[{stage, green_s}]`; in an emergency the stage to reach.
    #[schema(value_type = Option<Vec<Object>>)]
    pub stages: Option<Value>,
    /// The lane that an emergency is for.
    pub lane_id: Option<Uuid>,
    /// Why.
    pub reason: Option<String>,
    /// When it began.
    pub override_start: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it ended; null: it runs.
    pub override_end: Option<DateTime<Utc>>,
    /// `expired`, `ended` (by somebody), `replaced` (by another one) or `refused` (by the road); null: it runs.
    pub end_reason: Option<String>,
    /// Name of who ended it, or set the one that took its place.
    pub ended_by: Option<String>,
    /// Minutes for which it ran.
    pub duration_minutes: Option<i32>,
    /// What the road last said of it: `sent` (nothing yet), `pending`, `running`, `refused` or `replaced`; null: it was never sent.
    pub road_state: Option<String>,
    /// Why the road refused it.
    pub road_reasons: Option<Vec<String>>,
    /// Since when the road has said so.
    pub road_since: Option<DateTime<Utc>>,
}

/// Which overrides are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this one.
    pub override_id: Option<Uuid>,
    /// That ran at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// That began before this time.
    pub to: Option<DateTime<Utc>>,
}

/// At most `limit` overrides of a junction, the newest first, from behind `after` (start and id).
pub async fn list(
    db: &PgPool,
    junction: JunctionId,
    filter: &Filter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<OverrideRow>> {
    let (after_at, after_id) = after.unzip();
    sqlx::query_as!(
        OverrideRow,
        r#"SELECT o.override_id, o.junction_id, o.mode, o.user_id, o.username, o.total_cycle_time, o.north_lane_time,
                  o.south_lane_time, o.east_lane_time, o.west_lane_time, o.stages, o.lane_id, o.reason, o.override_start,
                  o.expires_at, o.override_end, o.end_reason, o.ended_by_name AS ended_by, o.duration_minutes,
                  g.state AS "road_state?", g.reasons AS "road_reasons?", g.confirmed_at AS road_since
           FROM manual_override_history o
           LEFT JOIN green_times g ON g.junction_id = o.junction_id AND g.plan_id = o.plan_id
           WHERE o.junction_id = $1
             AND ($2::uuid IS NULL OR o.override_id = $2)
             AND ($3::timestamptz IS NULL OR o.override_end IS NULL OR o.override_end >= $3)
             AND ($4::timestamptz IS NULL OR o.override_start < $4)
             AND ($5::timestamptz IS NULL OR (o.override_start, o.override_id) < ($5, $6::uuid))
           ORDER BY o.override_start DESC, o.override_id DESC LIMIT $7"#,
        junction.0,
        filter.override_id,
        filter.from,
        filter.to,
        after_at,
        after_id,
        limit,
    )
    .fetch_all(db)
    .await
}
