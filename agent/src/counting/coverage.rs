//! When each lane was watched.

use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;

#[derive(Debug)]
pub(super) struct Coverage {
    readers: Vec<Reader>,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Reader {
    lanes: Vec<LaneIx>,
    up: bool,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    readers_up: usize,
    /// Since when, while any reader is up.
    since: MonoMs,
    /// Closed spans, in order, apart.
    spans: Vec<(MonoMs, MonoMs)>,
}

impl Coverage {
    /// All readers are down; each watches these stop lines.
    pub(super) fn new(lanes: usize, readers: Vec<Vec<LaneIx>>) -> Self {
        Self { readers: Self::readers(lanes, readers), lanes: vec![Lane::default(); lanes] }
    }

    /// From `at` on there are other readers, all down; what was watched until then stays.
    pub(super) fn replace_readers(&mut self, readers: Vec<Vec<LaneIx>>, at: MonoMs) {
        for reader in 0..self.readers.len() {
            self.set(reader, false, at);
        }
        self.readers = Self::readers(self.lanes.len(), readers);
    }

    fn readers(lanes: usize, readers: Vec<Vec<LaneIx>>) -> Vec<Reader> {
        let reader = |mut watched: Vec<LaneIx>| {
            watched.retain(|lane| lane.index() < lanes);
            watched.sort_unstable();
            watched.dedup();
            Reader { lanes: watched, up: false }
        };
        readers.into_iter().map(reader).collect()
    }

    pub(super) fn set(&mut self, reader: usize, up: bool, at: MonoMs) {
        let Some(reader) = self.readers.get_mut(reader).filter(|reader| reader.up != up) else { return };
        reader.up = up;
        for lane in &reader.lanes {
            let lane = &mut self.lanes[lane.index()];
            if up {
                lane.readers_up += 1;
                if lane.readers_up == 1 {
                    // Events of two readers may arrive out of order: no moment counts twice.
                    lane.since = lane.spans.last().map_or(at, |&(_, end)| at.max(end));
                }
            } else {
                lane.readers_up -= 1;
                if lane.readers_up == 0 && at > lane.since {
                    lane.spans.push((lane.since, at));
                }
            }
        }
    }

    /// Milliseconds from `from` to `to` in which any reader watched the lane.
    pub(super) fn observed_ms(&self, lane: LaneIx, from: MonoMs, to: MonoMs) -> i64 {
        let lane = &self.lanes[lane.index()];
        let running = (lane.readers_up > 0).then_some((lane.since, to));
        lane.spans
            .iter()
            .copied()
            .chain(running)
            .map(|(start, end)| end.min(to).since(start.max(from)).max(0))
            .sum()
    }

    /// Drops what ended before; nobody asks for it any more.
    pub(super) fn forget(&mut self, before: MonoMs) {
        for lane in &mut self.lanes {
            lane.spans.retain(|&(_, end)| end > before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_readers_leave_what_was_watched_and_a_kept_one_watches_on_without_a_gap() {
        let (north, east) = (LaneIx::new(0), LaneIx::new(1));
        let mut coverage = Coverage::new(2, vec![vec![north], vec![east]]);
        coverage.set(0, true, MonoMs(0));
        coverage.set(1, true, MonoMs(0));
        coverage.replace_readers(vec![vec![north], vec![north, east]], MonoMs(1000));
        coverage.set(0, true, MonoMs(1000));
        assert_eq!(coverage.observed_ms(north, MonoMs(0), MonoMs(5000)), 5000);
        assert_eq!(coverage.observed_ms(east, MonoMs(0), MonoMs(5000)), 1000);
        coverage.set(1, true, MonoMs(3000));
        assert_eq!(coverage.observed_ms(east, MonoMs(0), MonoMs(5000)), 3000);
        // One of two ends, the other still watches.
        coverage.set(0, false, MonoMs(4000));
        assert_eq!(coverage.observed_ms(north, MonoMs(0), MonoMs(5000)), 5000);
    }
}
