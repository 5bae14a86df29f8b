//! One junction with everything that belongs to it, in a folder of its own.

use crate::broker::{Broker, DEVICE_PASSWORD, free_port};
use crate::process::{Process, program, until};
use crate::road::{Lamps, Reader};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool, Postgres, Transaction};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const JUNCTION: JunctionId = JunctionId(Uuid::from_u128(0xA));
pub(crate) const DEVICE: DeviceId = DeviceId(Uuid::from_u128(0xD));
/// Lanes N and S, on the reader's antenna ports 1 and 2.
pub(crate) const LANES: [LaneId; 2] = [LaneId(Uuid::from_u128(0xB1)), LaneId(Uuid::from_u128(0xB2))];
/// Green of each stage without a plan, seconds.
pub(crate) const FALLBACK_GREEN_S: f64 = 3.0;

/// The agent's side: a reader, lamps, an outbox.
pub(crate) struct Site {
    agent: Option<Process>,
    pub(crate) reader: Reader,
    pub(crate) lamps: Lamps,
    folder: PathBuf,
}

impl Site {
    /// Writes the agent's configuration; `port` is the broker's, none: it is not told.
    pub(crate) fn new(folder: &Path, port: Option<u16>) -> Self {
        let (reader, lamps) = (Reader::open(), Lamps::watch(folder));
        let password = folder.join("device-password");
        std::fs::write(&password, DEVICE_PASSWORD).expect("the folder is writable");
        let mut config = json!({
            "junction": { "id": JUNCTION, "name": "Main" },
            "device": { "id": DEVICE },
            "clock": { "trust": "always" },
            "lane": [{ "id": LANES[0], "name": "N", "direction": "N" }, { "id": LANES[1], "name": "S", "direction": "S" }],
            "stage": [
                { "name": "N", "lanes": ["N"], "min_green_s": 2, "max_green_s": 6 },
                { "name": "S", "lanes": ["S"], "min_green_s": 2, "max_green_s": 6 },
            ],
            "signal": { "amber_s": 1.0, "all_red_s": 1.0, "startup_flash_s": 0, "startup_all_red_s": 2 },
            "reader": [{ "name": "mast", "port": reader.device, "lanes": { "1": "N", "2": "S" } }],
            "counting": { "settle_ms": 200, "absence_s": 2.0, "interval_s": 1 },
            "outbox": { "path": folder.join("outbox.sqlite"), "flush_ms": 100 },
            "output": { "driver": "virtual", "socket": lamps.socket },
            "fallback": [{ "greens": { "N": FALLBACK_GREEN_S as u32, "S": FALLBACK_GREEN_S as u32 } }],
        });
        if let Some(port) = port {
            let url = format!("mqtt://127.0.0.1:{port}");
            config["mqtt"] = json!({ "url": url, "username": DEVICE, "password_file": password });
        }
        let text = toml::to_string(&config).expect("it is a table");
        std::fs::write(folder.join("agent.toml"), text).expect("the folder is writable");
        Self { agent: None, reader, lamps, folder: folder.to_owned() }
    }

    /// Where its configuration lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The agent's program with its configuration.
    pub(crate) fn agent_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("flextraff-agent"));
        command.args(args).arg("--config").arg(self.folder.join("agent.toml"));
        command
    }

    pub(crate) fn start_agent(&mut self) {
        let mut command = self.agent_command(&["run"]);
        self.agent = Some(Process::start(&mut command, &self.folder.join("agent.log")));
    }

    /// Takes the running agent away, to end it in one way or the other.
    pub(crate) fn take_agent(&mut self) -> Process {
        self.agent.take().expect("the agent runs")
    }

    /// Which of these vehicles are on the agent's disk; only while it does not run.
    pub(crate) fn on_disk(&self, vehicles: &[String]) -> BTreeSet<String> {
        assert!(self.agent.is_none(), "a running agent keeps its outbox to itself");
        let path = self.folder.join("outbox.sqlite");
        if !path.exists() {
            return BTreeSet::new();
        }
        let outbox = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .expect("a killed agent leaves a file that opens");
        let mut query = outbox
            .prepare("SELECT 1 FROM (SELECT body AS text FROM rows UNION ALL SELECT state FROM passages) WHERE instr(text, ?1)")
            .expect("these are the outbox's tables");
        let kept = vehicles.iter().filter(|epc| query.exists([epc]).expect("the outbox is readable"));
        kept.cloned().collect()
    }
}

/// A step of storing counts.
pub(crate) enum Step {
    Insert,
    Commit,
}

/// The whole chain.
pub(crate) struct World {
    pub(crate) site: Site,
    server: Option<Process>,
    pub(crate) broker: Broker,
    pub(crate) db: PgPool,
    pub(crate) port: u16,
    folder: TempDir,
    /// Whether the server makes the logins of devices at the broker.
    makes_logins: bool,
}

impl World {
    /// Broker and server run, the junction is imported, the agent is not started yet.
    pub(crate) async fn new(db: PgPool) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let broker = Broker::start(folder.path()).await;
        let site = Site::new(folder.path(), Some(broker.port));
        Self::with(db, folder, broker, site, false).await
    }

    /// The same, but the server makes the logins of devices, and this one has none yet.
    pub(crate) async fn without_login(db: PgPool) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let broker = Broker::start_for_server(folder.path()).await;
        let site = Site::new(folder.path(), None);
        Self::with(db, folder, broker, site, true).await
    }

    /// The same, but the device is to show a certificate; the server's own program has made the authority.
    pub(crate) async fn with_certificates(db: PgPool) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let mut command = Command::new(program("flextraff-server"));
        command.args(["device", "ca"]).env_remove("FLEXTRAFF_DATABASE__URL");
        let made = name_authority(&mut command, folder.path()).output().expect("the server's program runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let broker = Broker::start_for_certificates(folder.path()).await;
        let site = Site::new(folder.path(), None);
        Self::with(db, folder, broker, site, true).await
    }

    async fn with(db: PgPool, folder: TempDir, broker: Broker, site: Site, makes_logins: bool) -> Self {
        let mut world = Self { site, server: None, broker, db, port: free_port(), folder, makes_logins };
        let file = world.folder.path().join("junctions.json");
        std::fs::write(&file, junctions().to_string()).expect("the folder is writable");
        let imported = world.server_command(&["junction", "import"]).arg(&file).output();
        let imported = imported.expect("the server's program runs");
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        world.start_server().await;
        world
    }

    pub(crate) fn server_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("flextraff-server"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FLEXTRAFF_") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .env_remove("DATABASE_URL")
            .env("FLEXTRAFF_DATABASE__URL", self.db.connect_options().to_url_lossy().as_str())
            .env("FLEXTRAFF_DATABASE__MAX_CONNECTIONS", "4")
            .env("FLEXTRAFF_HTTP__BIND", format!("127.0.0.1:{}", self.port))
            .env("FLEXTRAFF_MQTT__URL", self.broker.server_url());
        if self.makes_logins {
            let url = format!("mqtt://127.0.0.1:{}", self.broker.port);
            command.env("FLEXTRAFF_MQTT__DYNAMIC_SECURITY", "true").env("FLEXTRAFF_MQTT__DEVICE_URL", url);
        }
        if let Some(port) = self.broker.certificate_port {
            let folder = self.folder.path();
            name_authority(&mut command, folder)
                .env("FLEXTRAFF_MQTT__CA_FILE", folder.join("broker.crt"))
                .env("FLEXTRAFF_DEVICES__CERTIFICATE_URL", format!("mqtts://localhost:{port}"));
        }
        command
    }

    /// Starts the server and waits until it is healthy, so that from here on the broker keeps everything for it.
    pub(crate) async fn start_server(&mut self) {
        let mut command = self.server_command(&["serve"]);
        self.server = Some(Process::start(&mut command, &self.folder.path().join("server.log")));
        self.is_healthy().await;
    }

    pub(crate) async fn is_healthy(&self) {
        until("the server is healthy", async || {
            ureq::get(format!("http://127.0.0.1:{}/health", self.port)).call().ok()
        })
        .await;
    }

    pub(crate) fn signal_server(&self, signal: Signal) {
        self.server.as_ref().expect("the server runs").signal(signal);
    }

    pub(crate) fn kill_server(&mut self) {
        self.server.take().expect("the server runs").kill();
    }

    /// Starts the agent and waits until it hears its reader.
    pub(crate) async fn start_agent(&mut self) {
        self.site.start_agent();
        self.site.reader.is_heard().await;
    }

    /// How often a vehicle is counted.
    pub(crate) async fn counted(&self, epc: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM car_counts, unnest(epc_ids) AS epc WHERE epc = $1")
            .bind(epc)
            .fetch_one(&self.db)
            .await
            .expect("the database answers")
    }

    /// Waits until all these vehicles have been counted and have left again, then makes sure that each was counted once.
    pub(crate) async fn each_counted_once(&self, vehicles: impl IntoIterator<Item = &String>) {
        for epc in vehicles {
            until(&format!("{epc} comes and goes"), async || {
                let departed: bool = sqlx::query_scalar(
                    "SELECT EXISTS (SELECT FROM car_counts, json_array_elements(departures) AS gone
                                    WHERE gone ->> 'epc' = $1)",
                )
                .bind(epc)
                .fetch_one(&self.db)
                .await
                .expect("the database answers");
                (departed && self.counted(epc).await > 0).then_some(())
            })
            .await;
            assert_eq!(self.counted(epc).await, 1, "{epc}");
        }
    }

    /// Waits until the agent has an answer for everything but its latest rows.
    pub(crate) async fn outbox_drains(&self) {
        until("the outbox drains", async || {
            let status = self.broker.status()?;
            (status["online"] == true && status["outbox"]["oldest_s"].as_f64()? < 5.0).then_some(())
        })
        .await;
    }

    /// Lets whoever stores a vehicle's count wait at this step while a [`World::hold`] lasts.
    pub(crate) async fn hold_up_counts(&self, at: Step) {
        let trigger = match at {
            Step::Insert => "CREATE TRIGGER hold BEFORE INSERT ON car_counts",
            Step::Commit => {
                "CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON car_counts DEFERRABLE INITIALLY DEFERRED"
            }
        };
        let function = "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
                        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$";
        let trigger = format!("{trigger} FOR EACH ROW WHEN (NEW.epc_ids <> '{{}}') EXECUTE FUNCTION hold()");
        for statement in [function, &trigger] {
            sqlx::query(AssertSqlSafe(statement)).execute(&self.db).await.expect("the tables are there");
        }
    }

    /// Holds up vehicles' counts until it is rolled back.
    pub(crate) async fn hold(&self) -> Transaction<'static, Postgres> {
        let mut held = self.db.begin().await.expect("the database answers");
        sqlx::query("SELECT pg_advisory_xact_lock(1)")
            .execute(&mut *held)
            .await
            .expect("nobody else holds it");
        held
    }

    /// Waits until a connection of the server is held up.
    pub(crate) async fn server_waits_for_lock(&self) {
        until("the server waits for the lock", async || (self.waiting().await > 0).then_some(())).await;
    }

    /// Waits until the connections of a dead server are gone, or at least done.
    pub(crate) async fn nobody_waits_for_lock(&self) {
        until("nobody waits for the lock", async || (self.waiting().await == 0).then_some(())).await;
    }

    async fn waiting(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'",
        )
        .fetch_one(&self.db)
        .await
        .expect("the database answers")
    }
}

fn name_authority<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command
        .env("FLEXTRAFF_DEVICES__CA_CERT_FILE", folder.join("device-ca.crt"))
        .env("FLEXTRAFF_DEVICES__CA_KEY_FILE", folder.join("device-ca.key"))
}

fn junctions() -> Value {
    let lane = |at: usize, name: &str| json!({ "lane_id": LANES[at], "lane_index": at + 1, "lane_name": name, "direction_enum": name });
    let stage = |name: &str| json!({ "stage": name, "groups": [name], "min_green_s": 2, "max_green_s": 6 });
    json!({
        "junctions": [{
            "junction_id": JUNCTION, "junction_name": "Main", "city": "Mumbai", "latitude": 19.0, "longitude": 72.8,
            "min_cycle_time": 8, "max_cycle_time": 12, "base_cycle_time": 8,
            "lanes": [lane(0, "N"), lane(1, "S")],
            "stages": [stage("N"), stage("S")],
            "devices": [{ "device_id": DEVICE, "device_type": "junction" }],
            "signal": { "amber_s": 1.0, "all_red_s": 1.0 },
        }],
    })
}
