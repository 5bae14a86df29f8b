//! The only reader of the machine's clocks, and the only place that sleeps. Everything else takes time as an argument.

use crate::config::ClockTrust;
use flextraff_common::ids::BootId;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// How long the kernel's answer about synchronisation is reused, milliseconds.
const SYNC_CACHE_MS: i64 = 1000;

/// Where the kernel names the present uptime.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Where systemd-timesyncd notes, by the date of the file, until when it has kept the clock.
const TIMESYNCD: &str = "/var/lib/systemd/timesync/clock";
/// No agent of this version ran before: 2026-11-01T00:00:00Z.
const WRITTEN: UnixMs = UnixMs(1_793_491_200_000);

/// What has certainly passed, without any clock: this program has been written, and a time service has kept the clock before.
pub fn earliest() -> UnixMs {
    let kept = std::fs::metadata(TIMESYNCD).and_then(|file| file.modified()).ok();
    let kept = kept.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    kept.map_or(WRITTEN, |since| WRITTEN.max(UnixMs(since.as_millis() as i64)))
}

/// Monotonic and wall clock of this machine.
#[derive(Debug)]
pub struct Clock {
    trust: ClockTrust,
    asked: AtomicI64,
    synced: AtomicBool,
    /// Whether the log says that the kernel does not answer.
    told: AtomicBool,
}

impl Clock {
    /// A clock whose wall time is trusted as `trust` says.
    pub fn new(trust: ClockTrust) -> Self {
        let (synced, told) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { trust, asked: AtomicI64::new(i64::MIN), synced, told }
    }

    /// Both clocks. The monotonic one counts since boot and goes on while the machine sleeps.
    pub fn now(&self) -> Moment {
        let mono = monotonic();
        Moment { mono, wall: wall(), clock: self.state(mono) }
    }

    /// The monotonic clock alone, microseconds.
    pub fn mono_us(&self) -> i64 {
        let time = clock_gettime(ClockId::Boottime);
        time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }

    /// The monotonic clock alone.
    pub fn mono(&self) -> MonoMs {
        monotonic()
    }

    fn state(&self, now: MonoMs) -> ClockState {
        let synced = match self.trust {
            ClockTrust::Always => true,
            ClockTrust::Kernel => {
                if now.0.saturating_sub(self.asked.load(Ordering::Relaxed)) >= SYNC_CACHE_MS {
                    self.synced.store(self.ask_kernel(), Ordering::Relaxed);
                    self.asked.store(now.0, Ordering::Relaxed);
                }
                self.synced.load(Ordering::Relaxed)
            }
        };
        if synced { ClockState::Synced } else { ClockState::Unsynced }
    }

    fn ask_kernel(&self) -> bool {
        kernel_is_synchronised().unwrap_or_else(|error| {
            if !self.told.swap(true, Ordering::Relaxed) {
                tracing::warn!(%error, "the kernel does not say whether its clock is synchronised; it counts as not synchronised");
            }
            false
        })
    }
}

/// What comes of work with the disk, if it comes in time; it goes on all the same, on a thread of its own.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, done) = std::sync::mpsc::channel();
    std::thread::Builder::new().spawn(move || sender.send(work())).ok()?;
    done.recv_timeout(limit).ok()
}

/// Lets inputs gather: what comes in this time does not wake up the thread that is to take it.
#[expect(clippy::disallowed_methods, reason = "a wait on the channel would end with the first input")]
pub fn gather(time: Duration) {
    std::thread::sleep(time);
}

/// The present uptime of the machine, as the kernel names it. Where the kernel does not tell, a random one: then rows of an earlier run are
/// not taken for rows of this one.
pub fn boot_id() -> BootId {
    let told = std::fs::read_to_string(BOOT_ID).map_err(|error| error.to_string());
    match told.and_then(|text| text.trim().parse::<BootId>().map_err(|error| error.to_string())) {
        Ok(id) => id,
        Err(error) => {
            tracing::warn!(
                file = BOOT_ID,
                error,
                "the kernel does not name this uptime; a random name serves"
            );
            BootId(Uuid::new_v4())
        }
    }
}

/// Waits in real time until something is so, for tests.
#[cfg(test)]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        gather(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

fn monotonic() -> MonoMs {
    let time = clock_gettime(ClockId::Boottime);
    MonoMs(time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
}

#[expect(clippy::disallowed_methods, reason = "this module is the one that reads the wall clock")]
fn wall() -> UnixMs {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => UnixMs(since.as_millis() as i64),
        Err(before) => UnixMs(-(before.duration().as_millis() as i64)),
    }
}

/// Whether a time service (systemd-timesyncd, ntpd, or chrony with `rtcsync`) has told the kernel that it keeps the clock.
#[expect(unsafe_code, reason = "no safe wrapper of adjtimex exists; reading needs no privilege")]
fn kernel_is_synchronised() -> std::io::Result<bool> {
    // SAFETY: `timex` is a plain C struct for which all zeroes are valid; `modes` is zero, so that the kernel only fills it in.
    let (answer, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        let answer = libc::adjtimex(&raw mut timex);
        (answer, timex.status)
    };
    if answer < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(status & libc::STA_UNSYNC == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_run_forwards_and_the_uptime_has_one_name() {
        let clock = Clock::new(ClockTrust::Always);
        let first = clock.now();
        let second = clock.now();
        assert!(second.mono >= first.mono && first.mono.0 > 0);
        assert!(first.wall > UnixMs(1_700_000_000_000), "the machine's date is later than 2023");
        assert_eq!(first.clock, ClockState::Synced);
        assert_eq!(boot_id(), boot_id());
    }

    #[test]
    fn the_kernel_is_asked_at_most_once_a_second() {
        let clock = Clock::new(ClockTrust::Kernel);
        let asked = clock.state(MonoMs(5000));
        clock.synced.store(asked != ClockState::Synced, Ordering::Relaxed);
        assert_ne!(clock.state(MonoMs(5999)), asked, "the stored answer serves");
        assert_eq!(clock.state(MonoMs(6000)), asked, "the kernel is asked again");
    }
}
