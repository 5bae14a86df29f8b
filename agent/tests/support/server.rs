//! The server's side of the wire, as far as the link knows it: stores rows in memory and confirms them.

use super::{PASSWORD, PATIENCE, USER};
use flextraff_common::ids::{DeviceId, JunctionId, Seq};
use flextraff_common::wire::topics::{Topic, server_filters};
use flextraff_common::wire::{Ack, Delivery, Reply, Status, decode, encode};
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, PublishOptions, QoS, SubscribeFilter};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What the server has received.
#[derive(Default)]
pub(crate) struct Received {
    /// The payloads of every row, each time it came.
    pub(crate) rows: BTreeMap<Seq, Vec<Vec<u8>>>,
    /// The last status and whether it came retained.
    pub(crate) status: Option<(Status, bool)>,
    /// The last status of each device.
    pub(crate) statuses: BTreeMap<DeviceId, Status>,
    /// What devices have answered, in order.
    pub(crate) replies: Vec<Reply>,
    /// How often the server was connected.
    pub(crate) connections: u32,
    /// How many of its messages the broker has taken.
    pub(crate) confirmed: u32,
}

/// A server that confirms every row.
pub(crate) struct Server {
    received: Arc<(Mutex<Received>, Condvar)>,
    client: AsyncClient,
    runtime: Runtime,
}

impl Server {
    /// Connects, subscribes, and returns once the broker has the subscriptions.
    pub(crate) fn start(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let mut options = MqttOptions::new("server", ("127.0.0.1", port));
        options.set_credentials(USER, PASSWORD.as_bytes().to_vec()).set_max_packet_size(1_000_000, 1_000_000);
        let (client, event_loop) = AsyncClient::builder(options).capacity(1000).build();
        let received = Arc::default();
        runtime.spawn(serve(event_loop, client.clone(), Arc::clone(&received)));
        let server = Self { received, client, runtime };
        server.wait("the server's subscriptions", |received| received.connections > 0);
        server
    }

    /// Sends a message down.
    pub(crate) fn publish(&self, topic: Topic, payload: String) {
        let options = PublishOptions::new(QoS::AtLeastOnce).retain(topic.retained());
        self.client.try_publish(topic.to_string(), payload, options).expect("the queue has room");
    }

    /// Waits until what was received is as wished.
    pub(crate) fn wait(&self, what: &str, wished: impl Fn(&Received) -> bool) {
        let (received, changed) = &*self.received;
        let guard = received.lock().expect("no other thread panicked");
        let (_guard, timeout) = changed
            .wait_timeout_while(guard, PATIENCE, |received| !wished(received))
            .expect("no other thread panicked");
        assert!(!timeout.timed_out(), "{what} did not come within {PATIENCE:?}");
    }

    /// Looks at what was received.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Received) -> T) -> T {
        look(&self.received.0.lock().expect("no other thread panicked"))
    }

    /// Ends the server without a goodbye.
    pub(crate) fn stop(self) {
        self.runtime.shutdown_background();
    }
}

async fn serve(mut event_loop: EventLoop, client: AsyncClient, received: Arc<(Mutex<Received>, Condvar)>) {
    loop {
        let event = match event_loop.poll().await {
            Ok(Event::Incoming(event)) => event,
            Ok(Event::Outgoing(_)) => continue,
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let mut received_now = received.0.lock().expect("no other thread panicked");
        match event {
            Incoming::ConnAck(_) => {
                let filters =
                    server_filters().into_iter().map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce));
                client.try_subscribe_many(filters).expect("the queue has room");
            }
            Incoming::SubAck(_) => received_now.connections += 1,
            Incoming::PubAck(_) => received_now.confirmed += 1,
            Incoming::Publish(message) => {
                let topic: Topic = String::from_utf8_lossy(&message.topic).parse().expect("a topic of ours");
                if let Topic::Status(..) = topic {
                    let status: Status = decode(&message.payload).expect("a status");
                    received_now.statuses.insert(status.device_id, status.clone());
                    received_now.status = Some((status, message.retain));
                } else if let Topic::Reply(..) = topic {
                    received_now.replies.push(decode(&message.payload).expect("a reply"));
                } else if topic.is_outbox() {
                    let row: Delivery = decode(&message.payload).expect("a row");
                    received_now.rows.entry(row.seq).or_default().push(message.payload.to_vec());
                    confirm(&client, topic.junction(), &row);
                }
            }
            _ => {}
        }
        drop(received_now);
        received.1.notify_all();
    }
}

fn confirm(client: &AsyncClient, junction: JunctionId, row: &Delivery) {
    let ack = Ack { outbox_id: row.outbox_id, committed: vec![(row.seq.0, row.seq.0)], rejected: Vec::new() };
    let topic = Topic::Ack(junction, row.device_id).to_string();
    let options = PublishOptions::new(QoS::AtLeastOnce);
    client.try_publish(topic, encode(&ack), options).expect("the queue has room");
}
