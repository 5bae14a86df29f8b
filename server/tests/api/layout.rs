//! Lanes, groups, stages, the city as a file, and the file of an agent.

use crate::state::TestState;
use axum::http::Request;
use flextraff_server::config_differences::differences;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::path::Path;

pub(crate) async fn layout(state: &TestState, token: &str, id: &str) -> Value {
    let answer = state.get(&format!("/api/junctions/{id}/layout"), token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Lanes N and S with arrows for right turns, a pedestrian crossing, and what may be green together.
fn shape() -> Value {
    let lane = |index: i32, name: &str| json!({"lane_index": index, "lane_name": name, "direction_enum": &name[..1]});
    json!({"lanes": [lane(1, "N1"), lane(2, "N2"), lane(3, "S1")], "groups": [], "stages": [
        {"stage": "north", "groups": ["N1", "N2"], "min_green_s": 7, "max_green_s": 50},
        {"stage": "south", "groups": ["S1"], "min_green_s": 7, "max_green_s": 40, "skip": true},
    ]})
}

#[sqlx::test]
async fn a_junction_takes_another_shape_and_lanes_keep_their_ids(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    let lanes = format!("/api/junctions/{id}/lanes");
    let answer = state.request("PUT", &lanes, &admin, &shape()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json(), layout(&state, &admin, &id).await);
    let kept = answer.json()["lanes"].clone();

    let signal = json!({"amber_s": 4, "stage_order": "free"});
    let stages = json!({
        "groups": [
            {"name": "N", "lanes": [kept[0]["lane_id"], kept[1]["lane_id"]]},
            {"name": "S", "lanes": [kept[2]["lane_id"]], "exits": ["north"]},
            {"name": "walk", "kind": "pedestrian"},
        ],
        "stages": [
            {"stage": "all", "groups": ["N", "S"], "min_green_s": 10, "max_green_s": 60},
            {"stage": "walk", "groups": ["walk"], "min_green_s": 12, "max_green_s": 12},
        ],
        "compatible": [{"a": "N", "b": "S", "yield": true}],
        "intergreens": [{"from": "walk", "to": "N", "seconds": 9}],
        "signal": signal,
    });
    let answer = state.request("PUT", &format!("/api/junctions/{id}/stages"), &admin, &stages).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let now = layout(&state, &admin, &id).await;
    assert_eq!((&now["lanes"], &now["compatible"]), (&kept, &stages["compatible"]));
    assert_eq!((&now["signal"]["amber_s"], &now["signal"]["all_red_s"]), (&json!(4.0), &json!(2.0)));
    let deeds = state.get("/api/audit?action=junction.stages", &admin).await.json();
    assert_eq!(deeds[0]["detail"]["stages"], now["stages"]);
    assert!(deeds[0]["detail"]["lanes"].is_null(), "what stays is not told");
}

#[sqlx::test]
async fn every_rule_that_a_shape_breaks_is_told_and_nothing_changes(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    let before = layout(&state, &admin, &id).await;
    let (lanes, stages) = (format!("/api/junctions/{id}/lanes"), format!("/api/junctions/{id}/stages"));
    let mut fewer = before["lanes"].as_array().unwrap().clone();
    fewer.truncate(2);
    let answer = state.request("PUT", &lanes, &admin, &json!({"lanes": fewer})).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.json()["errors"].as_array().unwrap().len() >= 2, "groups E and W: {}", answer.text);
    let lane = |index: i32| json!({"lane_index": index, "lane_name": "X"});
    assert!(
        answer.fields().iter().all(|field| ["groups", "stages"].contains(&field.as_str())),
        "{}",
        answer.text
    );
    for (path, body, part) in [
        (&lanes, json!({}), "lanes is required"),
        (&lanes, json!({"lanes": [lane(1), lane(1)]}), "same lane_index"),
        (
            &lanes,
            json!({"lanes": [{"lane_index": 1, "lane_name": "X", "lane_id": "x"}]}),
            "lanes cannot be read",
        ),
        (&lanes, json!({"lanes": [{"lane_index": 1, "lane_name": "X", "more": 1}]}), "unknown field `more`"),
        (&stages, json!({}), "stages is required"),
        (&stages, json!({"stages": []}), "stage"),
        (
            &stages,
            json!({"stages": [{"stage": "N", "groups": ["nobody"], "min_green_s": 7, "max_green_s": 60}]}),
            "nobody",
        ),
        (
            &stages,
            json!({"stages": [{"stage": "N", "groups": ["N"], "min_green_s": 70, "max_green_s": 60}]}),
            "green",
        ),
        (&stages, json!({"stages": before["stages"], "signal": {"amber_s": "x"}}), "signal cannot be read"),
    ] {
        let answer = state.request("PUT", path, &admin, &body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert!(answer.json()["errors"].to_string().contains(part), "{body}: {}", answer.text);
        let known = ["lanes", "groups", "stages", "signal"];
        assert!(
            answer.fields().iter().all(|field| known.contains(&field.as_str())),
            "{body}: {}",
            answer.text
        );
    }
    let other = state.junction(&admin, "Other").await;
    let foreign = layout(&state, &admin, &other).await["lanes"].clone();
    let answer = state.request("PUT", &lanes, &admin, &json!({"lanes": foreign})).await;
    assert!([409, 422].contains(&answer.status.as_u16()), "{}", answer.text);
    assert_eq!(layout(&state, &admin, &id).await, before);
    assert_eq!(layout(&state, &admin, &other).await["lanes"], foreign);
}

#[sqlx::test]
async fn a_junction_is_changed_and_deleted(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    let path = format!("/api/junctions/{id}");
    let change = json!({"junction_name": "Main & Oak", "time_zone": "Asia/Colombo", "max_cycle_time": 150});
    let answer = state.request("PATCH", &path, &admin, &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        (&answer.json()["junction_name"], &answer.json()["max_cycle_time"]),
        (&json!("Main & Oak"), &json!(150))
    );
    assert_eq!(layout(&state, &admin, &id).await["time_zone"], "Asia/Colombo");
    for (bad, part, field) in [
        (json!({"time_zone": "Mars/Base"}), "IANA", "time_zone"),
        (json!({"min_cycle_time": 151}), "must rise", "min_cycle_time"),
        (json!({"base_cycle_time": 151}), "must rise", "base_cycle_time"),
        (json!({"latitude": 91}), "latitude", "latitude"),
        (json!({"city": null}), "city", "city"),
        (json!({"base_cycle_time": 0}), "base_cycle_time", "base_cycle_time"),
    ] {
        let answer = state.request("PATCH", &path, &admin, &bad).await;
        assert!(answer.status == 422 && answer.text.contains(part), "{bad}: {}", answer.text);
        assert_eq!(answer.fields(), [field], "{bad}: {}", answer.text);
    }
    let plain = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &id, "operator").await;
    assert_eq!(state.get(&format!("{path}/layout"), &plain).await.status, 200);
    for (method, path) in [
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("PUT", format!("{path}/lanes")),
        ("PUT", format!("{path}/stages")),
        ("GET", format!("{path}/agent.toml")),
        ("GET", "/api/junctions/export".to_owned()),
        ("PUT", format!("/api/links/{id}/{id}")),
    ] {
        let body = if method == "GET" || method == "DELETE" { Value::Null } else { shape() };
        state.request(method, &path, &plain, &body).await.assert_problem(403, "Not enough privileges");
    }
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 204);
    state.get(&path, &admin).await.assert_problem(404, "Junction not found");
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 404);
}

#[sqlx::test]
async fn the_city_goes_out_and_comes_back_as_a_file(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    state.request("PUT", &format!("/api/junctions/{id}/lanes"), &admin, &shape()).await;
    let file = state.get("/api/junctions/export", &admin).await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"junctions.json\"");
    let import = async |body: &Value| state.post("/api/junctions/import", &admin, body).await;
    assert_eq!(import(&file.json()).await.json(), json!({"junctions": 1, "links": 0}));
    assert_eq!(state.get("/api/junctions/export", &admin).await.json(), file.json());
    assert_eq!(
        state.request("DELETE", &format!("/api/junctions/{id}"), &admin, &Value::Null).await.status,
        204
    );
    assert_eq!(import(&file.json()).await.status, 200);
    assert_eq!(state.get("/api/junctions/export", &admin).await.json(), file.json());

    let mut broken = file.json();
    broken["junctions"][0]["latitude"] = json!(100);
    broken["junctions"][0]["stages"][0]["groups"] = json!(["nobody"]);
    let answer = import(&broken).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["errors"].as_array().unwrap().len()),
        (422, 4),
        "{}",
        answer.text
    );
    assert_eq!(answer.fields()[0], "junctions[0].latitude");
    assert!(answer.fields()[1..].iter().all(|field| field == "junctions[0].stages"), "{}", answer.text);
    let mut nil = file.json();
    nil["junctions"][0]["junction_id"] = json!("00000000-0000-0000-0000-000000000000");
    let answer = import(&nil).await;
    let wrong = (answer.status.as_u16(), answer.fields());
    assert_eq!(wrong, (422, vec!["junctions[0].junction_id".to_owned()]), "{}", answer.text);
    let mut twice = file.json();
    let lane = twice["junctions"][0]["lanes"][0]["lane_id"].clone();
    let device = "00000000-0000-0000-0000-0000000000d1";
    twice["junctions"][0]["devices"] =
        json!([{"device_id": device, "device_type": "rfid_counter", "lanes": [lane, lane]}]);
    let answer = import(&twice).await;
    assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec!["junctions[0].devices".to_owned()]));
    assert!(answer.text.contains("twice"), "{}", answer.text);
    for (body, part) in
        [(json!([]), "no junction file"), (json!({"junctions": [], "more": 1}), "unknown field `more`")]
    {
        let answer = import(&body).await;
        assert!(answer.status == 422 && answer.text.contains(part), "{}", answer.text);
    }
    let untyped = Request::post("/api/junctions/import").header("authorization", format!("Bearer {admin}"));
    let untyped = state.send(untyped.body(file.text.clone().into()).unwrap()).await;
    untyped.assert_problem(415, "Send the body as JSON, with Content-Type: application/json");
    let huge = state.post_text("/api/junctions/import", &admin, " ".repeat(16 * 1024 * 1024 + 1)).await;
    huge.assert_problem(413, "The body is too large; at most 16777216 bytes are read");
    let main = "There is a junction \"MAIN\" in Mumbai already; tell them apart by name";
    let mut namesake = file.json();
    for field in ["lanes", "groups", "stages"] {
        namesake["junctions"][0][field] = shape()[field].clone();
    }
    for (at, lane) in namesake["junctions"][0]["lanes"].as_array_mut().unwrap().iter_mut().enumerate() {
        lane["lane_id"] = json!(format!("00000000-0000-0000-0000-0000000000c{at}"));
    }
    namesake["junctions"][0]["junction_id"] = json!("00000000-0000-0000-0000-00000000000b");
    namesake["junctions"][0]["junction_name"] = json!("MAIN");
    import(&namesake).await.assert_problem(409, main);
    assert_eq!(state.get("/api/junctions/export", &admin).await.json(), file.json());
    let mut foreign = file.json();
    foreign["junctions"][0]["junction_id"] = json!("00000000-0000-0000-0000-00000000000b");
    let answer = import(&foreign).await;
    assert!(answer.status == 409 && answer.text.contains("belongs to another junction"), "{}", answer.text);
}

#[sqlx::test]
async fn the_file_of_an_agent_is_one_that_the_agent_takes(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (a, b) = (state.junction(&admin, "A \"north\"").await, state.junction(&admin, "B").await);
    state.request("PUT", &format!("/api/junctions/{a}/lanes"), &admin, &shape()).await;
    let lane = async |id: &str| layout(&state, &admin, id).await["lanes"][0]["lane_id"].clone();
    let link = json!({"from_lanes": [lane(&a).await], "to_lanes": [lane(&b).await], "distance_m": 350, "free_flow_s": 30});
    assert_eq!(state.request("PUT", &format!("/api/links/{a}/{b}"), &admin, &link).await.status, 200);
    for id in [&a, &b] {
        let answer = state.get(&format!("/api/junctions/{id}/agent.toml"), &admin).await;
        assert_eq!(answer.header("content-type"), "application/toml; charset=utf-8");
        let config = flextraff_agent::config::parse(Path::new("agent.toml"), &answer.text);
        let config = config.unwrap_or_else(|errors| panic!("{errors}\n{}", answer.text));
        assert_eq!(config.junction.id.to_string(), **id);
        let entry =
            flextraff_server::db::junctions::entry(&state.app.db, config.junction.id).await.unwrap().unwrap();
        assert_eq!(config.junction.stages(), entry.build().unwrap().stages());
        let effective = config.to_toml().expect("it can be written");
        assert_eq!(differences(&entry, &effective), Vec::<String>::new());
        let other = differences(&entry, &effective.replacen("amber_s = 3", "amber_s = 4", 1));
        assert!(
            other.contains(&"amber_s is 3 s on the server and 4 s on the device".to_owned()),
            "{other:?}"
        );
        assert!(answer.text.contains("[[link]]"), "{}", answer.text);
    }
    let device = "00000000-0000-0000-0000-0000000000d1";
    let path = format!("/api/junctions/{a}/agent.toml?device_id=");
    state
        .get(&format!("{path}{device}"), &admin)
        .await
        .assert_problem(404, "This junction has no such device");
    assert_eq!(state.get(&format!("{path}x"), &admin).await.status, 422);
}

#[sqlx::test]
async fn what_crossings_need_is_planned_with_and_reaches_the_road(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    let lanes = layout(&state, &admin, &id).await["lanes"].clone();
    let mut groups: Vec<Value> = lanes
        .as_array()
        .unwrap()
        .iter()
        .map(|lane| json!({"name": lane["lane_name"], "lanes": [lane["lane_id"]]}))
        .collect();
    let head = json!({"name": "P", "kind": "pedestrian", "walk_s": 9.0, "clearance_s": 14.5, "button": true});
    groups.push(head);
    let stage = |name: &str| json!({"stage": name, "groups": [name], "min_green_s": 10, "max_green_s": 40});
    let stages = ["N", "S", "E", "W", "P"].map(stage);
    let body = json!({"groups": groups, "stages": stages});
    let path = format!("/api/junctions/{id}/stages");
    let answer = state.request("PUT", &path, &admin, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let stored = &answer.json()["groups"][4];
    for (field, value) in [("walk_s", json!(9.0)), ("clearance_s", json!(14.5)), ("button", json!(true))] {
        assert_eq!(stored[field], value, "{stored}");
    }
    let file = state.get("/api/junctions/export", &admin).await.json();
    assert_eq!(state.post("/api/junctions/import", &admin, &file).await.status, 200);
    assert_eq!(state.get("/api/junctions/export", &admin).await.json(), file);

    let text = state.get(&format!("/api/junctions/{id}/agent.toml"), &admin).await.text;
    let text = text.replacen("clearance_s = 14.5", "clearance_s = 14.5\nbutton = 5", 1);
    let config = flextraff_agent::config::parse(Path::new("agent.toml"), &text);
    let config = config.unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let entry =
        flextraff_server::db::junctions::entry(&state.app.db, config.junction.id).await.unwrap().unwrap();
    assert_eq!(differences(&entry, &config.to_toml().unwrap()), Vec::<String>::new());
    let planned = entry.build().unwrap();
    let at = |name: &str| planned.stage_named(name).unwrap();
    // 3 s without green for anybody come on top, and whole seconds are planned.
    assert_eq!(planned.clearance_s(at("P"), at("N")), 18, "those who stepped off last reach the other side");
    assert_eq!(planned.clearance_s(at("N"), at("P")), 5);

    let mut wrong = body.clone();
    wrong["groups"][0]["clearance_s"] = json!(5);
    wrong["groups"][4]["walk_s"] = json!(2);
    let answer = state.request("PUT", &path, &admin, &wrong).await;
    assert_eq!(
        (answer.status.as_u16(), answer.fields()),
        (422, vec!["groups".to_owned(); 2]),
        "{}",
        answer.text
    );
}

#[sqlx::test]
async fn a_shape_that_somebody_else_has_changed_meanwhile_is_not_replaced_unseen(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    let (path, lanes) = (format!("/api/junctions/{id}/layout"), format!("/api/junctions/{id}/lanes"));
    let first = state.get(&path, &admin).await;
    // What is no part of the shape changes nothing about it.
    let place = format!("/api/junctions/{id}");
    assert_eq!(state.request("PATCH", &place, &admin, &json!({ "latitude": 18.6 })).await.status, 200);
    let changed = state.replace(&lanes, &admin, &first, &shape()).await;
    assert_eq!(changed.status, 200, "{}", changed.text);

    let late = state.replace(&lanes, &admin, &first, &shape()).await;
    assert_eq!(late.status, 412, "{}", late.text);
    assert!(late.detail().contains("saved it last, on "), "{}", late.detail());
    let stages = format!("/api/junctions/{id}/stages");
    let body = json!({ "stages": shape()["stages"] });
    assert_eq!(state.replace(&stages, &admin, &first, &body).await.status, 412);
    assert_eq!(state.get(&path, &admin).await.header("etag"), changed.header("etag"));
    assert_eq!(state.replace(&lanes, &admin, &changed, &changed_lanes(&changed.json())).await.status, 200);
}

/// The lanes as they are, the first with another name.
fn changed_lanes(layout: &Value) -> Value {
    let mut body = json!({ "lanes": layout["lanes"], "groups": [], "stages": layout["stages"] });
    body["lanes"][0]["lane_name"] = json!("N0");
    body["stages"][0]["groups"][0] = json!("N0");
    body
}
