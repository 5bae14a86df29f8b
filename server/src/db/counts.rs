//! Counts of lanes.

use chrono::{DateTime, Utc};
use flextraff_common::wire::{Departure, Passage};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// Rows to insert, a column a vector.
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
    passages: Vec<Option<Json<Vec<Passage>>>>,
    departures: Vec<Option<Json<Vec<Departure>>>>,
    device: Vec<Option<Uuid>>,
    outbox: Vec<Option<Uuid>>,
    seq: Vec<Option<i64>>,
    boot: Vec<Option<Uuid>>,
    mono_ms: Vec<Option<i64>>,
    clock: Vec<Option<String>>,
    untimed: Vec<bool>,
    flagged: Vec<Option<String>>,
    received: Vec<DateTime<Utc>>,
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
        self.observed_s.push(message.observed_s.map(|seconds| seconds as f32));
        self.vehicle_count.push(i32::try_from(message.vehicle_count).unwrap_or(i32::MAX));
        self.epc_ids.push(array_literal(message.epc_ids.iter()));
        self.departed.push(int(message.departed));
        self.present.push(int(message.present));
        self.other_tags.push(int(message.other_tags));
        self.passages.push(message.passages.clone().map(Json));
        self.departures.push(message.departures.clone().map(Json));
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
    }

    /// Inserts the rows; of messages without delivery fields those whose lane and time are not there yet.
    /// Returns the lanes and times of those that went in.
    pub async fn insert(&self, db: &mut PgConnection) -> Result<Vec<(Uuid, DateTime<Utc>)>, sqlx::Error> {
        if self.ts.is_empty() {
            return Ok(Vec::new());
        }
        let inserted = sqlx::query!(
            "INSERT INTO car_counts (junction_id, lane_id, ts, interval_start, observed_s, vehicle_count, epc_ids, departed,
                 present, other_tags, passages, departures, device_id, outbox_id, seq, boot_id, mono_ms, clock, untimed,
                 flagged, received_at)
             SELECT junction_id, lane_id, ts, interval_start, observed_s, vehicle_count, epc_ids::text[], departed,
                 present, other_tags, passages, departures, device_id, outbox_id, seq, boot_id, mono_ms, clock, untimed,
                 flagged, received_at
             FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::real[], $6::integer[], $7::text[],
                 $8::integer[], $9::integer[], $10::integer[], $11::jsonb[], $12::jsonb[], $13::uuid[], $14::uuid[],
                 $15::bigint[], $16::uuid[], $17::bigint[], $18::text[], $19::boolean[], $20::text[], $21::timestamptz[])
             AS r(junction_id, lane_id, ts, interval_start, observed_s, vehicle_count, epc_ids, departed, present, other_tags,
                 passages, departures, device_id, outbox_id, seq, boot_id, mono_ms, clock, untimed, flagged, received_at)
             ON CONFLICT DO NOTHING
             RETURNING lane_id, ts",
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
            &self.passages as &[Option<Json<Vec<Passage>>>],
            &self.departures as &[Option<Json<Vec<Departure>>>],
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
        .fetch_all(db)
        .await?;
        Ok(inserted.into_iter().map(|row| (row.lane_id, row.ts)).collect())
    }
}

/// Texts as PostgreSQL reads an array: `unnest` would flatten an array of arrays.
pub(super) fn array_literal(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut literal = String::from("{");
    for (at, text) in texts.enumerate() {
        literal.push_str(if at == 0 { "\"" } else { ",\"" });
        for char in text.as_ref().chars() {
            if matches!(char, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(char);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}
