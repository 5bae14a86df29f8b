//! The MQTT client of the server; the only file that names it.
//!
//! The broker keeps what arrives while the server is away (persistent session), and a message is confirmed to it only when
//! [`AckToken::confirm`] is called, after the commit. Each connection is a new client: a confirmation can never reach another
//! connection than the one on which its message came. What was not confirmed comes again after a reconnect.

mod queue;
#[cfg(test)]
mod tests;

use crate::clock::{Clock, Stamps};
use crate::config::{Broker, Mqtt};
use crate::metrics::{Metrics, Outcome};
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use flextraff_common::wire::MAX_PAYLOAD;
use flextraff_common::wire::topics::{BROKER_CONTROL, BROKER_CONTROL_ANSWERS, Topic, server_filters};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use rumqttc::{
    AckMode, AsyncClient, ConnectionError, Event, EventLoop, ManualAck, MqttOptions, Packet, PubAck, Publish,
    PublishOptions, QoS, SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// Messages that may wait to be published.
const OUTGOING: usize = 4096;
/// Requests to the broker itself, and answers, that may wait.
const CONTROL: usize = 64;
/// Messages that may be published without the broker's confirmation.
const WINDOW: u16 = 256;
/// Seconds after which a silent connection is probed.
const KEEP_ALIVE_S: u16 = 30;
/// Longest that reading pauses because ingest is behind; then the connection is given up before the broker does.
const PAUSE: Duration = Duration::from_secs(20);
/// What messages may take up that are not committed, KiB: many times what is under way, and little enough for a small machine when each is large.
const ROOM_KIB: usize = 32 * 1024;
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LAST_BACKOFF: Duration = Duration::from_secs(15);
/// Time for the last messages to leave at the end.
const GOODBYE: Duration = Duration::from_secs(3);
/// Largest MQTT packet. Limits on payloads are checked after receipt: a client that refuses a packet gets it again for ever.
const MAX_PACKET: usize = 268_435_455;

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

/// A message from the broker.
#[derive(Debug)]
pub struct Incoming {
    /// Its topic, as the broker says.
    pub topic: String,
    /// Its bytes; of one that is too large so many as show that.
    pub payload: Vec<u8>,
    /// How many they were.
    pub size: usize,
    /// Whether it is one that the broker kept, and not of this moment.
    pub retained: bool,
    /// Whether the broker says that it has sent it before.
    pub again: bool,
    /// When it came; no two are alike.
    pub received: DateTime<Utc>,
    /// Confirms it.
    pub ack: AckToken,
}

/// The right to confirm one message to the broker, and the room that it takes up in this server until then. Dropped unused, the message comes
/// again after the next reconnect.
#[derive(Debug, Default)]
pub struct AckToken {
    message: Option<(AsyncClient, u16)>,
    _room: Option<OwnedSemaphorePermit>,
}

impl AckToken {
    /// Confirms the message, unless its connection is gone.
    pub async fn confirm(self) {
        if let Some((client, id)) = self.message {
            let _ = client.manual_ack(ManualAck::PubAck(PubAck::new(id))).await;
        }
    }
}

/// How the broker itself is asked and answers.
#[derive(Debug)]
pub struct Control {
    /// Commands, JSON. What is sent while the broker is away goes out when it is back.
    pub requests: mpsc::Sender<String>,
    /// Answers, JSON.
    pub answers: mpsc::Receiver<Vec<u8>>,
}

/// The client, before it runs.
#[derive(Debug)]
pub struct MqttClient {
    options: Option<MqttOptions>,
    outgoing: mpsc::Receiver<Outgoing>,
    connected: watch::Sender<bool>,
    control_requests: Option<mpsc::Receiver<String>>,
    control_answers: Option<mpsc::Sender<Vec<u8>>>,
    metrics: Arc<Metrics>,
}

impl MqttClient {
    /// Reads the files that the configuration names. Without an address the client only takes messages and drops them.
    ///
    /// # Errors
    /// A file cannot be read or is no certificate or key.
    pub fn new(config: &Mqtt) -> anyhow::Result<(Self, MqttHandle)> {
        let options = config.url.as_ref().map(|url| options(config, url.expose())).transpose()?;
        let (sender, outgoing) = mpsc::channel(OUTGOING);
        let (connected, receiver) = watch::channel(false);
        let handle = MqttHandle { outgoing: sender, connected: receiver };
        let client = Self {
            options,
            outgoing,
            connected,
            control_requests: None,
            control_answers: None,
            metrics: Arc::default(),
        };
        Ok((client, handle))
    }

    /// Counts what is dropped among these figures.
    pub fn count_in(&mut self, metrics: Arc<Metrics>) {
        self.metrics = metrics;
    }

    /// Also carries requests to the broker itself, and listens to what it answers.
    pub fn control(&mut self) -> Control {
        let (requests, control_requests) = mpsc::channel(CONTROL);
        let (control_answers, answers) = mpsc::channel(CONTROL);
        self.control_requests = Some(control_requests);
        self.control_answers = Some(control_answers);
        Control { requests, answers }
    }

    /// Runs until `stop` turns true: connects, subscribes, hands what comes to `incoming`, publishes, and connects again when the
    /// broker is away. Ends by publishing what waits and taking leave, within seconds.
    pub async fn run(mut self, incoming: mpsc::Sender<Incoming>, mut stop: watch::Receiver<bool>) {
        let Some(options) = self.options.take() else {
            tracing::warn!("no broker is named ([mqtt] url or FLEXTRAFF_MQTT__URL): running without one");
            loop {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    message = self.outgoing.recv() => if message.is_none() { return },
                }
            }
        };
        let mut stamps = Stamps::default();
        let room = Arc::new(Semaphore::new(ROOM_KIB));
        let mut unsent = VecDeque::new();
        let mut backoff = FIRST_BACKOFF;
        let mut last_error = String::new();
        while !*stop.borrow() {
            let control_answers = self.control_answers.clone();
            let (room, metrics) = (Arc::clone(&room), Arc::clone(&self.metrics));
            let mut connection =
                Connection::new(options.clone(), &self.connected, control_answers, room, metrics);
            let mut ends = Ends {
                outgoing: &mut self.outgoing,
                unsent: &mut unsent,
                control: &mut self.control_requests,
            };
            let result = connection.run(&incoming, &mut ends, &mut stamps, &mut stop).await;
            if connection.was_ready {
                backoff = FIRST_BACKOFF;
                last_error.clear();
            }
            self.connected.send_replace(false);
            let Err(error) = result else { return };
            let error = format!("{error:#}");
            if error != last_error {
                tracing::warn!(%error, "broker is away; trying again until it is back");
                last_error = error;
            }
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
    }
}

fn options(config: &Mqtt, url: &str) -> anyhow::Result<MqttOptions> {
    let broker = Broker::parse(url).map_err(anyhow::Error::msg)?;
    let mut options = MqttOptions::new(&config.client_id, (broker.host, broker.port));
    options
        .set_keep_alive(KEEP_ALIVE_S)
        .set_clean_session(false)
        .set_ack_mode(AckMode::Manual)
        .set_inflight(WINDOW)
        .set_max_request_batch(64)
        .set_max_packet_size(MAX_PACKET, MAX_PAYLOAD);
    let read = |path: &std::path::Path| {
        std::fs::read(path).with_context(|| format!("[mqtt]: cannot read {}", path.display()))
    };
    let password = match &config.password_file {
        Some(path) => {
            let text = String::from_utf8(read(path)?)
                .with_context(|| format!("[mqtt]: {} is no UTF-8 text", path.display()))?;
            Some(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => broker.password.map(|password| password.expose().to_owned()),
    };
    if let Some(username) = config.username.clone().or(broker.username) {
        match password {
            Some(password) => options.set_credentials(username, password),
            None => options.set_username(username),
        };
    }
    if broker.tls {
        let tls = match &config.ca_file {
            Some(ca) => {
                let client_auth = match (&config.cert_file, &config.key_file) {
                    (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
                    _ => None,
                };
                TlsConfiguration::Simple { ca: read(ca)?, alpn: None, client_auth }
            }
            None if config.cert_file.is_some() => {
                anyhow::bail!("[mqtt]: cert_file needs ca_file, the certificates that vouch for the broker")
            }
            None => TlsConfiguration::try_default_rustls()
                .context("[mqtt]: cannot load the certificates of this system; set ca_file")?,
        };
        options.set_transport(Transport::tls_with_config(tls));
    }
    Ok(options)
}

/// One connection, from the attempt to its end.
struct Connection<'a> {
    client: AsyncClient,
    events: EventLoop,
    connected: &'a watch::Sender<bool>,
    control_answers: Option<mpsc::Sender<Vec<u8>>>,
    /// What is left of [`ROOM_KIB`]; messages of connections before take theirs up until they are committed.
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    was_ready: bool,
}

/// What goes out on a connection.
struct Ends<'a> {
    outgoing: &'a mut mpsc::Receiver<Outgoing>,
    /// What the broker has not confirmed, the oldest first.
    unsent: &'a mut VecDeque<Outgoing>,
    control: &'a mut Option<mpsc::Receiver<String>>,
}

impl<'a> Connection<'a> {
    fn new(
        options: MqttOptions,
        connected: &'a watch::Sender<bool>,
        control_answers: Option<mpsc::Sender<Vec<u8>>>,
        room: Arc<Semaphore>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (client, events) = AsyncClient::builder(options).capacity(OUTGOING).build();
        Self { client, events, connected, control_answers, room, metrics, was_ready: false }
    }

    fn filters(&self) -> Vec<String> {
        let answers = self.control_answers.as_ref().map(|_| BROKER_CONTROL_ANSWERS.to_owned());
        server_filters().into_iter().chain(answers).collect()
    }

    /// Ends with `Ok` when stopped, else with the reason. Messages that the broker has not confirmed are left in `unsent`.
    async fn run(
        &mut self,
        incoming: &mpsc::Sender<Incoming>,
        ends: &mut Ends<'_>,
        stamps: &mut Stamps,
        stop: &mut watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let (subscribed, ready) = oneshot::channel();
        let (client, connected) = (self.client.clone(), self.connected);
        tokio::select! {
            result = self.receive(incoming, stamps, subscribed) => return result,
            () = publish_all(&client, ready, connected, ends) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        self.leave(ends).await;
        Ok(())
    }

    async fn receive(
        &mut self,
        incoming: &mpsc::Sender<Incoming>,
        stamps: &mut Stamps,
        subscribed: oneshot::Sender<()>,
    ) -> anyhow::Result<()> {
        let mut subscribed = Some(subscribed);
        loop {
            match self.events.poll().await.map_err(name_error)? {
                Event::Incoming(Packet::ConnAck(ack)) => {
                    tracing::debug!(session_present = ack.session_present, "broker accepts the connection");
                    let filters = self
                        .filters()
                        .into_iter()
                        .map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce));
                    self.client.try_subscribe_many(filters).context("cannot subscribe")?;
                }
                Event::Incoming(Packet::SubAck(ack)) => {
                    let refused = self
                        .filters()
                        .into_iter()
                        .zip(&ack.return_codes)
                        .find(|(_, code)| matches!(code, SubscribeReasonCode::Failure));
                    if let Some((filter, _)) = refused {
                        anyhow::bail!(
                            "the broker refuses the subscription to {filter}; check the rights of the server's account"
                        );
                    }
                    tracing::info!("broker is connected");
                    self.was_ready = true;
                    if let Some(subscribed) = subscribed.take() {
                        let _ = subscribed.send(());
                    }
                }
                Event::Incoming(Packet::Publish(publish)) if publish.topic == BROKER_CONTROL_ANSWERS => {
                    if publish.qos != QoS::AtMostOnce {
                        let message = Some((self.client.clone(), publish.pkid));
                        AckToken { message, _room: None }.confirm().await;
                    }
                    // An answer that nobody waits for any more is asked for again.
                    if let Some(answers) = &self.control_answers {
                        let _ = answers.try_send(publish.payload.to_vec());
                    }
                }
                Event::Incoming(Packet::Publish(publish)) => {
                    self.hand_over(publish, incoming, stamps).await?;
                }
                _ => {}
            }
        }
    }

    async fn hand_over(
        &self,
        publish: Publish,
        incoming: &mpsc::Sender<Incoming>,
        stamps: &mut Stamps,
    ) -> anyhow::Result<()> {
        let confirms = publish.qos != QoS::AtMostOnce;
        let is_behind =
            incoming.capacity() < incoming.max_capacity() / 2 || self.room.available_permits() < ROOM_KIB / 2;
        // What is not confirmed is worthless when late: it gives way when ingest is behind.
        if !confirms && is_behind {
            self.metrics.message(Outcome::Dropped);
            return Ok(());
        }
        let received = stamps.stamp(Clock.utc());
        let kept = publish.payload.len().min(MAX_PAYLOAD + 1);
        let kib = (publish.topic.len() + kept).div_ceil(1024) as u32;
        let hand_over = async {
            // Nobody closes it.
            let room = Arc::clone(&self.room).acquire_many_owned(kib).await.ok();
            let message = Incoming {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                // A copy: what is cut off here is not held in memory while the rest waits.
                payload: publish.payload[..kept].to_vec(),
                size: publish.payload.len(),
                retained: publish.retain,
                again: publish.dup,
                received,
                ack: AckToken { message: confirms.then(|| (self.client.clone(), publish.pkid)), _room: room },
            };
            incoming.send(message).await
        };
        match tokio::time::timeout(PAUSE, hand_over).await {
            // When the server stops nobody takes messages any more; unconfirmed, they come again at its next start.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => anyhow::bail!("ingest is behind; leaving the messages with the broker"),
        }
    }

    /// Publishes what waits and takes leave, within [`GOODBYE`].
    async fn leave(&mut self, Ends { outgoing, unsent, .. }: &mut Ends<'_>) {
        while let Ok(message) = outgoing.try_recv() {
            unsent.push_back(message);
        }
        if !*self.connected.borrow() {
            return;
        }
        let _ = tokio::time::timeout(GOODBYE, async {
            let now = Clock.now();
            for message in unsent.drain(..) {
                if let Some(payload) = queue::payload(&message, now) {
                    let _ = self.client.try_publish(message.topic.to_string(), payload, how(message.topic));
                }
            }
            let _ = self.client.try_disconnect_with_timeout(GOODBYE);
            // Polling sends it all; the connection's end shows as an error.
            while self.events.poll().await.is_ok() {}
        })
        .await;
    }
}

/// Publishes what comes out of `outgoing` while connected, from the moment when `ready` says that it is. What the broker has not confirmed when this
/// is dropped stays in `unsent`.
async fn publish_all(
    client: &AsyncClient,
    ready: oneshot::Receiver<()>,
    connected: &watch::Sender<bool>,
    ends: &mut Ends<'_>,
) {
    let Ends { outgoing, unsent, control } = ends;
    if ready.await.is_err() {
        return;
    }
    // What was made while the broker was away.
    while unsent.len() < OUTGOING
        && let Ok(message) = outgoing.try_recv()
    {
        unsent.push_back(message);
    }
    queue::forget_plans(unsent);
    // Not before: a plan that is made because the broker is back must not be among those that are forgotten.
    connected.send_replace(true);
    let now = Clock.now();
    // In order: the front of `unsent` is the oldest message without a confirmation.
    let mut notices = FuturesOrdered::new();
    for message in unsent.iter() {
        let Some(payload) = queue::payload(message, now) else { continue };
        if let Ok(notice) =
            client.publish_tracked(message.topic.to_string(), payload, how(message.topic)).await
        {
            notices.push_back(notice.wait_completion_async());
        }
    }
    loop {
        tokio::select! {
            Some(result) = notices.next() => if result.is_ok() { unsent.pop_front(); },
            Some(request) = next_request(control) => {
                let options = PublishOptions::new(QoS::AtLeastOnce);
                if let Err(error) = client.publish(BROKER_CONTROL, request, options).await {
                    tracing::error!(%error, "the broker cannot be asked about rights");
                }
            }
            message = outgoing.recv(), if notices.len() < usize::from(WINDOW) => {
                let Some(message) = message else { return };
                let Some(payload) = queue::payload(&message, Clock.now()) else { continue };
                let topic = message.topic;
                unsent.push_back(message);
                match client.publish_tracked(topic.to_string(), payload, how(topic)).await {
                    Ok(notice) => notices.push_back(notice.wait_completion_async()),
                    Err(error) => {
                        unsent.pop_back();
                        tracing::error!(%error, %topic, "message cannot be published");
                    }
                }
            }
        }
    }
}

/// The next request to the broker itself; waits for ever where there are none.
async fn next_request(control: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match control {
        Some(requests) => requests.recv().await,
        None => std::future::pending().await,
    }
}

fn how(topic: Topic) -> PublishOptions {
    let qos = if topic.qos() == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    PublishOptions::new(qos).retain(topic.retained())
}

fn name_error(error: ConnectionError) -> anyhow::Error {
    match error {
        ConnectionError::ConnectionRefused(code) => {
            anyhow::anyhow!("the broker refuses the connection ({code:?}); check user name and password")
        }
        error => anyhow::Error::new(error),
    }
}
