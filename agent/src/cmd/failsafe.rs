//! `flextraff-agent failsafe`: a safe aspect when nothing else drives the lamps.
//!
//! It needs neither network nor a disk to write to, no part of the controller, and as little of the configuration as there is.

use super::{FAILED, OK, USAGE, complain};
use crate::clock::Clock;
use crate::config::{self, ClockTrust, Driver};
use crate::output::{Frame, Output, SafeMap, all_red, lit_heads, show_once};
use crate::service::Feeder;
use flextraff_common::time::MonoMs;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Between two writes while flashing.
const TICK: Duration = Duration::from_millis(50);

pub(super) fn run(path: &Path, flash: bool) -> u8 {
    let Some(map) = find_map(path) else { return USAGE };
    if map.output.driver == Driver::Gpiochip && !flash {
        complain("lines of a GPIO character device become inputs again when this ends; --flash keeps them");
    }
    let shown = if flash { flash_until_told(&map) } else { red(&map) };
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
        feeder.tick();
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
