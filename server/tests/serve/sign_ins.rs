//! Many people who sign in at once.

use crate::stop::{answer, create_user, sign_in};
use crate::support::process::{connect, free_port, serve, terminate};
use crate::support::{Broker, COUNTER, DEVICE, LANES, counts, counts_topic, import, wait_for};
use sqlx::PgPool;
use std::time::{Duration, Instant};

/// People, and how often each tries; together no more than one address may.
const PEOPLE: u32 = 20;
const TRIES: u32 = 4;
/// Counts that come meanwhile.
const ROWS: i64 = 200;

fn rows(device: &str, lane: &str) -> Vec<String> {
    (1..=ROWS as u64).map(|seq| counts(device, lane, seq).to_string()).collect()
}

/// Most memory that a process has had, KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}

#[sqlx::test(migrations = "./migrations")]
async fn they_hold_up_neither_counts_nor_requests_and_memory_stays_flat(db: PgPool) {
    import(&db).await;
    create_user(&db).await;
    let broker = Broker::start().await;
    let port = free_port();
    let server = serve(&db, port).env("FLEXTRAFF_MQTT__URL", broker.url()).spawn().expect("it starts");
    let process = server.id().expect("it runs");
    drop(connect(port).await);
    let token = sign_in(port).await;
    let request = format!(
        "GET /api/users/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    assert!(answer(port, &request).await.starts_with("HTTP/1.1 200"));
    // How long this machine takes to store as many counts while nobody signs in.
    let published = Instant::now();
    broker.publish(&counts_topic(LANES[0]), &rows(DEVICE, LANES[0])).await;
    wait_for(&db, "SELECT count(*) FROM car_counts", ROWS).await;
    let calm = published.elapsed();
    let before = peak(process);

    let began = Instant::now();
    let people: Vec<_> = (0..PEOPLE)
        .map(|person| {
            tokio::spawn(async move {
                for _ in 0..TRIES {
                    let form = format!("username=person{person}&password=not+the+right+one");
                    let request = format!(
                        "POST /api/users/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                        form.len()
                    );
                    let text = answer(port, &request).await;
                    assert!(text.starts_with("HTTP/1.1 401") || text.starts_with("HTTP/1.1 503"), "{text}");
                }
            })
        })
        .collect();
    let published = Instant::now();
    broker.publish(&counts_topic(LANES[1]), &rows(COUNTER, LANES[1])).await;
    let stored = tokio::spawn(async move {
        wait_for(&db, "SELECT count(*) FROM car_counts", 2 * ROWS).await;
        published.elapsed()
    });
    let mut times = Vec::new();
    while people.iter().any(|person| !person.is_finished()) {
        let asked = Instant::now();
        assert!(answer(port, &request).await.starts_with("HTTP/1.1 200"));
        times.push(asked.elapsed());
    }
    for person in people {
        person.await.expect("everybody is answered");
    }
    // Bounds that grow with what else the machine does: all the hashing together has taken so long.
    let all = began.elapsed();
    let stored = stored.await.expect("all counts are stored");
    // An eighth of that; where so little is hashed that storing alone takes longer, what it costs to share the only processor with hashing.
    let most = (all / 8).max(calm * 4).max(Duration::from_secs(1));
    assert!(stored < most, "stored after {stored:?}, alone after {calm:?}, signed in after {all:?}");
    times.sort_unstable();
    assert!(times.len() > 5, "others are served meanwhile: {times:?}");
    assert!(times[times.len() / 2] < (all / 16).max(Duration::from_millis(200)), "of {all:?}: {times:?}");
    // 19 MiB for each hash that runs, of which there are fewer than processors, and room for the rest; twenty at once would be 380 MiB.
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let grown = peak(process).saturating_sub(before);
    assert!(grown < (processors * 20 + 40) * 1024, "{grown} KiB with {processors} processors");
    assert_eq!(terminate(server).await, Some(0));
}
