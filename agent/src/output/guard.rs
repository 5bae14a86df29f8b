//! The guard of the lamp loop: a thread of its own that takes the lamps when the loop hangs.
//!
//! It knows nothing of the controller, and drives the fault aspect by itself until the process ends, with red at every head where it can know that. It does not feed the watchdog, so that
//! systemd ends a process whose loop hangs; a loop that goes on finds the lamps taken, ends, and the agent starts anew, in the fault aspect
//! because the fault is latched. A loop that has ended with red at every head hangs no more, however long the disk then takes.

use super::{LastResort, LatchHandle, LatchedFault, all_red, lit_heads};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::Aspect;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long the loop may not have written before it counts as hanging, milliseconds: twenty ticks and more. Meanwhile the lamps stay as they are, and
/// the master enable has stopped long before.
const HANGS_MS: i64 = 1500;

/// Between two looks, and between two writes.
const LOOK: Duration = Duration::from_millis(50);

/// Looks in a row without a write before the loop counts as hanging: after a pause of the whole process the loop writes before that.
const LEAST_LOOKS: u32 = 10;

/// What is latched then.
const REASON: &str = "the lamp loop hung, and its guard took the lamps";

/// What the guard sees of the loop.
#[derive(Debug)]
pub struct Pulse {
    /// When the loop has written last, milliseconds of the monotonic clock; before the first time, when its guard began to watch.
    pub wrote: AtomicI64,
    /// Whether it has ended and has written red at every head: it writes no more, and need not.
    pub rests: AtomicBool,
    /// Whether the process ends as soon as that is so: a guard that has taken the lamps then writes red in place of the loop.
    pub leaves: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            wrote: AtomicI64::new(i64::MIN),
            rests: AtomicBool::new(false),
            leaves: AtomicBool::new(false),
        }
    }
}

/// Watches the lamp loop until it is dropped.
#[derive(Debug)]
pub struct Guard {
    stop: Option<SyncSender<()>>,
    /// Ends with whether it has taken the lamps.
    thread: Option<JoinHandle<bool>>,
}

/// What the guard has seen of the loop.
#[derive(Debug)]
struct Seen {
    wrote: MonoMs,
    looks: u32,
}

impl Seen {
    const NOTHING: Self = Self { wrote: MonoMs(i64::MIN), looks: 0 };

    /// Whether a loop that wrote last at a moment hangs.
    fn hangs(&mut self, wrote: MonoMs, now: MonoMs) -> bool {
        if wrote != self.wrote {
            *self = Self { wrote, looks: 0 };
        }
        self.looks = self.looks.saturating_add(1);
        self.looks > LEAST_LOOKS && now.since(wrote) > HANGS_MS
    }
}

impl Guard {
    /// Starts the thread, right after the lamps were opened, which leaves the heads dark: a loop that never begins to write hangs, too. `pulse`:
    /// what the loop tells of itself, by the same clock as `now`, whose time it is given here until the first write; `fault`: the aspects to show; `enable_on_fault`: whether the master enable is toggled meanwhile; `latch`: where the fault is kept.
    ///
    /// # Errors
    /// When the machine has no thread left.
    pub fn start(
        mut lamps: Box<dyn LastResort>,
        pulse: Arc<Pulse>,
        fault: Vec<Aspect>,
        enable_on_fault: bool,
        latch: LatchHandle,
        now: impl Fn() -> Moment + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        pulse.wrote.store(now().mono.0, Relaxed);
        let thread = Builder::new().name("lamp-guard".to_owned()).spawn(move || {
            let (mut took, mut enable, mut told) = (false, false, false);
            let mut seen = Seen::NOTHING;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK) {
                let at = now();
                let hangs = !pulse.rests.load(Relaxed) && seen.hangs(MonoMs(pulse.wrote.load(Relaxed)), at.mono);
                if !took && !hangs {
                    continue;
                }
                if took && pulse.leaves.load(Relaxed) {
                    let red = lit_heads(&all_red(fault.len()), at.mono);
                    pulse.rests.store(lamps.show(&red, false).is_ok(), Relaxed);
                    continue;
                }
                enable = enable_on_fault && !enable;
                let shown = lamps.show(&lit_heads(&fault, at.mono), enable);
                took |= shown.is_ok();
                if !told {
                    told = true;
                    latch.store(LatchedFault { reason: REASON.to_owned(), at: at.wall, clock: at.clock });
                    match shown {
                        Ok(()) => tracing::error!("the lamp loop hangs; its guard shows the fault aspect"),
                        Err(error) => tracing::error!(%error, "the lamp loop hangs, and its guard cannot drive the lamps"),
                    }
                }
            }
            took
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends it; whether it has taken the lamps.
    pub fn end(mut self) -> bool {
        self.stop()
    }

    fn stop(&mut self) -> bool {
        drop(self.stop.take());
        // What it panicked with is in the log; nobody knows what it has shown then.
        self.thread.take().is_some_and(|thread| thread.join().unwrap_or(true))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The lamps are no longer guarded either way.
        let _ = self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_hangs_when_it_has_not_written_for_too_long() {
        let looked = |wrote: i64, looks: u32, now: i64| {
            Seen { wrote: MonoMs(wrote), looks }.hangs(MonoMs(wrote), MonoMs(now))
        };
        assert!(!looked(1000, LEAST_LOOKS, 1000 + HANGS_MS));
        assert!(looked(1000, LEAST_LOOKS, 1001 + HANGS_MS));
    }

    #[test]
    fn a_pause_of_the_whole_process_is_no_hang_of_the_loop() {
        let mut seen = Seen::NOTHING;
        for tick in 0..100 {
            assert!(!seen.hangs(MonoMs(50 * tick), MonoMs(50 * tick + 20)), "it writes");
        }
        for look in 0..i64::from(LEAST_LOOKS) - 1 {
            assert!(!seen.hangs(MonoMs(4950), MonoMs(60_000 + 50 * look)), "both have just woken up");
        }
        assert!(!seen.hangs(MonoMs(60_460), MonoMs(60_470)), "the loop goes on");
        let taken = (0..20).find(|look| seen.hangs(MonoMs(60_460), MonoMs(70_000 + 50 * look)));
        assert_eq!(taken, Some(i64::from(LEAST_LOOKS) - 1), "now the loop alone stands still");
    }
}
