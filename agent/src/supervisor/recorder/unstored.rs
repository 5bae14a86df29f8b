//! What the outbox has not taken yet. Mostly empty between two flushes; while the disk takes nothing it grows, up to a limit.

use super::losses::Loss;
use crate::outbox::{Batch, GapRow, PassageChange, RowBody, Stamp};
use flextraff_common::ids::{BootId, LaneId};
use flextraff_common::time::MonoMs;
use std::collections::{BTreeMap, BTreeSet};

/// Memory that rows may take here, bytes: some hours of a large junction, and far from what a Pi has.
const MOST_BYTES: usize = 32 << 20;
/// What stays when it is exceeded; rows go in bulk.
const LEFT_BYTES: usize = MOST_BYTES / 8 * 7;

const NO_ROOM: &str = "the disk took nothing for too long: rows were dropped from memory";

/// Rows and passages on their way into the outbox.
#[derive(Debug, Default)]
pub(super) struct Unstored {
    left: Vec<(BootId, RowBody)>,
    rows: Vec<RowBody>,
    bytes: usize,
    passages: BTreeMap<String, Option<String>>,
    /// What the outbox is just being given.
    on_the_way: Option<Batch>,
    /// Open passages as the outbox has them.
    stored: BTreeMap<String, String>,
    /// What has been dropped here or before, by reason.
    lost: BTreeMap<&'static str, GapRow>,
}

impl Unstored {
    /// Nothing yet; `stored`: the passages that the outbox has.
    pub(super) fn new(stored: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { stored: stored.into_iter().collect(), ..Self::default() }
    }

    /// A row that an earlier uptime left to be made.
    pub(super) fn add_left(&mut self, boot: BootId, row: RowBody) {
        self.left.push((boot, row));
    }

    /// A row of this uptime.
    pub(super) fn add(&mut self, row: RowBody, boot: BootId) {
        self.bytes += bytes(&row);
        self.rows.push(row);
        if self.bytes > MOST_BYTES {
            self.shrink(boot);
        }
    }

    /// A passage that opened, changed or closed.
    pub(super) fn change(&mut self, change: PassageChange) {
        if change.state.is_none() && !self.stored.contains_key(&change.key) {
            // The outbox never hears of it.
            self.passages.remove(&change.key);
        } else {
            self.passages.insert(change.key, change.state);
        }
    }

    /// Everything, to be stored now. It stays here until [`Unstored::done`], also when whoever stores it fails.
    pub(super) fn begin(&mut self) -> &Batch {
        self.put_back();
        let mut rows = std::mem::take(&mut self.rows);
        rows.extend(self.lost.values().cloned().map(RowBody::Gap));
        let passages = std::mem::take(&mut self.passages).into_iter();
        self.on_the_way.insert(Batch {
            left: std::mem::take(&mut self.left),
            rows,
            passages: passages.map(|(key, state)| PassageChange { key, state }).collect(),
        })
    }

    /// It is stored.
    pub(super) fn done(&mut self) {
        let Some(batch) = self.on_the_way.take() else { return };
        (self.lost, self.bytes) = (BTreeMap::new(), 0);
        for PassageChange { key, state } in batch.passages {
            match state {
                Some(state) => drop(self.stored.insert(key, state)),
                None => drop(self.stored.remove(&key)),
            }
        }
    }

    /// It could not be stored.
    pub(super) fn put_back(&mut self) {
        let Some(mut batch) = self.on_the_way.take() else { return };
        // They come last, and are made again from what has grown meanwhile.
        batch.rows.truncate(batch.rows.len() - self.lost.len());
        (self.left, self.rows) = (batch.left, batch.rows);
        self.passages = batch.passages.into_iter().map(|change| (change.key, change.state)).collect();
    }

    /// Open passages, as they will be stored: key and state.
    pub(super) fn open(&self) -> Vec<(String, String)> {
        let mut passages = self.stored.clone();
        for (key, state) in &self.passages {
            match state {
                Some(state) => drop(passages.insert(key.clone(), state.clone())),
                None => drop(passages.remove(key)),
            }
        }
        passages.into_iter().collect()
    }

    /// The outbox begins anew: what it had of open passages has to be stored again.
    pub(super) fn begin_anew(&mut self) {
        let mut passages: BTreeMap<String, Option<String>> =
            std::mem::take(&mut self.stored).into_iter().map(|(key, state)| (key, Some(state))).collect();
        passages.append(&mut self.passages);
        passages.retain(|_, state| state.is_some());
        self.passages = passages;
    }

    /// Takes what an outbox that was opened again has of what it seemed not to have taken: `rows` by [`RowBody::stored_first`], and all its passages.
    pub(super) fn handle_found(&mut self, rows: &BTreeSet<String>, passages: Vec<(String, String)>) {
        self.put_back();
        if !rows.is_empty() {
            let is_new = |row: &RowBody| row.stored_first().is_none_or(|row| !rows.contains(&row));
            self.left.retain(|(_, row)| is_new(row));
            self.rows.retain(is_new);
            self.lost.retain(|_, gap| is_new(&RowBody::Gap(gap.clone())));
            self.bytes = self.rows.iter().map(bytes).sum();
        }
        for (key, state) in passages {
            // One that has closed since it was stored unnoticed.
            if self.stored.insert(key.clone(), state).is_none() {
                self.passages.entry(key).or_insert(None);
            }
        }
    }

    /// Drops the oldest counts, then the oldest of the rest.
    fn shrink(&mut self, boot: BootId) {
        for counts_only in [true, false] {
            let mut rows = Vec::new();
            for row in std::mem::take(&mut self.rows) {
                let may_go = !counts_only || matches!(row, RowBody::CarCounts(_));
                if may_go && self.bytes > LEFT_BYTES {
                    self.bytes -= bytes(&row);
                    let lane = match &row {
                        RowBody::CarCounts(counts) => Some(counts.lane_id),
                        _ => None,
                    };
                    let (from, to) = row.span();
                    self.lose(NO_ROOM, Loss { from, to, rows: 1 }, lane, boot);
                } else {
                    rows.push(row);
                }
            }
            self.rows = rows;
        }
    }

    /// What was lost before it came here.
    pub(super) fn add_lost(&mut self, reason: &'static str, loss: Loss, boot: BootId) {
        self.lose(reason, loss, None, boot);
    }

    /// Something was lost of which nothing is known but that it was before now.
    pub(super) fn add_unknown(&mut self, reason: &str, boot: BootId, now: MonoMs) {
        self.rows.push(RowBody::Gap(GapRow {
            from: None,
            to: Some(Stamp { boot, at: now }),
            noticed: now,
            lanes: Vec::new(),
            rows: None,
            reason: reason.to_owned(),
        }));
    }

    /// Without a lane it concerns all.
    fn lose(&mut self, reason: &'static str, loss: Loss, lane: Option<LaneId>, boot: BootId) {
        let Loss { from, to, rows } = loss;
        let stamp = |at: MonoMs| Some(Stamp { boot, at });
        let Some(gap) = self.lost.get_mut(reason) else {
            let gap = GapRow {
                from: stamp(from),
                to: stamp(to),
                noticed: to,
                lanes: lane.into_iter().collect(),
                rows: Some(rows),
                reason: reason.to_owned(),
            };
            self.lost.insert(reason, gap);
            return;
        };
        // An empty list means all lanes.
        gap.lanes = match lane {
            Some(lane) if !gap.lanes.is_empty() => {
                gap.lanes.iter().copied().chain([lane]).collect::<BTreeSet<LaneId>>().into_iter().collect()
            }
            _ => Vec::new(),
        };
        gap.from = stamp(gap.from.map_or(from, |known| known.at.min(from)));
        gap.to = stamp(gap.to.map_or(to, |known| known.at.max(to)));
        gap.rows = gap.rows.map(|known| known + rows);
    }
}

/// About what a row takes in memory.
fn bytes(row: &RowBody) -> usize {
    300 + match row {
        RowBody::CarCounts(row) => (row.epc_ids.len() + row.passages.len() + row.departures.len()) * 100,
        RowBody::Cycle(row) => (row.stages.len() + row.lanes.len()) * 100,
        RowBody::Events(row) => row.events.len() * 16,
        RowBody::Gap(_) | RowBody::ClockFix(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::CountsRow;
    use uuid::Uuid;

    const BOOT: BootId = BootId(Uuid::from_u128(5));

    fn counts(end: i64, lane: u128) -> RowBody {
        RowBody::CarCounts(CountsRow {
            lane_id: LaneId(Uuid::from_u128(lane)),
            start: MonoMs(end - 5000),
            end: MonoMs(end),
            epc_ids: vec!["34161FA8203E7CB202000020".to_owned(); 100],
            observed_s: 5.0,
            departed: 0,
            present: Some(0),
            other_tags: None,
            passages: Vec::new(),
            departures: Vec::new(),
        })
    }

    fn change(key: &str, state: Option<&str>) -> PassageChange {
        PassageChange { key: key.to_owned(), state: state.map(str::to_owned) }
    }

    #[test]
    fn a_disk_that_takes_nothing_for_days_costs_no_memory_and_the_gap_says_what() {
        let mut unstored = Unstored::default();
        let mut most = 0;
        for n in 1..=20_000_i64 {
            unstored.add(counts(n * 5000, n as u128 % 3), BOOT);
            unstored.change(change(&n.to_string(), Some("open")));
            unstored.change(change(&n.to_string(), None));
            if n % 100 == 0 {
                unstored.begin();
                unstored.put_back();
            }
            most = most.max(unstored.bytes);
        }
        assert!(most <= MOST_BYTES + 20_000 && unstored.passages.is_empty(), "{most}");
        let batch = unstored.begin();
        let (Some(RowBody::Gap(gap)), kept) = (batch.rows.last(), batch.rows.len() as u64 - 1) else {
            panic!("no gap")
        };
        let dropped = gap.rows.expect("it counts");
        assert_eq!(dropped + kept, 20_000);
        assert_eq!(gap.lanes.len(), 3);
        assert_eq!(gap.from.map(|stamp| stamp.at), Some(MonoMs(0)));
        assert_eq!(gap.to.map(|stamp| stamp.at), Some(MonoMs(dropped as i64 * 5000)));
        let first = batch.rows.first().expect("the newest stay");
        assert_eq!(first.span().1, MonoMs((dropped as i64 + 1) * 5000));
        unstored.done();
        assert_eq!(*unstored.begin(), Batch::default(), "the gap is told once");
    }

    #[test]
    fn a_new_file_gets_every_open_passage_again() {
        let mut unstored =
            Unstored::new([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "1".to_owned())]);
        unstored.change(change("c", Some("1")));
        unstored.begin();
        unstored.done();
        unstored.change(change("a", None));
        unstored.change(change("b", Some("2")));
        unstored.begin_anew();
        assert_eq!(unstored.begin().passages, [change("b", Some("2")), change("c", Some("1"))]);
    }

    #[test]
    fn what_reached_the_disk_unnoticed_is_not_stored_again() {
        let mut unstored = Unstored::new([("a".to_owned(), "1".to_owned())]);
        unstored.add_left(BOOT, counts(5000, 1));
        unstored.add(counts(10_000, 1), BOOT);
        unstored.add_lost(NO_ROOM, Loss { from: MonoMs(0), to: MonoMs(1), rows: 1 }, BOOT);
        unstored.change(change("b", Some("1")));
        let on_disk: BTreeSet<String> = {
            let batch = unstored.begin();
            let rows = batch.left.iter().map(|(_, row)| row).chain(&batch.rows);
            rows.map(|row| row.stored_first().expect("it fits")).collect()
        };
        unstored.put_back();
        // Meanwhile a vehicle has gone, and another interval is over.
        unstored.change(change("b", None));
        unstored.add(counts(15_000, 1), BOOT);
        let passages = ["a", "b"].map(|key| (key.to_owned(), "1".to_owned()));
        unstored.handle_found(&on_disk, passages.to_vec());
        let batch = unstored.begin();
        assert_eq!((batch.left.len(), &batch.rows), (0, &vec![counts(15_000, 1)]));
        assert_eq!(batch.passages, [change("b", None)], "it is not open any more");
        // Nothing had reached it.
        unstored.handle_found(&BTreeSet::new(), vec![("a".to_owned(), "1".to_owned())]);
        assert_eq!(unstored.begin().rows, [counts(15_000, 1)]);
    }
}
