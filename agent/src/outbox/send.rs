//! Hands rows out, freezing their wall times the first time, and releases those that the server answered.

use super::row::RowBody;
use super::write::{Span, lane_of};
use super::{Durability, Outbox, OutboxError, id_column, open, text_column};
use flextraff_common::ids::{BootId, JunctionId, Seq};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Ack, Delivery, RejectCode};
use rusqlite::{Connection, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// A row on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number.
    pub seq: Seq,
    /// Where it is published.
    pub topic: Topic,
    /// The same bytes each time it is handed out.
    pub payload: String,
}

/// How much may be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Rows.
    pub rows: usize,
    /// Bytes of payload.
    pub bytes: usize,
}

/// What an ack released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Rows that the server has.
    pub committed: usize,
    /// Rows that it will never take.
    pub parked: usize,
}

/// Rows whose own time is at most this much before that of the newest row ever made go before the backlog, milliseconds. Not the newest that is
/// left: then the whole backlog would go newest first.
const LIVE_MS: i64 = 10_000;
/// Refused rows that are kept to be looked at.
const KEPT_PARKED: u32 = 500;

/// What the gap says of rows that a card has spoilt, or that another version wrote.
const UNREADABLE: &str = "rows of the outbox could not be read: they are kept apart";

/// A row as it lies in the table; texts that a card has spoilt are none.
struct Stored {
    topic: Option<String>,
    boot: i64,
    start: MonoMs,
    end: MonoMs,
    frozen: bool,
    body: Option<String>,
}

/// What an uptime's monotonic times mean.
#[derive(Clone, Copy)]
struct BootClock {
    id: BootId,
    offset: i64,
    state: ClockState,
}

/// Which rows to park.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parking {
    /// Those that were handed out: an ack can mean no others.
    HandedOut,
    /// All, because they cannot be read.
    Unreadable,
}

impl Stored {
    /// What is published, with the wall time that `wall` gives each moment; none where it cannot be read.
    fn payload(
        &self,
        junction: JunctionId,
        delivery: Delivery,
        wall: impl Fn(BootId, MonoMs) -> UnixMs,
    ) -> Option<String> {
        let body = self.body.as_ref()?;
        if self.frozen {
            return Some(body.clone());
        }
        Some(serde_json::from_str::<RowBody>(body).ok()?.payload(junction, delivery, wall))
    }
}

impl Outbox {
    /// Rows to send now: the newest first, as far as they are only seconds old, then the backlog, oldest first; never one of `in_flight`.
    /// Rows that are handed out for the first time get their wall times, by the clock of the uptime in which they were made. Those that cannot be
    /// read are parked, and a gap tells of them.
    ///
    /// # Errors
    /// When the database cannot be read or written; nothing is handed out then.
    pub fn next(
        &mut self,
        room: Room,
        in_flight: &BTreeSet<Seq>,
        now: &Moment,
    ) -> Result<Vec<Outgoing>, OutboxError> {
        let path = self.path.clone();
        open::with_room(&path, || self.try_next(room, in_flight, now))
    }

    fn try_next(
        &mut self,
        room: Room,
        in_flight: &BTreeSet<Seq>,
        now: &Moment,
    ) -> Result<Vec<Outgoing>, OutboxError> {
        let (device, junction, outbox, boot_key) = (self.device, self.junction, self.id, self.boot_key);
        let live = self.newest.map(|newest| (boot_key, newest.0.saturating_sub(LIVE_MS)));
        let (offset, state) = self.clock_now(now);
        let present = BootClock { id: self.boot, offset, state };
        // A number that was undone would be given again, and what then has it be taken for what the server has.
        let durability = if self.must_sync { Durability::Durable } else { Durability::Repeatable };
        let mut writer = self.writer(durability, now)?;
        let clocks = boot_clocks(&writer.transaction, boot_key, present)?;
        let wall = |boot: BootId, at: MonoMs| {
            let clock = clocks.values().find(|clock| clock.id == boot).unwrap_or(&present);
            UnixMs(at.0.saturating_add(clock.offset))
        };
        let (mut outgoing, mut bytes, mut unreadable, mut froze) = (Vec::new(), 0, 0, false);
        for number in pick(&writer.transaction, live, room.rows, in_flight)? {
            let stored = load(&writer.transaction, number)?;
            let seq = Seq(number as u64);
            let clock = clocks.get(&stored.boot).copied().unwrap_or(present);
            let delivery = Delivery {
                device_id: device,
                outbox_id: outbox,
                seq,
                boot_id: clock.id,
                mono_ms: stored.end,
                clock: clock.state,
            };
            let payload = stored.payload(junction, delivery, wall);
            let topic = stored.topic.as_ref().and_then(|topic| topic.parse().ok());
            let (Some(payload), Some(topic)) = (payload, topic) else {
                park(&writer.transaction, (number, number), Parking::Unreadable, "unreadable")?;
                let lane = stored.topic.as_deref().and_then(lane_of);
                let span = Span::new(stored.boot, clock.id, (stored.start, stored.end));
                writer.lose(span, &lane.into_iter().collect(), 1, UNREADABLE)?;
                unreadable += 1;
                continue;
            };
            bytes += payload.len();
            if bytes > room.bytes && !outgoing.is_empty() {
                break;
            }
            if !stored.frozen {
                freeze(&writer.transaction, number, &payload)?;
                froze = true;
                if clock.state == ClockState::Unsynced {
                    writer
                        .transaction
                        .execute("UPDATE boots SET sent_unsynced = 1 WHERE id = ?1", [stored.boot])?;
                }
            }
            outgoing.push(Outgoing { seq, topic, payload });
        }
        writer.pending = writer.pending.saturating_sub(unreadable);
        self.pending = writer.commit()?.pending;
        self.unreadable += unreadable;
        // Only what writes is synced.
        let is_synced = durability == Durability::Durable && (froze || unreadable > 0);
        self.must_sync = !is_synced && (self.must_sync || unreadable > 0);
        Ok(outgoing)
    }

    /// Releases the rows that an ack names, as far as they were ever handed out; rejected ones are kept apart. Acks of other outboxes mean
    /// nothing here, and the same ack twice does no harm.
    ///
    /// # Errors
    /// When the database cannot be written; the rows stay then, and are sent and answered again.
    pub fn handle_ack(&mut self, ack: &Ack) -> Result<Released, OutboxError> {
        if ack.outbox_id != self.id {
            return Ok(Released::default());
        }
        let mut released = Released::default();
        let transaction = self.begin(Durability::Repeatable)?;
        for (first, last) in ack.committed.iter().filter_map(|&(first, last)| bounds(first, last)) {
            released.committed += transaction
                .prepare_cached("DELETE FROM rows WHERE seq BETWEEN ?1 AND ?2 AND frozen = 1")?
                .execute((first, last))?;
        }
        for &(first, last, code) in &ack.rejected {
            if let Some((first, last)) = bounds(first, last) {
                released.parked += park(&transaction, (first, last), Parking::HandedOut, code_name(code))?;
            }
        }
        transaction.commit()?;
        self.pending = self.pending.saturating_sub((released.committed + released.parked) as u64);
        Ok(released)
    }
}

/// A range as SQLite numbers it; none when it is empty.
fn bounds(first: u64, last: u64) -> Option<(i64, i64)> {
    let first = i64::try_from(first).ok()?;
    let last = i64::try_from(last).unwrap_or(i64::MAX);
    (first <= last).then_some((first, last))
}

fn code_name(code: RejectCode) -> &'static str {
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

/// Numbers of the rows to hand out, in order; `live`: the uptime whose rows from this moment on go first.
fn pick(
    connection: &Connection,
    live: Option<(i64, i64)>,
    limit: usize,
    in_flight: &BTreeSet<Seq>,
) -> Result<Vec<i64>, OutboxError> {
    let waits = |seq: i64| !in_flight.contains(&Seq(seq as u64));
    let mut picked = Vec::new();
    if let Some((boot_key, since)) = live {
        let mut newest = connection.prepare_cached("SELECT seq, boot, end_ms FROM rows ORDER BY seq DESC")?;
        let mut rows = newest.query([])?;
        while picked.len() < limit
            && let Some(row) = rows.next()?
        {
            let (seq, boot, end): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if boot != boot_key || end < since {
                break;
            }
            if waits(seq) {
                picked.push(seq);
            }
        }
    }
    let fresh: BTreeSet<i64> = picked.iter().copied().collect();
    let mut backlog = connection.prepare_cached("SELECT seq FROM rows ORDER BY seq")?;
    let mut rows = backlog.query([])?;
    while picked.len() < limit
        && let Some(row) = rows.next()?
    {
        let seq = row.get(0)?;
        if fresh.contains(&seq) {
            break;
        }
        if waits(seq) {
            picked.push(seq);
        }
    }
    Ok(picked)
}

fn load(connection: &Connection, seq: i64) -> Result<Stored, rusqlite::Error> {
    connection
        .prepare_cached("SELECT topic, boot, start_ms, end_ms, frozen, body FROM rows WHERE seq = ?1")?
        .query_row([seq], |row| {
            Ok(Stored {
                topic: text_column(row, 0)?,
                boot: row.get(1)?,
                start: MonoMs(row.get(2)?),
                end: MonoMs(row.get(3)?),
                frozen: row.get(4)?,
                body: text_column(row, 5)?,
            })
        })
}

/// The clock of every uptime by its key: the present one as it is now, the others as last stored.
fn boot_clocks(
    connection: &Connection,
    boot_key: i64,
    present: BootClock,
) -> Result<BTreeMap<i64, BootClock>, OutboxError> {
    let mut statement = connection.prepare_cached("SELECT id, boot_id, offset_ms, synced FROM boots")?;
    let rows = statement.query_map([], |row| {
        let state = if row.get(3)? { ClockState::Synced } else { ClockState::Unsynced };
        Ok((row.get(0)?, BootClock { id: BootId(id_column(row, 1)?), offset: row.get(2)?, state }))
    })?;
    let mut clocks = rows.collect::<Result<BTreeMap<i64, BootClock>, _>>()?;
    clocks.insert(boot_key, present);
    Ok(clocks)
}

fn freeze(transaction: &Transaction<'_>, seq: i64, payload: &str) -> Result<(), OutboxError> {
    transaction
        .prepare_cached("UPDATE rows SET frozen = 1, body = ?1 WHERE seq = ?2")?
        .execute((payload, seq))?;
    Ok(())
}

/// Takes rows out of the way that the server will never take.
fn park(
    transaction: &Transaction<'_>,
    (first, last): (i64, i64),
    which: Parking,
    code: &str,
) -> Result<usize, OutboxError> {
    let all = which == Parking::Unreadable;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO parked (seq, topic, code, body)
             SELECT seq, topic, ?4, body FROM rows WHERE seq BETWEEN ?1 AND ?2 AND (frozen = 1 OR ?3)",
        )?
        .execute((first, last, all, code))?;
    let parked = transaction
        .prepare_cached("DELETE FROM rows WHERE seq BETWEEN ?1 AND ?2 AND (frozen = 1 OR ?3)")?
        .execute((first, last, all))?;
    transaction.execute("UPDATE meta SET parked = parked + ?1", [parked as i64])?;
    transaction.execute(
        "DELETE FROM parked WHERE seq <= (SELECT seq FROM parked ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
        [KEPT_PARKED],
    )?;
    Ok(parked)
}
