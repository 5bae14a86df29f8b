//! The agent as a process, with nothing around it that works: no broker, no disk for the outbox, no reader.

#[path = "support/site.rs"]
mod site;

use flextraff_agent::clock::{self, Clock};
use flextraff_agent::config::ClockTrust;
use flextraff_agent::outbox::{Outbox, Setup};
use flextraff_common::ids::{DeviceId, JunctionId, OutboxId};
use flextraff_common::wire::Mode;
use site::TWO_LANES;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use uuid::Uuid;

/// What the agent has beside its junction.
const SITE: &str = r#"[[reader]]
name = "north"
port = "/dev/no-such-reader"
lanes = { default = "N" }
[[reader]]
name = "east"
port = "tcp://192.0.2.1:2022"
lanes = { default = "E" }
[signal]
startup_flash_s = 0
startup_all_red_s = 5
"#;

/// How long a test waits for anything before it fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends with the test, whatever becomes of it.
struct Agent(Child);

impl Agent {
    fn is_told_to_end(&self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn site() -> String {
    format!("{TWO_LANES}{SITE}")
}

fn start(folder: &Path, outbox: &str) -> (Agent, UnixDatagram) {
    start_with(folder, outbox, &site(), Stdio::null())
}

/// `site`: its configuration as far as outbox, output and broker; `log`: where its log goes.
fn start_with(folder: &Path, outbox: &str, site: &str, log: Stdio) -> (Agent, UnixDatagram) {
    let (mut command, lamps) = command(folder, outbox, site);
    (Agent(command.stderr(log).spawn().expect("the agent starts")), lamps)
}

fn command(folder: &Path, outbox: &str, site: &str) -> (Command, UnixDatagram) {
    let socket = folder.join("lamps.sock");
    // One of an agent before this one.
    let _ = std::fs::remove_file(&socket);
    let lamps = UnixDatagram::bind(&socket).expect("a socket in an own folder");
    lamps.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out can be set");
    let file = folder.join("agent.toml");
    let text = format!(
        "{site}[outbox]\npath = \"{outbox}\"\n[output]\ndriver = \"virtual\"\nsocket = \"{}\"\nlongest_stop_s = 60\n\
         [mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n",
        socket.display()
    );
    std::fs::write(&file, text).expect("a file in an own folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"));
    command.args(["run", "--config"]).arg(&file);
    (command, lamps)
}

/// The next lamp vectors, until one satisfies the condition.
fn until(lamps: &UnixDatagram, what: &str, wanted: impl Fn(&serde_json::Value) -> bool) {
    let mut buffer = [0; 4096];
    for _ in 0..200 {
        let length = lamps
            .recv(&mut buffer)
            .unwrap_or_else(|error| panic!("no lamps while waiting for {what}: {error}"));
        let vector: serde_json::Value = serde_json::from_slice(&buffer[..length]).expect("a vector is JSON");
        if wanted(&vector["lamps"]) {
            return;
        }
    }
    panic!("never: {what}");
}

#[test]
fn whoever_has_no_patience_gets_a_whole_amber_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, lamps) = start(folder.path(), "/dev/null/outbox.sqlite");
    until(&lamps, "green", |lamps| lamps["N"] == "green" && lamps["E"] == "red");
    for _ in 0..10 {
        agent.is_told_to_end();
        // Two that come at once are one.
        clock::gather(Duration::from_millis(20));
    }
    until(&lamps, "amber, not red at once", |lamps| lamps["N"] == "amber" && lamps["E"] == "red");
    let clock = Clock::new(ClockTrust::Always);
    let began = clock.mono();
    until(&lamps, "red at the end", |lamps| lamps["N"] == "red" && lamps["E"] == "red");
    assert!(clock.mono().since(began) > 2500, "three seconds of amber");
    assert!(agent.0.wait().unwrap().code().is_some());
}

#[test]
fn a_broker_hears_of_an_outbox_that_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let broker = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mqtt://{}", broker.local_addr().unwrap());
    let (mut command, _lamps) = command(folder.path(), "/dev/null/outbox.sqlite", &site());
    let file = folder.path().join("agent.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("mqtt://127.0.0.1:1", &url);
    std::fs::write(&file, text).unwrap();
    let _agent = Agent(command.stderr(Stdio::null()).spawn().expect("the agent starts"));
    let (heard, hears) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut link, _) = broker.accept().expect("somebody comes");
        // It is let in, and gets whatever it subscribes to.
        let mut said = Vec::new();
        link.write_all(&[0x20, 2, 0, 0]).expect("it listens");
        let (mut buffer, mut granted) = ([0; 4096], false);
        while let Ok(length @ 1..) = link.read(&mut buffer) {
            said.extend_from_slice(&buffer[..length]);
            let text = String::from_utf8_lossy(&said).into_owned();
            if !granted && let Some((id, filters)) = subscription(&said) {
                granted = true;
                let answer = [&[0x90, 2 + filters], &id[..], &vec![0; usize::from(filters)][..]].concat();
                link.write_all(&answer).expect("it listens");
            }
            if text.contains("\"failure\"") && heard.send(text).is_err() {
                return;
            }
        }
    });
    let said = hears.recv_timeout(PATIENCE).expect("its status");
    assert!(said.contains("\"failure\":\"/dev/null"), "{said}");
}

/// Packet id and number of filters of the SUBSCRIBE among packets of MQTT 3.1.1.
fn subscription(mut packets: &[u8]) -> Option<([u8; 2], u8)> {
    loop {
        let (kind, mut length, mut at) = (packets.first()? >> 4, 0_usize, 1);
        loop {
            let byte = *packets.get(at)?;
            length |= usize::from(byte & 0x7F) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = packets.get(at..at + length)?;
        if kind == 8 {
            let (mut filters, mut next) = (0, 2);
            while next < body.len() {
                next += 3 + usize::from(body[next]) * 256 + usize::from(body[next + 1]);
                filters += 1;
            }
            return Some(([body[0], body[1]], filters));
        }
        packets = &packets[at + length..];
    }
}

#[test]
fn signals_run_without_broker_disk_and_reader_and_end_in_red() {
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, lamps) = start(folder.path(), "/dev/null/outbox.sqlite");
    until(&lamps, "green", |lamps| lamps["N"] == "green" && lamps["E"] == "red");
    agent.is_told_to_end();
    until(&lamps, "amber, not red at once", |lamps| lamps["N"] == "amber" && lamps["E"] == "red");
    until(&lamps, "red at the end", |lamps| lamps["N"] == "red" && lamps["E"] == "red");
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_password_that_cannot_be_read_keeps_the_agent_from_the_broker_and_from_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("mqtt-password");
    for is_there in [false, true] {
        if is_there {
            std::fs::write(&password, "\n").unwrap();
        }
        let outbox = folder.path().join("outbox.sqlite");
        let (mut command, lamps) = command(folder.path(), &outbox.display().to_string(), &site());
        let file = folder.path().join("agent.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let login = format!("username = \"u\"\npassword_file = \"{}\"\n", password.display());
        std::fs::write(&file, text + &login).unwrap();
        let mut agent = Agent(command.stderr(Stdio::piped()).spawn().expect("the agent starts"));
        until(&lamps, "green", |lamps| lamps["N"] == "green" && lamps["E"] == "red");
        waits_for(&mut agent, "mqtt-password gives no password");
        // For who asks it is wrong all the same.
        let asked = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
            .args(["config", "--check", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(asked.status.code(), Some(2), "{asked:?}");
    }
}

/// A pipe that takes nothing more, as a journal that hangs.
fn stuck() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let flags = rustix::fs::fcntl_getfl(&writer).expect("it has flags");
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).expect("they can be set");
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, flags).expect("they can be set");
    (reader, writer)
}

#[test]
fn a_log_that_takes_nothing_holds_up_no_lamp() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, log) = stuck();
    let (mut agent, lamps) = start_with(folder.path(), "/dev/null/outbox.sqlite", &site(), Stdio::from(log));
    until(&lamps, "green", |lamps| lamps["N"] == "green" && lamps["E"] == "red");
    until(&lamps, "green of the other stage", |lamps| lamps["N"] == "red" && lamps["E"] == "green");
    agent.is_told_to_end();
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));
}

/// Waits for a line of the log; what comes after it is read and left.
fn waits_for(agent: &mut Agent, sentence: &str) {
    let log = agent.0.stderr.take().expect("the log is piped");
    let mut lines = BufReader::new(log).lines();
    let said = lines.by_ref().map_while(Result::ok).any(|line| line.contains(sentence));
    assert!(said, "the agent has ended without a word of: {sentence}");
    std::thread::spawn(move || lines.for_each(drop));
}

#[test]
fn whoever_is_told_twice_ends_its_green_at_once_and_only_an_orderly_end_spares_the_flash() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("outbox.sqlite").display().to_string();
    let start = |least_s: u32| {
        let site = site()
            .replace("flash_s = 0", "flash_s = 2")
            .replace("lanes = [\"N\"]", &format!("lanes = [\"N\"]\nmin_green_s = {least_s}"));
        start_with(folder.path(), &outbox, &site, Stdio::piped())
    };
    let begins_in_red = |lamps: &UnixDatagram| {
        until(lamps, "the start", |lamps| {
            assert!(lamps["N"] == "red" || lamps["N"] == "green", "{lamps}");
            lamps["N"] == "green"
        });
    };
    let (mut agent, lamps) = start(7);
    until(&lamps, "flash at the first start", |lamps| lamps["N"] == "flash_amber");
    until(&lamps, "green", |lamps| lamps["N"] == "green");
    agent.is_told_to_end();
    waits_for(&mut agent, "ending with the present stage");
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));

    // Told once it would have green for most of a minute more, however slow the machine is.
    let (mut agent, lamps) = start(50);
    begins_in_red(&lamps);
    agent.is_told_to_end();
    // Two signals that wait at the same time are one.
    waits_for(&mut agent, "ending with the present stage");
    agent.is_told_to_end();
    until(&lamps, "amber, and no red before it", |lamps| {
        assert_ne!(lamps["N"], "red", "nobody who drives is shown red at once");
        lamps["N"] == "amber"
    });
    until(&lamps, "red", |lamps| lamps["N"] == "red");
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));

    let (_agent, lamps) = start(7);
    until(&lamps, "flash after an end in a hurry", |lamps| lamps["N"] == "flash_amber");
}

/// All that systemd is told until the agent has ended; `ready`: once it is to be told to end.
fn told_to_systemd(
    mut command: Command,
    folder: &Path,
    ready: impl FnOnce(&Receiver<String>),
) -> Vec<String> {
    let path = folder.join("notify.sock");
    let systemd = UnixDatagram::bind(&path).expect("a socket in an own folder");
    systemd.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let (tell, told) = mpsc::channel();
    // At once: who tells waits where nobody takes it.
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = systemd.recv(&mut buffer) {
            if tell.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                return;
            }
        }
    });
    let agent = command.env("NOTIFY_SOCKET", &path).stderr(Stdio::null()).spawn();
    let mut agent = Agent(agent.expect("the agent starts"));
    ready(&told);
    agent.is_told_to_end();
    assert_eq!(agent.0.wait().expect("it ends").code(), Some(0));
    let after = UnixDatagram::unbound().expect("a socket");
    after.send_to(b"over", &path).expect("it is taken");
    let next = || told.recv_timeout(PATIENCE).expect("it comes in time");
    std::iter::repeat_with(next).take_while(|message| message != "over").collect()
}

#[test]
fn systemd_hears_that_the_agent_leaves_and_the_watchdog_is_not_fed_after_that() {
    let leaves = "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000\n";
    let folder = tempfile::tempdir().unwrap();
    let (command, lamps) = command(folder.path(), "/dev/null/outbox.sqlite", &site());
    let told =
        told_to_systemd(command, folder.path(), |_| until(&lamps, "green", |lamps| lamps["N"] == "green"));
    assert!(told.iter().any(|message| message.starts_with("WATCHDOG=1")), "{told:?}");
    assert_eq!(told.iter().position(|message| message == leaves), Some(told.len() - 1), "{told:?}");

    let folder = tempfile::tempdir().unwrap();
    let counter = site().replace("[device]", "[device]\ntype = \"rfid_counter\"");
    let (command, _lamps) = self::command(folder.path(), "/dev/null/outbox.sqlite", &counter);
    let told = told_to_systemd(command, folder.path(), |told| {
        let first = told.recv_timeout(PATIENCE).expect("it comes in time");
        assert!(first.starts_with("READY=1"), "{first}");
    });
    assert_eq!(told.iter().position(|message| message == leaves), Some(told.len() - 1), "{told:?}");
}

/// The plan's own time is long over, so that no wall clock lets it count.
#[test]
fn an_override_of_before_a_restart_goes_on_at_once_in_the_same_uptime() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    let (boot, clock) = (clock::boot_id(), Clock::new(ClockTrust::Always));
    let id = |text: &str| Uuid::parse_str(text).expect("an id");
    let setup = Setup {
        path: path.clone(),
        max_bytes: 1 << 24,
        device: DeviceId(id("22222222-2222-4222-8222-222222222222")),
        junction: JunctionId(id("11111111-1111-4111-8111-111111111111")),
        new_outbox_id: OutboxId(Uuid::from_u128(7)),
        boot,
        gives_up: false,
    };
    let mut outbox = Outbox::open(&setup, &clock.now()).expect("a new outbox");
    let plan = r#"{"v": 1, "junction_id": "11111111-1111-4111-8111-111111111111", "timestamp": "2020-01-01T00:00:00Z",
        "mode": "manual_override", "plan_id": "police", "valid_s": 600,
        "stages": [{"stage": "N", "green_s": 20}, {"stage": "E", "green_s": 20}]}"#;
    outbox.save_plan(Mode::ManualOverride, false, plan, clock.mono()).expect("it is kept");
    drop(outbox);
    let (mut agent, lamps) = start_with(folder.path(), &path.display().to_string(), &site(), Stdio::piped());
    until(&lamps, "green", |lamps| lamps["N"] == "green");
    // Then its log ends, whatever it says.
    agent.is_told_to_end();
    waits_for(&mut agent, "plan is running");
}

#[test]
fn a_second_agent_on_the_same_outbox_still_drives_its_lamps() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outbox = first.path().join("outbox.sqlite");
    let (_one, lamps) = start(first.path(), &outbox.display().to_string());
    until(&lamps, "green", |lamps| lamps["N"] == "green");
    let (_two, lamps) = start(second.path(), &outbox.display().to_string());
    until(&lamps, "green", |lamps| lamps["N"] == "green");
}
