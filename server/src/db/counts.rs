//! Counts of lanes.

use super::copy::CopyRows;
use super::volumes::NewVolumes;
use crate::ingest::Counts;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

const COPY: &str = "COPY car_counts (junction_id, lane_id, ts, interval_start, observed_s, vehicle_count, epc_ids, departed,
     present, other_tags, passages, departures, device_id, outbox_id, seq, boot_id, mono_ms, clock, untimed, flagged, received_at)
     FROM STDIN (FORMAT binary)";
const COLUMNS: i16 = 21;

/// Lane and end of interval: what sets counts of the published interface apart.
pub type Published = (Uuid, DateTime<Utc>);

/// Those of the published interface that are stored already. Nobody else stores any until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn published(db: &mut PgConnection, keys: &[Published]) -> sqlx::Result<BTreeSet<Published>> {
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    // A statement of its own: the next one must see what others committed while this one waited.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('flextraff.published_counts')) AS locked")
        .fetch_one(&mut *db)
        .await?;
    let (lanes, ends): (Vec<Uuid>, Vec<DateTime<Utc>>) = keys.iter().copied().unzip();
    let known = sqlx::query!(
        r#"SELECT k.lane_id AS "lane_id!", k.ts AS "ts!" FROM unnest($1::uuid[], $2::timestamptz[]) AS k(lane_id, ts)
           JOIN car_counts c ON c.lane_id = k.lane_id AND c.ts = k.ts AND c.device_id IS NULL"#,
        &lanes,
        &ends,
    )
    .fetch_all(db)
    .await?;
    Ok(known.into_iter().map(|row| (row.lane_id, row.ts)).collect())
}

/// Rows to store, and their sums.
#[derive(Debug, Default)]
pub struct NewCounts {
    rows: CopyRows,
    volumes: NewVolumes,
}

impl NewCounts {
    /// Adds the row of a message that came at `received`. Values are within the ranges of the columns: decoding has checked them.
    ///
    /// # Errors
    /// A value is too large for PostgreSQL.
    pub fn push(&mut self, counts: &Counts, received: DateTime<Utc>) -> sqlx::Result<()> {
        let message = &counts.message;
        let int = |value: Option<u32>| value.and_then(|value| i32::try_from(value).ok());
        let vehicle_count = i32::try_from(message.vehicle_count).unwrap_or(i32::MAX);
        let observed_s = message.observed_s.map(|seconds| seconds as f32);
        let delivery = message.delivery.as_ref();
        let rows = &mut self.rows;
        rows.row(COLUMNS);
        rows.put(message.junction_id.0)?;
        rows.put(message.lane_id.0)?;
        rows.put(counts.ts)?;
        rows.put(message.interval_start.and_then(crate::ingest::to_utc))?;
        rows.put(observed_s)?;
        rows.put(vehicle_count)?;
        rows.put(&message.epc_ids[..])?;
        rows.put(int(message.departed))?;
        rows.put(int(message.present))?;
        rows.put(int(message.other_tags))?;
        rows.put_json(message.passages.as_ref())?;
        rows.put_json(message.departures.as_ref())?;
        rows.put(delivery.map(|delivery| delivery.device_id.0))?;
        rows.put(delivery.map(|delivery| delivery.outbox_id.0))?;
        rows.put(delivery.map(|delivery| delivery.seq.0 as i64))?;
        rows.put(delivery.map(|delivery| delivery.boot_id.0))?;
        rows.put(delivery.map(|delivery| delivery.mono_ms.0))?;
        rows.put(delivery.map(|delivery| super::clock_name(delivery.clock)))?;
        rows.put(counts.untimed)?;
        rows.put((!counts.flags.is_empty()).then(|| counts.flags.join(",")))?;
        rows.put(received)?;
        self.volumes.push(message.junction_id.0, message.lane_id.0, counts.ts, vehicle_count, observed_s);
        Ok(())
    }

    /// Stores the rows and adds up their sums.
    ///
    /// # Errors
    /// The database refuses a row, and takes none then; or it fails.
    pub async fn insert(self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.volumes.is_empty() {
            return Ok(());
        }
        self.rows.copy(db, COPY).await?;
        self.volumes.add(db).await
    }
}
