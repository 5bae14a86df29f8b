//! Health, headers, documents and the pages for people.

use crate::state::TestState;
use axum::body::Body;
use axum::http::Request;
use flextraff_server::config::Config;
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test]
async fn the_root_greets_programs_and_sends_browsers_to_the_pages(db: PgPool) {
    let state = TestState::new(db);
    let program = Request::get("/").header("accept", "*/*").body(Body::empty()).unwrap();
    assert_eq!(
        state.send(program).await.json(),
        json!({"message": "Flextraff API v1.0", "status": "online"})
    );
    let browser =
        Request::get("/").header("accept", "text/html,application/xhtml+xml").body(Body::empty()).unwrap();
    let answer = state.send(browser).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/app/"));
}

#[sqlx::test]
async fn health_tells_the_truth(db: PgPool) {
    let state = TestState::new(db);
    let health = async || {
        let answer = state.get("/health", "").await;
        (answer.status.as_u16(), answer.json())
    };
    let well = json!({"status": "healthy", "database": "connected", "mqtt": "connected"});
    assert_eq!(health().await, (200, well));
    state.broker.send_replace(false);
    let alone = json!({"status": "degraded", "database": "connected", "mqtt": "disconnected"});
    assert_eq!(health().await, (503, alone));
    assert_eq!(state.get("/readyz", "").await.status, 200, "requests are served without a broker");
    state.app.db.close().await;
    let down = json!({"status": "degraded", "database": "disconnected", "mqtt": "disconnected"});
    assert_eq!(health().await, (503, down));
    assert_eq!(
        (state.get("/readyz", "").await.status.as_u16(), state.get("/livez", "").await.status.as_u16()),
        (503, 200)
    );
    let refused = state.sign_in("admin", "securepassword123").await;
    refused.assert_problem(503, "The database cannot be reached; try again in a few seconds");
    assert_eq!(refused.header("retry-after"), "5");
}

#[sqlx::test]
async fn what_goes_wrong_inside_is_not_shown(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    sqlx::query("DROP TABLE junctions CASCADE").execute(&state.app.db).await.unwrap();
    let answer = state.get("/api/junctions/", &token).await;
    answer.assert_problem(500, "Internal error; the server's log has it under the id in X-Request-Id");
    assert!(!answer.text.contains("relation"), "{}", answer.text);
    assert_eq!(answer.header("x-request-id").len(), 36);
}

#[sqlx::test]
async fn unknown_paths_and_methods_are_problems(db: PgPool) {
    let state = TestState::new(db);
    state.get("/api/nothing", "").await.assert_problem(404, "There is nothing at /api/nothing");
    let answer = state.post("/health", "", &json!({})).await;
    answer.assert_problem(405, "POST does not work at /health");
    assert!(answer.header("allow").contains("GET"), "{}", answer.header("allow"));
}

#[sqlx::test]
async fn every_answer_carries_the_headers(db: PgPool) {
    let state = TestState::new(db);
    for path in ["/", "/health", "/api/nothing", "/app/", "/docs/", "/api/users/me"] {
        let answer = state.get(path, "").await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    }
    let named = Request::get("/").header("x-request-id", "abc-123").body(Body::empty()).unwrap();
    assert_eq!(state.send(named).await.header("x-request-id"), "abc-123");
    let odd = Request::get("/").header("x-request-id", "a b\"c").body(Body::empty()).unwrap();
    assert_eq!(state.send(odd).await.header("x-request-id").len(), 36);
    let packed = Request::get("/openapi.json").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    assert_eq!(state.send(packed).await.header("content-encoding"), "gzip");
}

#[sqlx::test]
async fn listed_origins_may_call_and_others_not(db: PgPool) {
    let state = TestState::new(db);
    let preflight = async |origin: &str| {
        let request = Request::options("/api/junctions/")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .body(Body::empty())
            .expect("the request is well formed");
        let answer = state.send(request).await;
        (answer.status.as_u16(), answer.header("access-control-allow-origin").to_owned())
    };
    assert_eq!(preflight("http://localhost:5173").await, (200, "http://localhost:5173".into()));
    assert_eq!(preflight("http://evil.example").await.1, "");
}

#[sqlx::test]
async fn the_document_lists_every_route_and_its_refusals(db: PgPool) {
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "A").await;
    let document = state.get("/openapi.json", "").await.json();
    assert_eq!(
        (&document["info"]["title"], &document["info"]["version"]),
        (&json!("Flextraff API"), &json!("1.0.0"))
    );
    let paths = document["paths"].as_object().unwrap();
    let flow = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"];
    assert_eq!(flow["tokenUrl"], "/api/users/token");
    for path in [
        "/",
        "/health",
        "/api/users/register",
        "/api/users/token",
        "/api/users/me",
        "/api/users/",
        "/api/junctions/",
        "/api/junctions/{junction_id}",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let responses: Vec<&str> =
                operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
            if operation["security"].as_array().is_some() {
                assert!(responses.contains(&"401"), "{method} {path}: {responses:?}");
            }
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace("{junction_id}", &junction))
                .header("authorization", format!("Bearer {token}"))
                .body(Body::empty())
                .unwrap();
            let status = state.send(request).await.status;
            assert!(
                responses.contains(&status.as_str()),
                "{method} {path}: {status} is not among {responses:?}"
            );
        }
    }
    let operations = || paths.values().flat_map(|item| item.as_object().unwrap().values());
    let mut names: Vec<&str> =
        operations().filter_map(|operation| operation["operationId"].as_str()).collect();
    assert_eq!(names.len(), operations().count(), "every operation has a name");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), operations().count(), "no two operations have the same name");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["UserCreate", "UserResponse", "JunctionCreate", "JunctionResponse", "Problem", "FieldError"]
    {
        assert!(schemas.contains_key(name), "{name} is not among {:?}", schemas.keys());
    }
}

#[sqlx::test]
async fn the_documents_can_be_read_and_closed(db: PgPool) {
    let state = TestState::new(db.clone());
    let page = state.get("/docs", "").await;
    let files = page.text.split('"').filter(|part| part.starts_with("/docs/")).collect::<Vec<_>>();
    assert!(files.len() >= 5, "{}", page.text);
    for file in files {
        assert_eq!(state.get(file, "").await.status, 200, "{file}");
    }
    assert!(state.get("/docs/swagger-initializer.js", "").await.text.contains("/openapi.json"));
    state.get("/docs/nothing.js", "").await.assert_problem(404, "There is no such file");
    let mut config = Config::default();
    config.http.docs = false;
    let closed = TestState::with_config(db, config);
    for path in ["/docs", "/docs/", "/docs/index.css", "/openapi.json"] {
        assert_eq!(closed.get(path, "").await.status, 404, "{path}");
    }
}

#[sqlx::test]
async fn the_dashboard_is_a_page_for_every_view(db: PgPool) {
    let state = TestState::new(db);
    for path in ["/app", "/app/", "/app/junctions/x?tab=plan"] {
        let page = state.get(path, "").await;
        assert_eq!(
            (page.status.as_u16(), page.header("content-type")),
            (200, "text/html; charset=utf-8"),
            "{path}"
        );
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert!(!page.text.contains("<style") && !page.text.contains("<script>"));
    }
    state.get("/app/assets/nothing.js", "").await.assert_problem(404, "There is no such file");
}

#[sqlx::test]
async fn a_page_learns_how_the_first_user_comes_about_and_where_its_map_is(db: PgPool) {
    let mut config = Config::default();
    config.dashboard.tile_url = Some("https://tiles.example/{z}/{x}/{y}.png".into());
    config.dashboard.tile_attribution = Some("A map".into());
    config.auth.allow_first_user = Some(false);
    let answer = TestState::with_config(db.clone(), config).get("/api/dashboard", "").await.json();
    assert_eq!(answer["first_user"], "needs_token");
    assert_eq!(
        (&answer["tile_url"], &answer["tile_attribution"]),
        (&json!("https://tiles.example/{z}/{x}/{y}.png"), &json!("A map"))
    );
    let open = TestState::new(db.clone()).get("/api/dashboard", "").await.json();
    assert_eq!((&open["first_user"], &open["tile_url"]), (&json!("open"), &json!(null)));
    let (state, _) = TestState::with_admin(db).await;
    assert_eq!(state.get("/api/dashboard", "").await.json()["first_user"], "registered");
    state.app.db.close().await;
    assert_eq!(state.get("/api/dashboard", "").await.status, 503);
}

#[sqlx::test]
async fn figures_are_served_by_route_and_can_be_closed(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let id = state.junction(&admin, "Main").await;
    state.get(&format!("/api/junctions/{id}"), &admin).await;
    state.get("/nowhere", "").await;
    let answer = state.get("/metrics", "").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        "flextraff_http_requests_total{method=\"GET\",route=\"/api/junctions/{junction_id}\",status=\"200\"} 1",
        "flextraff_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "flextraff_junctions{state=\"offline\"} 1",
        "flextraff_broker_connected 1",
    ] {
        assert!(answer.text.lines().any(|found| found == line), "{line} is not in\n{}", answer.text);
    }
    assert!(!answer.text.contains(&id) && !answer.text.contains("nowhere"));
    let mut config = Config::default();
    config.http.metrics = false;
    assert_eq!(TestState::with_config(db, config).get("/metrics", "").await.status, 404);
}

#[sqlx::test]
async fn what_is_known_already_is_not_sent_again(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let ask = async |tags: &str| {
        let request = Request::get("/api/junctions/?limit=10")
            .header("authorization", format!("Bearer {admin}"))
            .header("accept-encoding", "gzip")
            .header("if-none-match", tags);
        state.send(request.body(Body::empty()).unwrap()).await
    };
    state.junction(&admin, "Main").await;
    let first = ask("\"other\"").await;
    let tag = first.header("etag").to_owned();
    assert_eq!((first.status.as_u16(), tag.len()), (200, 20), "{tag}");
    for known in [tag.as_str(), "*", &format!("\"a\", {tag}"), tag.trim_start_matches("W/")] {
        let again = ask(known).await;
        assert_eq!(
            (again.status.as_u16(), again.text.as_str(), again.header("etag")),
            (304, "", tag.as_str())
        );
        assert_eq!((again.header("content-type"), again.header("content-length")), ("", ""));
    }
    state.junction(&admin, "Other").await;
    let changed = ask(&tag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
    // A tag is no way around the rights, and what is no answer has none.
    let nobody = Request::get("/api/junctions/").header("if-none-match", "*").body(Body::empty()).unwrap();
    let refused = state.send(nobody).await;
    assert_eq!((refused.status.as_u16(), refused.header("etag")), (401, ""));
}
