//! The OpenAPI document and Swagger UI, which shows it without fetching anything from elsewhere.

use super::problem::{Problem, documented};
use crate::app::App;
use axum::Router;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, Paths, RefOr, ResponseBuilder};
use utoipa_swagger_ui::Config;

/// Swagger UI sets styles from its scripts and carries icons as data.
const POLICY: (HeaderName, &str) = (
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Absolute addresses, so that the page works with and without a trailing slash.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Flextraff API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/index.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script src="/docs/swagger-initializer.js"></script>
</body>
</html>
"#;

/// Title, version and the way to sign in.
pub(super) fn description() -> OpenApi {
    let mut info = Info::new("Flextraff API", "1.0.0");
    info.description = Some("Dynamic Traffic Management System".into());
    let mut document = OpenApi::new(info, Paths::new());
    let flow = Flow::Password(Password::new("/api/users/token", Scopes::new()));
    let mut components = Components::new();
    components.add_security_scheme("OAuth2PasswordBearer", SecurityScheme::OAuth2(OAuth2::new([flow])));
    document.components = Some(components);
    document
}

/// Adds what any request may be answered with, and writes the addresses of the two collections as they were first published, with a slash at the
/// end; both forms work. Each operation gets a name that no other has, from its method and path: programs that generate a client go by them.
pub(super) fn complete(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten().filter(|_| path.starts_with("/api/")) {
            may_always_answer(operation);
        }
        if let Some(operation) = item.get.as_mut().filter(|_| path.starts_with("/api/")) {
            may_be_known(operation);
        }
    }
    for collection in ["/api/users", "/api/junctions"] {
        if let Some(item) = document.paths.paths.remove(collection) {
            document.paths.paths.insert(format!("{collection}/"), item);
        }
    }
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ] {
            if let Some(operation) = operation {
                operation.operation_id = Some(operation_name(method, path));
            }
        }
    }
    document
}

/// A whole JSON answer has an entity tag, and who sends it back is told when nothing has changed.
fn may_be_known(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(answer)) = responses.get_mut("200") else { return };
    if !answer.content.contains_key("application/json") {
        return;
    }
    let header = HeaderBuilder::new().description(Some("Changes when the answer does; for If-None-Match"));
    answer.headers.insert("ETag".to_owned(), header.build().into());
    let unchanged = ResponseBuilder::new()
        .description("The answer is the one whose ETag the request names in If-None-Match");
    responses.entry("304".to_owned()).or_insert_with(|| unchanged.build().into());
}

/// Refusals that no endpoint gives itself; those that it describes in its own words stay.
fn may_always_answer(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let mut add = |status: &str, text: &str| {
        responses.entry(status.to_owned()).or_insert_with(|| documented(text));
    };
    if operation.request_body.is_some() {
        add("400", "The body ended early");
    }
    add("429", "Too many requests of this user or address");
    add("500", "Something went wrong inside; the server's log has it under X-Request-Id");
    add("503", "The database is out of reach, too many requests are under way, or this one took too long");
    for status in ["429", "503"] {
        if let Some(RefOr::T(response)) = responses.get_mut(status) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait"));
            response.headers.insert("Retry-After".to_owned(), header.build().into());
        }
    }
}

/// `get_junctions_junction_id_plans` for `GET /api/junctions/{junction_id}/plans`.
fn operation_name(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let name: Vec<&str> = std::iter::once(method).chain(words).collect();
    name.join("_")
}

pub(super) fn router(document: &OpenApi) -> Router<App> {
    let json: Arc<str> = serde_json::to_string(document).unwrap_or_default().into();
    Router::new()
        .route("/openapi.json", get(async move || ([(CONTENT_TYPE, "application/json")], json.to_string())))
        .route("/docs", get(async || ([POLICY], Html(PAGE))))
        .route("/docs/{*file}", get(file))
}

async fn file(Path(path): Path<String>) -> Result<Response, Problem> {
    let config = Arc::new(Config::new(["/openapi.json"]));
    let found = utoipa_swagger_ui::serve(&path, config).ok().flatten();
    let Some(file) = found else { return Err(Problem::not_found("There is no such file")) };
    let headers = [(CONTENT_TYPE, file.content_type), (CACHE_CONTROL, "public, max-age=3600".into())];
    let body = file.bytes.into_owned();
    Ok(if file.gzpipped {
        (headers, [POLICY], [(CONTENT_ENCODING, "gzip")], body).into_response()
    } else {
        (headers, [POLICY], body).into_response()
    })
}
