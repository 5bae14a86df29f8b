//! Hearing what the database tells, and noticing when its connection says nothing because it is gone.

use super::{Result, within};
use sqlx::postgres::{PgListener, PgNotification};
use std::time::Duration;
use tokio::time::timeout;

/// A connection on which nothing came for so long is tried: where the way to the database is cut without a word, nothing ever comes.
const TRIED_AFTER: Duration = Duration::from_secs(30);
/// Longest that it may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What is told next; `None`: the connection was lost, and with it what was told meanwhile.
///
/// # Errors
/// The database is away, or the pool is closed.
pub(super) async fn next(listener: &mut PgListener) -> Result<Option<PgNotification>> {
    next_or_tried(listener, TRIED_AFTER).await
}

async fn next_or_tried(listener: &mut PgListener, after: Duration) -> Result<Option<PgNotification>> {
    loop {
        if let Ok(heard) = timeout(after, listener.try_recv()).await {
            return heard;
        }
        within(ANSWERS_WITHIN, sqlx::query("SELECT 1").execute(&mut *listener)).await?;
    }
}
