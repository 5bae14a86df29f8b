//! The whole city at a glance: each junction with what its lamps show, its queues and its open alarms.

use chrono::{DateTime, Utc};
use flextraff_common::ids::UserId;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

/// A junction at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = JunctionOverview)]
pub struct OverviewRow {
    /// Id of the junction.
    pub junction_id: Uuid,
    /// Name of the junction.
    pub junction_name: String,
    /// City it lies in.
    pub city: String,
    /// Degrees north (WGS 84).
    pub latitude: f64,
    /// Degrees east (WGS 84).
    pub longitude: f64,
    /// Its time zone, such as `Asia/Kolkata`.
    pub time_zone: String,
    /// `online`, `offline`, `maintenance` or `error`.
    pub status: String,
    /// `automatic`, `manual_override` or `emergency`.
    pub current_mode: String,
    /// The last signal message, field by field as the junction sent it; null: it has not sent any.
    #[schema(value_type = Option<Object>)]
    pub signal: Option<Value>,
    /// Seconds since it came; after 15 s nobody knows what the lamps show.
    pub signal_age_s: Option<f64>,
    /// The fault that its lamps hold, in words; null: none.
    pub fault: Option<String>,
    /// Tagged vehicles waiting when greens began in the last finished cycle, all lanes together; null: not known, or no cycle within 15 minutes.
    pub queue: Option<f64>,
    /// Of that cycle's worst lane: the share of its queue that was still there when its green ended, 0 to 1; null as above.
    pub congestion: Option<f64>,
    /// Tagged vehicles that were counted within the last 15 minutes.
    pub vehicles_15_min: i64,
    /// Alarms that are open.
    pub open_alarms: i64,
    /// The worst of them: `info`, `warning`, `error` or `critical`; null: there is none.
    pub severity: Option<String>,
}

/// At most `limit` junctions in the order of their names, from behind `after` (name and id); only those granted to `to`, when given.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    to: Option<UserId>,
    after: Option<(String, Uuid)>,
    limit: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<OverviewRow>> {
    let (name, id) = after.unzip();
    sqlx::query_as!(
        OverviewRow,
        r#"SELECT j.junction_id, j.junction_name, j.city, j.latitude, j.longitude, j.time_zone, j.status, j.current_mode,
                  s.payload AS "signal?",
                  CASE WHEN s.received_at IS NOT NULL
                       THEN greatest(0, EXTRACT(EPOCH FROM $5::timestamptz - s.received_at))::float8 END AS signal_age_s,
                  d.fault AS "fault?", c.queue AS "queue?", c.congestion AS "congestion?",
                  coalesce(n.vehicles, 0) AS "vehicles_15_min!",
                  coalesce(a.open_alarms, 0) AS "open_alarms!", a.severity AS "severity?"
           FROM junctions j
           LEFT JOIN junction_signal s USING (junction_id)
           LEFT JOIN LATERAL (
               SELECT min(last_status #>> '{controller,fault}') AS fault FROM edge_devices e
               WHERE e.junction_id = j.junction_id AND revoked_at IS NULL AND status = 'error') d ON true
           LEFT JOIN LATERAL (
               SELECT sum(queue_start)::float8 AS queue, max(congestion_level)::float8 AS congestion FROM lane_cycle_data l
               WHERE l.junction_id = j.junction_id AND l.cycle_start_time > $5::timestamptz - interval '15 minutes' AND l.cycle_id = (
                   SELECT cycle_id FROM traffic_cycles t
                   WHERE t.junction_id = j.junction_id AND t.cycle_start_time > $5::timestamptz - interval '15 minutes'
                     AND t.cycle_end_time IS NOT NULL
                   ORDER BY t.cycle_start_time DESC LIMIT 1)) c ON true
           LEFT JOIN LATERAL (
               SELECT sum(vehicle_count)::int8 AS vehicles FROM car_counts k
               WHERE k.junction_id = j.junction_id AND k.ts > $5::timestamptz - interval '15 minutes' AND k.ts <= $5) n ON true
           LEFT JOIN LATERAL (
               SELECT count(*) AS open_alarms,
                      (array_agg(severity ORDER BY array_position('{critical,error,warning,info}', severity)))[1] AS severity
               FROM alarms o WHERE o.junction_id = j.junction_id AND o.closed_at IS NULL) a ON true
           WHERE ($1::uuid IS NULL OR EXISTS (
                     SELECT FROM user_junction_access g WHERE g.user_id = $1 AND g.junction_id = j.junction_id))
             AND ($2::text IS NULL OR (j.junction_name, j.junction_id) > ($2, $3::uuid))
           ORDER BY j.junction_name, j.junction_id LIMIT $4"#,
        to.map(|user| user.0),
        name,
        id,
        limit,
        now,
    )
    .fetch_all(db)
    .await
}
