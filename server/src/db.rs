//! All SQL, a file a noun.

pub mod access;
pub mod alarms;
pub mod audit;
pub mod backup;
pub mod clock_fixes;
pub mod count_reads;
pub mod counts;
pub mod cycles;
pub mod daily_stats;
pub mod dead_letters;
pub mod devices;
pub mod devices_api;
pub mod enrolment;
pub mod figures;
pub mod junction_api;
pub mod junctions;
pub mod keys;
pub mod leases;
pub mod ledger;
pub mod links;
mod listening;
pub mod logs;
pub mod overrides;
pub mod overview;
pub mod partitions;
pub mod plans;
pub mod ready;
pub mod registry;
pub mod retention;
pub mod roll_ups;
pub mod schedules;
pub mod second_factor;
pub mod served;
pub mod sessions;
pub mod setup;
pub mod signals;
pub mod sites;
pub mod telling;
pub mod tidings;
pub mod users;
pub mod volumes;
pub mod watchlist;

use flextraff_common::time::ClockState;
use flextraff_common::wire::Mode;
use sqlx::PgPool;
use std::io;
use std::time::Duration;

/// What goes wrong with the database.
pub use sqlx::Error;
/// What the database gives.
pub type Result<T> = std::result::Result<T, Error>;

/// Whether an error lies in the values of a row, so that trying again cannot help. Everything else is the database's and passes.
pub fn is_poison(error: &sqlx::Error) -> bool {
    match error {
        // Class 22 is data exception, 23 integrity constraint violation, 54 program limit exceeded (PostgreSQL manual, appendix A).
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
        }
        sqlx::Error::Encode(_) => true,
        _ => false,
    }
}

/// Whether a value is one that the database cannot hold or calculate with, such as a time before all of its times.
pub fn is_unfit(error: &sqlx::Error) -> bool {
    // Class 22 is data exception (PostgreSQL manual, appendix A).
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code.starts_with("22")))
}

/// Whether a row names something that is gone: it was deleted after it was looked at.
pub fn is_orphan(error: &sqlx::Error) -> bool {
    // Foreign key violation (PostgreSQL manual, appendix A).
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("23503"))
}

/// Whether the database cannot serve anybody at this moment, which passes: it is out of reach, starts, stops, or has no room.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            true
        }
        // Class 08 is connection exception, 53 insufficient resources, 57 operator intervention; 55000 is said of a database that takes no
        // connections, and 25006 of one that takes no changes (PostgreSQL manual, appendix A). A query that was cancelled, 57014, has only taken too long.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code != "57014"
                && (code == "55000"
                    || code == "25006"
                    || ["08", "53", "57"].iter().any(|class| code.starts_with(class)))
        }),
        _ => false,
    }
}

/// Whether the disk of the database is full: reading goes on, and nothing can be stored until somebody makes room.
pub fn is_full(error: &sqlx::Error) -> bool {
    // Disk full (PostgreSQL manual, appendix A).
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("53100"))
}

/// Does what the database answers within `longest`. Where the way to it is cut without a word, what is on its way is never answered.
///
/// # Errors
/// As the work's; one by which [`is_away`] when no answer comes in time.
pub async fn within<T>(longest: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(longest, work).await {
        Ok(done) => done,
        Err(_) => {
            Err(Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database does not answer in time")))
        }
    }
}

/// Longest that a [`patient`] transaction of a statement takes: a little more than the statement may.
const PATIENCE: Duration = Duration::from_mins(17);

/// A transaction whose statements have time: a day of a large city is millions of rows.
async fn patient(db: &PgPool) -> Result<sqlx::Transaction<'static, sqlx::Postgres>> {
    let mut tx = db.begin().await?;
    sqlx::query("SET LOCAL statement_timeout = '15min'").execute(&mut *tx).await?;
    // A server that is ended meanwhile leaves no work behind that holds locks.
    sqlx::query("SET LOCAL client_connection_check_interval = '10s'").execute(&mut *tx).await?;
    Ok(tx)
}

/// Runs a statement in a [`patient`] transaction of its own: how many rows it changed.
async fn patiently(
    db: &PgPool,
    statement: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
) -> Result<u64> {
    within(PATIENCE, async {
        let mut tx = patient(db).await?;
        let rows = statement.execute(&mut *tx).await?.rows_affected();
        tx.commit().await?;
        Ok(rows)
    })
    .await
}

/// Whether PostgreSQL has ended this so that somebody else could go on, each of whom waited for what the other held (40P01, appendix A).
pub fn is_deadlock(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("40P01"))
}

/// Longest wait for the lock of a table that is to change: whoever comes after waits behind it, those who store rows too.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '500ms'";

/// From here on the transaction waits only shortly for locks; see [`is_locked`].
pub async fn wait_shortly(tx: &mut sqlx::PgConnection) -> Result<()> {
    sqlx::query(LOCK_WAIT).execute(tx).await.map(|_| ())
}

/// Whether others hold a lock for longer than one waits that is in the way of others (55P03, PostgreSQL manual, appendix A).
pub fn is_locked(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("55P03"))
}

fn clock_name(clock: ClockState) -> &'static str {
    match clock {
        ClockState::Synced => "synced",
        ClockState::Unsynced => "unsynced",
    }
}

/// A mode as the database names it.
pub const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Automatic => "automatic",
        Mode::ManualOverride => "manual_override",
        Mode::Emergency => "emergency",
    }
}

/// Texts as PostgreSQL reads an array: `unnest` would flatten an array of arrays.
fn array_literal(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut literal = String::from("{");
    for (at, text) in texts.enumerate() {
        literal.push_str(if at == 0 { "\"" } else { ",\"" });
        for char in text.as_ref().chars() {
            if matches!(char, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(char);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

/// The database, to be handed to the functions of these modules by those who know no SQL.
pub type Database = PgPool;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_never_answered_ends_and_counts_as_a_database_that_is_away() {
        let never = within(Duration::from_millis(10), std::future::pending::<Result<()>>()).await;
        assert!(is_away(&never.unwrap_err()));
        assert_eq!(within(Duration::from_secs(10), async { Ok(7) }).await.ok(), Some(7));
    }
}
