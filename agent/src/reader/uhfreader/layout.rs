//! What the frames of Len-Adr-Cmd readers hold.

use crate::config::AntennaByte;
use crate::reader::frame::{Signal, TagFrame};
use flextraff_common::epc::Epc;

const INVENTORY: u8 = 0x01;
const INFO: u8 = 0x21;
const REAL_TIME: u8 = 0xEE;
/// Replies without data: band, address, scan time, baud, power, work mode (UHFReader18), antennas, buzzer, fast inventory, parameters, work
/// mode (288), heartbeat.
const SET: [u8; 13] = [0x22, 0x24, 0x25, 0x28, 0x2F, 0x35, 0x3F, 0x40, 0x50, 0x51, 0x75, 0x76, 0x78];
/// Replies with settings: work mode of UHFReader18 and of 288.
const GET: [u8; 2] = [0x36, 0x77];
/// Reply to what was no command; its reCmd.
const REFUSED: u8 = 0x00;

/// Len of a real-time frame that is nothing but a 96-bit EPC.
const EPC_ONLY_LEN: u8 = 0x11;
/// Bits of a tag's length byte in 288 layouts: EPC and TID follow together; phase and frequency follow the RSSI.
const WITH_TID: u8 = 0x80;
const WITH_PHASE: u8 = 0x40;
/// The TID that FastID appends to the EPC, bytes.
const TID_BYTES: usize = 12;
/// Phase (4) and frequency (3), bytes.
const PHASE_BYTES: usize = 7;

/// Of a heartbeat: what is before and behind the states of the antennas, and the state of one that is not there.
const PACKET_BYTES: usize = 4;
const TOTAL_BYTES: usize = 4;
const DISCONNECTED: u8 = 2;

/// Whether readers send responses to this command.
pub(super) fn is_command(command: u8) -> bool {
    matches!(command, INVENTORY | INFO | REAL_TIME | REFUSED)
        || SET.contains(&command)
        || GET.contains(&command)
}

/// Whether readers send responses that begin like this.
pub(super) fn is_plausible(len: u8, command: u8, status: u8) -> bool {
    match (command, status) {
        // Finished, out of scan time, more follows, memory full: with or without tags.
        (INVENTORY, 0x00..=0x04) => len >= 5,
        // Statistics: antenna, rate, total.
        (INVENTORY, 0x26) => len == 12,
        // No tag and errors, some with a code.
        (INVENTORY, 0xF8..=0xFF) => (5..=7).contains(&len),
        (REAL_TIME, 0x00) => len >= 10,
        (INVENTORY | REAL_TIME, 0x28) => is_heartbeat(len),
        (INFO, 0x00) => (0x0D..=0x20).contains(&len),
        (REFUSED, 0xFD | 0xFE) => len == 5,
        (command, 0x00) if SET.contains(&command) => len == 5,
        // Refused: cannot be saved, antenna, execution, contact, length, parameter.
        (command, 0x10..=0x14 | 0xF8..=0xFA | 0xFD | 0xFF) if SET.contains(&command) => len == 5,
        (command, 0x00) if GET.contains(&command) => (6..=0x20).contains(&len),
        _ => false,
    }
}

/// What a frame says besides tags.
pub(super) fn signal(frame: &[u8]) -> Option<Signal> {
    let &[_, _, command, status, ..] = frame else { return None };
    match (command, status) {
        (REAL_TIME | INVENTORY, 0x28) => Some(heartbeat(&frame[4..frame.len() - 2])),
        // More frames of this round follow.
        (REAL_TIME, _) | (INVENTORY, 0x03) => None,
        (INVENTORY, _) => Some(Signal::RoundEnd),
        (REFUSED, _) => {
            Some(Signal::Reply { code: None, refused: Some(u16::from(status)), data: Vec::new() })
        }
        _ => Some(Signal::reply(command.into(), status.into(), &frame[4..frame.len() - 2])),
    }
}

/// Packet number (4), state of 1, 4, 8 or 16 antennas, total (4).
const fn is_heartbeat(len: u8) -> bool {
    matches!(len, 0x0E | 0x11 | 0x15 | 0x1D)
}

/// What a heartbeat says: which antennas it misses. An idle one is 0, a connected one 1.
fn heartbeat(data: &[u8]) -> Signal {
    let states = &data[PACKET_BYTES..data.len() - TOTAL_BYTES];
    let missing: Vec<u8> =
        (1..).zip(states).filter(|(_, state)| **state == DISCONNECTED).map(|(port, _)| port).collect();
    if missing.is_empty() { Signal::KeepAlive } else { Signal::NoAntenna(missing) }
}

/// How readers lay out the tags of an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `Ant Num {len EPC RSSI}×Num`: UHFReader288 and what followed it.
    Newer,
    /// `Num {len EPC}×Num`: UHFReader18.
    Older,
}

impl Layout {
    /// Each, in the order of its number.
    pub(super) const ALL: [Self; 2] = [Self::Newer, Self::Older];
}

/// The tags of a frame whose checksum is right, and the inventory layout when it fits no other; `None` when its data fit no layout. Data that
/// fit both are read by the `usual` one.
pub(super) fn tags(
    command: u8,
    status: u8,
    data: &[u8],
    antenna: AntennaByte,
    usual: Layout,
) -> Option<(Vec<TagFrame>, Option<Layout>)> {
    match (command, status) {
        (REAL_TIME, 0x00) => real_time(data, antenna).map(|tags| (tags, None)),
        (INVENTORY, 0x00..=0x04) => inventory(data, antenna, usual),
        _ => Some((Vec::new(), None)),
    }
}

/// `EPC(12)`, or `Ant` and one tag. The two never collide: with the length of the first, the second would hold an EPC of 9 bytes, and an EPC
/// is a whole number of 16-bit words.
fn real_time(data: &[u8], antenna: AntennaByte) -> Option<Vec<TagFrame>> {
    if data.len() + 5 == usize::from(EPC_ONLY_LEN) {
        return Some(Epc::new(data).map(bare).into_iter().collect());
    }
    let (&ant, rest) = data.split_first()?;
    tags_288(1, rest, antenna.port(ant))
}

/// The layout that the data fill exactly with EPCs of whole words.
///
/// Both fit once in thousands of frames of many tags: an older frame read as a newer one has as many tags as its first EPC has bytes; a newer
/// one with two and more antennas in its mask has length bytes where by chance EPCs have them. A reader keeps to one layout, and a frame with
/// a single EPC of 96 bits fits one only, so what a reader has shown decides.
fn inventory(data: &[u8], antenna: AntennaByte, usual: Layout) -> Option<(Vec<TagFrame>, Option<Layout>)> {
    let Some((&first, rest)) = data.split_first() else { return Some((Vec::new(), None)) };
    let newer = rest.split_first().and_then(|(&count, tags)| tags_288(count, tags, antenna.port(first)));
    match (newer, tags_18(first, rest)) {
        (Some(newer), Some(older)) => Some((if usual == Layout::Newer { newer } else { older }, None)),
        (Some(newer), None) => Some((newer, Some(Layout::Newer))),
        (None, Some(older)) => Some((older, Some(Layout::Older))),
        (None, None) => None,
    }
}

fn tags_288(count: u8, mut data: &[u8], port: Option<u8>) -> Option<Vec<TagFrame>> {
    let mut tags = Vec::new();
    for _ in 0..count {
        let (&head, rest) = data.split_first()?;
        let (id, rest) = rest.split_at_checked(usize::from(head & !(WITH_TID | WITH_PHASE)))?;
        let (&rssi, rest) = rest.split_first()?;
        data = if head & WITH_PHASE == 0 { rest } else { rest.get(PHASE_BYTES..)? };
        let epc = if head & WITH_TID == 0 { id } else { id.get(..id.len().checked_sub(TID_BYTES)?)? };
        if !whole_words(epc) {
            return None;
        }
        // A tag longer than any that is kept is left out; its neighbours in the frame stay.
        tags.extend(Epc::new(epc).map(|epc| TagFrame { epc, port, rssi: Some(f32::from(rssi)) }));
    }
    data.is_empty().then_some(tags)
}

fn tags_18(count: u8, mut data: &[u8]) -> Option<Vec<TagFrame>> {
    let mut tags = Vec::new();
    for _ in 0..count {
        let (&len, rest) = data.split_first()?;
        let (epc, rest) = rest.split_at_checked(usize::from(len))?;
        data = rest;
        if !whole_words(epc) {
            return None;
        }
        tags.extend(Epc::new(epc).map(bare));
    }
    data.is_empty().then_some(tags)
}

fn whole_words(epc: &[u8]) -> bool {
    !epc.is_empty() && epc.len().is_multiple_of(2)
}

const fn bare(epc: Epc) -> TagFrame {
    TagFrame { epc, port: None, rssi: None }
}
