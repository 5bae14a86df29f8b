//! What a device says of itself: readers, outbox, controller, plan, and what it has learned.

use super::Mode;
use super::down::WatchedClass;
use super::estimates::{self, Estimates};
use super::up::ControllerState;
use crate::ids::{BootId, DeviceId};
use crate::time::{ClockState, UnixMs};
use serde::{Deserialize, Serialize};

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
    /// The connection to the broker; absent from an agent that does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkStatus>,
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
    /// What a person should look into, the newest last; absent: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmStatus>,
}

/// Something that a person should look into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmStatus {
    /// What.
    pub kind: AlarmKind,
    /// Since when.
    pub since: UnixMs,
    /// What the watch-list says that the vehicle is.
    pub class: WatchedClass,
    /// Name of the lane on which it was read.
    pub lane: String,
    /// The vehicle, named as in counts: its EPC, or its pseudonym.
    pub epc: String,
}

/// Why a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// The tag of a watched vehicle asks for priority again too soon.
    TagTooOften,
    /// More emergency vehicles ask for green than there can be.
    TooManyEmergencies,
    /// The tag of a watched vehicle was read where this vehicle cannot have been.
    TagInTwoPlaces,
    /// What only a newer agent knows.
    #[serde(other)]
    Other,
}

impl AlarmKind {
    /// Its number in the high-resolution log, from 1; 0: it has none.
    pub const fn number(self) -> u32 {
        match self {
            Self::TagTooOften => 1,
            Self::TooManyEmergencies => 2,
            Self::TagInTwoPlaces => 3,
            Self::Other => 0,
        }
    }

    /// Its name, as on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TagTooOften => "tag_too_often",
            Self::TooManyEmergencies => "too_many_emergencies",
            Self::TagInTwoPlaces => "tag_in_two_places",
            Self::Other => "other",
        }
    }
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

/// The connection to the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// Connections that ended and attempts that failed since the agent started.
    #[serde(default)]
    pub failures: u64,
    /// Why the last one did, as a sentence with the way out; absent: none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Seconds since another client with this device's id last took the connection away; absent: not within an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over_s: Option<u64>,
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
    /// Free space on its disk, bytes; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Why its disk takes nothing at present, so that rows wait in memory; absent: it takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl OutboxStatus {
    /// Free space on an outbox's disk below which counts are soon lost, bytes.
    pub const LEAST_FREE_BYTES: u64 = 32_000_000;
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
    /// Reads since start that belong to no lane, because `lanes` in the TOML does not name their antenna and has no default.
    #[serde(default, skip_serializing_if = "is_none_of_them")]
    pub unmapped: u64,
    /// Its protocol, as configured or found; absent until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Bits per second of its serial line; absent in the network and until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baud: Option<u32>,
    /// What is wrong and what to do about it; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_none_of_them(count: &u64) -> bool {
    *count == 0
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
    /// The port is open, but a reader that would give signs of life has given none for long.
    Silent,
}

/// State of the signal controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControllerStatus {
    /// What the lamps are doing.
    pub state: ControllerState,
    /// Who decides, as plans know it.
    pub mode: Mode,
    /// Who decides, in full; absent from an agent that does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<SignalControl>,
    /// The latched fault, in words; null: none.
    pub fault: Option<String>,
    /// How often the interlock has driven the fault aspect since start.
    #[serde(default)]
    pub interlock_trips: u64,
    /// What ends greens at present; absent in overrides, emergencies and faults, at start-up, and from an agent that does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<ControlLevel>,
    /// How much later than the offset of the plan the running cycle's first green began, seconds, negative when earlier; absent: it is not
    /// coordinated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_error_s: Option<f64>,
    /// The last decision of tactical control; absent while greens run as planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionStatus>,
    /// How punctual the lamps are written; absent before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lamp_loop: Option<LampLoopStatus>,
    /// The switches of the cabinet; absent where none is wired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cabinet: Option<CabinetStatus>,
}

/// The switches and contacts of the cabinet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CabinetStatus {
    /// Whether the panel is switched on.
    pub panel: bool,
    /// Whether the flash switch is on.
    pub flash: bool,
    /// Whether the door is open.
    pub door_open: bool,
}

/// Who decides about the lamps, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalControl {
    /// The fault aspect holds.
    Fault,
    /// A person at the cabinet: the panel, or flash on request.
    Panel,
    /// An emergency vehicle, by its tag.
    EmergencyVehicle,
    /// An operator's emergency.
    Emergency,
    /// An operator's override.
    ManualOverride,
    /// The automatic plan or the fallback, with priority for a bus.
    Transit,
    /// The automatic plan.
    Plan,
    /// The fallback.
    Fallback,
    /// Somebody whom only a newer agent knows.
    #[serde(other)]
    Other,
}

impl SignalControl {
    /// Its name, as on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Panel => "panel",
            Self::EmergencyVehicle => "emergency_vehicle",
            Self::Emergency => "emergency",
            Self::ManualOverride => "manual_override",
            Self::Transit => "transit",
            Self::Plan => "plan",
            Self::Fallback => "fallback",
            Self::Other => "other",
        }
    }
}

/// How punctual the loop that drives the lamps was since the agent started, microseconds. It writes them each 50 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LampLoopStatus {
    /// How long after they were due the lamps were written: half of all times are no later.
    pub late_p50_us: u64,
    /// 999 of 1000 are no later.
    pub late_p999_us: u64,
    /// The latest.
    pub late_max_us: u64,
    /// How long after it came from its port a tag read was judged for priority, in whole milliseconds: 999 of 1000 took no longer. None before
    /// the first read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_p999_us: Option<u64>,
    /// The longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_max_us: Option<u64>,
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
    /// The best course for every other stage, the cheapest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<AlternativeStatus>,
    /// The decision and the best alternative, as a sentence.
    pub reason: String,
}

/// What tactical control has not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlternativeStatus {
    /// The stage that would have green next.
    pub stage: String,
    /// Seconds for which the present green would go on before that.
    pub hold_s: u32,
    /// What that would cost, as the cost of the decision; null: it was not the cost that decided.
    pub cost: Option<f64>,
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
