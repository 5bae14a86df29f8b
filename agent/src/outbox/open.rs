//! Opens the file, or sets it aside and starts a new one when it cannot be used.

use super::row::{GapRow, RowBody, Stamp};
use super::write::Batch;
use super::{
    Outbox, OutboxError, count_column, disk, id_column, migrations, offset_of, replaced, text_column,
};
use flextraff_common::ids::{BootId, DeviceId, JunctionId, OutboxId};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use rusqlite::{Connection, ErrorCode, OptionalExtension};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// What opening needs to know.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The file; its folder is made when it is missing.
    pub path: PathBuf,
    /// Largest size of the file, bytes.
    pub max_bytes: u64,
    /// This device.
    pub device: DeviceId,
    /// The junction that it serves.
    pub junction: JunctionId,
    /// Identity of the file, should a new one be made.
    pub new_outbox_id: OutboxId,
    /// The present uptime.
    pub boot: BootId,
    /// Whether a file of which the disk says that it is spoilt counts as damaged; it has failed for a while.
    pub gives_up: bool,
}

/// How long to wait for a process that is just ending.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which it is folded into the file; 4 KiB each.
const CHECKPOINT_PAGES: i64 = 1000;
/// Files set aside that are kept; the card must not fill with them. When it is full all the same they go before any count does.
const KEPT_ASIDE: u32 = 3;
/// Uptimes of which the clock is kept although no row speaks of them: passages may.
const KEPT_BOOTS: u32 = 16;

/// What follows the name of each file of the database: itself, its log, and the index of that.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

pub(super) enum Opened {
    Usable(Connection, OutboxId),
    Unusable(String),
}

impl Outbox {
    /// Opens the file, makes it when it is missing, brings it to the newest version.
    ///
    /// A file that is damaged, or that another device or junction filled, is set aside as `<name>.corrupt-<n>`; a new one takes its place
    /// and reports the gap. On a full disk the files set aside before make room.
    ///
    /// # Errors
    /// When another process has the file open, a newer agent wrote it, or the disk does not let it be opened.
    pub fn open(setup: &Setup, now: &Moment) -> Result<Self, OutboxError> {
        with_room(&setup.path, || Self::open_as_it_is(setup, now))
    }

    fn open_as_it_is(setup: &Setup, now: &Moment) -> Result<Self, OutboxError> {
        if let Some(folder) = setup.path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| OutboxError::Io { path: folder.to_owned(), source })?;
        }
        let mut outbox = match try_open(setup)? {
            Opened::Usable(connection, outbox_id) => match Self::with(setup, connection, outbox_id, now) {
                Err(OutboxError::Sqlite(error)) if is_damage(&error) => {
                    Self::replace(setup, &damaged(&error), now)
                }
                Err(error) => Self::replace(setup, &given_up(setup, error)?, now),
                opened => opened,
            },
            Opened::Unusable(reason) => Self::replace(setup, &reason, now),
        }?;
        outbox.tell_replaced(now)?;
        Ok(outbox)
    }

    /// Goes on with a new file when the present one has turned out to be damaged while it was open: it is set aside, and the new one, with an
    /// identity of its own, reports the gap. What is open in the memory of the caller can be stored in it, and what this one knew of the time goes
    /// on.
    ///
    /// # Errors
    /// When the disk does not let the file be moved or a new one be made; to be called again then.
    pub fn start_anew(&mut self, reason: &str, now: &Moment) -> Result<(), OutboxError> {
        let (setup, known) = (self.setup(), self.known_now(now));
        // Also in `replace`; before it the present file still gives what is in it.
        replaced::note(&self.path, reason)?;
        self.close()?;
        let mut new = Self::replace(&setup, reason, &known)?;
        new.tell_replaced(&known)?;
        *self = new;
        Ok(())
    }

    /// Closes the file on which the disk has failed for a while, and opens it again: a disk that was away gives it only so, and only then it is known whether
    /// it is damaged. As [`Outbox::open`], it is replaced when it is, or when the disk says that it is spoilt.
    ///
    /// Returns what it has beyond what is known to be stored, as [`RowBody::stored_first`] names it: a commit may have reached the disk whose end
    /// did not come back.
    ///
    /// # Errors
    /// When it cannot be opened yet; it stays closed, to be called again.
    pub fn open_again(&mut self, now: &Moment) -> Result<Vec<String>, OutboxError> {
        let (setup, known) = (Setup { gives_up: true, ..self.setup() }, self.known_now(now));
        self.close()?;
        if setup.path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            // Where its disk is no longer mounted a new file would lie under it, and be lost when it is.
            let away = "it is not there; mount its disk, or start the agent anew to begin a new one";
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, away);
            return Err(OutboxError::Io { path: setup.path, source });
        }
        let new = Self::open(&setup, &known)?;
        let mut found = Vec::new();
        if new.id == self.id {
            let mut statement = new.connection.prepare("SELECT body FROM rows WHERE seq > ?1")?;
            let mut rows = statement.query([self.last_seq])?;
            while let Some(row) = rows.next()? {
                found.extend(text_column(row, 0)?);
            }
        }
        let unreadable = self.unreadable;
        *self = Self { unreadable, ..new };
        Ok(found)
    }

    /// The file is locked until its connection is closed.
    fn close(&mut self) -> Result<(), OutboxError> {
        self.connection = Connection::open_in_memory()?;
        self.is_closed = true;
        Ok(())
    }

    /// As it is opened again.
    fn setup(&self) -> Setup {
        Setup {
            path: self.path.clone(),
            max_bytes: self.max_bytes,
            device: self.device,
            junction: self.junction,
            // A name that no file had before, without a source of chance.
            new_outbox_id: OutboxId(Uuid::new_v5(&self.id.0, b"replaced")),
            boot: self.boot,
            gives_up: false,
        }
    }

    /// What this moment is by the clock that this file knows.
    fn known_now(&self, now: &Moment) -> Moment {
        let (offset, clock) = self.clock_now(now);
        Moment { wall: UnixMs(now.mono.0.saturating_add(offset)), clock, ..*now }
    }

    /// Sets the file aside and begins a new one, which is still to tell of it.
    fn replace(setup: &Setup, reason: &str, now: &Moment) -> Result<Self, OutboxError> {
        replaced::note(&setup.path, reason)?;
        let aside = set_aside(&setup.path)?;
        let (connection, outbox_id) = match try_open(setup)? {
            Opened::Usable(connection, outbox_id) => (connection, outbox_id),
            Opened::Unusable(reason) => {
                let source = std::io::Error::other(reason);
                return Err(OutboxError::Io { path: setup.path.clone(), source });
            }
        };
        let mut outbox = Self::with(setup, connection, outbox_id, now)?;
        outbox.set_aside = aside;
        Ok(outbox)
    }

    /// Tells of the file in whose place this one is, also when an earlier run has not come to that. The gap is the first row of a new file: one that has
    /// numbered a row has told it, or has not been replaced after all.
    fn tell_replaced(&mut self, now: &Moment) -> Result<(), OutboxError> {
        let Some(reason) = replaced::reason(&self.path) else { return Ok(()) };
        let next: i64 = self.connection.query_row("SELECT next_seq FROM meta", [], |row| row.get(0))?;
        if next == 1 {
            // What the other file sent in this uptime, with times of a clock that nobody vouched for, is this one's to correct.
            if self.clock.1 == ClockState::Unsynced {
                let sent = "UPDATE boots SET sent_unsynced = 1 WHERE id = ?1";
                self.connection.execute(sent, [self.boot_key])?;
            }
            let gap = GapRow {
                from: None,
                to: Some(Stamp { boot: self.boot, at: now.mono }),
                noticed: now.mono,
                lanes: Vec::new(),
                rows: None,
                reason,
            };
            self.commit(&Batch { rows: vec![RowBody::Gap(gap)], ..Batch::default() }, now)?;
        }
        replaced::forget(&self.path);
        Ok(())
    }

    fn with(
        setup: &Setup,
        connection: Connection,
        outbox_id: OutboxId,
        now: &Moment,
    ) -> Result<Self, OutboxError> {
        let known = connection.query_row("SELECT known_ms FROM meta", [], |row| row.get(0))?;
        let mut outbox = Self {
            path: setup.path.clone(),
            max_bytes: setup.max_bytes,
            device: setup.device,
            junction: setup.junction,
            id: outbox_id,
            boot: setup.boot,
            boot_key: 0,
            clock: (offset_of(now), now.clock),
            known: UnixMs(known),
            is_closed: false,
            // Who wrote last may have been killed before that was on the disk.
            must_sync: true,
            last_seq: connection.query_row("SELECT next_seq - 1 FROM meta", [], |row| row.get(0))?,
            unreadable: 0,
            pending: connection.query_row("SELECT count(*) FROM rows", [], |row| count_column(row, 0))?,
            newest: None,
            oldest: Default::default(),
            set_aside: None,
            first_of_boot: false,
            #[cfg(test)]
            fails: None,
            connection,
        };
        outbox.register_boot(now)?;
        outbox.forget_boots()?;
        Ok(outbox)
    }

    fn register_boot(&mut self, now: &Moment) -> Result<(), OutboxError> {
        let (offset, state) = self.clock_now(now);
        let boot = self.boot.to_string();
        let new = self.connection.execute(
            "INSERT INTO boots (boot_id, offset_ms, synced) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            (&boot, offset, state == ClockState::Synced),
        )?;
        let (key, offset, synced) = self.connection.query_row(
            "SELECT id, offset_ms, synced FROM boots WHERE boot_id = ?1",
            [&boot],
            |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)?)),
        )?;
        self.first_of_boot = new > 0;
        self.boot_key = key;
        self.newest = self
            .connection
            .query_row(
                "SELECT end_ms FROM (SELECT boot, end_ms FROM rows ORDER BY seq DESC LIMIT 1) WHERE boot = ?1",
                [key],
                |row| Ok(MonoMs(row.get(0)?)),
            )
            .optional()?;
        self.clock = (offset, if synced { ClockState::Synced } else { ClockState::Unsynced });
        Ok(())
    }

    /// A machine that boots again and again must not fill the file with the clocks of uptimes that nothing speaks of any more.
    fn forget_boots(&self) -> Result<(), OutboxError> {
        // The gap that still grows names uptimes in its body only.
        self.connection.execute(
            "DELETE FROM boots
             WHERE id <= (SELECT id FROM boots ORDER BY id DESC LIMIT 1 OFFSET ?1)
               AND NOT EXISTS (SELECT 1 FROM rows WHERE kind = 'gap' AND frozen = 0)
               AND id NOT IN (SELECT boot FROM rows)",
            [KEPT_BOOTS],
        )?;
        Ok(())
    }
}

pub(super) fn try_open(setup: &Setup) -> Result<Opened, OutboxError> {
    if let Some(what) = no_database(&setup.path) {
        return Ok(Opened::Unusable(format!("the outbox was damaged ({what})")));
    }
    match open_checked(setup) {
        Err(OutboxError::Sqlite(error)) if is_damage(&error) => Ok(Opened::Unusable(damaged(&error))),
        Err(error) => given_up(setup, error).map(Opened::Unusable),
        opened => opened,
    }
}

fn damaged(error: &rusqlite::Error) -> String {
    format!("the outbox was damaged ({error})")
}

/// Why a file is not waited for any more on which the disk fails.
///
/// # Errors
/// The error with which it fails, when it is to be waited for.
fn given_up(setup: &Setup, error: OutboxError) -> Result<String, OutboxError> {
    match (setup.gives_up && error.is_of_disk()).then(|| disk::spoilt(&setup.path)).flatten() {
        Some(spoilt) => Ok(format!("the disk did not let the outbox be used ({spoilt})")),
        None => Err(error),
    }
}

/// Does what may need room on the disk, and once more where there is none and what was set aside can make some: what is kept to be looked at must not
/// cost counts.
pub(super) fn with_room<T>(
    path: &Path,
    mut work: impl FnMut() -> Result<T, OutboxError>,
) -> Result<T, OutboxError> {
    match work() {
        Err(error) if disk::is_for_want_of_room(path, &error) => {
            if discard_aside(path) {
                work()
            } else {
                Err(OutboxError::DiskFull)
            }
        }
        result => result,
    }
}

/// What SQLite would silently take for a new database, or could not open at all.
fn no_database(path: &Path) -> Option<&'static str> {
    let wal = with_suffix(path, "-wal").metadata().is_ok_and(|wal| wal.len() > 0);
    match path.metadata() {
        Ok(file) if file.is_dir() => Some("a folder was in its place"),
        Ok(file) if file.len() == 0 => Some("it was empty"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && wal => {
            Some("it was gone, only its log was left")
        }
        _ => None,
    }
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
        || matches!(error, rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::Utf8Error(..))
        // A table or column that is missing in a file of this version.
        || matches!(error, rusqlite::Error::SqlInputError { .. })
        || matches!(error, rusqlite::Error::SqliteFailure(code, Some(what)) if code.extended_code == 1 && what.starts_with("no such"))
}

/// Removes what was set aside; whether there was anything.
pub(super) fn discard_aside(path: &Path) -> bool {
    let mut discarded = false;
    for n in 1..=KEPT_ASIDE {
        for tail in PARTS {
            discarded |= std::fs::remove_file(with_suffix(path, &format!(".corrupt-{n}{tail}"))).is_ok();
        }
    }
    discarded
}

fn open_checked(setup: &Setup) -> Result<Opened, OutboxError> {
    let mut connection = Connection::open(&setup.path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Exclusive: a second agent on the same file would send everything a second time.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", CHECKPOINT_PAGES * 4096)?;
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Opened::Unusable(format!("the outbox was damaged ({verdict})")));
    }
    migrations::migrate(&mut connection)?;
    connection.execute(
        "INSERT INTO meta (id, outbox_id, device_id, junction_id) VALUES (1, ?1, ?2, ?3) ON CONFLICT DO NOTHING",
        (setup.new_outbox_id.to_string(), setup.device.to_string(), setup.junction.to_string()),
    )?;
    let (outbox_id, device, junction) = connection
        .query_row("SELECT outbox_id, device_id, junction_id FROM meta", [], |row| {
            Ok((id_column(row, 0)?, id_column(row, 1)?, id_column(row, 2)?))
        })
        .optional()?
        .unwrap_or_default();
    if (DeviceId(device), JunctionId(junction)) != (setup.device, setup.junction) {
        return Ok(Opened::Unusable(format!("the outbox was device {device}'s at junction {junction}")));
    }
    Ok(Opened::Usable(connection, OutboxId(outbox_id)))
}

/// Moves the file and its log out of the way and returns its new name; none when there is nothing to move.
///
/// The file goes first: a log that is left alone is noticed, a file without its log would not be.
pub(super) fn set_aside(path: &Path) -> Result<Option<PathBuf>, OutboxError> {
    if PARTS.iter().all(|tail| with_suffix(path, tail).symlink_metadata().is_err()) {
        return Ok(None);
    }
    let io = |source| OutboxError::Io { path: path.to_owned(), source };
    let aside = |n: u32| with_suffix(path, &format!(".corrupt-{n}"));
    let mut n = 1;
    while n < KEPT_ASIDE && aside(n).exists() {
        n += 1;
    }
    for tail in PARTS {
        let target = with_suffix(&aside(n), tail);
        // A log left there would be taken for this file's; mostly there is none.
        let _ = std::fs::remove_file(&target).or_else(|_| std::fs::remove_dir(&target));
        match std::fs::rename(with_suffix(path, tail), target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
    }
    replaced::sync_folder(path).map_err(io)?;
    Ok(Some(aside(n)))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
