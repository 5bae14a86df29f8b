//! A reader on a pseudo-terminal that answers one question.

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::Duration;

/// The question of the family `uhfreader`, and an answer.
pub(crate) const UHFREADER: (&str, &str) = ("04FF211995", "1100210000160C034E001E0A01000000E651");

/// Bytes from their hexadecimal digits.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

/// A reader that answers its family's question at its own speed only.
pub(crate) struct Fake {
    /// Its name under `/dev`.
    pub(crate) device: String,
    gone: Arc<AtomicBool>,
}

impl Fake {
    /// Starts it.
    pub(crate) fn start((question, answer): (&str, &str), baud: u32) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let mut master = File::from(openpt(flags).expect("a pseudo-terminal"));
        unlockpt(&master).expect("it works");
        let device = ptsname(&master, Vec::new()).expect("it has a name").into_string().expect("a plain one");
        // Kept so that the device does not hang up while nobody else has it open.
        let kept = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(&device);
        let kept = kept.expect("it opens");
        fcntl_setfl(&master, OFlags::NONBLOCK).expect("it works");
        let (question, answer, gone) = (bytes(question), bytes(answer), Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&gone);
        std::thread::spawn(move || {
            let (mut heard, mut buffer) = (Vec::new(), [0; 256]);
            while !end.load(Relaxed) {
                let Ok(count) = master.read(&mut buffer) else {
                    pause(5);
                    continue;
                };
                heard.extend_from_slice(&buffer[..count]);
                // The speed is the one to which the other end has set the line.
                let speed = tcgetattr(&master).expect("it is a terminal").output_speed();
                if speed == baud && heard.ends_with(&question) {
                    master.write_all(&answer).expect("it works");
                }
            }
            drop(kept);
        });
        Self { device, gone }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.gone.store(true, Relaxed);
    }
}

/// Lets milliseconds pass.
pub(crate) fn pause(ms: u64) {
    let (_keep, never) = channel::<()>();
    let _ = never.recv_timeout(Duration::from_millis(ms));
}
