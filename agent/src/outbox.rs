//! Rows that the server has not confirmed, in SQLite: the only queue on the way up.
//!
//! A row is durable before it is offered to the broker, and leaves when the server says that it is committed (or refuses it for good). Rows
//! are made with monotonic times; wall times are computed when a row is first handed out and then never change, so that whoever receives it
//! twice receives the same bytes. Beside the rows the file keeps what must survive a restart: open passages and the last plan.
//!
//! One connection, used by one thread; the file is locked against any other process.

mod disk;
mod migrations;
mod open;
mod patience;
mod replaced;
mod row;
mod send;
mod write;

#[cfg(test)]
mod tests;

pub use open::Setup;
pub use patience::Patience;
pub use row::{ClockFixRow, CountsRow, CycleRow, EventsRow, GapRow, RowBody, Stamp};
pub use send::{Outgoing, Released, Room};
pub use write::{Batch, PassageChange};

use flextraff_common::ids::{BootId, DeviceId, JunctionId, OutboxId};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Mode, OutboxStatus};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};

/// Why the outbox could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file comes from a newer agent.
    #[error(
        "the outbox file has version {found}, this agent knows versions up to {known}; install the newer agent again, or move the file away"
    )]
    Newer {
        /// Its version.
        found: i64,
        /// The newest version that this agent knows.
        known: i64,
    },
    /// No space left; nothing that is stored is lost, and the same call may succeed later.
    #[error(
        "no space is left for the outbox; free some on its disk, raise the quota of the user flextraff, or lower [outbox] max_mb"
    )]
    DiskFull,
    /// The file, or the disk as a whole, cannot be written.
    #[error(
        "the outbox may not be written; give it to the user flextraff, and see dmesg: a card that goes read-only is at its end"
    )]
    ReadOnly,
    /// The file cannot be opened, which may pass.
    #[error(
        "the outbox cannot be opened; its disk must be there, and it and its folder must belong to the user flextraff: {0}"
    )]
    CannotOpen(rusqlite::Error),
    /// The file had to be closed because the disk failed, and is not open again.
    #[error("the outbox is closed until its disk lets it be opened again")]
    Closed,
    /// Another process has the file open.
    #[error("another process has the outbox open; only one agent may use it")]
    InUse,
    /// The file could not be moved or made.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Anything else that SQLite reports.
    #[error("SQLite: {0}")]
    Sqlite(rusqlite::Error),
}

impl OutboxError {
    /// Whether the disk does not let the file be opened, read or written: it may pass, or be a block that stays bad.
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::CannotOpen(_) | Self::Closed => true,
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure),
            _ => false,
        }
    }

    /// Whether the file itself is broken, so that trying again does not help.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(error) if open::is_damage(error))
    }
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::CannotOpen) => Self::CannotOpen(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            _ => Self::Sqlite(error),
        }
    }
}

/// A plan, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPlan {
    /// The message.
    pub body: String,
    /// The uptime in which it came.
    pub boot: BootId,
    /// When it came, in that uptime.
    pub received: MonoMs,
    /// The wall time of that, where a synchronised clock has shown it at any time of that uptime.
    pub came: Option<UnixMs>,
}

const fn mode_column(mode: Mode) -> &'static str {
    match mode {
        Mode::Automatic => "automatic",
        Mode::ManualOverride => "manual_override",
        Mode::Emergency => "emergency",
    }
}

/// Space that the user of this process may still fill on the disk of a file or folder, bytes.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let space = rustix::fs::statvfs(path)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// The open file.
#[derive(Debug)]
pub struct Outbox {
    connection: Connection,
    /// The disk has failed, and the file is not open again: the connection leads nowhere.
    is_closed: bool,
    path: PathBuf,
    max_bytes: u64,
    device: DeviceId,
    junction: JunctionId,
    id: OutboxId,
    boot: BootId,
    boot_key: i64,
    /// The clock as last stored for this boot: wall time minus monotonic time, and whether it can be trusted.
    clock: (i64, ClockState),
    /// The wall time when the clock was synchronised last.
    known: UnixMs,
    /// A row was numbered that a power cut may still undo; before anybody hears of that number it is on the disk.
    must_sync: bool,
    /// Number of the newest row that is known to be stored.
    last_seq: i64,
    /// Rows in the table, kept here because counting them reads the whole file.
    pending: u64,
    /// Rows that could not be read since the file was opened.
    unreadable: u64,
    /// Time of the newest row that was made in this uptime.
    newest: Option<MonoMs>,
    /// No row of a kind that may be dropped, not handed out and handed out, has a number below these: the search for the oldest one must not
    /// read the whole file each time.
    oldest: [[i64; 2]; write::DROP_ORDER.len()],
    set_aside: Option<PathBuf>,
    first_of_boot: bool,
    /// What SQLite says to all that is asked of it, for tests.
    #[cfg(test)]
    fails: Option<i32>,
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// On the disk when it returns.
    Durable,
    /// Survives the process, but a power cut may undo it until the next durable one. For what repeats itself: a row handed out and
    /// forgotten is handed out again, an ack undone comes again for the row sent again. It spares the card most of the syncs.
    Repeatable,
}

impl Outbox {
    /// Identity of the file; new with every new file.
    pub const fn outbox_id(&self) -> OutboxId {
        self.id
    }

    /// Whether this file has not been open before in the present uptime.
    pub const fn is_first_of_boot(&self) -> bool {
        self.first_of_boot
    }

    /// Where the previous file lies, if opening found it unusable.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// The wall time when the clock was synchronised last while this file was open: a moment that has passed, whatever the clock says now.
    pub const fn earliest(&self) -> UnixMs {
        self.known
    }

    /// Rows that could not be read since the file was opened; they are parked, and a gap tells of them.
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Another largest size of the file, bytes; holds from the next commit on.
    pub const fn set_max_bytes(&mut self, max_bytes: u64) {
        self.max_bytes = max_bytes;
    }

    /// Open passages: key and state as given to [`Outbox::commit`], in order of keys.
    pub fn passages(&self) -> Result<Vec<(String, String)>, OutboxError> {
        self.check_open()?;
        let mut statement = self.connection.prepare("SELECT key, state FROM passages ORDER BY key")?;
        let passages = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(passages.collect::<Result<_, _>>()?)
    }

    /// Keeps a plan over restarts, in place of the one of its mode; `alone`: it ends those of every other mode.
    pub fn save_plan(
        &mut self,
        mode: Mode,
        alone: bool,
        body: &str,
        received: MonoMs,
    ) -> Result<(), OutboxError> {
        let boot = self.boot.to_string();
        let transaction = self.begin(Durability::Durable)?;
        if alone {
            transaction.execute("DELETE FROM plans", [])?;
        }
        transaction.execute(
            "INSERT OR REPLACE INTO plans (mode, body, boot_id, received_ms) VALUES (?1, ?2, ?3, ?4)",
            (mode_column(mode), body, boot, received.0),
        )?;
        Ok(transaction.commit()?)
    }

    /// The plans kept, at most one of each mode.
    pub fn plans(&self) -> Result<Vec<SavedPlan>, OutboxError> {
        self.check_open()?;
        let mut statement = self.connection.prepare(
            "SELECT body, plans.boot_id, received_ms, offset_ms FROM plans
             LEFT JOIN boots ON boots.boot_id = plans.boot_id AND synced ORDER BY mode",
        )?;
        let plans = statement.query_map([], |row| {
            let (received, offset): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
            Ok(SavedPlan {
                body: row.get(0)?,
                boot: BootId(id_column(row, 1)?),
                received: MonoMs(received),
                came: offset.map(|offset| UnixMs(received.saturating_add(offset))),
            })
        })?;
        Ok(plans.collect::<Result<_, _>>()?)
    }

    /// How full the outbox is.
    pub fn status(&self, now: &Moment) -> Result<OutboxStatus, OutboxError> {
        self.check_open()?;
        let (dropped, parked, counts_made) =
            self.connection.query_row("SELECT dropped, parked, counts_made FROM meta", [], |row| {
                Ok((count_column(row, 0)?, count_column(row, 1)?, count_column(row, 2)?))
            })?;
        let oldest = self
            .connection
            .query_row(
                "SELECT boot, offset_ms, end_ms FROM rows JOIN boots ON boots.id = rows.boot ORDER BY seq LIMIT 1",
                [],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
            )
            .optional()?;
        let age_ms = oldest.map_or(0, |(boot, offset, end)| {
            if boot == self.boot_key {
                now.mono.since(MonoMs(end))
            } else {
                let wall = now.mono.0.saturating_add(self.clock_now(now).0);
                wall.saturating_sub(end.saturating_add(offset))
            }
        });
        let bytes = pragma(&self.connection, "page_count")? * pragma(&self.connection, "page_size")?;
        Ok(OutboxStatus {
            rows: self.pending,
            oldest_s: u64::try_from(age_ms / 1000).unwrap_or(0),
            bytes,
            dropped,
            parked,
            counts_made,
            free_bytes: free_bytes(&self.path).ok(),
            failure: None,
        })
    }

    /// What the monotonic times of this uptime mean now, as far as it is known.
    ///
    /// Once a synchronised clock has shown it, it holds for the whole uptime: a clock that loses its time service and is then set by hand says
    /// nothing better. Before that the wall clock serves, but no uptime begins before what an earlier one has known for certain.
    const fn clock_now(&self, now: &Moment) -> (i64, ClockState) {
        let offset = offset_of(now);
        match (now.clock, self.clock.1) {
            (ClockState::Synced, _) => (offset, ClockState::Synced),
            (ClockState::Unsynced, ClockState::Synced) => self.clock,
            (ClockState::Unsynced, ClockState::Unsynced) if offset < self.known.0 => {
                (self.known.0, ClockState::Unsynced)
            }
            (ClockState::Unsynced, ClockState::Unsynced) => (offset, ClockState::Unsynced),
        }
    }

    /// A disk with room for so many pages only; none: a large one.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages: Option<i64>) {
        let pages = pages.unwrap_or(1 << 30);
        self.connection.pragma_update(None, "max_page_count", pages).expect("a pragma");
    }

    /// Nothing is asked of a connection that leads nowhere: its answers would look like damage.
    const fn check_open(&self) -> Result<(), OutboxError> {
        if self.is_closed { Err(OutboxError::Closed) } else { Ok(()) }
    }

    /// A disk that fails on the open file with an error of SQLite's, until it is opened again.
    #[cfg(test)]
    pub(crate) fn fail_with(&mut self, code: i32) {
        self.fails = Some(code);
    }

    fn begin(&mut self, durability: Durability) -> Result<Transaction<'_>, OutboxError> {
        self.check_open()?;
        #[cfg(test)]
        if let Some(code) = self.fails {
            return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None).into());
        }
        let level = if durability == Durability::Durable { "FULL" } else { "NORMAL" };
        self.connection.pragma_update(None, "synchronous", level)?;
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

/// Wall time minus monotonic time.
const fn offset_of(now: &Moment) -> i64 {
    now.wall.0.saturating_sub(now.mono.0)
}

fn pragma(connection: &Connection, name: &str) -> Result<u64, rusqlite::Error> {
    connection.pragma_query_value(None, name, |row| count_column(row, 0))
}

/// A number that is never negative.
fn count_column(row: &rusqlite::Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A text; none where it is not one any more.
fn text_column(row: &rusqlite::Row<'_>, column: usize) -> Result<Option<String>, rusqlite::Error> {
    match row.get(column) {
        Err(rusqlite::Error::Utf8Error(..)) => Ok(None),
        text => text.map(Some),
    }
}

fn id_column(row: &rusqlite::Row<'_>, column: usize) -> Result<uuid::Uuid, rusqlite::Error> {
    let text: String = row.get(column)?;
    uuid::Uuid::parse_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
