//! Other devices of this junction that only count: which lanes they watch for us.

use flextraff_common::ids::DeviceId;
use flextraff_common::junction::{Junction, LaneIx};
use flextraff_common::wire::{Demand, ZoneName};
use std::collections::{BTreeMap, BTreeSet};

/// What a device said counts for so long, seconds.
const FRESH_S: f64 = 10.0;
/// Most devices that are remembered; more than a junction has lanes.
const MOST_DEVICES: usize = 64;

/// The devices heard of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    devices: BTreeMap<DeviceId, Counter>,
}

#[derive(Clone, Debug)]
struct Counter {
    heard_s: f64,
    lanes: BTreeSet<LaneIx>,
}

impl Counters {
    /// Takes what a device tells. One that does not say which lanes it watches is taken to watch those whose stop lines it has told reads of.
    pub(super) fn handle(&mut self, junction: &Junction, demand: &Demand, at_s: f64) {
        if self.devices.len() >= MOST_DEVICES && !self.devices.contains_key(&demand.device_id) {
            return;
        }
        let counter = self
            .devices
            .entry(demand.device_id)
            .or_insert_with(|| Counter { heard_s: at_s, lanes: BTreeSet::new() });
        counter.heard_s = at_s;
        if let Some(lanes) = &demand.watched {
            counter.lanes = lanes.iter().filter_map(|lane| junction.lane_named(lane)).collect();
        } else {
            let reads = demand.reads.iter().filter(|read| read.zone == ZoneName::StopLine);
            counter.lanes.extend(reads.filter_map(|read| junction.lane_named(&read.lane)));
        }
    }

    /// Forgets who has been silent for too long.
    pub(super) fn handle_timeout(&mut self, at_s: f64) {
        self.devices.retain(|_, counter| at_s - counter.heard_s <= FRESH_S);
    }

    /// Whether any of them watches the stop line of a lane.
    pub(super) fn watch(&self, lane: LaneIx) -> bool {
        self.devices.values().any(|counter| counter.lanes.contains(&lane))
    }
}
