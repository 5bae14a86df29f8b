//! What systemd is told.

/// Ticks of the lamp loop between two messages to systemd's watchdog: a second.
const TICKS_PER_FEED: u32 = 20;

/// Time to end that is asked for again with each of these, microseconds: as `TimeoutStopSec=` of the unit.
const MORE_TIME_US: u32 = 15_000_000;

/// Says that the process leaves by itself, the lamps in red, and that it may take as long as after a stop. The watchdog has nothing to look after any
/// more, and readers, disk and broker may take longer than it waits: the fault that it would leave would be a false one. The last feed has wound it up
/// also where the service is being stopped already; so it is given that time, too.
pub fn leave() {
    let _ = sd_notify::notify(&[
        sd_notify::NotifyState::Stopping,
        sd_notify::NotifyState::ExtendTimeoutUsec(MORE_TIME_US),
    ]);
}

/// Feeds the watchdog from the loop that drives the lamps; systemd hears of the first tick that the service is ready.
#[derive(Debug, Default)]
pub struct Feeder {
    ticks: u32,
}

impl Feeder {
    /// To be called after each tick of the lamp loop; `ending`: whether it ends with its stage. Then the time to end, which is short, is asked for
    /// second by second, and the watchdog waits that long as well: a process that stands still with a green is killed all the same.
    pub fn tick(&mut self, ending: bool) {
        if self.ticks == 0 {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        }
        if self.ticks.is_multiple_of(TICKS_PER_FEED) {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            if ending {
                let _ = sd_notify::notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(MORE_TIME_US)]);
            }
        }
        self.ticks = self.ticks % (TICKS_PER_FEED * 1000) + 1;
    }
}
