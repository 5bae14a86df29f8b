//! What rows that are refused leave in the ledger, and what becomes of them when they can be used after all.

use super::support::*;
use chrono::TimeDelta;
use flextraff_common::wire::RejectCode;
use flextraff_server::clock::Clock;
use flextraff_server::db::junctions as junctions_table;
use flextraff_server::ingest::{Fate, Item, answers, apply};
use flextraff_server::junction_file::JunctionFile;
use serde_json::json;
use sqlx::PgPool;

const LANE: &str = "00000000-0000-0000-0000-0000000000ff";

fn of(device: &str, lane: &str, seq: u64) -> Item {
    item(&counts_topic(lane), &counts(device, lane, seq))
}

async fn ledger(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar("SELECT seqs::text FROM ingest_ledger").fetch_all(db).await.expect("it answers")
}

#[sqlx::test(migrations = "./migrations")]
async fn rows_that_are_refused_leave_no_holes(db: PgPool) {
    import(&db).await;
    let mut malformed = counts(DEVICE, LANES[0], 6);
    malformed["vehicle_count"] = (-1).into();
    let items: Vec<Item> = (1..=5)
        .map(|seq| of(DEVICE, if seq % 2 == 0 { LANE } else { LANES[0] }, seq))
        .chain([item(&counts_topic(LANES[0]), &malformed)])
        .collect();
    let first = apply(&db, &items).await.expect("the database is there");
    assert_eq!(first.iter().filter(|fate| **fate == Fate::Stored).count(), 3);
    assert_eq!(ledger(&db).await, ["{[1,7)}"]);
    // Each is answered as before, also when its answer was lost.
    let again = apply(&db, &items).await.expect("the database is there");
    assert_eq!(answers(&items, &again), answers(&items, &first));
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters").await, 3);
}

#[sqlx::test(migrations = "./migrations")]
async fn who_is_no_device_of_the_junction_enters_nothing(db: PgPool) {
    import(&db).await;
    let stranger = "00000000-0000-0000-0000-0000000000ee";
    // A device of another junction, and what claims to be one of this: on a topic of a third.
    let elsewhere = format!("flextraff/{LANE}/{}/car-counts", LANES[0]);
    let claimed = item(&elsewhere, &counts(DEVICE, LANES[0], 1));
    let fates = apply(&db, &[of(stranger, LANES[0], 1), claimed]).await.expect("the database is there");
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Refused(_))), "{fates:?}");
    assert_eq!(ledger(&db).await, [""; 0]);
    let fates = apply(&db, &[of(DEVICE, LANES[0], 1)]).await.expect("the database is there");
    assert_eq!(fates, [Fate::Stored]);
}

/// The lane that the server did not know is there from now on.
async fn add_lane(db: &PgPool) {
    sqlx::query(
        "INSERT INTO lanes (lane_id, junction_id, lane_index, lane_name) VALUES ($1::uuid, $2::uuid, 7, 'New')",
    )
    .bind(LANE)
    .bind(JUNCTION)
    .execute(db)
    .await
    .expect("the lane is new");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_row_that_was_refused_is_stored_when_it_comes_again_and_can_be_used(db: PgPool) {
    import(&db).await;
    let rows = [of(DEVICE, LANE, 1), of(DEVICE, LANES[0], 2)];
    apply(&db, &rows).await.expect("the database is there");
    add_lane(&db).await;
    let fates = apply(&db, &[of(DEVICE, LANE, 1), of(DEVICE, LANE, 1), of(DEVICE, LANES[0], 2)]).await;
    assert_eq!(fates.expect("it answers"), [Fate::Stored, Fate::Duplicate, Fate::Duplicate]);
    let fates = apply(&db, &rows).await.expect("the database is there");
    assert_eq!(fates, [Fate::Duplicate, Fate::Duplicate]);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 2);
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_letter_about_a_row_that_was_stored_does_not_bring_it_again(db: PgPool) {
    import(&db).await;
    let row = of(DEVICE, LANES[0], 1);
    let mut broken = counts(DEVICE, LANES[0], 1);
    broken["vehicle_count"] = (-1).into();
    let broken = item(&counts_topic(LANES[0]), &broken);
    // Somebody at another junction claims to be the device, first.
    let elsewhere = item(&format!("flextraff/{LANE}/{}/car-counts", LANES[0]), &counts(DEVICE, LANES[0], 2));
    let batches = [vec![elsewhere], vec![broken.clone(), row.clone(), of(DEVICE, LANES[0], 2)], vec![broken]];
    for batch in batches {
        apply(&db, &batch).await.expect("the database is there");
    }
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters").await, 2);
    let fates = apply(&db, &[row, of(DEVICE, LANES[0], 2)]).await.expect("the database is there");
    assert_eq!(fates, [Fate::Duplicate, Fate::Duplicate]);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 2);
}

/// Of rows beyond those of which each is kept the answer may be lost, too.
#[sqlx::test(migrations = "./migrations")]
async fn a_row_of_which_no_letter_is_kept_is_stored_when_it_comes_again_and_can_be_used(db: PgPool) {
    import(&db).await;
    let rows: Vec<Item> = (1..=1010).map(|seq| of(DEVICE, LANE, seq)).collect();
    apply(&db, &rows).await.expect("the database is there");
    assert_eq!(ledger(&db).await, ["{[1,1011)}"], "no holes");
    assert_eq!(number(&db, "SELECT sum(messages)::bigint FROM dead_letters").await, 1010);
    add_lane(&db).await;
    let again = [of(DEVICE, LANE, 1005), of(DEVICE, LANE, 1005), of(DEVICE, LANE, 7)];
    let fates = apply(&db, &again).await.expect("the database is there");
    assert_eq!(fates, [Fate::Stored, Fate::Duplicate, Fate::Stored]);
    assert_eq!(number(&db, "SELECT sum(messages)::bigint FROM dead_letters").await, 1008);
    let fates = apply(&db, &again).await.expect("the database is there");
    assert_eq!(fates, [Fate::Duplicate, Fate::Duplicate, Fate::Duplicate]);
    apply(&db, &rows[1000..]).await.expect("the database is there");
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 1010 - 1000 + 1);
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters WHERE sum_of IS NOT NULL").await, 0);
}

/// Brings the junction in without its first lane, by a file.
async fn take_out_first_lane(db: &PgPool) {
    let mut file = junctions();
    let junction = &mut file.junctions[0];
    junction.lanes.remove(0);
    junction.groups.remove(0);
    junction.stages.remove(0);
    import_this(db, &file).await;
}

async fn import_this(db: &PgPool, file: &JunctionFile) {
    let mut db = db.acquire().await.expect("the database is there");
    junctions_table::import(&mut db, file).await.expect("the file is sound");
}

/// Counts of five seconds that ended so long after now, in seconds.
fn counted(device: &str, lane: &str, seq: u64, after_s: i64) -> Item {
    let end = Clock.utc() + TimeDelta::seconds(after_s);
    let mut row = counts(device, lane, seq);
    row["timestamp"] = json!(end.to_rfc3339());
    row["interval_start"] = json!((end - TimeDelta::seconds(5)).to_rfc3339());
    item(&counts_topic(lane), &row)
}

#[sqlx::test(migrations = "./migrations")]
async fn what_was_counted_before_a_lane_was_taken_out_is_stored_however_late_it_comes(db: PgPool) {
    import(&db).await;
    take_out_first_lane(&db).await;
    let cycle = |seq: u64, after_s: i64| {
        let start = Clock.utc() + TimeDelta::seconds(after_s);
        let body = json!({
            "plan_id": null, "mode": "automatic", "started_at": start.to_rfc3339(),
            "ended_at": (start + TimeDelta::seconds(60)).to_rfc3339(), "stages": [],
            "lanes": [{ "lane_id": LANES[0], "vehicle_count": 3, "green_s": 20, "queue_start": 4, "queue_end": 3 }],
        });
        item(&topic("cycles", DEVICE), &row(DEVICE, seq, body))
    };
    let gap = row(
        DEVICE,
        5,
        json!({"from": null, "to": null, "lanes": [LANES[0]], "rows": 2, "reason": "disk full"}),
    );
    let before = Clock.utc() - TimeDelta::hours(2);
    let items = [
        counted(DEVICE, LANES[0], 1, -3600),
        counted(DEVICE, LANES[0], 2, 3),
        counted(DEVICE, LANES[0], 3, 3600),
        cycle(4, -30),
        item(&topic("gap", DEVICE), &gap),
        cycle(6, 30),
        item(&counts_topic(LANES[0]), &published(LANES[0], Some(&before.to_rfc3339()))),
        item(&counts_topic(LANES[0]), &published(LANES[0], None)),
    ];
    let fates = apply(&db, &items).await.expect("the database is there");
    let stored: Vec<bool> = fates.iter().map(|fate| *fate == Fate::Stored).collect();
    // The interval and the cycle in which it went began before.
    assert_eq!(stored, [true, true, false, true, true, false, true, false], "{fates:?}");
    for late in [2, 5, 7] {
        let Fate::Refused(refusal) = &fates[late] else { panic!("{late}: {fates:?}") };
        assert_eq!(refusal.code, RejectCode::UnknownLane);
        assert!(refusal.detail.contains("was taken out of junction"), "{}", refusal.detail);
    }
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 3);
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters WHERE reason = 'unknown_lane'").await, 3);
    let sums = "SELECT sum(vehicle_count)::bigint FROM lane_volumes_5m";
    assert_eq!(number(&db, sums).await, 3, "and sums have them");

    // It comes back, and counts as any other.
    import(&db).await;
    let fates = apply(&db, &[counted(DEVICE, LANES[0], 3, 3600)]).await.expect("the database is there");
    assert_eq!(fates, [Fate::Stored]);
    assert_eq!(number(&db, "SELECT count(*) FROM removed_lanes").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn only_who_served_a_lane_that_was_taken_out_speaks_of_it(db: PgPool) {
    let mut file = junctions();
    let both = LANES.iter().map(|lane| lane.parse().expect("an id")).collect();
    file.junctions[0].devices[1].lanes = both;
    let stranger = "00000000-0000-0000-0000-0000000000d3";
    let mut other = file.junctions[0].devices[1].clone();
    other.device_id = stranger.parse().expect("an id");
    other.lanes.remove(0);
    file.junctions[0].devices.push(other);
    import_this(&db, &file).await;
    take_out_first_lane(&db).await;
    let items = [counted(COUNTER, LANES[0], 1, -60), counted(stranger, LANES[0], 1, -60)];
    let fates = apply(&db, &items).await.expect("the database is there");
    assert_eq!(fates[0], Fate::Stored);
    let Fate::Refused(refusal) = &fates[1] else { panic!("{fates:?}") };
    assert_eq!(refusal.code, RejectCode::UnknownDevice);
}
