//! What `failsafe` needs to know, kept in a small file of its own: with it the lamps can be driven also when the configuration is broken.

use super::{Output, OutputError, open_named};
use crate::config::{Config, InputConfig, OutputConfig};
use crate::signal::fault_lamps;
use flextraff_common::wire::Aspect;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Name of the file, beside the outbox.
const FILE: &str = "pins.json";
/// Largest file, bytes: 32 groups with every pin need a tenth of it.
const LARGEST: u64 = 64 * 1024;

/// Which pins light what, and what they show on a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeMap {
    /// Driver and pins.
    pub output: OutputConfig,
    /// Names of the signal groups, in order.
    pub groups: Vec<String>,
    /// Aspect of every group on a fault.
    pub fault: Vec<Aspect>,
}

impl SafeMap {
    /// That of a configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            // What need not work must not keep it from working.
            output: OutputConfig {
                feedback: Vec::new(),
                buttons: Vec::new(),
                input: InputConfig::default(),
                ..config.output.clone()
            },
            groups: config.junction.groups().iter().map(|group| group.name.clone()).collect(),
            fault: fault_lamps(&config.junction),
        }
    }

    /// The file beside an outbox.
    pub fn beside(outbox: &Path) -> PathBuf {
        outbox.with_file_name(FILE)
    }

    /// Opens its output.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn open(&self) -> Result<Box<dyn Output>, OutputError> {
        open_named(&self.output, &self.groups)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is not there, or is no such file.
    pub fn read(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.len() > LARGEST {
            return Err(io::Error::other("it is too large to be one"));
        }
        let map: Self = serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)?;
        if map.fault.len() != map.groups.len() {
            return Err(io::Error::other("its groups and their aspects do not agree"));
        }
        Ok(map)
    }

    /// Keeps it; durable on return. A file that says the same already is left alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, path: &Path) -> io::Result<()> {
        if Self::read(path).is_ok_and(|kept| kept == *self) {
            return Ok(());
        }
        replace(path, &serde_json::to_vec(self).map_err(io::Error::other)?)
    }
}

/// Writes a file in such a way that after a power cut either the old or the new one is there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(path)
}

/// Makes what has happened to a file's name durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
