//! What goes out for a lane and an interval.

use super::passage::{Passage, PassageState};
use crate::config::CountingConfig;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use std::collections::BTreeMap;

/// Most passages, and most departures, of one row; more become further rows of the same lane and interval. As JSON with pseudonyms of two keys
/// such a row stays below 256 KiB.
pub const MAX_PER_ROW: usize = 500;

/// Passages of one lane in one interval, or some of them.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalCount {
    /// The lane.
    pub lane: LaneIx,
    /// Start of the interval.
    pub start: MonoMs,
    /// Its end.
    pub end: MonoMs,
    /// Passages that began in it, in order.
    pub passages: Vec<CountedPassage>,
    /// Passages that closed in it, in order of the last read.
    pub departures: Vec<Departed>,
    /// Milliseconds of it in which the lane was watched, as far as no other row says so.
    pub observed_ms: i64,
    /// Passages open at its end; `None` in rows that come after the interval's own.
    pub present: Option<u32>,
    /// Different tags read at the stop line that are no FASTags, as far as no other row says so; `None` where every tag counts. A tag that is
    /// read in several lanes or intervals is one of each.
    pub other_tags: Option<u32>,
}

/// A passage as known when its row is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedPassage {
    /// The vehicle.
    pub epc: Epc,
    /// The same under the key before, soon after a change of key.
    pub prev: Option<Epc>,
    /// First stop-line read, milliseconds from the interval's start.
    pub t_ms: i64,
    /// From first to last stop-line read so far, milliseconds.
    pub dwell_ms: i64,
    /// Stop-line reads so far.
    pub reads: u32,
    /// Whether the vehicle was still there at the end of the newest interval that is over; if not, its departure goes out with this row.
    pub open: bool,
    /// Whether the tag has the structure of a FASTag.
    pub valid: bool,
}

/// A passage that closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departed {
    /// The vehicle, as the row that counted it names it.
    pub epc: Epc,
    /// Last stop-line read, milliseconds from the interval's start; usually negative, because a passage closes later than that.
    pub t_ms: i64,
    /// From first to last stop-line read, milliseconds.
    pub dwell_ms: i64,
    /// Stop-line reads.
    pub reads: u32,
}

/// Rows for passages that an earlier boot left in the store; times are of that boot. All of them count as closed, `absence_ms` after the last
/// read of any device. Rows and the deletion of these passages belong into one transaction, before a [`super::Counter`] of this boot writes any.
pub fn close_out(config: &CountingConfig, left: &[PassageState]) -> Vec<IntervalCount> {
    let mut rows = Rows::new(config);
    for state in left {
        let passage = Passage::from(state);
        if !passage.published {
            rows.count(&passage, false);
        }
        rows.depart(&passage, passage.closed.unwrap_or(passage.seen + config.absence_ms));
    }
    rows.finish()
}

/// The intervals: multiples of their length on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid(i64);

impl Grid {
    pub(super) fn new(config: &CountingConfig) -> Self {
        Self(config.interval_ms.max(1))
    }

    pub(super) fn index(self, at: MonoMs) -> i64 {
        at.0.div_euclid(self.0)
    }

    pub(super) fn start(self, index: i64) -> MonoMs {
        MonoMs(index.saturating_mul(self.0))
    }

    pub(super) fn end(self, index: i64) -> MonoMs {
        self.start(index) + self.0
    }
}

/// Collects what belongs together.
pub(super) struct Rows {
    grid: Grid,
    rows: BTreeMap<(i64, LaneIx), IntervalCount>,
}

impl Rows {
    pub(super) fn new(config: &CountingConfig) -> Self {
        Self { grid: Grid::new(config), rows: BTreeMap::new() }
    }

    pub(super) fn count(&mut self, passage: &Passage, open: bool) {
        let row = self.row(self.grid.index(passage.first), passage.lane());
        row.passages.push(CountedPassage {
            epc: passage.epc,
            prev: passage.prev,
            t_ms: passage.first.since(row.start),
            dwell_ms: passage.dwell_ms(),
            reads: passage.reads,
            open,
            valid: passage.fastag,
        });
    }

    pub(super) fn depart(&mut self, passage: &Passage, closed: MonoMs) {
        let row = self.row(self.grid.index(closed), passage.lane());
        row.departures.push(Departed {
            epc: passage.epc,
            t_ms: passage.last.since(row.start),
            dwell_ms: passage.dwell_ms(),
            reads: passage.reads,
        });
    }

    pub(super) fn row(&mut self, index: i64, lane: LaneIx) -> &mut IntervalCount {
        let (start, end) = (self.grid.start(index), self.grid.end(index));
        self.rows.entry((index, lane)).or_insert_with(|| IntervalCount {
            lane,
            start,
            end,
            passages: Vec::new(),
            departures: Vec::new(),
            observed_ms: 0,
            present: None,
            other_tags: None,
        })
    }

    /// The rows that are there for an interval.
    pub(super) fn of_interval(&mut self, index: i64) -> impl Iterator<Item = &mut IntervalCount> {
        self.rows
            .range_mut((index, LaneIx::new(0))..)
            .take_while(move |(key, _)| key.0 == index)
            .map(|(_, row)| row)
    }

    /// All rows in order of interval and lane, none too long.
    pub(super) fn finish(self) -> Vec<IntervalCount> {
        let mut all = Vec::with_capacity(self.rows.len());
        for mut row in self.rows.into_values() {
            row.passages.sort_by_key(|passage| (passage.t_ms, passage.epc));
            row.departures.sort_by_key(|departed| (departed.t_ms, departed.epc));
            while row.passages.len() > MAX_PER_ROW || row.departures.len() > MAX_PER_ROW {
                let rest = IntervalCount {
                    passages: row.passages.split_off(row.passages.len().min(MAX_PER_ROW)),
                    departures: row.departures.split_off(row.departures.len().min(MAX_PER_ROW)),
                    observed_ms: 0,
                    present: None,
                    other_tags: None,
                    ..row
                };
                all.push(std::mem::replace(&mut row, rest));
            }
            all.push(row);
        }
        all
    }
}
