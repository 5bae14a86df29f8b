//! The connection to the broker: rows go up until the server has them, plans and commands come down.
//!
//! [`Session`] decides, without I/O and without a clock; [`run`] obeys it with a real client in a thread of its own. Nothing here may hold up
//! the lamps: whoever waits for the link waits for rows to be confirmed, never for a plan to start.

mod cause;
mod client;
mod requests;
pub mod session;
mod tls;

#[cfg(test)]
mod tests;

pub use requests::Requests;
pub use session::{Action, Session, SessionConfig};

use crate::config::MqttConfig;
use crate::outbox::{Outgoing, Room};
use client::{Client, ClientEvent};
use flextraff_common::ids::{DeviceId, JunctionId, Seq};
use flextraff_common::time::{Moment, MonoMs, UnixMs};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Ack, Command, Demand, GreenTime, Keys, PlanStatus, Signal, Status, Watchlist};
use std::collections::BTreeSet;
use std::time::Duration;
use tls::CertificateClock;
use tracing::{debug, error};

/// What the rest of the agent asks of the link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkRequest {
    /// The answer to [`LinkEvent::NeedRows`], also when there are none.
    Rows(Vec<Outgoing>),
    /// The outbox has new rows.
    RowsWaiting,
    /// A signal, demand or reply message.
    Live(Topic, String),
    /// The present status. Published when it changes in more than figures, and every 30 s.
    Status(Box<Status>),
    /// Say goodbye and end.
    Stop,
}

/// What the link tells the rest of the agent. Losing one does no lasting harm: rows are asked for and sent again.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// Connected and subscribed.
    Connected,
    /// The connection ended, or an attempt failed.
    Disconnected {
        /// Why, as a sentence.
        reason: String,
        /// Whether another client with this device's id has taken it, it seems.
        taken_over: bool,
    },
    /// There is room for rows; to be answered with [`LinkRequest::Rows`].
    NeedRows {
        /// How much of it.
        room: Room,
        /// Rows that are on their way already.
        in_flight: BTreeSet<Seq>,
    },
    /// The server's answer to rows of our outbox.
    Ack(Ack),
    /// A message for another part of the agent.
    Inbound(Inbound),
}

/// A message from the server or a neighbour.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// A plan.
    GreenTime(GreenTime),
    /// A request to this device.
    Command(Command),
    /// Keys.
    Keys(Keys),
    /// Watched vehicles.
    Watchlist(Watchlist),
    /// Who waits at a junction, or comes from it; never our own message.
    Demand(JunctionId, Demand),
    /// What the lamps of a junction show; of our own junction too, where another device drives them or we ourselves.
    Signal(JunctionId, Signal),
    /// A plan that cannot be read: refused before anybody has looked at its greens.
    UnreadablePlan(PlanStatus),
    /// A message that cannot be used.
    Unreadable {
        /// Where it came.
        topic: String,
        /// Why, as a sentence.
        reason: String,
    },
}

/// How long [`probe`] waits for the broker's answer, longer than the client itself.
const PROBE: Duration = Duration::from_secs(15);
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Runs the link until it is told to stop or nobody is left to ask for anything. Blocks; to be called in a thread of its own.
///
/// `emit` takes every event and must not block. `clock` reads the machine's clocks. `earliest`: it is not earlier than this, whatever a clock
/// that is not synchronised says; certificates are judged by it.
///
/// # Errors
/// When the system gives no timer or network driver; never for what happens on the network.
pub fn run(
    mqtt: &MqttConfig,
    config: SessionConfig,
    earliest: UnixMs,
    requests: &mut Requests,
    mut emit: impl FnMut(LinkEvent),
    clock: impl Fn() -> Moment,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut session = Session::new(config, clock().mono);
    let mut client = None;
    runtime.block_on(async {
        loop {
            session.handle_timeout(clock().mono);
            while let Some(action) = session.poll() {
                match action {
                    Action::Connect => {
                        let judge = CertificateClock::new(&clock(), earliest);
                        client = Some(Client::connect(mqtt, &session, judge));
                    }
                    Action::Close => client = None,
                    Action::Goodbye => return goodbye(client.take()).await,
                    Action::Event(event) => emit(event),
                    Action::Subscribe(filters) => {
                        with(client.as_ref(), |client| client.subscribe(filters));
                    }
                    Action::Publish { topic, payload } => {
                        with(client.as_ref(), |client| client.publish(topic, payload));
                    }
                }
            }
            tokio::select! {
                request = requests.next() => handle_request(&mut session, request, clock().mono),
                event = next_event(&mut client) => {
                    if event.is_end() {
                        client = None;
                    }
                    handle_event(&mut session, event, clock().mono);
                }
                () = sleep_until(session.next_timeout(), clock().mono) => {}
            }
        }
    });
    Ok(())
}

/// Connects once as the agent of `device` would, says goodbye, and tells whether the broker took it. Uses a client id of its own and leaves
/// no last will, so that a running agent is not disturbed. Blocks for 15 s at most. `now` and `earliest`: see [`run`].
///
/// # Errors
/// Why there was no connection, as "cause; what to do".
pub fn probe(mqtt: &MqttConfig, device: DeviceId, now: &Moment, earliest: UnixMs) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the system gives no network driver: {error}; restart the computer"))?;
    runtime.block_on(async {
        let mut client = Client::connect_beside(mqtt, device, CertificateClock::new(now, earliest));
        let answer = async {
            loop {
                match client.next().await {
                    ClientEvent::Connected => return Ok(()),
                    ClientEvent::Closed { reason } | ClientEvent::ClosedByBroker { reason } => {
                        return Err(reason);
                    }
                    _ => {}
                }
            }
        };
        let answer = tokio::time::timeout(PROBE, answer).await.unwrap_or_else(|_| {
            let seconds = PROBE.as_secs();
            Err(format!("the broker did not answer within {seconds} s; check the network and the broker"))
        });
        if answer.is_ok() {
            goodbye(Some(client)).await;
        }
        answer
    })
}

fn handle_request(session: &mut Session, request: LinkRequest, now: MonoMs) {
    match request {
        LinkRequest::Rows(rows) => session.handle_rows(rows, now),
        LinkRequest::RowsWaiting => session.handle_rows_waiting(now),
        LinkRequest::Live(topic, payload) => session.handle_live(topic, payload),
        LinkRequest::Status(status) => session.set_status(*status, now),
        LinkRequest::Stop => session.handle_stop(),
    }
}

fn handle_event(session: &mut Session, event: ClientEvent, now: MonoMs) {
    match event {
        ClientEvent::Connected => session.handle_connected(now),
        ClientEvent::Subscribed => session.handle_subscribed(now),
        ClientEvent::Message { topic, payload } => session.handle_message(&topic, &payload, now),
        ClientEvent::SubscriptionRefused { filter } => {
            error!(topic = %filter, "the broker refuses a subscription; nothing will come from there until its access list allows it");
        }
        ClientEvent::Closed { reason } => session.handle_disconnected(reason, now),
        ClientEvent::ClosedByBroker { reason } => session.handle_closed_by_broker(reason, now),
        ClientEvent::NothingAllowed => session.handle_nothing_allowed(now),
    }
}

/// A message that the client cannot take is as lost as one that the network loses: rows are sent again, live messages soon replaced.
fn with(client: Option<&Client>, send: impl FnOnce(&Client) -> Result<(), String>) {
    if let Some(Err(reason)) = client.map(send) {
        debug!(%reason, "the client takes no message now");
    }
}

async fn goodbye(client: Option<Client>) {
    let Some(mut client) = client else { return };
    client.disconnect();
    let closed = async { while !client.next().await.is_end() {} };
    if tokio::time::timeout(GOODBYE, closed).await.is_err() {
        debug!("the broker did not take the goodbye in time");
    }
}

async fn next_event(client: &mut Option<Client>) -> ClientEvent {
    match client {
        Some(client) => client.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<MonoMs>, now: MonoMs) {
    match due {
        Some(due) => tokio::time::sleep(Duration::from_millis(due.since(now).max(0) as u64)).await,
        None => std::future::pending().await,
    }
}
