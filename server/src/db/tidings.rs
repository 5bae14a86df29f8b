//! What the database tells every server as it is committed; most of it by triggers, see the migrations.

use super::listening;
use crate::auth::Guess;
use flextraff_common::ids::{DeviceId, JunctionId, UserId};
use sqlx::postgres::PgListener;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

const LOG: &str = "flextraff_log";
const RIGHTS: &str = "flextraff_rights";
const ALARM: &str = "flextraff_alarm";
const SILENT: &str = "flextraff_silent";
const GUESS: &str = "flextraff_guess";

/// Something that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiding {
    /// A line of the log was written.
    Log(Uuid),
    /// What a user may see has changed, or one of his sessions has ended.
    Rights(UserId),
    /// An alarm was opened, acknowledged or closed.
    Alarm(Uuid),
    /// Nothing is heard of a device.
    Silent(JunctionId, DeviceId),
    /// A wrong password or code was shown at a server.
    Guess(Guess),
}

impl Tiding {
    fn read(channel: &str, payload: &str) -> Option<Self> {
        Some(match channel {
            LOG => Self::Log(payload.parse().ok()?),
            RIGHTS => Self::Rights(UserId(payload.parse().ok()?)),
            ALARM => Self::Alarm(payload.parse().ok()?),
            SILENT => {
                let (junction, device) = payload.split_once(' ')?;
                Self::Silent(JunctionId(junction.parse().ok()?), DeviceId(device.parse().ok()?))
            }
            GUESS => Self::Guess(payload.parse().ok()?),
            _ => return None,
        })
    }
}

/// Tells every server, once this is committed, that nothing is heard of a device.
///
/// # Errors
/// When the database fails.
pub async fn tell_silent(db: &mut PgConnection, junction: JunctionId, device: DeviceId) -> sqlx::Result<()> {
    let text = format!("{junction} {device}");
    sqlx::query!("SELECT pg_notify($1, $2)", SILENT, text).execute(db).await?;
    Ok(())
}

/// Tells every server of a wrong password or code.
///
/// # Errors
/// When the database fails.
pub async fn tell_guess(db: &PgPool, guess: &Guess) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_notify($1, $2)", GUESS, guess.to_string()).execute(db).await?;
    Ok(())
}

/// Hears of it.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// Starts listening, on a connection of its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start(db: &PgPool) -> sqlx::Result<Self> {
        let mut listener = PgListener::connect_with(db).await?;
        listener.listen_all([LOG, RIGHTS, ALARM, SILENT, GUESS]).await?;
        Ok(Self(listener))
    }

    /// The next one. Those that came while the connection was away are lost.
    ///
    /// # Errors
    /// The database is away, or the pool is closed.
    pub async fn next(&mut self) -> sqlx::Result<Tiding> {
        loop {
            let Some(told) = listening::next(&mut self.0).await? else { continue };
            if let Some(tiding) = Tiding::read(told.channel(), told.payload()) {
                return Ok(tiding);
            }
        }
    }
}
