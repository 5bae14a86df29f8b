//! The thread that waits for the bytes of all readers. Waking up costs a processor more than what the bytes themselves ask for, so there is one
//! thread, and not one for each reader, that wakes up for each frame of a busy street.

use crate::clock;
use flextraff_common::time::MonoMs;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::mpsc::{self, Receiver, SendError, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// After bytes that came, what comes in this time is taken together, of all readers. A read after a quiet moment is taken at once.
pub const BEAT: Duration = Duration::from_millis(10);
/// Longest wait when nothing is due: how late the thread may notice that nobody is left to bring it work.
const LONGEST_MS: i64 = 1000;

/// A line that is waited for.
pub(super) trait Polled: Send {
    /// Where its bytes come from.
    fn fd(&self) -> BorrowedFd<'_>;
    /// When there is something to do though nothing comes.
    fn due(&self) -> MonoMs;
    /// Whether what comes next is waited for: until it is there the reader does not read.
    fn awaits_answer(&self) -> bool;
    /// Does what is due, without waiting and without a panic, which would end all readers; `readable`: bytes are there, or the end. `false` when
    /// it is to be handed back.
    fn step(&mut self, now: MonoMs, readable: bool) -> bool;
    /// Gives it back to whoever brought it.
    fn hand_back(self: Box<Self>);
}

/// Brings lines to the thread, which ends when the last of these is gone and the last line handed back.
#[derive(Clone)]
pub struct Poller {
    brought: Arc<Mutex<Sender<Box<dyn Polled>>>>,
    bell: Arc<OwnedFd>,
    now: Now,
}

/// Reads the monotonic clock.
type Now = Arc<dyn Fn() -> MonoMs + Send + Sync>;

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

impl Poller {
    /// Starts the thread; `now` reads the monotonic clock.
    ///
    /// # Errors
    /// When the system gives no thread, or no file to wake it up by.
    pub fn start(now: impl Fn() -> MonoMs + Send + Sync + 'static) -> io::Result<Self> {
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let now: Now = Arc::new(now);
        let brought = Arc::new(Mutex::new(spawn(&bell, &now)?));
        Ok(Self { brought, bell, now })
    }

    /// Has a line waited for. One that is not taken is dropped, which whoever brought it sees as well, and brings it anew. A thread that has
    /// ended over a defect, whose panic is logged, is replaced by another: the readers whose lines went with it come back.
    pub(super) fn bring(&self, line: Box<dyn Polled>) {
        let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(SendError(line)) = brought.send(line) {
            let Ok(anew) = spawn(&self.bell, &self.now) else { return };
            // It has just been started.
            let _ = anew.send(line);
            *brought = anew;
        }
        drop(brought);
        self.ring();
    }

    /// Has every line do what is due: it has been asked for something.
    pub(super) fn ring(&self) {
        // Full means that it rings already.
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }
}

fn spawn(bell: &Arc<OwnedFd>, now: &Now) -> io::Result<Sender<Box<dyn Polled>>> {
    let (brought, lines) = mpsc::channel();
    let (bell, now) = (Arc::clone(bell), Arc::clone(now));
    std::thread::Builder::new().name("readers".to_owned()).spawn(move || run(&lines, &bell, &*now))?;
    Ok(brought)
}

fn run(brought: &Receiver<Box<dyn Polled>>, bell: &OwnedFd, now: &dyn Fn() -> MonoMs) {
    let mut lines: Vec<Box<dyn Polled>> = Vec::new();
    loop {
        loop {
            match brought.try_recv() {
                Ok(line) => lines.push(line),
                Err(TryRecvError::Disconnected) if lines.is_empty() => return,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let start = now();
        let due = lines.iter().map(|line| line.due()).min().unwrap_or(start + LONGEST_MS);
        let ready = wait(&lines, bell, due.since(start).clamp(0, LONGEST_MS));
        let now = now();
        let mut ready = ready.into_iter();
        let came = ready.as_slice().contains(&true);
        lines = lines.into_iter().filter_map(|line| step(line, now, ready.next().unwrap_or(false))).collect();
        if came && !lines.iter().any(|line| line.awaits_answer()) {
            let due = lines.iter().map(|line| line.due().since(now)).min().unwrap_or(LONGEST_MS);
            clock::gather(BEAT.min(Duration::from_millis(due.max(0).unsigned_abs())));
        }
    }
}

/// Which of the lines have something.
fn wait(lines: &[Box<dyn Polled>], bell: &OwnedFd, wait_ms: i64) -> Vec<bool> {
    let all = lines.iter().map(|line| line.fd()).chain([bell.as_fd()]);
    let mut fds: Vec<PollFd<'_>> = all.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let time = Timespec { tv_sec: wait_ms / 1000, tv_nsec: wait_ms % 1000 * 1_000_000 };
    match poll(&mut fds, Some(&time)) {
        Ok(_) => {}
        Err(Errno::INTR) => return Vec::new(),
        // The kernel has no memory for it; that may pass.
        Err(_) => {
            clock::gather(BEAT);
            return Vec::new();
        }
    }
    let mut ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
    if ready.pop() == Some(true) {
        let _ = rustix::io::read(bell, &mut [0; 8]);
    }
    ready
}

fn step(mut line: Box<dyn Polled>, now: MonoMs, readable: bool) -> Option<Box<dyn Polled>> {
    if line.step(now, readable) {
        return Some(line);
    }
    line.hand_back();
    None
}

#[cfg(test)]
mod tests;
