//! The fault latch: a file that outlives restarts and power cuts, and that only a person at the cabinet takes away.

use super::safe_map::{replace, sync_folder};
use flextraff_common::time::{ClockState, UnixMs};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, sync_channel};
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
        bytes.and_then(|bytes| replace(&self.path, &bytes)).map_err(|cause| self.error("written", cause))
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
        removed.and_then(|()| sync_folder(&self.path)).map_err(|cause| self.error("removed", cause))
    }

    fn error(&self, what: &'static str, cause: io::Error) -> LatchError {
        LatchError { path: self.path.clone(), what, cause }
    }
}

/// Writes the latch on a thread of its own: a stalled SD card never delays a lamp.
#[derive(Debug)]
pub struct LatchWriter {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
enum Job {
    Keep(LatchedFault),
    Clear(SyncSender<Result<(), LatchError>>),
    End,
}

/// Keeps a fault, or takes it away in turn with what the writer keeps, so that one which is still to be written does not come back.
#[derive(Clone, Debug)]
pub struct LatchHandle(SyncSender<Job>);

impl LatchHandle {
    /// Hands a fault over; returns at once. While several wait to be written later ones are dropped: the first counts.
    pub fn store(&self, fault: LatchedFault) {
        let _ = self.0.try_send(Job::Keep(fault));
    }

    /// Takes the fault away; durable on return. Waits for the disk, at most `patience`.
    ///
    /// # Errors
    /// A sentence, when the file cannot be removed or the disk does not answer in time.
    pub fn clear(&self, patience: Duration) -> Result<(), String> {
        let (answer, answered) = sync_channel(1);
        let busy = "the disk does not answer; the fault stays, try again";
        self.0.try_send(Job::Clear(answer)).map_err(|_| busy.to_owned())?;
        let cleared = answered.recv_timeout(patience).map_err(|_| busy.to_owned())?;
        cleared.map_err(|error| error.to_string())
    }
}

impl LatchWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the machine has no thread left.
    pub fn start(latch: FaultLatch) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel(4);
        let thread = Builder::new().name("fault-latch".into()).spawn(move || work(&latch, &inbox))?;
        Ok(Self { jobs, thread })
    }

    /// As [`LatchHandle::store`].
    pub fn store(&self, fault: LatchedFault) {
        self.handle().store(fault);
    }

    /// What keeps and clears it while the writer runs.
    pub fn handle(&self) -> LatchHandle {
        LatchHandle(self.jobs.clone())
    }

    /// Waits until everything is written, or cannot be.
    pub fn finish(self) {
        let _ = self.jobs.send(Job::End);
        let _ = self.thread.join();
    }
}

fn work(latch: &FaultLatch, inbox: &Receiver<Job>) {
    let mut job = inbox.recv();
    loop {
        job = match job {
            Ok(Job::Keep(fault)) => keep(latch, &fault, inbox),
            Ok(Job::Clear(answer)) => {
                let _ = answer.try_send(latch.clear());
                inbox.recv()
            }
            Ok(Job::End) | Err(_) => return,
        };
    }
}

/// Writes a fault, if need be again and again, and takes the next job; one that comes meanwhile gets a last try.
fn keep(latch: &FaultLatch, fault: &LatchedFault, inbox: &Receiver<Job>) -> Result<Job, RecvError> {
    let mut next = None;
    while let Err(error) = latch.write(fault) {
        tracing::error!(%error, fault = fault.reason, "the fault is not kept yet");
        if let Some(next) = next {
            return next;
        }
        next = match inbox.recv_timeout(RETRY) {
            // The first fault counts.
            Ok(Job::Keep(_)) | Err(RecvTimeoutError::Timeout) => None,
            Ok(job @ Job::Clear(_)) => return Ok(job),
            Ok(Job::End) => Some(Ok(Job::End)),
            Err(RecvTimeoutError::Disconnected) => Some(Err(RecvError)),
        };
    }
    next.unwrap_or_else(|| inbox.recv())
}
