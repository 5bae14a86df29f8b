//! What months of counts and cycles come to: volumes, peak hours, splits, ends of greens, queues; pure.
//!
//! What was not watched is unknown: null in every answer, never zero.

mod hours;
mod served;
mod volumes;

pub use hours::{HourMean, HourSum, LaneMean, Peak, Quarter, Weekday, means, peak_hour, peaks};
pub use served::{
    CyclesRow, LaneQueue, QueueBucket, SplitBucket, Spread, StageEnds, StageEndsBucket, StageRow, StageSplit,
    queues, splits, stage_ends,
};
pub use volumes::{Bucket, LaneSum, Sum, buckets, sums_by_bucket, total};

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

/// A moment as local time with its offset, as answers show it.
pub fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Rounded to a tenth.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Rounded to a thousandth.
fn thousandth(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
