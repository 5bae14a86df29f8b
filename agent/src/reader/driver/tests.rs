use super::*;
use crate::config::LaneMap;

fn config(protocol: Protocol) -> ReaderConfig {
    ReaderConfig {
        name: "north".into(),
        protocol,
        port: "virtual".into(),
        baud: 57_600,
        antenna_byte: None,
        lanes: LaneMap::default(),
        power_dbm: Some(30),
        region: None,
        session: None,
        mode: ReaderMode::Drive,
        silence_ms: 90_000,
    }
}

fn opened(protocol: Protocol) -> Driver {
    let mut driver = Driver::new(&config(protocol), protocol);
    driver.handle_open(MonoMs(0));
    driver
}

fn done(code: u16) -> Vec<Signal> {
    vec![Signal::reply(code, 0, &[])]
}

/// Lets the time pass, answers nothing, and gives what was written.
fn pass(driver: &mut Driver, until: MonoMs) -> Vec<Vec<u8>> {
    let mut written = Vec::new();
    while let Some(due) = driver.next_timeout().filter(|due| *due <= until) {
        written.extend(Some(driver.take_output()).filter(|bytes| !bytes.is_empty()));
        driver.handle_timeout(due);
    }
    written.extend(Some(driver.take_output()).filter(|bytes| !bytes.is_empty()));
    written
}

#[test]
fn each_command_waits_for_the_answer_to_the_one_before() {
    let mut driver = opened(Protocol::Uhfreader);
    let mut codes = Vec::new();
    for at in 1..20 {
        let bytes = driver.take_output();
        let Some(&code) = bytes.get(2) else { break };
        assert_eq!(bytes.len(), usize::from(bytes[0]) + 1, "one command at a time");
        codes.push(code);
        driver.handle_frames(done(code.into()), MonoMs(at));
    }
    assert_eq!(codes, [0x21, 0x76, 0x2F, 0x75, 0x78, 0x76]);
    assert!(driver.is_settled());
    assert_eq!(driver.problems(), []);
}

#[test]
fn a_mute_reader_is_started_all_the_same_and_named() {
    let mut driver = opened(Protocol::Uhfreader);
    let written = pass(&mut driver, MonoMs(10_000));
    // Two questions for each checksum, and the start.
    assert_eq!(
        written.iter().map(|bytes| bytes[2]).collect::<Vec<_>>(),
        [0x21, 0x21, 0x21, 0x21, 0x76, 0x76]
    );
    assert!(driver.is_settled());
    assert_eq!(driver.problems(), [Problem::Mute]);
    // It comes up: it works, and is told everything.
    driver.handle_frames(Vec::new(), MonoMs(10_500));
    assert_eq!(driver.problems(), []);
    assert_eq!(codes_answered(&mut driver, 10_501), [0x21, 0x76, 0x2F, 0x75, 0x78, 0x76]);
}

/// What a reader of Len-Adr-Cmd is told that answers everything.
fn codes_answered(driver: &mut Driver, from: i64) -> Vec<u8> {
    let mut codes = Vec::new();
    for at in from..from + 20 {
        let Some(&code) = driver.take_output().get(2) else { break };
        codes.push(code);
        driver.handle_frames(done(code.into()), MonoMs(at));
    }
    codes
}

#[test]
fn a_reader_that_sends_but_does_not_hear_is_not_asked_for_each_read() {
    let mut driver = opened(Protocol::Uhfreader);
    while !driver.is_settled() {
        let due = driver.next_timeout().expect("it waits for an answer");
        // A heartbeat that was set by an earlier run is no answer.
        driver.handle_frames(vec![Signal::KeepAlive], due);
        driver.handle_timeout(due);
    }
    driver.take_output();
    assert_eq!(driver.problems(), [Problem::Mute]);
    driver.handle_frames(Vec::new(), MonoMs(10_500));
    assert_eq!((driver.take_output(), driver.is_settled()), (Vec::new(), true));
    // It is asked when it was quiet for long, and not again when a vehicle comes.
    let asked = pass(&mut driver, MonoMs(60_000));
    assert_eq!(asked.iter().map(|bytes| bytes[2]).collect::<Vec<_>>(), [0x21, 0x21]);
    driver.handle_frames(Vec::new(), MonoMs(60_500));
    assert_eq!((driver.take_output(), driver.is_settled()), (Vec::new(), true));
}

#[test]
fn a_reader_that_left_a_question_unanswered_is_told_everything_when_it_is_heard_again() {
    let mut driver = opened(Protocol::Uhfreader);
    codes_answered(&mut driver, 1);
    let asked = pass(&mut driver, MonoMs(50_000));
    assert_eq!(asked.iter().map(|bytes| bytes[2]).collect::<Vec<_>>(), [0x21, 0x21]);
    driver.handle_frames(vec![Signal::KeepAlive], MonoMs(60_000));
    assert_eq!(codes_answered(&mut driver, 60_001), [0x21, 0x76, 0x2F, 0x75, 0x78, 0x76]);
}

/// Sets and starts an M100, which then finds no tag ten times a second; until when.
fn polled(driver: &mut Driver) -> MonoMs {
    pass(driver, MonoMs(DRAIN_MS));
    for (at, code) in [(300, 0x03), (400, 0xB6)] {
        driver.handle_frames(done(code), MonoMs(at));
    }
    for at in 5..30 {
        driver.handle_frames(vec![Signal::KeepAlive], MonoMs(at * 100));
    }
    driver.take_output();
    MonoMs(2900)
}

#[test]
fn a_reader_that_was_quiet_where_it_never_is_gets_its_settings_again() {
    let mut driver = opened(Protocol::M100);
    let quiet = polled(&mut driver);
    let again = pass(&mut driver, quiet + 2500);
    assert_eq!(again.iter().map(|bytes| bytes[2]).collect::<Vec<_>>(), [0x27], "the poll");
    // It has started anew and answers to the poll.
    let up = quiet + 3000;
    driver.handle_frames(vec![Signal::KeepAlive], up);
    pass(&mut driver, up + DRAIN_MS);
    driver.handle_frames(done(0x03), up + 300);
    assert_eq!(driver.take_output()[2], 0xB6, "its power");
    driver.handle_frames(done(0xB6), up + 400);
    assert_eq!(driver.take_output()[2], 0x27);
    // That is done once.
    driver.handle_frames(vec![Signal::KeepAlive], up + 500);
    assert!(driver.is_settled() && driver.take_output().is_empty());
}

#[test]
fn one_end_of_a_round_that_is_lost_is_no_loss_of_power() {
    let mut driver = opened(Protocol::A0);
    for code in [0x72, 0x76] {
        driver.handle_frames(done(code), MonoMs(1));
    }
    let rounds = |driver: &mut Driver, from: MonoMs| {
        for round in 1..30 {
            driver.handle_frames(vec![Signal::RoundEnd], from + round * 100);
            driver.handle_timeout(from + round * 100 + 10);
        }
        driver.take_output();
        driver.next_timeout().expect("the next round")
    };
    let due = rounds(&mut driver, MonoMs(0));
    driver.handle_timeout(due);
    assert_eq!(driver.take_output()[3], 0x8B, "the round that was not heard of is asked for again");
    driver.handle_frames(Vec::new(), due + 50);
    assert!(driver.is_settled() && driver.take_output().is_empty());
    // Two of them in a row may well be.
    let due = rounds(&mut driver, due + 50);
    driver.handle_timeout(due);
    let due = driver.next_timeout().expect("the next round");
    driver.handle_timeout(due);
    driver.take_output();
    driver.handle_frames(Vec::new(), due + 100);
    assert_eq!(driver.take_output()[3], 0x72, "who are you?");
}

#[test]
fn heartbeats_between_tags_are_no_signs_of_life_all_the_time() {
    let mut driver = opened(Protocol::Uhfreader);
    codes_answered(&mut driver, 1);
    for second in 1..400 {
        let signals = if second % 30 == 0 { vec![Signal::KeepAlive] } else { Vec::new() };
        driver.handle_frames(signals, MonoMs(second * 1000));
    }
    assert!(!driver.is_silent(MonoMs(399_000 + 89_999)));
}

#[test]
fn a_reader_that_gives_signs_of_life_all_the_time_is_silent_after_seconds() {
    let mut driver = opened(Protocol::M100);
    let quiet = polled(&mut driver);
    assert!(!driver.is_silent(quiet + 9_999) && driver.is_silent(quiet + 10_000));
    // It does not begin again with the long patience of one that was never heard.
    pass(&mut driver, quiet + 60_000);
    assert!(driver.is_silent(quiet + 60_000));
    // One that pauses by itself is not expected to speak.
    let mut pauses = opened(Protocol::M100);
    let quiet = polled(&mut pauses) + 5000;
    pauses.handle_frames(vec![Signal::KeepAlive], quiet);
    assert!(!pauses.is_silent(quiet + 89_999) && pauses.is_silent(quiet + 90_000));
}

#[test]
fn what_is_refused_is_named_and_the_rest_goes_on() {
    let mut driver = opened(Protocol::Uhfreader);
    for at in 1..20 {
        let bytes = driver.take_output();
        let Some(&code) = bytes.get(2) else { break };
        let status = if code == 0x2F { 0xFF } else { 0 };
        driver.handle_frames(vec![Signal::reply(code.into(), status, &[])], MonoMs(at));
    }
    assert!(driver.is_settled());
    assert_eq!(driver.problems(), [Problem::Refused { what: "power_dbm", code: 0xFF }]);
    assert!(driver.problems()[0].to_string().starts_with("refuses \"power_dbm\" (code 0xff); set it"));
}

#[test]
fn a_poll_that_has_ended_is_sent_again() {
    let mut driver = opened(Protocol::M100);
    pass(&mut driver, MonoMs(DRAIN_MS));
    driver.handle_frames(done(0x03), MonoMs(300));
    assert_eq!(driver.take_output()[2], 0xB6);
    driver.handle_frames(done(0xB6), MonoMs(400));
    assert_eq!(driver.take_output()[2], 0x27);
    driver.handle_frames(vec![Signal::KeepAlive], MonoMs(1000));
    assert_eq!(pass(&mut driver, MonoMs(2999)), Vec::<Vec<u8>>::new());
    let again = pass(&mut driver, MonoMs(3000));
    assert_eq!(again.iter().map(|bytes| bytes[2]).collect::<Vec<_>>(), [0x27]);
}

#[test]
fn a_round_of_a0_follows_the_other() {
    let mut driver = opened(Protocol::A0);
    for code in [0x72, 0x76] {
        assert_eq!(driver.take_output()[3], code);
        driver.handle_frames(done(code.into()), MonoMs(1));
    }
    assert_eq!(driver.take_output()[3], 0x8B);
    for round in 1..5 {
        let now = MonoMs(round * 100);
        driver.handle_frames(vec![Signal::RoundEnd], now);
        driver.handle_timeout(now);
        assert_eq!(driver.take_output()[3], 0x8B, "round {round}");
    }
}

#[test]
fn thingmagic_is_stopped_and_drained_before_it_is_asked() {
    let mut driver = opened(Protocol::Thingmagic);
    assert_eq!(driver.take_output()[2], 0x2F);
    // It streams on meanwhile.
    driver.handle_frames(vec![Signal::KeepAlive], MonoMs(50));
    driver.handle_frames(done(0x2F), MonoMs(60));
    assert!(driver.take_output().is_empty());
    driver.handle_timeout(MonoMs(DRAIN_MS));
    assert_eq!(driver.take_output()[2], 0x03);
}

#[test]
fn silence_counts_only_where_the_reader_would_have_spoken() {
    let silent = |driver: &Driver, at| driver.is_silent(MonoMs(at));
    // Never heard, though it was asked.
    let driver = opened(Protocol::M100);
    assert!(!silent(&driver, 89_999) && silent(&driver, 90_000));
    // It answers nothing but sends reads: an empty street is silent.
    let mut reads = opened(Protocol::Uhfreader);
    reads.handle_frames(Vec::new(), MonoMs(5));
    assert!(!silent(&reads, 1_000_000));
    // It gives signs of life.
    let mut lives = opened(Protocol::Uhfreader);
    lives.handle_frames(vec![Signal::KeepAlive], MonoMs(10_000));
    assert!(!silent(&lives, 99_999) && silent(&lives, 100_000));
    // It is only listened to.
    let listened = ReaderConfig { mode: ReaderMode::Listen, ..config(Protocol::M100) };
    let mut driver = Driver::new(&listened, Protocol::M100);
    driver.handle_open(MonoMs(0));
    assert_eq!((driver.take_output(), driver.next_timeout()), (Vec::new(), None));
    assert!(!silent(&driver, 1_000_000));
}

#[test]
fn a_quiet_reader_is_asked_before_it_counts_as_silent() {
    let mut driver = opened(Protocol::Uhfreader);
    for at in 1..20 {
        let Some(&code) = driver.take_output().get(2) else { break };
        driver.handle_frames(done(code.into()), MonoMs(at));
    }
    let written = pass(&mut driver, MonoMs(45_100));
    assert_eq!(written.iter().map(|bytes| bytes[2]).collect::<Vec<_>>(), [0x21]);
    driver.handle_frames(done(0x21), MonoMs(45_200));
    assert!(!driver.is_silent(MonoMs(135_000)));
}

/// A driver with every setting, and what its reader was told until it reads: the reader answers the question, and the rest as `answer` says.
fn told(protocol: Protocol, answer: impl Fn(u16) -> Option<Signal>) -> (Driver, Vec<&'static str>) {
    let watch = crate::config::Watch {
        lane: flextraff_common::junction::LaneIx::new(0),
        zone: flextraff_common::wire::ZoneName::StopLine,
    };
    let lanes = LaneMap { ports: [(1, watch), (3, watch)].into(), default: None };
    let (region, session) = (Some(crate::config::Region::Eu), Some(2));
    let mut driver = Driver::new(&ReaderConfig { lanes, region, session, ..config(protocol) }, protocol);
    driver.handle_open(MonoMs(0));
    let question = driver.family.as_ref().expect("it has commands").question(0).code;
    let (mut now, mut sent) = (MonoMs(0), Vec::new());
    while !driver.is_settled() {
        now = now + 10;
        let awaited = driver.awaited.as_ref().expect("it waits for something");
        let (code, due) = (awaited.command.code, awaited.until);
        sent.push(awaited.command.what);
        let reply = if code == question { Some(Signal::reply(code, 0, &[])) } else { answer(code) };
        if let Some(reply) = reply.filter(|_| awaited.command.answered) {
            driver.handle_frames(vec![reply], now);
        } else {
            now = due;
            driver.handle_timeout(now);
        }
        assert!(now < MonoMs(30_000), "{protocol:?} is never started: {sent:?}");
    }
    (driver, sent)
}

/// The inventory of a0 that takes a session.
const WITH_SESSION: u16 = 0x8B;

/// Families, and how each names the settings that it can be told.
const SETTABLE: [(Protocol, &[&str]); 5] = [
    (Protocol::Uhfreader, &["power_dbm", "region", "session", "antennas"]),
    (Protocol::Cf, &["settings: power_dbm, session, antennas", "region"]),
    (Protocol::M100, &["power_dbm", "region", "session"]),
    (Protocol::Thingmagic, &["power_dbm", "region", "session", "antennas"]),
    (Protocol::A0, &["power_dbm", "region", "antenna", "session"]),
];

/// The start of a continuous reading waits for its answer; an inventory does not.
fn is_started(driver: &Driver, sent: &[&str]) -> bool {
    driver.inventory.is_some() || sent.last() == Some(&"continuous reading")
}

#[test]
fn a_reader_that_refuses_every_setting_reads_and_each_is_named() {
    for (protocol, settings) in SETTABLE {
        let (mut driver, sent) = told(protocol, |code| Some(Signal::reply(code, 0x17, &[])));
        assert!(is_started(&driver, &sent), "{protocol:?} is not started: {sent:?}");
        if protocol == Protocol::A0 {
            driver.handle_frames(vec![Signal::reply(WITH_SESSION, 0x17, &[])], MonoMs(30_000));
        }
        let told: Vec<String> = driver.problems().iter().map(ToString::to_string).collect();
        for setting in settings {
            let named = format!("\"{setting}\"");
            assert!(told.iter().any(|problem| problem.contains(&named)), "{protocol:?} {setting}: {told:?}");
        }
        assert!(told.iter().all(|problem| problem.contains("set it with the vendor's tool")), "{told:?}");
    }
}

#[test]
fn a_reader_that_says_nothing_to_every_setting_reads_and_each_is_named() {
    for (protocol, settings) in SETTABLE {
        let (mut driver, sent) = told(protocol, |_| None);
        assert!(is_started(&driver, &sent), "{protocol:?} is not started: {sent:?}");
        if protocol == Protocol::A0 {
            // The first round that is not answered at all.
            let due = driver.next_timeout().unwrap();
            driver.handle_timeout(due);
        }
        let told: Vec<String> = driver.problems().iter().map(ToString::to_string).collect();
        for setting in settings {
            let named = format!("\"{setting}\"");
            assert!(told.iter().any(|problem| problem.contains(&named)), "{protocol:?} {setting}: {told:?}");
        }
    }
}

#[test]
fn a0_is_read_by_whichever_inventory_it_answers_and_the_session_named_when_it_is_not_in_force() {
    let one_antenna = ReaderConfig { session: Some(2), ..config(Protocol::A0) };
    let mut driver = Driver::new(&one_antenna, Protocol::A0);
    driver.handle_open(MonoMs(0));
    for code in [0x72, 0x76] {
        driver.handle_frames(done(code), MonoMs(1));
    }
    assert!(driver.is_settled());
    assert_eq!(driver.problems(), []);
    let mut rounds = Vec::new();
    let next = |driver: &mut Driver| {
        driver.take_output();
        let due = driver.next_timeout().unwrap();
        driver.handle_timeout(due);
        let code = driver.inventory.as_ref().map(|(inventory, _)| inventory.code);
        (code, driver.problems().to_vec())
    };
    for _ in 0..3 {
        rounds.push(next(&mut driver));
    }
    let named = vec![Problem::Unknown("session")];
    let (plain, with_session) = ((Some(0x89), named.clone()), (Some(WITH_SESSION), Vec::new()));
    assert_eq!(rounds, [plain.clone(), with_session, plain], "until one of them is answered");
    driver.handle_frames(vec![Signal::RoundEnd], MonoMs(40_000));
    for _ in 0..3 {
        assert_eq!(next(&mut driver), (Some(0x89), named.clone()), "it is left at that");
    }
}

#[test]
fn what_a_family_cannot_be_told_is_named_too() {
    let wishes = ReaderConfig { session: Some(1), ..config(Protocol::Auto) };
    for protocol in [Protocol::Ascii, Protocol::Cc] {
        let mut driver = Driver::new(&wishes, protocol);
        driver.handle_open(MonoMs(0));
        assert_eq!(driver.problems(), [Problem::Unknown("power_dbm"), Problem::Unknown("session")]);
        assert!(!driver.is_silent(MonoMs(1_000_000)), "it owes no sign of life");
        let listened = ReaderConfig { mode: ReaderMode::Listen, ..wishes.clone() };
        let mut driver = Driver::new(&listened, protocol);
        driver.handle_open(MonoMs(0));
        assert_eq!(driver.problems(), []);
    }
    // Settings in a block of another length.
    let (driver, _) = told(Protocol::Cf, |code| Some(Signal::reply(code, 0, &[7; 24])));
    let named = Problem::Unknown("settings: power_dbm, session, antennas");
    assert!(driver.problems().contains(&named), "{:?}", driver.problems());
}

#[test]
fn a_missing_antenna_is_named_while_it_is_missing_and_watches_a_lane() {
    let (mut driver, _) = told(Protocol::Uhfreader, |code| Some(Signal::reply(code, 0, &[])));
    assert_eq!(driver.problems(), []);
    driver.handle_frames(vec![Signal::NoAntenna(vec![2, 3])], MonoMs(40_000));
    assert_eq!(driver.problems(), [Problem::NoAntenna(3)]);
    assert_eq!(
        driver.problems()[0].to_string(),
        "finds no antenna at port 3; check the antenna and its cable"
    );
    driver.handle_frames(vec![Signal::KeepAlive], MonoMs(70_000));
    assert_eq!(driver.problems(), []);
}

#[test]
fn a_reader_sees_without_a_missing_antenna_until_it_says_or_shows_that_it_is_back() {
    let (mut driver, _) = told(Protocol::Uhfreader, |code| Some(Signal::reply(code, 0, &[])));
    let sees = |driver: &Driver| [Some(1), Some(3), None].map(|port| driver.antennas().see(port));
    assert_eq!(sees(&driver), [true; 3]);
    driver.handle_frames(vec![Signal::NoAntenna(vec![3])], MonoMs(40_000));
    assert_eq!(sees(&driver), [true, false, true]);
    driver.handle_frames(vec![Signal::RoundEnd], MonoMs(50_000));
    driver.handle_open(MonoMs(60_000));
    driver.handle_ports(&[1]);
    assert_eq!(sees(&driver), [true, false, true], "nothing says that it is back");
    driver.handle_ports(&[1, 3]);
    assert_eq!(sees(&driver), [true; 3]);
    driver.handle_frames(vec![Signal::NoAntenna(vec![1])], MonoMs(70_000));
    driver.handle_frames(vec![Signal::NoAntenna(vec![3])], MonoMs(100_000));
    assert_eq!(sees(&driver), [true, false, true]);
    driver.handle_frames(vec![Signal::KeepAlive], MonoMs(130_000));
    assert_eq!(sees(&driver), [true; 3]);
}

#[test]
fn an_a0_reader_misses_the_antenna_whose_turn_it_is() {
    let (mut driver, _) = told(Protocol::A0, |code| Some(Signal::reply(code, 0, &[])));
    let mut now = MonoMs(30_000);
    // Its antennas take turns; the one at port 3 is cut off, then it is back.
    for missing in [true, true, true, true, false, false, false, false] {
        let output = driver.take_output();
        let port = driver.round_port().expect("antennas take turns");
        // The first round has begun before.
        let told = if now == MonoMs(30_000) { &[] } else { &output[..] };
        assert!(told.is_empty() || told[3..5] == [0x74, port - 1], "{port}: {told:02X?}");
        driver.handle_frames(done(0x74), now);
        let says = if missing && port == 3 { Signal::NoAntennaHere } else { Signal::RoundEnd };
        driver.handle_frames(vec![says], now);
        if port == 3 {
            assert_eq!([1, 3].map(|port| driver.antennas().see(Some(port))), [true, !missing]);
            let named = driver.problems().contains(&Problem::NoAntenna(3));
            assert_eq!(named, missing, "{:?}", driver.problems());
        }
        now = now + 600;
        driver.take_output();
        driver.handle_timeout(now);
    }
    // One that reads with the antenna that it is set to.
    let mut driver = opened(Protocol::A0);
    driver.handle_frames(vec![Signal::NoAntennaHere], MonoMs(1000));
    assert!(!driver.antennas().see(None) && !driver.antennas().see(Some(1)));
    assert!(driver.problems()[0].to_string().starts_with("finds no antenna on its port"));
    driver.handle_frames(vec![Signal::RoundEnd], MonoMs(2000));
    assert!(driver.antennas().see(None));
}
