//! Demand of each lane from its counts: a sliding window in which only seconds that were really watched count.

use flextraff_common::ids::{BootId, OutboxId, Seq};
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
    lanes: Vec<VecDeque<Shown>>,
}

/// Which row of which outbox an interval is; what has none cannot be told apart but by its time.
pub type Row = Option<(OutboxId, Seq)>;

/// An interval of a lane, or several together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// When it ended.
    pub end: UnixMs,
    /// What it showed.
    pub demand: LaneDemand,
    /// Which row it is.
    pub row: Row,
    /// The uptime of a machine by whose monotonic clock its end is told, as its wall clock is not synchronised.
    pub uptime: Option<BootId>,
}

impl DemandWindow {
    /// An empty window for so many lanes, that looks back so far, milliseconds.
    pub fn new(lanes: usize, length_ms: i64) -> Self {
        Self { length_ms, lanes: vec![VecDeque::new(); lanes] }
    }

    /// Adds an interval; intervals may come late and in any order, and one whose row is there counts once.
    pub fn add(&mut self, lane: usize, shown: Shown) {
        let Some(entries) = self.lanes.get_mut(lane) else { return };
        // What comes twice mostly comes soon: looked for from the newest on.
        if shown.row.is_some() && entries.iter().rev().any(|entry| entry.row == shown.row) {
            return;
        }
        let at = entries.partition_point(|entry| entry.end <= shown.end);
        entries.insert(at, shown);
    }

    /// Puts another window in its place, and keeps what ended after `since` and is not in that one.
    pub fn replace(&mut self, mut by: Self, since: UnixMs) {
        for (lane, entries) in self.lanes.iter().enumerate() {
            for entry in entries.iter().filter(|entry| entry.end > since) {
                let is_there = |other: &Shown| other.row.is_none() && other.end == entry.end;
                if entry.row.is_some() || !by.lanes.get(lane).is_some_and(|there| there.iter().any(is_there))
                {
                    by.add(lane, *entry);
                }
            }
        }
        *self = by;
    }

    /// Moves all intervals of an uptime by so much, milliseconds.
    pub fn shift(&mut self, uptime: BootId, by_ms: i64) {
        for entries in &mut self.lanes {
            let moved = entries.iter_mut().filter(|entry| entry.uptime == Some(uptime));
            moved.for_each(|entry| entry.end = entry.end + by_ms);
            entries.make_contiguous().sort_by_key(|entry| entry.end);
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
