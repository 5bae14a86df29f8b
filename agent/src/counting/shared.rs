//! What the devices of one junction tell each other, so that a vehicle that several of them see counts once.
//!
//! A device tells that it counts a passage when that begins, and again while it sees the vehicle. Two rules decide, and neither needs clocks
//! that agree:
//!
//! 1. Who hears that another device counts a vehicle, before an own read of it, leaves it to that device and never claims it.
//! 2. Of devices that have both claimed it the one with the lowest id counts. The others take their passage back, as long as no row has
//!    counted it.
//!
//! Whatever is delivered, late or lost, at least one device counts: whoever claims yields only to a lower one that claims too, and the lowest
//! never does. Messages that are lost, or later than the row, make it two; so does a broker that cannot be reached. A vehicle twice is better
//! than none.

use crate::counting::ToldPassage;
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use std::collections::BTreeMap;

/// Time between two messages about one vehicle, milliseconds.
const AGAIN_MS: i64 = 500;
/// So long after the last message of any other device of the junction its vehicles are still told, milliseconds.
const HEARD_MS: i64 = 60_000;
/// Most vehicles that are told of at once, and that are told.
pub(super) const MOST: usize = 10_000;
/// Most vehicles that wait to be told: some seconds without a broker.
const MOST_WAITING: usize = 1000;

/// Which vehicles others count, and what they are to be told.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Until when other devices of the junction are reckoned with.
    heard_until: Option<MonoMs>,
    /// Vehicles that another device counts, and when any device saw each last.
    elsewhere: BTreeMap<Epc, MonoMs>,
    /// When others were last told of each vehicle.
    told: BTreeMap<Epc, MonoMs>,
    waiting: Vec<ToldPassage>,
}

impl Shared {
    /// Another device of the junction is there.
    pub(super) fn heard(&mut self, at: MonoMs) {
        self.heard_until = Some(at + HEARD_MS);
    }

    /// Another device counts the vehicle.
    pub(super) fn leave(&mut self, epc: Epc, at: MonoMs) {
        if self.elsewhere.len() < MOST || self.elsewhere.contains_key(&epc) {
            self.elsewhere.insert(epc, at);
        }
    }

    /// Takes an own read; whether another device counts that passage.
    pub(super) fn is_elsewhere(&mut self, epc: Epc, prev: Option<Epc>, at: MonoMs, absence_ms: i64) -> bool {
        let known = [Some(epc), prev].into_iter().flatten().find(|name| self.elsewhere.contains_key(name));
        let Some(seen) = known.and_then(|name| self.elsewhere.remove(&name)) else { return false };
        let goes_on = at < seen + absence_ms;
        if goes_on {
            self.elsewhere.insert(epc, seen.max(at));
        }
        goes_on
    }

    /// Tells others of a vehicle that was read.
    pub(super) fn tell(&mut self, passage: ToldPassage, at: MonoMs) {
        let is_alone = self.heard_until.is_none_or(|until| until <= at);
        let of_late = self.told.get(&passage.epc).is_some_and(|told| at.since(*told) < AGAIN_MS);
        if is_alone || of_late || self.waiting.len() >= MOST_WAITING || self.told.len() >= MOST {
            return;
        }
        self.told.insert(passage.epc, at);
        self.waiting.push(passage);
    }

    /// What others are to be told since the last call.
    pub(super) fn take(&mut self) -> Vec<ToldPassage> {
        std::mem::take(&mut self.waiting)
    }

    pub(super) const fn has_news(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets whom nobody has seen for so long.
    pub(super) fn forget(&mut self, now: MonoMs, absence_ms: i64) {
        self.elsewhere.retain(|_, seen| now < *seen + absence_ms);
        self.told.retain(|_, told| now.since(*told) < AGAIN_MS);
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.elsewhere.len() + self.told.len() + self.waiting.len()
    }
}
