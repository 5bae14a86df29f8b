//! Indexes into a junction's lists, and a set of signal groups as one word: conflict checks are then a few instructions.

use std::fmt;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u8);

        impl $name {
            /// The index at a position.
            ///
            /// # Panics
            /// When the position is beyond 255; a checked junction never has so many of anything.
            pub fn new(position: usize) -> Self {
                Self(u8::try_from(position).expect("a junction has fewer than 256 of anything"))
            }

            /// The position.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

index! {
    /// Position of a lane in its junction.
    LaneIx
}
index! {
    /// Position of a signal group in its junction; below 64.
    GroupIx
}
index! {
    /// Position of a stage in its junction.
    StageIx
}

/// A set of signal groups.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupSet(u64);

impl GroupSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many groups are in it.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the group is in it.
    pub const fn contains(self, group: GroupIx) -> bool {
        self.0 & Self::bit(group) != 0
    }

    /// Adds a group.
    pub const fn insert(&mut self, group: GroupIx) {
        self.0 |= Self::bit(group);
    }

    /// Takes a group out.
    pub const fn remove(&mut self, group: GroupIx) {
        self.0 &= !Self::bit(group);
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

    /// Its groups in ascending order.
    pub fn iter(self) -> impl Iterator<Item = GroupIx> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let position = rest.trailing_zeros();
            rest &= rest - 1;
            Some(GroupIx::new(position as usize))
        })
    }

    const fn bit(group: GroupIx) -> u64 {
        1 << (group.index() & 63)
    }
}

impl FromIterator<GroupIx> for GroupSet {
    fn from_iter<I: IntoIterator<Item = GroupIx>>(groups: I) -> Self {
        let mut set = Self::EMPTY;
        for group in groups {
            set.insert(group);
        }
        set
    }
}

impl fmt::Debug for GroupSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(GroupIx::index)).finish()
    }
}
