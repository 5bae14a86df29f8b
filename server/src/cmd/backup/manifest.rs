//! What is in a backup, and how to see that it is whole.

use super::files::{Kept, write_secret};
use crate::auth::hex;
use crate::clock::Clock;
use anyhow::{Context as _, ensure};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Name of the dump in a backup.
pub(super) const DATABASE: &str = "database.dump";
const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// When it was made, RFC 3339.
    pub(super) created_at: String,
    /// Version of the server that has made it.
    pub(super) server: String,
    /// Version of PostgreSQL.
    postgres: String,
    /// Last step of the schema.
    pub(super) schema: i64,
    /// Everything in it.
    pub(super) files: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Name in the backup.
    pub(super) name: String,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    /// Describes what lies in a folder.
    pub(super) fn of(folder: &Path, schema: i64, postgres: String, kept: &[Kept]) -> anyhow::Result<Self> {
        let names = std::iter::once(DATABASE).chain(kept.iter().map(|file| file.name.as_str()));
        let files = names.map(|name| Entry::of(folder, name)).collect::<anyhow::Result<_>>()?;
        Ok(Self {
            format: FORMAT,
            created_at: Clock.utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            server: env!("CARGO_PKG_VERSION").to_owned(),
            postgres,
            schema,
            files,
        })
    }

    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        write_secret(&folder.join(MANIFEST), &serde_json::to_vec_pretty(self)?)
    }

    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = std::fs::read(&path).with_context(|| {
            format!("{} is no backup of flextraff-server: cannot read {}", folder.display(), path.display())
        })?;
        let manifest: Self =
            serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
        ensure!(
            manifest.format == FORMAT,
            "{} has format {}, which this version does not read",
            path.display(),
            manifest.format
        );
        Ok(manifest)
    }

    /// Whether a file of this name is in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|entry| entry.name == name)
    }

    /// Sees that every file is as it was written.
    pub(super) fn verify(&self, folder: &Path) -> anyhow::Result<()> {
        ensure!(self.has(DATABASE), "this backup has no database");
        for entry in &self.files {
            let plain = !entry.name.contains('/') && !entry.name.starts_with('.');
            ensure!(plain, "the manifest names {}, which no backup has", entry.name);
            let found = Entry::of(folder, &entry.name)?;
            ensure!(
                found == *entry,
                "{} in {} is damaged; take another backup",
                entry.name,
                folder.display()
            );
        }
        Ok(())
    }
}

impl Entry {
    fn of(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(name);
        let read = || {
            let (mut file, mut digest, mut bytes) = (File::open(&path)?, Context::new(&SHA256), 0_u64);
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    return std::io::Result::Ok((bytes, digest.finish()));
                }
                digest.update(&buffer[..read]);
                bytes += read as u64;
            }
        };
        let (bytes, digest) = read().with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { name: name.to_owned(), bytes, sha256: hex(digest.as_ref()) })
    }
}
