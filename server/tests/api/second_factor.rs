//! One-time codes and recovery codes.

use crate::state::{Answer, PASSWORD, TestState};
use flextraff_common::time::UnixMs;
use flextraff_server::auth::second_factor::OneTimeCodes;
use flextraff_server::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::fmt::Write as _;

const WRONG: &str = "The one-time code is wrong or was used before";

pub(crate) struct Device {
    codes: OneTimeCodes,
    recovery: Vec<String>,
}

impl Device {
    /// A code of `steps` half minutes from now.
    fn code(&self, steps: i64) -> String {
        self.codes.code_at(Clock.now() + 30_000 * steps)
    }
}

/// Sets up the second factor of a user; the code of half a minute ago is spent by it.
pub(crate) async fn set_up(state: &TestState, name: &str, token: &str) -> Device {
    let offer = state.post("/api/users/me/totp", token, &json!({"password": PASSWORD})).await;
    assert_eq!(offer.status, 200, "{}", offer.text);
    let secret = base32(offer.json()["secret"].as_str().expect("the answer is as documented"));
    let codes = OneTimeCodes::new(&secret, name).expect("the answer is as documented");
    assert!(
        offer.json()["uri"]
            .as_str()
            .expect("the answer is as documented")
            .starts_with(&format!("otpauth://totp/FlexTraff:{name}?")),
        "{}",
        offer.text
    );
    let confirm = async || {
        let code = codes.code_at(UnixMs(Clock.now().0 - 30_000));
        state.post("/api/users/me/totp/confirm", token, &json!({"totp": code})).await
    };
    let mut confirmed = confirm().await;
    if confirmed.status == 400 {
        // A half minute began between the code and its check, which made it one too old.
        confirmed = confirm().await;
    }
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    Device { codes, recovery: recovery(&confirmed) }
}

fn recovery(answer: &Answer) -> Vec<String> {
    serde_json::from_value(answer.json()["recovery_codes"].clone()).expect("the answer is as documented")
}

/// RFC 4648, 6.
fn base32(text: &str) -> Vec<u8> {
    let mut bits = String::new();
    for c in text.bytes() {
        let value = if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 };
        write!(bits, "{value:05b}").expect("text takes text");
    }
    (0..bits.len() / 8)
        .map(|at| u8::from_str_radix(&bits[8 * at..8 * at + 8], 2).expect("the answer is as documented"))
        .collect()
}

async fn sign_in(state: &TestState, code: &str) -> Answer {
    state.sign_in_with("admin", PASSWORD, &format!("&totp={code}")).await
}

#[sqlx::test]
async fn with_a_second_factor_the_password_alone_opens_nothing(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let device = set_up(&state, "admin", &token).await;
    assert_eq!(state.get("/api/users/me", &token).await.json()["totp_enabled"], json!(true));
    let alone = state.sign_in("admin", PASSWORD).await;
    alone.assert_problem(401, "A one-time code is needed");
    assert_eq!(alone.fields(), ["totp"]);
    assert_eq!(alone.header("set-cookie"), "");
    state.sign_in("admin", "wrong password").await.assert_problem(401, "Incorrect username or password");
    let wrong_both =
        state.sign_in_with("admin", "wrong password", &format!("&totp={}", device.code(0))).await;
    wrong_both.assert_problem(401, "Incorrect username or password");
    sign_in(&state, "000000").await.assert_problem(401, WRONG);
    assert_eq!(sign_in(&state, &device.code(0)).await.status, 200);
}

#[sqlx::test]
async fn what_is_refused_stands_in_the_audit_log(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let (wrong, code) = ("wrong password", json!({"totp": "000000"}));
    let body = json!({"current_password": wrong, "new_password": "a quite different phrase"});
    assert_eq!(state.request("PUT", "/api/users/me/password", &token, &body).await.status, 400);
    let offer = json!({"password": wrong});
    assert_eq!(state.post("/api/users/me/totp", &token, &offer).await.status, 400);
    let offer = json!({"password": PASSWORD});
    assert_eq!(state.post("/api/users/me/totp", &token, &offer).await.status, 200);
    assert_eq!(state.post("/api/users/me/totp/confirm", &token, &code).await.status, 400);
    set_up(&state, "admin", &token).await;
    let earlier = state.get("/api/audit?action=session.refuse", &token).await.json().as_array().map(Vec::len);
    // A code of the half minute before, at most, was one too many.
    assert!(matches!(earlier, Some(3 | 4)), "{earlier:?}");
    assert_eq!(state.sign_in("admin", PASSWORD).await.status, 401);
    for (password, totp) in [(wrong, "000000"), (PASSWORD, "000000")] {
        for act in ["disable", "recovery-codes"] {
            let body = json!({"password": password, "totp": totp});
            let answer = state.post(&format!("/api/users/me/totp/{act}"), &token, &body).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
    }
    let lines = state.get("/api/audit?action=session.refuse", &token).await.json();
    let lines = lines.as_array().unwrap();
    let signed_in = |reason: &str| json!({"reason": reason, "signed_in": true});
    let told: Vec<&Value> = lines.iter().rev().map(|line| &line["detail"]).collect();
    let (first, last) = (&told[..3], &told[told.len() - 5..]);
    assert_eq!(first, [&signed_in("password"), &signed_in("password"), &signed_in("totp")]);
    assert_eq!(
        last,
        [
            &json!({"reason": "totp missing"}),
            &signed_in("password"),
            &signed_in("password"),
            &signed_in("totp"),
            &signed_in("totp")
        ]
    );
    assert!(lines.iter().all(|line| line["username"] == "admin"));
    assert!(!json!(lines).to_string().contains("wrong password"));
}

#[sqlx::test]
async fn a_code_opens_once(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let device = set_up(&state, "admin", &token).await;
    let code = device.code(1);
    let answers = futures_util::future::join_all((0..4).map(|_| sign_in(&state, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    sign_in(&state, &code).await.assert_problem(401, WRONG);
    sign_in(&state, &device.code(-1)).await.assert_problem(401, WRONG);
}

#[sqlx::test]
async fn guessing_codes_is_braked(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    set_up(&state, "admin", &token).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(sign_in(&state, "000000").await.status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[sqlx::test]
async fn a_recovery_code_stands_in_once(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let device = set_up(&state, "admin", &token).await;
    assert_eq!(device.recovery.len(), 10);
    assert_eq!(sign_in(&state, &device.recovery[0]).await.status, 200);
    sign_in(&state, &device.recovery[0]).await.assert_problem(401, WRONG);
    let body = json!({"password": PASSWORD, "totp": device.recovery[1].to_uppercase()});
    let renewed = state.post("/api/users/me/totp/recovery-codes", &token, &body).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    sign_in(&state, &device.recovery[2]).await.assert_problem(401, WRONG);
    assert_eq!(sign_in(&state, &recovery(&renewed)[0]).await.status, 200);
}

#[sqlx::test]
async fn it_counts_only_once_it_is_confirmed(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let confirm = json!({"totp": "000000"});
    let early = state.post("/api/users/me/totp/confirm", &token, &confirm).await;
    early.assert_problem(409, "There is no secret to confirm; ask for one first");
    state
        .post("/api/users/me/totp", &token, &json!({"password": "wrong password"}))
        .await
        .assert_problem(400, "Incorrect password");
    assert_eq!(state.post("/api/users/me/totp", &token, &json!({"password": PASSWORD})).await.status, 200);
    state.post("/api/users/me/totp/confirm", &token, &confirm).await.assert_problem(400, WRONG);
    assert_eq!(state.sign_in("admin", PASSWORD).await.status, 200);
    set_up(&state, "admin", &token).await;
    let audit = state.get("/api/audit?action=user.totp", &token).await.json();
    let actions: Vec<&str> =
        audit.as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["user.totp.enable", "user.totp.offer", "user.totp.offer"]);
    let again = state.post("/api/users/me/totp", &token, &json!({"password": PASSWORD})).await;
    again.assert_problem(409, "There is a second factor already; disable it before you set up another");
}

#[sqlx::test]
async fn it_is_taken_away_by_its_owner_or_an_administrator(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let device = set_up(&state, "admin", &token).await;
    let disable = async |password: &str, totp: &str| {
        state.post("/api/users/me/totp/disable", &token, &json!({"password": password, "totp": totp})).await
    };
    disable("wrong password", &device.code(0)).await.assert_problem(400, "Incorrect password");
    disable(PASSWORD, "000000").await.assert_problem(400, WRONG);
    assert_eq!(disable(PASSWORD, &device.code(0)).await.status, 204);
    assert_eq!(state.sign_in("admin", PASSWORD).await.status, 200);

    set_up(&state, "admin", &token).await;
    let id = state.get("/api/users/me", &token).await.json()["user_id"].as_str().unwrap().to_owned();
    let reset = state.request("DELETE", &format!("/api/users/{id}/totp"), &token, &Value::Null).await;
    assert_eq!(reset.status, 204, "{}", reset.text);
    assert_eq!(state.sign_in("admin", PASSWORD).await.status, 200);
}

#[sqlx::test]
async fn who_knows_the_password_cannot_guess_codes_without_end(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    set_up(&state, "admin", &token).await;
    let body = json!({"password": PASSWORD, "totp": "000000"});
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(state.post("/api/users/me/totp/disable", &token, &body).await.status.as_u16());
        // The right password alone does not begin the count anew.
        state.post("/api/users/me/totp", &token, &json!({"password": PASSWORD})).await;
    }
    assert_eq!((statuses[0], statuses.last()), (400, Some(&429)), "{statuses:?}");
}
