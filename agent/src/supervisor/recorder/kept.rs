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
    lane: String,
    lane_reads: u32,
    #[serde(default)]
    lane_rssi: Option<f32>,
    first: MonoMs,
    last: MonoMs,
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
                lane: junction.lane(state.lane).name.clone(),
                lane_reads: state.lane_reads,
                lane_rssi: state.lane_rssi,
                first: state.first,
                last: state.last,
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
    Some(PassageState {
        id,
        epc: stored.epc.parse().ok()?,
        lane: junction.lane_named(&stored.lane)?,
        lane_reads: stored.lane_reads,
        lane_rssi: stored.lane_rssi,
        first: stored.first,
        last: stored.last,
        reads: stored.reads,
        closed: stored.closed,
        published: stored.published,
    })
}
