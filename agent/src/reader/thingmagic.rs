//! `ThingMagic` M6e, M6e Nano and M7e modules, which stream what they read until they are told to stop.
//!
//! A response is `FF Len Op Status(2) Data CRC(2)`; Len counts Data. A tag comes as answer to op 22 with metadata, whose flags say which
//! fields are there.

use super::crc::thingmagic as crc;
use super::frame::{Candidate, Family, Signal, TagFrame};
use super::m100::tag_epc;
use flextraff_common::epc::Epc;

const HEAD: u8 = 0xFF;
/// Read tags.
const READ: u8 = 0x22;
/// Complaints of a module that reads.
const TOO_HOT: u16 = 0x0504;
const RETURN_LOSS: u16 = 0x0505;
/// Head, Len, op, status (2) and checksum (2).
const AROUND: usize = 7;
/// Modules send no longer frame.
const LONGEST: usize = 255;
/// Ops that begin a response: version and boot 03 to 09, reads 22 to 2F, settings 61 to 73 and 91 to 9F.
const OPS: [std::ops::RangeInclusive<u8>; 4] = [0x03..=0x0C, 0x21..=0x2F, 0x61..=0x73, 0x91..=0x9F];
/// First Data byte of a tag in the stream.
const STREAM: u8 = 0x10;
/// The stream's byte, search flags (2), metadata flags (2) and a byte that is 1.
const BEFORE_METADATA: usize = 6;

/// Metadata that is asked for and its bytes, in the order in which they come. Those not listed here end a frame's use: their length is unknown.
const READ_COUNT: u16 = 0x01;
const RSSI: u16 = 0x02;
const ANTENNA: u16 = 0x04;
const FIELDS: [(u16, usize); 7] =
    [(READ_COUNT, 1), (RSSI, 1), (ANTENNA, 1), (0x08, 3), (0x10, 4), (0x20, 2), (0x40, 1)];
/// Data of the tag, whose length in bits precedes it.
const TAG_DATA: u16 = 0x80;
/// GPIO, behind it.
const GPIO: u16 = 0x100;
const KNOWN: u16 = 0x1FF;

/// The family.
#[derive(Debug)]
pub(super) struct Thingmagic;

impl Family for Thingmagic {
    fn longest(&self) -> usize {
        LONGEST
    }

    fn signal(&self, frame: &[u8]) -> Option<Signal> {
        let &[_, _, op, high, low, ref data @ .., _, _] = frame else { return None };
        match (op, u16::from_be_bytes([high, low])) {
            (READ, 0) => None,
            (READ, TOO_HOT) => {
                Some(Signal::Trouble("is too hot and pauses; give it shade and air, or a lower power_dbm"))
            }
            (READ, RETURN_LOSS) => Some(Signal::Trouble(
                "gets its power back from an antenna; check that antenna and its cable before it is damaged",
            )),
            (READ, _) => Some(Signal::KeepAlive),
            (op, status) => Some(Signal::reply(op.into(), status, data)),
        }
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        if bytes.first() != Some(&HEAD) {
            return Candidate::NOTHING;
        }
        if bytes.get(2).is_some_and(|op| !OPS.iter().any(|ops| ops.contains(op))) {
            return Candidate::NOTHING;
        }
        let &[_, len, op, status_high, status_low, ..] = bytes else { return Candidate::Unfinished };
        let size = usize::from(len) + AROUND;
        if size > LONGEST {
            return Candidate::NOTHING;
        }
        let Some(frame) = bytes.get(..size) else { return Candidate::Unfinished };
        let (body, sum) = frame[1..].split_at(size - 3);
        if crc(body).to_be_bytes() != *sum {
            return Candidate::BAD;
        }
        let data = &body[4..];
        // Without data it is the keep-alive (status 0400) or a complaint; without the stream's mark the answer to a command.
        let is_tag = op == READ && (status_high, status_low) == (0, 0) && data.first() == Some(&STREAM);
        Candidate::frame(size, if is_tag { tag(data) } else { Some(Vec::new()) })
    }
}

/// The fields of a tag as they come.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }
}

fn tag(data: &[u8]) -> Option<Vec<TagFrame>> {
    let (head, rest) = data.split_at_checked(BEFORE_METADATA)?;
    let flags = u16::from_be_bytes([head[3], head[4]]);
    let mut fields = Fields(rest);
    let (mut rssi, mut port) = (None, None);
    for (flag, bytes) in FIELDS.into_iter().filter(|(flag, _)| flags & flag != 0) {
        let field = fields.take(bytes)?;
        match flag {
            RSSI => rssi = Some(f32::from(field[0].cast_signed())),
            // The sending antenna, from 1, is the high half.
            ANTENNA => port = Some(field[0] >> 4).filter(|port| *port > 0),
            _ => {}
        }
    }
    if flags & !KNOWN != 0 {
        return None;
    }
    if flags & TAG_DATA != 0 {
        let bits = fields.take(2)?;
        fields.take(usize::from(u16::from_be_bytes([bits[0], bits[1]])).div_ceil(8))?;
    }
    if flags & GPIO != 0 {
        fields.take(1)?;
    }
    let bits = fields.take(2)?;
    let id = fields.take(usize::from(u16::from_be_bytes([bits[0], bits[1]])) / 8)?;
    let (id, _tag_sum) = id.split_at_checked(id.len().checked_sub(2)?)?;
    let epc = tag_epc(id).filter(|_| fields.0.is_empty())?;
    Some(Epc::new(epc).map(|epc| TagFrame { epc, port, rssi }).into_iter().collect())
}
