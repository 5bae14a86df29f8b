//! GPIO of a Raspberry Pi, by its registers.

use super::{Lines, OutputError, Pins};
use rppal::gpio::{Error, Gpio, InputPin, Level, Mode, OutputPin};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::File;

/// Pins of the 40-pin header.
///
/// They stay as they are when their process is killed, so whoever starts next sets them first.
#[derive(Debug)]
pub struct RppalLines {
    outputs: BTreeMap<u8, OutputPin>,
    inputs: Vec<InputPin>,
    /// Held as long as the pins are.
    _lock: Option<File>,
}

/// Device files of the registers: the first one there stands for them all.
const REGISTERS: [&str; 3] = ["/dev/gpiomem0", "/dev/gpiomem", "/dev/gpiochip0"];

impl RppalLines {
    /// Takes the pins; each output gets its level before it becomes an output, because the other way round a lamp would blink up.
    ///
    /// # Errors
    /// [`OutputError::NoGpio`] on a machine that is no Raspberry Pi or whose GPIO may not be used, [`OutputError::Driven`] while another process
    /// drives lamps, [`OutputError::Pin`] for a pin that does not exist or is taken.
    pub fn open(pins: &Pins) -> Result<Self, OutputError> {
        let gpio = Gpio::new().map_err(|error| OutputError::NoGpio { cause: cause(&error) })?;
        let lock = lock()?;
        let take = |pin: u8, user: String| {
            gpio.get(pin).map_err(|error| OutputError::Pin { user, pin, cause: cause(&error) })
        };
        let mut outputs = BTreeMap::new();
        for ((pin, user), high) in pins.outputs() {
            let free = take(pin, user)?;
            let mut line = if high { free.into_output_high() } else { free.into_output_low() };
            line.set_reset_on_drop(false);
            outputs.insert(pin, line);
        }
        let mut inputs = Vec::new();
        for ((pin, user), floats_high) in pins.inputs() {
            let free = take(pin, user)?;
            inputs.push(if floats_high { free.into_input_pullup() } else { free.into_input_pulldown() });
        }
        Ok(Self { outputs, inputs, _lock: lock })
    }

    /// Sets pins that nobody drives any more. Only those that are outputs still: one that has become something else since, such as a serial
    /// port, shows no lamp.
    ///
    /// # Errors
    /// As [`RppalLines::open`].
    pub fn set_left(levels: &[(u8, bool)]) -> Result<(), OutputError> {
        let gpio = Gpio::new().map_err(|error| OutputError::NoGpio { cause: cause(&error) })?;
        let _lock = lock()?;
        for &(pin, high) in levels {
            let user = "what was a lamp".to_owned();
            let line = gpio.get(pin).map_err(|error| OutputError::Pin { user, pin, cause: cause(&error) })?;
            if line.mode() == Mode::Output {
                let mut line = if high { line.into_output_high() } else { line.into_output_low() };
                line.set_reset_on_drop(false);
            }
        }
        Ok(())
    }
}

impl Lines for RppalLines {
    fn write(&mut self, levels: &[(u8, bool)]) -> Result<(), OutputError> {
        for (pin, high) in levels {
            if let Some(line) = self.outputs.get_mut(pin) {
                line.write(if *high { Level::High } else { Level::Low });
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<bool>, OutputError> {
        Ok(self.inputs.iter().map(InputPin::is_high).collect())
    }
}

/// Registers belong to nobody: two processes of this program would write the same pins by turns. The lock goes with the process.
fn lock() -> Result<Option<File>, OutputError> {
    let Some(file) = REGISTERS.iter().find_map(|path| File::open(path).ok()) else { return Ok(None) };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OutputError::Driven),
        // A device that cannot be locked is used as it is.
        _ => Ok(Some(file)),
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
