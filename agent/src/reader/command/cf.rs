//! CF header: `CF Adr CmdHi CmdLo Len Data CRChi CRClo`.
//!
//! All settings are one block of 25 bytes, which is read, changed where needed and written back only if it has changed: it is kept over loss
//! of power.

use super::{Command, Commands, Settings, Signal};
use crate::reader::crc::crc16;

const HEAD: [u8; 2] = [0xCF, 0xFF];
const INVENTORY: u16 = 0x0001;
const STOP: u16 = 0x0002;
const INFO: u16 = 0x0070;
const SET: u16 = 0x0071;
const GET: u16 = 0x0072;
/// The block, and the places in it.
const BLOCK: usize = 25;
const MODE: usize = 2;
const ANTENNAS: usize = 6;
const POWER: usize = 15;
const SESSION: usize = 18;
const FILTER_TIME: usize = 21;
/// The reader reads when it is told to.
const ANSWER: u8 = 0;
/// Ports that the block's mask has.
const MASK_PORTS: u8 = 8;
const SETTINGS: &str = "settings: power_dbm, session, antennas";

#[derive(Debug, Default)]
pub(super) struct Cf {
    /// Its settings are no block of this length, so that nobody knows what is where.
    has_other_block: bool,
}

fn command(what: &'static str, code: u16, data: &[u8]) -> Command {
    let mut frame = HEAD.to_vec();
    frame.extend(code.to_be_bytes());
    frame.push(data.len() as u8);
    frame.extend_from_slice(data);
    let sum = crc16(0xFFFF, &frame);
    frame.extend(sum.to_be_bytes());
    Command::new(what, code, frame)
}

fn fits_mask(settings: &Settings) -> bool {
    settings.ports.iter().all(|port| *port <= MASK_PORTS)
}

/// The block as it is to be.
fn changed(block: &[u8; BLOCK], settings: &Settings) -> [u8; BLOCK] {
    let mut new = *block;
    new[MODE] = ANSWER;
    new[FILTER_TIME] = 0;
    if let Some(dbm) = settings.power_dbm {
        new[POWER] = dbm;
    }
    if let Some(session) = settings.session {
        new[SESSION] = session;
    }
    if !settings.ports.is_empty() && fits_mask(settings) {
        new[ANTENNAS] = settings.ports.iter().fold(0, |mask, port| mask | 1 << (port - 1));
    }
    new
}

impl Commands for Cf {
    fn stop(&self, _variant: usize) -> Option<Command> {
        Some(command("stop", STOP, &[]))
    }

    fn question(&self, _variant: usize) -> Command {
        command("reader information", INFO, &[])
    }

    fn setup(&self, _variant: usize, _settings: &Settings) -> Vec<Command> {
        vec![command(SETTINGS, GET, &[])]
    }

    fn unknown(&self, settings: &Settings) -> Vec<&'static str> {
        let region = settings.region.is_some().then_some("region");
        let antennas = (!fits_mask(settings)).then_some("antennas");
        let block = self.has_other_block.then_some(SETTINGS);
        region.into_iter().chain(antennas).chain(block).collect()
    }

    fn start(&self, _variant: usize, _settings: &Settings) -> Vec<Command> {
        // Until it is stopped.
        let start = command("inventory", INVENTORY, &[0; 5]);
        vec![Command { answered: false, ..start }]
    }

    fn follow_up(
        &mut self,
        _variant: usize,
        settings: &Settings,
        sent: &Command,
        reply: Option<&Signal>,
    ) -> Option<Vec<Command>> {
        let Some(Signal::Reply { refused: None, data, .. }) = reply else { return None };
        if sent.code != GET {
            return None;
        }
        let block: Option<&[u8; BLOCK]> = data.as_slice().try_into().ok();
        self.has_other_block = block.is_none();
        let block = block?;
        let new = changed(block, settings);
        Some(if new == *block { Vec::new() } else { vec![command(SETTINGS, SET, &new)] })
    }
}
