//! The MQTT client; the only file of the agent that knows which one it is.
//!
//! Every connection gets a client of its own: what a client remembers of the last connection (unanswered packets, its queue) is what it gets
//! wrong after a broker's restart, and the outbox remembers all of it better. One task only polls; messages go to it through its bounded
//! queue and are never waited for.

use super::cause::{is_hang_up, sentence};
use super::session::Session;
use super::tls::{self, CertificateClock};
use crate::config::{MqttConfig, read_password_file};
use flextraff_common::ids::DeviceId;
use flextraff_common::wire::MAX_PAYLOAD;
use flextraff_common::wire::topics::Topic;
use rumqttc::mqttbytes::v4::SubscribeReasonCode;
use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, LastWill, MqttOptions, NetworkOptions, PublishOptions, QoS,
    SessionMode, SubscribeFilter, Transport,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The broker gives a client up from which nothing has come for one and a half times this, seconds.
const KEEP_ALIVE_S: u16 = 15;
/// So does the agent with the broker. The client asks for a sign of life only when it has nothing to send itself: signal messages alone, which
/// nobody answers, would keep a dead connection for good. So the agent asks after [`KEEP_ALIVE_S`] without a word, and waits half as long.
const ASK_AFTER: Duration = Duration::from_secs(KEEP_ALIVE_S as u64);
const ANSWER_WITHIN: Duration = Duration::from_millis(KEEP_ALIVE_S as u64 * 500);
/// Unanswered packets; the client reserves memory for as many.
const MAX_IN_FLIGHT: u16 = 64;
/// Messages that wait for the socket; more than the session ever has on the way.
const QUEUE: usize = 128;
/// Largest packet out: room for topic and headers beside the payload.
const MAX_OUT: usize = MAX_PAYLOAD + 1024;
/// Largest packet in: far above what anybody may send, because a packet that the client refuses ends the connection, and the broker
/// sends it again on the next one. What is too large is refused when it is read.
const MAX_IN: usize = 16 * MAX_PAYLOAD;
/// For the handshakes of TCP, TLS and MQTT, seconds.
const HANDSHAKE_S: u64 = 10;
/// For the last packets before a goodbye.
const DRAIN: Duration = Duration::from_secs(1);

/// A filter that nobody subscribes to.
const SIGN_OF_LIFE: &str = "sign-of-life";

/// What a connection brings.
pub(super) enum ClientEvent {
    Connected,
    Subscribed,
    Message {
        topic: String,
        payload: Vec<u8>,
    },
    SubscriptionRefused {
        filter: String,
    },
    Closed {
        reason: String,
    },
    ClosedByBroker {
        reason: String,
    },
    /// The broker let this device in and refuses it every topic; the connection is given up.
    NothingAllowed,
}

impl ClientEvent {
    /// Whether it is the last of its connection.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::ClosedByBroker { .. } | Self::NothingAllowed)
    }
}

/// One connection, from its attempt to its end.
pub(super) struct Client {
    sender: Option<AsyncClient>,
    filters: Arc<OnceLock<Vec<String>>>,
    events: mpsc::Receiver<ClientEvent>,
    poller: JoinHandle<()>,
}

impl Client {
    /// Starts to connect; what comes of it is told by [`Client::next`].
    pub(super) fn connect(config: &MqttConfig, session: &Session, clock: CertificateClock) -> Self {
        let (topic, will) = session.last_will();
        let will = LastWill::new(topic.to_string(), will, quality(topic), topic.retained());
        let options = options(config, session.client_id(), clock).map(|mut options| {
            options.set_last_will(will);
            options
        });
        Self::start(options, clock)
    }

    /// Starts to connect beside a running agent: under another client id, and without a last will that would report it offline.
    pub(super) fn connect_beside(config: &MqttConfig, device: DeviceId, clock: CertificateClock) -> Self {
        Self::start(options(config, format!("{device}-check"), clock), clock)
    }

    fn start(options: Result<MqttOptions, String>, clock: CertificateClock) -> Self {
        let (tell, events) = mpsc::channel(QUEUE);
        let filters = Arc::new(OnceLock::new());
        match options {
            Ok(options) => {
                let (sender, mut event_loop) = AsyncClient::builder(options).capacity(QUEUE).build();
                let mut network = NetworkOptions::new();
                network.set_tcp_nodelay(true);
                network.set_connection_timeout(HANDSHAKE_S);
                event_loop.set_network_options(network);
                let connection = Connection { event_loop, sender: sender.clone(), clock };
                let poller = tokio::spawn(poll(connection, Arc::clone(&filters), tell));
                Self { sender: Some(sender), filters, events, poller }
            }
            Err(reason) => {
                let poller = tokio::spawn(async move {
                    // The receiver is gone only when nobody wants to know.
                    let _ = tell.send(ClientEvent::Closed { reason }).await;
                });
                Self { sender: None, filters, events, poller }
            }
        }
    }

    /// The next event; after `Closed` there is none that matters.
    pub(super) async fn next(&mut self) -> ClientEvent {
        let ended = || ClientEvent::Closed { reason: "the connection ended".to_owned() };
        self.events.recv().await.unwrap_or_else(ended)
    }

    pub(super) fn subscribe(&self, filters: Vec<String>) -> Result<(), String> {
        let Some(sender) = &self.sender else { return Ok(()) };
        let wanted = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
        let sent = sender.try_subscribe_many(wanted).map_err(|error| error.to_string());
        // Once a connection; the answer names the filters by their order only.
        let _ = self.filters.set(filters);
        sent
    }

    pub(super) fn publish(&self, topic: Topic, payload: String) -> Result<(), String> {
        let Some(sender) = &self.sender else { return Ok(()) };
        let options = PublishOptions::new(quality(topic)).retain(topic.retained());
        sender.try_publish(topic.to_string(), payload, options).map_err(|error| error.to_string())
    }

    /// Ends the connection after what is queued, so that the broker does not publish the last will.
    pub(super) fn disconnect(&self) {
        if let Some(sender) = &self.sender {
            // A full queue means that the goodbye would not get through either.
            let _ = sender.try_disconnect_with_timeout(DRAIN);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// What the polling task has of a connection.
struct Connection {
    event_loop: EventLoop,
    sender: AsyncClient,
    clock: CertificateClock,
}

impl Connection {
    /// The next packet that came in, or how the connection ended.
    async fn next(&mut self) -> Result<Incoming, ClientEvent> {
        let mut asked = false;
        let mut silence = Box::pin(tokio::time::sleep(ASK_AFTER));
        loop {
            let mut event = std::pin::pin!(self.event_loop.poll());
            let event = loop {
                tokio::select! {
                    event = &mut event => break event,
                    () = &mut silence => {
                        if std::mem::replace(&mut asked, true) {
                            let reason = "the broker no longer answers; the network or the broker is down";
                            return Err(ClientEvent::Closed { reason: reason.to_owned() });
                        }
                        // Every broker answers this, and it changes nothing. If there is no room for it, what waits there is unanswered too.
                        let _ = self.sender.try_unsubscribe(SIGN_OF_LIFE);
                        silence = Box::pin(tokio::time::sleep(ANSWER_WITHIN));
                    }
                }
            };
            match event {
                Ok(Event::Incoming(packet)) => return Ok(packet),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => {
                    let reason = sentence(&error, &self.clock);
                    return Err(if is_hang_up(&error) {
                        ClientEvent::ClosedByBroker { reason }
                    } else {
                        ClientEvent::Closed { reason }
                    });
                }
            }
        }
    }
}

async fn poll(
    mut connection: Connection,
    filters: Arc<OnceLock<Vec<String>>>,
    tell: mpsc::Sender<ClientEvent>,
) {
    loop {
        let told = match connection.next().await {
            Ok(Incoming::ConnAck(_)) => tell.send(ClientEvent::Connected).await,
            Ok(Incoming::Publish(message)) => {
                let topic = String::from_utf8_lossy(&message.topic).into_owned();
                tell.send(ClientEvent::Message { topic, payload: message.payload.to_vec() }).await
            }
            Ok(Incoming::SubAck(answer)) => {
                let asked = filters.get().map_or(&[][..], Vec::as_slice);
                let refused: Vec<&String> = asked
                    .iter()
                    .zip(&answer.return_codes)
                    .filter(|(_, code)| **code == SubscribeReasonCode::Failure)
                    .map(|(filter, _)| filter)
                    .collect();
                if !refused.is_empty() && refused.len() == asked.len() {
                    let _ = tell.send(ClientEvent::NothingAllowed).await;
                    return;
                }
                for filter in refused {
                    let event = ClientEvent::SubscriptionRefused { filter: filter.clone() };
                    if tell.send(event).await.is_err() {
                        return;
                    }
                }
                tell.send(ClientEvent::Subscribed).await
            }
            Ok(_) => Ok(()),
            Err(ended) => {
                // The receiver is gone only when nobody wants to know.
                let _ = tell.send(ended).await;
                return;
            }
        };
        if told.is_err() {
            return;
        }
    }
}

/// Passwords and certificates are read anew for each connection, so that new ones need no restart.
fn options(config: &MqttConfig, client_id: String, clock: CertificateClock) -> Result<MqttOptions, String> {
    let mut options = MqttOptions::new(client_id, (config.host.as_str(), config.port));
    options
        .set_keep_alive(KEEP_ALIVE_S)
        .set_session_mode(SessionMode::Clean)
        .set_max_packet_size(MAX_IN, MAX_OUT)
        .set_inflight(MAX_IN_FLIGHT);
    let password =
        match &config.password_file {
            Some(file) => Some(read_password_file(file).map_err(|problem| {
                format!("password_file {} gives no password: {problem}", file.display())
            })?),
            None => config.password.clone(),
        };
    match (&config.username, password) {
        (Some(username), Some(password)) => {
            options.set_credentials(username.clone(), password.0.into_bytes());
        }
        (Some(username), None) => {
            options.set_username(username.clone());
        }
        (None, _) => {}
    }
    if config.tls {
        let client = config.cert_file.as_deref().zip(config.key_file.as_deref());
        let tls = tls::configuration(config.ca_file.as_deref(), client, clock)?;
        options.set_transport(Transport::tls_with_config(tls));
    }
    Ok(options)
}

const fn quality(topic: Topic) -> QoS {
    match topic.qos() {
        0 => QoS::AtMostOnce,
        _ => QoS::AtLeastOnce,
    }
}
