//! The end of EPCs.

use super::super::{PATIENCE, patient, patiently, within};
use super::parts::{DONE, Partition, partitions};
use super::{Failed, Gone, midnight};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

/// A table with EPCs. In its conditions `r` is a row, and `$1` the moment before which its EPCs are old. Those of a clock that is not synchronised
/// are as old as their receipt: when they were read nobody knows before the `clock-fix`, which is to find them.
struct WithEpcs {
    table: &'static str,
    /// The column by which an index finds the rows of a partition.
    owner: &'static str,
    /// What takes the EPCs out of a row.
    remove: &'static str,
    /// Which rows may have any. A row in which vehicles only left names them in its departures alone.
    which: &'static str,
    /// Which are old by their time.
    old: &'static str,
    /// Which are old by their receipt, though their time may be to come.
    long_here: &'static str,
    /// Which are of a clock that is not synchronised and old.
    unsynced: &'static str,
}

/// Lanes are as old as their cycle.
const WITH_EPCS: [WithEpcs; 2] = [
    WithEpcs {
        table: "car_counts",
        owner: "junction_id",
        remove: "epc_ids = '{}', passages = NULL, departures = NULL",
        which: "(r.epc_ids <> '{}' OR r.passages::text <> '[]' OR r.departures::text <> '[]')",
        old: "r.ts < $1 AND r.clock IS DISTINCT FROM 'unsynced'",
        long_here: "r.received_at < $1",
        unsynced: "r.clock = 'unsynced' AND r.received_at < $1",
    },
    WithEpcs {
        table: "lane_cycle_data",
        owner: "lane_id",
        remove: "epc_ids = '{}'",
        which: "r.epc_ids <> '{}'",
        old: "r.cycle_start_time < $1 AND NOT EXISTS (SELECT FROM traffic_cycles c WHERE c.clock = 'unsynced'
                  AND c.cycle_id = r.cycle_id AND c.cycle_start_time = r.cycle_start_time)",
        long_here: "EXISTS (SELECT FROM traffic_cycles c WHERE c.received_at < $1
                        AND c.cycle_id = r.cycle_id AND c.cycle_start_time = r.cycle_start_time)",
        unsynced: "(r.cycle_id, r.cycle_start_time) IN (
                       SELECT cycle_id, cycle_start_time FROM traffic_cycles WHERE clock = 'unsynced' AND received_at < $1)",
    },
];

/// Takes the EPCs before `epcs` out of rows, those of a junction or lane in a partition at a time: what is interrupted goes on where it was.
///
/// Which rows were received long before their time is looked up only where hardly any others are: in the default partition, and those of days
/// after `today`. Of a clock that is ahead by fewer days than EPCs are kept, or for a cycle by less than a month, they go by their time.
pub(super) async fn take_out(
    db: &PgPool,
    epcs: NaiveDate,
    today: NaiveDate,
    gone: &mut Gone,
) -> sqlx::Result<()> {
    let mut failed = Failed::default();
    for WithEpcs { table, owner, remove, which, old, long_here, unsynced } in WITH_EPCS {
        for part in within(PATIENCE, partitions(db, table)).await? {
            let age = if part.is_ahead(today) {
                format!("({old} OR {long_here})")
            } else if !part.done && part.days.is_some_and(|(start, _)| start < epcs) {
                old.to_owned()
            } else {
                continue;
            };
            let Partition { name, days, .. } = part;
            let owners =
                format!("SELECT DISTINCT r.{owner} FROM \"{name}\" r WHERE {age} AND {which} ORDER BY 1");
            let update =
                format!("UPDATE \"{name}\" r SET {remove} WHERE r.{owner} = $2 AND {age} AND {which}");
            let Some(owners) = failed.go_on(owners_of(db, owners, midnight(epcs)).await)? else { continue };
            let mut whole = true;
            for owner in owners {
                let update = sqlx::query(AssertSqlSafe(update.clone())).bind(midnight(epcs)).bind(owner);
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
        // In whatever partition they are, done or not: an index finds them.
        let update = format!("UPDATE {table} r SET {remove} WHERE {unsynced} AND {which}");
        let update = sqlx::query(AssertSqlSafe(update)).bind(midnight(epcs));
        gone.epcs += failed.go_on(patiently(db, update).await)?.unwrap_or_default();
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

/// Takes the EPCs before `before` out of these hours of junctions: of counts and cycles that were stored or moved there when their partition
/// was done already. Those of a clock that is not synchronised wait for its `clock-fix`, and are due again when it has moved them.
///
/// # Errors
/// When the database fails.
pub(in crate::db) async fn take_out_late(
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
           AND c.clock IS DISTINCT FROM 'unsynced'
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
         JOIN traffic_cycles c ON c.junction_id = h.junction_id AND c.clock IS DISTINCT FROM 'unsynced'
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
