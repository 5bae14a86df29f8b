//! Connecting to the database and bringing its schema up to date.

use crate::config::Database;
use anyhow::{Context as _, anyhow, bail};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool, Row as _};
use std::str::FromStr as _;
use std::time::Duration;

/// The steps from an empty database to the schema of this version.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Oldest PostgreSQL whose multiranges the schema uses, as `server_version_num` writes it.
const OLDEST: i32 = 140_000;

/// A connection that was used this recently is not tried before it is used again.
pub(super) const TRUSTED: Duration = Duration::from_secs(1);

/// Opens a pool and checks the server's version.
///
/// # Errors
/// No address, no connection, or a PostgreSQL older than 14.
pub async fn connect(config: &Database) -> anyhow::Result<PgPool> {
    let url = config.url()?;
    let options = PgConnectOptions::from_str(url.expose())
        .with_context(|| format!("database.url {} cannot be read", url.masked_url()))?
        .application_name("flextraff-server")
        .options([("timezone", "UTC"), ("statement_timeout", "60s"), ("client_min_messages", "warning")])
        // Of a server that lost its power or its network PostgreSQL learns by these; what it held locked would hold up the others until then.
        .options([("idle_in_transaction_session_timeout", "15s"), ("tcp_keepalives_idle", "5")])
        .options([("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "3")])
        .log_slow_statements(log::LevelFilter::Warn, Duration::from_secs(1));
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(Duration::from_secs(10))
        // A trial of each connection before each use would take as long as what it is used for.
        .test_before_acquire(false)
        .before_acquire(|connection, use_so_far| {
            Box::pin(async move { Ok(use_so_far.idle_for < TRUSTED || connection.ping().await.is_ok()) })
        })
        .after_release(|connection, _| Box::pin(async move { is_as_it_was(connection).await }))
        .connect_with(options)
        .await
        .with_context(|| format!("cannot connect to the database {}", url.masked_url()))?;
    check_version(&pool).await?;
    Ok(pool)
}

/// Whether a connection serves the next one as well as a new one would. It does not when a transaction is open that nobody knows of: who is cancelled
/// while one begins, as when a page is closed amid its request, leaves it so, and what others write in it is never committed, or refused where it is
/// only for reading. Nor when it takes no changes: a session that began while the database took none stays so.
async fn is_as_it_was(connection: &mut PgConnection) -> sqlx::Result<bool> {
    // By the simple protocol: a transaction of its own begins with the statement.
    let ask = "SELECT now() >= statement_timestamp() AND current_setting('transaction_read_only') = 'off'";
    sqlx::raw_sql(ask).fetch_one(connection).await?.try_get(0)
}

/// Whether an error of [`connect`] may pass by itself: nobody listens yet, or the database is starting.
pub fn is_away(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<sqlx::Error>());
    // What is wrong with certificates does not pass.
    causes.any(|error| super::is_away(error) && !matches!(error, sqlx::Error::Tls(_)))
}

async fn check_version(pool: &PgPool) -> anyhow::Result<()> {
    let version =
        sqlx::query_scalar!(r#"SELECT current_setting('server_version_num')::integer AS "version!""#)
            .fetch_one(pool)
            .await
            .context("cannot ask the database for its version")?;
    too_old(version).map_or(Ok(()), |sentence| Err(anyhow!(sentence)))
}

fn too_old(version: i32) -> Option<String> {
    let sentence =
        || format!("the database is PostgreSQL {}; FlexTraff needs version 14 or later", version / 10_000);
    (version < OLDEST).then(sentence)
}

/// A step takes as long as it takes, and waits only shortly for a table: whoever stores rows waits behind it. When the server is ended meanwhile,
/// so is the step.
const STEP_SETTINGS: [&str; 3] =
    ["SET statement_timeout = 0", "SET lock_timeout = '2s'", "SET client_connection_check_interval = '10s'"];

/// Between attempts at a step whose table is in use.
const STEP_AGAIN: Duration = Duration::from_secs(1);

/// Whether a step has waited for a table, or for another server that brings the schema up to date.
fn waited(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => super::is_locked(error),
        _ => false,
    }
}

/// Whether the user of the database may not do what a step does (42501, PostgreSQL manual, appendix A).
fn lacks_rights(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(sqlx::Error::Database(error))
        | MigrateError::ExecuteMigration(sqlx::Error::Database(error), _) => {
            error.code().as_deref() == Some("42501")
        }
        _ => false,
    }
}

/// Brings the schema up to date; several servers may do so at once.
///
/// # Errors
/// A step fails, or the schema comes from a newer version.
pub async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    // The connection is for that alone: nothing else may take as long as a step that rewrites a large table.
    let mut connection = pool.acquire().await.context("cannot connect to the database")?.detach();
    for setting in STEP_SETTINGS {
        sqlx::query(setting).execute(&mut connection).await.context("cannot set how steps are taken")?;
    }
    let mut told = false;
    let done = loop {
        match MIGRATOR.run(&mut connection).await {
            Err(error) if waited(&error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(
                        "a table is in use, by a backup perhaps; its step is tried again until it is free"
                    );
                }
                tokio::time::sleep(STEP_AGAIN).await;
            }
            done => break done,
        }
    };
    // What the database still has to say is of no use to anybody.
    let _ = connection.close().await;
    match done {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => bail!(
            "the database has step {version}, which this version of flextraff-server does not know; it was used by a newer version: install that one"
        ),
        Err(error) if lacks_rights(&error) => Err(error).context(
            "the database user may not bring the database up to date: it needs to own the database and what is in it (README of the server, \"Running it\")",
        ),
        Err(error) => Err(error).context("the database cannot be brought up to date"),
    }
}

/// Brings the schema up to date, or, where the configuration leaves that to a person, sees that it is.
///
/// # Errors
/// As [`migrate`], and a schema that is behind and must not be touched.
pub async fn prepare(pool: &PgPool, config: &Database) -> anyhow::Result<()> {
    if config.migrate {
        return migrate(pool).await;
    }
    match pending(pool).await? {
        0 => Ok(()),
        steps => bail!(
            "the database is {steps} steps behind, and database.migrate is false: run flextraff-server migrate"
        ),
    }
}

/// How many steps the schema is behind.
///
/// # Errors
/// The database is away, or comes from a newer version.
pub async fn pending(pool: &PgPool) -> anyhow::Result<usize> {
    let table = sqlx::query_scalar!(r#"SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS "there!""#)
        .fetch_one(pool)
        .await
        .context("cannot ask the database for its state")?;
    if !table {
        return Ok(MIGRATOR.iter().count());
    }
    let taken: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
        .fetch_all(pool)
        .await
        .context("cannot ask the database for its state")?;
    if let Some(unknown) = taken.iter().find(|version| !MIGRATOR.version_exists(**version)) {
        bail!("the database has step {unknown}, which this version does not know; install the newer version");
    }
    Ok(MIGRATOR.iter().filter(|step| !taken.contains(&step.version)).count())
}

/// How long the database may take to answer before it counts as disconnected.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Whether the database answers at this moment.
pub async fn answers(pool: &PgPool) -> bool {
    let ping = async { pool.acquire().await?.ping().await };
    matches!(tokio::time::timeout(ANSWERS_WITHIN, ping).await, Ok(Ok(())))
}

/// Whether the database answers at this moment, and takes changes: one that stands by for another, or is set to be read only, takes none.
pub async fn takes_changes(pool: &PgPool) -> bool {
    let ask = async {
        let mut connection = pool.acquire().await?;
        let ask = "SELECT current_setting('transaction_read_only') = 'off'";
        sqlx::raw_sql(ask).fetch_one(&mut *connection).await?.try_get(0)
    };
    matches!(tokio::time::timeout(ANSWERS_WITHIN, ask).await, Ok(Ok(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn an_old_database_is_refused_with_a_sentence() {
        assert_eq!(too_old(140_000), None);
        let sentence = "the database is PostgreSQL 13; FlexTraff needs version 14 or later";
        assert_eq!(too_old(130_022).as_deref(), Some(sentence));
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_read_does_not_tell_its_password() {
        for password in ["hun/ter2", "hun?ter2", "hun#ter2"] {
            let url = Some(Secret::new(format!("postgresql://city:{password}@localhost/flextraff")));
            let error = connect(&Database { url, ..Database::default() }).await.unwrap_err();
            let told = format!("{error:#} {error:?}");
            assert!(told.contains("database") && told.contains("city:***@"), "{told}");
            assert!(!told.contains("hun") && !told.contains("er2"), "{told}");
        }
    }
}
