//! Lines of the log for the live feed, whichever server has written them.

use super::{Hub, LiveEvent, LiveKind};
use crate::db::logs::{self, Listener};
use flextraff_common::ids::JunctionId;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

/// Between attempts to listen while the database is away.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// Publishes what is written to the log until `stop` turns true. Lines written while the database connection is away are not told: who needs
/// all of them asks for the list.
pub async fn run(db: PgPool, live: Hub, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            heard = hear(&db, &live) => if let Err(error) = heard {
                tracing::debug!(%error, "cannot hear the log; trying again");
            },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        tokio::select! {
            () = sleep(LISTEN_AGAIN) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn hear(db: &PgPool, live: &Hub) -> sqlx::Result<()> {
    let mut listener = Listener::start(db).await?;
    loop {
        let id = listener.next().await?;
        for row in logs::get(db, &[id]).await? {
            // Lines about the whole city belong to no junction that anybody but an administrator sees.
            let junction = JunctionId(row.junction_id.unwrap_or(Uuid::nil()));
            let payload = serde_json::to_value(&row).unwrap_or_default();
            live.publish(LiveEvent { junction, kind: LiveKind::Log, payload: Arc::new(payload) });
        }
    }
}
