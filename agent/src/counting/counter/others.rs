//! The part that other devices of the junction have in who counts.

use super::{Counter, PassageChange, ToldPassage};
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;

impl Counter {
    /// Takes that another device of the junction is there.
    pub fn handle_other_device(&mut self, at: MonoMs) {
        self.shared.heard(at);
    }

    /// Takes what another device of the junction sees at a stop line; `goes_first`: its id is lower than this device's.
    pub fn handle_told(&mut self, told: &ToldPassage, goes_first: bool, at: MonoMs) {
        let (epc, prev) = (told.epc, told.prev);
        match self.take_open(epc, prev) {
            Some(mut passage) if at < passage.seen + self.config.absence_ms => {
                if told.counts && (goes_first || !passage.told) && !passage.published {
                    self.changes.insert(passage.id, PassageChange::Remove(passage.id));
                    self.shared.unclaim(&epc);
                    self.shared.leave(epc, at);
                    return;
                }
                if told.counts && !goes_first && passage.told {
                    self.shared.tell(ToldPassage { epc, prev, counts: true }, at);
                }
                passage.seen = passage.seen.max(at);
                self.change(&passage);
                self.insert(passage);
                return;
            }
            // It has gone, as far as is known here; what comes now is another passage, and the teller's.
            Some(passage) => self.end(passage, None),
            None => {}
        }
        if told.counts {
            self.shared.leave(epc, at);
        } else {
            self.shared.seen_elsewhere(epc, prev, at, self.config.absence_ms);
        }
    }

    /// Takes vehicles that this device has counted before the machine started, as far as other devices may still leave them to it.
    pub fn remember(&mut self, names: impl Iterator<Item = Epc>, now: MonoMs) {
        self.shared.remember(names, now);
    }

    /// Takes that what [`Counter::take`] gave last is stored: from now on others may leave its vehicles to this device.
    pub fn handle_stored(&mut self) {
        for (epc, prev) in self.shared.take_claims() {
            if let Some(passage) = self.open.get_mut(&epc).filter(|passage| !passage.told) {
                passage.told = self.shared.tell(ToldPassage { epc, prev, counts: true }, passage.seen);
            }
        }
    }

    /// Whether others wait for [`Counter::handle_stored`] to know what this device counts.
    pub fn has_claims(&self) -> bool {
        self.shared.has_claims()
    }

    /// What other devices of the junction are to be told since the last call; nothing while there are none.
    pub fn take_told(&mut self) -> Vec<ToldPassage> {
        self.shared.take()
    }

    /// Whether [`Counter::take_told`] has something.
    pub const fn has_told(&self) -> bool {
        self.shared.has_news()
    }
}
