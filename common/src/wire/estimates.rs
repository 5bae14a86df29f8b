//! What an agent has learned of its lanes, each number with its age and its confidence.

use crate::ids::JunctionId;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What is estimated at a junction. A reader takes what it knows of it: every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// By name of the lane.
    #[serde(default)]
    pub lanes: BTreeMap<String, LaneEstimates>,
    /// Ways here from the lanes of linked junctions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<WayEstimates>,
}

/// What is estimated of those who leave a lane of a linked junction towards here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WayEstimates {
    /// The junction.
    pub junction_id: JunctionId,
    /// Name of its lane.
    pub lane: String,
    /// On which lanes of this junction they are seen first, as shares of all who leave that lane.
    #[serde(default)]
    pub comes_on: EstimatedShares,
    /// From its stop line to the first reader here, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub travel_s: Option<Estimate>,
}

/// An estimated number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number, in the unit that the field says.
    pub value: f64,
    /// Seconds since its last observation; null: it was never observed and is still the guess.
    #[serde(default)]
    pub age_s: Option<u32>,
    /// How far it goes back to observations, 0 to 1.
    #[serde(default)]
    pub confidence: f64,
}

/// What is estimated of a lane. Absent: this agent has no such number for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaneEstimates {
    /// The reader at its stop line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reader: Option<ReaderEstimate>,
    /// The reader in its advance zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance_reader: Option<ReaderEstimate>,
    /// Tagged vehicles at the stop line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<Estimate>,
    /// Tagged vehicles from the advance zone to the stop line, those at the stop line included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Estimate>,
    /// Tagged vehicles per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_per_h: Option<Estimate>,
    /// Saturation headway where the lane has the right of way, seconds per vehicle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headway_s: Option<Estimate>,
    /// Start-up loss: from the start of green to the first departure of a queue, beyond a headway, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_loss_s: Option<Estimate>,
    /// From the advance zone to the stop line without a stop, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive_s: Option<Estimate>,
    /// Of the vehicles that its advance reader announced: the share that a stop-line reader then saw, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_rate: Option<Estimate>,
    /// Of the vehicles that left over its stop line: the share that an advance reader had announced, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_share: Option<Estimate>,
    /// Of all road users: the share that has a tag, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tagged_share: Option<Estimate>,
    /// From one read to the next of a tag that stands at its stop line at red, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_gap_s: Option<Estimate>,
    /// By name of the stage in which only some of its movements have green: of those who then stood at its head, the share that left, 0 to 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub goes_in: BTreeMap<String, Estimate>,
    /// Of those who left over its stop line: the share that was seen at a linked junction, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_again_share: Option<Estimate>,
    /// On which lanes of this junction those stop whom its advance reader announces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_on: Option<EstimatedShares>,
    /// To which lanes of linked junctions those go who leave over its stop line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<EstimatedShares>,
}

/// Shares that were observed together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EstimatedShares {
    /// The greatest first; what is missing to 1 went elsewhere.
    #[serde(default)]
    pub shares: Vec<TurnShare>,
    /// As [`Estimate::age_s`].
    #[serde(default)]
    pub age_s: Option<u32>,
    /// As [`Estimate::confidence`].
    #[serde(default)]
    pub confidence: f64,
}

/// The share of a lane's vehicles that go to a lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnShare {
    /// The junction of that lane; absent: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub junction_id: Option<JunctionId>,
    /// Name of that lane.
    pub lane: String,
    /// 0 to 1.
    pub share: f64,
}

/// How far a reader can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderEstimate {
    /// Whether it sees.
    pub state: ReaderSight,
    /// Seconds since it read a tag on this lane; null: never.
    #[serde(default)]
    pub silent_s: Option<u32>,
}

/// Whether a reader sees the vehicles on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderSight {
    /// Nothing speaks against it.
    Works,
    /// No port is open through which it could tell.
    Down,
    /// Its port is open, and it misses most vehicles that are known from the other reader of the lane.
    Blind,
    /// Its port is open, and nobody is read on the lane while others are: it may have failed, and vehicles are presumed to come.
    Silent,
    /// What a newer sender calls by a name that this program does not know.
    #[serde(other)]
    Unknown,
}

/// Estimates that cannot be understood count as not sent: what else the status says is too important to be refused with them.
pub(super) fn if_understood<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Estimates>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}
