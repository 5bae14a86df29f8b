//! What is noted of each lane beside the estimates: who waited at the start and the end of its green, and whether its reader works.

use crate::signal::{CycleRecord, Lamps, LaneQueues};
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::junction::{Junction, LaneIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ReaderSight};

/// For how long a reader must be in another state before the log says so, milliseconds: ports are opened one after the other.
const LASTS_MS: i64 = 5000;

/// Who waits on a lane; none: nobody can say.
pub(super) type Waiting = Vec<Option<u32>>;

/// Queues of the running cycle.
#[derive(Debug)]
pub(super) struct Queues {
    green: Vec<bool>,
    queues: Vec<LaneQueues>,
}

impl Queues {
    pub(super) fn new(lanes: usize) -> Self {
        Self { green: vec![false; lanes], queues: vec![LaneQueues::default(); lanes] }
    }

    /// Takes what is shown from now on, and who waits now.
    pub(super) fn handle_lamps(&mut self, junction: &Junction, lamps: &Lamps, waiting: &Waiting) {
        let mut lit = vec![false; self.green.len()];
        let heads = junction.groups().iter().zip(lamps).filter(|(_, aspect)| **aspect == Aspect::Green);
        heads.flat_map(|(group, _)| &group.lanes).for_each(|lane| lit[lane.index()] = true);
        let lanes = self.green.iter_mut().zip(&mut self.queues).zip(waiting);
        for (((green, queues), waiting), lit) in lanes.zip(lit) {
            match (std::mem::replace(green, lit), lit) {
                // Of several greens the queue before the first and after the last.
                (false, true) => queues.start = queues.start.or(*waiting),
                (true, false) => queues.end = *waiting,
                _ => {}
            }
        }
    }

    /// Writes the queues into the record of a cycle that is over, and begins the next.
    pub(super) fn end_cycle(&mut self, record: &mut CycleRecord, waiting: &Waiting) {
        for ((green, queues), waiting) in self.green.iter().zip(&mut self.queues).zip(waiting) {
            if *green {
                queues.end = *waiting;
            }
        }
        let begun = self.green.iter().zip(waiting);
        let next = begun.map(|(green, waiting)| LaneQueues { start: waiting.filter(|_| *green), end: None });
        let next = next.collect();
        record.lane_queues = std::mem::replace(&mut self.queues, next);
    }
}

/// What the log says of the readers at the stop lines.
#[derive(Debug)]
pub(super) struct Detectors {
    /// Of each lane that a reader of this device watches: what was logged last, and since when something else is the case.
    lanes: Vec<(LaneIx, ReaderSight, Option<MonoMs>)>,
}

impl Detectors {
    pub(super) fn new(watched: impl Iterator<Item = LaneIx>) -> Self {
        Self { lanes: watched.map(|lane| (lane, ReaderSight::Works, None)).collect() }
    }

    /// Takes how the readers do, once a second; what is to be logged.
    pub(super) fn handle_sights(&mut self, sights: &[ReaderSight], at: MonoMs) -> Vec<Event> {
        let mut events = Vec::new();
        for (lane, logged, since) in &mut self.lanes {
            let Some(&sight) = sights.get(lane.index()) else { continue };
            if sight == *logged {
                *since = None;
                continue;
            }
            if at.since(*since.get_or_insert(at)) < LASTS_MS {
                continue;
            }
            (*logged, *since) = (sight, None);
            let code = match sight {
                ReaderSight::Works => EventCode::DetectorRestored,
                ReaderSight::Down => EventCode::DetectorFaultWatchdog,
                ReaderSight::Silent => EventCode::DetectorFaultStuckOff,
                ReaderSight::Blind | ReaderSight::Unknown => EventCode::DetectorFaultOther,
            };
            events.push(Event::of_detector(at, code, *lane));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_when_it_lasts_and_so_is_its_end() {
        let mut detectors = Detectors::new([LaneIx::new(1)].into_iter());
        let mut codes = Vec::new();
        for second in 0..40 {
            let sight = match second {
                0..3 | 20..24 | 30.. => ReaderSight::Down,
                10..20 => ReaderSight::Silent,
                _ => ReaderSight::Works,
            };
            // The other lane has no reader of this device.
            let sights = [ReaderSight::Down, sight];
            let events = detectors.handle_sights(&sights, MonoMs(second * 1000));
            codes.extend(events.iter().map(|event| (event.at.0 / 1000, event.code, event.parameter)));
        }
        assert_eq!(codes, [(15, 86, 2), (25, 83, 2), (35, 85, 2)]);
    }
}
