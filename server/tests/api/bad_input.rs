//! What nobody should send, at every endpoint of the document: without a token, at another one's junction, with ids that nobody has, with text
//! that means something elsewhere; and a database that is away or full.

use crate::state::{PASSWORD, TestState};
use flextraff_server::api;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool};
use std::time::Duration;

const NOBODY: &str = "00000000-0000-4000-8000-00000000dead";

/// Method and path of every operation, and what it is in the document.
fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(api::document()).expect("the document is JSON");
    let paths = document["paths"].as_object().expect("there are paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("each has methods") {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

/// A path with an id in each place.
fn filled(path: &str, id: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    for part in path.split('/').skip(1) {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        filled.push('/');
        filled.push_str(&name.map_or_else(|| part.to_owned(), &id));
    }
    filled
}

/// The query that an operation cannot do without, with the first word that it takes.
fn query(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let needed = parameters.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let pairs: Vec<String> = needed
        .map(|parameter| {
            let word = parameter["schema"]["enum"][0].as_str().expect("it takes some words");
            format!("{}={word}", parameter["name"].as_str().expect("it has a name"))
        })
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[sqlx::test]
async fn a_mistyped_field_is_told_and_changes_nothing(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    let path = format!("/api/junctions/{id}");
    let before = state.get(&path, &admin).await.json();
    let place = json!({"junction_name": "Other", "city": "Pune", "latitude": 18.5, "longitude": 73.8, "max_cycle_tme": 90});
    let mode = json!({"total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25, "expires_in_minuts": 5});
    for (method, to, body, wrong, meant) in [
        ("POST", "/api/junctions/".to_owned(), place, "max_cycle_tme", "max_cycle_time"),
        ("PATCH", path.clone(), json!({"max_cycle_tme": 90}), "max_cycle_tme", "max_cycle_time"),
        ("PUT", format!("{path}/mode"), mode, "expires_in_minuts", "expires_in_minutes"),
        ("PUT", format!("{path}/lanes"), json!({"lanes": before["lanes"], "stagse": []}), "stagse", "stages"),
    ] {
        let answer = state.request(method, &to, &admin, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.fields().last().map(String::as_str)),
            (422, Some(wrong)),
            "{}",
            answer.text
        );
        assert!(answer.text.contains(&format!("did you mean \\\"{meant}\\\"?")), "{}", answer.text);
    }
    assert_eq!(state.get(&path, &admin).await.json(), before);
    assert_eq!(state.get("/api/junctions/", &admin).await.json().as_array().unwrap().len(), 1);
    // What programs for OAuth 2 send along is passed over, as its standard wants.
    let answer = state.sign_in_with("admin", PASSWORD, "&grant_type=password&scope=&client_id=x").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[sqlx::test]
async fn without_a_token_nothing_that_needs_one_answers(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    let mut asked = 0;
    for (method, path, operation) in operations() {
        let open = json!({});
        let security = operation["security"].as_array();
        if security.is_none_or(|ways| ways.contains(&open)) {
            continue;
        }
        let path = filled(&path, |_| junction.clone());
        for token in ["", "a.b.c"] {
            let answer = state.request(&method, &path, token, &json!({})).await;
            assert_eq!(answer.status, 401, "{method} {path} {token}: {}", answer.text);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{method} {path}");
        }
        asked += 1;
    }
    assert!(asked > 60, "{asked}");
}

#[sqlx::test]
async fn at_another_ones_junction_nobody_sees_or_does_anything(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let (own, other) = (state.junction(&admin, "Own").await, state.junction(&admin, "Other").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &own, "operator").await;
    let before = state.get("/api/junctions/export", &admin).await.text;
    let mut asked = 0;
    for (method, path, operation) in operations() {
        if !path.contains("{junction_id}") && !path.contains("{from_junction}") {
            continue;
        }
        let path = filled(&path, |name| if name == "user_id" { NOBODY.to_owned() } else { other.clone() })
            + &query(&operation);
        let answer = state.request(&method, &path, &ravi, &json!({})).await;
        // What a body says is looked at first at some; that it is empty tells nothing of the junction.
        let refused =
            answer.status == 403 || (answer.status == 422 && !["GET", "DELETE"].contains(&method.as_str()));
        assert!(refused, "{method} {path}: {} {}", answer.status, answer.text);
        assert!(!answer.text.contains("Other"), "{method} {path}: {}", answer.text);
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
    assert_eq!(state.get("/api/junctions/export", &admin).await.text, before);
}

#[sqlx::test]
async fn ids_that_nobody_has_are_not_found_and_words_are_no_ids(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    for (method, path, operation) in operations() {
        if !path.contains('{') || path.contains("{city}") || !operation["requestBody"].is_null() {
            continue;
        }
        let unknown = state
            .request(
                &method,
                &(filled(&path, |_| NOBODY.to_owned()) + &query(&operation)),
                &admin,
                &Value::Null,
            )
            .await;
        assert_eq!(unknown.status, 404, "{method} {path}: {}", unknown.text);
        for word in ["1", "-1", "null", "%00", "..%2F..%2Fetc", "'%20OR%201=1--", &"x".repeat(2000)] {
            let answer = state
                .request(
                    &method,
                    &(filled(&path, |_| word.to_owned()) + &query(&operation)),
                    &admin,
                    &Value::Null,
                )
                .await;
            assert_eq!(answer.status, 422, "{method} {path} {word}: {}", answer.text);
        }
    }
}

#[sqlx::test]
async fn text_that_means_something_elsewhere_is_only_text(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    for name in [
        "Robert'); DROP TABLE junctions;--",
        "<script>alert(1)</script>",
        "\"; DELETE FROM users; --",
        "{{constructor.constructor('x')()}}",
        "%s%n${jndi:ldap://x}\\",
        "\u{202e}gnirts",
        "चौराहा १",
    ] {
        let id = state.junction(&admin, name).await;
        let path = format!("/api/junctions/{id}");
        let answer = state.get(&path, &admin).await;
        assert_eq!(answer.json()["junction_name"], name);
        assert_eq!(
            (answer.header("content-type"), answer.header("x-content-type-options")),
            ("application/json", "nosniff")
        );
        let renamed = state.request("PATCH", &path, &admin, &json!({"city": name})).await;
        assert_eq!((renamed.status.as_u16(), &renamed.json()["city"]), (200, &json!(name)));
        let file = state.get(&format!("{path}/agent.toml"), &admin).await;
        assert!(file.status == 200 && file.text.parse::<toml::Table>().is_ok(), "{name}: {}", file.text);
    }
    for query in [
        "/api/audit?action=x'%20OR%20'1'='1",
        "/api/audit?user_id=00000000-0000-0000-0000-000000000000",
        "/api/alarms?open=true",
    ] {
        assert_eq!(state.get(query, &admin).await.json(), json!([]), "{query}");
    }
    let export = state.get("/api/audit/export?action=junction.create", &admin).await;
    assert_eq!(export.text.lines().count(), 8);
    assert_eq!(state.get("/api/junctions/", &admin).await.json().as_array().map(Vec::len), Some(7));
}

#[sqlx::test]
async fn times_and_numbers_that_do_not_fit_are_refused(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let id = state.junction(&admin, "Main").await;
    for list in ["cycles", "counts", "plans", "overrides"] {
        for query in [
            "from=-1",
            "from=yesterday",
            "to=2026-13-01T00:00:00Z",
            "from=2026-01-01",
            "from=-262143-01-01T00:00:00Z",
            "to=%2B262143-01-01T00:00:00Z",
            "limit=-1",
            "limit=99999999999999999999",
            "limit=1e3",
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from=%00",
        ] {
            let answer = state.get(&format!("/api/junctions/{id}/{list}?{query}"), &admin).await;
            assert_eq!(answer.status, 422, "{list} {query}: {}", answer.text);
        }
    }
    for query in ["from=-262143-01-01T00:00:00Z", "to=%2B262143-01-01T00:00:00Z"] {
        assert_eq!(state.get(&format!("/api/audit?{query}"), &admin).await.status, 422, "{query}");
    }
    let path = format!("/api/junctions/{id}");
    for body in [
        r#"{"max_cycle_time": 2147483648}"#,
        r#"{"max_cycle_time": -1}"#,
        r#"{"max_cycle_time": 1e400}"#,
        r#"{"latitude": 1e400}"#,
        r#"{"latitude": "19"}"#,
        r#"{"junction_name": "a\u0000b"}"#,
        r#"{"junction_name": "\ud800"}"#,
        r#"{"time_zone": "Mars/Olympus"}"#,
        r#"{"city": {"$gt": ""}}"#,
        "{\"city\": \"\u{7}\"}",
        &"[".repeat(100_000),
        &format!("{{\"city\": {}1{}}}", "[".repeat(200), "]".repeat(200)),
    ] {
        let request = axum::http::Request::patch(&path)
            .header("authorization", format!("Bearer {admin}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_owned()));
        let answer = state.send(request.expect("the request is well formed")).await;
        assert_eq!(answer.status, 422, "{:.60}: {:.300}", body, answer.text);
        assert!(answer.text.len() < 2000, "{}", answer.text.len());
    }
}

#[sqlx::test]
async fn texts_within_lists_are_refused_by_the_same_rules(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let id = state.junction(&admin, "Main").await;
    let other = state.junction(&admin, "Next").await;
    let long = "x".repeat(5000);
    for bad in ["\u{0}", "a\u{0}b", "a\nb", long.as_str()] {
        for (path, body, field) in [
            (
                format!("/api/junctions/{id}/mode"),
                json!({"stages": [{"stage": bad, "green_s": 20}]}),
                "stages",
            ),
            (format!("/api/junctions/{id}/lanes"), json!({"lanes": [{"lane_name": bad}]}), "lanes"),
            (format!("/api/junctions/{id}/stages"), json!({"stages": [], "signal": {bad: bad}}), "signal"),
            (format!("/api/junctions/{id}/schedule"), json!({"entries": [{"name": bad}]}), "entries"),
            (format!("/api/links/{id}/{other}"), json!({"from_lanes": [bad]}), "from_lanes"),
            (
                "/api/holidays/Mumbai".to_owned(),
                json!({"holidays": [{"date": "2026-12-25", "name": bad}]}),
                "holidays",
            ),
        ] {
            let answer = state.request("PUT", &path, &admin, &body).await;
            assert_eq!(answer.status, 422, "{path} {field}: {:.300}", answer.text);
            let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
            assert!(
                errors.iter().any(|error| error["field"] == field),
                "{path} {field}: {:.300}",
                answer.text
            );
            assert!(answer.text.len() < 2000, "{}", answer.text.len());
        }
    }
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'junction.mode'")
        .fetch_one(&db)
        .await
        .expect("the log is there");
    assert_eq!(kept, 0, "what could not be read was not asked for");
}

#[sqlx::test]
async fn a_database_that_is_away_is_told_and_found_again(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let options = db.connect_options();
    let name = options.get_database().expect("it has a name").to_owned();
    let mut other = (*options).clone().database("postgres").connect().await.expect("it is there");
    let allow =
        |allowed: bool| AssertSqlSafe(format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {allowed}"));
    sqlx::query(allow(false)).execute(&mut other).await.expect("the user of the tests may do so");
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
        .bind(&name)
        .execute(&mut other)
        .await
        .expect("the user of the tests may do so");
    for _ in 0..3 {
        let answer = state.get("/api/users/me", &admin).await;
        answer.assert_problem(503, "The database cannot be reached; try again in a few seconds");
        assert_eq!(answer.header("retry-after"), "5");
    }
    sqlx::query(allow(true)).execute(&mut other).await.expect("the user of the tests may do so");
    assert_eq!(state.get("/api/users/me", &admin).await.status, 200, "without a restart");
}

/// Returns when somebody waits for a lock.
async fn somebody_waits(db: &PgPool) {
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
    let wait = async {
        while !sqlx::query_scalar::<_, bool>(waits).fetch_one(db).await.expect("it answers") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("somebody waits");
}

#[sqlx::test]
async fn what_is_deleted_between_look_and_deed_is_not_found(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let other = state.junction(&admin, "Other").await;
    for (at, what) in ["a user's access", "access to a junction", "a link", "a device"].iter().enumerate() {
        let junction = state.junction(&admin, &format!("Main {at}")).await;
        let name = format!("ravi{at}");
        state.plain_user(&admin, &name).await;
        let user: String = sqlx::query_scalar("SELECT user_id::text FROM users WHERE username = $1")
            .bind(&name)
            .fetch_one(&db)
            .await
            .expect("he is there");
        let (delete, gone) = match at {
            0 => ("DELETE FROM users WHERE user_id = $1::uuid", &user),
            _ => ("DELETE FROM junctions WHERE junction_id = $1::uuid", &junction),
        };
        let (method, path, body) = match at {
            0 | 1 => ("PUT", format!("/api/users/{user}/access/{junction}"), json!({"role": "observer"})),
            2 => (
                "PUT",
                format!("/api/links/{other}/{junction}"),
                json!({"distance_m": 350, "free_flow_s": 30}),
            ),
            _ => (
                "POST",
                "/api/devices".to_owned(),
                json!({"junction_id": junction, "device_type": "junction"}),
            ),
        };
        let mut deleting = db.begin().await.expect("the database is there");
        sqlx::query(delete).bind(gone).execute(&mut *deleting).await.expect("it is there");
        // The look still finds it, and the deed waits for what becomes of it; that of a link is one of the lanes, and waits itself.
        let asked = state.request(method, &path, &admin, &body);
        let gone = async {
            somebody_waits(&db).await;
            deleting.commit().await.expect("the database is there");
        };
        let (answer, ()) = tokio::join!(asked, gone);
        assert_eq!(answer.status, 404, "{what}: {}", answer.text);
        let told = if at == 2 { "Junction not found" } else { "has been deleted meanwhile" };
        assert!(answer.detail().ends_with(told), "{what}: {}", answer.text);
    }
}

#[sqlx::test]
async fn a_full_database_refuses_and_keeps_what_it_has(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    state.junction(&admin, "Before").await;
    let run = async |statement: &'static str| {
        sqlx::query(statement).execute(&db).await.expect("the user of the tests may do so");
    };
    run("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$").await;
    run("CREATE TRIGGER no_room BEFORE INSERT ON lanes EXECUTE FUNCTION no_room()").await;
    let body = json!({"junction_name": "After", "city": "Mumbai", "latitude": 19, "longitude": 72});
    let answer = state.post("/api/junctions/", &admin, &body).await;
    answer.assert_problem(
        503,
        "The disk of the database is full: nothing can be stored until an administrator makes room",
    );
    let health = state.get("/health", "").await;
    assert_eq!((health.status.as_u16(), &health.json()["database"]), (503, &json!("connected")));
    let told = health.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(told.starts_with("The disk of the database is full"), "{}", health.text);
    assert_eq!(state.get("/readyz", "").await.status, 200, "what is there can be read");
    let figures = state.get("/metrics", "").await.text;
    assert!(figures.lines().any(|line| line == "flextraff_database_full 1"), "{figures}");
    assert_eq!(
        state.get("/api/junctions/", &admin).await.json().as_array().map(Vec::len),
        Some(1),
        "all of it or nothing"
    );
    run("DROP TRIGGER no_room ON lanes").await;
    assert_eq!(state.post("/api/junctions/", &admin, &body).await.status, 201, "without a restart");
}
