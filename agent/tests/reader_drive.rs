//! Readers that are driven, on real pseudo-terminals and a real connection: a fake reader at the other end speaks the family's protocol.

use flextraff_agent::config::{Antennas, LaneMap, Protocol, ReaderConfig, ReaderMode, Watch};
use flextraff_agent::reader::port::{Poller, ReaderEvent, ReaderEventKind, ReaderPort};
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{ReaderState, ZoneName};
use serialport::{SerialPort as _, TTYPort};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);
const CHAFON_TAG: &str = "1400EE00010C34161FA8203E7CB20200002050E4A0";
const CF_TAG: &str = "CF0000011200FD3A01000CE28069950000400A8F3981330A1D";

fn now() -> MonoMs {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    MonoMs(time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn config(protocol: Protocol, port: &str) -> ReaderConfig {
    ReaderConfig {
        name: "north".into(),
        protocol,
        port: port.into(),
        baud: 57_600,
        antenna_byte: None,
        lanes: LaneMap {
            default: Some(Watch { lane: LaneIx::new(0), zone: ZoneName::StopLine }),
            ..LaneMap::default()
        },
        power_dbm: Some(20),
        region: None,
        session: None,
        mode: ReaderMode::Drive,
        silence_ms: 90_000,
    }
}

/// A reader: how long its commands are, and what it says to each.
struct Fake {
    device: String,
    commands: Receiver<Vec<u8>>,
    say: Sender<Vec<u8>>,
}

impl Fake {
    fn start(
        length: impl Fn(&[u8]) -> Option<usize> + Send + 'static,
        mut answer: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let (mut master, slave) = TTYPort::pair().expect("a pseudo-terminal");
        let device = slave.name().expect("a slave has a name");
        let (heard, commands) = channel();
        let (say, to_say) = channel::<Vec<u8>>();
        master.set_timeout(Duration::from_millis(20)).expect("it works");
        std::thread::spawn(move || {
            // Kept so that the device does not hang up while nobody else has it open.
            let _slave = slave;
            let (mut input, mut buffer) = (Vec::new(), [0; 256]);
            loop {
                loop {
                    match to_say.try_recv() {
                        Ok(bytes) => master.write_all(&bytes).expect("it works"),
                        Err(std::sync::mpsc::TryRecvError::Empty) => break,
                        Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                    }
                }
                let Ok(count) = master.read(&mut buffer) else { continue };
                input.extend_from_slice(&buffer[..count]);
                while let Some(size) = length(&input).filter(|size| *size <= input.len()) {
                    let command: Vec<u8> = input.drain(..size).collect();
                    master.write_all(&answer(&command)).expect("it works");
                    if heard.send(command).is_err() {
                        return;
                    }
                }
            }
        });
        Self { device, commands, say }
    }

    fn command(&self) -> Vec<u8> {
        self.commands.recv_timeout(DEADLINE).expect("a command in time")
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

fn chafon(code: u8, status: u8) -> Vec<u8> {
    let mut frame = vec![5, 0, code, status];
    frame.extend(crc16(&frame).to_le_bytes());
    frame
}

fn chafon_length(input: &[u8]) -> Option<usize> {
    input.first().map(|len| usize::from(*len) + 1)
}

/// Takes every setting but the power.
fn chafon_answer(command: &[u8]) -> Vec<u8> {
    match command[2] {
        0x21 => bytes("1100210000160C034E001E0A01000000E651"),
        0x2F => chafon(0x2F, 0xFF),
        code => chafon(code, 0),
    }
}

fn start(config: &ReaderConfig) -> (ReaderPort, Receiver<ReaderEvent>) {
    let (sender, events) = channel();
    let poller = Poller::start(now).expect("it works");
    let tell = move |event| sender.send(event).is_ok();
    let port = ReaderPort::start(0, config, &poller, tell, now).expect("it works");
    (port, events)
}

fn next(events: &Receiver<ReaderEvent>) -> ReaderEventKind {
    events.recv_timeout(DEADLINE).expect("an event in time").kind
}

/// Waits until this is said of a reader.
fn said(port: &ReaderPort, sentence: &str) {
    until(sentence, || port.stats().found().detail.is_some_and(|detail| detail.contains(sentence)));
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let (_keep, never) = channel::<()>();
    let deadline = now() + DEADLINE.as_millis() as i64;
    while !condition() {
        assert!(now() < deadline, "{what}");
        assert_eq!(never.recv_timeout(Duration::from_millis(10)), Err(RecvTimeoutError::Timeout));
    }
}

#[test]
fn a_reader_is_set_in_order_and_a_refusal_is_said_without_stopping_it() {
    let fake = Fake::start(chafon_length, chafon_answer);
    let (port, events) = start(&config(Protocol::Uhfreader, &fake.device));
    assert_eq!(next(&events), ReaderEventKind::Up);
    let codes: Vec<u8> = (0..6).map(|_| fake.command()[2]).collect();
    assert_eq!(codes, [0x21, 0x76, 0x2F, 0x75, 0x78, 0x76]);
    fake.say.send(bytes(CHAFON_TAG)).unwrap();
    assert!(matches!(next(&events), ReaderEventKind::Read(_)));
    said(&port, "refuses");
    let found = port.stats().found();
    assert_eq!((found.protocol, found.baud), (Some(Protocol::Uhfreader), Some(57_600)));
    assert!(found.detail.unwrap().starts_with("the reader refuses \"power_dbm\" (code 0xff)"));
    assert_eq!(port.stats().state(), ReaderState::Up);
    port.stop().unwrap();
}

#[test]
fn a_reader_that_falls_silent_is_not_watched_until_it_is_heard_again() {
    let mut asked = 0;
    // It dies after it was set.
    let fake = Fake::start(chafon_length, move |command| {
        asked += 1;
        if asked <= 6 { chafon_answer(command) } else { Vec::new() }
    });
    let config = ReaderConfig { silence_ms: 2000, ..config(Protocol::Uhfreader, &fake.device) };
    let (port, events) = start(&config);
    assert_eq!(next(&events), ReaderEventKind::Up);
    assert_eq!(next(&events), ReaderEventKind::Down);
    assert_eq!(port.stats().state(), ReaderState::Silent);
    assert!(port.stats().found().detail.unwrap().starts_with("nothing intact came for"));
    fake.say.send(bytes(CHAFON_TAG)).unwrap();
    let (mut read, mut up) = (false, false);
    while !(read && up) {
        match next(&events) {
            ReaderEventKind::Read(_) => read = true,
            ReaderEventKind::Up => up = true,
            ReaderEventKind::UpWithout(_) | ReaderEventKind::Down => panic!("it was heard"),
        }
    }
    port.stop().unwrap();
}

/// A heartbeat, with the states of four antennas.
fn chafon_heartbeat(states: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0x11, 0, 0xEE, 0x28, 0, 0, 0, 7];
    frame.extend(states);
    frame.extend([0, 0, 1, 0x23]);
    frame.extend(crc16(&frame).to_le_bytes());
    frame
}

#[test]
fn a_reader_tells_which_antenna_it_misses_and_when_it_is_back() {
    let fake = Fake::start(chafon_length, chafon_answer);
    let watch = |lane| Watch { lane: LaneIx::new(lane), zone: ZoneName::StopLine };
    let lanes = LaneMap { ports: [(1, watch(0)), (3, watch(1))].into(), default: None };
    let (port, events) =
        start(&ReaderConfig { lanes, mode: ReaderMode::Listen, ..config(Protocol::Uhfreader, &fake.device) });
    assert_eq!(next(&events), ReaderEventKind::Up);
    // Whose port is empty and watches nothing is not missed.
    fake.say.send(chafon_heartbeat([1, 2, 2, 2])).unwrap();
    let without = Antennas::from(true).without(Some(3));
    assert_eq!(next(&events), ReaderEventKind::UpWithout(without));
    assert_eq!((port.stats().antennas(), port.stats().state()), (without, ReaderState::Up));
    said(&port, "finds no antenna at port 3");
    fake.say.send(chafon_heartbeat([1, 2, 1, 2])).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Up);
    port.stop().unwrap();
}

#[test]
fn a_poll_that_ends_is_asked_for_again() {
    let length = |input: &[u8]| input.get(4).map(|len| usize::from(*len) + 7);
    let fake = Fake::start(length, |command| match command[2] {
        0x28 => bytes("BB01280001002A7E"),
        0x27 => bytes("BB01FF000115167EBB02220011C9340030751FEB705C5904E3D50D703A76EF7E"),
        0x03 => bytes("BB0103000100057E"),
        _ => bytes("BB01B6000100B87E"),
    });
    let (port, events) = start(&config(Protocol::M100, &fake.device));
    assert_eq!(next(&events), ReaderEventKind::Up);
    let codes: Vec<u8> = (0..6).map(|_| fake.command()[2]).collect();
    assert_eq!(codes, [0x28, 0x03, 0xB6, 0x27, 0x27, 0x27]);
    for _ in 0..2 {
        assert!(matches!(next(&events), ReaderEventKind::Read(_)));
    }
    port.stop().unwrap();
}

#[test]
fn a_module_that_streams_since_before_is_stopped_set_and_started() {
    let length = |input: &[u8]| input.get(1).map(|len| usize::from(*len) + 5);
    let fake = Fake::start(length, |command| match command[2] {
        0x03 => bytes("FF14030000141208003000000220220804010B0125000000107962"),
        0x91 => bytes("FF009100001758"),
        0x92 => bytes("FF00920000273B"),
        0x2A => bytes("FF002A000001E8"),
        0x9A => bytes("FF009A0000A633"),
        0x2F => bytes("FF042F0000012200006DC3"),
        _ => Vec::new(),
    });
    // In the midst of a frame.
    fake.say.send(bytes("000000001545E94A561DFF0022040084E0")).unwrap();
    let (port, events) = start(&config(Protocol::Thingmagic, &fake.device));
    assert_eq!(next(&events), ReaderEventKind::Up);
    let codes: Vec<u8> = (0..9).map(|_| fake.command()[2]).collect();
    // Gen2 (0x93) is not answered: sent twice, and then the next.
    assert_eq!(codes, [0x2F, 0x03, 0x93, 0x93, 0x91, 0x92, 0x2A, 0x9A, 0x2F]);
    said(&port, "does not answer");
    assert_eq!(port.stats().found().detail.unwrap(), "the reader does not answer to \"Gen2\"");
    port.stop().unwrap();
    assert_eq!(fake.command()[2], 0x2F, "it is told to stop reading");
}

#[test]
fn auto_finds_a_reader_by_its_answer_and_drives_it() {
    let fake = Fake::start(
        // Whatever is no command of the family is dropped byte by byte.
        |input| match input {
            [0xCF, 0xFF, 0x00, _, len, ..] => Some(usize::from(*len) + 7),
            [0xCF] | [0xCF, 0xFF] | [0xCF, 0xFF, 0x00] | [0xCF, 0xFF, 0x00, _] | [] => None,
            _ => Some(1),
        },
        |command| {
            if command.len() < 7 {
                return Vec::new();
            }
            let mut frame = vec![0xCF, 0, command[2], command[3], 1, 0];
            frame.extend(crc16(&frame).to_be_bytes());
            frame
        },
    );
    let (port, events) = start(&config(Protocol::Auto, &fake.device));
    assert_eq!(next(&events), ReaderEventKind::Up);
    until("it is found", || port.stats().found().protocol.is_some());
    assert_eq!(port.stats().found().protocol, Some(Protocol::Cf));
    let is_start = |command: &Vec<u8>| command.starts_with(&[0xCF, 0xFF, 0x00, 0x01]);
    while !is_start(&fake.command()) {}
    fake.say.send(bytes(CF_TAG)).unwrap();
    assert!(matches!(next(&events), ReaderEventKind::Read(_)));
    port.stop().unwrap();
}

#[test]
fn a_reader_that_was_found_and_falls_silent_is_not_up_while_it_is_looked_for() {
    let mut asked = 0;
    let fake = Fake::start(chafon_length, move |command| {
        asked += 1;
        if asked <= 6 { chafon_answer(command) } else { Vec::new() }
    });
    let config = ReaderConfig { silence_ms: 2000, ..config(Protocol::Auto, &fake.device) };
    let (port, events) = start(&config);
    assert_eq!(next(&events), ReaderEventKind::Up);
    assert_eq!(next(&events), ReaderEventKind::Down);
    // It is looked for at the speed that it had, then at others.
    said(&port, "no reader was recognised");
    assert_eq!(port.stats().state(), ReaderState::Silent);
    assert!(events.try_recv().is_err(), "nobody was heard");
    port.stop().unwrap();
}

#[test]
fn bytes_that_never_make_a_frame_are_no_reader_that_is_up() {
    let fake = Fake::start(|input| (!input.is_empty()).then_some(input.len()), |_| Vec::new());
    let listen = ReaderConfig {
        mode: ReaderMode::Listen,
        silence_ms: 1000,
        ..config(Protocol::Uhfreader, &fake.device)
    };
    let (port, events) = start(&listen);
    assert_eq!(next(&events), ReaderEventKind::Up, "one that is only listened to may have nothing to say");
    fake.say.send(bytes("F0F1F2F3F4F5F6F7")).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Down);
    assert_eq!(port.stats().state(), ReaderState::Silent);
    assert!(port.stats().found().detail.unwrap().contains("protocol, baud"));
    fake.say.send(bytes(CHAFON_TAG)).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Up);
    assert!(matches!(next(&events), ReaderEventKind::Read(_)));
    port.stop().unwrap();
}

#[test]
fn a_reader_without_power_is_not_up() {
    let fake = Fake::start(chafon_length, |_| Vec::new());
    let config = ReaderConfig { silence_ms: 1500, ..config(Protocol::Uhfreader, &fake.device) };
    let (port, events) = start(&config);
    said(&port, "nothing has come from it yet");
    until("it is missed", || port.stats().state() == ReaderState::Silent);
    assert!(events.try_recv().is_err(), "its lanes were never watched");
    port.stop().unwrap();
}

#[test]
fn auto_counts_what_was_read_before_the_reader_was_known() {
    let fake = Fake::start(|input| (!input.is_empty()).then_some(input.len()), |_| Vec::new());
    let listen = ReaderConfig { mode: ReaderMode::Listen, ..config(Protocol::Auto, &fake.device) };
    let (port, events) = start(&listen);
    for _ in 0..5 {
        fake.say.send(bytes(CHAFON_TAG)).unwrap();
    }
    assert_eq!(next(&events), ReaderEventKind::Up);
    for _ in 0..5 {
        assert!(matches!(next(&events), ReaderEventKind::Read(_)));
    }
    assert_eq!(port.stats().found().protocol, Some(Protocol::Uhfreader));
    assert_eq!(fake.commands.try_recv().ok(), None, "it is only listened to");
    port.stop().unwrap();
}

#[test]
fn a_reader_in_the_network_is_connected_to_again() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", server.local_addr().unwrap());
    let (port, events) = start(&config(Protocol::Cf, &address));
    for is_known in [false, true] {
        let (mut reader, _) = server.accept().unwrap();
        let mut command = [0; 7];
        reader.read_exact(&mut command).unwrap();
        assert_eq!(command[..], bytes("CFFF000200E761"));
        if !is_known {
            assert!(events.try_recv().is_err(), "nobody has said anything at the other end");
        }
        reader.write_all(&bytes(CF_TAG)).unwrap();
        assert_eq!(next(&events), ReaderEventKind::Up, "before the read");
        assert!(matches!(next(&events), ReaderEventKind::Read(_)));
        drop(reader);
        assert_eq!(next(&events), ReaderEventKind::Down);
    }
    assert_eq!(port.stats().found().baud, None);
    port.stop().unwrap();
}

/// A command of a CF reader, and the answer that says done.
fn cf_answer(reader: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    reader.read_exact(&mut head).ok()?;
    let mut rest = vec![0; usize::from(head[4]) + 2];
    reader.read_exact(&mut rest).ok()?;
    let mut frame = vec![0xCF, 0, head[2], head[3], 1, 0];
    frame.extend(crc16(&frame).to_be_bytes());
    Some(frame)
}

/// The next connection, in time.
fn accept(server: &TcpListener) -> TcpStream {
    server.set_nonblocking(true).expect("it works");
    let mut connected = None;
    until("a connection", || {
        connected = server.accept().ok();
        connected.is_some()
    });
    let (stream, _) = connected.expect("it is connected");
    stream.set_nonblocking(false).expect("it works");
    stream.set_read_timeout(Some(DEADLINE)).expect("it works");
    stream
}

#[test]
fn a_connection_whose_other_end_says_nothing_any_more_is_made_anew() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", server.local_addr().unwrap());
    let config = ReaderConfig { silence_ms: 2000, ..config(Protocol::Cf, &address) };
    let (port, events) = start(&config);
    // It answers to four commands; then it hangs: no answer, no end of the connection.
    let mut hung = accept(&server);
    for _ in 0..4 {
        let answer = cf_answer(&mut hung).expect("a command");
        hung.write_all(&answer).unwrap();
    }
    let from = now();
    assert_eq!(next(&events), ReaderEventKind::Up);
    assert_eq!(next(&events), ReaderEventKind::Down);
    assert_eq!(port.stats().state(), ReaderState::Silent);
    let mut still = accept(&server);
    assert!(now().since(from) < 8000, "twice the time after which it is silent, and some");
    // The new connection is as silent as the old one: that is no reader which is up.
    let mut reader = accept(&server);
    assert_eq!(port.stats().state(), ReaderState::Silent);
    assert!(events.try_recv().is_err(), "it is not up until it is heard");
    assert!(port.stats().opens() <= 3, "{} attempts", port.stats().opens());
    let answer = cf_answer(&mut reader).expect("a command");
    reader.write_all(&answer).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Up);
    reader.write_all(&bytes(CF_TAG)).unwrap();
    assert!(matches!(next(&events), ReaderEventKind::Read(_)));
    // The first two were closed.
    assert!(still.read_to_end(&mut Vec::new()).is_ok() && hung.read_to_end(&mut Vec::new()).is_ok());
    port.stop().unwrap();
}

#[test]
fn a_host_that_does_not_answer_keeps_nobody_waiting() {
    // Its queue of connections is full, so that it answers to no other.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&server, 0).unwrap();
    let address = server.local_addr().unwrap();
    let fill = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let _full: Vec<TcpStream> = std::iter::from_fn(fill).take(16).collect();
    let (port, events) = start(&config(Protocol::Cf, &format!("tcp://{address}")));
    until("it tries", || port.stats().opens() > 0);
    let from = now();
    port.stop().unwrap();
    assert!(now().since(from) < 1000, "{} ms", now().since(from));

    let (port, _events) = start(&config(Protocol::Cf, &format!("tcp://{address}")));
    until("it says why", || port.stats().found().detail.is_some());
    let detail = port.stats().found().detail.unwrap();
    assert!(detail.contains("timed out") && detail.contains("check the reader's power, network"), "{detail}");
    assert!(port.stats().opens() <= 2, "{} attempts", port.stats().opens());
    assert_eq!(port.stats().state(), ReaderState::Down);
    port.stop().unwrap();
    assert!(events.try_recv().is_err());
}

#[test]
fn a_connection_that_is_refused_says_so_and_is_tried_less_and_less_often() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (port, events) = start(&config(Protocol::Auto, &format!("tcp://{address}")));
    until("it says why", || port.stats().found().detail.is_some());
    let detail = port.stats().found().detail.unwrap();
    assert!(detail.contains("Connection refused") && detail.contains("nothing listens"), "{detail}");
    assert!(events.recv_timeout(Duration::from_millis(1200)).is_err());
    assert!(port.stats().opens() <= 3, "{} attempts", port.stats().opens());
    // Somebody switches it on.
    let server = TcpListener::bind(address).unwrap();
    let mut reader = accept(&server);
    reader.write_all(&bytes(&CF_TAG.repeat(3))).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Up);
    port.stop().unwrap();
}
