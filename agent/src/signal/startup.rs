//! Start-up: flash, then all-red at least the longest clearance. Whatever the lamps showed before this process, nobody is in the junction
//! any more when the first green comes.

use super::Lamps;
use super::fault::flash;
use flextraff_common::junction::Junction;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControllerState};

#[derive(Clone, Copy, Debug)]
pub(super) struct Startup {
    flash_until: MonoMs,
    red_until: MonoMs,
}

impl Startup {
    pub(super) fn new(junction: &Junction, start: MonoMs) -> Self {
        let flash_until = start.ceil_second() + i64::from(junction.signal.startup_flash_s) * 1000;
        // Red first, also where no change of stages ever ends a green.
        let all_red_s = junction.signal.startup_all_red_s.max(junction.longest_clearance_s()).max(1);
        Self { flash_until, red_until: flash_until + i64::from(all_red_s) * 1000 }
    }

    /// Without flash, and as short as it may be.
    pub(super) fn in_red(junction: &Junction, start: MonoMs) -> Self {
        let red_s = junction.longest_clearance_s().max(1);
        Self { flash_until: start, red_until: start.ceil_second() + i64::from(red_s) * 1000 }
    }

    #[cfg(test)]
    pub(super) fn project(&self, key: &mut super::tests::model::Key) {
        let Self { flash_until, red_until } = self;
        key.word(flash_until.since(key.now).max(0));
        key.word(red_until.since(key.now).max(0));
    }

    pub(super) fn over(&self, at: MonoMs) -> bool {
        at >= self.red_until
    }

    pub(super) fn show(&self, junction: &Junction, at: MonoMs) -> (ControllerState, Lamps) {
        if at < self.flash_until {
            (ControllerState::Flash, flash(junction, Aspect::FlashAmber))
        } else {
            (ControllerState::AllRed, vec![Aspect::Red; junction.groups().len()])
        }
    }
}
