//! Messages that cannot be used.

use chrono::{DateTime, Utc};
use flextraff_common::wire::{MAX_PAYLOAD, RejectCode};
use sqlx::PgConnection;

/// Most characters of a topic and of a reason that are kept.
const MAX_TOPIC: usize = 1000;
const MAX_DETAIL: usize = 2000;

/// Keeps a message with the reason. A row of an outbox that is refused again stays one dead letter.
pub async fn insert(
    db: &mut PgConnection,
    topic: &str,
    payload: &[u8],
    refusal: &crate::ingest::Refusal,
    received: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let cut =
        |text: &str, most: usize| text.chars().filter(|&char| char != '\0').take(most).collect::<String>();
    let delivery = refusal.delivery.as_ref();
    sqlx::query!(
        "INSERT INTO dead_letters (topic, payload, payload_bytes, reason, detail, junction_id, device_id, outbox_id, seq, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        cut(topic, MAX_TOPIC),
        &payload[..payload.len().min(MAX_PAYLOAD)],
        i32::try_from(payload.len()).unwrap_or(i32::MAX),
        code_name(refusal.code),
        cut(&refusal.detail, MAX_DETAIL),
        refusal.junction.map(|junction| junction.0),
        refusal.device.map(|device| device.0),
        delivery.map(|delivery| delivery.outbox_id.0),
        delivery.map(|delivery| delivery.seq.0 as i64),
        received,
    )
    .execute(db)
    .await?;
    Ok(())
}

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
