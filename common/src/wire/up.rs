//! Messages from agents: to the server through the outbox, to everybody about the signal, to neighbours about demand.

use super::Mode;
use super::envelope::Delivery;
use super::estimates::{self, Estimates};
use crate::ids::{BootId, DeviceId, JunctionId, LaneId};
use crate::time::{ClockState, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Passages of one lane in one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// State of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The device; agrees with the topic.
    pub device_id: DeviceId,
    /// False only in the last will.
    pub online: bool,
    /// What the device does; absent in the last will, as is everything below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<DeviceType>,
    /// Version of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Hash of the effective configuration, secrets left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// The present uptime of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<BootId>,
    /// Seconds since the agent started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    /// Whether the wall clock may be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockState>,
    /// What waits to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<OutboxStatus>,
    /// The readers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<ReaderStatus>,
    /// The signal controller; absent on a counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<ControllerStatus>,
    /// The last plan received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// What it has learned of its lanes; absent on a counter.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "estimates::if_understood")]
    pub estimates: Option<Estimates>,
}

/// What a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceType {
    /// Counts.
    RfidCounter,
    /// Drives the lamps.
    LightController,
    /// Both.
    Junction,
}

/// Fill of the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxStatus {
    /// Rows that the server has not confirmed.
    pub rows: u64,
    /// Age of the oldest of them, seconds.
    pub oldest_s: u64,
    /// Size of the database, bytes.
    pub bytes: u64,
    /// Rows dropped by a limit since the outbox was born.
    pub dropped: u64,
    /// Rows that the server rejected, kept for a person to look at.
    pub parked: u64,
    /// Count messages made since the outbox was born.
    #[serde(default)]
    pub counts_made: u64,
}

/// State of a reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReaderStatus {
    /// Name in the TOML.
    pub name: String,
    /// Whether it works.
    pub state: ReaderState,
    /// Reads per second over the last status period.
    pub reads_per_s: f64,
    /// Frames with a wrong checksum since start.
    pub bad_frames: u64,
    /// Bytes that belonged to no frame since start.
    pub dropped_bytes: u64,
}

/// Whether a reader works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderState {
    /// The port is open.
    Up,
    /// The port cannot be opened, or is gone.
    #[default]
    Down,
}

/// State of the signal controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControllerStatus {
    /// What the lamps are doing.
    pub state: ControllerState,
    /// Who decides.
    pub mode: Mode,
    /// The latched fault, in words; null: none.
    pub fault: Option<String>,
    /// How often the interlock has driven the fault aspect since start.
    #[serde(default)]
    pub interlock_trips: u64,
    /// What ends greens at present; absent in overrides, emergencies and faults, at start-up, and from an agent that does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<ControlLevel>,
    /// The last decision of tactical control; absent while greens run as planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionStatus>,
}

/// What ends greens, the best first. Each is there for when the ones before it cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlLevel {
    /// The search over courses of stages by their delay.
    RollingHorizon,
    /// The stage at which most wait for the time that serving them takes.
    Greedy,
    /// Vehicle actuation: stop-line reads extend the green.
    Actuated,
    /// The greens of the server's plan.
    Splits,
    /// The greens of the time of day.
    Fixed,
    /// A level of a newer agent.
    #[serde(other)]
    Other,
}

impl ControlLevel {
    /// Whether it decides each second about the green that runs, instead of giving it the time of a plan.
    pub const fn is_tactical(self) -> bool {
        matches!(self, Self::RollingHorizon | Self::Greedy | Self::Actuated)
    }

    /// Its name, as on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RollingHorizon => "rolling_horizon",
            Self::Greedy => "greedy",
            Self::Actuated => "actuated",
            Self::Splits => "splits",
            Self::Fixed => "fixed",
            Self::Other => "other",
        }
    }
}

/// What tactical control decided last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionStatus {
    /// The stage that has green next; the present one: it goes on.
    pub stage: String,
    /// Seconds for which the present green goes on before that.
    pub hold_s: u32,
    /// Weighted delay until everybody in sight has left, vehicle-seconds; null: it was not the cost that decided.
    pub cost: Option<f64>,
    /// The decision and the best alternative, as a sentence.
    pub reason: String,
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

/// What became of the last plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStatus {
    /// Its name; null when it had none.
    pub plan_id: Option<String>,
    /// What became of it.
    pub state: PlanState,
    /// Why it was refused.
    #[serde(default)]
    pub reasons: Vec<String>,
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// The lamps follow it.
    Running,
    /// Starts when the running cycle ends.
    Pending,
    /// Breaks a rule; the one before goes on.
    Refused,
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

/// Who is waiting at a junction and who is coming from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// The sender.
    pub device_id: DeviceId,
    /// When this was so.
    pub t: UnixMs,
    /// Reads as they happen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<DemandRead>,
    /// Each second: what each lane holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<DemandLane>,
    /// Each second: vehicles expected to leave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departures: Vec<DemandDeparture>,
    /// Each second: vehicles that have left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departed: Vec<DemandDeparted>,
    /// From a device that only counts, each second: names of the lanes whose stop line it watches with a working reader. Absent: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<Vec<String>>,
}

/// A vehicle that has left over a stop line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandDeparted {
    /// Name of the lane.
    pub lane: String,
    /// The vehicle.
    pub epc: String,
    /// How long ago it was read last, seconds.
    pub ago_s: f64,
}

/// A read, for the light controller of the same junction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandRead {
    /// Name of the lane.
    pub lane: String,
    /// Where on it.
    pub zone: ZoneName,
    /// The vehicle.
    pub epc: String,
}

/// Where on a lane a reader sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneName {
    /// At the stop line: counts.
    #[default]
    StopLine,
    /// Upstream: announces, never counts.
    Advance,
}

/// What a lane holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandLane {
    /// Name of the lane.
    pub lane: String,
    /// Tagged vehicles at the stop line.
    pub present: f64,
    /// Tagged vehicles between the advance reader and the stop line.
    pub inventory: f64,
    /// Vehicles that fit there.
    pub capacity: f64,
}

/// Vehicles expected to leave towards a neighbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandDeparture {
    /// The neighbour.
    pub to_junction: JunctionId,
    /// Seconds ahead of each.
    pub in_s: Vec<f64>,
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
