//! Readers' threads on real pseudo-terminals.

use flextraff_agent::config::{LaneMap, Protocol, ReaderConfig, ReaderMode, Watch};
use flextraff_agent::reader::Read;
use flextraff_agent::reader::port::{Poller, ReaderEvent, ReaderEventKind, ReaderPort};
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{ReaderState, ZoneName};
use serialport::{SerialPort as _, TTYPort};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FRAME: &str = "1400EE00010C34161FA8203E7CB20200002050E4A0";
const TAG: &str = "34161FA8203E7CB202000020";
const DEADLINE: Duration = Duration::from_secs(10);

fn now() -> MonoMs {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    MonoMs(time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
}

/// One that is only listened to is up as soon as its port is open.
fn config(port: &Path) -> ReaderConfig {
    ReaderConfig {
        name: "north".into(),
        protocol: Protocol::Uhfreader,
        port: port.to_str().expect("a plain path").into(),
        baud: 57_600,
        antenna_byte: None,
        lanes: LaneMap {
            default: Some(Watch { lane: LaneIx::new(0), zone: ZoneName::StopLine }),
            ..LaneMap::default()
        },
        power_dbm: None,
        region: None,
        session: None,
        mode: ReaderMode::Listen,
        silence_ms: 90_000,
    }
}

fn bytes() -> Vec<u8> {
    FRAME.parse::<Epc>().expect("hex").as_bytes().to_vec()
}

/// A pseudo-terminal whose end for the agent appears at `link`, as udev's names do. Both handles must live as long as the device.
fn plug(link: &Path) -> (TTYPort, TTYPort) {
    let (master, slave) = TTYPort::pair().expect("a pseudo-terminal");
    std::os::unix::fs::symlink(slave.name().expect("a slave has a name"), link).expect("a link");
    (master, slave)
}

fn unplug(link: &Path, device: (TTYPort, TTYPort)) {
    std::fs::remove_file(link).expect("the link is there");
    drop(device);
}

fn next(events: &Receiver<ReaderEvent>) -> ReaderEventKind {
    let event = events.recv_timeout(DEADLINE).expect("an event in time");
    assert_eq!(event.reader, 3);
    event.kind
}

fn expect_read(events: &Receiver<ReaderEvent>) -> Read {
    match next(events) {
        ReaderEventKind::Read(read) => read,
        other => panic!("{other:?} instead of a read"),
    }
}

/// One test at a time: what the others' threads need would be counted as well.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Processor time of this process's threads that read, in ticks of 10 ms.
fn cpu_ticks() -> u64 {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").expect("proc is mounted").flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let (head, fields) = stat.rsplit_once(") ").expect("the name is in brackets");
        if ["(reader-3", "(readers"].iter().any(|thread| head.ends_with(thread)) {
            let fields: Vec<&str> = fields.split(' ').collect();
            sum += fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("ticks")).sum::<u64>();
        }
    }
    sum
}

#[test]
fn bytes_become_reads_and_a_replugged_reader_goes_on() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("north");
    let mut device = plug(&link);
    let (sender, events) = sync_channel(16);
    let port = ReaderPort::start(3, &config(&link), &Poller::start(now).unwrap(), to(sender), now).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Up);

    // A frame in two pieces with noise before it.
    let frame = bytes();
    device.0.write_all(&[0x00, 0x13]).unwrap();
    device.0.write_all(&frame[..7]).unwrap();
    device.0.write_all(&frame[7..]).unwrap();
    let read = expect_read(&events);
    assert_eq!((read.epc.to_string().as_str(), read.lane), (TAG, LaneIx::new(0)));
    assert!(now().since(read.at) < 10_000);
    assert_eq!(port.stats().state(), ReaderState::Up);

    unplug(&link, device);
    assert_eq!(next(&events), ReaderEventKind::Down);
    assert_eq!(port.stats().state(), ReaderState::Down);

    let mut device = plug(&link);
    assert_eq!(next(&events), ReaderEventKind::Up);
    device.0.write_all(&frame).unwrap();
    expect_read(&events);

    assert!(port.restart());
    assert_eq!(next(&events), ReaderEventKind::Down);
    assert_eq!(next(&events), ReaderEventKind::Up);
    device.0.write_all(&frame).unwrap();
    expect_read(&events);

    assert!(port.stats().dropped_bytes() >= 2);
    port.stop().unwrap();
}

#[test]
fn what_is_missing_at_the_start_is_waited_for_without_spinning() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("north");
    let (sender, events) = sync_channel(16);
    let port = ReaderPort::start(3, &config(&link), &Poller::start(now).unwrap(), to(sender), now).unwrap();
    let before = cpu_ticks();
    assert_eq!(events.recv_timeout(Duration::from_millis(1200)), Err(RecvTimeoutError::Timeout));
    assert!(port.stats().opens() <= 3, "{} attempts", port.stats().opens());

    let device = plug(&link);
    assert_eq!(next(&events), ReaderEventKind::Up);
    // Silence is no reason to burn time either.
    assert_eq!(events.recv_timeout(Duration::from_millis(800)), Err(RecvTimeoutError::Timeout));
    let spent = cpu_ticks().saturating_sub(before);
    assert!(spent < 10, "{spent} ticks");
    port.stop().unwrap();
    drop(device);
}

#[test]
fn a_full_channel_loses_no_read_and_a_closed_one_ends_the_thread() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("north");
    let mut device = plug(&link);
    let (sender, events) = sync_channel(1);
    let port = ReaderPort::start(3, &config(&link), &Poller::start(now).unwrap(), to(sender), now).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Up);
    for _ in 0..20 {
        device.0.write_all(&bytes()).unwrap();
    }
    for _ in 0..20 {
        expect_read(&events);
    }
    drop(events);
    device.0.write_all(&bytes()).unwrap();
    port.stop().unwrap();
}

#[test]
fn a_reader_that_takes_no_bytes_holds_up_no_other() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (stuck, link) = (folder.path().join("stuck"), folder.path().join("north"));
    let full = plug(&stuck);
    let (mut device, poller) = (plug(&link), Poller::start(now).unwrap());
    fill(&stuck);
    let (sender, of_stuck) = sync_channel(16);
    let driven = ReaderConfig { mode: ReaderMode::Drive, ..config(&stuck) };
    let held_up = ReaderPort::start(3, &driven, &poller, to(sender), now).unwrap();
    let (sender, events) = sync_channel(16);
    let port = ReaderPort::start(3, &config(&link), &poller, to(sender), now).unwrap();
    assert_eq!(next(&events), ReaderEventKind::Up);
    // For as long as the other reader is asked in vain.
    while !held_up.stats().found().detail.is_some_and(|detail| detail.contains("answers no command")) {
        device.0.write_all(&bytes()).unwrap();
        expect_read(&events);
    }
    assert_eq!((held_up.stats().opens(), port.stats().opens()), (1, 1), "neither is taken for gone");
    assert!(of_stuck.try_recv().is_err(), "it has not said anything");
    held_up.stop().unwrap();
    port.stop().unwrap();
    drop(full);
}

/// Writes to a device until it takes no more.
fn fill(link: &Path) {
    let mut device = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(link)
        .expect("the device is there");
    while device.write_all(&[0; 64]).is_ok() {}
}

/// Events into a channel.
fn to(sender: std::sync::mpsc::SyncSender<ReaderEvent>) -> impl Fn(ReaderEvent) -> bool + Send + 'static {
    move |event| sender.send(event).is_ok()
}
