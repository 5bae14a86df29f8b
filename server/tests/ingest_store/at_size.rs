//! What is asked all the time reads a few rows also when there are many.

use super::support::*;
use chrono::{DateTime, Utc};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::CarCounts;
use flextraff_server::clock::Clock;
use flextraff_server::config::Retention;
use flextraff_server::db::sites::{self, Span};
use flextraff_server::db::{counts, plans, retention};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// More rows are never read of those that tests fill in.
const FEW: i64 = 100;

/// A pool of one connection, so that the database's count of what is read is that of the pool.
async fn one_connection(db: &PgPool) -> PgPool {
    let options = db.connect_options().as_ref().clone();
    PgPoolOptions::new().max_connections(1).connect_with(options).await.expect("the database is there")
}

/// How many rows of a table and its partitions were read so far, and how many times an index was gone through.
async fn read(db: &PgPool, table: &str) -> (i64, i64) {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(db).await.expect("it answers");
    let query =
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint, coalesce(sum(idx_scan), 0)::bigint
         FROM pg_stat_user_tables WHERE relname LIKE $1 || '%'";
    sqlx::query_as(query).bind(table).fetch_one(db).await.expect("it answers")
}

/// 20 000 plans of a junction, of which the last one runs, and one more of each of a hundred others.
async fn with_plans(db: &PgPool) {
    import(db).await;
    for statement in [
        "INSERT INTO junctions (junction_id, junction_name, city, latitude, longitude)
         SELECT gen_random_uuid(), 'Other ' || n, 'Mumbai', 19, 72 FROM generate_series(1, 100) n",
        "INSERT INTO green_times (plan_id, junction_id, mode, message, first_sent_at, sent_at, valid_until, state)
         SELECT 'p' || n, junction_id, 'automatic', '{}', now() - n * interval '10 minutes', now() - n * interval '10 minutes',
                now() - n * interval '10 minutes' + interval '15 minutes', CASE WHEN n = 0 THEN 'running' ELSE 'replaced' END
         FROM junctions, generate_series(0, CASE WHEN junction_name = 'Main' THEN 19999 ELSE 0 END) n",
        "INSERT INTO green_times (plan_id, junction_id, mode, message, sent_at, valid_until)
         SELECT 'new', junction_id, 'automatic', '{}', now(), now() + interval '15 minutes' FROM junctions",
        "ANALYZE",
    ] {
        sqlx::query(statement).execute(db).await.expect("the rows are stored");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn of_years_of_plans_those_that_are_meant_are_read(db: PgPool) {
    with_plans(&db).await;
    let db = one_connection(&db).await;
    let (junction, now) = (JUNCTION.parse().unwrap(), Clock.utc());
    let (before, _) = read(&db, "green_times").await;
    let known = plans::confirm(&db, junction, "new", "running", &[], now).await.unwrap();
    assert_eq!(known.as_deref(), Some("sent"));
    let (confirmed, _) = read(&db, "green_times").await;
    assert!(confirmed - before < FEW, "confirming reads {}", confirmed - before);
    let replaced = "SELECT count(*) FROM green_times WHERE plan_id = 'p0' AND state = 'replaced'";
    assert_eq!(number(&db, replaced).await, 1);

    let (before, _) = read(&db, "green_times").await;
    let current = plans::current(&db, junction.into(), now).await.unwrap().unwrap();
    assert_eq!((current.plan_id.as_str(), current.state.as_str()), ("new", "running"));
    let (looked, _) = read(&db, "green_times").await;
    assert!(looked - before < FEW, "the current plan costs {}", looked - before);
}

#[sqlx::test(migrations = "./migrations")]
async fn plans_whose_time_is_over_are_found_without_the_others(db: PgPool) {
    with_plans(&db).await;
    let db = one_connection(&db).await;
    let (before, _) = read(&db, "green_times").await;
    // The oldest is one of 139 days ago.
    retention::apply(&db, Retention { epc_days: 1, counts_days: 138, ..Retention::default() }, Clock.utc())
        .await
        .unwrap();
    let (deleted, _) = read(&db, "green_times").await;
    assert!(deleted - before < 3 * FEW, "deleting reads {}", deleted - before);
    let left = number(&db, "SELECT count(*) FROM green_times").await;
    assert!((19_900..20_202).contains(&left), "{left}");
}

/// A day of 50 junctions with one lane each, as their devices send it, and an interval of the first one's without a time.
async fn with_counts(db: &PgPool) -> DateTime<Utc> {
    import(db).await;
    for statement in [
        "INSERT INTO junctions (junction_id, junction_name, city, latitude, longitude)
         SELECT gen_random_uuid(), 'Other ' || n, 'Mumbai', 19, 72 FROM generate_series(1, 49) n",
        "INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, observed_s, device_id, outbox_id, seq, boot_id, mono_ms, clock)
         SELECT junction_id, CASE WHEN junction_name = 'Main' THEN '00000000-0000-0000-0000-0000000000b1' ELSE junction_id END,
                now() - n * interval '3 minutes', 1, 5, junction_id, junction_id, n, junction_id, n, 'synced'
         FROM generate_series(0, 479) n, junctions",
        "INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, epc_ids, untimed)
         VALUES ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000b1', now(), 1, '{EPC1}', true)",
        "ANALYZE",
    ] {
        sqlx::query(statement).execute(db).await.expect("the rows are stored");
    }
    sqlx::query_scalar("SELECT max(ts) FROM car_counts").fetch_one(db).await.expect("it answers")
}

#[sqlx::test(migrations = "./migrations")]
async fn counts_without_a_time_that_come_again_are_looked_for_among_their_like(db: PgPool) {
    let now = with_counts(&db).await;
    let db = one_connection(&db).await;
    let message: CarCounts = serde_json::from_value(published(LANES[0], None)).unwrap();
    let (before, _) = read(&db, "car_counts").await;
    let mut connection = db.acquire().await.unwrap();
    assert!(counts::holds_untimed(&mut connection, &message, now).await.unwrap());
    drop(connection);
    let (looked, _) = read(&db, "car_counts").await;
    assert!(looked - before <= 2, "looking for one reads {}", looked - before);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_all_junctions_showed_lately_is_read_a_junction_at_a_time(db: PgPool) {
    let now = with_counts(&db).await.timestamp_millis();
    let db = one_connection(&db).await;
    let (rows, scans) = read(&db, "car_counts").await;
    let (since, until) = (UnixMs(now - 899_000), UnixMs(now + 1));
    let span = Span { since, exact_since: until, until };
    let demand = sites::recent_demand(&db, None, span).await.unwrap();
    assert_eq!(demand.len(), 250);
    let (rows_after, scans_after) = read(&db, "car_counts").await;
    assert!(rows_after - rows <= 251, "the demand of a quarter of an hour reads {}", rows_after - rows);
    // Gone through once, an index by junction would be read whole for its times.
    assert!(scans_after - scans >= 50, "{}", scans_after - scans);
    let one = sites::recent_demand(&db, JUNCTION.parse().ok(), span).await.unwrap();
    assert_eq!(one.len(), 5);
    assert!(one.iter().all(|recent| recent.junction.to_string() == JUNCTION && recent.shown.row.is_none()));
    // The last intervals are told apart: what has come twice counts once.
    let span = Span { exact_since: UnixMs(now - 100_000), ..span };
    let one = sites::recent_demand(&db, JUNCTION.parse().ok(), span).await.unwrap();
    let rows: Vec<u64> = one.iter().filter_map(|recent| Some(recent.shown.row?.1.0)).collect();
    assert_eq!((one.len(), rows), (6, vec![0]));
}
