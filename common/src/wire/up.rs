//! Messages from agents: to the server through the outbox, to everybody about the signal.

use super::Mode;
use super::envelope::Delivery;
use crate::ids::{BootId, DeviceId, JunctionId, LaneId, OutboxId, Seq};
use crate::time::{ClockState, MonoMs, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Passages of one lane in one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CarCountsFields")]
pub struct CarCounts {
    /// The junction; agrees with the topic.
    pub junction_id: JunctionId,
    /// The lane; agrees with the topic.
    pub lane_id: LaneId,
    /// How many passages began in the interval.
    pub vehicle_count: i64,
    /// EPC (hex or pseudonym) of each passage, in order of its first read.
    pub epc_ids: Vec<String>,
    /// End of the interval; absent: the time of receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<UnixMs>,
    /// Row of the outbox; absent in messages of the published interface.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Start of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_start: Option<UnixMs>,
    /// Seconds of the interval in which the lane was really watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_s: Option<f64>,
    /// Passages that closed in the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departed: Option<u32>,
    /// Passages open at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<u32>,
    /// Tags read that are no FASTags, where only FASTags count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_tags: Option<u32>,
    /// Details of each passage, aligned with `epc_ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passages: Option<Vec<Passage>>,
    /// Passages that closed in the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departures: Option<Vec<Departure>>,
}

/// The same as it is read: what [`Delivery`] holds stands beside the rest, all of it or nothing. (`flatten` would read each message twice.)
#[derive(Deserialize)]
struct CarCountsFields {
    junction_id: JunctionId,
    lane_id: LaneId,
    vehicle_count: i64,
    epc_ids: Vec<String>,
    timestamp: Option<UnixMs>,
    device_id: Option<DeviceId>,
    outbox_id: Option<OutboxId>,
    seq: Option<Seq>,
    boot_id: Option<BootId>,
    mono_ms: Option<MonoMs>,
    clock: Option<ClockState>,
    interval_start: Option<UnixMs>,
    observed_s: Option<f64>,
    departed: Option<u32>,
    present: Option<u32>,
    other_tags: Option<u32>,
    passages: Option<Vec<Passage>>,
    departures: Option<Vec<Departure>>,
}

impl TryFrom<CarCountsFields> for CarCounts {
    type Error = &'static str;

    fn try_from(fields: CarCountsFields) -> Result<Self, Self::Error> {
        let CarCountsFields { device_id, outbox_id, seq, boot_id, mono_ms, clock, .. } = fields;
        let delivery = match (device_id, outbox_id, seq, boot_id, mono_ms, clock) {
            (Some(device_id), Some(outbox_id), Some(seq), Some(boot_id), Some(mono_ms), Some(clock)) => {
                Some(Delivery { device_id, outbox_id, seq, boot_id, mono_ms, clock })
            }
            (None, None, None, None, None, None) => None,
            _ => {
                return Err(
                    "device_id, outbox_id, seq, boot_id, mono_ms and clock belong together; one of them is missing",
                );
            }
        };
        Ok(Self {
            junction_id: fields.junction_id,
            lane_id: fields.lane_id,
            vehicle_count: fields.vehicle_count,
            epc_ids: fields.epc_ids,
            timestamp: fields.timestamp,
            delivery,
            interval_start: fields.interval_start,
            observed_s: fields.observed_s,
            departed: fields.departed,
            present: fields.present,
            other_tags: fields.other_tags,
            passages: fields.passages,
            departures: fields.departures,
        })
    }
}

/// A passage as known when its interval is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// First stop-line read, milliseconds from the interval's start.
    pub t_ms: i64,
    /// From first to last stop-line read so far, milliseconds.
    pub dwell_ms: i64,
    /// Stop-line reads so far.
    pub reads: u32,
    /// Whether the vehicle is still there.
    pub open: bool,
    /// Whether the EPC has the structure of a FASTag.
    pub valid: bool,
    /// The EPC under the previous pseudonym key, while journeys across a change of key must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
}

/// A passage that closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// The vehicle.
    pub epc: String,
    /// Last read, milliseconds from the interval's start; negative when it lies before.
    pub t_ms: i64,
    /// From first to last stop-line read, milliseconds.
    pub dwell_ms: i64,
    /// Stop-line reads.
    pub reads: u32,
}

/// A finished cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cycles {
    /// Row of the outbox.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// The plan that it ran; null: the agent's fallback.
    pub plan_id: Option<String>,
    /// Who decided.
    pub mode: Mode,
    /// Start of its first green.
    pub started_at: UnixMs,
    /// Start of the next cycle's first green.
    pub ended_at: UnixMs,
    /// How much later than the offset of the plan its first green began, seconds, negative when earlier; absent: it was not coordinated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_error_s: Option<f64>,
    /// Its stages in the order in which they were served.
    pub stages: Vec<CycleStage>,
    /// What each lane saw.
    pub lanes: Vec<CycleLane>,
}

/// One stage of a finished cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CycleStage {
    /// Its name.
    pub stage: String,
    /// Seconds of green.
    pub green_s: f64,
    /// Seconds of amber after it.
    pub amber_s: f64,
    /// Seconds of all-red after that.
    pub all_red_s: f64,
    /// Why its green ended.
    pub end: StageEnd,
}

/// Why a green ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageEnd {
    /// At the plan's time.
    Plan,
    /// Nobody came any more.
    GapOut,
    /// At the longest green.
    MaxOut,
    /// To keep a limit or the coordination.
    ForceOff,
    /// For an emergency vehicle or a bus.
    Priority,
    /// By an operator or at the cabinet.
    Manual,
    /// By a fault.
    Fault,
}

/// One lane of a finished cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CycleLane {
    /// The lane.
    pub lane_id: LaneId,
    /// Passages that began in the cycle.
    pub vehicle_count: u32,
    /// Seconds of green.
    pub green_s: f64,
    /// Tagged vehicles waiting when its green started.
    pub queue_start: Option<f64>,
    /// Tagged vehicles waiting when its green ended.
    pub queue_end: Option<f64>,
}

/// High-resolution events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Row of the outbox.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// `[time, code, parameter]` in order of time.
    pub events: Vec<(UnixMs, u16, u32)>,
}

/// Rows that a limit dropped or a set-aside database held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Row of the outbox.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Start of what is missing; null: unknown.
    pub from: Option<UnixMs>,
    /// End of what is missing.
    pub to: Option<UnixMs>,
    /// The lanes concerned; empty: all.
    pub lanes: Vec<LaneId>,
    /// How many rows; null: unknown.
    pub rows: Option<u64>,
    /// Why.
    pub reason: String,
}

/// The true difference of wall and monotonic clock in an uptime that began unsynchronised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFix {
    /// Row of the outbox; its `boot_id` is the uptime that is corrected.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Unix time minus monotonic time, milliseconds: a row's true time is its `mono_ms` plus this.
    pub offset_ms: i64,
}

/// What the signal is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControllerState {
    /// A stage has green.
    Green,
    /// Groups of the ending stage show amber.
    Amber,
    /// Waiting for clearance.
    AllRed,
    /// Groups of the coming stage show red-amber.
    RedAmber,
    /// Flashing: start-up, fault, or by hand.
    Flash,
    /// Nothing lit.
    Dark,
}

/// What a signal group shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Go.
    Green,
    /// Stop if safely possible.
    Amber,
    /// Stop.
    Red,
    /// Get ready.
    RedAmber,
    /// Flashing red.
    FlashRed,
    /// Flashing amber.
    FlashAmber,
    /// Nothing lit.
    Dark,
}

/// What the lamps show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// When this was so.
    pub t: UnixMs,
    /// The ending stage in amber and all-red, the next in red-amber, null in start-up, flash and dark.
    pub stage: Option<String>,
    /// What the signal is doing.
    pub state: ControllerState,
    /// The coming stage, in amber and all-red.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_stage: Option<String>,
    /// Aspect of every group.
    pub groups: BTreeMap<String, Aspect>,
    /// When the state began.
    pub since: UnixMs,
    /// The running plan; null: the agent's fallback.
    pub plan_id: Option<String>,
    /// Who decides.
    pub mode: Mode,
    /// Whole seconds since the cycle's first green began.
    pub cycle_second: u32,
}

/// Answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Id of the command.
    pub id: String,
    /// Whether it was done.
    pub ok: bool,
    /// What came of it.
    pub detail: String,
}
