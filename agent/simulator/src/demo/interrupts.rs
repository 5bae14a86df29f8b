//! Ctrl-C and SIGTERM as something that can be waited for.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Requests to stop. Waiting on it is also how the demo lets time pass.
#[derive(Debug)]
pub struct Interrupts {
    queue: Receiver<()>,
    /// Keeps the queue open, whatever becomes of the thread that hears the signals.
    _open: Sender<()>,
    asked: u32,
}

impl Interrupts {
    /// Hears SIGINT and SIGTERM from now on.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen() -> io::Result<Self> {
        let (handle, queue) = channel();
        let interrupts = Self { queue, _open: handle.clone(), asked: 0 };
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if handle.send(()).is_err() {
                    return;
                }
            }
        })?;
        Ok(interrupts)
    }

    /// Lets time pass, less when asked to stop meanwhile. How often stopping was asked for so far.
    pub fn pause(&mut self, milliseconds: u64) -> u32 {
        if self.queue.recv_timeout(Duration::from_millis(milliseconds)).is_ok() {
            self.asked += 1;
        }
        self.asked
    }

    /// How often stopping was asked for.
    pub fn asked(&mut self) -> u32 {
        self.asked += self.queue.try_iter().count() as u32;
        self.asked
    }
}
