//! Signing in, and what a token is worth.

use crate::state::{PASSWORD, TestState};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_server::clock::Clock;
use flextraff_server::db::{audit, tidings};
use serde_json::json;
use sqlx::PgPool;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use uuid::Uuid;

#[sqlx::test]
async fn wrong_names_and_wrong_passwords_look_the_same(db: PgPool) {
    let (state, _) = TestState::with_admin(db).await;
    let long = "p".repeat(2000);
    for (name, password) in
        [("admin", "wrong password"), ("nobody", PASSWORD), ("ad\0min", PASSWORD), ("admin", &long), ("", "")]
    {
        let answer = state.sign_in(name, password).await;
        answer.assert_problem(401, "Incorrect username or password");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let half = Request::post("/api/users/token")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("username=admin"))
        .unwrap();
    let answer = state.send(half).await;
    assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec!["password".to_owned()]));
    assert_eq!(state.post_text("/api/users/token", "", "{}").await.status, 415);
}

#[sqlx::test]
async fn refusals_beyond_sixty_a_minute_are_summed_up_by_account(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    sqlx::query("INSERT INTO audit_log (action, at) SELECT 'session.refuse', now() + interval '1 hour' FROM generate_series(1, 59)")
        .execute(&db)
        .await
        .unwrap();
    let lines = async || {
        state
            .get("/api/audit?action=session.refuse&limit=100", &admin)
            .await
            .json()
            .as_array()
            .unwrap()
            .clone()
    };
    for name in ["admin", "nobody", "nobody too", "admin"] {
        state.sign_in(name, "wrong password").await.assert_problem(401, "Incorrect username or password");
    }
    assert_eq!(lines().await.len(), 60, "the first has its line");
    // Its minute is over.
    let back = "UPDATE refusals SET at = at - interval '1 minute'";
    sqlx::query(back).execute(&db).await.unwrap();
    assert_eq!(audit::sum_up_refusals(&db).await.unwrap(), 2);
    assert_eq!(audit::sum_up_refusals(&db).await.unwrap(), 0);
    let lines = lines().await;
    let mut sums: Vec<_> = lines
        .iter()
        .filter(|line| !line["detail"]["refused"].is_null())
        .map(|line| (line["username"].clone(), line["detail"]["refused"].clone()))
        .collect();
    sums.sort_by_key(|(name, _)| name.is_null());
    assert_eq!(sums, [(json!("admin"), json!(1)), (json!(null), json!(2))]);
}

#[sqlx::test]
async fn whoever_has_signed_in_from_a_network_is_not_locked_out_by_guesses_from_everywhere(db: PgPool) {
    let (state, _) = TestState::with_admin(db.clone()).await;
    for (known, same, other) in
        [("2001:db8::7", "2001:db8::8", "2001:db8:0:1::7"), ("198.51.100.7", "198.51.100.7", "198.51.100.8")]
    {
        sqlx::query("UPDATE sessions SET ip_address = $1").bind(known).execute(&db).await.unwrap();
        for guess in 0..200_u32 {
            let address = Ipv4Addr::from_bits(0x0a00_0000 + guess).into();
            state.app.auth.attempt("admin", Some(address), Clock.instant());
        }
        for (from, status) in [(other, 429), (same, 200)] {
            let request = Request::post("/api/users/token")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .extension(ConnectInfo(SocketAddr::new(from.parse().unwrap(), 4000)))
                .body(Body::from(format!("username=admin&password={}", PASSWORD.replace(' ', "+"))));
            assert_eq!(state.send(request.unwrap()).await.status, status, "{from}");
        }
    }
}

#[sqlx::test]
async fn signing_in_is_noted(db: PgPool) {
    let (state, _) = TestState::with_admin(db).await;
    let noted: bool = sqlx::query_scalar("SELECT last_login IS NOT NULL FROM users")
        .fetch_one(&state.app.db)
        .await
        .unwrap();
    assert!(noted);
}

#[sqlx::test]
async fn an_inactive_user_is_out_at_once(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let token = state.plain_user(&admin, "ravi").await;
    assert_eq!(state.get("/api/users/me", &token).await.status, 200);
    sqlx::query("UPDATE users SET is_active = false WHERE username = 'ravi'")
        .execute(&state.app.db)
        .await
        .unwrap();
    state.get("/api/users/me", &token).await.assert_problem(401, "Could not validate credentials");
    state.sign_in("ravi", PASSWORD).await.assert_problem(400, "Inactive user");
    state.sign_in("ravi", "wrong password").await.assert_problem(401, "Incorrect username or password");
}

#[sqlx::test]
async fn guessing_is_braked(db: PgPool) {
    let (state, _) = TestState::with_admin(db).await;
    for _ in 0..10 {
        assert_eq!(state.sign_in("admin", "wrong password").await.status, 401);
    }
    let answer = state.sign_in("admin", PASSWORD).await;
    assert_eq!(answer.status, 429);
    assert!(
        (1..=300).contains(&answer.header("retry-after").parse::<u32>().unwrap()),
        "{}",
        answer.header("retry-after")
    );
    assert_eq!(state.sign_in("other", PASSWORD).await.status, 401, "other names are not locked");
}

#[sqlx::test]
async fn forged_and_ended_tokens_are_refused(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    assert_eq!(state.get("/api/users/me", &token).await.status, 200);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let claims = signed.split_once('.').unwrap().1;
    let foreign = TestState::new(db);
    let foreign_token = foreign.token("admin").await;
    let ended = state.aged_token(&token, 30 * 60);
    for forged in [
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}."),
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        // {"alg":"HS256","typ":"JWT","kid":"deadbeef"}: a key that nobody has
        format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImRlYWRiZWVmIn0.{claims}.{signature}"),
        foreign_token,
        ended,
        "a.b.c".into(),
        "x".into(),
    ] {
        let answer = state.get("/api/users/me", &forged).await;
        answer.assert_problem(401, "Could not validate credentials");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    state.get("/api/users/me", "").await.assert_problem(401, "Not authenticated");
    let basic =
        Request::get("/api/users/me").header(AUTHORIZATION, "Basic YTpi").body(Body::empty()).unwrap();
    state.send(basic).await.assert_problem(401, "Could not validate credentials");
}

/// Who goes from one server to the next has no more attempts than at one.
#[sqlx::test]
async fn guessing_is_braked_for_all_servers_together(db: PgPool) {
    let (one, admin) = TestState::with_admin(db.clone()).await;
    one.plain_user(&admin, "ravi").await;
    let other = TestState::new(db);
    let _hears = other.hears_database().await;
    for _ in 0..6 {
        assert_eq!(one.sign_in("admin", "wrong password").await.status, 401);
    }
    // What is told later is heard later.
    let mut events = other.app.live.subscribe();
    let mut connection = other.app.db.acquire().await.unwrap();
    tidings::tell_silent(&mut connection, JunctionId(Uuid::nil()), DeviceId(Uuid::nil())).await.unwrap();
    drop(connection);
    tokio::time::timeout(Duration::from_secs(10), events.recv()).await.expect("it is heard").unwrap();
    for _ in 0..4 {
        assert_eq!(other.sign_in("ADMIN", "wrong password").await.status, 401);
    }
    assert_eq!(other.sign_in("admin", PASSWORD).await.status, 429);
    assert_eq!(other.sign_in("ravi", PASSWORD).await.status, 200, "nobody else is held up");
    // At the first server its own six count, and not once more as what it hears.
    let _hears = one.hears_database().await;
    for _ in 0..4 {
        assert_eq!(one.sign_in("admin", "wrong password").await.status, 401);
    }
    let told: serde_json::Value = one.get("/api/audit?action=session.refuse", &admin).await.json();
    assert_eq!(told.as_array().map(Vec::len), Some(14), "{told}");
    assert_ne!(told[0]["username"], json!(null));
}
