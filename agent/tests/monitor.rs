//! `flextraff-agent monitor` beside `flextraff-agent run`, both as processes, with a reader on a pseudo-terminal.

#[path = "support/site.rs"]
mod site;

use serde_json::Value;
use serialport::{SerialPort as _, TTYPort};
use site::TWO_LANES;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::Duration;

const FRAME: &[u8] = b"\x14\x00\xEE\x00\x01\x0C\x34\x16\x1F\xA8\x20\x3E\x7C\xB2\x02\x00\x00\x20\x50\xE4\xA0";
/// The same tag at the second antenna.
const FRAME_OF_2: &[u8] =
    b"\x14\x00\xEE\x00\x02\x0C\x34\x16\x1F\xA8\x20\x3E\x7C\xB2\x02\x00\x00\x20\x50\x9A\x78";
const TAG: &str = "34161FA8203E7CB202000020";

/// What the agent has beside its junction.
const SITE: &str = "[signal]
startup_flash_s = 0
startup_all_red_s = 5
[counting]
settle_ms = 100
interval_s = 1
";

/// A process that ends with the test, whatever becomes of it.
struct Process(Child, Option<BufReader<ChildStdout>>);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the agent's program starts");
        let output = child.stdout.take().map(BufReader::new);
        Self(child, output)
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).expect("it runs");
    }

    /// Its next line that satisfies the condition.
    fn line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let output = self.1.as_mut().expect("its output is piped");
        let mut seen = Vec::new();
        for _ in 0..400 {
            let mut line = String::new();
            output.read_line(&mut line).expect("its output can be read");
            if wanted(&line) {
                return line;
            }
            assert!(!line.is_empty(), "it has ended while waiting for {what}, after {seen:?}");
            seen.push(line);
        }
        panic!("never {what}, only {seen:?}");
    }
}

/// A junction with one reader, and the files of its agent.
struct Site {
    folder: tempfile::TempDir,
    reader: TTYPort,
    _slave: TTYPort,
    lamps: UnixDatagram,
}

impl Site {
    fn new() -> Self {
        Self::with("default = \"N\"")
    }

    /// `lanes`: what the ports of its reader watch.
    fn with(lanes: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (reader, slave) = TTYPort::pair().expect("a pseudo-terminal");
        let lamps = UnixDatagram::bind(folder.path().join("lamps.sock")).expect("a socket in an own folder");
        lamps.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let text = format!(
            "{TWO_LANES}{SITE}[[reader]]\nname = \"north\"\nport = \"{}\"\nlanes = {{ {lanes} }}\n\
             [outbox]\npath = \"{}\"\n[console]\nsocket = \"{}\"\n[output]\ndriver = \"virtual\"\nsocket = \"{}\"\n",
            slave.name().expect("a slave has a name"),
            path("outbox.sqlite"),
            path("agent.sock"),
            path("lamps.sock")
        );
        std::fs::write(folder.path().join("agent.toml"), text).expect("a file in an own folder");
        Self { folder, reader, _slave: slave, lamps }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"));
        command.args(arguments).arg("--config").arg(self.folder.path().join("agent.toml"));
        command
    }

    /// Runs the agent until it drives lamps and takes clients.
    fn run(&self) -> Process {
        let agent = Process::start(self.command(&["run"]).stderr(Stdio::null()));
        self.lamps.recv(&mut [0; 4096]).expect("the agent drives lamps");
        let (_keep, pause) = mpsc::channel::<()>();
        for _ in 0..2000 {
            if std::os::unix::net::UnixStream::connect(self.socket()).is_ok() {
                return agent;
            }
            let _ = pause.recv_timeout(Duration::from_millis(10));
        }
        panic!("the agent does not listen");
    }

    fn monitor(&self, arguments: &[&str]) -> Process {
        let mut command = self.command(&["monitor"]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Process::start(&mut command)
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.command(&["monitor"]).args(arguments).output().expect("the agent's program starts")
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn reads_counts_lamps_and_estimates_are_seen_as_they_happen() {
    let mut site = Site::new();
    let _agent = site.run();
    let mut raw = site.monitor(&["--json"]);
    let mut plain = site.monitor(&[]);
    raw.line("a snapshot", |line| line.contains("\"type\":\"snapshot\""));
    plain.line("the lanes", |line| line.contains("lane N"));
    site.reader.write_all(FRAME).unwrap();

    let read = json(&raw.line("the read", |line| line.contains("\"type\":\"read\"")));
    assert_eq!((&read["epc"], &read["lane"], &read["reader"]), (&TAG.into(), &"N".into(), &"north".into()));
    assert_eq!((&read["v"], &read["zone"]), (&1.into(), &"stop_line".into()));
    let read = plain.line("the read", |line| line.contains(" read "));
    assert!(read.contains(&format!("read N stop_line {TAG}")) && read.ends_with("by north\n"), "{read}");

    let counted = json(&raw.line("the count", |line| line.contains("\"counted\":1")));
    assert_eq!(counted["junction"], "Town hall");
    assert_eq!(counted["lanes"][0]["groups"], json("[\"N\"]"));
    assert_eq!(counted["status"]["readers"][0]["state"], "up");
    assert!(counted["status"]["estimates"]["lanes"]["N"]["present"]["age_s"].is_u64(), "{counted}");
    plain.line("the count", |line| line.contains("lane N ") && line.contains("counted 1 "));
    plain.line("green", |line| line.contains("signal green "));

    let once = site.ask(&["--once"]);
    assert!(once.status.success(), "{once:?}");
    let text = String::from_utf8(once.stdout).unwrap();
    assert!(text.starts_with("Town hall   ") && !text.contains('\x1b'), "{text}");
    let row = text.lines().find(|line| line.starts_with("N ")).expect("a row for the lane");
    assert!(row.contains(" 1 ") && row.contains("stop works"), "{row}");
    let once = site.ask(&["--once", "--json"]);
    assert_eq!(json(String::from_utf8(once.stdout).unwrap().trim_end())["type"], "snapshot");
}

#[test]
fn a_watched_tag_in_two_places_is_an_alarm_that_people_see() {
    let mut site = Site::with("\"2\" = \"N:advance\", default = \"N\"");
    // As an earlier run has kept it: the tag of an ambulance under the junction's key.
    let kept = r#"{"key":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","list":{"v":1,"entries":
        [{"tag":"0b3a72a53fa1f837688cd05e3606c99b","class":"emergency","valid_until":"2100-01-01T00:00:00Z"}]}}"#;
    std::fs::write(site.folder.path().join("watchlist.json"), kept).unwrap();
    let _agent = site.run();
    let mut raw = site.monitor(&["--json"]);
    let mut plain = site.monitor(&[]);
    raw.line("a snapshot", |line| line.contains("\"type\":\"snapshot\""));
    plain.line("the lanes", |line| line.contains("lane N"));
    // 100 m apart, in no time.
    site.reader.write_all(&[FRAME_OF_2, FRAME, FRAME_OF_2, FRAME].concat()).unwrap();
    let told = json(&raw.line("the alarm", |line| line.contains("\"alarms\"")));
    let alarm = &told["status"]["alarms"][0];
    assert_eq!((&alarm["kind"], &alarm["class"]), (&"tag_in_two_places".into(), &"emergency".into()));
    assert_eq!((&alarm["epc"], &alarm["lane"]), (&TAG.into(), &"N".into()), "the raw EPC, as in counts here");
    assert_eq!(told["status"]["alarms"].as_array().map(Vec::len), Some(1), "once");
    let line = plain.line("the alarm", |line| line.contains(" alarm "));
    assert!(line.contains(&format!("alarm tag_in_two_places of emergency {TAG} on N since ")), "{line}");
    raw.line("that it is served all the same", |line| line.contains("\"control\":\"emergency_vehicle\""));
}

#[test]
fn without_an_agent_monitor_says_what_to_do() {
    let site = Site::new();
    let says = |arguments: &[&str]| {
        let output = site.ask(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let nobody = "no agent answers: nobody listens at";
    assert!(says(&[]).starts_with(nobody));

    // One that was killed leaves its socket behind; the next one takes its place.
    let mut agent = site.run();
    agent.0.kill().unwrap();
    agent.0.wait().unwrap();
    assert!(site.socket().exists());
    let text = says(&["--once"]);
    assert!(text.starts_with(nobody) && text.contains("systemctl start flextraff-agent"), "{text}");
    let agent = site.run();
    assert!(site.ask(&["--once"]).status.success());

    let mut monitor = site.monitor(&["--plain"]);
    monitor.line("anything", |line| line.contains("lane N"));
    agent.signal(rustix::process::Signal::TERM);
    assert_eq!(monitor.0.wait().unwrap().code(), Some(1));
    let mut text = String::new();
    monitor.0.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.starts_with("the agent has closed the connection"), "{text}");
}

/// When the agent sent its lamp vectors, milliseconds, until it is told to end.
fn vectors(site: &Site, ended: Arc<AtomicBool>) -> std::thread::JoinHandle<Vec<i64>> {
    let lamps = site.lamps.try_clone().expect("a second handle");
    std::thread::spawn(move || {
        let (mut buffer, mut times) = ([0; 4096], Vec::new());
        while !ended.load(Relaxed) {
            let length = lamps.recv(&mut buffer).expect("a vector each second");
            let vector = json(&String::from_utf8_lossy(&buffer[..length]));
            times.push(vector["mono_ms"].as_i64().expect("it says when"));
        }
        times
    })
}

#[test]
fn clients_that_do_not_read_delay_neither_lamps_nor_reads() {
    let mut site = Site::new();
    let _agent = site.run();
    let ended = Arc::new(AtomicBool::new(false));
    let times = vectors(&site, Arc::clone(&ended));
    // One fewer than would leave a single place: who has looked whether the agent runs may not have been seen to go.
    let stuck: Vec<_> = (0..6)
        .map(|_| {
            let mut stream = std::os::unix::net::UnixStream::connect(site.socket()).unwrap();
            stream.write_all(b"{\"v\":1,\"request\":\"monitor\"}\n").unwrap();
            stream
        })
        .collect();
    let mut lively = site.monitor(&["--json"]);
    lively.line("a snapshot", |line| line.contains("\"type\":\"snapshot\""));
    let mut told = Vec::new();
    for _ in 0..20 {
        // More than the kernel holds for a client that does not read.
        for _ in 0..100 {
            site.reader.write_all(FRAME).unwrap();
        }
        let snapshot = json(&lively.line("the next snapshot", |line| line.contains("\"type\":\"snapshot\"")));
        told.push(snapshot["t"].as_str().unwrap().to_owned());
    }
    assert!(told.is_sorted() && told.first() != told.last(), "{told:?}");
    ended.store(true, Relaxed);
    // The vector goes out at each change and once a second: the loop was never held up.
    let times = times.join().unwrap();
    assert!(times.len() > 10, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 2500), "{times:?}");
    drop(stuck);
}

/// What a terminal shows, until a piece of text comes.
fn terminal_until(terminal: &mut TTYPort, wanted: &str) -> String {
    terminal.set_timeout(Duration::from_secs(20)).expect("a time-out can be set");
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    while !seen.contains(wanted) {
        let length =
            terminal.read(&mut buffer).unwrap_or_else(|error| panic!("no {wanted:?} ({error}) in {seen}"));
        seen += &String::from_utf8_lossy(&buffer[..length]);
    }
    seen
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let site = Site::new();
    let _agent = site.run();
    let (mut terminal, slave) = TTYPort::pair().expect("a pseudo-terminal");
    let name = slave.name().expect("a slave has a name");
    let open = || std::fs::OpenOptions::new().read(true).write(true).open(Path::new(&name)).unwrap();
    let keyboard = open();
    let before = rustix::termios::tcgetattr(&keyboard).unwrap();
    let mut modes = before.clone();
    modes.local_modes |= rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON;
    rustix::termios::tcsetattr(&keyboard, rustix::termios::OptionalActions::Now, &modes).unwrap();
    let size = rustix::termios::Winsize { ws_row: 12, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&keyboard, size).unwrap();

    let mut command = site.command(&["monitor"]);
    command.stdin(open()).stdout(open()).stderr(Stdio::piped());
    let mut monitor = Process::start(&mut command);
    let shown = terminal_until(&mut terminal, "counted");
    assert!(shown.starts_with("\x1b[?1049h\x1b[?25l"), "{shown:?}");
    assert!(shown.contains("Town hall"), "{shown:?}");
    let local = || rustix::termios::tcgetattr(&keyboard).unwrap().local_modes;
    assert!(!local().contains(rustix::termios::LocalModes::ECHO), "keys are not shown meanwhile");

    monitor.signal(rustix::process::Signal::INT);
    terminal_until(&mut terminal, "\x1b[?25h\x1b[?1049l");
    assert_eq!(monitor.0.wait().unwrap().code(), Some(0));
    assert_eq!(local(), modes.local_modes);
}
