//! `flextraff-server serve`: joins the parts and runs them until a signal comes.

pub(super) mod certificate;
mod http;

use super::Failure;
use crate::alarms::{self, Notifier};
use crate::app::App;
use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::{Config, Database, Retention};
use crate::db::logs::{self, Entry, Level, Type};
use crate::db::ready::Ready;
use crate::db::{audit, is_locked, partitions, retention, roll_ups, setup, within};
use crate::dispatch;
use crate::dynsec;
use crate::fleet;
use crate::hearing::Hearing;
use crate::ingest::{self, Applied, Channels};
use crate::live::{Hub, LiveEvent, hear_database};
use crate::metrics::Metrics;
use crate::mqtt::MqttClient;
use crate::shares::Shares;
use anyhow::Context as _;
use flextraff_common::ids::JunctionId;
use flextraff_common::wire::Status;
use http::Server;
use sqlx::PgPool;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Messages between broker and ingest.
const INCOMING: usize = 1024;
/// News between ingest and those who want them.
const NEWS: usize = 4096;
/// Events that a slow client of the live feed may lag behind.
const LIVE: usize = 1024;
/// Time for requests, a batch and the broker to finish at the end, each.
const GRACE: Duration = Duration::from_secs(8);
/// Time for all of them together.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// Between looks whether partitions must be made.
const MAINTENANCE: Duration = Duration::from_hours(1);
/// Between times at which hours and days are summed up.
const ROLL_UPS: Duration = Duration::from_mins(1);
/// Longest that one of these waits for the database: where the way to it is cut without a word, no answer ever comes.
const LONGEST: Duration = Duration::from_mins(30);
/// Between attempts to reach the database at the start.
const AGAIN: Duration = Duration::from_secs(2);

/// Runs the server.
pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    crate::logging::init(&config.log).context("cannot start logging")?;
    let (mut mqtt, handle) = MqttClient::new(&config.mqtt).map_err(Failure::Config)?;
    let mut signals = Signals::new()?;
    let (db, road) = tokio::select! {
        pools = async {
            let db = connect(&config.database).await?;
            anyhow::Ok((db, connect(&config.database.for_the_road()).await?))
        } => pools?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    tokio::select! {
        prepared = setup::prepare(&db, &config.database) => prepared?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    }
    match partitions::make_ahead(&db, Clock.utc().date_naive()).await {
        // Another server that starts makes them, or a backup reads the tables: maintenance looks again, and rows have a default partition.
        Err(error) if is_locked(&error) => {
            tracing::info!("partitions are made a little later: somebody uses their tables");
        }
        made => made.map(drop).context("cannot make partitions")?,
    }
    let (dispatch, requests) = dispatch::channel();
    let (fleet, fleet_requests, rights_requests) = fleet::channel();
    let auth = Arc::new(Auth::open(&config).map_err(Failure::Config)?);
    let metrics = Arc::new(Metrics::default());
    mqtt.count_in(Arc::clone(&metrics));
    let (waiting, waits) = watch::channel(0);
    let app = App {
        config: Arc::new(config),
        auth,
        db: db.clone(),
        ready: Ready::new(road.clone()),
        road: road.clone(),
        live: Hub::new(LIVE),
        mqtt: handle,
        dispatch,
        metrics: Arc::clone(&metrics),
        fleet,
        standing_still: waits.clone(),
        shares: Shares::default(),
        junction_pages: Arc::default(),
    };
    crate::api::users::announce_first_user(&app).await.context("cannot look for users")?;
    let server = Server::bind(&app.config.http).await?;
    let client_id = app.config.mqtt.client_id.clone();
    let address = format!("{}://{}", server.scheme(), app.config.http.bind);

    let (stop, stopped) = watch::channel(false);
    let (stop_mqtt, mqtt_stopped) = watch::channel(false);
    let (incoming_sender, incoming) = mpsc::channel(INCOMING);
    let (applied_sender, applied) = mpsc::channel(NEWS);
    let (planner_sender, planner_news) = mpsc::channel(NEWS);
    let hearing = || Hearing::new(app.mqtt.connected.clone(), waits.clone());
    let (alarms_hearing, fleet_hearing) = (hearing(), hearing());
    let outgoing = app.mqtt.outgoing.clone();
    let channels =
        Channels { incoming, outgoing, applied: applied_sender, waiting, shares: app.shares.clone() };
    let control = app.config.mqtt.dynamic_security.then(|| mqtt.control());
    let (ended_sender, mut ended) = mpsc::unbounded_channel();
    let parts = Parts(ended_sender);
    let rights =
        parts.start("broker rights", dynsec::run(app.clone(), control, rights_requests, stopped.clone()));
    let mqtt = parts.start("broker", mqtt.run(incoming_sender, mqtt_stopped));
    let ingest = parts.start("ingest", ingest::run(road.clone(), channels, metrics, stopped.clone()));
    let (statuses_sender, statuses) = mpsc::channel(NEWS);
    let notifier = Notifier::start(&app.config.alarms).map_err(Failure::Config)?;
    let alarms = alarms::run(app.clone(), Clock, alarms_hearing, statuses, notifier, stopped.clone());
    let alarms = parts.start("alarms", alarms);
    let news = parts.start("news", tell(app.clone(), applied, planner_sender, statuses_sender));
    let planner = dispatch::run(app.clone(), Clock, planner_news, requests, stopped.clone());
    let planner = parts.start("planner", planner);
    let fleet = fleet::run(app.clone(), Clock, fleet_hearing, fleet_requests, stopped.clone());
    let fleet = parts.start("devices", fleet);
    let tidings = parts.start(
        "tidings",
        hear_database(db.clone(), app.live.clone(), Arc::clone(&app.auth), stopped.clone()),
    );
    let roll_ups = parts.start("roll-ups", roll_up(db.clone(), app.config.retention, stopped.clone()));
    let maintenance = parts.start("maintenance", maintain(db.clone(), app.config.retention, stopped.clone()));
    let live = app.live.clone();
    let http = parts.start("HTTP", server.serve(crate::api::router(app), stopped, GRACE));

    tracing::info!(%address, "server is ready");
    let message = format!("Server {client_id}, version {}, has started", env!("CARGO_PKG_VERSION"));
    if let Err(error) = logs::record(&db, &[Entry::new(Level::Info, Type::ServerStarted, message)]).await {
        tracing::error!(%error, "the log of the city misses the start of this server");
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let code = tokio::select! {
        () = signals.next() => ExitCode::SUCCESS,
        Some(part) = ended.recv() => {
            tracing::error!(part, "a part of the server has ended by itself; the server stops, to be started again");
            ExitCode::FAILURE
        }
    };
    tracing::info!("stopping; a second signal stops at once");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(1);
    });
    stop.send_replace(true);
    let end = Clock.instant() + STOP_WITHIN;
    let clients = tokio::spawn(async move { live.close().await });
    // Ingest first, so that what it has committed is still confirmed to broker and senders.
    finish("ingest", ingest, end).await;
    finish("maintenance", maintenance, end).await;
    finish("roll-ups", roll_ups, end).await;
    finish("tidings", tidings, end).await;
    finish("news", news, end).await;
    finish("planner", planner, end).await;
    finish("alarms", alarms, end).await;
    finish("devices", fleet, end).await;
    finish("broker rights", rights, end).await;
    stop_mqtt.send_replace(true);
    finish("broker", mqtt, end).await;
    finish("live feed", clients, end).await;
    finish("HTTP", http, end).await;
    let _ = timeout(left(end), async { tokio::join!(db.close(), road.close()) }).await;
    Ok(code)
}

/// Starts the parts of the server, and learns which of them end: one that panics would leave a server that looks well and does not do its work.
struct Parts(mpsc::UnboundedSender<&'static str>);

impl Parts {
    fn start(&self, part: &'static str, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let end = End { part, told: self.0.clone() };
        tokio::spawn(async move {
            let _end = end;
            work.await;
        })
    }
}

/// Tells that a part has ended, however it has.
struct End {
    part: &'static str,
    told: mpsc::UnboundedSender<&'static str>,
}

impl Drop for End {
    fn drop(&mut self) {
        // At the stop nobody listens.
        let _ = self.told.send(self.part);
    }
}

/// Connects to the database, waiting for it when it is away.
async fn connect(config: &Database) -> anyhow::Result<PgPool> {
    let mut told = false;
    loop {
        match setup::connect(config).await {
            Err(error) if setup::is_away(&error) => {
                if !told {
                    tracing::error!(error = format!("{error:#}"), "the database is away; waiting for it");
                    told = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
            result => return result,
        }
    }
}

/// Hands the news of ingest to the live feed, the task that talks to devices, the planner and the alarms.
async fn tell(
    app: App,
    mut applied: mpsc::Receiver<Applied>,
    planner: mpsc::Sender<Applied>,
    alarms: mpsc::Sender<(JunctionId, Box<Status>)>,
) {
    while let Some(news) = applied.recv().await {
        if let Some(event) = LiveEvent::of(&news) {
            app.live.publish(event);
        }
        if let Applied::Status(junction, status) = &news
            && alarms.try_send((*junction, status.clone())).is_err()
        {
            tracing::warn!("alarms are behind and miss a status; the next one tells the same");
        }
        app.fleet.hear(&news);
        if planner.try_send(news).is_err() {
            tracing::warn!("the planner is busy and misses a message; its plans follow the next ones");
        }
    }
}

/// Sums up hours and days again where something has changed, and gives cycles the EPCs of late counts that are not too old for any.
async fn roll_up(db: PgPool, retention: Retention, mut stopped: watch::Receiver<bool>) {
    let started = Clock.instant();
    loop {
        let done = within(LONGEST, async {
            roll_ups::refresh(&db, None).await?;
            audit::sum_up_refusals(&db).await?;
            let now = retention::time(&db, Clock.utc(), started.elapsed()).await?;
            roll_ups::fill_epcs(&db, retention::epcs_before(retention, now)).await
        });
        if let Err(error) = done.await {
            tracing::error!(%error, "cannot sum up hours and days; trying again in a minute");
        }
        tokio::select! {
            () = tokio::time::sleep(ROLL_UPS) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Makes partitions ahead of time, and takes out what is too old.
async fn maintain(db: PgPool, retention: Retention, mut stopped: watch::Receiver<bool>) {
    let started = Clock.instant();
    loop {
        let mut next = MAINTENANCE;
        if let Err(error) = within(LONGEST, partitions::make_ahead(&db, Clock.utc().date_naive())).await {
            tracing::error!(%error, "cannot make partitions; trying again in a minute, rows go to the default partition until then");
            next = ROLL_UPS;
        }
        let aged = async {
            let now = retention::time(&db, Clock.utc(), started.elapsed()).await?;
            retention::apply(&db, retention, now).await?;
            retention::applied(&db, now).await
        };
        if let Err(error) = aged.await {
            tracing::error!(%error, "cannot take out what is too old; trying again in a minute");
            next = ROLL_UPS;
        }
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// How long something may still take at the end.
fn left(end: Instant) -> Duration {
    GRACE.min(end.saturating_duration_since(Clock.instant()))
}

async fn finish(what: &str, task: JoinHandle<()>, end: Instant) {
    let abort = task.abort_handle();
    match timeout(left(end), task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, task = what, "task failed"),
        Err(_) => {
            tracing::warn!(task = what, "task does not finish; leaving it");
            abort.abort();
        }
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let take = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { terminate: take(SignalKind::terminate())?, interrupt: take(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_is_told_also_when_it_panics() {
        let (sender, mut ended) = mpsc::unbounded_channel();
        let parts = Parts(sender);
        let goes_on = parts.start("planner", std::future::pending());
        let panics = parts.start("alarms", async { panic!("a defect") });
        assert_eq!(ended.recv().await, Some("alarms"));
        assert!(panics.await.is_err() && ended.try_recv().is_err());
        goes_on.abort();
        assert_eq!(ended.recv().await, Some("planner"));
    }
}
