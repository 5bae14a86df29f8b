//! Cycles keep the names that held when they were served: of who had set the override that they ran, of stages and of lanes.

use crate::road::{Road, Verdict};
use crate::state::TestState;
use flextraff_common::wire::{Mode, PlanState};
use flextraff_server::clock::Clock;
use flextraff_server::ingest::{Fate, Item, apply};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

const RUNS: Verdict = |_| Some(PlanState::Running);
const DEVICE: Uuid = Uuid::from_u128(0xd1);

/// A cycle of an override that begins so many minutes ago.
fn cycle(junction: &str, lane: &Value, plan: &str, seq: u64, minutes_ago: i64) -> Item {
    let start = Clock.utc() - chrono::TimeDelta::minutes(minutes_ago);
    let body = json!({
        "v": 1, "device_id": DEVICE, "outbox_id": Uuid::from_u128(0xe1), "seq": seq, "boot_id": Uuid::from_u128(0xf1),
        "mono_ms": 10_000 + seq, "clock": "synced", "plan_id": plan, "mode": "manual_override",
        "started_at": start.to_rfc3339(), "ended_at": (start + chrono::TimeDelta::seconds(50)).to_rfc3339(),
        "stages": [{ "stage": "N", "green_s": 20, "amber_s": 3, "all_red_s": 2, "end": "manual" }],
        "lanes": [{ "lane_id": lane, "vehicle_count": 3, "green_s": 20, "queue_start": 4, "queue_end": 3 }],
    });
    let topic = format!("flextraff/{junction}/cycles/{DEVICE}");
    Item::new(topic, body.to_string().into_bytes(), Clock.utc())
}

#[sqlx::test]
async fn who_had_set_what_a_cycle_ran_and_its_stages_are_named_as_they_were(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let meera = state.plain_user(&admin, "meera").await;
    state.grant("meera", &junction, "operator").await;
    sqlx::query("INSERT INTO edge_devices (device_id, junction_id) VALUES ($1, $2::uuid)")
        .bind(DEVICE)
        .bind(&junction)
        .execute(&db)
        .await
        .expect("the device is new");
    let mut road = Road::start(state, RUNS);
    road.comes_online(&junction).await;
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 });
    let answer = road.set_mode(&junction, &meera, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let plan =
        road.plan(|plan| plan.mode == Mode::ManualOverride).await.plan_id.expect("overrides have names");
    let layout = road.state.get(&format!("/api/junctions/{junction}/layout"), &admin).await.json();
    let lane = &layout["lanes"][0]["lane_id"];

    let stored = async |item: Item| {
        assert_eq!(apply(&db, &[item]).await.expect("the database is there"), [Fate::Stored]);
    };
    stored(cycle(&junction, lane, &plan, 1, 3)).await;
    let listed = async || {
        let answer = road.state.get(&format!("/api/junctions/{junction}/cycles"), &admin).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let before = listed().await[0].clone();
    assert_eq!((&before["override_by"], &before["stages"][0]["stage"]), (&json!("meera"), &json!("N")));
    assert_eq!(&before["lanes"][0]["lane_id"], lane);

    // The stage gets another name, and the account goes.
    let mut stages = layout["stages"].clone();
    stages[0]["stage"] = json!("north");
    let path = format!("/api/junctions/{junction}/stages");
    let answer = road.state.request("PUT", &path, &admin, &json!({ "stages": stages })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = road.state.get("/api/users/me", &meera).await.json()["user_id"].clone();
    let account = format!("/api/users/{}", id.as_str().expect("an id"));
    assert_eq!(road.state.request("DELETE", &account, &admin, &Value::Null).await.status, 204);
    assert_eq!(listed().await[0], before, "nothing of it changes");
    // What an outbox had kept until now ran for the same person.
    stored(cycle(&junction, lane, &plan, 2, 1)).await;
    let late = listed().await;
    assert_eq!((&late[0]["override_by"], &late[0]["plan_id"]), (&json!("meera"), &json!(plan)));
    assert_eq!(late[1], before);
    let export =
        road.state.get(&format!("/api/analytics/junction/{junction}/export?what=cycles"), &admin).await;
    assert_eq!(export.text.matches("meera").count(), 2, "{}", export.text);
}
