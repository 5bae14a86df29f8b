//! `[mqtt]`.

use std::fmt;
use std::path::PathBuf;

/// How to reach the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted (`mqtts://`).
    pub tls: bool,
    /// User name; usually the device id.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Certificate authority to trust instead of the public ones, PEM.
    pub ca_file: Option<PathBuf>,
    /// Client certificate, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

/// A text that never shows itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
