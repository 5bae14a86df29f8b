//! `flextraff-agent failsafe`: a safe aspect when nothing else drives the lamps.
//!
//! It needs neither network nor a disk to write to, and no part of the controller.

use super::{FAILED, OK, USAGE, complain};
use crate::clock::Clock;
use crate::config::{self, ClockTrust};
use crate::output::{Frame, Output, SafeMap, all_red, lit_heads, show_once};
use flextraff_common::time::MonoMs;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Between two writes while flashing.
const TICK: Duration = Duration::from_millis(50);

pub(super) fn run(path: &Path, flash: bool) -> u8 {
    let map = match config::load(path) {
        Ok(config) => SafeMap::of(&config),
        Err(errors) => {
            complain(&errors.to_string());
            let kept = SafeMap::beside(&config::outbox_path(path));
            match SafeMap::read(&kept) {
                Ok(map) => {
                    complain(&format!("the pins of the last good start serve: {}", kept.display()));
                    map
                }
                Err(error) => {
                    complain(&format!(
                        "nor are there pins of an earlier start in {} ({error}); correct the configuration",
                        kept.display()
                    ));
                    return USAGE;
                }
            }
        }
    };
    let shown = if flash { flash_until_told(&map) } else { red(&map) };
    match shown {
        Ok(()) => OK,
        Err(error) => {
            complain(&format!("{error:#}"));
            FAILED
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
    let mut signals =
        signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT])?;
    let (tell, told) = sync_channel(1);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let _ = signals.forever().next();
        let _ = tell.send(());
    })?;
    let mut output = map.open()?;
    let mut enable = false;
    loop {
        let at = clock.mono();
        enable = map.output.enable_on_fault && !enable;
        flash(&mut *output, map, enable, at)?;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
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
