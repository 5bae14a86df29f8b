//! What systemd is told.

/// Ticks of the lamp loop between two messages to systemd's watchdog: a second.
const TICKS_PER_FEED: u32 = 20;

/// Feeds the watchdog from the loop that drives the lamps; systemd hears of the first tick that the service is ready.
#[derive(Debug, Default)]
pub struct Feeder {
    ticks: u32,
}

impl Feeder {
    /// To be called after each tick of the lamp loop.
    pub fn tick(&mut self) {
        if self.ticks == 0 {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        }
        if self.ticks.is_multiple_of(TICKS_PER_FEED) {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
        self.ticks = self.ticks % (TICKS_PER_FEED * 1000) + 1;
    }
}
