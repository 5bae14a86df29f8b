//! The session in a world that loses, repeats and delays everything.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// What may happen next in the world around the session.
#[derive(Clone, Debug)]
enum Happening {
    Row,
    Wait(i64),
    Accept,
    Subscribed,
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
        4 => Just(Happening::Subscribed),
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
            Happening::Subscribed if self.connected => self.session.handle_subscribed(self.now),
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
            self.happens(&Happening::Subscribed);
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
