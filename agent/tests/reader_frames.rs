//! Frames of Len-Adr-Cmd readers: from manuals and captures, or built from the layout. No FASTag in them belongs to a vehicle.

use flextraff_agent::config::{AntennaByte, Protocol};
use flextraff_agent::reader::decoder::Decoder;
use flextraff_common::time::MonoMs;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    /// Length and checksum verify.
    Intact,
    /// They verify with the other preset.
    IntactA,
    /// Must be rejected.
    Bad,
    /// A command from the host, which no reader sends.
    Command,
}
use Expect::{Bad, Command, Intact, IntactA};

/// What to expect, the frame, its tags as `EPC@port`.
const FRAMES: &[(Expect, &str, &[&str])] = &[
    (Intact, "13000103010C0000000000000000000003133F39", &["000000000000000000000313@-"]),
    (Intact, "13000103010C49440000000000000A000334A5FB", &["49440000000000000A000334@-"]),
    (Intact, "1500010301010C0000000000000000000003136BB1A5", &["000000000000000000000313@1"]),
    (Intact, "1500010304010C49440000000000000A0003346425C0", &["49440000000000000A000334@3"]),
    (Intact, "0D000103010104003230386DA3D2", &["00323038@1"]),
    (Intact, "0700010101001E4B", &[]),
    (
        Intact,
        "2300010301020C0000000000000000000003136B0C0000000000000000000003146C70F2",
        &["000000000000000000000313@1", "000000000000000000000314@1"],
    ),
    (Intact, "1100210000160C034E001E0A01000000E651", &[]),
    (Bad, "1500010301010C0000000000000000000003136BB1A6", &[]),
    (Intact, "1100EE00E2000020401302162510BBECB1B1", &["E2000020401302162510BBEC@-"]),
    (Intact, "1100EE00E2000020401302182500C3CD135B", &["E2000020401302182500C3CD@-"]),
    (Intact, "1100EE00E28068940000502C6FE618BB93DF", &["E28068940000502C6FE618BB@-"]),
    (Intact, "1100EE00E20000170014026616706B488337", &["E20000170014026616706B48@-"]),
    (Intact, "1400EE00010C34161FA8203E7CB20200002050E4A0", &["34161FA8203E7CB202000020@1"]),
    (IntactA, "1100EE0034161FA8203E7CB20200002063F8", &["34161FA8203E7CB202000020@-"]),
    (Intact, "1400EE00040C34161FA8203E7CB2020000405022A5", &["34161FA8203E7CB202000040@3"]),
    (IntactA, "1100EE0034161FA8203E7CB202000040659B", &["34161FA8203E7CB202000040@-"]),
    (Intact, "1400EE00020C34161FA8203E7CB2305B75E0500FDC", &["34161FA8203E7CB2305B75E0@2"]),
    (IntactA, "1100EE0034161FA8203E7CB2305B75E0D26F", &["34161FA8203E7CB2305B75E0@-"]),
    (Command, "04FF011BB4", &[]),
    (Command, "040001DB4B", &[]),
    (Command, "0600010400AC36", &[]),
    (Command, "0D000104010100000000800AD03B", &[]),
    (Command, "040021D96A", &[]),
    (Command, "04FF211995", &[]),
    (Command, "05FF7601181E", &[]),
    (Command, "05FF7600910F", &[]),
    (Command, "04009340FC", &[]),
    (Command, "05007881F3C6", &[]),
    (Command, "0AFF35000000000000E87E", &[]),
    (Intact, "1100EE280000000701010200000001239993", &[]),
    (Intact, "1400EE00020C34161FA8203E7CB20200004050CF1D", &["34161FA8203E7CB202000040@2"]),
    (Intact, "1400EE00040C34161FA8203E7CB205FFFFE0502039", &["34161FA8203E7CB205FFFFE0@3"]),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).expect("a hex digit")).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn uhfreader() -> Decoder {
    Decoder::new(Protocol::Uhfreader, Some(AntennaByte::Mask)).expect("it is built")
}

fn feed(decoder: &mut Decoder, hex: &str) -> Vec<String> {
    let mut tags = decoder.feed(&bytes(hex), MonoMs(0));
    tags.extend(decoder.handle_timeout(MonoMs(1000)));
    tags.iter()
        .map(|tag| format!("{}@{}", tag.epc, tag.port.map_or("-".into(), |port| port.to_string())))
        .collect()
}

#[test]
fn each_frame_alone_gives_exactly_its_tags() {
    for (expect, hex, epcs) in FRAMES {
        let mut decoder = uhfreader();
        assert_eq!(feed(&mut decoder, hex), *epcs, "{hex}");
        match expect {
            Intact | IntactA => {
                assert_eq!(decoder.stats().dropped_bytes, 0, "{hex}");
                assert!(decoder.last_frame().is_some(), "{hex}");
            }
            Bad => assert_eq!(decoder.stats().bad_frames, 1, "{hex}"),
            Command => {}
        }
    }
}

#[test]
fn a_reader_with_either_preset_gives_every_tag_in_order_from_the_first_frame_on() {
    for (preset, other) in [(Intact, IntactA), (IntactA, Intact)] {
        let mut decoder = uhfreader();
        let own = FRAMES.iter().filter(|frame| frame.0 == preset);
        let stream: String = own.clone().map(|frame| frame.1).collect();
        let epcs: Vec<&str> = own.flat_map(|frame| frame.2.iter().copied()).collect();
        assert_eq!(feed(&mut decoder, &stream), epcs);
        // From then on the other preset is noise.
        let stream: String = FRAMES.iter().filter(|frame| frame.0 == other).map(|frame| frame.1).collect();
        assert_eq!(feed(&mut decoder, &stream), [""; 0]);
        // Until the line is opened anew, perhaps with another reader at its end.
        decoder.reset();
        let (_, hex, epcs) = FRAMES.iter().find(|frame| frame.0 == other && !frame.2.is_empty()).unwrap();
        assert_eq!(feed(&mut decoder, hex), *epcs);
    }
}

#[test]
fn damaged_frames_and_commands_between_frames_cost_no_tag() {
    let mut decoder = uhfreader();
    let others: Vec<&str> =
        FRAMES.iter().filter(|frame| matches!(frame.0, Bad | Command)).map(|frame| frame.1).collect();
    let mut stream = String::new();
    let mut epcs = Vec::new();
    for (at, frame) in FRAMES.iter().filter(|frame| frame.0 == Intact).enumerate() {
        stream += others[at % others.len()];
        stream += frame.1;
        epcs.extend_from_slice(frame.2);
    }
    assert_eq!(feed(&mut decoder, &stream), epcs);
}

const CONFIG: &str = r#"
[junction]
id = "00000000-0000-4000-8000-000000000001"
name = "Test"
[device]
id = "00000000-0000-4000-8000-0000000000d1"
[[lane]]
id = "00000000-0000-4000-8000-000000000011"
name = "N"
[[lane]]
id = "00000000-0000-4000-8000-000000000012"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "E"
lanes = ["E"]
[[reader]]
name = "usual"
port = "virtual"
lanes = { default = "N" }
[[reader]]
name = "clone"
port = "virtual"
lanes = { default = "E" }
[counting]
accept = "all"
[output]
driver = "virtual"
"#;

/// Plays every frame to the program: the usual ones on one reader, those of the clone on another.
fn replay(folder: &std::path::Path) -> String {
    let config = folder.join("agent.toml");
    std::fs::write(&config, CONFIG).expect("the configuration can be written");
    let mut lines = String::from("{\"t\":-20}\n");
    for (at, (expect, hex, _)) in FRAMES.iter().enumerate() {
        let reader = if *expect == IntactA { "clone" } else { "usual" };
        let line = format!("{{\"t\":{at},\"bytes\":{{\"reader\":\"{reader}\",\"hex\":\"{hex}\"}}}}\n");
        lines.push_str(&line);
    }
    lines.push_str("{\"t\":100}\n");
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
        .args(["replay", "--ack", "--config"])
        .arg(&config)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = program.stdin.take().expect("its input is ours");
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, lines.as_bytes()));
    let output = program.wait_with_output().expect("the program ends");
    writer.join().expect("the writer does not panic").expect("the program reads everything");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("it writes text")
}

#[test]
fn in_replay_the_frames_count_the_same_tags_and_two_runs_print_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let output = replay(folder.path());
    assert_eq!(output, replay(folder.path()));
    let mut counted: Vec<String> = output
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["publish"]["topic"].as_str().is_some_and(|topic| topic.ends_with("/car-counts")))
        .flat_map(|line| line["publish"]["payload"]["epc_ids"].as_array().unwrap().clone())
        .map(|epc| epc.as_str().unwrap().to_owned())
        .collect();
    counted.sort();
    counted.dedup();
    let mut held: Vec<String> = FRAMES
        .iter()
        .flat_map(|(_, _, tags)| tags.iter())
        .map(|tag| tag.split('@').next().unwrap().to_owned())
        .collect();
    held.sort();
    held.dedup();
    assert_eq!(counted, held);
}
