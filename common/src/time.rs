//! Points in time as values. Whoever needs "now" takes it as an argument.
//!
//! Control runs on [`MonoMs`]; [`UnixMs`] only stamps what people and the server see, because a Raspberry Pi has no clock battery and its
//! wall clock jumps when it synchronises.

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Sub};

/// Milliseconds of a monotonic clock since boot. Compares only within one [`crate::ids::BootId`]; replay may start it below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonoMs(pub i64);

impl MonoMs {
    /// Whole seconds, as milliseconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since `earlier`; negative when `earlier` lies ahead.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The whole second at or before this moment.
    #[must_use]
    pub const fn floor_second(self) -> Self {
        Self(self.0.div_euclid(1000) * 1000)
    }

    /// The whole second at or after this moment.
    #[must_use]
    pub const fn ceil_second(self) -> Self {
        Self((self.0.saturating_add(999)).div_euclid(1000) * 1000)
    }
}

/// Adds milliseconds.
impl Add<i64> for MonoMs {
    type Output = Self;

    fn add(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// Subtracts milliseconds.
impl Sub<i64> for MonoMs {
    type Output = Self;

    fn sub(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Serialises as RFC 3339 UTC with `Z` (milliseconds only when there are any); reads RFC 3339 with any offset, and a time without a zone as UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// Reads RFC 3339 (`2026-02-10T14:30:00Z`, any offset) or the same without a zone, which is UTC.
    ///
    /// # Errors
    /// A sentence that names the text when it is no such time.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(time.timestamp_millis()));
        }
        for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
            if let Ok(naive) = NaiveDateTime::parse_from_str(text, form) {
                return Ok(Self(naive.and_utc().timestamp_millis()));
            }
        }
        Err(TimeError { text: text.chars().take(40).collect() })
    }

    /// Milliseconds since `earlier`; negative when `earlier` lies ahead.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Adds milliseconds.
impl Add<i64> for UnixMs {
    type Output = Self;

    fn add(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_millis(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} ms since 1970", self.0),
        }
    }
}

impl Serialize for UnixMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no time; write it as 2026-02-10T14:30:00Z")]
pub struct TimeError {
    text: String,
}

/// Whether the wall clock may be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockState {
    /// Disciplined by NTP, GNSS or a trusted real-time clock.
    Synced,
    /// Running from whatever the machine started with.
    #[default]
    Unsynced,
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic time since boot.
    pub mono: MonoMs,
    /// Wall time.
    pub wall: UnixMs,
    /// Whether `wall` may be trusted.
    pub clock: ClockState,
}

impl Moment {
    /// Wall time of another monotonic moment of the same boot, by the present difference of both clocks.
    pub const fn wall_at(&self, mono: MonoMs) -> UnixMs {
        UnixMs(self.wall.0.saturating_add(mono.since(self.mono)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_zone_is_utc() {
        let zulu = UnixMs::parse("2026-02-10T14:30:00Z").unwrap();
        assert_eq!(UnixMs::parse("2026-02-10T14:30:00").unwrap(), zulu);
        assert_eq!(UnixMs::parse("2026-02-10T20:00:00+05:30").unwrap(), zulu);
        assert_eq!(zulu.to_string(), "2026-02-10T14:30:00Z");
        assert_eq!((zulu + 250).to_string(), "2026-02-10T14:30:00.250Z");
    }

    #[test]
    fn what_is_no_time_is_named() {
        let error = UnixMs::parse("yesterday").unwrap_err();
        assert_eq!(error.to_string(), "\"yesterday\" is no time; write it as 2026-02-10T14:30:00Z");
    }

    #[test]
    fn seconds_round_towards_the_right_side_below_zero_too() {
        assert_eq!(MonoMs(-1500).floor_second(), MonoMs(-2000));
        assert_eq!(MonoMs(-1500).ceil_second(), MonoMs(-1000));
        assert_eq!(MonoMs(2000).ceil_second(), MonoMs(2000));
    }
}
