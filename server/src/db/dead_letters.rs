//! Messages that cannot be used.

use chrono::{DateTime, Utc};
use flextraff_common::wire::{Delivery, MAX_PAYLOAD, RejectCode};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use uuid::Uuid;

/// Most characters of a topic and of a reason that are kept.
const MAX_TOPIC: usize = 1000;
const MAX_DETAIL: usize = 2000;

/// Most that are kept of one device, and of all devices of a junction, within an hour of the clock: a device gone mad fills no disk. Further ones
/// are summed up.
const MOST_OF_DEVICE: i64 = 1000;
const MOST_OF_JUNCTION: i64 = 5000;

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
    /// Whether it has put its row into the ledger; `None`: it is no row of a device of its junction.
    pub entered: Option<bool>,
}

impl NewLetter<'_> {
    /// The hour in which it came, and the junction in its topic; `None`: it names none.
    fn place(&self) -> (i64, Option<Uuid>) {
        (self.received.timestamp().div_euclid(3600), self.refusal.junction.map(|junction| junction.0))
    }

    fn device(&self) -> Option<Uuid> {
        self.refusal.device.map(|device| device.0)
    }
}

/// How many letters there are of each hour, junction and device. Who speaks as a device may give any id in what it sends, but only under its own
/// junction: so both are counted.
#[derive(Debug, Default)]
struct Kept {
    of_junction: BTreeMap<(i64, Option<Uuid>), i64>,
    of_device: BTreeMap<(i64, Option<Uuid>, Option<Uuid>), i64>,
}

impl Kept {
    async fn load(db: &mut PgConnection, letters: &[NewLetter<'_>]) -> sqlx::Result<Self> {
        let places: BTreeSet<_> = letters.iter().map(NewLetter::place).collect();
        let (hours, junctions): (Vec<i64>, Vec<Option<Uuid>>) = places.into_iter().unzip();
        let rows = sqlx::query!(
            r#"SELECT hour AS "hour!", p.junction AS "junction?", l.device_id AS "device?", count(*) AS "letters!"
               FROM unnest($1::bigint[], $2::uuid[]) AS p (hour, junction),
                    LATERAL (SELECT to_timestamp(hour * 3600) AS since, to_timestamp((hour + 1) * 3600) AS until) AS span,
                    LATERAL (SELECT device_id FROM dead_letters
                             WHERE junction_id = p.junction AND received_at >= since AND received_at < until AND sum_of IS NULL
                             UNION ALL
                             SELECT device_id FROM dead_letters
                             WHERE p.junction IS NULL AND junction_id IS NULL AND received_at >= since AND received_at < until
                                 AND sum_of IS NULL) AS l
               GROUP BY 1, 2, 3"#,
            &hours,
            &junctions as &[Option<Uuid>],
        )
        .fetch_all(db)
        .await?;
        let mut kept = Self::default();
        for row in rows {
            kept.add((row.hour, row.junction), row.device, row.letters);
        }
        Ok(kept)
    }

    fn add(&mut self, place: (i64, Option<Uuid>), device: Option<Uuid>, count: i64) {
        *self.of_junction.entry(place).or_default() += count;
        *self.of_device.entry((place.0, place.1, device)).or_default() += count;
    }

    /// Whether a further letter is kept as it is.
    fn has_room(&mut self, letter: &NewLetter<'_>) -> bool {
        let (place, device) = (letter.place(), letter.device());
        let of_junction = self.of_junction.get(&place).copied().unwrap_or_default();
        let of_device = self.of_device.get(&(place.0, place.1, device)).copied().unwrap_or_default();
        let has_room = of_junction < MOST_OF_JUNCTION && of_device < MOST_OF_DEVICE;
        if has_room {
            self.add(place, device, 1);
        }
        has_room
    }
}

/// Keeps messages with the reason: so many of a device within an hour, and the sum of the others. A row of an outbox that is refused again stays
/// one dead letter.
pub async fn insert(db: &mut PgConnection, letters: &[NewLetter<'_>]) -> Result<(), sqlx::Error> {
    if letters.is_empty() {
        return Ok(());
    }
    let mut kept = Kept::load(db, letters).await?;
    let (whole, further): (Vec<&NewLetter<'_>>, Vec<_>) =
        letters.iter().partition(|letter| kept.has_room(letter));
    insert_whole(db, &whole).await?;
    add_up(db, &further).await
}

fn cut(text: &str, most: usize) -> String {
    text.chars().filter(|&char| char != '\0').take(most).collect()
}

async fn insert_whole(db: &mut PgConnection, letters: &[&NewLetter<'_>]) -> Result<(), sqlx::Error> {
    if letters.is_empty() {
        return Ok(());
    }
    let topics: Vec<String> = letters.iter().map(|letter| cut(letter.topic, MAX_TOPIC)).collect();
    let payloads: Vec<&[u8]> =
        letters.iter().map(|letter| &letter.payload[..letter.payload.len().min(MAX_PAYLOAD)]).collect();
    let sizes: Vec<i32> =
        letters.iter().map(|letter| i32::try_from(letter.size).unwrap_or(i32::MAX)).collect();
    let reasons: Vec<&str> = letters.iter().map(|letter| code_name(letter.refusal.code)).collect();
    let details: Vec<String> = letters.iter().map(|letter| cut(&letter.refusal.detail, MAX_DETAIL)).collect();
    let junctions: Vec<Option<Uuid>> = letters.iter().map(|letter| letter.place().1).collect();
    let devices: Vec<Option<Uuid>> = letters.iter().map(|letter| letter.device()).collect();
    let rows = letters.iter().map(|letter| letter.refusal.delivery.as_ref());
    let (outboxes, seqs): (Vec<Option<Uuid>>, Vec<Option<i64>>) =
        rows.map(|row| row.map(|row| (row.outbox_id.0, row.seq.0 as i64)).unzip()).unzip();
    let received: Vec<DateTime<Utc>> = letters.iter().map(|letter| letter.received).collect();
    sqlx::query!(
        "INSERT INTO dead_letters (topic, payload, payload_bytes, reason, detail, junction_id, device_id, outbox_id, seq, received_at)
         SELECT * FROM unnest($1::text[], $2::bytea[], $3::integer[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::uuid[],
             $9::bigint[], $10::timestamptz[])
         ON CONFLICT DO NOTHING",
        &topics,
        &payloads as &[&[u8]],
        &sizes,
        &reasons as &[&str],
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

/// Messages that are not kept each: hour, junction, device and outbox whose rows they are, and the reason. Ids that a message only claims to have
/// are left out: there may be as many of them as messages.
type SumKey = (i64, Option<Uuid>, Option<Uuid>, Option<Uuid>, &'static str);

struct Sum<'a> {
    first: &'a NewLetter<'a>,
    messages: i64,
    rows: Vec<u64>,
}

/// Counts messages that are not kept each, and notes which rows they were. A row that was refused before stands in a letter or a sum already.
async fn add_up(db: &mut PgConnection, letters: &[&NewLetter<'_>]) -> Result<(), sqlx::Error> {
    let mut sums: BTreeMap<SumKey, Sum<'_>> = BTreeMap::new();
    for letter in letters.iter().filter(|letter| letter.entered != Some(false)) {
        let row = letter.refusal.delivery.as_ref().filter(|_| letter.entered.is_some());
        let (device, outbox) = row.map(|row| (row.device_id.0, row.outbox_id.0)).unzip();
        let (hour, junction) = letter.place();
        let sum = sums
            .entry((hour, junction, device, outbox, code_name(letter.refusal.code)))
            .or_insert_with(|| Sum { first: letter, messages: 0, rows: Vec::new() });
        sum.messages += 1;
        sum.rows.extend(row.map(|row| row.seq.0));
    }
    if sums.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "Further messages within the hour that could not be used for this reason; of a device {MOST_OF_DEVICE} are kept, of a junction {MOST_OF_JUNCTION}, and the others are counted"
    );
    let hours: Vec<i64> = sums.keys().map(|key| key.0).collect();
    let junctions: Vec<Option<Uuid>> = sums.keys().map(|key| key.1).collect();
    let devices: Vec<Option<Uuid>> = sums.keys().map(|key| key.2).collect();
    let outboxes: Vec<Option<Uuid>> = sums.keys().map(|key| key.3).collect();
    let reasons: Vec<&str> = sums.keys().map(|key| key.4).collect();
    let topics: Vec<String> = sums.values().map(|sum| cut(sum.first.topic, MAX_TOPIC)).collect();
    let received: Vec<DateTime<Utc>> = sums.values().map(|sum| sum.first.received).collect();
    let messages: Vec<i64> = sums.values().map(|sum| sum.messages).collect();
    let rows: Vec<String> = sums
        .values()
        .map(|sum| {
            let ranges: Vec<String> = sum.rows.iter().map(|row| format!("[{row},{row}]")).collect();
            format!("{{{}}}", ranges.join(","))
        })
        .collect();
    // In the order of their keys, as every other batch that adds to some of them.
    sqlx::query!(
        "INSERT INTO dead_letters (topic, payload, payload_bytes, reason, detail, junction_id, device_id, outbox_id, received_at, sum_of, messages, seqs)
         SELECT topic, '', 0, reason, $1, junction, device, outbox, received, to_timestamp(hour * 3600), messages, seqs::int8multirange
         FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::timestamptz[], $9::bigint[], $10::text[])
             AS s(hour, junction, device, outbox, reason, topic, received, messages, seqs)
         ON CONFLICT (sum_of, coalesce(junction_id, '00000000-0000-0000-0000-000000000000'),
             coalesce(device_id, '00000000-0000-0000-0000-000000000000'), coalesce(outbox_id, '00000000-0000-0000-0000-000000000000'), reason)
             WHERE sum_of IS NOT NULL
         DO UPDATE SET messages = dead_letters.messages + excluded.messages, seqs = dead_letters.seqs + excluded.seqs",
        detail,
        &hours,
        &junctions as &[Option<Uuid>],
        &devices as &[Option<Uuid>],
        &outboxes as &[Option<Uuid>],
        &reasons as &[&str],
        &topics,
        &received,
        &messages,
        &rows,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes rows that are not new out of the dead letters, and makes them new: they were refused when they came before, and can be used now. Letters
/// that the ledger does not know rows by stay: the row was stored, or somebody else has claimed to be its sender.
pub async fn take_back(
    db: &mut PgConnection,
    rows: &[&Delivery],
    new: &mut [bool],
) -> Result<(), sqlx::Error> {
    let known: Vec<usize> = (0..rows.len()).filter(|&at| !new[at]).collect();
    if known.is_empty() {
        return Ok(());
    }
    let devices: Vec<Uuid> = known.iter().map(|&at| rows[at].device_id.0).collect();
    let outboxes: Vec<Uuid> = known.iter().map(|&at| rows[at].outbox_id.0).collect();
    let seqs: Vec<i64> = known.iter().map(|&at| rows[at].seq.0 as i64).collect();
    let found = sqlx::query!(
        r#"DELETE FROM dead_letters d USING unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r(device_id, outbox_id, seq)
           WHERE d.device_id = r.device_id AND d.outbox_id = r.outbox_id AND d.seq = r.seq AND d.in_ledger
           RETURNING d.device_id AS "device_id!", d.outbox_id AS "outbox_id!", d.seq AS "seq!""#,
        &devices,
        &outboxes,
        &seqs,
    )
    .fetch_all(&mut *db)
    .await?;
    let found = found.into_iter().map(|row| (row.device_id, row.outbox_id, row.seq));
    let summed = take_out_of_sums(db, &devices, &outboxes, &seqs).await?;
    for refused in found.chain(summed) {
        let is_it =
            |&&at: &&usize| (rows[at].device_id.0, rows[at].outbox_id.0, rows[at].seq.0 as i64) == refused;
        // The first of those that came: the others repeat it.
        if let Some(&at) = known.iter().find(is_it) {
            new[at] = true;
        }
    }
    Ok(())
}

/// Takes rows out of the sums in which they stand, and answers with them.
async fn take_out_of_sums(
    db: &mut PgConnection,
    devices: &[Uuid],
    outboxes: &[Uuid],
    seqs: &[i64],
) -> Result<Vec<(Uuid, Uuid, i64)>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT DISTINCT d.dead_letter_id, r.device_id AS "device_id!", r.outbox_id AS "outbox_id!", r.seq AS "seq!"
           FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r(device_id, outbox_id, seq)
           JOIN dead_letters d ON d.device_id = r.device_id AND d.outbox_id = r.outbox_id AND d.sum_of IS NOT NULL AND d.seqs @> r.seq"#,
        devices,
        outboxes,
        seqs,
    )
    .fetch_all(&mut *db)
    .await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let letters: Vec<i64> = found.iter().map(|row| row.dead_letter_id).collect();
    let rows: Vec<i64> = found.iter().map(|row| row.seq).collect();
    sqlx::query!(
        "UPDATE dead_letters d SET seqs = d.seqs - t.seqs, messages = d.messages - t.messages
         FROM (SELECT letter, range_agg(int8range(seq, seq, '[]')) AS seqs, count(*) AS messages
               FROM unnest($1::bigint[], $2::bigint[]) AS t(letter, seq) GROUP BY letter) t
         WHERE d.dead_letter_id = t.letter",
        &letters,
        &rows,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM dead_letters WHERE dead_letter_id = ANY($1) AND messages = 0", &letters)
        .execute(db)
        .await?;
    Ok(found.into_iter().map(|row| (row.device_id, row.outbox_id, row.seq)).collect())
}

/// Notes that the ledger holds these rows because they were refused, and for no other reason.
pub async fn mark_in_ledger(db: &mut PgConnection, rows: &[Delivery]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let devices: Vec<Uuid> = rows.iter().map(|row| row.device_id.0).collect();
    let outboxes: Vec<Uuid> = rows.iter().map(|row| row.outbox_id.0).collect();
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq.0 as i64).collect();
    sqlx::query!(
        "UPDATE dead_letters d SET in_ledger = true
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r(device_id, outbox_id, seq)
         WHERE d.device_id = r.device_id AND d.outbox_id = r.outbox_id AND d.seq = r.seq",
        &devices,
        &outboxes,
        &seqs,
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

/// A message that could not be used, or the sum of many.
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
    /// For how many messages it stands: those of an hour beyond the many of which each is kept.
    pub messages: i64,
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
                  junction_id, device_id, outbox_id, seq, messages
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
            messages: row.messages,
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
