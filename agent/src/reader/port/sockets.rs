//! Which USB socket belongs to which reader. The kernel gives `ttyUSB0` to whoever comes first: after a reset of the hub a plain name may be the
//! adapter of another reader, whose lanes would be taken for one's own.

use super::line::OpenError;
use crate::config::ReaderConfig;
use flextraff_common::time::MonoMs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// For how long its own socket must be empty before a reader takes an adapter in another one, milliseconds. A hub that starts anew has all its
/// adapters back by then; whoever moves a plug waits so long.
pub(super) const GRACE_MS: i64 = 60_000;

/// The sockets belong to the machine, so one table serves all readers of the process.
static OF_THIS_PROCESS: LazyLock<Sockets> = LazyLock::new(Sockets::default);

/// A reader's name and its port: with another port it begins anew.
type Key = (String, String);

/// Which reader remembers which socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Sockets(Arc<Mutex<BTreeMap<Key, Known>>>);

#[derive(Debug, Default)]
struct Known {
    socket: Option<PathBuf>,
    /// Whether a thread listens for this reader; without one it keeps its socket for a successor, and from nobody.
    listens: bool,
}

impl Sockets {
    /// Those of this process.
    pub(super) fn of_this_process() -> Self {
        OF_THIS_PROCESS.clone()
    }

    /// The place of a reader. One whose thread is started anew under the same port goes on from the socket that it had.
    pub(super) fn seat(&self, config: &ReaderConfig) -> Seat {
        let key = (config.name.clone(), config.port.clone());
        let mut known = self.lock();
        known.retain(|other, known| known.listens || other.0 != key.0 || *other == key);
        known.entry(key.clone()).or_default().listens = true;
        drop(known);
        Seat { sockets: self.clone(), key, empty_since: None }
    }

    /// Held for a look only: nothing below waits.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Name of another reader that remembers a socket.
fn other_reader(known: &BTreeMap<Key, Known>, key: &Key, socket: &Path) -> Option<String> {
    let is_theirs = |known: &Known| known.listens && known.socket.as_deref() == Some(socket);
    known.iter().find(|(other, known)| *other != key && is_theirs(known)).map(|((name, _), _)| name.clone())
}

/// Where the adapters are at this moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The device in the socket that the reader remembers.
    pub(super) own: Option<PathBuf>,
    /// The socket of the configured name; none: it names no USB adapter, or there is no such device.
    pub(super) configured: Option<PathBuf>,
}

/// What to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) device: PathBuf,
    /// The socket in which it must then lie, where it has one: names change owners at any moment.
    pub(super) socket: Option<PathBuf>,
}

/// What one reader remembers of its socket.
#[derive(Debug)]
pub(super) struct Seat {
    sockets: Sockets,
    key: Key,
    /// Since when its socket has been seen empty, each time.
    empty_since: Option<MonoMs>,
}

impl Seat {
    /// The socket in which its adapter was when it was last open.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        self.sockets.lock().get(&self.key).and_then(|known| known.socket.clone())
    }

    /// What to open for a plain name.
    ///
    /// # Errors
    /// When the adapter that has the name is, or may be, another reader's.
    pub(super) fn choose(&mut self, seen: Seen, now: MonoMs) -> Result<Choice, OpenError> {
        let remembered = self.socket();
        if let Some(device) = seen.own {
            self.empty_since = None;
            return Ok(Choice { device, socket: remembered });
        }
        let waits = remembered.is_some() && {
            let since = *self.empty_since.get_or_insert(now);
            now.since(since) < GRACE_MS
        };
        let configured = PathBuf::from(&self.key.1);
        let Some(socket) = seen.configured else {
            // Between a look and an opening the name may get a device, whose socket nobody has looked at.
            return if remembered.is_some() {
                Err(OpenError::SocketEmpty)
            } else {
                Ok(Choice { device: configured, socket: None })
            };
        };
        if let Some(reader) = other_reader(&self.sockets.lock(), &self.key, &socket) {
            return Err(OpenError::OtherReader { reader });
        }
        if waits {
            Err(OpenError::OtherSocket)
        } else {
            Ok(Choice { device: configured, socket: Some(socket) })
        }
    }

    /// Remembers the socket of a device that was opened; whether it is another one than before.
    ///
    /// # Errors
    /// When another reader has come to remember it meanwhile.
    pub(super) fn take(&mut self, socket: &Path) -> Result<bool, OpenError> {
        let mut known = self.sockets.lock();
        if let Some(reader) = other_reader(&known, &self.key, socket) {
            return Err(OpenError::OtherReader { reader });
        }
        self.empty_since = None;
        let own = known.entry(self.key.clone()).or_default();
        Ok(own.socket.replace(socket.to_owned()).is_some_and(|before| before != socket))
    }

    /// Remembers the socket behind a link, so that nobody else takes it; the link says whose it is.
    pub(super) fn hold(&self, socket: PathBuf) {
        self.sockets.lock().entry(self.key.clone()).or_default().socket = Some(socket);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(known) = self.sockets.lock().get_mut(&self.key) {
            known.listens = false;
        }
    }
}
