use super::*;
use crate::config::Protocol;
use crate::reader::decoder::{Decoder, PARTIAL_MS};
use crate::reader::frame::LineStats;
use crate::reader::frame::Signal;
use flextraff_common::time::MonoMs;
use proptest::prelude::*;

fn with_sum(preset: u16, mut body: Vec<u8>) -> Vec<u8> {
    body[0] = body.len() as u8 + 1;
    let sum = crc16(preset, &body);
    body.extend_from_slice(&sum.to_le_bytes());
    body
}

fn inventory(data: &[u8]) -> Vec<u8> {
    with_sum(0xFFFF, [&[0, 0, 1, 3], data].concat())
}

fn decoder(antenna: AntennaByte) -> Decoder {
    Decoder::new(Protocol::Uhfreader, Some(antenna)).unwrap()
}

fn decode(frame: &[u8], antenna: AntennaByte) -> Vec<(String, Option<u8>, Option<f32>)> {
    read(&mut decoder(antenna), frame)
}

fn read(decoder: &mut Decoder, frame: &[u8]) -> Vec<(String, Option<u8>, Option<f32>)> {
    let tags = decoder.feed(frame, MonoMs(0));
    tags.iter().map(|tag| (tag.epc.to_string(), tag.port, tag.rssi)).collect()
}

/// The data of an inventory: the newer layout, with an RSSI of 80, where an antenna is given.
fn laid_out(ant: Option<u8>, epcs: &[&[u8]]) -> Vec<u8> {
    let mut data: Vec<u8> = ant.into_iter().collect();
    data.push(epcs.len() as u8);
    for epc in epcs {
        data.push(epc.len() as u8);
        data.extend_from_slice(epc);
        data.extend(ant.map(|_| 80));
    }
    data
}

#[test]
fn a_reader_in_the_place_of_another_is_understood_whatever_its_checksum_starts_from() {
    let mut decoder = decoder(AntennaByte::Mask);
    let frame = |preset| with_sum(preset, [&[0, 0, 1, 3], &laid_out(Some(1), &[&[0x34; 12]])[..]].concat());
    for _ in 0..LOCK_AFTER {
        assert_eq!(read(&mut decoder, &frame(0xFFFF)).len(), 1);
    }
    assert_eq!(read(&mut decoder, &frame(0xAAAA)).len(), 0, "after three of a kind another is noise");
    let missed = (0..100).take_while(|_| read(&mut decoder, &frame(0xAAAA)).is_empty()).count();
    assert!((10..60).contains(&missed), "{missed} frames were missed");
    assert_eq!(read(&mut decoder, &frame(0xAAAA)).len(), 1);
}

#[test]
fn antenna_bytes_are_masks_or_numbers() {
    let frame = |ant| inventory(&[ant, 1, 2, 0xAB, 0xCD, 60]);
    let port = |ant, kind| decode(&frame(ant), kind)[0].1;
    assert_eq!([1, 2, 4, 8].map(|ant| port(ant, AntennaByte::Mask)), [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!([0, 3, 0x0F].map(|ant| port(ant, AntennaByte::Mask)), [None; 3]);
    assert_eq!([0, 1, 15].map(|ant| port(ant, AntennaByte::Index)), [Some(1), Some(2), Some(16)]);
    assert_eq!(port(0xFF, AntennaByte::Index), None);
}

#[test]
fn phase_frequency_and_tid_are_cut_off() {
    let epc = [0x34; 12];
    let tid = [0xE2; 12];
    let data = [
        &[1, 3, 0x0C | 0x40][..],
        &epc,
        &[70, 1, 2, 3, 4, 5, 6, 7, 0x18 | 0x80],
        &epc,
        &tid,
        &[71, 0x18 | 0xC0],
        &epc,
        &tid,
        &[72, 1, 2, 3, 4, 5, 6, 7],
    ]
    .concat();
    let tag = |rssi| ("34".repeat(12), Some(1), Some(rssi));
    assert_eq!(decode(&inventory(&data), AntennaByte::Mask), [tag(70.0), tag(71.0), tag(72.0)]);
    // Real-time frames carry the same tag block.
    let frame =
        with_sum(0xFFFF, [&[0, 0, 0xEE, 0, 1, 0x0C | 0x40][..], &epc, &[73, 1, 2, 3, 4, 5, 6, 7]].concat());
    assert_eq!(decode(&frame, AntennaByte::Mask), [tag(73.0)]);
}

#[test]
fn data_that_fill_no_layout_are_no_tags() {
    for data in [
        &[1, 2, 2, 0xAB, 0xCD, 60][..],   // one tag less than announced
        &[1, 1, 2, 0xAB, 0xCD, 60, 0],    // a byte too many
        &[1, 1, 3, 0xAB, 0xCD, 0xEF, 60], // half a word
        &[1, 1, 0, 60],                   // no EPC at all
        &[1, 1, 0x84, 1, 2, 3, 4, 60],    // shorter than the TID that it says to hold
    ] {
        let mut decoder = decoder(AntennaByte::Mask);
        assert_eq!(decoder.feed(&inventory(data), MonoMs(0)), [], "{data:?}");
        assert_eq!(decoder.stats().bad_frames, 1, "{data:?}");
    }
}

#[test]
fn heartbeats_keep_the_line_alive_without_tags() {
    let mut decoder = decoder(AntennaByte::Mask);
    let heartbeat = with_sum(0xFFFF, vec![0, 0, 0xEE, 0x28, 0, 0, 0, 7, 1, 1, 2, 0, 0, 0, 1, 0x23]);
    assert_eq!(decoder.feed(&heartbeat, MonoMs(42)), []);
    assert_eq!((decoder.last_frame(), decoder.stats()), (Some(MonoMs(42)), LineStats::default()));
    // The third of its four antennas is disconnected.
    assert_eq!(decoder.take_signals(), [Signal::NoAntenna(vec![3])]);
    let well = with_sum(0xFFFF, vec![0, 0, 0xEE, 0x28, 0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 1, 0x23]);
    assert_eq!(decoder.feed(&well, MonoMs(44)), []);
    assert_eq!(decoder.take_signals(), [Signal::KeepAlive]);
}

proptest! {
    #[test]
    fn whatever_a_right_checksum_covers_is_survived(
        command in prop_oneof![Just(0x01), Just(0xEE)],
        status in 0_u8..5,
        data in prop::collection::vec(any::<u8>(), 0..250),
    ) {
        let mut decoder = decoder(AntennaByte::Mask);
        decoder.feed(&with_sum(0xFFFF, [&[0, 0, command, status][..], &data].concat()), MonoMs(0));
        decoder.handle_timeout(MonoMs(PARTIAL_MS));
        prop_assert_eq!(decoder.next_timeout(), None);
    }

    #[test]
    fn both_inventory_layouts_are_told_apart(
        ant in prop_oneof![Just(1_u8), Just(2), Just(4), Just(8)],
        epcs in prop::collection::vec((1_usize..=8, any::<[u8; 16]>()), 0..=12),
        with_antenna in any::<bool>(),
    ) {
        let epcs: Vec<&[u8]> = epcs.iter().map(|(words, epc)| &epc[..words * 2]).collect();
        let mut decoder = decoder(AntennaByte::Mask);
        decoder.feed(&inventory(&laid_out(with_antenna.then_some(ant), &[&[0x34; 12]])), MonoMs(0));
        let expected: Vec<_> = epcs
            .iter()
            .map(|epc| {
                let epc = flextraff_common::epc::Epc::new(epc).unwrap().to_string();
                if with_antenna { (epc, Some(ant.trailing_zeros() as u8 + 1), Some(80.0)) } else { (epc, None, None) }
            })
            .collect();
        let frame = inventory(&laid_out(with_antenna.then_some(ant), &epcs));
        prop_assert_eq!(read(&mut decoder, &frame), expected);
    }
}

#[test]
fn a_frame_that_fits_both_layouts_is_read_as_its_reader_has_shown() {
    let both = inventory(&[2, 2, 2, 0xA0, 12, 0x50, 0x42, 0xB0, 0xB1, 0x51, 1, 2, 3, 4, 5, 6, 7]);
    let newer = [("A00C".to_owned(), Some(2), Some(80.0)), ("B0B1".to_owned(), Some(2), Some(81.0))];
    let older = [("02A0".to_owned(), None, None), ("5042B0B15101020304050607".to_owned(), None, None)];
    assert_eq!(decode(&both, AntennaByte::Mask), newer);

    let mut decoder = decoder(AntennaByte::Mask);
    decoder.feed(&inventory(&laid_out(None, &[&[0x34; 12]])), MonoMs(0));
    assert_eq!(read(&mut decoder, &both), older);
    // What fits both proves nothing, so one frame against one is no majority, and a second one is.
    decoder.feed(&inventory(&laid_out(Some(1), &[&[0x34; 12]])), MonoMs(0));
    assert_eq!(read(&mut decoder, &both), newer);
    decoder.feed(&inventory(&laid_out(None, &[&[0x34; 12]])), MonoMs(0));
    assert_eq!(read(&mut decoder, &both), older);
}
