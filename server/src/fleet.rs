//! Talks to devices: commands and their answers, who is silent, and which configuration each runs on.

mod keys;
mod lists;
mod periods;
mod presence;
pub mod register;

pub use presence::{Action, Presence};

use crate::app::App;
use crate::clock::Clock;
use crate::db::{devices, watchlist, within};
use crate::hearing::{Hearing, SILENT_AFTER};
use crate::ingest::Applied;
use crate::mqtt::{MqttHandle, Outgoing};
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Command, CommandType, Reply, Status, encode};
use lists::Lists;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use uuid::Uuid;

/// Between looks for silent devices.
const LOOK: Duration = Duration::from_secs(10);
/// Between times at which watch-lists are published anew.
const LISTS: Duration = Duration::from_hours(1);
/// Between attempts to publish watch-lists that could not be.
const LISTS_AGAIN: Duration = Duration::from_secs(5);
/// Longest that the task waits for the database: where the way to it is cut without a word, no answer ever comes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(90);
/// Longest that a command waits for its answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// After so long a device refuses a command that it has not got before, milliseconds.
const EXPIRES_MS: i64 = 10_000;
/// Statuses that may wait for the task.
const NEWS: usize = 4096;
/// Changes of the broker's rights that may wait.
const RIGHTS: usize = 16;
/// Longest that a request waits for the broker.
const RIGHTS_WITHIN: Duration = Duration::from_secs(5);
/// Devices that are asked for their configuration at a time.
const ASKED_AT_ONCE: usize = 16;

type Waiters = Arc<Mutex<BTreeMap<(DeviceId, String), oneshot::Sender<Reply>>>>;

/// How the API and the news of ingest reach the task.
#[derive(Clone, Debug)]
pub struct Handle {
    news: mpsc::Sender<News>,
    waiters: Waiters,
    lists: Arc<Lists>,
    rights: mpsc::Sender<RightsRequest>,
}

/// A request to bring the broker's rights in step, answered when they are.
pub type RightsRequest = oneshot::Sender<()>;

#[derive(Debug)]
enum News {
    Status(JunctionId, Box<Status>),
}

/// The task's own end of a [`Handle`].
#[derive(Debug)]
pub struct Requests(mpsc::Receiver<News>, Arc<Lists>);

/// A handle, the end that [`run`] serves, and the one of the task that keeps the broker's rights.
pub fn channel() -> (Handle, Requests, mpsc::Receiver<RightsRequest>) {
    let (news, receiver) = mpsc::channel(NEWS);
    let (rights, rights_receiver) = mpsc::channel(RIGHTS);
    let lists = Arc::<Lists>::default();
    let handle = Handle { news, waiters: Waiters::default(), lists: Arc::clone(&lists), rights };
    (handle, Requests(receiver, lists), rights_receiver)
}

/// Takes a waiter away when nobody waits any more.
struct Waiting {
    waiters: Waiters,
    key: (DeviceId, String),
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Handle {
    /// Takes in what ingest tells. A status that finds the task busy is dropped: the next one comes.
    pub fn hear(&self, news: &Applied) {
        match news {
            Applied::Reply(_, device, reply) => {
                let key = (*device, reply.id.clone());
                let waiter = self.waiters.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
                if let Some(waiter) = waiter {
                    let _ = waiter.send((**reply).clone());
                }
            }
            Applied::Status(junction, status) => {
                let _ = self.news.try_send(News::Status(*junction, status.clone()));
            }
            Applied::Counts(..) | Applied::Cycle(..) | Applied::Signal(..) => {}
        }
    }

    /// Says that the watch-list of a junction has changed.
    pub fn watchlist_changed(&self, junction: JunctionId) {
        self.lists.change(junction);
    }

    /// Says that devices or their logins have changed; whether the broker has taken that over within five seconds. When it is away, or its
    /// rights are kept by hand, nobody waits.
    pub async fn rights_changed(&self, mqtt: &MqttHandle) -> bool {
        let (answer, answered) = oneshot::channel();
        *mqtt.connected.borrow()
            && self.rights.try_send(answer).is_ok()
            && matches!(timeout(RIGHTS_WITHIN, answered).await, Ok(Ok(())))
    }

    /// Sends a command to a device and waits up to five seconds; `None`: no answer came.
    pub async fn command(
        &self,
        mqtt: &MqttHandle,
        junction: JunctionId,
        device: DeviceId,
        command: CommandType,
        now: UnixMs,
    ) -> Option<Reply> {
        let id = Uuid::now_v7().to_string();
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { waiters: self.waiters.clone(), key: (device, id.clone()) };
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner).insert(waiting.key.clone(), answer);
        let payload = encode(&Command { id, command, expires_at: now + EXPIRES_MS });
        mqtt.outgoing.try_send(Outgoing { topic: Topic::Command(junction, device), payload }).ok()?;
        timeout(ANSWERS_WITHIN, answered).await.ok()?.ok()
    }
}

/// Watches over all devices until `stop` changes.
pub async fn run(
    app: App,
    clock: Clock,
    mut hearing: Hearing,
    requests: Requests,
    mut stop: watch::Receiver<bool>,
) {
    let Requests(mut news, lists) = requests;
    let mut presence = Presence::default();
    let asked = Arc::new(Semaphore::new(ASKED_AT_ONCE));
    let mut look = interval_at((clock.instant() + LOOK).into(), LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hourly = interval_at((clock.instant() + LISTS).into(), LISTS);
    hourly.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut again = interval_at((clock.instant() + LISTS_AGAIN).into(), LISTS_AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lists_wait = false;
    let mut connected = app.mqtt.connected.clone();
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            Some(news) = news.recv() => match news {
                News::Status(junction, status) => {
                    for action in presence.handle_status(junction, &status, clock.now()) {
                        act(&app, clock, &asked, &mut presence, action).await;
                    }
                }
            },
            Ok(()) = connected.changed() => {
                if *connected.borrow_and_update() {
                    lists.all();
                }
            }
            _ = hourly.tick() => {
                if let Err(error) = within(ANSWERED_WITHIN, watchlist::expire(&app.db, clock.utc())).await {
                    tracing::error!(%error, "old entries of watch-lists stay; trying again within the hour");
                }
                lists.all();
            }
            () = lists.changed() => publish_lists(&app, clock, &lists, &mut lists_wait).await,
            _ = again.tick(), if lists.are_due() => publish_lists(&app, clock, &lists, &mut lists_wait).await,
            // Whoever was online before a break of this server, the broker or the database has time to be heard again.
            _ = look.tick() => if hearing.is_sure(clock.instant()) {
                match within(ANSWERED_WITHIN, mark_silent(&app, clock.utc())).await {
                    Ok(silent) => silent.into_iter().for_each(|device| presence.gone(device)),
                    Err(error) => {
                        tracing::error!(%error, "cannot look for silent devices");
                        hearing.broke();
                    }
                }
            }
        }
    }
}

/// Publishes the watch-lists that are due; `wait`: some waited already, which was said.
async fn publish_lists(app: &App, clock: Clock, lists: &Lists, wait: &mut bool) {
    match in_time(lists.publish(app, clock.utc())).await {
        Ok(()) => *wait = false,
        Err(error) => {
            if !std::mem::replace(wait, true) {
                tracing::error!(
                    error = format!("{error:#}"),
                    "watch-lists cannot be published; trying again until they are"
                );
            }
        }
    }
}

/// Does what asks the database, unless that takes too long: everything else waits meanwhile.
async fn in_time(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    timeout(ANSWERED_WITHIN, work).await.context("the database does not answer in time").flatten()
}

async fn act(app: &App, clock: Clock, asked: &Arc<Semaphore>, presence: &mut Presence, action: Action) {
    match action {
        Action::SendKeys(junction, device) => {
            if let Err(error) = in_time(keys::send(app, junction, device, clock.utc())).await {
                tracing::error!(%device, error = format!("{error:#}"), "keys cannot be sent; trying again with its next status");
                presence.gone(device);
            }
        }
        Action::LearnConfig(junction, device, hash) => {
            if learn_config(app, clock, asked, junction, device, &hash).await {
                presence.config_is_known(device, &hash);
            }
        }
    }
}

/// Marks devices offline of which nothing was heard for three periods; the database tells the live feeds of all servers.
///
/// # Errors
/// When the database fails.
pub async fn mark_silent(app: &App, now: DateTime<Utc>) -> crate::db::Result<Vec<DeviceId>> {
    let mut tx = app.db.begin().await?;
    let silent = devices::mark_silent(&mut tx, now - SILENT_AFTER).await?;
    tx.commit().await?;
    for (device, junction) in &silent {
        tracing::warn!(%device, %junction, "nothing is heard of a device; it counts as offline");
    }
    Ok(silent.into_iter().map(|(device, _)| device).collect())
}

/// Whether the configuration that a device runs on is known; if not, it is asked for.
async fn learn_config(
    app: &App,
    clock: Clock,
    asked: &Arc<Semaphore>,
    junction: JunctionId,
    device: DeviceId,
    hash: &str,
) -> bool {
    match within(ANSWERED_WITHIN, devices::config_hash(&app.db, device)).await {
        Ok(Some(known)) if known == hash => return true,
        Ok(_) => {}
        Err(error) => {
            tracing::error!(%device, %error, "cannot look whether the configuration of a device is known");
            return false;
        }
    }
    let (app, asked, hash) = (app.clone(), Arc::clone(asked), hash.to_owned());
    tokio::spawn(async move {
        let Ok(_turn) = asked.acquire().await else { return };
        let answer =
            app.fleet.command(&app.mqtt, junction, device, CommandType::SendConfig, clock.now()).await;
        match answer {
            Some(Reply { ok: true, detail, .. }) => {
                if let Err(error) = devices::set_config(&app.db, device, &hash, &detail, clock.utc()).await {
                    tracing::error!(%device, %error, "cannot keep the configuration of a device");
                }
            }
            Some(Reply { detail, .. }) => {
                tracing::warn!(%device, detail, "a device does not send its configuration");
            }
            None => tracing::debug!(%device, "no configuration came; the device is asked again"),
        }
    });
    false
}
