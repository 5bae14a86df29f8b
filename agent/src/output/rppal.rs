//! GPIO of a Raspberry Pi.

use super::{Output, OutputError, all_red, lit_pins};
use crate::config::GroupPins;
use flextraff_common::junction::Junction;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;
use rppal::gpio::{Error, Gpio, Level, OutputPin};
use std::collections::BTreeMap;

/// Drives one pin per lamp.
///
/// Pins stay as they are when their process is killed, so whoever starts next sets them first; one that ends in order leaves red lit.
#[derive(Debug)]
pub struct RppalOutput {
    pins: Vec<GroupPins>,
    lines: BTreeMap<u8, OutputPin>,
    active_high: bool,
}

impl RppalOutput {
    /// Takes the pins and switches every lamp off; `pins` in the junction's group order.
    ///
    /// # Errors
    /// [`OutputError::NoGpio`] on a machine that is no Raspberry Pi or whose GPIO may not be used, [`OutputError::Pin`] for a pin that does not exist
    /// or is taken.
    pub fn open(junction: &Junction, pins: &[GroupPins], active_high: bool) -> Result<Self, OutputError> {
        let gpio = Gpio::new().map_err(|error| OutputError::NoGpio { cause: cause(&error) })?;
        let mut lines = BTreeMap::new();
        for (group, pins) in junction.groups().iter().zip(pins) {
            for (lamp, pin) in [("red", pins.red), ("amber", pins.amber), ("green", pins.green)] {
                let Some(pin) = pin else { continue };
                let free = gpio.get(pin).map_err(|error| OutputError::Pin {
                    group: group.name.clone(),
                    lamp,
                    pin,
                    cause: cause(&error),
                })?;
                // Level before direction: the other way round the lamp would blink up.
                let mut line = if active_high { free.into_output_low() } else { free.into_output_high() };
                line.set_reset_on_drop(false);
                lines.insert(pin, line);
            }
        }
        Ok(Self { pins: pins.to_vec(), lines, active_high })
    }

    fn write(&mut self, lamps: &[Aspect], at: MonoMs) {
        for (pin, lit) in lit_pins(&self.pins, lamps, at) {
            if let Some(line) = self.lines.get_mut(&pin) {
                line.write(if lit == self.active_high { Level::High } else { Level::Low });
            }
        }
    }
}

impl Output for RppalOutput {
    fn show(&mut self, lamps: &[Aspect], at: MonoMs) -> Result<(), OutputError> {
        self.write(lamps, at);
        Ok(())
    }
}

impl Drop for RppalOutput {
    fn drop(&mut self) {
        self.write(&all_red(self.pins.len()), MonoMs(0));
    }
}

fn cause(error: &Error) -> String {
    match error {
        Error::UnknownModel => "this machine is not a Raspberry Pi that the driver knows".to_owned(),
        Error::PermissionDenied(path) => {
            format!("{path} may not be opened; add the service's user to the group gpio")
        }
        Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "neither /dev/gpiomem nor /dev/gpiochip* exists".to_owned()
        }
        Error::PinNotAvailable(_) => "this board has no such pin".to_owned(),
        Error::PinUsed(_) => "another lamp or input has it".to_owned(),
        other => other.to_string(),
    }
}
