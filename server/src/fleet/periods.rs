//! The periods of pseudonym keys: weeks that begin on Mondays at 00:00 UTC, when few drive in India; pure.

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, Utc};

/// Weeks after the running one: agents have keys for at least 14 days.
const WEEKS_AHEAD: i32 = 2;

/// A week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// Its name, such as `2026-W05` (ISO 8601).
    pub(super) name: String,
    /// Its first moment.
    pub(super) from: DateTime<Utc>,
    /// The first moment of the next one.
    pub(super) until: DateTime<Utc>,
}

/// The period of `now` and those that follow within the next 14 days.
pub(super) fn periods(now: DateTime<Utc>) -> Vec<Period> {
    let today = now.date_naive();
    let monday = today
        .checked_sub_days(Days::new(today.weekday().num_days_from_monday().into()))
        .unwrap_or(today)
        .and_time(NaiveTime::MIN)
        .and_utc();
    let week = |number: i32| {
        let from = monday + TimeDelta::weeks(number.into());
        let iso = from.date_naive().iso_week();
        Period { name: format!("{}-W{:02}", iso.year(), iso.week()), from, until: from + TimeDelta::weeks(1) }
    };
    (0..=WEEKS_AHEAD).map(week).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn there_are_keys_for_two_weeks_at_any_time_without_a_gap() {
        let names = |text: &str| periods(at(text)).into_iter().map(|week| week.name).collect::<Vec<_>>();
        assert_eq!(names("2026-02-02T00:00:00Z"), ["2026-W06", "2026-W07", "2026-W08"]);
        assert_eq!(names("2026-02-01T23:59:59Z"), ["2026-W05", "2026-W06", "2026-W07"]);
        assert_eq!(
            names("2025-12-31T12:00:00Z"),
            ["2026-W01", "2026-W02", "2026-W03"],
            "weeks are of ISO years"
        );
        for hour in 0..1000 {
            let now = at("2026-01-01T00:00:00Z") + TimeDelta::hours(hour);
            let weeks = periods(now);
            assert!(weeks[0].from <= now && now < weeks[0].until);
            assert!(weeks.windows(2).all(|pair| pair[0].until == pair[1].from));
            assert!(weeks.last().unwrap().until > now + TimeDelta::days(14));
        }
    }
}
