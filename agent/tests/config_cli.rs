//! The commands `check` and `config` as people and scripts run them: output and exit codes.

#[path = "support/site.rs"]
mod site;

use site::TWO_LANES;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What the agent has beside its junction.
const SITE: &str = r#"[clock]
trust = "always"
"#;

fn agent(folder: &Path, more: &str, arguments: &[&str]) -> Output {
    let file = folder.join("agent.toml");
    let outbox = folder.join("outbox.sqlite");
    let text = format!("{TWO_LANES}{SITE}[outbox]\npath = \"{}\"\nmax_mb = 8\n{more}", outbox.display());
    std::fs::write(&file, text).expect("a file in an own folder");
    // A command that should end and does not fails its test instead of holding up all of them.
    Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_flextraff-agent")])
        .args(arguments)
        .arg("--config")
        .arg(&file)
        .output()
        .expect("the agent starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_sound_site_passes_every_check() {
    let folder = tempfile::tempdir().unwrap();
    let output = agent(folder.path(), "", &["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["state"], "Ok", "{report}");
    let checks: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["check"].as_str().expect("each check has a name"))
        .collect();
    assert_eq!(checks, ["config", "serial", "gpio", "ending", "disk", "clock", "broker"]);
}

#[test]
fn what_fails_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let more = "[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n[[reader]]\nport = \"/nonexistent/tty\"\nlanes = { default = \"N\" }\n";
    let output = agent(folder.path(), more, &["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = stdout(&output);
    assert!(text.contains("Failed   serial  reader \"reader1\": /nonexistent/tty does not open"), "{text}");
    assert!(text.contains("Failed   broker  127.0.0.1:1 does not answer (Connection refused"), "{text}");
    assert!(text.contains("→ check url of [mqtt], the network and the broker"), "{text}");
    assert!(text.trim_end().ends_with("2 failed"), "{text}");
}

#[test]
fn a_wrong_configuration_and_one_for_another_version_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["check", "config"] {
        let output = agent(folder.path(), "colour = 1\n[signals]\n", &[command]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("[outbox] has no key \"colour\"; its keys are"), "{text}");
        assert!(text.contains("the file has no section [signals]; did you mean [signal]?"), "{text}");
    }
    let output = agent(folder.path(), "", &["chekc"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn the_effective_configuration_is_printed_even_to_a_reader_that_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let output = agent(folder.path(), "", &["config"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("amber_s = 3.0"), "{output:?}");
    let mut child = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
        .args(["config", "--config"])
        .arg(folder.path().join("agent.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_configuration_may_be_checked_in_silence_and_explained_by_origin() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("config.d")).unwrap();
    let own = folder.path().join("config.d/own.toml");
    std::fs::write(&own, "[signal]\namber_s = 4.0\n").unwrap();
    let right = agent(folder.path(), "", &["config", "--check"]);
    assert_eq!((right.status.code(), right.stdout.len(), right.stderr.len()), (Some(0), 0, 0), "{right:?}");
    let origin = stdout(&agent(folder.path(), "", &["config", "--origin"]));
    let line = origin.lines().find(|line| line.starts_with("amber_s = ")).expect("the key is there");
    assert_eq!(
        line.split_once('#').map(|(_, from)| from.trim()),
        Some(format!("{}:2", own.display()).as_str())
    );
    std::fs::write(&own, "[signal]\namber = 4.0\n").unwrap();
    for more in ["--check", "--origin"] {
        let wrong = agent(folder.path(), "", &["config", more]);
        assert_eq!((wrong.status.code(), wrong.stdout.len()), (Some(2), 0), "{wrong:?}");
        let said = text(&wrong.stderr);
        assert!(said.starts_with(&format!("{}:2:1: [signal] has no key \"amber\"", own.display())), "{said}");
    }
}

#[test]
fn a_latched_fault_is_cleared_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let none = agent(folder.path(), "", &["lamps", "clear-fault"]);
    assert_eq!(none.status.code(), Some(0), "{none:?}");
    let said = text(&none.stdout);
    assert!(
        said.starts_with("No fault is kept on the disk. No agent answers at ") && said.lines().count() == 1,
        "{said}"
    );
    let fault = r#"{"reason":"N and E had green together","at":"2026-11-22T20:00:00Z","clock":"synced"}"#;
    std::fs::write(folder.path().join("fault.json"), fault).unwrap();
    let cleared = agent(folder.path(), "", &["lamps", "clear-fault"]);
    assert!(text(&cleared.stdout).starts_with("Cleared: N and E had green together (2026-11-22T20:00:00Z)"));
    assert!(!folder.path().join("fault.json").exists());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
