//! The lamp loop, and what stands around it: its guard, the fault file and the pins for `failsafe`.

#[cfg(test)]
mod tests;

use super::reading::Watcher;
use super::threads::{self, News};
use super::way_out::WayOut;
use super::{LAMP_INPUTS, NEWS, Supervisor};
use crate::clock::Clock;
use crate::config::{Config, Driver};
use crate::control::Control;
use crate::interlock::Interlock;
use crate::output::{
    self, FaultLatch, Guard, LampError, LampInput, LampParts, LampStats, LatchHandle, LatchWriter,
    OrderlyEnd, RppalLines, SafeMap,
};
use crate::service;
use flextraff_common::ids::BootId;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;

/// The lamp loop and what goes to it.
pub(super) struct Lamps {
    pub(super) inputs: SyncSender<LampInput>,
    pub(super) stats: Arc<LampStats>,
    /// None: it has been waited for.
    thread: Option<JoinHandle<Result<(), LampError>>>,
    /// Takes the lamps when the loop hangs; none with virtual lamps.
    guard: Option<Guard>,
    pub(super) latch: LatchHandle,
}

impl Lamps {
    pub(super) fn start(
        config: &Arc<Config>,
        clock: &Arc<Clock>,
        boot: BootId,
        news: SyncSender<News>,
        way_out: &WayOut,
    ) -> anyhow::Result<Self> {
        let junction = &config.junction;
        // Before the pins are opened, which makes the heads dark for a moment: a disk that stands still must not make that moment long.
        let latch = FaultLatch::of(config);
        let fault = latch.read();
        let flash_asked = latch.flash_asked();
        let latched = fault.as_ref().map(|fault| fault.reason.clone());
        let ended = OrderlyEnd::take(&OrderlyEnd::beside(&config.outbox.path));
        let mut control = Control::new(config, false, clock.now());
        let interlock = Interlock::new(junction, config.output.driver != Driver::Virtual);
        let writer = LatchWriter::start(latch)?;
        let latch = writer.handle();
        // The killed agent may have lit them by a configuration of before.
        match output::switch_off_left(&config.outbox.path, &config.output, RppalLines::set_left) {
            Ok(pins) if pins.is_empty() => {}
            Ok(pins) => tracing::info!(?pins, "pins that are no lamps any more are switched off"),
            Err(error) => {
                tracing::warn!(%error, "pins that are no lamps any more cannot be switched off");
            }
        }
        let output = output::open(&config.output, junction)?;
        if let Some(fault) = fault {
            tracing::error!(
                reason = fault.reason,
                "a latched fault holds the lamps in the fault aspect; a person at the cabinet clears it"
            );
            // Where only one of file and copy has it.
            latch.store(fault);
        }
        if flash_asked {
            tracing::warn!(
                "flash was asked for before the restart, and goes on until: flextraff-agent lamps flash --off"
            );
        }
        let (inputs, received) = mpsc::sync_channel(LAMP_INPUTS);
        let (events, happened) = mpsc::sync_channel(NEWS);
        let stats = Arc::new(LampStats::default());
        let guard = output.last_resort().map(|lamps| {
            let (pulse, clock, latch) = (Arc::clone(&stats.pulse), Arc::clone(clock), latch.clone());
            let fault = interlock.fault_lamps().to_vec();
            Guard::start(lamps, pulse, fault, config.output.enable_on_fault, latch, move || clock.now())
        });
        let guard = guard.transpose()?;
        keep_pins(config);
        let now = clock.now();
        if latched.is_none() && ended.is_some_and(|ended| ended.counts(&config.output, boot, now.mono)) {
            tracing::info!("the agent has just ended in order: the signal starts in red");
            control.controller.start_in_red(now);
        }
        let parts = LampParts {
            control,
            interlock,
            output,
            enable_on_fault: config.output.enable_on_fault,
            can_identify: config.output.identify_pin.is_some(),
            longest_panel_s: config.output.input.longest_panel_s,
            latch: Some(writer),
            latched,
            flash_asked,
            inputs: received,
            events,
            stats: Arc::clone(&stats),
            rests: service::leave,
        };
        way_out.lead_by(&stats);
        let thread = Some(threads::drive_lamps(parts, Arc::clone(clock), happened, news)?);
        Ok(Self { inputs, stats, thread, guard, latch })
    }

    /// Whether the loop has ended, whatever has ended it.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends the loop as soon as amber is over, if it has not ended yet, and waits for that, guarded; how it has ended, the first time.
    pub(super) fn end(&mut self) -> Option<std::thread::Result<Result<(), LampError>>> {
        self.stats.hurry.store(true, Relaxed);
        self.thread.take().map(JoinHandle::join)
    }

    /// As [`end`](Self::end), and remembers whether it has ended in order, with a red that lasts.
    pub(super) fn stop(mut self, config: &Config, clock: &Clock, boot: BootId) {
        let ended = self.end();
        // Before the disk is waited for: a guard that took the lamps meanwhile would make the red untrue that is to be remembered.
        let taken = self.guard.take().is_some_and(Guard::end);
        match ended {
            Some(Ok(Err(error))) => tracing::error!(%error, "the lamp loop ended with an error"),
            Some(Ok(Ok(()))) if self.stats.in_order.load(Relaxed) && !taken => {
                remember_end(config, clock, boot);
            }
            _ => {}
        }
    }

    pub(super) fn watcher(&self) -> Watcher {
        Watcher::Lamps(self.inputs.clone(), Arc::clone(&self.stats))
    }
}

impl Drop for Lamps {
    /// Whoever loses them, by an error or a panic, leaves no green behind.
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl Supervisor {
    /// Never waits: the lamps do not depend on whether a plan reaches them.
    pub(super) fn to_lamps(&self, input: LampInput) {
        if self.lamps.as_ref().is_some_and(|lamps| lamps.inputs.try_send(input).is_err()) {
            tracing::error!("the lamp loop takes no message; it goes on with what it has");
        }
    }

    /// What comes again soon and may therefore be missed.
    pub(super) fn to_lamps_if_free(&self, input: LampInput) {
        let Some(lamps) = &self.lamps else { return };
        if lamps.inputs.try_send(input).is_err() {
            lamps.stats.reads_dropped.fetch_add(1, Relaxed);
        }
    }

    /// Tells the lamp loop to end with its stage, or as soon as amber is over when it has been told before; `false` when there is nothing to wait for.
    pub(super) fn end_lamps(&mut self) -> bool {
        let Some(lamps) = &self.lamps else { return false };
        if self.ending {
            lamps.stats.hurry.store(true, Relaxed);
            return true;
        }
        self.ending = true;
        let longest_s = self.config.longest_stop_s();
        tracing::info!(longest_s, "ending with the present stage");
        lamps.inputs.send(LampInput::End { longest_s }).is_ok()
    }
}

/// Remembers that the lamps were left in red, if that red lasts.
fn remember_end(config: &Config, clock: &Clock, boot: BootId) {
    let Some(ended) = OrderlyEnd::new(&config.output, boot, clock.mono()) else { return };
    if let Err(error) = ended.keep(&OrderlyEnd::beside(&config.outbox.path)) {
        tracing::warn!(%error, "the orderly end is not remembered: the next start begins with flash");
    }
}

/// Keeps the pins for a `failsafe` that cannot read the configuration; on a thread of its own, because the lamps do not wait for a disk.
fn keep_pins(config: &Arc<Config>) {
    let config = Arc::clone(config);
    let kept = std::thread::Builder::new().name("pins".to_owned()).spawn(move || {
        let path = SafeMap::beside(&config.outbox.path);
        if let Err(error) = SafeMap::of(&config).keep(&path) {
            tracing::warn!(path = %path.display(), %error, "the pins cannot be kept: failsafe needs a configuration without errors");
        }
    });
    if let Err(error) = kept {
        tracing::warn!(%error, "the pins are not kept");
    }
}
