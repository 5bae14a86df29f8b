//! Which of several servers plans and sends for which junction, and what they tell each other.

use flextraff_common::ids::JunctionId;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use uuid::Uuid;

/// Where servers tell each other what is new.
const CHANNEL: &str = "flextraff_news";

/// Renews what `holder` has and takes what nobody has any more, for `seconds` from now by the database's clock. Returns all that it holds then.
///
/// A junction that is just being deleted is left out: to wait for that, and then find it gone, would cost the leases of all others.
///
/// # Errors
/// When the database fails; what was held before holds until its time is over.
pub async fn take(db: &PgPool, holder: &str, seconds: f64) -> sqlx::Result<Vec<JunctionId>> {
    let mut transaction = db.begin().await?;
    sqlx::query!(
        "INSERT INTO junction_leases (junction_id, holder, expires_at)
         SELECT junction_id, $1, now() + $2 * interval '1 second'
         FROM (SELECT junction_id FROM junctions ORDER BY junction_id FOR KEY SHARE SKIP LOCKED) AS known
         ON CONFLICT (junction_id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
         WHERE junction_leases.holder = excluded.holder OR junction_leases.expires_at <= now()",
        holder,
        seconds,
    )
    .execute(&mut *transaction)
    .await?;
    let held =
        sqlx::query_scalar!("SELECT junction_id FROM junction_leases WHERE holder = $1 ORDER BY 1", holder)
            .fetch_all(&mut *transaction)
            .await?;
    transaction.commit().await?;
    Ok(held.into_iter().map(JunctionId).collect())
}

/// Gives back all that `holder` has, so that another one need not wait.
///
/// # Errors
/// When the database fails.
pub async fn give_back(db: &PgPool, holder: &str) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM junction_leases WHERE holder = $1", holder).execute(db).await?;
    Ok(())
}

/// What one server tells the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Who tells it.
    pub from: String,
    /// What is new.
    pub news: News,
}

/// What is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// Junctions or schedules changed.
    Junctions,
    /// A plan was sent.
    Plan {
        /// Where.
        junction: JunctionId,
        /// Its name.
        plan_id: String,
    },
    /// An override was set, or is over.
    Override {
        /// Where.
        junction: JunctionId,
        /// Which.
        override_id: Uuid,
        /// What became of it, as the live feed names it.
        event: String,
    },
}

/// Tells the other servers.
///
/// # Errors
/// When the database fails; they look by themselves within a minute.
pub async fn tell(db: &PgPool, notice: &Notice) -> sqlx::Result<()> {
    let text = serde_json::to_string(notice).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, text).execute(db).await?;
    Ok(())
}

/// Hears what other servers tell.
pub struct Listener(PgListener);

impl Listener {
    /// Starts listening, on a connection of its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start(db: &PgPool) -> sqlx::Result<Self> {
        let mut listener = PgListener::connect_with(db).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// The next notice; `None` after the connection was lost, and news with it. What cannot be read comes from another version, and is left out.
    ///
    /// # Errors
    /// The database is away, or the pool is closed.
    pub async fn next(&mut self) -> sqlx::Result<Option<Notice>> {
        loop {
            let Some(notification) = self.0.try_recv().await? else { return Ok(None) };
            match serde_json::from_str(notification.payload()) {
                Ok(notice) => return Ok(Some(notice)),
                Err(error) => {
                    tracing::debug!(%error, "another server tells what this one does not understand");
                }
            }
        }
    }
}
