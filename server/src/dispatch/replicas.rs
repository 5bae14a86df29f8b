//! Several servers on one database: at each junction the one that holds its lease plans and sends, the others follow and stand ready.
//!
//! Every server hears all messages, and stores those of its own junctions. What an operator asks of any of them it carries out itself, and
//! tells the others.

use super::Dispatch;
use crate::db::leases::{self, Listener, News, Notice, Server};
use crate::db::{is_away, plans, within};
use crate::live::{LiveEvent, LiveKind};
use flextraff_common::ids::JunctionId;
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// A lease holds so long, seconds: a server that dies is replaced this long after, at the latest.
const LEASE_S: f64 = 10.0;
/// Between renewals.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// Notices that may wait for the task.
const NOTICES: usize = 256;
/// Between attempts to renew while the database is away.
const RENEW_AGAIN: Duration = Duration::from_secs(10);
/// Longest that planning waits for the database.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Longest that planning waits for what is said of all junctions: leases must be renewed meanwhile.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// Between attempts to listen while the database is away.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);
/// Longest that it takes to begin to listen.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);
/// Longest that the end waits for the database.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(2);

/// The junctions at which this server plans and sends.
#[derive(Debug)]
pub(super) struct Held {
    /// This process.
    instance: Uuid,
    started: Instant,
    junctions: BTreeSet<JunctionId>,
    /// It is said that another server has the same name.
    said_double: bool,
    renewed: Option<Instant>,
    /// The database did not answer at the last try.
    failing: bool,
}

impl Held {
    /// None yet, of a process that starts now.
    pub(super) const fn new(instance: Uuid, started: Instant) -> Self {
        let junctions = BTreeSet::new();
        Self { instance, started, junctions, said_double: false, renewed: None, failing: false }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        let every = if self.failing { RENEW_AGAIN } else { RENEW_EVERY };
        self.renewed.is_none_or(|renewed| now.saturating_duration_since(renewed) >= every)
    }

    /// Whether the database is known to be away; renewing the leases tells when it is back.
    pub(super) const fn is_database_away(&self) -> bool {
        self.failing
    }

    /// Whether this server plans and sends at a junction.
    pub(super) fn holds(&self, junction: JunctionId) -> bool {
        self.junctions.contains(&junction)
    }

    /// Takes in what a try has told of the database.
    pub(super) fn learn<T>(&mut self, tried: sqlx::Result<T>) -> sqlx::Result<T> {
        self.failing |= tried.as_ref().is_err_and(is_away);
        tried
    }

    /// Asks the database, within a second, and not at all while it is known to be away: planning for all other junctions waits meanwhile.
    ///
    /// # Errors
    /// As the work's; [`sqlx::Error::PoolTimedOut`] when it was not asked, or does not answer in time.
    pub(super) async fn ask<T>(&mut self, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        if self.failing {
            return Err(sqlx::Error::PoolTimedOut);
        }
        let tried = timeout(ANSWER_WITHIN, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        self.learn(tried)
    }

    /// Asks the database for what may take longer, of all junctions; a database that is slow at it is not away.
    ///
    /// # Errors
    /// As the work's; [`sqlx::Error::PoolTimedOut`] when it does not end in time.
    pub(super) async fn read<T>(&mut self, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        match timeout(READ_WITHIN, work).await {
            Ok(tried) => self.learn(tried),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }
}

/// What other servers tell. The task ends with the pool or the receiver.
pub(super) fn listen(db: PgPool) -> mpsc::Receiver<Option<Notice>> {
    let (sender, receiver) = mpsc::channel(NOTICES);
    let hear = async move {
        while !db.is_closed() {
            match within(LISTENS_WITHIN, Listener::start(&db)).await {
                Ok(mut listener) => {
                    // Whatever was told before is unknown.
                    if sender.send(None).await.is_err() {
                        return;
                    }
                    loop {
                        let next = tokio::select! {
                            next = listener.next() => next,
                            () = sender.closed() => return,
                        };
                        let Ok(notice) = next else { break };
                        if sender.send(notice).await.is_err() {
                            return;
                        }
                    }
                }
                Err(error) => tracing::debug!(%error, "cannot hear other servers; trying again"),
            }
            tokio::select! {
                () = sleep(LISTEN_AGAIN) => {}
                () = sender.closed() => return,
            }
        }
    };
    tokio::spawn(hear);
    receiver
}

impl Dispatch {
    fn name(&self) -> &str {
        &self.app.config.mqtt.client_id
    }

    /// Renews leases and takes free ones. While the database is away nobody else can take them, and planning goes on where it was.
    pub(super) async fn take_leases(&mut self) {
        self.held.renewed = Some(self.clock.instant());
        let stands_still =
            *self.app.standing_still.borrow() > 0 || self.app.standing_still.has_changed().is_err();
        let hears = *self.app.mqtt.connected.borrow() && !stands_still;
        let server = Server { name: self.name(), instance: self.held.instance, hears };
        let taken = match timeout(ANSWER_WITHIN, leases::take(&self.app.db, server, LEASE_S)).await {
            Ok(taken) => taken.map_err(|error| error.to_string()),
            Err(_) => Err("the database does not answer in time".to_owned()),
        };
        match taken {
            Ok(taken) => {
                self.held.junctions.clone_from(&taken.view.held);
                self.held.failing = false;
                self.app.shares.saw(taken.view, self.clock.instant());
                self.warn_of_double(taken.has_double);
            }
            Err(error) => {
                if !self.held.failing {
                    tracing::error!(%error, "cannot renew leases; planning goes on at the junctions that this server holds");
                }
                self.held.failing = true;
            }
        }
        let begins = self.planner.hold(&self.held.junctions);
        if begins.is_empty() {
            return;
        }
        tracing::info!(junctions = begins.len(), "this server plans for junctions that another one had");
        self.sites.begin(begins);
        self.seed().await;
    }

    /// Brings the planner what junctions showed lately. It plans without what cannot be read, which is tried again at the next look at the junctions.
    pub(super) async fn seed(&mut self) {
        let now = self.now();
        let seeding = self.sites.seed(&self.app.db, &mut self.planner, now);
        let Err(error) = self.held.read(seeding).await else { return };
        tracing::error!(%error, "cannot read what junctions showed lately; trying again within a minute");
    }

    /// Says once that another server has the same name: the broker lets only one of them in at a time, and neither works.
    fn warn_of_double(&mut self, has_double: bool) {
        // One that died a moment ago, and in whose place this one has started, is none.
        let running = self.clock.instant().saturating_duration_since(self.held.started);
        if has_double
            && running.as_secs_f64() > LEASE_S
            && !std::mem::replace(&mut self.held.said_double, true)
        {
            tracing::error!(
                client_id = self.name(),
                "another server on this database has the same mqtt.client_id; give each its own"
            );
        }
    }

    /// Leaves its junctions to others at once.
    pub(super) async fn give_back(&self) {
        match timeout(GIVE_BACK_WITHIN, leases::give_back(&self.app.db, self.name())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot give leases back; they run out by themselves"),
            Err(_) => {
                tracing::warn!("the database does not take leases back in time; they run out by themselves");
            }
        }
    }

    /// Tells the other servers, unless the database is away, through which they hear it.
    pub(super) async fn tell_others(&mut self, news: News) {
        if self.held.failing {
            return;
        }
        let notice = Notice { from: self.name().to_owned(), news };
        if let Err(error) = self.held.ask(leases::tell(&self.app.db, &notice)).await {
            tracing::warn!(%error, "cannot tell other servers; they look by themselves within a minute");
        }
    }

    /// What another server tells; `None`: something may have been missed.
    pub(super) async fn handle_notice(&mut self, notice: Option<Notice>) {
        let Some(notice) = notice else {
            self.reload().await;
            return;
        };
        if notice.from == self.name() {
            return;
        }
        match notice.news {
            News::Junctions => self.reload().await,
            News::Override { junction, override_id, event } => {
                self.reload().await;
                self.show_override(junction, override_id, &event).await;
            }
            News::Plan { junction, plan_id } => {
                match self.held.ask(plans::message(&self.app.db, junction, &plan_id)).await {
                    Ok(Some(message)) => self.app.live.publish(LiveEvent {
                        junction,
                        kind: LiveKind::GreenTime,
                        payload: Arc::new(message),
                    }),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%junction, %error, "the live feed misses a plan"),
                }
            }
        }
    }
}
