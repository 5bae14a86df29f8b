//! Cycles as they were served: greens, splits, what ended greens, and queues.

use super::volumes::with_gone;
use super::{local, tenth, thousandth};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Mean, least and most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Least.
    pub min: f64,
    /// Most.
    pub max: f64,
}

impl Spread {
    /// Rounded to tenths; `None` unless all three are known.
    pub fn new(mean: Option<f64>, min: Option<f64>, max: Option<f64>) -> Option<Self> {
        Some(Self { mean: tenth(mean?), min: tenth(min?), max: tenth(max?) })
    }
}

/// Cycles that began in a bucket of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SplitBucket {
    /// Its start, in the junction's local time.
    pub start: String,
    /// Its end, in the junction's local time.
    pub end: String,
    /// How many.
    pub cycles: i64,
    /// Seconds that they took; null: there was none.
    pub cycle_s: Option<Spread>,
    /// Their stages, in their order.
    pub stages: Vec<StageSplit>,
}

/// What a stage got of cycles.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageSplit {
    /// Its name.
    pub stage: String,
    /// How often it was served.
    pub served: i64,
    /// Seconds of green.
    pub green_s: Spread,
    /// Seconds of green, amber and all-red.
    pub split_s: Spread,
    /// Its part of the cycles' whole time, 0 to 1.
    pub split: f64,
}

/// Ends of greens in a bucket of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageEndsBucket {
    /// Its start, in the junction's local time.
    pub start: String,
    /// Its end, in the junction's local time.
    pub end: String,
    /// The stages of cycles that began in it, in their order.
    pub stages: Vec<StageEnds>,
}

/// How often what ended the greens of a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StageEnds {
    /// Its name.
    pub stage: String,
    /// At the plan's time.
    pub plan: i64,
    /// Nobody came any more.
    pub gap_out: i64,
    /// At the longest green.
    pub max_out: i64,
    /// To keep a limit or the coordination.
    pub force_off: i64,
    /// For an emergency vehicle or a bus.
    pub priority: i64,
    /// By an operator or at the cabinet.
    pub manual: i64,
    /// By a fault.
    pub fault: i64,
}

/// Queues of cycles that began in a bucket of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueueBucket {
    /// Its start, in the junction's local time.
    pub start: String,
    /// Its end, in the junction's local time.
    pub end: String,
    /// Its lanes, in their order.
    pub lanes: Vec<LaneQueue>,
}

/// Queues of a lane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct LaneQueue {
    /// The lane.
    pub lane_id: Uuid,
    /// Cycles in which its queues were known.
    pub cycles: i64,
    /// Tagged vehicles waiting at the start of green; null: not known.
    pub queue_start: Option<Spread>,
    /// Tagged vehicles waiting at its end; null: not known.
    pub queue_end: Option<Spread>,
    /// Cycles in which more than half of the queue was still there at the end of green; null: not known.
    pub congested_cycles: Option<i64>,
    /// Mean share of the queue that was still there, 0 to 1; null: not known.
    pub congestion_level: Option<f64>,
    /// Mean wait of a tagged vehicle, seconds, estimated from the queues at both ends of green; null: nobody came or it is not known.
    pub wait_s: Option<f64>,
}

/// Cycles of a bucket, as the database sums them up.
#[derive(Clone, Debug, PartialEq)]
pub struct CyclesRow {
    /// Place of the bucket among the edges.
    pub bucket: usize,
    /// How many.
    pub cycles: i64,
    /// Seconds that they took.
    pub cycle_s: Option<Spread>,
    /// Seconds that they took together.
    pub total_s: f64,
}

/// A stage in the cycles of a bucket, as the database sums them up.
#[derive(Clone, Debug, PartialEq)]
pub struct StageRow {
    /// Place of the bucket among the edges.
    pub bucket: usize,
    /// Its name.
    pub stage: String,
    /// How often it was served.
    pub served: i64,
    /// Seconds of green.
    pub green_s: Spread,
    /// Seconds of green, amber and all-red.
    pub split_s: Spread,
    /// Seconds of green, amber and all-red together.
    pub total_s: f64,
}

/// What stages got, over buckets between edges that rise.
pub fn splits(
    zone: Tz,
    edges: &[DateTime<Utc>],
    cycles: &[CyclesRow],
    stages: Vec<StageRow>,
) -> Vec<SplitBucket> {
    let mut stages = stages.into_iter().peekable();
    over(zone, edges, |at, start, end| {
        let row = cycles.iter().find(|row| row.bucket == at);
        let all_s = row.map_or(0.0, |row| row.total_s);
        let mut here = Vec::new();
        while let Some(StageRow { stage, served, green_s, split_s, total_s, .. }) =
            stages.next_if(|row| row.bucket == at)
        {
            let split = if all_s > 0.0 { thousandth(total_s / all_s) } else { 0.0 };
            here.push(StageSplit { stage, served, green_s, split_s, split });
        }
        SplitBucket {
            start,
            end,
            cycles: row.map_or(0, |row| row.cycles),
            cycle_s: row.and_then(|row| row.cycle_s),
            stages: here,
        }
    })
}

/// What ended greens, over buckets between edges that rise. `ends`: place of the bucket among them, and the stage's ends.
pub fn stage_ends(zone: Tz, edges: &[DateTime<Utc>], ends: Vec<(usize, StageEnds)>) -> Vec<StageEndsBucket> {
    let mut ends = ends.into_iter().peekable();
    over(zone, edges, |at, start, end| {
        let here = std::iter::from_fn(|| ends.next_if(|(bucket, _)| *bucket == at));
        StageEndsBucket { start, end, stages: here.map(|(_, ends)| ends).collect() }
    })
}

/// Queues over buckets between edges that rise. `rows`: place of the bucket among them, and the lane's queues.
pub fn queues(
    zone: Tz,
    edges: &[DateTime<Utc>],
    lanes: &[Uuid],
    rows: &[(usize, LaneQueue)],
) -> Vec<QueueBucket> {
    let lanes = with_gone(lanes, rows.iter().map(|(_, row)| row.lane_id));
    let mut rest = rows;
    over(zone, edges, |at, start, end| {
        let here = rest.iter().take_while(|(bucket, _)| *bucket == at).count();
        let (these, others) = rest.split_at(here);
        rest = others;
        let of = |lane: &Uuid| these.iter().find(|(_, row)| row.lane_id == *lane).map(|(_, row)| row.clone());
        let unknown = |lane: &Uuid| LaneQueue { lane_id: *lane, ..LaneQueue::default() };
        let lanes = lanes.iter().map(|lane| of(lane).unwrap_or_else(|| unknown(lane))).collect();
        QueueBucket { start, end, lanes }
    })
}

fn over<T>(zone: Tz, edges: &[DateTime<Utc>], mut make: impl FnMut(usize, String, String) -> T) -> Vec<T> {
    let buckets = edges.windows(2).enumerate();
    buckets.map(|(at, edge)| make(at, local(edge[0], zone), local(edge[1], zone))).collect()
}
