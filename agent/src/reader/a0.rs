//! Readers on Impinj Indy chips: Invelion, Rodinbell, YR90x, IND90x.
//!
//! A response is `A0 Len Addr Cmd Data Check`; Len counts everything behind itself, and all bytes add up to 0 modulo 256.

use super::crc::sums_to_zero;
use super::frame::{Candidate, Family, Signal, TagFrame};
use super::m100::tag_epc;
use flextraff_common::epc::Epc;

const HEAD: u8 = 0xA0;
/// Address, command and check byte.
const SHORTEST_LEN: u8 = 3;
/// Inventories that report tags as they are read: real-time, fast switching between antennas, with session and target.
const REAL_TIME: [u8; 3] = [0x89, 0x8A, 0x8B];
/// Commands: 0x61 to 0x79 settings and the reader itself, 0x80 to 0x9B inventories, tags and the buffer.
const COMMANDS: std::ops::RangeInclusive<u8> = 0x60..=0x9F;
const FIRMWARE: u8 = 0x72;
/// Codes in an answer of one byte: done, no antenna, no tag.
const DONE: u8 = 0x10;
const NO_ANTENNA: u8 = 0x22;
const NO_TAG: u8 = 0x36;
/// Most data of a real-time answer that is no tag: the end of a round (antenna, rate (2), total (4)).
const ROUND_END: usize = 7;
/// Antenna and frequency, PC (2) and RSSI around the EPC.
const AROUND_EPC: usize = 4;

/// The family.
#[derive(Debug)]
pub(super) struct A0;

impl Family for A0 {
    fn longest(&self) -> usize {
        usize::from(u8::MAX) + 2
    }

    fn signal(&self, frame: &[u8]) -> Option<Signal> {
        let &[_, _, _, command, ref data @ .., _check] = frame else { return None };
        let is_inventory = REAL_TIME.contains(&command);
        match *data {
            [_, _, _, _, _, _, _] | [NO_TAG] if is_inventory => Some(Signal::RoundEnd),
            [NO_ANTENNA] if is_inventory => Some(Signal::NoAntennaHere),
            [DONE] => Some(Signal::reply(command.into(), 0, &[])),
            [code] if code > DONE => Some(Signal::reply(command.into(), code.into(), &[])),
            [_, _] if command == FIRMWARE => Some(Signal::reply(command.into(), 0, data)),
            // The host's own command, come back over a two-wire line, or a tag.
            _ => None,
        }
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        if bytes.first() != Some(&HEAD)
            || bytes.get(1).is_some_and(|len| *len < SHORTEST_LEN)
            || bytes.get(3).is_some_and(|command| !COMMANDS.contains(command))
        {
            return Candidate::NOTHING;
        }
        let &[_, len, _, command, ..] = bytes else { return Candidate::Unfinished };
        let size = usize::from(len) + 2;
        let Some(frame) = bytes.get(..size) else { return Candidate::Unfinished };
        if !sums_to_zero(frame) {
            return Candidate::BAD;
        }
        let data = &frame[4..size - 1];
        let is_tag = REAL_TIME.contains(&command) && data.len() > ROUND_END;
        Candidate::frame(size, if is_tag { tag(data) } else { Some(Vec::new()) })
    }
}

/// `FreqAnt PC(2) EPC RSSI`: the low two bits are the antenna, from 0.
fn tag(data: &[u8]) -> Option<Vec<TagFrame>> {
    let (&[place], rest) = data.split_first_chunk::<1>().filter(|_| data.len() > AROUND_EPC)?;
    let (&rssi, id) = rest.split_last()?;
    let epc = tag_epc(id)?;
    let port = Some((place & 0b11) + 1);
    Some(Epc::new(epc).map(|epc| TagFrame { epc, port, rssi: Some(dbm(rssi)) }).into_iter().collect())
}

/// Signal strength as the table of the vendor's manual gives it, dBm.
fn dbm(raw: u8) -> f32 {
    f32::from(raw) - if raw > 89 { 129.0 } else { 130.0 }
}
