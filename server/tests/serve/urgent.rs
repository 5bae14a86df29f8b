//! An emergency waits for nobody who holds requests back.

use crate::connections::connect_from;
use crate::stop::{create, create_user, sign_in, sign_in_as};
use crate::support::process::{connect, free_port, serve, terminate};
use crate::support::{Broker, JUNCTION, LANES, import, wait_for};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use sqlx::PgPool;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn head(token: &str, length: usize) -> String {
    format!(
        "PUT /api/junctions/{JUNCTION}/mode HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// Announces a body that does not come.
async fn hold_back(token: &str, host: u8, port: u16) -> TcpStream {
    let mut stream = connect_from(host, port).await;
    stream.write_all(head(token, 100).as_bytes()).await.expect("it is sent");
    stream
}

/// The status of the answer, which comes in time.
async fn status(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    timeout(Duration::from_secs(20), stream.read_exact(&mut line))
        .await
        .expect("in time")
        .expect("an answer");
    String::from_utf8_lossy(&line[9..]).parse().expect("a status")
}

async fn set_emergency(token: &str, port: u16) -> u16 {
    let body = json!({"mode": "emergency", "lane_id": LANES[0]}).to_string();
    let mut stream = connect_from(200, port).await;
    stream.write_all(format!("{}{body}", head(token, body.len())).as_bytes()).await.expect("it is sent");
    status(&mut stream).await
}

#[sqlx::test(migrations = "./migrations")]
async fn nobody_keeps_others_from_an_emergency_by_holding_bodies_back(db: PgPool) {
    import(&db).await;
    create_user(&db).await;
    for (name, role) in [("ravi", "observer"), ("mira", "operator")] {
        create(&db, name, &[]).await;
        let grant = "INSERT INTO user_junction_access (user_id, junction_id, role)
                     SELECT user_id, $2::uuid, $3 FROM users WHERE username = $1";
        sqlx::query(grant).bind(name).bind(JUNCTION).bind(role).execute(&db).await.expect("it is stored");
    }
    let broker = Broker::start().await;
    let port = free_port();
    let server = serve(&db, port).env("FLEXTRAFF_MQTT__URL", broker.url()).spawn().expect("it starts");
    drop(connect(port).await);
    wait_for(&db, "SELECT count(*) FROM junction_leases WHERE expires_at > now()", 1).await;
    let (admin, observer) = (sign_in(port).await, sign_in_as(port, "ravi").await);
    let operator = sign_in_as(port, "mira").await;

    // As many as there are places, of as many addresses as that takes.
    let eight_each = |hosts: std::ops::Range<u8>| hosts.flat_map(|host| [host; 8]);
    let mut held = join_all(eight_each(3..11).map(|host| hold_back(&observer, host, port))).await;
    let statuses = join_all(held.iter_mut().map(status)).await;
    let is_told = |status: &u16| [403, 429].contains(status);
    assert!(
        statuses.iter().all(is_told) && statuses.contains(&403),
        "before the body is there: {statuses:?}"
    );
    assert_eq!(set_emergency(&admin, port).await, 200);

    // Nor does one who may: there are places left for others, and those that he has are free again soon.
    let held = join_all(eight_each(3..11).map(|host| hold_back(&operator, host, port))).await;
    let mut answers: FuturesUnordered<_> =
        held.into_iter().map(|mut stream| async move { status(&mut stream).await }).collect();
    let first: Vec<u16> = answers.by_ref().take(48).collect().await;
    assert_eq!(first, [429; 48], "he has sixteen places");
    assert_eq!(set_emergency(&admin, port).await, 200);
    assert_eq!(answers.collect::<Vec<u16>>().await, [408; 16]);
    assert_eq!(set_emergency(&operator, port).await, 200);
    assert_eq!(terminate(server).await, Some(0));
}
