//! `[devices]`: certificates of devices.

use super::{Broker, Key};
use std::path::PathBuf;

/// Longest that a certificate may hold, days.
const MOST_DAYS: u32 = 20_000;

/// The authority that issues the certificates of devices; without one they enrol for a password only.
#[derive(Clone, Debug, PartialEq)]
pub struct Devices {
    /// Its certificate, PEM.
    pub ca_cert_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub ca_key_file: Option<PathBuf>,
    /// How long a certificate holds, days.
    pub certificate_days: u32,
    /// Address of the broker's listener that asks for certificates; absent: the one of all devices.
    pub certificate_url: Option<String>,
}

impl Default for Devices {
    fn default() -> Self {
        Self { ca_cert_file: None, ca_key_file: None, certificate_days: 3650, certificate_url: None }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "devices",
        name: "ca_cert_file",
        set: |config, given| given.path().map(|path| config.devices.ca_cert_file = path),
        show: |config| config.devices.ca_cert_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "devices",
        name: "ca_key_file",
        set: |config, given| given.path().map(|path| config.devices.ca_key_file = path),
        show: |config| config.devices.ca_key_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "devices",
        name: "certificate_days",
        set: |config, given| given.integer(1, MOST_DAYS).map(|days| config.devices.certificate_days = days),
        show: |config| Some(i64::from(config.devices.certificate_days).into()),
    },
    Key {
        section: "devices",
        name: "certificate_url",
        set: |config, given| {
            let text = given.text()?;
            if !text.is_empty() {
                let broker = Broker::parse(&text)?;
                if !broker.tls || broker.username.is_some() {
                    return Err("certificates are shown on an encrypted connection and need no login: write mqtts://host:8883".to_owned());
                }
            }
            config.devices.certificate_url = (!text.is_empty()).then_some(text);
            Ok(())
        },
        show: |config| config.devices.certificate_url.clone().map(Into::into),
    },
];
