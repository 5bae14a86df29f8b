//! Junctions that come in as one file, and go out as one.

use super::support::*;
use flextraff_server::db::junctions as junctions_table;
use flextraff_server::ingest::{Fate, apply};
use flextraff_server::junction_file::JunctionFile;
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

async fn import_file(db: &PgPool, file: &JunctionFile) -> sqlx::Result<()> {
    let mut transaction = db.begin().await?;
    junctions_table::import(&mut transaction, file).await?;
    transaction.commit().await
}

#[sqlx::test(migrations = "./migrations")]
async fn an_import_can_be_repeated_and_comes_out_again_as_it_went_in(db: PgPool) {
    let mut file = junctions();
    assert_eq!(file.problems(), []);
    import_file(&db, &file).await.unwrap();
    import_file(&db, &file).await.unwrap();
    assert_eq!(junctions_table::export(&db).await.unwrap(), file);
    // Lanes may exchange their places, and one may go.
    file.junctions[0].lanes[0].lane_index = 2;
    file.junctions[0].lanes[1].lane_index = 1;
    file.junctions[0].lanes.reverse();
    import_file(&db, &file).await.unwrap();
    assert_eq!(junctions_table::export(&db).await.unwrap(), file);
    // The command line imports in the same way.
    let mut namesake = file.clone();
    namesake.junctions[0].junction_id = "00000000-0000-0000-0000-0000000000aa".parse().unwrap();
    namesake.junctions[0].lanes.clear();
    namesake.junctions[0].devices.clear();
    let error = import_file(&db, &namesake).await.unwrap_err();
    assert!(error.to_string().contains("There is a junction \"Main\" in Mumbai already"), "{error}");
    file.junctions[0].junction_id = "00000000-0000-0000-0000-0000000000aa".parse().unwrap();
    let error = import_file(&db, &file).await.unwrap_err();
    assert!(error.to_string().contains("belongs to another junction"), "{error}");
    assert_eq!(number(&db, "SELECT count(*) FROM junctions").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_counter_whose_lanes_all_go_does_not_come_to_serve_the_others(db: PgPool) {
    let mut file = junctions();
    let gone = file.junctions[0].lanes[0].lane_id;
    file.junctions[0].devices[0].lanes = vec![gone];
    import_file(&db, &file).await.unwrap();
    // Another file of the junction, which knows neither the device nor its lane.
    file.junctions[0].devices.clear();
    file.junctions[0].lanes.remove(0);
    let error = import_file(&db, &file).await.unwrap_err();
    assert!(error.to_string().contains("serves only lanes that would go"), "{error}");
    assert_eq!(junctions_table::export(&db).await.unwrap().junctions[0].devices[0].lanes, [gone]);
}

/// Both change the junction and its devices. Neither is ended so that the other can go on: each takes the junction first.
#[sqlx::test(migrations = "./migrations")]
async fn an_import_and_what_devices_say_wait_for_each_other_in_one_order(db: PgPool) {
    import(&db).await;
    // Where both stand before they go on: somebody else holds the device.
    let mut holder = db.begin().await.expect("it answers");
    sqlx::query("SELECT FROM edge_devices WHERE device_id = $1::uuid FOR UPDATE")
        .bind(DEVICE)
        .execute(&mut *holder)
        .await
        .expect("the device is there");
    let others = PgPoolOptions::new().max_connections(3).connect_with((*db.connect_options()).clone());
    let others = others.await.expect("the database is there");
    let waiting = async |most: i64| {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        wait_for(&others, query, most).await;
    };
    let status = json!({"v": 1, "device_id": DEVICE, "online": true, "device_type": "junction"});
    let said = item(&format!("flextraff/{JUNCTION}/status/{DEVICE}"), &status);
    let ingest = tokio::spawn({
        let db = others.clone();
        async move { apply(&db, &[said]).await }
    });
    waiting(1).await;
    let imported = tokio::spawn({
        let (db, file) = (others.clone(), junctions());
        async move { import_file(&db, &file).await }
    });
    waiting(2).await;
    holder.commit().await.expect("it answers");
    assert_eq!(ingest.await.expect("it ends").expect("nobody ends it"), [Fate::Stored]);
    imported.await.expect("it ends").expect("nobody ends it");
}

#[test]
fn every_rule_that_a_junction_file_breaks_is_named() {
    let mut file = junctions();
    let junction = &mut file.junctions[0];
    junction.latitude = 91.0;
    junction.base_cycle_time = 20;
    junction.stages[0].groups = vec!["X".to_owned()];
    junction.devices[0].lanes = vec!["00000000-0000-0000-0000-0000000000ff".parse().unwrap()];
    junction.devices[1].lanes = vec![LANES[1].parse().unwrap(); 2];
    junction.devices[0].device_name = Some("a\0b".to_owned());
    junction.groups[0].exits = vec!["\u{1b}[31m".to_owned()];
    junction.city = "a\nb".to_owned();
    let problems = file.problems();
    for (path, named) in [
        ("latitude", "latitude 91"),
        ("base_cycle_time", "base_cycle_time 20"),
        ("stages", "\"X\""),
        ("devices", "names lane 00000000"),
        ("devices", "d2 names lane 00000000-0000-0000-0000-0000000000b2 twice"),
        ("devices", "device_name of "),
        ("groups", "exit \"\\u{1b}[31m\""),
        ("city", "city has 1"),
    ] {
        let path = format!("junctions[0].{path}");
        assert!(
            problems.iter().any(|broken| broken.path() == path && broken.sentence.contains(named)),
            "{path} {named}: {problems:#?}"
        );
    }
}
