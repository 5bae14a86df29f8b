//! The database is out of reach while the roads go on.

use crate::gate::Gate;
use crate::road::{Road, Verdict};
use crate::state::TestState;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::{Mode, PlanState};
use flextraff_server::clock::Clock;
use flextraff_server::config::Config;
use flextraff_server::db::tidings::{self, Listener, Tiding};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

const RUNS: Verdict = |_| Some(PlanState::Running);

/// The way to the database.
async fn gate(db: &PgPool) -> Gate {
    let options = db.connect_options();
    Gate::open((options.get_host().to_owned(), options.get_port())).await
}

/// A pool that goes through there, as patient as that of the server.
fn pool(gate: &Gate, db: &PgPool) -> PgPool {
    let options = (*db.connect_options()).clone().host("127.0.0.1").port(gate.port);
    PgPoolOptions::new().acquire_timeout(Duration::from_secs(10)).connect_lazy_with(options)
}

#[sqlx::test]
async fn roads_get_their_plans_while_the_database_is_away_and_it_has_them_later(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let mut junctions = BTreeSet::new();
    for number in 0..12 {
        junctions.insert(state.junction(&token, &format!("Junction {number}")).await);
    }
    let mut gate = gate(&db).await;
    let state = TestState::with_config(pool(&gate, &db), Config::default());
    let token = state.token("admin").await;
    let mut road = Road::start(state, RUNS);
    let number = async |query: &'static str, expected: i64| {
        let deadline = Clock.instant() + Duration::from_secs(30);
        loop {
            let found: i64 = sqlx::query_scalar(query).fetch_one(&db).await.expect("the database is there");
            if found == expected {
                return;
            }
            assert!(Clock.instant() < deadline, "{query}: {found} instead of {expected}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    number("SELECT count(*) FROM junction_leases", 12).await;

    gate.cut().await;
    let cut = Clock.instant();
    // Whichever way it learns that the database is away: here it is asked to look at all junctions first.
    road.state.app.dispatch.junctions_changed();
    tokio::task::yield_now().await;
    for junction in &junctions {
        road.comes_online(junction).await;
    }
    let mut without = junctions.clone();
    while !without.is_empty() {
        let plan = road.plan(|_| true).await;
        without.remove(&plan.junction_id.to_string());
    }
    // At first one learns that the database is away; nobody waits for it once for each junction.
    assert!(cut.elapsed() < Duration::from_secs(8), "{:?}", cut.elapsed());

    gate.mend().await;
    number("SELECT count(*) FROM green_times WHERE state = 'running'", 12).await;
    let first = junctions.first().expect("there are twelve");
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 });
    let answer = road.set_mode(first, &token, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// It reads and takes nothing: who may end an override is known, and that it was ended is recorded once there is room.
#[sqlx::test]
async fn an_override_is_ended_at_once_while_the_database_has_no_room_and_that_is_recorded_later(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let meera = state.plain_user(&admin, "meera").await;
    state.grant("meera", &junction, "operator").await;
    let ravi = state.plain_user(&admin, "ravi").await;
    let mut road = Road::start(state, RUNS);
    road.comes_online(&junction).await;
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 });
    assert_eq!(road.set_mode(&junction, &admin, &body).await.status, 200);
    road.plan(|plan| plan.mode == Mode::ManualOverride).await;
    let run = async |statement: &'static str| {
        sqlx::query(statement).execute(&db).await.expect("the user of the tests may do so");
    };
    run("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$").await;
    let tables = ["audit_log", "manual_override_history", "green_times", "junction_leases"];
    for table in tables {
        let trigger =
            format!("CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION no_room()");
        sqlx::query(sqlx::AssertSqlSafe(trigger))
            .execute(&db)
            .await
            .expect("the user of the tests may do so");
    }

    let automatic = json!({ "mode": "automatic" });
    road.set_mode(&junction, &ravi, &automatic).await.assert_problem(403, "No access to this junction");
    let no_room = "The disk of the database is full: nothing can be stored until an administrator makes room";
    road.set_mode(&junction, &meera, &body).await.assert_problem(503, no_room);
    let ended = road.set_mode(&junction, &meera, &automatic).await;
    assert_eq!((ended.status.as_u16(), &ended.json()["applied"]), (200, &json!("running")), "{}", ended.text);
    road.plan(|plan| plan.mode == Mode::Automatic && plan.ends_override).await;
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM manual_override_history WHERE override_end IS NULL")
            .fetch_one(&db)
            .await
            .expect("it answers");
    assert_eq!(open, 1, "that is not recorded yet");
    // However often it looks at what the database says.
    road.state.app.dispatch.junctions_changed();
    road.state.broker.send_replace(false);
    road.state.broker.send_replace(true);
    assert_eq!(road.plan(|_| true).await.mode, Mode::Automatic);

    for table in tables {
        let trigger = format!("DROP TRIGGER no_room ON {table}");
        sqlx::query(sqlx::AssertSqlSafe(trigger)).execute(&db).await.expect("it is there");
    }
    let deadline = Clock.instant() + Duration::from_secs(30);
    loop {
        let answer = road.state.get(&format!("/api/junctions/{junction}/overrides"), &admin).await.json();
        if answer[0]["end_reason"] == "ended" {
            assert_eq!((&answer[0]["username"], &answer[0]["ended_by"]), (&json!("admin"), &json!("meera")));
            break;
        }
        assert!(Clock.instant() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let deeds = road.state.get("/api/audit?action=junction.mode", &admin).await.json();
    let who: Vec<&str> =
        deeds.as_array().into_iter().flatten().filter_map(|deed| deed["username"].as_str()).collect();
    assert_eq!(who, ["meera", "admin"], "{deeds}");
    road.state.broker.send_replace(false);
    road.state.broker.send_replace(true);
    assert_eq!(road.plan(|_| true).await.mode, Mode::Automatic, "it does not begin anew");
}

/// Whether somebody may end it only the database knows, whose sessions and rights may have ended meanwhile. Its time is over all the same.
#[sqlx::test]
async fn an_override_runs_out_while_the_database_is_away_and_nobody_ends_it_unseen(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&token, "Main").await;
    let mut gate = gate(&db).await;
    let road = Road::start(TestState::with_config(pool(&gate, &db), Config::default()), RUNS);
    let token = road.state.token("admin").await;
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 });
    assert_eq!(road.set_mode(&junction, &token, &body).await.status, 200);
    sqlx::query("UPDATE manual_override_history SET expires_at = now() + interval '6 seconds'")
        .execute(&db)
        .await
        .expect("it runs");
    let mut road = road.restart(RUNS).await;
    road.comes_online(&junction).await;
    road.plan(|plan| plan.mode == Mode::ManualOverride).await;

    gate.cut().await;
    let refused = road.set_mode(&junction, &token, &json!({ "mode": "automatic" })).await;
    refused.assert_problem(503, "The database cannot be reached; try again in a few seconds");
    let holds = async |query: &'static str| {
        let deadline = Clock.instant() + Duration::from_secs(30);
        while !sqlx::query_scalar::<_, bool>(query).fetch_one(&db).await.expect("the database is there") {
            assert!(Clock.instant() < deadline, "{query}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    holds("SELECT now() > expires_at + interval '2 seconds' AND override_end IS NULL FROM manual_override_history").await;
    // Who asks what holds is not sent it any more.
    road.state.broker.send_replace(false);
    road.state.broker.send_replace(true);
    assert_eq!(road.plan(|_| true).await.mode, Mode::Automatic);

    gate.mend().await;
    holds(
        "SELECT coalesce(override_end = expires_at AND end_reason = 'expired', false) AND current_mode = 'automatic'
         FROM manual_override_history JOIN junctions USING (junction_id)",
    )
    .await;
}

/// A firewall forgets a connection, or another machine takes over the address: no packet says that it is gone.
#[sqlx::test]
async fn who_listens_on_a_connection_that_is_cut_without_a_word_notices(db: PgPool) {
    let gate = gate(&db).await;
    let mut listener = Listener::start(&pool(&gate, &db)).await.expect("the database is there");
    let (junction, device) = (JunctionId(Uuid::from_u128(1)), DeviceId(Uuid::from_u128(2)));
    let tell = async || {
        let mut connection = db.acquire().await.expect("the database is there");
        tidings::tell_silent(&mut connection, junction, device).await.expect("it takes that");
    };
    tell().await;
    assert_eq!(listener.next().await.expect("it comes through"), Tiding::Silent(junction, device));
    gate.swallows.send_replace(true);
    tell().await;
    let next = timeout(Duration::from_mins(1), listener.next()).await.expect("it does not wait for ever");
    let error = next.expect_err("nothing comes through");
    assert!(error.to_string().contains("does not answer in time"), "{error}");
}

#[sqlx::test]
async fn a_junction_that_is_being_changed_holds_up_no_other(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let (changed, other) = (state.junction(&token, "Changed").await, state.junction(&token, "Other").await);
    let mut road = Road::start(state, RUNS);
    for junction in [&changed, &other] {
        road.comes_online(junction).await;
        road.plan(|_| true).await;
    }
    let mut change = db.begin().await.expect("it answers");
    sqlx::query("SELECT FROM junctions WHERE junction_id = $1::text::uuid FOR UPDATE")
        .bind(&changed)
        .execute(&mut *change)
        .await
        .expect("nobody else has it");
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 });
    let (refused, set) =
        tokio::join!(road.set_mode(&changed, &token, &body), road.set_mode(&other, &token, &body));
    refused.assert_problem(503, "the junction is being changed; try again in a moment");
    assert_eq!(set.status, 200, "{}", set.text);
    change.rollback().await.expect("it answers");
    let answer = road.set_mode(&changed, &token, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[sqlx::test]
async fn who_is_ended_so_that_another_can_go_on_is_told_to_try_again(db: PgPool) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let (first, second) = (state.junction(&token, "First").await, state.junction(&token, "Second").await);
    let lock = async |tx: &mut sqlx::PgConnection, junction: &str| {
        let lock = sqlx::query("SELECT FROM junctions WHERE junction_id = $1::text::uuid FOR UPDATE");
        lock.bind(junction).execute(tx).await.map(drop)
    };
    let (mut one, mut other) = (db.begin().await.expect("it answers"), db.begin().await.expect("it answers"));
    lock(&mut one, &first).await.expect("nobody else has it");
    lock(&mut other, &second).await.expect("nobody else has it");
    let ended = async |tx: &mut sqlx::Transaction<'_, sqlx::Postgres>, junction: &str| {
        let done = lock(tx, junction).await;
        if done.is_err() {
            sqlx::query("ROLLBACK").execute(&mut **tx).await.expect("it answers");
        }
        done
    };
    let (a, b) = tokio::join!(ended(&mut one, &second), ended(&mut other, &first));
    let failed: Vec<sqlx::Error> = [a, b].into_iter().filter_map(Result::err).collect();
    assert!(matches!(&failed[..], [error] if flextraff_server::db::is_deadlock(error)), "{failed:?}");
}

/// Its disk does not write: an override is committed in the end, but not in time for whoever waits.
#[sqlx::test]
async fn a_database_that_stands_still_at_a_commit_holds_up_no_other_junction_and_what_came_of_it_is_found_out(
    db: PgPool,
) {
    let (state, token) = TestState::with_admin(db.clone()).await;
    let (set, other) = (state.junction(&token, "Set").await, state.junction(&token, "Other").await);
    let mut road = Road::start(state, RUNS);
    road.comes_online(&set).await;
    road.plan(|plan| plan.junction_id.to_string() == set).await;
    for statement in [
        "CREATE FUNCTION stands_still() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(8); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER stands_still AFTER INSERT ON manual_override_history DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION stands_still()",
    ] {
        sqlx::query(statement).execute(&db).await.expect("the user of the tests may do so");
    }
    let began = Clock.instant();
    let body = json!({ "total_cycle_time": 100, "north_lane_time": 30, "south_lane_time": 20, "east_lane_time": 25 });
    let unknown = road.set_mode(&set, &token, &body).await;
    let detail =
        "the database does not confirm it in time; look whether it holds before you ask for it again";
    unknown.assert_problem(503, detail);
    assert_eq!(unknown.header("retry-after"), "");
    road.comes_online(&other).await;
    road.plan(|plan| plan.junction_id.to_string() == other).await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    // It holds after all, and is sent as soon as that is known.
    let sent = road.plan(|plan| plan.mode == Mode::ManualOverride).await;
    assert_eq!(sent.junction_id.to_string(), set);
    let overrides = road.state.get(&format!("/api/junctions/{set}/overrides"), &token).await.json();
    assert_eq!(overrides[0]["override_id"].as_str(), sent.plan_id.as_deref());
}
