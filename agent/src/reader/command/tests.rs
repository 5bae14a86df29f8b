use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"))
}

fn sent(all: &[Command]) -> Vec<String> {
    all.iter().map(|command| hex(&command.bytes)).collect()
}

fn settings() -> Settings {
    Settings { power_dbm: Some(12), region: Some(Region::In), session: Some(1), ports: vec![1] }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn len_adr_cmd_frames_are_those_of_the_manual() {
    let family = commands(Protocol::Uhfreader).unwrap();
    assert_eq!(hex(&family.question(0).bytes), "04FF211995");
    assert_eq!(hex(&family.setup(0, &Settings::default())[0].bytes), "05FF7600910F");
    assert_eq!(sent(&family.start(0, &settings())), ["05FF7601181E"]);
    assert_eq!(hex(&family.end(0).unwrap().bytes), "05FF7600910F", "it does not go on sending to nobody");
    // The other checksum preset.
    assert_ne!(family.question(1).bytes, family.question(0).bytes);
    let what: Vec<&str> = family.setup(0, &settings()).iter().map(|command| command.what).collect();
    assert_eq!(what, ["answer mode", "power_dbm", "region", "antennas", "session", "heartbeat"]);
}

#[test]
fn a_reader_without_real_time_mode_is_polled() {
    let mut family = uhfreader::UhfReader::default();
    let refusal = Signal::Reply { code: None, refused: Some(0xFE), data: Vec::new() };
    let answer = family.setup(0, &settings()).remove(0);
    let older = family.follow_up(0, &settings(), &answer, Some(&refusal)).unwrap();
    assert_eq!(sent(&older), ["0AFF35000000000000E87E"]);
    assert_eq!(family.follow_up(0, &settings(), &older[0], Some(&refusal)), None);
    assert_eq!(family.round(0, &settings(), 1), []);
    let start = family.start(0, &settings()).remove(0);
    let poll = family.follow_up(0, &settings(), &start, Some(&refusal)).unwrap();
    assert_eq!(poll[0].bytes[..5], [6, 0xFF, 0x01, 4, 1]);
    assert_eq!(family.round(0, &settings(), 1), poll);
    assert_eq!(family.end(0), None, "its inventory ends by itself");
}

#[test]
fn cf_frames_are_those_of_captures() {
    let family = commands(Protocol::Cf).unwrap();
    assert_eq!(hex(&family.stop(0).unwrap().bytes), "CFFF000200E761");
    assert_eq!(hex(&family.question(0).bytes), "CFFF0070002415");
    assert_eq!(sent(&family.start(0, &settings())), ["CFFF0001050000000000F5B5"]);
}

#[test]
fn cf_settings_are_written_only_when_they_differ() {
    let mut family = commands(Protocol::Cf).unwrap();
    let get = family.setup(0, &settings()).remove(0);
    let mut follow = |data: &[u8]| {
        family.follow_up(0, &settings(), &get, Some(&Signal::reply(get.code, 0, data))).map(|all| sent(&all))
    };
    let mut block = [9; 25];
    let written = follow(&block).unwrap();
    assert_eq!(written.len(), 1);
    (block[2], block[6], block[15], block[18], block[21]) = (0, 1, 12, 1, 0);
    let frame = bytes(&written[0]);
    assert_eq!((&frame[..5], &frame[5..30]), (&[0xCF, 0xFF, 0, 0x71, 25][..], &block[..]));
    assert_eq!(follow(&block), Some(Vec::new()));
    // A block of another length is another reader's: it is left as it is.
    assert_eq!(follow(&block[..24]), None);
}

#[test]
fn m100_frames_are_those_of_the_manual() {
    let family = commands(Protocol::M100).unwrap();
    assert_eq!(hex(&family.question(0).bytes), "BB0003000100047E");
    assert_eq!(hex(&family.stop(0).unwrap().bytes), "BB00280000287E");
    assert_eq!(hex(&m100::poll(0, 10_000).bytes), "BB00270003222710837E");
    let set = Settings { power_dbm: Some(20), session: Some(0), ..Settings::default() };
    assert_eq!(sent(&family.setup(0, &set)), ["BB00B6000207D08F7E", "BB000E00021020407E"]);
    let one = Settings { session: Some(1), region: Some(Region::Eu), ..Settings::default() };
    assert_eq!(
        sent(&family.setup(0, &one)),
        ["BB00070001030B7E".to_owned(), "BB000E00021120417E".to_owned()]
    );
    assert_eq!(hex(&family.stop(1).unwrap().bytes), "AA0028000028DD");
}

#[test]
fn thingmagic_frames_are_those_of_captures() {
    let family = commands(Protocol::Thingmagic).unwrap();
    assert_eq!(hex(&family.question(0).bytes), "FF00031D0C");
    assert_eq!(hex(&family.stop(0).unwrap().bytes), "FF032F0000025E86");
    assert_eq!(sent(&family.start(0, &settings())), ["FF102F00000122000005072210001B03E801FFDD2B"]);
    let setup = sent(&family.setup(0, &Settings { session: None, ..settings() }));
    assert_eq!(
        setup,
        [
            "FF0197044BB9",
            "FF02930005517D",
            "FF039102010142C5",
            "FF029204B045E9",
            "FF002A1D25",
            "FF039A010C00A35D"
        ]
    );
    let china = Settings { region: Some(Region::Cn), ..Settings::default() };
    assert_eq!(sent(&family.setup(0, &china))[0], "FF0197064BBB");
}

#[test]
fn a0_frames_are_those_of_captures_and_antennas_take_turns() {
    let mut family = a0::A0::default();
    assert_eq!(hex(&family.question(0).bytes), "A0030172EA");
    assert_eq!(hex(&a0::antenna(1).bytes), "A004017400E7");
    assert_eq!(sent(&family.start(0, &settings())), ["A004017400E7", "A006018B010001CC"]);
    assert_eq!(sent(&family.round(0, &settings(), 1)), ["A006018B010001CC"]);
    let two = Settings { ports: vec![1, 3], ..settings() };
    let antenna = |count| family.round(0, &two, count)[0].bytes[4];
    assert_eq!([0, 1, 2].map(antenna), [0, 2, 0]);
    let inventory = family.round(0, &settings(), 1).remove(0);
    let refusal = Signal::reply(inventory.code, 0x11, &[]);
    let plain = family.follow_up(0, &settings(), &inventory, Some(&refusal)).unwrap();
    assert_eq!(sent(&plain), ["A004018901D1"]);
}
