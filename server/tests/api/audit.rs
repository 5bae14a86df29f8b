//! Who did what.

use crate::state::{PASSWORD, TestState};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sqlx::PgPool;

async fn actions(state: &TestState, admin: &str, filter: &str) -> Vec<String> {
    let answer = state.get(&format!("/api/audit?{filter}"), admin).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let lines = answer.json();
    let mut actions: Vec<String> = lines
        .as_array()
        .expect("the answer is as documented")
        .iter()
        .map(|line| line["action"].as_str().expect("the answer is as documented").to_owned())
        .collect();
    actions.reverse();
    actions
}

#[sqlx::test]
async fn every_change_is_written_down_with_who_and_what(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let ravi = state.plain_user(&admin, "ravi").await;
    let id = state.get("/api/users/me", &ravi).await.json()["user_id"].as_str().unwrap().to_owned();
    let junction = state.junction(&admin, "Main").await;
    let access = format!("/api/users/{id}/access/{junction}");
    state.request("PUT", &access, &admin, &json!({"role": "operator"})).await;
    state.request("DELETE", &access, &admin, &Value::Null).await;
    let body = json!({"full_name": "Ravi", "password": "a quite different phrase"});
    state.request("PATCH", &format!("/api/users/{id}"), &admin, &body).await;
    state.sign_in("ravi", PASSWORD).await;
    state.sign_in("nobody", PASSWORD).await;
    state.request("DELETE", &format!("/api/users/{id}"), &admin, &Value::Null).await;
    let expected = [
        "user.create",
        "session.begin",
        "user.create",
        "session.begin",
        "junction.create",
        "access.grant",
        "access.revoke",
        "user.update",
        "session.refuse",
        "session.refuse",
        "user.delete",
    ];
    assert_eq!(actions(&state, &admin, "").await, expected);
    let lines = state.get("/api/audit?action=user", &admin).await.json();
    let update = &lines[1];
    assert_eq!((&update["username"], &update["target"]), (&json!("admin"), &json!("ravi")));
    assert_eq!(update["detail"], json!({"full_name": "Ravi", "password": "changed"}));
    assert!(!lines.to_string().contains("different phrase"));

    assert_eq!(actions(&state, &admin, "action=access").await, ["access.grant", "access.revoke"]);
    assert_eq!(actions(&state, &admin, &format!("junction_id={junction}")).await.len(), 3);
    assert_eq!(actions(&state, &admin, &format!("user_id={id}")).await, ["session.begin", "session.refuse"]);
    assert_eq!(actions(&state, &admin, "from=2100-01-01T00:00:00Z").await, [""; 0]);
    assert_eq!(actions(&state, &admin, "to=2100-01-01T00:00:00Z").await.len(), 11);
    let refused = state.get("/api/audit?action=session.refuse", &admin).await.json();
    assert_eq!((&refused[0]["username"], &refused[1]["username"]), (&Value::Null, &json!("ravi")));
    for bad in ["user_id=x", "from=yesterday", "action=%00", "limit=0", "cursor=00"] {
        assert_eq!(state.get(&format!("/api/audit?{bad}"), &admin).await.status, 422, "{bad}");
    }
}

#[sqlx::test]
async fn a_mode_leaves_a_trace_also_when_nothing_comes_of_it(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    let body = json!({"mode": "automatic", "reason": "Procession"});
    state.request("PUT", &format!("/api/junctions/{junction}/mode"), &admin, &body).await;
    let lines = state.get("/api/audit?action=junction.mode", &admin).await.json();
    assert_eq!((&lines[0]["junction_id"], &lines[0]["detail"]), (&json!(junction), &body));
}

#[sqlx::test]
async fn pages_and_the_export_hold_the_same_lines(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    sqlx::query(
        "INSERT INTO audit_log (action, target) SELECT 'test.line', 'line ' || n FROM generate_series(1, 2500) AS n",
    )
    .execute(&db)
    .await
    .unwrap();
    let mut path = "/api/audit?action=test&limit=1000".to_owned();
    let mut seen = Vec::new();
    while !path.is_empty() {
        let answer = state.get(&path, &admin).await;
        seen.extend(answer.json().as_array().unwrap().iter().map(|line| line["target"].clone()));
        path = answer.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!((seen.len(), &seen[0], &seen[2499]), (2500, &json!("line 2500"), &json!("line 1")));
    let export = state.get("/api/audit/export?action=test", &admin).await;
    assert_eq!(export.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = export.text.lines().collect();
    assert_eq!(lines.len(), 2501);
    assert!(
        lines[0].starts_with("audit_id,at,user_id") && lines[1].contains(",test.line,,line 2500,"),
        "{}",
        lines[1]
    );
    let packed = Request::get("/api/audit/export?action=test")
        .header("authorization", format!("Bearer {admin}"))
        .header("accept-encoding", "gzip")
        .body(Body::empty())
        .unwrap();
    let packed = state.send(packed).await;
    assert_eq!((packed.status.as_u16(), packed.header("content-encoding")), (200, "gzip"));
    assert!(!packed.text.is_empty());
}

#[sqlx::test]
async fn nobody_rewrites_it(db: PgPool) {
    TestState::with_admin(db.clone()).await;
    for statement in ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"] {
        let error = sqlx::query(statement).execute(&db).await.unwrap_err();
        assert!(error.to_string().contains("the audit log is only written to the end"), "{error}");
    }
}
