//! What readers answer to commands: every setting is taken.

use super::checksum::{chafon, thingmagic};
use super::frame::{Dialect, INVENTORY, OK, a0, cf, len_adr_cmd, m100, module, preset};

/// Information of an UHFReader288, as in the manual: version, type, protocols, band, power, scan time and more.
const READER: [u8; 12] = [0x00, 0x16, 0x0C, 0x03, 0x4E, 0x00, 0x1E, 0x0A, 0x01, 0x00, 0x00, 0x00];
/// Version of a `ThingMagic` module: boot loader, hardware, date, firmware, protocols.
const MODULE: [u8; 20] =
    [0x14, 0x12, 0x08, 0, 0x30, 0, 0, 0x02, 0x20, 0x22, 0x08, 0x04, 0x01, 0x0B, 0x01, 0x25, 0, 0, 0, 0x10];
/// Len-Adr-Cmd: reader information. The shortest command's Len.
const READER_INFO: u8 = 0x21;
const SHORTEST: u8 = 4;
/// CF: the settings are 25 bytes.
const CF_GET: u16 = 0x0072;
const CF_SETTINGS: usize = 25;
/// M100: module information, and the poll of many rounds, which answers with what it reads.
const M100_INFO: u8 = 0x03;
const M100_POLL: u8 = 0x27;
/// `ThingMagic`: version.
const VERSION: u8 = 0x03;
/// A0: firmware; inventories answer with what they read; anything else is done.
const FIRMWARE: u8 = 0x72;
const INVENTORIES: std::ops::RangeInclusive<u8> = 0x80..=0x8F;
const DONE: u8 = 0x10;

/// Takes the first command out of what came: the answer, empty where there is none; `None` when no whole command is left. Bytes that are no
/// command are dropped, as the reader's own time limit would.
pub(super) fn answer(dialect: Dialect, input: &mut Vec<u8>) -> Option<Vec<u8>> {
    while !input.is_empty() {
        if let Some((bytes, answer)) = first(dialect, input) {
            input.drain(..bytes);
            return Some(answer);
        }
        input.remove(0);
    }
    None
}

/// The command with which these bytes begin: its length and the answer.
fn first(dialect: Dialect, input: &[u8]) -> Option<(usize, Vec<u8>)> {
    match dialect {
        Dialect::Ports | Dialect::Plain => {
            let len = *input.first().filter(|len| **len >= SHORTEST)?;
            let command = input.get(..usize::from(len) + 1)?;
            let code = (chafon(preset(dialect), command) == 0).then_some(command[2])?;
            let data: &[u8] = if code == READER_INFO { &READER } else { &[] };
            Some((command.len(), len_adr_cmd(dialect, code, OK, data)))
        }
        Dialect::Cf => {
            let &[0xCF, _, high, low, len, ..] = input else { return None };
            let command = input.get(..usize::from(len) + 7)?;
            let (body, sum) = command.split_at(command.len() - 2);
            let code = u16::from_be_bytes([high, low]);
            let data: &[u8] = if code == CF_GET { &[0; CF_SETTINGS] } else { &[] };
            let answer = if code == INVENTORY { Vec::new() } else { cf(code, OK, data) };
            (chafon(0xFFFF, body).to_be_bytes() == *sum).then_some((command.len(), answer))
        }
        Dialect::M100 | Dialect::R200 => {
            let &[_, 0, code, high, low, ..] = input else { return None };
            let command = input.get(..usize::from(u16::from_be_bytes([high, low])) + 7)?;
            let whole = m100(dialect, 0, code, &command[5..command.len() - 2]) == command;
            let param: &[u8] = if code == M100_INFO { b"\0M100 26dBm V1.0" } else { &[OK] };
            let answer = if code == M100_POLL { Vec::new() } else { m100(dialect, 0x01, code, param) };
            whole.then_some((command.len(), answer))
        }
        Dialect::Thingmagic => {
            let &[0xFF, len, op, ..] = input else { return None };
            let command = input.get(..usize::from(len) + 5)?;
            let (body, sum) = command[1..].split_at(command.len() - 3);
            let data: &[u8] = if op == VERSION { &MODULE } else { &[] };
            (thingmagic(body).to_be_bytes() == *sum).then_some((command.len(), module(op, 0, data)))
        }
        Dialect::A0 => {
            let &[0xA0, len, _, code, ..] = input else { return None };
            let command = input.get(..usize::from(len) + 2)?;
            let answer = match code {
                FIRMWARE => a0(code, &[0x01, 0x09]),
                code if INVENTORIES.contains(&code) => Vec::new(),
                code => a0(code, &[DONE]),
            };
            let sum = command.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            (sum == 0).then_some((command.len(), answer))
        }
        // They only send.
        Dialect::Ascii | Dialect::Cc => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.parse::<flextraff_common::epc::Epc>().expect("hex").as_bytes().to_vec()
    }

    #[test]
    fn commands_are_answered_in_the_readers_own_way() {
        for (dialect, commands, answers) in [
            (Dialect::Ports, "04FF21199505FF7601181E", "1100210000160C034E001E0A01000000E651"),
            (Dialect::Cf, "CFFF000200E761", ""),
            (Dialect::M100, "BB00280000287E", "BB01280001002A7E"),
            (Dialect::Thingmagic, "FF009100001758", ""),
            (Dialect::A0, "A0030172EA", "A00501720109DE"),
        ] {
            // Noise before a command costs none.
            let mut input = [&[0x00][..], &bytes(commands)].concat();
            let first = answer(dialect, &mut input);
            if answers.is_empty() {
                continue;
            }
            assert_eq!(first, Some(bytes(answers)), "{dialect:?}");
        }
        assert_eq!(answer(Dialect::Cf, &mut bytes("CFFF000200E761")).map(|frame| frame.len()), Some(8));
        assert_eq!(answer(Dialect::A0, &mut bytes("A004017400E7")), Some(bytes("A004017410D7")));
        assert_eq!(answer(Dialect::A0, &mut bytes("A0040189FFD3")), Some(Vec::new()));
        assert_eq!(answer(Dialect::Thingmagic, &mut bytes("FF00031D0C")).map(|frame| frame.len()), Some(27));
        assert_eq!(answer(Dialect::Plain, &mut bytes("04FF211995")), None, "not its checksum");
        assert_eq!(answer(Dialect::Ascii, &mut bytes("04FF211995")), None);
    }
}
