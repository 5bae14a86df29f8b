//! Keys and watch-lists on their way to devices.

use super::periods::periods;
use crate::app::App;
use crate::auth::{hex, random_bytes};
use crate::db::keys::{self, NewKey};
use crate::db::watchlist;
use crate::mqtt::Outgoing;
use anyhow::ensure;
use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{WatchlistPage, encode};
use uuid::Uuid;

/// Sends a device the watch-list key of its junction and its city's pseudonym keys for two weeks; what is missing of them is made. A watch-list
/// of several pages goes with them.
pub(super) async fn send(
    app: &App,
    junction: JunctionId,
    device: DeviceId,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut city = Vec::new();
    for period in periods(now) {
        city.push(NewKey {
            // Two cities have different keys in one week, and a key that is made again is another one.
            key_id: format!("{}-{}", period.name, hex(&random_bytes::<4>()?)).parse()?,
            secret: random_bytes()?,
            from: period.from,
            until: period.until,
        });
    }
    let Some(keys) = keys::of_junction(&app.db, junction, random_bytes()?, &city, now).await? else {
        return Ok(());
    };
    publish(app, Topic::Keys(junction, device), encode(&keys))?;
    let pages = pages(app, junction, now).await?;
    // The broker keeps a list that is one message, but of several pages the last one only.
    if pages.len() > 1 { publish_pages(app, junction, &pages) } else { Ok(()) }
}

/// Publishes the watch-list of a junction.
pub(super) async fn send_watchlist(
    app: &App,
    junction: JunctionId,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    publish_pages(app, junction, &pages(app, junction, now).await?)
}

/// The messages that carry the watch-list of a junction.
async fn pages(app: &App, junction: JunctionId, now: DateTime<Utc>) -> anyhow::Result<Vec<WatchlistPage>> {
    Ok(watchlist::message(&app.db, junction, now).await?.into_pages(Uuid::now_v7()))
}

fn publish_pages(app: &App, junction: JunctionId, pages: &[WatchlistPage]) -> anyhow::Result<()> {
    pages.iter().try_for_each(|page| publish(app, Topic::Watchlist(junction), encode(page)))
}

fn publish(app: &App, topic: Topic, payload: String) -> anyhow::Result<()> {
    let sent = app.mqtt.outgoing.try_send(Outgoing { topic, payload });
    ensure!(sent.is_ok(), "the broker is away for too long");
    Ok(())
}
