//! The certificate of the HTTPS server, read anew when its files change.

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

/// Between looks at the files.
const LOOK: Duration = Duration::from_secs(2);
/// Largest file, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// Certificate chain and key, with the bytes of the files that they come from.
pub(in crate::cmd) struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    bytes: [Vec<u8>; 2],
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// Reads the files and checks that they belong together.
    pub(in crate::cmd) fn read(cert: &Path, key: &Path) -> anyhow::Result<Self> {
        let bytes = read_both(cert, key)?;
        let config = config(cert, key, &bytes)?;
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), bytes, config })
    }

    /// Begins to look whether the files change.
    pub(super) fn watch(self) -> Watched {
        let (sender, current) = watch::channel(Arc::clone(&self.config));
        Watched { current, task: tokio::spawn(look(self, sender)) }
    }
}

/// The certificate as it is at present; ends its watch when dropped.
pub(super) struct Watched {
    current: watch::Receiver<Arc<ServerConfig>>,
    task: JoinHandle<()>,
}

impl Watched {
    /// Agrees on keys with the present certificate.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.borrow()))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Certificate and key are two files: while one is new and the other is not yet, the old pair holds, as it does when the new one is wrong.
async fn look(certificate: Certificate, current: watch::Sender<Arc<ServerConfig>>) {
    let Certificate { cert, key, bytes: mut seen, .. } = certificate;
    let mut told = String::new();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let (cert, key) = (cert.clone(), key.clone());
        let before = seen.clone();
        let read = tokio::task::spawn_blocking(move || {
            let bytes = read_both(&cert, &key)?;
            if bytes == before {
                return anyhow::Ok(None);
            }
            let config = config(&cert, &key, &bytes)?;
            Ok(Some((bytes, config)))
        });
        match read.await.map_err(anyhow::Error::from).and_then(|read| read) {
            Ok(None) => told.clear(),
            Ok(Some((bytes, config))) => {
                seen = bytes;
                told.clear();
                current.send_replace(config);
                tracing::info!("the new certificate holds for new connections");
            }
            Err(error) => {
                let error = format!("{error:#}");
                if error != told {
                    tracing::error!(error, "the new certificate cannot be used; the one before stays");
                    told = error;
                }
            }
        }
    }
}

fn read_both(cert: &Path, key: &Path) -> anyhow::Result<[Vec<u8>; 2]> {
    let read = |name: &str, path: &Path| {
        let size = std::fs::metadata(path).map(|meta| meta.len());
        let size = size.with_context(|| format!("{name}: {} cannot be read", path.display()))?;
        anyhow::ensure!(size <= MOST_BYTES, "{name}: {} is larger than 1 MiB", path.display());
        std::fs::read(path).with_context(|| format!("{name}: {} cannot be read", path.display()))
    };
    Ok([read("http.tls_cert_file", cert)?, read("http.tls_key_file", key)?])
}

fn config(cert: &Path, key: &Path, [chain, private]: &[Vec<u8>; 2]) -> anyhow::Result<Arc<ServerConfig>> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .with_context(|| format!("http.tls_cert_file: {} holds no certificates in PEM", cert.display()))?;
    let key_der = PrivateKeyDer::from_pem_slice(private)
        .with_context(|| format!("http.tls_key_file: {} holds no private key in PEM", key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key_der)
        .with_context(|| format!("{} and {} do not belong together", cert.display(), key.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
