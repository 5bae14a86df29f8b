//! The program itself: started, stopped, killed.
#![expect(clippy::disallowed_methods, reason = "tests wait with a deadline")]

mod support;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use sqlx::{ConnectOptions as _, PgPool};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_rustls::TlsConnector;

/// The program, with nothing of this machine's environment that could change it.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flextraff-server"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FLEXTRAFF_") {
            command.env_remove(name);
        }
    }
    command.args(args).env_remove("DATABASE_URL").kill_on_drop(true);
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// A server on `port` that uses the database of a test.
fn serve(db: &PgPool, port: u16) -> Command {
    let mut command = program(&["serve"]);
    command
        .env("FLEXTRAFF_DATABASE__URL", db.connect_options().to_url_lossy().as_str())
        .env("FLEXTRAFF_DATABASE__MAX_CONNECTIONS", "4")
        .env("FLEXTRAFF_HTTP__BIND", format!("127.0.0.1:{port}"))
        .stderr(Stdio::null());
    command
}

async fn connect(port: u16) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        assert!(Instant::now() < deadline, "the server does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn terminate(mut server: Child) -> Option<i32> {
    let id = server.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let id = id.expect("the server runs");
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it can be signalled");
    server.wait().await.expect("it ends").code()
}

fn says(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.stderr).contains(text)
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_is_said_before_anything_starts() {
    let output = program(&["serve"]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(says(&output, "FLEXTRAFF_DATABASE__URL"), "{output:?}");
    let output = program(&["check", "--config", "/no/such/file"]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let output = program(&["config"]).env("FLEXTRAFF_HTTP__BNID", "x").output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(says(&output, "FLEXTRAFF_HTTP__BIND"), "{output:?}");
}

#[sqlx::test(migrations = false)]
async fn it_runs_without_file_and_broker_and_stops_when_asked(db: PgPool) {
    let port = free_port();
    let server = serve(&db, port).spawn().expect("it starts");
    drop(connect(port).await);
    assert_eq!(terminate(server).await, Some(0));
    // Without a broker too it has made its tables.
    assert_eq!(number(&db, "SELECT count(*) FROM junctions").await, 0);
}

#[sqlx::test(migrations = false)]
async fn with_a_certificate_it_speaks_https(db: PgPool) {
    let folder = tempfile::tempdir().expect("there is room");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    make_certificate(&cert, &key).await;
    let port = free_port();
    let mut command = serve(&db, port);
    let server = command
        .env("FLEXTRAFF_HTTP__TLS_CERT_FILE", &cert)
        .env("FLEXTRAFF_HTTP__TLS_KEY_FILE", &key)
        .spawn()
        .expect("it starts");
    // One that says nothing holds up no other.
    let silent = connect(port).await;
    let answer = get(port, &cert, "/livez").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(silent);
    assert_eq!(terminate(server).await, Some(0));
}

async fn make_certificate(cert: &Path, key: &Path) {
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(cert)
        .arg("-keyout")
        .arg(key)
        .stderr(Stdio::null())
        .status()
        .await
        .expect("openssl is installed");
    assert!(status.success());
}

async fn get(port: u16, cert: &Path, path: &str) -> String {
    let mut roots = rustls::RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(cert).expect("it is a certificate");
    roots.add(certificate).expect("it can be trusted");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("it is a name");
    let stream = connect(port).await;
    let mut stream =
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("keys are agreed");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

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
