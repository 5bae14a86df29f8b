//! Lanes that show nothing: told against what is usual at them, whoever counts there.

use crate::alarms::{device, look_with};
use crate::state::TestState;
use chrono::{DateTime, TimeDelta, Utc};
use flextraff_common::ids::JunctionId;
use flextraff_server::clock::Clock;
use flextraff_server::config::Alarms;
use flextraff_server::db::alarms;
use serde_json::json;
use sqlx::PgPool;
use std::time::Duration;

/// 10:31 of a Friday in India.
const FRIDAY: &str = "2026-01-23T05:01:00Z";

/// Counts of 5 min each over the hour before `until`, of each of these days before.
struct Counts<'a> {
    lane: &'a str,
    days: std::ops::RangeInclusive<i32>,
    vehicles: i32,
    /// Seconds watched of each 5 min; `None`: the sender does not say, as those of the published interface.
    observed: Option<f32>,
}

async fn store(db: &PgPool, junction: &str, until: DateTime<Utc>, counts: &[Counts<'_>]) {
    for Counts { lane, days, vehicles, observed } in counts {
        sqlx::query(
            "INSERT INTO car_counts (junction_id, lane_id, ts, observed_s, vehicle_count)
             SELECT junction_id, lane_id, $4 - make_interval(days => day, mins => 5 * part + 2), $6, $5
             FROM lanes, generate_series($2, $3) AS day, generate_series(0, 10) AS part
             WHERE junction_id = $1::uuid AND lane_name = $7",
        )
        .bind(junction)
        .bind(days.start())
        .bind(days.end())
        .bind(until)
        .bind(vehicles)
        .bind(observed)
        .bind(lane)
        .execute(db)
        .await
        .expect("the counts are stored");
    }
}

const fn counts(lane: &str, days: std::ops::RangeInclusive<i32>, vehicles: i32) -> Counts<'_> {
    Counts { lane, days, vehicles, observed: Some(300.0) }
}

const fn published(lane: &str, days: std::ops::RangeInclusive<i32>, vehicles: i32) -> Counts<'_> {
    Counts { lane, days, vehicles, observed: None }
}

async fn quiet(db: &PgPool, now: DateTime<Utc>) -> Vec<(String, bool, Option<f64>)> {
    let lanes = alarms::quiet_lanes(db, now).await.expect("the database works");
    lanes.into_iter().map(|lane| (lane.lane.clone(), lane.no_counts, lane.usual())).collect()
}

#[sqlx::test]
async fn a_lane_that_falls_silent_against_its_history_is_found(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let now: DateTime<Utc> = FRIDAY.parse().unwrap();
    let hardly = Counts { observed: Some(100.0), ..counts("E", 0..=0, 0) };
    let all = [counts("N", 0..=0, 0), counts("N", 1..=4, 4), counts("S", 0..=0, 0), counts("S", 1..=4, 0)];
    store(&db, &junction, now, &all).await;
    store(
        &db,
        &junction,
        now,
        &[hardly, counts("E", 1..=4, 4), counts("W", 0..=0, 1), counts("W", 1..=4, 4)],
    )
    .await;
    state.recount().await;
    let (n, s) = (("N".to_owned(), false, Some(44.0)), ("S".to_owned(), false, Some(0.0)));
    assert_eq!(quiet(&db, now).await, [n, s.clone()]);
    sqlx::query("UPDATE car_counts SET vehicle_count = 1 FROM lanes l WHERE l.lane_id = car_counts.lane_id AND lane_name = 'N' AND ts > $1 - interval '10 minutes'")
        .bind(now)
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(quiet(&db, now).await, [s]);
}

#[sqlx::test]
async fn a_lane_of_which_nothing_comes_is_found_unless_a_device_that_counts_it_is_away(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let now: DateTime<Utc> = FRIDAY.parse().unwrap();
    // W sends in the published form and says that nobody came.
    let all =
        [counts("N", 1..=4, 4), published("S", 1..=4, 3), published("W", 0..=0, 0), published("W", 1..=4, 2)];
    store(&db, &junction, now, &all).await;
    state.recount().await;
    let silent = |lane: &str, no_counts, usual| (lane.to_owned(), no_counts, Some(usual));
    let whole = [silent("N", true, 44.0), silent("S", true, 33.0), silent("W", false, 22.0)];
    assert_eq!(quiet(&db, now).await, whole);

    device(&db, &junction, None).await;
    assert_eq!(quiet(&db, now).await, whole, "a device that was never heard is not what counted");
    let heard = async |seconds| {
        sqlx::query("UPDATE edge_devices SET last_heartbeat = $1")
            .bind(now - TimeDelta::seconds(seconds))
            .execute(&db)
            .await
            .unwrap();
    };
    heard(30).await;
    assert_eq!(quiet(&db, now).await, whole);
    heard(300).await;
    assert_eq!(quiet(&db, now).await, whole[2..], "device_offline says that");
    sqlx::query("INSERT INTO edge_device_lanes SELECT device_id, l.lane_id FROM edge_devices, lanes l WHERE lane_name = 'N'")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(quiet(&db, now).await, whole[1..], "it serves one lane only");
}

#[sqlx::test]
async fn a_lane_that_is_counted_by_a_clock_nobody_has_set_is_not_told(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let now: DateTime<Utc> = FRIDAY.parse().unwrap();
    // What it counts stands at another time.
    let all = [counts("N", 1..=4, 4), counts("S", 0..=0, 0), counts("S", 1..=4, 3)];
    store(&db, &junction, now, &all).await;
    state.recount().await;
    device(&db, &junction, None).await;
    let says = async |clock: &str| {
        sqlx::query("UPDATE edge_devices SET last_heartbeat = $1, last_status = jsonb_build_object('online', true, 'clock', $2::text)")
            .bind(now)
            .bind(clock)
            .execute(&db)
            .await
            .unwrap();
    };
    says("synced").await;
    let (n, s) = (("N".to_owned(), true, Some(44.0)), ("S".to_owned(), false, Some(33.0)));
    assert_eq!(quiet(&db, now).await, [n.clone(), s]);
    says("unsynced").await;
    assert_eq!(quiet(&db, now).await, []);
    sqlx::query("INSERT INTO edge_device_lanes SELECT device_id, l.lane_id FROM edge_devices, lanes l WHERE lane_name = 'S'")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(quiet(&db, now).await, [n], "N is counted by another one");
}

#[sqlx::test]
async fn the_hour_is_that_of_the_clocks_of_the_junction_also_after_they_change(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    sqlx::query("UPDATE junctions SET time_zone = 'Europe/Berlin'").execute(&db).await.unwrap();
    // 08:31 of a Wednesday; three days before, summer time has ended. People come to work at the same time by their clocks.
    let now: DateTime<Utc> = "2026-10-28T07:31:00Z".parse().unwrap();
    store(&db, &junction, now, &[counts("N", 0..=3, 4), counts("N", 4..=28, 0)]).await;
    store(&db, &junction, now - TimeDelta::hours(1), &[counts("N", 4..=28, 4)]).await;
    sqlx::query("UPDATE car_counts SET vehicle_count = 0 WHERE ts > $1 - interval '1 hour'")
        .bind(now)
        .execute(&db)
        .await
        .unwrap();
    state.recount().await;
    assert_eq!(quiet(&db, now).await, [("N".to_owned(), false, Some(44.0))]);
}

#[sqlx::test]
async fn holidays_of_city_and_junction_are_compared_with_sundays(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let now: DateTime<Utc> = FRIDAY.parse().unwrap();
    store(&db, &junction, now, &[counts("N", 0..=0, 0), counts("N", 1..=28, 4)]).await;
    // 4 Sundays.
    sqlx::query("UPDATE car_counts SET vehicle_count = 0 WHERE extract(isodow FROM ts) = 7")
        .execute(&db)
        .await
        .unwrap();
    state.recount().await;
    let n = |usual| [("N".to_owned(), false, Some(usual))];
    assert_eq!(quiet(&db, now).await, n(44.0));
    let insert = "INSERT INTO holidays (city, junction_id, day, holiday_name) SELECT $1, $2::uuid, '2026-01-23', 'Day'";
    sqlx::query(insert).bind("nowhere").bind(None::<&str>).execute(&db).await.unwrap();
    assert_eq!(quiet(&db, now).await, n(44.0));
    sqlx::query(insert).bind(None::<&str>).bind(&junction).execute(&db).await.unwrap();
    assert_eq!(quiet(&db, now).await, n(0.0));
    sqlx::query("UPDATE holidays SET junction_id = NULL, city = (SELECT upper(city) FROM junctions) WHERE junction_id IS NOT NULL")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(quiet(&db, now).await, n(0.0));
}

/// Looks once, as a server that has heard the road for so long: kind, message and state of the first alarm that is told.
async fn told(state: &TestState, heard_for: Duration) -> (String, String, String) {
    let since = Clock.instant().checked_sub(heard_for).expect("the machine runs for longer");
    let told = look_with(state, state.begins_to_hear().since(since), &Alarms::default()).await;
    let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
    (text("kind"), text("message"), text("state"))
}

#[sqlx::test]
async fn who_sends_in_the_published_form_and_falls_silent_is_told_by_a_server_that_could_have_heard_it(
    db: PgPool,
) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let (published_only, other) = (state.junction(&admin, "A").await, state.junction(&admin, "B").await);
    // Within the five minutes that run, so that the hour before them holds all counts.
    let now = DateTime::from_timestamp(Clock.utc().timestamp().div_euclid(300) * 300 + 60, 0).unwrap();
    store(&db, &published_only, now, &[published("N", 1..=28, 4)]).await;
    // Of the other one it is known, whoever listens, that it was watched in vain.
    store(&db, &other, now, &[counts("S", 0..=0, 0), counts("S", 1..=28, 4)]).await;
    state.recount().await;
    let open = async || alarms::open(&db).await.expect("the database works");
    let (kind, message, alarm_state) = told(&state, Duration::from_mins(10)).await;
    assert_eq!((kind.as_str(), alarm_state.as_str()), ("count_anomaly", "open"));
    assert!(message.starts_with("No vehicle for an hour") && message.ends_with(": S"), "{message}");
    assert_eq!(open().await.len(), 1, "of A nothing is known: {:?}", open().await);
    let (kind, message, alarm_state) = told(&state, Duration::from_mins(65)).await;
    assert_eq!((kind.as_str(), alarm_state.as_str()), ("count_anomaly", "open"));
    assert!(message.starts_with("No counts came for an hour") && message.ends_with(": N"), "{message}");
    let junction: JunctionId = published_only.parse().unwrap();
    let detail = open().await.into_iter().find(|(place, _)| place.junction == junction).unwrap().1.detail;
    assert_eq!(detail, json!({"usual": {"N": 44.0}, "no_counts": ["N"]}));

    // A server that has just begun to hear leaves it open; one count ends it.
    sqlx::query("UPDATE car_counts SET vehicle_count = 1 WHERE junction_id = $1::uuid AND ts > $2 - interval '5 minutes'")
        .bind(&other)
        .bind(now)
        .execute(&db)
        .await
        .unwrap();
    state.recount().await;
    let (_, message, alarm_state) = told(&state, Duration::from_mins(10)).await;
    assert!(alarm_state == "closed" && message.ends_with(": S"), "{message}");
    assert_eq!(open().await.len(), 1);
    store(&db, &published_only, now, &[published("N", 0..=0, 1)]).await;
    state.recount().await;
    assert_eq!(told(&state, Duration::from_mins(10)).await.2, "closed");
    assert_eq!(open().await, []);
}
