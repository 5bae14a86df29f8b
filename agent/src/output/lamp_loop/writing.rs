//! How lamp vectors are written, what is done when one is wrong, and what the lamps show in a fault.

use super::{Frame, LampEvent, LampLoop, LatchedFault, Lit, OutputError, lit_heads};
use crate::interlock::Trip;
use crate::signal::panic_message;
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::Aspect;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;

impl LampLoop<'_> {
    /// In a fault the lamps come first, and whatever the controller does or fails to do changes nothing about them.
    pub(super) fn tick_in_fault(&mut self, now: Moment) -> Result<(), OutputError> {
        match self.test_lamps(now.mono) {
            Some(lamps) if self.parts.interlock.check_test(&lamps).is_ok() => {
                let lit = lit_heads(&lamps, now.mono);
                self.write(&lamps, lit, true, now.mono)?;
            }
            _ => self.show_fault(now.mono)?,
        }
        if self.failed {
            return Ok(());
        }
        let told = catch_unwind(AssertUnwindSafe(|| {
            let signal_now = self.signal_time(now);
            self.look_at_switches(now.mono, signal_now);
            self.parts.control.handle_timeout(signal_now);
            self.tell(signal_now.mono);
            // The fault aspect knows no seconds.
            self.written_until = self.parts.control.next_timeout();
        }));
        if let Err(panic) = told {
            self.failed = true;
            self.emit(LampEvent::Defect { reason: panic_message(&*panic) });
        }
        Ok(())
    }

    /// Compares what was written last with what the lamps show.
    pub(super) fn look_at_lamps(&mut self, now: Moment) -> Result<(), OutputError> {
        if let Some(test) = &mut self.test {
            // What is found then is the result of the test, not a fault.
            if let Ok(seen) = self.parts.output.seen() {
                test.look(&seen, now.mono);
            }
            return Ok(());
        }
        if self.parts.interlock.latched().is_some() {
            return Ok(());
        }
        let seen = self.parts.output.seen();
        let trip = match seen {
            Ok(seen) => self.parts.interlock.check_seen(&self.written, &seen, now.mono).err(),
            Err(error @ (OutputError::TakenOver | OutputError::Held)) => return Err(error),
            Err(error) => {
                self.parts.interlock.trip(&format!("what the lamps show cannot be read: {error}"));
                self.parts.interlock.latched().cloned()
            }
        };
        trip.map_or(Ok(()), |trip| self.trips(&trip, now))
    }

    /// The fault aspect first, then everything else.
    pub(super) fn trips(&mut self, trip: &Trip, now: Moment) -> Result<(), OutputError> {
        self.parts.interlock.trip(&trip.to_string());
        self.test = None;
        self.show_fault(now.mono)?;
        let signal_now = self.signal_time(now);
        self.tripped(trip, now, signal_now);
        Ok(())
    }

    fn show_fault(&mut self, at: MonoMs) -> Result<(), OutputError> {
        let lamps = self.parts.interlock.fault_lamps().to_vec();
        let lit = self.checked_lit(&lamps, at);
        // Where even that would light something else: red, by nobody else's reckoning.
        let lit = lit.unwrap_or_else(|_| vec![Lit { red: true, ..Lit::default() }; lamps.len()]);
        let enable = self.parts.enable_on_fault;
        self.write(&lamps, lit, enable, at)
    }

    pub(super) fn checked_lit(&mut self, lamps: &[Aspect], at: MonoMs) -> Result<Vec<Lit>, Trip> {
        let lit = lit_heads(lamps, at);
        self.parts.interlock.check_lit(lamps, &lit).map(|()| lit)
    }

    /// Writes the lamps; `enabled`: the master enable changes its level, else it rests, and its relay falls.
    pub(super) fn write(
        &mut self,
        lamps: &[Aspect],
        lit: Vec<Lit>,
        enabled: bool,
        at: MonoMs,
    ) -> Result<(), OutputError> {
        self.enable = enabled && !self.enable;
        let identify = self.identifies(at);
        self.parts.output.show(&Frame { lamps, lit: &lit, enable: self.enable, identify, at })?;
        self.written = lit;
        self.parts.stats.pulse.wrote.store(at.0, Relaxed);
        self.note_shows();
        Ok(())
    }

    fn tripped(&mut self, trip: &Trip, now: Moment, signal_now: Moment) {
        if self.parts.control.controller.fault().is_some() {
            return;
        }
        let reason = trip.to_string();
        // Before the controller is told: where it fails at that, the next start must not take this for a process like any other.
        if let Some(latch) = &self.parts.latch {
            latch.store(LatchedFault { reason: reason.clone(), at: now.wall, clock: now.clock });
        }
        self.parts.stats.interlock_trips.fetch_add(1, Relaxed);
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.parts.control.handle_fault(&reason, signal_now);
        }));
        self.emit(LampEvent::Tripped { reason, at: now });
        if let Err(panic) = told {
            self.failed = true;
            self.emit(LampEvent::Defect { reason: panic_message(&*panic) });
        }
    }
}
