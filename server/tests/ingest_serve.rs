//! The program itself: killed in the middle of its work.
#![expect(clippy::disallowed_methods, reason = "tests wait with a deadline")]

mod support;

use sqlx::PgPool;
use std::time::{Duration, Instant};
use support::process::{connect, free_port, serve, terminate};
use support::*;

#[sqlx::test(migrations = "./migrations")]
async fn killed_in_the_middle_again_and_again_it_stores_every_count_once(db: PgPool) {
    const COUNTED: &str = "SELECT count(*) FROM car_counts";
    import(&db).await;
    let broker = Broker::start().await;
    let port = free_port();
    let start = || serve(&db, port).env("FLEXTRAFF_MQTT__URL", broker.url()).spawn().expect("it starts");
    let mut server = start();
    // Subscribed, so that from here on the broker keeps everything.
    let lane = counts_topic(LANES[1]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while number(&db, COUNTED).await == 0 {
        assert!(Instant::now() < deadline, "the server takes nothing in");
        broker.publish(&lane, &[counts(COUNTER, LANES[1], 1).to_string()]).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for round in 0..3_u64 {
        let first = 2 + round * 1000;
        let rows: Vec<String> =
            (first..first + 1000).map(|seq| counts(COUNTER, LANES[1], seq).to_string()).collect();
        broker.publish(&lane, &rows).await;
        // Killed as soon as something of this round is stored, with the rest under way.
        let before = i64::try_from(first - 1).expect("it is small");
        let deadline = Instant::now() + Duration::from_secs(20);
        while number(&db, COUNTED).await < before {
            assert!(Instant::now() < deadline, "the server takes nothing in");
        }
        server.kill().await.expect("it can be killed");
        server = start();
    }
    wait_for(&db, COUNTED, 3001).await;
    wait_for(&db, "SELECT count(DISTINCT seq) FROM car_counts", 3001).await;
    // When the server before it has stored all, this one may still be starting, and would not hear of its end.
    drop(connect(port).await);
    assert_eq!(terminate(server).await, Some(0));
    assert_eq!(number(&db, COUNTED).await, 3001);
}
