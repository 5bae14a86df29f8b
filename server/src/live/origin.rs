//! Which web pages may open a live feed. Browsers send the page's origin and, unlike for other requests, do not ask first.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// Whether the origin of a request is the server's own host or listed; programs send none.
pub(crate) fn is_allowed(headers: &HeaderMap, listed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(scheme, authority)| {
        matches!(scheme, "http" | "https") && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
    });
    own || listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "city.example:8000".parse().expect("the host is a header"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().expect("the origin is a header"));
        }
        is_allowed(&headers, &["http://localhost:5173".into()])
    }

    #[test]
    fn own_pages_listed_pages_and_programs_are_let_in() {
        assert!(allowed(None) && allowed(Some("http://city.example:8000")));
        assert!(allowed(Some("https://City.example:8000")) && allowed(Some("http://localhost:5173")));
        for origin in [
            "http://evil.example",
            "null",
            "http://city.example",
            "http://city.example:8000.evil",
            "city.example:8000",
        ] {
            assert!(!allowed(Some(origin)), "{origin}");
        }
    }
}
