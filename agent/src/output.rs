//! The lamps: what drives them, the loop that decides each 50 ms what they show, and the file that remembers a fault.

mod cleared;
mod fault_file;
mod gpiochip;
mod guard;
mod lamp_loop;
mod lamp_test;
mod latch;
mod lateness;
mod lit;
mod orderly;
mod pins;
mod rppal;
mod safe_map;
mod switches;
#[cfg(test)]
pub(crate) mod tests;
mod virtual_socket;

pub use cleared::{ClearedFault, ClearedFaults};
pub use fault_file::{FaultLatch, LatchError, LatchedFault};
pub use gpiochip::{CONSUMER, ChipError, GpiochipLines, find_chip, line_users};
pub use guard::{Guard, Pulse};
pub use lamp_loop::{
    LampAsk, LampError, LampEvent, LampInput, LampParts, LampStats, LampsShow, TICK_MS, Unheard, Unkept, run,
};
pub use lamp_test::LampTest;
pub use latch::{LatchHandle, LatchWriter};
pub use lateness::Lateness;
pub use lit::{Lit, flash_is_lit, lit, lit_heads, lit_pins};
pub use orderly::OrderlyEnd;
pub use pins::{LastResort, Lines, PinOutput, Pins};
pub use rppal::RppalLines;
pub use safe_map::{SafeMap, switch_off_left};
pub use switches::{Debouncer, Switches};
pub use virtual_socket::VirtualOutput;

use crate::config::{Driver, OutputConfig};
use crate::interlock::HeadSeen;
use flextraff_common::junction::{GroupSet, Junction};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;

/// What the lamps are to show at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Aspect of every group, in the junction's order.
    pub lamps: &'a [Aspect],
    /// Which lamps of every head are lit by that at this moment.
    pub lit: &'a [Lit],
    /// Level of the master enable; it changes each time while all is well.
    pub enable: bool,
    /// Level of the pin that tells which cabinet this is.
    pub identify: bool,
    /// When.
    pub at: MonoMs,
}

/// Something that shows lamp vectors.
pub trait Output: Send {
    /// Shows a frame. Called every 50 ms, also when nothing has changed. Never blocks.
    ///
    /// # Errors
    /// When the lamps can no longer be driven.
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError>;

    /// What the lamps of every group really show; nothing where no input pin tells. Never blocks.
    ///
    /// # Errors
    /// When the inputs cannot be read.
    fn seen(&mut self) -> Result<Vec<HeadSeen>, OutputError> {
        Ok(Vec::new())
    }

    /// The groups whose push buttons are pressed now. Asked every 50 ms. Never blocks.
    fn pressed(&mut self) -> GroupSet {
        GroupSet::EMPTY
    }

    /// The switches of the cabinet now; none where none is wired, or they cannot be read: then they stay as they were. Asked every 50 ms.
    /// Never blocks.
    fn switches(&mut self) -> Option<Switches> {
        None
    }

    /// Drives the lamps in place of a loop that hangs; none where there are no real lamps.
    fn last_resort(&self) -> Option<Box<dyn LastResort>> {
        None
    }
}

/// Shows a vector once, without master enable.
///
/// # Errors
/// When the lamps cannot be driven.
pub fn show_once(output: &mut dyn Output, lamps: &[Aspect], at: MonoMs) -> Result<(), OutputError> {
    output.show(&Frame { lamps, lit: &lit_heads(lamps, at), enable: false, identify: false, at })
}

/// Why the lamps cannot be driven.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum OutputError {
    #[error(
        "GPIO is not available here: {cause}; use [output] driver = \"virtual\" on a machine without lamps"
    )]
    NoGpio { cause: String },
    #[error("{user} cannot use pin {pin}: {cause}; correct its pins")]
    Pin { user: String, pin: u8, cause: String },
    #[error(transparent)]
    Chip(#[from] ChipError),
    #[error("the virtual output cannot make a socket: {cause}")]
    Socket { cause: std::io::Error },
    #[error(
        "another process drives the lamps; stop it first: systemctl stop flextraff-agent flextraff-flash"
    )]
    Driven,
    #[error("the lamp loop had not driven the lamps for too long; its guard has taken them")]
    TakenOver,
    #[error("the lamps are being written by somebody who does not come to an end")]
    Held,
}

/// Opens the configured output; until the first [`Output::show`] no lamp is lit.
///
/// # Errors
/// When this machine does not have what it needs.
pub fn open(config: &OutputConfig, junction: &Junction) -> Result<Box<dyn Output>, OutputError> {
    let names: Vec<String> = junction.groups().iter().map(|group| group.name.clone()).collect();
    open_named(config, &names)
}

/// As [`open`], where only the names of the groups are known.
///
/// # Errors
/// As [`open`].
pub fn open_named(config: &OutputConfig, groups: &[String]) -> Result<Box<dyn Output>, OutputError> {
    let pins = Pins::new(config, groups);
    Ok(match config.driver {
        Driver::Virtual => Box::new(VirtualOutput::open(groups, config.socket.as_deref())?),
        Driver::Rppal => Box::new(PinOutput::new(RppalLines::open(&pins)?, pins)),
        Driver::Gpiochip => {
            Box::new(PinOutput::new(GpiochipLines::open(config.chip.as_deref(), &pins)?, pins))
        }
    })
}

/// Red at every head: what the lamps show when the process ends. A process that is gone cannot flash.
pub fn all_red(groups: usize) -> Vec<Aspect> {
    vec![Aspect::Red; groups]
}
