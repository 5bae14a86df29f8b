//! What each family of readers can be told: to say who it is, to take its settings, to read, to stop.
//!
//! Pure: the frames, in which order they are sent, and what a refusal leads to. [`super::driver`] sends them and waits for the answers.

mod a0;
mod cf;
mod m100;
#[cfg(test)]
mod tests;
mod thingmagic;
mod uhfreader;

use super::frame::Signal;
use crate::config::{Protocol, ReaderConfig, Region};
use std::fmt::Debug;

/// A frame to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// What it is for, as a person calls it.
    pub(super) what: &'static str,
    /// The command's code, by which its answer is known.
    pub(super) code: u16,
    /// The frame.
    pub(super) bytes: Vec<u8>,
    /// Whether the next command waits for an answer.
    pub(super) answered: bool,
}

impl Command {
    /// A command that is answered.
    const fn new(what: &'static str, code: u16, bytes: Vec<u8>) -> Self {
        Self { what, code, bytes, answered: true }
    }

    /// A command that is not answered, or by what it does.
    const fn unanswered(what: &'static str, code: u16, bytes: Vec<u8>) -> Self {
        Self { what, code, bytes, answered: false }
    }
}

/// How a reader is to be set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// Transmit power, dBm; `None`: as it is.
    pub(super) power_dbm: Option<u8>,
    /// Frequency region; `None`: as it is.
    pub(super) region: Option<Region>,
    /// Gen2 session; `None`: as it is, and 1 where the reader must be told one.
    pub(super) session: Option<u8>,
    /// Antenna ports to read with, from 1, in order: those that `lanes` names; empty: as they are.
    pub(super) ports: Vec<u8>,
}

impl Settings {
    pub(super) fn new(config: &ReaderConfig) -> Self {
        Self {
            power_dbm: config.power_dbm,
            region: config.region,
            session: config.session,
            ports: config.lanes.ports.keys().copied().collect(),
        }
    }

    /// What of it is a wish of the configuration, by its key; antennas are none, because a reader that names none reads with what it has.
    pub(super) fn named(&self) -> Vec<&'static str> {
        let wishes = [
            ("power_dbm", self.power_dbm.is_some()),
            ("region", self.region.is_some()),
            ("session", self.session.is_some()),
        ];
        wishes.into_iter().filter(|(_, wished)| *wished).map(|(what, _)| what).collect()
    }

    /// The session, where the reader must be told one: 1 shows a waiting vehicle again and again without flooding the line.
    fn session(&self) -> u8 {
        self.session.unwrap_or(1)
    }
}

/// A family's commands. `variant` counts the ways in which its readers are addressed: checksum presets, heads.
pub(super) trait Commands: Debug + Send {
    /// How many ways there are.
    fn variants(&self) -> usize {
        1
    }

    /// Ends a reading that goes on from before, so that the answers to what follows are heard.
    fn stop(&self, variant: usize) -> Option<Command>;

    /// Ends the reading when nobody is going to listen any more.
    fn end(&self, variant: usize) -> Option<Command> {
        self.stop(variant)
    }

    /// Asks the reader who it is; changes nothing.
    fn question(&self, variant: usize) -> Command;

    /// Settings, in order.
    fn setup(&self, variant: usize, settings: &Settings) -> Vec<Command>;

    /// What of the settings this family, or this reader as it has answered, knows no command for.
    fn unknown(&self, _settings: &Settings) -> Vec<&'static str> {
        Vec::new()
    }

    /// Makes the reader read.
    fn start(&self, variant: usize, settings: &Settings) -> Vec<Command>;

    /// Asks for the `count`-th round of a reading that ends by itself; empty when it does not.
    fn round(&self, _variant: usize, _settings: &Settings, _count: usize) -> Vec<Command> {
        Vec::new()
    }

    /// What follows on the answer to a command, or on its silence (`None`); `None` when nothing special does.
    fn follow_up(
        &mut self,
        _variant: usize,
        _settings: &Settings,
        _command: &Command,
        _reply: Option<&Signal>,
    ) -> Option<Vec<Command>> {
        None
    }

    /// A reading that gave no frame for so long has ended, milliseconds; `None` when it does not end.
    fn round_ms(&self) -> Option<i64> {
        None
    }

    /// Whether the reader is told everything again when nothing was heard for long, because it may have been without power; else it is only
    /// asked whether it lives.
    fn forgets(&self) -> bool {
        true
    }
}

/// The commands of a family; `None` for one that is only listened to.
pub(super) fn commands(protocol: Protocol) -> Option<Box<dyn Commands>> {
    match protocol {
        Protocol::Uhfreader => Some(Box::<uhfreader::UhfReader>::default()),
        Protocol::Cf => Some(Box::<cf::Cf>::default()),
        Protocol::M100 => Some(Box::new(m100::M100)),
        Protocol::Thingmagic => Some(Box::new(thingmagic::Thingmagic)),
        Protocol::A0 => Some(Box::<a0::A0>::default()),
        Protocol::Auto | Protocol::Ascii | Protocol::Cc => None,
    }
}
