//! Who keeps the latched fault and takes it away while the agent runs.

use super::{FaultLatch, LatchError, LatchedFault};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Pause between two tries to write it.
const RETRY: Duration = Duration::from_secs(5);

/// Writes the latch on a thread of its own: a stalled SD card never delays a lamp.
#[derive(Debug)]
pub struct LatchWriter {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
enum Job {
    Keep(LatchedFault),
    Clear(Asker),
    /// Whether flash is asked for.
    Flash(bool),
    End,
}

/// Who waits for the fault to be taken away.
#[derive(Debug)]
struct Asker {
    /// Alive while he waits.
    waits: Weak<()>,
    /// Has no room: what he has not taken is not answered.
    answer: SyncSender<Result<(), LatchError>>,
}

/// Keeps a fault, or takes it away in turn with what the writer keeps, so that one which is still to be written does not come back.
#[derive(Clone, Debug)]
pub struct LatchHandle(SyncSender<Job>);

impl LatchHandle {
    /// Hands a fault over; returns at once. While several wait to be written later ones are dropped: the first counts.
    pub fn store(&self, fault: LatchedFault) {
        let _ = self.0.try_send(Job::Keep(fault));
    }

    /// Hands over whether somebody asks for flash, which a restart must not forget; returns at once.
    pub fn keep_flash(&self, on: bool) {
        if self.0.try_send(Job::Flash(on)).is_err() {
            tracing::error!(
                on,
                "a restart will not know whether flash is asked for: the disk does not answer"
            );
        }
    }

    /// Takes the fault away; durable on return. Waits for the disk, at most `patience`.
    ///
    /// # Errors
    /// A sentence, when the file cannot be removed or the disk does not answer in time; then the fault stays, whenever the disk wakes up.
    pub fn clear(&self, patience: Duration) -> Result<(), String> {
        let (answer, answered) = sync_channel(0);
        let waiting = Arc::new(());
        let busy = "the disk does not answer; the fault stays, try again";
        let asker = Asker { waits: Arc::downgrade(&waiting), answer };
        self.0.try_send(Job::Clear(asker)).map_err(|_| busy.to_owned())?;
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
    latch.prepare();
    // What is still to be written.
    let mut unkept: Option<LatchedFault> = None;
    let mut unkept_flash: Option<bool> = None;
    let mut ends = false;
    loop {
        if let Some(on) = unkept_flash.take()
            && let Err(error) = latch.keep_flash(on)
        {
            tracing::error!(%error, on, "whether flash is asked for is not kept yet");
            unkept_flash = Some(on);
        }
        if let Some(fault) = unkept.take()
            && let Err(error) = latch.write(&fault)
        {
            tracing::error!(%error, fault = fault.reason, "the fault is not kept yet");
            unkept = Some(fault);
        }
        if ends {
            return;
        }
        let job = if unkept.is_some() || unkept_flash.is_some() {
            inbox.recv_timeout(RETRY)
        } else {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match job {
            // The first fault counts.
            Ok(Job::Keep(fault)) => drop(unkept.get_or_insert(fault)),
            Ok(Job::Clear(asker)) => {
                unkept = clear(latch, unkept, &asker);
                latch.prepare();
            }
            Ok(Job::Flash(on)) => unkept_flash = Some(on),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Job::End) | Err(RecvTimeoutError::Disconnected) => ends = true,
        }
    }
}

/// Takes the fault away while somebody waits for that; what is to be written afterwards. Whoever has left was told that the fault stays.
fn clear(latch: &FaultLatch, unkept: Option<LatchedFault>, asker: &Asker) -> Option<LatchedFault> {
    if asker.waits.strong_count() == 0 {
        return unkept;
    }
    let fault = latch.read().or(unkept);
    let cleared = latch.clear();
    let is_gone = cleared.is_ok();
    let was_told = asker.answer.send(cleared).is_ok();
    fault.filter(|_| !(is_gone && was_told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::{ClockState, UnixMs};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::TempDir;

    const IMPATIENT: Duration = Duration::from_millis(20);

    fn fault(reason: &str) -> LatchedFault {
        LatchedFault { reason: reason.to_owned(), at: UnixMs(1), clock: ClockState::Synced }
    }

    fn latch() -> (TempDir, FaultLatch) {
        let folder = tempfile::tempdir().expect("a folder");
        let latch = FaultLatch::beside(&folder.path().join("outbox.sqlite"));
        (folder, latch)
    }

    #[test]
    fn a_fault_is_taken_away_for_whoever_waits_for_it() {
        let (_folder, latch) = latch();
        let writer = LatchWriter::start(latch.clone()).expect("a thread");
        writer.store(fault("the first"));
        writer.store(fault("the second"));
        writer.handle().clear(Duration::from_secs(20)).expect("the disk is well");
        assert_eq!(latch.read(), None);
        writer.store(fault("another"));
        writer.finish();
        assert_eq!(latch.read(), Some(fault("another")));
    }

    #[test]
    fn a_disk_that_wakes_up_when_nobody_waits_any_more_leaves_the_fault() {
        let (_folder, latch) = latch();
        latch.write(&fault("red and green")).expect("a file");
        let (jobs, inbox) = sync_channel(4);
        let handle = LatchHandle(jobs);
        handle.clear(IMPATIENT).expect_err("nobody writes");
        drop(handle);
        work(&latch, &inbox);
        assert_eq!(latch.read(), Some(fault("red and green")));
    }

    #[test]
    fn a_fault_that_a_stalled_disk_gives_away_too_late_is_kept_again() {
        let (_folder, latch) = latch();
        // Whoever reads it waits until somebody writes.
        mknodat(CWD, latch.path(), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
        let writer = LatchWriter::start(latch.clone()).expect("a thread");
        let mut patience = IMPATIENT;
        let disk = loop {
            writer.handle().clear(patience).expect_err("the disk stalls");
            // Opens only when the writer is at it; before that it has not been asked in time.
            let open = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
            match rustix::fs::open(latch.path(), open, Mode::empty()) {
                Ok(disk) => break disk,
                Err(_) => patience *= 2,
            }
        };
        let bytes = serde_json::to_vec(&fault("red and green")).expect("it is JSON");
        rustix::io::write(&disk, &bytes).expect("it is read");
        drop(disk);
        writer.finish();
        assert!(latch.path().is_file(), "it was removed and written again");
        assert_eq!(latch.read(), Some(fault("red and green")));
    }
}
