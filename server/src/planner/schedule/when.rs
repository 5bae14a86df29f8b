//! Days and times of day.

use chrono::{Duration, NaiveTime, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::ToSchema;

/// Minutes of a day.
const DAY_MIN: u16 = 1440;

/// A kind of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ScheduleDay)]
#[expect(missing_docs, reason = "the days of the week need no words")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
    /// A holiday, whatever weekday it is.
    Holiday,
}

impl Day {
    /// The days of a week, in their order.
    pub const WEEK: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// The day of the week.
    pub const fn of(day: Weekday) -> Self {
        Self::WEEK[day.num_days_from_monday() as usize]
    }

    /// The weekday after it; `None` after a holiday.
    pub fn next(self) -> Option<Self> {
        let place = Self::WEEK.iter().position(|own| *own == self)?;
        Some(Self::WEEK[(place + 1) % Self::WEEK.len()])
    }

    /// As the database and the API name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
            Self::Holiday => "holiday",
        }
    }
}

/// A time of day, whole minutes; midnight may be written as `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime(u16);

impl ClockTime {
    /// Minutes since midnight, 0 to 1439.
    pub const fn minutes(self) -> u16 {
        self.0
    }

    /// As a time of day.
    pub fn time(self) -> NaiveTime {
        NaiveTime::MIN + Duration::minutes(i64::from(self.0))
    }

    /// Whole minutes of a time of day.
    pub fn of(time: NaiveTime) -> Self {
        Self((time.signed_duration_since(NaiveTime::MIN).num_minutes() % i64::from(DAY_MIN)) as u16)
    }

    /// Reads `07:00`; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let two =
            |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(());
        two(hours)?;
        two(minutes)?;
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        let all = hours * 60 + minutes;
        (minutes < 60 && all <= DAY_MIN).then_some(Self(all % DAY_MIN))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for ClockTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let text: String = text.chars().take(20).collect();
            serde::de::Error::custom(format!("\"{text}\" is no time of day; write it as 07:00"))
        })
    }
}
