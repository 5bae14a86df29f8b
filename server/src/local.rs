//! Local time: which moment a time of day is in a zone, and buckets of local time; pure.

mod buckets;

pub use buckets::{Width, edges};

use chrono::{DateTime, Duration, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// No clock goes forward by more, minutes.
const LONGEST_SKIP_MIN: i64 = 24 * 60;

/// The moment of a local time, which is a whole minute. Of two such moments, when clocks go back, it is the first; a time that clocks skip is
/// the moment at which they go forward. A later local time is never an earlier moment.
pub fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    (0..=LONGEST_SKIP_MIN)
        .find_map(|skipped| zone.from_local_datetime(&(local + Duration::minutes(skipped))).earliest())
        .map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_and_repeated_times_are_moments_in_order() {
        let at = |zone: Tz, text: &str| instant(zone, text.parse().unwrap()).to_rfc3339();
        let berlin = Tz::Europe__Berlin;
        assert_eq!(at(Tz::Asia__Kolkata, "2026-03-29T00:00:00"), "2026-03-28T18:30:00+00:00");
        // Clocks go from 02:00 to 03:00, and from 03:00 back to 02:00.
        assert_eq!(at(berlin, "2026-03-29T02:30:00"), "2026-03-29T01:00:00+00:00");
        assert_eq!(at(berlin, "2026-03-29T03:00:00"), "2026-03-29T01:00:00+00:00");
        assert_eq!(at(berlin, "2026-10-25T02:30:00"), "2026-10-25T00:30:00+00:00");
        assert_eq!(at(berlin, "2026-10-25T03:00:00"), "2026-10-25T02:00:00+00:00");
        // Samoa skipped the whole of 2011-12-30.
        assert_eq!(at(Tz::Pacific__Apia, "2011-12-30T12:00:00"), "2011-12-30T10:00:00+00:00");
    }
}
