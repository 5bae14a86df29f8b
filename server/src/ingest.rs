//! From MQTT messages to committed rows.
//!
//! Messages are gathered into batches, and each batch is one transaction. Only after its commit are the messages confirmed to the broker,
//! the rows acknowledged to their senders and the news told. While the database is away a batch waits and nothing is confirmed: the broker,
//! and behind it the senders' outboxes, keep the rest.

mod answer;
mod apply;
mod check;
mod decode;
mod kept;
mod seen;
#[cfg(test)]
mod tests;

pub use answer::answers;
pub use apply::{Fate, Item, apply};
pub use check::check;
pub use decode::{Counts, Message, Refusal, decode, to_utc};

use crate::clock::Clock;
use crate::db::counts;
use crate::metrics::{Metrics, Outcome};
use crate::mqtt::{AckToken, Incoming, Outgoing};
use crate::shares::Shares;
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::wire::{CarCounts, Cycles, Reply, Signal, Status};
use kept::Kept;
use seen::Seen;
use sqlx::PgPool;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

/// Transactions at the same time: one writes while another waits for the disk.
const PIPELINES: usize = 2;
/// Most messages of one transaction.
const MAX_BATCH: usize = 500;
/// Most bytes of one transaction.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Longest that a message waits for others.
const MAX_WAIT: Duration = Duration::from_millis(50);
/// A pause this long ends a batch. A broker stops sending while its window of unconfirmed messages is full: waiting longer would only slow it down.
const QUIET: Duration = Duration::from_millis(3);
/// A batch that takes the database longer than this waits for it, also when nothing fails.
const SLOW: Duration = Duration::from_secs(20);
/// Longest that the first look at the shares is waited for; without one everything is stored.
const LOOKS_WITHIN: Duration = Duration::from_secs(10);
/// Between looks whether a junction has become this server's whose counts were left to another one.
const INHERITS_EVERY: Duration = Duration::from_secs(1);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

/// What ingest has taken in; told to the planner, dispatch and the live feed after the commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// Counts of a lane are committed.
    Counts(JunctionId, LaneId, Box<CarCounts>),
    /// A cycle is committed.
    Cycle(JunctionId, DeviceId, Box<Cycles>),
    /// A device said how it is (or the broker said that it is gone).
    Status(JunctionId, Box<Status>),
    /// The lamps changed, or still show the same.
    Signal(JunctionId, Box<Signal>),
    /// A device answered a command.
    Reply(JunctionId, DeviceId, Box<Reply>),
}

/// Where ingest gets its messages and tells what became of them.
#[derive(Debug)]
pub struct Channels {
    /// Messages from the broker.
    pub incoming: mpsc::Receiver<Incoming>,
    /// Acknowledgements to senders. When it is full they are dropped: a sender repeats what is not answered.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// What is committed. When it is full news are dropped: who needs all of it reads the database.
    pub applied: mpsc::Sender<Applied>,
    /// How many pipelines wait for the database: what devices say is not heard meanwhile.
    pub waiting: watch::Sender<usize>,
    /// What is left to other servers on the same database.
    pub shares: Shares,
}

/// A batch that is read and not committed.
type Batch = (Vec<Item>, Vec<AckToken>);

/// Runs until nobody sends messages any more, or `stop` turns true; batches that are under way are finished, unless the database is away.
///
/// Junctions are shared out between pipelines, which know nothing of each other: what belongs to a junction stays in order.
pub async fn run(db: PgPool, channels: Channels, metrics: Arc<Metrics>, mut stop: watch::Receiver<bool>) {
    let Channels { mut incoming, outgoing, applied, waiting, shares } = channels;
    // The broker may have kept messages that another server has taken in meanwhile.
    tokio::select! {
        _ = timeout(LOOKS_WITHIN, shares.known()) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    let away = Arc::new(AtomicBool::new(false));
    let (senders, pipelines): (Vec<_>, Vec<_>) = (0..PIPELINES)
        .map(|_| {
            let (sender, incoming) = mpsc::channel(MAX_BATCH);
            let pipeline = Pipeline {
                db: db.clone(),
                channels: Channels {
                    incoming,
                    outgoing: outgoing.clone(),
                    applied: applied.clone(),
                    waiting: waiting.clone(),
                    shares: shares.clone(),
                },
                metrics: Arc::clone(&metrics),
                away: Arc::clone(&away),
                stop: stop.clone(),
            };
            (sender, tokio::spawn(pipeline.run()))
        })
        .unzip();
    drop((outgoing, applied));
    loop {
        let message = tokio::select! {
            message = incoming.recv() => message,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some(message) = message else { break };
        // Once it is stopped a pipeline takes nothing: what it does not take is not confirmed and comes again.
        if senders[pipeline_of(&message.topic)].send(message).await.is_err() {
            break;
        }
    }
    drop(senders);
    for pipeline in pipelines {
        if let Err(error) = pipeline.await {
            tracing::error!(%error, "ingest has failed");
        }
    }
}

/// Which pipeline takes the messages of a topic: the same one for all topics of a junction.
fn pipeline_of(topic: &str) -> usize {
    let junction = topic.split('/').nth(1).unwrap_or_default();
    junction.bytes().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
        % PIPELINES
}

/// One way from messages to committed rows. While a batch is committed the next one is gathered and read.
struct Pipeline {
    db: PgPool,
    channels: Channels,
    metrics: Arc<Metrics>,
    /// Whether the database is known to be away; shared, so that it is said once.
    away: Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
}

impl Pipeline {
    async fn run(self) {
        let Self { db, channels, metrics, away, mut stop } = self;
        let Channels { incoming, outgoing, applied, waiting, shares } = channels;
        let (reader, mut batches) = mpsc::channel(1);
        let reading = tokio::spawn(read(incoming, reader, stop.clone()));
        let (mut seen, mut kept) = (Seen::default(), Kept::default());
        let mut looks = interval(INHERITS_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let batch = tokio::select! {
                batch = batches.recv() => batch,
                _ = looks.tick(), if !kept.is_empty() => {
                    let mut items = inherit(&db, &mut kept, &shares).await;
                    let mut waits = Waits::new(&waiting);
                    // They were told of when they came.
                    let done = commit(&db, &mut items, &shares, &metrics, &mut waits, &away, &mut stop).await;
                    for fate in done.into_iter().flatten() {
                        metrics.message(outcome(&fate));
                    }
                    continue;
                }
            };
            let Some((mut items, tokens)) = batch else { break };
            let mut waits = Waits::new(&waiting);
            let Some(fates) = commit(&db, &mut items, &shares, &metrics, &mut waits, &away, &mut stop).await
            else {
                break;
            };
            for fate in &fates {
                metrics.message(outcome(fate));
            }
            for answer in answers(&items, &fates) {
                let _ = outgoing.try_send(answer);
            }
            for token in tokens {
                token.confirm().await;
            }
            for (item, fate) in items.into_iter().zip(fates) {
                let first = seen.first(&item, &fate);
                if fate == (Fate::Left { sound: true }) {
                    kept.keep(&item);
                }
                // Another server on the same database has stored it, or does so, and this one has not told of it yet.
                let is_news = match (&fate, &item.message) {
                    (Fate::Duplicate, _) | (Fate::Left { sound: true }, Ok(Message::Counts(_))) => first,
                    (Fate::Left { sound: true }, Ok(Message::Signal(..))) => true,
                    _ => false,
                };
                let fate = if is_news { Fate::Stored } else { fate };
                let Some(news) = news(item, &fate) else { continue };
                if applied.try_send(news).is_err() {
                    tracing::debug!("nobody keeps up with what ingest tells; news are dropped");
                }
            }
        }
        drop(batches);
        let _ = reading.await;
    }
}

const fn outcome(fate: &Fate) -> Outcome {
    match fate {
        Fate::Stored => Outcome::Stored,
        Fate::Duplicate => Outcome::Duplicate,
        Fate::Refused(_) => Outcome::Refused,
        Fate::Left { .. } => Outcome::Left,
    }
}

/// What the server before has left undone of junctions that are this server's by now. While the database is away it is left for the next look.
async fn inherit(db: &PgPool, kept: &mut Kept, shares: &Shares) -> Vec<Item> {
    kept.forget(Clock.utc());
    let now = Clock.instant();
    let holds = |junction| shares.holds(junction, now);
    let Some((lanes, since)) = kept.heirlooms(holds) else { return Vec::new() };
    match counts::untimed_since(db, &lanes, since).await {
        Ok(stored) => kept.missing(holds, stored),
        Err(error) => {
            tracing::debug!(%error, "cannot look what the server before has stored");
            Vec::new()
        }
    }
}

/// Gathers and reads batches until nobody sends messages, nobody takes batches, or `stop` turns true.
async fn read(
    mut incoming: mpsc::Receiver<Incoming>,
    batches: mpsc::Sender<Batch>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let first = tokio::select! {
            message = incoming.recv() => message,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some(first) = first else { return };
        let batch = gather(first, &mut incoming).await.into_iter().map(Item::read).unzip();
        if batches.send(batch).await.is_err() {
            return;
        }
    }
}

/// The first message and what comes with it.
async fn gather(first: Incoming, incoming: &mut mpsc::Receiver<Incoming>) -> Vec<Incoming> {
    let deadline = Instant::now() + MAX_WAIT;
    let mut bytes = first.payload.len();
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES {
        match timeout_at(deadline, timeout(QUIET, incoming.recv())).await {
            Ok(Ok(Some(message))) => {
                bytes += message.payload.len();
                batch.push(message);
            }
            _ => break,
        }
    }
    batch
}

/// Applies a batch, however long the database is away; `None` when stopped meanwhile: then nothing is confirmed.
async fn commit(
    db: &PgPool,
    items: &mut [Item],
    shares: &Shares,
    metrics: &Metrics,
    waits: &mut Waits<'_>,
    away: &AtomicBool,
    stop: &mut watch::Receiver<bool>,
) -> Option<Vec<Fate>> {
    if items.is_empty() {
        return Some(Vec::new());
    }
    let mut backoff = FIRST_BACKOFF;
    loop {
        let started = Instant::now();
        for item in &mut *items {
            item.left = shares.left(item.junction(), started.into_std());
        }
        let mut applying = pin!(apply(db, items));
        let applied = if let Ok(applied) = timeout(SLOW, &mut applying).await {
            applied
        } else {
            waits.begin();
            applying.await
        };
        match applied {
            Ok(fates) => {
                metrics.batch(started.elapsed());
                if away.swap(false, Relaxed) {
                    tracing::info!("the database takes messages again");
                }
                return Some(fates);
            }
            Err(error) => {
                metrics.database_failed();
                waits.begin();
                let full = crate::db::is_full(&error);
                if full && metrics.room.refused(started.into_std()) {
                    tracing::error!(%error, "{}", crate::room::FULL);
                }
                if !away.swap(true, Relaxed) {
                    tracing::error!(%error, messages = items.len(), "the database takes no messages; waiting for it");
                }
                tokio::select! {
                    () = tokio::time::sleep(backoff) => {}
                    _ = stop.wait_for(|stop| *stop) => return None,
                }
                backoff = (backoff * 2).min(LAST_BACKOFF);
            }
        }
    }
}

/// Whether a batch waits for the database; not any more when this is dropped.
struct Waits<'a> {
    pipelines: &'a watch::Sender<usize>,
    begun: bool,
}

impl<'a> Waits<'a> {
    const fn new(pipelines: &'a watch::Sender<usize>) -> Self {
        Self { pipelines, begun: false }
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.pipelines.send_modify(|pipelines| *pipelines += 1);
        }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if self.begun {
            self.pipelines.send_modify(|pipelines| *pipelines -= 1);
        }
    }
}

/// What is told of a message. What was stored before, or not at all, is no news.
pub fn news(item: Item, fate: &Fate) -> Option<Applied> {
    if *fate != Fate::Stored {
        return None;
    }
    Some(match item.message.ok()? {
        Message::Counts(counts) => {
            let time = flextraff_common::time::UnixMs(counts.ts.timestamp_millis());
            let message = CarCounts { timestamp: Some(time), ..counts.message };
            Applied::Counts(message.junction_id, message.lane_id, Box::new(message))
        }
        Message::Cycle(junction, cycle) => Applied::Cycle(junction, cycle.delivery.device_id, cycle),
        Message::Status(junction, status, _) => Applied::Status(junction, status),
        Message::Signal(junction, signal, false) => Applied::Signal(junction, signal),
        Message::Reply(junction, device, reply) => Applied::Reply(junction, device, reply),
        // What the broker kept was so once; what is so now comes within seconds.
        Message::Signal(_, _, true) | Message::Events(..) | Message::Gap(..) | Message::ClockFix(..) => {
            return None;
        }
    })
}
