//! Volumes of lanes over buckets of local time.

use super::{local, tenth};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A bucket of time with what each lane showed in it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Bucket {
    /// Its start, in the junction's local time.
    pub start: String,
    /// Its end, in the junction's local time.
    pub end: String,
    /// Seconds that it lasts.
    pub seconds: i64,
    /// Tagged vehicles of all lanes that were watched; null: none was.
    pub vehicle_count: Option<i64>,
    /// Its lanes, in their order.
    pub lanes: Vec<LaneSum>,
}

/// What a lane showed in a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LaneSum {
    /// The lane.
    pub lane_id: Uuid,
    /// Tagged vehicles; null: nobody watched, which is not the same as none.
    pub vehicle_count: Option<i64>,
    /// Seconds that were really watched; null: a sender does not say.
    pub observed_s: Option<f64>,
}

/// Sums of a lane over some time, as they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Tagged vehicles.
    pub vehicle_count: i64,
    /// Milliseconds watched, as far as senders say.
    pub observed_ms: i64,
    /// Intervals whose senders do not say how long they watched.
    pub unsaid: i64,
}

impl Sum {
    /// Whether anybody watched.
    pub const fn is_watched(&self) -> bool {
        self.observed_ms > 0 || self.unsaid > 0 || self.vehicle_count > 0
    }
}

/// What a lane showed; `None`: there is no row of it.
fn lane_sum(lane_id: Uuid, sum: Option<Sum>) -> LaneSum {
    LaneSum {
        lane_id,
        vehicle_count: sum.filter(Sum::is_watched).map(|sum| sum.vehicle_count),
        observed_s: match sum {
            Some(sum) if sum.unsaid > 0 => None,
            Some(sum) => Some(tenth(sum.observed_ms as f64 / 1000.0)),
            None => Some(0.0),
        },
    }
}

/// Vehicles of all lanes that were watched; `None`: none was.
pub fn total(lanes: &[LaneSum]) -> Option<i64> {
    lanes.iter().filter_map(|lane| lane.vehicle_count).reduce(|total, count| total + count)
}

/// Buckets between edges that rise. `sums`: place of the bucket among them, lane, sums. Lanes that are gone but have counts follow those of
/// `lanes`.
pub fn buckets(
    zone: Tz,
    edges: &[DateTime<Utc>],
    lanes: &[Uuid],
    sums: &[(usize, Uuid, Sum)],
) -> Vec<Bucket> {
    let found = sums_by_bucket(lanes, sums, edges.len().saturating_sub(1));
    let bucket = |(edge, lanes): (&[DateTime<Utc>], Vec<LaneSum>)| Bucket {
        start: local(edge[0], zone),
        end: local(edge[1], zone),
        seconds: (edge[1] - edge[0]).num_seconds(),
        vehicle_count: total(&lanes),
        lanes,
    };
    edges.windows(2).zip(found).map(bucket).collect()
}

/// What all lanes showed in each of so many buckets.
pub fn sums_by_bucket(lanes: &[Uuid], sums: &[(usize, Uuid, Sum)], buckets: usize) -> Vec<Vec<LaneSum>> {
    let lanes = with_gone(lanes, sums.iter().map(|(_, lane, _)| *lane));
    let mut rest = sums;
    let bucket = |at: usize| {
        let here = rest.iter().take_while(|(bucket, ..)| *bucket == at).count();
        let (these, others) = rest.split_at(here);
        rest = others;
        let of = |lane: &Uuid| these.iter().find(|(_, id, _)| id == lane).map(|(_, _, sum)| *sum);
        lanes.iter().map(|lane| lane_sum(*lane, of(lane))).collect()
    };
    (0..buckets).map(bucket).collect()
}

/// The lanes of a junction, and those that are gone but have left something.
pub(super) fn with_gone(lanes: &[Uuid], found: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut all = lanes.to_vec();
    for lane in found {
        if !all.contains(&lane) {
            all.push(lane);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + 60 * minute, 0).unwrap()
    }

    #[test]
    fn unwatched_is_null_and_lanes_that_are_gone_come_last() {
        let (here, gone) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let watched = Sum { vehicle_count: 0, observed_ms: 4950, unsaid: 0 };
        let unsaid = Sum { vehicle_count: 7, observed_ms: 5000, unsaid: 1 };
        let blind = Sum::default();
        let sums = [(0, here, watched), (1, here, blind), (2, gone, unsaid)];
        let found = buckets(Tz::UTC, &[at(0), at(5), at(10), at(15)], &[here], &sums);
        let shown = |bucket: usize, lane: usize| {
            let lane = &found[bucket].lanes[lane];
            (lane.vehicle_count, lane.observed_s)
        };
        assert_eq!((shown(0, 0), found[0].vehicle_count), ((Some(0), Some(5.0)), Some(0)));
        assert_eq!((shown(1, 0), found[1].vehicle_count), ((None, Some(0.0)), None));
        assert_eq!((shown(2, 0), shown(2, 1)), ((None, Some(0.0)), (Some(7), None)));
        assert_eq!(
            (found[2].lanes[1].lane_id, found[2].vehicle_count, found[2].seconds),
            (gone, Some(7), 300)
        );
    }
}
