//! Frames of Chafon UHF readers in real-time mode (command 0xEE), as the "UHF RFID Reader Series User Manual" V2.20 lays them out.

use flextraff_common::epc::Epc;

/// How a reader frames what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// 288 series: antenna, EPC with its length, RSSI.
    Ports,
    /// `UHFReader18` clone: the EPC alone, with a checksum that starts from 0xAAAA; no antenna, no RSSI, no heartbeat.
    Plain,
}

const ADDRESS: u8 = 0x00;
const REAL_TIME: u8 = 0xEE;
const OK: u8 = 0x00;
const HEARTBEAT: u8 = 0x28;

/// A tag read by an antenna port (from 1 to 8), with its raw signal strength.
pub fn tag(dialect: Dialect, port: u8, epc: &Epc, rssi: u8) -> Vec<u8> {
    let bytes = epc.as_bytes();
    let mut data = Vec::with_capacity(bytes.len() + 3);
    if dialect == Dialect::Ports {
        data.extend([1_u8.checked_shl(u32::from(port) - 1).unwrap_or(0), bytes.len() as u8]);
    }
    data.extend_from_slice(bytes);
    if dialect == Dialect::Ports {
        data.push(rssi);
    }
    frame(dialect, OK, &data)
}

/// What a reader says while it reads nothing: number of this heartbeat, state of its four ports (0 idle, 1 connected), tags read so far.
pub(super) fn heartbeat(number: u32, ports: [u8; 4], total: u32) -> Vec<u8> {
    let mut data = number.to_be_bytes().to_vec();
    data.extend(ports);
    data.extend(total.to_be_bytes());
    frame(Dialect::Ports, HEARTBEAT, &data)
}

fn frame(dialect: Dialect, status: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![(data.len() + 5) as u8, ADDRESS, REAL_TIME, status];
    frame.extend_from_slice(data);
    let preset = match dialect {
        Dialect::Ports => 0xFFFF,
        Dialect::Plain => 0xAAAA,
    };
    let check = crc(preset, &frame);
    frame.extend(check.to_le_bytes());
    frame
}

/// CRC-16/MCRF4XX from a given start: polynomial 0x1021 reflected, no final inversion.
fn crc(preset: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(preset, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
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

    #[test]
    fn the_checksum_has_its_published_check_value() {
        assert_eq!(crc(0xFFFF, b"123456789"), 0x6F91);
    }

    #[test]
    fn frames_are_those_of_the_manual() {
        let one: Epc = "34161FA8203E7CB202000020".parse().unwrap();
        let two: Epc = "34161FA8203E7CB202000040".parse().unwrap();
        let three: Epc = "34161FA8203E7CB2305B75E0".parse().unwrap();
        assert_eq!(hex(&tag(Dialect::Ports, 1, &one, 0x50)), "1400EE00010C34161FA8203E7CB20200002050E4A0");
        assert_eq!(hex(&tag(Dialect::Ports, 3, &two, 0x50)), "1400EE00040C34161FA8203E7CB2020000405022A5");
        assert_eq!(hex(&tag(Dialect::Ports, 2, &three, 0x50)), "1400EE00020C34161FA8203E7CB2305B75E0500FDC");
        assert_eq!(hex(&tag(Dialect::Plain, 1, &one, 0x50)), "1100EE0034161FA8203E7CB20200002063F8");
        assert_eq!(hex(&tag(Dialect::Plain, 1, &three, 0)), "1100EE0034161FA8203E7CB2305B75E0D26F");
    }

    #[test]
    fn a_heartbeat_of_four_ports_has_the_length_of_a_plain_read() {
        let frame = heartbeat(7, [1, 1, 0, 0], 300);
        assert_eq!(frame.len(), 18);
        assert_eq!(frame[..4], [0x11, 0x00, 0xEE, 0x28]);
        assert_eq!(crc(0xFFFF, &frame), 0);
    }
}
