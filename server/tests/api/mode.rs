//! Operators take a signal over and give it back.

use crate::road::{Road, Verdict};
use crate::state::TestState;
use flextraff_common::wire::{GreenTime, Mode, PlanState};
use flextraff_server::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

const RUNS: Verdict = |_| Some(PlanState::Running);

/// The body of the published interface.
fn seed() -> Value {
    json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 })
}

fn with(change: &Value) -> Value {
    let mut body = seed();
    for (name, value) in change.as_object().expect("a change is an object") {
        body[name] = value.clone();
    }
    body
}

async fn road(db: PgPool, verdict: Verdict) -> (Road, String, String) {
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    (Road::start(state, verdict), token, junction)
}

fn greens(plan: &GreenTime) -> Vec<f64> {
    plan.stages.iter().flatten().map(|stage| stage.green_s).collect()
}

/// Mode of the junction, overrides that run, overrides that have ended.
async fn recorded(road: &Road, junction: &str) -> (String, i64, i64) {
    sqlx::query_as(
        "SELECT current_mode, count(override_id) FILTER (WHERE override_end IS NULL), count(override_end)
         FROM junctions LEFT JOIN manual_override_history USING (junction_id)
         WHERE junction_id = $1::uuid GROUP BY current_mode",
    )
    .bind(junction)
    .fetch_one(&road.state.app.db)
    .await
    .expect("the junction is there")
}

/// Waits until the junction's records are so.
async fn becomes(road: &Road, junction: &str, mode: &str, running: i64, ended: i64) {
    let deadline = Clock.instant() + Duration::from_secs(10);
    let expected = (mode.to_owned(), running, ended);
    loop {
        let found = recorded(road, junction).await;
        if found == expected {
            return;
        }
        assert!(Clock.instant() < deadline, "{found:?} instead of {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test]
async fn the_published_body_starts_an_override_and_says_what_the_road_makes_of_it(db: PgPool) {
    let verdict: Verdict =
        |plan| Some(if plan.mode == Mode::ManualOverride { PlanState::Pending } else { PlanState::Running });
    let (mut road, token, junction) = road(db, verdict).await;
    let answer = road.set_mode(&junction, &token, &with(&json!({ "reason": "procession" }))).await;
    let plan = road.plan(|plan| plan.mode == Mode::ManualOverride).await;
    let expected = json!({
        "status": "success", "message": "Manual override activated", "plan_id": plan.plan_id, "applied": "pending", "reasons": [],
    });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    // West is what is left; each green is its lane's time without amber and all-red.
    assert_eq!(plan.lane_times.as_deref(), Some(&[30.0, 20.0, 25.0, 25.0][..]));
    assert_eq!(greens(&plan), [25.0, 15.0, 20.0, 20.0]);
    assert_eq!((plan.valid_s, plan.reason.as_deref()), (Some(3600.0), Some("procession")));
    assert_eq!(recorded(&road, &junction).await, ("manual_override".into(), 1, 0));
    let row: (i32, i32, i32, i32, i32, Option<String>, String) = sqlx::query_as(
        "SELECT total_cycle_time, north_lane_time, south_lane_time, east_lane_time, west_lane_time, reason, username
         FROM manual_override_history",
    )
    .fetch_one(&road.state.app.db)
    .await
    .unwrap();
    assert_eq!(row, (100, 30, 20, 25, 25, Some("procession".into()), "admin".into()));
    let junction = road.state.get(&format!("/api/junctions/{junction}"), &token).await.json();
    assert_eq!(junction["current_mode"], "manual_override");
}

#[sqlx::test]
async fn what_is_wrong_is_said_and_nothing_is_sent(db: PgPool) {
    let (road, token, junction) = road(db, RUNS).await;
    for change in [
        json!({ "total_cycle_time": 70 }),
        json!({ "west_lane_time": 26 }),
        json!({ "north_lane_time": 3600, "south_lane_time": 3600, "east_lane_time": 3600, "total_cycle_time": 1 }),
    ] {
        let answer = road.set_mode(&junction, &token, &with(&change)).await;
        answer.assert_problem(400, "Lane times exceed total cycle time");
    }
    let fields: [(Value, &[&str]); 13] = [
        (json!({ "north_lane_time": -1 }), &["north_lane_time"]),
        (json!({ "north_lane_time": 2_147_483_648_i64 }), &["north_lane_time"]),
        (json!({ "total_cycle_time": "NaN" }), &["total_cycle_time"]),
        (json!({ "total_cycle_time": "100" }), &["total_cycle_time"]),
        (json!({ "total_cycle_time": 0, "east_lane_time": null }), &["east_lane_time", "total_cycle_time"]),
        (json!({ "south_lane_time": 20.5 }), &["south_lane_time"]),
        (json!({ "mode": "flash" }), &["mode"]),
        (
            json!({ "mode": "", "total_cycle_time": 120, "north_lane_time": 40, "south_lane_time": 30, "east_lane_time": 30 }),
            &["mode"],
        ),
        (json!({ "expires_in_minutes": 0 }), &["expires_in_minutes"]),
        (json!({ "expires_in_minutes": 1441 }), &["expires_in_minutes"]),
        (json!({ "mode": "emergency" }), &["lane_id"]),
        (json!({ "mode": "emergency", "lane_id": "N" }), &["lane_id"]),
        (json!({ "stages": [{ "stage": "N" }] }), &["stages"]),
    ];
    for (change, fields) in fields {
        let answer = road.set_mode(&junction, &token, &with(&change)).await;
        let mut named = answer.fields();
        named.sort();
        assert_eq!(answer.status, 422, "{change}: {}", answer.text);
        assert!(
            named.iter().zip(fields).all(|(a, b)| a.starts_with(b)) && named.len() == fields.len(),
            "{change}: {named:?}"
        );
    }
    let sentences = [
        (
            json!({ "north_lane_time": 8, "west_lane_time": 47 }),
            "stage \"N\": green_s of 3 s is outside 7 to 60 s",
            "north_lane_time",
        ),
        (
            json!({ "north_lane_time": 70, "total_cycle_time": 110, "south_lane_time": 13, "east_lane_time": 13 }),
            "outside 7 to 60 s",
            "north_lane_time",
        ),
        (
            json!({ "total_cycle_time": 130 }),
            "the cycle of 130 s is outside the junction's 30 to 120 s",
            "total_cycle_time",
        ),
        (json!({ "stages": [{ "stage": "X", "green_s": 20 }] }), "there is no stage \"X\"", "stages"),
    ];
    for (change, sentence, field) in sentences {
        let answer = road.set_mode(&junction, &token, &with(&change)).await;
        assert_eq!(answer.status, 422, "{change}: {}", answer.text);
        assert!(answer.detail().contains(sentence), "{change}: {}", answer.text);
        assert!(answer.fields().iter().any(|named| named == field), "{change}: {}", answer.text);
    }
    for text in ["", "[]", "NaN", r#"{"total_cycle_time": NaN}"#] {
        let answer = road.set_mode(&junction, &token, &Value::String(text.to_owned())).await;
        assert_eq!(answer.status, 422, "{text}: {}", answer.text);
    }
    assert!(road.is_quiet());
    assert_eq!(recorded(&road, &junction).await, ("automatic".into(), 0, 0));
}

/// With other ranges of the stages than by default only the bounds of the cycle say so.
#[sqlx::test]
async fn a_cycle_that_is_shorter_than_the_junction_allows_is_refused(db: PgPool) {
    let (road, token, junction) = road(db, RUNS).await;
    let bounds = json!({ "min_cycle_time": 60, "base_cycle_time": 60 });
    let path = format!("/api/junctions/{junction}");
    assert_eq!(road.state.request("PATCH", &path, &token, &bounds).await.status, 200);
    let stages = ["N", "S", "E", "W"].map(|stage| json!({ "stage": stage, "green_s": 7 }));
    for (body, field) in [
        (
            json!({ "total_cycle_time": 48, "north_lane_time": 12, "south_lane_time": 12, "east_lane_time": 12 }),
            "total_cycle_time",
        ),
        (json!({ "stages": stages }), "stages"),
    ] {
        let answer = road.set_mode(&junction, &token, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, vec![field.to_owned()]),
            "{}",
            answer.text
        );
        let sentence = "the cycle of 48 s is outside the junction's 60 to 120 s";
        assert!(answer.detail().contains(sentence), "{}", answer.text);
    }
    assert!(road.is_quiet());
}

#[sqlx::test]
async fn only_operators_of_the_junction_may(db: PgPool) {
    let (road, admin, junction) = road(db, RUNS).await;
    let other = road.state.junction(&admin, "Other").await;
    let ravi = road.state.plain_user(&admin, "ravi").await;
    road.state.grant("ravi", &junction, "observer").await;
    for target in [&junction, &other] {
        assert_eq!(road.set_mode(target, &ravi, &seed()).await.status, 403);
    }
    assert_eq!(road.set_mode(&junction, "nobody", &seed()).await.status, 401);
    let unknown = road.set_mode("00000000-0000-0000-0000-000000000000", &admin, &seed()).await;
    unknown.assert_problem(404, "Junction not found");
    assert!(road.is_quiet());
    let meera = road.state.plain_user(&admin, "meera").await;
    road.state.grant("meera", &junction, "operator").await;
    assert_eq!(road.set_mode(&junction, &meera, &seed()).await.json()["applied"], "running");
}

#[sqlx::test]
async fn automatic_ends_an_override_and_is_answered_without_one_too(db: PgPool) {
    let (mut road, token, junction) = road(db, RUNS).await;
    road.set_mode(&junction, &token, &seed()).await;
    let automatic = json!({ "mode": "automatic" });
    for _ in 0..2 {
        let answer = road.set_mode(&junction, &token, &automatic).await.json();
        assert_eq!(
            (&answer["message"], &answer["applied"]),
            (&json!("Automatic mode activated"), &json!("running"))
        );
        assert_eq!(road.plan(|plan| plan.ends_override).await.mode, Mode::Automatic);
        assert_eq!(recorded(&road, &junction).await, ("automatic".into(), 0, 1));
    }
}

#[sqlx::test]
async fn a_new_override_takes_the_place_of_the_old_one(db: PgPool) {
    let (mut road, token, junction) = road(db, RUNS).await;
    road.set_mode(&junction, &token, &seed()).await;
    let stages = ["N", "S", "E", "W"].map(|stage| json!({ "stage": stage, "green_s": 10 }));
    let body = json!({ "mode": "manual_override", "stages": stages, "expires_in_minutes": 5 });
    assert_eq!(road.set_mode(&junction, &token, &body).await.json()["applied"], "running");
    let plan = road.plan(|plan| plan.valid_s == Some(300.0)).await;
    assert_eq!((plan.mode, greens(&plan)), (Mode::ManualOverride, vec![10.0; 4]));
    assert_eq!(recorded(&road, &junction).await, ("manual_override".into(), 1, 1));
}

#[sqlx::test]
async fn an_emergency_names_its_lane(db: PgPool) {
    let (mut road, token, junction) = road(db, RUNS).await;
    let lanes = road.state.get(&format!("/api/junctions/{junction}/lanes"), &token).await.json();
    let body = |lane: &Value| json!({ "mode": "emergency", "lane_id": lane });
    let unknown =
        road.set_mode(&junction, &token, &body(&json!("00000000-0000-0000-0000-000000000001"))).await;
    assert_eq!((unknown.status.as_u16(), unknown.fields()), (422, vec!["lane_id".to_owned()]));
    let mut long = body(&lanes[2]["lane_id"]);
    long["expires_in_minutes"] = json!(16);
    let long = road.set_mode(&junction, &token, &long).await;
    assert_eq!((long.status.as_u16(), long.fields()), (422, vec!["expires_in_minutes".to_owned()]));
    let answer = road.set_mode(&junction, &token, &body(&lanes[2]["lane_id"])).await.json();
    assert_eq!((&answer["message"], &answer["applied"]), (&json!("Emergency activated"), &json!("running")));
    let plan = road.plan(|plan| plan.mode == Mode::Emergency).await;
    let stages: Vec<&str> = plan.stages.iter().flatten().map(|stage| stage.stage.as_str()).collect();
    assert_eq!((stages, plan.valid_s), (vec!["E"], Some(300.0)));
    assert_eq!(recorded(&road, &junction).await, ("emergency".into(), 1, 0));
}

#[sqlx::test]
async fn an_emergency_ends_the_manual_override_that_it_takes_the_place_of(db: PgPool) {
    let (mut road, token, junction) = road(db, RUNS).await;
    let lanes = road.state.get(&format!("/api/junctions/{junction}/lanes"), &token).await.json();
    let emergency = json!({ "mode": "emergency", "lane_id": lanes[2]["lane_id"] });
    road.comes_online(&junction).await;
    road.plan(|plan| plan.mode == Mode::Automatic).await;
    road.set_mode(&junction, &token, &seed()).await;
    road.plan(|plan| plan.mode == Mode::ManualOverride).await;
    for (body, mode) in [(emergency, Mode::Emergency), (seed(), Mode::ManualOverride)] {
        assert_eq!(road.set_mode(&junction, &token, &body).await.json()["applied"], "running");
        let (end, begin) = (road.plan(|_| true).await, road.plan(|_| true).await);
        assert_eq!((end.mode, end.ends_override), (Mode::Automatic, true));
        assert_eq!(begin.mode, mode);
    }
}

#[sqlx::test]
async fn what_the_road_refuses_does_not_go_on_as_an_override(db: PgPool) {
    let verdict: Verdict =
        |plan| Some(if plan.mode == Mode::ManualOverride { PlanState::Refused } else { PlanState::Running });
    let (mut road, token, junction) = road(db, verdict).await;
    let answer = road.set_mode(&junction, &token, &seed()).await;
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &body["status"], &body["applied"]),
        (200, &json!("refused"), &json!("refused"))
    );
    assert_eq!(body["reasons"], json!(["amber"]));
    assert_eq!(recorded(&road, &junction).await, ("automatic".into(), 0, 1));
    // Whatever the road went on with, the planner decides again.
    road.plan(|plan| plan.ends_override && plan.mode == Mode::Automatic).await;
}

#[sqlx::test]
async fn a_road_that_does_not_answer_is_unknown_and_holds_nobody_up(db: PgPool) {
    let (road, token, junction) = road(db, |_| None).await;
    let started = Clock.instant();
    let answer = road.set_mode(&junction, &token, &seed()).await.json();
    assert_eq!((&answer["status"], &answer["applied"]), (&json!("success"), &json!("unknown")));
    // By its name the plan is found when the road answers after all.
    let plans = road.state.get(&format!("/api/junctions/{junction}/plans"), &token).await.json();
    let sent = plans.as_array().unwrap().iter().find(|plan| plan["plan_id"] == answer["plan_id"]);
    assert_eq!(sent.map(|plan| &plan["state"]), Some(&json!("sent")), "{plans}");
    assert!((1900..4000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    // It is recorded, and goes out again when the device comes.
    assert_eq!(recorded(&road, &junction).await, ("manual_override".into(), 1, 0));
}

#[sqlx::test]
async fn a_server_that_starts_again_keeps_a_running_override_and_ends_it_in_time(db: PgPool) {
    let (road, token, junction) = road(db, RUNS).await;
    road.set_mode(&junction, &token, &seed()).await;
    let mut road = road.restart(RUNS).await;
    road.comes_online(&junction).await;
    let (first, second) = (road.plan(|_| true).await, road.plan(|_| true).await);
    assert_eq!((first.mode, first.ends_override), (Mode::Automatic, false));
    assert_eq!((second.mode, greens(&second)), (Mode::ManualOverride, vec![25.0, 15.0, 20.0, 20.0]));
    assert!(second.valid_s.is_some_and(|valid_s| (3500.0..=3600.0).contains(&valid_s)), "{second:?}");
    assert_eq!(recorded(&road, &junction).await, ("manual_override".into(), 1, 0));

    // Its time is over two seconds after the next start.
    sqlx::query("UPDATE manual_override_history SET expires_at = now() + interval '2 seconds'")
        .execute(&road.state.app.db)
        .await
        .unwrap();
    let road = road.restart(RUNS).await;
    becomes(&road, &junction, "automatic", 0, 1).await;
    let in_time: bool = sqlx::query_scalar("SELECT override_end = expires_at FROM manual_override_history")
        .fetch_one(&road.state.app.db)
        .await
        .unwrap();
    assert!(in_time, "it ended when it ran out, not when that was noticed");
}

#[sqlx::test]
async fn a_server_that_starts_again_ends_what_was_ended_before_its_time(db: PgPool) {
    let (road, token, junction) = road(db, RUNS).await;
    road.set_mode(&junction, &token, &seed()).await;
    road.set_mode(&junction, &token, &json!({ "mode": "automatic" })).await;
    // A device that was away meanwhile follows the override for an hour, unless it is told.
    let mut road = road.restart(RUNS).await;
    road.comes_online(&junction).await;
    let first = road.plan(|_| true).await;
    assert_eq!((first.mode, first.ends_override), (Mode::Automatic, true));
    // What would be over by now needs no end.
    sqlx::query("UPDATE manual_override_history SET expires_at = now() - interval '1 second'")
        .execute(&road.state.app.db)
        .await
        .unwrap();
    let mut road = road.restart(RUNS).await;
    road.comes_online(&junction).await;
    let first = road.plan(|_| true).await;
    assert_eq!((first.mode, first.ends_override), (Mode::Automatic, false));
}
