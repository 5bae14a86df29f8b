//! The end of data: EPCs go first, counts later.

mod epcs;
mod parts;

use super::logs::{Entry, Level, Type};
use super::{PATIENCE, patiently, within};
use crate::config::Retention;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use parts::{Partition, partitions};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;

pub(super) use epcs::take_out_late;

/// A table with partitions. In its conditions `r` is a row, and `$1` the moment before which rows are old. Those of a clock that is not synchronised
/// are as old as their receipt: nobody knows their time before the `clock-fix`, which is to find them.
struct Partitioned {
    table: &'static str,
    /// Days that its rows stay longer than counts. The sums of a day may be made anew as long as they are kept, and a local day begins in the
    /// one before it of UTC.
    longer: u64,
    /// Which rows are old.
    old: &'static str,
    /// Which keep a partition whose time is over.
    waiting: &'static str,
}

const PARTITIONED: [Partitioned; 5] = [
    Partitioned {
        table: "car_counts",
        longer: 0,
        old: "r.received_at < $1 OR (r.ts < $1 AND r.clock IS DISTINCT FROM 'unsynced')",
        waiting: "r.clock = 'unsynced' AND r.received_at >= $1",
    },
    Partitioned {
        table: "signal_events",
        longer: 0,
        old: "r.received_at < $1 OR (r.ts < $1 AND r.clock <> 'unsynced')",
        waiting: "r.clock = 'unsynced' AND r.received_at >= $1",
    },
    Partitioned {
        table: "traffic_cycles",
        longer: 1,
        old: "r.received_at < $1 OR (r.cycle_start_time < $1 AND r.clock IS DISTINCT FROM 'unsynced')",
        waiting: "r.clock = 'unsynced' AND r.received_at >= $1",
    },
    // Lanes follow their cycle, which goes before them.
    Partitioned {
        table: "lane_cycle_data",
        longer: 1,
        old: "NOT EXISTS (SELECT FROM traffic_cycles c WHERE c.cycle_id = r.cycle_id AND c.cycle_start_time = r.cycle_start_time)",
        waiting: "(r.cycle_id, r.cycle_start_time) IN (
                      SELECT cycle_id, cycle_start_time FROM traffic_cycles WHERE clock = 'unsynced' AND received_at >= $1)",
    },
    Partitioned { table: "lane_volumes_5m", longer: 1, old: "r.bucket_start < $1", waiting: "false" },
];
/// A clock so far ahead of the last time is not believed at once.
const AHEAD: TimeDelta = TimeDelta::days(3);
/// After so long it is.
const BELIEVED_AFTER: Duration = Duration::from_hours(24);

/// Takes out what is older than `retention` allows at `now`. Safe to repeat, and to interrupt; what fails holds up nothing else.
///
/// # Errors
/// The first of what has failed, such as that the database is away; what is left is taken out the next time.
pub async fn apply(db: &PgPool, retention: Retention, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let (epcs, counts) = (days_before(now, retention.epc_days), days_before(now, retention.counts_days));
    let mut gone = Gone::default();
    let today = now.date_naive();
    let dropped = drop_old(db, counts, today, &mut gone).await;
    let nameless = epcs::take_out(db, epcs, today, &mut gone).await;
    let audit = days_before(now, retention.audit_days);
    let deleted = delete_old(db, epcs, counts, audit, now).await;
    let told = super::logs::record(db, gone.told(epcs, counts).as_slice()).await;
    dropped.and(nameless).and(deleted).and(told)
}

/// The time by which data have grown old: `now`, but for a clock that is not believed. A machine may start years ahead of the time, until it has
/// heard of the right one; it would take out everything.
///
/// That of the database counts where it is behind. What is days ahead of the last time counts when this server has run with it for a day,
/// `running`; until then the last time does.
///
/// # Errors
/// When the database fails.
pub async fn time(db: &PgPool, now: DateTime<Utc>, running: Duration) -> sqlx::Result<DateTime<Utc>> {
    let row = sqlx::query!(
        r#"SELECT least(now(), $1) AS "now!", (SELECT applied_at FROM retention_runs) AS applied_at"#,
        now
    )
    .fetch_one(db)
    .await?;
    let before = row.applied_at.filter(|before| row.now > *before + AHEAD && running < BELIEVED_AFTER);
    if let Some(before) = before {
        tracing::error!(
            clock = %row.now, last = %before,
            "the clock is far ahead of the time at which old data were taken out last; nothing is taken out until the server has run for a day with it"
        );
    }
    Ok(before.unwrap_or(row.now))
}

/// Notes by which time old data were taken out.
///
/// # Errors
/// When the database fails.
pub async fn applied(db: &PgPool, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO retention_runs (applied_at) VALUES ($1) ON CONFLICT (single) DO UPDATE SET applied_at = $1",
        at
    )
    .execute(db)
    .await
    .map(drop)
}

/// What has failed first while the rest went on.
#[derive(Default)]
struct Failed(Option<sqlx::Error>);

impl Failed {
    /// What came of a step; of one that failed nothing. While the database is away there is nothing to go on with.
    fn go_on<T>(&mut self, done: sqlx::Result<T>) -> sqlx::Result<Option<T>> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error) if super::is_away(&error) => Err(error),
            Err(error) => {
                self.0.get_or_insert(error);
                Ok(None)
            }
        }
    }

    fn first(self) -> sqlx::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Drops partitions that ended before `counts`, and deletes old rows where others stay beside them: in the default partition, in those of days
/// after `today`, where a wrong clock has put them, and where some wait for the `clock-fix`.
async fn drop_old(db: &PgPool, counts: NaiveDate, today: NaiveDate, gone: &mut Gone) -> sqlx::Result<()> {
    let (mut failed, mut busy) = (Failed::default(), Vec::new());
    for Partitioned { table, longer, old, waiting } in PARTITIONED {
        let before = counts.checked_sub_days(Days::new(longer)).unwrap_or(NaiveDate::MIN);
        for part in within(PATIENCE, partitions(db, table)).await? {
            let is_over = part.days.is_some_and(|(_, end)| end <= before);
            if !is_over && !part.is_ahead(today) {
                continue;
            }
            let Partition { name, .. } = part;
            let waits = is_over && {
                let waits = format!("SELECT EXISTS (SELECT FROM \"{name}\" r WHERE {waiting})");
                let waits = sqlx::query_scalar(AssertSqlSafe(waits)).bind(midnight(before)).fetch_one(db);
                let Some(waits) = failed.go_on(within(PATIENCE, waits).await)? else { continue };
                waits
            };
            if !is_over || waits {
                let delete = format!("DELETE FROM \"{name}\" r WHERE {old}");
                let delete = sqlx::query(AssertSqlSafe(delete)).bind(midnight(before));
                gone.rows += failed.go_on(patiently(db, delete).await)?.unwrap_or_default();
                continue;
            }
            match failed.go_on(within(PATIENCE, drop_partition(db, &name)).await)? {
                Some(true) => {
                    gone.partitions += 1;
                    tracing::info!(
                        partition = name,
                        "partition is older than retention.counts_days and is dropped"
                    );
                }
                Some(false) => busy.push(name),
                None => {}
            }
        }
    }
    if !busy.is_empty() {
        tracing::info!(
            partitions = busy.join(", "),
            "partitions are read at present and are dropped the next time"
        );
    }
    failed.first()
}

/// Deletes what is in no partition.
async fn delete_old(
    db: &PgPool,
    epcs: NaiveDate,
    counts: NaiveDate,
    audit: NaiveDate,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (names, sums, deeds) = (midnight(epcs), midnight(counts), midnight(audit));
    let mut failed = Failed::default();
    for delete in [
        sqlx::query!("DELETE FROM dead_letters WHERE received_at < $1", names),
        sqlx::query!("DELETE FROM green_times WHERE sent_at < $1", sums),
        // With their local day, which is summed up out of them; the index goes by time.
        sqlx::query!(
            "DELETE FROM lane_volumes_hour WHERE stat_date < $1 AND hour_start < $2::timestamptz + interval '1 day'",
            counts,
            sums
        ),
        sqlx::query!("DELETE FROM lane_volumes_day WHERE stat_date < $1", counts),
        sqlx::query!("DELETE FROM junction_daily_stats WHERE stat_date < $1", counts),
        sqlx::query!("DELETE FROM count_gaps WHERE received_at < $1", sums),
        sqlx::query!("DELETE FROM removed_lanes WHERE removed_at < $1", sums),
        sqlx::query!("DELETE FROM alarms WHERE closed_at < $1", sums),
        sqlx::query!("DELETE FROM system_logs WHERE logged_at < $1", sums),
        // Of rows that old no correction is left to be made.
        sqlx::query!("DELETE FROM clock_fixes WHERE received_at < $1", sums),
        sqlx::query!("DELETE FROM manual_override_history WHERE override_end < $1", deeds),
        sqlx::query("SELECT forget_audit($1)").bind(deeds),
        // For two hours after its period a key still names vehicles beside the next one.
        sqlx::query!(
            "DELETE FROM privacy_keys WHERE kind = 'pseudonym' AND valid_until + interval '2 hours' < $1",
            names
        ),
        // The addresses of those who have signed in are known for as long.
        sqlx::query!(
            "DELETE FROM sessions WHERE expires_at < $1 AND created_at < $1::timestamptz - interval '30 days'",
            now
        ),
        // By one that was spent so long ago nobody would be found out any more.
        sqlx::query!("DELETE FROM refresh_tokens WHERE used_at < $1::timestamptz - interval '30 days'", now),
    ] {
        failed.go_on(patiently(db, delete).await)?;
    }
    failed.first()
}

/// Drops a partition; `false`: somebody reads its table, a backup for example. Waited for, that would hold up whoever stores rows.
async fn drop_partition(db: &PgPool, name: &str) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin().await?;
    super::wait_shortly(&mut tx).await?;
    match sqlx::query(AssertSqlSafe(format!("DROP TABLE IF EXISTS \"{name}\""))).execute(&mut *tx).await {
        Ok(_) => tx.commit().await.map(|()| true),
        Err(error) if super::is_locked(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The moment before which no EPC is kept, at `now`.
pub fn epcs_before(retention: Retention, now: DateTime<Utc>) -> DateTime<Utc> {
    midnight(days_before(now, retention.epc_days))
}

fn days_before(now: DateTime<Utc>, days: u32) -> NaiveDate {
    now.date_naive().checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN)
}

/// What was taken out.
#[derive(Default)]
struct Gone {
    /// Partitions older than counts are kept.
    partitions: u64,
    /// Rows older than counts are kept.
    rows: u64,
    /// Rows that have lost their EPCs.
    epcs: u64,
}

impl Gone {
    /// What the log says of it; nothing when nothing was taken out.
    fn told(&self, epcs: NaiveDate, counts: NaiveDate) -> Option<Entry> {
        let mut parts = Vec::new();
        if self.partitions + self.rows > 0 {
            parts.push(format!(
                "counts, cycles and events before {counts} are gone ({} partitions and {} rows)",
                self.partitions, self.rows
            ));
        }
        if self.epcs > 0 {
            parts.push(format!("EPCs before {epcs} are gone ({} rows)", self.epcs));
        }
        if parts.is_empty() {
            return None;
        }
        let metadata =
            json!({ "partitions": self.partitions, "rows": self.rows, "rows_without_epcs": self.epcs });
        let message = format!("Data whose time is over was taken out: {}", parts.join("; "));
        Some(Entry::new(Level::Info, Type::RetentionDone, message).with(metadata))
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    // PostgreSQL's earliest time is later than chrono's.
    let day = if day.year() < 1 { NaiveDate::default() } else { day };
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}
