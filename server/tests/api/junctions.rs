//! Junctions: creation, who sees which, pages.

use crate::state::TestState;
use flextraff_common::ids::JunctionId;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test]
async fn a_new_junction_has_four_lanes_groups_and_stages(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let id = state.junction(&token, "Main Street & Oak Ave").await;
    let lanes = state.get(&format!("/api/junctions/{id}/lanes"), &token).await.json();
    let lanes: Vec<(i64, &str, &str)> = lanes
        .as_array()
        .unwrap()
        .iter()
        .map(|lane| {
            (
                lane["lane_index"].as_i64().unwrap(),
                lane["lane_name"].as_str().unwrap(),
                lane["direction_enum"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(lanes, [(1, "N", "N"), (2, "S", "S"), (3, "E", "E"), (4, "W", "W")]);
    let stages: Vec<(String, Vec<String>, f64, f64)> = sqlx::query_as(
        "SELECT stage_name, groups, min_green_s, max_green_s FROM stages WHERE junction_id = $1::uuid ORDER BY stage_index",
    )
    .bind(&id)
    .fetch_all(&state.app.db)
    .await
    .unwrap();
    assert_eq!(stages[0], ("N".into(), vec!["N".into()], 7.0, 60.0));
    assert_eq!(stages.iter().map(|stage| stage.0.as_str()).collect::<String>(), "NSEW");
    let groups: Vec<(String, String)> = sqlx::query_as(
        "SELECT g.group_name, l.lane_name FROM signal_groups g JOIN lanes l ON l.lane_id = ANY (g.lane_ids) ORDER BY group_index",
    )
    .fetch_all(&state.app.db)
    .await
    .unwrap();
    assert!(groups.len() == 4 && groups.iter().all(|(group, lane)| group == lane), "{groups:?}");
}

#[sqlx::test]
async fn what_is_wrong_with_a_junction_is_named(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let good = json!({"junction_name": "A", "city": "B", "latitude": -90, "longitude": 180.0});
    let cases: [(Value, &[&str]); 15] = [
        (json!({"latitude": 999}), &["latitude"]),
        (json!({"latitude": 90.000_001, "longitude": -180.5}), &["latitude", "longitude"]),
        (json!({"latitude": "19"}), &["latitude"]),
        (json!({"longitude": null}), &["longitude"]),
        (json!({"junction_name": ""}), &["junction_name"]),
        (json!({"junction_name": "   "}), &["junction_name"]),
        (json!({"junction_name": "a\u{0}"}), &["junction_name"]),
        (json!({"city": "x".repeat(201)}), &["city"]),
        (json!({"min_cycle_time": 500, "max_cycle_time": 1}), &["min_cycle_time"]),
        (json!({"base_cycle_time": 10}), &["base_cycle_time"]),
        (json!({"min_cycle_time": 0}), &["min_cycle_time"]),
        (json!({"max_cycle_time": 2_147_483_648_i64}), &["max_cycle_time"]),
        (json!({"max_cycle_time": 86_400}), &["max_cycle_time"]),
        (json!({"min_cycle_time": 30.5}), &["min_cycle_time"]),
        (json!({"min_cycle_time": null, "city": 1}), &["city", "min_cycle_time"]),
    ];
    for (change, fields) in cases {
        let mut body = good.clone();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = state.post("/api/junctions/", &token, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, fields.iter().map(ToString::to_string).collect()),
            "{change}"
        );
    }
    let infinite = r#"{"junction_name": "A", "city": "B", "latitude": 1e999, "longitude": 0}"#;
    assert_eq!(state.post_text("/api/junctions/", &token, infinite).await.status, 422);
    let answer = state.post("/api/junctions/", &token, &good).await;
    assert_eq!(answer.status, 201);
    let times = ["min_cycle_time", "max_cycle_time", "base_cycle_time"]
        .map(|name| answer.json()[name].as_i64().unwrap());
    assert_eq!(times, [30, 120, 60]);
}

#[sqlx::test]
async fn a_city_has_no_two_junctions_of_a_name(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let body =
        |name: &str| json!({"junction_name": name, "city": "Pune", "latitude": 18.5, "longitude": 73.9});
    let at_once = join_all((0..5).map(|_| {
        let body = body("Main");
        let (state, admin) = (&state, &admin);
        async move { state.post("/api/junctions/", admin, &body).await.status.as_u16() }
    }));
    let mut statuses = at_once.await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409]);
    let taken = "There is a junction \"MAIN\" in Pune already; tell them apart by name";
    state.post("/api/junctions/", &admin, &body("MAIN")).await.assert_problem(409, taken);

    let other = state.post("/api/junctions/", &admin, &body("Other")).await.json();
    let path = format!("/api/junctions/{}", other["junction_id"].as_str().unwrap());
    let renamed = state.request("PATCH", &path, &admin, &json!({"junction_name": "MAIN"})).await;
    renamed.assert_problem(409, taken);
    for change in [json!({"junction_name": "OTHER"}), json!({"junction_name": "Main", "city": "Thane"})] {
        assert_eq!(state.request("PATCH", &path, &admin, &change).await.status, 200, "{change}");
    }
}

#[sqlx::test]
async fn people_see_the_junctions_that_were_granted_to_them(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let ravi = state.plain_user(&admin, "ravi").await;
    let (b, a) = (state.junction(&admin, "B").await, state.junction(&admin, "A").await);
    state.grant("ravi", &b, "observer").await;
    let names = async |token: &str| {
        let list = state.get("/api/junctions/", token).await.json();
        let names: Vec<String> = list
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|junction| junction["junction_name"].as_str().map(Into::into))
            .collect();
        names.join(" ")
    };
    assert_eq!((names(&admin).await, names(&ravi).await), ("A B".into(), "B".into()));
    assert_eq!(state.get(&format!("/api/junctions/{b}"), &ravi).await.json()["junction_name"], "B");
    let missing = "00000000-0000-0000-0000-000000000000";
    for path in ["", "/lanes"] {
        let foreign = state.get(&format!("/api/junctions/{a}{path}"), &ravi).await;
        foreign.assert_problem(403, "No access to this junction");
        let unknown = state.get(&format!("/api/junctions/{missing}{path}"), &admin).await;
        unknown.assert_problem(404, "Junction not found");
    }
    state
        .get(&format!("/api/junctions/{missing}"), &ravi)
        .await
        .assert_problem(403, "No access to this junction");
    let unreadable = state.get("/api/junctions/not-a-uuid", &admin).await;
    assert_eq!((unreadable.status.as_u16(), unreadable.fields()), (422, vec!["path".to_owned()]));
    let body = json!({"junction_name": "C", "city": "B", "latitude": 0, "longitude": 0});
    state.post("/api/junctions/", &ravi, &body).await.assert_problem(403, "Not enough privileges");
    state.post("/api/junctions/", "", &body).await.assert_problem(401, "Not authenticated");
    state.get("/api/junctions/", "").await.assert_problem(401, "Not authenticated");
}

#[sqlx::test]
async fn the_list_pages_in_the_order_of_names_even_when_an_entry_goes(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    for name in ["d", "Übergang \"x\"", "b", "a", "c"] {
        state.junction(&token, name).await;
    }
    let namesake = json!({"junction_name": "b", "city": "Thane", "latitude": 19.2, "longitude": 73.0});
    assert_eq!(state.post("/api/junctions/", &token, &namesake).await.status, 201);
    let all = state.get("/api/junctions/", &token).await;
    assert_eq!((all.json().as_array().unwrap().len(), all.header("link")), (6, ""));
    let (mut path, mut seen) = ("/api/junctions?limit=1".to_owned(), Vec::new());
    while !path.is_empty() {
        let answer = state.get(&path, &token).await;
        let page = answer.json();
        let junction = &page.as_array().unwrap()[0];
        seen.push(junction.clone());
        let id = junction["junction_id"].as_str().unwrap();
        sqlx::query("DELETE FROM junctions WHERE junction_id = $1::uuid")
            .bind(id)
            .execute(&state.app.db)
            .await
            .unwrap();
        let link = answer.header("link").to_owned();
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(&seen, all.json().as_array().unwrap());
}

#[sqlx::test]
async fn a_list_that_was_sent_before_shows_every_change_at_once(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let ravi = state.plain_user(&admin, "ravi").await;
    let (a, b) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    let list = async |token: &str| state.get("/api/junctions", token).await.json();
    let change = async |sql: &'static str| {
        sqlx::query(sql).bind(&a).execute(&db).await.expect("the database works");
    };
    let first = list(&admin).await;
    assert_eq!((list(&admin).await, list(&admin).await), (first.clone(), first.clone()));
    for (status, mode) in [("online", "automatic"), ("offline", "emergency"), ("offline", "automatic")] {
        sqlx::query("UPDATE junctions SET status = $2, current_mode = $3 WHERE junction_id = $1::uuid")
            .bind(&a)
            .bind(status)
            .bind(mode)
            .execute(&db)
            .await
            .unwrap();
        let shown = list(&admin).await;
        assert_eq!((&shown[0]["status"], &shown[0]["current_mode"]), (&json!(status), &json!(mode)));
        assert_eq!(shown[1], first[1]);
    }
    assert_eq!(list(&admin).await, first, "all is as it was");
    change("UPDATE junctions SET junction_name = 'C' WHERE junction_id = $1::uuid").await;
    assert_eq!(list(&admin).await[1]["junction_name"], "C");
    // Another user has another list at the same address.
    assert_eq!(list(&ravi).await, json!([]));
    state.grant("ravi", &b, "observer").await;
    assert_eq!(list(&ravi).await.as_array().map(Vec::len), Some(1));
    sqlx::query("DELETE FROM user_junction_access").execute(&db).await.unwrap();
    assert_eq!(list(&ravi).await, json!([]));
    change("DELETE FROM junctions WHERE junction_id = $1::uuid").await;
    assert_eq!(list(&admin).await.as_array().map(Vec::len), Some(1));
    // More addresses than are kept, each with its own page.
    for limit in (1..=40).chain(1..=40) {
        let page = state.get(&format!("/api/junctions?limit={limit}"), &admin).await;
        assert_eq!(page.json().as_array().map(Vec::len), Some(1));
    }
}

#[sqlx::test]
async fn paths_work_with_and_without_the_slash(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let id = state.junction(&token, "A").await;
    for path in
        ["/api/users", "/api/users/me", "/api/junctions", &format!("/api/junctions/{id}"), "/health", "/docs"]
    {
        let (without, with) = (state.get(path, &token).await, state.get(&format!("{path}/"), &token).await);
        assert_eq!((without.status.as_u16(), with.status.as_u16()), (200, 200), "{path}");
        assert_eq!(without.text, with.text);
    }
    let body = json!({"junction_name": "C", "city": "B", "latitude": 0, "longitude": 0});
    assert_eq!(state.post("/api/junctions", &token, &body).await.status, 201);
}

#[sqlx::test]
async fn a_junction_is_made_with_its_time_zone(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let body = |zone: &str| json!({"junction_name": zone, "city": "Berlin", "latitude": 52.5, "longitude": 13.4, "time_zone": zone});
    let made = state.post("/api/junctions", &admin, &body("Europe/Berlin")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["junction_id"].as_str().unwrap().parse().unwrap();
    let entry = flextraff_server::db::junctions::entry(&state.app.db, JunctionId(id)).await.unwrap().unwrap();
    assert_eq!(entry.time_zone, "Europe/Berlin");
    let refused = state.post("/api/junctions", &admin, &body("Berlin")).await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (422, vec!["time_zone".to_owned()]));
    assert!(refused.text.contains("is no zone of the IANA database"), "{}", refused.text);
}
