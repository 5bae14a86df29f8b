//! A server whose task for devices runs, and devices that answer it without being there.

use crate::state::TestState;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Command, Reply, Status, decode};
use flextraff_server::ingest::Applied;
use flextraff_server::mqtt::Outgoing;
use flextraff_server::{api, clock::Clock, fleet};
use serde_json::json;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server whose task for devices runs, and what it sends to the broker.
pub(crate) struct Fleet {
    pub(crate) state: TestState,
    pub(crate) sent: mpsc::Receiver<Outgoing>,
    /// Messages that came while another one was waited for.
    kept: Vec<Outgoing>,
    _stop: watch::Sender<bool>,
}

impl Fleet {
    pub(crate) fn start(mut state: TestState) -> Self {
        let (handle, requests, _) = fleet::channel();
        let (outgoing, sent) = mpsc::channel(64);
        let (stop, stopped) = watch::channel(false);
        state.app.fleet = handle;
        state.app.mqtt.outgoing = outgoing;
        state.router = api::router(state.app.clone());
        tokio::spawn(fleet::run(state.app.clone(), Clock, state.begins_to_hear(), requests, stopped));
        Self { state, sent, kept: Vec::new(), _stop: stop }
    }

    /// The next message that is sent on such a topic.
    pub(crate) async fn message(&mut self, wanted: impl Fn(&Topic) -> bool) -> Outgoing {
        if let Some(at) = self.kept.iter().position(|message| wanted(&message.topic)) {
            return self.kept.remove(at);
        }
        loop {
            let next = timeout(PATIENCE, self.sent.recv());
            let message = next.await.expect("it comes in time").expect("the task runs");
            if wanted(&message.topic) {
                return message;
            }
            self.kept.push(message);
        }
    }

    /// The next command that is sent.
    pub(crate) async fn command(&mut self) -> (Topic, Command) {
        let message = self.message(|topic| matches!(topic, Topic::Command(..))).await;
        (message.topic, decode(message.payload.as_bytes()).expect("commands can be read"))
    }

    pub(crate) fn reply(&self, (junction, device): (JunctionId, DeviceId), id: &str, ok: bool, detail: &str) {
        let reply = Reply { id: id.to_owned(), ok, detail: detail.to_owned() };
        self.state.app.fleet.hear(&Applied::Reply(junction, device, Box::new(reply)));
    }

    pub(crate) fn status(&self, (junction, device): (JunctionId, DeviceId), hash: &str) {
        let status = json!({"device_id": device, "online": true, "config_hash": hash});
        let status: Status = serde_json::from_value(status).expect("a status");
        self.state.app.fleet.hear(&Applied::Status(junction, Box::new(status)));
    }
}
