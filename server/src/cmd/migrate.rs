//! `flextraff-server migrate`: brings the database up to date.

use super::say;
use crate::clock::Clock;
use crate::db::{partitions, setup};
use sqlx::PgPool;
use std::process::ExitCode;

/// Does it.
pub(super) async fn run(db: &PgPool) -> anyhow::Result<ExitCode> {
    setup::migrate(db).await?;
    partitions::make_ahead(db, Clock.utc().date_naive()).await?;
    say("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}
