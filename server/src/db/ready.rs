//! Connections at hand for the look-ups that each request makes.

use super::setup::TRUSTED;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgPool, Postgres};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// At most so many stay at hand, and of a pool one in [`SHARE`]: the rest is for all else, of which one listens for as long as the server runs.
const AT_HAND: u32 = 2;
const SHARE: u32 = 4;

/// A connection that gives no sign for so long is gone.
const PING_WITHIN: Duration = Duration::from_secs(2);

/// A few connections of the pool that are not given back to it after each use: the pool tries what it gets back, which takes the database and
/// this server as long as a look-up by a key does.
#[derive(Clone, Debug)]
pub struct Ready {
    pool: PgPool,
    at_hand: AtHand,
}

/// Each with the moment of its last use.
type AtHand = Arc<Mutex<Vec<(PoolConnection<Postgres>, Instant)>>>;

impl Ready {
    /// Takes its connections from `pool`, the first when it is needed, and lets go of them when the pool is closed, which waits for them.
    pub fn new(pool: PgPool) -> Self {
        let at_hand = AtHand::default();
        let (closed, kept) = (pool.close_event(), Arc::downgrade(&at_hand));
        tokio::spawn(async move {
            closed.await;
            if let Some(kept) = kept.upgrade() {
                lock(&kept).clear();
            }
        });
        Self { pool, at_hand }
    }

    /// A connection at `now`; whoever got his answer gives it back with [`Ready::give`]. What is dropped instead goes to the pool.
    ///
    /// # Errors
    /// The database is away, or all of the pool is in use for long.
    pub async fn take(&self, now: Instant) -> sqlx::Result<PoolConnection<Postgres>> {
        while let Some((mut connection, used)) = self.pop() {
            if now.saturating_duration_since(used) < TRUSTED
                || matches!(timeout(PING_WITHIN, connection.ping()).await, Ok(Ok(())))
            {
                return Ok(connection);
            }
            connection.close_on_drop();
        }
        self.pool.acquire().await
    }

    /// Keeps a connection at hand that was used until `now`, unless there are enough.
    pub fn give(&self, connection: PoolConnection<Postgres>, now: Instant) {
        let most = AT_HAND.min(self.pool.options().get_max_connections() / SHARE);
        let mut at_hand = lock(&self.at_hand);
        if at_hand.len() < most as usize && !self.pool.is_closed() {
            at_hand.push((connection, now));
        }
    }

    fn pop(&self) -> Option<(PoolConnection<Postgres>, Instant)> {
        lock(&self.at_hand).pop()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
