//! The tables, one step per version of the file. A step, once released, never changes.

use super::OutboxError;
use rusqlite::{Connection, TransactionBehavior};

/// Turns a file of version `n` into one of version `n + 1`.
const STEPS: &[&str] = &[V1, V2, V3];

/// Times are milliseconds of the boot's monotonic clock. `frozen` rows have been handed out: their body is the exact payload.
const V1: &str = "
CREATE TABLE meta (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    outbox_id   TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    junction_id TEXT NOT NULL,
    next_seq    INTEGER NOT NULL DEFAULT 1,
    counts_made INTEGER NOT NULL DEFAULT 0,
    dropped     INTEGER NOT NULL DEFAULT 0,
    parked      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE boots (
    id            INTEGER PRIMARY KEY,
    boot_id       TEXT NOT NULL UNIQUE,
    offset_ms     INTEGER NOT NULL,
    synced        INTEGER NOT NULL,
    sent_unsynced INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE rows (
    seq      INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    topic    TEXT NOT NULL,
    boot     INTEGER NOT NULL REFERENCES boots (id),
    start_ms INTEGER NOT NULL,
    end_ms   INTEGER NOT NULL,
    frozen   INTEGER NOT NULL DEFAULT 0,
    body     TEXT NOT NULL
) STRICT;
CREATE INDEX growing_gap ON rows (seq) WHERE kind = 'gap' AND frozen = 0;

CREATE TABLE parked (
    seq   INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    code  TEXT NOT NULL,
    body  TEXT NOT NULL
) STRICT;

CREATE TABLE passages (
    key   TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE plan (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    body        TEXT NOT NULL,
    boot_id     TEXT NOT NULL,
    received_ms INTEGER NOT NULL
) STRICT;
";

/// A plan of each mode, so that an override outlasts a restart although plans of the planner have come since. The server sends the one plan
/// again that V1 kept.
const V2: &str = "
DROP TABLE plan;

CREATE TABLE plans (
    mode        TEXT PRIMARY KEY,
    body        TEXT NOT NULL,
    boot_id     TEXT NOT NULL,
    received_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The wall time when the clock was synchronised last: no uptime that begins later can lie before it.
const V3: &str = "
ALTER TABLE meta ADD COLUMN known_ms INTEGER NOT NULL DEFAULT 0;
";

/// Brings the file to the newest version.
///
/// # Errors
/// When the file comes from a newer agent, or cannot be written.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OutboxError> {
    let known = STEPS.len() as i64;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(OutboxError::Newer { found, known });
    }
    for (version, step) in (1_i64..).zip(STEPS).skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
