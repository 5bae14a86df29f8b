//! The session against a world that loses, repeats and delays everything, and rule by rule.

use super::*;
use flextraff_common::ids::{DeviceId, LaneId, OutboxId};
use flextraff_common::wire::{RejectCode, encode};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

const OUTBOX: OutboxId = OutboxId(Uuid::from_u128(3));
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(1));
const JUNCTION: JunctionId = JunctionId(Uuid::from_u128(2));
const NEIGHBOUR: JunctionId = JunctionId(Uuid::from_u128(9));

fn config(seed: u64) -> SessionConfig {
    SessionConfig { device: DEVICE, junction: JUNCTION, linked: vec![NEIGHBOUR], outbox: OUTBOX, seed }
}

fn row(seq: u64) -> Outgoing {
    let topic = Topic::CarCounts(JUNCTION, LaneId(Uuid::from_u128(4)));
    Outgoing { seq: Seq(seq), topic, payload: seq.to_string() }
}

fn ack(outbox_id: OutboxId, committed: &[(u64, u64)]) -> String {
    encode(&Ack { outbox_id, committed: committed.to_vec(), rejected: Vec::new() })
}

fn ack_topic() -> String {
    Topic::Ack(JUNCTION, DEVICE).to_string()
}

fn actions(session: &mut Session) -> Vec<Action> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn published(actions: &[Action]) -> Vec<Topic> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Publish { topic, .. } => Some(*topic),
            _ => None,
        })
        .collect()
}

fn reason(actions: &[Action]) -> Option<&str> {
    actions.iter().find_map(|action| match action {
        Action::Event(LinkEvent::Disconnected { reason }) => Some(reason.as_str()),
        _ => None,
    })
}

fn asks(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Event(LinkEvent::NeedRows { .. })))
}

fn connected() -> Session {
    let mut session = Session::new(config(1), MonoMs(0));
    session.handle_timeout(MonoMs(0));
    session.handle_connected(MonoMs(0));
    actions(&mut session);
    session
}

fn status(outbox_rows: u64, version: &str) -> Status {
    let session = connected();
    let (_, will) = session.last_will();
    let mut status: Status = flextraff_common::wire::decode(will.as_bytes()).expect("the will is a status");
    status.online = true;
    status.software_version = Some(version.to_owned());
    status.outbox = Some(flextraff_common::wire::OutboxStatus { rows: outbox_rows, ..Default::default() });
    status
}

#[test]
fn every_connection_subscribes_and_asks_for_rows() {
    let mut session = Session::new(config(1), MonoMs(0));
    session.set_status(status(0, "1"), MonoMs(0));
    for round in 0..3 {
        let now = session.next_timeout().unwrap();
        session.handle_timeout(now);
        assert_eq!(actions(&mut session), [Action::Connect], "round {round}");
        session.handle_connected(now);
        let done = actions(&mut session);
        assert!(matches!(&done[0], Action::Subscribe(filters) if filters.contains(&ack_topic())));
        assert_eq!(done[1], Action::Event(LinkEvent::Connected));
        assert_eq!(published(&done), [Topic::Status(JUNCTION, DEVICE)]);
        assert!(asks(&done));
        session.handle_disconnected("gone".to_owned(), now + 20_000);
        assert_eq!(reason(&actions(&mut session)), Some("gone"));
    }
}

#[test]
fn attempts_wait_longer_and_longer_but_no_more_than_half_a_minute() {
    let mut session = Session::new(config(7), MonoMs(0));
    let (mut now, mut waits) = (MonoMs(0), Vec::new());
    for _ in 0..9 {
        session.handle_timeout(now);
        session.handle_disconnected("refused".to_owned(), now);
        let next = session.next_timeout().unwrap();
        waits.push(next.since(now));
        now = next;
    }
    for (wait, full) in waits.iter().zip([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
        assert!((full * 3 / 4..=full).contains(wait), "{waits:?}");
    }
}

#[test]
fn a_broker_that_never_answers_is_given_up() {
    let mut session = Session::new(config(1), MonoMs(0));
    session.handle_timeout(MonoMs(0));
    assert_eq!(session.next_timeout(), Some(MonoMs(20_000)));
    session.handle_timeout(MonoMs(20_000));
    let done = actions(&mut session);
    assert!(done.contains(&Action::Close));
    assert_eq!(reason(&done), Some("the broker did not answer within 20 s"));
}

#[test]
fn only_the_servers_ack_releases_a_row() {
    let mut session = connected();
    session.handle_rows(vec![row(1), row(2), row(3)], MonoMs(10));
    assert_eq!(published(&actions(&mut session)).len(), 3);
    let foreign = ack(OutboxId(Uuid::nil()), &[(0, u64::MAX)]);
    session.handle_message(&ack_topic(), foreign.as_bytes(), MonoMs(20));
    assert!(actions(&mut session).is_empty());
    session.handle_message(&ack_topic(), ack(OUTBOX, &[(2, 1), (2, 2)]).as_bytes(), MonoMs(30));
    assert_eq!(session.in_flight(), BTreeSet::from([Seq(1), Seq(3)]));
    let rejected =
        Ack { outbox_id: OUTBOX, committed: vec![], rejected: vec![(0, u64::MAX, RejectCode::Other)] };
    session.handle_message(&ack_topic(), encode(&rejected).as_bytes(), MonoMs(40));
    assert!(session.in_flight().is_empty());
}

#[test]
fn a_row_without_an_answer_is_asked_for_again_after_half_a_minute() {
    let mut session = connected();
    session.handle_rows(vec![row(1)], MonoMs(0));
    session.handle_rows(vec![], MonoMs(0));
    actions(&mut session);
    session.handle_timeout(MonoMs(29_999));
    assert_eq!(session.in_flight().len(), 1);
    session.handle_rows(vec![], MonoMs(29_999));
    actions(&mut session);
    session.handle_timeout(MonoMs(30_000));
    assert!(asks(&actions(&mut session)) && session.in_flight().is_empty());
}

#[test]
fn without_any_ack_the_connection_is_made_anew_ever_more_seldom() {
    let mut session = connected();
    let mut now = MonoMs(0);
    for seconds in [60, 120, 240, 480, 900, 900] {
        session.handle_rows(vec![row(1)], now);
        let due = now + seconds * 1000;
        session.handle_timeout(due - 1);
        assert_eq!(reason(&actions(&mut session)), None);
        session.handle_timeout(due);
        let done = actions(&mut session);
        assert!(
            done.contains(&Action::Close) && reason(&done).unwrap().contains(&format!("within {seconds} s"))
        );
        now = due + 40_000;
        session.handle_timeout(now);
        session.handle_connected(now);
        actions(&mut session);
    }
    session.handle_rows(vec![row(1)], now);
    session.handle_message(&ack_topic(), ack(OUTBOX, &[(1, 1)]).as_bytes(), now);
    session.handle_rows(vec![row(2)], now);
    session.handle_timeout(now + 60_000);
    assert!(actions(&mut session).contains(&Action::Close));
}

#[test]
fn without_rows_an_idle_connection_stays() {
    let mut session = connected();
    session.handle_rows(vec![], MonoMs(0));
    for second in 1..3600 {
        session.handle_timeout(MonoMs(second * 1000));
        session.handle_rows(vec![], MonoMs(second * 1000));
    }
    assert_eq!(reason(&actions(&mut session)), None);
}

#[test]
fn the_window_is_never_exceeded() {
    let mut session = connected();
    session.handle_rows((1..=100).map(row).collect(), MonoMs(0));
    let done = actions(&mut session);
    assert_eq!(published(&done).len(), 32);
    assert!(!asks(&done));
    session.handle_message(&ack_topic(), ack(OUTBOX, &[(1, 1)]).as_bytes(), MonoMs(1));
    let done = actions(&mut session);
    let room = done.iter().find_map(|action| match action {
        Action::Event(LinkEvent::NeedRows { room, in_flight }) => Some((room.rows, in_flight.len())),
        _ => None,
    });
    assert_eq!(room, Some((1, 31)));
}

#[test]
fn a_question_that_was_lost_is_asked_again() {
    let mut session = connected();
    session.handle_timeout(MonoMs(4999));
    assert!(!asks(&actions(&mut session)));
    assert_eq!(session.next_timeout(), Some(MonoMs(5000)));
    session.handle_timeout(MonoMs(5000));
    assert!(asks(&actions(&mut session)));
}

#[test]
fn live_messages_do_not_queue_up() {
    let mut session = Session::new(config(1), MonoMs(0));
    for n in 0..100 {
        session.handle_live(Topic::Signal(JUNCTION), n.to_string());
        session.handle_live(Topic::Demand(JUNCTION), n.to_string());
    }
    session.handle_timeout(MonoMs(0));
    session.handle_connected(MonoMs(0));
    let done = actions(&mut session);
    let newest = Action::Publish { topic: Topic::Signal(JUNCTION), payload: "99".to_owned() };
    assert_eq!(published(&done).len(), 1);
    assert!(done.contains(&newest));
    session.handle_live(Topic::Demand(JUNCTION), "now".to_owned());
    assert_eq!(published(&actions(&mut session)), [Topic::Demand(JUNCTION)]);
}

#[test]
fn status_goes_out_on_change_and_every_half_minute_not_for_mere_figures() {
    let mut session = connected();
    session.set_status(status(0, "1"), MonoMs(0));
    assert_eq!(published(&actions(&mut session)).len(), 1);
    session.set_status(status(5, "1"), MonoMs(1000));
    assert_eq!(published(&actions(&mut session)).len(), 0);
    session.set_status(status(5, "2"), MonoMs(2000));
    assert_eq!(published(&actions(&mut session)).len(), 1);
    session.handle_timeout(MonoMs(32_000));
    assert_eq!(published(&actions(&mut session)).len(), 1);
}

#[test]
fn a_second_client_with_our_id_is_named() {
    let mut session = Session::new(config(1), MonoMs(0));
    let mut reasons = Vec::new();
    for _ in 0..3 {
        let now = session.next_timeout().unwrap();
        session.handle_timeout(now);
        session.handle_connected(now);
        session.handle_disconnected("closed by peer".to_owned(), now + 300);
        reasons.push(reason(&actions(&mut session)).unwrap().to_owned());
    }
    assert_eq!(reasons[1], "closed by peer");
    assert!(reasons[2].starts_with("another client uses this device id"), "{}", reasons[2]);
}

#[test]
fn stopping_says_offline_and_goodbye() {
    let mut session = connected();
    session.handle_stop();
    let done = actions(&mut session);
    assert_eq!(published(&done), [Topic::Status(JUNCTION, DEVICE)]);
    assert_eq!(done.last(), Some(&Action::Goodbye));
    session.handle_connected(MonoMs(1));
    session.handle_timeout(MonoMs(1_000_000));
    assert!(actions(&mut session).is_empty() && session.next_timeout().is_none());
}

fn inbound(topic: Topic, payload: &str) -> Vec<Inbound> {
    let mut session = connected();
    session.handle_message(&topic.to_string(), payload.as_bytes(), MonoMs(0));
    let messages = actions(&mut session).into_iter().map(|action| match action {
        Action::Event(LinkEvent::Inbound(message)) => message,
        other => panic!("{other:?} is no inbound message"),
    });
    messages.collect()
}

#[test]
fn what_comes_down_is_read_and_what_is_not_ours_is_left() {
    let plan = format!("{{\"junction_id\":\"{JUNCTION}\",\"lane_times\":[30,30,30,30]}}");
    assert!(matches!(&inbound(Topic::GreenTime(JUNCTION), &plan)[..], [Inbound::GreenTime(_)]));
    let foreign = format!("{{\"junction_id\":\"{NEIGHBOUR}\"}}");
    assert!(matches!(&inbound(Topic::GreenTime(JUNCTION), &foreign)[..], [Inbound::Unreadable { .. }]));
    assert!(inbound(Topic::GreenTime(NEIGHBOUR), &foreign).is_empty());
    let newer = plan.replacen('{', "{\"v\":2,", 1);
    assert!(matches!(&inbound(Topic::GreenTime(JUNCTION), &newer)[..],
        [Inbound::Unreadable { reason, .. }] if reason.contains("update it")));
    let command = "{\"id\":\"1\",\"type\":\"identify\",\"expires_at\":\"2026-01-01T00:00:00Z\"}";
    assert!(matches!(&inbound(Topic::Command(JUNCTION, DEVICE), command)[..], [Inbound::Command(_)]));
    let other = DeviceId(Uuid::from_u128(77));
    assert!(inbound(Topic::Command(JUNCTION, other), command).is_empty());
    let demand = |device: DeviceId| format!("{{\"device_id\":\"{device}\",\"t\":\"2026-01-01T00:00:00Z\"}}");
    assert!(inbound(Topic::Demand(JUNCTION), &demand(DEVICE)).is_empty());
    assert!(matches!(
        &inbound(Topic::Demand(NEIGHBOUR), &demand(other))[..],
        [Inbound::Demand(NEIGHBOUR, _)]
    ));
    assert!(matches!(&inbound(Topic::Keys(JUNCTION, DEVICE), "{\"v\":1}")[..], [Inbound::Keys(_)]));
    assert!(matches!(&inbound(Topic::Watchlist(JUNCTION), "{}")[..], [Inbound::Watchlist(_)]));
}

/// What may happen next in the world around the session.
#[derive(Clone, Debug)]
enum Happening {
    Row,
    Wait(i64),
    Accept,
    Refuse,
    Lose,
    Store(usize),
    Answer { copies: usize, wide: bool },
    AnswerLost,
    ForeignAnswer(u64, u64),
    Garbage(Vec<u8>),
    AgentForgets,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::Row),
        4 => (0_i64..40_000).prop_map(Happening::Wait),
        4 => Just(Happening::Accept),
        1 => Just(Happening::Refuse),
        1 => Just(Happening::Lose),
        4 => (1_usize..40).prop_map(Happening::Store),
        4 => (1_usize..3, any::<bool>()).prop_map(|(copies, wide)| Happening::Answer { copies, wide }),
        1 => Just(Happening::AnswerLost),
        1 => any::<(u64, u64)>().prop_map(|(first, last)| Happening::ForeignAnswer(first, last)),
        1 => proptest::collection::vec(any::<u8>(), 0..64).prop_map(Happening::Garbage),
        1 => Just(Happening::AgentForgets),
    ]
}

/// Outbox, broker and server, each with the least that matters.
struct World {
    session: Session,
    now: MonoMs,
    connecting: bool,
    connected: bool,
    made: u64,
    outbox: BTreeSet<u64>,
    handed_out: BTreeSet<u64>,
    wire: VecDeque<u64>,
    stored: BTreeMap<u64, u32>,
    unanswered: Vec<u64>,
    forgets: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            session: Session::new(config(seed), MonoMs(0)),
            now: MonoMs(0),
            connecting: false,
            connected: false,
            made: 0,
            outbox: BTreeSet::new(),
            handed_out: BTreeSet::new(),
            wire: VecDeque::new(),
            stored: BTreeMap::new(),
            unanswered: Vec::new(),
            forgets: false,
        }
    }

    fn happens(&mut self, what: &Happening) {
        match what {
            Happening::Row => {
                self.made += 1;
                self.outbox.insert(self.made);
                self.session.handle_rows_waiting(self.now);
            }
            Happening::Wait(ms) => {
                self.now = self.now + *ms;
                self.session.handle_timeout(self.now);
            }
            Happening::Accept if self.connecting => {
                (self.connecting, self.connected) = (false, true);
                self.session.handle_connected(self.now);
            }
            Happening::Refuse if self.connecting => self.lose(),
            Happening::Lose if self.connected => self.lose(),
            Happening::Store(count) if self.connected => {
                for _ in 0..*count {
                    let Some(seq) = self.wire.pop_front() else { break };
                    *self.stored.entry(seq).or_default() += 1;
                    self.unanswered.push(seq);
                }
            }
            Happening::Answer { copies, wide } if self.connected => {
                let rows = std::mem::take(&mut self.unanswered);
                let mut ranges: Vec<(u64, u64)> = rows.iter().map(|&seq| (seq, seq)).collect();
                if *wide && let Some(&(first, _)) = ranges.first() {
                    ranges.extend([(first, first), (first, 0)]);
                }
                for _ in 0..*copies {
                    self.session.handle_message(&ack_topic(), ack(OUTBOX, &ranges).as_bytes(), self.now);
                }
            }
            Happening::AnswerLost => self.unanswered.clear(),
            Happening::ForeignAnswer(first, last) if self.connected => {
                let foreign = ack(OutboxId(Uuid::nil()), &[(*first, *last)]);
                self.session.handle_message(&ack_topic(), foreign.as_bytes(), self.now);
            }
            Happening::Garbage(bytes) if self.connected => {
                self.session.handle_message(&ack_topic(), bytes, self.now);
                self.session.handle_message(&String::from_utf8_lossy(bytes), bytes, self.now);
            }
            Happening::AgentForgets => self.forgets = true,
            _ => {}
        }
        self.obey();
    }

    fn lose(&mut self) {
        (self.connecting, self.connected) = (false, false);
        self.wire.clear();
        self.session.handle_disconnected("lost".to_owned(), self.now);
    }

    fn obey(&mut self) {
        while let Some(action) = self.session.poll() {
            match action {
                Action::Connect => self.connecting = true,
                Action::Close => {
                    (self.connecting, self.connected) = (false, false);
                    self.wire.clear();
                }
                Action::Publish { topic, payload } => {
                    assert!(self.connected, "published on {topic} without a connection");
                    let seq = payload.parse().expect("the payload of a row is its number");
                    assert!(self.handed_out.contains(&seq));
                    self.wire.push_back(seq);
                }
                Action::Event(LinkEvent::NeedRows { room, in_flight }) => {
                    if std::mem::take(&mut self.forgets) {
                        continue;
                    }
                    let free = self.outbox.iter().filter(|seq| !in_flight.contains(&Seq(**seq)));
                    let rows: Vec<Outgoing> = free.take(room.rows).map(|&seq| row(seq)).collect();
                    self.handed_out.extend(rows.iter().map(|row| row.seq.0));
                    self.session.handle_rows(rows, self.now);
                }
                Action::Event(LinkEvent::Ack(ack)) => {
                    assert_eq!(ack.outbox_id, OUTBOX);
                    for (first, last) in ack.committed.into_iter().filter(|(first, last)| first <= last) {
                        for seq in first..=last {
                            self.outbox.remove(&seq);
                            assert!(self.stored.contains_key(&seq), "row {seq} released, but never stored");
                        }
                    }
                }
                Action::Event(_) | Action::Subscribe(_) => {}
                Action::Goodbye => panic!("nobody said stop"),
            }
        }
        assert!(self.session.in_flight().len() <= 32);
    }

    /// From now on everything works.
    fn calm(&mut self) {
        self.forgets = false;
        let deadline = self.now + 20 * 60_000;
        while !self.outbox.is_empty() {
            assert!(self.now < deadline, "stuck with {:?}", self.outbox);
            let due = self.session.next_timeout().expect("a running session has a timer");
            self.happens(&Happening::Wait(due.since(self.now).clamp(1, 1000)));
            self.happens(&Happening::Accept);
            self.happens(&Happening::Store(1000));
            self.happens(&Happening::Answer { copies: 1, wide: false });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_happens_every_row_arrives_and_only_an_ack_releases_it(
        seed in any::<u64>(), happenings in proptest::collection::vec(happening(), 0..200),
    ) {
        let mut world = World::new(seed);
        for what in &happenings {
            world.happens(what);
        }
        world.calm();
        prop_assert_eq!(world.stored.len() as u64, world.made);
    }
}
