//! What `check` says of readers, on real pseudo-terminals: each finding is one sentence with the way out.

#[path = "support/fake_reader.rs"]
mod fake_reader;
#[path = "support/site.rs"]
mod site;

use fake_reader::{Fake, UHFREADER, bytes, pause};
use site::TWO_LANES;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// What the agent has beside its junction.
const SITE: &str = r#"[clock]
trust = "always"
"#;
/// An invented FASTag at the first antenna.
const FASTAG: &str = "1400EE00010C34161FA8203E7CB20200002050E4A0";
const THINGMAGIC: (&str, &str) = ("FF00031D0C", "FF14030000141208003000000220220804010B0125000000107962");

fn command(folder: &Path, more: &str, command: &str) -> Command {
    let file = folder.join(format!("{command}.toml"));
    let text = format!(
        "{TWO_LANES}{SITE}[outbox]\npath = \"{0}/outbox.sqlite\"\nmax_mb = 8\n[console]\nsocket = \"{0}/agent.sock\"\n[output]\ndriver = \"virtual\"\n{more}",
        folder.display()
    );
    std::fs::write(&file, text).expect("a file in an own folder");
    let program = env!("CARGO_BIN_EXE_flextraff-agent");
    // A command that should end and does not fails its test instead of holding up all of them. An agent that runs is killed itself: whoever
    // kills what limits its time leaves it behind.
    let mut agent = Command::new(if command == "run" { program } else { "timeout" });
    if command != "run" {
        agent.args(["60", program]);
    }
    agent.args([command, "--config"]).arg(file);
    agent
}

fn reader(port: &str, more: &str) -> String {
    format!("[[reader]]\nname = \"north\"\nport = \"{port}\"\nlanes = {{ default = \"N\" }}\n{more}")
}

/// What `check` says of the only reader: its line, and what to do.
fn check(folder: &Path, reader: &str) -> (String, String) {
    said(&command(folder, reader, "check").output().expect("the agent starts"))
}

fn said(output: &Output) -> (String, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines().skip_while(|line| !line.contains(" serial ")).map(str::trim);
    let finding = lines.next().unwrap_or_else(|| panic!("{output:?}")).to_owned();
    let action = lines.next().filter(|line| line.starts_with('→')).unwrap_or_default().to_owned();
    (finding, action)
}

#[test]
fn a_reader_as_it_is_configured_is_named_with_family_and_speed() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), Fake::start(UHFREADER, 57_600));
    for protocol in ["uhfreader", "auto"] {
        let (finding, action) = check(
            folder.path(),
            &reader(&fake.device, &format!("protocol = \"{protocol}\"\nbaud = 57600\n")),
        );
        let right = format!(
            "Ok       serial  reader \"north\": {} has a reader of protocol uhfreader at 57600 baud",
            fake.device
        );
        assert_eq!((finding.as_str(), action.as_str()), (right.as_str(), ""));
    }
}

#[test]
fn another_speed_or_family_is_named_with_the_keys_to_set() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), Fake::start(UHFREADER, 115_200));
    let (finding, action) =
        check(folder.path(), &reader(&fake.device, "protocol = \"uhfreader\"\nbaud = 57600\n"));
    assert!(finding.starts_with("Failed "), "{finding}");
    assert!(
        finding.ends_with("has a reader of protocol uhfreader at 115200 baud, not 57600 baud"),
        "{finding}"
    );
    assert_eq!(action, "→ set baud = 115200");

    let fake = Fake::start(THINGMAGIC, 115_200);
    let (finding, action) =
        check(folder.path(), &reader(&fake.device, "protocol = \"uhfreader\"\nbaud = 57600\n"));
    assert!(finding.starts_with("Failed "), "{finding}");
    assert!(
        finding.ends_with("protocol thingmagic at 115200 baud, not protocol uhfreader at 57600 baud"),
        "{finding}"
    );
    assert_eq!(action, "→ set protocol = \"thingmagic\" and baud = 115200");
}

#[test]
fn a_port_without_a_reader_and_a_path_without_a_port_are_told_apart() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), Fake::start(UHFREADER, 1200));
    let (finding, action) = check(folder.path(), &reader(&fake.device, ""));
    assert!(finding.starts_with("Warning "), "{finding}");
    assert!(finding.ends_with("opens, but no reader is heard at any usual speed"), "{finding}");
    assert!(action.starts_with("→ check the reader's power and its cable"), "{action}");

    let (finding, action) = check(folder.path(), &reader("/dev/no-such-reader", ""));
    assert!(finding.starts_with("Failed ") && finding.contains("No such file or directory"), "{finding}");
    assert!(action.starts_with("→ plug the reader in"), "{action}");

    let (finding, action) = check(folder.path(), &reader("/dev/null", ""));
    assert!(finding.starts_with("Failed ") && finding.contains("/dev/null does not open"), "{finding}");
    assert_eq!(action, "→ check the cable and the port in the configuration");
}

#[test]
fn a_port_that_this_user_may_not_open_names_the_group() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), Fake::start(UHFREADER, 57_600));
    let mut agent = command(folder.path(), &reader(&fake.device, ""), "check");
    if rustix::process::geteuid().is_root() {
        // Root may open everything, so it asks as somebody else.
        let program = folder.path().join("agent");
        std::fs::copy(env!("CARGO_BIN_EXE_flextraff-agent"), &program).unwrap();
        let allow = |path: &Path| {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        [folder.path(), &program].into_iter().for_each(allow);
        agent = Command::new("setpriv");
        agent.args(["--reuid=65534", "--regid=65534", "--clear-groups", "timeout", "60"]);
        agent.arg(&program).args(["check", "--config"]).arg(folder.path().join("check.toml"));
    } else {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&fake.device, std::fs::Permissions::from_mode(0o000)).unwrap();
    }
    let (finding, action) = said(&agent.output().expect("the agent starts"));
    assert!(finding.starts_with("Failed ") && finding.contains("Permission denied"), "{finding}");
    assert_eq!(action, "→ run the check as the user flextraff, or add this user to the group dialout");
}

#[test]
fn a_port_that_another_program_holds_names_that_program() {
    let (folder, fake) = (tempfile::tempdir().unwrap(), Fake::start(UHFREADER, 57_600));
    let other = Command::new("flock").args(["--exclusive", &fake.device, "sleep", "60"]).spawn();
    let other = Ended(other.expect("flock is there"));
    let lock = File::open(&fake.device).unwrap();
    for _ in 0..500 {
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            break;
        }
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).unwrap();
        pause(20);
    }
    drop(lock);
    let (finding, action) = check(folder.path(), &reader(&fake.device, ""));
    let start = format!("Failed   serial  reader \"north\": {} is in use by ", fake.device);
    assert!(finding.starts_with(&start) && finding.contains(" (process "), "{finding}");
    assert_eq!(action, "→ stop that program, and keep it from starting again");
    drop(other);
}

/// Ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_reader_that_the_running_agent_holds_is_left_alone_and_its_troubles_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let more = reader(
        &format!("tcp://{}", server.local_addr().unwrap()),
        "protocol = \"uhfreader\"\nlanes = { \"1\" = \"N\", \"3\" = \"E\" }\n",
    )
    .replace("lanes = { default = \"N\" }\n", "");
    let agent = command(folder.path(), &more, "run")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let _agent = Ended(agent);
    let (mut line, _) = server.accept().unwrap();
    // It takes every setting, and misses the third antenna.
    let (mut heard, mut buffer) = (Vec::new(), [0; 256]);
    let mut seen = Vec::new();
    while seen != [0x21, 0x76, 0x3F, 0x75, 0x78, 0x76] {
        let count = line.read(&mut buffer).unwrap();
        heard.extend_from_slice(&buffer[..count]);
        let Some(&code) = heard.get(2).filter(|_| heard.len() > usize::from(heard[0])) else { continue };
        heard.drain(..=usize::from(heard[0]));
        seen.push(code);
        let answer = if code == 0x21 { bytes(UHFREADER.1) } else { done(code) };
        line.write_all(&answer).unwrap();
    }
    line.write_all(&bytes("1100EE280000000701010200000001239993")).unwrap();
    // A vehicle stands there: its reads come between what the agent says of itself. Until the agent ends, and its end of the line.
    std::thread::spawn(move || {
        while line.write_all(&bytes(FASTAG)).is_ok() {
            pause(5);
        }
    });
    for _ in 0..50 {
        let (finding, action) = check(folder.path(), &more);
        assert!(finding.contains("the running agent has tcp://"), "{finding}");
        if finding.ends_with("the reader finds no antenna at port 3") {
            assert!(finding.starts_with("Warning "), "{finding}");
            assert_eq!(action, "→ check the antenna and its cable");
            server.set_nonblocking(true).unwrap();
            assert!(server.accept().is_err(), "the check has not connected");
            return;
        }
        pause(100);
    }
    panic!("the missing antenna is never told");
}

#[test]
fn reads_that_would_belong_to_no_lane_are_named_before_and_after_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let more = reader(&format!("tcp://{}", server.local_addr().unwrap()), "mode = \"listen\"\n")
        .replace("default = \"N\"", "\"1\" = \"N\"");
    let all = |agent: &mut Command| {
        String::from_utf8_lossy(&agent.output().expect("the agent starts").stdout).into_owned()
    };
    let agent = command(folder.path(), &more, "run").stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _agent = Ended(agent.expect("it starts"));
    let (mut line, _) = server.accept().unwrap();
    for _ in 0..50 {
        // An older reader of the family, whose frames name no antenna.
        line.write_all(&bytes("1100EE00E2000020401302162510BBECB1B1")).unwrap();
        let text = all(&mut command(folder.path(), &more, "check"));
        assert!(text.contains("→ add default, the lane of such reads, to its lanes"), "{text}");
        if text.contains("reads belong to no lane and were not counted") {
            assert!(text.contains("reads that name no antenna belong to no lane\n"), "{text}");
            assert!(text.contains("→ add default = \"…\", their lane, to lanes\n"), "{text}");
            let shown = all(command(folder.path(), &more, "monitor").arg("--once"));
            assert!(shown.contains("north silent") && shown.contains("reads of no lane"), "{shown}");
            return;
        }
        pause(100);
    }
    panic!("the lost reads are never told");
}

fn done(code: u8) -> Vec<u8> {
    let mut frame = vec![5, 0, code, 0];
    let crc = frame.iter().fold(0xFFFF_u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    });
    frame.extend(crc.to_le_bytes());
    frame
}
