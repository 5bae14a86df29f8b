//! What agents tell each other about demand: reads, what lanes hold, who has left.

use crate::epc::KeyedTag;
use crate::ids::{DeviceId, JunctionId};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

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
    /// Each second: lanes that have green or are about to get it. Absent: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greens: Option<Vec<DemandGreen>>,
    /// Each second: how many users carry a tag, as far as its queues have told. Absent: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<DemandUsers>,
    /// Vehicles in the stop-line zones, as they come and every few seconds while they are there: so that devices of one junction that see parts
    /// of it count each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passages: Vec<DemandPassage>,
}

impl Demand {
    /// A message that says nothing yet.
    pub const fn new(device_id: DeviceId, t: UnixMs) -> Self {
        Self {
            device_id,
            t,
            reads: Vec::new(),
            lanes: Vec::new(),
            departures: Vec::new(),
            departed: Vec::new(),
            watched: None,
            greens: None,
            users: None,
            passages: Vec::new(),
        }
    }
}

/// A vehicle in the stop-line zone of any lane that the sender watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandPassage {
    /// The vehicle.
    pub epc: String,
    /// Its name under the key before, while journeys across a change of key must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
    /// Whether the sender counts the passage; if not, somebody else does.
    pub counts: bool,
}

/// Users who came over the same times, as the queues of a junction have told; old ones count less.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandUsers {
    /// Who were not seen.
    pub unseen: f64,
    /// Who were.
    pub seen: f64,
}

/// A green that a lane has or is about to get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandGreen {
    /// Name of the lane.
    pub lane: String,
    /// Seconds ahead of its start; 0: it has green.
    pub in_s: f64,
    /// Seconds ahead of its end; absent: no end is in sight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_s: Option<f64>,
    /// Whether its start is only meant: each second the green before it may be held for longer. Absent: it comes as told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub meant: bool,
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
    /// Of a vehicle on the junction's watch-list whose `epc` is a pseudonym: its tag under the junction's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<KeyedTag>,
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
    /// Name of the lane from which they leave; absent: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Seconds ahead of each.
    pub in_s: Vec<f64>,
}
