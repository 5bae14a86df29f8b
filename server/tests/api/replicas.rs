//! Two servers on one database: one plans and sends, the other follows, carries out what it is asked, and takes over.

use crate::road::{Road, Verdict};
use crate::state::{TestState, next_event};
use flextraff_common::ids::JunctionId;
use flextraff_common::wire::{GreenTime, Mode, PlanState};
use flextraff_server::alarms::{Finding, Kind, Place};
use flextraff_server::clock::Clock;
use flextraff_server::config::Config;
use flextraff_server::db::overrides::{self, EndReason, NewOverride};
use flextraff_server::db::{alarms, leases};
use flextraff_server::fleet;
use flextraff_server::live::{LiveFrame, LiveKind};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;
use uuid::Uuid;

const RUNS: Verdict = |_| Some(PlanState::Running);

/// Two servers, of which the first holds the junction, and a device that both hear; with the administrator's token at either.
async fn two(db: PgPool) -> (Road, Road, [String; 2], String) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&token, "Main").await;
    let mut config = Config::default();
    config.mqtt.client_id = "second".into();
    let second = TestState::with_config(db, config);
    let first = Road::start(state, RUNS);
    holder_is(&first, "flextraff-server").await;
    let tokens = [token, second.token("admin").await];
    let mut second = Road::start(second, RUNS);
    first.comes_online(&junction).await;
    second.comes_online(&junction).await;
    let mut first = first;
    first.plan(|plan| plan.mode == Mode::Automatic).await;
    // Whatever the second would send it has sent once it has done what was asked after the device came.
    let lanes = ["N", "S", "E", "W"].map(|stage| json!({ "stage": stage, "green_s": 2 }));
    let refused = second.set_mode(&junction, &tokens[1], &json!({ "stages": lanes })).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(second.is_quiet(), "{:?}", second.plan(|_| true).await);
    (first, second, tokens, junction)
}

/// Waits until a server holds the only junction.
async fn holder_is(road: &Road, name: &str) {
    let deadline = Clock.instant() + Duration::from_secs(20);
    loop {
        let holder: Option<String> =
            sqlx::query_scalar("SELECT holder FROM junction_leases WHERE expires_at > now()")
                .fetch_optional(&road.state.app.db)
                .await
                .expect("the table is there");
        if holder.as_deref() == Some(name) {
            return;
        }
        assert!(Clock.instant() < deadline, "{holder:?} instead of {name}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Lane N shows 600 vehicles an hour, the others 60.
async fn traffic(road: &Road) {
    sqlx::query(
        "INSERT INTO car_counts (junction_id, lane_id, ts, observed_s, vehicle_count)
         SELECT junction_id, lane_id, now() - n * interval '1 minute', 60, CASE lane_name WHEN 'N' THEN 10 ELSE 1 END
         FROM lanes, generate_series(1, 10) n",
    )
    .execute(&road.state.app.db)
    .await
    .expect("the rows are stored");
}

fn greens(plan: &GreenTime) -> Vec<f64> {
    plan.stages.iter().flatten().map(|stage| stage.green_s).collect()
}

/// The next live frame of a kind that `wanted` takes.
async fn told(events: &mut Receiver<LiveFrame>, kind: LiveKind, wanted: impl Fn(&Value) -> bool) -> Value {
    let next = async {
        loop {
            let frame = events.recv().await.expect("the feed goes on");
            let value: Value = serde_json::from_str(&frame.text).expect("a frame is JSON");
            if frame.event.kind == kind && wanted(&value) {
                return value;
            }
        }
    };
    timeout(Duration::from_secs(10), next).await.expect("it is told in time")
}

#[sqlx::test]
async fn one_sends_and_the_other_takes_over_when_it_dies(db: PgPool) {
    let (first, mut second, _, _) = two(db).await;
    // Counted since the second has started: whoever takes over knows of it all the same.
    traffic(&first).await;
    let died = Clock.instant();
    first.dies();
    let plan = second.plan(|_| true).await;
    assert!(died.elapsed() < Duration::from_secs(16), "{:?}", died.elapsed());
    assert!(greens(&plan)[0] > greens(&plan)[1], "{plan:?}");
    holder_is(&second, "second").await;
}

#[sqlx::test]
async fn one_that_cannot_store_leaves_its_junctions_to_the_other(db: PgPool) {
    let (first, second, ..) = two(db).await;
    first.state.standing_still.send_replace(1);
    holder_is(&second, "second").await;
}

#[sqlx::test]
async fn a_junction_that_is_being_deleted_costs_no_lease_of_another(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let gone: Uuid = state.junction(&token, "Gone").await.parse().unwrap();
    let stays: Uuid = state.junction(&token, "Stays").await.parse().unwrap();
    let server = leases::Server { name: "first", instance: Uuid::from_u128(1), hears: true };
    let held = async || {
        let taken = timeout(Duration::from_secs(10), leases::take(&db, server, 10.0)).await;
        let view = taken.expect("it waits for nobody").expect("it works").view;
        view.held.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    let mut deletion = db.begin().await.unwrap();
    sqlx::query("DELETE FROM junctions WHERE junction_id = $1")
        .bind(gone)
        .execute(&mut *deletion)
        .await
        .unwrap();
    assert_eq!(held().await, [stays]);
    deletion.commit().await.unwrap();
    assert_eq!(held().await, [stays]);
}

#[sqlx::test]
async fn a_server_that_stops_in_order_is_replaced_at_once(db: PgPool) {
    let (first, mut second, _, _) = two(db).await;
    let stopped = Clock.instant();
    first.stops().await;
    second.plan(|plan| plan.mode == Mode::Automatic).await;
    assert!(stopped.elapsed() < Duration::from_secs(8), "{:?}", stopped.elapsed());
}

#[sqlx::test]
async fn an_override_through_either_holds_at_both_and_is_seen_at_both(db: PgPool) {
    let (mut first, mut second, tokens, junction) = two(db).await;
    let (mut at_first, mut at_second) = (first.state.app.live.subscribe(), second.state.app.live.subscribe());
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25, "reason": "procession" });
    let answer = second.set_mode(&junction, &tokens[1], &body).await;
    assert_eq!(answer.json()["applied"], "running", "{}", answer.text);
    second.plan(|plan| plan.mode == Mode::ManualOverride).await;
    let set = told(&mut at_first, LiveKind::Override, |_| true).await;
    assert_eq!(
        (&set["event"], &set["reason"], &set["junction_id"]),
        (&json!("set"), &json!("procession"), &json!(junction))
    );
    // The one that sends to devices which come back knows it, and what it sends is seen at the other.
    let again = first.plan(|plan| plan.mode == Mode::ManualOverride).await;
    assert_eq!(again.plan_id.as_deref(), set["override_id"].as_str());
    told(&mut at_second, LiveKind::GreenTime, |plan| plan["mode"] == "automatic").await;

    let answer = first.set_mode(&junction, &tokens[0], &json!({ "mode": "automatic" })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        told(&mut at_second, LiveKind::Override, |said| said["event"] == "ended").await["ended_by"],
        "admin"
    );
    // It is over at the other one too: after taking over it sends no override, and ends the one that a device may have kept.
    first.stops().await;
    let plan = second.plan(|plan| plan.mode == Mode::Automatic).await;
    assert!(plan.ends_override, "{plan:?}");
    tokio::time::timeout(Duration::from_secs(2), second.plan(|plan| plan.mode == Mode::ManualOverride))
        .await
        .expect_err("the override is over");
}

#[sqlx::test]
async fn a_schedule_that_one_takes_is_obeyed_by_the_other(db: PgPool) {
    let (mut first, second, tokens, junction) = two(db).await;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];
    let stages = ["N", "S", "E", "W"].map(|stage| json!({ "stage": stage, "green_s": 12 }));
    let entry = json!({ "name": "Always", "days": days, "from": "00:00", "to": "24:00", "plan": { "stages": stages } });
    let path = format!("/api/junctions/{junction}/schedule");
    let answer = second.state.request("PUT", &path, &tokens[1], &json!({ "entries": [entry] })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let plan = first.plan(|plan| greens(plan) == [12.0; 4]).await;
    assert!(plan.reason.is_some_and(|reason| reason.contains("\"Always\"")));
}

#[sqlx::test]
async fn two_emergencies_at_once_through_two_servers_end_in_one(db: PgPool) {
    let (first, second, tokens, junction) = two(db.clone()).await;
    let lanes = first.state.get(&format!("/api/junctions/{junction}/lanes"), &tokens[0]).await.json();
    let body = |lane: usize| json!({ "mode": "emergency", "lane_id": lanes[lane]["lane_id"] });
    for round in 0..5 {
        let (there, here) = (body(0), body(1));
        let (one, other) = tokio::join!(
            first.set_mode(&junction, &tokens[0], &there),
            second.set_mode(&junction, &tokens[1], &here)
        );
        assert!(one.status == 200 && other.status == 200, "round {round}: {} {}", one.text, other.text);
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM manual_override_history WHERE override_end IS NULL")
                .fetch_one(&db)
                .await
                .unwrap();
        assert_eq!(open, 1, "round {round}");
    }
}

#[sqlx::test]
async fn a_refusal_that_comes_late_ends_no_override_that_has_taken_the_place(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&token, "Main").await;
    let mut road = Road::start(state, |_| None);
    road.comes_online(&junction).await;
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 });
    assert_eq!(road.set_mode(&junction, &token, &body).await.json()["applied"], "unknown");
    let first = road.plan(|plan| plan.mode == Mode::ManualOverride).await.plan_id.unwrap();

    // Another server sets one, and nobody hears of it.
    let now = Clock.utc();
    let stages = json!([{ "stage": "N" }]);
    let emergency = NewOverride {
        override_id: Uuid::now_v7(),
        junction_id: junction.parse().unwrap(),
        user_id: sqlx::query_scalar("SELECT user_id FROM users").fetch_one(&db).await.unwrap(),
        mode: "emergency",
        total_cycle_time: None,
        lane_times: None,
        stages: Some(&stages),
        lane_id: None,
        start: now,
        expires_at: now + chrono::TimeDelta::minutes(5),
        reason: None,
    };
    let mut connection = db.acquire().await.unwrap();
    overrides::start(&mut connection, &emergency).await.unwrap();
    road.says(&junction, &first, PlanState::Refused).await;
    let wanted = emergency.override_id.to_string();
    let is_emergency = |plan: &GreenTime| plan.plan_id.as_deref() == Some(wanted.as_str());
    // What it has taken the place of is ended first, where a device may follow it.
    let mut before = None;
    road.plan(|plan| {
        is_emergency(plan) || {
            before = Some((plan.mode, plan.ends_override));
            false
        }
    })
    .await;
    assert_eq!(before, Some((Mode::Automatic, true)));
    road.state.broker.send_replace(false);
    road.state.broker.send_replace(true);
    road.plan(|plan| plan.ends_override).await;
    let last = road.plan(|_| true).await;
    assert!(is_emergency(&last), "no plan ends the emergency, but it is sent again after it: {last:?}");

    // Nor does the end of its time, however late that is recorded.
    let (id, expired) = (first.parse().unwrap(), EndReason::Expired);
    let ended =
        overrides::end(&mut connection, emergency.junction_id, Some(id), now, expired, None).await.unwrap();
    assert_eq!(ended, None);
    let open: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT override_id, current_mode FROM manual_override_history JOIN junctions USING (junction_id)
         WHERE override_end IS NULL",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert_eq!(open, [(emergency.override_id, "emergency".to_owned())]);
    let ended = overrides::end(
        &mut connection,
        emergency.junction_id,
        Some(emergency.override_id),
        now,
        expired,
        None,
    )
    .await
    .unwrap();
    assert_eq!(ended, Some(emergency.override_id));
}

#[sqlx::test]
async fn alarms_and_silent_devices_are_seen_at_both_whoever_finds_them(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&token, "Main").await;
    let here: JunctionId = junction.parse().unwrap();
    let other = TestState::new(db.clone());
    let _hears = (state.hears_database().await, other.hears_database().await);
    let mut feeds = [state.app.live.subscribe(), other.app.live.subscribe()];
    let mut change = async |state: &str, acknowledged: bool| {
        for feed in &mut feeds {
            let event = next_event(feed, LiveKind::Alarm).await;
            assert_eq!((event.junction, &event.payload["state"]), (here, &json!(state)));
            assert_eq!(event.payload["acknowledged_by"].is_string(), acknowledged, "{}", event.payload);
        }
    };
    let place = Place { junction: here, device: None, kind: Kind::CountAnomaly };
    let raised = alarms::raise(&db, place, &Finding::new(place.kind, "No vehicle for an hour")).await;
    let id = raised.unwrap().unwrap().alarm;
    change("open", false).await;
    let answer = state.post(&format!("/api/alarms/{id}/acknowledge"), &token, &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    change("open", true).await;
    alarms::close(&db, place).await.unwrap();
    change("closed", true).await;

    let device = Uuid::from_u128(0xd1);
    sqlx::query(
        "INSERT INTO edge_devices (device_id, junction_id, last_heartbeat, last_status)
         VALUES ($1, $2, now() - interval '5 minutes', '{\"online\": true}')",
    )
    .bind(device)
    .bind(here.0)
    .execute(&db)
    .await
    .unwrap();
    fleet::mark_silent(&state.app, Clock.utc()).await.unwrap();
    for feed in &mut feeds {
        let event = next_event(feed, LiveKind::Status).await;
        let expected = json!({ "device_id": device, "junction_id": here, "online": false });
        assert_eq!((event.junction, &*event.payload), (here, &expected));
    }
}
