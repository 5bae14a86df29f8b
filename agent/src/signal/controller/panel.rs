//! The panel in the cabinet: a policeman goes from stage to stage by hand. Who decides, in full.
//!
//! The panel asks the same machine as everybody else: shortest greens, clearances and the longest red hold. While it is on, a green ends when
//! `advance` is pressed and its shortest time is over, else only when somebody would wait longer than the longest red. The stages follow each
//! other in the junction's order. Switched off, or after its time, the plan takes the present green over.

use super::{Controller, Green, Phase, Verdict};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{Mode, SignalControl, StageEnd};

/// What the panel asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Panel {
    /// Until when it decides; none: it is switched off.
    until: Option<MonoMs>,
    /// Whether the present green is to end.
    advance: bool,
}

impl Panel {
    #[cfg(test)]
    pub(super) fn project(&self, key: &mut crate::signal::tests::model::Key) {
        let Self { until, advance } = self;
        key.left(until.unwrap_or(key.now));
        key.flag(*advance);
    }

    pub(super) fn decides(&self, at: MonoMs) -> bool {
        self.until.is_some_and(|until| until > at)
    }
}

impl Controller {
    /// Takes that the panel is switched on, for `longest_s` at most, or off. When its time is over it is to be switched off and on again.
    ///
    /// An emergency, an override and plans wait behind it and go on to run out; a fault and flash come before it.
    pub fn handle_panel(&mut self, on: bool, longest_s: u32, now: Moment) {
        self.handle_timeout(now);
        self.panel = Panel { until: on.then(|| now.mono + i64::from(longest_s) * 1000), advance: false };
    }

    /// Takes that the panel asks for the next stage. It is the present green that ends: during a change nothing is to be hurried.
    pub fn handle_advance(&mut self, now: Moment) {
        self.handle_timeout(now);
        self.panel.advance = self.program.by_panel && matches!(self.phase, Phase::Green(_));
    }

    /// Whether the panel decides about what is shown.
    #[cfg(test)]
    pub(crate) const fn is_by_panel(&self) -> bool {
        self.program.by_panel
    }

    /// What the panel makes of a green; none: it is not its business.
    pub(super) fn panel_verdict(&mut self, green: Green, at: MonoMs) -> Option<Verdict> {
        let least_ms = i64::from(self.junction.stage(green.stage).min_green_s) * 1000;
        let had_least = at.since(green.began) >= least_ms;
        let must_end = had_least && green.latest_end.is_some_and(|latest| at >= latest);
        // Who comes or goes at this very second does not make others wait for a second longer.
        let takes_over =
            if must_end { Verdict::End(StageEnd::ForceOff) } else { Verdict::TakeOver(StageEnd::Manual) };
        if !self.panel.decides(at) {
            self.panel.advance = false;
            // An emergency finds its own way out.
            return (self.program.by_panel && self.emergency_stage(at).is_none()).then_some(takes_over);
        }
        if !self.program.by_panel {
            return Some(takes_over);
        }
        Some(if must_end {
            self.panel.advance = false;
            Verdict::End(StageEnd::ForceOff)
        } else if had_least && std::mem::take(&mut self.panel.advance) {
            Verdict::End(StageEnd::Manual)
        } else {
            Verdict::Stay
        })
    }

    /// Who decides about what is shown.
    pub(super) fn control(&self) -> SignalControl {
        let flashes = match self.phase {
            Phase::ToFlash(_) => self.flash_wanted,
            Phase::Flash => true,
            _ => false,
        };
        let by_hand = self.program.by_panel || flashes;
        match (&self.program.plan, self.program.mode()) {
            _ if self.fault.is_some() => SignalControl::Fault,
            _ if by_hand => SignalControl::Panel,
            _ if self.program.by_vehicle => SignalControl::EmergencyVehicle,
            (_, Mode::Emergency) => SignalControl::Emergency,
            (_, Mode::ManualOverride) => SignalControl::ManualOverride,
            // Greens that run exactly know no buses.
            (_, Mode::Automatic) if self.buses.ask() && self.is_tactical() => SignalControl::Transit,
            (Some(_), Mode::Automatic) => SignalControl::Plan,
            (None, Mode::Automatic) => SignalControl::Fallback,
        }
    }
}
