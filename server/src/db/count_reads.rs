//! Counts of lanes as the API shows them.

use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

/// Counts of a lane over one interval, as they came. EPCs are not shown: who looks for one vehicle asks for that.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CountResponse)]
pub struct CountRow {
    /// The lane.
    pub lane_id: Uuid,
    /// Start of the interval; null: the sender does not say.
    pub interval_start: Option<DateTime<Utc>>,
    /// End of the interval.
    pub timestamp: DateTime<Utc>,
    /// Seconds of it that were really watched; null: the sender does not say.
    pub observed_s: Option<f32>,
    /// Tagged vehicles that came to the stop line.
    pub vehicle_count: i32,
    /// Vehicles that left it.
    pub departed: Option<i32>,
    /// Vehicles that stood there at the end.
    pub present: Option<i32>,
    /// Tags that are no FASTag.
    pub other_tags: Option<i32>,
    /// The device that counted; null: a program that speaks the published interface.
    pub device_id: Option<Uuid>,
    /// `synced`, `unsynced` or `corrected`: how good its times are.
    pub clock: Option<String>,
    /// Why it is doubtful: codes, separated by commas.
    pub flagged: Option<String>,
    /// Number of the row in the sender's outbox.
    #[serde(skip)]
    pub seq: i64,
    /// The sender's outbox.
    #[serde(skip)]
    pub outbox_id: Uuid,
}

/// What sets a row of counts apart: end of interval, lane, number in the outbox, outbox.
pub type CountKey = (DateTime<Utc>, Uuid, i64, Uuid);

/// At most `limit` intervals of a junction, or of one of its lanes, that ended from `from` on and before `to`, the newest first, from behind `after`.
pub async fn list(
    db: &PgPool,
    junction: JunctionId,
    lane: Option<Uuid>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    after: Option<CountKey>,
    limit: i64,
) -> sqlx::Result<Vec<CountRow>> {
    let (after_at, after_lane, after_seq, after_outbox) = match after {
        Some((at, lane, seq, outbox)) => (Some(at), Some(lane), Some(seq), Some(outbox)),
        None => (None, None, None, None),
    };
    sqlx::query_as!(
        CountRow,
        r#"SELECT lane_id, interval_start, ts AS timestamp, observed_s, vehicle_count, departed, present, other_tags, device_id,
                  clock, flagged, coalesce(seq, -1) AS "seq!",
                  coalesce(outbox_id, '00000000-0000-0000-0000-000000000000') AS "outbox_id!"
           FROM car_counts
           WHERE junction_id = $1 AND ($2::uuid IS NULL OR lane_id = $2)
             AND ($3::timestamptz IS NULL OR ts >= $3)
             AND ($4::timestamptz IS NULL OR ts < $4)
             AND ($5::timestamptz IS NULL OR (ts <= $5
                  AND (ts, lane_id, coalesce(seq, -1), coalesce(outbox_id, '00000000-0000-0000-0000-000000000000'))
                      < ($5, $6::uuid, $7::bigint, $8::uuid)))
           ORDER BY ts DESC, lane_id DESC, coalesce(seq, -1) DESC,
                    coalesce(outbox_id, '00000000-0000-0000-0000-000000000000') DESC
           LIMIT $9"#,
        junction.0,
        lane,
        from,
        to,
        after_at,
        after_lane,
        after_seq,
        after_outbox,
        limit,
    )
    .fetch_all(db)
    .await
}
