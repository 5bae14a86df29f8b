//! How a session goes on, and how it ends.

use crate::state::{Answer, PASSWORD, TestState};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use flextraff_server::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

const REFRESH: &str = "/api/users/token/refresh";
const OVER: &str = "This session is over; sign in again";

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().expect("the answer is as documented").to_owned()
}

#[sqlx::test]
async fn the_cookie_is_for_this_server_alone_and_no_script_reads_it(db: PgPool) {
    let (state, _) = TestState::with_admin(db).await;
    let answer = state.sign_in("admin", PASSWORD).await;
    let (cookie, attributes) = answer.header("set-cookie").split_once("; ").unwrap();
    assert!(cookie.starts_with("flextraff_refresh=") && cookie.len() > 64, "{cookie}");
    assert_eq!(attributes, "Path=/api/users; Max-Age=604800; HttpOnly; SameSite=Strict");
    assert!(!answer.text.contains(cookie.split_once('=').unwrap().1));
    let stored: bool =
        sqlx::query_scalar("SELECT bool_or(encode(token_hash, 'hex') = $1) FROM refresh_tokens")
            .bind(cookie.split_once('=').unwrap().1)
            .fetch_one(&state.app.db)
            .await
            .unwrap();
    assert!(!stored, "the database keeps a hash only");
}

/// Lets two minutes pass for all refresh tokens: each is due to be replaced, and what was replaced is worth nothing.
async fn minutes_pass(db: &PgPool) {
    let past = "UPDATE refresh_tokens SET issued_at = issued_at - interval '2 minutes', used_at = used_at - interval '2 minutes'";
    sqlx::query(past).execute(db).await.expect("the database answers");
}

/// What a page of the dashboard asks: other pages of its browser may show the same cookie at the same time.
async fn page_asks(state: &TestState, cookie: &str) -> Answer {
    let request =
        Request::post(REFRESH).header(COOKIE, cookie).header("x-several-pages", "1").body(Body::empty());
    state.send(request.expect("the request is well formed")).await
}

#[sqlx::test]
async fn a_session_goes_on_with_its_cookie(db: PgPool) {
    let (state, first) = TestState::with_admin(db).await;
    let mut cookie = state.sign_in("admin", PASSWORD).await.cookie();
    for _ in 0..3 {
        let answer = state.post_cookie(REFRESH, &cookie).await;
        let token = token_of(&answer);
        assert_ne!(token, first);
        assert_eq!(state.get("/api/users/me", &token).await.status, 200);
        assert_ne!(answer.cookie(), cookie, "each cookie is for one use");
        cookie = answer.cookie();
    }
    let sessions = state.get("/api/users/me/sessions", &first).await.json();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
}

#[sqlx::test]
async fn a_cookie_that_is_used_again_after_it_was_replaced_ends_its_session(db: PgPool) {
    let (state, other) = TestState::with_admin(db.clone()).await;
    // Its successor is spent as well, or not.
    for spent in [true, false] {
        let stolen = state.sign_in("admin", PASSWORD).await.cookie();
        minutes_pass(&db).await;
        let mut answer = page_asks(&state, &stolen).await;
        minutes_pass(&db).await;
        if spent {
            answer = page_asks(&state, &answer.cookie()).await;
        }
        let (token, last) = (token_of(&answer), answer.cookie());
        for _ in 0..3 {
            let again = page_asks(&state, &stolen).await;
            again.assert_problem(401, OVER);
            assert!(again.header("set-cookie").contains("Max-Age=0"), "{}", again.header("set-cookie"));
        }
        page_asks(&state, &last).await.assert_problem(401, OVER);
        state.get("/api/users/me", &token).await.assert_problem(401, "Could not validate credentials");
    }
    assert_eq!(state.get("/api/users/me", &other).await.status, 200, "other sessions go on");
    let noted = state.get("/api/audit?action=session.reused", &other).await.json();
    assert_eq!(noted.as_array().unwrap().len(), 2, "once, however often it is shown");
}

#[sqlx::test]
async fn a_cookie_that_is_used_twice_ends_its_session_at_once(db: PgPool) {
    let (state, other) = TestState::with_admin(db).await;
    let stolen = state.sign_in("admin", PASSWORD).await.cookie();
    let answer = state.post_cookie(REFRESH, &stolen).await;
    let token = token_of(&answer);
    state.post_cookie(REFRESH, &stolen).await.assert_problem(401, OVER);
    state.post_cookie(REFRESH, &answer.cookie()).await.assert_problem(401, OVER);
    page_asks(&state, &stolen).await.assert_problem(401, OVER);
    state.get("/api/users/me", &token).await.assert_problem(401, "Could not validate credentials");
    assert_eq!(state.get("/api/users/me", &other).await.status, 200, "other sessions go on");
}

#[sqlx::test]
async fn a_session_goes_on_when_an_answer_with_its_cookie_was_lost(db: PgPool) {
    let (state, other) = TestState::with_admin(db.clone()).await;
    let spent = state.sign_in("admin", PASSWORD).await.cookie();
    minutes_pass(&db).await;
    let lost = page_asks(&state, &spent).await.cookie();
    let answer = page_asks(&state, &spent).await;
    assert_eq!(answer.cookie(), lost);
    assert_eq!(state.get("/api/users/me", &token_of(&answer)).await.status, 200);
    minutes_pass(&db).await;
    let next = page_asks(&state, &answer.cookie()).await;
    assert_eq!(next.status, 200, "{}", next.text);
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM refresh_tokens WHERE successor IS NOT NULL")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(told, 1, "a token that was spent long ago leads to none that is worth something");
    let noted = state.get("/api/audit?action=session.reused", &other).await.json();
    assert_eq!(noted.as_array().unwrap().len(), 0);
}

#[sqlx::test]
async fn all_pages_of_a_browser_that_ask_at_once_get_the_same_cookie(db: PgPool) {
    let (state, _) = TestState::with_admin(db.clone()).await;
    let cookie = state.sign_in("admin", PASSWORD).await.cookie();
    let fresh = page_asks(&state, &cookie).await;
    assert_eq!(fresh.cookie(), cookie, "what has just been issued stands");
    minutes_pass(&db).await;
    let mut answers = futures_util::future::join_all((0..6).map(|_| page_asks(&state, &cookie))).await;
    // Pages that begin while others still wait for their answers; in whatever order these come, the browser keeps the same.
    for shown in [answers[0].cookie(), cookie.clone(), answers[5].cookie(), cookie.clone()] {
        answers.push(page_asks(&state, &shown).await);
    }
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.cookie(), answers[0].cookie());
    }
    assert_ne!(answers[0].cookie(), cookie);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(left, 2, "one of this session, and one of the first");
}

#[sqlx::test]
async fn signing_out_ends_the_session_at_once(db: PgPool) {
    let (state, other) = TestState::with_admin(db).await;
    for by_cookie in [false, true] {
        let answer = state.sign_in("admin", PASSWORD).await;
        let (token, cookie) = (token_of(&answer), answer.cookie());
        let out = if by_cookie {
            state.post_cookie("/api/users/logout", &cookie).await
        } else {
            state.request("POST", "/api/users/logout", &token, &Value::Null).await
        };
        assert_eq!(out.status, 204, "{}", out.text);
        assert!(out.header("set-cookie").starts_with("flextraff_refresh=; Path=/api/users; Max-Age=0;"));
        assert_eq!(state.get("/api/users/me", &token).await.status, 401);
        state.post_cookie(REFRESH, &cookie).await.assert_problem(401, OVER);
    }
    assert_eq!(state.get("/api/users/me", &other).await.status, 200);
    let noted = state.get("/api/audit?action=session.end", &other).await.json();
    let who: Vec<_> = noted.as_array().unwrap().iter().map(|line| &line["username"]).collect();
    assert_eq!(who, ["admin", "admin"]);
    state.post_cookie("/api/users/logout", "").await.assert_problem(401, "Not authenticated");
}

#[sqlx::test]
async fn a_token_that_has_run_out_does_not_keep_the_cookie_alive(db: PgPool) {
    let (state, _) = TestState::with_admin(db).await;
    let cookie = state.sign_in("admin", PASSWORD).await.cookie();
    let request = Request::post("/api/users/logout")
        .header(COOKIE, &cookie)
        .header(AUTHORIZATION, "Bearer of.long.ago");
    let out = state.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(out.status, 204, "{}", out.text);
    state.post_cookie(REFRESH, &cookie).await.assert_problem(401, OVER);
}

#[sqlx::test]
async fn one_session_or_all_are_ended_from_elsewhere(db: PgPool) {
    let (state, first) = TestState::with_admin(db).await;
    let (second, third) = (state.token("admin").await, state.token("admin").await);
    let this = async |token: &str| {
        let list = state.get("/api/users/me/sessions", token).await.json();
        list.as_array().unwrap().iter().map(|session| session["is_this"] == true).collect::<Vec<_>>()
    };
    assert_eq!(this(&first).await, [false, false, true], "the newest comes first");
    assert_eq!(this(&third).await, [true, false, false]);
    let list = state.get("/api/users/me/sessions", &first).await.json();
    let newest = list[0]["session_id"].as_str().unwrap().to_owned();
    let path = format!("/api/users/me/sessions/{newest}");
    assert_eq!(state.request("DELETE", &path, &first, &Value::Null).await.status, 204);
    let statuses = async |expected: [u16; 3]| {
        for (token, status) in [&first, &second, &third].into_iter().zip(expected) {
            assert_eq!(state.get("/api/users/me", token).await.status.as_u16(), status);
        }
    };
    statuses([200, 200, 401]).await;
    state
        .request("DELETE", &path, &first, &Value::Null)
        .await
        .assert_problem(404, "You have no such session");
    assert_eq!(state.request("DELETE", "/api/users/me/sessions", &first, &Value::Null).await.status, 204);
    statuses([401, 401, 401]).await;
}

#[sqlx::test]
async fn nobody_ends_the_session_of_somebody_else(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let ravi = state.plain_user(&admin, "ravi").await;
    let list = state.get("/api/users/me/sessions", &ravi).await.json();
    let path = format!("/api/users/me/sessions/{}", list[0]["session_id"].as_str().unwrap());
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 404);
    assert_eq!(state.get("/api/users/me", &ravi).await.status, 200);
}

#[sqlx::test]
async fn a_session_that_is_not_used_is_over_and_is_forgotten(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let cookie = state.sign_in("admin", PASSWORD).await.cookie();
    sqlx::query("UPDATE sessions SET expires_at = now() - interval '1 second'").execute(&db).await.unwrap();
    assert_eq!(state.get("/api/users/me", &token).await.status, 401);
    state.post_cookie(REFRESH, &cookie).await.assert_problem(401, OVER);
    let now = Clock.utc();
    let retention = state.app.config.retention;
    // The address is known for 30 days after somebody has signed in from there.
    sqlx::query("UPDATE sessions SET created_at = now() - interval '20 days', ip_address = '10.0.0.7'")
        .execute(&db)
        .await
        .unwrap();
    flextraff_server::db::retention::apply(&db, retention, now).await.unwrap();
    let since = now - chrono::TimeDelta::days(30);
    assert!(flextraff_server::db::sessions::knows_address(&db, "Admin", "10.0.0.7", since).await.unwrap());
    assert_eq!(state.get("/api/users/me", &token).await.status, 401);
    sqlx::query("UPDATE sessions SET created_at = now() - interval '31 days'").execute(&db).await.unwrap();
    flextraff_server::db::retention::apply(&db, retention, now).await.unwrap();
    let left: i64 =
        sqlx::query_scalar("SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM refresh_tokens)")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(left, 0);
}

#[sqlx::test]
async fn pages_of_other_origins_get_no_token(db: PgPool) {
    let (state, _) = TestState::with_admin(db).await;
    for (origin, status) in
        [("https://evil.example", 403), ("http://localhost:5173", 200), ("https://city.example", 200)]
    {
        let cookie = state.sign_in("admin", PASSWORD).await.cookie();
        let request = Request::post(REFRESH)
            .header(COOKIE, cookie)
            .header(HOST, "city.example")
            .header(ORIGIN, origin)
            .body(Body::empty())
            .unwrap();
        assert_eq!(state.send(request).await.status.as_u16(), status, "{origin}");
    }
    for cookie in
        ["", "flextraff_refresh=", "flextraff_refresh=zz", &format!("flextraff_refresh={}", "0".repeat(64))]
    {
        state.post_cookie(REFRESH, cookie).await.assert_problem(401, OVER);
    }
}

#[sqlx::test]
async fn a_password_is_changed_by_who_knows_it(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (here, elsewhere) = (state.plain_user(&admin, "ravi").await, state.token("ravi").await);
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        state.request("PUT", "/api/users/me/password", &here, &body).await
    };
    let wrong = change("another phrase", "a quite different phrase").await;
    wrong.assert_problem(400, "Incorrect password");
    assert_eq!(wrong.fields(), ["current_password"]);
    let weak = change(PASSWORD, "ravi@city.example").await;
    assert_eq!((weak.status.as_u16(), weak.fields()), (422, vec!["new_password".to_owned()]));
    assert_eq!(change(PASSWORD, "a quite different phrase").await.status, 204);
    assert_eq!(state.get("/api/users/me", &here).await.status, 200);
    assert_eq!(state.get("/api/users/me", &elsewhere).await.status, 401, "other sessions end");
    assert_eq!(state.sign_in("ravi", PASSWORD).await.status, 401);
    assert_eq!(state.sign_in("ravi", "a quite different phrase").await.status, 200);
    for _ in 0..10 {
        change("another phrase", "a quite different phrase").await;
    }
    assert_eq!(change("another phrase", "a quite different phrase").await.status, 429, "guessing is braked");
}

#[sqlx::test]
async fn a_weaker_hash_is_made_anew_at_the_next_sign_in(db: PgPool) {
    let (state, _) = TestState::with_admin(db.clone()).await;
    // Argon2id with 4 MiB and one pass over "securepassword123".
    let weak = weak_hash();
    sqlx::query("UPDATE users SET password_hash = $1").bind(&weak).execute(&db).await.unwrap();
    assert_eq!(state.sign_in("admin", "wrong password").await.status, 401);
    let stored = async || {
        sqlx::query_scalar::<_, String>("SELECT password_hash FROM users").fetch_one(&db).await.unwrap()
    };
    assert_eq!(stored().await, weak);
    assert_eq!(state.sign_in("admin", PASSWORD).await.status, 200);
    let strong = stored().await;
    assert!(strong.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{strong}");
    assert_eq!(state.sign_in("admin", PASSWORD).await.status, 200);
    assert_eq!(stored().await, strong, "once is enough");
}

/// Carries `request` out up to where it waits for the user's row, and then changes the row by `meanwhile`, as an administrator's request does.
async fn overtaken(db: &PgPool, meanwhile: &str, request: impl Future<Output = Answer>) -> Answer {
    let mut tx = db.begin().await.expect("the database answers");
    sqlx::query("SELECT FROM users FOR UPDATE").execute(&mut *tx).await.expect("the rows are there");
    let overtake = async {
        let deadline = Clock.instant() + Duration::from_secs(10);
        loop {
            let waits: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')",
            )
            .fetch_one(db)
            .await
            .expect("the database answers");
            if waits {
                break;
            }
            assert!(Clock.instant() < deadline, "the request does not come to the row");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sqlx::query(sqlx::AssertSqlSafe(meanwhile.to_owned())).execute(&mut *tx).await.expect("it is done");
        tx.commit().await.expect("it is done");
    };
    tokio::join!(request, overtake).0
}

#[sqlx::test]
async fn a_password_that_is_changed_meanwhile_opens_nothing(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let other = state.app.auth.passwords().hash("a quite different phrase".into()).await.unwrap();
    let change = format!("UPDATE users SET password_hash = '{other}'");
    let set = async |hash: &str| {
        sqlx::query("UPDATE users SET password_hash = $1, is_active = true")
            .bind(hash)
            .execute(&db)
            .await
            .unwrap();
    };
    let stored = async || {
        sqlx::query_scalar::<_, String>("SELECT password_hash FROM users").fetch_one(&db).await.unwrap()
    };
    let sessions =
        async || sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sessions").fetch_one(&db).await.unwrap();
    let (first, before) = (stored().await, sessions().await);
    // Also one whose hash would be made anew, and of a user who is put out.
    let out = "UPDATE users SET is_active = false";
    let weak = weak_hash();
    for (hash, meanwhile) in [(&first, change.as_str()), (&weak, &change), (&first, out)] {
        set(hash).await;
        let answer = overtaken(&db, meanwhile, state.sign_in("admin", PASSWORD)).await;
        answer.assert_problem(401, "Incorrect username or password");
        assert_eq!(sessions().await, before);
        assert_eq!(stored().await, if meanwhile == out { first.clone() } else { other.clone() });
    }

    set(&first).await;
    let body = json!({"current_password": PASSWORD, "new_password": "yet another long phrase"});
    let request = state.request("PUT", "/api/users/me/password", &token, &body);
    let answer = overtaken(&db, &change, request).await;
    assert_eq!((answer.status.as_u16(), answer.fields()), (400, vec!["current_password".to_owned()]));
    assert_eq!(stored().await, other, "the one that was set meanwhile stays");

    set(&first).await;
    let body = json!({"password": PASSWORD});
    let request = state.post("/api/users/me/totp", &token, &body);
    overtaken(&db, &change, request).await.assert_problem(400, "Incorrect password");
    let secret: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT totp_secret FROM users").fetch_one(&db).await.unwrap();
    assert_eq!(secret, None);

    // With the password alone nobody gets in who has a second factor by now.
    set(&first).await;
    let confirmed = "UPDATE users SET totp_secret = 'x', totp_confirmed = true";
    let answer = overtaken(&db, confirmed, state.sign_in("admin", PASSWORD)).await;
    assert_eq!((answer.status.as_u16(), sessions().await), (401, before));
}

fn weak_hash() -> String {
    use argon2::password_hash::PasswordHasher;
    let params = argon2::Params::new(4096, 1, 1, None).expect("the answer is as documented");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password(PASSWORD.as_bytes()).expect("the answer is as documented").to_string()
}

#[sqlx::test]
async fn the_own_sessions_page(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    // All at one moment, as by a script: the id decides what comes next.
    sqlx::query(
        "INSERT INTO sessions (user_id, expires_at, created_at, last_used_at)
         SELECT user_id, now() + interval '1 day', now() - interval '1 hour', now() FROM users, generate_series(1, 700)",
    )
    .execute(&db)
    .await
    .unwrap();
    let mut path = "/api/users/me/sessions".to_owned();
    let (mut seen, mut pages) = (std::collections::BTreeSet::new(), 0);
    loop {
        let answer = state.get(&path, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let rows = answer.json();
        for row in rows.as_array().unwrap() {
            assert!(seen.insert(row["session_id"].as_str().unwrap().to_owned()), "none comes twice");
        }
        pages += 1;
        if answer.header("link").is_empty() {
            break;
        }
        path = answer.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!((seen.len(), pages), (701, 2), "none is left out");
    assert_eq!(state.get("/api/users/me/sessions?limit=0", &token).await.status, 422);
}

#[sqlx::test]
async fn no_session_ends_without_a_line_in_the_audit_log(db: PgPool) {
    let (state, other) = TestState::with_admin(db.clone()).await;
    let run = async |statement: &'static str| {
        sqlx::query(statement).execute(&db).await.expect("the user of the tests may do so");
    };
    let refuses = async || {
        run("CREATE TRIGGER refuses BEFORE INSERT ON audit_log EXECUTE FUNCTION refuses()").await;
    };
    let takes = async || run("DROP TRIGGER refuses ON audit_log").await;
    run("CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no line'; END $$")
        .await;
    let lines = async |action: &str| {
        let answer = state.get(&format!("/api/audit?action={action}"), &other).await.json();
        answer.as_array().expect("it is a list").len()
    };

    let token = token_of(&state.sign_in("admin", PASSWORD).await);
    refuses().await;
    assert_eq!(state.request("POST", "/api/users/logout", &token, &Value::Null).await.status, 500);
    takes().await;
    assert_eq!(
        (state.get("/api/users/me", &token).await.status.as_u16(), lines("session.end").await),
        (200, 0)
    );
    assert_eq!(state.request("POST", "/api/users/logout", &token, &Value::Null).await.status, 204);
    assert_eq!(lines("session.end").await, 1);

    let stolen = state.sign_in("admin", PASSWORD).await.cookie();
    let token = token_of(&state.post_cookie(REFRESH, &stolen).await);
    refuses().await;
    assert_eq!(state.post_cookie(REFRESH, &stolen).await.status, 500);
    takes().await;
    assert_eq!(lines("session.reused").await, 0);
    state.post_cookie(REFRESH, &stolen).await.assert_problem(401, OVER);
    assert_eq!(lines("session.reused").await, 1, "whoever shows it again is told of");
    state.get("/api/users/me", &token).await.assert_problem(401, "Could not validate credentials");
}
