//! Buckets of local time, such as the hours of a day.

use super::instant;
use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most days of counts that are summed up at a time.
const MOST_DAYS: i64 = 31;

/// How wide a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum Width {
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// A quarter of an hour.
    #[serde(rename = "15m")]
    Quarter,
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// A day, from midnight to midnight.
    #[serde(rename = "1d")]
    Day,
}

impl Width {
    /// As requests name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Its usual length, seconds; a day is shorter or longer when clocks change.
    const fn seconds(self) -> i64 {
        match self {
            Self::FiveMinutes => 300,
            Self::Quarter => 900,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// How far back to look when nobody says.
    pub const fn usual_span(self) -> TimeDelta {
        TimeDelta::days(if matches!(self, Self::Day) { MOST_DAYS } else { 1 })
    }

    /// Most buckets that are summed up at a time.
    pub const fn most_at_once(self) -> usize {
        (MOST_DAYS * 86_400 / self.seconds()) as usize
    }

    /// The start of the bucket that holds a moment.
    fn start(self, zone: Tz, at: DateTime<Utc>) -> DateTime<Utc> {
        let local = at.with_timezone(&zone);
        if self == Self::Day {
            return instant(zone, local.date_naive().and_time(NaiveTime::MIN));
        }
        let offset_s = i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc());
        let start_s = (at.timestamp() + offset_s).div_euclid(self.seconds()) * self.seconds() - offset_s;
        DateTime::from_timestamp(start_s, 0).unwrap_or(at)
    }

    /// The end of the bucket that holds a moment.
    fn end(self, zone: Tz, at: DateTime<Utc>) -> DateTime<Utc> {
        let start = self.start(zone, at);
        if self != Self::Day {
            return start + TimeDelta::seconds(self.seconds());
        }
        let day = at.with_timezone(&zone).date_naive();
        let midnight = |day: chrono::NaiveDate| -> NaiveDateTime { day.and_time(NaiveTime::MIN) };
        day.checked_add_days(Days::new(1)).map_or(start, |next| instant(zone, midnight(next)))
    }
}

/// Edges, rising, of the last `most` buckets that hold anything of the time from `from` to before `to`.
pub fn edges(
    zone: Tz,
    width: Width,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    most: usize,
) -> Vec<DateTime<Utc>> {
    let just_before = |at: DateTime<Utc>| at - TimeDelta::microseconds(1);
    if from >= to || most == 0 {
        return Vec::new();
    }
    let mut edges = vec![width.end(zone, just_before(to))];
    while let Some(&last) = edges.last().filter(|last| **last > from && edges.len() <= most) {
        edges.push(width.start(zone, just_before(last)));
    }
    edges.reverse();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn shown(zone: Tz, width: Width, from: &str, to: &str, most: usize) -> Vec<String> {
        let time = |edge: DateTime<Utc>| edge.with_timezone(&zone).format("%d %H:%M %z").to_string();
        edges(zone, width, at(from), at(to), most).into_iter().map(time).collect()
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let kolkata = Tz::Asia__Kolkata;
        // 12:10 to 14:00 in India.
        let hours = shown(kolkata, Width::Hour, "2026-02-10T06:40:00Z", "2026-02-10T08:30:00Z", 10);
        assert_eq!(hours, ["10 12:00 +0530", "10 13:00 +0530", "10 14:00 +0530"]);
        let newest = shown(kolkata, Width::Quarter, "2026-02-10T06:40:00Z", "2026-02-10T08:30:00Z", 2);
        assert_eq!(newest, ["10 13:30 +0530", "10 13:45 +0530", "10 14:00 +0530"]);
        assert!(shown(kolkata, Width::Hour, "2026-02-10T08:30:00Z", "2026-02-10T08:30:00Z", 2).is_empty());
    }

    #[test]
    fn days_and_hours_follow_a_change_of_clocks() {
        let berlin = Tz::Europe__Berlin;
        let days = edges(berlin, Width::Day, at("2026-10-24T10:00:00Z"), at("2026-10-25T23:00:00Z"), 10);
        let hours: Vec<i64> = days.windows(2).map(|edge| (edge[1] - edge[0]).num_hours()).collect();
        assert_eq!(hours, [24, 25]);
        let hours = shown(berlin, Width::Hour, "2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z", 10);
        assert_eq!(hours, ["25 01:00 +0200", "25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100"]);
    }

    #[test]
    fn buckets_meet_without_gaps() {
        for width in [Width::FiveMinutes, Width::Quarter, Width::Hour, Width::Day] {
            // Lord Howe's clocks change by half an hour.
            for zone in [Tz::Australia__Lord_Howe, Tz::Europe__Berlin, Tz::Asia__Kathmandu] {
                let (from, to) = (at("2026-03-27T00:07:00Z"), at("2026-04-06T00:00:00Z"));
                let all = edges(zone, width, from, to, 100_000);
                assert!(all[0] <= from && all[all.len() - 1] >= to);
                assert!(all.windows(2).all(|edge| edge[0] < edge[1]), "{width:?} {zone}");
            }
        }
    }
}
