//! The pages that the server carries in itself: sign-in and the live state of the junctions, under `/app/`.

use crate::app::App;
use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::routing::get;

/// Address, type and text of each file. Pages name files by absolute address, so that `/app` works like `/app/`.
const FILES: [(&str, &str, &str); 3] = [
    ("/app", "text/html; charset=utf-8", include_str!("../status/index.html")),
    ("/app/app.js", "text/javascript; charset=utf-8", include_str!("../status/app.js")),
    ("/app/style.css", "text/css; charset=utf-8", include_str!("../status/style.css")),
];

/// Own scripts and styles only, nothing inline, no other host.
const POLICY: (HeaderName, &str) = (
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
);

/// `/app/` and its files.
pub fn router() -> Router<App> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")];
        router.route(path, get(async move || (headers, [POLICY], text)))
    })
}
