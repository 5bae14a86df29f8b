//! GPIO for the lamps.

use super::Finding;
use crate::config::{Config, Driver};
use crate::output::{CONSUMER, ChipError, Pins, find_chip, line_users};
use rppal::gpio::{Error, Gpio};
use rppal::system::DeviceInfo;

/// Opens the GPIO without touching a pin, and looks at what the pins do before the agent drives them.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let found = match config.output.driver {
        Driver::Virtual => Finding::ok("gpio", "the lamps are virtual"),
        Driver::Gpiochip => check_gpiochip(config).unwrap_or_else(|error| failed(&error.to_string())),
        Driver::Rppal => check_rppal(),
    };
    let doubts = if is_header(config) { config.pin_doubts() } else { Vec::new() };
    let doubts = doubts.into_iter().map(|doubt| Finding::warning("gpio", doubt.message, doubt.action));
    [found].into_iter().chain(doubts).collect()
}

/// Whether the numbers are those of a Raspberry Pi's header; another board's lines are pulled otherwise.
fn is_header(config: &Config) -> bool {
    match (config.output.driver, config.output.chip.as_deref()) {
        (Driver::Gpiochip, Some(chip)) => {
            find_chip(Some(chip)).is_ok_and(|chip| chip.label.starts_with("pinctrl-"))
        }
        _ => true,
    }
}

fn failed(sentence: &str) -> Finding {
    let (message, action) = sentence.split_once("; ").unwrap_or((sentence, "see dmesg for the cause"));
    Finding::failed("gpio", message, action)
}

/// Finds the chip and asks who uses the lines; the running agent may.
fn check_gpiochip(config: &Config) -> Result<Finding, ChipError> {
    let chip = find_chip(config.output.chip.as_deref())?;
    let names: Vec<String> = config.junction.groups().iter().map(|group| group.name.clone()).collect();
    let pins = Pins::new(&config.output, &names);
    let wanted: Vec<(u8, String)> =
        pins.outputs().into_iter().chain(pins.inputs()).map(|(user, _)| user).collect();
    if let Some((line, user)) = wanted.iter().find(|(line, _)| u32::from(*line) >= chip.lines) {
        let (line, user, lines) = (*line, user.clone(), chip.lines);
        return Err(ChipError::NoLine { path: chip.path, line, lines, user });
    }
    let users = line_users(&chip.path, wanted.iter())?;
    if let Some((line, user, by)) = users.iter().find(|(_, _, by)| by != CONSUMER) {
        let (line, user, by) = (*line, user.clone(), by.clone());
        return Err(ChipError::Busy { path: chip.path, line, user, by });
    }
    let who = if users.is_empty() { "free" } else { "used by the running agent" };
    let (path, label) = (chip.path.display(), &chip.label);
    Ok(Finding::ok("gpio", format!("the {} lines of {path} ({label}) are {who}", wanted.len())))
}

fn check_rppal() -> Finding {
    let model = DeviceInfo::new().map_or_else(|_| "this machine".to_owned(), |info| info.model().to_string());
    match Gpio::new() {
        Ok(_) => Finding::ok("gpio", format!("the GPIO of {model} opens")),
        Err(Error::UnknownModel) => Finding::failed(
            "gpio",
            "this machine is no Raspberry Pi",
            "run the agent on a Pi, or use driver = \"virtual\"",
        ),
        Err(Error::PermissionDenied(path)) => Finding::failed(
            "gpio",
            format!("{path} may not be opened"),
            "run the check as the user flextraff, or add this user to the group gpio",
        ),
        Err(error) => Finding::failed(
            "gpio",
            format!("the GPIO of {model} does not open ({error})"),
            "check that /dev/gpiomem and /dev/gpiochip0 exist",
        ),
    }
}
