//! What the connection has to do next, given what happened: no I/O, no clock, no client.
//!
//! A row that is in flight here is only remembered by number; its bytes stay in the outbox until the server's ack. Whatever the connection
//! loses is therefore asked for again, in the order that the outbox thinks best.

mod inbound;
mod pages;

use super::{Inbound, LinkEvent};
use crate::health;
use crate::outbox::{Outgoing, Room};
use flextraff_common::ids::{DeviceId, JunctionId, OutboxId, Seq};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::topics::{Topic, agent_filters};
use flextraff_common::wire::{Ack, MAX_PAYLOAD, Status, encode};
use pages::Pages;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// First wait after a lost connection, milliseconds; doubles with each attempt that fails.
const BACKOFF_MS: i64 = 500;
/// Longest wait, milliseconds.
const BACKOFF_MAX_MS: i64 = 30_000;
/// How long the broker may take to accept a connection, and again to answer the subscription, milliseconds.
const CONNECT_MS: i64 = 20_000;
/// A connection that lasted this long worked, milliseconds.
const STABLE_MS: i64 = 10_000;
/// Rows in flight at most.
const WINDOW_ROWS: usize = 32;
/// Bytes in flight at most.
const WINDOW_BYTES: usize = 2 * MAX_PAYLOAD;
/// A row without an answer is sent again after this, milliseconds.
const RESEND_MS: i64 = 30_000;
/// Without any ack, though rows are in flight, the connection is made anew after this, milliseconds; doubles until one comes.
const STALL_MS: i64 = 60_000;
/// Longest such time, milliseconds.
const STALL_MAX_MS: i64 = 15 * 60_000;
/// Rows are asked for at least this often, milliseconds, should a request or its answer be lost inside the agent.
const ASK_MS: i64 = 5_000;
/// Status is published at least this often, milliseconds.
const STATUS_MS: i64 = 30_000;
/// A connection that ends sooner after it was accepted may have been taken over, milliseconds.
const TAKEN_OVER_MS: i64 = 5_000;
/// So may one that the broker itself closes within this, milliseconds: longer than the longest wait of the other client between two attempts.
const TAKEN_OVER_BY_BROKER_MS: i64 = 45_000;
/// That many of them within `TAKEOVER_WINDOW_MS` are no coincidence.
const TAKEOVERS: usize = 3;
/// See `TAKEOVERS`, milliseconds: longer than as many of the longest waits between attempts, during which the other client is the one that
/// is connected.
const TAKEOVER_WINDOW_MS: i64 = 300_000;

/// Who connects, and for what.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// This device; its id is the client id.
    pub device: DeviceId,
    /// The junction that it serves.
    pub junction: JunctionId,
    /// Junctions whose demand and signal it listens to.
    pub linked: Vec<JunctionId>,
    /// The outbox whose rows it sends.
    pub outbox: OutboxId,
    /// Spreads the attempts of many devices after a broker's restart.
    pub seed: u64,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Try to connect, with a client that knows nothing of earlier connections.
    Connect,
    /// Drop the connection.
    Close,
    /// Disconnect properly after what was published, and end.
    Goodbye,
    /// Subscribe to these filters.
    Subscribe(Vec<String>),
    /// Publish; quality of service and retention follow from the topic.
    Publish {
        /// Where.
        topic: Topic,
        /// What.
        payload: String,
    },
    /// Tell the rest of the agent.
    Event(LinkEvent),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting { until: MonoMs },
    Connecting { deadline: MonoMs },
    Subscribing { deadline: MonoMs },
    Connected { since: MonoMs },
    Stopped,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    sent: MonoMs,
    bytes: usize,
}

/// The connection as the agent sees it.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    failures: u32,
    random: u64,
    short_lives: VecDeque<MonoMs>,
    in_flight: BTreeMap<Seq, InFlight>,
    /// Since when rows wait for any ack.
    unanswered_since: Option<MonoMs>,
    stall_ms: i64,
    /// The outbox may have rows that are not in flight.
    rows_waiting: bool,
    /// A question to the outbox is open.
    asked: bool,
    ask_again: MonoMs,
    status: Option<Status>,
    /// The status as last published.
    told: Option<Status>,
    status_due: MonoMs,
    live: BTreeMap<Topic, String>,
    /// A watch-list that has not come whole yet.
    pages: Pages,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session that connects at once.
    pub fn new(config: SessionConfig, now: MonoMs) -> Self {
        Self {
            state: State::Waiting { until: now },
            failures: 0,
            random: config.seed,
            config,
            short_lives: VecDeque::new(),
            in_flight: BTreeMap::new(),
            unanswered_since: None,
            stall_ms: STALL_MS,
            rows_waiting: true,
            asked: false,
            ask_again: now,
            status: None,
            told: None,
            status_due: now,
            live: BTreeMap::new(),
            pages: Pages::default(),
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do, if any.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Session::handle_timeout`] is due next.
    pub fn next_timeout(&self) -> Option<MonoMs> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Connecting { deadline } | State::Subscribing { deadline } => Some(deadline),
            State::Connected { .. } => {
                let resend = self.in_flight.values().map(|row| row.sent + RESEND_MS).min();
                let stall = self.unanswered_since.map(|since| since + self.stall_ms);
                let status = self.status.is_some().then_some(self.status_due);
                let ask = self.room().map(|_| self.ask_again);
                [resend, stall, status, ask].into_iter().flatten().min()
            }
            State::Stopped => None,
        }
    }

    /// Does what has become due.
    pub fn handle_timeout(&mut self, now: MonoMs) {
        match self.state {
            State::Waiting { until } if until <= now => {
                self.state = State::Connecting { deadline: now + CONNECT_MS };
                self.actions.push_back(Action::Connect);
            }
            State::Connecting { deadline } | State::Subscribing { deadline } if deadline <= now => {
                self.close(format!("the broker did not answer within {} s", CONNECT_MS / 1000), now);
            }
            State::Connected { .. } => self.check_connection(now),
            _ => {}
        }
    }

    /// The broker accepted the connection.
    pub fn handle_connected(&mut self, now: MonoMs) {
        if self.state == State::Stopped {
            return;
        }
        self.state = State::Subscribing { deadline: now + CONNECT_MS };
        let filters = agent_filters(self.config.junction, self.config.device, &self.config.linked);
        self.actions.push_back(Action::Subscribe(filters));
    }

    /// The broker answered the subscription. Only now may rows go out: a client need not keep the order of a subscription and what is
    /// published after it, and acks that come before the broker knows of the subscription are lost.
    pub fn handle_subscribed(&mut self, now: MonoMs) {
        if !matches!(self.state, State::Subscribing { .. }) {
            return;
        }
        self.state = State::Connected { since: now };
        self.forget_rows();
        self.actions.push_back(Action::Event(LinkEvent::Connected));
        self.publish_status(now);
        for (topic, payload) in std::mem::take(&mut self.live) {
            self.actions.push_back(Action::Publish { topic, payload });
        }
        self.ask_for_rows(now);
    }

    /// The connection ended, or could not be made.
    pub fn handle_disconnected(&mut self, reason: String, now: MonoMs) {
        self.end(reason, TAKEN_OVER_MS, now);
    }

    /// The broker closed the connection.
    pub fn handle_closed_by_broker(&mut self, reason: String, now: MonoMs) {
        self.end(reason, TAKEN_OVER_BY_BROKER_MS, now);
    }

    /// The broker let the device in and refused all that it asked for. Where a certificate names the user, that is how a broker of Mosquitto 2.0
    /// treats one that it does not know yet, or no longer; the connection is tried anew, with whatever certificate there is by then.
    pub fn handle_nothing_allowed(&mut self, now: MonoMs) {
        let reason = "the broker lets this device in and refuses it everything: its login was replaced or revoked, or the broker does not know it yet; it is tried again, else enrol the device anew at the server";
        self.end(reason.to_owned(), 0, now);
    }

    /// `suspect_ms`: when it lasted less, another client may have taken it over.
    fn end(&mut self, reason: String, suspect_ms: i64, now: MonoMs) {
        let lasted = match self.state {
            State::Connected { since } => Some(now.since(since)),
            State::Subscribing { .. } => Some(0),
            State::Connecting { .. } => None,
            State::Waiting { .. } | State::Stopped => return,
        };
        let taken_over = self.is_taken_over(lasted, suspect_ms, now);
        // Who is thrown out again and again leaves the connection to the other one for longer and longer, so that both get some work done.
        if lasted.is_some_and(|ms| ms >= STABLE_MS) && !taken_over {
            self.failures = 0;
        }
        let reason = if taken_over {
            format!(
                "another client uses this device id, {}, it seems: {reason}; stop the other one, or give it an id of its own",
                self.config.device
            )
        } else {
            reason
        };
        self.forget_rows();
        self.state = State::Waiting { until: now + self.backoff() };
        self.actions.push_back(Action::Event(LinkEvent::Disconnected { reason, taken_over }));
    }

    /// A message came.
    pub fn handle_message(&mut self, topic: &str, payload: &[u8], now: MonoMs) {
        match inbound::read(&self.config, topic, payload) {
            inbound::Read::Ack(ack) => self.handle_ack(ack, now),
            inbound::Read::Inbound(message) => {
                self.actions.push_back(Action::Event(LinkEvent::Inbound(message)));
            }
            inbound::Read::Watchlist(page) => {
                let message = match self.pages.handle(page) {
                    Ok(None) => return,
                    Ok(Some(list)) => Inbound::Watchlist(list),
                    Err(reason) => inbound::unreadable(topic, reason),
                };
                self.actions.push_back(Action::Event(LinkEvent::Inbound(message)));
            }
            inbound::Read::NotOurs => {}
        }
    }

    /// The outbox has rows that were not offered yet.
    pub fn handle_rows_waiting(&mut self, now: MonoMs) {
        self.rows_waiting = true;
        self.ask_for_rows(now);
    }

    /// The outbox answered [`LinkEvent::NeedRows`]; no rows means that there are no more.
    pub fn handle_rows(&mut self, rows: Vec<Outgoing>, now: MonoMs) {
        self.asked = false;
        if !matches!(self.state, State::Connected { .. }) {
            return;
        }
        self.rows_waiting = !rows.is_empty();
        for row in rows {
            // An answer that was thought lost may come beside its repetition.
            if self.in_flight.len() >= WINDOW_ROWS || self.in_flight.contains_key(&row.seq) {
                continue;
            }
            self.in_flight.insert(row.seq, InFlight { sent: now, bytes: row.payload.len() });
            self.unanswered_since.get_or_insert(now);
            self.actions.push_back(Action::Publish { topic: row.topic, payload: row.payload });
        }
        self.ask_again = now + ASK_MS;
        self.ask_for_rows(now);
    }

    /// A signal, demand or reply message. While there is no connection the newest of each topic is kept, but no demand: it is worthless
    /// when late.
    pub fn handle_live(&mut self, topic: Topic, payload: String) {
        if payload.len() > MAX_PAYLOAD {
            let detail = format!("{} bytes are too many; a payload has at most {MAX_PAYLOAD}", payload.len());
            let unreadable = Inbound::Unreadable { topic: topic.to_string(), reason: detail };
            self.actions.push_back(Action::Event(LinkEvent::Inbound(unreadable)));
        } else if matches!(self.state, State::Connected { .. }) {
            self.actions.push_back(Action::Publish { topic, payload });
        } else if !matches!(topic, Topic::Demand(_)) {
            self.live.insert(topic, payload);
        }
    }

    /// The present status, as often as it is known anew.
    pub fn set_status(&mut self, status: Status, now: MonoMs) {
        let changed = self.told.as_ref().is_none_or(|last| health::changed(last, &status));
        self.status = Some(status);
        if changed && matches!(self.state, State::Connected { .. }) {
            self.publish_status(now);
        }
    }

    /// Says goodbye: the broker would publish the last will only for those who leave without.
    pub fn handle_stop(&mut self) {
        if matches!(self.state, State::Connected { .. }) {
            let (topic, payload) = self.last_will();
            self.actions.push_back(Action::Publish { topic, payload });
        }
        self.state = State::Stopped;
        self.actions.push_back(Action::Goodbye);
    }

    /// What the broker shall say of this device once it is gone.
    pub fn last_will(&self) -> (Topic, String) {
        let SessionConfig { junction, device, .. } = self.config;
        (Topic::Status(junction, device), encode(&health::offline(device)))
    }

    /// Who the broker takes us for: the same at every connection, so that an old connection that still hangs is closed.
    pub fn client_id(&self) -> String {
        self.config.device.to_string()
    }

    /// Rows that are on their way.
    pub fn in_flight(&self) -> BTreeSet<Seq> {
        self.in_flight.keys().copied().collect()
    }

    fn check_connection(&mut self, now: MonoMs) {
        if self.unanswered_since.is_some_and(|since| since + self.stall_ms <= now) {
            let seconds = self.stall_ms / 1000;
            self.stall_ms = (self.stall_ms * 2).min(STALL_MAX_MS);
            self.close(
                format!("the server confirmed no row within {seconds} s; trying a new connection"),
                now,
            );
            return;
        }
        let before = self.in_flight.len();
        self.in_flight.retain(|_, row| row.sent + RESEND_MS > now);
        self.rows_waiting |= self.in_flight.len() < before;
        if self.ask_again <= now {
            self.asked = false;
            self.rows_waiting = true;
        }
        if self.status_due <= now {
            self.publish_status(now);
        }
        self.ask_for_rows(now);
    }

    fn handle_ack(&mut self, ack: Ack, now: MonoMs) {
        let rejected = ack.rejected.iter().map(|&(first, last, _)| (first, last));
        for (first, last) in ack.committed.iter().copied().chain(rejected) {
            if first > last {
                continue;
            }
            let answered: Vec<Seq> =
                self.in_flight.range(Seq(first)..=Seq(last)).map(|(&seq, _)| seq).collect();
            for seq in answered {
                self.in_flight.remove(&seq);
            }
        }
        self.stall_ms = STALL_MS;
        self.unanswered_since = (!self.in_flight.is_empty()).then_some(now);
        self.actions.push_back(Action::Event(LinkEvent::Ack(ack)));
        self.ask_for_rows(now);
    }

    fn close(&mut self, reason: String, now: MonoMs) {
        self.actions.push_back(Action::Close);
        self.handle_disconnected(reason, now);
    }

    /// Room in the window, if there is enough for any row.
    fn room(&self) -> Option<Room> {
        let bytes = WINDOW_BYTES.saturating_sub(self.in_flight.values().map(|row| row.bytes).sum());
        let rows = WINDOW_ROWS.saturating_sub(self.in_flight.len());
        (rows > 0 && bytes >= MAX_PAYLOAD).then_some(Room { rows, bytes })
    }

    fn ask_for_rows(&mut self, now: MonoMs) {
        let connected = matches!(self.state, State::Connected { .. });
        if !connected || self.asked || !self.rows_waiting {
            return;
        }
        if let Some(room) = self.room() {
            self.asked = true;
            self.ask_again = now + ASK_MS;
            let in_flight = self.in_flight();
            self.actions.push_back(Action::Event(LinkEvent::NeedRows { room, in_flight }));
        }
    }

    fn publish_status(&mut self, now: MonoMs) {
        self.status_due = now + STATUS_MS;
        self.told.clone_from(&self.status);
        if let Some(status) = &self.status {
            let topic = Topic::Status(self.config.junction, self.config.device);
            self.actions.push_back(Action::Publish { topic, payload: encode(status) });
        }
    }

    fn forget_rows(&mut self) {
        self.in_flight.clear();
        self.unanswered_since = None;
        self.rows_waiting = true;
        self.asked = false;
    }

    fn is_taken_over(&mut self, lasted: Option<i64>, suspect_ms: i64, now: MonoMs) -> bool {
        // A broker that cannot be reached in between is restarting rather than serving somebody else.
        match lasted {
            Some(lasted) if lasted < suspect_ms => self.short_lives.push_back(now),
            _ => self.short_lives.clear(),
        }
        self.short_lives.retain(|at| now.since(*at) <= TAKEOVER_WINDOW_MS);
        self.short_lives.len() >= TAKEOVERS
    }

    /// The wait before the next attempt: doubling, up to a quarter shorter at random.
    fn backoff(&mut self) -> i64 {
        let full = BACKOFF_MS.saturating_mul(1 << self.failures.min(10)).min(BACKOFF_MAX_MS);
        self.failures = self.failures.saturating_add(1);
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        full - (z % (full as u64 / 4)) as i64
    }
}
