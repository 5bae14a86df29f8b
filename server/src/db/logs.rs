//! What happened that an operator should see: `system_logs`.

use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Executor, PgPool, Postgres};
use utoipa::ToSchema;
use uuid::Uuid;

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// As it should be.
    Info,
    /// Somebody should look at it in time.
    Warning,
    /// Something does not work.
    Error,
    /// Somebody should look at it at once.
    Critical,
}

impl Level {
    /// From the least grave on.
    pub const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// As the database names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A device is heard again.
    DeviceOnline,
    /// A device is gone.
    DeviceOffline,
    /// A device has started anew.
    DeviceRestarted,
    /// A device has lost rows that the server never got.
    CountsLost,
    /// The road has refused a plan.
    PlanRefused,
    /// An override or an emergency was set.
    OverrideSet,
    /// An override or an emergency has ended.
    OverrideEnded,
    /// A schedule was changed.
    ScheduleChanged,
    /// An alarm has opened.
    AlarmOpened,
    /// An alarm is over.
    AlarmClosed,
    /// A server has started.
    ServerStarted,
    /// Data whose time was over is gone.
    RetentionDone,
}

impl Type {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::DeviceOnline,
        Self::DeviceOffline,
        Self::DeviceRestarted,
        Self::CountsLost,
        Self::PlanRefused,
        Self::OverrideSet,
        Self::OverrideEnded,
        Self::ScheduleChanged,
        Self::AlarmOpened,
        Self::AlarmClosed,
        Self::ServerStarted,
        Self::RetentionDone,
    ];

    /// As the API names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceOnline => "device.online",
            Self::DeviceOffline => "device.offline",
            Self::DeviceRestarted => "device.restarted",
            Self::CountsLost => "counts.lost",
            Self::PlanRefused => "plan.refused",
            Self::OverrideSet => "override.set",
            Self::OverrideEnded => "override.ended",
            Self::ScheduleChanged => "schedule.changed",
            Self::AlarmOpened => "alarm.opened",
            Self::AlarmClosed => "alarm.closed",
            Self::ServerStarted => "server.started",
            Self::RetentionDone => "retention.done",
        }
    }

    /// Those of a name, or of the part of a name before the dot; none: there is no such.
    pub fn named(name: &str) -> Vec<Self> {
        let is = |kind: &Self| kind.name() == name || kind.name().split('.').next() == Some(name);
        Self::ALL.into_iter().filter(is).collect()
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// How grave it is.
    pub level: Level,
    /// What it is about.
    pub kind: Type,
    /// Where; `None`: in the whole city.
    pub junction: Option<JunctionId>,
    /// To which device.
    pub device: Option<DeviceId>,
    /// Who did it.
    pub user: Option<Uuid>,
    /// What happened, as a sentence.
    pub message: String,
    /// The same for programs.
    pub metadata: Value,
}

impl Entry {
    /// An entry about no junction, device or user.
    pub fn new(level: Level, kind: Type, message: impl Into<String>) -> Self {
        let metadata = Value::Object(serde_json::Map::new());
        Self { level, kind, junction: None, device: None, user: None, message: message.into(), metadata }
    }

    /// Where it happened.
    #[must_use]
    pub fn at(self, junction: JunctionId) -> Self {
        Self { junction: Some(junction), ..self }
    }

    /// To which device.
    #[must_use]
    pub fn of(self, device: DeviceId) -> Self {
        Self { device: Some(device), ..self }
    }

    /// Who did it.
    #[must_use]
    pub fn by(self, user: Option<Uuid>) -> Self {
        Self { user, ..self }
    }

    /// The same for programs.
    #[must_use]
    pub fn with(self, metadata: Value) -> Self {
        Self { metadata, ..self }
    }
}

/// Writes entries, in the transaction of what they tell. Every server hears of them when it commits.
///
/// # Errors
/// When the database fails.
pub async fn record(db: impl Executor<'_, Database = Postgres>, entries: &[Entry]) -> sqlx::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    // Of one transaction, whose lines all have its time, later ones have greater ids.
    let ids: Vec<Uuid> = entries.iter().map(|_| Uuid::now_v7()).collect();
    let junctions: Vec<Option<Uuid>> = entries.iter().map(|entry| entry.junction.map(|id| id.0)).collect();
    let devices: Vec<Option<Uuid>> = entries.iter().map(|entry| entry.device.map(|id| id.0)).collect();
    let users: Vec<Option<Uuid>> = entries.iter().map(|entry| entry.user).collect();
    let levels: Vec<String> = entries.iter().map(|entry| entry.level.name().to_owned()).collect();
    let types: Vec<String> = entries.iter().map(|entry| entry.kind.name().to_owned()).collect();
    let messages: Vec<String> = entries
        .iter()
        .map(|entry| entry.message.chars().filter(|char| *char != '\0').take(4000).collect())
        .collect();
    let metadata: Vec<Value> = entries.iter().map(|entry| entry.metadata.clone()).collect();
    sqlx::query!(
        "INSERT INTO system_logs (log_id, junction_id, device_id, user_id, log_level, log_type, message, metadata, username)
         SELECT e.*, u.username
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::jsonb[])
             AS e(log_id, junction_id, device_id, user_id, log_level, log_type, message, metadata)
         LEFT JOIN users u USING (user_id)",
        &ids,
        &junctions as &[Option<Uuid>],
        &devices as &[Option<Uuid>],
        &users as &[Option<Uuid>],
        &levels,
        &types,
        &messages,
        &metadata,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LogEntry)]
pub struct LogRow {
    /// Id of the line.
    pub log_id: Uuid,
    /// Where; null: in the whole city.
    pub junction_id: Option<Uuid>,
    /// Name of the junction.
    pub junction_name: Option<String>,
    /// To which device.
    pub device_id: Option<Uuid>,
    /// Who did it.
    pub user_id: Option<Uuid>,
    /// Name of who did it.
    pub username: Option<String>,
    /// `debug`, `info`, `warning`, `error` or `critical`.
    pub log_level: String,
    /// What it is about, such as `device.offline`.
    pub log_type: String,
    /// What happened, as a sentence.
    pub message: String,
    /// The same for programs.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// When.
    pub logged_at: DateTime<Utc>,
}

/// Which lines are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that this user may see.
    pub granted_to: Option<Uuid>,
    /// Of this level and above.
    pub level: Option<Level>,
    /// Of one of these types.
    pub types: Option<Vec<Type>>,
    /// At this junction.
    pub junction_id: Option<Uuid>,
    /// About this device.
    pub device_id: Option<Uuid>,
    /// From this time on.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}

/// At most `limit` lines, the newest first, from behind `after` (time and id).
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    filter: &Filter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<LogRow>> {
    let (after_at, after_id) = after.unzip();
    let levels = filter.level.map(|least| {
        let these = Level::ALL.into_iter().filter(|level| *level >= least);
        these.map(|level| level.name().to_owned()).collect::<Vec<String>>()
    });
    let types = filter
        .types
        .as_ref()
        .map(|types| types.iter().map(|kind| kind.name().to_owned()).collect::<Vec<String>>());
    sqlx::query_as!(
        LogRow,
        r#"SELECT log_id, s.junction_id, j.junction_name AS "junction_name?", device_id, s.user_id,
                  s.username, log_level, log_type, message, metadata, logged_at
           FROM system_logs s LEFT JOIN junctions j USING (junction_id)
           WHERE ($1::uuid IS NULL OR EXISTS (
                     SELECT FROM user_junction_access g WHERE g.user_id = $1 AND g.junction_id = s.junction_id))
             AND ($2::text[] IS NULL OR log_level = ANY($2))
             AND ($3::text[] IS NULL OR log_type = ANY($3))
             AND ($4::uuid IS NULL OR s.junction_id = $4)
             AND ($5::uuid IS NULL OR device_id = $5)
             AND ($6::timestamptz IS NULL OR logged_at >= $6)
             AND ($7::timestamptz IS NULL OR logged_at < $7)
             AND ($8::timestamptz IS NULL OR (logged_at, log_id) < ($8, $9::uuid))
           ORDER BY logged_at DESC, log_id DESC LIMIT $10"#,
        filter.granted_to,
        levels.as_deref(),
        types.as_deref(),
        filter.junction_id,
        filter.device_id,
        filter.from,
        filter.to,
        after_at,
        after_id,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The lines of some ids.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<LogRow>> {
    sqlx::query_as!(
        LogRow,
        r#"SELECT log_id, s.junction_id, j.junction_name AS "junction_name?", device_id, s.user_id,
                  s.username, log_level, log_type, message, metadata, logged_at
           FROM system_logs s LEFT JOIN junctions j USING (junction_id)
           WHERE log_id = ANY($1) ORDER BY logged_at, log_id"#,
        ids,
    )
    .fetch_all(db)
    .await
}
