//! Nobody who holds a connection to the database waits for another one: so many at once would wait for each other.

use crate::devices::create;
use crate::enrolment::enrolling;
use crate::state::TestState;
use flextraff_server::config::{Database, Secret};
use flextraff_server::db::{is_away, setup};
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions as _, PgPool};
use std::time::Duration;

/// The same server with one connection for everything.
async fn with_one(db: &PgPool, state: &TestState) -> TestState {
    let options = (*db.connect_options()).clone();
    let one = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(5));
    let one = one.connect_with(options).await.expect("the database is there");
    TestState::with_config(one, (*state.app.config).clone())
}

#[sqlx::test]
async fn a_token_that_no_device_waits_for_is_refused_with_one_connection(db: PgPool) {
    let (state, _) = enrolling(db.clone()).await;
    let state = with_one(&db, &state).await;
    let answer = state.post("/api/devices/enroll", "", &json!({"token": "0".repeat(64)})).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
    let refused: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'device.enroll.refuse'")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(refused, 1);
}

#[sqlx::test]
async fn an_operator_says_that_somebody_works_at_a_device_with_one_connection(db: PgPool) {
    let (state, admin) = enrolling(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let device = create(&state, &admin, &json!({"junction_id": junction})).await;
    state.plain_user(&admin, "ravi").await;
    state.grant("ravi", &junction, "operator").await;
    let state = with_one(&db, &state).await;
    let ravi = state.token("ravi").await;
    let path = format!("/api/devices/{}", device["device_id"].as_str().unwrap());
    let answer = state.request("PATCH", &path, &ravi, &json!({"maintenance": true})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["status"], "maintenance");
}

/// Somebody closes the page amid his request: who comes next writes what is kept.
#[sqlx::test(migrations = false)]
async fn a_transaction_that_is_given_up_as_it_begins_holds_up_nobody(db: PgPool) {
    let url = Some(Secret::new(db.connect_options().to_url_lossy().to_string()));
    let config = Database { url, max_connections: 1, ..Database::default() };
    let one = setup::connect(&config).await.expect("the database is there");
    for turns in [1, 2, 3, 5, 8, 12, 20, 50, 100, 200, 500] {
        // Once all are given back it begins at once, and is given up amid that.
        while one.num_idle() < usize::try_from(one.size()).unwrap() {
            tokio::task::yield_now().await;
        }
        let patience = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = one.begin_with("BEGIN READ ONLY") => {}
            () = patience => {}
        }
        let table = format!("CREATE TABLE after_{turns} ()");
        sqlx::query(sqlx::AssertSqlSafe(table)).execute(&one).await.expect("it is written");
    }
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'after_%'")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(written, 11);
}

/// As after a failover, or while somebody has set it to be read only.
#[sqlx::test(migrations = false)]
async fn a_database_that_took_no_changes_for_a_while_is_told_and_written_to_again(db: PgPool) {
    let mut person = db.acquire().await.expect("it answers");
    let options = db.connect_options();
    let name = options.get_database().expect("it has a name");
    let set = |to: &str| sqlx::AssertSqlSafe(format!("ALTER DATABASE \"{name}\" {to}"));
    sqlx::query(set("SET default_transaction_read_only = on"))
        .execute(&mut *person)
        .await
        .expect("it takes that");
    let url = Some(Secret::new(options.to_url_lossy().to_string()));
    let config = Database { url, max_connections: 1, ..Database::default() };
    let one = setup::connect(&config).await.expect("the database is there");
    let refused = sqlx::query("CREATE TABLE refused ()").execute(&one).await.expect_err("it takes none");
    assert!(is_away(&refused) && !setup::takes_changes(&one).await, "{refused}");
    assert!(setup::answers(&one).await, "it can be read");
    sqlx::query(set("RESET default_transaction_read_only"))
        .execute(&mut *person)
        .await
        .expect("it takes that");
    // The connection of before goes as it is given back.
    while one.num_idle() < usize::try_from(one.size()).unwrap() {
        tokio::task::yield_now().await;
    }
    sqlx::query("CREATE TABLE taken ()").execute(&one).await.expect("it is written");
    assert!(setup::takes_changes(&one).await);
}
