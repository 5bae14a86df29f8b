//! The orchestrator with stand-ins: server and agents are shell scripts that wait for their end, and this test does on their behalf what
//! the orchestrator looks at. The readers' pseudo-terminals, the lamps' sockets and `mosquitto_passwd` are real.

use flextraff_agent::config::ReaderConfig;
use flextraff_agent::reader::source::Source;
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ZoneName;
use flextraff_simulator::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

const WAITS: &str = "#!/bin/sh\ntrap 'kill $!; exit 0' TERM\nsleep 600 &\nwait\n";
const SERVER: &str =
    "#!/bin/sh\n[ \"$1\" = junction ] && exit 0\ntrap 'kill $!; exit 0' TERM\nsleep 600 &\nwait\n";

/// A folder with the stand-ins, and a process that takes the broker's place.
struct Stage {
    dir: tempfile::TempDir,
    broker: Child,
}

impl Stage {
    fn new(server: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        // SIGHUP ends it, also where whoever runs the tests ignores that.
        let sleep = ["--default-signal=HUP", "sleep", "600"];
        let broker = Command::new("env").args(sleep).spawn().expect("sleep starts");
        let stage = Self { dir, broker };
        stage.script("server", server);
        stage.script("agent", WAITS);
        stage.script(
            "bin/psql",
            "#!/bin/sh\ncase \"$*\" in *edge_devices*) exec cat \"$STAND_IN/devices\" ;; *) exec cat \"$STAND_IN/totals\" ;; esac\n",
        );
        fs::write(stage.path("passwd"), "server:$7$101$x$y\n").expect("a file");
        fs::write(stage.path("acl"), "user server\ntopic readwrite flextraff/#\n").expect("a file");
        fs::write(stage.path("devices"), "[]").expect("a file");
        fs::write(stage.path("totals"), r#"{"plans_applied": 6, "cycles_recorded": 1, "dead_letters": 0}"#)
            .expect("a file");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("rights");
    }

    /// The demo; every test has a port of its own, since they run side by side.
    fn demo(&self, port: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flextraff-simulator"));
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(["demo", "--keep", "--port", port])
            .arg("--dir")
            .arg(self.path("demo"))
            .arg("--agent")
            .arg(self.path("agent"))
            .arg("--server")
            .arg(self.path("server"))
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("STAND_IN", self.dir.path())
            .env("FLEXTRAFF_DATABASE__URL", "postgresql://flextraff:secret@127.0.0.1:1/flextraff")
            .env("FLEXTRAFF_MQTT__URL", "mqtt://server:secret@127.0.0.1:1")
            .env("FLEXTRAFF_MOSQUITTO_PID", self.broker.id().to_string())
            .env("FLEXTRAFF_MOSQUITTO_PORT", "1")
            .env("FLEXTRAFF_MOSQUITTO_CONF", self.path("conf"))
            .env("FLEXTRAFF_MOSQUITTO_PASSWD", self.path("passwd"))
            .env("FLEXTRAFF_MOSQUITTO_ACL", self.path("acl"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// Waits for a condition at most so long.
fn until(seconds: i64, mut condition: impl FnMut() -> bool) -> bool {
    let clock = Clock::start();
    let (_keep, never) = channel::<()>();
    while clock.now().0 < seconds * 1000 {
        if condition() {
            return true;
        }
        let _ = never.recv_timeout(Duration::from_millis(20));
    }
    false
}

/// Answers as the server's HTTP interface does, on the port that the demo's configuration names.
fn serve(demo: &Path, ended: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (config, ended) = (demo.join("server.toml"), Arc::clone(ended));
    spawn(move || {
        let mut address = None;
        until(20, || {
            let table: Option<toml::Table> =
                fs::read_to_string(&config).ok().and_then(|text| text.parse().ok());
            address = table.and_then(|table| Some(table.get("http")?.get("bind")?.as_str()?.to_owned()));
            address.is_some()
        });
        let listener = TcpListener::bind(address.expect("a server.toml appears")).expect("the port is free");
        listener.set_nonblocking(true).expect("a socket option");
        until(90, || {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(false).expect("a socket option");
                answer(stream);
            }
            ended.load(Ordering::Acquire)
        });
    })
}

fn answer(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut head) = (String::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        head.push_str(&line);
        line.clear();
    }
    let length = head.to_lowercase();
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).expect("the body");
    let (status, answer) = match head.split(' ').nth(1).expect("a path") {
        "/health" => (200, json!({"status": "healthy"})),
        "/api/users/register" => (201, json!({"username": "admin"})),
        "/api/users/token" => (200, json!({"access_token": "t", "token_type": "bearer"})),
        "/api/junctions/" if head.contains("Bearer t") => {
            let junction = |number| json!({"junction_name": format!("{number}"), "status": "online"});
            (200, (1..=6).map(junction).collect())
        }
        _ => (404, json!({"detail": "Not Found"})),
    };
    let answer = answer.to_string();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    let _ = reader.get_mut().write_all((head + &answer).as_bytes());
}

/// Does an agent's work: shows red, reads its ports. Returns the device and how many different tags it heard whole.
fn act(config: PathBuf, ended: &Arc<AtomicBool>) -> JoinHandle<(String, usize)> {
    let ended = Arc::clone(ended);
    spawn(move || {
        let mut table = None;
        until(20, || {
            table = fs::read_to_string(&config).ok().and_then(|text| text.parse::<toml::Table>().ok());
            table.as_ref().is_some_and(|table| table.contains_key("fallback"))
        });
        let table = table.expect("an agent.toml appears");
        let socket = table["output"]["socket"].as_str().expect("a path").to_owned();
        let mut ports: Vec<File> = Vec::new();
        for reader in table["reader"].as_array().expect("readers") {
            let path = reader["port"].as_str().expect("a path");
            let mut options = OpenOptions::new();
            options.read(true).write(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
            ports.push(options.open(path).expect("the port opens"));
        }
        let agent = UnixDatagram::unbound().expect("a socket");
        let mut streams = vec![Vec::new(); ports.len()];
        until(60, || {
            let vector = br#"{"mono_ms": 1, "lamps": {"N": "red", "S": "red", "E": "red", "W": "red"}}"#;
            let _ = agent.send_to(vector, &socket);
            for (port, stream) in ports.iter_mut().zip(&mut streams) {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = port.read(&mut buffer) {
                    stream.extend_from_slice(&buffer[..count]);
                }
            }
            ended.load(Ordering::Acquire)
        });
        let text = fs::read_to_string(&config).expect("it was there");
        let readers = flextraff_agent::config::parse(&config, &text).expect("it is right").readers;
        let heard = readers.iter().zip(&streams);
        let tags: BTreeSet<Epc> = heard.flat_map(|(reader, stream)| whole_tags(reader, stream)).collect();
        (table["device"]["id"].as_str().expect("an id").to_owned(), tags.len())
    })
}

/// FASTags that a reader's agent finds in its stream of bytes at the stop line.
fn whole_tags(reader: &ReaderConfig, stream: &[u8]) -> Vec<Epc> {
    let mut source = Source::new(reader).expect("its protocol is built");
    let mut reads = source.feed(stream, MonoMs(0));
    reads.extend(source.handle_timeout(MonoMs(60_000)));
    let counts = reads.iter().filter(|read| read.zone == ZoneName::StopLine && read.epc.is_fastag());
    counts.map(|read| read.epc).collect()
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("no summary: {output:?}"))
}

#[test]
fn a_run_starts_everything_plays_the_street_and_sums_up() {
    let mut stage = Stage::new(SERVER);
    let ended = Arc::new(AtomicBool::new(false));
    let dir = stage.path("demo");
    let child = stage.demo("18760", &["--for", "4", "--seed", "2"]).spawn().unwrap();
    let server = serve(&dir, &ended);
    let agents: Vec<_> =
        (1..=6).map(|number| act(dir.join(format!("agents/{number}/agent.toml")), &ended)).collect();
    // The stand-in for the server's records: every agent made and delivered eight messages.
    let city = dir.join("city.json");
    assert!(until(20, || fs::read_to_string(&city)
        .is_ok_and(|text| serde_json::from_str::<Value>(&text).is_ok())));
    let file: Value = serde_json::from_str(&fs::read_to_string(&city).unwrap()).unwrap();
    let devices: Vec<Value> = file["junctions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|junction| {
            let device = &junction["devices"][0]["device_id"];
            json!({
                "device_id": device, "counts_committed": 8, "counts_dropped": 0, "vehicles_counted": 0,
                "status": {
                    "device_id": device, "online": true,
                    "outbox": {"rows": 0, "oldest_s": 0, "bytes": 1, "dropped": 0, "parked": 0, "counts_made": 8},
                    "controller": {"state": "all_red", "mode": "automatic", "fault": null, "interlock_trips": 0},
                },
            })
        })
        .collect();
    fs::write(stage.path("devices"), serde_json::to_string(&devices).unwrap()).unwrap();

    let output = child.wait_with_output().unwrap();
    ended.store(true, Ordering::Release);
    let heard: usize = agents.into_iter().map(|agent| agent.join().unwrap().1).sum();
    let text = String::from_utf8_lossy(&output.stdout);
    let summary = last_line(&output);
    assert!(text.contains("Dashboard: http://127.0.0.1:") && text.contains("Login:     admin / "), "{text}");
    assert_eq!(summary["junctions"], 6);
    assert_eq!(summary["agents_online"], 6);
    assert_eq!(summary["counts_made"], 48);
    assert_eq!(summary["counts_committed"], 48);
    assert_eq!(summary["errors"], 0, "{text}");
    assert!(heard >= 5 && summary["vehicles_read"] == heard, "{heard} tags heard, summary {summary}");
    // The stand-ins count no vehicle: that alone is found fault with.
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text.matches("vehicles were counted but").count(), 1, "{text}");
    assert!(!text.contains("agents were online") && !text.contains("still wait"), "{text}");

    let users = fs::read_to_string(stage.path("passwd")).unwrap();
    assert!(users.starts_with("server:$7$101$x$y\n") && users.lines().count() == 7, "{users}");
    assert!(users.lines().all(|line| line.contains(":$")), "every password is hashed");
    assert!(fs::read_to_string(stage.path("acl")).unwrap().contains("topic write flextraff/"));
    assert_eq!(stage.broker.wait().unwrap().signal(), Some(1), "the broker was told to read its users again");
    server.join().unwrap();
}

#[test]
fn a_server_that_ends_is_quoted() {
    let stage = Stage::new("#!/bin/sh\necho 'the database is older than this program'\nexit 3\n");
    let output = stage.demo("18780", &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("the server ended") && error.contains("older than this program"), "{error}");
    assert!(error.contains("logs are in"), "{error}");
}

const SERVER_WITH_PID: &str =
    "#!/bin/sh\necho $$ >\"$STAND_IN/pid\"\ntrap 'kill $!; exit 0' TERM\nsleep 600 &\nwait\n";

/// Sends a signal to the demo while it waits for its server; whether the server is gone soon after the demo, and the demo's output.
fn signalled_during_the_start(port: &str, signal: Signal) -> (bool, Output) {
    let stage = Stage::new(SERVER_WITH_PID);
    let child = stage.demo(port, &[]).spawn().expect("the demo starts");
    let pid = stage.path("pid");
    assert!(until(20, || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))));
    kill_process(Pid::from_raw(child.id() as i32).expect("a process"), signal).expect("the demo runs");
    let output = child.wait_with_output().expect("the demo ends");
    let server = fs::read_to_string(&pid).expect("a process id");
    let gone = until(10, || !Path::new("/proc").join(server.trim()).exists());
    (gone, output)
}

#[test]
fn nothing_outlives_a_demo_that_is_killed() {
    let (gone, output) = signalled_during_the_start("18800", Signal::KILL);
    assert!(gone);
    assert_eq!(output.status.signal(), Some(9));
}

#[test]
fn ctrl_c_during_the_start_stops_what_was_started() {
    let (gone, output) = signalled_during_the_start("18790", Signal::INT);
    assert!(gone);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("stopped before the city was up"), "{error}");
}
