//! Connections that stay at hand between look-ups.

use flextraff_server::clock::Clock;
use flextraff_server::db::ready::Ready;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use tokio::time::timeout;

async fn pool_of(most: u32, db: &PgPool) -> PgPool {
    let options = db.connect_options().as_ref().clone();
    PgPoolOptions::new().max_connections(most).connect_with(options).await.expect("the database is there")
}

async fn backend(connection: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await.expect("it works")
}

#[sqlx::test]
async fn a_connection_stays_at_hand_and_one_that_died_meanwhile_is_not_given_out(db: PgPool) {
    let db = pool_of(16, &db).await;
    let (ready, now) = (Ready::new(db.clone()), Clock.instant());
    let mut first = ready.take(now).await.unwrap();
    let pid = backend(&mut first).await;
    ready.give(first, now);
    let mut again = ready.take(now).await.unwrap();
    assert_eq!(backend(&mut again).await, pid);
    ready.give(again, now);

    let ended = sqlx::query_scalar::<_, bool>("SELECT pg_terminate_backend($1, 10000)").bind(pid);
    assert!(ended.fetch_one(&db).await.unwrap());
    let later = now + Duration::from_secs(2);
    let mut other = ready.take(later).await.unwrap();
    assert_ne!(backend(&mut other).await, pid);
}

#[sqlx::test]
async fn the_pool_closes_though_connections_are_at_hand_and_few_ever_are(db: PgPool) {
    let db = pool_of(16, &db).await;
    let (ready, now) = (Ready::new(db.clone()), Clock.instant());
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(ready.take(now).await.unwrap());
    }
    for connection in taken {
        ready.give(connection, now);
    }
    // Two of the four go to the pool.
    timeout(Duration::from_secs(10), async {
        while db.num_idle() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("two are idle");
    assert_eq!((db.size(), db.num_idle()), (4, 2));
    timeout(Duration::from_secs(10), db.close()).await.expect("nothing holds it open");
    assert!(ready.take(now).await.is_err());
}

#[sqlx::test]
async fn a_small_pool_is_left_to_all_else(db: PgPool) {
    let db = pool_of(3, &db).await;
    let (ready, now) = (Ready::new(db.clone()), Clock.instant());
    let (one, other) = (ready.take(now).await.unwrap(), ready.take(now).await.unwrap());
    ready.give(one, now);
    ready.give(other, now);
    let whole = async {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(db.acquire().await.unwrap());
        }
    };
    timeout(Duration::from_secs(10), whole).await.expect("all three can be had");
}
