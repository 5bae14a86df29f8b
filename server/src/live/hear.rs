//! What any server on the database may have done: lines of the log, alarms and silent devices for the feed, rights that were taken away, and wrong
//! passwords.

use super::{Hub, LiveEvent, LiveKind};
use crate::auth::Auth;
use crate::clock::Clock;
use crate::db::tidings::{Listener, Tiding};
use crate::db::{alarms, logs, within};
use flextraff_common::ids::JunctionId;
use serde_json::json;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

/// Between attempts to listen while the database is away.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// Longest that the database may take for a line.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// Publishes what is written to the log, alarms that change and devices that fall silent, lets clients look their rights up again when those
/// change, and counts what is guessed at other servers, until `stop` turns true. What happens while the database connection is away is not told: who needs all of it asks for the lists. Of
/// rights every client asks by itself, too.
pub async fn run(db: PgPool, live: Hub, auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            heard = hear(&db, &live, &auth) => if let Err(error) = heard {
                tracing::debug!(%error, "cannot hear what the database tells; trying again");
            },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        tokio::select! {
            () = sleep(LISTEN_AGAIN) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn hear(db: &PgPool, live: &Hub, auth: &Auth) -> sqlx::Result<()> {
    let mut listener = within(ANSWERS_WITHIN, Listener::start(db)).await?;
    loop {
        match listener.next().await? {
            Tiding::Log(id) => {
                for row in within(ANSWERS_WITHIN, logs::get(db, &[id])).await? {
                    // Lines about the whole city belong to no junction that anybody but an administrator sees.
                    let junction = JunctionId(row.junction_id.unwrap_or(Uuid::nil()));
                    let payload = serde_json::to_value(&row).unwrap_or_default();
                    live.publish(LiveEvent { junction, kind: LiveKind::Log, payload: Arc::new(payload) });
                }
            }
            Tiding::Rights(user) => live.rights_changed(user),
            Tiding::Guess(guess) => auth.heard(&guess, Clock.instant()),
            Tiding::Alarm(id) => {
                let Some(alarm) = within(ANSWERS_WITHIN, alarms::get(db, id)).await? else { continue };
                let junction = JunctionId(alarm.junction_id.unwrap_or(Uuid::nil()));
                let mut payload = serde_json::to_value(&alarm).unwrap_or_else(|_| json!({}));
                payload["state"] = if alarm.closed_at.is_some() { "closed" } else { "open" }.into();
                live.publish(LiveEvent { junction, kind: LiveKind::Alarm, payload: Arc::new(payload) });
            }
            Tiding::Silent(junction, device) => {
                let payload = json!({ "device_id": device, "junction_id": junction, "online": false });
                live.publish(LiveEvent { junction, kind: LiveKind::Status, payload: Arc::new(payload) });
            }
        }
    }
}
