//! The dashboard under `/app/`: the files that `scripts/build-dashboard` makes, built into the program.
//!
//! A debug build reads them from `server/dashboard/dist` when they are asked for; a release build carries them in itself. A program that was
//! built without them says how they are made.

use crate::api::problem::Problem;
use crate::app::App;
use crate::config::Dashboard;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;
use uuid::Uuid;

/// The page that starts the dashboard; its scripts find their view by the address.
const INDEX: &str = "index.html";
/// The build names the files in this folder by a hash of their content.
const HASHED: &str = "assets/";
/// Stands in the page for the nonce of the answer.
const NONCE_MARK: &str = "FLEXTRAFF_NONCE";
/// What a program without the built files answers.
const NOT_BUILT: &str = include_str!("dashboard/not_built.html");

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
#[allow_missing = true]
struct Built;

/// `/app/`, the views below it and their files.
pub fn router() -> Router<App> {
    Router::new().route("/app", get(start)).route("/app/{*path}", get(file))
}

async fn start(State(app): State<App>) -> Response {
    page(Built::get(INDEX), &app.config.dashboard)
}

async fn file(State(app): State<App>, Path(path): Path<String>) -> Response {
    serve(&path, Built::get, &app.config.dashboard)
}

/// The answer for a path below `/app/`: a file, the page for what may be a view, or 404.
fn serve(path: &str, find: impl Fn(&str) -> Option<EmbeddedFile>, config: &Dashboard) -> Response {
    let is_view = !path.starts_with(HASHED) && !path.rsplit('/').next().unwrap_or_default().contains('.');
    if is_view || path == INDEX {
        return page(find(INDEX), config);
    }
    let Some(file) = find(path) else { return Problem::not_found("There is no such file").into_response() };
    // What is named by its content never changes.
    let keep = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = file.metadata.mimetype().to_owned();
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, keep.to_owned())], file.data).into_response()
}

fn page(index: Option<EmbeddedFile>, config: &Dashboard) -> Response {
    let nonce = Uuid::new_v4().simple().to_string();
    let text = match index {
        Some(file) => Cow::Owned(String::from_utf8_lossy(&file.data).replace(NONCE_MARK, &nonce)),
        None => Cow::Borrowed(NOT_BUILT),
    };
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (CONTENT_SECURITY_POLICY, policy(&nonce, config.tile_origin())),
    ];
    (headers, text.into_owned()).into_response()
}

/// Own scripts only. Styles are own files, and what the component library writes into the page with the nonce of this answer. Pictures of
/// another host are map tiles, where the configuration names one.
fn policy(nonce: &str, tiles: Option<&str>) -> String {
    let tiles = tiles.map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:{tiles}; \
         font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use rust_embed::Metadata;

    fn built(name: &str) -> Option<EmbeddedFile> {
        let (data, mime): (&'static [u8], _) = match name {
            INDEX => (b"<link nonce=\"FLEXTRAFF_NONCE\"><script src=\"/app/assets/a-1.js\">", "text/html"),
            "assets/a-1.js" => (b"start()", "text/javascript"),
            "icon.svg" => (b"<svg/>", "image/svg+xml"),
            _ => return None,
        };
        let metadata = Metadata::__rust_embed_new([0; 32], None, None, mime);
        Some(EmbeddedFile { data: Cow::Borrowed(data), metadata })
    }

    fn header(answer: &Response, name: axum::http::HeaderName) -> String {
        answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    async fn text(answer: Response) -> String {
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.expect("the answer is in memory");
        String::from_utf8(bytes.to_vec()).expect("the answer is text")
    }

    #[tokio::test]
    async fn files_are_kept_by_their_names() {
        let config = Dashboard::default();
        let hashed = serve("assets/a-1.js", built, &config);
        assert_eq!(header(&hashed, CONTENT_TYPE), "text/javascript");
        assert_eq!(header(&hashed, CACHE_CONTROL), "public, max-age=31536000, immutable");
        assert_eq!(text(hashed).await, "start()");
        assert_eq!(header(&serve("icon.svg", built, &config), CACHE_CONTROL), "no-cache");
    }

    #[tokio::test]
    async fn views_are_the_page_and_unknown_files_are_not_found() {
        let config = Dashboard::default();
        for path in ["junctions/6f1c", "city", "index.html"] {
            let answer = serve(path, built, &config);
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(header(&answer, CACHE_CONTROL), "no-cache");
            assert!(text(answer).await.contains("a-1.js"), "{path}");
        }
        for path in ["assets/a-2.js", "assets/none", "favicon.ico", "../secret.key", "assets/../index.html"] {
            assert_eq!(serve(path, built, &config).status(), 404, "{path}");
        }
    }

    #[tokio::test]
    async fn each_page_has_a_nonce_of_its_own_which_its_policy_names() {
        let config = Dashboard {
            tile_url: Some("https://tiles.example/{z}/{x}/{y}.png".into()),
            ..Dashboard::default()
        };
        let (first, second) = (serve("", built, &config), serve("", built, &config));
        let policy = header(&first, CONTENT_SECURITY_POLICY);
        assert_ne!(policy, header(&second, CONTENT_SECURITY_POLICY));
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(policy.contains("img-src 'self' data: https://tiles.example;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let nonce =
            policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\'')).expect("a nonce").0;
        let page = text(first).await;
        assert!(nonce.len() == 32 && page.contains(nonce) && !page.contains(NONCE_MARK), "{page}");
    }

    #[tokio::test]
    async fn without_the_built_files_the_page_says_how_they_are_made() {
        let answer = serve("city", |_| None, &Dashboard::default());
        assert_eq!(answer.status(), 200);
        let page = text(answer).await;
        assert!(page.contains("scripts/build-dashboard") && !page.contains("<script"), "{page}");
        assert_eq!(serve("assets/a-1.js", |_| None, &Dashboard::default()).status(), 404);
    }
}
