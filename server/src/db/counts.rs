//! Counts of lanes.

use super::array_literal;
use super::volumes::NewVolumes;
use chrono::{DateTime, Utc};
use flextraff_common::wire::CarCounts;
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeSet;
use uuid::Uuid;

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

/// Whether the same counts of a lane, of the published interface and without a time, were stored in the last hour before `received`.
///
/// # Errors
/// When the database fails.
pub async fn holds_untimed(
    db: &mut PgConnection,
    counts: &CarCounts,
    received: DateTime<Utc>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM car_counts
               WHERE lane_id = $1 AND device_id IS NULL AND ts > $2::timestamptz - interval '1 hour' AND ts <= $2 AND untimed
                   AND vehicle_count = $3 AND epc_ids = $4) AS "holds!""#,
        counts.lane_id.0,
        received,
        i32::try_from(counts.vehicle_count).unwrap_or(i32::MAX),
        &counts.epc_ids,
    )
    .fetch_one(db)
    .await
}

/// Counts of the published interface that came without a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untimed {
    /// The lane.
    pub lane_id: Uuid,
    /// When they came to the server that stored them.
    pub ts: DateTime<Utc>,
    /// Vehicles.
    pub vehicle_count: i32,
    /// Their tags.
    pub epc_ids: Vec<String>,
}

/// Those of these lanes that came since.
///
/// # Errors
/// When the database fails.
pub async fn untimed_since(db: &PgPool, lanes: &[Uuid], since: DateTime<Utc>) -> sqlx::Result<Vec<Untimed>> {
    sqlx::query_as!(
        Untimed,
        "SELECT lane_id, ts, vehicle_count, epc_ids FROM car_counts
         WHERE lane_id = ANY($1) AND ts >= $2 AND device_id IS NULL AND untimed",
        lanes,
        since,
    )
    .fetch_all(db)
    .await
}

/// Rows to store, a column a vector, and their sums.
///
/// One statement takes them all. COPY would cost PostgreSQL as much, and its end is a message of its own, which TCP holds back for 40 ms until
/// the data before it are confirmed: sqlx leaves Nagle's algorithm on.
#[derive(Debug, Default)]
pub struct NewCounts {
    junction: Vec<Uuid>,
    lane: Vec<Uuid>,
    ts: Vec<DateTime<Utc>>,
    interval_start: Vec<Option<DateTime<Utc>>>,
    observed_s: Vec<Option<f32>>,
    vehicle_count: Vec<i32>,
    epc_ids: Vec<String>,
    departed: Vec<Option<i32>>,
    present: Vec<Option<i32>>,
    other_tags: Vec<Option<i32>>,
    passages: Vec<Option<String>>,
    departures: Vec<Option<String>>,
    device: Vec<Option<Uuid>>,
    outbox: Vec<Option<Uuid>>,
    seq: Vec<Option<i64>>,
    boot: Vec<Option<Uuid>>,
    mono_ms: Vec<Option<i64>>,
    clock: Vec<Option<String>>,
    untimed: Vec<bool>,
    flagged: Vec<Option<String>>,
    received: Vec<DateTime<Utc>>,
    volumes: NewVolumes,
}

impl NewCounts {
    /// Adds the row of a message. Values are within the ranges of the columns: decoding has checked them.
    pub fn push(&mut self, counts: &crate::ingest::Counts, received: DateTime<Utc>) {
        let message = &counts.message;
        let int = |value: Option<u32>| value.and_then(|value| i32::try_from(value).ok());
        self.junction.push(message.junction_id.0);
        self.lane.push(message.lane_id.0);
        self.ts.push(counts.ts);
        self.interval_start.push(message.interval_start.and_then(crate::ingest::to_utc));
        let observed_s = message.observed_s.map(|seconds| seconds as f32);
        let vehicle_count = i32::try_from(message.vehicle_count).unwrap_or(i32::MAX);
        self.observed_s.push(observed_s);
        self.vehicle_count.push(vehicle_count);
        self.epc_ids.push(array_literal(message.epc_ids.iter()));
        self.departed.push(int(message.departed));
        self.present.push(int(message.present));
        self.other_tags.push(int(message.other_tags));
        self.passages.push(json(message.passages.as_ref()));
        self.departures.push(json(message.departures.as_ref()));
        let delivery = message.delivery.as_ref();
        self.device.push(delivery.map(|delivery| delivery.device_id.0));
        self.outbox.push(delivery.map(|delivery| delivery.outbox_id.0));
        self.seq.push(delivery.map(|delivery| delivery.seq.0 as i64));
        self.boot.push(delivery.map(|delivery| delivery.boot_id.0));
        self.mono_ms.push(delivery.map(|delivery| delivery.mono_ms.0));
        self.clock.push(delivery.map(|delivery| super::clock_name(delivery.clock).to_owned()));
        self.untimed.push(counts.untimed);
        self.flagged.push((!counts.flags.is_empty()).then(|| counts.flags.join(",")));
        self.received.push(received);
        self.volumes.push(message.junction_id.0, message.lane_id.0, counts.ts, vehicle_count, observed_s);
    }

    /// Stores the rows and adds up their sums.
    ///
    /// # Errors
    /// The database refuses a row, and takes none then; or it fails.
    pub async fn insert(self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.ts.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO car_counts (junction_id, lane_id, ts, interval_start, observed_s, vehicle_count, epc_ids, departed,
                 present, other_tags, passages, departures, device_id, outbox_id, seq, boot_id, mono_ms, clock, untimed,
                 flagged, received_at)
             SELECT junction_id, lane_id, ts, interval_start, observed_s, vehicle_count, epc_ids::text[], departed,
                 present, other_tags, passages::json, departures::json, device_id, outbox_id, seq, boot_id, mono_ms, clock,
                 untimed, flagged, received_at
             FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::real[], $6::integer[], $7::text[],
                 $8::integer[], $9::integer[], $10::integer[], $11::text[], $12::text[], $13::uuid[], $14::uuid[],
                 $15::bigint[], $16::uuid[], $17::bigint[], $18::text[], $19::boolean[], $20::text[], $21::timestamptz[])
             AS r(junction_id, lane_id, ts, interval_start, observed_s, vehicle_count, epc_ids, departed, present, other_tags,
                 passages, departures, device_id, outbox_id, seq, boot_id, mono_ms, clock, untimed, flagged, received_at)",
            &self.junction,
            &self.lane,
            &self.ts,
            &self.interval_start as &[Option<DateTime<Utc>>],
            &self.observed_s as &[Option<f32>],
            &self.vehicle_count,
            &self.epc_ids,
            &self.departed as &[Option<i32>],
            &self.present as &[Option<i32>],
            &self.other_tags as &[Option<i32>],
            &self.passages as &[Option<String>],
            &self.departures as &[Option<String>],
            &self.device as &[Option<Uuid>],
            &self.outbox as &[Option<Uuid>],
            &self.seq as &[Option<i64>],
            &self.boot as &[Option<Uuid>],
            &self.mono_ms as &[Option<i64>],
            &self.clock as &[Option<String>],
            &self.untimed,
            &self.flagged as &[Option<String>],
            &self.received,
        )
        .execute(&mut *db)
        .await?;
        self.volumes.add(db).await
    }
}

/// Details as the database keeps them; they have passed as JSON before, so there is a form for them.
fn json(details: Option<&impl serde::Serialize>) -> Option<String> {
    details.and_then(|details| serde_json::to_string(details).ok())
}
