//! Readers that send `CC AddrHi AddrLo Cmd Kind Len Data Check`.
//!
//! Len counts Data; all bytes add up to 0 modulo 256. They name no antenna.

use super::crc::{gen2, sums_to_zero};
use super::frame::{Candidate, Family, TagFrame};
use super::m100::tag_epc;
use flextraff_common::epc::Epc;

const HEAD: u8 = 0xCC;
/// Head, address (2), command, kind, Len and check byte.
const AROUND: usize = 7;
/// A tag with PC, its own checksum and signal strength; a tag that is nothing but its EPC.
const WITH_PC: [u8; 2] = [0x20, 0x05];
const BARE: [u8; 2] = [0x10, 0x32];
/// First byte of Data in each.
const WITH_PC_MARK: u8 = 0x00;
const BARE_MARK: u8 = 0x01;

/// The family.
#[derive(Debug)]
pub(super) struct Cc;

impl Family for Cc {
    fn longest(&self) -> usize {
        usize::from(u8::MAX) + AROUND
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        if bytes.first() != Some(&HEAD) {
            return Candidate::NOTHING;
        }
        let &[_, _, _, command, kind, len, ..] = bytes else { return Candidate::Unfinished };
        let size = usize::from(len) + AROUND;
        let Some(frame) = bytes.get(..size) else { return Candidate::Unfinished };
        if !sums_to_zero(frame) {
            return Candidate::BAD;
        }
        let data = &frame[6..size - 1];
        Candidate::frame(
            size,
            match [command, kind] {
                WITH_PC => with_pc(data),
                BARE => bare(data),
                _ => Some(Vec::new()),
            },
        )
    }
}

/// `00 PC(2) EPC TagCRC(2) RSSI`; the check byte alone would let a 256th of all damage pass, the tag's checksum does not.
fn with_pc(data: &[u8]) -> Option<Vec<TagFrame>> {
    let (&rssi, rest) = data.split_last()?;
    let (id, sum) = rest.strip_prefix(&[WITH_PC_MARK])?.split_last_chunk::<2>()?;
    let epc = tag_epc(id).filter(|_| gen2(id).to_be_bytes() == *sum)?;
    let rssi = Some(f32::from(rssi.cast_signed()));
    Some(Epc::new(epc).map(|epc| TagFrame { epc, port: None, rssi }).into_iter().collect())
}

/// `01 EPC`.
fn bare(data: &[u8]) -> Option<Vec<TagFrame>> {
    let epc = data.strip_prefix(&[BARE_MARK]).filter(|epc| !epc.is_empty() && epc.len().is_multiple_of(2))?;
    Some(Epc::new(epc).map(|epc| TagFrame { epc, port: None, rssi: None }).into_iter().collect())
}
