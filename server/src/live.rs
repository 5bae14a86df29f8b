//! The live feed: what has just happened at the junctions, for WebSocket clients.

mod hear;
mod news;
pub(crate) mod origin;
mod seats;
mod socket;

pub use hear::run as hear_database;
pub use news::hide_vehicles;

use crate::app::App;
use axum::Router;
use axum::extract::ws::Utf8Bytes;
use flextraff_common::ids::{JunctionId, UserId};
use seats::{Door, Seats, Waiting};
use serde::Serialize;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

/// Changes of rights that a client may be behind; one that is further behind looks as if its own had changed.
const RIGHTS_KEPT: usize = 64;
/// Most clients at a time that have signed in.
const MOST_CLIENTS: usize = 8000;
/// More connections than there can be: those at the door, those that have signed in, and those that are about to go.
const MOST_CONNECTIONS: u32 = 32_000;

/// Something that has just happened.
#[derive(Clone, Debug)]
pub struct LiveEvent {
    /// Where.
    pub junction: JunctionId,
    /// What.
    pub kind: LiveKind,
    /// The fields of the MQTT payload.
    pub payload: Arc<Value>,
}

/// Kinds of live events; the `type` of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveKind {
    /// Counts of a lane.
    CarCount,
    /// A plan that was sent.
    GreenTime,
    /// What the lamps show.
    Signal,
    /// State of a device.
    Status,
    /// An alarm that opens, is acknowledged or is over.
    Alarm,
    /// A line of the log, as the API shows it.
    Log,
    /// An override was set, was refused by the road, was ended, or has run out.
    Override,
}

/// An event with the text of its frame, which is written once for all clients.
#[derive(Clone, Debug)]
pub struct LiveFrame {
    /// The event.
    pub event: LiveEvent,
    /// `{"type": …}` with the fields of the payload.
    pub text: Utf8Bytes,
    /// The same without vehicles, once somebody gets it.
    anonymous: Arc<OnceLock<Utf8Bytes>>,
}

impl LiveFrame {
    fn new(event: LiveEvent) -> serde_json::Result<Self> {
        let text = text_of(event.kind, &event.payload)?;
        Ok(Self { event, text, anonymous: Arc::default() })
    }

    /// The text for who looks at lanes and not for vehicles.
    fn anonymous(&self) -> Utf8Bytes {
        if self.event.kind != LiveKind::CarCount {
            return self.text.clone();
        }
        let write = || {
            let mut counts = Value::clone(&self.event.payload);
            news::hide_passages(&mut counts);
            // What was written with vehicles can be written without.
            text_of(self.event.kind, &counts).unwrap_or_default()
        };
        self.anonymous.get_or_init(write).clone()
    }
}

fn text_of(kind: LiveKind, payload: &Value) -> serde_json::Result<Utf8Bytes> {
    Ok(serde_json::to_string(&Frame { kind, payload })?.into())
}

#[derive(Serialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: LiveKind,
    #[serde(flatten)]
    payload: &'a Value,
}

/// Hands events to every client; a slow client loses events, never holds up others.
#[derive(Clone, Debug)]
pub struct Hub {
    sender: broadcast::Sender<LiveFrame>,
    rights: broadcast::Sender<UserId>,
    closed: watch::Sender<bool>,
    connections: Arc<Semaphore>,
    door: Door,
    seats: Seats,
}

/// A connection that has come in, until it is dropped.
#[derive(Debug)]
struct Guest {
    _connection: OwnedSemaphorePermit,
    /// Until it has signed in.
    waiting: Option<Waiting>,
}

impl Hub {
    /// A hub that keeps at most `capacity` events for a slow client.
    pub fn new(capacity: usize) -> Self {
        Self {
            sender: broadcast::channel(capacity).0,
            rights: broadcast::channel(RIGHTS_KEPT).0,
            closed: watch::Sender::new(false),
            connections: Arc::new(Semaphore::new(MOST_CONNECTIONS as usize)),
            door: Door::new(),
            seats: Seats::new(MOST_CLIENTS),
        }
    }

    /// The same with places for so many clients.
    #[must_use]
    pub fn with_places(self, most: usize) -> Self {
        Self { seats: Seats::new(most), ..self }
    }

    /// Hands out an event; nobody may be listening.
    pub fn publish(&self, event: LiveEvent) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        let junction = event.junction;
        match LiveFrame::new(event) {
            Ok(frame) => drop(self.sender.send(frame)),
            Err(error) => tracing::error!(%error, %junction, "live event is no JSON object"),
        }
    }

    /// Lets one more connection in, which is to sign in; `None`: too many are about to, or too many of its address.
    fn enter(&self, address: Option<IpAddr>) -> Option<Guest> {
        let waiting = Some(self.door.enter(address)?);
        let connection = Arc::clone(&self.connections).try_acquire_owned().ok()?;
        Some(Guest { _connection: connection, waiting })
    }

    /// Sends all clients away, because the server stops, and waits until they are gone.
    pub async fn close(&self) {
        self.closed.send_replace(true);
        let _ = self.connections.acquire_many(MOST_CONNECTIONS).await;
    }

    /// Done once the clients are to go.
    pub async fn closing(&self) {
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Lets the clients of a user look up what they may see.
    pub fn rights_changed(&self, user: UserId) {
        let _ = self.rights.send(user);
    }

    /// Whose rights change from here on.
    fn rights(&self) -> broadcast::Receiver<UserId> {
        self.rights.subscribe()
    }

    /// Events from here on.
    pub fn subscribe(&self) -> broadcast::Receiver<LiveFrame> {
        self.sender.subscribe()
    }
}

/// `/ws/junction/{junction_id}` and `/ws/live`.
pub fn router() -> Router<App> {
    socket::router()
}
