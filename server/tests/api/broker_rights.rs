//! What devices may do at a real broker whose rights the server keeps.

use crate::state::{TestState, admin};
use flextraff_common::wire::topics::Topic;
use flextraff_server::clock::Clock;
use flextraff_server::config::{Config, Secret};
use flextraff_server::mqtt::MqttClient;
use flextraff_server::{api, dynsec, fleet};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(40);
const SERVER: (&str, &str) = ("server", "the server's password");

/// Mosquitto with its plugin for dynamic security.
struct Broker {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Broker {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let port = TcpListener::bind(("127.0.0.1", 0))
            .expect("a port is free")
            .local_addr()
            .expect("it is bound")
            .port();
        let config = format!(
            "listener {port} 127.0.0.1\nuser root\nallow_anonymous false\nplugin {}\nplugin_opt_config_file {}\n",
            plugin().display(),
            folder.path().join("rights.json").display(),
        );
        std::fs::write(folder.path().join("broker.conf"), config).expect("the folder is writable");
        initialise(folder.path()).await;
        let process = Self::spawn(folder.path());
        Self { folder, port, process }
    }

    fn spawn(folder: &Path) -> Child {
        Command::new("mosquitto")
            .arg("-c")
            .arg(folder.join("broker.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Mosquitto is installed")
    }

    /// Starts it again, with a file in which the server's account stands alone.
    async fn lose_its_file(&mut self) {
        self.process.kill().await.expect("it can be killed");
        std::fs::remove_file(self.folder.path().join("rights.json")).expect("there is such a file");
        initialise(self.folder.path()).await;
        self.process = Self::spawn(self.folder.path());
    }

    fn client(&self, program: &str, login: (&str, &str), args: &[&str]) -> Command {
        // Line by line, so that a subscriber's word is heard when it is said.
        let mut command = Command::new("stdbuf");
        command.args([
            "-oL",
            program,
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-u",
            login.0,
            "-P",
            login.1,
        ]);
        command.args(["-q", "1"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn run(&self, program: &str, login: (&str, &str), args: &[&str]) -> Output {
        let output = self.client(program, login, args).output();
        timeout(PATIENCE, output).await.expect("it ends in time").expect("the broker's tools are installed")
    }

    /// A subscriber that is subscribed.
    async fn subscriber(&self, login: (&str, &str), topic: &str, count: &str) -> Subscriber {
        let args = ["-d", "-v", "-t", topic, "-C", count, "-W", "30"];
        let mut child = self.client("mosquitto_sub", login, &args).spawn().expect("it is installed");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let subscribed = async {
            while let Some(line) = lines.next_line().await.expect("text") {
                if line.starts_with("Subscribed") {
                    return;
                }
            }
            panic!("it does not subscribe to {topic}");
        };
        timeout(PATIENCE, subscribed).await.expect("it subscribes in time");
        Subscriber { child, lines }
    }
}

/// A client that listens.
struct Subscriber {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    /// What it got, `topic payload` each, when it ends; whether it got all that it waited for.
    async fn end(mut self) -> (Vec<String>, bool) {
        let rest = async {
            let mut got = Vec::new();
            while let Some(line) = self.lines.next_line().await.expect("text") {
                if line.starts_with("flextraff/") {
                    got.push(line);
                }
            }
            (got, self.child.wait().await.expect("it runs").success())
        };
        timeout(PATIENCE, rest).await.expect("it ends in time")
    }
}

fn plugin() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("there is such a folder");
    let places =
        folders.filter_map(Result::ok).map(|folder| folder.path().join("mosquitto_dynamic_security.so"));
    places.into_iter().find(|place| place.exists()).expect("Mosquitto has its plugin for dynamic security")
}

async fn initialise(folder: &Path) {
    let done = Command::new("mosquitto_ctrl")
        .args(["dynsec", "init"])
        .arg(folder.join("rights.json"))
        .args([SERVER.0, SERVER.1])
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .status();
    assert!(done.await.expect("it is installed").success());
}

/// A server that keeps the rights of a broker.
struct World {
    state: TestState,
    admin: String,
    broker: Broker,
    _stop: watch::Sender<bool>,
}

impl World {
    async fn new(db: PgPool) -> Self {
        let broker = Broker::start().await;
        let mut config = Config::default();
        let url = format!("mqtt://{}:{}@127.0.0.1:{}", SERVER.0, SERVER.1.replace(' ', "%20"), broker.port);
        config.mqtt.url = Some(Secret::new(url));
        config.mqtt.dynamic_security = true;
        let mut state = TestState::with_config(db, config);
        let (mut client, handle) = MqttClient::new(&state.app.config.mqtt).expect("it is configured");
        let (fleet, _, rights) = fleet::channel();
        let (stop, stopped) = watch::channel(false);
        (state.app.mqtt, state.app.fleet) = (handle, fleet);
        state.router = api::router(state.app.clone());
        let control = client.control();
        let (incoming, mut messages) = mpsc::channel(64);
        tokio::spawn(async move { while messages.recv().await.is_some() {} });
        tokio::spawn(client.run(incoming, stopped.clone()));
        tokio::spawn(dynsec::run(state.app.clone(), Some(control), rights, stopped));
        assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
        let admin = state.token("admin").await;
        let world = Self { state, admin, broker, _stop: stop };
        let app = &world.state.app;
        world
            .until("the server has its own rights", async || app.fleet.rights_changed(&app.mqtt).await)
            .await;
        world
    }

    /// A device of a junction that is enrolled: id and password.
    async fn device(&self, junction: &str) -> (String, String) {
        let answer = self.state.post("/api/devices", &self.admin, &json!({"junction_id": junction})).await;
        let token = answer.json()["token"].as_str().expect("a token").to_owned();
        self.enroll(&token).await
    }

    async fn enroll(&self, token: &str) -> (String, String) {
        let answer = self.state.post("/api/devices/enroll", "", &json!({"token": token})).await.json();
        assert_eq!(answer["active"], true, "{answer}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&answer["mqtt"]["username"]), text(&answer["mqtt"]["password"]))
    }

    async fn may_connect(&self, login: (&str, &str), topic: &str) -> bool {
        self.broker.run("mosquitto_pub", login, &["-t", topic, "-n"]).await.status.success()
    }

    async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let deadline = Clock.instant() + PATIENCE;
        while !condition().await {
            assert!(Clock.instant() < deadline, "{what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[sqlx::test]
async fn a_device_may_do_what_is_its_own_and_nothing_else(db: PgPool) {
    let world = World::new(db).await;
    let (state, admin) = (&world.state, &world.admin);
    let (own, linked, other) = (
        state.junction(admin, "Own").await,
        state.junction(admin, "Linked").await,
        state.junction(admin, "Other").await,
    );
    let link = json!({"distance_m": 300, "free_flow_s": 25});
    assert_eq!(state.request("PUT", &format!("/api/links/{linked}/{own}"), admin, &link).await.status, 200);
    let device = world.device(&own).await;
    let stranger = world.device(&own).await.0;
    let login = (device.0.as_str(), device.1.as_str());
    let topic = |junction: &str, rest: &str| format!("flextraff/{junction}/{rest}");
    let lane = uuid::Uuid::from_u128(9);

    let allowed = [
        topic(&own, &format!("{lane}/car-counts")),
        topic(&own, &format!("status/{}", login.0)),
        topic(&own, &format!("events/{}", login.0)),
        topic(&own, "signal"),
        topic(&own, "demand"),
    ];
    let heard = world.broker.subscriber(SERVER, "flextraff/#", &allowed.len().to_string()).await;
    for refused in [
        topic(&own, "green-time"),
        topic(&own, "watchlist"),
        topic(&own, &format!("status/{stranger}")),
        topic(&own, &format!("command/{}", login.0)),
        topic(&linked, "demand"),
        topic(&other, &format!("{lane}/car-counts")),
        "$CONTROL/dynamic-security/v1".to_owned(),
    ] {
        world.broker.run("mosquitto_pub", login, &["-t", &refused, "-m", "x"]).await;
    }
    for topic in &allowed {
        let sent = world.broker.run("mosquitto_pub", login, &["-t", topic, "-m", "x"]).await;
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    }
    let expected: Vec<String> = allowed.iter().map(|topic| format!("{topic} x")).collect();
    assert_eq!(heard.end().await, (expected, true));

    for refused in [
        "flextraff/#".to_owned(),
        "#".to_owned(),
        topic(&own, "#"),
        topic(&own, &format!("keys/{stranger}")),
        topic(&own, "+/car-counts"),
        topic(&linked, "green-time"),
        topic(&other, "demand"),
        "$CONTROL/dynamic-security/v1/response".to_owned(),
    ] {
        let output = world.broker.run("mosquitto_sub", login, &["-t", &refused, "-C", "1", "-W", "2"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("denied"), "{refused}: {said}");
    }
    for allowed in [
        topic(&own, "green-time"),
        topic(&own, "watchlist"),
        topic(&own, &format!("command/{}", login.0)),
        topic(&own, &format!("keys/{}", login.0)),
        topic(&linked, "demand"),
        topic(&linked, "signal"),
    ] {
        let hears = world.broker.subscriber(login, &allowed, "1").await;
        world.broker.run("mosquitto_pub", SERVER, &["-t", &allowed, "-m", "x"]).await;
        assert_eq!(hears.end().await, (vec![format!("{allowed} x")], true));
    }
    assert_eq!(
        state.request("DELETE", &format!("/api/links/{linked}/{own}"), admin, &Value::Null).await.status,
        204
    );
    assert!(state.app.fleet.rights_changed(&state.app.mqtt).await);
    let output = world
        .broker
        .run("mosquitto_sub", login, &["-t", &topic(&linked, "signal"), "-C", "1", "-W", "2"])
        .await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("denied"), "the link is gone");
}

#[sqlx::test]
async fn revocation_cuts_replacement_takes_over_and_a_lost_file_comes_back(db: PgPool) {
    let mut world = World::new(db).await;
    let junction = world.state.junction(&world.admin, "Main").await;
    let (first, second) = (world.device(&junction).await, world.device(&junction).await);
    let plan = Topic::GreenTime(junction.parse().expect("a UUID")).to_string();
    let live = world.broker.subscriber((&first.0, &first.1), &plan, "1").await;
    let path = format!("/api/devices/{}", first.0);
    assert_eq!(world.state.post(&format!("{path}/revoke"), &world.admin, &json!({})).await.status, 204);
    let cut = timeout(Duration::from_secs(10), live.end()).await.expect("it is cut at once");
    assert_eq!(cut, (Vec::new(), false));
    assert!(!world.may_connect((&first.0, &first.1), &plan).await);
    assert!(world.may_connect((&second.0, &second.1), &plan).await, "nobody else is cut");

    let answer = world.state.post(&format!("{path}/replace"), &world.admin, &json!({})).await;
    assert!(!world.may_connect((&first.0, &first.1), &plan).await);
    let again = world.enroll(answer.json()["token"].as_str().expect("a token")).await;
    assert_eq!(again.0, first.0);
    assert!(world.may_connect((&again.0, &again.1), &plan).await);
    assert!(!world.may_connect((&first.0, &first.1), &plan).await, "the old password is worth nothing");

    world.broker.lose_its_file().await;
    world
        .until("both logins come back", async || {
            world.may_connect((&again.0, &again.1), &plan).await
                && world.may_connect((&second.0, &second.1), &plan).await
        })
        .await;
    assert!(!world.may_connect((&first.0, &first.1), &plan).await);
    assert_eq!(world.state.request("DELETE", &path, &world.admin, &Value::Null).await.status, 204);
    world
        .until("a deleted device is out", async || !world.may_connect((&again.0, &again.1), &plan).await)
        .await;
}

#[sqlx::test]
async fn after_a_restore_the_broker_has_the_logins_of_the_backup(db: PgPool) {
    let world = World::new(db.clone()).await;
    let junction = world.state.junction(&world.admin, "Main").await;
    let plan = Topic::GreenTime(junction.parse().expect("a UUID")).to_string();
    let may = async |(name, password): &(String, String)| world.may_connect((name, password), &plan).await;
    let run = async |statement: &'static str| {
        sqlx::query(statement).execute(&db).await.expect("the user of the tests may do so");
    };
    let kept = world.device(&junction).await;
    let (revoked, replaced) = (world.device(&junction).await, world.device(&junction).await);
    run("CREATE TABLE devices_then AS TABLE edge_devices").await;
    run("CREATE TABLE logins_then AS TABLE device_credentials").await;
    let added = world.device(&junction).await;
    let path = |device: &str, deed: &str| format!("/api/devices/{device}/{deed}");
    let answer = world.state.post(&path(&revoked.0, "revoke"), &world.admin, &json!({})).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    let answer = world.state.post(&path(&replaced.0, "replace"), &world.admin, &json!({})).await;
    let again = world.enroll(answer.json()["token"].as_str().expect("a token")).await;
    assert!(!may(&revoked).await && !may(&replaced).await && may(&again).await && may(&added).await);

    run("DELETE FROM edge_devices").await;
    run("INSERT INTO edge_devices TABLE devices_then").await;
    run("INSERT INTO device_credentials TABLE logins_then").await;
    world
        .until("what was revoked or replaced since has its login again", async || {
            may(&revoked).await && may(&replaced).await
        })
        .await;
    assert!(may(&kept).await, "who was not touched goes on");
    assert!(!may(&again).await && !may(&added).await, "the database knows no such login");
    let answer = world.state.post(&path(&revoked.0, "revoke"), &world.admin, &json!({})).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert!(!may(&revoked).await, "it is revoked again at once");
}
