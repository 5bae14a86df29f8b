//! The program itself: started, asked, stopped.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use sqlx::{ConnectOptions as _, PgPool};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_rustls::TlsConnector;

/// The program, with nothing of this machine's environment that could change it.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flextraff-server"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FLEXTRAFF_") {
            command.env_remove(name);
        }
    }
    command.args(args).env_remove("DATABASE_URL").kill_on_drop(true);
    command
}

/// A port for a program that is started later. It lies below those that Linux gives to connections, any of which could take it meanwhile.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 200) as u16 * 100;
    let next = || first + TAKEN.fetch_add(1, Ordering::Relaxed) % 100;
    let mut ports = std::iter::repeat_with(next).take(100);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("one of a hundred is free")
}

/// The address of the database of a test.
pub(crate) fn url(db: &PgPool) -> String {
    db.connect_options().to_url_lossy().to_string()
}

/// A server on `port` that uses the database of a test.
pub(crate) fn serve(db: &PgPool, port: u16) -> Command {
    let mut command = program(&["serve"]);
    command
        .env("FLEXTRAFF_DATABASE__URL", url(db))
        .env("FLEXTRAFF_DATABASE__MAX_CONNECTIONS", "4")
        .env("FLEXTRAFF_HTTP__BIND", format!("127.0.0.1:{port}"))
        .stderr(Stdio::null());
    command
}

pub(crate) async fn connect(port: u16) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        assert!(Instant::now() < deadline, "the server does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn terminate(mut server: Child) -> Option<i32> {
    let id = server.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let id = id.expect("the server runs");
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it can be signalled");
    server.wait().await.expect("it ends").code()
}

pub(crate) fn says(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.stderr).contains(text)
}

/// What the server answers over TLS; nothing when it shows another certificate than this one.
pub(crate) async fn get(port: u16, cert: &Path, path: &str) -> Option<String> {
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
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    Some(answer)
}
