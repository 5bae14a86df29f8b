//! Every MQTT message, version 1: JSON in UTF-8. Topics are built and parsed in [`topics`] and nowhere else.
//!
//! Receivers ignore unknown fields and refuse a higher major version. `v` is absent in messages of the published interface and then counts as 1.

mod demand;
mod down;
mod envelope;
mod estimates;
mod status;
pub mod topics;
mod up;

pub use demand::{
    Demand, DemandDeparted, DemandDeparture, DemandGreen, DemandLane, DemandPassage, DemandRead, DemandUsers,
    ZoneName,
};
pub use down::{
    Ack, CityKey, Command, CommandType, GreenTime, Keys, MAX_CITY_KEYS, MAX_WATCHED, MAX_WATCHLIST_PAGES,
    Mode, RejectCode, StageTime, Watched, WatchedClass, Watchlist, WatchlistPage,
};
pub use envelope::{Delivery, VERSION, WireError, decode, encode};
pub use estimates::{
    Estimate, EstimatedShares, Estimates, LaneEstimates, ReaderEstimate, ReaderSight, TurnShare, WayEstimates,
};
pub use status::{
    AlarmKind, AlarmStatus, AlternativeStatus, CabinetStatus, ControlLevel, ControllerStatus, DecisionStatus,
    DeviceType, LampLoopStatus, LinkStatus, OutboxStatus, PlanState, PlanStatus, ReaderState, ReaderStatus,
    SignalControl, Status,
};
pub use up::{
    Aspect, CarCounts, ClockFix, ControllerState, CycleLane, CycleStage, Cycles, Departure, Events, Gap,
    Passage, Reply, Signal, StageEnd,
};

/// Largest payload of any message, bytes. Checked before a row is queued, on receipt, and set on the broker.
pub const MAX_PAYLOAD: usize = 256 * 1024;
/// Most EPCs in one count message; an interval with more is split.
pub const MAX_EPCS: usize = 1000;
/// Most characters of an EPC string as the server takes it.
pub const MAX_EPC_CHARS: usize = 64;
