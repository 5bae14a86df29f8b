//! SIGHUP at a real process with readers on pseudo-terminals.

use flextraff_agent::console::protocol::{Message, Snapshot, TagRead, read_message};
use flextraff_common::wire::ReaderState;
use serialport::{SerialPort as _, TTYPort};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// How long a test waits for anything before it fails.
const PATIENCE: Duration = Duration::from_mins(1);

const SITE: &str = r#"
[junction]
id = "11111111-1111-4111-8111-111111111111"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "E"
lanes = ["E"]
[device]
id = "22222222-2222-4222-8222-222222222222"
"#;

/// A frame with an invented FASTag, and one with a tag that is none.
const FASTAG: &str = "1400EE00010C34161FA8203E7CB20200002050E4A0";
const OTHER: &str = "1100EE00E2000020401302162510BBECB1B1";
/// The same with a wrong checksum.
const DAMAGED: &str = "1100EE00E2000020401302162510BBECB1B2";

/// A running agent in a folder of its own.
struct Agent {
    folder: tempfile::TempDir,
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    /// How often the console was not there.
    tries: AtomicU32,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    /// Starts with the site, what follows `[device]`, and more sections.
    fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("agent.toml"), Self::text(&folder, more)).expect("it is writable");
        let mut child = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
            .args(["run", "--config"])
            .arg(folder.path().join("agent.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped"));
        let (tell, log) = mpsc::channel();
        std::thread::spawn(move || lines.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut agent = Self { folder, child, log, seen: Vec::new(), tries: AtomicU32::new(0) };
        agent.logged("agent is running");
        agent
    }

    fn text(folder: &tempfile::TempDir, more: &str) -> String {
        let folder = folder.path().display();
        format!(
            "{SITE}{more}\n[outbox]\npath = \"{folder}/outbox.sqlite\"\n[console]\nsocket = \"{folder}/agent.sock\"\n"
        )
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rewrite(&self, more: &str) {
        std::fs::write(self.file("agent.toml"), Self::text(&self.folder, more)).expect("it is writable");
    }

    /// SIGHUP; the line of the log that says what came of it.
    fn reload(&mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("it runs");
        self.logged("reload: ")
    }

    /// The next line of the log with a text.
    fn logged(&mut self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("never: {text}; the log has {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn watch(&self) -> BufReader<UnixStream> {
        // Its console starts on a thread of its own.
        let (_keep, pause) = mpsc::channel::<()>();
        let mut stream = loop {
            if let Ok(stream) = UnixStream::connect(self.file("agent.sock")) {
                break stream;
            }
            assert!(self.tries.fetch_add(1, Relaxed) < 1000, "nobody listens; the log has {:#?}", self.seen);
            let _ = pause.recv_timeout(Duration::from_millis(10));
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.write_all(b"{\"v\":1,\"request\":\"monitor\"}\n").expect("it reads");
        BufReader::new(stream)
    }

    /// The first snapshot that is as wanted.
    fn snapshot(&self, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let mut stream = self.watch();
        for _ in 0..200 {
            if let Message::Snapshot(snapshot) = next(&mut stream)
                && wanted(&snapshot)
            {
                return *snapshot;
            }
        }
        panic!("never: {what}; the log has {:#?}", self.seen);
    }

    fn now(&self) -> Snapshot {
        self.snapshot("a snapshot", |_| true)
    }
}

fn next(stream: &mut BufReader<UnixStream>) -> Message {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a line in time");
    read_message(line.as_bytes()).expect("a line that can be understood")
}

/// The read that comes when tags are sent, again with each snapshot: a port may not be open yet.
fn next_read(agent: &Agent, mut send_tags: impl FnMut()) -> TagRead {
    let mut stream = agent.watch();
    for _ in 0..60 {
        match next(&mut stream) {
            Message::Read(read) => return read,
            _ => send_tags(),
        }
    }
    panic!("no read; the log has {:#?}", agent.seen);
}

fn readers(snapshot: &Snapshot) -> Vec<(&str, ReaderState)> {
    snapshot.status.readers.iter().map(|reader| (reader.name.as_str(), reader.state)).collect()
}

/// A pseudo-terminal and the path of its other end.
fn terminal() -> (TTYPort, TTYPort, String) {
    let (master, slave) = TTYPort::pair().expect("a pseudo-terminal");
    let path = slave.name().expect("it has a name");
    (master, slave, path)
}

fn send(port: &mut TTYPort, hex: &str) {
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    port.write_all(&bytes).expect("the line takes it");
}

fn reader(name: &str, port: &str, lane: &str) -> String {
    format!(
        "[[reader]]\nname = \"{name}\"\nprotocol = \"uhfreader\"\nmode = \"listen\"\nport = \"{port}\"\nlanes = {{ default = \"{lane}\" }}\n"
    )
}

#[test]
fn a_disk_that_stands_still_holds_up_nothing_else() {
    let mut agent = Agent::start("");
    let file = agent.file("agent.toml");
    std::fs::remove_file(&file).expect("it is there");
    // Whoever reads it waits for ever.
    rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .expect("a pipe");
    let line = agent.reload();
    assert!(line.contains("the disk does not give the configuration in time; nothing has changed"), "{line}");
    agent.now();
    std::fs::remove_file(&file).expect("it is there");
    agent.rewrite("[log]\nlevel = \"debug\"\n");
    let line = agent.reload();
    assert!(line.contains("reload: changed: log"), "{line}");
}

#[test]
fn readers_come_go_and_change_while_the_others_go_on() {
    let (mut north, _north, at_north) = terminal();
    let (mut east, _east, at_east) = terminal();
    let mut agent = Agent::start(&format!("type = \"junction\"\n{}", reader("north", &at_north, "N")));
    let up = |names: &'static [&'static str]| {
        move |snapshot: &Snapshot| {
            readers(snapshot) == names.iter().map(|name| (*name, ReaderState::Up)).collect::<Vec<_>>()
        }
    };
    let before = agent.snapshot("north is up", up(&["north"]));
    send(&mut north, FASTAG);

    let both = format!("{}{}", reader("north", &at_north, "N"), reader("east", &at_east, "E"));
    agent.rewrite(&format!("type = \"junction\"\n{both}"));
    let said = agent.reload();
    assert!(said.contains("changed: reader \"east\"") && !said.contains("north"), "{said}");
    let after = agent.snapshot("both are up", up(&["north", "east"]));
    assert_ne!(after.status.config_hash, before.status.config_hash);
    assert_eq!(next_read(&agent, || send(&mut east, FASTAG)).reader.as_deref(), Some("east"));
    assert_eq!(next_read(&agent, || send(&mut north, FASTAG)).reader.as_deref(), Some("north"));
    // One vehicle, whichever reader saw it and whatever was reloaded meanwhile.
    agent.snapshot("the vehicle is counted once", |snapshot| {
        snapshot.lanes.iter().map(|lane| lane.counted).collect::<Vec<_>>() == [1, 0]
    });

    // The first one goes; the second one takes its place and stays open: what it has counted goes on.
    send(&mut east, DAMAGED);
    let damage = |snapshot: &Snapshot| {
        let last = snapshot.status.readers.last();
        last.map_or(0, |reader| reader.bad_frames + reader.dropped_bytes)
    };
    let before = damage(&agent.snapshot("east has met damage", |snapshot| damage(snapshot) > 0));
    agent.rewrite(&format!("type = \"junction\"\n{}", reader("east", &at_east, "E")));
    let said = agent.reload();
    assert!(said.contains("reader \"north\""), "{said}");
    let after = agent.snapshot("only east is there", up(&["east"]));
    assert!(damage(&after) >= before, "it was opened again");
    let read = next_read(&agent, || {
        send(&mut north, FASTAG);
        send(&mut east, FASTAG);
    });
    assert_eq!(read.reader.as_deref(), Some("east"), "nobody listens to north any more");

    // Another lane for the same port.
    agent.rewrite(&format!("type = \"junction\"\n{}", reader("east", &at_east, "N")));
    agent.reload();
    assert_eq!(next_read(&agent, || send(&mut east, FASTAG)).lane, "N");
}

#[test]
fn what_counts_may_change_and_no_count_is_lost() {
    let (mut north, _north, at_north) = terminal();
    let site =
        |counting: &str| format!("{}[counting]\ninterval_s = 1\n{counting}", reader("north", &at_north, "N"));
    let mut agent = Agent::start(&site(""));
    agent.snapshot("north is up", |snapshot| readers(snapshot) == [("north", ReaderState::Up)]);
    send(&mut north, OTHER);
    send(&mut north, FASTAG);
    agent.snapshot("the FASTag is counted", |snapshot| snapshot.lanes[0].counted == 1);
    agent.rewrite(&site("accept = \"all\"\n"));
    assert!(agent.reload().contains("changed: counting.accept"));
    send(&mut north, OTHER);
    send(&mut north, FASTAG);
    agent.snapshot("the other tag is counted, the FASTag not again", |snapshot| {
        snapshot.lanes[0].counted == 2
    });
}

#[test]
fn a_broken_file_changes_nothing_and_each_error_is_named() {
    let mut agent = Agent::start("");
    let before = agent.now().status.config_hash;
    agent.rewrite("[counting]\naccept = \"fasttag\"\nabsense_s = 5\n");
    let said = agent.reload();
    assert!(
        said.contains("agent.toml:19:10: accept of [counting] is \"fasttag\"; did you mean \"fastag\"?"),
        "{said}"
    );
    assert!(said.contains("agent.toml:20:1: [counting] has no key \"absense_s\""), "{said}");
    assert!(said.ends_with("; nothing has changed"), "{said}");
    agent.rewrite("[counting\n");
    assert!(agent.reload().contains("agent.toml:18:10: this is no TOML"));
    std::fs::remove_file(agent.file("agent.toml")).unwrap();
    assert!(agent.reload().contains("the configuration cannot be read (No such file"));
    assert_eq!(agent.now().status.config_hash, before);
    agent.rewrite("");
    assert!(agent.reload().contains("the configuration is as it was"));
}

#[test]
fn what_needs_a_restart_is_named_and_nothing_is_half_applied() {
    let mut agent = Agent::start("type = \"junction\"\n");
    let before = agent.now().status.config_hash;
    let more = reader("north", "virtual", "N");
    for (change, named) in [
        ("[signal]\namber_s = 4.0\n", "a restart is needed for signal.amber_s; nothing has changed"),
        ("[[intergreen]]\nfrom = \"N\"\nto = \"E\"\nseconds = 7\n", "a restart is needed for intergreen 1"),
        ("[[compatible]]\na = \"N\"\nb = \"E\"\n", "a restart is needed for compatible 1"),
        ("[input]\npanel = 23\n", "a restart is needed for input.panel"),
        ("[clock]\ntrust = \"always\"\n", "a restart is needed for clock.trust"),
        ("[counting]\ninterval_s = 10\n", "a restart is needed for counting.interval_s"),
    ] {
        agent.rewrite(&format!("type = \"junction\"\n{more}{change}"));
        let said = agent.reload();
        assert!(said.contains(named), "{said}");
        let now = agent.now();
        assert_eq!((now.status.config_hash, now.status.readers.len()), (before.clone(), 0), "{change}");
    }
    agent.rewrite(&format!("type = \"junction\"\n{more}"));
    assert!(agent.reload().contains("changed: reader \"north\""));
    assert_eq!(agent.now().status.readers.len(), 1);
}

#[test]
fn the_log_level_changes_at_once() {
    let mut agent = Agent::start("");
    agent.rewrite("[log]\nlevel = \"error\"\n");
    assert!(agent.reload().contains("changed: log.level"));
    // Not told any more; the next reload, which fails, is an error and comes through.
    agent.rewrite("[log]\nlevel = \"info\"\n");
    agent.rewrite("[log]\nlevel = \"quiet\"\n");
    let said = agent.reload();
    assert!(said.contains("level of [log] is \"quiet\""), "{said}");
}
