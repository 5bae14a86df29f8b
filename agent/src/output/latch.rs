//! The fault latch: a file that outlives restarts and power cuts, and that only a person at the cabinet takes away.

use flextraff_common::time::{ClockState, UnixMs};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Name of the file, beside the outbox.
const FILE: &str = "fault.json";
/// Pause between two tries to write it.
const RETRY: Duration = Duration::from_secs(5);

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
#[error("the fault file {} cannot be {what}: {cause}", path.display())]
pub struct LatchError {
    path: PathBuf,
    what: &'static str,
    cause: io::Error,
}

/// Where a fault is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultLatch {
    path: PathBuf,
}

impl FaultLatch {
    /// In the folder of the outbox.
    pub fn beside(outbox: &Path) -> Self {
        Self { path: outbox.with_file_name(FILE) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The latched fault. A file that cannot be read is one, too: what it says may matter.
    pub fn read(&self) -> Option<LatchedFault> {
        let broken = |cause: String| LatchedFault {
            reason: format!("the fault file {} cannot be read: {cause}", self.path.display()),
            at: UnixMs(0),
            clock: ClockState::Unsynced,
        };
        match fs::read(&self.path) {
            Ok(bytes) => {
                Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| broken(error.to_string())))
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => Some(broken(error.to_string())),
        }
    }

    /// Keeps a fault; durable on return. One that is kept already stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, fault: &LatchedFault) -> Result<(), LatchError> {
        if self.read().is_some() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(fault).map_err(io::Error::other);
        bytes.and_then(|bytes| self.replace(&bytes)).map_err(|cause| self.error("written", cause))
    }

    /// Takes the fault away; durable on return. Only a person who has looked at the signal may ask for this.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn clear(&self) -> Result<(), LatchError> {
        let removed = match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        };
        removed.and_then(|()| self.sync_folder()).map_err(|cause| self.error("removed", cause))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.path.with_extension("json.new");
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn error(&self, what: &'static str, cause: io::Error) -> LatchError {
        LatchError { path: self.path.clone(), what, cause }
    }
}

/// Writes the latch on a thread of its own: a stalled SD card never delays a lamp.
#[derive(Debug)]
pub struct LatchWriter {
    faults: SyncSender<LatchedFault>,
    thread: JoinHandle<()>,
}

impl LatchWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the machine has no thread left.
    pub fn start(latch: FaultLatch) -> io::Result<Self> {
        let (faults, inbox) = sync_channel(1);
        let thread = Builder::new().name("fault-latch".into()).spawn(move || keep(&latch, &inbox))?;
        Ok(Self { faults, thread })
    }

    /// Hands a fault over; returns at once. While one waits to be written later ones are dropped: the first counts.
    pub fn store(&self, fault: LatchedFault) {
        let _ = self.faults.try_send(fault);
    }

    /// Waits until everything is written, or cannot be.
    pub fn finish(self) {
        drop(self.faults);
        let _ = self.thread.join();
    }
}

fn keep(latch: &FaultLatch, inbox: &Receiver<LatchedFault>) {
    while let Ok(fault) = inbox.recv() {
        let mut last_try = false;
        while let Err(error) = latch.write(&fault) {
            tracing::error!(%error, fault = fault.reason, "the fault is not kept yet");
            if last_try {
                return;
            }
            last_try = matches!(inbox.recv_timeout(RETRY), Err(RecvTimeoutError::Disconnected));
        }
    }
}
