//! Several servers on one database: each takes its share of the junctions, and stores what belongs to them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use crate::support::*;
use flextraff_common::ids::JunctionId;
use flextraff_server::clock::Clock;
use flextraff_server::db::leases::{self, Server, Taken};
use flextraff_server::ingest::{self, Applied, Channels, Fate, apply};
use flextraff_server::mqtt::{AckToken, Incoming, Outgoing};
use flextraff_server::shares::{Left, Shares, View};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeSet;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// What a server makes of messages: its news, and its answers to senders.
async fn takes_in(
    db: &PgPool,
    shares: Shares,
    messages: &[(String, Value)],
) -> (Vec<Applied>, Vec<Outgoing>) {
    let (sender, incoming) = mpsc::channel(64);
    let (outgoing, mut answers) = mpsc::channel(64);
    let (applied, mut news) = mpsc::channel(64);
    let (_stop, stopped) = watch::channel(false);
    let channels = Channels { incoming, outgoing, applied, waiting: watch::Sender::new(0), shares };
    let server = tokio::spawn(ingest::run(db.clone(), channels, std::sync::Arc::default(), stopped));
    for (topic, payload) in messages {
        let payload = payload.to_string().into_bytes();
        let (topic, size, received) = (topic.clone(), payload.len(), Clock.utc());
        let ack = AckToken::default();
        let message = Incoming { topic, payload, size, retained: false, again: false, received, ack };
        sender.send(message).await.unwrap();
    }
    drop(sender);
    server.await.unwrap();
    let (mut told, mut said) = (Vec::new(), Vec::new());
    while let Some(applied) = news.recv().await {
        told.push(applied);
    }
    while let Some(answer) = answers.recv().await {
        said.push(answer);
    }
    (told, said)
}

fn sees(held: &[&str], others: &[&str], follows: bool) -> Shares {
    let ids = |ids: &[&str]| ids.iter().map(|id| id.parse::<JunctionId>().unwrap()).collect();
    let shares = Shares::default();
    shares.saw(View { held: ids(held), others: ids(others), follows }, Clock.instant());
    shares
}

#[sqlx::test(migrations = "./migrations")]
async fn a_server_stores_and_answers_what_belongs_to_its_junctions_and_tells_of_all(db: PgPool) {
    import(&db).await;
    let now = Clock.utc().to_rfc3339();
    let mut counted = counts(DEVICE, LANES[0], 1);
    counted["timestamp"] = json!(now);
    let signal = json!({ "v": 1, "t": now, "stage": "N", "state": "green", "groups": { "N": "green", "S": "red" }, "since": now, "plan_id": null, "mode": "automatic", "cycle_second": 3 });
    let status = json!({ "v": 1, "device_id": DEVICE, "online": true, "device_type": "junction" });
    let wrong = row(
        DEVICE,
        2,
        json!({ "junction_id": JUNCTION, "lane_id": LANES[0], "vehicle_count": -1, "epc_ids": [] }),
    );
    let messages = [
        (counts_topic(LANES[0]), counted),
        (counts_topic(LANES[1]), published(LANES[1], Some(&now))),
        (counts_topic(LANES[1]), published(LANES[1], None)),
        (format!("flextraff/{JUNCTION}/signal"), signal),
        (topic("status", DEVICE), status),
        (counts_topic(LANES[0]), wrong),
        ("flextraff/nonsense".to_owned(), json!({})),
    ];
    let stored = async || {
        let mut numbers = Vec::new();
        for query in [
            "SELECT count(*) FROM car_counts WHERE device_id IS NOT NULL",
            "SELECT count(*) FROM car_counts WHERE NOT untimed AND device_id IS NULL",
            "SELECT count(*) FROM car_counts WHERE untimed",
            "SELECT count(*) FROM junction_signal",
            "SELECT count(*) FROM edge_devices WHERE last_status IS NOT NULL",
            "SELECT count(*) FROM dead_letters",
        ] {
            numbers.push(number(&db, query).await);
        }
        numbers
    };
    // What has a time is told apart by it, and what a device says of itself is stored by all.
    let (told, answers) = takes_in(&db, sees(&[], &[JUNCTION], true), &messages).await;
    assert_eq!(stored().await, [0, 1, 0, 0, 1, 0]);
    let kinds = |told: &[Applied]| {
        let kind = |news: &Applied| match news {
            Applied::Counts(..) => "counts",
            Applied::Signal(..) => "signal",
            Applied::Status(..) => "status",
            Applied::Cycle(..) | Applied::Reply(..) => "other",
        };
        told.iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&told), ["counts", "counts", "counts", "signal", "status"]);
    assert!(answers.is_empty(), "{answers:?}");

    let (told, answers) = takes_in(&db, sees(&[JUNCTION], &[], false), &messages).await;
    assert_eq!(stored().await, [1, 1, 1, 1, 1, 2]);
    assert_eq!(kinds(&told), ["counts", "counts", "counts", "signal", "status"]);
    let [answer] = answers.as_slice() else { panic!("one answer, not {answers:?}") };
    assert!(answer.payload.contains("[[1,1]]") && answer.payload.contains("[[2,2,"), "{}", answer.payload);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_nobody_holds_is_stored_by_all_once_and_what_cannot_be_used_kept_by_the_first(db: PgPool) {
    import(&db).await;
    let messages =
        [(counts_topic(LANES[0]), counts(DEVICE, LANES[0], 1)), ("flextraff/nonsense".to_owned(), json!({}))];
    for (follows, letters) in [(true, 0), (false, 1)] {
        let (_, answers) = takes_in(&db, sees(&[], &[], follows), &messages).await;
        assert_eq!(answers.len(), 1, "its sender hears that it is stored");
        assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 1);
        assert_eq!(number(&db, "SELECT count(*) FROM dead_letters").await, letters);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn counts_without_a_time_that_the_broker_sends_again_are_stored_once(db: PgPool) {
    import(&db).await;
    let first = item(&counts_topic(LANES[0]), &published(LANES[0], None));
    let mut again = item(&counts_topic(LANES[0]), &published(LANES[0], None));
    let same = again.clone();
    again.again = true;
    assert_eq!(apply(&db, &[again.clone()]).await.unwrap(), [Fate::Stored], "the first time was in vain");
    assert_eq!(apply(&db, &[first, again]).await.unwrap(), [Fate::Stored, Fate::Duplicate]);
    let mut untimed = same;
    untimed.left = Left::Untimed;
    assert_eq!(apply(&db, &[untimed]).await.unwrap(), [Fate::Left { sound: true }]);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 2);
    // Of nobody's junction the first server stores what cannot be told apart, and counts without tags are all alike.
    let mut bare = published(LANES[1], None);
    bare["epc_ids"] = json!([]);
    let mut bare = item(&counts_topic(LANES[1]), &bare);
    bare.again = true;
    assert_eq!(apply(&db, &[bare.clone()]).await.unwrap(), [Fate::Stored]);
    bare.received = Clock.utc();
    bare.left = Left::Letter;
    assert_eq!(apply(&db, &[bare]).await.unwrap(), [Fate::Left { sound: true }]);
}

/// Their senders do not send them again, and the broker has them for the dead server only.
#[sqlx::test(migrations = "./migrations")]
async fn counts_without_a_time_that_a_dead_server_has_not_stored_are_stored_by_its_heir(db: PgPool) {
    import(&db).await;
    let shares = sees(&[], &[JUNCTION], true);
    let (sender, incoming) = mpsc::channel(64);
    let (outgoing, _answers) = mpsc::channel(64);
    let (applied, mut news) = mpsc::channel(64);
    let (_stop, stopped) = watch::channel(false);
    let channels =
        Channels { incoming, outgoing, applied, waiting: watch::Sender::new(0), shares: shares.clone() };
    let server = tokio::spawn(ingest::run(db.clone(), channels, std::sync::Arc::default(), stopped));
    for lane in [LANES[0], LANES[1]] {
        let (topic, payload) = (counts_topic(lane), published(lane, None).to_string().into_bytes());
        let (size, received, ack) = (payload.len(), Clock.utc(), AckToken::default());
        let message = Incoming { topic, payload, size, retained: false, again: false, received, ack };
        sender.send(message).await.unwrap();
        assert!(matches!(news.recv().await, Some(Applied::Counts(..))), "it is told of");
    }
    // The other one has stored the first, and dies.
    let first = item(&counts_topic(LANES[0]), &published(LANES[0], None));
    assert_eq!(apply(&db, &[first]).await.unwrap(), [Fate::Stored]);
    let held = [JUNCTION.parse::<JunctionId>().unwrap()].into();
    shares.saw(View { held, ..View::default() }, Clock.instant());
    wait_for(&db, "SELECT count(DISTINCT lane_id) FROM car_counts WHERE untimed", 2).await;
    drop(sender);
    server.await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 2, "and none twice");
    assert!(news.recv().await.is_none(), "nor told of twice");
}

/// Makes junctions without anything in them.
async fn junctions_of(db: &PgPool, number: i32) {
    sqlx::query(
        "INSERT INTO junctions (junction_name, city, latitude, longitude) SELECT 'J' || n, 'Mumbai', 19, 73 FROM generate_series(1, $1) n",
    )
    .bind(number)
    .execute(db)
    .await
    .unwrap();
}

async fn take(db: &PgPool, name: &str, hears: bool) -> Taken {
    let instance = Uuid::from_u128(name.len() as u128);
    leases::take(db, Server { name, instance, hears }, 10.0).await.unwrap()
}

/// Lets what a server has said last lie `seconds` further back.
async fn falls_silent(db: &PgPool, name: &str, seconds: f64) {
    for (table, column, who) in [("servers", "seen_at", "name"), ("junction_leases", "expires_at", "holder")]
    {
        let earlier =
            format!("UPDATE {table} SET {column} = {column} - $1 * interval '1 second' WHERE {who} = $2");
        sqlx::query(sqlx::AssertSqlSafe(earlier)).bind(seconds).bind(name).execute(db).await.unwrap();
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn servers_share_the_junctions_evenly_and_take_over_from_one_that_dies(db: PgPool) {
    junctions_of(&db, 10).await;
    let held = async |name: &str| take(&db, name, true).await.view.held.len();
    assert_eq!(held("a").await, 10);
    assert_eq!(held("bb").await, 0, "what somebody holds is his");
    assert_eq!(held("a").await, 5, "one gives back what is beyond its share");
    assert_eq!(held("bb").await, 5);
    assert_eq!((held("ccc").await, held("a").await, held("bb").await, held("ccc").await), (0, 4, 4, 2));
    assert_eq!((held("a").await, held("bb").await, held("ccc").await), (4, 4, 2), "it stays so");

    falls_silent(&db, "bb", 11.0).await;
    let a = take(&db, "a", true).await.view;
    let c = take(&db, "ccc", true).await.view;
    assert_eq!((a.held.len(), c.held.len()), (5, 5));
    assert_eq!(a.held.union(&c.held).collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(c.others, a.held);
    assert!(!a.follows && c.follows);

    leases::give_back(&db, "a").await.unwrap();
    assert_eq!(held("ccc").await, 10);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_server_that_does_not_hear_the_broker_leaves_the_junctions_to_one_that_does(db: PgPool) {
    junctions_of(&db, 4).await;
    assert_eq!(take(&db, "a", false).await.view.held.len(), 4, "alone it plans on");
    assert_eq!(take(&db, "a", true).await.view.held.len(), 4);
    assert_eq!(take(&db, "bb", true).await.view.held.len(), 0);
    assert_eq!(take(&db, "a", false).await.view.held.len(), 2, "a broken connection may be back in a moment");
    assert_eq!(take(&db, "bb", true).await.view.held.len(), 2);
    falls_silent(&db, "a", 11.0).await;
    let deaf = take(&db, "a", false).await.view;
    assert_eq!((deaf.held.len(), deaf.others.len()), (0, 2));
    assert_eq!(take(&db, "bb", true).await.view.held.len(), 4);
    assert_eq!(take(&db, "a", true).await.view.held.len(), 0);
    assert_eq!(
        (take(&db, "bb", true).await.view.held.len(), take(&db, "a", true).await.view.held.len()),
        (2, 2)
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn what_a_dead_server_has_locked_holds_up_nobody(db: PgPool) {
    junctions_of(&db, 4).await;
    assert_eq!(take(&db, "a", true).await.view.held.len(), 4);
    assert_eq!(take(&db, "bb", true).await.view.held.len(), 0);
    // It died while it renewed its leases, and the database does not know yet.
    let mut dead = db.begin().await.unwrap();
    sqlx::query("SELECT FROM junction_leases WHERE holder = 'a' FOR UPDATE")
        .execute(&mut *dead)
        .await
        .unwrap();
    let soon = std::time::Duration::from_secs(10);
    let taken = tokio::time::timeout(soon, take(&db, "bb", true)).await.unwrap();
    assert_eq!((taken.view.held.len(), taken.view.others.len()), (0, 4));
    dead.rollback().await.unwrap();
    falls_silent(&db, "a", 11.0).await;
    assert_eq!(take(&db, "bb", true).await.view.held.len(), 4);
}

#[sqlx::test(migrations = "./migrations")]
async fn two_processes_of_one_name_are_noticed(db: PgPool) {
    let server = |instance| Server { name: "a", instance: Uuid::from_u128(instance), hears: true };
    let doubles = async |instance| leases::take(&db, server(instance), 10.0).await.unwrap().has_double;
    assert_eq!(
        (doubles(1).await, doubles(1).await, doubles(2).await, doubles(2).await, doubles(1).await),
        (false, false, true, false, true)
    );
    falls_silent(&db, "a", 11.0).await;
    assert!(!doubles(2).await, "it is gone");
}
