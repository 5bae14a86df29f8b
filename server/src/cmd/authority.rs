//! `flextraff-server device ca`: makes the authority that issues the certificates of devices.

use super::backup::write_secret;
use crate::authority;
use crate::clock::Clock;
use crate::config::{Config, Devices};
use crate::db::audit::{self, Actor, Deed};
use crate::db::setup;
use anyhow::{Context as _, ensure};
use std::fmt::Write as _;

/// Makes the authority, and says so in the audit log: that goes without where there is no database yet, and whoever reads the answer is told.
///
/// # Errors
/// As [`make`].
pub(super) async fn run(config: &Config) -> anyhow::Result<String> {
    let mut said = make(&config.devices)?;
    if let Err(error) = note(config).await {
        let _ = write!(said, "\nThe audit log does not know of it: {error:#}\n");
    }
    Ok(said)
}

async fn note(config: &Config) -> anyhow::Result<()> {
    config.database.url()?;
    let db = setup::connect(&config.database).await?;
    let file = config.devices.ca_cert_file.as_ref().map(|file| file.display().to_string());
    let deed = Deed::new("authority.create").to(file.unwrap_or_default());
    audit::record(&db, &Actor::command_line(), deed).await.context("the database cannot take the line")
}

/// Writes certificate and key to where the configuration names them, and says what the broker needs.
///
/// # Errors
/// When the configuration names no files, when there is one already, or when they cannot be written.
fn make(devices: &Devices) -> anyhow::Result<String> {
    let (cert_file, key_file) = devices.ca_cert_file.as_ref().zip(devices.ca_key_file.as_ref()).context(
        "name the files to make in the configuration first: [devices] ca_cert_file and ca_key_file, such as /etc/flextraff/device-ca.crt and .key",
    )?;
    for file in [cert_file, key_file] {
        ensure!(
            !file.exists(),
            "{} is there already; with another authority every device needs another certificate. To make one all the same, move it away",
            file.display()
        );
    }
    let pair = authority::make(Clock.utc())?;
    write_secret(key_file, pair.key.as_bytes())?;
    let certified = std::fs::write(cert_file, pair.certificate)
        .with_context(|| format!("cannot write {}", cert_file.display()));
    if certified.is_err() {
        // A key without its certificate would only be in the way of the next attempt.
        let _ = std::fs::remove_file(key_file);
    }
    certified?;
    let (cert, key) = (cert_file.display(), key_file.display());
    Ok(format!(
        "{key} is the key of the authority: the server must be able to read it, and nobody else. A backup takes it along.
{cert} is its certificate. Copy it to the broker and give Mosquitto a listener for devices:

listener 8883
certfile /etc/mosquitto/certs/broker.crt
keyfile /etc/mosquitto/certs/broker.key
cafile /etc/mosquitto/certs/device-ca.crt
require_certificate true
use_identity_as_username true
use_username_as_clientid true
"
    ))
}
