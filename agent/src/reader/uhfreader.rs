//! Chafon Len-Adr-Cmd: UHFReader18, UHFReader288, RRU, CF-RU51xx, MU9xx ("UHF RFID Reader Series User Manual V2.20").
//!
//! A response is `Len Adr reCmd Status Data CRClo CRChi`; Len counts everything after itself. Frames have no start byte, so at
//! each offset a (Len, reCmd, Status) that readers really send is asked for, then enough bytes, then the checksum and a layout that fills the
//! frame exactly. A random offset passes both checksum presets once in 32 768, so the other conditions are what keeps invented tags out until
//! the preset is locked.

mod layout;
#[cfg(test)]
mod tests;

use super::crc::crc16;
use super::frame::{Candidate, Family, Signal};
use crate::config::AntennaByte;
use layout::Layout;

/// Longest frame: a Len byte of 255 and itself.
const LONGEST: usize = 256;
/// Shortest Len of a response.
const SHORTEST_LEN: u8 = 5;
/// Initial values of the checksum: the manual's, and that of readers sold under other names.
const PRESETS: [u16; 2] = [0xFFFF, 0xAAAA];
/// Frames that a preset must verify to be the only one from then on.
const LOCK_AFTER: u8 = 3;

/// The family.
#[derive(Debug)]
pub(super) struct UhfReader {
    antenna: AntennaByte,
    verified: [u8; PRESETS.len()],
    /// Frames that fitted this inventory layout and not the other.
    layouts: [u32; Layout::ALL.len()],
}

impl UhfReader {
    /// Readers that name their antennas in this way.
    pub(super) const fn new(antenna: AntennaByte) -> Self {
        Self { antenna, verified: [0; PRESETS.len()], layouts: [0; Layout::ALL.len()] }
    }

    fn matching_preset(&self, body: &[u8], sum: u16) -> Option<usize> {
        let locked = self.verified.iter().position(|&frames| frames >= LOCK_AFTER);
        (0..PRESETS.len())
            .filter(|&preset| locked.is_none_or(|locked| locked == preset))
            .find(|&preset| crc16(PRESETS[preset], body) == sum)
    }

    /// The layout of inventories that this reader has shown so far; the newer one before it has shown any.
    const fn layout(&self) -> Layout {
        if self.layouts[Layout::Older as usize] > self.layouts[Layout::Newer as usize] {
            Layout::Older
        } else {
            Layout::Newer
        }
    }
}

impl Family for UhfReader {
    fn longest(&self) -> usize {
        LONGEST
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        let Some(&len) = bytes.first() else { return Candidate::Unfinished };
        if len < SHORTEST_LEN {
            return Candidate::NOTHING;
        }
        let (command, status) = match *bytes {
            [_, _, command, status, ..] => (command, status),
            [_, _, command] if !layout::is_command(command) => return Candidate::NOTHING,
            _ => return Candidate::Unfinished,
        };
        if !layout::is_plausible(len, command, status) {
            return Candidate::NOTHING;
        }
        let size = usize::from(len) + 1;
        let Some(frame) = bytes.get(..size) else { return Candidate::Unfinished };
        let (body, sum) = frame.split_at(size - 2);
        let Some(preset) = self.matching_preset(body, u16::from_le_bytes([sum[0], sum[1]])) else {
            return Candidate::BAD;
        };
        match layout::tags(command, status, &body[4..], self.antenna, self.layout()) {
            Some((tags, shown)) => Candidate::Frame { bytes: size, tags, variant: variant(preset, shown) },
            None => Candidate::BAD,
        }
    }

    fn signal(&self, frame: &[u8]) -> Option<Signal> {
        layout::signal(frame)
    }

    fn verified(&mut self, variant: usize) {
        let preset = variant % PRESETS.len();
        self.verified[preset] = (self.verified[preset] + 1).min(LOCK_AFTER);
        if let Some(layout) = (variant / PRESETS.len()).checked_sub(1) {
            self.layouts[layout] = self.layouts[layout].saturating_add(1);
        }
    }

    fn forget(&mut self) {
        self.verified = [0; PRESETS.len()];
        self.layouts = [0; Layout::ALL.len()];
    }
}

/// A checksum preset, and the layout where the frame has shown one, as one number.
fn variant(preset: usize, shown: Option<Layout>) -> usize {
    preset + PRESETS.len() * shown.map_or(0, |layout| 1 + layout as usize)
}
