//! The configuration in force, as administrators see it.

use crate::state::{PASSWORD, TestState};
use flextraff_server::config::Config;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test]
async fn administrators_see_the_configuration_and_where_it_comes_from_but_no_secret(db: PgPool) {
    let file = "[alarms]\nwebhook_url = \"https://hooks.example/services/hunter2\"\n";
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let variables = [variable("FLEXTRAFF_MQTT__URL", "mqtt://server:hunter2@broker.example")];
    let config = Config::read(Some(("/etc/flextraff/server.toml", file)), variables).expect("both are right");
    let state = TestState::with_config(db, config);
    let body = json!({"username": "admin", "email": "a@x.example", "password": PASSWORD, "is_admin": true});
    assert_eq!(state.post("/api/users/register", "", &body).await.status, 201);
    let admin = state.token("admin").await;
    let answer = state.get("/api/settings", &admin).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    let rows = answer.json();
    let shown = |section: &str, key: &str| {
        let rows = rows.as_array().expect("the answer is as documented");
        let row = rows.iter().find(|row| row["section"] == section && row["key"] == key);
        row.expect("every key is there").clone()
    };
    assert_eq!(
        shown("mqtt", "url"),
        json!({
            "section": "mqtt", "key": "url", "value": "mqtt://server:***@broker.example",
            "origin": "environment", "place": "FLEXTRAFF_MQTT__URL",
        })
    );
    let webhook = shown("alarms", "webhook_url");
    assert_eq!(
        (&webhook["value"], &webhook["origin"], &webhook["place"]),
        (&json!("https://hooks.example/***"), &json!("file"), &json!("/etc/flextraff/server.toml:2"))
    );
    let minutes = shown("auth", "access_token_minutes");
    assert_eq!(
        (&minutes["value"], &minutes["origin"], &minutes["place"]),
        (&json!(30), &json!("default"), &Value::Null)
    );

    let ravi = state.plain_user(&admin, "ravi").await;
    state.get("/api/settings", &ravi).await.assert_problem(403, "Not enough privileges");
    state.get("/api/settings", "").await.assert_problem(401, "Not authenticated");
}
