//! Who is seen at one junction before it is known that he has left the other: on a short way the news take longer than the vehicle.

use super::neighbour::MOST;
use flextraff_common::epc::Epc;
use std::collections::BTreeMap;

/// The news of a departure come within this time, seconds: a vehicle has left when it has not been read for a while, and the rest is the network's.
const KEPT_S: f64 = 10.0;

/// Where and when such vehicles were seen first.
#[derive(Clone, Debug)]
pub(super) struct Early<T>(BTreeMap<Epc, (T, f64)>);

impl<T> Default for Early<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Early<T> {
    /// One of whom nobody has said yet that he left.
    pub(super) fn note(&mut self, epc: Epc, place: T, at_s: f64) {
        if self.0.len() < MOST {
            self.0.entry(epc).or_insert((place, at_s));
        }
    }

    /// Where and when one who left the other junction was seen by now, unless that was before `from_s`: then it came the other way.
    pub(super) fn take(&mut self, epc: Epc, from_s: f64) -> Option<(T, f64)> {
        self.0.remove(&epc).filter(|(_, seen_s)| *seen_s >= from_s)
    }

    pub(super) fn handle_timeout(&mut self, at_s: f64) {
        self.0.retain(|_, (_, seen_s)| at_s - *seen_s < KEPT_S);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
