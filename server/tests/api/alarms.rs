//! Alarms: who sees them, who takes notice, how they are told.

use crate::state::{TestState, next_event};
use chrono::{DateTime, Duration as Days, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_server::alarms::{Finding, Kind, Notifier, Place};
use flextraff_server::clock::Clock;
use flextraff_server::config::Alarms;
use flextraff_server::db::{alarms, devices};
use flextraff_server::hearing::Hearing;
use flextraff_server::live::LiveKind;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

pub(crate) const DEVICE: DeviceId = DeviceId(Uuid::from_u128(0xd1));

pub(crate) fn place(junction: &str, kind: Kind) -> Place {
    Place { junction: junction.parse().expect("an id"), device: Some(DEVICE), kind }
}

pub(crate) async fn raise(db: &PgPool, junction: &str, kind: Kind) -> Uuid {
    let raised = alarms::raise(db, place(junction, kind), &Finding::new(kind, "Something is wrong")).await;
    raised.expect("the database works").expect("the alarm is new").alarm
}

async fn kinds(state: &TestState, token: &str, query: &str) -> Vec<String> {
    let answer = state.get(&format!("/api/alarms?{query}"), token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let alarms = answer.json();
    let kind = |alarm: &Value| alarm["kind"].as_str().map(ToOwned::to_owned);
    alarms.as_array().into_iter().flatten().filter_map(kind).collect()
}

#[sqlx::test]
async fn an_alarm_is_open_once_seen_by_who_may_and_acknowledged_by_operators(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let (a, b) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    let id = raise(&db, &a, Kind::SignalFault).await;
    let again = alarms::raise(&db, place(&a, Kind::SignalFault), &Finding::new(Kind::SignalFault, "x")).await;
    assert_eq!(again.unwrap(), None, "another server has opened it");
    raise(&db, &b, Kind::ReaderSilent).await;
    assert_eq!(kinds(&state, &admin, "").await, ["reader_silent", "signal_fault"]);
    assert_eq!(kinds(&state, &admin, "kind=signal_fault&open=true").await, ["signal_fault"]);
    assert_eq!(kinds(&state, &admin, &format!("junction_id={b}")).await, ["reader_silent"]);
    assert_eq!(kinds(&state, &admin, "severity=info").await, ["reader_silent", "signal_fault"]);
    assert_eq!(kinds(&state, &admin, "severity=critical&acknowledged=false").await, ["signal_fault"]);
    assert_eq!(kinds(&state, &admin, "acknowledged=true").await, [""; 0]);

    let plain = state.plain_user(&admin, "ravi").await;
    let path = format!("/api/alarms/{id}");
    assert_eq!(kinds(&state, &plain, "").await, [""; 0]);
    state.get(&path, &plain).await.assert_problem(403, "No access to this junction");
    state
        .get(&format!("/api/alarms?junction_id={a}"), &plain)
        .await
        .assert_problem(403, "No access to this junction");
    state.grant("ravi", &a, "observer").await;
    assert_eq!(kinds(&state, &plain, "").await, ["signal_fault"]);
    let acknowledge = format!("{path}/acknowledge");
    let observer = state.request("POST", &acknowledge, &plain, &Value::Null).await;
    observer.assert_problem(403, "Not enough privileges");
    let answer = state.request("POST", &acknowledge, &admin, &Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["acknowledged_by"]), (200, &json!("admin")));
    assert_eq!(
        (&answer.json()["severity"], &answer.json()["junction_name"]),
        (&json!("critical"), &json!("A"))
    );

    assert_eq!(kinds(&state, &admin, "acknowledged=true").await, ["signal_fault"]);
    assert_eq!(kinds(&state, &admin, "acknowledged=false").await, ["reader_silent"]);

    let closed = alarms::close(&db, place(&a, Kind::SignalFault)).await.unwrap();
    assert_eq!(closed.map(|news| news.alarm), Some(id));
    assert_eq!(alarms::close(&db, place(&a, Kind::SignalFault)).await.unwrap(), None);
    assert_eq!(kinds(&state, &admin, "open=true").await, ["reader_silent"]);
    assert_eq!(kinds(&state, &admin, "open=false").await, ["signal_fault"]);
    raise(&db, &a, Kind::SignalFault).await;
    assert_eq!(kinds(&state, &admin, "kind=signal_fault").await.len(), 2);
    for (query, field) in [
        ("kind=x", "kind"),
        ("open=maybe", "query"),
        ("junction_id=x", "query"),
        ("severity=x", "query"),
        ("acknowledged=x", "query"),
    ] {
        let answer = state.get(&format!("/api/alarms?{query}"), &admin).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]));
    }
    let nobody = format!("/api/alarms/{}", Uuid::from_u128(5));
    state.get(&nobody, &admin).await.assert_problem(404, "Alarm not found");
}

pub(crate) async fn device(db: &PgPool, junction: &str, heard: Option<DateTime<Utc>>) {
    sqlx::query(
        "INSERT INTO edge_devices (device_id, junction_id, last_heartbeat, last_status) VALUES ($1, $2::uuid, $3, '{\"online\": true}')",
    )
    .bind(DEVICE.0)
    .bind(junction)
    .bind(heard)
    .execute(db)
    .await
    .expect("the device is stored");
}

/// What a webhook was told: body and signature.
pub(crate) fn webhook() -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Some(told) = read_request(stream)
                && sender.send(told).is_err()
            {
                return;
            }
        }
    });
    (url, receiver)
}

fn read_request(mut stream: TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut length, mut signature) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "x-flextraff-signature" => value.clone_into(&mut signature),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").ok()?;
    Some((String::from_utf8(body).ok()?, signature))
}

#[sqlx::test]
async fn a_device_that_is_not_heard_is_told_to_the_feed_and_the_webhook_until_it_comes_back(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, Some(Clock.utc() - Days::seconds(91))).await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "a key of some length\n").unwrap();
    let (url, told) = webhook();
    let config = Alarms {
        webhook_url: Some(flextraff_server::config::Secret::new(url)),
        webhook_secret_file: Some(key),
        ..Alarms::default()
    };
    let _hears = state.hears_database().await;
    let mut live = state.app.live.subscribe();
    let (_statuses, receiver) = tokio::sync::mpsc::channel(4);
    let (stop, stopped) = watch::channel(false);
    let notifier = Notifier::start(&config).unwrap();
    let task = tokio::spawn(flextraff_server::alarms::run(
        state.app.clone(),
        Clock,
        state.has_heard(),
        receiver,
        notifier,
        stopped,
    ));

    let event = next_event(&mut live, LiveKind::Alarm).await;
    assert_eq!(event.junction, JunctionId(junction.parse().unwrap()));
    let told = tokio::task::spawn_blocking(move || told.recv_timeout(Duration::from_secs(10))).await.unwrap();
    let (text, signature) = told.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&body["state"], &body["kind"], &body["junction_name"]),
        (&json!("open"), &json!("device_offline"), &json!("Main"))
    );
    assert!(body["message"].as_str().unwrap().starts_with("The device is not heard since"), "{body}");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a key of some length");
    let expected = ring::hmac::sign(&key, text.as_bytes());
    let hex = expected.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(signature, format!("sha256={hex}"));
    assert_eq!(kinds(&state, &admin, "open=true").await, ["device_offline"]);
    stop.send_replace(true);
    task.await.unwrap();

    // A new server finds it open and the device back.
    sqlx::query("UPDATE edge_devices SET last_heartbeat = now()").execute(&db).await.unwrap();
    let (_statuses, receiver) = tokio::sync::mpsc::channel(4);
    let (_stop, stopped) = watch::channel(false);
    let quiet = Notifier::start(&Alarms::default()).unwrap();
    tokio::spawn(flextraff_server::alarms::run(
        state.app.clone(),
        Clock,
        state.has_heard(),
        receiver,
        quiet,
        stopped,
    ));
    let event = next_event(&mut live, LiveKind::Alarm).await;
    assert_eq!(event.payload["state"], json!("closed"));
    assert_eq!(kinds(&state, &admin, "open=true").await, [""; 0]);
    let lines = state.get("/api/logs?type=alarm", &admin).await.json();
    let line = |at: usize| (&lines[at]["log_type"], &lines[at]["log_level"]);
    assert_eq!(
        (line(0), line(1)),
        ((&json!("alarm.closed"), &json!("info")), (&json!("alarm.opened"), &json!("error")))
    );
}

/// Looks once, and answers with the first change that is told then.
pub(crate) async fn look_with(state: &TestState, hearing: Hearing, config: &Alarms) -> Value {
    let _hears = state.hears_database().await;
    let mut live = state.app.live.subscribe();
    let (_statuses, receiver) = tokio::sync::mpsc::channel(4);
    let (stop, stopped) = watch::channel(false);
    let notifier = Notifier::start(config).expect("the webhook can be told");
    let app = state.app.clone();
    let task = tokio::spawn(flextraff_server::alarms::run(app, Clock, hearing, receiver, notifier, stopped));
    let told = next_event(&mut live, LiveKind::Alarm).await.payload;
    stop.send_replace(true);
    task.await.expect("it ends");
    (*told).clone()
}

/// Looks once, and answers with the state that an alarm has then.
async fn look(state: &TestState) -> String {
    let told = look_with(state, state.has_heard(), &Alarms::default()).await;
    told["state"].as_str().unwrap_or_default().to_owned()
}

#[sqlx::test]
async fn after_an_outage_silence_is_told_only_of_who_had_time_to_speak(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, None).await;
    let heard = async |seconds: i64| {
        sqlx::query("UPDATE edge_devices SET last_heartbeat = $1")
            .bind(Clock.utc() - Days::seconds(seconds))
            .execute(&db)
            .await
            .expect("the device is there");
    };
    let (url, told) = webhook();
    let config =
        Alarms { webhook_url: Some(flextraff_server::config::Secret::new(url)), ..Alarms::default() };
    // The certificate is looked at after the silence: what is told of it shows that nothing is told of the other.
    let change = |told: &Value| format!("{} {}", told["kind"], told["state"]).replace('"', "");
    heard(300).await;
    certificate(&db, "40000000000000000001", 20.0).await;
    let first = look_with(&state, state.begins_to_hear(), &config).await;
    assert_eq!(
        change(&first),
        "certificate_expiring open",
        "the server was away for five minutes, not the device"
    );
    heard(30).await;
    certificate(&db, "40000000000000000002", 90.0).await;
    let second = look_with(&state, state.has_heard(), &config).await;
    assert_eq!(change(&second), "certificate_expiring closed", "it has spoken in time");
    heard(300).await;
    let third = look_with(&state, state.has_heard(), &config).await;
    assert_eq!(change(&third), "device_offline open", "it is silent");
    // After the next outage nobody knows that it is over.
    certificate(&db, "40000000000000000003", 20.0).await;
    let fourth = look_with(&state, state.begins_to_hear(), &config).await;
    assert_eq!(change(&fourth), "certificate_expiring open");
    assert_eq!(kinds(&state, &admin, "open=true&kind=device_offline").await, ["device_offline"]);
    let told = tokio::task::spawn_blocking(move || {
        let next = || told.recv_timeout(Duration::from_secs(10)).expect("it is told in time").0;
        [next(), next(), next(), next()]
    });
    let told =
        told.await.expect("four are told").map(|text| change(&serde_json::from_str(&text).expect("JSON")));
    assert_eq!(told, [first, second, third, fourth].map(|one| change(&one)));
}

/// Gives the device a certificate that holds for so long.
async fn certificate(db: &PgPool, serial: &str, days: f64) {
    sqlx::query(
        "WITH certificate AS (
             INSERT INTO device_certificates (serial, device_id, issued_at, not_after)
             VALUES ($2, $1, now(), now() + make_interval(secs => $3 * 86400)) RETURNING serial)
         INSERT INTO device_credentials (device_id, password, serial) SELECT $1, repeat('x', 32), serial FROM certificate
         ON CONFLICT (device_id) DO UPDATE SET serial = excluded.serial",
    )
    .bind(DEVICE.0)
    .bind(serial)
    .bind(days)
    .execute(db)
    .await
    .expect("it is stored");
}

#[sqlx::test]
async fn nobody_is_alarmed_by_the_silence_of_a_device_in_maintenance(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let operator = state.plain_user(&admin, "asha").await;
    state.grant("asha", &junction, "operator").await;
    device(&db, &junction, Some(Clock.utc() - Days::seconds(91))).await;
    assert_eq!(look(&state).await, "open");
    let path = format!("/api/devices/{DEVICE}");
    let set = async |on: bool| {
        let answer = state.request("PATCH", &path, &operator, &json!({"maintenance": on})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    set(true).await;
    assert_eq!(look(&state).await, "closed");
    assert_eq!(kinds(&state, &admin, "open=true").await, [""; 0]);
    set(false).await;
    assert_eq!(look(&state).await, "open");
}

#[sqlx::test]
async fn a_certificate_that_expires_soon_is_an_alarm_until_there_is_another_one(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, Some(Clock.utc())).await;
    certificate(&db, "40000000000000000001", 20.0).await;
    assert_eq!(look(&state).await, "open");
    let alarm = state.get("/api/alarms?open=true", &admin).await.json()[0].clone();
    assert_eq!((&alarm["kind"], &alarm["severity"]), (&json!("certificate_expiring"), &json!("warning")));
    let message = alarm["message"].as_str().expect("it has one");
    assert!(message.contains("flextraff-agent enroll --certificate"), "{message}");
    certificate(&db, "40000000000000000002", 90.0).await;
    assert_eq!(look(&state).await, "closed");
}

#[sqlx::test]
async fn a_configuration_that_differs_is_told_when_it_comes_and_until_it_is_another_one(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, Some(Clock.utc())).await;
    let same = state.get(&format!("/api/junctions/{junction}/agent.toml"), &admin).await.text;
    let other = same.replacen("max_green_s = 60.0", "max_green_s = 45.0", 1);
    assert_ne!(same, other);
    let _hears = state.hears_database().await;
    let mut live = state.app.live.subscribe();
    let (_statuses, receiver) = tokio::sync::mpsc::channel(4);
    let (_stop, stopped) = watch::channel(false);
    let quiet = Notifier::start(&Alarms::default()).unwrap();
    tokio::spawn(flextraff_server::alarms::run(
        state.app.clone(),
        Clock,
        state.has_heard(),
        receiver,
        quiet,
        stopped,
    ));
    // The server runs already when it comes: the first look has passed, or finds it. It is told long before a look at everything is due.
    for (hash, toml, told) in [("one", other.as_str(), "open"), ("two", same.as_str(), "closed")] {
        devices::set_config(&db, DEVICE, hash, toml, Clock.utc()).await.unwrap();
        let event = next_event(&mut live, LiveKind::Alarm).await;
        let alarm = &event.payload;
        assert_eq!((&alarm["kind"], &alarm["state"]), (&json!("config_differs"), &json!(told)));
        let sentence = "stage N: max_green_s is 60 on the server and 45 on the device";
        assert!(alarm["message"].as_str().unwrap().ends_with(sentence), "{alarm}");
        assert_eq!(alarm["detail"], json!({"differences": [sentence]}));
    }
}

#[tokio::test]
async fn a_way_to_tell_that_cannot_work_is_refused_at_the_start() {
    let secret = |url: &str| Some(flextraff_server::config::Secret::new(url));
    let mail = Alarms { smtp_url: secret("smtp://127.0.0.1:1"), ..Alarms::default() };
    let whole =
        Alarms { mail_from: Some("a@x.example".into()), mail_to: vec!["b@x.example".into()], ..mail.clone() };
    for (config, part) in [
        (mail.clone(), "alarms.mail_from is not set"),
        (Alarms { mail_from: Some("a@x.example".into()), ..mail }, "alarms.mail_to is empty"),
        (Alarms { smtp_password_file: Some("/nowhere".into()), ..whole.clone() }, "/nowhere"),
        (
            Alarms {
                webhook_url: secret("http://x"),
                webhook_secret_file: Some("/nowhere".into()),
                ..Alarms::default()
            },
            "/nowhere",
        ),
    ] {
        let error = format!("{:#}", Notifier::start(&config).unwrap_err());
        assert!(error.contains(part), "{error}");
    }
    assert!(Notifier::start(&whole).is_ok());
}
