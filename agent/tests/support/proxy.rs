//! A way to the broker that can freeze without closing: what a dead radio link or a lost NAT entry looks like to both ends.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// Which way nothing goes any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frozen {
    /// Neither.
    Both,
    /// From the broker to the agent.
    Down,
}

#[derive(Default)]
struct Shared {
    /// How many connections there were; each has its number.
    connections: usize,
    /// Those below this number are frozen.
    frozen_below: usize,
    frozen: Option<Frozen>,
    ended: bool,
}

/// Passes bytes between whoever connects and a port of this machine.
pub(crate) struct Proxy {
    /// Where to connect instead.
    pub(crate) port: u16,
    shared: Arc<(Mutex<Shared>, Condvar)>,
}

impl Proxy {
    /// Starts to listen.
    pub(crate) fn start(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port can be found");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::<(Mutex<Shared>, Condvar)>::default();
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if state.0.lock().expect("no other thread panicked").ended {
                    return;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", broker)) else { continue };
                let number = {
                    let mut shared = state.0.lock().expect("no other thread panicked");
                    shared.connections += 1;
                    shared.connections - 1
                };
                for (from, to, down) in [(&near, &far, false), (&far, &near, true)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || pass(from, to, (number, down), &state));
                }
            }
        });
        Self { port, shared }
    }

    /// From now on nothing goes through the connections that there are; later ones work.
    pub(crate) fn freeze(&self, frozen: Frozen) {
        let mut shared = self.shared.0.lock().expect("no other thread panicked");
        (shared.frozen_below, shared.frozen) = (shared.connections, Some(frozen));
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.0.lock().expect("no other thread panicked").connections
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.0.lock().expect("no other thread panicked").ended = true;
        self.shared.1.notify_all();
        // Wakes the listener; whether it still listens does not matter.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    (number, down): (usize, bool),
    shared: &(Mutex<Shared>, Condvar),
) {
    let mut bytes = [0; 4096];
    loop {
        let read = from.read(&mut bytes).unwrap_or(0);
        let mut state = shared.0.lock().expect("no other thread panicked");
        // Also an end does not get through: whoever waits at the other side never hears of it.
        while number < state.frozen_below && (down || state.frozen == Some(Frozen::Both)) && !state.ended {
            state = shared.1.wait(state).expect("no other thread panicked");
        }
        drop(state);
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            // The other side may have gone already.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
    }
}
