//! Overrides and emergencies: who asked for what, until when. One at a time runs at a junction.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
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

/// Ends whatever override runs at the junction, starts this one, and sets the junction's mode; in the caller's transaction.
pub async fn start(db: &mut PgConnection, new: &NewOverride<'_>) -> sqlx::Result<()> {
    end_open(&mut *db, new.junction_id, new.start).await?;
    let lanes = new.lane_times;
    sqlx::query!(
        "INSERT INTO manual_override_history (override_id, junction_id, user_id, mode, total_cycle_time, north_lane_time,
             south_lane_time, east_lane_time, west_lane_time, stages, lane_id, plan_id, override_start, expires_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
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
    set_mode(db, new.junction_id, new.mode).await
}

/// Ends whatever override runs at the junction and sets it back to automatic; in the caller's transaction.
pub async fn end(db: &mut PgConnection, junction_id: Uuid, at: DateTime<Utc>) -> sqlx::Result<()> {
    end_open(&mut *db, junction_id, at).await?;
    set_mode(db, junction_id, "automatic").await
}

async fn end_open(db: impl PgExecutor<'_>, junction_id: Uuid, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE manual_override_history SET override_end = least($2, expires_at)
         WHERE junction_id = $1 AND override_end IS NULL",
        junction_id,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
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
