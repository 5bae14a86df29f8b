//! What the tests with a real database and a real broker share.
#![expect(dead_code, reason = "each test program uses its own part of this")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and wait with a deadline"
)]

pub(crate) mod authority;
pub(crate) mod certificate;
pub(crate) mod gate;
pub(crate) mod process;

use chrono::Utc;
use flextraff_server::ingest::Item;
use flextraff_server::junction_file::JunctionFile;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

pub(crate) const JUNCTION: &str = "00000000-0000-0000-0000-00000000000a";
pub(crate) const LANES: [&str; 2] =
    ["00000000-0000-0000-0000-0000000000b1", "00000000-0000-0000-0000-0000000000b2"];
pub(crate) const DEVICE: &str = "00000000-0000-0000-0000-0000000000d1";
pub(crate) const COUNTER: &str = "00000000-0000-0000-0000-0000000000d2";
pub(crate) const OUTBOX: &str = "00000000-0000-0000-0000-0000000000e1";
pub(crate) const BOOT: &str = "00000000-0000-0000-0000-0000000000f1";

/// A junction with two lanes, a device for all of it and a counter for its second lane.
pub(crate) fn junctions() -> JunctionFile {
    let stage = |name: &str| json!({ "stage": name, "groups": [name], "min_green_s": 7, "max_green_s": 60 });
    let group = |name: &str, lane: &str| json!({ "name": name, "kind": "vehicle", "lanes": [lane] });
    serde_json::from_value(json!({
        "junctions": [{
            "junction_id": JUNCTION, "junction_name": "Main", "city": "Mumbai", "latitude": 19.0, "longitude": 72.8,
            "min_cycle_time": 30, "max_cycle_time": 120, "base_cycle_time": 60,
            "lanes": [
                { "lane_id": LANES[0], "lane_index": 1, "lane_name": "N", "direction_enum": "N" },
                { "lane_id": LANES[1], "lane_index": 2, "lane_name": "S", "direction_enum": "S" },
            ],
            "groups": [group("N", LANES[0]), group("S", LANES[1])],
            "stages": [stage("N"), stage("S")],
            "devices": [
                { "device_id": DEVICE, "device_type": "junction" },
                { "device_id": COUNTER, "device_type": "rfid_counter", "lanes": [LANES[1]] },
            ],
        }],
    }))
    .unwrap()
}

pub(crate) async fn import(db: &PgPool) {
    let mut db = db.acquire().await.unwrap();
    flextraff_server::db::junctions::import(&mut db, &junctions()).await.unwrap();
}

/// Topic of a lane's counts.
pub(crate) fn counts_topic(lane: &str) -> String {
    format!("flextraff/{JUNCTION}/{lane}/car-counts")
}

/// Topic of something that a device sends.
pub(crate) fn topic(kind: &str, device: &str) -> String {
    format!("flextraff/{JUNCTION}/{kind}/{device}")
}

/// Delivery fields of a row, and then `more`.
#[expect(clippy::needless_pass_by_value, reason = "callers write the fields in place")]
pub(crate) fn row(device: &str, seq: u64, more: Value) -> Value {
    let mut message = json!({
        "v": 1, "device_id": device, "outbox_id": OUTBOX, "seq": seq, "boot_id": BOOT, "mono_ms": 10_000 + seq,
        "clock": "synced",
    });
    for (key, value) in more.as_object().unwrap() {
        message[key] = value.clone();
    }
    message
}

/// Counts of an outbox.
pub(crate) fn counts(device: &str, lane: &str, seq: u64) -> Value {
    row(
        device,
        seq,
        json!({
            "junction_id": JUNCTION, "lane_id": lane, "vehicle_count": 1, "epc_ids": [format!("EPC{seq}")],
            "timestamp": "2026-02-10T14:30:00Z",
        }),
    )
}

/// Counts of the published interface.
pub(crate) fn published(lane: &str, timestamp: Option<&str>) -> Value {
    let mut message =
        json!({ "junction_id": JUNCTION, "lane_id": lane, "vehicle_count": 1, "epc_ids": ["EPC1"] });
    if let Some(timestamp) = timestamp {
        message["timestamp"] = json!(timestamp);
    }
    message
}

/// A message as ingest reads it.
pub(crate) fn item(topic: &str, payload: &Value) -> Item {
    item_of_bytes(topic, payload.to_string().as_bytes())
}

pub(crate) fn item_of_bytes(topic: &str, payload: &[u8]) -> Item {
    Item::new(topic.to_owned(), payload.to_vec(), Utc::now())
}

/// The one number that a query answers.
pub(crate) async fn number(db: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(db).await.unwrap()
}

/// Waits until a query answers `expected`.
pub(crate) async fn wait_for(db: &PgPool, query: &'static str, expected: i64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = number(db, query).await;
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{query}: {found} instead of {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A private broker; killed when dropped.
pub(crate) struct Broker {
    folder: TempDir,
    pub(crate) port: u16,
    process: Child,
}

impl Broker {
    /// Starts one that sends as much without confirmation as is taken: it is for the server to hold back.
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// The same with more lines, such as those of another listener.
    pub(crate) async fn start_with(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n{lines}\n"
        );
        std::fs::write(folder.path().join("broker.conf"), config).unwrap();
        let process = Self::spawn(&folder);
        let broker = Self { folder, port, process };
        broker.listens().await;
        broker
    }

    fn spawn(folder: &TempDir) -> Child {
        Command::new("mosquitto")
            .arg("-c")
            .arg(folder.path().join("broker.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn listens(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(Instant::now() < deadline, "the broker does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.process.kill().await.unwrap();
        self.process = Self::spawn(&self.folder);
        self.listens().await;
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Publishes messages on one topic with quality of service 1, and waits until the broker has them.
    pub(crate) async fn publish(&self, topic: &str, messages: &[String]) {
        let mut publisher = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1", "-t", topic, "-l"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = String::new();
        for message in messages {
            writeln!(lines, "{message}").unwrap();
        }
        let mut stdin = publisher.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).await.unwrap();
        drop(stdin);
        assert!(publisher.wait().await.unwrap().success());
    }

    /// Starts listening for `count` messages of a topic; the answer ends with them.
    pub(crate) fn listen(&self, topic: &str, count: usize) -> Child {
        Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1", "-t", topic])
            .args(["-C", &count.to_string(), "-W", "20"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }
}
