//! The live feed over a real socket.

use crate::state::{TestState, admin};
use flextraff_common::ids::JunctionId;
use flextraff_server::config::Config;
use flextraff_server::ingest::Applied;
use flextraff_server::live::{LiveEvent, LiveKind, hear_database};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a client gets: a frame, or the code with which the server closes.
#[derive(Debug, PartialEq)]
pub(crate) enum Got {
    Frame(Value),
    Closed(u16),
}

impl Client {
    async fn open(address: SocketAddr, path: &str, origin: Option<&str>) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("the origin is a header"));
        }
        Ok(Self(connect_async(request).await?.0))
    }

    /// Opens a feed and signs in.
    pub(crate) async fn signed_in(address: SocketAddr, path: &str, token: &str) -> Self {
        let mut client = Self::open(address, path, None).await.expect("the feed opens");
        client.send(&json!({"type": "auth", "token": token})).await;
        client
    }

    async fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.expect("the frame is sent");
    }

    pub(crate) async fn next(&mut self) -> Got {
        loop {
            let message =
                tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes in time");
            match message.expect("the server closes before it leaves").expect("the stream holds") {
                Message::Text(text) => {
                    return Got::Frame(serde_json::from_str(&text).expect("frames are JSON"));
                }
                Message::Close(frame) => return Got::Closed(frame.map_or(0, |frame| frame.code.into())),
                _ => {}
            }
        }
    }

    pub(crate) async fn ready(mut self) -> Self {
        assert_eq!(self.next().await, Got::Frame(json!({"type": "ready"})));
        self
    }
}

pub(crate) async fn serve(state: &TestState) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let service = state.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

fn event(junction: &str, kind: LiveKind, payload: Value) -> LiveEvent {
    LiveEvent {
        junction: JunctionId(junction.parse().expect("an id is a UUID")),
        kind,
        payload: Arc::new(payload),
    }
}

#[sqlx::test]
async fn a_client_hears_its_junction_and_no_other(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let (here, there) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &here, "observer").await;
    let mut one = Client::signed_in(address, &format!("/ws/junction/{here}"), &ravi).await.ready().await;
    let mut granted = Client::signed_in(address, "/ws/live", &ravi).await.ready().await;
    let mut all = Client::signed_in(address, "/ws/live/", &admin).await.ready().await;
    state.app.live.publish(event(
        &there,
        LiveKind::CarCount,
        json!({"junction_id": there, "vehicle_count": 1}),
    ));
    state.app.live.publish(event(&here, LiveKind::Signal, json!({"junction_id": here, "stage": "N"})));
    let heard = json!({"type": "signal", "junction_id": here, "stage": "N"});
    assert_eq!(one.next().await, Got::Frame(heard.clone()));
    assert_eq!(granted.next().await, Got::Frame(heard.clone()));
    let foreign = json!({"type": "car_count", "junction_id": there, "vehicle_count": 1});
    assert_eq!((all.next().await, all.next().await), (Got::Frame(foreign), Got::Frame(heard)));
}

#[sqlx::test]
async fn strangers_are_told_why_they_must_go(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let path = format!("/ws/junction/{}", state.junction(&admin, "A").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    assert_eq!(Client::signed_in(address, &path, "nonsense").await.next().await, Got::Closed(4401));
    assert_eq!(Client::signed_in(address, &path, &ravi).await.next().await, Got::Closed(4403));
    let mut chatty = Client::open(address, &path, None).await.unwrap();
    chatty.send(&json!({"type": "subscribe"})).await;
    assert_eq!(chatty.next().await, Got::Closed(1008));
    let mut silent = Client::open(address, &path, None).await.unwrap();
    assert_eq!(silent.next().await, Got::Closed(4401), "nobody may wait longer than five seconds");
}

/// Whoever opens one feed after the other shuts nobody else out.
#[sqlx::test]
async fn who_has_most_feeds_makes_room_for_others_and_is_told_so(db: PgPool) {
    let (mut state, admin) = TestState::with_admin(db).await;
    let ravi = state.plain_user(&admin, "ravi").await;
    state.app.live = state.app.live.clone().with_places(2);
    state.router = flextraff_server::api::router(state.app.clone());
    let address = serve(&state).await;
    let mut first = Client::signed_in(address, "/ws/live", &admin).await.ready().await;
    let mut second = Client::signed_in(address, "/ws/live", &admin).await.ready().await;
    assert_eq!(Client::signed_in(address, "/ws/live", &admin).await.next().await, Got::Closed(1013));
    let mut other = Client::signed_in(address, "/ws/live", &ravi).await.ready().await;
    assert_eq!(second.next().await, Got::Closed(1013), "the latest of who has most goes");
    assert_eq!(Client::signed_in(address, "/ws/live", &ravi).await.next().await, Got::Closed(1013));
    let metrics = state.get("/metrics", "").await.text;
    for line in ["{reason=\"Full\"} 2", "{reason=\"Displaced\"} 1"] {
        assert!(metrics.contains(&format!("flextraff_live_refused_total{line}\n")), "{metrics}");
    }
    let here = state.junction(&admin, "A").await;
    state.grant("ravi", &here, "observer").await;
    other.send(&json!({"type": "auth", "token": ravi})).await;
    assert_eq!(first.0.send(Message::Ping(tungstenite::Bytes::new())).await.ok(), Some(()));
    state.app.live.publish(event(&here, LiveKind::Status, json!({"online": true})));
    assert_eq!(first.next().await, Got::Frame(json!({"type": "status", "online": true})), "it stays");
    drop(first);
    tokio::time::timeout(PATIENCE, async {
        loop {
            let mut again = Client::signed_in(address, "/ws/live", &admin).await;
            if again.next().await == Got::Frame(json!({"type": "ready"})) {
                break;
            }
        }
    })
    .await
    .expect("who leaves gives the place back");
}

#[sqlx::test]
async fn foreign_pages_cannot_open_a_feed(db: PgPool) {
    let (state, _) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let refused = Client::open(address, "/ws/live", Some("http://evil.example")).await.err();
    assert!(matches!(refused, Some(tungstenite::Error::Http(response)) if response.status() == 403));
    for origin in [format!("http://{address}"), "http://localhost:5173".into()] {
        assert!(Client::open(address, "/ws/live", Some(&origin)).await.is_ok(), "{origin}");
    }
}

#[sqlx::test]
async fn a_feed_ends_with_its_token_unless_it_is_renewed(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let here = state.junction(&admin, "A").await;
    let short = state.aged_token(&admin, 30 * 60 - 2);
    let path = format!("/ws/junction/{here}");
    let mut ending = Client::signed_in(address, &path, &short).await.ready().await;
    let mut renewed = Client::signed_in(address, &path, &short).await.ready().await;
    renewed.send(&json!({"type": "auth", "token": admin})).await;
    assert_eq!(ending.next().await, Got::Closed(4401));
    state.app.live.publish(event(&here, LiveKind::Status, json!({"online": true})));
    assert_eq!(renewed.next().await, Got::Frame(json!({"type": "status", "online": true})));
}

#[sqlx::test]
async fn each_further_token_of_a_feed_is_a_request_of_its_user(db: PgPool) {
    let mut config = Config::default();
    config.http.requests_per_minute = 20;
    let state = TestState::with_config(db, config);
    assert_eq!(state.post("/api/users/register", "", &admin()).await.status, 201);
    let token = state.token("admin").await;
    let address = serve(&state).await;
    let mut client = Client::signed_in(address, "/ws/live", &token).await.ready().await;
    for _ in 0..30 {
        // The server may have closed before the last ones.
        let again = json!({"type": "auth", "token": token}).to_string();
        if client.0.send(Message::text(again)).await.is_err() {
            break;
        }
    }
    assert_eq!(client.next().await, Got::Closed(1013));
    assert_eq!(state.get("/api/users/me", &token).await.status, 429);
}

/// A page that hears nothing for longer takes the line for dead.
#[sqlx::test]
async fn who_asks_for_beats_hears_one_every_half_minute_and_others_none(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let here = state.junction(&admin, "A").await;
    let mut program = Client::signed_in(address, "/ws/live", &admin).await.ready().await;
    let mut page = Client::open(address, "/ws/live", None).await.expect("the feed opens");
    page.send(&json!({"type": "auth", "token": admin, "beats": true})).await;
    let mut page = page.ready().await;
    let beat = tokio::time::timeout(Duration::from_secs(45), async {
        loop {
            // Its own patience is shorter.
            let message = page.0.next().await.expect("the server stays").expect("the stream holds");
            if let Message::Text(text) = message {
                return text.to_string();
            }
        }
    });
    assert_eq!(beat.await.expect("a beat comes"), r#"{"type":"beat"}"#);
    state.app.live.publish(event(&here, LiveKind::Status, json!({"online": true})));
    assert_eq!(program.next().await, Got::Frame(json!({"type": "status", "online": true})));
}

#[sqlx::test]
async fn whoever_loses_a_right_hears_no_more_of_it_at_once(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let (here, there) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    let id = state.get("/api/users/me", &ravi).await.json()["user_id"].as_str().expect("a text").to_owned();
    let access = |junction: &str| format!("/api/users/{id}/access/{junction}");
    let grant = json!({"role": "observer"});
    state.request("PUT", &access(&here), &admin, &grant).await;
    let (_go_on, stopped) = watch::channel(false);
    tokio::spawn(hear_database(
        state.app.db.clone(),
        state.app.live.clone(),
        state.app.auth.clone(),
        stopped,
    ));
    let path = format!("/ws/junction/{here}");
    let mut all = Client::signed_in(address, "/ws/live", &ravi).await.ready().await;
    let mut one = Client::signed_in(address, &path, &ravi).await.ready().await;
    let news = |junction: &str| event(junction, LiveKind::Signal, json!({"junction_id": junction}));
    let heard = |junction: &str| Got::Frame(json!({"type": "signal", "junction_id": junction}));

    // The listener may still be on its way. Pings come every 30 s, so that nothing of this is theirs.
    let granted = async {
        loop {
            state.request("DELETE", &access(&there), &admin, &Value::Null).await;
            state.request("PUT", &access(&there), &admin, &grant).await;
            state.app.live.publish(news(&there));
            if let Ok(got) = tokio::time::timeout(Duration::from_millis(200), all.next()).await {
                return got;
            }
        }
    };
    let got = tokio::time::timeout(PATIENCE, granted).await.expect("a right that was granted is heard of");
    assert_eq!(got, heard(&there), "a new right counts without a new connection");
    assert_eq!(state.request("DELETE", &access(&here), &admin, &Value::Null).await.status, 204);
    assert_eq!(one.next().await, Got::Closed(4403));
    // The feed of the junction is closed; that of all junctions looks again at the same news.
    let numbered =
        |junction: &str, n: i64| event(junction, LiveKind::Signal, json!({"at": junction, "n": n}));
    tokio::time::timeout(PATIENCE, async {
        for n in 0.. {
            state.app.live.publish(numbered(&here, n));
            state.app.live.publish(numbered(&there, n));
            let mut both = false;
            loop {
                match all.next().await {
                    Got::Frame(frame) if frame["n"] == n && frame["at"] == there => break,
                    Got::Frame(frame) => both |= frame["n"] == n,
                    Got::Closed(code) => panic!("closed with {code}"),
                }
            }
            if !both {
                break;
            }
        }
    })
    .await
    .expect("it soon hears of one junction only");

    let mut of_admin = Client::signed_in(address, &path, &admin).await.ready().await;
    state.request("PATCH", &format!("/api/users/{id}"), &admin, &json!({"is_active": false})).await;
    assert_eq!(all.next().await, Got::Closed(4401), "an account that is switched off");
    state.app.live.publish(news(&here));
    assert_eq!(of_admin.next().await, heard(&here), "others stay");
    assert_eq!(state.post("/api/users/logout", &admin, &Value::Null).await.status, 204);
    assert_eq!(of_admin.next().await, Got::Closed(4401), "a session that has ended");
}

/// A page shows what may be done: it hears of a role that has changed, which closes nothing.
#[sqlx::test]
async fn who_asks_for_it_is_told_of_changed_rights_and_others_are_not(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let here = state.junction(&admin, "A").await;
    let ravi = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &here, "observer").await;
    let id = state.get("/api/users/me", &ravi).await.json()["user_id"].as_str().expect("a text").to_owned();
    let (_go_on, stopped) = watch::channel(false);
    tokio::spawn(hear_database(
        state.app.db.clone(),
        state.app.live.clone(),
        state.app.auth.clone(),
        stopped,
    ));
    let mut program = Client::signed_in(address, "/ws/live", &ravi).await.ready().await;
    let mut page = Client::open(address, "/ws/live", None).await.expect("the feed opens");
    page.send(&json!({"type": "auth", "token": ravi, "rights": true})).await;
    let mut page = page.ready().await;
    let told = async {
        // The listener may still be on its way.
        for role in ["operator", "observer"].iter().cycle() {
            let grant = json!({"role": role});
            state.request("PUT", &format!("/api/users/{id}/access/{here}"), &admin, &grant).await;
            if let Ok(got) = tokio::time::timeout(Duration::from_millis(200), page.next()).await {
                return Some(got);
            }
        }
        None
    };
    let got = tokio::time::timeout(PATIENCE, told).await.expect("a role that was changed is told");
    assert_eq!(got, Some(Got::Frame(json!({"type": "rights"}))));
    state.app.live.publish(event(&here, LiveKind::Status, json!({"online": true})));
    assert_eq!(program.next().await, Got::Frame(json!({"type": "status", "online": true})));
}

#[sqlx::test]
async fn a_client_that_missed_events_is_told_to_come_again(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let address = serve(&state).await;
    let here = state.junction(&admin, "A").await;
    let mut slow = Client::signed_in(address, "/ws/live", &admin).await.ready().await;
    // The test runs on one thread: nobody reads while these are published.
    for number in 0..100 {
        state.app.live.publish(event(&here, LiveKind::CarCount, json!({"n": number})));
    }
    assert_eq!(slow.next().await, Got::Closed(1013));
}

#[sqlx::test]
async fn who_sees_which_vehicles_pass_stands_in_the_audit_log_and_who_does_not_want_it_sees_their_number(
    db: PgPool,
) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    let token = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &junction, "observer").await;
    let address = serve(&state).await;
    let path = format!("/ws/junction/{junction}");
    let mut page = Client::open(address, &path, None).await.expect("the feed opens");
    page.send(&json!({"type": "auth", "token": token, "vehicles": false})).await;
    let mut page = page.ready().await;
    let looks = async || state.get("/api/audit?action=vehicles.watch", &admin).await.json();
    assert_eq!(looks().await, json!([]));

    let mut program = Client::signed_in(address, &path, &token).await.ready().await;
    let noted = looks().await;
    assert_eq!(noted.as_array().map(Vec::len), Some(1), "{noted}");
    assert_eq!((&noted[0]["username"], &noted[0]["junction_id"]), (&json!("ravi"), &json!(junction)));
    assert_eq!(noted[0]["ip_address"], "127.0.0.1");
    // A fresh token opens no other feed.
    program.send(&json!({"type": "auth", "token": token})).await;

    let counts = json!({
        "junction_id": junction, "lane_id": "N", "vehicle_count": 1, "epc_ids": ["E1"],
        "passages": [{"t_ms": 1, "dwell_ms": 2, "reads": 3, "open": false, "valid": true}],
        "departures": [{"epc": "E1", "t_ms": 3, "dwell_ms": 2, "reads": 3}],
    });
    state.app.live.publish(event(&junction, LiveKind::CarCount, counts.clone()));
    let mut whole = counts;
    whole["type"] = "car_count".into();
    assert_eq!(program.next().await, Got::Frame(whole));
    let number = json!({"type": "car_count", "junction_id": junction, "lane_id": "N", "vehicle_count": 1, "epc_ids": []});
    assert_eq!(page.next().await, Got::Frame(number));
    assert_eq!(looks().await, noted);
    // Who goes on with the token of another looks as that one.
    program.send(&json!({"type": "auth", "token": admin})).await;
    tokio::time::timeout(PATIENCE, async {
        while looks().await[0]["username"] != "admin" {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the look of the other is noted");
}

#[sqlx::test]
async fn the_status_of_a_device_names_no_vehicle(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    let token = state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &junction, "observer").await;
    let address = serve(&state).await;
    let mut client = Client::signed_in(address, "/ws/live", &token).await.ready().await;
    let status = json!({
        "device_id": "00000000-0000-0000-0000-00000000000d", "online": true,
        "alarms": [{"kind": "tag_in_two_places", "since": "2026-02-10T00:00:00Z", "class": "transit", "lane": "N", "epc": "p:1"}],
    });
    let status = serde_json::from_value(status).unwrap();
    let id = JunctionId(junction.parse().unwrap());
    state.app.live.publish(LiveEvent::of(&Applied::Status(id, Box::new(status))).unwrap());
    let Got::Frame(frame) = client.next().await else { panic!("the feed goes on") };
    assert_eq!((&frame["type"], &frame["junction_id"]), (&json!("status"), &json!(junction)));
    let alarm = json!({"kind": "tag_in_two_places", "since": "2026-02-10T00:00:00Z", "class": "transit", "lane": "N"});
    assert_eq!(frame["alarms"], json!([alarm]));
}
