//! The session, rule by rule.

mod world;

use super::*;
use flextraff_common::ids::{DeviceId, LaneId, OutboxId};
use flextraff_common::wire::{PlanState, RejectCode, encode};
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
        Action::Event(LinkEvent::Disconnected { reason, .. }) => Some(reason.as_str()),
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
    session.handle_subscribed(MonoMs(0));
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
        assert!(matches!(&done[..], [Action::Subscribe(filters)] if filters.contains(&ack_topic())));
        session.handle_subscribed(now);
        let done = actions(&mut session);
        assert_eq!(done[0], Action::Event(LinkEvent::Connected));
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
fn who_is_allowed_nothing_tries_again_later_and_blames_no_other_client() {
    let mut session = Session::new(config(7), MonoMs(0));
    let mut now = MonoMs(0);
    for _ in 0..6 {
        session.handle_timeout(now);
        session.handle_connected(now);
        actions(&mut session);
        session.handle_nothing_allowed(now);
        let done = actions(&mut session);
        assert!(reason(&done).is_some_and(|reason| reason.starts_with("the broker lets this device in")));
        assert!(published(&done).is_empty());
        let next = session.next_timeout().unwrap();
        assert!(next > now);
        now = next;
    }
    session.handle_timeout(now);
    assert_eq!(actions(&mut session), [Action::Connect]);
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
        session.handle_subscribed(now);
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
    session.handle_subscribed(MonoMs(0));
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
    let mut last = MonoMs(0);
    let mut longest = 0;
    for _ in 0..30 {
        let now = session.next_timeout().unwrap();
        longest = longest.max(now.since(last));
        session.handle_timeout(now);
        session.handle_connected(now);
        session.handle_subscribed(now);
        last = now + 300;
        session.handle_disconnected("closed by peer".to_owned(), last);
        reasons.push(reason(&actions(&mut session)).unwrap().to_owned());
    }
    assert_eq!(reasons[1], "closed by peer");
    // It goes on being named when the waits have grown, and the other client is left alone for longer and longer.
    for reason in &reasons[2..] {
        assert!(reason.starts_with("another client uses this device id"), "{reason}");
        assert!(reason.ends_with("give it an id of its own"), "{reason}");
    }
    assert!(longest > 20_000, "the longest wait was {longest} ms");
}

#[test]
fn two_agents_with_one_id_are_both_told_and_share_the_connection() {
    let mut sessions = [3, 4].map(|seed| Session::new(config(seed), MonoMs(0)));
    let (mut holder, mut held_ms) = (None, [0, 0]);
    let (mut now, end) = (MonoMs(0), MonoMs(1_200_000));
    let mut told: [Vec<(MonoMs, bool)>; 2] = Default::default();
    while now < end {
        let due = sessions.iter().filter_map(Session::next_timeout).min().unwrap().max(now);
        if let Some(holder) = holder {
            held_ms[holder] += due.since(now);
        }
        now = due;
        for at in 0..2 {
            sessions[at].handle_timeout(now);
            if !actions(&mut sessions[at]).contains(&Action::Connect) {
                continue;
            }
            // The broker closes the connection that it has under this id.
            if holder.replace(at).is_some() {
                let other = &mut sessions[1 - at];
                other.handle_closed_by_broker("closed by peer".to_owned(), now);
                let taken_over = actions(other).into_iter().any(|action| {
                    matches!(action, Action::Event(LinkEvent::Disconnected { taken_over: true, .. }))
                });
                told[1 - at].push((now, taken_over));
            }
            sessions[at].handle_connected(now);
            sessions[at].handle_subscribed(now);
            sessions[at].handle_rows(Vec::new(), now);
            actions(&mut sessions[at]);
        }
        now = now + 1;
    }
    for (told, held_ms) in told.iter().zip(held_ms) {
        let named = told.iter().position(|(_, taken_over)| *taken_over).expect("it is named");
        assert!(named <= 3, "{told:?}");
        assert!(told[named..].iter().all(|(_, taken_over)| *taken_over), "{told:?}");
        let late = told.iter().filter(|(at, _)| *at > MonoMs(600_000)).count();
        assert!(late <= 30, "{late} times in ten minutes");
        assert!(held_ms > 200_000, "one had the connection for {held_ms} ms of twenty minutes");
    }
}

#[test]
fn a_broker_that_hangs_up_now_and_then_is_no_second_client() {
    let mut session = Session::new(config(1), MonoMs(0));
    let mut now = MonoMs(0);
    for _ in 0..10 {
        now = now.max(session.next_timeout().unwrap());
        session.handle_timeout(now);
        session.handle_connected(now);
        session.handle_subscribed(now);
        now = now + 200_000;
        session.handle_closed_by_broker("closed by peer".to_owned(), now);
        assert_eq!(reason(&actions(&mut session)), Some("closed by peer"));
    }
}

#[test]
fn stopping_says_offline_and_goodbye() {
    let mut session = connected();
    session.handle_stop();
    let done = actions(&mut session);
    assert_eq!(published(&done), [Topic::Status(JUNCTION, DEVICE)]);
    assert_eq!(done.last(), Some(&Action::Goodbye));
    session.handle_connected(MonoMs(1));
    session.handle_subscribed(MonoMs(1));
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
    assert!(inbound(Topic::GreenTime(NEIGHBOUR), &foreign).is_empty());
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
    assert!(matches!(&inbound(Topic::Watchlist(JUNCTION), "{\"entries\":[]}")[..], [Inbound::Watchlist(_)]));
    assert!(matches!(&inbound(Topic::Watchlist(JUNCTION), "{}")[..], [Inbound::Unreadable { .. }]));
}

#[test]
fn of_departures_that_others_tell_a_thousand_are_heard() {
    let other = DeviceId(Uuid::from_u128(77));
    let in_s = |seconds: usize| vec!["1"; seconds].join(",");
    let to = |seconds| format!("{{\"to_junction\":\"{JUNCTION}\",\"in_s\":[{}]}}", in_s(seconds));
    let gone = vec!["{\"lane\":\"N\",\"epc\":\"E2\",\"ago_s\":1}"; 1500].join(",");
    for told in [vec![600, 600, 600], vec![1; 1500], vec![20_000]] {
        let departures: Vec<String> = told.into_iter().map(to).collect();
        let demand = format!(
            "{{\"device_id\":\"{other}\",\"t\":\"2026-01-01T00:00:00Z\",\"departures\":[{}],\"departed\":[{gone}]}}",
            departures.join(",")
        );
        let heard = inbound(Topic::Demand(NEIGHBOUR), &demand);
        let [Inbound::Demand(_, heard)] = &heard[..] else { panic!("{heard:?}") };
        let times: usize = heard.departures.iter().map(|departures| departures.in_s.len()).sum();
        assert_eq!((times, heard.departed.len()), (1000, 1000));
        assert!(heard.departures.len() <= 1000);
    }
}

#[test]
fn a_plan_that_cannot_be_read_is_refused_by_its_name() {
    let refused = |payload: &str| match &inbound(Topic::GreenTime(JUNCTION), payload)[..] {
        [Inbound::UnreadablePlan(status)] => {
            assert_eq!((status.state, status.reasons.len()), (PlanState::Refused, 1));
            (status.plan_id.clone(), status.reasons[0].clone())
        }
        other => panic!("{other:?} is no refusal"),
    };
    let times = "\"lane_times\":[30,30,30,30]";
    let named = Some("p1".to_owned());
    let newer = format!("{{\"v\":2,\"junction_id\":\"{JUNCTION}\",\"plan_id\":\"p1\",{times}}}");
    assert_eq!(
        refused(&newer),
        (named.clone(), "version 2 is newer than 1, which this program speaks; update it".to_owned())
    );
    let foreign = format!("{{\"junction_id\":\"{NEIGHBOUR}\",\"plan_id\":\"p1\",{times}}}");
    let why = format!("junction_id is {NEIGHBOUR}, the topic says {JUNCTION}");
    assert_eq!(refused(&foreign), (named.clone(), why));
    let misspelled = format!("{{\"junction_id\":\"{JUNCTION}\",\"plan_id\":\"p1\",\"lane_times\":\"30\"}}");
    let (name, why) = refused(&misspelled);
    assert!(name == named && why.contains("expected a sequence"), "{name:?} {why}");
    for (nameless, told) in [("no JSON", "expected"), ("", "EOF"), ("{\"plan_id\":7}", "invalid type")] {
        let (name, why) = refused(nameless);
        assert!(name.is_none() && why.contains(told), "{nameless}: {name:?} {why}");
    }
    let endless = format!("{{\"plan_id\":\"{}\"}}", "p".repeat(100_000));
    assert_eq!(refused(&endless).0, Some("p".repeat(64)));
}

#[test]
fn a_watch_list_in_pages_arrives_whole_or_not_at_all() {
    let key = flextraff_common::epc::TagKey::new([7; 32]);
    let entries = (0..10_000_i64).map(|n| flextraff_common::wire::Watched {
        tag: key.tag(&format!("{n:024X}").parse().expect("an EPC")),
        class: flextraff_common::wire::WatchedClass::Transit,
        valid_until: UnixMs(n),
    });
    let list = Watchlist { entries: entries.collect() };
    let pages = list.clone().into_pages(Uuid::from_u128(8));
    let mut session = connected();
    let topic = Topic::Watchlist(JUNCTION).to_string();
    let come = |session: &mut Session, page| {
        session.handle_message(&topic, encode(page).as_bytes(), MonoMs(0));
        actions(session)
    };
    for page in &pages[1..] {
        assert_eq!(come(&mut session, page), []);
    }
    // The connection may end in between.
    session.handle_disconnected("gone".to_owned(), MonoMs(5));
    actions(&mut session);
    let whole = Action::Event(LinkEvent::Inbound(Inbound::Watchlist(list)));
    assert_eq!(come(&mut session, &pages[0]), [whole]);
    assert_eq!(come(&mut session, &pages[4]), [], "the retained page says nothing new");
}
