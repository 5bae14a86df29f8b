//! Which adapter a reader opens when names change owners.

use super::super::super::sockets::GRACE_MS;
use super::*;
use std::cell::Cell;
use std::rc::Rc;

const A_SOCKET: &str = "usb1/1-1.2:1.0";
const B_SOCKET: &str = "usb1/1-1.3:1.0";
const C_SOCKET: &str = "usb1/1-1.4:1.0";

/// A machine with USB sockets, and a clock.
struct Machine {
    sys: tempfile::TempDir,
    sockets: Sockets,
    time: Rc<Cell<MonoMs>>,
    opened: Receiver<(String, MonoMs)>,
}

impl Machine {
    fn new() -> Self {
        let (opens, opened) = channel();
        OPENED.set(Some(opens));
        DEVICES.set(VecDeque::new());
        let sys = tempfile::tempdir().unwrap();
        Self { sys, sockets: Sockets::default(), time: Rc::default(), opened }
    }

    fn plug(&self, socket: &str, name: &str) {
        plug(self.sys.path(), socket, name);
    }

    /// Every adapter is gone.
    fn unplug_all(&self) {
        std::fs::remove_dir_all(self.sys.path().join("class/tty")).unwrap();
    }

    fn pass(&self, ms: i64) {
        self.time.set(self.time.get() + ms);
    }

    fn reader(
        &self,
        name: &str,
        port: &str,
    ) -> Listener<impl Fn(ReaderEvent) -> bool + use<>, impl Fn() -> MonoMs + use<>> {
        let config = ReaderConfig { name: name.into(), ..config(port) };
        let (_, requests) = channel();
        let time = Rc::clone(&self.time);
        let seat = self.sockets.seat(&config);
        let shared = (Arc::default(), poller());
        let mut listener = Listener::new(0, config, None, shared, |_| true, requests, move || time.get());
        listener.seat = seat;
        listener.devices = Devices { sys: self.sys.path().to_owned(), open };
        listener
    }

    /// What a reader opens now; else why it opens nothing.
    fn open<T: Fn(ReaderEvent) -> bool, F: Fn() -> MonoMs>(
        &self,
        reader: &mut Listener<T, F>,
    ) -> Result<String, String> {
        let result = reader.open_device(57_600);
        let opened = self.opened.try_recv().ok().map(|(port, _)| port);
        match result {
            Ok(_) => Ok(opened.expect("a line comes from a device")),
            Err(error) => {
                assert_eq!(opened, None, "what is not to be used is not touched");
                Err(error.to_string())
            }
        }
    }
}

thread_local! {
    static SYS: RefCell<PathBuf> = RefCell::default();
}

/// Between look and opening the name goes to an adapter in another socket.
fn open_too_late(port: &str, baud: u32) -> Result<Line, OpenError> {
    SYS.with_borrow(|sys| {
        std::fs::remove_dir_all(sys.join("class/tty")).unwrap();
        plug(sys, B_SOCKET, "ttyUSB0");
    });
    open(port, baud)
}

fn path(name: &str) -> String {
    format!("/dev/{name}")
}

fn is_others(result: &Result<String, String>, reader: &str) -> bool {
    result.as_ref().is_err_and(|error| error.contains(&format!("of reader \"{reader}\"")))
}

#[test]
fn the_adapter_of_another_reader_is_never_taken_whatever_its_name() {
    let machine = Machine::new();
    machine.plug(A_SOCKET, "ttyUSB0");
    machine.plug(B_SOCKET, "ttyUSB1");
    let (mut a, mut b) = (machine.reader("a", "/dev/ttyUSB0"), machine.reader("b", "/dev/ttyUSB1"));
    assert_eq!((machine.open(&mut a), machine.open(&mut b)), (Ok(path("ttyUSB0")), Ok(path("ttyUSB1"))));
    // The hub starts anew, and the other adapter is first.
    machine.unplug_all();
    assert!(machine.open(&mut a).is_err() && machine.open(&mut b).is_err());
    machine.plug(B_SOCKET, "ttyUSB0");
    assert!(is_others(&machine.open(&mut a), "b"));
    machine.pass(10 * GRACE_MS);
    assert!(is_others(&machine.open(&mut a), "b"), "however long it takes");
    machine.plug(A_SOCKET, "ttyUSB1");
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB1")));
    assert_eq!(machine.open(&mut b), Ok(path("ttyUSB0")));
}

#[test]
fn a_reader_that_was_never_open_leaves_the_adapter_of_another_alone_too() {
    let machine = Machine::new();
    machine.plug(B_SOCKET, "ttyUSB1");
    let (mut a, mut b) = (machine.reader("a", "/dev/ttyUSB0"), machine.reader("b", "/dev/ttyUSB1"));
    assert_eq!(machine.open(&mut b), Ok(path("ttyUSB1")));
    machine.unplug_all();
    machine.plug(B_SOCKET, "ttyUSB0");
    assert!(is_others(&machine.open(&mut a), "b"));
    // Nor that of one whose port is a link, while its adapter is there.
    let link = machine.sys.path().join("by-path");
    symlink("../../ttyUSB2", &link).unwrap();
    machine.plug(C_SOCKET, "ttyUSB2");
    let mut c = machine.reader("c", &link.to_string_lossy());
    assert_eq!(machine.open(&mut c), Ok(link.to_string_lossy().into_owned()));
    machine.unplug_all();
    machine.plug(C_SOCKET, "ttyUSB0");
    assert!(is_others(&machine.open(&mut a), "c"));
}

#[test]
fn an_adapter_that_is_moved_to_another_socket_is_taken_after_a_while() {
    let machine = Machine::new();
    machine.plug(A_SOCKET, "ttyUSB0");
    let mut a = machine.reader("a", "/dev/ttyUSB0");
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB0")));
    machine.unplug_all();
    machine.plug(C_SOCKET, "ttyUSB0");
    machine.pass(3_600_000);
    assert!(machine.open(&mut a).is_err(), "it was open until now");
    machine.pass(GRACE_MS - 1);
    assert!(machine.open(&mut a).is_err());
    // Its own is back for a moment: the time begins anew.
    machine.plug(A_SOCKET, "ttyUSB1");
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB1")));
    std::fs::remove_dir_all(machine.sys.path().join("class/tty/ttyUSB1")).unwrap();
    machine.pass(1);
    assert!(machine.open(&mut a).is_err());
    machine.pass(GRACE_MS);
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB0")));
    // From here on the new socket is its own.
    machine.unplug_all();
    machine.plug(C_SOCKET, "ttyUSB5");
    machine.plug(A_SOCKET, "ttyUSB0");
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB5")));
}

#[test]
fn a_reader_that_is_started_anew_goes_on_from_its_socket_unless_its_port_is_another() {
    let machine = Machine::new();
    machine.plug(A_SOCKET, "ttyUSB0");
    let mut a = machine.reader("a", "/dev/ttyUSB0");
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB0")));
    drop(a);
    machine.unplug_all();
    machine.plug(A_SOCKET, "ttyUSB1");
    machine.plug(B_SOCKET, "ttyUSB0");
    let mut a = machine.reader("a", "/dev/ttyUSB0");
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB1")));
    drop(a);
    // What nobody listens to any more is free for others.
    let mut b = machine.reader("b", "/dev/ttyUSB1");
    assert_eq!(machine.open(&mut b), Ok(path("ttyUSB1")));
    let mut a = machine.reader("a", "/dev/ttyUSB7");
    machine.plug(C_SOCKET, "ttyUSB7");
    assert_eq!(machine.open(&mut a), Ok(path("ttyUSB7")));
}

#[test]
fn a_name_that_changes_its_owner_while_it_is_opened_is_left_again() {
    let machine = Machine::new();
    machine.plug(A_SOCKET, "ttyUSB0");
    let mut a = machine.reader("a", "/dev/ttyUSB0");
    SYS.set(machine.sys.path().to_owned());
    a.devices.open = open_too_late;
    let error = a.open_device(57_600).expect_err("it is another's adapter");
    assert_eq!(error.to_string(), "its USB socket is empty");
    assert_eq!(a.seat.socket(), None, "and nothing is remembered of it");
}
