//! The database is out of reach while the roads go on.

use crate::gate::Gate;
use crate::road::{Road, Verdict};
use crate::state::TestState;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::PlanState;
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
