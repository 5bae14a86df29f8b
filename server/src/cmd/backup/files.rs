//! The files that belong to a server besides its database: what the configuration names, and the configuration itself.

use crate::config::Config;
use anyhow::Context as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How the names of files begin that the address of the database names.
const OF_DATABASE: &str = "database.url.";

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
    kept.extend(
        config
            .database
            .files()
            .into_iter()
            .map(|(name, path)| Kept { name: format!("{OF_DATABASE}{name}"), path }),
    );
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
        self.give_to_owner(&new)?;
        fs::rename(&new, &self.path).with_context(|| format!("cannot replace {}", self.path.display()))
    }

    /// Whether the way to the database may need it, and it is not there.
    pub(super) fn keeps_from_database(&self) -> bool {
        self.name.starts_with(OF_DATABASE) && !self.path.exists()
    }

    /// Whether nobody but root reads it where it is, which a server that is not root does not.
    pub(super) fn is_for_root_only(&self) -> bool {
        fs::metadata(&self.path)
            .is_ok_and(|found| found.uid() == 0 && (found.mode() & 0o777).trailing_zeros() >= 6)
    }

    /// Gives the file to whom the one before belongs, with its rights, or else to whom the folder belongs: whoever restores is often root, and the
    /// server is not.
    fn give_to_owner(&self, new: &Path) -> anyhow::Result<()> {
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let meant = fs::metadata(&self.path).or_else(|_| fs::metadata(folder));
        let meant = meant.with_context(|| format!("cannot look at {}", folder.display()))?;
        // The file itself: whoever may write to the folder could have put a link in its place by now.
        let open = fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(new);
        let file = open.with_context(|| format!("cannot look at {}", new.display()))?;
        let is = file.metadata().with_context(|| format!("cannot look at {}", new.display()))?;
        if (is.uid(), is.gid()) != (meant.uid(), meant.gid()) {
            match std::os::unix::fs::fchown(&file, Some(meant.uid()), Some(meant.gid())) {
                // Who is not root keeps what is his.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
                given => {
                    given.with_context(|| format!("cannot give {} to its owner", self.path.display()))?;
                }
            }
        }
        if meant.is_file() {
            let rights = fs::Permissions::from_mode(meant.mode() & 0o660);
            file.set_permissions(rights)
                .with_context(|| format!("cannot set the rights of {}", self.path.display()))?;
        }
        Ok(())
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
