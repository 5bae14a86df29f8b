//! An override is seen by all at once, recorded with who and why, and over in time whatever happens.

use crate::alarms::raise;
use crate::devices::create;
use crate::road::{Road, Verdict};
use crate::state::TestState;
use flextraff_common::ids::JunctionId;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{GreenTime, Mode, PlanState, Status, decode, encode};
use flextraff_server::alarms::Kind;
use flextraff_server::clock::Clock;
use flextraff_server::ingest::Applied;
use flextraff_server::live::{LiveFrame, LiveKind};
use flextraff_server::mqtt::Outgoing;
use flextraff_server::{api, dispatch};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

const RUNS: Verdict = |_| Some(PlanState::Running);

async fn road(db: PgPool, verdict: Verdict) -> (Road, String, String) {
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    (Road::start(state, verdict), token, junction)
}

fn manual(reason: &str) -> Value {
    json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25, "reason": reason })
}

/// The next frame about an override, as a client of the live feed reads it.
async fn told(events: &mut Receiver<LiveFrame>) -> Value {
    let next = async {
        loop {
            let frame = events.recv().await.expect("the feed goes on");
            if frame.event.kind == LiveKind::Override {
                return serde_json::from_str(&frame.text).expect("a frame is JSON");
            }
        }
    };
    timeout(Duration::from_secs(10), next).await.expect("the override is told in time")
}

/// The overrides of the junction once `wanted` holds.
async fn listed(road: &Road, token: &str, junction: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Clock.instant() + Duration::from_secs(10);
    loop {
        let answer = road.state.get(&format!("/api/junctions/{junction}/overrides"), token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        if wanted(&answer.json()) {
            return answer.json();
        }
        assert!(Clock.instant() < deadline, "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test]
async fn the_road_gets_it_before_anybody_else_is_told(db: PgPool) {
    let (road, admin, junction) = road(db, RUNS).await;
    let mut events = road.state.app.live.subscribe();
    assert_eq!(road.set_mode(&junction, &admin, &manual("procession")).await.status, 200);
    let mut sent = Vec::new();
    let told = async {
        loop {
            let event = events.recv().await.expect("the feed goes on").event;
            match event.kind {
                LiveKind::GreenTime => sent.push(event.payload["mode"].clone()),
                LiveKind::Override => return,
                _ => {}
            }
        }
    };
    timeout(Duration::from_secs(10), told).await.expect("the override is told in time");
    assert!(sent.contains(&json!("manual_override")), "{sent:?}");
}

#[sqlx::test]
async fn all_see_who_set_replaced_and_ended_it(db: PgPool) {
    let (road, admin, junction) = road(db, RUNS).await;
    let meera = road.state.plain_user(&admin, "meera").await;
    road.state.grant("meera", &junction, "operator").await;
    let mut events = road.state.app.live.subscribe();
    road.set_mode(&junction, &meera, &manual("procession")).await;
    let set = told(&mut events).await;
    assert_eq!(
        (&set["type"], &set["event"], &set["junction_id"]),
        (&json!("override"), &json!("set"), &json!(junction))
    );
    assert_eq!(
        (&set["username"], &set["reason"], &set["override_end"]),
        (&json!("meera"), &json!("procession"), &Value::Null)
    );
    assert_eq!(
        (&set["mode"], &set["north_lane_time"], &set["west_lane_time"]),
        (&json!("manual_override"), &json!(30), &json!(25))
    );

    let lanes = road.state.get(&format!("/api/junctions/{junction}/lanes"), &admin).await.json();
    let emergency = json!({ "mode": "emergency", "lane_id": lanes[2]["lane_id"], "reason": "fire" });
    road.set_mode(&junction, &admin, &emergency).await;
    let set = told(&mut events).await;
    assert_eq!(
        (&set["event"], &set["mode"], &set["lane_id"]),
        (&json!("set"), &json!("emergency"), &lanes[2]["lane_id"])
    );
    assert_eq!(set["stages"], json!([{ "stage": "E" }]));

    road.set_mode(&junction, &meera, &json!({ "mode": "automatic" })).await;
    let ended = told(&mut events).await;
    assert_eq!(
        (&ended["event"], &ended["end_reason"], &ended["ended_by"]),
        (&json!("ended"), &json!("ended"), &json!("meera"))
    );

    let all = listed(&road, &admin, &junction, |all| all[0]["road_state"] == "replaced").await;
    let row = |at: usize| {
        (
            all[at]["mode"].clone(),
            all[at]["end_reason"].clone(),
            all[at]["username"].clone(),
            all[at]["ended_by"].clone(),
        )
    };
    assert_eq!(row(0), (json!("emergency"), json!("ended"), json!("admin"), json!("meera")));
    assert_eq!(row(1), (json!("manual_override"), json!("replaced"), json!("meera"), json!("admin")));
    assert_eq!(all.as_array().unwrap().len(), 2);
    // Nobody else's lists, and every request, is in the audit log.
    let log = road
        .state
        .get(&format!("/api/audit?action=junction.mode&junction_id={junction}"), &admin)
        .await
        .json();
    let who: Vec<&str> =
        log.as_array().unwrap().iter().map(|line| line["username"].as_str().unwrap()).collect();
    assert_eq!(who, ["meera", "admin", "meera"]);
    // So is, in the order in which they happened, what an operator should see.
    let lines =
        road.state.get(&format!("/api/logs?type=override&junction_id={junction}"), &meera).await.json();
    let line = |line: &Value| format!("{} {}", line["username"], line["message"]);
    let lines: Vec<String> = lines.as_array().unwrap().iter().map(line).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[3].starts_with("\"meera\" \"A manual override was set until "), "{}", lines[3]);
    assert_eq!(lines[2], "\"admin\" \"The override was replaced by another one\"");
    assert!(
        lines[1].starts_with("\"admin\" \"An emergency was set until ") && lines[1].ends_with(": fire\""),
        "{}",
        lines[1]
    );
    assert_eq!(lines[0], "\"meera\" \"The override was ended\"");

    // All of it is known, too, when the account is gone.
    let alarm = raise(&road.state.app.db, &junction, Kind::ReaderSilent).await;
    let acknowledge = format!("/api/alarms/{alarm}/acknowledge");
    assert_eq!(road.state.request("POST", &acknowledge, &meera, &Value::Null).await.status, 200);
    let id = road.state.get("/api/users/me", &meera).await.json()["user_id"].clone();
    let account = format!("/api/users/{}", id.as_str().unwrap());
    assert_eq!(road.state.request("DELETE", &account, &admin, &Value::Null).await.status, 204);
    let mut without_id = all.clone();
    without_id[1]["user_id"] = Value::Null;
    assert_eq!(listed(&road, &admin, &junction, |_| true).await, without_id);
    let path = format!("/api/logs?type=override&junction_id={junction}");
    let after = road.state.get(&path, &admin).await.json();
    assert_eq!(after.as_array().unwrap().iter().map(line).collect::<Vec<_>>(), lines);
    let alarm = road.state.get(&format!("/api/alarms/{alarm}"), &admin).await.json();
    assert_eq!(alarm["acknowledged_by"], json!("meera"));
}

#[sqlx::test]
async fn all_see_that_the_road_refuses_it(db: PgPool) {
    let verdict: Verdict =
        |plan| Some(if plan.mode == Mode::ManualOverride { PlanState::Refused } else { PlanState::Running });
    let (road, token, junction) = road(db, verdict).await;
    let mut events = road.state.app.live.subscribe();
    road.set_mode(&junction, &token, &manual("procession")).await;
    assert_eq!(told(&mut events).await["event"], "set");
    let refused = told(&mut events).await;
    assert_eq!(
        (&refused["event"], &refused["end_reason"], &refused["ended_by"]),
        (&json!("refused"), &json!("refused"), &Value::Null)
    );
    assert_eq!((&refused["road_state"], &refused["road_reasons"]), (&json!("refused"), &json!(["amber"])));
    let lines = road.state.get("/api/logs?level=warning", &token).await.json();
    let types: Vec<&Value> = lines.as_array().unwrap().iter().map(|line| &line["log_type"]).collect();
    assert_eq!(types, ["override.ended", "plan.refused", "override.set"]);
    assert_eq!(lines[1]["message"], "The junction refuses a plan: amber");
}

#[sqlx::test]
async fn it_runs_out_by_itself_and_all_see_it(db: PgPool) {
    let (road, token, junction) = road(db, RUNS).await;
    road.set_mode(&junction, &token, &manual("procession")).await;
    sqlx::query("UPDATE manual_override_history SET expires_at = now() + interval '3 seconds'")
        .execute(&road.state.app.db)
        .await
        .unwrap();
    let road = road.restart(RUNS).await;
    let mut events = road.state.app.live.subscribe();
    let expired = told(&mut events).await;
    assert_eq!(
        (&expired["event"], &expired["end_reason"], &expired["ended_by"]),
        (&json!("expired"), &json!("expired"), &Value::Null)
    );
    assert_eq!(expired["override_end"], expired["expires_at"]);
    assert_eq!(
        road.state.get(&format!("/api/junctions/{junction}"), &token).await.json()["current_mode"],
        "automatic"
    );
}

/// An override that ran out while no server was there, of a junction that cannot be planned for any more and one of a shape that it no longer has.
#[sqlx::test]
async fn what_ran_out_while_no_server_was_there_is_ended_whatever_became_of_the_junction(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let (bare, other) = (state.junction(&token, "Bare").await, state.junction(&token, "Other").await);
    for junction in [&bare, &other] {
        sqlx::query(
            "INSERT INTO manual_override_history (junction_id, total_cycle_time, override_start, expires_at)
             VALUES ($1::uuid, 100, now() - interval '2 hours', now() - interval '1 hour')",
        )
        .bind(junction)
        .execute(&state.app.db)
        .await
        .unwrap();
    }
    sqlx::query("UPDATE junctions SET current_mode = 'manual_override'")
        .execute(&state.app.db)
        .await
        .unwrap();
    sqlx::query("DELETE FROM stages WHERE junction_id = $1::uuid")
        .bind(&bare)
        .execute(&state.app.db)
        .await
        .unwrap();
    let road = Road::start(state, RUNS);
    for junction in [&bare, &other] {
        let all = listed(&road, &token, junction, |all| all[0]["end_reason"] == "expired").await;
        assert_eq!(
            (&all[0]["override_end"], &all[0]["duration_minutes"]),
            (&all[0]["expires_at"], &json!(60))
        );
        assert_eq!(
            road.state.get(&format!("/api/junctions/{junction}"), &token).await.json()["current_mode"],
            "automatic"
        );
    }
}

#[sqlx::test]
async fn how_long_it_may_last_is_told_and_kept(db: PgPool) {
    let (road, token, junction) = road(db, RUNS).await;
    let lanes = road.state.get(&format!("/api/junctions/{junction}/lanes"), &token).await.json();
    let emergency = json!({ "mode": "emergency", "lane_id": lanes[0]["lane_id"] });
    let with = |body: &Value, minutes: i32| {
        let mut body = body.clone();
        body["expires_in_minutes"] = json!(minutes);
        body
    };
    let cases = [
        (manual("x"), 60),
        (with(&manual("x"), 1), 1),
        (with(&manual("x"), 1440), 1440),
        (emergency.clone(), 5),
        (with(&emergency, 15), 15),
    ];
    for (body, minutes) in cases {
        assert_eq!(road.set_mode(&junction, &token, &body).await.status, 200, "{body}");
        let newest =
            listed(&road, &token, &junction, |all| all[0]["override_end"].is_null()).await[0].clone();
        let time = |name: &str| chrono::DateTime::parse_from_rfc3339(newest[name].as_str().unwrap()).unwrap();
        assert_eq!((time("expires_at") - time("override_start")).num_minutes(), minutes, "{body}");
    }
    for (body, minutes) in [(manual("x"), 1441), (manual("x"), 0), (emergency, 16)] {
        assert_eq!(
            road.set_mode(&junction, &token, &with(&body, minutes)).await.fields(),
            ["expires_in_minutes"]
        );
    }
}

#[sqlx::test]
async fn what_holds_is_sent_again_when_the_broker_is_back(db: PgPool) {
    let (mut road, token, junction) = road(db, RUNS).await;
    road.comes_online(&junction).await;
    road.set_mode(&junction, &token, &manual("procession")).await;
    let first = road.plan(|plan| plan.mode == Mode::ManualOverride).await;
    road.state.broker.send_replace(false);
    road.state.broker.send_replace(true);
    let again = road.plan(|plan| plan.mode == Mode::ManualOverride).await;
    assert_eq!(again.plan_id, first.plan_id);
    assert!(again.timestamp > first.timestamp && again.valid_s <= first.valid_s, "{first:?} {again:?}");
}

#[sqlx::test]
async fn an_end_that_found_no_room_among_what_waits_for_the_broker_is_sent_when_there_is_some(db: PgPool) {
    let (mut state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    let (handle, requests) = dispatch::channel();
    let (outgoing, mut sent) = mpsc::channel(2);
    state.app.dispatch = handle;
    state.app.mqtt.outgoing = outgoing.clone();
    state.router = api::router(state.app.clone());
    let (applied, news) = mpsc::channel(4);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(dispatch::run(state.app.clone(), Clock, news, requests, stopped));
    let least = json!({ "device_id": "00000000-0000-0000-0000-00000000000d", "online": true });
    let status: Status = serde_json::from_value(least).expect("these fields are enough");
    let id = JunctionId(junction.parse().expect("ids are UUIDs"));
    applied.send(Applied::Status(id, Box::new(status))).await.expect("the planner runs");
    let mut next = async || {
        let message = timeout(Duration::from_secs(20), sent.recv()).await.expect("it is sent in time");
        decode::<GreenTime>(message.expect("the planner runs").payload.as_bytes()).expect("plans can be read")
    };
    assert_eq!(next().await.mode, Mode::Automatic);
    let path = format!("/api/junctions/{junction}/mode");
    assert_eq!(state.request("PUT", &path, &token, &manual("procession")).await.status, 200);
    assert_eq!(next().await.mode, Mode::ManualOverride);

    let filler = Outgoing { topic: Topic::GreenTime(id), payload: encode(&GreenTime::default()) };
    for _ in 0..2 {
        outgoing.try_send(filler.clone()).expect("there is room");
    }
    assert_eq!(state.request("PUT", &path, &token, &json!({ "mode": "automatic" })).await.status, 200);
    for _ in 0..2 {
        assert_eq!(next().await.plan_id, None);
    }
    let plan = next().await;
    assert_eq!((plan.mode, plan.ends_override), (Mode::Automatic, true));
}

/// It hears the plans, so it knows their names.
#[sqlx::test]
async fn a_device_that_only_counts_ends_no_override_whatever_it_says(db: PgPool) {
    let verdict: Verdict =
        |plan| Some(if plan.mode == Mode::ManualOverride { PlanState::Refused } else { PlanState::Running });
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    let counter = json!({
        "junction_id": junction,
        "device_id": "00000000-0000-0000-0000-00000000000d",
        "device_type": "rfid_counter",
    });
    create(&state, &token, &counter).await;
    let road = Road::start(state, verdict);
    let set = road.set_mode(&junction, &token, &manual("procession")).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(set.json()["applied"], "unknown");
    let all = listed(&road, &token, &junction, |_| true).await;
    assert_eq!((all.as_array().map(Vec::len), &all[0]["override_end"]), (Some(1), &Value::Null), "{all}");
}
