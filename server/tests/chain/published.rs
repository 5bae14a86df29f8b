//! Messages of the published interface, from any MQTT client.

use crate::process::until;
use crate::world::{JUNCTION, LANES, World};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use flextraff_common::ids::LaneId;
use flextraff_common::wire::topics::Topic;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

#[sqlx::test(migrations = false)]
async fn become_rows_or_dead_letters_and_harm_nobody(db: PgPool) {
    let world = World::new(db).await;
    let topic = Topic::CarCounts(JUNCTION, LANES[0]).to_string();
    let counts = |epc: &str| json!({ "junction_id": JUNCTION, "lane_id": LANES[0], "vehicle_count": 2, "epc_ids": [epc, "EPC2"] });
    let mut timed = counts("TIMED");
    // Recent, because EPCs are not kept for ever.
    let at = (Utc::now() - TimeDelta::minutes(1)).trunc_subsecs(3);
    timed["timestamp"] = json!(at);
    world.broker.publish(&topic, &timed.to_string());
    // Once more: the same counts.
    world.broker.publish(&topic, &timed.to_string());
    world.broker.publish(&topic, &counts("UNTIMED").to_string());

    let nowhere = LaneId(Uuid::from_u128(0xEE));
    let mut unknown = counts("UNKNOWN");
    unknown["lane_id"] = json!(nowhere);
    world.broker.publish(&Topic::CarCounts(JUNCTION, nowhere).to_string(), &unknown.to_string());
    world.broker.publish(&Topic::CarCounts(JUNCTION, LANES[1]).to_string(), &counts("OTHER").to_string());
    world.broker.publish(&topic, "{\"junction_id\": garbage");
    world.broker.publish(&topic, "[]");

    until("every message is taken in", async || {
        let reasons: Vec<String> = sqlx::query_scalar("SELECT reason FROM dead_letters ORDER BY reason")
            .fetch_all(&world.db)
            .await
            .unwrap();
        (reasons == ["ids_disagree", "malformed", "malformed", "unknown_lane"]).then_some(())
    })
    .await;
    let stored: Vec<(String, i32, bool, DateTime<Utc>)> =
        sqlx::query_as("SELECT epc_ids[1], vehicle_count, untimed, ts FROM car_counts ORDER BY ts")
            .fetch_all(&world.db)
            .await
            .unwrap();
    assert_eq!(stored.len(), 2, "{stored:?}");
    assert_eq!(stored[0], ("TIMED".into(), 2, false, at));
    assert_eq!((stored[1].0.as_str(), stored[1].2), ("UNTIMED", true));
    world.is_healthy().await;
}
