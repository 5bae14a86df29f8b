//! The way from the broker to the database, with both of them real, and cut off in the middle.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{GreenTime, Mode, decode, encode};
use flextraff_server::clock::Clock;
use flextraff_server::config::{Mqtt, Secret};
use flextraff_server::ingest::{self, Applied, Channels, Item, apply};
use flextraff_server::mqtt::{AckToken, MqttClient, MqttHandle, Outgoing};
use flextraff_server::shares::Shares;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool};
use std::time::Duration;
use support::authority::Authority;
use support::*;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const COUNTED: &str = "SELECT count(*) FROM car_counts";

/// Broker client and ingest, as the server joins them.
struct Server {
    handle: MqttHandle,
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
    applied: mpsc::Receiver<Applied>,
    waiting: watch::Receiver<usize>,
}

fn client(broker: &Broker) -> (MqttClient, MqttHandle) {
    MqttClient::new(&Mqtt { url: Some(Secret::new(broker.url())), ..Mqtt::default() }).unwrap()
}

impl Server {
    async fn start(broker: &Broker, db: &PgPool) -> Self {
        Self::run(client(broker), db).await
    }

    async fn run((client, handle): (MqttClient, MqttHandle), db: &PgPool) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (sender, incoming) = mpsc::channel(4096);
        let (news, applied) = mpsc::channel(4096);
        let (waits, waiting) = watch::channel(0);
        let outgoing = handle.outgoing.clone();
        let shares = Shares::alone();
        let channels = Channels { incoming, outgoing, applied: news, waiting: waits, shares };
        let tasks = [
            tokio::spawn(client.run(sender, stopped.clone())),
            tokio::spawn(ingest::run(db.clone(), channels, std::sync::Arc::default(), stopped)),
        ];
        let mut server = Self { handle, stop, tasks, applied, waiting };
        server.connected().await;
        server
    }

    async fn connected(&mut self) {
        self.handle.connected.wait_for(|connected| *connected).await.unwrap();
    }

    /// Ends at once, as if killed.
    async fn kill(self) {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// What a device hears on the topic of its plans.
struct Road {
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Road {
    async fn listen(broker: &Broker, topic: &str) -> Self {
        let mut process = broker.listen(topic, 1000);
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut road = Self { lines, _process: process };
        let deadline = Clock.instant() + Duration::from_secs(10);
        let probe = "{}".to_owned();
        loop {
            assert!(Clock.instant() < deadline, "nobody listens");
            broker.publish(topic, std::slice::from_ref(&probe)).await;
            if timeout(Duration::from_millis(100), road.lines.next_line()).await.is_ok() {
                return road;
            }
        }
    }

    /// The next plan.
    async fn plan(&mut self) -> GreenTime {
        loop {
            let line =
                timeout(Duration::from_secs(10), self.lines.next_line()).await.unwrap().unwrap().unwrap();
            if line != "{}" {
                return decode(line.as_bytes()).unwrap();
            }
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn over_tls_both_sides_show_their_certificates(db: PgPool) {
    import(&db).await;
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::make(folder.path(), "authority");
    let stranger = Authority::make(folder.path(), "stranger");
    let (broker_pem, broker_key) = authority.sign("broker");
    let (server_pem, server_key) = authority.sign("server");
    let port = process::free_port();
    let broker = Broker::start_with(&format!(
        "user root\nlistener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
        authority.pem.display(),
        broker_pem.display(),
        broker_key.display()
    ))
    .await;
    let known = Mqtt {
        url: Some(Secret::new(format!("mqtts://127.0.0.1:{port}"))),
        ca_file: Some(authority.pem.clone()),
        cert_file: Some(server_pem),
        key_file: Some(server_key),
        ..Mqtt::default()
    };
    let bare = Mqtt { cert_file: None, key_file: None, ..known.clone() };
    let misled = Mqtt { ca_file: Some(stranger.pem.clone()), ..known.clone() };
    for (config, why) in [(bare, "the broker wants a certificate"), (misled, "nobody vouches for the broker")]
    {
        let (client, mut handle) = MqttClient::new(&config).unwrap();
        let (_stop, stopped) = watch::channel(false);
        let (sender, _incoming) = mpsc::channel(16);
        let running = tokio::spawn(client.run(sender, stopped));
        let connected = handle.connected.wait_for(|connected| *connected);
        assert!(timeout(Duration::from_secs(1), connected).await.is_err(), "{why}");
        running.abort();
    }
    let server = timeout(Duration::from_secs(10), Server::run(MqttClient::new(&known).unwrap(), &db));
    let server = server.await.expect("both are known to each other");
    broker.publish(&counts_topic(LANES[0]), &[counts(DEVICE, LANES[0], 1).to_string()]).await;
    wait_for(&db, COUNTED, 1).await;
    server.stop().await;
}

#[tokio::test]
async fn no_plan_that_was_made_while_the_broker_was_away_goes_out_when_it_is_back() {
    let broker = Broker::start().await;
    let mut gate = gate::Gate::open(("127.0.0.1".to_owned(), broker.port)).await;
    let url = format!("mqtt://127.0.0.1:{}", gate.port);
    let config = Mqtt { url: Some(Secret::new(url)), ..Mqtt::default() };
    let (client, mut handle) = MqttClient::new(&config).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let (sender, _incoming) = mpsc::channel(16);
    tokio::spawn(client.run(sender, stopped));
    handle.connected.wait_for(|connected| *connected).await.unwrap();
    let topic = Topic::GreenTime(JUNCTION.parse().unwrap());
    let mut road = Road::listen(&broker, &topic.to_string()).await;
    let send = async |mode: Mode, valid_s: f64, age_s: i64| {
        let plan = GreenTime {
            junction_id: JUNCTION.parse().unwrap(),
            timestamp: Some(Clock.now() + -1000 * age_s),
            mode,
            valid_s: Some(valid_s),
            ..GreenTime::default()
        };
        handle.outgoing.send(Outgoing { topic, payload: encode(&plan) }).await.unwrap();
    };

    let mut connected = handle.connected.clone();
    gate.cut().await;
    connected.wait_for(|connected| !*connected).await.unwrap();
    // Another server may have ended each of them since, or set what this one would end.
    send(Mode::Emergency, 300.0, 1800).await;
    send(Mode::Automatic, 900.0, 600).await;
    send(Mode::ManualOverride, 3600.0, 20).await;
    gate.mend().await;
    connected.wait_for(|connected| *connected).await.unwrap();
    send(Mode::Emergency, 300.0, 0).await;

    let plan = road.plan().await;
    assert_eq!((plan.mode, plan.valid_s), (Mode::Emergency, Some(300.0)));
}

fn batch(seqs: std::ops::RangeInclusive<u64>) -> Vec<String> {
    seqs.map(|seq| counts(DEVICE, LANES[0], seq).to_string()).collect()
}

#[sqlx::test(migrations = "./migrations")]
async fn what_anybody_publishes_becomes_rows_or_dead_letters(db: PgPool) {
    import(&db).await;
    let broker = Broker::start().await;
    let mut server = Server::start(&broker, &db).await;
    let lane = counts_topic(LANES[0]);
    let answer = broker.listen(&topic("ack", DEVICE), 1);
    let untimed = published(LANES[0], None).to_string();
    broker.publish(&lane, &[untimed.clone(), untimed.clone(), untimed]).await;
    broker.publish(&lane, &[published(LANES[0], Some("2026-02-10T14:30:00")).to_string()]).await;
    broker.publish(&lane, &["garbage".to_owned(), "{}".to_owned()]).await;
    broker.publish("flextraff/x/y/car-counts", &["{}".to_owned()]).await;
    wait_for(&db, COUNTED, 4).await;
    wait_for(&db, "SELECT count(*) FROM dead_letters", 3).await;
    broker.publish(&lane, &["x".repeat(1_000_000)]).await;
    let large =
        "SELECT count(*) FROM dead_letters WHERE payload_bytes = 1000000 AND length(payload) = 262144";
    wait_for(&db, large, 1).await;
    broker.publish(&lane, &batch(1..=1)).await;
    let answer = answer.wait_with_output().await.unwrap();
    assert!(String::from_utf8(answer.stdout).unwrap().contains(r#""committed":[[1,1]]"#));
    assert!(matches!(server.applied.recv().await, Some(Applied::Counts(..))));
    server.stop().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn duplicates_are_stored_once_and_nothing_is_lost(db: PgPool) {
    import(&db).await;
    let broker = Broker::start().await;
    let server = Server::start(&broker, &db).await;
    let lane = counts_topic(LANES[0]);
    broker.publish(&lane, &batch(1..=300)).await;
    broker.publish(&lane, &batch(200..=500)).await;
    wait_for(&db, COUNTED, 500).await;
    server.stop().await;
    assert_eq!(number(&db, "SELECT count(DISTINCT seq) FROM car_counts").await, 500);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_server_that_dies_before_the_commit_loses_nothing(db: PgPool) {
    import(&db).await;
    let broker = Broker::start().await;
    let server = Server::start(&broker, &db).await;
    // Holds every commit up.
    let mut lock = db.begin().await.unwrap();
    sqlx::query("LOCK TABLE ingest_ledger").execute(&mut *lock).await.unwrap();
    broker.publish(&counts_topic(LANES[0]), &batch(1..=50)).await;
    wait_for(
        &db,
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ingest_ledger'::regclass",
        1,
    )
    .await;
    server.kill().await;
    lock.rollback().await.unwrap();
    let server = Server::start(&broker, &db).await;
    wait_for(&db, COUNTED, 50).await;
    server.stop().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_server_that_dies_between_commit_and_confirmation_stores_nothing_twice(db: PgPool) {
    import(&db).await;
    let broker = Broker::start().await;
    let (mqtt, mut handle) = client(&broker);
    let (_stop, stopped) = watch::channel(false);
    let (sender, mut incoming) = mpsc::channel(64);
    let task = tokio::spawn(mqtt.run(sender, stopped));
    handle.connected.wait_for(|connected| *connected).await.unwrap();
    broker.publish(&counts_topic(LANES[0]), &batch(1..=5)).await;
    broker
        .publish(&counts_topic(LANES[1]), &[published(LANES[1], Some("2026-02-10T14:30:00Z")).to_string()])
        .await;
    let mut tokens: Vec<AckToken> = Vec::new();
    for _ in 0..6 {
        let (item, token) = Item::read(incoming.recv().await.unwrap());
        apply(&db, &[item]).await.unwrap();
        tokens.push(token);
    }
    task.abort();
    let _ = task.await;
    drop(tokens);
    assert_eq!(number(&db, COUNTED).await, 6);
    let answer = broker.listen(&topic("ack", DEVICE), 1);
    let server = Server::start(&broker, &db).await;
    // The broker sends all six again; the answer shows that they came.
    let answer = answer.wait_with_output().await.unwrap();
    assert!(String::from_utf8(answer.stdout).unwrap().contains("committed"));
    server.stop().await;
    assert_eq!(number(&db, COUNTED).await, 6);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_broker_that_restarts_finds_the_server_subscribed_again(db: PgPool) {
    import(&db).await;
    let mut broker = Broker::start().await;
    let mut server = Server::start(&broker, &db).await;
    broker.restart().await;
    server.handle.connected.wait_for(|connected| !*connected).await.unwrap();
    server.connected().await;
    broker.publish(&counts_topic(LANES[0]), &batch(1..=10)).await;
    wait_for(&db, COUNTED, 10).await;
    server.stop().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_database_that_is_away_only_delays(db: PgPool) {
    import(&db).await;
    let broker = Broker::start().await;
    let server = Server::start(&broker, &db).await;
    broker.publish(&counts_topic(LANES[0]), &batch(1..=5)).await;
    wait_for(&db, COUNTED, 5).await;
    let options = db.connect_options();
    let name = options.get_database().unwrap();
    let mut admin = (*options).clone().database("postgres").connect().await.unwrap();
    let allow =
        |allowed: bool| AssertSqlSafe(format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {allowed}"));
    sqlx::query(allow(false)).execute(&mut admin).await.unwrap();
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
        .bind(name)
        .execute(&mut admin)
        .await
        .unwrap();
    broker.publish(&counts_topic(LANES[0]), &batch(6..=100)).await;
    broker.publish(&counts_topic(LANES[0]), &["garbage".to_owned()]).await;
    sqlx::query(allow(true)).execute(&mut admin).await.unwrap();
    wait_for(&db, COUNTED, 100).await;
    wait_for(&db, "SELECT count(*) FROM dead_letters", 1).await;
    server.stop().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_full_database_only_delays(db: PgPool) {
    import(&db).await;
    let broker = Broker::start().await;
    let mut server = Server::start(&broker, &db).await;
    broker.publish(&counts_topic(LANES[0]), &batch(1..=5)).await;
    wait_for(&db, COUNTED, 5).await;
    // Counts the attempts in a sequence, which no rollback undoes.
    for statement in [
        "CREATE SEQUENCE attempts",
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           PERFORM nextval('attempts');
           RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER no_room BEFORE INSERT ON car_counts EXECUTE FUNCTION no_room()",
    ] {
        sqlx::query(statement).execute(&db).await.unwrap();
    }
    broker.publish(&counts_topic(LANES[0]), &batch(6..=100)).await;
    wait_for(&db, "SELECT least(last_value, 2) FROM attempts", 2).await;
    assert_eq!(number(&db, COUNTED).await, 5);
    assert_eq!(*server.waiting.borrow_and_update(), 1, "what devices say meanwhile is not heard");
    sqlx::query("DROP TRIGGER no_room ON car_counts").execute(&db).await.unwrap();
    wait_for(&db, COUNTED, 100).await;
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters").await, 0, "no row is at fault");
    timeout(Duration::from_secs(10), server.waiting.wait_for(|waits| *waits == 0)).await.unwrap().unwrap();
    server.stop().await;
}
