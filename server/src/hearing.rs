//! Whether silence says anything: who is not heard is silent only if this server could have heard him.

use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A device that was not heard for so long is offline: three status periods of 30 s.
pub const SILENT_AFTER: Duration = Duration::from_secs(90);
/// Nobody has looked for so long: the process stood still, and did not take in either what came meanwhile.
const STOOD_STILL: Duration = Duration::from_secs(45);

/// Since when devices are heard, looked at every few seconds by the task that passes a verdict on who is silent.
#[derive(Debug)]
pub struct Hearing {
    broker: watch::Receiver<bool>,
    waiting: watch::Receiver<usize>,
    unbroken: Unbroken,
}

impl Hearing {
    /// `broker`: whether it is connected and subscribed. `waiting`: how many ways from there into the database stand still.
    pub fn new(broker: watch::Receiver<bool>, waiting: watch::Receiver<usize>) -> Self {
        Self { broker, waiting, unbroken: Unbroken::default() }
    }

    /// The same where devices are heard since `since`.
    #[must_use]
    pub fn since(mut self, since: Instant) -> Self {
        self.unbroken.since = Some(since);
        self
    }

    /// Whether whatever devices said in the last 90 s is heard and stored. Breaks between two looks count, however short they were.
    pub fn is_sure(&mut self, now: Instant) -> bool {
        let changed = |changed: Result<bool, _>| changed.unwrap_or(false);
        let broke = changed(self.broker.has_changed()) || changed(self.waiting.has_changed());
        let hears = *self.broker.borrow_and_update() && *self.waiting.borrow_and_update() == 0;
        self.unbroken.look(hears, broke, now)
    }

    /// Whether devices are heard without a break for so long, as of the last look.
    pub fn has_heard_for(&self, period: Duration, now: Instant) -> bool {
        self.unbroken.since.is_some_and(|since| now.saturating_duration_since(since) >= period)
    }

    /// The database has failed whoever looks: what devices say may not have got there either.
    pub fn broke(&mut self) {
        self.unbroken.since = None;
    }
}

/// The same without the ways to learn of it; pure.
#[derive(Debug, Default)]
struct Unbroken {
    since: Option<Instant>,
    looked: Option<Instant>,
}

impl Unbroken {
    fn look(&mut self, hears: bool, broke: bool, now: Instant) -> bool {
        let looked = self.looked.replace(now);
        let stood_still = looked.is_some_and(|looked| now.saturating_duration_since(looked) >= STOOD_STILL);
        if !hears || broke || stood_still {
            self.since = None;
        }
        hears && now.saturating_duration_since(*self.since.get_or_insert(now)) >= SILENT_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    /// Looks every 15 s, at these seconds after `start`, and says when silence begins to count.
    fn sure_from(hearing: &mut Hearing, start: Instant, looks: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let looks = looks.step_by(15).map(|at| (at, hearing.is_sure(start + Duration::from_secs(at))));
        let sure: Vec<(u64, bool)> = looks.skip_while(|(_, sure)| !sure).collect();
        assert!(sure.iter().all(|(_, sure)| *sure), "once it counts it goes on to");
        sure.first().map(|(at, _)| *at)
    }

    #[test]
    fn silence_counts_once_devices_were_heard_for_as_long_as_makes_one_silent() {
        let (broker, connected) = watch::channel(false);
        let (waiting, waits) = watch::channel(0);
        let start = Clock.instant();
        let mut hearing = Hearing::new(connected, waits);
        assert_eq!(sure_from(&mut hearing, start, 0..=150), None, "no broker yet");
        broker.send_replace(true);
        assert_eq!(sure_from(&mut hearing, start, 165..=300), Some(255));
        // Away and back between two looks.
        broker.send_replace(false);
        broker.send_replace(true);
        assert_eq!(sure_from(&mut hearing, start, 315..=450), Some(405));
        // The database is away for ten minutes.
        waiting.send_replace(1);
        assert_eq!(sure_from(&mut hearing, start, 465..=1065), None);
        waiting.send_replace(0);
        assert_eq!(sure_from(&mut hearing, start, 1080..=1200), Some(1170));
        let has_heard_for =
            |seconds| hearing.has_heard_for(Duration::from_secs(seconds), start + Duration::from_mins(20));
        assert!(has_heard_for(120) && !has_heard_for(121));
        hearing.broke();
        assert_eq!(sure_from(&mut hearing, start, 1215..=1320), Some(1305));
    }

    #[test]
    fn a_process_that_stood_still_has_heard_nobody() {
        let start = Clock.instant();
        let at = |second| start + Duration::from_secs(second);
        let mut unbroken = Unbroken::default();
        let mut look = |second| unbroken.look(true, false, at(second));
        assert!((0..90).step_by(15).all(|second| !look(second)));
        assert!(look(90));
        assert!(!look(500), "stopped meanwhile");
        assert!((515..590).step_by(15).all(|second| !look(second)) && look(590));
    }
}
