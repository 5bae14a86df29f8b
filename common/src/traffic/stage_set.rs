//! A set of stages as one word.

use crate::junction::StageIx;
use std::fmt;

/// A set of the stages of one junction: of the first 32, more than a junction has. Later ones are in no set.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageSet(u32);

impl StageSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);
    /// How many stages a set can hold.
    pub(super) const MOST: usize = u32::BITS as usize;

    /// The first `count` stages.
    pub(super) const fn first(count: usize) -> Self {
        if count >= Self::MOST { Self(u32::MAX) } else { Self((1 << count) - 1) }
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the stage is in it.
    pub const fn contains(self, stage: StageIx) -> bool {
        self.0 & Self::bit(stage) != 0
    }

    /// Adds a stage.
    pub const fn insert(&mut self, stage: StageIx) {
        self.0 |= Self::bit(stage);
    }

    /// Takes a stage out.
    pub const fn remove(&mut self, stage: StageIx) {
        self.0 &= !Self::bit(stage);
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Its stages in ascending order.
    pub fn iter(self) -> impl Iterator<Item = StageIx> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let position = rest.trailing_zeros();
            rest &= rest - 1;
            Some(StageIx::new(position as usize))
        })
    }

    const fn bit(stage: StageIx) -> u32 {
        if stage.index() < Self::MOST { 1 << stage.index() } else { 0 }
    }
}

impl FromIterator<StageIx> for StageSet {
    fn from_iter<I: IntoIterator<Item = StageIx>>(stages: I) -> Self {
        let mut set = Self::EMPTY;
        for stage in stages {
            set.insert(stage);
        }
        set
    }
}

impl fmt::Debug for StageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(StageIx::index)).finish()
    }
}
