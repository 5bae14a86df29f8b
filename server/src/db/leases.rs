//! Which of several servers plans and sends for which junction, and what they tell each other.

use super::listening;
use crate::shares::View;
use flextraff_common::ids::JunctionId;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Where servers tell each other what is new.
const CHANNEL: &str = "flextraff_news";

/// One server among those on the database.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// Its name, which no other has.
    pub name: &'a str,
    /// Its process.
    pub instance: Uuid,
    /// Whether it hears the broker, and stores what it hears: who does not for as long as a lease holds leaves the junctions to those who do.
    pub hears: bool,
}

/// What came of [`take`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Who holds what.
    pub view: View,
    /// Another process at work has the same name.
    pub has_double: bool,
}

/// Renews what a server has and takes what nobody has any more, for `seconds` from now by the database's clock; of as many servers as are at work
/// each takes its even share, and gives back what is beyond it.
///
/// A junction that is just being deleted is left out: to wait for that, and then find it gone, would cost the leases of all others.
///
/// # Errors
/// When the database fails; what was held before holds until its time is over.
pub async fn take(db: &PgPool, server: Server<'_>, seconds: f64) -> sqlx::Result<Taken> {
    let mut transaction = db.begin().await?;
    let has_double = if server.hears { announce(&mut transaction, server, seconds).await? } else { false };
    let others = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE name <> $1) AS "count!", coalesce(min(name) < $1, false) AS "follows!",
                  coalesce(bool_or(name = $1), false) AS "heard!"
           FROM servers WHERE seen_at > now() - $2 * interval '1 second'"#,
        server.name,
        seconds,
    )
    .fetch_one(&mut *transaction)
    .await?;
    let share = if others.count == 0 {
        i64::MAX
    } else if others.heard {
        let junctions = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM junctions"#)
            .fetch_one(&mut *transaction)
            .await?;
        let servers = others.count + 1;
        (junctions + others.count) / servers
    } else {
        0
    };
    // Rows that somebody else has locked are left out at each step: nobody waits for another, least of all for one that has died.
    sqlx::query!(
        "DELETE FROM junction_leases WHERE junction_id IN (
             SELECT junction_id FROM junction_leases WHERE holder = $1 ORDER BY junction_id OFFSET $2 FOR UPDATE SKIP LOCKED)",
        server.name,
        share,
    )
    .execute(&mut *transaction)
    .await?;
    let held = sqlx::query!(
        "UPDATE junction_leases SET expires_at = now() + $2 * interval '1 second' WHERE junction_id IN (
             SELECT junction_id FROM junction_leases WHERE holder = $1 ORDER BY junction_id FOR UPDATE SKIP LOCKED)",
        server.name,
        seconds,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    let room = share.saturating_sub_unsigned(held);
    let taken = sqlx::query!(
        "UPDATE junction_leases SET holder = $1, expires_at = now() + $2 * interval '1 second' WHERE junction_id IN (
             SELECT junction_id FROM junction_leases WHERE holder <> $1 AND expires_at <= now()
             ORDER BY junction_id LIMIT $3 FOR UPDATE SKIP LOCKED)",
        server.name,
        seconds,
        room.max(0),
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    sqlx::query!(
        "INSERT INTO junction_leases (junction_id, holder, expires_at)
         SELECT junction_id, $1, now() + $2 * interval '1 second'
         FROM (SELECT junction_id FROM junctions
               WHERE NOT EXISTS (SELECT FROM junction_leases lease WHERE lease.junction_id = junctions.junction_id)
               ORDER BY junction_id LIMIT $3 FOR KEY SHARE SKIP LOCKED) AS free
         ON CONFLICT (junction_id) DO NOTHING",
        server.name,
        seconds,
        room.saturating_sub_unsigned(taken).max(0),
    )
    .execute(&mut *transaction)
    .await?;
    let leases = sqlx::query!(
        r#"SELECT junction_id, holder = $1 AS "is_mine!" FROM junction_leases WHERE holder = $1 OR expires_at > now()"#,
        server.name
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let mut view = View { follows: others.follows, ..View::default() };
    for lease in leases {
        let side = if lease.is_mine { &mut view.held } else { &mut view.others };
        side.insert(JunctionId(lease.junction_id));
    }
    Ok(Taken { view, has_double })
}

/// Tells that a server is at work; whether another process is so under its name.
async fn announce(db: &mut PgConnection, server: Server<'_>, seconds: f64) -> sqlx::Result<bool> {
    let has_double = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM servers WHERE name = $1 AND instance <> $2 AND seen_at > now() - $3 * interval '1 second') AS "has!""#,
        server.name,
        server.instance,
        seconds,
    )
    .fetch_one(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM servers WHERE seen_at < now() - interval '1 day'").execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO servers (name, instance, seen_at) VALUES ($1, $2, now())
         ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, seen_at = excluded.seen_at",
        server.name,
        server.instance,
    )
    .execute(db)
    .await?;
    Ok(has_double)
}

/// Gives back all that `holder` has, so that another one need not wait.
///
/// # Errors
/// When the database fails.
pub async fn give_back(db: &PgPool, holder: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM servers WHERE name = $1) DELETE FROM junction_leases WHERE holder = $1",
        holder
    )
    .execute(db)
    .await?;
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
            let Some(notification) = listening::next(&mut self.0).await? else { return Ok(None) };
            match serde_json::from_str(notification.payload()) {
                Ok(notice) => return Ok(Some(notice)),
                Err(error) => {
                    tracing::debug!(%error, "another server tells what this one does not understand");
                }
            }
        }
    }
}
