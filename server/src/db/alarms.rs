//! Alarms: what a person should look into.

use super::telling::News;
use crate::alarms::{Finding, Kind, Place, QuietLane, Severity};
use crate::hearing::SILENT_AFTER;
use chrono::{DateTime, Days, TimeZone as _, Utc};
use chrono_tz::Tz;
use flextraff_common::ids::{DeviceId, JunctionId};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// An alarm, as the API shows one.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Alarm)]
pub struct AlarmRow {
    /// Id of the alarm.
    pub alarm_id: Uuid,
    /// Where.
    pub junction_id: Option<Uuid>,
    /// Name of the junction.
    pub junction_name: Option<String>,
    /// Which device; null: the junction as a whole.
    pub device_id: Option<Uuid>,
    /// What, in a word.
    pub kind: String,
    /// `info`, `warning`, `error` or `critical`.
    pub severity: String,
    /// What, in a sentence.
    pub message: String,
    /// The same for programs.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// When somebody took notice.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Name of who took notice.
    pub acknowledged_by: Option<String>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Which alarms are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that this user may see.
    pub granted_to: Option<Uuid>,
    /// At this junction.
    pub junction_id: Option<Uuid>,
    /// Open ones, or those that are over.
    pub open: Option<bool>,
    /// Of this kind.
    pub kind: Option<&'static str>,
    /// Of this severity and above.
    pub severity: Option<Severity>,
    /// Those of which somebody has taken notice, or of which nobody has.
    pub acknowledged: Option<bool>,
}

/// At most `limit` alarms, the newest first, from behind `after` (time of opening and id).
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    filter: &Filter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<AlarmRow>> {
    let (opened_at, id) = after.unzip();
    let severities = filter.severity.map(|least| {
        let these = Severity::ALL.into_iter().filter(|severity| *severity >= least);
        these.map(|severity| severity.name().to_owned()).collect::<Vec<String>>()
    });
    sqlx::query_as!(
        AlarmRow,
        r#"SELECT alarm_id, a.junction_id, j.junction_name AS "junction_name?", device_id, kind, severity, message, detail,
                  opened_at, acknowledged_at, acknowledged_by_name AS acknowledged_by, closed_at
           FROM alarms a LEFT JOIN junctions j USING (junction_id)
           WHERE ($1::uuid IS NULL OR EXISTS (
                     SELECT FROM user_junction_access g WHERE g.user_id = $1 AND g.junction_id = a.junction_id))
             AND ($2::uuid IS NULL OR a.junction_id = $2)
             AND ($3::boolean IS NULL OR (closed_at IS NULL) = $3)
             AND ($4::text IS NULL OR kind = $4)
             AND ($5::text[] IS NULL OR severity = ANY($5))
             AND ($6::boolean IS NULL OR (acknowledged_at IS NOT NULL) = $6)
             AND ($7::timestamptz IS NULL OR (opened_at, alarm_id) < ($7, $8::uuid))
           ORDER BY opened_at DESC, alarm_id DESC LIMIT $9"#,
        filter.granted_to,
        filter.junction_id,
        filter.open,
        filter.kind,
        severities.as_deref(),
        filter.acknowledged,
        opened_at,
        id,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The alarm of an id.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &PgPool, id: Uuid) -> sqlx::Result<Option<AlarmRow>> {
    sqlx::query_as!(
        AlarmRow,
        r#"SELECT alarm_id, a.junction_id, j.junction_name AS "junction_name?", device_id, kind, severity, message, detail,
                  opened_at, acknowledged_at, acknowledged_by_name AS acknowledged_by, closed_at
           FROM alarms a LEFT JOIN junctions j USING (junction_id)
           WHERE alarm_id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await
}

/// Notes that somebody took notice of an alarm; the first one counts. Of one that is open people are told.
///
/// # Errors
/// When the database fails.
pub async fn acknowledge(
    db: impl sqlx::Executor<'_, Database = sqlx::Postgres>,
    id: Uuid,
    by: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE alarms SET acknowledged_at = now(), acknowledged_by = $2,
             acknowledged_by_name = (SELECT username FROM users WHERE user_id = $2),
             news = CASE WHEN closed_at IS NULL THEN 'acknowledged' ELSE news END,
             news_number = news_number + (closed_at IS NULL)::integer,
             news_at = CASE WHEN closed_at IS NULL THEN now() ELSE news_at END,
             told_at = CASE WHEN closed_at IS NOT NULL THEN told_at END,
             told_by = CASE WHEN closed_at IS NULL THEN '{}' ELSE told_by END,
             told_until = CASE WHEN closed_at IS NULL THEN now() ELSE told_until END
         WHERE alarm_id = $1 AND acknowledged_at IS NULL",
        id,
        by,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The alarms that are open.
///
/// # Errors
/// When the database fails.
pub async fn open(db: &PgPool) -> sqlx::Result<Vec<(Place, Finding)>> {
    let rows = sqlx::query!(
        r#"SELECT junction_id AS "junction_id!", device_id, kind, message, detail FROM alarms
           WHERE closed_at IS NULL AND junction_id IS NOT NULL"#
    )
    .fetch_all(db)
    .await?;
    let alarms = rows.into_iter().filter_map(|row| {
        let kind = Kind::named(&row.kind)?;
        let place =
            Place { junction: JunctionId(row.junction_id), device: row.device_id.map(DeviceId), kind };
        Some((place, Finding { kind, message: row.message, detail: row.detail }))
    });
    Ok(alarms.collect())
}

/// Opens an alarm; `None` when it is open already, or the junction is gone. Of several servers one opens it, and tells it.
///
/// # Errors
/// When the database fails.
pub async fn raise(db: impl PgExecutor<'_>, place: Place, finding: &Finding) -> sqlx::Result<Option<News>> {
    let message: String = finding.message.chars().take(2000).collect();
    sqlx::query_as!(
        News,
        "INSERT INTO alarms (junction_id, device_id, kind, severity, message, detail, told_until)
         SELECT junction_id, $2, $3, $4, $5, $6, now() + interval '3 minutes' FROM junctions WHERE junction_id = $1
         ON CONFLICT DO NOTHING RETURNING alarm_id AS alarm, news_number AS number",
        place.junction.0,
        place.device.map(|device| device.0),
        place.kind.name(),
        place.kind.severity().name(),
        message,
        finding.detail,
    )
    .fetch_optional(db)
    .await
}

/// Writes what an open alarm says now. Of several servers all write it. It is told ten minutes after what was told before at the earliest: some say
/// something else with every message. One whose opening nobody has heard of opens with it.
///
/// # Errors
/// When the database fails.
pub async fn update(db: impl PgExecutor<'_>, place: Place, finding: &Finding) -> sqlx::Result<()> {
    let message: String = finding.message.chars().take(2000).collect();
    sqlx::query!(
        "UPDATE alarms SET message = $4, detail = $5,
             news = CASE WHEN news = 'opened' AND told_at IS NULL AND told_by = '{}' THEN news ELSE 'changed' END,
             news_number = news_number + 1, news_at = now(), told_by = '{}', told_at = NULL,
             told_until = coalesce(told_at + interval '10 minutes', told_until)
         WHERE junction_id = $1 AND device_id IS NOT DISTINCT FROM $2 AND kind = $3 AND closed_at IS NULL AND message <> $4",
        place.junction.0,
        place.device.map(|device| device.0),
        place.kind.name(),
        message,
        finding.detail,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Closes an alarm; `None` when it was not open. Of several servers one closes it, and tells it.
///
/// # Errors
/// When the database fails.
pub async fn close(db: impl PgExecutor<'_>, place: Place) -> sqlx::Result<Option<News>> {
    sqlx::query_as!(
        News,
        "UPDATE alarms SET closed_at = now(), news = 'closed', news_number = news_number + 1, news_at = now(), told_by = '{}',
             told_at = NULL, told_until = now() + interval '3 minutes'
         WHERE junction_id = $1 AND device_id IS NOT DISTINCT FROM $2 AND kind = $3 AND closed_at IS NULL
         RETURNING alarm_id AS alarm, news_number AS number",
        place.junction.0,
        place.device.map(|device| device.0),
        place.kind.name(),
    )
    .fetch_optional(db)
    .await
}

/// A device and whether it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its junction.
    pub junction: JunctionId,
    /// The device.
    pub device: DeviceId,
    /// When it was heard last; `None`: never yet, which is no alarm.
    pub last: Option<DateTime<Utc>>,
    /// Whether it was heard of late.
    pub online: bool,
    /// Whether somebody works at it, so that its silence is expected.
    pub in_maintenance: bool,
    /// Until when the certificate holds that is its login; `None`: it has none.
    pub certificate_until: Option<DateTime<Utc>>,
}

/// All devices in use, and whether they are heard.
///
/// # Errors
/// When the database fails.
pub async fn heard(db: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Vec<Heard>> {
    let rows = sqlx::query!(
        r#"SELECT junction_id, d.device_id, last_heartbeat,
                  coalesce(last_heartbeat > $1::timestamptz - make_interval(secs => $2)
                           AND (last_status->>'online')::boolean, false) AS "online!",
                  status = 'maintenance' AS "in_maintenance!", t.not_after AS "certificate_until?"
           FROM edge_devices d
           LEFT JOIN device_credentials c USING (device_id)
           LEFT JOIN device_certificates t ON t.serial = c.serial
           WHERE d.revoked_at IS NULL"#,
        now,
        SILENT_AFTER.as_secs_f64(),
    )
    .fetch_all(db)
    .await?;
    let heard = rows.into_iter().map(|row| Heard {
        junction: JunctionId(row.junction_id),
        device: DeviceId(row.device_id),
        last: row.last_heartbeat,
        online: row.online,
        in_maintenance: row.in_maintenance,
        certificate_until: row.certificate_until,
    });
    Ok(heard.collect())
}

/// The configurations that devices in use have sent.
///
/// # Errors
/// When the database fails.
pub async fn configurations(db: &PgPool) -> sqlx::Result<Vec<(JunctionId, DeviceId, String)>> {
    let rows = sqlx::query!(
        r#"SELECT junction_id, device_id, config_toml AS "config_toml!" FROM edge_devices
           WHERE revoked_at IS NULL AND config_toml IS NOT NULL"#
    )
    .fetch_all(db)
    .await?;
    let of = |(junction, device, toml)| (JunctionId(junction), DeviceId(device), toml);
    Ok(rows.into_iter().map(|row| of((row.junction_id, row.device_id, row.config_toml))).collect())
}

/// When a device in use last sent its configuration.
///
/// # Errors
/// When the database fails.
pub async fn newest_configuration(db: &PgPool) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("SELECT max(config_at) FROM edge_devices WHERE revoked_at IS NULL")
        .fetch_one(db)
        .await
}

/// All junctions.
///
/// # Errors
/// When the database fails.
pub async fn junctions(db: &PgPool) -> sqlx::Result<BTreeSet<JunctionId>> {
    let ids = sqlx::query_scalar!("SELECT junction_id FROM junctions").fetch_all(db).await?;
    Ok(ids.into_iter().map(JunctionId).collect())
}

/// Lanes that showed no vehicle in the last hour of whole five minutes, with what that hour of the junction's clocks showed on each of the last
/// 28 days: those that were watched (for 50 minutes, or by somebody who does not say for how long), and those of which nothing came although
/// every device that counts there is heard. Of a lane that is counted by a device without a synchronised clock nobody knows what this hour showed.
///
/// # Errors
/// When the database fails.
pub async fn quiet_lanes(db: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Vec<QuietLane>> {
    let hour = sqlx::query!(
        r#"SELECT five_minutes_of($1) AS "until!", ARRAY(SELECT DISTINCT time_zone FROM junctions) AS "zones!""#,
        now
    )
    .fetch_one(db)
    .await?;
    let (mut zones, mut days, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for zone in hour.zones {
        for (day, end) in days_before(hour.until, zone.parse().unwrap_or(Tz::UTC)) {
            zones.push(zone.clone());
            days.push(day);
            ends.push(end);
        }
    }
    let rows = sqlx::query!(
        r#"WITH hour AS (
               SELECT five_minutes_of($1::timestamptz) AS until
           ), quiet AS (
               SELECT l.junction_id, l.lane_id, l.lane_name, coalesce(sum(intervals), 0) = 0 AS no_counts
               FROM hour CROSS JOIN lanes l LEFT JOIN lane_volumes_5m v
                   ON v.junction_id = l.junction_id AND v.lane_id = l.lane_id
                      AND bucket_start >= until - interval '1 hour' AND bucket_start < until
               WHERE l.is_active
               GROUP BY 1, 2, 3
               HAVING coalesce(sum(vehicle_count), 0) = 0
                  AND (sum(observed_ms) >= 3000000 OR sum(unsaid) > 0 OR coalesce(sum(intervals), 0) = 0)
           ), days AS (
               SELECT junction_id, lane_id, day, sum(vehicle_count)::bigint AS vehicles
               FROM quiet JOIN lane_volumes_5m USING (junction_id, lane_id) JOIN junctions USING (junction_id)
                   JOIN unnest($3::text[], $4::integer[], $5::timestamptz[]) AS before (time_zone, day, day_end) USING (time_zone)
               WHERE bucket_start >= day_end - interval '1 hour' AND bucket_start < day_end
               GROUP BY 1, 2, 3 HAVING sum(observed_ms) >= 3000000 OR sum(unsaid) > 0
           )
           SELECT q.junction_id, lane_name, no_counts AS "no_counts!", time_zone, until - interval '1 hour' AS "hour_start!",
                  array_agg(day ORDER BY day) AS "days!", array_agg(vehicles ORDER BY day) AS "vehicles!",
                  ARRAY(SELECT h.day FROM holidays h WHERE (h.junction_id = q.junction_id OR lower(h.city) = lower(j.city))
                            AND h.day BETWEEN until::date - 30 AND until::date + 1) AS "holidays!"
           FROM quiet q JOIN days USING (junction_id, lane_id) JOIN junctions j ON j.junction_id = q.junction_id, hour
           WHERE NOT EXISTS (
               SELECT FROM edge_devices d
               WHERE d.junction_id = q.junction_id AND revoked_at IS NULL AND device_type <> 'light_controller'
                 AND (d.lane_id = q.lane_id
                      OR EXISTS (SELECT FROM edge_device_lanes s WHERE s.device_id = d.device_id AND s.lane_id = q.lane_id)
                      OR (d.lane_id IS NULL AND NOT EXISTS (SELECT FROM edge_device_lanes s WHERE s.device_id = d.device_id)))
                 AND (coalesce(last_status->>'clock' = 'unsynced', false)
                      OR no_counts AND NOT coalesce(d.last_heartbeat > $1::timestamptz - make_interval(secs => $2)
                                                    AND (last_status->>'online')::boolean, d.last_heartbeat IS NULL)))
           GROUP BY q.junction_id, q.lane_id, lane_name, no_counts, time_zone, until, j.city ORDER BY 1, 2"#,
        now,
        SILENT_AFTER.as_secs_f64(),
        &zones,
        &days,
        &ends,
    )
    .fetch_all(db)
    .await?;
    let lanes = rows.into_iter().map(|row| QuietLane {
        junction: JunctionId(row.junction_id),
        lane: row.lane_name,
        no_counts: row.no_counts,
        zone: row.time_zone.parse().unwrap_or(Tz::UTC),
        hour_start: row.hour_start,
        vehicles: row.days.into_iter().zip(row.vehicles).collect(),
        holidays: row.holidays.into_iter().collect(),
    });
    Ok(lanes.collect())
}

/// The same time of day on each of the last 28 days, by the clocks of a place, with how many days before; a time that a change of the clocks has
/// left out is missing.
fn days_before(time: DateTime<Utc>, zone: Tz) -> impl Iterator<Item = (i32, DateTime<Utc>)> {
    let local = time.with_timezone(&zone).naive_local();
    (1..=28).filter_map(move |day: i32| {
        let before = local.checked_sub_days(Days::new(u64::from(day.unsigned_abs())))?;
        Some((day, zone.from_local_datetime(&before).earliest()?.to_utc()))
    })
}
