//! M100, QM100 and YRM100 modules (`BB … 7E`, M100 protocol V2.1), and R200 and JRD-4035 ones (`AA … DD`, R200 user protocol V2.3.3).
//!
//! A frame is `Head Type Cmd PLhi PLlo Param Checksum Tail`; the checksum is the low byte of the sum from Type to the last Param. Head and tail
//! occur within frames, so only the length tells where one ends. They name no antenna.

use super::crc::gen2;
use super::frame::{Candidate, Family, Signal, TagFrame};
use flextraff_common::epc::Epc;

/// Head and tail.
const MARKS: [(u8, u8); 2] = [(0xBB, 0x7E), (0xAA, 0xDD)];
/// Highest type: 0 command, 1 response, 2 notice.
const LAST_TYPE: u8 = 2;
const RESPONSE: u8 = 1;
const NOTICE: u8 = 2;
/// The command in a response that tells an error, and the error of a round without a tag.
const ERROR: u8 = 0xFF;
const NO_TAG: u8 = 0x15;
/// Single poll, under which every tag is reported.
const POLL: u8 = 0x22;
/// Head, type, command, length (2), checksum and tail.
const AROUND: usize = 7;
/// Longest Param: a tag's whole memory bank.
const LONGEST_PARAM: usize = 0x0108;
/// RSSI before the PC, and the tag's checksum behind the EPC.
const RSSI: usize = 1;
const TAG_SUM: usize = 2;
const PC: usize = 2;

/// The family.
#[derive(Debug)]
pub(super) struct M100;

impl Family for M100 {
    fn longest(&self) -> usize {
        LONGEST_PARAM + AROUND
    }

    fn signal(&self, frame: &[u8]) -> Option<Signal> {
        let &[_, RESPONSE, command, _, _, ref param @ .., _sum, _tail] = frame else { return None };
        Some(match (command, param.first()) {
            (ERROR, Some(&NO_TAG)) => Signal::KeepAlive,
            (ERROR, code) => Signal::Reply {
                code: None,
                refused: Some(code.map_or(u16::from(ERROR), |code| u16::from(*code))),
                data: Vec::new(),
            },
            _ => Signal::reply(command.into(), 0, param),
        })
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        let Some((_, tail)) = MARKS.iter().find(|(head, _)| bytes.first() == Some(head)) else {
            return Candidate::NOTHING;
        };
        if bytes.get(1).is_some_and(|kind| *kind > LAST_TYPE) {
            return Candidate::NOTHING;
        }
        let &[_, kind, command, high, low, ..] = bytes else { return Candidate::Unfinished };
        let param = usize::from(u16::from_be_bytes([high, low]));
        if param > LONGEST_PARAM {
            return Candidate::NOTHING;
        }
        let Some(frame) = bytes.get(..param + AROUND) else { return Candidate::Unfinished };
        let (body, end) = frame[1..].split_at(param + 4);
        let sum = body.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        if *end != [sum, *tail] {
            return Candidate::BAD;
        }
        let is_tag = (kind, command) == (NOTICE, POLL);
        Candidate::frame(frame.len(), if is_tag { tag(&body[4..]) } else { Some(Vec::new()) })
    }
}

/// `RSSI PC(2) EPC TagCRC(2)`: the tag's own checksum is a second one, because one byte alone lets a 256th of all damage pass.
fn tag(param: &[u8]) -> Option<Vec<TagFrame>> {
    let (&rssi, rest) = param.split_first().filter(|_| param.len() > RSSI + PC + TAG_SUM)?;
    let (id, sum) = rest.split_at(rest.len() - TAG_SUM);
    let epc = tag_epc(id)?;
    (gen2(id).to_be_bytes() == *sum).then(|| {
        let rssi = Some(f32::from(rssi.cast_signed()));
        Epc::new(epc).map(|epc| TagFrame { epc, port: None, rssi }).into_iter().collect()
    })
}

/// The EPC behind a tag's PC, whose upper five bits are its length in words; `None` when that is not its length.
pub(super) fn tag_epc(id: &[u8]) -> Option<&[u8]> {
    let (&[high, _], epc) = id.split_first_chunk::<PC>()?;
    (!epc.is_empty() && epc.len() == usize::from(high >> 3) * 2).then_some(epc)
}
