//! Plans: which were sent, which holds and why, and what another one would cost.

use crate::road::{Road, Verdict};
use crate::state::TestState;
use chrono::TimeDelta;
use flextraff_common::wire::{GreenTime, Mode, PlanState};
use flextraff_server::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

const RUNS: Verdict = |_| Some(PlanState::Running);

/// A junction whose lane N has been watched for ten minutes, with so many vehicles an hour; the other lanes with 180.
async fn with_traffic(db: PgPool, verdict: Verdict, north: i32) -> (Road, String, String) {
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    traffic(&state, &junction, north).await;
    (Road::start(state, verdict), token, junction)
}

/// What lanes of a junction showed in the last ten minutes.
async fn traffic(state: &TestState, junction: &str, north: i32) {
    sqlx::query(
        "INSERT INTO car_counts (junction_id, lane_id, ts, observed_s, vehicle_count)
         SELECT junction_id, lane_id, now() - n * interval '1 minute', 60, CASE lane_name WHEN 'N' THEN $2 ELSE 180 END / 60
         FROM lanes, generate_series(1, 10) n WHERE junction_id = $1::uuid",
    )
    .bind(junction)
    .bind(north)
    .execute(&state.app.db)
    .await
    .expect("the rows are stored");
}

/// What `plans/current` says once `wanted` holds.
async fn current(road: &Road, token: &str, junction: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Clock.instant() + Duration::from_secs(10);
    loop {
        let answer = road.state.get(&format!("/api/junctions/{junction}/plans/current"), token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        if wanted(&answer.json()) {
            return answer.json();
        }
        assert!(Clock.instant() < deadline, "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn manual() -> Value {
    json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 })
}

#[sqlx::test]
async fn the_plan_that_holds_explains_itself(db: PgPool) {
    let (mut road, token, junction) = with_traffic(db, RUNS, 600).await;
    road.comes_online(&junction).await;
    road.plan(|plan| plan.mode == Mode::Automatic).await;
    let said = current(&road, &token, &junction, |said| said["plan"]["state"] == "running").await;
    let plan = &said["plan"];
    assert_eq!(
        (&said["mode"], &plan["mode"], &said["override"]),
        (&json!("automatic"), &json!("automatic"), &Value::Null)
    );
    assert!(plan["since"].is_string() && plan["ran_from"] == plan["since"], "{plan}");
    assert_eq!(plan["reason"], plan["explanation"]["sentence"]);
    assert_eq!(plan["explanation"]["stages"][0]["critical_lane"], "N");
    assert_eq!(said["demand"][0], plan["explanation"]["lanes"][0]);
    assert_eq!(said["demand"][0]["flow_veh_h"], 600.0);
    let lanes = plan["predicted"]["lanes"].as_array().unwrap();
    let sum: f64 = lanes.iter().map(|lane| lane["delay_veh_s_h"].as_f64().unwrap()).sum();
    assert!((sum - plan["predicted"]["total_veh_s_h"].as_f64().unwrap()).abs() < 1.0);
    assert!((5.0..60.0).contains(&plan["predicted"]["mean_s"].as_f64().unwrap()), "{plan}");

    // The override holds then, and what ran before stands beside it.
    assert_eq!(road.set_mode(&junction, &token, &manual()).await.json()["applied"], "running");
    let now = current(&road, &token, &junction, |said| said["plan"]["mode"] == "manual_override").await;
    assert_eq!((&now["mode"], &now["override"]["username"]), (&json!("manual_override"), &json!("admin")));
    assert_eq!(
        (&now["plan"]["explanation"], &now["plan"]["plan_id"]),
        (&Value::Null, &now["override"]["override_id"])
    );
    assert_eq!(
        (&now["previous"]["plan_id"], &now["previous"]["state"]),
        (&plan["plan_id"], &json!("replaced"))
    );
    assert_eq!(now["previous"]["ran_until"], now["plan"]["ran_from"]);
    assert!(now["previous"]["predicted"]["mean_s"].as_f64() < now["plan"]["predicted"]["mean_s"].as_f64());
}

#[sqlx::test]
async fn roads_are_planned_for_also_while_what_they_showed_lately_cannot_be_read(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&token, "Main").await;
    traffic(&state, &junction, 600).await;
    sqlx::query("ALTER TABLE car_counts RENAME TO elsewhere").execute(&db).await.unwrap();
    let mut road = Road::start(state, RUNS);
    road.comes_online(&junction).await;
    let greens =
        |plan: &GreenTime| -> Vec<f64> { plan.stages.iter().flatten().map(|stage| stage.green_s).collect() };
    let plan = greens(&road.plan(|plan| plan.mode == Mode::Automatic).await);
    assert!(plan[0] <= plan[1], "nothing is known: {plan:?}");
    // It is tried again with the next look at the junctions.
    sqlx::query("ALTER TABLE elsewhere RENAME TO car_counts").execute(&db).await.unwrap();
    road.state.app.dispatch.junctions_changed();
    assert_eq!(road.set_mode(&junction, &token, &manual()).await.status, 200);
    assert_eq!(road.set_mode(&junction, &token, &json!({ "mode": "automatic" })).await.status, 200);
    let plan = greens(&road.plan(|plan| plan.mode == Mode::Automatic && plan.ends_override).await);
    assert!(plan[0] > plan[1], "{plan:?}");
}

#[sqlx::test]
async fn what_the_road_refuses_stands_beside_what_still_runs(db: PgPool) {
    let verdict: Verdict = |plan| {
        Some(if plan.mode == Mode::Automatic && !plan.ends_override {
            PlanState::Refused
        } else {
            PlanState::Running
        })
    };
    let (mut road, token, junction) = with_traffic(db, verdict, 600).await;
    sqlx::query(
        "INSERT INTO green_times (plan_id, junction_id, mode, message, first_sent_at, sent_at, valid_until, state, ran_from)
         VALUES ('old', $1::uuid, 'automatic', $2, now() - interval '1 hour', now(), now() + interval '10 minutes', 'running', now())",
    )
    .bind(&junction)
    .bind(json!({ "junction_id": junction, "lane_times": [25, 25, 25, 25] }))
    .execute(&road.state.app.db)
    .await
    .unwrap();
    road.comes_online(&junction).await;
    road.plan(|plan| plan.mode == Mode::Automatic).await;
    let said = current(&road, &token, &junction, |said| said["plan"]["state"] == "refused").await;
    assert_eq!(said["plan"]["reasons"], json!(["amber"]));
    assert_eq!(
        (&said["previous"]["plan_id"], &said["previous"]["state"]),
        (&json!("old"), &json!("running"))
    );
    assert!(said["previous"]["predicted"]["mean_s"].is_number());
}

#[sqlx::test]
async fn plans_are_listed_in_pages_and_by_time(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    sqlx::query(
        "INSERT INTO green_times (plan_id, junction_id, mode, message, first_sent_at, sent_at, valid_until, state)
         SELECT 'p' || n, $1::uuid, 'automatic', '{\"lane_times\": [1], \"reason\": \"why\"}', now() - n * interval '1 hour',
                now() - n * interval '1 hour', now() - n * interval '1 hour' + interval '15 minutes', 'running'
         FROM generate_series(0, 4) n",
    )
    .bind(&junction)
    .execute(&state.app.db)
    .await
    .unwrap();
    let path = format!("/api/junctions/{junction}/plans");
    let names = |answer: &crate::state::Answer| -> Vec<String> {
        let rows = answer.json();
        rows.as_array().unwrap().iter().map(|plan| plan["plan_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = state.get(&format!("{path}?limit=2"), &token).await;
    assert_eq!(names(&first), ["p0", "p1"]);
    let rows = first.json();
    assert_eq!(
        (&rows[0]["state"], &rows[1]["state"], &rows[0]["reason"]),
        (&json!("running"), &json!("expired"), &json!("why"))
    );
    let next = first.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(names(&state.get(&next, &token).await), ["p2", "p3"]);
    let ago =
        |minutes: i64| (Clock.utc() - TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    // p2 still held 110 minutes ago.
    let within = format!("{path}?from={}&to={}", ago(110), ago(30));
    assert_eq!(names(&state.get(&within, &token).await), ["p1", "p2"]);
    for (query, field) in [
        (format!("from={}&to={}", ago(1), ago(2)), "to"),
        ("from=yesterday".to_owned(), "query"),
        ("limit=0".to_owned(), "limit"),
        ("cursor=00".to_owned(), "cursor"),
    ] {
        let answer = state.get(&format!("{path}?{query}"), &token).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]), "{query}");
    }
}

#[sqlx::test]
async fn a_preview_shows_what_a_plan_would_cost_and_sends_nothing(db: PgPool) {
    let (mut road, token, junction) = with_traffic(db, RUNS, 600).await;
    let path = format!("/api/junctions/{junction}/plans/preview");
    let own = road.state.request("POST", &path, &token, &Value::Null).await;
    assert_eq!(own.status, 200, "{}", own.text);
    let own = own.json();
    assert_eq!((&own["plan"]["mode"], &own["running"]), (&json!("automatic"), &Value::Null));
    assert_eq!(own["plan"]["explanation"]["method"], "webster");
    assert_eq!(own["demand"][0]["flow_veh_h"], 600.0);
    for same in [json!({}), json!({ "mode": "automatic" })] {
        assert_eq!(road.state.post(&path, &token, &same).await.json()["plan"], own["plan"]);
    }
    assert!(road.is_quiet());

    road.comes_online(&junction).await;
    let sent = road.plan(|plan| plan.mode == Mode::Automatic).await;
    let greens: Vec<f64> = sent.stages.iter().flatten().map(|stage| stage.green_s).collect();
    let shown: Vec<f64> = own["plan"]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["green_s"].as_f64().unwrap())
        .collect();
    assert_eq!(shown, greens, "what was previewed is what is sent");
    current(&road, &token, &junction, |said| said["plan"]["state"] == "running").await;

    let body = road.state.post(&path, &token, &manual()).await.json();
    let plan = &body["plan"];
    assert_eq!((&plan["lane_times"], &plan["total_cycle_time"]), (&json!([30, 20, 25, 25]), &json!(100)));
    assert_eq!((&plan["mode"], &plan["explanation"]), (&json!("manual_override"), &Value::Null));
    assert_eq!(body["running"]["state"], "running");
    assert!(
        plan["predicted"]["total_veh_s_h"].as_f64() > body["running"]["predicted"]["total_veh_s_h"].as_f64()
    );
    assert!(road.is_quiet());

    // Over capacity a lane's queue grows, and what a lane without demand costs is not counted.
    let stages = ["N", "S", "E", "W"]
        .map(|stage| json!({ "stage": stage, "green_s": if stage == "N" { 7 } else { 20 } }));
    let slow = road.state.post(&path, &token, &json!({ "stages": stages })).await.json();
    let north = &slow["plan"]["predicted"]["lanes"][0];
    assert!(north["saturation"].as_f64() > Some(1.0) && north["delay_s"].as_f64() > Some(100.0), "{north}");
}

#[sqlx::test]
async fn a_preview_is_refused_as_the_override_would_be(db: PgPool) {
    let (road, token, junction) = with_traffic(db, RUNS, 600).await;
    let path = format!("/api/junctions/{junction}/plans/preview");
    let mut exceed = manual();
    exceed["total_cycle_time"] = json!(70);
    road.state.post(&path, &token, &exceed).await.assert_problem(400, "Lane times exceed total cycle time");
    let mut short = manual();
    short["north_lane_time"] = json!(8);
    let (asked, set) =
        (road.state.post(&path, &token, &short).await, road.set_mode(&junction, &token, &short).await);
    assert_eq!((asked.status, asked.detail()), (set.status, set.detail()));
    assert_eq!(asked.status, 422);
    let lane = json!({ "mode": "emergency", "lane_id": "00000000-0000-0000-0000-000000000001" });
    assert_eq!(road.state.post(&path, &token, &lane).await.fields(), ["mode"]);
    assert_eq!(road.state.post(&path, &token, &json!({ "total_cycle_time": 0 })).await.status, 422);
    assert_eq!(road.state.post_text(&path, &token, "[]").await.status, 422);
    sqlx::query("DELETE FROM stages").execute(&road.state.app.db).await.unwrap();
    let bare = road.state.request("POST", &path, &token, &Value::Null).await;
    assert_eq!(bare.status, 422, "{}", bare.text);
    assert!(road.is_quiet());
}

#[sqlx::test]
async fn who_may_not_look_or_operate_is_told(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (junction, other) = (state.junction(&admin, "Main").await, state.junction(&admin, "Other").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &junction, "observer").await;
    for list in ["overrides", "plans", "plans/current", "cycles", "counts", "signal", "schedule"] {
        let path = |junction: &str| format!("/api/junctions/{junction}/{list}");
        assert_eq!(state.get(&path(&junction), &ravi).await.status, 200, "{list}");
        state.get(&path(&other), &ravi).await.assert_problem(403, "No access to this junction");
        assert_eq!(state.get(&path(&junction), "").await.status, 401, "{list}");
        let nowhere = state.get(&path("00000000-0000-0000-0000-000000000000"), &admin).await;
        nowhere.assert_problem(404, "Junction not found");
        assert_eq!(state.get(&path("no-uuid"), &admin).await.status, 422, "{list}");
    }
    let preview = |junction: &str| format!("/api/junctions/{junction}/plans/preview");
    state.post(&preview(&junction), &ravi, &json!({})).await.assert_problem(403, "Not enough privileges");
    state.post(&preview(&other), &ravi, &json!({})).await.assert_problem(403, "No access to this junction");
    let nowhere = preview("00000000-0000-0000-0000-000000000000");
    state.post(&nowhere, &admin, &json!({})).await.assert_problem(404, "Junction not found");
}
