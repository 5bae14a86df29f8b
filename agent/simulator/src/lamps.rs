//! Lamps that come back: agents with the virtual output send each lamp vector as a datagram.

use crate::street::{Aspects, Side};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// After this long without a datagram nothing is known of a junction's lamps, milliseconds. Agents send at least one a second.
pub const SILENCE_MS: i64 = 3000;
const LARGEST: usize = 16 * 1024;

/// A lamp vector as it travels.
#[derive(Debug, Deserialize)]
struct Vector {
    lamps: BTreeMap<String, Aspect>,
}

/// What changed at a junction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The lamps show this now.
    Shows(Aspects),
    /// Nothing has been heard for [`SILENCE_MS`].
    Silent,
    /// A datagram that is no lamp vector, and why.
    Unreadable(String),
}

/// The receiving socket of one junction.
#[derive(Debug)]
pub struct LampSocket {
    socket: UnixDatagram,
    path: PathBuf,
    heard: Option<MonoMs>,
    shown: Aspects,
}

impl LampSocket {
    /// Listens at a path, replacing what a run before left there.
    ///
    /// # Errors
    /// What the system says; paths are limited to 107 bytes.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixDatagram::bind(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.to_path_buf(), heard: None, shown: [None; 4] })
    }

    /// Whether the lamps are known.
    pub const fn known(&self) -> bool {
        self.heard.is_some()
    }

    /// What arrived by `now`.
    pub fn poll(&mut self, now: MonoMs) -> Vec<Change> {
        let (mut changes, mut buffer) = (Vec::new(), vec![0; LARGEST]);
        while let Ok(length) = self.socket.recv(&mut buffer) {
            match serde_json::from_slice::<Vector>(&buffer[..length]) {
                Ok(vector) => {
                    self.heard = Some(now);
                    let shows = Side::ALL.map(|side| vector.lamps.get(side.name()).copied());
                    if shows != self.shown {
                        self.shown = shows;
                        changes.push(Change::Shows(shows));
                    }
                }
                Err(error) => changes.push(Change::Unreadable(error.to_string())),
            }
        }
        if self.heard.is_some_and(|heard| now.since(heard) > SILENCE_MS) {
            self.heard = None;
            self.shown = [None; 4];
            changes.push(Change::Silent);
        }
        changes
    }
}

impl Drop for LampSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lamps_are_known_from_datagrams_until_they_fall_silent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lamps.sock");
        let mut lamps = LampSocket::bind(&path).unwrap();
        assert!(!lamps.known() && lamps.poll(MonoMs(10_000)).is_empty());
        let agent = UnixDatagram::unbound().unwrap();
        let vector =
            br#"{"mono_ms": 5, "lamps": {"N": "green", "S": "red", "E": "red", "W": "red", "X": "dark"}}"#;
        agent.send_to(vector, &path).unwrap();
        let shows = [Some(Aspect::Green), Some(Aspect::Red), Some(Aspect::Red), Some(Aspect::Red)];
        assert_eq!(lamps.poll(MonoMs(10_000)), [Change::Shows(shows)]);
        agent.send_to(vector, &path).unwrap();
        assert_eq!(lamps.poll(MonoMs(12_000)), []);
        assert_eq!(lamps.poll(MonoMs(15_000)), []);
        assert_eq!(lamps.poll(MonoMs(15_001)), [Change::Silent]);
        assert!(!lamps.known());
        agent.send_to(b"{\"lamps\": {\"N\": \"blue\"}}", &path).unwrap();
        assert!(matches!(&lamps.poll(MonoMs(15_100))[..], [Change::Unreadable(_)]));
        drop(lamps);
        assert!(!path.exists());
    }
}
