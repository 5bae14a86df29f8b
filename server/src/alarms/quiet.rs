//! Lanes that show nothing although at other times they do; pure.

use super::{Finding, Kind};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use flextraff_common::ids::JunctionId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Comparable days of which something must be known.
const FEWEST_DAYS: usize = 3;
/// Vehicles an hour of which none is no accident: where arrivals are random (Poisson) an hour without any has the probability `exp(-20)`.
const USUAL_AT_LEAST: f64 = 20.0;

/// A lane without a vehicle in an hour, and what that hour showed on other days.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietLane {
    /// The junction.
    pub junction: JunctionId,
    /// Name of the lane.
    pub lane: String,
    /// Whether no count came at all; else it was watched, and nobody came.
    pub no_counts: bool,
    /// The junction's time zone.
    pub zone: Tz,
    /// Start of the hour.
    pub hour_start: DateTime<Utc>,
    /// So many days before it was watched in the same hour, and so many vehicles came.
    pub vehicles: Vec<(i32, i64)>,
    /// Holidays there, of the last days.
    pub holidays: BTreeSet<NaiveDate>,
}

/// Days between which traffic is alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayKind {
    /// Monday to Friday.
    Working,
    Saturday,
    /// Sundays and holidays.
    Free,
}

impl QuietLane {
    /// Median of the vehicles that came in this hour on days of the same kind: working days, Saturdays, or Sundays and holidays. `None`: too
    /// few such days are known. A day on which the lane had failed, or on which many more came, does not move it.
    pub fn usual(&self) -> Option<f64> {
        let date = self.hour_start.with_timezone(&self.zone).date_naive();
        let kind = self.day_kind(date);
        let mut alike: Vec<i64> = self
            .vehicles
            .iter()
            .filter(|(days, _)| {
                let day = date.checked_sub_days(Days::new(u64::from(days.unsigned_abs())));
                day.is_some_and(|day| self.day_kind(day) == kind)
            })
            .map(|(_, vehicles)| *vehicles)
            .collect();
        if alike.len() < FEWEST_DAYS {
            return None;
        }
        alike.sort_unstable();
        let middle = alike.len() / 2;
        let (above, below) = (alike[middle], alike[(alike.len() - 1) / 2]);
        Some((above + below) as f64 / 2.0)
    }

    fn day_kind(&self, day: NaiveDate) -> DayKind {
        match day.weekday() {
            _ if self.holidays.contains(&day) => DayKind::Free,
            Weekday::Sun => DayKind::Free,
            Weekday::Sat => DayKind::Saturday,
            _ => DayKind::Working,
        }
    }
}

/// What is to be told of a junction: its lanes on which many vehicles are usual at this time.
pub(super) fn anomaly(junction: JunctionId, quiet: &[QuietLane]) -> Option<Finding> {
    let mut usual: BTreeMap<&str, f64> = BTreeMap::new();
    let (mut no_vehicle, mut no_counts) = (BTreeSet::new(), BTreeSet::new());
    for lane in quiet.iter().filter(|lane| lane.junction == junction) {
        let Some(vehicles) = lane.usual().filter(|vehicles| *vehicles >= USUAL_AT_LEAST) else { continue };
        usual.insert(&lane.lane, vehicles.round());
        if lane.no_counts { &mut no_counts } else { &mut no_vehicle }.insert(lane.lane.as_str());
    }
    let told = |what: &str, lanes: &BTreeSet<&str>| {
        let names = lanes.iter().copied().collect::<Vec<_>>().join(", ");
        format!("{what} where many vehicles are usual at this time of day: {names}")
    };
    let sentences = [
        (!no_vehicle.is_empty()).then(|| told("No vehicle for an hour on lanes", &no_vehicle)),
        (!no_counts.is_empty()).then(|| told("No counts came for an hour from lanes", &no_counts)),
    ];
    let message = sentences.into_iter().flatten().collect::<Vec<_>>().join("; ");
    (!message.is_empty()).then(|| Finding {
        kind: Kind::CountAnomaly,
        message,
        detail: json!({ "usual": usual, "no_counts": no_counts }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    /// 08:00 in India on a day of January 2026, the 5th of which is a Monday; vehicles of so many days before.
    fn lane(day: u32, vehicles: impl IntoIterator<Item = (i32, i64)>) -> QuietLane {
        let hour_start = format!("2026-01-{day:02}T02:30:00Z").parse().unwrap();
        QuietLane {
            junction: JunctionId(Uuid::from_u128(1)),
            lane: "N".into(),
            no_counts: false,
            zone: Tz::Asia__Kolkata,
            hour_start,
            vehicles: vehicles.into_iter().collect(),
            holidays: BTreeSet::new(),
        }
    }

    #[test]
    fn days_are_compared_with_days_of_their_kind() {
        // 100 on working days, 40 on Saturdays, none on Sundays.
        let week = |today: u32| {
            let on = move |days: i32| match (today as i32 - days).rem_euclid(7) {
                3 => 40,
                4 => 0,
                _ => 100,
            };
            lane(today, (1..=28).map(move |days| (days, on(days))))
        };
        assert_eq!(week(28).usual(), Some(100.0), "a Wednesday");
        assert_eq!(week(24).usual(), Some(40.0), "a Saturday");
        assert_eq!(week(25).usual(), Some(0.0), "a Sunday");
        assert_eq!(anomaly(week(25).junction, &[week(25)]), None);
        let mut republic_day = week(26);
        assert_eq!(republic_day.usual(), Some(100.0));
        republic_day.holidays.insert("2026-01-26".parse().unwrap());
        assert_eq!(republic_day.usual(), Some(0.0));
        let mut tuesday = week(27);
        tuesday.vehicles.iter_mut().filter(|(days, _)| *days == 1).for_each(|(_, vehicles)| *vehicles = 0);
        tuesday.vehicles.retain(|(days, _)| *days <= 4);
        assert_eq!(tuesday.usual(), None, "Monday and Friday, beside Saturday and Sunday");
        tuesday.vehicles.push((5, 100));
        assert_eq!(tuesday.usual(), Some(100.0), "that nobody came on Monday does not matter");
    }

    #[test]
    fn the_day_is_the_one_of_the_junction() {
        // 00:30 of Monday in India is Sunday in UTC.
        let mut early = lane(5, (1..=28).map(|days| (days, if days % 7 == 0 { 30 } else { 0 })));
        early.hour_start = "2026-01-04T19:00:00Z".parse().unwrap();
        assert_eq!(early.usual(), Some(0.0));
        early.zone = Tz::UTC;
        assert_eq!(early.usual(), Some(30.0));
    }

    #[test]
    fn quiet_lanes_of_a_junction_are_one_alarm() {
        let junction = |id| JunctionId(Uuid::from_u128(id));
        let quiet = |id, name: &str, no_counts| QuietLane {
            junction: junction(id),
            lane: name.into(),
            no_counts,
            ..lane(9, (1..=4).map(|days| (days, 40)))
        };
        let few = QuietLane { vehicles: (1..=4).map(|days| (days, 19)).collect(), ..quiet(1, "W", true) };
        let mut all = vec![quiet(1, "N", false), quiet(2, "X", true), quiet(1, "E", false), few];
        let finding = anomaly(junction(1), &all).unwrap();
        assert!(finding.message.ends_with("of day: E, N"), "{}", finding.message);
        assert_eq!(finding.detail, json!({"usual": {"E": 40.0, "N": 40.0}, "no_counts": []}));
        all.push(quiet(1, "S", true));
        let finding = anomaly(junction(1), &all).unwrap();
        assert!(finding.message.contains("No vehicle for an hour on lanes"), "{}", finding.message);
        let end =
            "; No counts came for an hour from lanes where many vehicles are usual at this time of day: S";
        assert!(finding.message.ends_with(end), "{}", finding.message);
        assert_eq!(finding.detail["no_counts"], json!(["S"]));
        assert_eq!(anomaly(junction(3), &all), None);
    }
}
