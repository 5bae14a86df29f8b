//! The files that belong to a server besides its database: what the configuration names, and the configuration itself.

use crate::config::Config;
use anyhow::Context as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The key that names it; its name in the backup.
    pub(super) name: String,
    /// Where it is on this machine.
    pub(super) path: PathBuf,
}

/// All of them, whether they are there or not; the configuration only when it is there.
pub(super) fn of(config: &Config, config_file: &Path) -> Vec<Kept> {
    let named = [
        ("auth.secret_key_file", &config.auth.secret_key_file),
        ("http.tls_cert_file", &config.http.tls_cert_file),
        ("http.tls_key_file", &config.http.tls_key_file),
        ("mqtt.password_file", &config.mqtt.password_file),
        ("mqtt.ca_file", &config.mqtt.ca_file),
        ("mqtt.cert_file", &config.mqtt.cert_file),
        ("mqtt.key_file", &config.mqtt.key_file),
        ("devices.ca_cert_file", &config.devices.ca_cert_file),
        ("devices.ca_key_file", &config.devices.ca_key_file),
        ("alarms.webhook_secret_file", &config.alarms.webhook_secret_file),
        ("alarms.smtp_password_file", &config.alarms.smtp_password_file),
    ];
    let mut kept: Vec<Kept> = named
        .into_iter()
        .filter_map(|(name, path)| Some(Kept { name: name.to_owned(), path: path.clone()? }))
        .collect();
    kept.extend(config.auth.previous_key_files.iter().enumerate().map(|(number, path)| Kept {
        name: format!("auth.previous_key_files.{number}"),
        path: path.clone(),
    }));
    if config_file.exists() {
        kept.push(Kept { name: "server.toml".to_owned(), path: config_file.to_owned() });
    }
    kept
}

impl Kept {
    /// Puts a copy into the folder of a backup.
    pub(super) fn copy_into(&self, folder: &Path) -> anyhow::Result<()> {
        let bytes = fs::read(&self.path)
            .with_context(|| format!("{}: cannot read {}", self.name, self.path.display()))?;
        write_secret(&folder.join(&self.name), &bytes)
    }

    /// Puts the copy of a backup into its place.
    pub(super) fn copy_from(&self, folder: &Path) -> anyhow::Result<()> {
        let from = folder.join(&self.name);
        let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        if fs::read(&self.path).is_ok_and(|present| present == bytes) {
            return Ok(());
        }
        // Beside it first: a reader sees the old file or the new one.
        let new = super::with_suffix(&self.path, ".new");
        let _ = fs::remove_file(&new);
        write_secret(&new, &bytes)?;
        fs::rename(&new, &self.path).with_context(|| format!("cannot replace {}", self.path.display()))
    }

    /// Whether there is another file in its place.
    pub(super) fn differs_from(&self, folder: &Path) -> bool {
        let Ok(present) = fs::read(&self.path) else { return self.path.exists() };
        fs::read(folder.join(&self.name)).is_ok_and(|kept| kept != present)
    }
}

/// Writes a new file that only its owner reads, down to the disk.
pub(in crate::cmd) fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
