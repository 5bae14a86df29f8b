//! A certificate that changes while the server runs.

use crate::support::certificate::make_certificate;
use crate::support::process::{connect, free_port, get, serve, terminate};
use sqlx::PgPool;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Waits until the server shows this certificate, or at least a while for it not to.
async fn shows(port: u16, cert: &Path, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if get(port, cert, "/livez").await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[sqlx::test(migrations = false)]
async fn new_files_are_taken_and_bad_ones_are_not(db: PgPool) {
    let folder = tempfile::tempdir().expect("there is room");
    let file = |name: &str| folder.path().join(name);
    make_certificate(&file("first.pem"), &file("first.key"));
    make_certificate(&file("second.pem"), &file("second.key"));
    let install = |cert: &str, key: &str| {
        for (from, to) in [(cert, "cert.pem"), (key, "key.pem")] {
            std::fs::copy(file(from), file(to)).expect("there is room");
        }
    };
    install("first.pem", "first.key");
    let port = free_port();
    let mut server = serve(&db, port)
        .env("FLEXTRAFF_HTTP__TLS_CERT_FILE", file("cert.pem"))
        .env("FLEXTRAFF_HTTP__TLS_KEY_FILE", file("key.pem"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(connect(port).await);
    assert!(shows(port, &file("first.pem"), Duration::from_secs(20)).await);

    let mut lines = BufReader::new(server.stderr.take().expect("it is piped")).lines();
    let mut says = async |text: &str| {
        let look = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains(text) {
                    return;
                }
            }
            panic!("the log ends before: {text}");
        };
        tokio::time::timeout(Duration::from_secs(20), look).await.expect("it says so in time");
    };
    // A key of another certificate, and then no certificate at all: the one before stays.
    install("second.pem", "first.key");
    says("do not belong together").await;
    assert!(shows(port, &file("first.pem"), Duration::from_secs(5)).await);
    std::fs::write(file("cert.pem"), "no certificate").expect("there is room");
    says("the one before stays").await;
    assert!(shows(port, &file("first.pem"), Duration::from_secs(5)).await);
    install("second.pem", "second.key");
    says("the new certificate holds").await;
    assert!(shows(port, &file("second.pem"), Duration::from_secs(5)).await);
    assert!(!shows(port, &file("first.pem"), Duration::ZERO).await);
    assert_eq!(terminate(server).await, Some(0));
}
