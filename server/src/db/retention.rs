//! The end of data: EPCs go first, counts later.

use super::logs::{Entry, Level, Type};
use super::{PATIENCE, patient, patiently, within};
use crate::config::Retention;
use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::time::Duration;
use uuid::Uuid;

/// Tables with partitions, and the column that they are parted by.
const PARTITIONED: [(&str, &str); 5] = [
    ("car_counts", "ts"),
    ("signal_events", "ts"),
    ("traffic_cycles", "cycle_start_time"),
    ("lane_cycle_data", "cycle_start_time"),
    ("lane_volumes_5m", "bucket_start"),
];
/// Tables with EPCs, their time, the column by which an index finds their rows, what takes the EPCs out of a row, and which rows may have any. A
/// row in which vehicles only left names them in its departures alone.
const WITH_EPCS: [(&str, &str, &str, &str, &str); 2] = [
    (
        "car_counts",
        "ts",
        "junction_id",
        "epc_ids = '{}', passages = NULL, departures = NULL",
        "(epc_ids <> '{}' OR passages::text <> '[]' OR departures::text <> '[]')",
    ),
    ("lane_cycle_data", "cycle_start_time", "lane_id", "epc_ids = '{}'", "epc_ids <> '{}'"),
];
/// A clock so far ahead of the last time is not believed at once.
const AHEAD: TimeDelta = TimeDelta::days(3);
/// After so long it is.
const BELIEVED_AFTER: Duration = Duration::from_hours(24);
/// Stands on a partition out of which all EPCs have been taken. What enters it afterwards [`take_out_late`] looks after.
const DONE: &str = "EPCs, passages and departures are taken out";

/// A partition, its first day and the first after it, and whether its EPCs are gone; the default partition has no such days.
struct Partition {
    name: String,
    days: Option<(NaiveDate, NaiveDate)>,
    done: bool,
}

/// Takes out what is older than `retention` allows at `now`. Safe to repeat, and to interrupt; what fails holds up nothing else.
///
/// # Errors
/// The first of what has failed, such as that the database is away; what is left is taken out the next time.
pub async fn apply(db: &PgPool, retention: Retention, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let (epcs, counts) = (days_before(now, retention.epc_days), days_before(now, retention.counts_days));
    let mut gone = Gone::default();
    let dropped = drop_old(db, counts, &mut gone).await;
    let nameless = take_out_epcs(db, epcs, &mut gone).await;
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

/// Drops partitions that ended before `counts`, and deletes as old rows that have none.
async fn drop_old(db: &PgPool, counts: NaiveDate, gone: &mut Gone) -> sqlx::Result<()> {
    let (mut failed, mut busy) = (Failed::default(), Vec::new());
    for (table, key) in PARTITIONED {
        for Partition { name, days, .. } in within(PATIENCE, partitions(db, table)).await? {
            match days {
                Some((_, end)) if end <= counts => {
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
                Some(_) => {}
                None => {
                    let delete = format!("DELETE FROM \"{name}\" WHERE {key} < $1");
                    let delete = sqlx::query(AssertSqlSafe(delete)).bind(midnight(counts));
                    gone.rows += failed.go_on(patiently(db, delete).await)?.unwrap_or_default();
                }
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

/// Takes the EPCs before `epcs` out of rows, those of a junction or lane in a partition at a time: what is interrupted goes on where it was.
async fn take_out_epcs(db: &PgPool, epcs: NaiveDate, gone: &mut Gone) -> sqlx::Result<()> {
    let mut failed = Failed::default();
    for (table, key, owner, remove, which) in WITH_EPCS {
        let due = |part: &Partition| !part.done && part.days.is_none_or(|(start, _)| start < epcs);
        for Partition { name, days, .. } in
            within(PATIENCE, partitions(db, table)).await?.into_iter().filter(due)
        {
            let owners =
                format!("SELECT DISTINCT {owner} FROM \"{name}\" WHERE {key} < $1 AND {which} ORDER BY 1");
            let update =
                format!("UPDATE \"{name}\" SET {remove} WHERE {owner} = $1 AND {key} < $2 AND {which}");
            let Some(owners) = failed.go_on(owners_of(db, owners, midnight(epcs)).await)? else { continue };
            let mut whole = true;
            for owner in owners {
                let update = sqlx::query(AssertSqlSafe(update.clone())).bind(owner).bind(midnight(epcs));
                let rows = failed.go_on(patiently(db, update).await)?;
                whole &= rows.is_some();
                gone.epcs += rows.unwrap_or_default();
            }
            if whole && days.is_some_and(|(_, end)| end <= epcs) {
                let mark = format!("COMMENT ON TABLE \"{name}\" IS '{DONE}'");
                let mark = sqlx::query(AssertSqlSafe(mark)).execute(db);
                failed.go_on(within(PATIENCE, mark).await)?;
            }
        }
    }
    failed.first()
}

/// Whose rows of a partition may have EPCs before a moment.
async fn owners_of(db: &PgPool, query: String, before: DateTime<Utc>) -> sqlx::Result<Vec<Uuid>> {
    within(PATIENCE, async {
        let mut tx = patient(db).await?;
        let owners = sqlx::query_scalar(AssertSqlSafe(query)).bind(before).fetch_all(&mut *tx).await?;
        tx.commit().await?;
        Ok(owners)
    })
    .await
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
        sqlx::query!("DELETE FROM lane_volumes_hour WHERE hour_start < $1", sums),
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

/// Takes the EPCs before `before` out of these hours of junctions: of counts and cycles that were stored or moved there when their partition
/// was done already.
///
/// # Errors
/// When the database fails.
pub(super) async fn take_out_late(
    db: &mut PgConnection,
    junctions: &[Uuid],
    hours: &[DateTime<Utc>],
    before: DateTime<Utc>,
) -> sqlx::Result<()> {
    let late = junctions.iter().copied().zip(hours.iter().copied()).filter(|(_, hour)| *hour < before);
    let (junctions, hours): (Vec<Uuid>, Vec<DateTime<Utc>>) = late.unzip();
    if hours.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE car_counts c SET epc_ids = '{}', passages = NULL, departures = NULL
         FROM unnest($1::uuid[], $2::timestamptz[]) AS h(junction_id, start_at)
         WHERE c.junction_id = h.junction_id AND c.ts >= h.start_at AND c.ts <= h.start_at + interval '1 hour' AND c.ts < $3
           AND (c.epc_ids <> '{}' OR c.passages::text <> '[]' OR c.departures::text <> '[]')",
        &junctions,
        &hours,
        before,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE lane_cycle_data d SET epc_ids = '{}'
         FROM unnest($1::uuid[], $2::timestamptz[]) AS h(junction_id, start_at)
         JOIN traffic_cycles c ON c.junction_id = h.junction_id
             AND c.cycle_start_time >= h.start_at AND c.cycle_start_time < h.start_at + interval '1 hour'
         WHERE d.cycle_id = c.cycle_id AND d.cycle_start_time = c.cycle_start_time AND d.cycle_start_time < $3
           AND d.epc_ids <> '{}'",
        &junctions,
        &hours,
        before,
    )
    .execute(db)
    .await?;
    Ok(())
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

async fn partitions(db: &PgPool, table: &str) -> Result<Vec<Partition>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT child.relname AS "name!", coalesce(obj_description(child.oid, 'pg_class') = $2, false) AS "done!"
           FROM pg_inherits i
           JOIN pg_class parent ON parent.oid = i.inhparent
           JOIN pg_class child ON child.oid = i.inhrelid
           WHERE parent.oid = to_regclass($1) ORDER BY 1"#,
        table,
        DONE
    )
    .fetch_all(db)
    .await?;
    let prefix = format!("{table}_");
    Ok(found
        .into_iter()
        .filter_map(|row| {
            let suffix = row.name.strip_prefix(&prefix)?;
            let days = days_of(suffix);
            (days.is_some() || suffix == "default").then_some(Partition {
                name: row.name,
                days,
                done: row.done,
            })
        })
        .collect())
}

/// The first day of a partition and the first after it, from the day (`20260210`) or the month (`202602`) in its name.
fn days_of(suffix: &str) -> Option<(NaiveDate, NaiveDate)> {
    match suffix.len() {
        8 => {
            let day = NaiveDate::parse_from_str(suffix, "%Y%m%d").ok()?;
            Some((day, day.checked_add_days(Days::new(1))?))
        }
        6 => {
            let day = NaiveDate::parse_from_str(&format!("{suffix}01"), "%Y%m%d").ok()?;
            Some((day, day.checked_add_months(Months::new(1))?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_its_day_or_month() {
        let days = |from: &str, to: &str| Some((from.parse().unwrap(), to.parse().unwrap()));
        assert_eq!(days_of("20261231"), days("2026-12-31", "2027-01-01"));
        assert_eq!(days_of("202612"), days("2026-12-01", "2027-01-01"));
        assert_eq!(days_of("default"), None);
        assert_eq!(days_of("20261331"), None);
    }
}
