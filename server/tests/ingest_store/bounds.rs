//! How much many messages cost: transactions, and dead letters.

use crate::support::*;
use flextraff_server::clock::Clock;
use flextraff_server::ingest::{self, Channels, Fate, Item, apply};
use flextraff_server::mqtt::{AckToken, Incoming};
use flextraff_server::shares::Shares;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::{mpsc, watch};

#[sqlx::test(migrations = "./migrations")]
async fn messages_that_wait_are_committed_together(db: PgPool) {
    const MESSAGES: u64 = 200;
    import(&db).await;
    let (sender, incoming) = mpsc::channel(MESSAGES as usize);
    for seq in 1..=MESSAGES {
        let payload = counts(DEVICE, LANES[0], seq).to_string().into_bytes();
        let (topic, size, received) = (counts_topic(LANES[0]), payload.len(), Clock.utc());
        let ack = AckToken::default();
        let message = Incoming { topic, payload, size, retained: false, again: false, received, ack };
        sender.try_send(message).unwrap();
    }
    drop(sender);
    let (outgoing, _answers) = mpsc::channel(MESSAGES as usize);
    let (applied, _news) = mpsc::channel(MESSAGES as usize);
    let (_stop, stopped) = watch::channel(false);
    let shares = Shares::alone();
    let channels = Channels { incoming, outgoing, applied, waiting: watch::Sender::new(0), shares };
    ingest::run(db.clone(), channels, std::sync::Arc::default(), stopped).await;
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, MESSAGES as i64);
    let transactions = number(&db, "SELECT count(DISTINCT xmin::text) FROM car_counts").await;
    // One, unless the machine pauses while they are gathered.
    assert!(transactions <= 10, "{transactions} transactions for {MESSAGES} messages");
}

#[sqlx::test(migrations = "./migrations")]
async fn of_a_device_gone_mad_a_thousand_letters_an_hour_are_kept_and_of_others_all(db: PgPool) {
    import(&db).await;
    let hour = "2026-02-10T14:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let letter = |device: &str, seq: u64, minutes: i64| {
        // The lane of no junction.
        let lane = "00000000-0000-0000-0000-0000000000ff";
        let payload = counts(device, lane, seq).to_string().into_bytes();
        Item::new(counts_topic(lane), payload, hour + chrono::TimeDelta::minutes(minutes))
    };
    let refused = async |items: Vec<Item>| {
        let fates = apply(&db, &items).await.unwrap();
        assert!(fates.iter().all(|fate| matches!(fate, Fate::Refused(_))), "each is answered: {fates:?}");
    };
    let letters = async |what: &str| {
        let query = format!("SELECT count(*) FROM dead_letters {what}");
        sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(query)).fetch_one(&db).await.unwrap()
    };
    for from in [1, 401, 801] {
        refused((from..from + 400).map(|seq| letter(DEVICE, seq, 1)).collect()).await;
    }
    refused(vec![letter(DEVICE, 2000, 59), letter(COUNTER, 1, 59)]).await;
    assert_eq!(
        letters("WHERE reason = 'unknown_lane' AND seq <= 1000").await,
        1001,
        "one is the other device's"
    );
    // The others are counted, and answered only with that.
    let sums = async |what: &str| {
        let query = format!(
            "SELECT coalesce(sum(messages), 0)::bigint FROM dead_letters WHERE sum_of IS NOT NULL {what}"
        );
        sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(query)).fetch_one(&db).await.unwrap()
    };
    let of_device =
        format!("AND device_id = '{DEVICE}' AND reason = 'unknown_lane' AND seq IS NULL AND payload = ''");
    assert_eq!((sums(&of_device).await, sums("").await, letters("").await), (201, 201, 1002));
    // What is refused again is counted once.
    refused((1101..1200).map(|seq| letter(DEVICE, seq, 2)).collect()).await;
    assert_eq!(sums("").await, 201);
    refused(vec![letter(DEVICE, 2001, 60)]).await;
    assert_eq!(letters("WHERE seq = 2001").await, 1, "the next hour is another one");

    // Whoever makes ids up shares what its junction has; what names no junction shares that of none.
    for device in 0..6 {
        let device = format!("00000000-0000-0000-0000-0000000001{device:02}");
        refused((1..=999).map(|seq| letter(&device, seq, 120)).collect()).await;
    }
    let third = "received_at >= '2026-02-10T16:00:00Z'";
    assert_eq!(letters(&format!("WHERE {third}")).await, 5001);
    assert_eq!(sums(&format!("AND {third} AND device_id IS NULL AND junction_id IS NOT NULL")).await, 994);
    let nowhere =
        |_| Item::new("flextraff/x/y/car-counts".to_owned(), json!({}).to_string().into_bytes(), hour);
    refused((0..1005).map(nowhere).collect()).await;
    assert_eq!(letters("WHERE junction_id IS NULL").await, 1001);
    assert_eq!(sums("AND junction_id IS NULL").await, 5);
}
