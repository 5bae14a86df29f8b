//! What the database tells every server as it is committed; see the migrations.

use flextraff_common::ids::UserId;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use uuid::Uuid;

const LOG: &str = "flextraff_log";
const RIGHTS: &str = "flextraff_rights";

/// Something that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiding {
    /// A line of the log was written.
    Log(Uuid),
    /// What a user may see has changed, or one of his sessions has ended.
    Rights(UserId),
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
        listener.listen_all([LOG, RIGHTS]).await?;
        Ok(Self(listener))
    }

    /// The next one. Those that came while the connection was away are lost.
    ///
    /// # Errors
    /// The database is away, or the pool is closed.
    pub async fn next(&mut self) -> sqlx::Result<Tiding> {
        loop {
            let told = self.0.recv().await?;
            let Ok(id) = told.payload().parse() else { continue };
            match told.channel() {
                LOG => return Ok(Tiding::Log(id)),
                RIGHTS => return Ok(Tiding::Rights(UserId(id))),
                _ => {}
            }
        }
    }
}
