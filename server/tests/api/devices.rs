//! Devices: created, shown, changed, revoked; silent and unknown ones; commands; what differs in their configuration.

use crate::fleet::{Fleet, PATIENCE};
use crate::state::{TestState, next_event};
use chrono::TimeDelta;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::CommandType;
use flextraff_common::wire::topics::Topic;
use flextraff_server::ingest::{self, Fate, Item};
use flextraff_server::live::LiveKind;
use flextraff_server::{clock::Clock, fleet};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

pub(crate) async fn create(state: &TestState, admin: &str, body: &Value) -> Value {
    let answer = state.post("/api/devices", admin, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

/// A message of a device, as ingest takes it in.
pub(crate) async fn ingest(db: &PgPool, topic: Topic, payload: &Value) -> Fate {
    let item = Item::new(topic.to_string(), payload.to_string().into_bytes(), Clock.utc());
    let mut fates = ingest::apply(db, &[item]).await.expect("the database answers");
    fates.pop().expect("each message has a fate")
}

pub(crate) fn ids(junction: &str, device: &Value) -> (JunctionId, DeviceId) {
    let device = device["device_id"].as_str().expect("an id is text");
    (junction.parse().expect("a UUID"), device.parse().expect("a UUID"))
}

async fn say(db: &PgPool, junction: &str, device: &Value, more: &Value) -> Fate {
    let (junction, id) = ids(junction, device);
    let mut status = json!({"device_id": id, "online": true});
    for (name, value) in more.as_object().expect("fields") {
        status[name] = value.clone();
    }
    ingest(db, Topic::Status(junction, id), &status).await
}

pub(crate) async fn shown(state: &TestState, token: &str, device: &Value) -> Value {
    let answer =
        state.get(&format!("/api/devices/{}", device["device_id"].as_str().expect("an id")), token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[sqlx::test]
async fn a_device_is_created_shown_changed_revoked_and_deleted(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let lanes = state.get(&format!("/api/junctions/{junction}/lanes"), &admin).await.json();
    let lane = lanes[1]["lane_id"].clone();
    let device = create(&state, &admin, &json!({"junction_id": junction, "device_name": "Cabinet 1"})).await;
    assert_eq!(
        (&device["device_type"], &device["online"], &device["lanes"], &device["token"]),
        (&json!("junction"), &json!(false), &json!([]), &Value::Null),
        "without dynamic security there is nothing to enrol with"
    );
    let alarm = json!({"kind": "tag_too_often", "since": "2026-02-10T14:30:00Z", "class": "transit", "lane": "N", "epc": "34161FA8203E7CB202000020"});
    let said = json!({"software_version": "1.2.3", "config_hash": "abc", "uptime_s": 7, "alarms": [alarm]});
    assert_eq!(say(&db, &junction, &device, &said).await, Fate::Stored);
    let path = format!("/api/devices/{}", device["device_id"].as_str().unwrap());
    let now = shown(&state, &admin, &device).await;
    assert_eq!((&now["online"], &now["status"]), (&json!(true), &json!("online")));
    assert_eq!((&now["software_version"], &now["config_hash"]), (&json!("1.2.3"), &json!("abc")));
    assert_eq!((&now["last_status"]["uptime_s"], &now["config_differences"]), (&json!(7), &Value::Null));
    assert!(now["last_heartbeat"].is_string() && now["last_status"]["alarms"][0]["kind"] == "tag_too_often");
    assert!(!now.to_string().contains("34161FA8"), "no vehicle is named");

    let change = json!({"device_name": "", "device_type": "rfid_counter", "lanes": [lane, lane]});
    let answer = state.request("PATCH", &path, &admin, &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let now = shown(&state, &admin, &device).await;
    assert_eq!(
        (&now["device_name"], &now["device_type"], &now["lanes"]),
        (&Value::Null, &json!("rfid_counter"), &json!([lane]))
    );
    let listed = state.get(&format!("/api/junctions/{junction}/devices"), &admin).await;
    assert_eq!(listed.json(), json!([now]));

    assert_eq!(state.post(&format!("{path}/revoke"), &admin, &json!({})).await.status, 204);
    let now = shown(&state, &admin, &device).await;
    assert!(now["revoked_at"].is_string() && now["online"] == false);
    let answer = state.get(&format!("/api/junctions/{junction}"), &admin).await;
    assert_eq!(answer.json()["status"], "offline");
    let Fate::Refused(refusal) = say(&db, &junction, &device, &json!({})).await else {
        panic!("a revoked device is not heard")
    };
    assert!(refusal.detail.contains("not assigned"), "{}", refusal.detail);
    let command = state.post(&format!("{path}/commands"), &admin, &json!({"type": "identify"})).await;
    command.assert_problem(409, "The device is revoked; replace it first");
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 204);
    state.get(&path, &admin).await.assert_problem(404, "Device not found");
    let deeds = state.get("/api/audit?action=device", &admin).await.json();
    let actions: Vec<&str> =
        deeds.as_array().unwrap().iter().filter_map(|deed| deed["action"].as_str()).collect();
    assert_eq!(actions, ["device.delete", "device.revoke", "device.update", "device.create"]);
    assert_eq!(deeds[0]["detail"], json!({"device_name": deeds[2]["detail"]["device_name"]}));
}

#[sqlx::test]
async fn maintenance_stays_until_it_is_taken_back(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let operator = state.plain_user(&admin, "asha").await;
    state.grant("asha", &junction, "operator").await;
    let observer = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &junction, "observer").await;
    let stranger = state.plain_user(&admin, "mina").await;
    let path = format!("/api/devices/{}", device["device_id"].as_str().unwrap());
    let set = async |token: &str, body: Value| state.request("PATCH", &path, token, &body).await;
    let statuses = async || {
        let answer = state.get(&format!("/api/junctions/{junction}"), &admin).await.json();
        [shown(&state, &admin, &device).await["status"].clone(), answer["status"].clone()]
    };
    say(&db, &junction, &device, &json!({})).await;
    assert_eq!(statuses().await, ["online", "online"]);
    for (token, body, status) in [
        (&observer, json!({"maintenance": true}), 403),
        (&stranger, json!({"maintenance": true}), 403),
        (&operator, json!({"maintenance": true, "device_name": "x"}), 403),
        (&operator, json!({"maintenance": "yes"}), 422),
        (&operator, json!({"maintenance": null}), 422),
        (&operator, json!({"maintenance": true}), 200),
    ] {
        let answer = set(token, body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    assert_eq!(statuses().await, ["maintenance", "maintenance"]);
    say(&db, &junction, &device, &json!({})).await;
    assert_eq!(statuses().await, ["maintenance", "maintenance"], "what it says does not end it");
    let (_, id) = ids(&junction, &device);
    assert_eq!(fleet::mark_silent(&state.app, Clock.utc() + TimeDelta::seconds(100)).await.unwrap(), [id]);
    assert_eq!(statuses().await, ["maintenance", "maintenance"], "nor does its silence");
    assert_eq!(set(&admin, json!({"device_name": "Cabinet 1"})).await.json()["status"], "maintenance");
    assert_eq!(set(&operator, json!({"maintenance": false})).await.json()["status"], "offline");
    assert_eq!(statuses().await, ["offline", "offline"]);
    set(&operator, json!({"maintenance": true})).await;
    let fault = json!({"controller": {"state": "flash", "mode": "automatic", "fault": "dark face"}});
    say(&db, &junction, &device, &fault).await;
    assert_eq!(statuses().await, ["maintenance", "maintenance"]);
    set(&operator, json!({"maintenance": false})).await;
    assert_eq!(statuses().await, ["error", "error"]);
    say(&db, &junction, &device, &json!({})).await;
    set(&operator, json!({"maintenance": false})).await;
    assert_eq!(statuses().await, ["online", "online"], "to take it back twice changes nothing");
    let deeds = state.get("/api/audit?action=device.update", &admin).await.json();
    assert_eq!((&deeds[0]["username"], &deeds[0]["detail"]["maintenance"]), (&json!("asha"), &json!(false)));
    assert_eq!(state.post(&format!("{path}/revoke"), &admin, &json!({})).await.status, 204);
    let revoked = set(&operator, json!({"maintenance": true})).await;
    revoked.assert_problem(409, "The device is revoked; replace it first");
}

#[sqlx::test]
async fn users_see_the_devices_of_their_junctions_and_change_none(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (mine, other) = (state.junction(&admin, "Mine").await, state.junction(&admin, "Other").await);
    let own = create(&state, &admin, &json!({"junction_id": mine})).await;
    let foreign = create(&state, &admin, &json!({"junction_id": other})).await;
    let user = state.plain_user(&admin, "asha").await;
    state.grant("asha", &mine, "operator").await;
    let listed = state.get("/api/devices", &user).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["device_id"], own["device_id"]);
    assert_eq!(state.get("/api/devices", &admin).await.json().as_array().unwrap().len(), 2);
    let first = state.get("/api/devices?limit=1", &admin).await;
    assert_eq!(first.json()[0]["device_id"], foreign["device_id"], "the newest first");
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
    assert_eq!(state.get(&next, &admin).await.json()[0]["device_id"], own["device_id"]);
    let path =
        |device: &Value, more: &str| format!("/api/devices/{}{more}", device["device_id"].as_str().unwrap());
    for (answer, status) in [
        (state.get(&path(&own, ""), &user).await, 200),
        (state.get(&path(&foreign, ""), &user).await, 403),
        (state.get(&format!("/api/junctions/{other}/devices"), &user).await, 403),
        (state.get("/api/devices", "").await, 401),
        (state.get("/api/devices/unknown", &user).await, 403),
        (state.get("/api/devices/x", &user).await, 422),
        (state.get("/api/devices?limit=0", &user).await, 422),
        (state.post("/api/devices", &user, &json!({"junction_id": mine})).await, 403),
        (state.request("PATCH", &path(&own, ""), &user, &json!({})).await, 403),
        (state.request("DELETE", &path(&own, ""), &user, &Value::Null).await, 403),
        (state.post(&path(&own, "/revoke"), &user, &json!({})).await, 403),
        (state.post(&path(&own, "/replace"), &user, &json!({})).await, 403),
        (state.post(&path(&own, "/commands"), &user, &json!({"type": "reload"})).await, 403),
        (state.post(&path(&foreign, "/commands"), &user, &json!({"type": "identify"})).await, 403),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[sqlx::test]
async fn bad_devices_are_refused_by_field(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (main, other) = (state.junction(&admin, "Main").await, state.junction(&admin, "Other").await);
    let foreign =
        state.get(&format!("/api/junctions/{other}/lanes"), &admin).await.json()[0]["lane_id"].clone();
    let nil = "00000000-0000-0000-0000-000000000000";
    for (body, field) in [
        (json!({}), "junction_id"),
        (json!({"junction_id": "x"}), "junction_id"),
        (json!({"junction_id": main, "device_id": nil}), "device_id"),
        (json!({"junction_id": main, "device_type": "lamp"}), "device_type"),
        (json!({"junction_id": main, "device_name": "a\nb"}), "device_name"),
        (json!({"junction_id": main, "lanes": ["x"]}), "lanes"),
        (json!({"junction_id": main, "lanes": [foreign]}), "lanes"),
        (json!({"junction_id": main, "token_hours": 721}), "token_hours"),
    ] {
        let answer = state.post("/api/devices", &admin, &body).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]), "{body}");
    }
    let unknown = state.post("/api/devices", &admin, &json!({"junction_id": nil})).await;
    unknown.assert_problem(404, "Junction not found");
    let device = create(&state, &admin, &json!({"junction_id": main})).await;
    let again = json!({"junction_id": other, "device_id": device["device_id"]});
    let answer = state.post("/api/devices", &admin, &again).await;
    answer.assert_problem(409, "There is a device of this id; replace it, or change it");
    let path = format!("/api/devices/{}", device["device_id"].as_str().unwrap());
    for (path, body, field) in [
        (path.clone(), json!({"lanes": [foreign]}), "lanes"),
        (path.clone(), json!({"device_type": null}), "device_type"),
        (format!("{path}/commands"), json!({"type": "dance"}), "type"),
        (format!("{path}/commands"), json!({"type": "restart_reader"}), "name"),
    ] {
        let method = if path.ends_with("commands") { "POST" } else { "PATCH" };
        let answer = state.request(method, &path, &admin, &body).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]), "{body}");
    }
}

#[sqlx::test]
async fn unknown_senders_are_listed_until_they_are_devices(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let sender = json!({"device_id": "22222222-2222-4222-8222-222222222222"});
    for _ in 0..3 {
        assert!(matches!(say(&db, &junction, &sender, &json!({})).await, Fate::Refused(_)));
    }
    let other = json!({"device_id": "33333333-3333-4333-8333-333333333333"});
    assert!(matches!(say(&db, &junction, &other, &json!({})).await, Fate::Refused(_)));
    let listed = state.get("/api/devices/unknown", &admin).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["device_id"], other["device_id"], "heard last");
    assert_eq!(
        (&listed[1]["device_id"], &listed[1]["messages"], &listed[1]["junction_id"]),
        (&sender["device_id"], &json!(3), &json!(junction))
    );
    let second = state.get("/api/devices/unknown?limit=1", &admin).await;
    let next = second.header("link").trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
    assert_eq!(state.get(&next, &admin).await.json(), json!([listed[1]]));
    create(&state, &admin, &json!({"junction_id": junction, "device_id": sender["device_id"]})).await;
    assert_eq!(say(&db, &junction, &sender, &json!({})).await, Fate::Stored);
    assert_eq!(state.get("/api/devices/unknown", &admin).await.json(), json!([listed[0]]));
    // What a device says of a lane that it does not serve is refused, but it is no stranger.
    let path = format!("/api/devices/{}", sender["device_id"].as_str().unwrap());
    let lanes = state.get(&format!("/api/junctions/{junction}/lanes"), &admin).await.json();
    let other_lane = json!({"lanes": [lanes[1]["lane_id"]]});
    assert_eq!(state.request("PATCH", &path, &admin, &other_lane).await.status, 200);
    let (at, device) = ids(&junction, &sender);
    let lane_id = lanes[0]["lane_id"].clone();
    let counts = json!({"lane_id": lane_id, "device_id": device, "count": 1, "timestamp": Clock.utc()});
    let topic = Topic::CarCounts(at, lane_id.as_str().unwrap().parse().unwrap());
    assert!(matches!(ingest(&db, topic, &counts).await, Fate::Refused(_)));
    assert_eq!(state.get("/api/devices/unknown", &admin).await.json(), json!([listed[0]]));
}

#[sqlx::test]
async fn a_device_that_misses_three_statuses_is_offline_and_so_is_its_junction(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let (silent, loud) = (
        create(&state, &admin, &json!({"junction_id": junction})).await,
        create(&state, &admin, &json!({"junction_id": junction})).await,
    );
    let _hears = state.hears_database().await;
    let mut feed = state.app.live.subscribe();
    let status_of = async |device: &Value| {
        let shown = shown(&state, &admin, device).await;
        (shown["status"].as_str().unwrap().to_owned(), shown["online"].as_bool().unwrap())
    };
    let junction_status = async || {
        let answer = state.get(&format!("/api/junctions/{junction}"), &admin).await;
        answer.json()["status"].as_str().unwrap().to_owned()
    };
    say(&db, &junction, &silent, &json!({})).await;
    say(&db, &junction, &loud, &json!({})).await;
    let later = |seconds: i64| Clock.utc() + TimeDelta::seconds(seconds);
    assert_eq!(fleet::mark_silent(&state.app, later(80)).await.unwrap(), []);
    assert_eq!(
        (status_of(&silent).await, junction_status().await),
        (("online".into(), true), "online".into())
    );
    // The other one was heard in the meantime.
    sqlx::query(
        "UPDATE edge_devices SET last_heartbeat = now() + interval '60 s' WHERE device_id = $1::uuid",
    )
    .bind(loud["device_id"].as_str())
    .execute(&db)
    .await
    .unwrap();
    let (_, id) = ids(&junction, &silent);
    assert_eq!(fleet::mark_silent(&state.app, later(100)).await.unwrap(), [id]);
    assert_eq!(status_of(&silent).await, ("offline".into(), false));
    assert_eq!((status_of(&loud).await, junction_status().await), (("online".into(), true), "online".into()));
    let told = next_event(&mut feed, LiveKind::Status).await.payload;
    assert_eq!((&told["device_id"], &told["online"]), (&json!(id), &json!(false)));
    fleet::mark_silent(&state.app, later(200)).await.unwrap();
    assert_eq!(junction_status().await, "offline");
    assert_eq!(fleet::mark_silent(&state.app, later(300)).await.unwrap(), [], "it is told once");
    say(&db, &junction, &silent, &json!({})).await;
    assert_eq!(
        (status_of(&silent).await, junction_status().await),
        (("online".into(), true), "online".into())
    );
}

#[sqlx::test]
async fn a_command_is_sent_and_its_answer_told(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let user = state.plain_user(&admin, "asha").await;
    state.grant("asha", &junction, "operator").await;
    let mut fleet = Fleet::start(state);
    let at = ids(&junction, &device);
    let path = format!("/api/devices/{}/commands", at.1);
    let router = fleet.state.router.clone();
    let ask = |token: &str, body: Value| {
        let request = axum::http::Request::post(&path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_string()))
            .expect("a request");
        let router = router.clone();
        tokio::spawn(async move {
            let response = tower::ServiceExt::oneshot(router, request).await.expect("it answers");
            let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("it ends");
            serde_json::from_slice::<Value>(&bytes).expect("JSON")
        })
    };
    let asked = ask(&user, json!({"type": "restart_reader", "name": "mast"}));
    let (topic, command) = fleet.command().await;
    assert_eq!(topic, Topic::Command(at.0, at.1));
    assert_eq!(command.command, CommandType::RestartReader { name: "mast".into() });
    assert!(command.expires_at > Clock.now() && command.expires_at < Clock.now() + 11_000);
    let other = (at.0, DeviceId(uuid::Uuid::from_u128(5)));
    fleet.reply(other, &command.id, false, "somebody else answers");
    fleet.reply(at, "another command", false, "this is not it");
    fleet.reply(at, &command.id, true, "reader \"mast\" is opened anew");
    assert_eq!(
        asked.await.unwrap(),
        json!({"result": "done", "ok": true, "detail": "reader \"mast\" is opened anew"})
    );
    let asked = ask(&admin, json!({"type": "lamp_test"}));
    let (_, command) = fleet.command().await;
    fleet.reply(at, &command.id, false, "lamps are tested in flash or dark only");
    let answer = asked.await.unwrap();
    assert_eq!((&answer["result"], &answer["ok"]), (&json!("refused"), &json!(false)));
    let answer = ask(&admin, json!({"type": "identify"})).await.unwrap();
    assert_eq!(answer["result"], "unknown", "no answer comes");
    let deeds = fleet.state.get("/api/audit?action=device.command", &admin).await.json();
    assert_eq!(deeds.as_array().unwrap().len(), 3);
    assert_eq!(deeds[2]["detail"], json!({"type": "restart_reader", "name": "mast"}));
}

#[sqlx::test]
async fn the_configuration_of_a_device_is_fetched_and_compared(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let toml = state.get(&format!("/api/junctions/{junction}/agent.toml"), &admin).await.text;
    let mut fleet = Fleet::start(state);
    let at = ids(&junction, &device);
    fleet.status(at, "one");
    let (_, command) = fleet.command().await;
    assert_eq!(command.command, CommandType::SendConfig);
    fleet.reply(at, &command.id, true, &toml);
    let becomes = async |fleet: &Fleet, expected: Value| {
        let deadline = Clock.instant() + PATIENCE;
        loop {
            let found = shown(&fleet.state, &admin, &device).await["config_differences"].clone();
            if found == expected {
                return;
            }
            assert!(Clock.instant() < deadline, "{found} instead of {expected}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    becomes(&fleet, json!([])).await;
    fleet.status(at, "two");
    let (_, command) = fleet.command().await;
    fleet.reply(at, &command.id, true, &toml.replacen("max_green_s = 60.0", "max_green_s = 45.0", 1));
    becomes(&fleet, json!(["stage N: max_green_s is 60 on the server and 45 on the device"])).await;
    // What is known is not asked for again.
    let known = Fleet::start(fleet.state);
    known.status(at, "two");
    known.status(at, "three");
    let mut known = known;
    let (_, command) = known.command().await;
    known.reply(at, &command.id, false, "the disk is full");
    assert!(known.sent.try_recv().is_err());
    let hash: Option<String> =
        sqlx::query_scalar("SELECT config_hash FROM edge_devices").fetch_one(&db).await.unwrap();
    assert_eq!(hash.as_deref(), Some("two"));
}
