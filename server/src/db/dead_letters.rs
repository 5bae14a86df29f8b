//! Messages that cannot be used.

use chrono::{DateTime, Utc};
use flextraff_common::wire::{MAX_PAYLOAD, RejectCode};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

/// Most characters of a topic and of a reason that are kept.
const MAX_TOPIC: usize = 1000;
const MAX_DETAIL: usize = 2000;

/// A message that cannot be used.
#[derive(Clone, Copy, Debug)]
pub struct NewLetter<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its bytes.
    pub payload: &'a [u8],
    /// How many there were; more when it was too large.
    pub size: usize,
    /// Why it cannot be used.
    pub refusal: &'a crate::ingest::Refusal,
    /// When it came.
    pub received: DateTime<Utc>,
}

/// Keeps messages with the reason. A row of an outbox that is refused again stays one dead letter.
pub async fn insert(db: &mut PgConnection, letters: &[NewLetter<'_>]) -> Result<(), sqlx::Error> {
    if letters.is_empty() {
        return Ok(());
    }
    let cut =
        |text: &str, most: usize| text.chars().filter(|&char| char != '\0').take(most).collect::<String>();
    let topics: Vec<String> = letters.iter().map(|letter| cut(letter.topic, MAX_TOPIC)).collect();
    let payloads: Vec<&[u8]> =
        letters.iter().map(|letter| &letter.payload[..letter.payload.len().min(MAX_PAYLOAD)]).collect();
    let sizes: Vec<i32> =
        letters.iter().map(|letter| i32::try_from(letter.size).unwrap_or(i32::MAX)).collect();
    let reasons: Vec<String> =
        letters.iter().map(|letter| code_name(letter.refusal.code).to_owned()).collect();
    let details: Vec<String> = letters.iter().map(|letter| cut(&letter.refusal.detail, MAX_DETAIL)).collect();
    let junctions: Vec<Option<Uuid>> =
        letters.iter().map(|letter| letter.refusal.junction.map(|junction| junction.0)).collect();
    let devices: Vec<Option<Uuid>> =
        letters.iter().map(|letter| letter.refusal.device.map(|device| device.0)).collect();
    let delivery = |letter: &NewLetter<'_>| letter.refusal.delivery.clone();
    let outboxes: Vec<Option<Uuid>> =
        letters.iter().map(|letter| delivery(letter).map(|delivery| delivery.outbox_id.0)).collect();
    let seqs: Vec<Option<i64>> =
        letters.iter().map(|letter| delivery(letter).map(|delivery| delivery.seq.0 as i64)).collect();
    let received: Vec<DateTime<Utc>> = letters.iter().map(|letter| letter.received).collect();
    sqlx::query!(
        "INSERT INTO dead_letters (topic, payload, payload_bytes, reason, detail, junction_id, device_id, outbox_id, seq, received_at)
         SELECT * FROM unnest($1::text[], $2::bytea[], $3::integer[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::uuid[],
             $9::bigint[], $10::timestamptz[])
         ON CONFLICT DO NOTHING",
        &topics,
        &payloads as &[&[u8]],
        &sizes,
        &reasons,
        &details,
        &junctions as &[Option<Uuid>],
        &devices as &[Option<Uuid>],
        &outboxes as &[Option<Uuid>],
        &seqs as &[Option<i64>],
        &received,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Why messages are refused.
pub const REASONS: [&str; 7] =
    ["unknown_junction", "unknown_lane", "unknown_device", "ids_disagree", "malformed", "version", "other"];

const fn code_name(code: RejectCode) -> &'static str {
    match code {
        RejectCode::UnknownJunction => "unknown_junction",
        RejectCode::UnknownLane => "unknown_lane",
        RejectCode::UnknownDevice => "unknown_device",
        RejectCode::IdsDisagree => "ids_disagree",
        RejectCode::Malformed => "malformed",
        RejectCode::Version => "version",
        RejectCode::Other => "other",
    }
}

/// Most bytes of a message that are shown.
const SHOWN_BYTES: i32 = 500;

/// A message that could not be used.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Number of the message; later ones have greater ones.
    pub dead_letter_id: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Its topic.
    pub topic: String,
    /// Why it was refused, in a word.
    pub reason: String,
    /// Why it was refused, as a sentence.
    pub detail: String,
    /// Its beginning; bytes that are no text stand as U+FFFD.
    pub payload: String,
    /// Its size in bytes.
    pub payload_bytes: i32,
    /// The junction that its topic names.
    pub junction_id: Option<Uuid>,
    /// The device that it names.
    pub device_id: Option<Uuid>,
    /// The outbox whose row it is.
    pub outbox_id: Option<Uuid>,
    /// Number of the row in the outbox.
    pub seq: Option<i64>,
}

/// Which messages are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Refused for this reason.
    pub reason: Option<String>,
    /// On topics that this filter matches, with the wild cards of MQTT.
    pub topic: Option<String>,
    /// Of this junction.
    pub junction_id: Option<Uuid>,
    /// From this device.
    pub device_id: Option<Uuid>,
    /// From this time on.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}

/// At most `limit` messages, the newest first, below number `before`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &PgPool,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<DeadLetter>> {
    let rows = sqlx::query!(
        r#"SELECT dead_letter_id, received_at, topic, reason, detail, substring(payload FROM 1 FOR $8) AS "payload!", payload_bytes,
                  junction_id, device_id, outbox_id, seq
           FROM dead_letters
           WHERE ($1::text IS NULL OR reason = $1)
             AND ($2::text IS NULL OR topic ~ $2)
             AND ($3::uuid IS NULL OR junction_id = $3)
             AND ($4::uuid IS NULL OR device_id = $4)
             AND ($5::timestamptz IS NULL OR received_at >= $5)
             AND ($6::timestamptz IS NULL OR received_at < $6)
             AND ($7::bigint IS NULL OR dead_letter_id < $7)
           ORDER BY dead_letter_id DESC LIMIT $9"#,
        filter.reason,
        filter.topic.as_deref().map(pattern),
        filter.junction_id,
        filter.device_id,
        filter.from,
        filter.to,
        before,
        SHOWN_BYTES,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadLetter {
            dead_letter_id: row.dead_letter_id,
            received_at: row.received_at,
            topic: row.topic,
            reason: row.reason,
            detail: row.detail,
            payload: String::from_utf8_lossy(&row.payload).into_owned(),
            payload_bytes: row.payload_bytes,
            junction_id: row.junction_id,
            device_id: row.device_id,
            outbox_id: row.outbox_id,
            seq: row.seq,
        })
        .collect())
}

/// A topic filter (MQTT 3.1.1, 4.7) as a regular expression.
fn pattern(filter: &str) -> String {
    let levels = filter.split('/').map(|level| match level {
        "+" => "[^/]*".to_owned(),
        "#" => ".*".to_owned(),
        text => text.chars().fold(String::new(), |mut escaped, char| {
            if !char.is_alphanumeric() {
                escaped.push('\\');
            }
            escaped.push(char);
            escaped
        }),
    });
    let joined = levels.collect::<Vec<_>>().join("/");
    // `a/#` also matches `a`.
    let joined = joined.strip_suffix("/.*").map_or(joined.clone(), |parent| format!("{parent}(/.*)?"));
    format!("^{joined}$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_filters_are_patterns() {
        assert_eq!(pattern("flextraff/+/car-counts"), r"^flextraff/[^/]*/car\-counts$");
        assert_eq!((pattern("a.b/#").as_str(), pattern("#").as_str()), (r"^a\.b(/.*)?$", "^.*$"));
    }
}
