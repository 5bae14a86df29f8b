//! Stores rows and passages, keeps the clock of each uptime, and drops the oldest when the file is full.

use super::row::{ClockFixRow, GapRow, RowBody, Stamp, stored_as};
use super::{Durability, Outbox, OutboxError, id_column, open, pragma, text_column};
use flextraff_common::ids::{BootId, DeviceId, JunctionId, LaneId, Seq};
use flextraff_common::time::{ClockState, Moment, MonoMs};
use flextraff_common::wire::topics::Topic;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::BTreeSet;

/// What a flush stores, all or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Rows that an earlier uptime left to be made, with that uptime's times; numbered before the others.
    pub left: Vec<(BootId, RowBody)>,
    /// New rows, in the order in which they are to be numbered.
    pub rows: Vec<RowBody>,
    /// Passages that opened, changed or closed.
    pub passages: Vec<PassageChange>,
}

/// A passage that opened, changed or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassageChange {
    /// Names the passage.
    pub key: String,
    /// Its state; none: closed.
    pub state: Option<String>,
}

/// The stored offset follows the clock once they differ by more than this, milliseconds: slow slewing alone writes nothing.
const CLOCK_STEP_MS: u64 = 50;
/// Rows that are dropped at a time.
const DROP_ROWS: u32 = 64;
/// Dropped in this order, each kind with a gap of its own: a count is worth more than the high-resolution log, and cycles take next to no room.
/// Of a kind the oldest go that were never handed out, before those that the server may have already. Gaps and clock fixes stay.
pub(super) const DROP_ORDER: [(&str, &str); 3] = [
    ("events", "the outbox was full: events were dropped"),
    ("car_counts", "the outbox was full: counts were dropped"),
    ("cycle", "the outbox was full: cycles were dropped"),
];

const TOO_LARGE: &str = "a row was larger than a message may be";

impl Outbox {
    /// Stores a batch durably and returns the numbers of the rows that it made. A row that is too large for one message becomes several.
    ///
    /// To be called every flush interval, also with nothing to store: it also follows the clock, and writes nothing when nothing changed.
    ///
    /// # Errors
    /// Nothing is stored then; the same batch may be tried again.
    pub fn commit(&mut self, batch: &Batch, now: &Moment) -> Result<Vec<Seq>, OutboxError> {
        let path = self.path.clone();
        open::with_room(&path, || self.try_commit(batch, now))
    }

    fn try_commit(&mut self, batch: &Batch, now: &Moment) -> Result<Vec<Seq>, OutboxError> {
        let (stored, clock, mut known) = (self.clock, self.clock_now(now), self.known);
        let (boot_key, max_bytes) = (self.boot_key, self.max_bytes);
        let mut writer = self.writer(Durability::Durable, now)?;
        let clock = writer.follow_clock(stored, clock)?;
        for (boot, row) in &batch.left {
            writer.boot_key = boot_key_of(&writer.transaction, *boot)?.unwrap_or(boot_key);
            writer.add(row)?;
        }
        writer.boot_key = boot_key;
        for row in &batch.rows {
            writer.add(row)?;
            writer.newest = writer.newest.max(Some(row.span().1));
        }
        for change in &batch.passages {
            writer.store_passage(change)?;
        }
        writer.keep_below(max_bytes)?;
        // Also where it is earlier than before: a time service may have been wrong, and is heeded as it is now.
        if now.clock == ClockState::Synced
            && (!writer.seqs.is_empty() || clock != stored)
            && now.wall != known
        {
            writer.transaction.execute("UPDATE meta SET known_ms = ?1", [now.wall.0])?;
            known = now.wall;
        }
        let Written { seqs, pending, newest, oldest } = writer.commit()?;
        (self.clock, self.known, self.pending) = (clock, known, pending);
        (self.newest, self.oldest) = (newest, oldest);
        self.last_seq = seqs.last().map_or(self.last_seq, |last| last.0 as i64);
        Ok(seqs)
    }

    /// Begins to write; nothing is written until [`Writer::commit`].
    pub(super) fn writer(&mut self, durability: Durability, now: &Moment) -> Result<Writer<'_>, OutboxError> {
        let (device, junction, boot, boot_key) = (self.device, self.junction, self.boot, self.boot_key);
        let (newest, pending, oldest) = (self.newest, self.pending, self.oldest);
        let transaction = self.begin(durability)?;
        Ok(Writer {
            device,
            junction,
            boot,
            boot_key,
            now: *now,
            pending,
            seqs: Vec::new(),
            newest,
            oldest,
            transaction,
        })
    }
}

/// The key of an uptime, while its clock is still known.
fn boot_key_of(transaction: &Transaction<'_>, boot: BootId) -> Result<Option<i64>, OutboxError> {
    let key = transaction
        .query_row("SELECT id FROM boots WHERE boot_id = ?1", [boot.to_string()], |row| row.get(0))
        .optional()?;
    Ok(key)
}

/// Writes rows in one transaction.
pub(super) struct Writer<'a> {
    device: DeviceId,
    junction: JunctionId,
    boot: BootId,
    boot_key: i64,
    now: Moment,
    /// Rows in the table.
    pub(super) pending: u64,
    seqs: Vec<Seq>,
    newest: Option<MonoMs>,
    oldest: [[i64; 2]; DROP_ORDER.len()],
    pub(super) transaction: Transaction<'a>,
}

/// What is so once a transaction has ended well.
pub(super) struct Written {
    seqs: Vec<Seq>,
    pub(super) pending: u64,
    newest: Option<MonoMs>,
    oldest: [[i64; 2]; DROP_ORDER.len()],
}

struct Victim {
    seq: i64,
    lane: Option<LaneId>,
    span: Span,
}

/// A time, by uptimes in their order.
#[derive(Clone, Copy)]
pub(super) struct Span {
    from: (i64, Stamp),
    to: (i64, Stamp),
}

impl Span {
    pub(super) fn new(boot_key: i64, boot: BootId, (from, to): (MonoMs, MonoMs)) -> Self {
        let stamp = |at| (boot_key, Stamp { boot, at });
        Self { from: stamp(from), to: stamp(to) }
    }

    /// The time from the earlier start to the later end.
    fn and(self, other: Self) -> Self {
        let order = |(key, stamp): &(i64, Stamp)| (*key, stamp.at);
        Self {
            from: std::cmp::min_by_key(self.from, other.from, order),
            to: std::cmp::max_by_key(self.to, other.to, order),
        }
    }
}

impl Writer<'_> {
    /// Ends well.
    pub(super) fn commit(self) -> Result<Written, OutboxError> {
        let Self { seqs, pending, newest, oldest, transaction, .. } = self;
        transaction.commit()?;
        Ok(Written { seqs, pending, newest, oldest })
    }

    /// Stores the difference of the clocks when it moved; once it can be trusted, corrects what this uptime sent before.
    fn follow_clock(
        &mut self,
        stored: (i64, ClockState),
        present: (i64, ClockState),
    ) -> Result<(i64, ClockState), OutboxError> {
        let (offset, state) = present;
        let synced = state == ClockState::Synced;
        let mut clock = stored;
        if state != stored.1 || offset.abs_diff(stored.0) > CLOCK_STEP_MS {
            self.transaction.execute(
                "UPDATE boots SET offset_ms = ?1, synced = ?2 WHERE id = ?3",
                (offset, synced, self.boot_key),
            )?;
            clock = present;
        }
        let sent_unsynced: bool = self.transaction.query_row(
            "SELECT sent_unsynced FROM boots WHERE id = ?1",
            [self.boot_key],
            |row| row.get(0),
        )?;
        if synced && sent_unsynced {
            self.insert(&RowBody::ClockFix(ClockFixRow { at: self.now.mono, offset_ms: offset }))?;
            self.transaction.execute("UPDATE boots SET sent_unsynced = 0 WHERE id = ?1", [self.boot_key])?;
        }
        Ok(clock)
    }

    /// Stores a row, cut into several if it is too large for one message; a gap of what was lost before it came here counts as dropped.
    fn add(&mut self, row: &RowBody) -> Result<(), OutboxError> {
        if let RowBody::Gap(GapRow { rows: Some(rows), .. }) = row {
            self.transaction.execute("UPDATE meta SET dropped = dropped + ?1", [*rows as i64])?;
        }
        match row.clone().fit() {
            Some(parts) => parts.iter().try_for_each(|part| self.insert(part)),
            None => self.refuse(row),
        }
    }

    fn insert(&mut self, row: &RowBody) -> Result<(), OutboxError> {
        let seq: i64 = self.transaction.query_row(
            "UPDATE meta SET next_seq = next_seq + 1, counts_made = counts_made + ?1 RETURNING next_seq - 1",
            [matches!(row, RowBody::CarCounts(_))],
            |row| row.get(0),
        )?;
        let (start, end) = row.span();
        self.transaction
            .prepare_cached(
                "INSERT INTO rows (seq, kind, topic, boot, start_ms, end_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                seq,
                row.kind(),
                row.topic(self.junction, self.device).to_string(),
                self.boot_key,
                start.0,
                end.0,
                stored_as(row),
            ))?;
        self.pending += 1;
        self.seqs.push(Seq(seq as u64));
        Ok(())
    }

    fn refuse(&mut self, row: &RowBody) -> Result<(), OutboxError> {
        let span = Span::new(self.boot_key, self.boot, row.span());
        self.lose(span, &BTreeSet::new(), 1, TOO_LARGE)
    }

    fn store_passage(&self, change: &PassageChange) -> Result<(), OutboxError> {
        match &change.state {
            Some(state) => self
                .transaction
                .prepare_cached("INSERT OR REPLACE INTO passages (key, state) VALUES (?1, ?2)")?
                .execute((&change.key, state))?,
            None => self
                .transaction
                .prepare_cached("DELETE FROM passages WHERE key = ?1")?
                .execute([&change.key])?,
        };
        Ok(())
    }

    fn keep_below(&mut self, max_bytes: u64) -> Result<(), OutboxError> {
        let page = pragma(&self.transaction, "page_size")?;
        loop {
            let pages = pragma(&self.transaction, "page_count")?;
            let free = pragma(&self.transaction, "freelist_count")?;
            if pages.saturating_sub(free) * page <= max_bytes {
                return Ok(());
            }
            // Refused rows are among the server's dead letters too, so dropping them loses nothing.
            let parked = self.transaction.execute(
                "DELETE FROM parked WHERE seq IN (SELECT seq FROM parked ORDER BY seq LIMIT ?1)",
                [DROP_ROWS],
            )?;
            if parked == 0 && !self.drop_oldest()? {
                return Ok(());
            }
        }
    }

    fn drop_oldest(&mut self) -> Result<bool, OutboxError> {
        let order = DROP_ORDER.into_iter().enumerate();
        for ((at, (kind, reason)), handed_out) in order.flat_map(|kind| [(kind, false), (kind, true)]) {
            let turn = usize::from(handed_out);
            let victims = self.oldest(kind, handed_out, self.oldest[at][turn])?;
            self.oldest[at][turn] = match victims.last() {
                Some(last) => last.seq + 1,
                // Only newer ones can come: those that are handed out are looked for when none of the others is left.
                None => self.next_seq()?,
            };
            let Some(span) = victims.iter().map(|victim| victim.span).reduce(Span::and) else { continue };
            for victim in &victims {
                self.transaction.prepare_cached("DELETE FROM rows WHERE seq = ?1")?.execute([victim.seq])?;
            }
            self.pending = self.pending.saturating_sub(victims.len() as u64);
            let lanes = victims.iter().filter_map(|victim| victim.lane).collect();
            self.lose(span, &lanes, victims.len() as u64, reason)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn next_seq(&self) -> Result<i64, OutboxError> {
        Ok(self.transaction.query_row("SELECT next_seq FROM meta", [], |row| row.get(0))?)
    }

    /// The oldest rows of a kind that were handed out, or that were not; none is before `first`.
    fn oldest(&self, kind: &str, handed_out: bool, first: i64) -> Result<Vec<Victim>, OutboxError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT seq, topic, boot, boot_id, start_ms, end_ms FROM rows JOIN boots ON boots.id = rows.boot
             WHERE kind = ?1 AND frozen = ?2 AND seq >= ?3 ORDER BY seq LIMIT ?4",
        )?;
        let victims = statement.query_map((kind, handed_out, first, DROP_ROWS), |row| {
            let lane = text_column(row, 1)?.and_then(|topic| lane_of(&topic));
            let times = (MonoMs(row.get(4)?), MonoMs(row.get(5)?));
            let span = Span::new(row.get(2)?, BootId(id_column(row, 3)?), times);
            Ok(Victim { seq: row.get(0)?, lane, span })
        })?;
        Ok(victims.collect::<Result<_, _>>()?)
    }

    /// Counts a loss, and tells of it in the gap of the same reason that grows until it is first sent.
    pub(super) fn lose(
        &mut self,
        span: Span,
        lanes: &BTreeSet<LaneId>,
        rows: u64,
        reason: &str,
    ) -> Result<(), OutboxError> {
        self.transaction.execute("UPDATE meta SET dropped = dropped + ?1", [rows as i64])?;
        let Some((seq, mut gap)) = self.growing_gap(reason)? else {
            return self.insert(&RowBody::Gap(GapRow {
                from: Some(span.from.1),
                to: Some(span.to.1),
                noticed: self.now.mono,
                lanes: lanes.iter().copied().collect(),
                rows: Some(rows),
                reason: reason.to_owned(),
            }));
        };
        // An empty list means all lanes, so that it must stay empty.
        if !gap.lanes.is_empty() {
            let merged: BTreeSet<LaneId> = gap.lanes.iter().chain(lanes).copied().collect();
            gap.lanes = if lanes.is_empty() { Vec::new() } else { merged.into_iter().collect() };
        }
        let mut whole = span;
        if let (Some(from), Some(to)) = (gap.from, gap.to)
            && let Some(from_key) = boot_key_of(&self.transaction, from.boot)?
            && let Some(to_key) = boot_key_of(&self.transaction, to.boot)?
        {
            whole = span.and(Span { from: (from_key, from), to: (to_key, to) });
        }
        (gap.from, gap.to) = (Some(whole.from.1), Some(whole.to.1));
        gap.rows = gap.rows.map(|before| before + rows);
        self.transaction
            .execute("UPDATE rows SET body = ?1 WHERE seq = ?2", (stored_as(&RowBody::Gap(gap)), seq))?;
        Ok(())
    }

    /// The gap of this reason that has not been sent yet.
    fn growing_gap(&self, reason: &str) -> Result<Option<(i64, GapRow)>, OutboxError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT seq, body FROM rows WHERE kind = 'gap' AND frozen = 0 ORDER BY seq DESC",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // One that cannot be read is parked when it is to be sent.
            if let Some(body) = text_column(row, 1)?
                && let Ok(RowBody::Gap(gap)) = serde_json::from_str(&body)
                && gap.reason == reason
            {
                return Ok(Some((row.get(0)?, gap)));
            }
        }
        Ok(None)
    }
}

/// The lane whose counts a topic is for.
pub(super) fn lane_of(topic: &str) -> Option<LaneId> {
    match topic.parse() {
        Ok(Topic::CarCounts(_, lane)) => Some(lane),
        _ => None,
    }
}
