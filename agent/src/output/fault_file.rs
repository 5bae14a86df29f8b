//! The fault latch: a file that outlives restarts and power cuts, and that only a person at the cabinet takes away.
//!
//! It has its room on the disk before there is a fault, so that a full disk takes one, and a copy in memory where the machine has a folder for
//! that, so that a disk that takes nothing any more is no way past it before the machine starts anew.

use super::safe_map::{replace, sync_folder};
use crate::config::Config;
use flextraff_common::time::{ClockState, UnixMs};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Name of the file.
const FILE: &str = "fault.json";
/// Name of the file that is there while somebody asks for flash.
const FLASH: &str = "flash-asked";
/// Its length, bytes: a block of the disk.
const SIZE: usize = 4096;
/// How it begins where no fault is latched; the rest are spaces. Everything else is a fault, also what a power cut has left half written.
const NO_FAULT: &str = "no fault is latched";
/// Most characters of a reason that is kept; even if each takes six bytes it fits.
const LONGEST_REASON: usize = 600;

/// A fault as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatchedFault {
    /// Why, as a sentence.
    pub reason: String,
    /// When.
    pub at: UnixMs,
    /// Whether that time could be trusted.
    pub clock: ClockState,
}

/// Why the latch cannot be written or cleared.
#[derive(Debug, thiserror::Error)]
#[error("the fault file {} cannot be {what}: {cause}{}", path.display(), note(kept.as_deref()))]
pub struct LatchError {
    path: PathBuf,
    what: &'static str,
    cause: io::Error,
    /// Where it is kept all the same.
    kept: Option<PathBuf>,
}

fn note(kept: Option<&Path>) -> String {
    kept.map_or_else(String::new, |kept| format!("; {} has it", kept.display()))
}

/// Where a fault is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultLatch {
    path: PathBuf,
    /// In a folder that may be missing, and that is empty when the machine has started anew.
    copy: Option<PathBuf>,
}

impl FaultLatch {
    /// That of a configuration.
    pub fn of(config: &Config) -> Self {
        Self::beside(&config.outbox.path).with_copy_beside(&config.console)
    }

    /// In the folder of the outbox.
    pub fn beside(outbox: &Path) -> Self {
        Self { path: outbox.with_file_name(FILE), copy: None }
    }

    /// The same with a copy in the folder of the socket at which the agent listens.
    #[must_use]
    pub fn with_copy_beside(self, socket: &Path) -> Self {
        let copy = Some(socket.with_file_name(FILE)).filter(|copy| *copy != self.path);
        Self { copy, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path.as_path()).chain(self.copy.as_deref())
    }

    /// The latched fault. A file that cannot be read is one, too: what it says may matter.
    pub fn read(&self) -> Option<LatchedFault> {
        self.paths().find_map(read)
    }

    /// Makes room for a fault, where none is kept and none was.
    pub fn prepare(&self) {
        for path in self.paths() {
            let is_missing =
                matches!(fs::symlink_metadata(path), Err(error) if error.kind() == ErrorKind::NotFound);
            // By another name first: one that is half written is a fault.
            if is_missing
                && !self.is_copy_without_folder(path)
                && let Err(error) = replace(path, &padded(NO_FAULT))
            {
                tracing::warn!(path = %path.display(), %error, "there is no room yet for a fault that is to be kept");
            }
        }
    }

    /// Keeps a fault wherever none is kept already; durable on return.
    ///
    /// # Errors
    /// When a file cannot be written; the other one may have it.
    pub fn write(&self, fault: &LatchedFault) -> Result<(), LatchError> {
        let found: Vec<(&Path, Option<LatchedFault>)> = self.paths().map(|path| (path, read(path))).collect();
        let fault = found.iter().find_map(|(_, fault)| fault.clone()).unwrap_or_else(|| fault.clone());
        let reason = fault.reason.chars().take(LONGEST_REASON).collect();
        let text = serde_json::to_string(&LatchedFault { reason, ..fault }).map_err(io::Error::other);
        let bytes = text.map(|text| padded(&text)).map_err(|cause| error("written", &self.path, cause))?;
        let (mut kept, mut failed) = (None, None);
        for (path, found) in found.iter().filter(|(path, _)| !self.is_copy_without_folder(path)) {
            let written = match found {
                Some(_) => Ok(()),
                None => overwrite(path, &bytes).or_else(|_| replace(path, &bytes)),
            };
            match written {
                Ok(()) => kept = Some((*path).to_owned()),
                Err(cause) => failed = failed.or_else(|| Some(error("written", path, cause))),
            }
        }
        failed.map_or(Ok(()), |failed| Err(LatchError { kept, ..failed }))
    }

    /// Takes the fault away; durable on return. Only a person who has looked at the signal may ask for this.
    ///
    /// # Errors
    /// When a file stays, or nobody knows whether it does; then the fault is to be kept again.
    pub fn clear(&self) -> Result<(), LatchError> {
        for path in self.paths().filter(|path| !self.is_copy_without_folder(path)) {
            clear(path).map_err(|cause| error("removed", path, cause))?;
        }
        Ok(())
    }

    /// Whether somebody has asked for flash, and nobody for operation since.
    pub fn flash_asked(&self) -> bool {
        self.flash_paths().iter().any(|path| fs::symlink_metadata(path).is_ok())
    }

    /// Keeps whether somebody asks for flash, where faults are kept; durable on return.
    ///
    /// # Errors
    /// When a file cannot be written or taken away; the other one may be.
    pub fn keep_flash(&self, on: bool) -> io::Result<()> {
        let keep = |path: &PathBuf| {
            if on {
                return replace(path, b"flash is asked for until: flextraff-agent lamps flash --off\n");
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
                Ok(()) => sync_folder(path),
            }
        };
        // Each, whatever becomes of the others.
        let kept: Vec<io::Result<()>> = self.flash_paths().iter().map(keep).collect();
        kept.into_iter().collect()
    }

    fn flash_paths(&self) -> Vec<PathBuf> {
        let paths = self.paths().filter(|path| !self.is_copy_without_folder(path));
        paths.map(|path| path.with_file_name(FLASH)).collect()
    }

    fn is_copy_without_folder(&self, path: &Path) -> bool {
        self.copy.as_deref() == Some(path) && path.parent().is_none_or(|folder| !folder.is_dir())
    }
}

fn error(what: &'static str, path: &Path, cause: io::Error) -> LatchError {
    LatchError { path: path.to_owned(), what, cause, kept: None }
}

fn padded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(SIZE, b' ');
    bytes
}

fn read(path: &Path) -> Option<LatchedFault> {
    let broken = |cause: String| LatchedFault {
        reason: format!("the fault file {} cannot be read: {cause}", path.display()),
        at: UnixMs(0),
        clock: ClockState::Unsynced,
    };
    match fs::read(path) {
        Ok(bytes) if bytes == padded(NO_FAULT) => None,
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| broken(error.to_string()))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => Some(broken(error.to_string())),
    }
}

/// Writes over a file that has its room already: a full disk takes that, too.
fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if !has_room(path)? {
        return Err(io::Error::other("it has another length"));
    }
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn has_room(path: &Path) -> io::Result<bool> {
    fs::symlink_metadata(path).map(|file| file.is_file() && file.len() == SIZE as u64)
}

fn clear(path: &Path) -> io::Result<()> {
    if has_room(path).unwrap_or(false) {
        let no_fault = padded(NO_FAULT);
        match overwrite(path, &no_fault) {
            Ok(()) => return Ok(()),
            // What takes nothing cannot have taken a fault either.
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem && fs::read(path)? == no_fault => {
                return Ok(());
            }
            Err(_) => {}
        }
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    sync_folder(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn fault(reason: &str) -> LatchedFault {
        LatchedFault { reason: reason.to_owned(), at: UnixMs(1), clock: ClockState::Synced }
    }

    /// On a disk, with a copy in memory.
    fn latch() -> (TempDir, FaultLatch) {
        let folder = tempfile::tempdir().expect("a folder");
        let (disk, memory) = (folder.path().join("disk"), folder.path().join("memory"));
        for folder in [&disk, &memory] {
            fs::create_dir(folder).expect("a folder");
        }
        let latch = FaultLatch::beside(&disk.join("outbox.sqlite"));
        (folder, latch.with_copy_beside(&memory.join("agent.sock")))
    }

    /// No file can be made beside it any more: its other name is taken.
    fn fill(path: &Path) {
        fs::create_dir(path.with_extension("json.new")).expect("a folder");
    }

    #[test]
    fn a_disk_that_takes_no_new_file_takes_a_fault() {
        let (_folder, latch) = latch();
        latch.prepare();
        assert_eq!(latch.read(), None);
        fill(&latch.path);
        latch.write(&fault("red and green")).expect("it has its room");
        for path in latch.paths() {
            assert_eq!(read(path), Some(fault("red and green")), "{}", path.display());
        }
        latch.clear().expect("it has its room");
        assert_eq!(latch.read(), None);
        latch.write(&fault("again")).expect("it has its room still");
        assert_eq!(latch.read(), Some(fault("again")));
    }

    #[test]
    fn a_disk_that_takes_nothing_is_no_way_past_a_fault() {
        let (folder, latch) = latch();
        fs::remove_dir(folder.path().join("disk")).expect("it is empty");
        let error = latch.write(&fault("red and green")).expect_err("there is no disk").to_string();
        assert!(
            error.contains("disk/fault.json cannot be written")
                && error.ends_with("memory/fault.json has it")
        );
        assert_eq!(latch.read(), Some(fault("red and green")));
        // Another outbox, before the next start and with it.
        let moved = FaultLatch::beside(&folder.path().join("outbox.sqlite"));
        let moved = moved.with_copy_beside(&folder.path().join("memory/agent.sock"));
        assert_eq!(moved.read(), Some(fault("red and green")));
        moved.write(&fault("later")).expect("there is room");
        assert_eq!(read(&moved.path), Some(fault("red and green")), "the first, on both");
        moved.clear().expect("both");
        assert_eq!((moved.read(), latch.read()), (None, None));
    }

    #[test]
    fn a_fault_is_cleared_when_neither_has_it_any_more() {
        let (_folder, latch) = latch();
        latch.write(&fault("red and green")).expect("there is room");
        let copy = latch.copy.clone().expect("it has one");
        fs::remove_file(&copy).expect("a file");
        // Nothing takes this away.
        fs::create_dir_all(copy.join("x")).expect("a folder");
        let error = latch.clear().expect_err("one stays").to_string();
        assert!(error.contains("memory/fault.json cannot be removed"), "{error}");
        assert!(latch.read().is_some(), "it holds the lamps");
        fs::remove_dir_all(&copy).expect("it is there");
        latch.clear().expect("nothing stays");
        assert_eq!(latch.read(), None);
    }

    #[test]
    fn what_a_power_cut_leaves_half_written_is_a_fault() {
        let (_folder, latch) = latch();
        latch.prepare();
        let mut long = fault("red and green");
        long.reason = "x".repeat(590);
        let no_fault = padded(NO_FAULT);
        assert_eq!(fs::read(&latch.path).expect("a file"), no_fault);
        for kept in [fault("red and green"), long] {
            let kept = padded(&serde_json::to_string(&kept).expect("it is JSON"));
            let mut torn = Vec::new();
            for (from, to) in [(&no_fault, &kept), (&kept, &no_fault)] {
                for cut in (0..90).chain((512..=SIZE).step_by(512)) {
                    // Either end may be written first, or the file be as long as what was written.
                    torn.push([&to[..cut], &from[cut..]].concat());
                    torn.push([&from[..cut], &to[cut..]].concat());
                    torn.push(to[..cut].to_vec());
                    torn.push([&to[..cut], &vec![0; SIZE - cut][..]].concat());
                }
            }
            for bytes in torn {
                fs::write(&latch.path, &bytes).expect("a file");
                let is_fault = latch.read().is_some();
                assert_eq!(
                    is_fault,
                    bytes != no_fault,
                    "{}",
                    String::from_utf8_lossy(&bytes[..bytes.len().min(90)])
                );
            }
        }
        for bytes in
            [Vec::new(), vec![0; SIZE], [&no_fault[..], b" "].concat(), vec![b' '; SIZE], b"null".to_vec()]
        {
            fs::write(&latch.path, bytes).expect("a file");
            assert!(latch.read().is_some());
        }
    }

    #[test]
    fn a_fault_of_an_earlier_version_is_one_and_can_be_cleared() {
        let (_folder, latch) = latch();
        let text = serde_json::to_vec(&fault("a lamp was dark")).expect("it is JSON");
        fs::write(&latch.path, text).expect("a file");
        latch.prepare();
        assert_eq!(latch.read(), Some(fault("a lamp was dark")));
        latch.clear().expect("a file");
        assert_eq!(latch.read(), None);
    }

    #[test]
    fn a_long_reason_is_cut_and_fits() {
        let (_folder, latch) = latch();
        latch.prepare();
        fill(&latch.path);
        latch.write(&fault(&"\u{1}".repeat(10_000))).expect("it has its room");
        assert_eq!(latch.read().map(|fault| fault.reason.len()), Some(LONGEST_REASON));
    }
}
