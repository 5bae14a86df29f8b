//! How long rows are kept whose clock was wrong.

use super::support::*;
use chrono::{DateTime, Utc};
use flextraff_server::config::Retention;
use flextraff_server::db::{partitions, retention, roll_ups};
use flextraff_server::ingest::{Fate, apply};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// When rows come in these tests.
const RECEIVED: &str = "2026-04-14T06:00:00Z";
const SOON: Retention = Retention { epc_days: 1, counts_days: 2, audit_days: 3650 };
/// Tables of rows that a device sends, and the time of a row.
const TABLES: [(&str, &str); 4] = [
    ("car_counts", "ts"),
    ("traffic_cycles", "cycle_end_time"),
    ("lane_cycle_data", "cycle_start_time"),
    ("signal_events", "ts"),
];

/// Stores counts, a cycle with a lane and an event, all of which end at `at`; their numbers, and the milliseconds of their monotonic time beyond
/// ten seconds, count from `seq`.
async fn sent(db: &PgPool, seq: u64, clock: &str, at: DateTime<Utc>) {
    let before = |seconds: i64| json!((at - chrono::TimeDelta::seconds(seconds)).to_rfc3339());
    let mut counted = counts(DEVICE, LANES[0], seq);
    for (key, value) in [
        ("timestamp", before(0)),
        ("interval_start", before(5)),
        ("passages", json!([{ "t_ms": 1000, "dwell_ms": 1, "reads": 1, "open": false, "valid": true }])),
    ] {
        counted[key] = value;
    }
    let lane =
        json!({ "lane_id": LANES[0], "vehicle_count": 1, "green_s": 20, "queue_start": 4, "queue_end": 3 });
    let cycle = json!({ "plan_id": null, "mode": "automatic", "started_at": before(20), "ended_at": before(0), "stages": [],
                        "lanes": [lane] });
    let rows = [
        (counts_topic(LANES[0]), counted),
        (topic("cycles", DEVICE), row(DEVICE, seq + 1, cycle)),
        (topic("events", DEVICE), row(DEVICE, seq + 2, json!({ "events": [[before(0), 1, 7]] }))),
    ];
    let items = rows.map(|(topic, mut row): (String, Value)| {
        row["clock"] = json!(clock);
        item(&topic, &row)
    });
    assert_eq!(apply(db, &items).await.expect("the database works"), vec![Fate::Stored; 3]);
    received(db, RECEIVED).await;
}

/// Has all rows received at that time.
async fn received(db: &PgPool, at: &str) {
    for table in ["car_counts", "traffic_cycles", "signal_events"] {
        let moved = format!("UPDATE {table} SET received_at = '{at}'");
        sqlx::query(AssertSqlSafe(moved)).execute(db).await.expect("the database works");
    }
}

/// As the server does within an hour.
async fn kept(db: &PgPool, kept: Retention, now: DateTime<Utc>) {
    for _ in 0..2 {
        roll_ups::refresh(db, None).await.expect("the database works");
        roll_ups::fill_epcs(db, retention::epcs_before(kept, now)).await.expect("the database works");
        retention::apply(db, kept, now).await.expect("the database works");
    }
}

/// The years of the rows of each of [`TABLES`], or whatever `what` says of the row `r` at the time `r.at`.
async fn rows(db: &PgPool, what: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (table, time) in TABLES {
        let query = format!("SELECT {what} FROM (SELECT *, {time} AS at FROM {table}) r ORDER BY at");
        found.push(sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(db).await.expect("the database works"));
    }
    found
}

async fn epcs(db: &PgPool) -> i64 {
    number(
        db,
        "SELECT (SELECT count(*) FROM car_counts WHERE epc_ids <> '{}' AND passages IS NOT NULL)
              + (SELECT count(*) FROM lane_cycle_data WHERE epc_ids <> '{}')",
    )
    .await
}

/// Rows of a clock that began at `began` are there with all that is in them when the `clock-fix` comes, whatever was taken out before.
async fn wait_for_the_fix(db: &PgPool, began: &str) {
    import(db).await;
    partitions::make_ahead(db, "2026-02-10".parse().expect("it is a day")).await.expect("the database works");
    let (began, now): (DateTime<Utc>, _) =
        (began.parse().expect("it is a time"), "2026-04-15T06:00:00Z".parse().expect("it is a time"));
    sent(db, 1, "unsynced", began).await;
    // These are really so old.
    sent(db, 11, "synced", began).await;
    kept(db, SOON, now).await;
    let clocks = "CASE WHEN r.at < '2026-02-09' THEN 'early' ELSE 'late' END";
    assert_eq!(rows(db, clocks).await, vec![vec!["early"]; 4]);
    // The counts have ended a day before, in a partition out of which no EPCs have been taken yet; a cycle knows its vehicles when it is put right.
    let right: DateTime<Utc> = "2026-04-14T12:00:00Z".parse().expect("it is a time");
    let fix = row(DEVICE, 20, json!({ "offset_ms": right.timestamp_millis() - 10_001 }));
    apply(db, &[item(&topic("clock-fix", DEVICE), &fix)]).await.expect("the database works");
    kept(db, SOON, now).await;
    let times = "to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')";
    assert_eq!(
        rows(db, times).await,
        [
            ["2026-04-14 12:00:00.000"],
            ["2026-04-14 12:00:00.001"],
            ["2026-04-14 11:59:40.001"],
            ["2026-04-14 12:00:00.002"]
        ]
    );
    assert_eq!(epcs(db).await, 2);
    let over = "SELECT count(*) FROM pg_class WHERE relname IN ('car_counts_20260208', 'traffic_cycles_202602', 'lane_cycle_data_202602')";
    assert_eq!(number(db, over).await, 0, "nothing is waiting in them any more");
}

#[sqlx::test(migrations = "./migrations")]
async fn rows_of_1970_wait_for_the_clock_fix(db: PgPool) {
    wait_for_the_fix(&db, "1970-01-01T00:00:30Z").await;
}

/// The clock begins with the date of the card, whose partition is about to go.
#[sqlx::test(migrations = "./migrations")]
async fn a_partition_in_which_rows_wait_for_the_clock_fix_stays(db: PgPool) {
    wait_for_the_fix(&db, "2026-02-08T12:00:00Z").await;
}

#[sqlx::test(migrations = "./migrations")]
async fn rows_whose_clock_fix_never_comes_go_by_their_receipt(db: PgPool) {
    import(&db).await;
    partitions::make_ahead(&db, "2026-02-10".parse().unwrap()).await.unwrap();
    // In a partition out of which all EPCs have been taken, too.
    let now = "2026-03-05T06:00:00Z".parse().unwrap();
    kept(&db, Retention::default(), "2026-04-05T06:00:00Z".parse().unwrap()).await;
    for (seq, began) in [(1, "1970-01-01T00:00:30Z"), (11, "2026-02-08T12:00:00Z")] {
        sent(&db, seq, "unsynced", began.parse().unwrap()).await;
    }
    let lanes = "UPDATE lane_cycle_data SET epc_ids = '{EPC1}'";
    sqlx::query(lanes).execute(&db).await.unwrap();
    let count = async || rows(&db, "''").await.iter().map(Vec::len).collect::<Vec<_>>();
    for (at, with, left) in [
        ("2026-02-20T00:00:00Z", 4, [2, 2, 2, 2]),
        ("2026-01-20T00:00:00Z", 0, [2, 2, 2, 2]),
        // What lies in a partition of its time goes with it.
        ("2024-02-20T00:00:00Z", 0, [1, 1, 1, 1]),
    ] {
        received(&db, at).await;
        kept(&db, Retention::default(), now).await;
        assert_eq!((epcs(&db).await, count().await), (with, left.to_vec()), "{at}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn rows_dated_ahead_go_by_their_receipt(db: PgPool) {
    import(&db).await;
    partitions::make_ahead(&db, "2026-02-10".parse().unwrap()).await.unwrap();
    let now = "2026-02-11T06:00:00Z".parse().unwrap();
    // A hundred years, and a few days, for which there are partitions already.
    for (seq, at) in [(1, "2126-02-10T12:00:00Z"), (11, "2026-02-16T12:00:00Z")] {
        sent(&db, seq, "synced", at.parse().unwrap()).await;
    }
    kept(&db, Retention::default(), now).await;
    assert_eq!(epcs(&db).await, 4, "they have come later than {now}");
    received(&db, "2026-01-02T00:00:00Z").await;
    kept(&db, Retention::default(), now).await;
    // The partition of the lanes of a cycle has the whole month.
    let lanes = "SELECT count(*) FROM lane_cycle_data_default WHERE epc_ids <> '{}'";
    let counts = "SELECT count(*) FROM car_counts WHERE epc_ids <> '{}' OR passages IS NOT NULL";
    assert_eq!((number(&db, counts).await, number(&db, lanes).await), (0, 0));
    assert_eq!(rows(&db, "''").await.iter().map(Vec::len).collect::<Vec<_>>(), [2; 4]);
    kept(&db, Retention { counts_days: 30, ..Retention::default() }, now).await;
    let left = "to_char(r.at, 'YYYY')";
    assert_eq!(rows(&db, left).await, [vec![], vec!["2026"], vec!["2026"], vec![]]);
}
