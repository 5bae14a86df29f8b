//! What goes wrong when; pure, the seed decides.

use flextraff_common::time::MonoMs;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Before the first disturbance, and after the last one is over, milliseconds: time to begin, and to come back.
const QUIET_MS: i64 = 10_000;
/// Mean time between two disturbances, milliseconds.
const MEAN_GAP_MS: f64 = 5000.0;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::demo) enum Fault {
    /// An agent is killed; it stays away for a while.
    Agent(usize),
    /// The server is killed.
    Server,
    /// The broker is killed, with or without what it remembers of its clients.
    Broker {
        /// Whether it comes back with that.
        remembers: bool,
    },
    /// The cable of a reader is pulled.
    Cable(usize),
    /// The disk of a junction is full.
    Disk(usize),
    /// The disk of a junction takes and gives nothing, and reports no error either.
    Standstill(usize),
    /// An agent is killed, and its outbox is damaged before it comes back.
    Outbox(usize),
    /// The disk with the tables of the database is full.
    Tables,
}

/// What there is to go wrong.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) struct Parts<'a> {
    /// Number of junctions.
    pub(in crate::demo) junctions: usize,
    /// Number of readers of all junctions.
    pub(in crate::demo) readers: usize,
    /// Junctions whose disk can be filled.
    pub(in crate::demo) disks: &'a [usize],
    /// Whether these can be brought to a standstill as well.
    pub(in crate::demo) standstill: bool,
    /// Whether the disk with the tables can be filled.
    pub(in crate::demo) tables: bool,
    /// The junction whose outbox is never damaged.
    pub(in crate::demo) intact: Option<usize>,
}

impl Fault {
    /// What only one disturbance at a time may have: the agent of a junction, a cable, the server, the broker or the tables.
    fn target(self) -> (u8, usize) {
        match self {
            Self::Agent(junction)
            | Self::Disk(junction)
            | Self::Standstill(junction)
            | Self::Outbox(junction) => (0, junction),
            Self::Cable(reader) => (1, reader),
            Self::Server => (2, 0),
            Self::Broker { .. } => (3, 0),
            Self::Tables => (4, 0),
        }
    }

    /// Shortest and longest that it lasts, milliseconds. A vehicle is forgotten after 10 s without a read: some last longer, most do not. What
    /// is in the tables already has room for a while.
    pub(super) const fn lasts_ms(self) -> (i64, i64) {
        match self {
            Self::Agent(_) | Self::Server | Self::Broker { .. } => (0, 15_000),
            Self::Cable(_) => (0, 20_000),
            Self::Disk(_) | Self::Standstill(_) => (0, 25_000),
            Self::Tables => (15_000, 40_000),
            Self::Outbox(_) => (0, 3000),
        }
    }
}

/// A fault from a time to a time, milliseconds after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) struct Disturbance {
    pub(in crate::demo) from: MonoMs,
    pub(in crate::demo) to: MonoMs,
    pub(in crate::demo) fault: Fault,
}

/// The disturbances of a run, in order of time.
pub(in crate::demo) fn schedule(seed: u64, run_ms: i64, parts: Parts<'_>) -> Vec<Disturbance> {
    let Parts { junctions, readers, disks, standstill, tables, intact } = parts;
    let mut chance = SmallRng::seed_from_u64(seed);
    let mut all: Vec<Disturbance> = Vec::new();
    let mut at = QUIET_MS;
    loop {
        at += (-chance.random::<f64>().max(1e-9).ln() * MEAN_GAP_MS) as i64;
        if at >= run_ms - QUIET_MS {
            return all;
        }
        let fault = match chance.random_range(0..100) {
            0..35 => Fault::Agent(chance.random_range(0..junctions)),
            35..60 => Fault::Cable(chance.random_range(0..readers)),
            60..72 => Fault::Broker { remembers: chance.random() },
            72..82 => Fault::Server,
            82..86 if !disks.is_empty() => Fault::Disk(disks[chance.random_range(0..disks.len())]),
            86..90 if standstill && !disks.is_empty() => {
                Fault::Standstill(disks[chance.random_range(0..disks.len())])
            }
            90..94 if tables => Fault::Tables,
            _ => Fault::Outbox(chance.random_range(0..junctions)),
        };
        let (shortest_ms, longest_ms) = fault.lasts_ms();
        let lasts_ms = chance.random_range(shortest_ms..=longest_ms);
        let (from, to) = (MonoMs(at), MonoMs((at + lasts_ms).min(run_ms - QUIET_MS)));
        if matches!(fault, Fault::Outbox(junction) if Some(junction) == intact) {
            continue;
        }
        // Whoever has just come back has a moment to show that it has.
        let busy = |other: &Disturbance| {
            other.fault.target() == fault.target() && from < other.to + QUIET_MS && other.from < to
        };
        if !all.iter().any(busy) {
            all.push(Disturbance { from, to, fault });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const ALL: Parts<'_> =
        Parts { junctions: 6, readers: 24, disks: &[0], standstill: true, tables: true, intact: Some(3) };

    #[test]
    fn a_seed_decides_and_everything_happens_in_twenty_minutes() {
        let all = schedule(1, 1_200_000, ALL);
        assert_eq!(all, schedule(1, 1_200_000, ALL));
        assert_ne!(all, schedule(2, 1_200_000, ALL));
        assert!(all.len() > 100, "{}", all.len());
        assert!(all.is_sorted_by_key(|one| one.from));
        assert!(all.iter().all(|one| one.from <= one.to && one.to.0 <= 1_190_000));
        let kinds: BTreeSet<u8> = all
            .iter()
            .map(|one| match one.fault {
                Fault::Agent(_) => 0,
                Fault::Server => 1,
                Fault::Broker { remembers } => 2 + u8::from(remembers),
                Fault::Cable(_) => 4,
                Fault::Disk(_) => 5,
                Fault::Outbox(_) => 6,
                Fault::Tables => 7,
                Fault::Standstill(_) => 8,
            })
            .collect();
        assert_eq!(kinds.len(), 9);
        assert!(all.iter().all(|one| one.fault != Fault::Outbox(3)));
    }

    #[test]
    fn nothing_is_disturbed_twice_at_once_and_no_disk_that_cannot_be_filled() {
        let all = schedule(3, 1_200_000, Parts { disks: &[], tables: false, ..ALL });
        for (at, one) in all.iter().enumerate() {
            assert!(!matches!(one.fault, Fault::Disk(_) | Fault::Standstill(_) | Fault::Tables));
            let same = all[..at].iter().filter(|other| other.fault.target() == one.fault.target());
            assert!(same.into_iter().all(|other| other.to + QUIET_MS <= one.from));
        }
    }
}
