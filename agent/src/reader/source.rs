//! Which decoder a reader needs, and which lane each of its frames belongs to.

use super::Read;
use super::decoder::Decoder;
use super::frame::{LineStats, Signal, TagFrame};
use crate::config::{LaneMap, ReaderConfig};
use flextraff_common::time::MonoMs;

/// Bytes of one reader in, reads out.
#[derive(Debug)]
pub struct Source {
    decoder: Decoder,
    lanes: LaneMap,
    unmapped: u64,
    /// The antenna of the first of them.
    unmapped_port: Option<u8>,
    /// Ports that tags came from since somebody asked, each once.
    ports: Vec<u8>,
}

impl Source {
    /// A source for this reader; `None` when its protocol is still to be found out.
    pub fn new(config: &ReaderConfig) -> Option<Self> {
        Some(Self::of(Decoder::new(config.protocol, config.antenna_byte)?, config))
    }

    /// A source for this reader with the decoder that it was found to need.
    pub fn of(decoder: Decoder, config: &ReaderConfig) -> Self {
        Self { decoder, lanes: config.lanes.clone(), unmapped: 0, unmapped_port: None, ports: Vec::new() }
    }

    /// What the frames of the last call said besides tags, in order.
    pub fn take_signals(&mut self) -> Vec<Signal> {
        self.decoder.take_signals()
    }

    /// Ports that tags came from since the last call.
    pub fn take_ports(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ports)
    }

    /// Intact frames since the source was made.
    pub const fn frames(&self) -> u64 {
        self.decoder.frames()
    }

    /// Takes bytes as they came from the line and gives the reads that they complete, in order.
    pub fn feed(&mut self, bytes: &[u8], now: MonoMs) -> Vec<Read> {
        let frames = self.decoder.feed(bytes, now);
        self.place(&frames, now)
    }

    /// Gives up an unfinished frame that is too old, and gives the reads that it held back.
    pub fn handle_timeout(&mut self, now: MonoMs) -> Vec<Read> {
        let frames = self.decoder.handle_timeout(now);
        self.place(&frames, now)
    }

    /// When [`Source::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<MonoMs> {
        self.decoder.next_timeout()
    }

    /// Starts afresh on a line that was opened anew; keeps the statistics.
    pub fn reset(&mut self) {
        self.decoder.reset();
    }

    /// How clean the line is, since the source was made.
    pub const fn line(&self) -> LineStats {
        self.decoder.stats()
    }

    /// Tags from antennas that the configuration puts on no lane, since the source was made.
    pub const fn unmapped(&self) -> u64 {
        self.unmapped
    }

    /// Why the first of those tags belongs to no lane, and the way out; `None` while there is none.
    pub fn misplaced(&self) -> Option<String> {
        (self.unmapped > 0).then(|| match self.unmapped_port {
            Some(port) => {
                format!(
                    "reads of antenna {port} belong to no lane; add \"{port}\" = \"…\", its lane, to lanes"
                )
            }
            None => "reads that name no antenna belong to no lane; add default = \"…\", their lane, to lanes"
                .to_owned(),
        })
    }

    /// Puts tags that were read at `now` on their lanes.
    pub fn place(&mut self, frames: &[TagFrame], now: MonoMs) -> Vec<Read> {
        let mut reads = Vec::with_capacity(frames.len());
        for frame in frames {
            self.ports.extend(frame.port.filter(|port| !self.ports.contains(port)));
            let Some(watch) = self.lanes.watch(frame.port) else {
                if self.unmapped == 0 {
                    self.unmapped_port = frame.port;
                }
                self.unmapped += 1;
                continue;
            };
            reads.push(Read {
                lane: watch.lane,
                zone: watch.zone,
                epc: frame.epc,
                rssi: frame.rssi,
                at: now,
            });
        }
        reads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NamesAntenna, Protocol, Watch};
    use flextraff_common::junction::LaneIx;
    use flextraff_common::wire::ZoneName;

    fn reader(protocol: Protocol) -> ReaderConfig {
        let watch = |lane, zone| Watch { lane: LaneIx::new(lane), zone };
        ReaderConfig {
            name: "north".into(),
            protocol,
            port: "virtual".into(),
            baud: 57_600,
            antenna_byte: None,
            lanes: LaneMap {
                ports: [(1, watch(0, ZoneName::StopLine)), (3, watch(1, ZoneName::Advance))].into(),
                default: None,
            },
            power_dbm: None,
            region: None,
            session: None,
            mode: crate::config::ReaderMode::Listen,
            silence_ms: 90_000,
        }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex.parse::<flextraff_common::epc::Epc>().unwrap().as_bytes().to_vec()
    }

    #[test]
    fn an_antenna_puts_its_tags_on_its_lane_and_zone() {
        let mut source = Source::new(&reader(Protocol::Uhfreader)).unwrap();
        let one = source.feed(&bytes("1400EE00010C34161FA8203E7CB20200002050E4A0"), MonoMs(7));
        assert_eq!((one[0].lane, one[0].zone), (LaneIx::new(0), ZoneName::StopLine));
        assert_eq!((one[0].at, one[0].rssi), (MonoMs(7), Some(80.0)));
        let three = source.feed(&bytes("1400EE00040C34161FA8203E7CB2020000405022A5"), MonoMs(8));
        assert_eq!((three[0].lane, three[0].zone), (LaneIx::new(1), ZoneName::Advance));
    }

    #[test]
    fn an_antenna_on_no_lane_is_counted_not_guessed() {
        let mut source = Source::new(&reader(Protocol::Uhfreader)).unwrap();
        assert_eq!(source.feed(&bytes("1400EE00020C34161FA8203E7CB2305B75E0500FDC"), MonoMs(0)), []);
        assert_eq!(source.feed(&bytes("1100EE00E2000020401302162510BBECB1B1"), MonoMs(0)), []);
        assert_eq!(source.unmapped(), 2);
        let way_out = source.misplaced().unwrap();
        assert_eq!(way_out, "reads of antenna 2 belong to no lane; add \"2\" = \"…\", its lane, to lanes");
    }

    #[test]
    fn whether_a_protocol_names_antennas_is_what_its_frames_do() {
        for (protocol, frame) in [
            (Protocol::M100, "BB02220011C9340030751FEB705C5904E3D50D703A76EF7E"),
            (Protocol::Ascii, "3334313631464138323033453743423230323030303032300D0A"),
            (Protocol::Cc, "CCFFFF200512003400E28011700000021B09926B1705CCBA23"),
            (Protocol::Uhfreader, "1100EE00E2000020401302162510BBECB1B1"),
            (Protocol::Cf, "CF0000011200FD3A01000CE28069950000400A8F3981330A1D"),
        ] {
            let mut source = Source::new(&reader(protocol)).unwrap();
            let reads = source.feed(&bytes(frame), MonoMs(0));
            assert_eq!(reads.len() as u64 + source.unmapped(), 1, "{protocol:?}");
            let named = !reads.is_empty();
            assert_eq!(named, protocol.names_antenna() == NamesAntenna::Always, "{protocol:?}");
        }
    }

    #[test]
    fn only_a_protocol_that_is_still_to_be_found_has_no_source() {
        for protocol in [
            Protocol::Auto,
            Protocol::Uhfreader,
            Protocol::Cf,
            Protocol::M100,
            Protocol::Ascii,
            Protocol::Thingmagic,
            Protocol::A0,
            Protocol::Cc,
        ] {
            assert_eq!(Source::new(&reader(protocol)).is_some(), protocol != Protocol::Auto, "{protocol:?}");
        }
    }

    #[test]
    fn advance_antennas_watch_no_stop_line() {
        assert_eq!(reader(Protocol::Uhfreader).stop_lines(), [LaneIx::new(0)]);
    }
}
