//! Who has taken a latched fault away while no agent ran: a line of a file each, which the next run tells in its log and forgets.

use super::LatchedFault;
use super::safe_map::sync_folder;
use flextraff_common::time::{ClockState, Moment, UnixMs};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Name of the file.
const FILE: &str = "fault-cleared.jsonl";
/// Most of it that is read, bytes: each line is shorter than a fault file.
const LONGEST: u64 = 1 << 18;

/// That a fault was taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearedFault {
    /// The fault.
    pub fault: LatchedFault,
    /// When it was taken away.
    pub at: UnixMs,
    /// Whether that time could be trusted.
    pub clock: ClockState,
    /// The user who did it.
    pub uid: u32,
    /// The user who became that one, by sudo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Where it is kept who has done it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedFaults {
    path: PathBuf,
}

/// A note that can be taken back.
#[derive(Debug)]
pub struct Noted {
    file: File,
    before: u64,
}

impl ClearedFaults {
    /// In the folder of the outbox.
    pub fn beside(outbox: &Path) -> Self {
        Self { path: outbox.with_file_name(FILE) }
    }

    /// Notes that somebody, who runs this process, is about to take a fault away; durable on return.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn note(&self, fault: &LatchedFault, now: &Moment) -> io::Result<Noted> {
        let cleared = ClearedFault {
            fault: fault.clone(),
            at: now.wall,
            clock: now.clock,
            uid: rustix::process::getuid().as_raw(),
            by: std::env::var("SUDO_USER").ok(),
        };
        let line = serde_json::to_string(&cleared).map_err(io::Error::other)?;
        let mut file = File::options().append(true).create(true).open(&self.path)?;
        let before = file.metadata()?.len();
        // One that a power cut has left half written is not to spoil this one.
        let noted = Noted { file: file.try_clone()?, before };
        match file.write_all(format!("\n{line}\n").as_bytes()).and_then(|()| file.sync_all()) {
            Ok(()) => sync_folder(&self.path).map(|()| noted),
            Err(error) => {
                noted.take_back();
                Err(error)
            }
        }
    }

    /// What was noted, oldest first; a line that cannot be read is left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> io::Result<Vec<ClearedFault>> {
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(LONGEST).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// Forgets what is told.
    ///
    /// # Errors
    /// When the file stays; then it is told again.
    pub fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Noted {
    /// The fault stays after all.
    pub fn take_back(self) {
        // A note too many is told; the fault, which is latched, as well.
        let _ = self.file.set_len(self.before).and_then(|()| self.file.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::MonoMs;

    #[test]
    fn what_is_noted_is_told_until_it_is_forgotten_and_may_be_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let cleared = ClearedFaults::beside(&folder.path().join("outbox.sqlite"));
        let fault = |reason: &str| LatchedFault {
            reason: reason.to_owned(),
            at: UnixMs(1),
            clock: ClockState::Synced,
        };
        let now = |ms| Moment { mono: MonoMs(0), wall: UnixMs(ms), clock: ClockState::Unsynced };
        assert_eq!(cleared.read().expect("there is none"), []);
        cleared.note(&fault("a lamp was dark"), &now(7)).expect("there is room");
        // A power cut.
        let mut half = File::options().append(true).open(&cleared.path).expect("it is there");
        half.write_all(b"{\"fault\":").expect("there is room");
        cleared.note(&fault("red and green"), &now(8)).expect("there is room");
        cleared.note(&fault("it stays"), &now(9)).expect("there is room").take_back();
        let told = cleared.read().expect("it is there");
        let what: Vec<_> = told.iter().map(|told| (told.fault.reason.as_str(), told.at)).collect();
        assert_eq!(what, [("a lamp was dark", UnixMs(7)), ("red and green", UnixMs(8))]);
        assert_eq!(told[0].uid, rustix::process::getuid().as_raw());
        cleared.forget().expect("it is removed");
        cleared.forget().expect("it is gone");
        assert_eq!(cleared.read().expect("there is none"), []);
    }
}
