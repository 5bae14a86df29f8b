//! Finds the frames in the bytes of a serial line, whatever the family of readers.
//!
//! The decoder slides: at each offset it asks the family what the bytes begin with. Whatever fails costs one byte, never the whole candidate,
//! so that nothing between two intact frames, and no damaged frame, takes an intact one with it.

#[cfg(test)]
mod tests;

use super::frame::{Candidate, Family, LineStats, Signal, TagFrame};
use super::{a0::A0, ascii::Ascii, cc::Cc, cf::Cf, m100::M100, thingmagic::Thingmagic, uhfreader::UhfReader};
use crate::config::{AntennaByte, Protocol};
use flextraff_common::time::MonoMs;

/// How long the bytes of an unfinished frame wait for the rest. Well above the 16 ms latency timer of an FTDI adapter.
pub const PARTIAL_MS: i64 = 150;

/// So many frames in a row that are none, and what was learned about the reader is forgotten: it may be another one.
const FORGET_AFTER: u8 = 32;

/// Decoder of one serial line.
#[derive(Debug)]
pub struct Decoder {
    family: Box<dyn Family>,
    buffer: Vec<u8>,
    last_byte: MonoMs,
    last_frame: Option<MonoMs>,
    signals: Vec<Signal>,
    frames: u64,
    bad_in_a_row: u8,
    stats: LineStats,
}

impl Decoder {
    /// A decoder of this protocol; `None` for [`Protocol::Auto`], which is none. `antenna`: how the reader names its antennas; without it as
    /// readers of the family usually do.
    pub fn new(protocol: Protocol, antenna: Option<AntennaByte>) -> Option<Self> {
        let family: Box<dyn Family> = match protocol {
            Protocol::Auto => return None,
            Protocol::Uhfreader => Box::new(UhfReader::new(antenna.unwrap_or_default())),
            Protocol::Cf => Box::new(Cf::new(antenna)),
            Protocol::M100 => Box::new(M100),
            Protocol::Ascii => Box::new(Ascii),
            Protocol::Thingmagic => Box::new(Thingmagic),
            Protocol::A0 => Box::new(A0),
            Protocol::Cc => Box::new(Cc),
        };
        let buffer = Vec::with_capacity(2 * family.longest());
        let (last_byte, stats) = (MonoMs::default(), LineStats::default());
        Some(Self {
            family,
            buffer,
            last_byte,
            last_frame: None,
            signals: Vec::new(),
            frames: 0,
            bad_in_a_row: 0,
            stats,
        })
    }

    /// Takes bytes as they came from the line and gives the tags of every frame that they complete, in order.
    pub fn feed(&mut self, bytes: &[u8], now: MonoMs) -> Vec<TagFrame> {
        let mut tags = Vec::new();
        self.signals.clear();
        if bytes.is_empty() {
            return tags;
        }
        // Old bytes get one chance to be completed by the new ones: their rest may have waited in a kernel buffer.
        let old = if self.is_stale(now) { self.buffer.len() } else { 0 };
        self.last_byte = now;
        let mut used = 0;
        for part in bytes.chunks(self.family.longest()) {
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
        self.signals.clear();
        if self.is_stale(now) {
            while !self.buffer.is_empty() {
                self.drop_first();
                self.decode(now, &mut tags);
            }
        }
        tags
    }

    /// When [`Decoder::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<MonoMs> {
        (!self.buffer.is_empty()).then(|| self.last_byte + PARTIAL_MS)
    }

    /// Forgets unfinished bytes and what was learned about the reader, as after the line was opened anew; keeps the statistics.
    pub fn reset(&mut self) {
        self.stats.dropped_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.family.forget();
    }

    /// What the frames of the last call said besides tags, in order.
    pub fn take_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.signals)
    }

    /// Intact frames since the decoder was made.
    pub const fn frames(&self) -> u64 {
        self.frames
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
            let rest = &self.buffer[at..];
            if rest.is_empty() {
                break;
            }
            match self.family.candidate(rest) {
                Candidate::Unfinished => break,
                Candidate::Skip { bytes, bad } => {
                    at += bytes;
                    self.stats.dropped_bytes += bytes as u64;
                    self.stats.bad_frames += u64::from(bad);
                    self.bad_in_a_row += u8::from(bad);
                    if self.bad_in_a_row == FORGET_AFTER {
                        self.bad_in_a_row = 0;
                        self.family.forget();
                    }
                }
                Candidate::Frame { bytes, tags, variant } => {
                    self.signals.extend(self.family.signal(&rest[..bytes]));
                    at += bytes;
                    self.frames += 1;
                    self.bad_in_a_row = 0;
                    self.family.verified(variant);
                    self.last_frame = Some(now);
                    out.extend(tags);
                }
            }
        }
        self.buffer.drain(..at);
        at
    }
}
