//! What one connection may ask of the server.

use crate::support::process::{connect, free_port, serve, terminate};
use sqlx::PgPool;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

async fn answer(port: u16, request: &str) -> String {
    let mut stream = connect(port).await;
    // It answers before it has read all of what is too long.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ =
        timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await.expect("it answers in time");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[sqlx::test(migrations = false)]
async fn heads_and_connections_have_limits(db: PgPool) {
    let port = free_port();
    let server = serve(&db, port).env("FLEXTRAFF_HTTP__MAX_CONNECTIONS", "2").spawn().expect("it starts");
    drop(connect(port).await);
    let many = (0..100).fold(String::new(), |mut many, number| {
        let _ = write!(many, "X-{number}: 1\r\n");
        many
    });
    for (what, head) in [("many", many), ("long", format!("X-Long: {}\r\n", "x".repeat(64 * 1024)))] {
        let text = answer(port, &format!("GET /livez HTTP/1.1\r\nHost: a\r\n{head}\r\n")).await;
        assert!(text.starts_with("HTTP/1.1 431"), "{what}: {text}");
    }
    for garbage in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET /livez HTTP/9.9\r\nHost: a\r\n\r\n"] {
        let text = answer(port, garbage).await;
        assert!(
            text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 5") || text.is_empty(),
            "{text}"
        );
    }
    // Two that say nothing take all places; a third waits until one goes.
    let silent = [connect(port).await, connect(port).await];
    let mut third = connect(port).await;
    third
        .write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .expect("it is sent");
    let mut text = String::new();
    let early = timeout(Duration::from_millis(500), third.read_to_string(&mut text)).await;
    assert!(early.is_err(), "{text}");
    drop(silent);
    timeout(Duration::from_secs(10), third.read_to_string(&mut text))
        .await
        .expect("it is its turn")
        .expect("it is text");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(terminate(server).await, Some(0));
}
