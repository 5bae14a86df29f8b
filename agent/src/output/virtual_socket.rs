//! No lamps: each vector goes to whoever listens at a socket.

use super::{Frame, Output, OutputError};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;
use serde::Serialize;
use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// How often an unchanged vector is sent again, milliseconds: for listeners that come late.
const REPEAT_MS: i64 = 1000;

/// Sends `{"mono_ms": …, "lamps": {"N": "green", …}}` as Unix datagrams, at each change and once a second. That nobody listens is no error.
#[derive(Debug)]
pub struct VirtualOutput {
    names: Vec<String>,
    socket: Option<(UnixDatagram, PathBuf)>,
    sent: Option<(MonoMs, Vec<Aspect>)>,
}

#[derive(Serialize)]
struct Datagram<'a> {
    mono_ms: MonoMs,
    lamps: BTreeMap<&'a str, Aspect>,
}

impl VirtualOutput {
    /// `groups` names the signal groups in order; without `socket` nothing is sent anywhere.
    ///
    /// # Errors
    /// When the machine has no socket left.
    pub fn open(groups: &[String], socket: Option<&Path>) -> Result<Self, OutputError> {
        let socket = socket.map(|path| {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            Ok((socket, path.to_owned()))
        });
        let socket = socket.transpose().map_err(|cause| OutputError::Socket { cause })?;
        Ok(Self { names: groups.to_vec(), socket, sent: None })
    }
}

impl Output for VirtualOutput {
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError> {
        let (lamps, at) = (frame.lamps, frame.at);
        let Some((socket, path)) = &self.socket else { return Ok(()) };
        if self.sent.as_ref().is_some_and(|(when, sent)| sent == lamps && at.since(*when) < REPEAT_MS) {
            return Ok(());
        }
        let named = self.names.iter().map(String::as_str).zip(lamps.iter().copied()).collect();
        if let Ok(bytes) = serde_json::to_vec(&Datagram { mono_ms: at, lamps: named }) {
            // Nobody listening, or a listener that does not keep up: both are its business.
            let _ = socket.send_to(&bytes, path);
        }
        self.sent = Some((at, lamps.to_vec()));
        Ok(())
    }
}
