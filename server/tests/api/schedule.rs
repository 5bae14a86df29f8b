//! What holds by day and hour is checked, stored, shown and obeyed.

use crate::road::{Road, Verdict};
use crate::state::TestState;
use flextraff_common::wire::PlanState;
use flextraff_server::db::schedules;
use serde_json::{Value, json};
use sqlx::PgPool;

const RUNS: Verdict = |_| Some(PlanState::Running);

/// An entry for every minute of every day.
fn always(name: &str, what: &str, value: &Value) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];
    let mut entry = json!({ "name": name, "days": days, "from": "00:00", "to": "24:00" });
    entry[what] = value.clone();
    entry
}

fn fixed() -> Value {
    let stages = ["N", "S", "E", "W"].map(|stage| json!({ "stage": stage, "green_s": 12.0 }));
    json!({ "stages": stages, "offset_s": 7 })
}

#[sqlx::test]
async fn a_schedule_is_kept_shown_and_sent(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    let meera = state.plain_user(&admin, "meera").await;
    state.grant("meera", &junction, "operator").await;
    let mut road = Road::start(state, RUNS);
    road.comes_online(&junction).await;
    road.plan(|plan| plan.offset_s.is_none()).await;
    let path = format!("/api/junctions/{junction}/schedule");
    let empty = json!({ "time_zone": "Asia/Kolkata", "entries": [], "holidays": [], "city_holidays": [], "now": null });
    assert_eq!(road.state.get(&path, &admin).await.json(), empty);

    let mut limits = always("Days", "limits", &json!({ "max_cycle_s": 90, "min_green_s": 10 }));
    limits["days"] = json!(["mon", "sun"]);
    (limits["from"], limits["to"]) = (json!("22:00"), json!("05:30"));
    let entries = json!([always("Trial", "plan", &fixed()), limits]);
    let holidays = json!([{ "date": "2026-12-25", "name": "Christmas" }, { "date": "2026-08-15", "name": "Independence Day" }]);
    let body = json!({ "entries": entries, "holidays": holidays });
    let answer = road.state.request("PUT", &path, &meera, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json();
    let mut expected = entries.clone();
    expected[0]["to"] = json!("00:00");
    assert_eq!((&told["entries"], &told["now"]["entry"]), (&expected, &json!("Trial")));
    assert_eq!(told["holidays"], json!([holidays[1], holidays[0]]));
    assert_eq!(road.state.get(&path, &admin).await.json()["entries"], expected);

    // It reaches the device that is online, says why, and holds beside an override.
    let plan = road.plan(|plan| plan.offset_s == Some(7.0)).await;
    assert!(
        plan.reason.as_deref().unwrap().starts_with("Schedule entry \"Trial\" fixes a cycle of 68 s"),
        "{plan:?}"
    );
    assert!(
        plan.stages
            .iter()
            .flatten()
            .all(|stage| stage.min_green_s == Some(12.0) && stage.max_green_s == Some(12.0))
    );
    let preview =
        road.state.post(&format!("/api/junctions/{junction}/plans/preview"), &admin, &json!({})).await.json();
    assert_eq!(
        (&preview["plan"]["offset_s"], &preview["plan"]["explanation"]["schedule"]),
        (&json!(7), &json!("Trial"))
    );

    // Holidays stay when they are not sent along; the audit log knows.
    let none = road.state.request("PUT", &path, &admin, &json!({ "entries": [] })).await.json();
    assert_eq!((&none["entries"], none["holidays"].as_array().unwrap().len()), (&json!([]), 2));
    road.plan(|plan| plan.offset_s.is_none()).await;
    let log = road.state.get("/api/audit?action=junction.schedule", &admin).await.json();
    assert_eq!((&log[1]["username"], &log[1]["detail"]["entries"]), (&json!("meera"), &expected));
}

#[sqlx::test]
async fn every_fault_of_a_schedule_is_named_and_the_old_one_stays(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    let path = format!("/api/junctions/{junction}/schedule");
    let put = async |body: Value| state.request("PUT", &path, &token, &body).await;
    assert_eq!(put(json!({ "entries": [always("Good", "plan", &fixed())] })).await.status, 200);
    let mut short = fixed();
    short["stages"][0]["green_s"] = json!(3);
    let both = json!({ "entries": [always("a", "plan", &short), always("b", "plan", &fixed()), always("b", "limits", &json!({}))] });
    let answer = put(both).await;
    assert_eq!(answer.fields(), ["entries"; 4], "{}", answer.text);
    for sentence in [
        "entry \\\"a\\\": stage \\\"N\\\": green_s of 3 s",
        "entry \\\"b\\\": another entry",
        "has at least one of",
        "overlap on",
    ] {
        assert!(answer.text.contains(sentence), "{sentence}: {}", answer.text);
    }
    let with = |name: &str, value: Value| {
        let mut entry = always("x", "plan", &fixed());
        entry[name] = value;
        json!({ "entries": [entry] })
    };
    for body in [
        json!({}),
        json!({ "entries": "all" }),
        with("days", json!([])),
        with("days", json!(["monday"])),
        with("from", json!("7:00")),
        with("to", json!("25:00")),
        with("name", json!("")),
        with("name", json!("a\u{0}")),
        with("plan", json!({ "stages": [], "offset_s": -1 })),
        with("extra", json!(1)),
        json!({ "entries": [], "holidays": [{ "date": "2026-02-30", "name": "x" }] }),
        json!({ "entries": [], "holidays": [{ "date": "2026-02-10", "name": " " }] }),
        json!({ "entries": [], "holidays": [{ "date": "-5000-01-01", "name": "x" }] }),
        json!({ "entries": [], "holidays": [{ "date": "+200000-01-01", "name": "x" }] }),
        json!({ "entries": [], "holidays": [{ "date": "2026-02-10", "name": "x" }, { "date": "2026-02-10", "name": "y" }] }),
    ] {
        let answer = put(body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert!(!answer.fields().is_empty(), "{body}: {}", answer.text);
    }
    assert_eq!(state.get(&path, &token).await.json()["entries"][0]["name"], "Good");
}

#[sqlx::test]
async fn operators_edit_their_schedule_and_administrators_the_holidays_of_a_city(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (junction, other) = (state.junction(&admin, "Main").await, state.junction(&admin, "Other").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &junction, "observer").await;
    let body = json!({ "entries": [] });
    let path = |junction: &str| format!("/api/junctions/{junction}/schedule");
    state.request("PUT", &path(&junction), &ravi, &body).await.assert_problem(403, "Not enough privileges");
    state.request("PUT", &path(&other), &ravi, &body).await.assert_problem(403, "No access to this junction");
    assert_eq!(state.request("PUT", &path(&junction), "", &body).await.status, 401);
    let nowhere = path("00000000-0000-0000-0000-000000000000");
    state.request("PUT", &nowhere, &admin, &body).await.assert_problem(404, "Junction not found");

    let holidays = json!({ "holidays": [{ "date": "2026-10-02", "name": "Gandhi Jayanti" }] });
    state
        .request("PUT", "/api/holidays/Mumbai", &ravi, &holidays)
        .await
        .assert_problem(403, "Not enough privileges");
    assert_eq!(state.request("PUT", "/api/holidays/Mumbai", &admin, &holidays).await.json(), holidays);
    assert_eq!(state.get("/api/holidays/Mumbai", &ravi).await.json(), holidays);
    state.get("/api/holidays/Pune", &ravi).await.assert_problem(404, "There is no junction in Pune");
    assert_eq!(state.get("/api/holidays/Mumbai", "").await.status, 401);
    assert_eq!(state.get(&path(&junction), &ravi).await.json()["city_holidays"], holidays["holidays"]);
    let long = format!("/api/holidays/{}", "x".repeat(201));
    assert_eq!(state.get(&long, &admin).await.fields(), ["city"]);
    let twice = json!({ "holidays": [holidays["holidays"][0], holidays["holidays"][0]] });
    assert_eq!(state.request("PUT", "/api/holidays/Mumbai", &admin, &twice).await.fields(), ["holidays"]);
    let log = state.get("/api/audit?action=holidays", &admin).await.json();
    assert_eq!((log.as_array().unwrap().len(), &log[0]["target"]), (1, &json!("Mumbai")));
}

#[sqlx::test]
async fn what_somebody_else_has_changed_meanwhile_is_not_replaced_unseen(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    let meera = state.plain_user(&admin, "meera").await;
    state.grant("meera", &junction, "operator").await;
    let path = format!("/api/junctions/{junction}/schedule");
    let (body, nothing) =
        (json!({ "entries": [always("Trial", "plan", &fixed())] }), json!({ "entries": [] }));
    let first = state.get(&path, &admin).await;
    let by_meera = state.replace(&path, &meera, &first, &body).await;
    assert_eq!(by_meera.status, 200, "{}", by_meera.text);

    let late = state.replace(&path, &admin, &first, &nothing).await;
    assert_eq!((late.status.as_u16(), late.header("content-type")), (412, "application/problem+json"));
    let sentence = late.detail();
    assert!(
        sentence.starts_with("This has changed since you loaded it; meera saved it last, on "),
        "{sentence}"
    );
    assert!(sentence.ends_with(" IST"), "{sentence}");
    assert_eq!(state.get(&path, &admin).await.json()["entries"][0]["name"], "Trial");
    let long = state.replace_tag(&path, &admin, &"x".repeat(257), &nothing).await;
    assert_eq!((long.status.as_u16(), long.fields()), (422, vec!["If-Match".to_owned()]));
    // The answer to a change names what is there from then on; without If-Match whatever is there is replaced.
    assert_eq!(state.replace(&path, &admin, &by_meera, &nothing).await.status, 200);
    assert_eq!(state.request("PUT", &path, &meera, &body).await.status, 200);

    let city = |name: &str| format!("/api/holidays/{name}");
    let day = |date: &str| json!({ "holidays": [{ "date": date, "name": "Holiday" }] });
    let first = state.get(&city("Mumbai"), &admin).await;
    let saved = state.replace(&city("Mumbai"), &admin, &first, &day("2027-01-26")).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    assert_eq!(state.get(&city("Mumbai"), &admin).await.header("etag"), saved.header("etag"));
    let pune = json!({"junction_name": "Bridge", "city": "Pune", "latitude": 18.5, "longitude": 73.9});
    assert_eq!(state.post("/api/junctions/", &admin, &pune).await.status, 201);
    assert_eq!(state.request("PUT", &city("Pune"), &admin, &day("2027-05-01")).await.status, 200);
    let late = state.replace(&city("Mumbai"), &admin, &first, &day("2027-08-15")).await;
    assert_eq!(late.status, 412, "{}", late.text);
    assert!(
        late.detail().contains("admin saved it last, on ") && late.detail().ends_with(" UTC"),
        "{}",
        late.text
    );
    assert_eq!(state.replace(&city("Mumbai"), &admin, &saved, &day("2027-08-15")).await.status, 200);
}

#[sqlx::test]
async fn a_city_is_the_same_in_whatever_letters_and_one_without_junctions_is_refused(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let holidays = json!({ "holidays": [{ "date": "2026-10-02", "name": "Gandhi Jayanti" }] });
    let nobody = state.request("PUT", "/api/holidays/Pune", &admin, &holidays).await;
    nobody.assert_problem(404, "There is no junction in Pune");
    let junction = state.junction(&admin, "Main").await;
    let nobody = state.request("PUT", "/api/holidays/Bombay", &admin, &holidays).await;
    nobody.assert_problem(404, "There is no junction in Bombay; there are some in Mumbai");

    assert_eq!(state.request("PUT", "/api/holidays/mumbai", &admin, &holidays).await.json(), holidays);
    for city in ["Mumbai", "MUMBAI"] {
        assert_eq!(state.get(&format!("/api/holidays/{city}"), &admin).await.json(), holidays);
    }
    let path = format!("/api/junctions/{junction}/schedule");
    assert_eq!(state.get(&path, &admin).await.json()["city_holidays"], holidays["holidays"]);
    let dates = schedules::holiday_dates(&state.app.db, junction.parse().ok()).await.unwrap();
    assert_eq!(dates.values().flatten().count(), 1, "what the planner keeps to");
    // The same ones once more, in other letters.
    assert_eq!(state.request("PUT", "/api/holidays/MUMBAI", &admin, &holidays).await.json(), holidays);
    assert_eq!(state.get("/api/holidays/Mumbai", &admin).await.json(), holidays);
}
