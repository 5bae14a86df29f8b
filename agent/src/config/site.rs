//! What the TOML says of the site: lanes, links, time-of-day fallback, clock.

use flextraff_common::ids::JunctionId;
use flextraff_common::junction::LaneIx;

/// What the TOML says of a lane beyond its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneConfig {
    /// Speed limit, km/h.
    pub speed_kmh: f64,
    /// From the stop line to the middle of the advance zone, metres; `None`: no advance reader.
    pub advance_m: Option<f64>,
    /// Length of the stop-line zone, metres.
    pub stop_zone_m: f64,
}

/// Towards or from a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDirection {
    /// The neighbour's vehicles arrive here.
    From,
    /// Our vehicles arrive there.
    To,
}

/// A neighbour that can be reached without another signal between.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// The neighbour.
    pub junction: JunctionId,
    /// Direction of travel.
    pub direction: LinkDirection,
    /// Own lanes that they arrive on, or leave from.
    pub lanes: Vec<LaneIx>,
    /// The neighbour's lanes.
    pub their_lanes: Vec<String>,
    /// Exit that leads there.
    pub exit: Option<String>,
    /// Stop line to stop line, metres.
    pub distance_m: f64,
    /// Travel time without traffic, seconds.
    pub free_flow_s: f64,
}

/// Greens for a time of day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackTable {
    /// Monday to Sunday.
    pub days: [bool; 7],
    /// First minute of the day, 0 to 1439.
    pub from_min: u16,
    /// Minute at which it ends, 0 to 1440; at or before `from_min`: the next day.
    pub to_min: u16,
    /// Green of each stage in the junction's order, seconds, within its range; 0: skipped.
    pub greens: Vec<u32>,
}

/// Whether the wall clock is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockTrust {
    /// When the kernel says that it is synchronised.
    #[default]
    Kernel,
    /// Always: the machine has a clock that somebody vouches for.
    Always,
}
