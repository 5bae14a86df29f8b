//! Len-Adr-Cmd: `Len Adr Cmd Data CRClo CRChi`, Len counts everything behind itself.
//!
//! A reader in real-time mode answers only to the question and the change of mode, so it is set in answer mode and then put back. One
//! without real-time mode is asked for one inventory after the other.

use super::{Command, Commands, Settings, Signal};
use crate::config::Region;
use crate::reader::crc::crc16;

/// Every reader answers to this address.
const BROADCAST: u8 = 0xFF;
/// Initial values of the checksum, as in the decoder.
const PRESETS: [u16; 2] = [0xFFFF, 0xAAAA];
const INVENTORY: u8 = 0x01;
const INFO: u8 = 0x21;
const BAND: u8 = 0x22;
const POWER: u8 = 0x2F;
/// Work mode of `UHFReader18`.
const MODE_18: u8 = 0x35;
const ANTENNAS: u8 = 0x3F;
const PARAMETERS: u8 = 0x75;
/// Work mode of the 288 series.
const MODE: u8 = 0x76;
const HEARTBEAT: u8 = 0x78;
const ANSWER: u8 = 0;
const REAL_TIME: u8 = 1;
/// Set, every 30 s.
const HEARTBEAT_30_S: u8 = 0x81;
/// Ports that the mask of one byte has. Its highest bit is not set, so that the reader keeps the mask over a loss of power that nobody notices.
const MASK_PORTS: u8 = 4;
const Q: u8 = 4;
const ANSWER_MODE: &str = "answer mode";
const REAL_TIME_MODE: &str = "real-time mode";
const READ_PARAMETERS: &str = "read parameters";

#[derive(Debug, Default)]
pub(super) struct UhfReader {
    /// It has answered something.
    answers: bool,
    /// It has no real-time mode.
    polled: bool,
}

fn frame(variant: usize, command: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![data.len() as u8 + 4, BROADCAST, command];
    frame.extend_from_slice(data);
    let sum = crc16(PRESETS[variant], &frame);
    frame.extend(sum.to_le_bytes());
    frame
}

fn command(variant: usize, what: &'static str, code: u8, data: &[u8]) -> Command {
    Command::new(what, code.into(), frame(variant, code, data))
}

fn inventory(variant: usize, settings: &Settings) -> Command {
    let data = [Q, settings.session()];
    Command::unanswered("inventory", INVENTORY.into(), frame(variant, INVENTORY, &data))
}

fn fits_mask(settings: &Settings) -> bool {
    settings.ports.iter().all(|port| *port <= MASK_PORTS)
}

impl Commands for UhfReader {
    fn variants(&self) -> usize {
        PRESETS.len()
    }

    /// It answers the question and the change of mode while it reads, too.
    fn stop(&self, _variant: usize) -> Option<Command> {
        None
    }

    /// One that is polled ends each inventory by itself. The next start puts the others back into real-time mode.
    fn end(&self, variant: usize) -> Option<Command> {
        (!self.polled).then(|| command(variant, ANSWER_MODE, MODE, &[ANSWER]))
    }

    fn question(&self, variant: usize) -> Command {
        command(variant, "reader information", INFO, &[])
    }

    fn setup(&self, variant: usize, settings: &Settings) -> Vec<Command> {
        let command = |what, code, data: &[u8]| command(variant, what, code, data);
        let mut all = vec![command(ANSWER_MODE, MODE, &[ANSWER])];
        all.extend(settings.power_dbm.map(|dbm| command("power_dbm", POWER, &[dbm])));
        // Highest and lowest channel, with the band in their upper two bits: 865.1 + 0.2 n MHz, 902.75 + 0.5 n MHz.
        all.extend(settings.region.and_then(|region| match region {
            Region::In | Region::Eu => Some(command("region", BAND, &[0x4E, 0])),
            Region::Us => Some(command("region", BAND, &[49, 0x80])),
            Region::Cn => None,
        }));
        if !settings.ports.is_empty() && fits_mask(settings) {
            let mask = settings.ports.iter().fold(0, |mask, port| mask | 1 << (port - 1));
            all.push(command("antennas", ANTENNAS, &[mask]));
        }
        // Gen2, shortest pause, no filter (each read is told, so that dwell is visible), Q, session, no mask, no TID.
        let parameters = [0, 0, 0, Q, settings.session(), 1, 0, 0, 0, 0, 0];
        let what = if settings.session.is_some() { "session" } else { READ_PARAMETERS };
        all.push(command(what, PARAMETERS, &parameters));
        all.push(command("heartbeat", HEARTBEAT, &[HEARTBEAT_30_S]));
        all
    }

    fn unknown(&self, settings: &Settings) -> Vec<&'static str> {
        let region = (settings.region == Some(Region::Cn)).then_some("region");
        region.into_iter().chain((!fits_mask(settings)).then_some("antennas")).collect()
    }

    fn start(&self, variant: usize, _settings: &Settings) -> Vec<Command> {
        vec![command(variant, REAL_TIME_MODE, MODE, &[REAL_TIME])]
    }

    fn round(&self, variant: usize, settings: &Settings, _count: usize) -> Vec<Command> {
        if self.polled { vec![inventory(variant, settings)] } else { Vec::new() }
    }

    fn follow_up(
        &mut self,
        variant: usize,
        settings: &Settings,
        sent: &Command,
        reply: Option<&Signal>,
    ) -> Option<Vec<Command>> {
        let refused = matches!(reply, Some(Signal::Reply { refused: Some(_), .. }));
        self.answers |= reply.is_some();
        // Some readers say nothing to what they do not know. One that says nothing at all is left as it is.
        let unknown = refused || (reply.is_none() && self.answers);
        match sent.what {
            // UHFReader18 knows another command for that.
            ANSWER_MODE if unknown && sent.code == u16::from(MODE) => {
                Some(vec![command(variant, ANSWER_MODE, MODE_18, &[0; 6])])
            }
            REAL_TIME_MODE if unknown => {
                self.polled = true;
                Some(vec![inventory(variant, settings)])
            }
            REAL_TIME_MODE if reply.is_some() => {
                self.polled = false;
                None
            }
            // Readers without these have nothing to be set there: they filter nothing and are asked whether they live.
            "heartbeat" | READ_PARAMETERS if refused => Some(Vec::new()),
            _ => None,
        }
    }

    fn round_ms(&self) -> Option<i64> {
        self.polled.then_some(3000)
    }

    /// The mode outlives loss of power, and setting it wears the reader's memory.
    fn forgets(&self) -> bool {
        self.polled
    }
}
