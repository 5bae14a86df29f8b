//! A server without sockets on a database of its own, and shorthand for requests to it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use flextraff_server::app::App;
use flextraff_server::auth::Auth;
use flextraff_server::config::Config;
use flextraff_server::db::ready::Ready;
use flextraff_server::hearing::{Hearing, SILENT_AFTER};
use flextraff_server::live::{Hub, LiveEvent, LiveFrame, LiveKind, hear_database};
use flextraff_server::mqtt::MqttHandle;
use flextraff_server::shares::Shares;
use flextraff_server::{api, clock::Clock, dispatch, fleet};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "securepassword123";

pub(crate) struct TestState {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) broker: watch::Sender<bool>,
    /// How many ways of ingest into the database stand still.
    pub(crate) standing_still: watch::Sender<usize>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The fields that a 422 names, in order.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str().map(ToOwned::to_owned)).collect()
    }

    /// The cookie that the answer sets, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }

    /// Checks that this is a problem document that agrees with its status.
    pub(crate) fn assert_problem(&self, status: u16, detail: &str) {
        assert_eq!((self.status.as_u16(), self.detail().as_str()), (status, detail), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(
            (body["type"].as_str(), body["status"].as_u64()),
            (Some("about:blank"), Some(status.into()))
        );
        assert!(body["title"].is_string());
    }
}

/// The next event of this kind that the live feed shows.
pub(crate) async fn next_event(live: &mut broadcast::Receiver<LiveFrame>, kind: LiveKind) -> LiveEvent {
    let next = async {
        loop {
            let event = live.recv().await.expect("the feed goes on").event;
            if event.kind == kind {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), next).await.expect("it is shown in time")
}

impl TestState {
    pub(crate) fn new(db: PgPool) -> Self {
        Self::with_config(db, Config::default())
    }

    pub(crate) fn with_config(db: PgPool, config: Config) -> Self {
        let (broker, connected) = watch::channel(true);
        let (standing_still, stands_still) = watch::channel(0);
        let app = App {
            auth: Arc::new(Auth::open(&config).expect("loopback needs no key file")),
            config: Arc::new(config),
            ready: Ready::new(db.clone()),
            road: db.clone(),
            db,
            live: Hub::new(16),
            mqtt: MqttHandle { outgoing: mpsc::channel(16).0, connected },
            dispatch: dispatch::channel().0,
            metrics: Arc::default(),
            fleet: fleet::channel().0,
            standing_still: stands_still,
            shares: Shares::default(),
            junction_pages: Arc::default(),
        };
        Self { router: api::router(app.clone()), app, broker, standing_still }
    }

    /// Lets the live feed show what the database tells, from here on and as long as the answer is held.
    pub(crate) async fn hears_database(&self) -> watch::Sender<bool> {
        // By their processes: one of before may be about to go.
        let listeners = async || {
            let pids: Vec<i32> = sqlx::query_scalar(
                "SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN%flextraff_alarm%'",
            )
            .fetch_all(&self.app.db)
            .await
            .expect("the database answers");
            pids
        };
        let before = listeners().await;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(hear_database(
            self.app.db.clone(),
            self.app.live.clone(),
            Arc::clone(&self.app.auth),
            stopped,
        ));
        let deadline = Clock.instant() + Duration::from_secs(10);
        while listeners().await.iter().all(|pid| before.contains(pid)) {
            assert!(Clock.instant() < deadline, "nobody listens");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop
    }

    /// What devices say is heard from now on.
    pub(crate) fn begins_to_hear(&self) -> Hearing {
        Hearing::new(self.app.mqtt.connected.clone(), watch::channel(0).1)
    }

    /// What devices say was heard for long enough to tell who is silent.
    pub(crate) fn has_heard(&self) -> Hearing {
        let since = Clock.instant().checked_sub(SILENT_AFTER).expect("the machine runs for longer");
        self.begins_to_hear().since(since)
    }

    /// A server on which the administrator of the quick start is registered; and the administrator's token.
    pub(crate) async fn with_admin(db: PgPool) -> (Self, String) {
        let state = Self::new(db);
        let answer = state.post("/api/users/register", "", &admin()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let token = state.token("admin").await;
        (state, token)
    }

    /// Registers a plain user and returns its token.
    pub(crate) async fn plain_user(&self, admin: &str, name: &str) -> String {
        let body = json!({"username": name, "email": format!("{name}@city.example"), "password": PASSWORD});
        let answer = self.post("/api/users/register", admin, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        self.token(name).await
    }

    pub(crate) async fn token(&self, name: &str) -> String {
        let answer = self.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["access_token"].as_str().expect("a token is text").to_owned()
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.sign_in_with(name, password, "").await
    }

    /// Signs in with further fields of the form.
    pub(crate) async fn sign_in_with(&self, name: &str, password: &str, more: &str) -> Answer {
        let body = format!("username={}&password={}{more}", escape(name), escape(password));
        let request =
            Request::post("/api/users/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(body.into()).expect("the request is well formed")).await
    }

    /// A request of any method; `body` null: without one.
    pub(crate) async fn request(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let request = signed(Request::builder().method(method).uri(path), token);
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request.header(CONTENT_TYPE, "application/json").body(body.to_string().into())
        };
        self.send(request.expect("the request is well formed")).await
    }

    /// A PUT that replaces what an answer showed, by its tag.
    pub(crate) async fn replace(&self, path: &str, token: &str, shown: &Answer, body: &Value) -> Answer {
        self.replace_tag(path, token, shown.header("etag"), body).await
    }

    /// The same by the tag.
    pub(crate) async fn replace_tag(&self, path: &str, token: &str, tag: &str, body: &Value) -> Answer {
        let request = signed(Request::put(path), token)
            .header(CONTENT_TYPE, "application/json")
            .header("If-Match", tag);
        self.send(request.body(body.to_string().into()).expect("the request is well formed")).await
    }

    /// Posts nothing but a cookie.
    pub(crate) async fn post_cookie(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::post(path).header(COOKIE, cookie).body(Body::empty());
        self.send(request.expect("the request is well formed")).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(signed(Request::get(path), token).body(Body::empty()).expect("the request is well formed"))
            .await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.post_text(path, token, body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, token: &str, body: impl Into<Body>) -> Answer {
        let request = signed(Request::post(path), token).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body.into()).expect("the request is well formed")).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("the body ends");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// All rows of a list, fetched page by page.
    pub(crate) async fn by_pages_of_one(&self, path: &str, token: &str) -> Value {
        let (mut next, mut rows) = (format!("{path}?limit=1"), Vec::new());
        while !next.is_empty() {
            let answer = self.get(&next, token).await;
            let Value::Array(page) = answer.json() else { panic!("no list: {}", answer.text) };
            assert_eq!(page.len(), 1, "{next}");
            rows.extend(page);
            let link = answer.header("link").trim_start_matches('<');
            next = link.split('>').next().unwrap_or_default().into();
        }
        Value::Array(rows)
    }

    /// Creates a junction and returns its id.
    pub(crate) async fn junction(&self, admin: &str, name: &str) -> String {
        let body = json!({"junction_name": name, "city": "Mumbai", "latitude": 19.0, "longitude": 72.8});
        let answer = self.post("/api/junctions/", admin, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()["junction_id"].as_str().expect("an id is text").to_owned()
    }

    /// Sums up counts that a test has stored by hand.
    pub(crate) async fn recount(&self) {
        sqlx::query("SELECT recount_volumes('-infinity', 'infinity')")
            .execute(&self.app.db)
            .await
            .expect("the counts are summed up");
    }

    pub(crate) async fn grant(&self, name: &str, junction: &str, role: &str) {
        let inserted = sqlx::query(
            "INSERT INTO user_junction_access (user_id, junction_id, role)
             SELECT user_id, $2::uuid, $3 FROM users WHERE username = $1",
        )
        .bind(name)
        .bind(junction)
        .bind(role)
        .execute(&self.app.db)
        .await
        .expect("the grant is stored");
        assert_eq!(inserted.rows_affected(), 1);
    }

    /// A token of a user that was issued `ago_s` seconds ago.
    pub(crate) fn aged_token(&self, token: &str, ago_s: i64) -> String {
        let claims = self.app.auth.verify(token, Clock.now()).expect("the token is valid");
        let issued = Clock.now() + -1000 * ago_s;
        self.app.auth.issue(claims.sub, claims.sid, &claims.name, issued).expect("a token is issued")
    }
}

/// The body of the quick start's first command.
pub(crate) fn admin() -> Value {
    json!({
        "username": "admin",
        "email": "admin@flextraff.com",
        "password": PASSWORD,
        "full_name": "System Admin",
        "is_admin": true
    })
}

fn signed(request: axum::http::request::Builder, token: &str) -> axum::http::request::Builder {
    if token.is_empty() { request } else { request.header(AUTHORIZATION, format!("Bearer {token}")) }
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |escaped, byte| format!("{escaped}%{byte:02x}"))
}
