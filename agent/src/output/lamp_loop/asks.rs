//! What a person at the cabinet, or the server, asks of the lamp loop.

use super::{LampEvent, LampLoop, LampTest};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{Aspect, ControllerState};

/// For how long the pin that tells which cabinet this is blinks, milliseconds.
const IDENTIFY_MS: i64 = 30_000;
/// Half a blink, milliseconds.
const HALF_BLINK_MS: i64 = 250;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LampAsk {
    /// Light each lamp in turn.
    Test {
        /// Whether whoever asks stands at the cabinet, where he sees what else is lit.
        at_cabinet: bool,
    },
    /// Go to flash, or back into operation.
    Flash {
        /// Whether to flash.
        on: bool,
    },
    /// Leave the fault aspect, of which the file has been taken away.
    ClearFault,
    /// Blink, so that somebody finds the cabinet.
    Identify,
}

/// What the lamps show beside what the controller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LampsShow {
    /// What the controller wants.
    #[default]
    Signal,
    /// Flash on request.
    Flash,
    /// Still what the controller wants: flash is on request as soon as the clearances are over.
    ToFlash,
    /// A lamp test.
    Test,
}

impl LampLoop<'_> {
    /// Does what somebody asks for, and says what comes of it.
    pub(super) fn answer(&mut self, ask: LampAsk, now: Moment, signal_now: Moment) -> Result<String, String> {
        let is_fault = self.parts.interlock.latched().is_some();
        match ask {
            LampAsk::Test { at_cabinet } => self.begin_test(is_fault, at_cabinet, now.mono),
            LampAsk::Flash { .. } if is_fault => {
                Err("a fault is latched; clear it first: flextraff-agent lamps clear-fault".to_owned())
            }
            LampAsk::Flash { on: false } if self.switches.settled().flash => {
                Err("the flash switch in the cabinet is on; switch it off".to_owned())
            }
            LampAsk::Flash { on } => {
                self.test = None;
                self.flash_asked = on;
                if let Some(latch) = &self.parts.latch {
                    latch.handle().keep_flash(on);
                }
                let controller = &mut self.parts.control.controller;
                let wanted = controller.wants_flash();
                controller.handle_flash(on, signal_now);
                Ok(match (on, wanted) {
                    (true, true) => "the signal flashes already, or goes there".to_owned(),
                    (true, false) => {
                        "the signal goes to flash after the shortest green, amber and all red".to_owned()
                    }
                    (false, true) => "the signal goes back into operation through start-up".to_owned(),
                    (false, false) => "nobody has asked for flash; nothing changes".to_owned(),
                })
            }
            LampAsk::ClearFault if !is_fault => Ok("no fault is latched".to_owned()),
            LampAsk::ClearFault => {
                if self.failed {
                    return Err("the controller has failed; start the agent anew: \
                                systemctl restart flextraff-agent"
                        .to_owned());
                }
                self.test = None;
                self.parts.interlock.clear();
                self.late = None;
                self.parts.control.controller.clear_fault(signal_now);
                self.emit(LampEvent::Cleared);
                Ok("the signal starts up".to_owned())
            }
            LampAsk::Identify if self.parts.can_identify => {
                self.identify_until = now.mono + IDENTIFY_MS;
                Ok(format!("identify_pin blinks for {} s", IDENTIFY_MS / 1000))
            }
            LampAsk::Identify => {
                Err("nothing can blink here; name an identify_pin in [output] of agent.toml".to_owned())
            }
        }
    }

    fn begin_test(&mut self, is_fault: bool, at_cabinet: bool, now: MonoMs) -> Result<String, String> {
        let shown = self.parts.control.controller.shown();
        let rests =
            self.parts.control.controller.flashes_on_request() || shown.state == ControllerState::Dark;
        if is_fault && !at_cabinet {
            return Err("a fault is latched; then lamps are tested at the cabinet only".to_owned());
        }
        if !is_fault && !rests {
            return Err(
                "lamps are tested in flash only; ask for it and wait until all heads flash: flextraff-agent lamps flash"
                    .to_owned(),
            );
        }
        let test = LampTest::new(self.parts.control.controller.junction(), now);
        let lamps = test.lamps();
        self.test = Some(test);
        Ok(format!("{lamps} lamps are lit in turn, a second each"))
    }

    /// What a lamp test shows now; it ends by itself, or when the signal is to show something else than flash.
    pub(super) fn test_lamps(&mut self, now: MonoMs) -> Option<Vec<Aspect>> {
        let goes_on = self.parts.interlock.latched().is_some()
            || self.parts.control.controller.flashes_on_request()
            || self.parts.control.controller.shown().state == ControllerState::Dark;
        let lamps = self.test.as_ref().filter(|_| goes_on).and_then(|test| test.shows(now));
        if lamps.is_none()
            && let Some(test) = self.test.take()
        {
            let groups = self.parts.control.controller.junction().groups();
            let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
            self.emit(LampEvent::Tested { found: test.found(&names) });
        }
        lamps
    }

    /// Level of the pin that tells which cabinet this is.
    pub(super) fn identifies(&self, now: MonoMs) -> bool {
        now < self.identify_until && now.0.div_euclid(HALF_BLINK_MS).rem_euclid(2) == 0
    }

    pub(super) fn note_shows(&mut self) {
        let controller = &self.parts.control.controller;
        let shows = if self.test.is_some() {
            LampsShow::Test
        } else if controller.flashes_on_request() {
            LampsShow::Flash
        } else if controller.wants_flash() {
            LampsShow::ToFlash
        } else {
            LampsShow::Signal
        };
        if shows != self.shows {
            self.shows = shows;
            self.emit(LampEvent::Shows(shows));
        }
    }
}
