//! `flextraff-agent failsafe`: a safe aspect when nothing else drives the lamps.
//!
//! It needs neither network nor a disk to write to, no part of the controller, and as little of the configuration as there is.

use super::{FAILED, OK, USAGE, complain};
use crate::clock::{self, Clock};
use crate::config::{self, ClockTrust, Driver};
use crate::output::{
    self, FaultLatch, Frame, LatchedFault, OrderlyEnd, Output, RppalLines, SafeMap, all_red, lit_heads,
    show_once,
};
use crate::service::Feeder;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::DeviceType;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Between two writes while flashing.
const TICK: Duration = Duration::from_millis(50);

/// What systemd says to `ExecStopPost=` of how a service has ended, and what it says where its watchdog has ended it.
const HOW_IT_ENDED: (&str, &str) = ("SERVICE_RESULT", "watchdog");
/// What is latched then.
const REASON: &str = "the lamps were not driven for too long, and the watchdog ended the agent";

/// `after_agent`: whether the lamps were the agent's until now.
pub(super) fn run(path: &Path, flash: bool, after_agent: bool) -> u8 {
    let Some(map) = find_map(path) else { return USAGE };
    if flash {
        let ended = OrderlyEnd::beside(&config::outbox_path(path));
        // A disk that stands still holds up no flash.
        clock::within(FORGOTTEN_WITHIN, move || OrderlyEnd::forget(&ended));
    }
    if map.output.driver == Driver::Gpiochip && !flash {
        complain("lines of a GPIO character device become inputs again when this ends; --flash keeps them");
    }
    let mut shown = if flash {
        switch_off_left(path, &map);
        flash_until_told(&map)
    } else {
        let red = red(&map);
        switch_off_left(path, &map);
        red
    };
    // After the lamps: the disk may be what has held up the agent.
    if after_agent && std::env::var(HOW_IT_ENDED.0).is_ok_and(|result| result == HOW_IT_ENDED.1) {
        shown = shown.and(latch_soon(path));
    }
    match shown {
        Ok(()) => OK,
        Err(error) => {
            complain(&format!("{error:#}"));
            FAILED
        }
    }
}

/// The pins: of the configuration, of as much of it as is about lamps, or of the last good start.
fn find_map(path: &Path) -> Option<SafeMap> {
    let errors = match config::load(path) {
        Ok(config) => return Some(SafeMap::of(&config)),
        Err(errors) => errors,
    };
    complain(&errors.to_string());
    if let Some(config) = config::load_lamps(path) {
        complain("what it says of the lamps is right, and serves");
        return Some(SafeMap::of(&config));
    }
    let kept = SafeMap::beside(&config::outbox_path(path));
    match SafeMap::read(&kept) {
        Ok(map) => {
            complain(&format!("the pins of the last good start serve: {}", kept.display()));
            Some(map)
        }
        Err(error) => {
            complain(&format!(
                "nor are there pins of an earlier start in {} ({error}); correct the configuration",
                kept.display()
            ));
            None
        }
    }
}

/// Switches off what the agent has lit by another configuration than the one that serves: the file may have been changed while it ran.
fn switch_off_left(path: &Path, map: &SafeMap) {
    let outbox = config::outbox_path(path);
    // With all that it uses pins for; the map has lamps only.
    let config = config::load(path).ok().or_else(|| config::load_lamps(path));
    let now = config.map_or_else(|| map.output.clone(), |config| config.output.clone());
    let left =
        clock::within(FORGOTTEN_WITHIN, move || output::switch_off_left(&outbox, &now, RppalLines::set_left));
    match left {
        Some(Ok(pins)) if pins.is_empty() => {}
        Some(Ok(pins)) => complain(&format!("pins that are no lamps any more are switched off: {pins:?}")),
        Some(Err(error)) => {
            complain(&format!("pins that are no lamps any more cannot be switched off: {error}"));
        }
        None => complain("the disk does not say in time which pins were lamps before"),
    }
}

/// Longest that the flash waits for the disk.
const FORGOTTEN_WITHIN: Duration = Duration::from_millis(500);
/// Longest that the next start of the agent waits for the disk.
const LATCH_WITHIN: Duration = Duration::from_secs(5);

/// As [`latch`], while the disk takes it.
fn latch_soon(path: &Path) -> anyhow::Result<()> {
    let path = path.to_owned();
    clock::within(LATCH_WITHIN, move || latch(&path))
        .unwrap_or_else(|| anyhow::bail!("the disk does not take in time that the watchdog ended the agent"))
}

/// Keeps it as a fault that the agent did not drive its lamps: it starts anew in the fault aspect, until a person clears that.
fn latch(path: &Path) -> anyhow::Result<()> {
    if config::load_lamps(path).is_some_and(|config| config.device_type == DeviceType::RfidCounter) {
        return Ok(());
    }
    let now = Clock::new(ClockTrust::Kernel).now();
    let fault = LatchedFault { reason: REASON.to_owned(), at: now.wall, clock: now.clock };
    let latch = FaultLatch::beside(&config::outbox_path(path));
    latch.with_copy_beside(&config::console_path(path)).write(&fault)?;
    Ok(())
}

/// Red at every head, which stays when this process has ended.
fn red(map: &SafeMap) -> anyhow::Result<()> {
    show_once(&mut *map.open()?, &all_red(map.groups.len()), MonoMs(0))?;
    Ok(())
}

/// The configured fault aspect, flashing, until SIGTERM or SIGINT; then red at every head.
fn flash_until_told(map: &SafeMap) -> anyhow::Result<()> {
    let clock = Clock::new(ClockTrust::Kernel);
    let told = super::told_to_stop()?;
    let mut output = map.open()?;
    let (mut enable, mut feeder) = (false, Feeder::default());
    loop {
        let at = clock.mono();
        enable = map.output.enable_on_fault && !enable;
        flash(&mut *output, map, enable, at)?;
        feeder.tick(false);
        if told.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    show_once(&mut *output, &all_red(map.groups.len()), MonoMs(0))?;
    Ok(())
}

fn flash(output: &mut dyn Output, map: &SafeMap, enable: bool, at: MonoMs) -> anyhow::Result<()> {
    let lit = lit_heads(&map.fault, at);
    output.show(&Frame { lamps: &map.fault, lit: &lit, enable, identify: false, at })?;
    Ok(())
}
