//! Three devices of one junction: two that only count, each with the reader of a lane, and one without readers that drives the lamps by what they
//! tell. All are processes, and only the broker is between them.

use super::support::server::{Received, Server};
use super::support::{Broker, PASSWORD, PATIENCE, USER};
use super::{JUNCTION, Process, folder};
use flextraff_common::ids::DeviceId;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{ControlLevel, PlanState, ReaderSight, Status, decode};
use serialport::{SerialPort as _, TTYPort};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use uuid::Uuid;

const COUNTER_OF_N: DeviceId = DeviceId(Uuid::from_u128(11));
const COUNTER_OF_E: DeviceId = DeviceId(Uuid::from_u128(12));
const CONTROLLER: DeviceId = DeviceId(Uuid::from_u128(13));
const LANES: [Uuid; 2] = [Uuid::from_u128(21), Uuid::from_u128(22)];
/// Invented FASTags.
const TAGS: [&str; 4] = [
    "34161FA8203E7CB202000020",
    "34161FA8203E7CB202000040",
    "34161FA8203E7CB202000060",
    "34161FA8203E7CB202000080",
];

/// A running device, and what it says in its log.
struct Device {
    _process: Process,
    log: Receiver<String>,
}

impl Device {
    /// `own`: its sections beside those that all three share.
    fn start(folder: &Path, port: u16, id: DeviceId, kind: &str, own: &str) -> Self {
        let folder = folder.join(id.to_string());
        std::fs::create_dir_all(&folder).expect("the folder is writable");
        std::fs::write(folder.join("password"), PASSWORD).expect("the folder is writable");
        let text = format!(
            "[junction]\nid = \"{JUNCTION}\"\n[device]\nid = \"{id}\"\ntype = \"{kind}\"\n\
             [[lane]]\nid = \"{n}\"\nname = \"N\"\n[[lane]]\nid = \"{e}\"\nname = \"E\"\n\
             [[stage]]\nname = \"N\"\nlanes = [\"N\"]\nmin_green_s = 5\nskip = true\n[[stage]]\nname = \"E\"\nlanes = [\"E\"]\nmin_green_s = 5\nskip = true\n\
             [outbox]\npath = \"{0}/outbox.sqlite\"\n[console]\nsocket = \"{0}/agent.sock\"\n[clock]\ntrust = \"always\"\n\
             [counting]\ninterval_s = 1\nsettle_ms = 100\n\
             [mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nusername = \"{USER}\"\npassword_file = \"{0}/password\"\n{own}",
            folder.display(),
            n = LANES[0],
            e = LANES[1],
        );
        std::fs::write(folder.join("agent.toml"), text).expect("the folder is writable");
        let mut child = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
            .args(["run", "--config"])
            .arg(folder.join("agent.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let (tell, log) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let device = Self { _process: Process(child), log };
        device.says("agent is running");
        device
    }

    /// One that only counts, with a reader of a lane.
    fn counter(folder: &Path, port: u16, id: DeviceId, lane: &str) -> (Self, Street) {
        let (street, slave) = TTYPort::pair().expect("a pseudo-terminal");
        let own = format!(
            "[[reader]]\nname = \"{lane}\"\nport = \"{}\"\nprotocol = \"ascii\"\nlanes = {{ default = \"{lane}\" }}\n",
            slave.name().expect("a slave has a name")
        );
        (Self::start(folder, port, id, "rfid_counter", &own), Street { street, _slave: slave })
    }

    /// Waits for a line of its log.
    fn says(&self, text: &str) {
        let mut seen = Vec::new();
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("never: {text}; the log has {seen:#?}"));
            if line.contains(text) {
                return;
            }
            seen.push(line);
        }
    }
}

/// What a reader sees.
struct Street {
    street: TTYPort,
    _slave: TTYPort,
}

impl Street {
    fn read(&mut self, tag: &str) {
        self.street.write_all(format!("{tag}\r\n").as_bytes()).expect("the reader's line is open");
    }
}

/// What the heads of N and E show at a time of the light controller, milliseconds.
type Shown = (i64, String, String);

/// Takes vectors until one is as wanted; whatever comes on the way never lets both go.
fn until(lamps: &UnixDatagram, what: &str, mut wanted: impl FnMut(&Shown) -> bool) -> Shown {
    let mut buffer = [0; 4096];
    for _ in 0..400 {
        let length =
            lamps.recv(&mut buffer).unwrap_or_else(|error| panic!("no lamps before {what}: {error}"));
        let vector: serde_json::Value = serde_json::from_slice(&buffer[..length]).expect("a vector is JSON");
        let aspect = |lane: &str| vector["lamps"][lane].as_str().expect("an aspect").to_owned();
        let shown = (vector["mono_ms"].as_i64().expect("it says when"), aspect("N"), aspect("E"));
        let stops = [&shown.1, &shown.2].iter().any(|aspect| *aspect == "red");
        assert!(stops || shown.1.starts_with("flash"), "nobody stops: {shown:?}");
        if wanted(&shown) {
            return shown;
        }
    }
    panic!("never: {what}");
}

fn has_green(lane: usize) -> impl FnMut(&Shown) -> bool {
    move |shown| [&shown.1, &shown.2][lane] == "green"
}

fn of_controller(received: &Received) -> Option<&Status> {
    received.statuses.get(&CONTROLLER)
}

/// Vehicles that a device has counted, by the lane's id.
fn counted(received: &Received, device: DeviceId) -> Vec<(String, u64)> {
    let rows = received.rows.values().flatten();
    let rows = rows.filter_map(|row| decode::<serde_json::Value>(row).ok());
    rows.filter(|row| row["device_id"] == device.to_string() && row["vehicle_count"].as_u64() > Some(0))
        .map(|row| {
            (
                row["lane_id"].as_str().unwrap_or_default().to_owned(),
                row["vehicle_count"].as_u64().unwrap_or(0),
            )
        })
        .collect()
}

#[test]
fn a_light_controller_serves_what_two_counters_read_and_goes_on_without_one_of_them() {
    let folder = folder();
    let broker = Broker::start(folder.path());
    let server = Server::start(broker.port);
    let lamps = UnixDatagram::bind(folder.path().join("lamps.sock")).expect("a socket in an own folder");
    lamps.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let own = format!(
        "[output]\ndriver = \"virtual\"\nsocket = \"{}/lamps.sock\"\n[signal]\nstartup_flash_s = 0\nstartup_all_red_s = 5\n",
        folder.path().display()
    );
    let controller = Device::start(folder.path(), broker.port, CONTROLLER, "light_controller", &own);
    let (_north, mut at_north) = Device::counter(folder.path(), broker.port, COUNTER_OF_N, "N");
    let (east, mut at_east) = Device::counter(folder.path(), broker.port, COUNTER_OF_E, "E");
    let first = until(&lamps, "the first green", has_green(0));
    at_north.read(TAGS[0]);
    server.wait("tactical control by what the counters tell", |received| {
        let level = of_controller(received).and_then(|status| status.controller.as_ref()?.level);
        level == Some(ControlLevel::RollingHorizon)
    });

    // Somebody comes at the one that watches E, and only then.
    until(&lamps, "N long after its shortest green", |shown| {
        assert_eq!(shown.1, "green", "nobody asks for E");
        shown.0 - first.0 >= 12_000
    });
    at_east.read(TAGS[1]);
    let green = until(&lamps, "green for who was read at the other device", has_green(1));
    assert!(green.0 - first.0 < 25_000, "before the 25 s of a signal that knows nobody are over: {green:?}");
    at_north.read(TAGS[2]);
    until(&lamps, "green for who was read at N", has_green(0));

    server.wait("the counts of both", |received| {
        counted(received, COUNTER_OF_N) == [(LANES[0].to_string(), 1), (LANES[0].to_string(), 1)]
            && counted(received, COUNTER_OF_E) == [(LANES[1].to_string(), 1)]
    });
    server.look(|received| assert!(counted(received, CONTROLLER).is_empty()));

    // Of a newer server, say: the sender hears of it from the device that would have carried it out.
    let unreadable = format!("{{\"v\":2,\"junction_id\":\"{JUNCTION}\",\"plan_id\":\"newer\"}}");
    server.publish(Topic::GreenTime(JUNCTION), unreadable);
    server.wait("the refusal of a plan that cannot be read", |received| {
        let plan = of_controller(received).and_then(|status| status.plan.as_ref());
        plan.is_some_and(|plan| {
            (plan.state, plan.plan_id.as_deref()) == (PlanState::Refused, Some("newer"))
                && plan.reasons[0].contains("version 2 is newer")
        })
    });
    let of_counters = [COUNTER_OF_N, COUNTER_OF_E];
    server.look(|received| {
        assert!(of_counters.iter().all(|id| received.statuses[id].plan.is_none()), "they have no say in it");
    });

    drop(east);
    server.wait("the last will", |received| {
        received.statuses.get(&COUNTER_OF_E).is_some_and(|status| !status.online)
    });
    controller.says("another device of this junction is no longer heard");
    server.wait("that nobody watches E", |received| {
        let estimates = of_controller(received).and_then(|status| status.estimates.as_ref());
        let sight = |lane: &str| Some(estimates?.lanes.get(lane)?.stop_reader?.state);
        sight("E") == Some(ReaderSight::Down) && sight("N") == Some(ReaderSight::Works)
    });
    // Unwatched is not empty: E is served, and so is N, whose counter goes on.
    until(&lamps, "green for the lane that nobody watches", has_green(1));
    at_north.read(TAGS[3]);
    until(&lamps, "green for who was read at N", has_green(0));
    server.wait("the count of the one that is left", |received| counted(received, COUNTER_OF_N).len() == 3);
    server.look(|received| {
        let fault = of_controller(received).and_then(|status| status.controller.as_ref()?.fault.clone());
        assert_eq!(fault, None);
    });
    let (_east, _at_east) = Device::counter(&folder.path().join("again"), broker.port, COUNTER_OF_E, "E");
    controller.says("another device of this junction is heard again");
}
