//! What must hold whatever a line carries.

use flextraff_agent::config::{Protocol, ReaderMode};
use flextraff_agent::reader::decoder::Decoder;
use flextraff_agent::reader::frame::{LineStats, TagFrame};
use flextraff_agent::reader::prober::Prober;
use flextraff_common::time::MonoMs;

/// Any bytes are decoded without panic, in whatever pieces they come: the tags are the same, and so is what counts as damaged.
pub fn decode(protocol: Protocol, bytes: &[u8]) {
    let whole = tags(protocol, bytes, bytes.len().max(1));
    assert_eq!(whole, tags(protocol, bytes, 1), "byte by byte");
    assert_eq!(whole, tags(protocol, bytes, 7), "in pieces");
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

fn tags(protocol: Protocol, bytes: &[u8], piece: usize) -> (Vec<TagFrame>, LineStats) {
    let mut decoder = Decoder::new(protocol, None).expect("every named protocol has a decoder");
    let mut tags = Vec::new();
    for part in bytes.chunks(piece) {
        tags.extend(decoder.feed(part, MonoMs(0)));
        assert!(decoder.take_signals().len() <= part.len() + 600, "one frame, one signal");
    }
    tags.extend(decoder.handle_timeout(MonoMs(1000)));
    assert_eq!(decoder.next_timeout(), None, "nothing is kept");
    assert!(decoder.stats().dropped_bytes <= bytes.len() as u64, "no byte is dropped twice");
    (tags, decoder.stats())
}
