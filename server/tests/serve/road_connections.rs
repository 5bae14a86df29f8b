//! The road waits for nobody who reads reports.

use crate::stop::{answer, create_user, sign_in};
use crate::support::process::{connect, free_port, serve, terminate};
use crate::support::{Broker, DEVICE, JUNCTION, LANES, counts, counts_topic, import, number, wait_for};
use serde_json::json;
use sqlx::PgPool;

/// More than there are connections for.
const READERS: usize = 12;

#[sqlx::test(migrations = "./migrations")]
async fn counts_leases_and_emergencies_go_on_while_requests_hold_all_other_connections(db: PgPool) {
    import(&db).await;
    create_user(&db).await;
    let broker = Broker::start().await;
    let port = free_port();
    let server = serve(&db, port)
        .env("FLEXTRAFF_MQTT__URL", broker.url())
        .env("FLEXTRAFF_HTTP__MAX_REQUESTS", READERS.to_string())
        .spawn()
        .expect("it starts");
    drop(connect(port).await);
    wait_for(&db, "SELECT count(*) FROM junction_leases WHERE expires_at > now()", 1).await;
    let token = sign_in(port).await;
    let head = |line: &str| {
        format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        )
    };

    let mut slow = db.begin().await.expect("it answers");
    sqlx::query("LOCK TABLE dead_letters").execute(&mut *slow).await.expect("nobody else uses it");
    let read = format!("{}\r\n", head("GET /api/dead-letters"));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let read = read.clone();
            tokio::spawn(async move { answer(port, &read).await })
        })
        .collect();
    // Of the four of this server one listens to what the database tells.
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    wait_for(&db, waiting, 3).await;

    let leased = "SELECT (EXTRACT(EPOCH FROM min(expires_at)) * 1000)::bigint FROM junction_leases";
    let held_until = number(&db, leased).await;
    broker.publish(&counts_topic(LANES[0]), &[counts(DEVICE, LANES[0], 1).to_string()]).await;
    wait_for(&db, "SELECT count(*) FROM car_counts", 1).await;
    let body = json!({"mode": "emergency", "lane_id": LANES[0]}).to_string();
    let set_mode = format!(
        "{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        head(&format!("PUT /api/junctions/{JUNCTION}/mode")),
        body.len()
    );
    let text = answer(port, &set_mode).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("Emergency activated"), "{text}");
    while number(&db, leased).await <= held_until {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert!(number(&db, "SELECT count(*) FROM junction_leases WHERE expires_at > now()").await == 1);
    }
    let ready = answer(port, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert_eq!(number(&db, waiting).await, 3, "they wait all the time");

    slow.rollback().await.expect("it answers");
    for reader in readers {
        let text = reader.await.expect("it is answered");
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    assert_eq!(terminate(server).await, Some(0));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_server_starts_while_a_backup_reads_and_partitions_are_to_be_made(db: PgPool) {
    let mut backup = db.begin().await.expect("it answers");
    let read = "LOCK TABLE car_counts, car_counts_default IN ACCESS SHARE MODE";
    sqlx::query(read).execute(&mut *backup).await.expect("nobody else uses it");
    let port = free_port();
    let server = serve(&db, port).spawn().expect("it starts");
    drop(connect(port).await);
    backup.rollback().await.expect("it answers");
    assert_eq!(terminate(server).await, Some(0));
}
