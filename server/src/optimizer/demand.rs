//! Demand of each lane from its counts: a sliding window in which only seconds that were really watched count.

use flextraff_common::time::UnixMs;
use std::collections::VecDeque;

/// What a lane showed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LaneDemand {
    /// Passages of tagged vehicles.
    pub vehicles: f64,
    /// Seconds watched.
    pub observed_s: f64,
}

impl LaneDemand {
    /// Tagged vehicles per hour; `None` while the lane was watched too little to say.
    pub fn flow_veh_h(&self) -> Option<f64> {
        (self.observed_s >= super::LEAST_OBSERVED_S).then(|| self.vehicles / self.observed_s * 3600.0)
    }
}

/// Counts of one junction over the last minutes.
#[derive(Clone, Debug)]
pub struct DemandWindow {
    length_ms: i64,
    lanes: Vec<VecDeque<Entry>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    end: UnixMs,
    demand: LaneDemand,
}

impl DemandWindow {
    /// An empty window for so many lanes, that looks back so far, milliseconds.
    pub fn new(lanes: usize, length_ms: i64) -> Self {
        Self { length_ms, lanes: vec![VecDeque::new(); lanes] }
    }

    /// Adds an interval that ended at `end`; intervals may come late and in any order.
    pub fn add(&mut self, lane: usize, end: UnixMs, demand: LaneDemand) {
        if let Some(entries) = self.lanes.get_mut(lane) {
            let at = entries.partition_point(|entry| entry.end <= end);
            entries.insert(at, Entry { end, demand });
        }
    }

    /// Forgets what ended before the window.
    pub fn expire(&mut self, now: UnixMs) {
        let start = now + -self.length_ms;
        for entries in &mut self.lanes {
            let old = entries.partition_point(|entry| entry.end <= start);
            entries.drain(..old);
        }
    }

    /// What each lane showed in the window.
    pub fn totals(&self) -> Vec<LaneDemand> {
        self.lanes
            .iter()
            .map(|entries| {
                entries.iter().fold(LaneDemand::default(), |sum, entry| LaneDemand {
                    vehicles: sum.vehicles + entry.demand.vehicles,
                    observed_s: sum.observed_s + entry.demand.observed_s,
                })
            })
            .collect()
    }
}
