//! One vehicle at the stop line.

use crate::identity::Sighting;
use crate::reader::Read;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;

/// Names a passage between a [`super::Counter`] and its store. Unique among the passages of one boot that the store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassageId(pub u64);

/// A passage as it is kept over a restart. Times are of the boot that wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PassageState {
    /// Its name in the store.
    pub id: PassageId,
    /// The vehicle, as rows name it.
    pub epc: Epc,
    /// The same under the key before, if the passage began soon after a change of key.
    pub prev: Option<Epc>,
    /// As its last read named it: differs from `epc` when the key has changed since it began.
    pub known_as: Epc,
    /// Whether its EPC has the structure of a FASTag.
    pub fastag: bool,
    /// The lane, final once it is published.
    pub lane: LaneIx,
    /// Reads in that lane that speak for it.
    pub lane_reads: u32,
    /// Strongest of them.
    pub lane_rssi: Option<f32>,
    /// First stop-line read.
    pub first: MonoMs,
    /// Last stop-line read.
    pub last: MonoMs,
    /// When any device of the junction read it last; not before `last`.
    pub seen: MonoMs,
    /// Stop-line reads.
    pub reads: u32,
    /// When it closed, if the departure is not reported yet.
    pub closed: Option<MonoMs>,
    /// Whether a row has counted it.
    pub published: bool,
}

/// What a store has to do so that a later run can go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PassageChange {
    /// Write this passage, over any older one of the same id.
    Upsert(PassageState),
    /// Delete this passage, if it is there.
    Remove(PassageId),
}

/// What speaks for a lane.
#[derive(Clone, Copy, Debug)]
struct Vote {
    lane: LaneIx,
    reads: u32,
    rssi: Option<f32>,
    first: MonoMs,
}

#[derive(Debug)]
pub(super) struct Passage {
    pub(super) id: PassageId,
    pub(super) epc: Epc,
    pub(super) prev: Option<Epc>,
    pub(super) known_as: Epc,
    pub(super) fastag: bool,
    pub(super) first: MonoMs,
    pub(super) last: MonoMs,
    pub(super) seen: MonoMs,
    pub(super) reads: u32,
    pub(super) closed: Option<MonoMs>,
    pub(super) published: bool,
    /// Whether other devices may know that this one counts it.
    pub(super) told: bool,
    votes: Vec<Vote>,
}

impl Passage {
    pub(super) fn begin(id: PassageId, sighting: &Sighting) -> Self {
        let read = &sighting.read;
        let vote = Vote { lane: read.lane, reads: 1, rssi: number(read.rssi), first: read.at };
        Self {
            id,
            epc: read.epc,
            prev: sighting.prev,
            known_as: read.epc,
            fastag: sighting.fastag,
            first: read.at,
            last: read.at,
            seen: read.at,
            reads: 1,
            closed: None,
            published: false,
            told: false,
            votes: vec![vote],
        }
    }

    /// Reads of several readers may arrive some milliseconds out of order.
    pub(super) fn add(&mut self, read: &Read, settle_ms: i64) {
        self.reads = self.reads.saturating_add(1);
        self.last = self.last.max(read.at);
        self.seen = self.seen.max(read.at);
        if self.published {
            return;
        }
        if read.at.since(self.first) <= settle_ms {
            self.vote(read);
        }
        self.first = self.first.min(read.at);
    }

    fn vote(&mut self, read: &Read) {
        let rssi = number(read.rssi);
        match self.votes.iter_mut().find(|vote| vote.lane == read.lane) {
            Some(vote) => {
                vote.reads = vote.reads.saturating_add(1);
                vote.rssi = if strength(rssi) > strength(vote.rssi) { rssi } else { vote.rssi };
                vote.first = vote.first.min(read.at);
            }
            None => self.votes.push(Vote { lane: read.lane, reads: 1, rssi, first: read.at }),
        }
    }

    fn winner(&self) -> Vote {
        let mut best = self.votes[0];
        for vote in &self.votes[1..] {
            let order = vote
                .reads
                .cmp(&best.reads)
                .then(strength(vote.rssi).total_cmp(&strength(best.rssi)))
                .then(best.first.cmp(&vote.first))
                .then(best.lane.cmp(&vote.lane));
            if order.is_gt() {
                best = *vote;
            }
        }
        best
    }

    pub(super) fn lane(&self) -> LaneIx {
        self.winner().lane
    }

    pub(super) fn dwell_ms(&self) -> i64 {
        self.last.since(self.first)
    }

    /// From now on its lane and its interval stay.
    pub(super) fn publish(&mut self) {
        self.published = true;
        self.votes = vec![self.winner()];
    }

    pub(super) fn state(&self) -> PassageState {
        let winner = self.winner();
        PassageState {
            id: self.id,
            epc: self.epc,
            prev: self.prev,
            known_as: self.known_as,
            fastag: self.fastag,
            lane: winner.lane,
            lane_reads: winner.reads,
            lane_rssi: winner.rssi,
            first: self.first,
            last: self.last,
            seen: self.seen,
            reads: self.reads,
            closed: self.closed,
            published: self.published,
        }
    }
}

impl From<&PassageState> for Passage {
    fn from(state: &PassageState) -> Self {
        let vote =
            Vote { lane: state.lane, reads: state.lane_reads, rssi: state.lane_rssi, first: state.first };
        Self {
            id: state.id,
            epc: state.epc,
            prev: state.prev,
            known_as: state.known_as,
            fastag: state.fastag,
            first: state.first,
            last: state.last,
            seen: state.seen.max(state.last),
            reads: state.reads,
            closed: state.closed,
            published: state.published,
            // As far as anybody knows: the run before may have.
            told: true,
            votes: vec![vote],
        }
    }
}

fn number(rssi: Option<f32>) -> Option<f32> {
    rssi.filter(|rssi| !rssi.is_nan())
}

fn strength(rssi: Option<f32>) -> f32 {
    rssi.unwrap_or(f32::NEG_INFINITY)
}
