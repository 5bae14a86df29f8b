//! By which name a vehicle goes on when the key changes while it is followed.

use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use std::collections::BTreeMap;

/// How long a vehicle is followed, on its way from a neighbour too, milliseconds.
const FOLLOWED_MS: i64 = 600_000;
/// Most vehicles that are followed.
const MOST: usize = 20_000;

/// The pseudonyms that are in use here. A vehicle whose pseudonym under the key before is among them keeps that one, so that neither its place
/// in a queue nor its journey from a neighbour ends with the key.
#[derive(Clone, Debug, Default)]
pub struct KnownAs {
    used: BTreeMap<Epc, MonoMs>,
    forgotten: MonoMs,
}

impl KnownAs {
    /// The name by which a vehicle goes on that is seen, or told of, now. EPCs are their own names.
    pub fn name(&mut self, epc: Epc, prev: Option<Epc>, at: MonoMs) -> Epc {
        if epc.pseudonym().is_none() {
            return epc;
        }
        let old = prev.filter(|prev| !self.used.contains_key(&epc) && self.used.contains_key(prev));
        let name = old.unwrap_or(epc);
        if self.used.len() < MOST || self.used.contains_key(&name) {
            self.used.insert(name, at);
        }
        name
    }

    /// Forgets who was not seen for long; to be called each second.
    pub fn handle_timeout(&mut self, at: MonoMs) {
        if at.since(self.forgotten) >= FOLLOWED_MS / 10 {
            self.forgotten = at;
            self.used.retain(|_, used| at.since(*used) < FOLLOWED_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::epc::{Pseudonym, TagKey};

    fn name(key: u8) -> Epc {
        let raw: Epc = "34161FA8203E7CB202000020".parse().expect("an EPC");
        let id = format!("k{key}").parse().expect("a name");
        Pseudonym::of(&raw, id, &TagKey::new([key; 32])).expect("an EPC").into()
    }

    #[test]
    fn who_is_followed_keeps_its_name_over_a_change_and_who_comes_later_has_the_new_one() {
        let mut known = KnownAs::default();
        assert_eq!(known.name(name(1), None, MonoMs(0)), name(1));
        assert_eq!(known.name(name(2), Some(name(1)), MonoMs(1000)), name(1));
        known.handle_timeout(MonoMs(500_000));
        assert_eq!(known.name(name(2), Some(name(1)), MonoMs(501_000)), name(1), "it was seen since");
        known.handle_timeout(MonoMs(1_200_000));
        assert_eq!(known.name(name(2), Some(name(1)), MonoMs(1_200_000)), name(2));
        assert_eq!(known.name(name(2), Some(name(1)), MonoMs(1_201_000)), name(2));
    }

    #[test]
    fn a_neighbour_that_has_changed_already_is_understood() {
        let mut known = KnownAs::default();
        known.name(name(2), None, MonoMs(0));
        assert_eq!(known.name(name(2), Some(name(1)), MonoMs(5000)), name(2));
    }
}
