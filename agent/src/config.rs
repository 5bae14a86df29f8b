//! The agent's configuration, checked: everything that other modules take from it.

mod counting;
mod mqtt;
mod output;
mod reader;
mod site;

pub use counting::{Accept, CountingConfig, OutboxConfig, Privacy};
pub use mqtt::{MqttConfig, Secret};
pub use output::{Driver, GroupPins, InputConfig, OutputConfig};
pub use reader::{AntennaByte, LaneMap, Protocol, ReaderConfig, Watch};
pub use site::{ClockTrust, FallbackTable, LaneConfig, LinkConfig, LinkDirection};

use flextraff_common::ids::DeviceId;
use flextraff_common::junction::Junction;
use std::sync::Arc;

/// Everything that the TOML says, checked and with defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// This device.
    pub device: DeviceId,
    /// The junction that it serves.
    pub junction: Arc<Junction>,
    /// Time zone of the time-of-day tables.
    pub time_zone: chrono_tz::Tz,
    /// Whether the wall clock is trusted without asking the kernel.
    pub clock_trust: ClockTrust,
    /// What the TOML says of each lane beyond its name, in lane order.
    pub lanes: Vec<LaneConfig>,
    /// Readers.
    pub readers: Vec<ReaderConfig>,
    /// Counting.
    pub counting: CountingConfig,
    /// Outbox.
    pub outbox: OutboxConfig,
    /// Identity of vehicles.
    pub privacy: Privacy,
    /// Broker; `None`: the agent works alone.
    pub mqtt: Option<MqttConfig>,
    /// Lamps.
    pub output: OutputConfig,
    /// Inputs at the cabinet.
    pub input: InputConfig,
    /// Neighbours.
    pub links: Vec<LinkConfig>,
    /// Greens by time of day, when no plan is valid.
    pub fallback: Vec<FallbackTable>,
    /// Hash of the effective configuration, secrets left out; hex.
    pub hash: String,
}
