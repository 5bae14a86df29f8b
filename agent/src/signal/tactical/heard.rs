//! On which lane somebody stands whose tag the antennas of several stop lines hear, as far as actuation needs it.
//!
//! Estimation tells it from the same reads. Actuation stands in when that has failed, and so has a rule of its own: the lane with most reads of
//! late, and if none has half as many again as the other, the one that hears it stronger.

use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use std::collections::BTreeMap;

/// In so long half of what was read counts no more, milliseconds.
const HALF_MS: f64 = 2000.0;
/// With so many times the reads of another lane a lane is the vehicle's, however strong they are.
const MORE_READS: f64 = 1.5;
/// Whoever is not read for so long has gone, milliseconds.
const GONE_MS: i64 = 10_000;
/// Tags that are followed, at most.
const MOST: usize = 1000;

/// Reads of a tag at one stop line.
#[derive(Clone, Copy, Debug)]
struct Heard {
    lane: LaneIx,
    /// How many, old ones fading.
    reads: f64,
    /// The last one's strength, dBm.
    rssi: Option<f32>,
    last: MonoMs,
}

impl Heard {
    fn reads_at(&self, at: MonoMs) -> f64 {
        self.reads * (-(at.since(self.last).max(0) as f64) / HALF_MS).exp2()
    }

    fn beats(&self, other: &Self) -> bool {
        let at = self.last.max(other.last);
        let (own, others) = (self.reads_at(at), other.reads_at(at));
        let is_stronger = self.rssi.zip(other.rssi).is_some_and(|(own, other)| own > other);
        own > MORE_READS * others || (is_stronger && MORE_READS * own >= others)
    }
}

/// Who was read at the stop lines a moment ago.
#[derive(Clone, Debug, Default)]
pub(super) struct Tags {
    /// By tag, the lane that heard it first first.
    heard: BTreeMap<Epc, Vec<Heard>>,
    cleared: Option<MonoMs>,
}

impl Tags {
    /// Takes a read; whether its tag is followed.
    pub(super) fn handle_read(&mut self, epc: Epc, lane: LaneIx, rssi: Option<f32>, at: MonoMs) -> bool {
        if !self.heard.contains_key(&epc) && self.heard.len() >= MOST {
            return false;
        }
        let lanes = self.heard.entry(epc).or_default();
        let Some(heard) = lanes.iter_mut().find(|heard| heard.lane == lane) else {
            lanes.push(Heard { lane, reads: 1.0, rssi, last: at });
            return true;
        };
        *heard = Heard { lane, reads: heard.reads_at(at) + 1.0, rssi, last: heard.last.max(at) };
        true
    }

    /// Forgets who has gone, looking once a second: on which lanes they stood, and when each was read there last.
    pub(super) fn take_gone(&mut self, at: MonoMs) -> Vec<(LaneIx, MonoMs)> {
        if self.cleared.is_some_and(|cleared| at.since(cleared) < 1000) {
            return Vec::new();
        }
        self.cleared = Some(at);
        let is_gone = |heard: &Vec<Heard>| heard.iter().all(|heard| at.since(heard.last) > GONE_MS);
        let gone = self.heard.extract_if(.., |_, heard| is_gone(heard));
        gone.filter_map(|(_, heard)| stands(&heard).map(|heard| (heard.lane, heard.last))).collect()
    }

    /// When somebody who stands on a lane was read there last.
    pub(super) fn last_read(&self, lane: usize) -> Option<MonoMs> {
        let there = self.heard.values().filter_map(|heard| stands(heard));
        there.filter(|heard| heard.lane.index() == lane).map(|heard| heard.last).max()
    }
}

/// What was heard on the lane on which a tag stands.
fn stands(heard: &[Heard]) -> Option<&Heard> {
    heard.iter().reduce(|best, other| if other.beats(best) { other } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: usize = 0;
    const NEXT: usize = 1;

    fn tag(number: u16) -> Epc {
        let [a, b] = number.to_be_bytes();
        Epc::new(&[0xE2, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b]).expect("12 bytes are an EPC")
    }

    /// The next lane hears a tag first, and then both do at intervals; when each lane was read last.
    fn both_hear(every_ms: [usize; 2], rssi: [Option<f32>; 2]) -> [Option<MonoMs>; 2] {
        let mut tags = Tags::default();
        for ms in 0..20_000_usize {
            for lane in [NEXT, OWN].into_iter().filter(|&lane| ms % every_ms[lane] == 0) {
                tags.handle_read(tag(1), LaneIx::new(lane), rssi[lane], MonoMs(ms as i64));
            }
        }
        [OWN, NEXT].map(|lane| tags.last_read(lane))
    }

    #[test]
    fn a_tag_stands_on_the_lane_with_most_reads_and_on_the_stronger_of_equals() {
        let (weak, strong) = (Some(-70.0), Some(-50.0));
        let last = |ms| Some(MonoMs(ms));
        assert_eq!(both_hear([250, 1000], [None; 2]), [last(19_750), None]);
        assert_eq!(both_hear([250, 1000], [weak, strong]), [last(19_750), None], "however strong");
        assert_eq!(both_hear([500, 500], [strong, weak]), [last(19_500), None]);
        assert_eq!(both_hear([500, 400], [strong, weak]), [last(19_500), None]);
        assert_eq!(both_hear([500, 500], [weak, strong]), [None, last(19_500)]);
        assert_eq!(both_hear([500, 500], [None; 2]), [None, last(19_500)], "nothing tells them apart");
    }

    #[test]
    fn what_was_read_of_those_who_have_gone_is_handed_over_once() {
        let mut tags = Tags::default();
        for ms in [0, 500, 1000] {
            tags.handle_read(tag(1), LaneIx::new(OWN), None, MonoMs(ms));
        }
        tags.handle_read(tag(1), LaneIx::new(NEXT), None, MonoMs(1200));
        assert_eq!(tags.take_gone(MonoMs(11_000)), []);
        assert_eq!(tags.take_gone(MonoMs(12_500)), [(LaneIx::new(OWN), MonoMs(1000))]);
        assert_eq!((tags.take_gone(MonoMs(14_000)), tags.last_read(OWN)), (vec![], None));
    }

    #[test]
    fn memory_is_bounded() {
        let mut tags = Tags::default();
        for number in 0..u16::MAX {
            let followed = tags.handle_read(tag(number), LaneIx::new(OWN), None, MonoMs(0));
            assert_eq!(followed, usize::from(number) < MOST);
        }
        assert_eq!(tags.take_gone(MonoMs(20_000)).len(), MOST);
    }
}
