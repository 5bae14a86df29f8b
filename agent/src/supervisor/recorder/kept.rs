//! Passages as the outbox keeps them over a restart.

use crate::counting::{self, PassageId, PassageState};
use crate::outbox::PassageChange;
use flextraff_common::ids::BootId;
use flextraff_common::junction::Junction;
use flextraff_common::time::MonoMs;
use serde::{Deserialize, Serialize};

/// A passage of the outbox; without a state when it cannot be read, or its lane is gone.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) key: String,
    pub(super) boot: BootId,
    pub(super) state: Option<PassageState>,
}

/// Lanes by name: the TOML may have changed meanwhile.
#[derive(Serialize, Deserialize)]
struct Stored {
    epc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
    /// Where it differs from `epc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known_as: Option<String>,
    #[serde(default)]
    fastag: bool,
    lane: String,
    lane_reads: u32,
    #[serde(default)]
    lane_rssi: Option<f32>,
    first: MonoMs,
    last: MonoMs,
    /// Where it differs from `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<MonoMs>,
    reads: u32,
    #[serde(default)]
    closed: Option<MonoMs>,
    published: bool,
}

fn key(boot: BootId, id: PassageId) -> String {
    format!("{boot}/{:020}", id.0)
}

pub(super) fn write(boot: BootId, change: &counting::PassageChange, junction: &Junction) -> PassageChange {
    match change {
        counting::PassageChange::Remove(id) => PassageChange { key: key(boot, *id), state: None },
        counting::PassageChange::Upsert(state) => {
            let stored = Stored {
                epc: state.epc.to_string(),
                prev: state.prev.map(|prev| prev.to_string()),
                known_as: (state.known_as != state.epc).then(|| state.known_as.to_string()),
                fastag: state.fastag,
                lane: junction.lane(state.lane).name.clone(),
                lane_reads: state.lane_reads,
                lane_rssi: state.lane_rssi,
                first: state.first,
                last: state.last,
                seen: (state.seen != state.last).then_some(state.seen),
                reads: state.reads,
                closed: state.closed,
                published: state.published,
            };
            PassageChange { key: key(boot, state.id), state: serde_json::to_string(&stored).ok() }
        }
    }
}

pub(super) fn read(passages: &[(String, String)], junction: &Junction) -> Vec<Kept> {
    passages
        .iter()
        .map(|(key, state)| {
            let (boot, id) = key.split_once('/').unwrap_or((key, ""));
            let boot = boot.parse().unwrap_or(BootId(uuid::Uuid::nil()));
            let state = id.parse().ok().map(PassageId).and_then(|id| read_state(id, state, junction));
            if state.is_none() {
                tracing::error!(key, "a passage of before the restart cannot be read and is left out");
            }
            Kept { key: key.clone(), boot, state }
        })
        .collect()
}

fn read_state(id: PassageId, state: &str, junction: &Junction) -> Option<PassageState> {
    let stored: Stored = serde_json::from_str(state).ok()?;
    let epc = stored.epc.parse().ok()?;
    Some(PassageState {
        id,
        epc,
        prev: stored.prev.and_then(|prev| prev.parse().ok()),
        known_as: stored.known_as.and_then(|name| name.parse().ok()).unwrap_or(epc),
        fastag: stored.fastag || epc.is_fastag(),
        lane: junction.lane_named(&stored.lane)?,
        lane_reads: stored.lane_reads,
        lane_rssi: stored.lane_rssi,
        first: stored.first,
        last: stored.last,
        seen: stored.seen.unwrap_or(stored.last),
        reads: stored.reads,
        closed: stored.closed,
        published: stored.published,
    })
}
