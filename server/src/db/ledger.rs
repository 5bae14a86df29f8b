//! Which rows of which outbox are stored: what makes storing twice impossible.

use flextraff_common::wire::Delivery;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Enters rows into the ledger; says of each whether it is new. Rows that stand twice in `rows` are new once.
///
/// The ledgers of the senders stay locked until the transaction ends, so that the same row in another transaction waits, and then is not new.
pub async fn enter(db: &mut PgConnection, rows: &[&Delivery]) -> Result<Vec<bool>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let devices: Vec<Uuid> = rows.iter().map(|row| row.device_id.0).collect();
    let outboxes: Vec<Uuid> = rows.iter().map(|row| row.outbox_id.0).collect();
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq.0 as i64).collect();
    sqlx::query!(
        "INSERT INTO ingest_ledger (device_id, outbox_id)
         SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS r(device_id, outbox_id) ORDER BY 1, 2
         ON CONFLICT DO NOTHING",
        &devices,
        &outboxes
    )
    .execute(&mut *db)
    .await?;
    // A statement of its own: the next one must see what others committed while this one waited for the lock.
    sqlx::query!(
        "SELECT 1 AS one FROM ingest_ledger
         WHERE (device_id, outbox_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
         ORDER BY device_id, outbox_id FOR UPDATE",
        &devices,
        &outboxes
    )
    .fetch_all(&mut *db)
    .await?;
    let stored = sqlx::query!(
        r#"SELECT r.device_id AS "device_id!", r.outbox_id AS "outbox_id!", r.seq AS "seq!"
           FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r(device_id, outbox_id, seq)
           JOIN ingest_ledger l ON l.device_id = r.device_id AND l.outbox_id = r.outbox_id AND l.seqs @> r.seq"#,
        &devices,
        &outboxes,
        &seqs
    )
    .fetch_all(&mut *db)
    .await?;
    let mut seen: BTreeSet<(Uuid, Uuid, i64)> =
        stored.into_iter().map(|row| (row.device_id, row.outbox_id, row.seq)).collect();
    let new: Vec<bool> = devices
        .iter()
        .zip(&outboxes)
        .zip(&seqs)
        .map(|((&device, &outbox), &seq)| seen.insert((device, outbox, seq)))
        .collect();
    sqlx::query!(
        "UPDATE ingest_ledger l SET seqs = l.seqs + r.seqs
         FROM (SELECT device_id, outbox_id, range_agg(int8range(seq, seq, '[]')) AS seqs
               FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r(device_id, outbox_id, seq)
               GROUP BY device_id, outbox_id) r
         WHERE l.device_id = r.device_id AND l.outbox_id = r.outbox_id",
        &devices,
        &outboxes,
        &seqs
    )
    .execute(&mut *db)
    .await?;
    Ok(new)
}
