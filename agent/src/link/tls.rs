//! The encrypted connection: whom the agent trusts, and by what time it judges a certificate.
//!
//! A Raspberry Pi has no clock battery. Until a time server is reached its clock may stand in 1970 or at the date of its image, and a good
//! certificate would be "not valid yet" just when the broker may be the only way out. Nothing is switched off for that: a clock that is not
//! synchronised only counts as no earlier than what is known to have passed. It cannot make a certificate valid that has expired before then.

use flextraff_common::time::{ClockState, Moment, UnixMs};
use rumqttc::TlsConfiguration;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Authorities that the distribution trusts.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// By what time the certificates of one connection are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CertificateClock {
    time: UnixMs,
    state: ClockState,
    /// Whether the machine's clock was too early to be true.
    corrected: bool,
}

impl CertificateClock {
    /// The wall clock; while it is not synchronised, no earlier than `earliest`.
    pub(super) fn new(now: &Moment, earliest: UnixMs) -> Self {
        let corrected = now.clock == ClockState::Unsynced && now.wall < earliest;
        Self { time: if corrected { earliest } else { now.wall }, state: now.clock, corrected }
    }

    /// What the clock says, for a sentence about dates that do not fit.
    pub(super) fn in_words(&self) -> String {
        let time = UnixMs(self.time.0 - self.time.0.rem_euclid(1000));
        match (self.state, self.corrected) {
            (_, true) => {
                format!("this computer's clock is not synchronised and far behind; it is at least {time}")
            }
            (ClockState::Unsynced, false) => {
                format!("this computer's clock says {time} and is not synchronised")
            }
            (ClockState::Synced, false) => format!("this computer's clock says {time}"),
        }
    }
}

impl TimeProvider for CertificateClock {
    fn current_time(&self) -> Option<UnixTime> {
        let since_1970 = Duration::from_millis(u64::try_from(self.time.0).unwrap_or(0));
        Some(UnixTime::since_unix_epoch(since_1970))
    }
}

/// How to encrypt; `client`: certificate and key of this device.
///
/// # Errors
/// Which file is wrong, and the way out.
pub(super) fn configuration(
    ca: Option<&Path>,
    client: Option<(&Path, &Path)>,
    clock: CertificateClock,
) -> Result<TlsConfiguration, String> {
    let ca = ca.unwrap_or(Path::new(SYSTEM_CA));
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca_file", ca)?);
    if roots.is_empty() {
        return Err(format!(
            "ca_file {} has no certificate that can be used; give the PEM file of the broker's authority",
            ca.display()
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(clock))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("encryption cannot be set up: {error}"))?
        .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let own = certificates("cert_file", cert)?;
            let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| {
                format!("key_file {} has no key that can be used: {error}; give the PEM file of the key that belongs to cert_file", key.display())
            })?;
            config.with_client_auth_cert(own, secret).map_err(|error| {
                format!(
                    "cert_file {} and key_file {} do not belong together: {error}; give both of one device",
                    cert.display(),
                    key.display()
                )
            })?
        }
    };
    Ok(TlsConfiguration::Rustls(Arc::new(config)))
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(read) if !read.is_empty() => Ok(read),
        Ok(_) => Err(format!("{key} {} holds no certificate; give a PEM file", path.display())),
        Err(error) => Err(format!("{key} {} is damaged: {error}; give a PEM file", path.display())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}; correct its path in [mqtt], or make it readable for the user flextraff", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::MonoMs;

    const EARLIEST: UnixMs = UnixMs(1_795_000_000_000);

    fn judge(wall: i64, clock: ClockState) -> CertificateClock {
        CertificateClock::new(&Moment { mono: MonoMs(5), wall: UnixMs(wall), clock }, EARLIEST)
    }

    #[test]
    fn only_a_clock_that_nobody_vouches_for_is_corrected_and_only_forwards() {
        let time = |wall, clock| judge(wall, clock).time;
        assert_eq!(time(12_000, ClockState::Unsynced), EARLIEST);
        assert_eq!(time(EARLIEST.0 + 1, ClockState::Unsynced), EARLIEST + 1);
        assert_eq!(time(4_000_000_000_000, ClockState::Unsynced), UnixMs(4_000_000_000_000));
        assert_eq!(time(12_000, ClockState::Synced), UnixMs(12_000));
        let seconds = judge(-5, ClockState::Synced).current_time().map(|time| time.as_secs());
        assert_eq!(seconds, Some(0), "a clock before 1970 is no reason to fail");
    }

    #[test]
    fn the_sentence_names_what_the_clock_says() {
        assert!(judge(12_345, ClockState::Unsynced).in_words().contains("at least 2026-11-18T"));
        let ahead = judge(4_000_000_000_000, ClockState::Unsynced).in_words();
        assert!(ahead.contains("says 2096-10-02T07:06:40Z and is not synchronised"), "{ahead}");
        assert!(judge(12_345, ClockState::Synced).in_words().ends_with("says 1970-01-01T00:00:12Z"));
    }
}
