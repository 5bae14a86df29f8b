//! A connection that is dead while neither end has been told.

use super::support::proxy::{Frozen, Proxy};
use super::support::server::Server;
use super::support::{Broker, PATIENCE};
use super::{Agent, JUNCTION, connections, counts, disconnected, folder, mqtt};
use flextraff_agent::link::LinkRequest;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::topics::Topic;
use std::sync::mpsc;
use std::time::Duration;

/// One and a half keep-alives of 15 s, and what a loaded machine takes.
const NOTICED_MS: i64 = 22_500 + 7_500;

/// A light controller has always something to say that nobody answers.
fn chatter(agent: &Agent) -> mpsc::Sender<()> {
    let (until, ended) = mpsc::channel();
    let requests = agent.requests.clone();
    std::thread::spawn(move || {
        while ended.recv_timeout(Duration::from_secs(2)) == Err(mpsc::RecvTimeoutError::Timeout) {
            let signal = LinkRequest::Live(Topic::Signal(JUNCTION), "{}".to_owned());
            if requests.try_send(signal).is_err() {
                return;
            }
        }
    });
    until
}

fn noticed_and_nothing_lost(frozen: Frozen, rows: i64) {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let proxy = Proxy::start(broker.port);
    let mut agent = Agent::start(folder.path(), mqtt(proxy.port));
    agent.commit((1..=20).map(|n| counts(n * 5000, 2)).collect());
    agent.serve_until("the first acks", |agent| agent.pending() == 0);
    let _talks = chatter(&agent);
    proxy.freeze(frozen);
    if rows > 0 {
        agent.commit((21..=20 + rows).map(|n| counts(n * 5000, 2)).collect());
    }
    let since: MonoMs = (agent.clock)().mono;
    agent.serve_until("the end of the connection", |agent| disconnected(agent, "no longer answers"));
    let noticed = (agent.clock)().mono.since(since);
    assert!(noticed < NOTICED_MS, "noticed after {noticed} ms");
    agent.serve_until("the new connection", |agent| connections(agent) == 2);
    assert_eq!(proxy.connections(), 2);
    agent.serve_until("acks for all rows", |agent| agent.pending() == 0);
    server.look(|received| {
        assert_eq!(received.rows.len() as i64, 20 + rows);
        for (seq, copies) in &received.rows {
            assert!(copies.iter().all(|copy| *copy == copies[0]), "row {seq} changed between two copies");
        }
        let repeated = received.rows.values().filter(|copies| copies.len() > 1).count();
        // What arrived before its ack was lost comes a second time, as the same message; the server stores it once.
        assert_eq!(repeated > 0, frozen == Frozen::Down, "{repeated} rows came twice");
    });
    agent.stop();
    server.stop();
}

#[test]
fn a_half_open_connection_is_noticed_and_costs_no_row() {
    noticed_and_nothing_lost(Frozen::Both, 50);
}

#[test]
fn a_half_open_connection_is_noticed_while_only_unanswered_messages_go_out() {
    noticed_and_nothing_lost(Frozen::Both, 0);
}

#[test]
fn a_connection_from_which_no_answer_comes_is_noticed_and_rows_come_twice_as_the_same() {
    noticed_and_nothing_lost(Frozen::Down, 20);
}

#[test]
fn a_quiet_connection_stays() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    agent.serve_until("the connection", |agent| connections(agent) == 1);
    let since = (agent.clock)().mono;
    // Longer than a keep-alive and a half: who falls silent without need would be thrown out, or give up, by then.
    let wait = 50_000;
    assert!(i64::try_from(PATIENCE.as_millis()).is_ok_and(|patience| wait < patience));
    agent.serve_until("the time", |agent| {
        assert!(!disconnected(agent, ""), "{:?}", agent.seen);
        (agent.clock)().mono.since(since) > wait
    });
    agent.stop();
}
