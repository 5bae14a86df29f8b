//! What the devices of one junction tell each other, so that a vehicle that several of them see counts once.
//!
//! A device tells that it counts a passage when its disk has that, and again while it sees the vehicle. So nobody leaves a vehicle to a claim that
//! a kill or a power cut undoes. Four rules decide, and none needs clocks that agree:
//!
//! 1. Who hears that another device counts a vehicle, before an own read of it, leaves it to that device and never claims it.
//! 2. Who hears so before it has told its own claim takes that back: nobody can have left the vehicle to it.
//! 3. Of devices that have both told that they count it the one with the lowest id does. The others take their passage back, as long as no row has
//!    counted it; the lower one says again that it counts it, should they have missed that.
//! 4. That another device does not count a vehicle, because a third does, is no reason to leave it; it only shows that the vehicle is still there.
//!
//! Whatever is delivered, late or lost, and whoever restarts, at least one device counts: whoever has told its claim yields only to a lower one
//! that has told one too, and the lowest never does. Messages that are lost, or later than the row, make it two; so does a broker that cannot be
//! reached. A vehicle twice is better than none. So that messages come before the row, rows wait for [`SETTLE_MS`] while others are there.

use crate::counting::ToldPassage;
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use std::collections::{BTreeMap, BTreeSet};

/// Time between two messages about one vehicle, milliseconds.
const AGAIN_MS: i64 = 500;
/// So long after the last message of any other device of the junction its vehicles are still told, milliseconds.
const HEARD_MS: i64 = 60_000;
/// While other devices are there the row of an interval is made no sooner than this after its end, milliseconds. The first claim is stored within
/// [`STORE_MS`] and with the others one delay of [`DELAY_MS`] later. Who tells a claim of its own before it hears of that one is heard in its turn
/// within one more: then the last moment for taking a passage back is over.
pub(super) const SETTLE_MS: i64 = STORE_MS + 2 * DELAY_MS;
/// While other devices are there a claim is stored within this time, milliseconds.
pub const STORE_MS: i64 = 1000;
/// From the moment when something can be told to the other devices' counters, milliseconds: it waits for 0.2 s, the rest is the network's and the broker's.
pub(super) const DELAY_MS: i64 = 1500;
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
    /// Vehicles that this device counts as nobody knows yet, with their names under the key before: the disk does not have that.
    claims: BTreeMap<Epc, Option<Epc>>,
    /// Vehicles that it has counted before the machine started, and until when others may still leave them to it.
    before: BTreeSet<Epc>,
    before_until: MonoMs,
}

impl Shared {
    /// Another device of the junction is there.
    pub(super) fn heard(&mut self, at: MonoMs) {
        self.heard_until = Some(at + HEARD_MS);
    }

    fn is_alone(&self, at: MonoMs) -> bool {
        self.heard_until.is_none_or(|until| until <= at)
    }

    /// How long after its end an interval is settled, of which the own reads are so after `settle_ms`.
    pub(super) fn settle_ms(&self, settle_ms: i64, at: MonoMs) -> i64 {
        if self.is_alone(at) { settle_ms } else { settle_ms.max(SETTLE_MS) }
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

    /// Takes that another device sees a vehicle that it does not count: whom this device leaves to others is still there.
    pub(super) fn seen_elsewhere(&mut self, epc: Epc, prev: Option<Epc>, at: MonoMs, absence_ms: i64) {
        let is_of_before = at < self.before_until
            && [Some(epc), prev].iter().flatten().any(|name| self.before.contains(name));
        if !self.is_elsewhere(epc, prev, at, absence_ms) && is_of_before {
            self.leave(epc, at);
        }
    }

    /// Takes whom this device has counted before the machine started: whoever tells of them leaves them to it.
    pub(super) fn remember(&mut self, names: impl Iterator<Item = Epc>, now: MonoMs) {
        self.before = names.take(MOST).collect();
        self.before_until = now + HEARD_MS;
    }

    /// This device counts a vehicle and will tell that when the disk has it.
    pub(super) fn claim(&mut self, epc: Epc, prev: Option<Epc>, at: MonoMs) {
        if !self.is_alone(at) {
            self.claims.insert(epc, prev);
        }
    }

    /// It counts the vehicle no more.
    pub(super) fn unclaim(&mut self, epc: &Epc) -> bool {
        self.claims.remove(epc).is_some()
    }

    pub(super) fn has_claims(&self) -> bool {
        !self.claims.is_empty()
    }

    /// Vehicles that it claims, which the disk has now.
    pub(super) fn take_claims(&mut self) -> BTreeMap<Epc, Option<Epc>> {
        std::mem::take(&mut self.claims)
    }

    /// Tells others of a vehicle; whether that found room.
    pub(super) fn tell(&mut self, passage: ToldPassage, at: MonoMs) -> bool {
        let of_late = self.told.get(&passage.epc).is_some_and(|told| at.since(*told) < AGAIN_MS);
        if self.is_alone(at) || of_late || self.waiting.len() >= MOST_WAITING || self.told.len() >= MOST {
            return false;
        }
        self.told.insert(passage.epc, at);
        self.waiting.push(passage);
        true
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
        if self.before_until <= now {
            self.before.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.elsewhere.len() + self.told.len() + self.waiting.len() + self.claims.len() + self.before.len()
    }
}
