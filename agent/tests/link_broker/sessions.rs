//! A broker that remembers, over its restarts; and a second client with the same id.

use super::support::server::{Received, Server};
use super::support::{Broker, PASSWORD, USER, run};
use super::{Agent, DEVICE, JUNCTION, Process, agent_toml, connections, counts, folder, mqtt};
use flextraff_agent::link::{Inbound, LinkEvent};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{GreenTime, encode};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS, SessionMode, SubscribeFilter};
use std::process::{Command, Stdio};

fn plan(name: &str) -> GreenTime {
    GreenTime {
        junction_id: JUNCTION,
        lane_times: Some(vec![30.0; 4]),
        plan_id: Some(name.to_owned()),
        ..Default::default()
    }
}

fn came(agent: &Agent, name: &str) -> bool {
    agent.seen.contains(&LinkEvent::Inbound(Inbound::GreenTime(plan(name))))
}

/// Leaves a session at the broker under the device's id, that of a client of before, which collects plans while nobody is there.
fn leave_a_session(port: u16) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut options = MqttOptions::new(DEVICE.to_string(), ("127.0.0.1", port));
        options.set_credentials(USER, PASSWORD.as_bytes().to_vec()).set_session_mode(SessionMode::Persistent);
        let (client, mut events) = AsyncClient::builder(options).capacity(10).build();
        let filter = SubscribeFilter::new(Topic::GreenTime(JUNCTION).to_string(), QoS::AtLeastOnce);
        client.try_subscribe_many([filter]).expect("the queue has room");
        while !matches!(events.poll().await, Ok(Event::Incoming(Incoming::SubAck(_)))) {}
        client.disconnect().await.expect("the queue has room");
        while events.poll().await.is_ok() {}
    });
}

#[test]
fn a_broker_that_keeps_its_sessions_over_restarts_costs_no_row_and_delivers_no_old_plan() {
    let folder = folder();
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let lines = format!("persistence true\npersistence_location {}/\nautosave_interval 1", kept.display());
    let mut broker = Broker::start_with(folder.path(), &lines);
    leave_a_session(broker.port);
    let server = Server::start(broker.port);
    server.publish(Topic::GreenTime(JUNCTION), encode(&plan("of yesterday")));
    // The broker has it once it has what came after it.
    server.publish(Topic::Command(JUNCTION, DEVICE), "{}".to_owned());
    server.wait("the broker's answers", |received| received.confirmed >= 2);
    broker.terminate();
    assert!(kept.join("mosquitto.db").exists(), "the broker has kept its sessions");
    broker.restart();
    server.wait("the server", |received| received.connections == 2);

    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    agent.commit((1..=100).map(|n| counts(n * 5000, 2)).collect());
    agent.serve_until("some acks", |agent| agent.pending() < 80);
    for round in 2..4 {
        broker.terminate();
        agent.commit((1..=50).map(|n| counts((round * 1000 + n) * 5000, 2)).collect());
        broker.restart();
        agent.serve_until("the new connection", |agent| connections(agent) == round as usize);
        let name = format!("of restart {round}");
        server.wait("the server", |received| i64::from(received.connections) == round + 1);
        server.publish(Topic::GreenTime(JUNCTION), encode(&plan(&name)));
        agent.serve_until("a plan by the new subscription", |agent| came(agent, &name));
        agent.serve_until("acks for all rows", |agent| agent.pending() == 0);
    }
    assert!(!came(&agent, "of yesterday"));
    server.look(|received| {
        assert_eq!(received.rows.len(), 200);
        for (seq, copies) in &received.rows {
            assert!(copies.iter().all(|copy| *copy == copies[0]), "row {seq} changed between two copies");
        }
    });
    agent.stop();
    server.stop();
}

#[test]
fn a_second_client_with_the_same_id_stands_in_the_status_and_in_monitor_with_the_way_out() {
    let (folder, elsewhere) = (folder(), folder());
    let broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let file = folder.path().join("agent.toml");
    let password = folder.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::write(&file, agent_toml(folder.path(), broker.port, &password)).unwrap();
    let program = env!("CARGO_BIN_EXE_flextraff-agent");
    let child =
        Command::new(program).args(["run", "--config"]).arg(&file).stderr(Stdio::null()).spawn().unwrap();
    let _agent = Process(child);
    let link = |received: &Received| received.status.as_ref().and_then(|(status, _)| status.link.clone());
    server.wait("the agent", |received| link(received).is_some_and(|link| link.taken_over_s.is_none()));
    let mut rival = Agent::start(elsewhere.path(), mqtt(broker.port));
    let told = |received: &Received| {
        link(received).is_some_and(|link| {
            let cause = link.cause.unwrap_or_default();
            link.taken_over_s.is_some()
                && cause.starts_with("another client uses this device id")
                && cause.ends_with("stop the other one, or give it an id of its own")
        })
    };
    let taken_over = |agent: &Agent| {
        agent.seen.iter().any(|event| matches!(event, LinkEvent::Disconnected { taken_over: true, .. }))
    };
    rival.serve_until("the other side", |agent| taken_over(agent));
    server.wait("the status", told);
    let said = |command: &[&str]| {
        let output = Command::new(program).args(command).arg("--config").arg(&file).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = said(&["monitor", "--once"]);
    assert!(shown.contains("(taken over "), "{shown}");
    let checked = said(&["check"]);
    assert!(checked.contains("another client took the connection under this device's id"), "{checked}");
    assert!(checked.contains("rows wait for the server"), "{checked}");
    rival.stop();
    server.stop();
}

impl Broker {
    /// Ends the broker in order, so that it keeps what it is to keep.
    fn terminate(&mut self) {
        run("kill", &["-TERM", &self.pid().to_string()]);
        self.wait();
    }
}
