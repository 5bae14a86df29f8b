//! The guard of the lamp loop: a thread of its own that takes the lamps when the loop hangs.
//!
//! It knows nothing of the controller, and drives the fault aspect by itself until the process ends. It does not feed the watchdog, so that
//! systemd ends a process whose loop hangs; a loop that goes on finds the lamps taken, ends, and the agent starts anew.

use super::{LastResort, lit_heads};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long the loop may not have written before it counts as hanging, milliseconds: twenty ticks and more. Meanwhile the lamps stay as they are, and
/// the master enable has stopped long before.
const HANGS_MS: i64 = 1500;

/// Between two looks, and between two writes.
const LOOK: Duration = Duration::from_millis(50);

/// Watches the lamp loop until it is dropped.
#[derive(Debug)]
pub struct Guard {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Whether a loop that wrote last at a moment hangs; before its first write it only starts.
fn hangs(wrote: MonoMs, now: MonoMs) -> bool {
    wrote.0 != i64::MIN && now.since(wrote) > HANGS_MS
}

impl Guard {
    /// Starts the thread. `wrote`: when the loop has written last, milliseconds of the same clock as `now`, [`i64::MIN`] before the first time;
    /// `fault`: the aspects to show; `enable_on_fault`: whether the master enable is toggled meanwhile.
    ///
    /// # Errors
    /// When the machine has no thread left.
    pub fn start(
        mut lamps: Box<dyn LastResort>,
        wrote: Arc<AtomicI64>,
        fault: Vec<Aspect>,
        enable_on_fault: bool,
        now: impl Fn() -> MonoMs + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let thread = Builder::new().name("lamp-guard".to_owned()).spawn(move || {
            let (mut took, mut enable, mut told) = (false, false, false);
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK) {
                let at = now();
                if !took && !hangs(MonoMs(wrote.load(Relaxed)), at) {
                    continue;
                }
                enable = enable_on_fault && !enable;
                let shown = lamps.show(&lit_heads(&fault, at), enable);
                took |= shown.is_ok();
                if !told {
                    told = true;
                    match shown {
                        Ok(()) => tracing::error!("the lamp loop hangs; its guard shows the fault aspect"),
                        Err(error) => tracing::error!(%error, "the lamp loop hangs, and its guard cannot drive the lamps"),
                    }
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What it panicked with is in the log; the lamps are no longer guarded either way.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_hangs_when_it_has_not_written_for_too_long() {
        assert!(!hangs(MonoMs(i64::MIN), MonoMs(99_999)), "it only starts");
        assert!(!hangs(MonoMs(1000), MonoMs(1000 + HANGS_MS)));
        assert!(hangs(MonoMs(1000), MonoMs(1001 + HANGS_MS)));
    }
}
