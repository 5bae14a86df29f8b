//! Rows of uptimes whose clock was not synchronised, and what corrects them.

use crate::support::*;
use crate::{hurried, volumes, waits_longer};
use flextraff_server::db::roll_ups;
use flextraff_server::ingest::{Fate, apply};
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "./migrations")]
async fn lanes_of_a_cycle_know_when_they_had_green_and_a_clock_fix_moves_it_along(db: PgPool) {
    import(&db).await;
    let stage = |name: &str, green_s: f64| json!({ "stage": name, "green_s": green_s, "amber_s": 3, "all_red_s": 2, "end": "plan" });
    let lane = |lane: &str| json!({ "lane_id": lane, "vehicle_count": 0, "green_s": 20, "queue_start": null, "queue_end": null });
    let mut cycle = row(
        DEVICE,
        1,
        json!({ "plan_id": null, "mode": "automatic", "started_at": "1970-01-01T00:00:10Z", "ended_at": "1970-01-01T00:01:00Z",
                "stages": [stage("N", 20.0), stage("S", 20.5)], "lanes": [lane(LANES[0]), lane(LANES[1])] }),
    );
    cycle["clock"] = json!("unsynced");
    apply(&db, &[item(&topic("cycles", DEVICE), &cycle)]).await.unwrap();
    let greens = async || {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT to_char(green_time_start AT TIME ZONE 'UTC', 'YYYY HH24:MI:SS.MS') || to_char(green_time_end AT TIME ZONE 'UTC', ' HH24:MI:SS.MS')
             FROM lane_cycle_data ORDER BY lane_id",
        )
        .fetch_all(&db)
        .await
        .unwrap();
        rows
    };
    assert_eq!(greens().await, ["1970 00:00:10.000 00:00:30.000", "1970 00:00:35.000 00:00:55.500"]);
    // It ended at the monotonic time of its row, 10.001 s: at 2026-02-10T00:01:00Z.
    let fix = row(DEVICE, 2, json!({ "offset_ms": 1_770_681_660_000_i64 - 10_001 }));
    apply(&db, &[item(&topic("clock-fix", DEVICE), &fix)]).await.unwrap();
    assert_eq!(greens().await, ["2026 00:00:10.000 00:00:30.000", "2026 00:00:35.000 00:00:55.500"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_clock_fix_takes_as_long_as_it_takes(db: PgPool) {
    import(&db).await;
    let mut early = counts(DEVICE, LANES[0], 1);
    early["clock"] = json!("unsynced");
    let fix = row(DEVICE, 2, json!({ "offset_ms": 1_770_681_600_000_i64 }));
    apply(&db, &[item(&counts_topic(LANES[0]), &early)]).await.unwrap();
    // Somebody else holds the row for longer than a statement may take.
    let mut holder = db.begin().await.unwrap();
    sqlx::query("SELECT FROM car_counts FOR UPDATE").execute(&mut *holder).await.unwrap();
    let hurried = hurried(&db).await;
    let fixes = [item(&topic("clock-fix", DEVICE), &fix)];
    let correcting = apply(&hurried, &fixes);
    let held_long = async {
        waits_longer(&db).await;
        holder.commit().await.unwrap();
    };
    let (corrected, ()) = tokio::join!(correcting, held_long);
    assert_eq!(corrected.unwrap(), [Fate::Stored]);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts WHERE clock = 'corrected'").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_clock_fix_corrects_what_came_before_it_and_what_comes_after(db: PgPool) {
    import(&db).await;
    let unsynced = |seq: u64| {
        let mut message = counts(DEVICE, LANES[0], seq);
        message["clock"] = json!("unsynced");
        message["timestamp"] = json!("1970-01-01T00:00:10Z");
        message["interval_start"] = json!("1970-01-01T00:00:05Z");
        item(&counts_topic(LANES[0]), &message)
    };
    apply(&db, &[unsynced(1)]).await.unwrap();
    // 2026-02-10T00:00:00Z less the monotonic time of row 1, 10.001 s.
    let fix = row(DEVICE, 2, json!({ "offset_ms": 1_770_681_600_000_i64 - 10_001 }));
    apply(&db, &[item(&topic("clock-fix", DEVICE), &fix)]).await.unwrap();
    apply(&db, &[unsynced(3)]).await.unwrap();
    let times: Vec<String> = sqlx::query_scalar(
        "SELECT to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS ') || clock || ' ' || extract(epoch FROM ts - interval_start)::int
         FROM car_counts ORDER BY seq",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert_eq!(times, ["2026-02-10 00:00:00.000 corrected 5", "2026-02-10 00:00:00.002 corrected 5"]);
    // The sums have moved along: what ends at midnight belongs to the day before.
    assert_eq!(volumes(&db).await, ["2026-02-09 23:55 1 0 1", "2026-02-10 00:00 1 0 1"]);
    roll_ups::refresh(&db, None).await.unwrap();
    assert_eq!(
        number(&db, "SELECT sum(vehicle_count)::bigint FROM lane_volumes_day WHERE stat_date = '2026-02-10'")
            .await,
        2
    );
    assert_eq!(number(&db, "SELECT count(*) FROM junction_daily_stats").await, 1, "nothing is left of 1970");
}
