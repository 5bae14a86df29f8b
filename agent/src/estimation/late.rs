//! How late a message is, though nobody's clock can be trusted to show the same time.
//!
//! A broker, a bad line or a busy device may hold messages up and hand them over in one go; what they say is old then. Each carries its sender's
//! time. How far that lies behind the own clock is made up of the difference of the clocks and of the way; the least of it in the last minutes is
//! that of a message that was not held up (the filter by which NTP finds the best of its samples, RFC 5905, section 10).

use flextraff_common::ids::DeviceId;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::Demand;
use std::collections::BTreeMap;

/// The least is looked for in the present and the last span of this length, seconds.
const SPAN_S: f64 = 300.0;
/// A sender's clock that goes back by more has been set, milliseconds.
const SET_BACK_MS: i64 = 1000;
/// Devices whose times are followed, at most; of others nothing is known, and they count as in time.
const MOST: usize = 64;

/// What is known of one sender's times.
#[derive(Clone, Copy, Debug)]
struct Sender {
    /// Its last time.
    told: UnixMs,
    /// When that was heard.
    heard_s: f64,
    /// Since when the present span lasts.
    since_s: f64,
    /// Least difference of the clocks in it, and in the one before.
    least_s: f64,
    least_before_s: f64,
}

/// How late messages are, by sender.
#[derive(Clone, Debug, Default)]
pub(super) struct Lateness(BTreeMap<DeviceId, Sender>);

impl Lateness {
    /// How much later than others of its sender a message comes at `at_s`, seconds; 0 of a sender's first.
    pub(super) fn of(&mut self, demand: &Demand, at_s: f64) -> f64 {
        let told = demand.t;
        let differs_s = at_s - told.0 as f64 / 1000.0;
        let fresh =
            Sender { told, heard_s: at_s, since_s: at_s, least_s: differs_s, least_before_s: f64::INFINITY };
        if !self.0.contains_key(&demand.device_id) && self.0.len() >= MOST {
            return 0.0;
        }
        let sender = self.0.entry(demand.device_id).or_insert(fresh);
        let has_no_clock = told == sender.told && at_s > sender.heard_s;
        if has_no_clock || told.0 < sender.told.0.saturating_sub(SET_BACK_MS) {
            *sender = fresh;
        }
        sender.heard_s = at_s;
        sender.told = told;
        if at_s - sender.since_s > SPAN_S {
            (sender.least_before_s, sender.least_s, sender.since_s) = (sender.least_s, differs_s, at_s);
        }
        sender.least_s = sender.least_s.min(differs_s);
        (differs_s - sender.least_s.min(sender.least_before_s)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    struct Heard(Lateness);

    impl Heard {
        /// Tenths of a second.
        fn of(&mut self, device: u128, told_ms: i64, at_s: f64) -> i64 {
            let demand = Demand::new(DeviceId(Uuid::from_u128(device)), UnixMs(told_ms));
            (self.0.of(&demand, at_s) * 10.0).round() as i64
        }
    }

    #[test]
    fn a_message_that_was_held_up_is_late_whatever_the_clocks_show() {
        for ahead_ms in [0, 3_600_000, -1_770_595_200_000] {
            let mut heard = Heard(Lateness::default());
            for second in 0..60_i64 {
                assert_eq!(heard.of(1, second * 1000 + ahead_ms, second as f64 + 0.2), 0);
            }
            assert_eq!(heard.of(1, 60_000 + ahead_ms, 85.2), 250, "held up");
            assert_eq!(heard.of(1, 84_000 + ahead_ms, 85.2), 10, "and the newest of them");
            assert_eq!(heard.of(1, 86_000 + ahead_ms, 86.2), 0);
        }
    }

    #[test]
    fn a_clock_that_is_set_is_no_delay_for_long() {
        let mut heard = Heard(Lateness::default());
        assert_eq!(heard.of(1, 100_000, 10.0), 0);
        assert_eq!(heard.of(1, 71_000, 11.0), 0, "set back by 30 s");
        assert_eq!(heard.of(1, 72_000, 12.0), 0);
        assert_eq!(heard.of(1, 173_000, 13.0), 0, "set forward by 100 s");
        assert_eq!(heard.of(1, 174_000, 14.0), 0);
        assert_eq!([10.0, 20.0, 30.0].map(|at_s| heard.of(3, 7, at_s)), [0; 3], "a device without a clock");
        assert_eq!(heard.of(2, 0, 14.0), 0, "another device has a clock of its own");
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let mut heard = Heard(Lateness::default());
        // 200 millionths slow: 2 s in 10 000 s.
        let latest = (0..10_000_i64).map(|second| heard.of(1, second * 999_800 / 1000, second as f64));
        assert!(latest.max() <= Some(2));
    }

    #[test]
    fn memory_is_bounded() {
        let mut heard = Heard(Lateness::default());
        for device in 0..1000 {
            heard.of(device, 0, 0.0);
        }
        assert_eq!(heard.0.0.len(), MOST);
    }
}
