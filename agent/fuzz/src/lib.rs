//! What must hold whatever a line carries.

use flextraff_agent::config::{Protocol, ReaderMode};
use flextraff_agent::reader::decoder::{Decoder, PARTIAL_MS};
use flextraff_agent::reader::frame::{LineStats, TagFrame};
use flextraff_agent::reader::prober::Prober;
use flextraff_common::time::MonoMs;

/// Any bytes are decoded without panic, in whatever pieces they come: the tags are the same, and so is what counts as damaged. That holds for
/// a line that never pauses, and for one that does so in the middle of frames.
pub fn decode(protocol: Protocol, bytes: &[u8]) {
    // The bytes themselves say where, so that the same input always pauses at the same places, some twenty bytes apart.
    let goes_on = |one: &u8, next: &u8| !one.wrapping_mul(31).wrapping_add(*next).is_multiple_of(20);
    let paused: Vec<&[u8]> = bytes.chunk_by(goes_on).collect();
    for bursts in [&[bytes][..], &paused] {
        let whole = tags(protocol, bursts, bytes.len().max(1), true);
        assert_eq!(whole, tags(protocol, bursts, 1, true), "byte by byte");
        assert_eq!(whole, tags(protocol, bursts, 7, true), "in pieces");
    }
    // Which frames old bytes still belong to depends on the piece that comes.
    tags(protocol, &paused, 7, false);
}

/// Any bytes are probed without panic, and the search always goes on.
pub fn probe(bytes: &[u8]) {
    let mut now = MonoMs(0);
    let mut prober = Prober::new(Protocol::Auto, Some(57_600), None, ReaderMode::Drive, now);
    for part in bytes.chunks(64) {
        now = now.max(prober.next_timeout());
        let found = prober.feed(part, now).or_else(|| prober.handle_timeout(now));
        if found.is_some() {
            return;
        }
        prober.take_probes();
    }
}

/// Tags of bursts with a pause after each; `in_time`: what a pause leaves unfinished is given up during it, not when the next bytes come.
fn tags(protocol: Protocol, bursts: &[&[u8]], piece: usize, in_time: bool) -> (Vec<TagFrame>, LineStats) {
    let mut decoder = Decoder::new(protocol, None).expect("every named protocol has a decoder");
    let mut tags = Vec::new();
    let mut now = MonoMs(0);
    for burst in bursts {
        for part in burst.chunks(piece) {
            tags.extend(decoder.feed(part, now));
            assert!(decoder.take_signals().len() <= part.len() + 600, "one frame, one signal");
        }
        now = now + PARTIAL_MS;
        if in_time {
            tags.extend(decoder.handle_timeout(now));
            assert_eq!(decoder.next_timeout(), None, "nothing is kept");
        }
    }
    tags.extend(decoder.handle_timeout(now));
    assert_eq!(decoder.next_timeout(), None, "nothing is kept");
    let bytes: usize = bursts.iter().map(|burst| burst.len()).sum();
    assert!(decoder.stats().dropped_bytes <= bytes as u64, "no byte is dropped twice");
    (tags, decoder.stats())
}
