//! Sends plans and learns what the road made of them: the task around the planner.

mod doubt;
mod late;
mod mode;
mod preview;
mod replicas;
mod request;
mod sites;

pub use preview::{PlanView, View};
pub use request::{Applied as RoadAnswer, Handle, ModeError, ModeRequest, Outcome, Unrecorded, Wanted};

use crate::app::App;
use crate::clock::Clock;
use crate::db;
use crate::db::leases::News;
use crate::db::logs::{self, Entry, Level, Type};
use crate::db::overrides::{EndReason, Filter};
use crate::ingest::Applied;
use crate::live::{LiveEvent, LiveKind};
use crate::mqtt::Outgoing;
use crate::planner::{PlanCommand, Planner, SendPlan};
use chrono::{DateTime, Utc};
use doubt::Doubts;
use flextraff_common::ids::JunctionId;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{PlanState, encode};
use late::Late;
use replicas::Held;
use request::{Request, Waiter};
use sites::{Read, Sites};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// Longest time between two looks at the clock.
const TICK: Duration = Duration::from_secs(1);
/// Mode requests that may wait for the task.
const REQUESTS: usize = 64;

/// The task's own end of a [`Handle`].
#[derive(Debug)]
pub struct Requests(mpsc::Receiver<Request>);

/// A handle for request handlers and the end that [`run`] serves.
pub fn channel() -> (Handle, Requests) {
    let (sender, receiver) = mpsc::channel(REQUESTS);
    (Handle::new(sender), Requests(receiver))
}

/// Plans for all junctions until `stop` changes.
pub async fn run(
    app: App,
    clock: Clock,
    mut applied: mpsc::Receiver<Applied>,
    requests: Requests,
    mut stop: watch::Receiver<bool>,
) {
    let mut requests = requests.0;
    let mut dispatch = Dispatch {
        held: Held::new(Uuid::now_v7(), clock.instant()),
        app: app.for_the_road(),
        clock,
        planner: Planner::new(Box::new(Uuid::now_v7)),
        sites: Sites::default(),
        waiters: Vec::new(),
        late: Late::default(),
        doubts: Doubts::new(),
    };
    let mut notices = replicas::listen(dispatch.app.db.clone());
    let mut connected = dispatch.app.mqtt.connected.clone();
    dispatch.reload().await;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.changed() => {
                dispatch.give_back().await;
                return;
            }
            notice = notices.recv() => {
                let Some(notice) = notice else {
                    // The panic of its task is logged. A server that is deaf to the others ends, and is started anew.
                    dispatch.give_back().await;
                    return;
                };
                dispatch.handle_notice(notice).await;
            }
            Some(news) = applied.recv() => dispatch.handle_applied(news).await,
            Some(request) = requests.recv() => dispatch.handle_request(request).await,
            // No plan waits for a broker. What has been ended or set meanwhile, by others too, the database knows.
            Ok(()) = connected.changed() => if *connected.borrow_and_update() {
                // What cannot be read is sent as it is known: the road goes on being told while the database is away.
                dispatch.reload().await;
                dispatch.planner.greet_again();
            },
            _ = tick.tick() => {
                if dispatch.held.is_due(dispatch.clock.instant()) {
                    dispatch.take_leases().await;
                }
                if dispatch.sites.stale(dispatch.now()) && !dispatch.held.is_database_away() {
                    dispatch.reload().await;
                }
                dispatch.catch_up().await;
                dispatch.settle_doubts().await;
                dispatch.planner.handle_timeout(dispatch.now());
            }
        }
        dispatch.obey().await;
    }
}

/// What has become of an override, for the live feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OverrideEvent {
    /// Somebody set it; it takes the place of one that ran.
    Set,
    /// The road refused it.
    Refused,
    /// Somebody ended it.
    Ended,
    /// Its time was over.
    Expired,
}

impl OverrideEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Expired => "expired",
        }
    }
}

struct Dispatch {
    app: App,
    clock: Clock,
    planner: Planner,
    sites: Sites,
    waiters: Vec<Waiter>,
    held: Held,
    late: Late,
    doubts: Doubts,
}

impl Dispatch {
    fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// Takes over what the database says of the junctions.
    async fn reload(&mut self) {
        if !self.is_database_there().await {
            return;
        }
        // Else what was ended meanwhile would begin anew.
        if self.record_ends().await.is_err() {
            return;
        }
        let now = self.now();
        // Whatever was missed, by this server while the database was away or by one that died.
        match self.held.ask(db::overrides::end_expired(&self.app.db, utc(now))).await {
            Ok(ended) => {
                for (junction, id) in ended {
                    tracing::info!(%junction, override_id = %id, "override has run out");
                    self.tell_override(junction, id, OverrideEvent::Expired).await;
                }
            }
            Err(error) => {
                tracing::error!(%error, "cannot read the junctions; planning goes on with what is known");
                return;
            }
        }
        self.sites.look(now);
        match self.held.read(Read::all(&self.app.db, now)).await {
            Ok(read) => {
                self.sites.take(read, &mut self.planner, now);
                self.seed().await;
            }
            Err(error) => {
                tracing::error!(%error, "cannot read the junctions; planning goes on with what is known");
            }
        }
        self.take_leases().await;
    }

    /// Whether the database answers; tried once more when it is known to be away.
    async fn is_database_there(&mut self) -> bool {
        if self.held.is_database_away() {
            self.take_leases().await;
        }
        !self.held.is_database_away()
    }

    async fn handle_applied(&mut self, news: Applied) {
        let now = self.now();
        match news {
            Applied::Counts(junction, lane, counts) => {
                self.planner.handle_counts(junction, lane, &counts, now);
            }
            Applied::Status(junction, status) => {
                if self.planner.junction(junction).is_none()
                    && self.sites.may_look_again(now)
                    && !self.held.is_database_away()
                {
                    self.reload().await;
                }
                // Whoever only counts has no say in plans, whatever is said in its name.
                if !self.sites.is_counter(junction, status.device_id) {
                    self.planner.handle_status(junction, &status, now);
                }
            }
            Applied::Cycle(..) | Applied::Signal(..) | Applied::Reply(..) => {}
        }
    }

    async fn handle_request(&mut self, request: Request) {
        match request {
            Request::Changed(junction) => {
                tracing::debug!(?junction, "junction changed");
                self.reload().await;
                self.tell_others(News::Junctions).await;
            }
            Request::Mode(request, answer) => self.set_mode(request, answer).await,
        }
    }

    /// The override that runs at a junction.
    fn running_id(&self, junction: JunctionId) -> Option<Uuid> {
        self.planner.running_override(junction).map(|running| running.id)
    }

    /// Does what the planner asks for.
    async fn obey(&mut self) {
        self.waiters.retain(Waiter::is_waiting);
        loop {
            // All go out before any is recorded: an override right after the plan that ends others.
            let mut due = Vec::new();
            while let Some(command) = self.planner.poll() {
                let message = match &command {
                    PlanCommand::Send(send) => Some(self.publish(send)),
                    PlanCommand::Confirmed { .. } | PlanCommand::OverrideEnded { .. } => None,
                };
                due.push((command, message));
            }
            if due.is_empty() {
                return;
            }
            for (command, message) in due {
                self.carry_out(command, message.unwrap_or_default()).await;
            }
        }
    }

    /// Does what else a command asks for; `message`: what was published, of one that sends.
    async fn carry_out(&mut self, command: PlanCommand, message: Arc<serde_json::Value>) {
        match command {
            PlanCommand::Send(send) => self.sent(*send, message).await,
            PlanCommand::Confirmed { junction, plan_id, state, reasons } => {
                self.confirmed(junction, &plan_id, state, reasons).await;
            }
            PlanCommand::OverrideEnded { junction, override_id } => {
                tracing::info!(%junction, %override_id, "override has run out");
                if let Err(error) = self.end_override(junction, override_id, EndReason::Expired).await {
                    tracing::error!(%junction, %error, "cannot record the end of an override; trying again");
                }
            }
        }
    }

    /// Publishes a plan, and returns its message. What has found no room is sent anew when there is some.
    fn publish(&mut self, send: &SendPlan) -> Arc<serde_json::Value> {
        let junction = send.junction;
        let payload = encode(&send.message);
        let value = serde_json::from_str::<serde_json::Value>(&payload).unwrap_or_default();
        let outgoing = Outgoing { topic: Topic::GreenTime(junction), payload };
        if !*self.app.mqtt.connected.borrow() {
            tracing::debug!(%junction, "the broker is away; what holds is sent when it is back");
        } else if self.app.mqtt.outgoing.try_send(outgoing).is_ok() {
            self.app.metrics.plan_sent();
        } else {
            tracing::error!(%junction, "too many messages wait for the broker; a plan was not sent");
            self.planner.greet_again_at(junction);
        }
        Arc::new(value)
    }

    /// Records a plan that was published, and tells it: while the database is away the road goes on getting its plans.
    async fn sent(&mut self, send: SendPlan, value: Arc<serde_json::Value>) {
        let junction = send.junction;
        let plan_id = send.message.plan_id.clone();
        let known_to_be_away = self.held.is_database_away();
        match self.record(&send, &value).await {
            Ok(()) => {}
            Err(error) if self.held.is_database_away() => {
                if !known_to_be_away {
                    tracing::error!(%junction, %error, "cannot record a plan; it is recorded when the database is back");
                }
                self.late.plan(send, Arc::clone(&value));
            }
            Err(error) => tracing::error!(%junction, %error, "cannot record a plan that was sent"),
        }
        self.app.live.publish(LiveEvent { junction, kind: LiveKind::GreenTime, payload: value });
        if let Some(plan_id) = plan_id {
            self.tell_others(News::Plan { junction, plan_id }).await;
        }
    }

    async fn confirmed(
        &mut self,
        junction: JunctionId,
        plan_id: &str,
        state: PlanState,
        reasons: Vec<String>,
    ) {
        if state == PlanState::Refused {
            tracing::warn!(%junction, plan_id, reasons = reasons.join("; "), "the road refuses a plan");
        }
        match self.note(junction, plan_id, state, &reasons).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::debug!(%junction, plan_id, "the road names a plan that was not sent from here");
            }
            Err(error) if self.held.is_database_away() => {
                tracing::debug!(%junction, plan_id, %error, "what the road makes of a plan is recorded when the database is back");
                self.late.answer(junction, plan_id);
            }
            Err(error) => {
                tracing::error!(%junction, plan_id, %error, "cannot record what the road made of a plan");
            }
        }
        if state == PlanState::Refused {
            self.withdraw_override(junction, plan_id).await;
        }
        for waiter in self.waiters.iter_mut().filter(|waiter| waiter.waits_for(junction, plan_id)) {
            waiter.answer(state, reasons.clone());
        }
    }

    /// Notes what the road made of a plan; `false` when it was not sent from here.
    async fn note(
        &mut self,
        junction: JunctionId,
        plan_id: &str,
        state: PlanState,
        reasons: &[String],
    ) -> sqlx::Result<bool> {
        let (at, name, db) = (utc(self.now()), request::state_name(state), &self.app.db);
        let note = async {
            let mut tx = db.begin().await?;
            let before = db::plans::confirm(&mut *tx, junction.into(), plan_id, name, reasons, at).await?;
            if state == PlanState::Refused && before.as_ref().is_some_and(|before| before != name) {
                let message = format!("The junction refuses a plan: {}", reasons.join("; "));
                let metadata = serde_json::json!({ "plan_id": plan_id, "reasons": reasons });
                let entry =
                    Entry::new(Level::Warning, Type::PlanRefused, message).at(junction).with(metadata);
                logs::record(&mut *tx, &[entry]).await?;
            }
            tx.commit().await?;
            Ok(before.is_some())
        };
        self.held.ask(note).await
    }

    /// Ends an override that the road refuses: it would be shown as running, and sent again, until its time is over. When another one has taken
    /// its place by way of another server, that one goes on.
    async fn withdraw_override(&mut self, junction: JunctionId, plan_id: &str) {
        let Some(refused) = self.running_id(junction).filter(|id| id.to_string() == plan_id) else { return };
        match self.end_override(junction, refused, EndReason::Refused).await {
            Ok(true) => {}
            Ok(false) => return self.reload().await,
            Err(error) => {
                tracing::error!(%junction, %error, "cannot record the end of an override that the road refuses");
            }
        }
        if let Err(error) = self.planner.end_override(junction, self.now()) {
            tracing::error!(%junction, %error, "cannot go back to automatic mode");
        }
    }

    /// Records the end of an override; `false` when it was over already.
    async fn end_override(&mut self, junction: JunctionId, id: Uuid, why: EndReason) -> sqlx::Result<bool> {
        let (at, db) = (utc(self.now()), &self.app.db);
        let end = async {
            let mut transaction = db.begin().await?;
            let ended =
                db::overrides::end(&mut transaction, junction.into(), Some(id), at, why, None).await?;
            transaction.commit().await?;
            Ok(ended)
        };
        let ended = self.held.ask(end).await?;
        let event = if why == EndReason::Refused { OverrideEvent::Refused } else { OverrideEvent::Expired };
        if ended.is_some() {
            self.tell_override(junction, id, event).await;
        }
        Ok(ended.is_some())
    }

    /// Tells everybody who looks what has become of an override, also by way of other servers.
    async fn tell_override(&mut self, junction: JunctionId, id: Uuid, event: OverrideEvent) {
        self.show_override(junction, id, event.name()).await;
        let event = event.name().to_owned();
        self.tell_others(News::Override { junction, override_id: id, event }).await;
    }

    /// Tells the live feed what has become of an override, with all that the API says of it.
    async fn show_override(&mut self, junction: JunctionId, id: Uuid, event: &str) {
        let filter = Filter { override_id: Some(id), ..Filter::default() };
        let list = db::overrides::list(&self.app.db, junction, &filter, None, 1);
        let row = match self.held.ask(list).await {
            Ok(mut rows) => rows.pop(),
            Err(error) => {
                tracing::error!(%junction, override_id = %id, %error, "the live feed misses an override");
                return;
            }
        };
        let payload = row.map(serde_json::to_value).transpose().ok().flatten();
        if let Some(serde_json::Value::Object(mut payload)) = payload {
            payload.insert("event".to_owned(), event.into());
            self.app.live.publish(LiveEvent {
                junction,
                kind: LiveKind::Override,
                payload: Arc::new(payload.into()),
            });
        }
    }
}

/// The same moment as the database takes it.
fn utc(time: UnixMs) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.0).unwrap_or(DateTime::UNIX_EPOCH)
}
