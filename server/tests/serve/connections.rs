//! What one connection may ask of the server.

use crate::support::process::{connect, free_port, serve, terminate};
use futures_util::future::join_all;
use sqlx::PgPool;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const ALIVE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A connection from another address of this machine.
pub(crate) async fn connect_from(host: u8, port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there is room");
    socket.bind(([127, 0, 0, host], 0).into()).expect("it is an address of this machine");
    socket.connect(([127, 0, 0, 1], port).into()).await.expect("the server listens")
}

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
    let server = serve(&db, port).env("FLEXTRAFF_HTTP__MAX_CONNECTIONS", "16").spawn().expect("it starts");
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
    // An address that says nothing has a quarter of the places; what it opens beyond them is closed, and others are answered.
    let mut silent = join_all([3; 4].map(|host| connect_from(host, port))).await;
    let mut text = String::new();
    let closed = timeout(Duration::from_secs(10), async {
        let mut fifth = connect_from(3, port).await;
        let _ = fifth.write_all(ALIVE).await;
        let _ = fifth.read_to_string(&mut text).await;
    });
    closed.await.expect("it is closed in time");
    assert_eq!(text, "");
    let mut other = connect_from(4, port).await;
    other.write_all(ALIVE).await.expect("it is sent");
    timeout(Duration::from_secs(10), other.read_to_string(&mut text)).await.expect("in time").expect("text");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    drop(other);
    // Four such addresses take all places; one more waits until one goes.
    for host in 5..8 {
        silent.extend(join_all([host; 4].map(|host| connect_from(host, port))).await);
    }
    let mut last = connect_from(8, port).await;
    last.write_all(ALIVE).await.expect("it is sent");
    text.clear();
    let early = timeout(Duration::from_millis(500), last.read_to_string(&mut text)).await;
    assert!(early.is_err(), "{text}");
    drop(silent);
    timeout(Duration::from_secs(10), last.read_to_string(&mut text))
        .await
        .expect("it is its turn")
        .expect("it is text");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(terminate(server).await, Some(0));
}
