//! Messages from the server to agents.

use super::envelope::VERSION;
use crate::epc::{KeyId, KeyedTag, TagKey};
use crate::ids::{JunctionId, OutboxId};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who decides about a junction's signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The planner.
    #[default]
    Automatic,
    /// An operator's fixed greens.
    ManualOverride,
    /// One stage for an emergency.
    Emergency,
}

/// A plan: green times only, never a colour.
///
/// `stages` wins over `lane_times`; [`crate::plan::Plan::from_green_time`] says what either means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GreenTime {
    /// The junction; agrees with the topic.
    pub junction_id: JunctionId,
    /// Seconds of each lane's share of the cycle, clearance included, in lane order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane_times: Option<Vec<f64>>,
    /// When the plan was made; absent: the time of receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<UnixMs>,
    /// Seconds of one cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_cycle_time: Option<f64>,
    /// Name of the plan, at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// Who decides.
    #[serde(default)]
    pub mode: Mode,
    /// Seconds after the common zero at which the cycle starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_s: Option<f64>,
    /// Green of each stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<StageTime>>,
    /// Seconds from receipt for which the plan holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_s: Option<f64>,
    /// In an automatic plan: it also ends a running manual override or emergency of the server, which otherwise lasts until its validity ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_override: bool,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Green of one stage, without clearance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// Name of the stage in the agent's TOML.
    pub stage: String,
    /// Seconds of green; an emergency needs to say none.
    #[serde(default)]
    pub green_s: f64,
    /// Shortest that tactical control may make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_green_s: Option<f64>,
    /// Longest that tactical control may make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_green_s: Option<f64>,
}

impl Default for JunctionId {
    /// The nil id, which no junction has.
    fn default() -> Self {
        Self(uuid::Uuid::nil())
    }
}

/// Which rows of an outbox the server has committed or refused; both release them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The outbox.
    pub outbox_id: OutboxId,
    /// Ranges `[first, last]`, ends included, that are committed in Postgres.
    #[serde(default)]
    pub committed: Vec<(u64, u64)>,
    /// Ranges `[first, last, code]` that will never be stored as they are; dead letters.
    #[serde(default)]
    pub rejected: Vec<(u64, u64, RejectCode)>,
}

/// Why the server refused a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// The junction is not in the server's database.
    UnknownJunction,
    /// The lane does not belong to the junction.
    UnknownLane,
    /// The device is not assigned to the junction (or not to that lane).
    UnknownDevice,
    /// Ids in topic and payload disagree.
    IdsDisagree,
    /// The payload is no message of this topic.
    Malformed,
    /// A newer version than the server speaks.
    Version,
    /// A code of a newer server.
    #[serde(other)]
    Other,
}

/// A request to one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Comes back in the reply.
    pub id: String,
    /// What to do.
    #[serde(flatten)]
    pub command: CommandType,
    /// After this the device refuses it.
    pub expires_at: UnixMs,
}

/// What a device can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CommandType {
    /// Blink, so that a technician finds the cabinet.
    Identify,
    /// Close and open a reader's port.
    RestartReader {
        /// Its name in the TOML.
        name: String,
    },
    /// Light every lamp in turn; only in flash or dark.
    LampTest,
    /// Send the effective configuration, secrets masked.
    SendConfig,
    /// Read the configuration again.
    Reload,
}

/// Most vehicles of a watch-list.
pub const MAX_WATCHED: usize = 10_000;

/// Keys of one device. Never retained and never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    /// The junction's fixed key, under which its watch-list names vehicles; absent: the one that was sent before stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchlist_key: Option<TagKey>,
    /// Keys of the city's pseudonyms: the one of the present period, and those of the periods to come; at most [`MAX_CITY_KEYS`]. Absent or
    /// empty: those that were sent before stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub city: Vec<CityKey>,
}

/// Most keys of one message: more than a month of days.
pub const MAX_CITY_KEYS: usize = 40;

/// The key under which a whole city names vehicles in one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CityKey {
    /// Its name; the same name never stands for another key.
    pub key_id: KeyId,
    /// The key.
    pub key: TagKey,
    /// Start of the period.
    pub valid_from: UnixMs,
    /// Its end, the first moment of the next one.
    pub valid_until: UnixMs,
}

/// The vehicles that a junction looks out for; it takes the place of the list before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchlist {
    /// At most [`MAX_WATCHED`].
    pub entries: Vec<Watched>,
}

/// A watch-list as it goes over the wire: whole, or one of several pages where it does not fit into one message. Pages of one list may come in
/// any order and more than once; the list counts from when all are there.
///
/// The topic is retained, and keeps the last page only: a list of several pages is sent again whenever a device comes online.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchlistPage {
    /// At most [`MAX_WATCHED`] in all pages together.
    pub entries: Vec<Watched>,
    /// Which list the page is of; absent, like the other two: the entries are the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_id: Option<Uuid>,
    /// Which page it is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// How many there are, at most [`MAX_WATCHLIST_PAGES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
}

/// Most pages of one watch-list.
pub const MAX_WATCHLIST_PAGES: u32 = 64;
/// Entries of one page: with every field at its longest they fit into one message.
const PAGE_ENTRIES: usize = 2000;

impl Watchlist {
    /// The messages that carry the list: one without page numbers if it fits. `list_id` is the name of this list, new with every change.
    pub fn into_pages(self, list_id: Uuid) -> Vec<WatchlistPage> {
        if self.entries.len() <= PAGE_ENTRIES {
            return vec![WatchlistPage { entries: self.entries, ..WatchlistPage::default() }];
        }
        let chunks: Vec<&[Watched]> = self.entries.chunks(PAGE_ENTRIES).collect();
        let pages = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        let page = |(page, entries): (u32, &&[Watched])| WatchlistPage {
            entries: entries.to_vec(),
            list_id: Some(list_id),
            page: Some(page),
            pages: Some(pages),
        };
        (1..).zip(&chunks).map(page).collect()
    }
}

/// A vehicle that a junction looks out for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Its tag under the junction's key.
    pub tag: KeyedTag,
    /// What it is.
    pub class: WatchedClass,
    /// After this it is a vehicle like any other.
    pub valid_until: UnixMs,
}

/// What a watched vehicle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchedClass {
    /// A bus or a tram.
    Transit,
    /// An ambulance, a fire engine, the police.
    Emergency,
    /// A class of a newer server; means nothing here.
    #[serde(other)]
    Other,
}

impl WatchedClass {
    /// Its name, as on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transit => "transit",
            Self::Emergency => "emergency",
            Self::Other => "other",
        }
    }
}

const _: () = assert!(VERSION == 1, "a new major version needs its own frozen tests");
