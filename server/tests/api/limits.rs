//! Too many requests.

use crate::state::{Answer, TestState, admin};
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use flextraff_server::config::Config;
use futures_util::future::join;
use futures_util::stream;
use serde_json::json;
use sqlx::PgPool;
use std::convert::Infallible;
use std::net::SocketAddr;

const PROXY: &str = "10.0.0.1:4000";

async fn from(state: &TestState, peer: &str, forwarded: &str, token: &str) -> Answer {
    let mut request = Request::get("/api/users/me").header("x-forwarded-for", forwarded);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let peer: SocketAddr = peer.parse().expect("it is an address");
    let request = request.extension(ConnectInfo(peer)).body(Body::empty());
    state.send(request.expect("the request is well formed")).await
}

#[sqlx::test]
async fn each_address_and_each_user_has_so_many_a_minute(db: PgPool) {
    let mut config = Config::default();
    config.http.requests_per_minute = 3;
    config.http.trusted_proxies = vec![PROXY.parse::<SocketAddr>().unwrap().ip()];
    let state = TestState::with_config(db, config);
    for _ in 0..3 {
        assert_eq!(from(&state, "10.0.0.9:1", "", "").await.status, 401);
    }
    let refused = from(&state, "10.0.0.9:2", "", "").await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=21).contains(&seconds), "{seconds}");
    refused.assert_problem(429, &format!("Too many requests; try again in {seconds} s"));
    assert_eq!(refused.header("x-content-type-options"), "nosniff");
    // What somebody says of himself counts nothing; what the proxy says of its clients does.
    assert_eq!(from(&state, "10.0.0.9:3", "1.2.3.4", "").await.status, 429);
    for client in ["1.2.3.4", "1.2.3.5"] {
        for _ in 0..3 {
            assert_eq!(from(&state, PROXY, client, "").await.status, 401, "{client}");
        }
        assert_eq!(from(&state, PROXY, client, "").await.status, 429);
    }
    // Addresses of one IPv6 network are one customer.
    let network = |host: usize| format!("[2001:db8::{host}]:1");
    for host in 1..=4 {
        assert_eq!(from(&state, &network(host), "", "").await.status, if host < 4 { 401 } else { 429 });
    }
    // A watcher still sees that the server lives.
    let alive = Request::get("/livez").extension(ConnectInfo("10.0.0.9:1".parse::<SocketAddr>().unwrap()));
    assert_eq!(state.send(alive.body(Body::empty()).unwrap()).await.status, 200);
}

#[sqlx::test]
async fn users_behind_one_address_do_not_pay_for_each_other(db: PgPool) {
    let mut config = Config::default();
    config.http.requests_per_minute = 3;
    let state = TestState::with_config(db, config);
    assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
    let token = state.token("admin").await;
    let other = state.plain_user(&token, "ravi").await;
    // The registration was the first.
    for _ in 0..2 {
        assert_eq!(from(&state, "10.0.0.9:1", "", &token).await.status, 200);
    }
    assert_eq!(from(&state, "10.0.0.8:1", "", &token).await.status, 429, "wherever the user is");
    assert_eq!(from(&state, "10.0.0.9:1", "", &other).await.status, 200);
}

#[sqlx::test]
async fn the_token_of_an_ended_session_uses_up_nothing_of_its_user(db: PgPool) {
    let mut config = Config::default();
    config.http.requests_per_minute = 3;
    let state = TestState::with_config(db, config);
    assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
    let stolen = state.token("admin").await;
    assert_eq!(state.post("/api/users/logout", &stolen, &serde_json::Value::Null).await.status, 204);
    for _ in 0..3 {
        assert_eq!(from(&state, "10.0.0.7:1", "", &stolen).await.status, 401);
    }
    assert_eq!(from(&state, "10.0.0.7:1", "", &stolen).await.status, 429, "the address pays");
    // Signing out was the user's first.
    let token = state.token("admin").await;
    for status in [200, 200, 429] {
        assert_eq!(from(&state, "10.0.0.8:1", "", &token).await.status, status);
    }
}

/// Whoever has asked for too much may still set an emergency.
#[sqlx::test]
async fn what_the_road_waits_for_is_counted_by_itself(db: PgPool) {
    let mut config = Config::default();
    config.http.requests_per_minute = 6;
    let state = TestState::with_config(db, config);
    assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
    let token = state.token("admin").await;
    let me = async || state.get("/api/users/me", &token).await.status.as_u16();
    while me().await == 200 {}
    assert_eq!(me().await, 429);
    let mode = format!("/api/junctions/{}/mode", uuid::Uuid::nil());
    for _ in 0..6 {
        let answer = state.request("PUT", &mode, &token, &json!({"mode": "automatic"})).await;
        assert_eq!(answer.status, 404, "it is looked at: {}", answer.text);
    }
    let answer = state.request("PUT", &mode, &token, &json!({"mode": "automatic"})).await;
    assert_eq!(answer.status, 429, "but not without end");
}

#[sqlx::test]
async fn so_many_are_worked_on_at_a_time(db: PgPool) {
    let mut config = Config::default();
    config.http.max_requests = 1;
    let state = TestState::with_config(db, config);
    // A body of which the end does not come.
    let endless = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let slow = Request::post("/api/users/token").header("content-type", "application/x-www-form-urlencoded");
    let slow = state.send(slow.body(endless).unwrap());
    let second = async {
        let answer = state.get("/api/users/me", "").await;
        answer.assert_problem(503, "Too many requests are under way; try again in a second");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(state.get("/readyz", "").await.status, 200);
    };
    tokio::select! {
        biased;
        answer = slow => panic!("a request without an end is answered: {}", answer.text),
        () = second => {}
    }
    assert_eq!(state.get("/api/users/me", "").await.status, 401, "its place is free once it has gone");
}

#[sqlx::test]
async fn an_address_that_sends_no_end_of_its_bodies_leaves_the_places_to_others(db: PgPool) {
    let mut config = Config::default();
    config.http.max_requests = 16;
    let state = TestState::with_config(db, config);
    let post = |peer: &str, body: Body| {
        let peer: SocketAddr = peer.parse().expect("it is an address");
        let request = Request::post("/api/users/token").extension(ConnectInfo(peer));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        state.send(request.expect("the request is well formed"))
    };
    let endless = || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    // Two are an eighth of the places.
    let slow = join(post("10.0.0.9:1", endless()), post("10.0.0.9:2", endless()));
    let others = async {
        let third = post("10.0.0.9:3", endless()).await;
        third.assert_problem(
            429,
            "Too many requests of your address are not all here yet; try again in a second",
        );
        assert_eq!(third.header("retry-after"), "1");
        assert_eq!(from(&state, "10.0.0.9:4", "", "").await.status, 401, "without a body it goes on");
        let other = post("10.0.0.8:1", Body::from("username=admin&password=wrong")).await;
        assert_eq!(other.status, 401, "{}", other.text);
    };
    tokio::select! {
        biased;
        (answer, _) = slow => panic!("a request without an end is answered: {}", answer.text),
        () = others => {}
    }
    let again = post("10.0.0.9:5", Body::from("username=admin&password=wrong")).await;
    assert_eq!(again.status, 401, "once they have gone it may send again: {}", again.text);
}

#[sqlx::test]
async fn encrypted_answers_tell_browsers_to_stay_so(db: PgPool) {
    let mut config = Config::default();
    config.http.trusted_proxies = vec![PROXY.parse::<SocketAddr>().unwrap().ip()];
    let state = TestState::with_config(db, config);
    for (peer, told) in [(PROXY, "max-age=31536000"), ("10.0.0.9:1", "")] {
        let request = Request::get("/livez").header("x-forwarded-proto", "https");
        let request = request.extension(ConnectInfo(peer.parse::<SocketAddr>().unwrap())).body(Body::empty());
        let answer = state.send(request.unwrap()).await;
        assert_eq!(answer.header("strict-transport-security"), told, "{peer}");
    }
}
