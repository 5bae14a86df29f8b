//! The MQTT client of the server; the only file that names it.

use flextraff_common::wire::topics::Topic;
use tokio::sync::{mpsc, watch};

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to; says quality of service and retention.
    pub topic: Topic,
    /// JSON.
    pub payload: String,
}

/// What other tasks hold of the client.
#[derive(Clone, Debug)]
pub struct MqttHandle {
    /// Messages to publish; full when the broker is away for long.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// Whether the broker is connected and subscribed.
    pub connected: watch::Receiver<bool>,
}
