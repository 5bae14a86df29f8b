//! Fixed plans and limits by day and hour, in the junction's time zone; pure.
//!
//! An entry belongs to the day on which it starts, and may go on past midnight. A holiday is no weekday: only entries for holidays start on
//! it. Of one kind, fixed plans or limits, at most one entry holds at a time; while a fixed plan holds, limits rest. Around a holiday the entry
//! that starts later takes the place of one that would go on.

mod check;
#[cfg(test)]
mod tests;
mod when;

pub use check::problems;
pub use when::{ClockTime, Day};

use crate::local;
use chrono::{DateTime, Datelike as _, Days, NaiveDate};
use chrono_tz::Tz;
use flextraff_common::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Most entries of a schedule.
pub const MAX_ENTRIES: usize = 100;
/// Without a change within so many days it is looked at again.
const LOOK_AHEAD_DAYS: u64 = 8;

/// An entry of a schedule: a fixed plan, or limits for the planner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name, which stands in the reason of its plans; no other entry of the junction has it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// The days on which it starts: `mon` to `sun`, and `holiday`. A holiday's weekday does not count.
    #[schema(min_items = 1, max_items = 8)]
    pub days: BTreeSet<Day>,
    /// When it starts, such as `07:00`.
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: ClockTime,
    /// When it ends, such as `10:30`; not later than `from`: on the next day.
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-4]):[0-5][0-9]$")]
    pub to: ClockTime,
    /// A fixed plan; without it there are `limits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<FixedPlan>,
    /// Limits for the planner; without them there is a `plan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<EntryLimits>,
}

/// Greens that run exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedPlan {
    /// Green of each stage.
    #[schema(min_items = 1, max_items = 16)]
    pub stages: Vec<FixedGreen>,
    /// Seconds after the common zero at which the cycle starts; absent: it is not coordinated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 3600)]
    pub offset_s: Option<u32>,
}

/// Green of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedGreen {
    /// Name of the stage.
    #[schema(max_length = 64)]
    pub stage: String,
    /// Seconds of green, clearance not included.
    #[schema(minimum = 0, maximum = 3600)]
    pub green_s: f64,
}

/// Limits within which the planner plans; at least one is given. Ranges of the stages and the longest red win over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryLimits {
    /// Shortest cycle, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub min_cycle_s: Option<u32>,
    /// Longest cycle, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub max_cycle_s: Option<u32>,
    /// Shortest green of every stage, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub min_green_s: Option<u32>,
    /// Longest green of every stage, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub max_green_s: Option<u32>,
}

/// What holds by day and hour at a junction.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The junction's time zone.
    pub zone: Tz,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// Days that are holidays there.
    pub holidays: BTreeSet<NaiveDate>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { zone: Tz::UTC, entries: Vec::new(), holidays: BTreeSet::new() }
    }
}

/// An entry that holds, and until when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holds<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The first moment at which it does not hold.
    pub until: UnixMs,
}

impl Schedule {
    /// The entry that holds at a moment: the fixed plan, or else the limits; of several, around a holiday, the one that has started last.
    pub fn at(&self, now: UnixMs) -> Option<Holds<'_>> {
        self.of_kind(now, true).or_else(|| self.of_kind(now, false))
    }

    fn of_kind(&self, now: UnixMs, plan: bool) -> Option<Holds<'_>> {
        let periods: Vec<_> =
            self.periods(now, 0).filter(|(entry, ..)| entry.plan.is_some() == plan).collect();
        let &(entry, _, ends) = periods
            .iter()
            .filter(|(_, from, until)| *from <= now && now < *until)
            .max_by_key(|(_, from, _)| *from)?;
        let next =
            periods.iter().filter(|(_, from, until)| now < *from && from < until).map(|(_, from, _)| *from);
        Some(Holds { entry, until: next.fold(ends, UnixMs::min) })
    }

    /// The next moment after `now` at which something may change.
    pub fn next_change(&self, now: UnixMs) -> UnixMs {
        let look_again = now + LOOK_AHEAD_DAYS as i64 * 86_400_000;
        self.periods(now, LOOK_AHEAD_DAYS)
            .flat_map(|(_, from, until)| [from, until])
            .filter(|edge| *edge > now)
            .fold(look_again, UnixMs::min)
    }

    /// The time of day there, such as `10:30`.
    pub fn clock(&self, at: UnixMs) -> String {
        let time = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
        time.with_timezone(&self.zone).format("%H:%M").to_string()
    }

    /// Entries from start to end, of the days around `now` and `ahead` days more.
    fn periods(&self, now: UnixMs, ahead: u64) -> impl Iterator<Item = (&Entry, UnixMs, UnixMs)> {
        let time = DateTime::from_timestamp_millis(now.0).unwrap_or_default();
        let today = time.with_timezone(&self.zone).date_naive();
        // Clocks have gone forward by a whole day: what starts the day before yesterday may still hold.
        let first = today.checked_sub_days(Days::new(2)).unwrap_or(today);
        first.iter_days().take(4 + ahead as usize).flat_map(move |day| {
            let kind = self.kind(day);
            self.entries.iter().filter(move |entry| entry.days.contains(&kind)).map(move |entry| {
                let crosses = u64::from(entry.crosses_midnight());
                let last = day.checked_add_days(Days::new(crosses)).unwrap_or(day);
                let at = |day: NaiveDate, time: ClockTime| {
                    UnixMs(local::instant(self.zone, day.and_time(time.time())).timestamp_millis())
                };
                (entry, at(day, entry.from), at(last, entry.to))
            })
        })
    }

    fn kind(&self, day: NaiveDate) -> Day {
        if self.holidays.contains(&day) { Day::Holiday } else { Day::of(day.weekday()) }
    }
}

impl Entry {
    const fn crosses_midnight(&self) -> bool {
        self.to.minutes() <= self.from.minutes()
    }
}
