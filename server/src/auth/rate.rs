//! The brake on too many requests: the generic cell rate algorithm (ITU-T I.371, annex A) by user, or by address where nobody is signed in;
//! pure and bounded.

use flextraff_common::ids::UserId;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_mins(1);
/// Sources that are kept; beyond that those go that have waited longest.
const CAPACITY: usize = 20_000;

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    /// Of a user, wherever they come from.
    User(UserId),
    /// Of a user who sets what a signal shows: however much he has asked for before, that may go on.
    Urgent(UserId),
    /// Of an address without a user; of IPv6 a network of 64 bits.
    Address(IpAddr),
}

/// Counts requests: so many at once, and as many again in each minute.
#[derive(Clone, Debug)]
pub struct Rate {
    per_minute: u32,
    /// When the allowance of a sender is whole again.
    whole_at: BTreeMap<Sender, Instant>,
}

impl Rate {
    /// A brake that lets each sender send so many requests within a minute.
    pub const fn new(per_minute: u32) -> Self {
        Self { per_minute, whole_at: BTreeMap::new() }
    }

    /// Counts a request, or says after how many seconds it may come.
    ///
    /// # Errors
    /// Seconds to wait, at least 1.
    pub fn admit(&mut self, sender: Sender, now: Instant) -> Result<(), u32> {
        let whole_at = self.after_one_more(sender, now)?;
        self.make_room(now);
        self.whole_at.insert(sender, whole_at);
        Ok(())
    }

    /// Whether one more may come now, which is not counted.
    ///
    /// # Errors
    /// Seconds to wait, at least 1.
    pub fn check(&self, sender: Sender, now: Instant) -> Result<(), u32> {
        self.after_one_more(sender, now).map(drop)
    }

    fn after_one_more(&self, sender: Sender, now: Instant) -> Result<Instant, u32> {
        let each = MINUTE / self.per_minute.max(1);
        let whole_at = self.whole_at.get(&sender).copied().unwrap_or(now).max(now) + each;
        let beyond = whole_at.saturating_duration_since(now).saturating_sub(MINUTE);
        if beyond.is_zero() {
            return Ok(whole_at);
        }
        Err(u32::try_from(beyond.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }

    fn make_room(&mut self, now: Instant) {
        if self.whole_at.len() < CAPACITY {
            return;
        }
        self.whole_at.retain(|_, whole_at| *whole_at > now);
        if self.whole_at.len() >= CAPACITY {
            let mut times: Vec<Instant> = self.whole_at.values().copied().collect();
            times.sort_unstable();
            let median = times[times.len() / 2];
            self.whole_at.retain(|_, whole_at| *whole_at > median);
            // All of one moment.
            if self.whole_at.len() >= CAPACITY {
                self.whole_at.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn address(number: u32) -> Sender {
        Sender::Address(IpAddr::V4(number.into()))
    }

    fn admitted(rate: &mut Rate, sender: Sender, now: Instant, count: usize) -> usize {
        (0..count).filter(|_| rate.admit(sender, now).is_ok()).count()
    }

    #[test]
    fn a_minutes_worth_at_once_and_then_one_after_the_other() {
        let (mut rate, start) = (Rate::new(60), Clock.instant());
        assert_eq!(admitted(&mut rate, address(1), start, 100), 60);
        assert_eq!(rate.admit(address(1), start), Err(2));
        assert_eq!(admitted(&mut rate, address(1), start + Duration::from_secs(3), 100), 3);
        assert_eq!(admitted(&mut rate, address(1), start + Duration::from_mins(5), 100), 60);
    }

    #[test]
    fn nobody_pays_for_others() {
        let (mut rate, start) = (Rate::new(60), Clock.instant());
        assert_eq!(admitted(&mut rate, address(1), start, 100), 60);
        assert_eq!(admitted(&mut rate, address(2), start, 100), 60);
        assert_eq!(admitted(&mut rate, Sender::User(UserId(uuid::Uuid::nil())), start, 100), 60);
    }

    #[test]
    fn the_table_stays_bounded() {
        let start = Clock.instant();
        for spread in [0, 1] {
            let mut rate = Rate::new(60);
            for i in 0..60_000_u32 {
                let now = start + Duration::from_micros((i * spread).into());
                assert!(rate.admit(address(i), now).is_ok());
                assert!(rate.whole_at.len() <= CAPACITY);
            }
        }
    }
}
