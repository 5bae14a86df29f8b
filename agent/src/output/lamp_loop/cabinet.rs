//! What the switches in the cabinet ask of the signal.

use super::{LampEvent, LampLoop};
use flextraff_common::hires::{Event, EventCode, contact};
use flextraff_common::time::{Moment, MonoMs};

impl LampLoop<'_> {
    /// Looks at the switches and passes on what has changed.
    pub(super) fn look_at_switches(&mut self, now: MonoMs, signal_now: Moment) {
        let Some(seen) = self.parts.output.switches() else { return };
        let Some(before) = self.switches.handle(seen, now) else { return };
        let after = self.switches.settled();
        let controller = &mut self.parts.control.controller;
        if after.flash != before.flash {
            controller.handle_flash(after.flash || self.flash_asked, signal_now);
        }
        if after.panel != before.panel {
            controller.handle_panel(after.panel, self.parts.longest_panel_s, signal_now);
        }
        if after.advance && !before.advance {
            controller.handle_advance(signal_now);
        }
        let mut log = |code, parameter| controller.log_event(Event::new(signal_now.mono, code, parameter));
        if after.advance != before.advance {
            log(EventCode::IntervalAdvance, after.advance.into());
        }
        if after.door != before.door {
            log(EventCode::AlarmGroup, if after.door { contact::DOOR } else { 0 });
        }
        self.emit(LampEvent::Switched(after));
    }
}
