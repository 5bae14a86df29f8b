//! Stores rows and passages, keeps the clock of each uptime, and drops the oldest when the file is full.

use super::row::{ClockFixRow, GapRow, RowBody, Stamp};
use super::{Durability, Outbox, OutboxError, id_column, offset_of, pragma};
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
/// Dropped in this order, the oldest first. Gaps and clock fixes stay.
const DROP_ORDER: [&str; 3] = ["car_counts", "events", "cycle"];

const FULL: &str = "the outbox was full";
const TOO_LARGE: &str = "a row was larger than a message may be";

impl Outbox {
    /// Stores a batch durably and returns the numbers of the rows that it made. A row that is too large for one message becomes several.
    ///
    /// To be called every flush interval, also with nothing to store: it also follows the clock, and writes nothing when nothing changed.
    ///
    /// # Errors
    /// Nothing is stored then; the same batch may be tried again.
    pub fn commit(&mut self, batch: &Batch, now: &Moment) -> Result<Vec<Seq>, OutboxError> {
        let (clock, pending, max_bytes) = (self.clock, self.pending, self.max_bytes);
        let (device, junction, boot, boot_key) = (self.device, self.junction, self.boot, self.boot_key);
        let transaction = self.begin(Durability::Durable)?;
        let mut writer = Writer {
            device,
            junction,
            boot,
            boot_key,
            now: *now,
            pending,
            seqs: Vec::new(),
            transaction: &transaction,
        };
        let clock = writer.follow_clock(clock)?;
        for (boot, row) in &batch.left {
            writer.boot_key = boot_key_of(&transaction, *boot)?.unwrap_or(boot_key);
            writer.add(row)?;
        }
        writer.boot_key = boot_key;
        for row in &batch.rows {
            writer.add(row)?;
        }
        for change in &batch.passages {
            writer.store_passage(change)?;
        }
        writer.keep_below(max_bytes)?;
        let Writer { pending, seqs, .. } = writer;
        transaction.commit()?;
        (self.clock, self.pending) = (clock, pending);
        Ok(seqs)
    }
}

/// The key of an uptime, while its clock is still known.
fn boot_key_of(transaction: &Transaction<'_>, boot: BootId) -> Result<Option<i64>, OutboxError> {
    let key = transaction
        .query_row("SELECT id FROM boots WHERE boot_id = ?1", [boot.to_string()], |row| row.get(0))
        .optional()?;
    Ok(key)
}

struct Writer<'a> {
    device: DeviceId,
    junction: JunctionId,
    boot: BootId,
    boot_key: i64,
    now: Moment,
    pending: u64,
    seqs: Vec<Seq>,
    transaction: &'a Transaction<'a>,
}

struct Victim {
    seq: i64,
    lane: Option<LaneId>,
    from: Stamp,
    to: Stamp,
}

impl Writer<'_> {
    /// Stores the difference of the clocks when it moved; once it can be trusted, corrects what this uptime sent before.
    fn follow_clock(&mut self, stored: (i64, ClockState)) -> Result<(i64, ClockState), OutboxError> {
        let offset = offset_of(&self.now);
        let synced = self.now.clock == ClockState::Synced;
        let mut clock = stored;
        if self.now.clock != stored.1 || offset.abs_diff(stored.0) > CLOCK_STEP_MS {
            self.transaction.execute(
                "UPDATE boots SET offset_ms = ?1, synced = ?2 WHERE id = ?3",
                (offset, synced, self.boot_key),
            )?;
            clock = (offset, self.now.clock);
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

    /// Stores a row, cut into several if it is too large for one message.
    fn add(&mut self, row: &RowBody) -> Result<(), OutboxError> {
        match row.clone().fit() {
            Ok(parts) => parts.iter().try_for_each(|part| self.insert(part)),
            Err(whole) => self.refuse(&whole),
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
                to_json(row),
            ))?;
        self.pending += 1;
        self.seqs.push(Seq(seq as u64));
        Ok(())
    }

    fn refuse(&mut self, row: &RowBody) -> Result<(), OutboxError> {
        let (start, end) = row.span();
        let stamp = |at| Stamp { boot: self.boot, at };
        self.lose(stamp(start), stamp(end), &BTreeSet::new(), 1, TOO_LARGE)
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
        for kind in DROP_ORDER {
            let victims = self.oldest(kind)?;
            let (Some(first), Some(last)) = (victims.first(), victims.last()) else { continue };
            for victim in &victims {
                self.transaction.prepare_cached("DELETE FROM rows WHERE seq = ?1")?.execute([victim.seq])?;
            }
            self.pending = self.pending.saturating_sub(victims.len() as u64);
            let lanes = victims.iter().filter_map(|victim| victim.lane).collect();
            let (from, to) = (first.from, last.to);
            self.lose(from, to, &lanes, victims.len() as u64, FULL)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn oldest(&self, kind: &str) -> Result<Vec<Victim>, OutboxError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT seq, topic, boot_id, start_ms, end_ms FROM rows JOIN boots ON boots.id = rows.boot
             WHERE kind = ?1 ORDER BY seq LIMIT ?2",
        )?;
        let victims = statement.query_map((kind, DROP_ROWS), |row| {
            let boot = BootId(id_column(row, 2)?);
            let lane = match row.get::<_, String>(1)?.parse() {
                Ok(Topic::CarCounts(_, lane)) => Some(lane),
                _ => None,
            };
            Ok(Victim {
                seq: row.get(0)?,
                lane,
                from: Stamp { boot, at: MonoMs(row.get(3)?) },
                to: Stamp { boot, at: MonoMs(row.get(4)?) },
            })
        })?;
        Ok(victims.collect::<Result<_, _>>()?)
    }

    /// Counts a loss, and tells of it in the gap that grows until it is first sent.
    fn lose(
        &mut self,
        from: Stamp,
        to: Stamp,
        lanes: &BTreeSet<LaneId>,
        rows: u64,
        reason: &str,
    ) -> Result<(), OutboxError> {
        self.transaction.execute("UPDATE meta SET dropped = dropped + ?1", [rows as i64])?;
        let growing = self
            .transaction
            .query_row(
                "SELECT seq, body FROM rows WHERE kind = 'gap' AND frozen = 0 ORDER BY seq DESC LIMIT 1",
                [],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
            )
            .optional()?
            .and_then(|(seq, body)| Some((seq, serde_json::from_str(&body).ok()?)));
        match growing {
            Some((seq, RowBody::Gap(mut gap))) if gap.reason == reason => {
                // An empty list means all lanes, so that it must stay empty.
                if !gap.lanes.is_empty() {
                    let merged: BTreeSet<LaneId> = gap.lanes.iter().chain(lanes).copied().collect();
                    gap.lanes = if lanes.is_empty() { Vec::new() } else { merged.into_iter().collect() };
                }
                gap.to = Some(to);
                gap.rows = gap.rows.map(|before| before + rows);
                self.transaction.execute(
                    "UPDATE rows SET body = ?1 WHERE seq = ?2",
                    (to_json(&RowBody::Gap(gap)), seq),
                )?;
                Ok(())
            }
            _ => self.insert(&RowBody::Gap(GapRow {
                from: Some(from),
                to: Some(to),
                noticed: self.now.mono,
                lanes: lanes.iter().copied().collect(),
                rows: Some(rows),
                reason: reason.to_owned(),
            })),
        }
    }
}

fn to_json(row: &RowBody) -> String {
    serde_json::to_string(row).expect("rows serialise to JSON: their map keys are strings")
}
