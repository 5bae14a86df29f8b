//! The log and dead letters.

use crate::live::{Client, Got};
use crate::state::{Answer, TestState};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_server::db::logs::{self, Entry, Level, Type};
use flextraff_server::live::hear_database;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

fn messages(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let rows = answer.json();
    rows.as_array()
        .expect("the answer is a list")
        .iter()
        .map(|row| row["message"].as_str().expect("messages are text").to_owned())
        .collect()
}

/// Writes a line each, so that no two have the same time.
async fn written(state: &TestState, entries: &[Entry]) {
    for entry in entries {
        logs::record(&state.app.db, std::slice::from_ref(entry)).await.expect("the line is stored");
    }
}

#[sqlx::test]
async fn people_see_what_concerns_their_junctions(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (here, there) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &here, "observer").await;
    let at = |junction: &str| JunctionId(junction.parse().unwrap());
    let device = DeviceId(Uuid::from_u128(7));
    written(
        &state,
        &[
            Entry::new(Level::Info, Type::ServerStarted, "city"),
            Entry::new(Level::Warning, Type::DeviceOffline, "off").at(at(&here)).of(device),
            Entry::new(Level::Info, Type::DeviceOnline, "on")
                .at(at(&here))
                .of(device)
                .with(json!({"boot_id": null})),
            Entry::new(Level::Error, Type::CountsLost, "lost").at(at(&there)),
        ],
    )
    .await;
    assert_eq!(messages(&state.get("/api/logs", &admin).await), ["lost", "on", "off", "city"]);
    assert_eq!(messages(&state.get("/api/logs", &ravi).await), ["on", "off"]);
    let row = &state.get("/api/logs?limit=1", &ravi).await.json()[0];
    assert_eq!(
        (&row["junction_name"], &row["log_type"], &row["device_id"], &row["metadata"]),
        (&json!("A"), &json!("device.online"), &json!(device), &json!({"boot_id": null}))
    );
    let list = async |query: &str| messages(&state.get(&format!("/api/logs?{query}"), &admin).await);
    assert_eq!(list("level=warning").await, ["lost", "off"]);
    assert_eq!(list("type=device").await, ["on", "off"]);
    assert_eq!(list("type=device.online").await, ["on"]);
    assert_eq!(list(&format!("junction_id={there}")).await, ["lost"]);
    assert_eq!(list(&format!("device_id={device}&from=2100-01-01T00:00:00Z")).await, [""; 0]);
    let first = state.get("/api/logs?limit=3&type=device", &admin).await;
    assert_eq!(first.header("link"), "");
    let first = state.get("/api/logs?limit=1&type=device", &admin).await;
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert_eq!(messages(&state.get(&next, &admin).await), ["off"]);
    for (bad, field) in
        [("level=loud", "query"), ("type=x", "type"), ("junction_id=x", "query"), ("limit=0", "limit")]
    {
        let answer = state.get(&format!("/api/logs?{bad}"), &admin).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]), "{bad}");
    }
    state
        .get(&format!("/api/logs?junction_id={there}"), &ravi)
        .await
        .assert_problem(403, "No access to this junction");
    assert_eq!(state.get("/api/logs", "").await.status, 401);
}

#[sqlx::test]
async fn lines_reach_the_live_feed_as_they_are_committed(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = crate::live::serve(&state).await;
    let here = state.junction(&admin, "A").await;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(hear_database(
        state.app.db.clone(),
        state.app.live.clone(),
        state.app.auth.clone(),
        stopped,
    ));
    let mut one = Client::signed_in(address, &format!("/ws/junction/{here}"), &admin).await.ready().await;
    // The listener may still be on its way.
    let row = loop {
        let entry = Entry::new(Level::Info, Type::DeviceOnline, "The device is online");
        written(
            &state,
            &[
                Entry::new(Level::Info, Type::ServerStarted, "city"),
                entry.at(JunctionId(here.parse().unwrap())),
            ],
        )
        .await;
        if let Ok(Got::Frame(frame)) = tokio::time::timeout(Duration::from_millis(500), one.next()).await {
            break frame;
        }
    };
    assert_eq!(
        (&row["type"], &row["log_type"], &row["junction_id"]),
        (&json!("log"), &json!("device.online"), &json!(here))
    );
    stop.send_replace(true);
    task.await.unwrap();
}

#[sqlx::test]
async fn a_changed_schedule_is_in_the_log(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "A").await;
    let body = json!({"entries": [{"name": "Night", "days": ["mon"], "from": "22:00", "to": "05:30", "limits": {"max_cycle_s": 60}}]});
    let answer = state.request("PUT", &format!("/api/junctions/{junction}/schedule"), &admin, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let row = &state.get("/api/logs?type=schedule", &admin).await.json()[0];
    assert_eq!(
        (&row["username"], &row["message"]),
        (&json!("admin"), &json!("The schedule was changed; it now has Night"))
    );
}

#[sqlx::test]
async fn dead_letters_are_for_administrators(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let ravi = state.plain_user(&admin, "ravi").await;
    sqlx::query(
        "INSERT INTO dead_letters (topic, payload, payload_bytes, reason, detail, junction_id)
         SELECT 'flextraff/' || n || '/x/car-counts', decode(repeat('ff41', 400), 'hex'), 800, 'malformed', 'letter ' || n, NULL::uuid
         FROM generate_series(1, 3) n
         UNION ALL SELECT 'flextraff/9/cycles/d', 'x', 1, 'unknown_device', 'letter 9', '00000000-0000-0000-0000-000000000009'",
    )
    .execute(&db)
    .await
    .unwrap();
    let list = async |query: &str| -> Vec<String> {
        let answer = state.get(&format!("/api/dead-letters?{query}"), &admin).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["detail"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(list("").await, ["letter 9", "letter 3", "letter 2", "letter 1"]);
    assert_eq!(list("reason=unknown_device").await, ["letter 9"]);
    assert_eq!(list("topic=flextraff/%2B/x/car-counts&limit=2").await, ["letter 3", "letter 2"]);
    assert_eq!(list("topic=flextraff/9/%23").await, ["letter 9"]);
    assert_eq!(list("topic=flextraff/9").await, [""; 0]);
    assert_eq!(list("junction_id=00000000-0000-0000-0000-000000000009").await, ["letter 9"]);
    assert_eq!(list("to=2020-01-01T00:00:00Z").await, [""; 0]);
    let first = state.get("/api/dead-letters?reason=malformed&limit=2", &admin).await;
    let row = &first.json()[0];
    assert_eq!((row["payload"].as_str().unwrap().chars().count(), &row["payload_bytes"]), (500, &json!(800)));
    assert!(row["payload"].as_str().unwrap().starts_with("\u{fffd}A"));
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert_eq!(state.get(&next, &admin).await.json()[0]["detail"], "letter 1");
    for (bad, field) in
        [("reason=bad", "reason"), ("topic=%00", "topic"), ("device_id=x", "query"), ("cursor=0", "cursor")]
    {
        let answer = state.get(&format!("/api/dead-letters?{bad}"), &admin).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]), "{bad}");
    }
    state.get("/api/dead-letters", &ravi).await.assert_problem(403, "Not enough privileges");
    assert_eq!(state.get("/api/dead-letters", "").await.json()["status"], Value::from(401));
    // Letters may name vehicles: the audit log keeps who looked.
    let audit = state.get("/api/audit?action=dead_letters", &admin).await.json();
    let looked = audit.as_array().unwrap();
    assert_eq!((looked.len(), &looked[0]["action"]), (9, &Value::from("dead_letters.read")), "{audit}");
    assert_eq!(
        (&looked[0]["username"], &looked[0]["detail"]["reason"]),
        (&"admin".into(), &"malformed".into())
    );
    let junction = looked.iter().filter(|line| line["junction_id"] == "00000000-0000-0000-0000-000000000009");
    assert_eq!(junction.count(), 1);
}
