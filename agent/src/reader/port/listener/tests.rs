//! Devices that go away in each of the ways in which drivers of the kernel tell it, and come back under another name.

mod sockets;

use super::super::line::Wire;
use super::*;
use crate::config::{LaneMap, ReaderMode, Watch};
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::ZoneName;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

const TAG: &str = "1400EE00010C34161FA8203E7CB20200002050E4A0";
const DEADLINE: Duration = Duration::from_secs(10);

/// What a device does when it is read, and then.
#[derive(Clone, Debug)]
enum Act {
    Bytes(Vec<u8>),
    /// `None`: no bytes, which is the end.
    Fails(Option<i32>),
    /// Meets a defect of this program.
    Panics,
}

/// A device that does so one after the other, and then is quiet.
#[derive(Debug)]
struct Fake {
    acts: VecDeque<Act>,
    /// Readable as long as a byte lies there.
    bell: UnixStream,
    _ringer: UnixStream,
}

impl Fake {
    fn new(acts: Vec<Act>) -> Self {
        let (bell, mut ringer) = UnixStream::pair().expect("a pair");
        if !acts.is_empty() {
            ringer.write_all(&[0]).expect("room for a byte");
        }
        Self { acts: acts.into(), bell, _ringer: ringer }
    }
}

impl Wire for Fake {
    fn fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn set_baud(&mut self, _baud: u32) -> io::Result<()> {
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let act = self.acts.pop_front().expect("nobody reads what is quiet");
        if self.acts.is_empty() {
            self.bell.read_exact(&mut [0])?;
        }
        match act {
            Act::Bytes(bytes) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
            Act::Fails(Some(code)) => Err(io::Error::from_raw_os_error(code)),
            Act::Fails(None) => Ok(0),
            Act::Panics => panic!("a defect, as it is meant to be"),
        }
    }

    fn write(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    /// What the reader's thread opens, and when: the path; the answer.
    static OPENED: RefCell<Option<Sender<(String, MonoMs)>>> = const { RefCell::new(None) };
    static DEVICES: RefCell<VecDeque<Option<Vec<Act>>>> = const { RefCell::new(VecDeque::new()) };
}

fn open(port: &str, _baud: u32) -> Result<Line, OpenError> {
    OPENED.with_borrow(|opened| opened.as_ref().map(|opened| opened.send((port.to_owned(), now()))));
    let device = DEVICES.with_borrow_mut(VecDeque::pop_front);
    let missing =
        || serialport::Error::new(serialport::ErrorKind::Io(io::ErrorKind::NotFound), "No such file");
    match device {
        Some(None) => Err(missing().into()),
        Some(Some(acts)) => Ok(Line::of(Fake::new(acts))),
        None => Ok(Line::of(Fake::new(Vec::new()))),
    }
}

fn poller() -> Poller {
    Poller::start(now).expect("a thread")
}

fn now() -> MonoMs {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    MonoMs(time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
}

fn config(port: &str) -> ReaderConfig {
    ReaderConfig {
        name: "north".into(),
        protocol: Protocol::Uhfreader,
        port: port.into(),
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

fn tag() -> Act {
    frame(TAG)
}

fn frame(hex: &str) -> Act {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    Act::Bytes((0..hex.len()).step_by(2).map(digit).collect())
}

/// Puts an adapter into a socket.
fn plug(sys: &Path, socket: &str, name: &str) {
    let device = sys.join("devices").join(socket).join(name);
    std::fs::create_dir_all(&device).unwrap();
    let class = sys.join("class/tty").join(name);
    std::fs::create_dir_all(&class).unwrap();
    symlink(&device, class.join("device")).unwrap();
}

/// A reader's thread on such devices.
struct Run {
    events: Receiver<ReaderEvent>,
    opened: Receiver<(String, MonoMs)>,
    stats: Arc<ReaderStats>,
    requests: Option<Sender<Restart>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Run {
    fn start(port: &str, sys: &Path, devices: Vec<Option<Vec<Act>>>) -> Self {
        Self::of(config(port), sys, devices)
    }

    fn of(config: ReaderConfig, sys: &Path, devices: Vec<Option<Vec<Act>>>) -> Self {
        Self::on(&poller(), config, sys, devices)
    }

    fn on(poller: &Poller, config: ReaderConfig, sys: &Path, devices: Vec<Option<Vec<Act>>>) -> Self {
        let ((tell, events), (requests, asked), (opens, opened)) = (channel(), channel(), channel());
        let stats = Arc::new(ReaderStats::default());
        let (theirs, sys) = ((Arc::clone(&stats), poller.clone()), sys.to_owned());
        let thread = std::thread::spawn(move || {
            OPENED.set(Some(opens));
            DEVICES.set(devices.into());
            let driven = Source::new(&config).map(|source| (source, Driver::new(&config, config.protocol)));
            let tell = move |event| tell.send(event).is_ok();
            let mut listener = Listener::new(0, config, driven, theirs, tell, asked, now);
            listener.devices = Devices { sys, open };
            listener.run();
        });
        Self { events, opened, stats, requests: Some(requests), thread: Some(thread) }
    }

    fn next(&self) -> ReaderEventKind {
        self.events.recv_timeout(DEADLINE).expect("an event in time").kind
    }

    fn up_and_read(&self) {
        assert_eq!(self.next(), ReaderEventKind::Up);
        assert!(matches!(self.next(), ReaderEventKind::Read(_)));
    }

    fn opened(&self) -> String {
        self.opened.recv_timeout(DEADLINE).expect("it is opened").0
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ends without a panic");
        }
    }
}

#[test]
fn a_device_that_ends_in_whatever_way_is_opened_again_and_reads_go_on() {
    for (ways, way) in [
        (None, "0 bytes"),
        (Some(libc::EIO), "EIO"),
        (Some(libc::ENODEV), "ENODEV"),
        (Some(libc::ENXIO), "ENXIO"),
    ] {
        let gone = vec![tag(), Act::Fails(ways)];
        // Pulled, missing once, and put back.
        let run = Run::start("/dev/north", Path::new("/nowhere"), vec![Some(gone), None, Some(vec![tag()])]);
        run.up_and_read();
        assert_eq!(run.next(), ReaderEventKind::Down, "{way}");
        run.up_and_read();
        assert_eq!(run.stats.opens(), 3, "{way}");
    }
}

#[test]
fn a_reader_all_of_whose_reads_belong_to_no_lane_watches_none() {
    let mut config = config("/dev/north");
    let watch = config.lanes.default.take().unwrap();
    config.lanes.ports.insert(1, watch);
    let unnamed = frame("1100EE00E2000020401302162510BBECB1B1");
    let run =
        Run::of(config.clone(), Path::new("/nowhere"), vec![Some(vec![unnamed.clone(), unnamed.clone()])]);
    assert_eq!(run.next(), ReaderEventKind::Up);
    assert_eq!(run.next(), ReaderEventKind::Down, "no lane is observed to be empty");
    let found = run.stats.found().detail.unwrap_or_default();
    assert_eq!(
        (run.stats.state(), found.as_str()),
        (
            ReaderState::Silent,
            "reads that name no antenna belong to no lane; add default = \"…\", their lane, to lanes"
        )
    );
    assert!(run.stats.unmapped() >= 1);
    drop(run);
    // Where other reads have a lane they count as always.
    let run = Run::of(config, Path::new("/nowhere"), vec![Some(vec![tag(), unnamed, tag()])]);
    run.up_and_read();
    assert!(matches!(run.next(), ReaderEventKind::Read(_)));
    assert_eq!((run.stats.state(), run.stats.unmapped()), (ReaderState::Up, 1));
}

#[test]
fn a_reader_watches_its_lanes_from_the_first_read_that_belongs_to_one() {
    let mut config = config("/dev/north");
    let watch = config.lanes.default.take().unwrap();
    config.lanes.ports.insert(1, watch);
    let other_antenna = frame("1400EE00020C34161FA8203E7CB2305B75E0500FDC");
    // The device is quiet in between until the state is known.
    let quiet = || Act::Fails(Some(libc::EINTR));
    let mut acts = vec![other_antenna];
    acts.extend((0..3).map(|_| quiet()));
    acts.push(tag());
    let run = Run::of(config, Path::new("/nowhere"), vec![Some(acts)]);
    assert_eq!(run.next(), ReaderEventKind::Up);
    assert_eq!(run.next(), ReaderEventKind::Down);
    assert!(matches!(run.next(), ReaderEventKind::Read(_)));
    assert_eq!(run.next(), ReaderEventKind::Up);
    assert_eq!(run.stats.state(), ReaderState::Up);
    assert_eq!(run.stats.found().detail, None);
}

#[test]
fn an_interrupted_read_is_no_end() {
    let acts = vec![Act::Fails(Some(libc::EINTR)), Act::Fails(Some(libc::EAGAIN)), tag()];
    let run = Run::start("/dev/north", Path::new("/nowhere"), vec![Some(acts)]);
    run.up_and_read();
    assert_eq!(run.stats.opens(), 1);
}

#[test]
fn a_defect_ends_the_thread_of_its_reader_once_it_is_told_that_nobody_watches() {
    let shared = poller();
    let nowhere = Path::new("/nowhere");
    let mut failing = Run::on(&shared, config("/dev/north"), nowhere, vec![Some(vec![tag(), Act::Panics])]);
    failing.up_and_read();
    assert_eq!(failing.next(), ReaderEventKind::Down);
    failing.thread.take().unwrap().join().expect("the panic goes no further");
    assert_eq!((failing.stats.state(), failing.stats.opens()), (ReaderState::Down, 1));
    let other = Run::on(&shared, config("/dev/south"), nowhere, vec![Some(vec![tag()])]);
    other.up_and_read();
}

#[test]
fn a_device_that_opens_and_is_gone_at_once_is_tried_less_and_less_often() {
    let broken = Some(vec![Act::Fails(Some(libc::EIO))]);
    let run = Run::start("/dev/north", Path::new("/nowhere"), vec![broken; 20]);
    let opened: Vec<MonoMs> = (0..4).map(|_| run.opened.recv_timeout(DEADLINE).unwrap().1).collect();
    let pauses: Vec<i64> = opened.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(pauses[0] >= 500 && pauses[1] >= 1000 && pauses[2] >= 2000, "{pauses:?}");
}

#[test]
fn an_adapter_that_comes_back_under_another_name_is_found_by_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let plug = |socket: &str, name: &str| plug(folder.path(), socket, name);
    plug("usb1/1-1.2:1.0", "ttyUSB0");
    plug("usb1/1-1.3:1.0", "ttyUSB1");
    let gone = vec![tag(), Act::Fails(Some(libc::ENODEV))];
    let run =
        Run::start("/dev/ttyUSB0", folder.path(), vec![Some(gone.clone()), Some(gone), Some(vec![tag()])]);
    assert_eq!(run.opened(), "/dev/ttyUSB0");
    run.up_and_read();
    // Another adapter takes the name that is free.
    std::fs::remove_dir_all(folder.path().join("class/tty")).unwrap();
    plug("usb1/1-1.3:1.0", "ttyUSB0");
    plug("usb1/1-1.2:1.0", "ttyUSB1");
    assert_eq!(run.next(), ReaderEventKind::Down);
    assert_eq!(run.opened(), "/dev/ttyUSB1");
    run.up_and_read();
    assert_eq!(run.next(), ReaderEventKind::Down);
    assert_eq!(run.opened(), "/dev/ttyUSB1");
    run.up_and_read();
}
