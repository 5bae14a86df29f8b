//! Frames of the other families of readers: from manuals and captures, or built from the layout. No FASTag in them belongs to a vehicle.

use flextraff_agent::config::{AntennaByte, Protocol, ReaderMode};
use flextraff_agent::reader::decoder::Decoder;
use flextraff_agent::reader::frame::LineStats;
use flextraff_agent::reader::prober::Prober;
use flextraff_common::time::MonoMs;
use proptest::prelude::*;

/// Protocol, the frame, whether it is intact, its tags as `EPC@port dBm`.
const FRAMES: &[(Protocol, &str, bool, &[&str])] = &[
    // The host's own commands, as they come back over a two-wire line.
    (Protocol::Cf, "CFFF000200E761", true, &[]),
    (Protocol::Cf, "CFFF0001050000000000F5B5", true, &[]),
    (Protocol::Cf, "CFFF0001050000000005A218", true, &[]),
    (Protocol::Cf, "CFFF0001050100000003CC6A", true, &[]),
    (Protocol::Cf, "CFFF0070002415", true, &[]),
    (Protocol::Cf, "CFFF0083007275", true, &[]),
    (Protocol::Cf, "CF000053010047D5", true, &[]),
    (Protocol::Cf, "CF0000010112421D", true, &[]),
    (
        Protocol::Cf,
        "CF0000011200FD3A01000CE28069950000400A8F3981330A1D",
        true,
        &["E28069950000400A8F398133@1 -71"],
    ),
    (
        Protocol::Cf,
        "CF0000011200FD8A01000CE280691500004020ED9648B35057",
        true,
        &["E280691500004020ED9648B3@1 -63"],
    ),
    (Protocol::Cf, "CF0000011200FD8A01000CE280691500004020ED9648B35056", false, &[]),
    (Protocol::M100, "BB00220000227E", true, &[]),
    (Protocol::M100, "BB00270003222710837E", true, &[]),
    (Protocol::M100, "BB00280000287E", true, &[]),
    (Protocol::M100, "BB01280001002A7E", true, &[]),
    (Protocol::M100, "BB0003000100047E", true, &[]),
    (
        Protocol::M100,
        "BB02220011C9340030751FEB705C5904E3D50D703A76EF7E",
        true,
        &["30751FEB705C5904E3D50D70@- -55"],
    ),
    (
        Protocol::M100,
        "BB02220011C43000E200001D7315016521408FC6B83EC27E",
        true,
        &["E200001D7315016521408FC6@- -60"],
    ),
    (Protocol::M100, "BB01FF000115167E", true, &[]),
    (Protocol::M100, "BB00B6000207D08F7E", true, &[]),
    (Protocol::M100, "BB000E00021020407E", true, &[]),
    (Protocol::M100, "BB0011000200C0D37E", true, &[]),
    // The manual's own example, with a wrong checksum.
    (Protocol::M100, "BB01030010004D31303020323664426D2056312E30227E", false, &[]),
    (
        Protocol::M100,
        "AA02220011C9340030751FEB705C5904E3D50D703A76EFDD",
        true,
        &["30751FEB705C5904E3D50D70@- -55"],
    ),
    (Protocol::M100, "AA010D0002102040DD", true, &[]),
    (Protocol::M100, "AA010E00010010DD", true, &[]),
    // Head of the one, tail of the other.
    (Protocol::M100, "AA010E000100107E", false, &[]),
    (Protocol::Thingmagic, "FF14030000141208003000000220220804010B0125000000107962", true, &[]),
    (Protocol::Thingmagic, "FF009A0000A633", true, &[]),
    (Protocol::Thingmagic, "FF009100001758", true, &[]),
    (Protocol::Thingmagic, "FF00920000273B", true, &[]),
    (Protocol::Thingmagic, "FF002A000001E8", true, &[]),
    (Protocol::Thingmagic, "FF0022040084E0", true, &[]),
    (Protocol::Thingmagic, "FF0022050485E4", true, &[]),
    (Protocol::Thingmagic, "FF0022050585E5", true, &[]),
    (Protocol::Thingmagic, "FF042F0000012200006DC3", true, &[]),
    (
        Protocol::Thingmagic,
        "FF2822000010001B01FF0101C4110E16400000012700000500000F00803000000000000000000000001545E94A561D",
        true,
        &["000000000000000000001545@1 -60"],
    ),
    // With the checksum that a CCITT-FALSE routine gives.
    (
        Protocol::Thingmagic,
        "FF2822000010001B01FF0101C4110E16400000012700000500000F00803000000000000000000000001545E94AF542",
        false,
        &[],
    ),
    (Protocol::A0, "A0030172EA", true, &[]),
    (Protocol::A0, "A00501720109DE", true, &[]),
    (Protocol::A0, "A004017400E7", true, &[]),
    (Protocol::A0, "A004017410D7", true, &[]),
    (Protocol::A0, "A004018901D1", true, &[]),
    (Protocol::A0, "A0040189FFD3", true, &[]),
    (Protocol::A0, "A006018B010001CC", true, &[]),
    (Protocol::A0, "A013018B1030003009663781DB02974876FC6A672B", true, &["3009663781DB02974876FC6A@1 -26"]),
    (Protocol::A0, "A00A018B00001900000001B0", true, &[]),
    (Protocol::A0, "A0130189043000E200301666130121155074EF45BF", true, &["E200301666130121155074EF@1 -61"]),
    (Protocol::A0, "A0130189743000E2004074850A0103163070E13629", true, &["E2004074850A0103163070E1@1 -76"]),
    (Protocol::A0, "A0130189D43000300833B2DDD90140000000013674", true, &["300833B2DDD9014000000001@1 -76"]),
    (Protocol::A0, "A0130189D43000E2004074850A0103163070E135CA", true, &["E2004074850A0103163070E1@1 -77"]),
    (Protocol::A0, "A00A018900001100000005B6", true, &[]),
    // As published, with a wrong checksum.
    (Protocol::A0, "A00A018900001D00000001BC", false, &[]),
    (
        Protocol::Cc,
        "CCFFFF200512003400E28011700000021B09926B1705CCBA23",
        true,
        &["E28011700000021B09926B17@- -70"],
    ),
    (Protocol::Cc, "CCFFFF10320D01E2000016370402410910C2E9AC", true, &["E2000016370402410910C2E9@- ?"]),
    (Protocol::Cc, "CCFFFF10320D01E2000016370402410910C2E9AD", false, &[]),
];

/// Lines of readers that print what they read.
const LINES: &[(&str, &[&str])] = &[
    ("34161FA8203E7CB202000020\r\n", &["34161FA8203E7CB202000020@- ?"]),
    ("34161fa8203e7cb202000020\n", &["34161FA8203E7CB202000020@- ?"]),
    ("34161FA8203E7CB202000020\r", &["34161FA8203E7CB202000020@- ?"]),
    ("34 16 1F A8 20 3E 7C B2 02 00 00 20\r\n", &["34161FA8203E7CB202000020@- ?"]),
    ("\u{2}34161FA8203E7CB202000020\u{3}", &["34161FA8203E7CB202000020@- ?"]),
    ("\u{2}34161FA8203E7CB202000020\r\n\u{3}", &["34161FA8203E7CB202000020@- ?"]),
    ("34161FA8203E7CB20200002034161FA8203E7CB202000020\r\n", &["34161FA8203E7CB202000020@- ?"]),
    ("E2000020401302182500C3CDE2000020401302182500C3CD\r\n", &["E2000020401302182500C3CD@- ?"]),
    ("E2000020401302182500C3CD00112233\r\n", &["E2000020401302182500C3CD00112233@- ?"]),
    (
        "34161FA8203E7CB202000020,00000000000000000000000000000000,E2003412013C1700042C1B2D\r\n",
        &["34161FA8203E7CB202000020@- ?"],
    ),
    ("TN01AB1234+4,34161FA8203E7CB202000020,E2003412013C1700042C1B2D\r\n", &["34161FA8203E7CB202000020@- ?"]),
    // Stuck to the front: letters, digits, half a line that was cut off.
    ("TAG:34161FA8203E7CB202000020\r\n", &["34161FA8203E7CB202000020@- ?"]),
    ("0034161FA8203E7CB202000020\r\n", &["34161FA8203E7CB202000020@- ?"]),
    ("34161FA834161FA8203E7CB202000020\r\n", &["34161FA8203E7CB202000020@- ?"]),
    ("READY\r\n34161FA8203E7CB202000020\r\n", &["34161FA8203E7CB202000020@- ?"]),
    // Not an EPC, or nobody knows where it begins.
    ("34161FA8203E7CB20200002\r\n", &[]),
    ("E2000020401302182500C3CD01\r\n", &[]),
    ("TAG:E2000020401302182500C3CD\r\n", &[]),
    ("E2000020401302182500C3CDE2000020401302182500C3CE\r\n", &[]),
    ("34161FA8203E7CB202000020", &[]),
    ("\r\n\r\n", &[]),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).expect("a hex digit")).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn decoder(protocol: Protocol) -> Decoder {
    Decoder::new(protocol, None).expect("it is built")
}

fn feed(decoder: &mut Decoder, bytes: &[u8]) -> Vec<String> {
    let mut tags = decoder.feed(bytes, MonoMs(0));
    tags.extend(decoder.handle_timeout(MonoMs(1000)));
    let text = |number: Option<String>, none: &str| number.unwrap_or_else(|| none.to_owned());
    let port = |tag: Option<u8>| text(tag.map(|port| port.to_string()), "-");
    let rssi = |tag: Option<f32>| text(tag.map(|dbm| dbm.to_string()), "?");
    tags.iter().map(|tag| format!("{}@{} {}", tag.epc, port(tag.port), rssi(tag.rssi))).collect()
}

#[test]
fn each_frame_alone_gives_exactly_its_tags() {
    for (protocol, hex, intact, tags) in FRAMES {
        let mut decoder = decoder(*protocol);
        assert_eq!(feed(&mut decoder, &bytes(hex)), *tags, "{hex}");
        assert_eq!(decoder.last_frame().is_some(), *intact, "{hex}");
        assert_eq!(decoder.stats().dropped_bytes == 0, *intact, "{hex}: {:?}", decoder.stats());
        assert_eq!(decoder.stats().bad_frames > 0, !intact, "{hex}: {:?}", decoder.stats());
    }
}

#[test]
fn each_line_alone_gives_exactly_its_tag() {
    for (line, tags) in LINES {
        assert_eq!(feed(&mut decoder(Protocol::Ascii), line.as_bytes()), *tags, "{line:?}");
    }
}

#[test]
fn lines_one_after_the_other_give_their_tags_in_order() {
    let whole = LINES.iter().filter(|(line, _)| line.ends_with(['\r', '\n', '\u{3}']));
    let stream: String = whole.clone().map(|(line, _)| *line).collect();
    let tags: Vec<&str> = whole.flat_map(|(_, tags)| tags.iter().copied()).collect();
    assert_eq!(feed(&mut decoder(Protocol::Ascii), stream.as_bytes()), tags);
}

#[test]
fn a_family_takes_no_tag_from_the_frames_of_another() {
    for (protocol, hex, ..) in FRAMES {
        for other in [
            Protocol::Uhfreader,
            Protocol::Cf,
            Protocol::M100,
            Protocol::Thingmagic,
            Protocol::A0,
            Protocol::Cc,
        ] {
            if other != *protocol {
                assert_eq!(feed(&mut decoder(other), &bytes(hex)), [""; 0], "{other:?} of {hex}");
            }
        }
    }
}

/// CF-RU5309: `53 57 LenHi LenLo FF Cmd … Check`, an inventory as the host asks for it and the answer to it.
const SW: [&str; 2] = ["53570003FF0153", "53570006FF0100000050"];

#[test]
fn frames_of_sw_readers_belong_to_no_family_and_are_dropped() {
    for hex in SW {
        let frame = bytes(hex);
        assert_eq!(frame.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0, "{hex} is intact");
        for protocol in [
            Protocol::Uhfreader,
            Protocol::Cf,
            Protocol::M100,
            Protocol::Ascii,
            Protocol::Thingmagic,
            Protocol::A0,
            Protocol::Cc,
        ] {
            let mut decoder = decoder(protocol);
            assert_eq!(feed(&mut decoder, &frame), [""; 0], "{protocol:?} of {hex}");
            // The first one holds an ETX, which ends a line of digits, an empty one here.
            let is_line = protocol == Protocol::Ascii;
            assert!(is_line || decoder.last_frame().is_none(), "{protocol:?} takes {hex} for its own");
            let LineStats { bad_frames, dropped_bytes } = decoder.stats();
            // A person sees that something comes.
            let all = frame.len() as u64 - u64::from(is_line);
            assert!(bad_frames > 0 || dropped_bytes >= all, "{protocol:?} of {hex}: {dropped_bytes}");
        }
    }
}

#[test]
fn a_reader_of_the_family_sw_is_not_taken_for_another() {
    let mut prober = Prober::new(Protocol::Auto, Some(57_600), None, ReaderMode::Listen, MonoMs(0));
    let mut now = MonoMs(0);
    while prober.rounds() == 0 {
        for hex in SW {
            assert_eq!(prober.feed(&bytes(hex), now).map(|found| found.protocol), None);
        }
        now = now + 100;
        assert_eq!(prober.handle_timeout(now).map(|found| found.protocol), None);
        prober.take_probes();
    }
}

#[test]
fn the_antenna_byte_of_cf_readers_is_a_number_unless_the_configuration_says_otherwise() {
    // Antenna byte 04.
    let frame = bytes("CF0000011200FD3A04000C34161FA8203E7CB2020000204A67");
    for (named, port) in
        [(None, Some(4)), (Some(AntennaByte::Mask), Some(3)), (Some(AntennaByte::Index), Some(5))]
    {
        let tags = Decoder::new(Protocol::Cf, named).unwrap().feed(&frame, MonoMs(0));
        assert_eq!(tags.iter().map(|tag| tag.port).collect::<Vec<_>>(), [port], "{named:?}");
    }
}

/// A stream of intact frames of one family, and the tags in them.
fn stream(protocol: Protocol) -> (Vec<u8>, Vec<&'static str>) {
    let own = FRAMES.iter().filter(|(family, _, intact, _)| *family == protocol && *intact);
    let text =
        LINES.iter().filter(|(line, _)| protocol == Protocol::Ascii && line.ends_with(['\r', '\n', '\u{3}']));
    let mut stream: Vec<u8> = own.clone().flat_map(|(_, hex, ..)| bytes(hex)).collect();
    stream.extend(text.clone().flat_map(|(line, _)| line.bytes()));
    let tags = own.flat_map(|(.., tags)| tags.iter().copied());
    (stream, tags.chain(text.flat_map(|(_, tags)| tags.iter().copied())).collect())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_reads(
        protocol in prop::sample::select(
            &[Protocol::Cf, Protocol::M100, Protocol::Ascii, Protocol::Thingmagic, Protocol::A0, Protocol::Cc][..],
        ),
        cuts in prop::collection::vec(1_usize..60, 1..40),
    ) {
        let (stream, tags) = stream(protocol);
        let mut decoder = decoder(protocol);
        let mut got = Vec::new();
        let mut rest = &stream[..];
        for (at, cut) in cuts.iter().cycle().enumerate() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*cut).min(rest.len()));
            got.extend(decoder.feed(piece, MonoMs(at as i64)));
            rest = behind;
        }
        let epcs: Vec<String> = got.iter().map(|tag| tag.epc.to_string()).collect();
        let expected: Vec<&str> = tags.iter().filter_map(|tag| tag.split('@').next()).collect();
        prop_assert_eq!(epcs, expected);
    }
}
