//! How a machine becomes a device that shows a certificate of the city's own authority.

use crate::devices::{create, shown};
use crate::state::{Answer, TestState, admin};
use chrono::{TimeDelta, Utc};
use flextraff_common::ids::DeviceId;
use flextraff_server::authority::{self, user_name};
use flextraff_server::clock::Clock;
use flextraff_server::config::{Config, Secret};
use flextraff_server::db::enrolment::logins;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A server with an authority in a folder.
async fn issuing(db: PgPool, change: impl FnOnce(&mut Config)) -> (TestState, String, TempDir) {
    let folder = tempfile::tempdir().expect("there is room");
    let (cert, key) = (folder.path().join("ca.crt"), folder.path().join("ca.key"));
    let pair = authority::make(Clock.utc()).expect("there is randomness");
    std::fs::write(&cert, pair.certificate).expect("the folder is writable");
    std::fs::write(&key, pair.key).expect("the folder is writable");
    let mut config = Config::default();
    config.mqtt.url = Some(Secret::new("mqtt://server:secret@broker.example:1884".to_owned()));
    config.mqtt.dynamic_security = true;
    config.devices.ca_cert_file = Some(cert);
    config.devices.ca_key_file = Some(key);
    config.devices.certificate_url = Some("mqtts://broker.example:8884".to_owned());
    change(&mut config);
    let state = TestState::with_config(db, config);
    assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
    let token = state.token("admin").await;
    (state, token, folder)
}

fn request() -> String {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("there is randomness");
    let request = CertificateParams::default().serialize_request(&key).expect("it can be signed");
    request.pem().expect("it is written as PEM")
}

/// A request that `openssl` makes with a key of this kind.
fn request_with(folder: &Path, kind: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["req", "-new", "-sha256", "-nodes", "-subj", "/CN=x", "-keyout"])
        .arg(folder.join("other.key"))
        .arg("-newkey")
        .args(kind)
        .output()
        .expect("openssl is installed");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("PEM is text")
}

async fn enroll(state: &TestState, token: &str, csr: &Value) -> Answer {
    state.post("/api/devices/enroll", "", &json!({"token": token, "csr": csr})).await
}

fn token(device: &Value) -> String {
    device["token"].as_str().expect("it is shown").to_owned()
}

#[sqlx::test]
async fn a_device_gets_a_certificate_and_replacement_ends_it(db: PgPool) {
    let (state, admin, _folder) = issuing(db.clone(), |config| config.devices.certificate_days = 30).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let id: DeviceId = device["device_id"].as_str().and_then(|id| id.parse().ok()).expect("a UUID");
    assert_eq!(device["certificate_until"], Value::Null);
    let answer = enroll(&state, &token(&device), &json!(request())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let first = answer.json();
    let serial = first["certificate"]["serial"].as_str().expect("it has one").to_owned();
    assert_eq!(
        first["mqtt"],
        json!({"url": "mqtts://broker.example:8884", "username": user_name(id, &serial)}),
        "and no password"
    );
    let pem = first["certificate"]["pem"].as_str().expect("it is text");
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("it is PEM");
    let certificate = pem.parse_x509().expect("it is a certificate");
    assert_eq!(certificate.subject().to_string(), format!("CN={}", user_name(id, &serial)));
    let until = chrono::DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0);
    let until = until.expect("it is a time");
    assert!((until - Clock.utc() - TimeDelta::days(30)).abs() <= TimeDelta::days(1), "{until}");
    let now = shown(&state, &admin, &device).await;
    let told = now["certificate_until"].as_str().and_then(|at| at.parse::<chrono::DateTime<Utc>>().ok());
    assert_eq!((now["enrolled"].as_bool(), told), (Some(true), Some(until)));
    let used = enroll(&state, &token(&device), &json!(request())).await;
    used.assert_problem(401, "No device waits for this token: it was used before, or its time is over");

    let login = async || logins(&db, Clock.utc()).await.expect("the database answers");
    let serials = async || login().await.devices[0].credential.clone().map(|credential| credential.serial);
    assert_eq!(serials().await, Some(Some(serial.clone())));
    assert_eq!(login().await.ended, []);
    let replaced = state.post(&format!("/api/devices/{id}/replace"), &admin, &json!({})).await;
    assert_eq!(replaced.json()["certificate_until"], Value::Null);
    assert_eq!((serials().await, login().await.ended), (None, vec![(id, serial.clone())]));
    let second = enroll(&state, &token(&replaced.json()), &json!(request())).await.json();
    let new = second["certificate"]["serial"].as_str().expect("it has one").to_owned();
    assert_ne!(new, serial);
    assert_eq!((serials().await, login().await.ended), (Some(Some(new.clone())), vec![(id, serial.clone())]));
    // A password instead.
    let replaced = state.post(&format!("/api/devices/{id}/replace"), &admin, &json!({})).await;
    let third = enroll(&state, &token(&replaced.json()), &Value::Null).await.json();
    assert_eq!(
        (&third["mqtt"]["username"], &third["mqtt"]["url"], &third["certificate"]),
        (&json!(id), &json!("mqtt://broker.example:1884"), &Value::Null)
    );
    assert!(third["mqtt"]["password"].is_string() && serials().await == Some(None));
    // What was ended stays so without its device, until it expires by itself.
    let path = format!("/api/devices/{id}");
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 204);
    let mut both = vec![(id, serial.clone()), (id, new)];
    both.sort();
    assert_eq!(login().await.ended, both);
    let later = logins(&db, Clock.utc() + TimeDelta::days(32)).await.expect("the database answers");
    assert_eq!(later.ended, []);
    let deeds = state.get("/api/audit?action=device.enroll", &admin).await.json();
    let named = |deed: &&Value| deed["detail"]["certificate"] == json!(serial);
    assert_eq!(deeds.as_array().expect("a list").iter().filter(named).count(), 1, "{deeds}");
}

#[sqlx::test]
async fn a_revoked_device_loses_its_certificate(db: PgPool) {
    let (state, admin, _folder) = issuing(db.clone(), |_| ()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    assert_eq!(enroll(&state, &token(&device), &json!(request())).await.status, 200);
    let path = format!("/api/devices/{}/revoke", device["device_id"].as_str().expect("an id"));
    assert_eq!(state.post(&path, &admin, &json!({})).await.status, 204);
    let logins = logins(&db, Clock.utc()).await.expect("the database answers");
    assert!(logins.devices[0].credential.is_none() && logins.ended.len() == 1, "{logins:?}");
}

#[sqlx::test]
async fn a_bad_request_costs_no_token(db: PgPool) {
    let (state, admin, folder) = issuing(db, |_| ()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let good = request();
    for (csr, part) in [
        (
            json!("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
            "no request",
        ),
        (json!(good.replacen(&good[60..64], "AAAA", 1)), "csr"),
        (json!("x".repeat(4097)), "at most 4096"),
        (json!(7), "csr is a text"),
        (json!(request_with(folder.path(), &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"])), "P-256"),
        (json!(request_with(folder.path(), &["rsa:2048"])), "P-256"),
    ] {
        let answer = enroll(&state, &token(&device), &csr).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec!["csr".to_owned()]), "{csr}");
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
    let ed25519 = request_with(folder.path(), &["ed25519"]);
    assert!(enroll(&state, &token(&device), &json!(ed25519)).await.text.contains("P-256"));
    assert_eq!(enroll(&state, &token(&device), &json!(good)).await.status, 200, "it was not spent");
}

#[sqlx::test]
async fn without_an_authority_or_an_encrypted_way_there_are_passwords_only(db: PgPool) {
    let (state, admin, folder) = issuing(db.clone(), |config| {
        config.devices.ca_cert_file = None;
        config.devices.ca_key_file = None;
    })
    .await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    let answer = enroll(&state, &token(&device), &json!(request())).await;
    let none = "The server issues no certificates ([devices] ca_cert_file; flextraff-server device ca): enrol for a password";
    answer.assert_problem(409, none);

    let mut config = state.app.config.as_ref().clone();
    config.devices.certificate_url = None;
    let plain = TestState::with_config(db.clone(), config.clone());
    let answer = enroll(&plain, &token(&device), &json!(request())).await;
    assert!(answer.status == 409 && answer.detail().contains("does not encrypt"), "{}", answer.text);

    // Files of two authorities: nobody would believe what they issue.
    let pair = authority::make(Clock.utc()).expect("there is randomness");
    std::fs::write(folder.path().join("ca.key"), pair.key).expect("the folder is writable");
    config.devices.ca_cert_file = Some(folder.path().join("ca.crt"));
    config.devices.ca_key_file = Some(folder.path().join("ca.key"));
    config.devices.certificate_url = Some("mqtts://broker.example:8884".to_owned());
    let mixed = TestState::with_config(db, config);
    let answer = enroll(&mixed, &token(&device), &json!(request())).await;
    assert_eq!(answer.status, 500, "{}", answer.text);
    assert!(!answer.text.contains("ca.key"), "{}", answer.text);
    assert_eq!(enroll(&state, &token(&device), &Value::Null).await.status, 200, "the token is not spent");
}
