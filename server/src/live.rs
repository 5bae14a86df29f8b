//! The live feed: what has just happened at the junctions, for WebSocket clients.

use flextraff_common::ids::JunctionId;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::broadcast;

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
}

/// Hands events to every client; a slow client loses events, never holds up others.
#[derive(Clone, Debug)]
pub struct Hub {
    sender: broadcast::Sender<LiveEvent>,
}

impl Hub {
    /// A hub that keeps at most `capacity` events for a slow client.
    pub fn new(capacity: usize) -> Self {
        Self { sender: broadcast::channel(capacity).0 }
    }

    /// Hands out an event; nobody may be listening.
    pub fn publish(&self, event: LiveEvent) {
        let _ = self.sender.send(event);
    }

    /// Events from here on.
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.sender.subscribe()
    }
}
