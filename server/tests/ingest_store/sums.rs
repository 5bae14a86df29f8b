//! Hours and days that hold more than they should.

use crate::support::*;
use flextraff_server::db::roll_ups;
use sqlx::PgPool;

/// A junction beside that of [`import`].
const OTHER: &str = "00000000-0000-0000-0000-00000000000c";

/// Five minutes of both junctions, of a lane each.
async fn counted(db: &PgPool, own: i64, other: i64) {
    let mut file = junctions();
    let mut second = file.junctions[0].clone();
    second.junction_id = OTHER.parse().expect("it is an id");
    "Other".clone_into(&mut second.junction_name);
    second.devices.clear();
    for (lane, id) in second.lanes.iter_mut().zip(0xc1..) {
        lane.lane_id = uuid::Uuid::from_u128(id).into();
    }
    second.groups.clear();
    file.junctions.push(second);
    assert_eq!(file.problems(), []);
    let mut connection = db.acquire().await.expect("the database works");
    flextraff_server::db::junctions::import(&mut connection, &file).await.expect("the database works");
    for (junction, vehicles) in [(JUNCTION, own), (OTHER, other)] {
        sqlx::query(
            "INSERT INTO lane_volumes_5m (junction_id, bucket_start, lane_id, vehicle_count, observed_ms, unsaid, intervals)
             VALUES ($1::uuid, '2026-02-10T14:25:00Z', $2::uuid, $3, 300000, 0, 60)",
        )
        .bind(junction)
        .bind(LANES[0])
        .bind(vehicles)
        .execute(db)
        .await
        .expect("the database works");
        sqlx::query("SELECT roll_ups_are_due(ARRAY[$1::uuid], ARRAY['2026-02-10T14:25:00Z'::timestamptz])")
            .bind(junction)
            .execute(db)
            .await
            .expect("the database works");
    }
}

async fn days(db: &PgPool) -> Vec<(i64, i64)> {
    sqlx::query_as(
        "SELECT total_vehicles, max_vehicle_count FROM junction_daily_stats ORDER BY total_vehicles",
    )
    .fetch_all(db)
    .await
    .expect("the database works")
}

#[sqlx::test(migrations = "./migrations")]
async fn a_day_has_room_for_counts_of_any_size(db: PgPool) {
    // As many as 21 500 messages of the most that one may claim.
    counted(&db, 2_150_000_000, 7).await;
    roll_ups::refresh(&db, None).await.unwrap();
    assert_eq!(days(&db).await, [(7, 7), (2_150_000_000, 2_150_000_000)]);
    assert_eq!(number(&db, "SELECT count(*) FROM roll_ups_due").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_junction_whose_sums_are_refused_holds_up_no_other(db: PgPool) {
    sqlx::query("ALTER TABLE junction_daily_stats ADD CONSTRAINT small CHECK (total_vehicles < 1000)")
        .execute(&db)
        .await
        .unwrap();
    counted(&db, 2000, 7).await;
    roll_ups::refresh(&db, None).await.unwrap();
    assert_eq!(days(&db).await, [(7, 7)]);
    assert!(roll_ups::refresh(&db, Some(JUNCTION.parse().unwrap())).await.is_err(), "whoever asks is told");
    sqlx::query("ALTER TABLE junction_daily_stats DROP CONSTRAINT small").execute(&db).await.unwrap();
    roll_ups::refresh(&db, None).await.unwrap();
    assert_eq!(days(&db).await, [(7, 7), (2000, 2000)]);
}
