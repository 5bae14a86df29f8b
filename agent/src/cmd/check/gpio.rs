//! GPIO for the lamps.

use super::Finding;
use crate::config::{Config, Driver};
use rppal::gpio::{Error, Gpio};
use rppal::system::DeviceInfo;

/// Opens the GPIO without touching a pin.
pub(super) fn check(config: &Config) -> Finding {
    match config.output.driver {
        Driver::Virtual => Finding::ok("gpio", "the lamps are virtual"),
        Driver::Gpiochip => Finding::failed(
            "gpio",
            "the driver gpiochip is not built into this version",
            "use driver = \"rppal\" on a Raspberry Pi",
        ),
        Driver::Rppal => check_rppal(),
    }
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
