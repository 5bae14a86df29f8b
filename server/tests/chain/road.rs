//! A reader on a pseudo-terminal, vehicles that pass it, and the lamps they see.

use crate::process::until;
use flextraff_common::epc::Fastag;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Reads of a vehicle on its way over the stop line, and the time between them.
const READS: u32 = 5;
const BETWEEN_READS: Duration = Duration::from_millis(40);

/// A reader that reports each tag as it sees it.
pub(crate) struct Reader {
    master: OwnedFd,
    /// The agent's end.
    pub(crate) device: PathBuf,
}

impl Reader {
    pub(crate) fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("there are pseudo-terminals");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it is ours");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let device = PathBuf::from(OsStr::from_bytes(name.as_bytes()));
        // The settings outlive this opening; its end lets the other side see that nobody listens.
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NOCTTY.bits().cast_signed())
            .open(&device)
            .expect("it opens");
        let mut settings = tcgetattr(&slave).expect("it is a terminal");
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings).expect("it takes settings");
        Self { master, device }
    }

    /// Waits until an agent listens.
    pub(crate) async fn is_heard(&self) {
        until("the agent opens the reader", async || self.has_listener().then_some(())).await;
    }

    fn has_listener(&self) -> bool {
        let mut fds = [PollFd::new(&self.master, PollFlags::OUT)];
        poll(&mut fds, Some(&Timespec::default())).is_ok() && !fds[0].revents().contains(PollFlags::HUP)
    }

    /// A vehicle is seen once by the antenna of a port (from 1); while nobody listens it passes unseen.
    pub(crate) fn see(&self, port: u8, epc: &str) {
        if self.has_listener() {
            let frame = real_time_frame(port, epc);
            let written = rustix::io::write(&self.master, &frame).expect("the line is open");
            assert_eq!(written, frame.len());
        }
    }

    /// A vehicle passes an antenna.
    pub(crate) async fn pass(&self, port: u8, epc: &str) {
        for _ in 0..READS {
            self.see(port, epc);
            tokio::time::sleep(BETWEEN_READS).await;
        }
    }
}

/// The EPC of the `number`-th vehicle.
pub(crate) fn vehicle(number: u32) -> String {
    let tag = Fastag { issuer: 607_469, key: 1, serial: number };
    tag.encode().expect("the issuer has six digits").to_string()
}

/// `Len Adr 0xEE Status Ant EpcLen EPC RSSI CRC`, as readers of the 288 series send it in real-time mode.
fn real_time_frame(port: u8, epc: &str) -> Vec<u8> {
    let mut frame = vec![0x14, 0x00, 0xEE, 0x00, 1 << (port - 1), 0x0C];
    frame.extend(
        (0..epc.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&epc[at..at + 2], 16).expect("an EPC is hexadecimal")),
    );
    frame.push(0x46);
    assert_eq!(frame.len(), 19, "the length byte says 0x14");
    let crc = frame.iter().fold(0xFFFF_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    });
    frame.extend(crc.to_le_bytes());
    frame
}

/// What the lamps show at a moment of the agent's monotonic clock.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shown {
    pub(crate) mono_ms: i64,
    pub(crate) lamps: BTreeMap<String, String>,
}

/// Watches the virtual lamps.
pub(crate) struct Lamps {
    pub(crate) socket: PathBuf,
    seen: Arc<Mutex<Vec<Shown>>>,
}

impl Lamps {
    pub(crate) fn watch(folder: &Path) -> Self {
        let path = folder.join("lamps.sock");
        let socket = UnixDatagram::bind(&path).expect("the folder is writable");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::downgrade(&seen);
        socket.set_read_timeout(Some(Duration::from_secs(1))).expect("sockets have timeouts");
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Some(seen) = sink.upgrade() {
                if let Ok(length) = socket.recv(&mut bytes) {
                    let shown = serde_json::from_slice(&bytes[..length]).expect("lamps are JSON");
                    seen.lock().expect("no thread panics with it").push(shown);
                }
            }
        });
        Self { socket: path, seen }
    }

    /// Everything seen so far.
    pub(crate) fn seen(&self) -> Vec<Shown> {
        self.seen.lock().expect("no thread panics with it").clone()
    }

    /// Whether anything was seen after `count` vectors.
    pub(crate) fn has_more_than(&self, count: usize) -> bool {
        self.seen.lock().expect("no thread panics with it").len() > count
    }

    /// Every green that began and ended after the first `from` vectors: group and seconds, in the order of their ends.
    pub(crate) fn greens(&self, from: usize) -> Vec<(String, f64)> {
        let seen = self.seen();
        let mut began: BTreeMap<&str, i64> = BTreeMap::new();
        let mut greens = Vec::new();
        for (before, shown) in seen.iter().zip(seen.iter().skip(1)).skip(from) {
            for (group, aspect) in &shown.lamps {
                match (before.lamps.get(group).map(String::as_str), aspect.as_str()) {
                    (Some("green"), "green") => {}
                    (_, "green") => {
                        began.insert(group, shown.mono_ms);
                    }
                    (Some("green"), _) => {
                        let began = began.remove(group.as_str());
                        greens.extend(
                            began.map(|began| (group.clone(), (shown.mono_ms - began) as f64 / 1000.0)),
                        );
                    }
                    _ => {}
                }
            }
        }
        greens
    }
}
