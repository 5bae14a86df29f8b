//! Mean volumes by hour and weekday, and the peak hour.

use super::volumes::with_gone;
use super::{Sum, local, tenth, thousandth};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Below this many milliseconds watched a mean says nothing, as in the planner.
const LEAST_WATCHED_MS: i64 = 60_000;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

/// What is usual in an hour of a day of the week.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HourMean {
    /// The day of the week.
    pub weekday: Weekday,
    /// The hour of the day, 0 to 23, in the junction's local time.
    pub hour: u8,
    /// Mean of tagged vehicles in this hour, of all lanes that were watched in it; null: none was.
    pub vehicle_count: Option<f64>,
    /// Its lanes, in their order.
    pub lanes: Vec<LaneMean>,
}

/// What is usual on a lane.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LaneMean {
    /// The lane.
    pub lane_id: Uuid,
    /// Mean of tagged vehicles in this hour; of hours that were watched in part, as if as many had come in the rest of them. Null: not
    /// watched for a minute at least.
    pub vehicle_count: Option<f64>,
    /// Days of which this is the mean.
    pub days: i64,
}

/// The hour in which most vehicles came.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Peak {
    /// The lane; null: all of them.
    pub lane_id: Option<Uuid>,
    /// When it began, in the junction's local time.
    pub start: String,
    /// Tagged vehicles in it.
    pub vehicle_count: i64,
    /// Most tagged vehicles of one of its quarters.
    pub peak_quarter_count: i64,
    /// Volume of the hour over four times that of its busiest quarter (Highway Capacity Manual 2000, equation 7-1): 1 is even, 0.25 all at
    /// once.
    pub peak_hour_factor: f64,
}

/// Sums of a lane over the same hour of all days of one weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourSum {
    /// Day of the week, 0 for Monday to 6.
    pub weekday: usize,
    /// Hour of the day, 0 to 23.
    pub hour: usize,
    /// The lane.
    pub lane_id: Uuid,
    /// Days on which it was watched.
    pub days: i64,
    /// Hours that were watched: on the day on which clocks go back an hour comes twice.
    pub hours: i64,
    /// Their sums.
    pub sum: Sum,
}

/// The mean of a lane, vehicles an hour.
fn mean(sum: &HourSum) -> Option<f64> {
    let Sum { vehicle_count, observed_ms, unsaid } = sum.sum;
    if unsaid > 0 {
        return (sum.hours > 0).then(|| vehicle_count as f64 / sum.hours as f64);
    }
    (observed_ms >= LEAST_WATCHED_MS).then(|| vehicle_count as f64 * 3_600_000.0 / observed_ms as f64)
}

/// All 168 hours of a week.
pub fn means(lanes: &[Uuid], sums: &[HourSum]) -> Vec<HourMean> {
    let lanes = with_gone(lanes, sums.iter().map(|sum| sum.lane_id));
    let by_key: BTreeMap<(usize, usize, Uuid), &HourSum> =
        sums.iter().map(|sum| ((sum.weekday, sum.hour, sum.lane_id), sum)).collect();
    let hours =
        Weekday::ALL.into_iter().enumerate().flat_map(|(at, day)| (0..24).map(move |hour| (at, day, hour)));
    hours
        .map(|(at, weekday, hour)| {
            let found: Vec<(Uuid, Option<&HourSum>)> =
                lanes.iter().map(|lane| (*lane, by_key.get(&(at, hour, *lane)).copied())).collect();
            let total = found.iter().filter_map(|(_, sum)| mean((*sum)?)).reduce(|total, mean| total + mean);
            let lane = |(lane_id, sum): (Uuid, Option<&HourSum>)| LaneMean {
                lane_id,
                vehicle_count: sum.and_then(mean).map(tenth),
                days: sum.map_or(0, |sum| sum.days),
            };
            HourMean {
                weekday,
                hour: hour as u8,
                vehicle_count: total.map(tenth),
                lanes: found.into_iter().map(lane).collect(),
            }
        })
        .collect()
}

/// The hour of the day, 0 to 23, in which most vehicles come on average over the days of the week; the first of several.
pub fn peak_hour(hours: &[HourMean]) -> Option<u8> {
    let mut by_hour: BTreeMap<u8, (f64, f64)> = BTreeMap::new();
    for hour in hours {
        if let Some(count) = hour.vehicle_count {
            let (sum, days) = by_hour.entry(hour.hour).or_default();
            *sum += count;
            *days += 1.0;
        }
    }
    let means =
        by_hour.into_iter().map(|(hour, (sum, days))| (hour, sum / days)).filter(|(_, mean)| *mean > 0.0);
    means.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(hour, _)| hour)
}

/// Vehicles of a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarter {
    /// Its start.
    pub start: DateTime<Utc>,
    /// Tagged vehicles.
    pub vehicle_count: i64,
}

/// The peak hours of all lanes together and of each lane, in the order of their ids. `quarters`: lane and quarter, in the order of time.
pub fn peaks(zone: Tz, quarters: &[(Uuid, Quarter)]) -> Vec<Peak> {
    let mut all: Vec<Quarter> = Vec::new();
    let mut lanes: BTreeMap<Uuid, Vec<Quarter>> = BTreeMap::new();
    for (lane, quarter) in quarters {
        match all.last_mut().filter(|last| last.start == quarter.start) {
            Some(last) => last.vehicle_count += quarter.vehicle_count,
            None => all.push(*quarter),
        }
        lanes.entry(*lane).or_default().push(*quarter);
    }
    let each = lanes.iter().filter_map(|(lane, quarters)| peak(zone, Some(*lane), quarters));
    peak(zone, None, &all).into_iter().chain(each).collect()
}

/// The peak hour: of any four quarters in a row those with most vehicles, the first of several. `quarters` rise; one that is missing had none.
/// `None` without vehicles.
fn peak(zone: Tz, lane_id: Option<Uuid>, quarters: &[Quarter]) -> Option<Peak> {
    let mut best: Option<(DateTime<Utc>, i64, i64)> = None;
    for (at, first) in quarters.iter().enumerate() {
        let end = first.start + TimeDelta::hours(1);
        let hour = quarters[at..].iter().take_while(|quarter| quarter.start < end);
        let (sum, most) = hour.fold((0, 0), |(sum, most), quarter| {
            (sum + quarter.vehicle_count, most.max(quarter.vehicle_count))
        });
        if sum > best.map_or(0, |(_, sum, _)| sum) {
            best = Some((first.start, sum, most));
        }
    }
    best.map(|(start, vehicle_count, peak_quarter_count)| Peak {
        lane_id,
        start: local(start, zone),
        vehicle_count,
        peak_quarter_count,
        peak_hour_factor: thousandth(vehicle_count as f64 / (4 * peak_quarter_count) as f64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarter(number: i64, vehicle_count: i64) -> Quarter {
        Quarter { start: DateTime::from_timestamp(1_800_000_000 + 900 * number, 0).unwrap(), vehicle_count }
    }

    #[test]
    fn the_peak_hour_is_any_four_quarters_in_a_row() {
        let quarters =
            [quarter(0, 10), quarter(1, 10), quarter(2, 30), quarter(3, 40), quarter(4, 20), quarter(9, 50)];
        let found = peak(Tz::Asia__Kolkata, None, &quarters).unwrap();
        // 1 800 000 000 is 13:30 in India.
        assert_eq!((found.start.as_str(), found.vehicle_count), ("2027-01-15T13:45:00+05:30", 100));
        assert_eq!((found.peak_quarter_count, found.peak_hour_factor), (40, 0.625));
        assert_eq!(peak(Tz::UTC, None, &[quarter(0, 0)]), None);
    }

    #[test]
    fn hours_watched_in_part_count_for_what_was_watched() {
        let (n, s) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sum = |hour, lane_id, vehicle_count, observed_ms, unsaid, days| HourSum {
            weekday: 1,
            hour,
            lane_id,
            days,
            hours: days,
            sum: Sum { vehicle_count, observed_ms, unsaid },
        };
        let sums = [
            sum(8, n, 150, 5_400_000, 0, 2),
            sum(8, s, 30, 0, 9, 2),
            sum(9, n, 4, 59_000, 0, 1),
            sum(9, s, 0, 3_600_000, 0, 1),
        ];
        let hours = means(&[n, s], &sums);
        assert_eq!(hours.len(), 168);
        let eight = &hours[24 + 8];
        assert_eq!((eight.weekday, eight.hour, eight.vehicle_count), (Weekday::Tue, 8, Some(115.0)));
        assert_eq!((eight.lanes[0].vehicle_count, eight.lanes[1].vehicle_count), (Some(100.0), Some(15.0)));
        let nine = &hours[24 + 9];
        assert_eq!((nine.lanes[0].vehicle_count, nine.lanes[1].vehicle_count), (None, Some(0.0)));
        assert_eq!((nine.vehicle_count, hours[0].vehicle_count), (Some(0.0), None));
        assert_eq!((peak_hour(&hours), peak_hour(&hours[..24])), (Some(8), None));
    }
}
