//! Chafon Len-Adr-Cmd: UHFReader18, UHFReader288, RRU, CF-RU51xx, MU9xx ("UHF RFID Reader Series User Manual V2.20").
//!
//! A response is `Len Adr reCmd Status Data CRClo CRChi`; Len counts everything after itself. Frames have no start byte, so the decoder
//! slides: at each offset it asks for a (Len, reCmd, Status) that readers really send, then for enough bytes, then for the checksum and a
//! layout that fills the frame exactly; whatever fails costs one byte, never the whole candidate. A random offset passes both checksum
//! presets once in 32 768, so the other conditions are what keeps invented tags out until the preset is locked.

mod layout;
#[cfg(test)]
mod tests;

use super::crc::crc16;
use super::frame::{LineStats, TagFrame};
use crate::config::AntennaByte;
use flextraff_common::time::MonoMs;

/// How long the bytes of an unfinished frame wait for the rest. Well above the 16 ms latency timer of an FTDI adapter.
pub const PARTIAL_MS: i64 = 150;
/// Longest frame: a Len byte of 255 and itself.
const LONGEST: usize = 256;
/// Shortest Len of a response.
const SHORTEST_LEN: u8 = 5;
/// Initial values of the checksum: the manual's, and that of readers sold under other names.
const PRESETS: [u16; 2] = [0xFFFF, 0xAAAA];
/// Frames that a preset must verify to be the only one from then on.
const LOCK_AFTER: u8 = 3;

/// Decoder of one serial line.
#[derive(Debug)]
pub struct UhfReader {
    antenna: AntennaByte,
    buffer: Vec<u8>,
    last_byte: MonoMs,
    last_frame: Option<MonoMs>,
    verified: [u8; PRESETS.len()],
    stats: LineStats,
}

/// What the bytes from some offset on are.
enum Candidate {
    /// Perhaps a frame whose end is not here yet.
    Unfinished,
    /// No frame.
    Nothing,
    /// It looked like a frame, but checksum or layout is wrong.
    Bad,
    /// A frame of so many bytes.
    Frame { bytes: usize, preset: usize, tags: Vec<TagFrame> },
}

impl UhfReader {
    /// A decoder for a reader that names its antennas in this way.
    pub fn new(antenna: AntennaByte) -> Self {
        Self {
            antenna,
            buffer: Vec::with_capacity(2 * LONGEST),
            last_byte: MonoMs::default(),
            last_frame: None,
            verified: [0; PRESETS.len()],
            stats: LineStats::default(),
        }
    }

    /// Takes bytes as they came from the line and gives the tags of every frame that they complete, in order.
    pub fn feed(&mut self, bytes: &[u8], now: MonoMs) -> Vec<TagFrame> {
        let mut tags = Vec::new();
        if bytes.is_empty() {
            return tags;
        }
        // Old bytes get one chance to be completed by the new ones: their rest may have waited in a kernel buffer.
        let old = if self.is_stale(now) { self.buffer.len() } else { 0 };
        self.last_byte = now;
        let mut used = 0;
        for part in bytes.chunks(LONGEST) {
            self.buffer.extend_from_slice(part);
            used += self.decode(now, &mut tags);
        }
        while used < old && !self.buffer.is_empty() {
            self.drop_first();
            used += 1 + self.decode(now, &mut tags);
        }
        tags
    }

    /// Gives up a frame whose rest did not come in time, and gives the tags of the frames that it held back.
    pub fn handle_timeout(&mut self, now: MonoMs) -> Vec<TagFrame> {
        let mut tags = Vec::new();
        if self.is_stale(now) {
            while !self.buffer.is_empty() {
                self.drop_first();
                self.decode(now, &mut tags);
            }
        }
        tags
    }

    /// When [`UhfReader::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<MonoMs> {
        (!self.buffer.is_empty()).then(|| self.last_byte + PARTIAL_MS)
    }

    /// Forgets unfinished bytes and the locked preset, as after the line was opened anew; keeps the statistics.
    pub fn reset(&mut self) {
        self.stats.dropped_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.verified = [0; PRESETS.len()];
    }

    /// How clean the line is, since the decoder was made.
    pub const fn stats(&self) -> LineStats {
        self.stats
    }

    /// When the last intact frame came, of whatever kind: a heartbeat says that the reader lives while no tag is there.
    pub const fn last_frame(&self) -> Option<MonoMs> {
        self.last_frame
    }

    fn is_stale(&self, now: MonoMs) -> bool {
        self.next_timeout().is_some_and(|deadline| deadline <= now)
    }

    fn drop_first(&mut self) {
        self.buffer.remove(0);
        self.stats.dropped_bytes += 1;
    }

    /// Decodes as far as the buffer goes and gives how many bytes left it.
    fn decode(&mut self, now: MonoMs, out: &mut Vec<TagFrame>) -> usize {
        let mut at = 0;
        loop {
            match self.candidate(&self.buffer[at..]) {
                Candidate::Unfinished => break,
                Candidate::Nothing => {
                    at += 1;
                    self.stats.dropped_bytes += 1;
                }
                Candidate::Bad => {
                    at += 1;
                    self.stats.dropped_bytes += 1;
                    self.stats.bad_frames += 1;
                }
                Candidate::Frame { bytes, preset, tags } => {
                    at += bytes;
                    self.verified[preset] = (self.verified[preset] + 1).min(LOCK_AFTER);
                    self.last_frame = Some(now);
                    out.extend(tags);
                }
            }
        }
        self.buffer.drain(..at);
        at
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        let Some(&len) = bytes.first() else { return Candidate::Unfinished };
        if len < SHORTEST_LEN {
            return Candidate::Nothing;
        }
        let (command, status) = match *bytes {
            [_, _, command, status, ..] => (command, status),
            [_, _, command] if !layout::is_command(command) => return Candidate::Nothing,
            _ => return Candidate::Unfinished,
        };
        if !layout::is_plausible(len, command, status) {
            return Candidate::Nothing;
        }
        let size = usize::from(len) + 1;
        let Some(frame) = bytes.get(..size) else { return Candidate::Unfinished };
        let (body, sum) = frame.split_at(size - 2);
        let Some(preset) = self.matching_preset(body, u16::from_le_bytes([sum[0], sum[1]])) else {
            return Candidate::Bad;
        };
        match layout::tags(command, status, &body[4..], self.antenna) {
            Some(tags) => Candidate::Frame { bytes: size, preset, tags },
            None => Candidate::Bad,
        }
    }

    fn matching_preset(&self, body: &[u8], sum: u16) -> Option<usize> {
        let locked = self.verified.iter().position(|&frames| frames >= LOCK_AFTER);
        (0..PRESETS.len())
            .filter(|&preset| locked.is_none_or(|locked| locked == preset))
            .find(|&preset| crc16(PRESETS[preset], body) == sum)
    }
}
