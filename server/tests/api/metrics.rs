//! The figures, and everything that is written of them: the table in the README, alerts, dashboard.

use crate::state::TestState;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::ACCEPT;
use flextraff_server::metrics::{LiveRefusal, Outcome};
use serde_json::Value;
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every name of a metric in a text.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("flextraff_"))
        .map(ToOwned::to_owned)
        .collect()
}

/// Each metric that the server shows, with its kind.
async fn shown(db: PgPool) -> BTreeMap<String, String> {
    let state = TestState::new(db);
    state.app.metrics.message(Outcome::Stored);
    state.app.metrics.batch(Duration::from_millis(1));
    state.app.metrics.live_refused(LiveRefusal::Full);
    state.get("/livez", "").await;
    let request = Request::get("/metrics").header(ACCEPT, "application/openmetrics-text");
    let text = state.send(request.body(Body::empty()).expect("the request is well formed")).await.text;
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// The names under which queries find them.
fn queried(shown: &BTreeMap<String, String>) -> BTreeSet<String> {
    let suffixes = |kind: &str| match kind {
        "counter" => vec!["_total"],
        "histogram" => vec!["_bucket", "_sum", "_count"],
        _ => vec![""],
    };
    shown
        .iter()
        .flat_map(|(name, kind)| suffixes(kind).into_iter().map(move |end| format!("{name}{end}")))
        .collect()
}

#[sqlx::test]
async fn alerts_and_dashboard_ask_only_for_what_there_is(db: PgPool) {
    let there = queried(&shown(db).await);
    let alerts = file("config/prometheus/alerts.yml");
    let dashboard: Value = serde_json::from_str(&file("config/grafana/flextraff.json")).expect("it is JSON");
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("it has panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            asked.extend(names(target["expr"].as_str().expect("each target asks something")));
        }
    }
    assert!(asked.len() > 8 && names(&alerts).len() > 8);
    for (place, asked) in [("alerts.yml", names(&alerts)), ("flextraff.json", asked)] {
        let wrong: Vec<_> = asked.difference(&there).collect();
        assert!(wrong.is_empty(), "{place} asks for {wrong:?}, which nobody shows; there are {there:?}");
    }
    let ids: BTreeSet<i64> = dashboard["panels"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|panel| panel["id"].as_i64())
        .collect();
    assert_eq!(
        ids.len(),
        dashboard["panels"].as_array().map_or(0, Vec::len),
        "each panel has an id of its own"
    );
}

#[sqlx::test]
async fn the_readme_names_each_metric_with_its_kind(db: PgPool) {
    let shown = shown(db).await;
    let readme = file("server/README.md");
    let mut told = BTreeMap::new();
    for line in readme.lines().filter(|line| line.starts_with("| `flextraff_")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        told.extend(names(cells[1]).into_iter().map(|name| (name, cells[2].to_owned())));
    }
    assert_eq!(told, shown);
}

#[sqlx::test]
async fn while_the_database_is_away_its_figures_are_left_out_and_no_others(db: PgPool) {
    let state = TestState::new(db.clone());
    let metrics = async || {
        let answer = state.get("/metrics", "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        answer.text
    };
    let shows = |text: &str, name: &str| text.lines().any(|line| line.starts_with(name));
    let known = ["flextraff_devices{", "flextraff_junctions{", "flextraff_alarms_open{"];
    let text = metrics().await;
    assert!(known.iter().all(|name| shows(&text, name)), "{text}");
    db.close().await;
    state.app.metrics.database_failed();
    let text = metrics().await;
    assert!(!known.iter().any(|name| shows(&text, name)), "what it knew before may be wrong: {text}");
    for line in ["flextraff_ingest_database_failures_total 1", "flextraff_broker_connected 1"] {
        assert!(shows(&text, line), "{line} is missing: {text}");
    }
}

/// In every form in which the server answers, the proxy of the example keeps them to Prometheus. That nginx matches these by this pattern, with
/// `merge_slashes` or without, its documentation of `location` says.
#[sqlx::test]
async fn the_proxy_lets_nobody_else_have_them(db: PgPool) {
    let config = file("config/nginx/flextraff.conf");
    let (before, rest) = config.split_once("location ~ ^/+metrics/*$ {").expect("figures have a place");
    let place = rest.split_once('}').map(|(place, _)| place).unwrap_or_default();
    assert!(place.contains("allow 10.0.0.5;") && place.contains("deny all;"), "{place}");
    assert!(!before.contains("location ~"), "the first pattern that matches counts");
    let state = TestState::new(db);
    let shows = async |path: &str| state.get(path, "").await.text.contains("# TYPE flextraff_");
    for path in ["/metrics", "/metrics/", "//metrics", "/metrics//", "///metrics//"] {
        assert!(shows(path).await, "{path}");
    }
    for path in
        ["/Metrics", "/metrics/x", "/x/metrics", "/./metrics", "/metrics/.", "/%6detrics", "/metrics%2F"]
    {
        assert!(!shows(path).await, "{path}");
    }
}
