//! The README shows what `check` says on a right machine, on a wrong one and of a wrong file: word for word what it does say.

use super::fake_reader::{Fake, UHFREADER};
use super::site::TWO_LANES;
use super::support::{Broker, PASSWORD, USER, path};
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The README's three examples, line by line.
fn examples() -> Vec<Vec<String>> {
    let (_, text) =
        README.split_once("`sudo -u flextraff flextraff-agent check`, until").expect("it is there");
    let (text, _) = text.split_once("\n4. ").expect("the next step follows");
    let mut blocks = vec![Vec::new()];
    for line in text.lines() {
        match line.strip_prefix("        ") {
            Some(line) => blocks.last_mut().expect("there is one").push(shape(line)),
            None if blocks.last().is_some_and(|block| !block.is_empty()) && !line.is_empty() => {
                blocks.push(Vec::new());
            }
            None => {}
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// A line without what differs between machines: paths, numbers, which ports there are, and why a name does not resolve.
fn shape(line: &str) -> String {
    let line = [" present", "; no serial", " (failed to lookup"]
        .iter()
        .fold(line, |line, end| line.split(end).next().unwrap_or(line));
    let word = |word: &str| match word {
        word if word.contains('/') => "PATH".to_owned(),
        word if word.contains(|c: char| c.is_ascii_digit()) => "NUMBER".to_owned(),
        word => word.to_owned(),
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// What `check` prints for a configuration.
fn check(folder: &Path, more: &str) -> Vec<String> {
    let file = folder.join("agent.toml");
    std::fs::write(&file, format!("{TWO_LANES}{more}")).expect("the folder is writable");
    let program = env!("CARGO_BIN_EXE_flextraff-agent");
    let output = Command::new("timeout").args(["60", program, "check", "--config", path(&file)]).output();
    let output = output.expect("the agent starts");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().map(shape).collect()
}

fn reader(port: &str, lane: &str) -> String {
    format!(
        "[[reader]]\nname = \"north\"\nport = \"{port}\"\nprotocol = \"uhfreader\"\nbaud = 57600\nlanes = {{ default = \"{lane}\" }}\n"
    )
}

fn outbox(folder: &str) -> String {
    format!("[outbox]\npath = \"{folder}/outbox.sqlite\"\n[console]\nsocket = \"{folder}/agent.sock\"\n")
}

/// Both groups on a Pi's pins.
fn pins(red: u8) -> String {
    let group = |name: &str, pins: &str| {
        format!("[[group]]\nname = \"{name}\"\nlanes = [\"{name}\"]\npins = {{ {pins} }}\n")
    };
    group("N", "red = 9, amber = 10, green = 11")
        + &group("E", &format!("red = {red}, amber = 27, green = 22"))
}

#[test]
fn a_right_machine_is_told_what_the_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, fake) = (Broker::start(folder.path()), Fake::start(UHFREADER, 57_600));
    let password = folder.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let more = format!(
        "[clock]\ntrust = \"always\"\n[output]\ndriver = \"virtual\"\n{}{}[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\nusername = \"{USER}\"\npassword_file = \"{}\"\n",
        outbox(path(folder.path())),
        reader(&fake.device, "N"),
        broker.port,
        password.display(),
    );
    assert_eq!(check(folder.path(), &more), examples()[0]);
}

#[test]
fn a_wrong_machine_is_told_what_the_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("{}/nowhere", folder.path().display());
    let more = format!(
        "[output]\ndriver = \"rppal\"\n{}{}{}[mqtt]\nurl = \"mqtt://broker.example.invalid\"\n",
        pins(17),
        outbox(&nowhere),
        reader(&nowhere, "N"),
    );
    // The clock is as this machine's is.
    let of_clock = |line: &String| line.contains(" clock ") || line.contains("systemd-timesyncd");
    let mut said = check(folder.path(), &more);
    let mut shown = examples().swap_remove(1);
    said.retain(|line| !of_clock(line));
    shown.retain(|line| !of_clock(line));
    let name = |line: &mut String| *line = line.replace("broker.example.invalid", "broker.example.org");
    said.iter_mut().for_each(name);
    assert_eq!(said, shown);
}

#[test]
fn a_wrong_file_is_told_what_the_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let more = format!(
        "[output]\ndriver = \"rppal\"\n{}{}{}",
        pins(11),
        outbox(path(folder.path())),
        reader("/dev/ttyUSB0", "S"),
    );
    assert_eq!(check(folder.path(), &more), examples()[2]);
}
