//! What rows that are refused leave in the ledger, and what becomes of them when they can be used after all.

use super::support::*;
use flextraff_server::ingest::{Fate, Item, answers, apply};
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
