//! `ThingMagic`: `FF Len Op Data CRC(2)`. A module streams on when the host starts anew, and takes no setting meanwhile.

use super::{Command, Commands, Settings};
use crate::config::Region;
use crate::reader::crc::thingmagic as crc;

const HEAD: u8 = 0xFF;
const VERSION: u8 = 0x03;
const CLEAR: u8 = 0x2A;
const STREAM: u8 = 0x2F;
const ANTENNAS: u8 = 0x91;
const READ_POWER: u8 = 0x92;
const PROTOCOL: u8 = 0x93;
const REGION: u8 = 0x97;
const OPTION: u8 = 0x9A;
const GEN2_OPTION: u8 = 0x9B;
const GEN2: u8 = 0x05;
/// First byte of a list of antennas to search with: pairs of transmitting and receiving port.
const SEARCH_LIST: u8 = 0x02;
/// Tells every read of a tag, not only the first.
const NO_READ_FILTER: [u8; 3] = [0x01, 0x0C, 0x00];
/// Read Gen2 tags until told to stop, with the metadata of `0x01FF`, as vendors' libraries send it.
const START: [u8; 16] = [0, 0, 1, 0x22, 0, 0, 5, 7, 0x22, 0x10, 0, 0x1B, 0x03, 0xE8, 0x01, 0xFF];
const STOP: [u8; 3] = [0, 0, 2];

#[derive(Debug)]
pub(super) struct Thingmagic;

fn command(what: &'static str, op: u8, data: &[u8]) -> Command {
    let mut frame = vec![HEAD, data.len() as u8, op];
    frame.extend_from_slice(data);
    let sum = crc(&frame[1..]);
    frame.extend(sum.to_be_bytes());
    Command::new(what, op.into(), frame)
}

impl Commands for Thingmagic {
    fn stop(&self, _variant: usize) -> Option<Command> {
        Some(command("stop", STREAM, &STOP))
    }

    fn question(&self, _variant: usize) -> Command {
        command("version", VERSION, &[])
    }

    fn setup(&self, _variant: usize, settings: &Settings) -> Vec<Command> {
        let mut all = Vec::new();
        all.extend(settings.region.map(|region| {
            let code = match region {
                Region::Us => 1,
                Region::In => 4,
                Region::Cn => 6,
                Region::Eu => 8,
            };
            command("region", REGION, &[code])
        }));
        all.push(command("Gen2", PROTOCOL, &[0, GEN2]));
        // A module without a list of antennas reads nothing.
        let ports = if settings.ports.is_empty() { &[1][..] } else { &settings.ports };
        let pairs = ports.iter().flat_map(|port| [*port, *port]);
        let list: Vec<u8> = std::iter::once(SEARCH_LIST).chain(pairs).collect();
        all.push(command("antennas", ANTENNAS, &list));
        all.extend(
            settings
                .power_dbm
                .map(|dbm| command("power_dbm", READ_POWER, &(u16::from(dbm) * 100).to_be_bytes())),
        );
        all.extend(settings.session.map(|session| command("session", GEN2_OPTION, &[GEN2, 0, session])));
        all.push(command("clear buffer", CLEAR, &[]));
        all.push(command("read filter", OPTION, &NO_READ_FILTER));
        all
    }

    fn start(&self, _variant: usize, _settings: &Settings) -> Vec<Command> {
        vec![command("continuous reading", STREAM, &START)]
    }
}
