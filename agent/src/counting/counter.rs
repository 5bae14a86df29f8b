//! Follows the passages of a junction.

mod others;

use super::coverage::Coverage;
use super::passage::{Passage, PassageChange, PassageId, PassageState};
use super::rows::{Grid, IntervalCount, Rows};
use super::shared::Shared;
use crate::config::{Accept, CountingConfig};
use crate::identity::Sighting;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ZoneName;
use std::collections::{BTreeMap, BTreeSet};

/// Most passages that are open at once: far more vehicles than stand at any junction. Beyond it the one unseen for longest closes.
pub const MAX_OPEN: usize = 10_000;
/// Most different foreign tags that are told apart in a lane and interval.
const MAX_OTHER_TAGS: usize = 10_000;
/// Most intervals made up for at once; a longer silence of the caller's clock is left unobserved.
const MAX_CATCH_UP: i64 = 10_000;

/// What belongs into one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flush {
    /// Rows to send, in the order in which they were made.
    pub intervals: Vec<IntervalCount>,
    /// Passages to keep or to drop, each at most once.
    pub passages: Vec<PassageChange>,
}

/// A vehicle in the stop-line zone, as devices of one junction tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldPassage {
    /// The vehicle.
    pub epc: Epc,
    /// The same under the key before, soon after a change of key.
    pub prev: Option<Epc>,
    /// Whether the teller counts it; if not, another device does.
    pub counts: bool,
}

/// How often counting has met its limits, which no street reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Passages that closed early because [`MAX_OPEN`] were open.
    pub forced_closes: u64,
    /// Reads of tags that do not count, and that were not added up either because an interval of their lane had too many others.
    pub other_reads: u64,
}

/// Reads in, interval counts out.
#[derive(Debug)]
pub struct Counter {
    config: CountingConfig,
    grid: Grid,
    lanes: usize,
    coverage: Coverage,
    /// By the name that the last read gave.
    open: BTreeMap<Epc, Passage>,
    /// The same in the order in which they were seen last.
    by_seen: BTreeSet<(MonoMs, Epc)>,
    shared: Shared,
    /// Closed, departure not reported. Emptied with each interval, so as long as what the serial lines carry in one.
    ended: Vec<Passage>,
    other_tags: BTreeMap<(i64, LaneIx), BTreeSet<Epc>>,
    next_interval: i64,
    restored_due: Option<MonoMs>,
    next_id: u64,
    beyond: Beyond,
    /// Passages looked at in passes over many.
    #[cfg(test)]
    looked: u64,
    intervals: Vec<IntervalCount>,
    changes: BTreeMap<PassageId, PassageChange>,
}

impl Counter {
    /// A counter for a junction with so many lanes that starts now. `readers` says whose stop lines each reader watches; all start down.
    /// `restored` are the passages that the store holds **of this boot**.
    pub fn new(
        config: CountingConfig,
        lanes: usize,
        readers: Vec<Vec<LaneIx>>,
        start: MonoMs,
        restored: &[PassageState],
    ) -> Self {
        let grid = Grid::new(&config);
        let mut counter = Self {
            config,
            grid,
            lanes,
            coverage: Coverage::new(lanes, readers),
            open: BTreeMap::new(),
            by_seen: BTreeSet::new(),
            shared: Shared::default(),
            ended: Vec::new(),
            other_tags: BTreeMap::new(),
            next_interval: grid.index(start),
            // Time for the reads that may still decide a lane.
            restored_due: (!restored.is_empty()).then(|| start + config.settle_ms),
            next_id: restored.iter().map(|state| state.id.0.saturating_add(1)).max().unwrap_or(0),
            beyond: Beyond::default(),
            #[cfg(test)]
            looked: 0,
            intervals: Vec::new(),
            changes: BTreeMap::new(),
        };
        for state in restored {
            counter.restore(state);
        }
        counter
    }

    fn restore(&mut self, state: &PassageState) {
        if state.lane.index() >= self.lanes {
            self.changes.insert(state.id, PassageChange::Remove(state.id));
        } else if state.closed.is_some() {
            self.ended.push(Passage::from(state));
        } else {
            if let Some(other) = self.remove(&state.known_as) {
                self.end(other, None);
            }
            self.insert(Passage::from(state));
        }
    }

    fn insert(&mut self, passage: Passage) {
        self.by_seen.insert((passage.seen, passage.known_as));
        self.open.insert(passage.known_as, passage);
    }

    fn remove(&mut self, epc: &Epc) -> Option<Passage> {
        let passage = self.open.remove(epc)?;
        self.by_seen.remove(&(passage.seen, passage.known_as));
        Some(passage)
    }

    /// The open passage of a vehicle, taken out: by its name, or by the one under the key before.
    fn take_open(&mut self, epc: Epc, prev: Option<Epc>) -> Option<Passage> {
        let mut passage = self.remove(&epc).or_else(|| self.remove(&prev?))?;
        if passage.known_as != epc && self.shared.unclaim(&passage.known_as) {
            self.shared.claim(epc, prev, passage.seen);
        }
        passage.known_as = epc;
        Some(passage)
    }

    /// Takes a read.
    pub fn handle_read(&mut self, read: impl Into<Sighting>) {
        let sighting = read.into();
        let (read, prev) = (&sighting.read, sighting.prev);
        if read.zone != ZoneName::StopLine || read.lane.index() >= self.lanes {
            return;
        }
        if !self.config.accepts(sighting.fastag) {
            let interval = self.grid.index(read.at).max(self.next_interval);
            let tags = self.other_tags.entry((interval, read.lane)).or_default();
            if tags.len() < MAX_OTHER_TAGS {
                tags.insert(read.epc);
            } else if !tags.contains(&read.epc) {
                self.beyond.other_reads += 1;
            }
            return;
        }
        let known = self.take_open(read.epc, prev);
        let counts =
            known.is_some() || !self.shared.is_elsewhere(read.epc, prev, read.at, self.config.absence_ms);
        if !counts {
            self.shared.tell(ToldPassage { epc: read.epc, prev, counts }, read.at);
            return;
        }
        match known {
            Some(mut passage) if read.at < passage.seen + self.config.absence_ms => {
                if passage.told {
                    self.shared.tell(ToldPassage { epc: read.epc, prev, counts }, read.at);
                } else {
                    self.shared.claim(read.epc, prev, read.at);
                }
                passage.add(read, self.config.settle_ms);
                self.change(&passage);
                self.insert(passage);
                return;
            }
            Some(passage) => self.end(passage, None),
            None if self.open.len() >= MAX_OPEN => {
                let oldest = self.by_seen.first().map(|(_, epc)| *epc);
                if let Some(passage) = oldest.and_then(|epc| self.remove(&epc)) {
                    self.beyond.forced_closes += 1;
                    self.end(passage, Some(read.at));
                }
            }
            None => {}
        }
        self.shared.claim(read.epc, prev, read.at);
        let passage = Passage::begin(PassageId(self.next_id), &sighting);
        self.next_id = self.next_id.saturating_add(1);
        self.change(&passage);
        self.insert(passage);
    }

    fn change(&mut self, passage: &Passage) {
        self.changes.insert(passage.id, PassageChange::Upsert(passage.state()));
    }

    /// Takes that a reader came up or went down. Lanes are watched while any reader of their stop line is up.
    pub fn handle_reader(&mut self, reader: usize, up: bool, at: MonoMs) {
        self.coverage.set(reader, up, at);
    }

    /// From `at` on there are other readers, all down, and other tags may count.
    pub fn reconfigure(&mut self, accept: Accept, readers: Vec<Vec<LaneIx>>, at: MonoMs) {
        self.config.accept = accept;
        self.coverage.replace_readers(readers, at);
    }

    /// Publishes every interval that is over and settled: `settle_ms` after its end, or later while other devices may still tell who counts. Reads
    /// that already wait go first: a read that comes later than that may find its passage closed, and begins another.
    pub fn handle_timeout(&mut self, now: MonoMs) {
        if self.restored_due.is_some_and(|due| due <= now) {
            self.restored_due = None;
            self.publish(None);
        }
        let settled = self.grid.index(now - self.shared.settle_ms(self.config.settle_ms, now));
        self.next_interval = self.next_interval.max(settled.saturating_sub(MAX_CATCH_UP));
        while self.next_interval < settled {
            self.publish(Some(self.next_interval));
            self.next_interval += 1;
        }
    }

    /// When [`Counter::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> MonoMs {
        let (end, settle_ms) = (self.grid.end(self.next_interval), self.config.settle_ms);
        let interval = end + self.shared.settle_ms(settle_ms, end + settle_ms);
        self.restored_due.map_or(interval, |due| due.min(interval))
    }

    /// Every passage that began before this is published.
    pub fn published_until(&self) -> MonoMs {
        // Those of before a restart may have begun at any time.
        self.restored_due.map_or(self.grid.start(self.next_interval), |_| MonoMs(i64::MIN))
    }

    /// Everything since the last call, for one transaction.
    pub fn take(&mut self) -> Flush {
        Flush {
            intervals: std::mem::take(&mut self.intervals),
            passages: std::mem::take(&mut self.changes).into_values().collect(),
        }
    }

    /// What has gone beyond the limits since the start.
    pub const fn beyond(&self) -> Beyond {
        self.beyond
    }

    /// Closes a passage `absence_ms` after it was seen last, or at another moment.
    fn end(&mut self, mut passage: Passage, at: Option<MonoMs>) {
        passage.closed = Some(at.unwrap_or(passage.seen + self.config.absence_ms).max(passage.last));
        self.shared.unclaim(&passage.known_as);
        self.change(&passage);
        self.ended.push(passage);
    }

    /// Makes the rows of an interval, and of older ones for whatever no row has told yet; `None`: only of those before the next interval.
    fn publish(&mut self, interval: Option<i64>) {
        let until = match interval {
            Some(interval) => self.grid.end(interval),
            None => self.grid.start(self.next_interval),
        };
        while let Some(&(seen, epc)) = self.by_seen.first()
            && seen + self.config.absence_ms < until
        {
            match self.remove(&epc) {
                Some(passage) => self.end(passage, None),
                None => drop(self.by_seen.pop_first()),
            }
        }
        self.shared.forget(until, self.config.absence_ms);

        #[cfg(test)]
        {
            self.looked += 2 * (self.open.len() + self.ended.len()) as u64;
        }
        let mut rows = Rows::new(&self.config);
        for passage in self.open.values_mut().chain(&mut self.ended) {
            if !passage.published && passage.first < until {
                rows.count(passage, passage.closed.is_none_or(|closed| closed >= until));
                passage.publish();
                self.changes.insert(passage.id, PassageChange::Upsert(passage.state()));
            }
        }
        for passage in
            self.ended.extract_if(.., |passage| passage.closed.is_some_and(|closed| closed < until))
        {
            rows.depart(&passage, passage.closed.unwrap_or(until));
            self.changes.insert(passage.id, PassageChange::Remove(passage.id));
        }
        if let Some(interval) = interval {
            self.add_observations(interval, &mut rows);
        }
        self.intervals.extend(rows.finish());
    }

    fn add_observations(&mut self, interval: i64, rows: &mut Rows) {
        let (start, end) = (self.grid.start(interval), self.grid.end(interval));
        for lane in (0..self.lanes).map(LaneIx::new) {
            let observed_ms = self.coverage.observed_ms(lane, start, end);
            if observed_ms > 0 {
                rows.row(interval, lane).observed_ms = observed_ms;
            }
        }
        self.coverage.forget(end);
        let later = self.other_tags.split_off(&(interval.saturating_add(1), LaneIx::new(0)));
        for ((_, lane), tags) in std::mem::replace(&mut self.other_tags, later) {
            let row = rows.row(interval, lane);
            row.other_tags = Some(row.other_tags.unwrap_or(0) + tags.len() as u32);
        }
        #[cfg(test)]
        {
            self.looked += (self.open.len() + self.ended.len()) as u64;
        }
        let mut present = vec![0; self.lanes];
        for passage in self.open.values().chain(&self.ended).filter(|passage| passage.first < end) {
            present[passage.lane().index()] += 1;
        }
        for row in rows.of_interval(interval) {
            row.present = Some(present[row.lane.index()]);
            if self.config.accept == Accept::Fastag {
                row.other_tags.get_or_insert(0);
            }
        }
    }
}

#[cfg(test)]
impl Counter {
    /// Passages looked at in passes over many of them.
    pub(super) const fn looked(&self) -> u64 {
        self.looked
    }

    /// How much is held in memory: passages, tags and what waits.
    pub(super) fn held(&self) -> usize {
        let tags: usize = self.other_tags.values().map(BTreeSet::len).sum();
        let waits: usize = self.intervals.iter().map(|row| row.passages.len() + row.departures.len()).sum();
        self.open.len()
            + self.by_seen.len()
            + self.ended.len()
            + self.changes.len()
            + tags
            + waits
            + self.shared.size()
    }
}
