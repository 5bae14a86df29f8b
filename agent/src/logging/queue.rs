//! Log lines wait here for a thread of their own: a journal that hangs must hold up neither a reader nor the guard of the lamps.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

/// Lines that wait at most; later ones are lost, and told by their number.
const WAITING: usize = 2048;
/// How long the end waits for the last lines.
const LAST: Duration = Duration::from_millis(500);

/// Where lines go in the end. It may block for as long as it likes.
pub(super) trait Sink<T>: Send + 'static {
    /// Writes one; there is nobody to tell of an error.
    fn write(&mut self, line: T);

    /// Says how many were lost since the last one.
    fn lost(&mut self, lines: u64);
}

enum Job<T> {
    Line(T),
    Flush(SyncSender<()>),
}

/// The end at which lines are put in.
#[derive(Debug)]
pub(super) struct Queue<T> {
    jobs: SyncSender<Job<T>>,
    lost: Arc<AtomicU64>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone(), lost: Arc::clone(&self.lost) }
    }
}

impl<T: Send + 'static> Queue<T> {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the machine has no thread left.
    pub(super) fn start(mut sink: impl Sink<T>) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let queue = Self { jobs, lost: Arc::clone(&lost) };
        Builder::new().name("log".to_owned()).spawn(move || write(&inbox, &lost, &mut sink))?;
        Ok(queue)
    }

    /// Puts a line in. Never blocks.
    pub(super) fn put(&self, line: T) {
        if self.jobs.try_send(Job::Line(line)).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Waits until what was put in is written, but not for long.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.jobs.try_send(Job::Flush(done)).is_ok() {
            let _ = written.recv_timeout(LAST);
        }
    }
}

fn write<T>(inbox: &Receiver<Job<T>>, lost: &AtomicU64, sink: &mut impl Sink<T>) {
    for job in inbox {
        match job {
            Job::Line(line) => sink.write(line),
            Job::Flush(done) => {
                let _ = done.try_send(());
            }
        }
        let lines = lost.swap(0, Relaxed);
        if lines > 0 {
            sink.lost(lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    /// Says when it has begun, and writes when it is let.
    struct Gate {
        begun: Sender<()>,
        open: Receiver<()>,
        written: Sender<String>,
    }

    impl Sink<usize> for Gate {
        fn write(&mut self, line: usize) {
            let _ = self.begun.send(());
            let _ = self.open.recv();
            self.written.send(line.to_string()).expect("the test listens");
        }

        fn lost(&mut self, lines: u64) {
            self.written.send(format!("{lines} lost")).expect("the test listens");
        }
    }

    #[test]
    fn lines_wait_for_no_sink_and_what_was_too_much_is_told() {
        let (begun, has_begun) = channel();
        let (gate, open) = sync_channel(0);
        let (written, read) = channel();
        let queue = Queue::start(Gate { begun, open, written }).unwrap();
        queue.put(0);
        has_begun.recv().unwrap();
        for line in 1..=WAITING + 5 {
            queue.put(line);
        }
        gate.send(()).unwrap();
        assert_eq!(read.recv().unwrap(), "0");
        assert_eq!(read.recv().unwrap(), "5 lost");
        drop(gate);
        for line in 1..=WAITING {
            assert_eq!(read.recv().unwrap(), line.to_string());
        }
        queue.put(7);
        queue.flush();
        assert_eq!(read.try_recv().unwrap(), "7", "it is written when the flush is over");
    }
}
