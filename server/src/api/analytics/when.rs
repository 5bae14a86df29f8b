//! Spans of analytics: days, or times.

use crate::api::problem::Problem;
use crate::local::{Width, edges, instant};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};
use std::str::FromStr;
use utoipa::IntoParams;

/// Longest text of a time.
const MOST_CHARS: usize = 40;
/// Days when nobody says from when on.
const USUAL_DAYS: u64 = 30;

/// From which day to which.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Dates {
    /// The first day, in the junction's time zone. Absent: 29 days before the last.
    from: Option<NaiveDate>,
    /// The last day, included. Absent: today.
    to: Option<NaiveDate>,
}

impl Dates {
    /// The first and the last day, at most `most` days in all.
    ///
    /// # Errors
    /// 422.
    pub(super) fn span(
        self,
        zone: Tz,
        now: DateTime<Utc>,
        most: i64,
    ) -> Result<(NaiveDate, NaiveDate), Problem> {
        let to = self.to.unwrap_or_else(|| now.with_timezone(&zone).date_naive());
        let usual = || to.checked_sub_days(Days::new(USUAL_DAYS - 1)).unwrap_or(NaiveDate::MIN);
        let from = self.from.unwrap_or_else(usual);
        if from > to {
            return Err(Problem::invalid_field("from", format!("from {from} is after to {to}")));
        }
        let days = (to - from).num_days() + 1;
        if days > most {
            let message = format!("{from} to {to} are {days} days; at most {most} are answered at a time");
            return Err(Problem::invalid_field("to", message));
        }
        if from.year() < 1 || to.year() > 9998 {
            return Err(Problem::invalid_field("from", "The days lie between the years 1 and 9998"));
        }
        Ok((from, to))
    }
}

/// A day or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A day of the junction's local time.
    Day(NaiveDate),
    /// A time.
    Time(DateTime<Utc>),
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = if text.len() <= MOST_CHARS { text } else { "" };
        let day = text.parse::<NaiveDate>().map(Self::Day);
        let time = DateTime::parse_from_rfc3339(text).map(|time| Self::Time(time.to_utc()));
        let years = |at: &Self| match at {
            Self::Day(day) => (2..9999).contains(&day.year()),
            Self::Time(time) => (2..9999).contains(&time.year()),
        };
        let expected =
            "a day such as 2026-02-10 or a time such as 2026-02-10T06:30:00Z (RFC 3339) is expected";
        day.or(time).ok().filter(years).ok_or(expected)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// From when to when.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct When {
    /// From this time on (RFC 3339), or from the start of this day of the junction's local time.
    #[param(value_type = Option<String>, max_length = 40, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].*)?$")]
    from: Option<Moment>,
    /// Before this time (RFC 3339), or to the end of this day. Absent: until now.
    #[param(value_type = Option<String>, max_length = 40, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].*)?$")]
    to: Option<Moment>,
}

impl When {
    /// From when to when; `None` as where nothing is asked for.
    pub(super) const fn new(from: Option<Moment>, to: Option<Moment>) -> Self {
        Self { from, to }
    }

    /// The same as days; `None` when one of them is a time.
    pub(super) fn days(self) -> Option<Dates> {
        let day = |moment: Option<Moment>| match moment {
            Some(Moment::Day(day)) => Some(Some(day)),
            Some(Moment::Time(_)) => None,
            None => Some(None),
        };
        Some(Dates { from: day(self.from)?, to: day(self.to)? })
    }

    /// The span; without `from` it is `usual` days long. At most `most`, for what is asked for, `of`.
    ///
    /// # Errors
    /// 422.
    pub(super) fn span(
        self,
        zone: Tz,
        now: DateTime<Utc>,
        usual: i64,
        most: i64,
        of: &str,
    ) -> Result<(DateTime<Utc>, DateTime<Utc>), Problem> {
        let midnight = |day: NaiveDate| instant(zone, day.and_time(NaiveTime::MIN));
        let to = match self.to {
            Some(Moment::Time(time)) => time,
            Some(Moment::Day(day)) => midnight(day.checked_add_days(Days::new(1)).unwrap_or(day)),
            None => now,
        };
        let from = match self.from {
            Some(Moment::Time(time)) => time,
            Some(Moment::Day(day)) => midnight(day),
            None => to - TimeDelta::days(usual),
        };
        if from >= to {
            return Err(Problem::invalid_field("from", "from is earlier than to"));
        }
        // Days are longer when clocks go back.
        if to - from > TimeDelta::days(most) + TimeDelta::hours(1) {
            let days = (to - from).num_hours() as f64 / 24.0;
            let message = format!("The span is {days:.1} days long; for {of} it has at most {most}");
            return Err(Problem::invalid_field("to", message));
        }
        Ok((from, to))
    }

    /// Edges of the buckets that hold anything of the span, which without `from` is a day, and 30 in buckets of a day or without buckets. Without
    /// `bucket` one bucket is the span; of volumes, whole five minutes of it.
    ///
    /// # Errors
    /// 422.
    pub(super) fn edges(
        self,
        zone: Tz,
        now: DateTime<Utc>,
        bucket: Option<Width>,
        most: Most,
    ) -> Result<Vec<DateTime<Utc>>, Problem> {
        let (usual, days) = match (bucket, most) {
            (Some(Width::FiveMinutes), _) => (1, 7),
            (Some(Width::Quarter), _) => (1, 31),
            (Some(Width::Hour), _) => (1, 92),
            (Some(Width::Day) | None, Most::Volumes) => (30, 366),
            (Some(Width::Day) | None, Most::Cycles) => (30, 92),
        };
        let of =
            bucket.map_or_else(|| "one bucket".to_owned(), |width| format!("buckets of {}", width.name()));
        let (from, to) = self.span(zone, now, usual, days, &of)?;
        let edges = edges(zone, bucket.unwrap_or(Width::FiveMinutes), from, to, usize::MAX);
        Ok(match (bucket, most, edges.as_slice()) {
            (None, Most::Cycles, _) => vec![from, to],
            (None, Most::Volumes, [first, .., last]) => vec![*first, *last],
            _ => edges,
        })
    }
}

/// What a span may be long for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Most {
    /// Volumes, which are summed up beforehand.
    Volumes,
    /// Cycles.
    Cycles,
}
