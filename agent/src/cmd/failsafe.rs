//! `flextraff-agent failsafe`: a safe aspect when nothing else drives the lamps.

use super::{FAILED, OK, complain};
use crate::clock::Clock;
use crate::config::{Config, Driver};
use crate::control::Control;
use crate::interlock::Interlock;
use crate::output::{self, LampInput, LampParts, LampStats};
use flextraff_common::time::MonoMs;
use std::path::Path;
use std::sync::{Arc, mpsc};

/// Shown as the reason of the fault aspect while flashing.
const REASON: &str = "flextraff-agent failsafe --flash";

pub(super) fn run(path: &Path, flash: bool) -> u8 {
    let config = match super::load_built(path) {
        Ok(config) => Arc::new(config),
        Err(code) => return code,
    };
    let shown = if flash { flash_until_told(&config) } else { red(&config) };
    match shown {
        Ok(()) => OK,
        Err(error) => {
            complain(&format!("{error:#}"));
            FAILED
        }
    }
}

/// Red at every head, which stays when this process has ended.
fn red(config: &Config) -> anyhow::Result<()> {
    let mut output = output::open(&config.output, &config.junction)?;
    output.show(&output::all_red(config.junction.groups().len()), MonoMs(0))?;
    Ok(())
}

/// The configured fault aspect, flashing, until SIGTERM or SIGINT.
fn flash_until_told(config: &Arc<Config>) -> anyhow::Result<()> {
    let clock = Clock::new(config.clock_trust);
    let (inputs, received) = mpsc::sync_channel(1);
    let (events, _nobody) = mpsc::sync_channel(1);
    let mut signals =
        signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let _ = signals.forever().next();
        let _ = inputs.send(LampInput::Stop);
    })?;
    let parts = LampParts {
        control: Control::new(config, false, clock.now()),
        interlock: Interlock::new(&config.junction, config.output.driver != Driver::Virtual),
        output: output::open(&config.output, &config.junction)?,
        latch: None,
        latched: Some(REASON.to_owned()),
        inputs: received,
        events,
        stats: Arc::new(LampStats::default()),
    };
    output::run(parts, &|| clock.now(), &mut || {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    })?;
    Ok(())
}
