//! The link and the outbox against a real Mosquitto.

#[path = "link_broker/certificates.rs"]
mod certificates;
#[path = "support/fake_reader.rs"]
mod fake_reader;
#[path = "link_broker/faults.rs"]
mod faults;
#[path = "link_broker/half_open.rs"]
mod half_open;
#[path = "link_broker/readme.rs"]
mod readme;
#[path = "link_broker/sessions.rs"]
mod sessions;
#[path = "support/site.rs"]
mod site;
#[path = "link_broker/split_roles.rs"]
mod split_roles;
mod support;

use flextraff_agent::config::{MqttConfig, Secret};
use flextraff_agent::link::{self, Inbound, LinkEvent, LinkRequest, SessionConfig};
use flextraff_agent::outbox::{Batch, CountsRow, Outbox, RowBody, Setup};
use flextraff_common::ids::{BootId, DeviceId, JunctionId, LaneId, OutboxId};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{self, CommandType, GreenTime, MAX_PAYLOAD, Status, encode};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::server::Server;
use support::{Broker, PASSWORD, PATIENCE, USER};
use uuid::Uuid;

const DEVICE: DeviceId = DeviceId(Uuid::from_u128(1));
const JUNCTION: JunctionId = JunctionId(Uuid::from_u128(2));
/// Set for the child that is to be killed: the port of the broker.
const CHILD_PORT: &str = "FLEXTRAFF_TEST_BROKER_PORT";

#[expect(clippy::disallowed_methods, reason = "a test of real sockets needs a real clock")]
fn clock() -> impl Fn() -> Moment {
    let start = Instant::now();
    move || {
        let mono = start.elapsed().as_millis() as i64;
        Moment { mono: MonoMs(mono), wall: UnixMs(1_800_000_000_000 + mono), clock: ClockState::Synced }
    }
}

fn mqtt(port: u16) -> MqttConfig {
    MqttConfig {
        host: "127.0.0.1".to_owned(),
        port,
        tls: false,
        username: Some(USER.to_owned()),
        password: Some(Secret(PASSWORD.to_owned())),
        password_file: None,
        ca_file: None,
        cert_file: None,
        key_file: None,
    }
}

/// What joins outbox and link in the agent, in one thread.
struct Agent {
    outbox: Outbox,
    requests: tokio::sync::mpsc::Sender<LinkRequest>,
    events: Receiver<LinkEvent>,
    link: JoinHandle<()>,
    clock: Box<dyn Fn() -> Moment>,
    seen: Vec<LinkEvent>,
}

impl Agent {
    fn start(folder: &Path, mqtt: MqttConfig) -> Self {
        Self::start_at(folder, mqtt, UnixMs(0), clock)
    }

    /// With another clock, whose time is at least `earliest`.
    fn start_at<C: Fn() -> Moment + 'static>(
        folder: &Path,
        mqtt: MqttConfig,
        earliest: UnixMs,
        clock_of: fn() -> C,
    ) -> Self {
        let clock = clock_of();
        let setup = Setup {
            path: folder.join("outbox.db"),
            max_bytes: 100_000_000,
            device: DEVICE,
            junction: JUNCTION,
            new_outbox_id: OutboxId(Uuid::from_u128(3)),
            boot: BootId(Uuid::from_u128(4)),
            gives_up: false,
        };
        let outbox = Outbox::open(&setup, &clock()).expect("the outbox opens");
        let (requests, take) = tokio::sync::mpsc::channel(64);
        let (tell, events) = mpsc::channel();
        let config = SessionConfig {
            device: DEVICE,
            junction: JUNCTION,
            linked: Vec::new(),
            outbox: outbox.outbox_id(),
            seed: 5,
        };
        let link = std::thread::spawn(move || {
            // The test may have seen enough.
            let emit = |event| drop(tell.send(event));
            link::run(&mqtt, config, earliest, &mut take.into(), emit, clock_of()).expect("the link runs");
        });
        Self { outbox, requests, events, link, clock: Box::new(clock), seen: Vec::new() }
    }

    fn ask(&self, request: LinkRequest) {
        self.requests.try_send(request).expect("the link takes requests");
    }

    fn commit(&mut self, rows: Vec<RowBody>) {
        let now = (self.clock)();
        self.outbox.commit(&Batch { rows, ..Batch::default() }, &now).expect("the disk has room");
        self.ask(LinkRequest::RowsWaiting);
    }

    fn pending(&self) -> u64 {
        self.outbox.status(&(self.clock)()).expect("the outbox can be read").rows
    }

    /// Serves the link until `done`.
    fn serve_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let started = (self.clock)().mono;
        while !done(self) {
            assert!(
                (self.clock)().mono.since(started) < PATIENCE.as_millis() as i64,
                "{what}: too late; {:?}",
                self.seen
            );
            let event = match self.events.recv_timeout(Duration::from_millis(20)) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => panic!("the link ended"),
            };
            match event {
                LinkEvent::NeedRows { room, in_flight } => {
                    let now = (self.clock)();
                    let rows = self.outbox.next(room, &in_flight, &now).expect("the outbox can be read");
                    self.ask(LinkRequest::Rows(rows));
                }
                LinkEvent::Ack(ack) => {
                    self.outbox.handle_ack(&ack).expect("the outbox can be written");
                }
                other => self.seen.push(other),
            }
        }
    }

    fn stop(self) {
        self.ask(LinkRequest::Stop);
        self.link.join().expect("the link ends by itself");
    }
}

fn disconnected(agent: &Agent, words: &str) -> bool {
    agent
        .seen
        .iter()
        .any(|event| matches!(event, LinkEvent::Disconnected { reason, .. } if reason.contains(words)))
}

fn connections(agent: &Agent) -> usize {
    agent.seen.iter().filter(|event| **event == LinkEvent::Connected).count()
}

fn counts(end: i64, vehicles: usize) -> RowBody {
    RowBody::CarCounts(CountsRow {
        lane_id: LaneId(Uuid::from_u128(7)),
        start: MonoMs(end - 5000),
        end: MonoMs(end),
        epc_ids: (0..vehicles).map(|vehicle| format!("{vehicle:024X}")).collect(),
        observed_s: 5.0,
        departed: 0,
        present: Some(0),
        other_tags: None,
        passages: Vec::new(),
        departures: Vec::new(),
    })
}

fn status() -> Status {
    let json = format!("{{\"device_id\":\"{DEVICE}\",\"online\":true,\"software_version\":\"1.2.3\"}}");
    serde_json::from_str(&json).expect("a status")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

#[test]
fn rows_go_up_and_are_confirmed_plans_come_down_and_the_goodbye_is_heard() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    agent.ask(LinkRequest::Status(Box::new(status())));
    // The largest message that an interval can make, and many small ones.
    agent.commit(std::iter::once(counts(5000, 1000)).chain((2..100).map(|n| counts(n * 5000, 3))).collect());
    agent.serve_until("acks for all rows", |agent| agent.pending() == 0);
    server.look(|received| assert_eq!(received.rows.len(), 99));
    server.wait("the status", |received| {
        received
            .status
            .as_ref()
            .is_some_and(|(status, _)| status.software_version.as_deref() == Some("1.2.3"))
    });
    let plan = GreenTime { junction_id: JUNCTION, lane_times: Some(vec![30.0; 4]), ..Default::default() };
    server.publish(Topic::GreenTime(JUNCTION), encode(&plan));
    let came = LinkEvent::Inbound(Inbound::GreenTime(plan));
    agent.serve_until("the plan", |agent| agent.seen.contains(&came));
    server.publish(Topic::Keys(JUNCTION, DEVICE), "x".repeat(MAX_PAYLOAD + 10_000));
    agent.serve_until("the refusal", |agent| {
        agent.seen.iter().any(|event| {
            matches!(event, LinkEvent::Inbound(Inbound::Unreadable { reason, .. }) if reason.contains("too many"))
        })
    });
    assert_eq!(connections(&agent), 1);
    agent.stop();
    server.wait("the goodbye", |received| received.status.as_ref().is_some_and(|(status, _)| !status.online));
    server.stop();
}

#[test]
fn a_killed_broker_that_forgets_everything_costs_no_row() {
    let folder = folder();
    let mut broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    for round in 0..3 {
        let first = round * 200;
        agent.commit((first + 1..=first + 200).map(|n| counts(n * 5000, 2)).collect());
        agent.serve_until("some rows", |agent| agent.pending() < 180);
        broker.kill();
        agent.commit(vec![counts((first + 1) * 5000 + 1, 1)]);
        broker.restart();
        agent.serve_until("the new connection", |agent| connections(agent) >= round as usize + 2);
    }
    agent.serve_until("acks for all rows", |agent| agent.pending() == 0);
    server.look(|received| {
        assert_eq!(received.rows.len(), 603);
        for (seq, copies) in &received.rows {
            assert!(copies.iter().all(|copy| *copy == copies[0]), "row {seq} changed between two copies");
        }
    });
    agent.stop();
    server.stop();
}

#[test]
fn a_broker_that_comes_up_last_is_found() {
    let folder = folder();
    let mut broker = Broker::start(folder.path());
    broker.kill();
    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    agent.commit(vec![counts(5000, 1)]);
    agent.serve_until("the refused attempt", |agent| disconnected(agent, "the broker cannot be reached"));
    broker.restart();
    let server = Server::start(broker.port);
    agent.serve_until("the ack", |agent| agent.pending() == 0);
    agent.stop();
    server.stop();
}

#[test]
fn a_wrong_password_is_named() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let wrong = MqttConfig { password: Some(Secret("wrong".to_owned())), ..mqtt(broker.port) };
    let mut agent = Agent::start(folder.path(), wrong);
    let words = "the broker refuses this user name and password";
    agent.serve_until("the refusal", |agent| disconnected(agent, words));
    agent.stop();
}

#[test]
fn two_agents_with_one_id_are_told_so() {
    let (first, second) = (folder(), folder());
    let broker = Broker::start(first.path());
    let rival = Agent::start(second.path(), mqtt(broker.port));
    let mut agent = Agent::start(first.path(), mqtt(broker.port));
    agent.serve_until("the takeover", |agent| disconnected(agent, "another client uses this device id"));
    agent.stop();
    rival.stop();
}

#[test]
fn a_refused_subscription_does_not_keep_rows_back() {
    let folder = folder();
    let rights = folder.path().join("rights");
    let text = format!(
        "user {USER}\ntopic readwrite flextraff/+/+/car-counts\ntopic readwrite flextraff/+/ack/#\ntopic readwrite flextraff/+/status/#\n"
    );
    std::fs::write(&rights, text).unwrap();
    let broker = Broker::start_with(folder.path(), &format!("acl_file {}", rights.display()));
    let server = Server::start(broker.port);
    let mut agent = Agent::start(folder.path(), mqtt(broker.port));
    agent.commit(vec![counts(5000, 1)]);
    agent.serve_until("the ack", |agent| agent.pending() == 0);
    agent.stop();
    server.stop();
}

#[test]
fn a_missing_certificate_is_named() {
    let folder = folder();
    let missing = MqttConfig { tls: true, ca_file: Some(PathBuf::from("/nowhere/ca.pem")), ..mqtt(1) };
    let mut agent = Agent::start(folder.path(), missing);
    agent.serve_until("the refusal", |agent| disconnected(agent, "/nowhere/ca.pem cannot be read"));
    agent.stop();
}

#[test]
fn both_sides_show_their_certificates() {
    let folder = folder();
    let file = |name: &str| folder.path().join(name);
    let make = |name: &str, subject: &str, more: &[&str]| {
        support::certificate(folder.path(), name, subject, more);
    };
    make("ca", "/CN=Test authority", &[]);
    let (ca, ca_key) = (file("ca.pem"), file("ca.key"));
    let signed = [
        "-CA",
        support::path(&ca),
        "-CAkey",
        support::path(&ca_key),
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ];
    make("broker", "/CN=localhost", &[&signed[..], &["-addext", "subjectAltName=IP:127.0.0.1"]].concat());
    make("device", &format!("/CN={DEVICE}"), &signed);
    let lines = format!(
        "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
        ca.display(),
        file("broker.pem").display(),
        file("broker.key").display()
    );
    let broker = Broker::start_with(folder.path(), &lines);
    let bare = MqttConfig { tls: true, ca_file: Some(ca), ..mqtt(broker.port) };
    let known = MqttConfig {
        cert_file: Some(file("device.pem")),
        key_file: Some(file("device.key")),
        ..bare.clone()
    };
    let mut agent = Agent::start(folder.path(), known);
    agent.serve_until("the connection", |agent| connections(agent) == 1);
    agent.stop();
    let mut agent = Agent::start(folder.path(), bare);
    agent.serve_until("the refusal", |agent| disconnected(agent, "cert_file and key_file"));
    assert_eq!(connections(&agent), 0);
    agent.stop();
}

#[test]
fn whoever_is_killed_is_reported_offline_by_the_broker() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let mut child = Command::new(std::env::current_exe().expect("a test knows its file"))
        .args(["--exact", "child_that_is_killed", "--nocapture", "--ignored"])
        .env(CHILD_PORT, broker.port.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test can start itself");
    let output = BufReader::new(child.stdout.take().expect("its output is piped"));
    assert!(output.lines().map_while(Result::ok).any(|line| line.contains("child is online")));
    child.kill().expect("the child runs");
    child.wait().expect("a killed child ends");
    let offline = |received: &support::server::Received| {
        received.status.as_ref().is_some_and(|(status, _)| !status.online && status.device_id == DEVICE)
    };
    let server = Server::start(broker.port);
    server.wait("the last will", offline);
    server.stop();
    let later = Server::start(broker.port);
    later.wait("the retained last will", offline);
    later.look(|received| assert!(received.status.as_ref().is_some_and(|(_, retained)| *retained)));
    later.stop();
}

/// A configuration of two lanes whose files all lie in a folder; keys of `[mqtt]` may follow.
fn agent_toml(folder: &Path, port: u16, password: &Path) -> String {
    format!(
        "[junction]\nid = \"{JUNCTION}\"\n[device]\nid = \"{DEVICE}\"\n\
         [[lane]]\nid = \"{DEVICE}\"\nname = \"N\"\n[[lane]]\nid = \"{JUNCTION}\"\nname = \"E\"\n\
         [[stage]]\nname = \"N\"\nlanes = [\"N\"]\n[[stage]]\nname = \"E\"\nlanes = [\"E\"]\n\
         [outbox]\npath = \"{0}/outbox.sqlite\"\n[console]\nsocket = \"{0}/agent.sock\"\n\
         [mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nusername = \"{USER}\"\npassword_file = \"{1}\"\n",
        folder.display(),
        password.display()
    )
}

/// Ends with the test, whatever becomes of it.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_running_agent_goes_to_another_broker_and_reloads_when_the_server_asks() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let (file, password) = (folder.path().join("agent.toml"), folder.path().join("password"));
    let write = |port: u16, more: &str| {
        let text = agent_toml(folder.path(), port, &password) + more;
        std::fs::write(&file, text).expect("the folder is writable");
    };
    std::fs::write(&password, "wrong").unwrap();
    write(1, "");
    let child = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
        .args(["run", "--config"])
        .arg(&file)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent starts");
    let mut agent = Process(child);
    let mut log = BufReader::new(agent.0.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let mut logged = |text: &str| {
        log.find(|line| line.contains(text)).unwrap_or_else(|| panic!("the log ends before: {text}"))
    };
    let hup = |agent: &Process| {
        let pid = rustix::process::Pid::from_child(&agent.0);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("it runs");
    };
    logged("not connected to the broker");
    write(broker.port, "");
    hup(&agent);
    logged("changed: mqtt.url");
    logged("not connected to the broker");
    // The same file with another password.
    std::fs::write(&password, PASSWORD).unwrap();
    hup(&agent);
    let said = logged("changed: mqtt.password_file");
    assert!(!said.contains(PASSWORD), "{said}");
    let online = |received: &support::server::Received| {
        received.status.as_ref().is_some_and(|(status, _)| status.online && status.device_id == DEVICE)
    };
    server.wait("the agent", online);

    let reload = |id: &str| {
        let command = wire::Command {
            id: id.to_owned(),
            command: CommandType::Reload,
            expires_at: UnixMs(4_000_000_000_000),
        };
        server.publish(Topic::Command(JUNCTION, DEVICE), encode(&command));
        server.wait("the reply", |received| received.replies.iter().any(|reply| reply.id == id));
        server.look(|received| received.replies.last().cloned().expect("it has come"))
    };
    write(broker.port, "[counting]\naccept = \"all\"\n");
    let reply = reload("1");
    assert_eq!((reply.ok, reply.detail.as_str()), (true, "changed: counting.accept"));
    write(broker.port, "[counting]\naccept = \"none\"\n");
    let reply = reload("2");
    assert!(!reply.ok && reply.detail.contains("accept of [counting] is \"none\""), "{reply:?}");
    write(broker.port, "[counting]\naccept = \"all\"\n[signal]\namber_s = 4.0\n");
    let reply = reload("3");
    assert_eq!(reply.detail, "a restart is needed for signal.amber_s; nothing has changed");
    server.stop();
}

#[test]
#[ignore = "runs only as the child of another test"]
fn child_that_is_killed() {
    let Ok(port) = std::env::var(CHILD_PORT) else { return };
    let folder = folder();
    let mut agent = Agent::start(folder.path(), mqtt(port.parse().unwrap()));
    agent.ask(LinkRequest::Status(Box::new(status())));
    agent.serve_until("the connection", |agent| connections(agent) == 1);
    println!("child is online");
    agent.serve_until("the end", |_| false);
}
