//! Model check of controller and interlock: every state that a small junction can reach, whatever comes, and in each of them the lamps are
//! as the rules say.
//!
//! The real controller and the real interlock go on, second by second, under every event of a menu at every moment: plans, overrides,
//! emergencies, their expiry, any answer of tactical control, wall clocks, a late loop, restarts and faults. [`oracle`] holds the rules, written
//! from the specification of the junction alone. Two states with the same [`Key`] behave alike, so that the space is finite.

mod alike;
mod explore;
mod interlocks;
mod junctions;
mod larger;
mod oracle;
mod proof;
mod world;

use flextraff_common::junction::StageIx;
use flextraff_common::time::MonoMs;

/// What something goes by, as numbers, mixed into 128 bits: two different ones have the same with a chance that is too small to matter. Times
/// are relative to the present.
pub(crate) struct Key {
    /// The present.
    pub(crate) now: MonoMs,
    mixed: [u64; 2],
}

impl Key {
    /// Longer than every time that plays a part in the junctions of the model.
    pub(crate) const FOREVER_MS: i64 = 120_000;

    pub(crate) const fn new(now: MonoMs) -> Self {
        Self { now, mixed: [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344] }
    }

    pub(crate) fn word(&mut self, word: i64) {
        let [a, b] = self.mixed;
        // Two ways of mixing, so that what the one takes for the same the other does not.
        self.mixed =
            [mix(a ^ word as u64), (b.rotate_left(29) ^ word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)];
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.word(i64::from(flag));
    }

    pub(crate) fn stage(&mut self, stage: Option<StageIx>) {
        self.word(stage.map_or(-1, |stage| stage.index() as i64));
    }

    /// The time since a moment, as far as it makes a difference; a moment that never was is as long ago as makes one.
    pub(crate) fn age(&mut self, since: Option<MonoMs>, most_ms: i64) {
        let most_ms = most_ms.min(Self::FOREVER_MS);
        self.word(since.map_or(most_ms, |since| self.now.since(since).min(most_ms)));
    }

    /// What is left until a moment, as far as it makes a difference.
    pub(crate) fn left(&mut self, until: MonoMs) {
        self.word(until.since(self.now).clamp(0, Self::FOREVER_MS));
    }

    const fn digest(&self) -> u128 {
        let [a, b] = self.mixed;
        (mix(b) as u128) << 64 | a as u128
    }
}

/// A step of SplitMix64: each number has one of its own.
const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
