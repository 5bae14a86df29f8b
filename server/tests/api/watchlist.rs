//! Watch-lists and keys: what devices get, and what nobody else learns.

use crate::fleet::{Fleet, PATIENCE};
use crate::state::TestState;
use chrono::{DateTime, TimeDelta};
use flextraff_common::epc::{Epc, TagKey};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{
    Keys, MAX_PAYLOAD, MAX_WATCHED, WatchedClass, Watchlist, WatchlistPage, decode,
};
use flextraff_server::clock::Clock;
use flextraff_server::config::Retention;
use flextraff_server::db::retention;
use flextraff_server::mqtt::Outgoing;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

const EPC: &str = "34161FA8203E7CB202000020";
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(7));

fn id(junction: &str) -> JunctionId {
    junction.parse().expect("a UUID")
}

/// The keys that a device gets when it comes online.
async fn keys(fleet: &mut Fleet, junction: &str, device: DeviceId) -> Keys {
    let junction = id(junction);
    fleet.status((junction, device), "x");
    let message = fleet.message(|topic| *topic == Topic::Keys(junction, device)).await;
    decode(message.payload.as_bytes()).expect("keys can be read")
}

async fn list(fleet: &mut Fleet, junction: &str) -> Watchlist {
    let junction = id(junction);
    let message = fleet.message(|topic| *topic == Topic::Watchlist(junction)).await;
    decode(message.payload.as_bytes()).expect("lists can be read")
}

#[sqlx::test]
async fn a_device_that_comes_online_gets_the_keys_of_its_city_for_two_weeks(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let (one, two) = (state.junction(&admin, "One").await, state.junction(&admin, "Two").await);
    let elsewhere = state.junction(&admin, "Elsewhere").await;
    let moved = json!({"city": "Pune"});
    assert_eq!(
        state.request("PATCH", &format!("/api/junctions/{elsewhere}"), &admin, &moved).await.status,
        200
    );
    let letters = json!({"city": "MUMBAI"});
    assert_eq!(state.request("PATCH", &format!("/api/junctions/{two}"), &admin, &letters).await.status, 200);
    let mut fleet = Fleet::start(state);
    let first = keys(&mut fleet, &one, DEVICE).await;
    let now = Clock.now();
    assert!(first.city[0].valid_from <= now && now < first.city[0].valid_until);
    assert!(first.city.windows(2).all(|pair| pair[0].valid_until == pair[1].valid_from));
    assert!(first.city.last().expect("keys").valid_until > now + 14 * 86_400_000);
    let second = keys(&mut fleet, &two, DeviceId(Uuid::from_u128(8))).await;
    assert_eq!(second.city, first.city, "one city, one key");
    assert!(second.watchlist_key.is_some() && second.watchlist_key != first.watchlist_key);
    let other = keys(&mut fleet, &elsewhere, DeviceId(Uuid::from_u128(9))).await;
    assert!(other.city.iter().zip(&first.city).all(|(a, b)| a.key_id != b.key_id && a.key != b.key));
    let again = Fleet::start(fleet.state);
    let mut again = again;
    assert_eq!(keys(&mut again, &one, DEVICE).await, first, "after a restart, too");

    // Keys go when the last EPC under them has gone.
    let all = async || {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM privacy_keys WHERE kind = 'pseudonym'")
            .fetch_one(&db)
            .await
            .expect("a number")
    };
    let (before, retention) =
        (all().await, Retention { epc_days: 30, counts_days: 730, ..Retention::default() });
    let end = DateTime::from_timestamp_millis(first.city[0].valid_until.0).expect("a time");
    retention::apply(&db, retention, end + TimeDelta::days(30)).await.expect("the database answers");
    assert_eq!(all().await, before);
    retention::apply(&db, retention, end + TimeDelta::days(32)).await.expect("the database answers");
    assert_eq!(all().await, before - 2, "the first of each city");
}

#[sqlx::test]
async fn a_watched_vehicle_reaches_the_devices_and_its_epc_nobody(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let (main, other) = (state.junction(&admin, "Main").await, state.junction(&admin, "Other").await);
    let mut fleet = Fleet::start(state);
    let key = keys(&mut fleet, &main, DEVICE).await.watchlist_key.expect("a key");
    let tag = |key: &TagKey| key.tag(&EPC.parse::<Epc>().expect("an EPC"));
    let body = json!({
        "junction_ids": [main, other, main], "epc": EPC.to_lowercase(), "class": "emergency", "label": "Ambulance 4",
        "valid_until": "2030-01-01T00:00:00+05:30",
    });
    let answer = fleet.state.post("/api/watchlist", &admin, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let entries = answer.json();
    assert_eq!(entries.as_array().expect("a list").len(), 2);
    let sent = list(&mut fleet, &main).await.entries;
    assert_eq!((sent.len(), sent[0].tag, sent[0].class), (1, tag(&key), WatchedClass::Emergency));
    assert_eq!(sent[0].valid_until.to_string(), "2029-12-31T18:30:00Z");
    let elsewhere = list(&mut fleet, &other).await.entries;
    assert_ne!(elsewhere[0].tag, sent[0].tag, "each junction has its own key");
    assert!(Topic::Watchlist(id(&main)).retained());

    let mut renewed = body.clone();
    renewed["class"] = json!("transit");
    renewed["junction_ids"] = json!([main]);
    let answer = fleet.state.post("/api/watchlist", &admin, &renewed).await;
    assert_eq!(list(&mut fleet, &main).await.entries[0].class, WatchedClass::Transit);
    let shown = fleet.state.get(&format!("/api/watchlist?junction_id={main}"), &admin).await;
    assert_eq!(shown.json(), answer.json(), "one vehicle, one entry");
    let audit = fleet.state.get("/api/audit?action=watchlist", &admin).await;
    let stored: String =
        sqlx::query_scalar("SELECT string_agg(w::text, ' ') FROM watchlist w").fetch_one(&db).await.unwrap();
    for text in [&audit.text, &shown.text, &stored] {
        assert!(text.contains("Ambulance 4") && !text.to_uppercase().contains(EPC), "{text}");
    }
    for text in [&audit.text, &shown.text] {
        assert!(!text.contains(&tag(&key).to_string()), "{text}");
    }
    let entry = shown.json()[0]["entry_id"].as_str().expect("an id").to_owned();
    let path = format!("/api/watchlist/{entry}");
    assert_eq!(fleet.state.request("DELETE", &path, &admin, &Value::Null).await.status, 204);
    assert_eq!(list(&mut fleet, &main).await.entries, []);
    let gone = fleet.state.request("DELETE", &path, &admin, &Value::Null).await;
    gone.assert_problem(404, "There is no such entry");
    // What has run out is sent no more.
    sqlx::query("UPDATE watchlist SET valid_until = now() - interval '1 s'").execute(&db).await.unwrap();
    fleet.state.app.fleet.watchlist_changed(id(&other));
    assert_eq!(list(&mut fleet, &other).await.entries, []);
    let expired = flextraff_server::db::watchlist::expire(&db, Clock.utc()).await.unwrap();
    assert_eq!(expired, [id(&other)]);
    assert_eq!(fleet.state.get("/api/watchlist", &admin).await.json(), json!([]));
}

#[sqlx::test]
async fn a_vehicle_is_found_by_its_name_and_taken_off_everywhere(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (main, other) = (state.junction(&admin, "Main").await, state.junction(&admin, "Other").await);
    let ravi = state.plain_user(&admin, "ravi").await;
    let mut fleet = Fleet::start(state);
    for (epc, class, label) in [
        ("AA01", "emergency", "Ambulance 4"),
        ("AA02", "transit", "Ambulance 4"),
        ("AA03", "emergency", "Ambulance 40"),
        ("AA04", "transit", "Bus 9"),
    ] {
        let body = json!({"junction_ids": [main, other], "epc": epc, "class": class, "label": label,
            "valid_until": "2030-01-01T00:00:00Z"});
        assert_eq!(fleet.state.post("/api/watchlist", &admin, &body).await.status, 201);
    }
    let found = async |state: &TestState, query: &str| {
        let answer = state.get(&format!("/api/watchlist?{query}"), &admin).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json().as_array().map(Vec::len)
    };
    assert_eq!(found(&fleet.state, "search=lance%204").await, Some(6));
    assert_eq!(found(&fleet.state, "search=BUS").await, Some(2), "in letters of either case");
    assert_eq!(found(&fleet.state, &format!("search=bus&junction_id={main}&limit=1")).await, Some(1));
    assert_eq!(found(&fleet.state, "search=%25").await, Some(0), "no pattern");
    assert_eq!(fleet.state.get("/api/watchlist?search=%00", &admin).await.status, 422);

    let path = "/api/watchlist?label=Ambulance%204&class=emergency";
    let refused = fleet.state.request("DELETE", path, &ravi, &Value::Null).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    for bad in ["", "?label=Bus%209", "?class=transit", "?label=&class=transit", "?label=Bus%209&class=other"]
    {
        let answer =
            fleet.state.request("DELETE", &format!("/api/watchlist{bad}"), &admin, &Value::Null).await;
        assert_eq!(answer.status, 422, "{bad}: {}", answer.text);
    }
    assert_eq!(found(&fleet.state, "").await, Some(8));
    let gone = fleet.state.request("DELETE", path, &admin, &Value::Null).await;
    assert_eq!((gone.status.as_u16(), gone.json().as_array().map(Vec::len)), (200, Some(2)), "{}", gone.text);
    assert_eq!(found(&fleet.state, "search=ambulance").await, Some(4), "one of another class or name stays");
    for junction in [&main, &other] {
        let mut told = list(&mut fleet, junction).await.entries.len();
        // What was sent while the four were added may still be on its way.
        while told != 3 {
            told = list(&mut fleet, junction).await.entries.len();
        }
    }
    let audit = fleet.state.get("/api/audit?action=watchlist.remove", &admin).await.json();
    assert_eq!(audit.as_array().map(Vec::len), Some(2), "each is in the audit log");
    let again = fleet.state.request("DELETE", path, &admin, &Value::Null).await;
    again.assert_problem(404, "There is no such entry");
}

#[sqlx::test]
async fn lists_are_published_when_the_broker_is_there(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let junction = state.junction(&admin, "Main").await;
    state.broker.send_replace(false);
    let mut fleet = Fleet::start(state);
    let body = json!({"junction_ids": [junction], "epc": EPC, "class": "transit", "valid_until": "2030-01-01T00:00:00Z"});
    assert_eq!(fleet.state.post("/api/watchlist", &admin, &body).await.status, 201);
    assert_eq!(list(&mut fleet, &junction).await.entries.len(), 1);
    fleet.state.broker.send_replace(true);
    assert_eq!(list(&mut fleet, &junction).await.entries.len(), 1, "the broker may have lost it");
}

#[sqlx::test]
async fn lists_that_find_no_room_are_published_when_there_is_some(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (one, two) = (state.junction(&admin, "One").await, state.junction(&admin, "Two").await);
    let mut fleet = Fleet::start(state);
    let outgoing = fleet.state.app.mqtt.outgoing.clone();
    let other = Outgoing { topic: Topic::GreenTime(id(&one)), payload: String::new() };
    while outgoing.capacity() > 1 {
        outgoing.try_send(other.clone()).expect("there is room");
    }
    let body = json!({"junction_ids": [one, two], "epc": EPC, "class": "emergency", "valid_until": "2030-01-01T00:00:00Z"});
    assert_eq!(fleet.state.post("/api/watchlist", &admin, &body).await.status, 201);
    // The list of one takes the last room; that of the other is tried right after.
    let deadline = Clock.instant() + PATIENCE;
    while outgoing.capacity() > 0 {
        assert!(Clock.instant() < deadline, "nothing is published");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for junction in [&one, &two] {
        assert_eq!(list(&mut fleet, junction).await.entries.len(), 1);
    }
}

#[sqlx::test]
async fn only_administrators_change_lists_and_bad_entries_are_refused_by_field(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let (mine, other) = (state.junction(&admin, "Mine").await, state.junction(&admin, "Other").await);
    let user = state.plain_user(&admin, "asha").await;
    state.grant("asha", &mine, "operator").await;
    let good = |junction: &str| json!({"junction_ids": [junction], "epc": EPC, "class": "transit", "valid_until": "2030-01-01T00:00:00Z"});
    for junction in [&mine, &other] {
        assert_eq!(state.post("/api/watchlist", &admin, &good(junction)).await.status, 201);
    }
    let seen = state.get("/api/watchlist", &user).await.json();
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["junction_id"]), (1, &json!(mine)));
    let first = state.get("/api/watchlist?limit=1", &admin).await;
    assert!(first.header("link").contains("cursor="), "{}", first.header("link"));
    for (answer, status) in [
        (state.get("/api/watchlist", "").await, 401),
        (state.get(&format!("/api/watchlist?junction_id={other}"), &user).await, 403),
        (state.get("/api/watchlist?junction_id=x", &admin).await, 422),
        (state.post("/api/watchlist", &user, &good(&mine)).await, 403),
        (
            state
                .request(
                    "DELETE",
                    &format!("/api/watchlist/{}", seen[0]["entry_id"].as_str().unwrap()),
                    &user,
                    &Value::Null,
                )
                .await,
            403,
        ),
        (state.post("/api/watchlist", &admin, &good("00000000-0000-0000-0000-000000000000")).await, 404),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    for (field, value) in [
        ("junction_ids", json!([])),
        ("junction_ids", json!(["x"])),
        ("epc", json!("xyz")),
        ("epc", json!("p:2026-W05:00112233445566778899aabbccddeeff")),
        ("epc", Value::Null),
        ("class", json!("fire")),
        ("valid_until", json!("2020-01-01T00:00:00Z")),
        ("valid_until", json!("2099-01-01T00:00:00Z")),
        ("valid_until", json!("soon")),
        ("label", json!("a\nb")),
    ] {
        let mut body = good(&mine);
        body[field] = value;
        let answer = state.post("/api/watchlist", &admin, &body).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec![field.to_owned()]), "{body}");
        assert!(!answer.text.contains(EPC));
    }
    sqlx::query(
        "INSERT INTO watchlist (junction_id, tag_hmac, class, valid_until)
         SELECT $1::uuid, lpad(to_hex(n), 32, '0'), 'transit', now() + interval '1 day' FROM generate_series(1, 9999) n",
    )
    .bind(&mine)
    .execute(&db)
    .await
    .unwrap();
    let mut another = good(&mine);
    another["epc"] = json!("34161FA8203E7CB202000040");
    let full = state.post("/api/watchlist", &admin, &another).await;
    assert_eq!(full.status, 409, "{}", full.text);
    assert_eq!(
        state.post("/api/watchlist", &admin, &good(&mine)).await.status,
        201,
        "renewing takes no room"
    );
    let message = flextraff_server::db::watchlist::message(&db, id(&mine), Clock.utc()).await.unwrap();
    assert_eq!(message.entries.len(), MAX_WATCHED);
    // Of several pages the broker keeps the last one only: who comes online gets them all.
    let mut fleet = Fleet::start(state);
    keys(&mut fleet, &mine, DEVICE).await;
    let mut got = Vec::new();
    for number in 1..=5 {
        let message = fleet.message(|topic| matches!(topic, Topic::Watchlist(_))).await;
        assert!(message.payload.len() < MAX_PAYLOAD);
        let page: WatchlistPage = decode(message.payload.as_bytes()).expect("pages can be read");
        assert_eq!((page.page, page.pages), (Some(number), Some(5)));
        got.extend(page.entries);
    }
    assert_eq!(got, message.entries);
}
