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

#[sqlx::test(migrations = "./migrations")]
async fn of_two_servers_either_may_die_and_the_other_goes_on_storing_every_count_once(db: PgPool) {
    const COUNTED: &str = "SELECT count(*) FROM car_counts";
    import(&db).await;
    let broker = Broker::start().await;
    let ports = [free_port(), free_port()];
    let start = |which: usize| {
        let mut command = serve(&db, ports[which]);
        command
            .env("FLEXTRAFF_MQTT__URL", broker.url())
            .env("FLEXTRAFF_MQTT__CLIENT_ID", format!("server-{which}"));
        command.spawn().expect("it starts")
    };
    let mut servers = [start(0), start(1)];
    for port in ports {
        drop(connect(port).await);
    }
    let lane = counts_topic(LANES[1]);
    let rows = |from: u64, to: u64| -> Vec<String> {
        (from..=to).map(|seq| counts(COUNTER, LANES[1], seq).to_string()).collect()
    };
    let mut sent = 0_u64;
    for _ in 0..2 {
        let already = i64::try_from(sent).expect("it is small");
        let which = usize::from(holder(&db).await == "server-1");
        broker.publish(&lane, &rows(sent + 1, sent + 800)).await;
        sent += 800;
        let deadline = Instant::now() + Duration::from_secs(20);
        while number(&db, COUNTED).await <= already {
            assert!(Instant::now() < deadline, "nobody takes anything in");
        }
        servers[which].kill().await.expect("it can be killed");
        // Only the other one is left: what comes now is its work alone. Devices send again what is not answered.
        sent += 200;
        let deadline = Instant::now() + Duration::from_secs(40);
        while number(&db, COUNTED).await < i64::try_from(sent).expect("it is small") {
            assert!(Instant::now() < deadline, "the other server does not take over");
            broker.publish(&lane, &rows(sent - 999, sent)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(holder(&db).await, format!("server-{}", 1 - which));
        servers[which] = start(which);
        drop(connect(ports[which]).await);
    }
    wait_for(&db, "SELECT count(DISTINCT seq) FROM car_counts", 2000).await;
    for server in servers {
        assert_eq!(terminate(server).await, Some(0));
    }
    assert_eq!(number(&db, COUNTED).await, 2000);
    let of_volumes = "SELECT sum(vehicle_count)::bigint FROM lane_volumes_5m";
    let of_counts = "SELECT sum(vehicle_count)::bigint FROM car_counts";
    assert_eq!(number(&db, of_volumes).await, number(&db, of_counts).await, "nothing is summed up twice");
}

/// Which server holds the only junction.
async fn holder(db: &PgPool) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let held: Option<String> =
            sqlx::query_scalar("SELECT holder FROM junction_leases WHERE expires_at > now()")
                .fetch_optional(db)
                .await
                .expect("the database works");
        if let Some(holder) = held {
            return holder;
        }
        assert!(Instant::now() < deadline, "nobody holds it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Memory of a process, bytes.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("it is a number") * 1024
}

#[sqlx::test(migrations = "./migrations")]
async fn while_the_database_stands_still_the_broker_keeps_what_comes_and_not_the_memory(db: PgPool) {
    const MESSAGES: u64 = 40_000;
    const COUNTED: &str = "SELECT count(*) FROM car_counts";
    import(&db).await;
    let broker = Broker::start().await;
    let server = serve(&db, free_port()).env("FLEXTRAFF_MQTT__URL", broker.url()).spawn().expect("it starts");
    let lane = counts_topic(LANES[1]);
    let epcs: Vec<String> = (0..50).map(|epc| format!("34161FA8203E7CB2{epc:08}")).collect();
    let message = |seq: u64| {
        let mut message = counts(COUNTER, LANES[1], seq);
        message["vehicle_count"] = serde_json::json!(50);
        message["epc_ids"] = serde_json::json!(epcs);
        message.to_string()
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while number(&db, COUNTED).await == 0 {
        assert!(Instant::now() < deadline, "the server takes nothing in");
        broker.publish(&lane, &[message(1)]).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = resident(server.id().expect("it runs"));
    let mut standstill = db.begin().await.expect("the database works");
    sqlx::query("LOCK TABLE car_counts IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *standstill)
        .await
        .expect("it is free");
    let rows: Vec<String> = (2..=MESSAGES).map(message).collect();
    let bytes: usize = rows.iter().map(String::len).sum();
    broker.publish(&lane, &rows).await;
    // The broker has it all; the server takes no more once its memory stays the same for a second.
    let mut grown = 0;
    let mut same = 0;
    let deadline = Instant::now() + Duration::from_mins(1);
    while same < 10 {
        assert!(Instant::now() < deadline, "the server takes in more and more: {grown} bytes");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = resident(server.id().expect("it runs")).saturating_sub(before);
        same = if now == grown { same + 1 } else { 0 };
        grown = now;
    }
    assert!(grown < bytes / 2, "{grown} bytes more for {bytes} that came");
    standstill.rollback().await.expect("the database works");
    assert_eq!(terminate(server).await, Some(0));
}
