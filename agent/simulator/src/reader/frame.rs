//! Frames as readers of each family send them, written after their manuals and apart from the agent's decoders, so that the one shows an error
//! of the other.

use super::checksum::{chafon, gen2, thingmagic, to_zero};
use flextraff_common::epc::Epc;

/// How a reader frames what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Chafon Len-Adr-Cmd, 288 series, real-time mode: antenna, EPC with its length, RSSI.
    Ports,
    /// `UHFReader18` clone: the EPC alone, with a checksum that starts from 0xAAAA; no antenna, no RSSI, no heartbeat.
    Plain,
    /// Chafon with the CF header: RSSI in tenths of a dBm, antenna, channel, EPC.
    Cf,
    /// M100 notice: RSSI, PC, EPC, the tag's checksum; no antenna.
    M100,
    /// R200: the same with other marks.
    R200,
    /// A line of hex digits; no antenna, no RSSI.
    Ascii,
    /// `ThingMagic` stream with all metadata.
    Thingmagic,
    /// Impinj Indy and others: real-time inventory with antenna, PC, EPC and RSSI.
    A0,
    /// `CC FF FF` with PC and the tag's checksum; no antenna.
    Cc,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Ports,
        Self::Plain,
        Self::Cf,
        Self::M100,
        Self::R200,
        Self::Ascii,
        Self::Thingmagic,
        Self::A0,
        Self::Cc,
    ];

    /// Name of the protocol in an agent's TOML.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Ports | Self::Plain => "uhfreader",
            Self::Cf => "cf",
            Self::M100 | Self::R200 => "m100",
            Self::Ascii => "ascii",
            Self::Thingmagic => "thingmagic",
            Self::A0 => "a0",
            Self::Cc => "cc",
        }
    }

    /// Speed at which its readers leave the factory, bits per second.
    pub const fn baud(self) -> u32 {
        match self {
            Self::Ports | Self::Plain => 57_600,
            Self::Ascii => 9600,
            Self::Cf | Self::M100 | Self::R200 | Self::Thingmagic | Self::A0 | Self::Cc => 115_200,
        }
    }

    /// Whether its frames name the antenna port.
    pub const fn names_ports(self) -> bool {
        matches!(self, Self::Ports | Self::Cf | Self::Thingmagic | Self::A0)
    }
}

/// PC word of a tag: the length of its EPC in words, in the upper five bits.
const fn pc(epc: &[u8]) -> [u8; 2] {
    [((epc.len() / 2) as u8) << 3, 0]
}

/// What a tag answers: PC, EPC and its checksum.
fn answer(epc: &[u8]) -> Vec<u8> {
    let mut answer = pc(epc).to_vec();
    answer.extend_from_slice(epc);
    answer.extend(gen2(&answer).to_be_bytes());
    answer
}

/// A tag read by an antenna port (from 1; to 8 in a mask, to 4 of A0), with its raw signal strength: a byte that as a signed number is dBm.
pub fn tag(dialect: Dialect, port: u8, epc: &Epc, rssi: u8) -> Vec<u8> {
    let bytes = epc.as_bytes();
    match dialect {
        Dialect::Ports => {
            let mut data = vec![1_u8.checked_shl(u32::from(port) - 1).unwrap_or(0), bytes.len() as u8];
            data.extend_from_slice(bytes);
            data.push(rssi);
            real_time(dialect, OK, &data)
        }
        Dialect::Plain => real_time(dialect, OK, bytes),
        Dialect::Cf => {
            let mut data = (i16::from(rssi.cast_signed()) * 10).to_be_bytes().to_vec();
            data.extend([port, 0, bytes.len() as u8]);
            data.extend_from_slice(bytes);
            cf(INVENTORY, OK, &data)
        }
        Dialect::M100 | Dialect::R200 => {
            let mut param = vec![rssi];
            param.extend(answer(bytes));
            m100(dialect, 0x02, 0x22, &param)
        }
        Dialect::Ascii => format!("{epc}\r\n").into_bytes(),
        Dialect::Thingmagic => {
            let answer = answer(bytes);
            // Stream, search flags, metadata flags, one tag, one read, RSSI, antenna (sent and heard), kHz, time, phase, Gen2, no data, GPIO.
            let mut data = vec![0x10, 0x00, 0x1B, 0x01, 0xFF, 0x01, 0x01, rssi, port << 4 | port];
            data.extend([0x0D, 0x35, 0xA8, 0, 0, 1, 0x27, 0, 0, 5, 0, 0, 0x0F]);
            data.extend(((answer.len() * 8) as u16).to_be_bytes());
            data.extend(answer);
            module(0x22, 0, &data)
        }
        Dialect::A0 => {
            let dbm = i16::from(rssi.cast_signed());
            let strength = if dbm + 129 > 89 { dbm + 129 } else { dbm + 130 };
            let mut data = vec![port.saturating_sub(1) & 0b11];
            data.extend(pc(bytes));
            data.extend_from_slice(bytes);
            data.push(strength.clamp(0, 255) as u8);
            a0(ROUND, &data)
        }
        Dialect::Cc => {
            let mut data = vec![0x00];
            data.extend(answer(bytes));
            data.push(rssi);
            let mut frame = vec![0xCC, 0xFF, 0xFF, 0x20, 0x05, data.len() as u8];
            frame.extend(data);
            to_zero(frame)
        }
    }
}

/// What a reader says while it reads nothing: number of this message, tags read so far. Some say nothing.
pub(super) fn idle(dialect: Dialect, number: u32, total: u32) -> Option<Vec<u8>> {
    match dialect {
        Dialect::Plain | Dialect::Ascii | Dialect::Cc => None,
        Dialect::Ports => {
            // Four ports, of which two have an antenna.
            let mut data = number.to_be_bytes().to_vec();
            data.extend([1, 1, 0, 0]);
            data.extend(total.to_be_bytes());
            Some(real_time(dialect, HEARTBEAT, &data))
        }
        Dialect::Cf => Some(cf(INVENTORY, 0x12, &[])),
        Dialect::M100 | Dialect::R200 => Some(m100(dialect, 0x01, 0xFF, &[0x15])),
        Dialect::Thingmagic => Some(module(0x22, 0x0400, &[])),
        Dialect::A0 => {
            let mut data = vec![0, 0, 0];
            data.extend(total.to_be_bytes());
            Some(a0(ROUND, &data))
        }
    }
}

const ADDRESS: u8 = 0x00;
const REAL_TIME: u8 = 0xEE;
/// The inventory of CF readers.
pub(super) const INVENTORY: u16 = 0x0001;
pub(super) const OK: u8 = 0x00;
const HEARTBEAT: u8 = 0x28;
/// The real-time inventory of A0 readers.
const ROUND: u8 = 0x89;

/// "UHF RFID Reader Series User Manual" V2.20, command 0xEE.
fn real_time(dialect: Dialect, status: u8, data: &[u8]) -> Vec<u8> {
    len_adr_cmd(dialect, REAL_TIME, status, data)
}

/// What the checksum of a Len-Adr-Cmd reader starts from.
pub(super) const fn preset(dialect: Dialect) -> u16 {
    if matches!(dialect, Dialect::Plain) { 0xAAAA } else { 0xFFFF }
}

pub(super) fn len_adr_cmd(dialect: Dialect, command: u8, status: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![(data.len() + 5) as u8, ADDRESS, command, status];
    frame.extend_from_slice(data);
    let check = chafon(preset(dialect), &frame);
    frame.extend(check.to_le_bytes());
    frame
}

pub(super) fn cf(command: u16, status: u8, data: &[u8]) -> Vec<u8> {
    let [high, low] = command.to_be_bytes();
    let mut frame = vec![0xCF, ADDRESS, high, low, (data.len() + 1) as u8, status];
    frame.extend_from_slice(data);
    let check = chafon(0xFFFF, &frame);
    frame.extend(check.to_be_bytes());
    frame
}

pub(super) fn m100(dialect: Dialect, kind: u8, command: u8, param: &[u8]) -> Vec<u8> {
    let (head, tail) = if dialect == Dialect::R200 { (0xAA, 0xDD) } else { (0xBB, 0x7E) };
    let mut frame = vec![head, kind, command];
    frame.extend((param.len() as u16).to_be_bytes());
    frame.extend_from_slice(param);
    let sum = frame[1..].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    frame.extend([sum, tail]);
    frame
}

/// An answer of a `ThingMagic` module.
pub(super) fn module(op: u8, status: u16, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xFF, data.len() as u8, op];
    frame.extend(status.to_be_bytes());
    frame.extend_from_slice(data);
    let check = thingmagic(&frame[1..]);
    frame.extend(check.to_be_bytes());
    frame
}

/// An answer of the reader with address 1.
pub(super) fn a0(command: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xA0, (data.len() + 3) as u8, 0x01, command];
    frame.extend_from_slice(data);
    to_zero(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02X}").expect("writing to a string");
            text
        })
    }

    fn epc(hex: &str) -> Epc {
        hex.parse().expect("an EPC")
    }

    #[test]
    fn frames_are_those_of_the_manuals() {
        let one = epc("34161FA8203E7CB202000020");
        let two = epc("34161FA8203E7CB202000040");
        let three = epc("34161FA8203E7CB2305B75E0");
        assert_eq!(hex(&tag(Dialect::Ports, 1, &one, 0x50)), "1400EE00010C34161FA8203E7CB20200002050E4A0");
        assert_eq!(hex(&tag(Dialect::Ports, 3, &two, 0x50)), "1400EE00040C34161FA8203E7CB2020000405022A5");
        assert_eq!(hex(&tag(Dialect::Ports, 2, &three, 0x50)), "1400EE00020C34161FA8203E7CB2305B75E0500FDC");
        assert_eq!(hex(&tag(Dialect::Plain, 1, &one, 0x50)), "1100EE0034161FA8203E7CB20200002063F8");
        assert_eq!(hex(&tag(Dialect::Plain, 1, &three, 0)), "1100EE0034161FA8203E7CB2305B75E0D26F");
        assert_eq!(hex(&tag(Dialect::Cc, 1, &epc("E28011700000021B09926B17"), 0xBA))[..12], *"CCFFFF200512");
        assert_eq!(
            hex(&tag(Dialect::A0, 1, &epc("E200301666130121155074EF"), -61_i8 as u8)),
            "A0130189003000E200301666130121155074EF45C3"
        );
        assert_eq!(
            hex(&tag(Dialect::M100, 1, &epc("E200001D7315016521408FC6"), 0xC4)),
            "BB02220011C43000E200001D7315016521408FC6B83EC27E"
        );
        assert_eq!(hex(&tag(Dialect::Ascii, 1, &one, 0)), hex(b"34161FA8203E7CB202000020\r\n"));
    }

    #[test]
    fn what_a_quiet_reader_says_is_that_of_the_captures() {
        let quiet = |dialect| idle(dialect, 7, 300).map(|bytes| hex(&bytes));
        assert_eq!(quiet(Dialect::Cf).as_deref(), Some("CF0000010112421D"));
        assert_eq!(quiet(Dialect::M100).as_deref(), Some("BB01FF000115167E"));
        assert_eq!(quiet(Dialect::Thingmagic).as_deref(), Some("FF0022040084E0"));
        assert_eq!(quiet(Dialect::A0).as_deref(), Some("A00A01890000000000012C9F"));
        let heartbeat = idle(Dialect::Ports, 7, 300).expect("it has one");
        assert_eq!((heartbeat.len(), &heartbeat[..4]), (18, &[0x11, 0x00, 0xEE, 0x28][..]));
        assert_eq!(chafon(0xFFFF, &heartbeat), 0);
        assert!(quiet(Dialect::Plain).is_none());
    }
}
