//! Chafon readers with the CF header (UHF Prime): CF59x, CF6xx, CF-H, M-200 gates.
//!
//! A response is `CF Adr CmdHi CmdLo Len Status Data CRChi CRClo`; Len counts Status and Data. The checksum is that of the other Chafon
//! readers with the high byte first.

use super::crc::crc16;
use super::frame::{Candidate, Family, Signal, TagFrame};
use crate::config::AntennaByte;
use flextraff_common::epc::Epc;

const HEAD: u8 = 0xCF;
/// Address under which the host calls every reader: an echo of its own command.
const BROADCAST: u8 = 0xFF;
/// Command of the inventory, and of the tags that it reports.
const INVENTORY: u16 = 0x0001;
/// Status of an inventory that reads nothing.
const NOTHING_READ: u8 = 0x12;
/// Highest command that readers know; the lower bound of noise that is taken for a frame.
const LAST_COMMAND: u16 = 0x00FF;
/// Bytes around Data: header, address, command (2), Len and checksum (2).
const AROUND: usize = 7;
/// Longest frame.
const LONGEST: usize = 255 + AROUND;
/// RSSI (2), antenna, channel and the length of the EPC.
const TAG_HEAD: usize = 5;

/// The family.
#[derive(Debug)]
pub(super) struct Cf {
    antenna: Option<AntennaByte>,
}

impl Cf {
    /// Readers that name their antennas in this way; without it by their numbers from 1.
    pub(super) const fn new(antenna: Option<AntennaByte>) -> Self {
        Self { antenna }
    }

    /// The tag of a report; `None` when the data fit no layout. A bare status is the answer to a start or a stop, or "nothing read".
    fn tags(&self, data: &[u8]) -> Option<Vec<TagFrame>> {
        let (&[status, ref data @ ..], true) = (data, !data.is_empty()) else { return Some(Vec::new()) };
        if status != 0 || data.is_empty() {
            return Some(Vec::new());
        }
        let (&[high, low, antenna, _channel, bytes], epc) = data.split_first_chunk::<TAG_HEAD>()?;
        if epc.len() != usize::from(bytes) || epc.is_empty() || !epc.len().is_multiple_of(2) {
            return None;
        }
        let port = match self.antenna {
            None => (antenna > 0).then_some(antenna),
            Some(named) => named.port(antenna),
        };
        let rssi = Some(f32::from(i16::from_be_bytes([high, low])) / 10.0);
        Some(Epc::new(epc).map(|epc| TagFrame { epc, port, rssi }).into_iter().collect())
    }
}

impl Family for Cf {
    fn longest(&self) -> usize {
        LONGEST
    }

    fn signal(&self, frame: &[u8]) -> Option<Signal> {
        let &[_, address, high, low, _, ref data @ ..] = frame else { return None };
        let (&status, data) = data[..data.len() - 2].split_first()?;
        match (address, u16::from_be_bytes([high, low])) {
            (BROADCAST, _) => None,
            (_, INVENTORY) if status == NOTHING_READ => Some(Signal::KeepAlive),
            (_, INVENTORY) if status == 0 && !data.is_empty() => None,
            (_, command) => Some(Signal::reply(command, status.into(), data)),
        }
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        if bytes.first() != Some(&HEAD) {
            return Candidate::NOTHING;
        }
        let &[_, address, high, low, len, ..] = bytes else { return Candidate::Unfinished };
        let command = u16::from_be_bytes([high, low]);
        if command > LAST_COMMAND {
            return Candidate::NOTHING;
        }
        let size = usize::from(len) + AROUND;
        let Some(frame) = bytes.get(..size) else { return Candidate::Unfinished };
        let (body, sum) = frame.split_at(size - 2);
        if crc16(0xFFFF, body).to_be_bytes() != *sum {
            return Candidate::BAD;
        }
        let holds_tag = command == INVENTORY && address != BROADCAST;
        Candidate::frame(size, if holds_tag { self.tags(&body[5..]) } else { Some(Vec::new()) })
    }
}
