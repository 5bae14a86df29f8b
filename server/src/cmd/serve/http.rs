//! The HTTP server: connections, their limits, and their end.

use super::certificate::{Certificate, Watched};
use crate::api::addresses::PerAddress;
use crate::config::Http;
use anyhow::Context as _;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// Longest that a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest that a client may take for the head of a request; an idle connection ends after it.
const HEAD: Duration = Duration::from_mins(1);
/// Largest head of a request in bytes, and most headers; more is answered with 431.
const MOST_HEAD: usize = 32 * 1024;
const MOST_HEADERS: usize = 64;
/// Of all connections one address has at most one in so many, unless it is a proxy that brings others.
const SHARE: u32 = 4;
/// Pause after the system could not accept a connection, such as for want of file descriptors.
const AGAIN: Duration = Duration::from_secs(1);

/// What serves a router: a listener that is bound, and the certificate if there is one.
pub(super) struct Server {
    listener: TcpListener,
    certificate: Option<Certificate>,
    places: Arc<Semaphore>,
    addresses: PerAddress,
    proxies: Vec<IpAddr>,
}

impl Server {
    /// Reads the certificate and binds the address.
    pub(super) async fn bind(config: &Http) -> anyhow::Result<Self> {
        let certificate = match (&config.tls_cert_file, &config.tls_key_file) {
            (Some(cert), Some(key)) => Some(Certificate::read(cert, key)?),
            _ => None,
        };
        let listener = TcpListener::bind(config.bind)
            .await
            .with_context(|| format!("cannot listen on {}", config.bind))?;
        let most = config.max_connections;
        Ok(Self {
            listener,
            certificate,
            places: Arc::new(Semaphore::new(most as usize)),
            addresses: PerAddress::new((most / SHARE) as usize),
            proxies: config.trusted_proxies.clone(),
        })
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop` is true; then until the last request is answered, but not longer than `grace`.
    pub(super) async fn serve(self, router: Router, stop: watch::Receiver<bool>, grace: Duration) {
        let watched = self.certificate.map(Certificate::watch);
        // Each connection holds a sender: when the last one is gone, nothing is received any more.
        let (open, mut all_closed) = mpsc::channel::<()>(1);
        let (places, addresses, proxies) = (self.places, self.addresses, self.proxies);
        let connections = Connections { router, places, addresses, proxies, stop: stop.clone(), open };
        let mut stopped = stop;
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => {}
            () = connections.accept(&self.listener, watched.as_ref()) => {}
        }
        drop((self.listener, connections));
        if timeout(grace, all_closed.recv()).await.is_err() {
            tracing::warn!("some requests are not answered in time; their connections end");
        }
    }
}

/// What each connection needs.
struct Connections {
    router: Router,
    places: Arc<Semaphore>,
    addresses: PerAddress,
    proxies: Vec<IpAddr>,
    stop: watch::Receiver<bool>,
    open: mpsc::Sender<()>,
}

impl Connections {
    async fn accept(&self, listener: &TcpListener, certificate: Option<&Watched>) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "connection is not accepted");
                    sleep(AGAIN).await;
                    continue;
                }
            };
            let client = address.ip().to_canonical();
            let one = self.addresses.take(client);
            if one.is_none() && !self.proxies.contains(&client) {
                // At once, or they would keep out those of others.
                tracing::debug!(%client, "connection is closed: its address has too many");
                continue;
            }
            let (router, stop, open) = (self.router.clone(), self.stop.clone(), self.open.clone());
            let tls = certificate.map(Watched::acceptor);
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                match tls {
                    None => serve_one(stream, address, router, stop).await,
                    Some(tls) => {
                        if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                            serve_one(stream, address, router, stop).await;
                        }
                    }
                }
                drop((place, one, open));
            });
        }
    }
}

/// One client's connection, until it ends.
async fn serve_one<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    address: SocketAddr,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    // Handlers look for the client's address in this form.
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = pin!(connection);
    // What goes wrong with a connection is the client's to see.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
