//! Who may see and operate which junction, as administrators decide.

use crate::state::TestState;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test]
async fn access_is_given_changed_and_taken_away(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let token = state.plain_user(&admin, "ravi").await;
    let id = state.get("/api/users/me", &token).await.json()["user_id"].as_str().unwrap().to_owned();
    let junction = state.junction(&admin, "Main").await;
    let other = state.junction(&admin, "Other").await;
    let (path, place) = (format!("/api/users/{id}/access/{junction}"), format!("/api/junctions/{junction}"));
    state.get(&place, &token).await.assert_problem(403, "No access to this junction");
    state.get(&path, &admin).await.assert_problem(404, "The user has no access to this junction");

    let answer = state.request("PUT", &path, &admin, &json!({"role": "observer"})).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"role": "observer"})));
    assert_eq!(state.get(&place, &token).await.status, 200);
    let mode = format!("{place}/mode");
    let automatic = json!({"mode": "automatic"});
    state.request("PUT", &mode, &token, &automatic).await.assert_problem(403, "Not enough privileges");
    assert_eq!(state.get("/api/junctions/", &token).await.json().as_array().unwrap().len(), 1);

    assert_eq!(state.request("PUT", &path, &admin, &json!({"role": "operator"})).await.status, 200);
    assert_ne!(state.request("PUT", &mode, &token, &automatic).await.status, 403);
    let list = state.get(&format!("/api/users/{id}/access"), &admin).await.json();
    assert_eq!((&list[0]["junction_name"], &list[0]["role"]), (&json!("Main"), &json!("operator")));
    assert!(list[0]["granted_by"].is_string() && list[1].is_null(), "{list}");
    assert_eq!(state.get("/api/users/me/access", &token).await.json(), list, "the same, as the user sees it");
    assert_eq!(state.get("/api/users/me/access", &admin).await.json(), json!([]));
    state.get("/api/users/me/access", "").await.assert_problem(401, "Not authenticated");
    state.grant("ravi", &other, "observer").await;
    for (own, token) in [("/api/users/me/access", &token), (&*format!("/api/users/{id}/access"), &admin)] {
        let all = state.get(own, token).await.json();
        assert_eq!(
            (all.as_array().unwrap().len(), state.by_pages_of_one(own, token).await),
            (2, all),
            "{own}"
        );
    }

    assert_eq!(state.request("DELETE", &path, &admin, &Value::Null).await.status, 204);
    state.get(&place, &token).await.assert_problem(403, "No access to this junction");
    let again = state.request("DELETE", &path, &admin, &Value::Null).await;
    again.assert_problem(404, "The user has no access to this junction");
}

#[sqlx::test]
async fn what_is_wrong_with_a_grant_is_named(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.get("/api/users/me", &admin).await.json()["user_id"].as_str().unwrap().to_owned();
    let junction = state.junction(&admin, "Main").await;
    let nobody = "00000000-0000-0000-0000-000000000001";
    let observer = json!({"role": "observer"});
    for (path, body, status) in [
        (format!("/api/users/{nobody}/access/{junction}"), &observer, 404),
        (format!("/api/users/{id}/access/{nobody}"), &observer, 404),
        (format!("/api/users/{id}/access/x"), &observer, 422),
        (format!("/api/users/{id}/access/{junction}"), &json!({"role": "admin"}), 422),
        (format!("/api/users/{id}/access/{junction}"), &json!({}), 422),
    ] {
        let answer = state.request("PUT", &path, &admin, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}: {}", answer.text);
    }
}
