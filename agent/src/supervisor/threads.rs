//! The threads and what goes between them.

use super::floods::Floods;
use super::restarts::Pauses;
use super::way_out::WayOut;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::console::Asked;
use crate::identity::Sighting;
use crate::link::session::SessionConfig;
use crate::link::{self, Inbound, LinkEvent, LinkRequest, Requests};
use crate::outbox::Outgoing;
use crate::output::{self, LampError, LampEvent, LampParts};
use crate::service::Feeder;
use flextraff_common::ids::OutboxId;
use flextraff_common::time::{MonoMs, UnixMs};
use flextraff_common::wire::{DemandPassage, GreenTime, OutboxStatus};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::mpsc as async_mpsc;
use uuid::Uuid;

/// How long the goodbye to the broker may take.
const GOODBYE: Duration = Duration::from_secs(3);

/// What the main thread is told.
pub(super) enum News {
    /// By the lamp loop.
    Lamp(LampEvent),
    /// By a reader, where the reads go to another device's lamp loop.
    Read(Sighting),
    /// By the link.
    Link(LinkEvent),
    /// The outbox is open; `earliest`: it is later than this; the plans of before the restart, and when they had come, if in this uptime.
    OutboxOpen { outbox: OutboxId, earliest: UnixMs, plans: Vec<(Box<GreenTime>, Option<MonoMs>)> },
    /// The outbox cannot be opened, and why; said with each attempt.
    OutboxShut { failure: String },
    /// Rows that the link asked for.
    Rows(Vec<Outgoing>),
    /// By somebody at this machine.
    Asked(Asked),
    /// The outbox has new rows.
    RowsWaiting,
    /// How full the outbox is, and the passages counted on each lane since the agent started.
    Recorded { outbox: OutboxStatus, counted: Vec<u64> },
    /// SIGHUP.
    Reload,
    /// By the recorder: what other devices of the junction are to be told of vehicles in the stop-line zones.
    Told(Vec<DemandPassage>),
    /// SIGTERM or SIGINT.
    Stop,
}

/// Tells the main thread of SIGHUP, SIGTERM and SIGINT. The second one that asks to end hurries the lamps, also where the main thread stands still; the
/// third one ends the process as soon as no lamp but red is lit.
pub(super) fn heed_signals(
    news: SyncSender<News>,
    way_out: Arc<WayOut>,
    clock: Arc<Clock>,
) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGTERM, SIGINT])?;
    Builder::new().name("signals".to_owned()).spawn(move || {
        let mut asked = 0;
        for signal in &mut signals {
            if signal == SIGHUP {
                let _ = news.send(News::Reload);
                continue;
            }
            asked += 1;
            if asked > 1 {
                way_out.hurry();
            }
            if asked > 2 {
                way_out.wait_for_red(&clock);
                crate::logging::flush();
                std::process::exit(1);
            }
            // Never waited for: a main thread that takes nothing must not keep the next signal from the lamps.
            let _ = news.try_send(News::Stop);
        }
    })?;
    Ok(())
}

/// Starts the lamp loop, and a thread that passes its events on.
pub(super) fn drive_lamps(
    parts: LampParts,
    clock: Arc<Clock>,
    events: Receiver<LampEvent>,
    news: SyncSender<News>,
) -> io::Result<JoinHandle<Result<(), LampError>>> {
    Builder::new().name("lamp-news".to_owned()).spawn(move || {
        for event in events {
            if news.send(News::Lamp(event)).is_err() {
                return;
            }
        }
    })?;
    let stats = Arc::clone(&parts.stats);
    Builder::new().name("lamps".to_owned()).spawn(move || {
        let mut feeder = Feeder::default();
        let mut due_us = None;
        // Whole milliseconds would make each tick late by half of one.
        let left =
            |due: MonoMs| Duration::from_micros((due.0 * 1000 - clock.mono_us()).max(0).unsigned_abs());
        output::run(parts, &|| clock.now(), &left, &mut || {
            let written_us = clock.mono_us();
            if let Some(due_us) = due_us.replace(next_tick_us(written_us)) {
                stats.written.record((written_us - due_us).max(0).unsigned_abs());
            }
            feeder.tick(stats.ending.load(Relaxed));
        })
    })
}

/// When the lamp loop writes next, after a moment, microseconds.
const fn next_tick_us(now_us: i64) -> i64 {
    let tick_us = output::TICK_MS * 1000;
    now_us - now_us.rem_euclid(tick_us) + tick_us
}

/// Starts the link, if there is a broker; `earliest`: what the outbox knows to have passed.
pub(super) fn connect(
    config: &Arc<Config>,
    clock: &Arc<Clock>,
    outbox: OutboxId,
    earliest: UnixMs,
    news: SyncSender<News>,
) -> io::Result<Option<async_mpsc::Sender<LinkRequest>>> {
    if config.mqtt.is_none() {
        tracing::warn!("[mqtt] is not configured: the agent works alone and keeps its counts");
        return Ok(None);
    }
    let session = SessionConfig {
        device: config.device,
        junction: config.junction.id,
        linked: config.links.iter().map(|link| link.junction).collect(),
        outbox,
        seed: Uuid::new_v4().as_u64_pair().0,
    };
    let (config, clock) = (Arc::clone(config), Arc::clone(clock));
    let earliest = earliest.max(clock::earliest());
    let (requests, received) = async_mpsc::channel(super::LINK_REQUESTS);
    let mut received = Requests::from(received);
    Builder::new().name("link".to_owned()).spawn(move || {
        let Some(mqtt) = &config.mqtt else { return };
        let (mut pauses, mut floods) = (Pauses::default(), Floods::default());
        loop {
            let emit = |event| {
                if let LinkEvent::Inbound(Inbound::Demand(junction, demand)) = &event
                    && let Err(unheard) = floods.admit(*junction, demand, clock.mono())
                {
                    if unheard.is_news {
                        tracing::warn!(%junction, device = %demand.device_id, "a device tells more on demand than is heard; the rest is left out");
                    }
                    return;
                }
                // When the agent ends nobody wants it any more.
                if matches!(news.try_send(News::Link(event)), Err(TrySendError::Full(_))) {
                    tracing::error!("the agent has no time for a message of the link; it is lost");
                }
            };
            let began = clock.mono();
            let run = || link::run(mqtt, session.clone(), earliest, &mut received, emit, || clock.now());
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::error!(%error, "the link cannot run; it is tried again"),
                Err(_) => tracing::error!("the link has failed and is started anew"),
            }
            let reason = "the link has failed; it is started anew".to_owned();
            let _ = news.try_send(News::Link(LinkEvent::Disconnected { reason, taken_over: false }));
            if !received.hold(pauses.after(clock.mono().since(began))) {
                return;
            }
        }
    })?;
    Ok(Some(requests))
}

/// Tells the broker that the device leaves, and waits a little for that to arrive.
pub(super) fn disconnect(link: &async_mpsc::Sender<LinkRequest>) {
    if link.try_send(LinkRequest::Stop).is_err() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let _ = runtime.block_on(async { tokio::time::timeout(GOODBYE, link.closed()).await });
}
