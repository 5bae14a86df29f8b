//! Which rows, and which EPCs in them, are kept for how long.

use super::support::*;
use super::{hurried, waits_longer};
use chrono::Utc;
use flextraff_server::config::Retention;
use flextraff_server::db::{partitions, retention, roll_ups};
use flextraff_server::ingest::{Fate, apply};
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "./migrations")]
async fn a_partition_that_is_made_late_takes_over_the_rows_of_its_day(db: PgPool) {
    import(&db).await;
    let items = [item(&counts_topic(LANES[0]), &counts(DEVICE, LANES[0], 1))];
    apply(&db, &items).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts_default").await, 1);
    let day = "2026-02-10".parse().unwrap();
    assert!(partitions::make_ahead(&db, day).await.unwrap() > 0);
    assert_eq!(partitions::make_ahead(&db, day).await.unwrap(), 0);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts_default").await, 0);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts_20260210").await, 1);
    let fates = apply(&db, &items).await.unwrap();
    assert_eq!(fates, [Fate::Duplicate]);
}

#[sqlx::test(migrations = "./migrations")]
async fn epcs_go_first_and_counts_later(db: PgPool) {
    import(&db).await;
    let day = |day: &str| {
        let mut message = published(LANES[0], Some(&format!("{day}T12:00:00Z")));
        message["passages"] = json!([{ "t_ms": 1, "dwell_ms": 1, "reads": 1, "open": false, "valid": true }]);
        item(&counts_topic(LANES[0]), &message)
    };
    partitions::make_ahead(&db, "2026-02-10".parse().unwrap()).await.unwrap();
    // The first lies in the default partition, the others in their own.
    let items = [day("2025-12-01"), day("2026-02-08"), day("2026-02-09"), day("2026-02-10")];
    apply(&db, &items).await.unwrap();
    // Vehicles only left: the departures alone name them. An older server took this partition for done.
    let mut left = published(LANES[0], Some("2026-02-09T11:59:00Z"));
    left["vehicle_count"] = json!(0);
    left["epc_ids"] = json!([]);
    left["departures"] = json!([{ "t_ms": 1, "dwell_ms": 1, "reads": 1, "epc": "EPC1" }]);
    let fates = apply(&db, &[item(&counts_topic(LANES[0]), &left)]).await.unwrap();
    assert_eq!(fates, [Fate::Stored]);
    sqlx::query("COMMENT ON TABLE car_counts_20260209 IS 'without EPCs'").execute(&db).await.unwrap();
    let retention = Retention { epc_days: 1, counts_days: 2, ..Retention::default() };
    roll_ups::refresh(&db, None).await.unwrap();
    for _ in 0..2 {
        retention::apply(&db, retention, "2026-02-11T06:00:00Z".parse().unwrap()).await.unwrap();
        assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 3);
        assert_eq!(number(&db, "SELECT count(*) FROM car_counts WHERE departures IS NOT NULL").await, 0);
        assert_eq!(
            number(&db, "SELECT count(*) FROM car_counts WHERE epc_ids = '{}' AND passages IS NULL AND vehicle_count = 1")
                .await,
            1
        );
        assert_eq!(
            number(&db, "SELECT count(*) FROM pg_class WHERE relname = 'car_counts_20260208'").await,
            0
        );
        // Sums outlive EPCs, and go with the counts; five minutes by the month.
        assert_eq!(number(&db, "SELECT count(*) FROM lane_volumes_5m").await, 3);
        for sums in ["lane_volumes_hour", "lane_volumes_day", "junction_daily_stats"] {
            let count = format!("SELECT count(*) FROM {sums}");
            let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&db).await.unwrap();
            assert_eq!(left, 2, "{sums}");
        }
        assert_eq!(
            number(&db, "SELECT count(*) FROM system_logs WHERE log_type = 'retention.done'").await,
            1
        );
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_clock_that_is_far_ahead_takes_nothing_out_at_once(db: PgPool) {
    let (minute, day) = (std::time::Duration::from_mins(1), std::time::Duration::from_hours(25));
    let today: chrono::DateTime<Utc> = "2026-02-11T06:00:00Z".parse().unwrap();
    assert_eq!(retention::time(&db, today, minute).await.unwrap(), today, "nothing is known yet");
    retention::applied(&db, today).await.unwrap();
    let later = today + chrono::TimeDelta::days(2);
    assert_eq!(retention::time(&db, later, minute).await.unwrap(), later);
    let far = today + chrono::TimeDelta::days(30);
    assert_eq!(retention::time(&db, far, minute).await.unwrap(), today, "the last time counts");
    assert_eq!(retention::time(&db, far, day).await.unwrap(), far, "for a day it is what it is");
    let back = today - chrono::TimeDelta::days(5);
    assert_eq!(retention::time(&db, back, minute).await.unwrap(), back);
    // Years ahead of the database.
    let ahead = flextraff_server::clock::Clock.utc() + chrono::TimeDelta::days(3650);
    assert!(retention::time(&db, ahead, day).await.unwrap() < ahead - chrono::TimeDelta::days(3600));
}

/// A backup reads for an hour; whoever stores rows must not wait behind somebody who waits for it.
#[sqlx::test(migrations = "./migrations")]
async fn a_table_that_somebody_reads_is_changed_later(db: PgPool) {
    import(&db).await;
    partitions::make_ahead(&db, "2026-02-10".parse().unwrap()).await.unwrap();
    let mut backup = db.begin().await.unwrap();
    sqlx::query("LOCK TABLE car_counts, car_counts_default IN ACCESS SHARE MODE")
        .execute(&mut *backup)
        .await
        .unwrap();
    let retention = Retention { epc_days: 1, counts_days: 2, ..Retention::default() };
    let (now, soon) = ("2026-02-11T06:00:00Z".parse().unwrap(), std::time::Duration::from_secs(20));
    let there = "SELECT count(*) FROM pg_class WHERE relname = 'car_counts_20260208'";
    tokio::time::timeout(soon, retention::apply(&db, retention, now))
        .await
        .expect("it does not wait")
        .unwrap();
    assert_eq!(number(&db, there).await, 1);
    let made = tokio::time::timeout(soon, partitions::make_ahead(&db, "2026-03-20".parse().unwrap())).await;
    assert!(made.expect("it does not wait").is_err());
    backup.commit().await.unwrap();
    retention::apply(&db, retention, now).await.unwrap();
    assert_eq!(number(&db, there).await, 0);
    assert!(partitions::make_ahead(&db, "2026-03-20".parse().unwrap()).await.unwrap() > 0);
}

/// An outbox that was cut off for weeks, and a clock that was corrected by as much, bring rows of days out of which the EPCs are gone already.
#[sqlx::test(migrations = "./migrations")]
async fn what_comes_after_its_epcs_should_have_gone_loses_them_soon(db: PgPool) {
    import(&db).await;
    partitions::make_ahead(&db, "2026-02-10".parse().unwrap()).await.unwrap();
    let retention = Retention { epc_days: 30, counts_days: 730, ..Retention::default() };
    let now: chrono::DateTime<Utc> = "2026-04-01T06:00:00Z".parse().unwrap();
    retention::apply(&db, retention, now).await.unwrap();
    let passage = json!([{ "t_ms": 1, "dwell_ms": 1, "reads": 1, "open": false, "valid": true }]);
    let counted = |seq: u64, more: serde_json::Value| {
        let mut counts = counts(DEVICE, LANES[0], seq);
        counts["interval_start"] = json!("2026-02-10T14:29:55Z");
        counts["passages"] = passage.clone();
        for (key, value) in more.as_object().unwrap() {
            counts[key] = value.clone();
        }
        item(&counts_topic(LANES[0]), &counts)
    };
    let left = json!([{ "t_ms": 1, "dwell_ms": 1, "reads": 1, "epc": "EPC9" }]);
    let only_left = json!({ "vehicle_count": 0, "epc_ids": [], "passages": [], "departures": left });
    let recent = json!({ "interval_start": "2026-03-31T12:00:00Z", "timestamp": "2026-03-31T12:00:05Z" });
    let unsynced = json!({ "clock": "unsynced", "interval_start": "2026-03-31T12:00:00Z",
                           "timestamp": "2026-03-31T12:00:05Z" });
    let cycle = row(
        DEVICE,
        5,
        json!({
            "plan_id": null, "mode": "automatic", "started_at": "2026-02-10T14:29:50Z", "ended_at": "2026-02-10T14:31:00Z",
            "stages": [], "lanes": [{ "lane_id": LANES[0], "vehicle_count": 1, "green_s": 20, "queue_start": 4, "queue_end": 3 }],
        }),
    );
    let items = [
        counted(1, json!({})),
        counted(2, only_left),
        counted(3, recent),
        counted(4, unsynced),
        item(&topic("cycles", DEVICE), &cycle),
    ];
    let fates = apply(&db, &items).await.unwrap();
    assert!(fates.iter().all(|fate| *fate == Fate::Stored), "{fates:?}");
    // 2026-02-09T00:00:00Z less the monotonic time of row 4.
    let fix = row(DEVICE, 6, json!({ "offset_ms": 1_770_595_200_000_i64 - 10_004 }));
    apply(&db, &[item(&topic("clock-fix", DEVICE), &fix)]).await.unwrap();
    for _ in 0..2 {
        roll_ups::refresh(&db, None).await.unwrap();
        roll_ups::fill_epcs(&db, retention::epcs_before(retention, now)).await.unwrap();
        retention::apply(&db, retention, now).await.unwrap();
        let with: Vec<i64> = sqlx::query_scalar(
            "SELECT seq FROM car_counts WHERE epc_ids <> '{}' OR passages IS NOT NULL OR departures IS NOT NULL",
        )
        .fetch_all(&db)
        .await
        .unwrap();
        assert_eq!(with, [3]);
        assert_eq!(number(&db, "SELECT count(*) FROM lane_cycle_data WHERE epc_ids <> '{}'").await, 0);
    }
    assert_eq!(number(&db, "SELECT sum(vehicle_count)::bigint FROM car_counts").await, 3);
    assert_eq!(number(&db, "SELECT sum(vehicle_count)::bigint FROM lane_volumes_day").await, 3);
}

/// A day of a large city is millions of rows.
#[sqlx::test(migrations = "./migrations")]
async fn taking_out_epcs_takes_as_long_as_it_takes(db: PgPool) {
    import(&db).await;
    let early = item(&counts_topic(LANES[0]), &published(LANES[0], Some("2026-02-08T12:00:00Z")));
    apply(&db, &[early]).await.unwrap();
    // Somebody else holds the row for longer than a statement may take.
    let mut holder = db.begin().await.unwrap();
    sqlx::query("SELECT FROM car_counts FOR UPDATE").execute(&mut *holder).await.unwrap();
    let hurried = hurried(&db).await;
    let retention = Retention { epc_days: 1, counts_days: 99, ..Retention::default() };
    let taking = retention::apply(&hurried, retention, "2026-02-11T06:00:00Z".parse().unwrap());
    let (taken, ()) = tokio::join!(taking, async {
        waits_longer(&db).await;
        holder.commit().await.unwrap();
    });
    taken.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts WHERE epc_ids <> '{}'").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_cannot_be_taken_out_holds_up_nothing_else(db: PgPool) {
    import(&db).await;
    partitions::make_ahead(&db, "2026-02-10".parse().unwrap()).await.unwrap();
    let day =
        |day: &str| item(&counts_topic(LANES[0]), &published(LANES[0], Some(&format!("{day}T12:00:00Z"))));
    apply(&db, &[day("2026-02-08"), day("2026-02-09")]).await.unwrap();
    for statement in [
        "INSERT INTO dead_letters (received_at, topic, payload, payload_bytes, reason, detail) VALUES ('2026-02-01', 'x', 'x', 1, 'malformed', 'x')",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a damaged page'; END $$",
        "CREATE TRIGGER refused BEFORE UPDATE ON car_counts_20260208 FOR EACH ROW EXECUTE FUNCTION refuse()",
    ] {
        sqlx::query(statement).execute(&db).await.unwrap();
    }
    let (retention, now) = (
        Retention { epc_days: 1, counts_days: 99, ..Retention::default() },
        "2026-02-11T06:00:00Z".parse().unwrap(),
    );
    for _ in 0..2 {
        let failed = retention::apply(&db, retention, now).await.unwrap_err();
        assert!(failed.to_string().contains("a damaged page"), "{failed}");
        let with: Vec<String> =
            sqlx::query_scalar("SELECT to_char(ts, 'YYYY-MM-DD') FROM car_counts WHERE epc_ids <> '{}'")
                .fetch_all(&db)
                .await
                .unwrap();
        assert_eq!(with, ["2026-02-08"]);
        assert_eq!(number(&db, "SELECT count(*) FROM dead_letters").await, 0);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn who_did_what_goes_last_and_by_no_hand(db: PgPool) {
    import(&db).await;
    let now: chrono::DateTime<Utc> = "2026-02-11T06:00:00Z".parse().unwrap();
    let run = async |statement: &'static str| sqlx::query(statement).execute(&db).await;
    for statement in [
        "INSERT INTO audit_log (at, action) SELECT at::timestamptz, 'old' FROM unnest('{2010-01-01,2016-02-01}'::text[]) at",
        "INSERT INTO audit_log (at, action) SELECT at::timestamptz, 'kept' FROM unnest('{2016-03-01,2026-02-01}'::text[]) at",
        "INSERT INTO clock_fixes SELECT gen_random_uuid(), gen_random_uuid(), 0, at::timestamptz FROM unnest('{2024-01-01,2026-01-01}'::text[]) at",
        "INSERT INTO manual_override_history (junction_id, override_start, override_end, end_reason)
         SELECT junction_id, at::timestamptz, at::timestamptz, 'ended' FROM junctions, unnest('{2016-01-01,2016-03-01}'::text[]) at",
    ] {
        run(statement).await.unwrap();
    }
    let refused = |done: sqlx::Result<_>| done.unwrap_err().to_string().contains("only written to the end");
    assert!(refused(run("DELETE FROM audit_log").await.map(drop)));
    retention::apply(&db, Retention::default(), now).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM audit_log WHERE action = 'old'").await, 0);
    assert_eq!(number(&db, "SELECT count(*) FROM audit_log WHERE action = 'kept'").await, 2);
    assert_eq!(number(&db, "SELECT count(*) FROM clock_fixes").await, 1);
    let overrides = number(&db, "SELECT count(*) FROM manual_override_history").await;
    assert_eq!(overrides, number(&db, "SELECT count(*) FROM junctions").await);
    // Neither a wrong number of days nor a setting takes out what is younger than a year.
    run("INSERT INTO audit_log (action) VALUES ('new')").await.unwrap();
    run("SELECT forget_audit('infinity')").await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM audit_log WHERE action = 'new'").await, 1);
    let mut tx = db.begin().await.unwrap();
    sqlx::query("SELECT set_config('flextraff.forgets_audit', 'on', true)").execute(&mut *tx).await.unwrap();
    assert!(refused(sqlx::query("DELETE FROM audit_log").execute(&mut *tx).await.map(drop)));
    tx.rollback().await.unwrap();
    for statement in ["UPDATE audit_log SET action = 'x'", "TRUNCATE audit_log"] {
        assert!(refused(run(statement).await.map(drop)), "{statement}");
    }
}

/// A day of India begins at half past six in the evening before, and its hours begin at half past.
#[sqlx::test(migrations = "./migrations")]
async fn the_first_day_that_is_kept_is_whole_even_if_it_is_summed_up_again(db: PgPool) {
    import(&db).await;
    let counted = |at: &str| item(&counts_topic(LANES[0]), &published(LANES[0], Some(at)));
    let cycle = |seq: u64, start: &str, end: &str| {
        let lanes = json!([{ "lane_id": LANES[0], "vehicle_count": 0, "green_s": 20, "queue_start": null, "queue_end": null }]);
        let cycle = json!({ "plan_id": null, "mode": "automatic", "started_at": start, "ended_at": end, "stages": [], "lanes": lanes });
        item(&topic("cycles", DEVICE), &row(DEVICE, seq, cycle))
    };
    let early = [
        counted("2026-02-08T20:00:00Z"),
        counted("2026-02-08T23:40:00Z"),
        cycle(1, "2026-02-08T20:00:00Z", "2026-02-08T20:01:00Z"),
    ];
    assert_eq!(apply(&db, &early).await.unwrap(), vec![Fate::Stored; 3]);
    roll_ups::refresh(&db, None).await.unwrap();
    let retention = Retention { epc_days: 1, counts_days: 2, ..Retention::default() };
    let stats =
        "SELECT total_vehicles + 100 * total_cycles FROM junction_daily_stats WHERE stat_date = '2026-02-09'";
    for (late, sum) in [("2026-02-09T00:10:00Z", 103), ("2026-02-09T07:00:00Z", 104)] {
        retention::apply(&db, retention, "2026-02-11T06:00:00Z".parse().unwrap()).await.unwrap();
        apply(&db, &[counted(late)]).await.unwrap();
        roll_ups::refresh(&db, None).await.unwrap();
        assert_eq!(number(&db, stats).await, sum, "{late}");
        assert_eq!(number(&db, "SELECT vehicle_count FROM lane_volumes_day").await, sum - 100, "{late}");
    }
    retention::apply(&db, retention, "2026-02-12T06:00:00Z".parse().unwrap()).await.unwrap();
    for sums in ["lane_volumes_hour", "lane_volumes_day", "junction_daily_stats"] {
        let count = format!("SELECT count(*) FROM {sums}");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&db).await.unwrap();
        assert_eq!(left, 0, "{sums}");
    }
}
