//! The lamps: what drives them, the loop that decides each 50 ms what they show, and the file that remembers a fault.

mod lamp_loop;
mod latch;
mod lit;
mod rppal;
#[cfg(test)]
mod tests;
mod virtual_socket;

pub use lamp_loop::{LampError, LampEvent, LampInput, LampParts, LampStats, run};
pub use latch::{FaultLatch, LatchError, LatchWriter, LatchedFault};
pub use lit::{Lit, flash_is_lit, lit, lit_pins};
pub use rppal::RppalOutput;
pub use virtual_socket::VirtualOutput;

use crate::config::{Driver, OutputConfig};
use flextraff_common::junction::Junction;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;

/// Something that shows lamp vectors.
pub trait Output: Send {
    /// Shows the aspect of every group, in the junction's order. Called every 50 ms, also when nothing has changed: `at` tells the phase of flashing
    /// lamps. Never blocks.
    ///
    /// # Errors
    /// When the lamps can no longer be driven.
    fn show(&mut self, lamps: &[Aspect], at: MonoMs) -> Result<(), OutputError>;
}

/// Why the lamps cannot be driven.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum OutputError {
    #[error(
        "GPIO is not available here: {cause}; use [output] driver = \"virtual\" on a machine without lamps"
    )]
    NoGpio { cause: String },
    #[error("the {lamp} lamp of group \"{group}\" cannot use pin {pin}: {cause}; correct its pins")]
    Pin { group: String, lamp: &'static str, pin: u8, cause: String },
    #[error("[output] driver = \"{driver}\" is not built into this version; use \"rppal\" or \"virtual\"")]
    NotBuilt { driver: &'static str },
    #[error("the virtual output cannot make a socket: {cause}")]
    Socket { cause: std::io::Error },
}

/// Opens the configured output; until the first [`Output::show`] no lamp is lit.
///
/// # Errors
/// When the driver is not built, or this machine does not have what it needs.
pub fn open(config: &OutputConfig, junction: &Junction) -> Result<Box<dyn Output>, OutputError> {
    match config.driver {
        Driver::Virtual => Ok(Box::new(VirtualOutput::open(junction, config.socket.as_deref())?)),
        Driver::Rppal => Ok(Box::new(RppalOutput::open(junction, &config.pins, config.active_high)?)),
        Driver::Gpiochip => Err(OutputError::NotBuilt { driver: "gpiochip" }),
    }
}

/// Red at every head: what the lamps show when the process ends. A process that is gone cannot flash.
pub fn all_red(groups: usize) -> Vec<Aspect> {
    vec![Aspect::Red; groups]
}
