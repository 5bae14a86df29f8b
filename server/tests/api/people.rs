//! What administrators change about people.

use crate::second_factor::set_up;
use crate::state::{PASSWORD, TestState};
use flextraff_server::cmd::user::{self, Named};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;

async fn id_of(state: &TestState, admin: &str, name: &str) -> String {
    let users = state.get("/api/users/", admin).await.json();
    let user = users
        .as_array()
        .expect("the answer is as documented")
        .iter()
        .find(|user| user["username"] == name)
        .expect("the answer is as documented");
    user["user_id"].as_str().expect("the answer is as documented").to_owned()
}

#[sqlx::test]
async fn an_administrator_changes_what_is_named_and_nothing_else(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    state.plain_user(&admin, "ravi").await;
    let path = format!("/api/users/{}", id_of(&state, &admin, "ravi").await);
    let change = json!({"full_name": "Ravi K", "email": "r.k@city.example"});
    let answer = state.request("PATCH", &path, &admin, &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let user = answer.json();
    assert_eq!((&user["full_name"], &user["email"]), (&json!("Ravi K"), &json!("r.k@city.example")));
    assert_eq!((&user["is_admin"], &user["is_active"]), (&json!(false), &json!(true)));
    let answer = state.request("PATCH", &path, &admin, &json!({"full_name": null})).await;
    assert_eq!(
        (&answer.json()["full_name"], &answer.json()["email"]),
        (&Value::Null, &json!("r.k@city.example"))
    );
    let answer = state.request("PATCH", &path, &admin, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(state.get(&path, &admin).await.json(), answer.json());
    let taken = state.request("PATCH", &path, &admin, &json!({"email": "ADMIN@flextraff.com"})).await;
    taken.assert_problem(400, "Username or email already registered");
    for (bad, field) in [
        (json!({"email": "x"}), "email"),
        (json!({"email": null}), "email"),
        (json!({"full_name": "a\u{0}"}), "full_name"),
        (json!({"is_admin": 1}), "is_admin"),
        (json!({"is_active": null}), "is_active"),
        (json!({"password": "short"}), "password"),
        (json!({"password": "r.k@city.example"}), "password"),
    ] {
        let answer = state.request("PATCH", &path, &admin, &bad).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]), "{bad}");
    }
    for (path, status) in [("/api/users/00000000-0000-0000-0000-000000000001", 404), ("/api/users/x", 422)] {
        assert_eq!(state.request("PATCH", path, &admin, &json!({})).await.status, status);
        assert_eq!(state.request("DELETE", path, &admin, &Value::Null).await.status, status);
        assert_eq!(state.get(path, &admin).await.status, status);
    }
}

#[sqlx::test]
async fn who_is_disabled_or_deleted_is_out_at_once(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    for (name, method, change) in
        [("ravi", "PATCH", json!({"is_active": false})), ("asha", "DELETE", Value::Null)]
    {
        let token = state.plain_user(&admin, name).await;
        let path = format!("/api/users/{}", id_of(&state, &admin, name).await);
        assert!(state.request(method, &path, &admin, &change).await.status.is_success());
        state.get("/api/users/me", &token).await.assert_problem(401, "Could not validate credentials");
    }
    state.sign_in("ravi", PASSWORD).await.assert_problem(400, "Inactive user");
    state.sign_in("asha", PASSWORD).await.assert_problem(401, "Incorrect username or password");
    let path = format!("/api/users/{}", id_of(&state, &admin, "ravi").await);
    state.request("PATCH", &path, &admin, &json!({"is_active": true})).await;
    assert_eq!(state.sign_in("ravi", PASSWORD).await.status, 200);
}

#[sqlx::test]
async fn a_new_password_ends_all_sessions(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let token = state.plain_user(&admin, "ravi").await;
    let path = format!("/api/users/{}", id_of(&state, &admin, "ravi").await);
    let change = json!({"password": "a quite different phrase"});
    assert_eq!(state.request("PATCH", &path, &admin, &change).await.status, 200);
    assert_eq!(state.get("/api/users/me", &token).await.status, 401);
    assert_eq!(state.sign_in("ravi", PASSWORD).await.status, 401);
    assert_eq!(state.sign_in("ravi", "a quite different phrase").await.status, 200);
}

#[sqlx::test]
async fn an_administrator_signs_somebody_out(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let ravi = state.plain_user(&admin, "ravi").await;
    let path = format!("/api/users/{}/sessions", id_of(&state, &admin, "ravi").await);
    let refused = state.request("DELETE", &path, &ravi, &Value::Null).await;
    refused.assert_problem(403, "Not enough privileges");
    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 204);
    assert_eq!(state.get("/api/users/me", &ravi).await.status, 401);
    assert_eq!(state.get("/api/users/me", &admin).await.status, 200, "others stay signed in");
    assert_eq!(state.sign_in("ravi", PASSWORD).await.status, 200);
    let log = state.get("/api/audit?action=session.end_all", &admin).await.json();
    assert_eq!((&log[0]["target"], &log[0]["detail"]), (&json!("ravi"), &json!({"sessions": 1})));
    state.request("DELETE", &path, "", &Value::Null).await.assert_problem(401, "Not authenticated");
    for (id, status) in [("00000000-0000-0000-0000-000000000001", 404), ("x", 422)] {
        let path = format!("/api/users/{id}/sessions");
        assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, status);
    }
}

#[sqlx::test]
async fn somebody_is_always_left_to_administer(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let path = format!("/api/users/{}", id_of(&state, &admin, "admin").await);
    for (method, change) in [
        ("PATCH", json!({"is_admin": false})),
        ("PATCH", json!({"is_active": false})),
        ("DELETE", Value::Null),
    ] {
        let answer = state.request(method, &path, &admin, &change).await;
        answer.assert_problem(409, "This is the last active administrator: make somebody else one first");
    }
    let body = json!({"username": "second", "email": "s@x.example", "password": PASSWORD, "is_admin": true});
    assert_eq!(state.post("/api/users/register", &admin, &body).await.status, 201);
    let second = format!("/api/users/{}", id_of(&state, &admin, "second").await);
    let second_token = state.token("second").await;
    // Each takes the other out at the same time.
    let out = json!({"is_admin": false});
    let answers = join_all([
        state.request("PATCH", &second, &admin, &out),
        state.request("PATCH", &path, &second_token, &out),
    ])
    .await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE is_admin AND is_active")
        .fetch_one(&state.app.db)
        .await
        .unwrap();
    assert_eq!((done, left), (1, 1));
}

#[sqlx::test]
async fn others_change_nobody(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let token = state.plain_user(&admin, "ravi").await;
    let id = id_of(&state, &admin, "ravi").await;
    for (method, path) in [
        ("GET", format!("/api/users/{id}")),
        ("PATCH", format!("/api/users/{id}")),
        ("DELETE", format!("/api/users/{id}")),
        ("DELETE", format!("/api/users/{id}/totp")),
        ("GET", format!("/api/users/{id}/access")),
        ("PUT", format!("/api/users/{id}/access/{id}")),
        ("GET", "/api/audit".to_owned()),
        ("GET", "/api/audit/export".to_owned()),
    ] {
        let body = if method == "PATCH" || method == "PUT" { json!({"is_admin": true}) } else { Value::Null };
        state.request(method, &path, &token, &body).await.assert_problem(403, "Not enough privileges");
        state.request(method, &path, "", &body).await.assert_problem(401, "Not authenticated");
    }
}

#[sqlx::test]
async fn the_commands_change_people_as_well(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let token = state.plain_user(&admin, "ravi").await;
    set_up(&state, "ravi", &token).await;
    let named = |name: &str| Named { username: name.to_owned() };
    let error = user::set_password(&db, &named("ravi"), "short".into()).await.unwrap_err();
    assert!(error.to_string().contains("at least 12 characters"), "{error}");
    user::set_password(&db, &named("RAVI"), "a quite different phrase".into()).await.unwrap();
    assert_eq!(state.get("/api/users/me", &token).await.status, 401);
    assert_eq!(state.sign_in("ravi", "a quite different phrase").await.fields(), ["totp"]);
    user::reset_totp(&db, &named("ravi")).await.unwrap();
    assert_eq!(state.sign_in("ravi", "a quite different phrase").await.status, 200);
    user::set_active(&db, &named("ravi"), false).await.unwrap();
    assert_eq!(state.sign_in("ravi", "a quite different phrase").await.status, 400);
    user::set_active(&db, &named("ravi"), true).await.unwrap();
    let last = user::set_active(&db, &named("admin"), false).await.unwrap_err();
    assert!(last.to_string().contains("last active administrator"), "{last}");
    let unknown = user::reset_totp(&db, &named("nobody")).await.unwrap_err();
    assert!(unknown.to_string().contains("there is no user \"nobody\""), "{unknown}");
    let by_command: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE username = '(command line)'")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(by_command, 4);
}
