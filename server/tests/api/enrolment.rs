//! How a machine becomes a device, over the API and from the command line.

use crate::devices::{create, ids, ingest, shown};
use crate::state::{Answer, TestState, admin};
use flextraff_common::wire::topics::Topic;
use flextraff_server::clock::Clock;
use flextraff_server::cmd::device::{self, DeviceCommand};
use flextraff_server::config::{Config, Secret};
use flextraff_server::ingest::Fate;
use serde_json::json;
use sqlx::PgPool;

/// A server that keeps the broker's logins; the broker itself is not there.
pub(crate) async fn enrolling(db: PgPool) -> (TestState, String) {
    let mut config = Config::default();
    config.mqtt.url = Some(Secret::new("mqtt://server:secret@broker.example:1884".to_owned()));
    config.mqtt.dynamic_security = true;
    let state = TestState::with_config(db, config);
    assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
    let token = state.token("admin").await;
    (state, token)
}

async fn enroll(state: &TestState, token: &str) -> Answer {
    state.post("/api/devices/enroll", "", &json!({"token": token})).await
}

#[sqlx::test]
async fn a_token_enrols_once_and_replacement_ends_the_old_login(db: PgPool) {
    let (state, admin) = enrolling(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let token = device["token"].as_str().expect("it is shown").to_owned();
    assert!(device["token_until"].is_string() && device["enrolled"] == false);
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM edge_devices WHERE position($1 in edge_devices::text) > 0")
            .bind(&token)
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(stored, 0, "the token itself is not in the database");
    let answer = enroll(&state, &token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let first = answer.json();
    assert_eq!(
        (
            &first["device_id"],
            &first["junction_id"],
            &first["mqtt"]["url"],
            &first["mqtt"]["username"],
            &first["active"]
        ),
        (
            &device["device_id"],
            &json!(junction),
            &json!("mqtt://broker.example:1884"),
            &device["device_id"],
            &json!(false)
        )
    );
    let used = enroll(&state, &token).await;
    used.assert_problem(401, "No device waits for this token: it was used before, or its time is over");
    let now = shown(&state, &admin, &device).await;
    assert!(now["enrolled"] == true && now["token_until"].is_null());

    let at = ids(&junction, &device);
    let lane =
        state.get(&format!("/api/junctions/{junction}/lanes"), &admin).await.json()[0]["lane_id"].clone();
    let lane_id = lane.as_str().unwrap().parse().expect("a UUID");
    let row = |outbox: u128, seq: u64| {
        json!({
            "device_id": at.1, "outbox_id": uuid::Uuid::from_u128(outbox), "seq": seq, "boot_id": uuid::Uuid::from_u128(1),
            "mono_ms": seq, "clock": "synced", "junction_id": junction, "lane_id": lane, "vehicle_count": 1,
            "epc_ids": [format!("EPC{outbox}{seq}")], "timestamp": "2026-02-10T14:30:00Z",
        })
    };
    let counts = Topic::CarCounts(at.0, lane_id);
    assert_eq!(ingest(&db, counts, &row(1, 1)).await, Fate::Stored);
    let replace = format!("/api/devices/{}/replace", at.1);
    let answer = state.post(&replace, &admin, &json!({"token_hours": 1})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        (&answer.json()["enrolled"], &answer.json()["device_id"]),
        (&json!(false), &device["device_id"])
    );
    let logins = flextraff_server::db::enrolment::logins(&db, Clock.utc()).await.unwrap().devices;
    assert_eq!(logins.len(), 1);
    assert!(logins[0].credential.is_none(), "the old login has ended");
    let second = enroll(&state, answer.json()["token"].as_str().unwrap()).await.json();
    assert_ne!(second["mqtt"]["password"], first["mqtt"]["password"]);
    // The new card begins a new outbox; what was still on its way from the old one counts, once.
    for (outbox, seq, fate) in [
        (2, 1, Fate::Stored),
        (1, 1, Fate::Duplicate),
        (1, 2, Fate::Stored),
        (1, 2, Fate::Duplicate),
        (2, 1, Fate::Duplicate),
        (2, 2, Fate::Stored),
    ] {
        assert_eq!(ingest(&db, counts, &row(outbox, seq)).await, fate, "{outbox} {seq}");
    }
    let vehicles: i64 =
        sqlx::query_scalar("SELECT sum(vehicle_count)::bigint FROM car_counts").fetch_one(&db).await.unwrap();
    assert_eq!(vehicles, 4);
    let deeds = state.get("/api/audit?action=device", &admin).await;
    for action in ["device.enroll", "device.enroll.refuse", "device.replace"] {
        assert!(deeds.text.contains(&format!("\"{action}\"")), "{}", deeds.text);
    }
    assert!(
        !deeds.text.contains(&token) && !deeds.text.contains(first["mqtt"]["password"].as_str().unwrap())
    );
}

#[sqlx::test]
async fn tokens_end_guessing_is_stopped_and_without_dynamic_security_there_are_none(db: PgPool) {
    let (state, admin) = enrolling(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let token = device["token"].as_str().unwrap();
    sqlx::query("UPDATE edge_devices SET token_until = now() - interval '1 s'").execute(&db).await.unwrap();
    assert_eq!(enroll(&state, token).await.status, 401, "its time is over");
    let revoked = create(&state, &admin, &json!({"junction_id": junction})).await;
    let path = format!("/api/devices/{}", revoked["device_id"].as_str().unwrap());
    assert_eq!(state.post(&format!("{path}/revoke"), &admin, &json!({})).await.status, 204);
    assert_eq!(enroll(&state, revoked["token"].as_str().unwrap()).await.status, 401, "it is revoked");
    let answer = state.post(&format!("{path}/replace"), &admin, &json!({})).await;
    let again = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(enroll(&state, &again).await.status, 200, "replacement takes it in again");
    for _ in 0..10 {
        assert_eq!(enroll(&state, "0f").await.status, 401);
    }
    let answer = enroll(&state, "0f").await;
    assert_eq!(answer.status, 429);
    assert!(!answer.header("retry-after").is_empty());
    let no_token = state.post("/api/devices/enroll", "", &json!({})).await;
    assert_eq!((no_token.status.as_u16(), no_token.fields()), (422, vec!["token".to_owned()]));

    let by_hand = TestState::new(db);
    assert_eq!(enroll(&by_hand, &again).await.status, 409);
    let admin = by_hand.token("admin").await;
    assert_eq!(by_hand.post(&format!("{path}/replace"), &admin, &json!({})).await.status, 409);
}

async fn command_line(db: &PgPool, enrols: bool, line: &str) -> Result<String, String> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: DeviceCommand,
    }
    let args = std::iter::once("device").chain(line.split(' '));
    let line = <Line as clap::Parser>::try_parse_from(args).map_err(|error| error.to_string())?;
    device::run(line.command, db, enrols).await.map_err(|error| format!("{error:#}"))
}

#[sqlx::test]
async fn devices_are_managed_from_the_command_line(db: PgPool) {
    let (state, admin) = enrolling(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let said =
        command_line(&db, true, &format!("enroll --junction {junction} --name Cabinet")).await.unwrap();
    let word = |said: &str, name: &str| {
        let line = said.lines().find(|line| line.starts_with(name)).expect("it is told").to_owned();
        line.split_whitespace().last().expect("it has a value").to_owned()
    };
    let device = word(&said, "device");
    assert_eq!(enroll(&state, &word(&said, "token")).await.json()["device_id"], json!(device));
    let listed = command_line(&db, true, "list").await.unwrap();
    assert!(listed.contains(&device) && listed.contains("Cabinet") && listed.contains("offline"), "{listed}");
    let said = command_line(&db, true, &format!("replace --device {device} --hours 2")).await.unwrap();
    assert_eq!(enroll(&state, &word(&said, "token")).await.status, 200);
    command_line(&db, true, &format!("revoke --device {device}")).await.unwrap();
    assert!(command_line(&db, true, "list").await.unwrap().contains("revoked"));
    let by_hand = command_line(&db, false, &format!("enroll --junction {junction}")).await.unwrap();
    assert!(by_hand.contains("dynamic_security") && !by_hand.contains("token"), "{by_hand}");
    let nobody = "33333333-3333-4333-8333-333333333333";
    for (line, part) in [
        (format!("enroll --junction {nobody}"), "there is no junction"),
        (format!("enroll --junction {junction} --device {device}"), "already"),
        (format!("enroll --junction {junction} --lane {nobody}"), "not lanes"),
        (format!("enroll --junction {junction} --type lamp"), "lamp"),
        (format!("enroll --junction {junction} --hours 721"), "721"),
        (format!("replace --device {nobody}"), "there is no device"),
        (format!("revoke --device {nobody}"), "there is no device"),
    ] {
        let error = command_line(&db, true, &line).await.unwrap_err();
        assert!(error.contains(part), "{line}: {error}");
    }
    let error = command_line(&db, false, &format!("replace --device {device}")).await.unwrap_err();
    assert!(error.contains("dynamic_security"), "{error}");
    let deeds = state.get("/api/audit?action=device.create", &admin).await.json();
    assert_eq!(deeds[0]["username"], "(command line)");
}

/// What the server hands out for a junction is what its device then enrols with.
#[sqlx::test]
async fn the_file_of_an_agent_that_enrols_names_no_broker_and_no_password_that_is_not_there(db: PgPool) {
    let (state, admin) = enrolling(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let path = |device: &str| format!("/api/junctions/{junction}/agent.toml?device_id={device}");
    let file = state.get(&path(device["device_id"].as_str().expect("a text")), &admin).await.text;
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path().join("agent.toml");
    std::fs::write(&at, &file).expect("there is room");
    let config = flextraff_agent::config::load(&at);
    let config =
        config.unwrap_or_else(|errors| panic!("the agent does not take it to enrol: {errors}\n{file}"));
    assert_eq!(config.device.0.to_string(), device["device_id"].as_str().expect("a text"));
    assert!(!file.contains("password_file"), "{file}");

    // Where logins are kept by hand it names both.
    let mut by_hand = (*state.app.config).clone();
    by_hand.mqtt.dynamic_security = false;
    let state = TestState::with_config(db, by_hand);
    let admin = state.token("admin").await;
    let file = state.get(&path(device["device_id"].as_str().expect("a text")), &admin).await.text;
    assert!(
        file.contains("url = \"mqtt://broker.example:1884\"") && file.contains("password_file"),
        "{file}"
    );
}
