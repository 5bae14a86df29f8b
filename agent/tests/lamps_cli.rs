//! `flextraff-agent lamps` and `failsafe` as a person at the cabinet uses them, with and without a running agent.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const SITE: &str = r#"
[junction]
id = "11111111-1111-4111-8111-111111111111"
[device]
id = "22222222-2222-4222-8222-222222222222"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
min_green_s = 1
[[stage]]
name = "E"
lanes = ["E"]
min_green_s = 1
[signal]
amber_s = 1
all_red_s = 1
startup_flash_s = 0
startup_all_red_s = 2
"#;

fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

/// Whether a fault file has none; it may have its room.
fn is_clear(fault: &Path) -> bool {
    std::fs::read_to_string(fault).map_or(true, |text| text.trim_end() == "no fault is latched")
}

struct Cabinet {
    folder: tempfile::TempDir,
    config: PathBuf,
    lamps: UnixDatagram,
    agent: Option<Child>,
}

impl Cabinet {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (config, socket) = (folder.path().join("agent.toml"), folder.path().join("lamps.sock"));
        let lamps = UnixDatagram::bind(&socket).expect("a socket in an own folder");
        lamps.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
        let text = format!(
            "{SITE}[outbox]\npath = \"{}\"\n[output]\ndriver = \"virtual\"\nsocket = \"{}\"\n[console]\nsocket = \"{}\"\n",
            path(&folder.path().join("outbox.sqlite")),
            path(&socket),
            path(&folder.path().join("agent.sock")),
        );
        std::fs::write(&config, text).expect("a file in an own folder");
        Self { folder, config, lamps, agent: None }
    }

    fn start(&mut self) {
        let agent = self.command(&["run"]).stderr(Stdio::null()).spawn().expect("the agent starts");
        self.agent = Some(agent);
    }

    fn stop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let pid = rustix::process::Pid::from_child(&agent);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
            assert_eq!(agent.wait().expect("it ends").code(), Some(0));
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"));
        command.args(arguments).arg("--config").arg(&self.config);
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").trim_end().to_owned();
        (status.code(), text(stdout), text(stderr))
    }

    /// The state once it is as wanted.
    fn state_when(&self, what: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let (_keep, pause) = mpsc::channel::<()>();
        for _ in 0..400 {
            let (code, text, _) = self.run(&["lamps", "state", "--json"]);
            if code == Some(0) {
                let state: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
                if wanted(&state) {
                    return state;
                }
            }
            let _ = pause.recv_timeout(Duration::from_millis(50));
        }
        panic!("never: {what}");
    }

    /// Takes lamp vectors until one is as wanted.
    fn lamps_when(&self, what: &str, wanted: impl Fn(&serde_json::Value) -> bool) {
        let mut buffer = [0; 4096];
        for _ in 0..400 {
            let length = self
                .lamps
                .recv(&mut buffer)
                .unwrap_or_else(|error| panic!("no lamps while waiting for {what}: {error}"));
            let vector: serde_json::Value =
                serde_json::from_slice(&buffer[..length]).expect("a vector is JSON");
            if wanted(&vector["lamps"]) {
                return;
            }
        }
        panic!("never: {what}");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Cabinet {
    fn drop(&mut self) {
        if let Some(agent) = &mut self.agent {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

fn shows(state: &serde_json::Value, shown: &str) -> bool {
    state["shows"] == shown
}

#[test]
fn flash_and_lamp_test_at_a_running_agent() {
    let mut cabinet = Cabinet::new();
    cabinet.start();
    let state = cabinet.state_when("a green", |state| state["signal"]["groups"]["N"] == "green");
    assert_eq!((&state["type"], &state["driver"]), (&"lamps".into(), &"virtual".into()), "{state}");
    assert!(state.get("fault").is_none() && shows(&state, "signal"), "{state}");

    let (code, _, error) = cabinet.run(&["lamps", "test"]);
    assert_eq!(code, Some(1));
    assert!(error.starts_with("lamps are tested in flash only"), "{error}");

    // Somebody edits the file for the next restart.
    let right = std::fs::read_to_string(&cabinet.config).expect("it is there");
    let reader = "[[reader]]\nname = \"north\"\nport = \"/dev/ttyUSB0\"\nbaud = \"fast\"\n";
    let password =
        "[mqtt]\nurl = \"mqtt://a\"\nusername = \"u\"\npassword_file = \"/nonexistent/password\"\n";
    std::fs::write(&cabinet.config, format!("{right}{reader}{password}")).expect("written");
    let (code, text, error) = cabinet.run(&["lamps", "flash"]);
    assert_eq!(code, Some(0), "{text} {error}");
    assert!(text.starts_with("the signal goes to flash after the shortest green"), "{text}");
    assert!(error.contains("/nonexistent/password") && error.contains("is right, and serves"), "{error}");
    std::fs::write(&cabinet.config, &right).expect("written");
    cabinet.state_when("flash", |state| shows(state, "flash"));
    let (_, text, _) = cabinet.run(&["lamps", "state"]);
    assert!(text.contains("No fault is latched.") && text.contains("N: flash_amber"), "{text}");

    let (code, text, _) = cabinet.run(&["lamps", "test"]);
    assert_eq!((code, text.as_str()), (Some(0), "6 lamps are lit in turn, a second each"));
    for (group, other, colour) in [("N", "E", "amber"), ("N", "E", "green"), ("E", "N", "red")] {
        cabinet.lamps_when(&format!("{colour} of {group}"), |lamps| {
            lamps[group] == colour && lamps[other] == "dark"
        });
    }
    cabinet.lamps_when("flash after it", |lamps| lamps["N"] == "flash_amber" && lamps["E"] == "flash_amber");

    let (code, text, _) = cabinet.run(&["lamps", "flash", "--off"]);
    assert_eq!(code, Some(0), "{text}");
    cabinet.lamps_when("all red", |lamps| lamps["N"] == "red" && lamps["E"] == "red");
    cabinet.lamps_when("operation", |lamps| lamps["N"] == "green" || lamps["E"] == "green");
    cabinet.stop();
}

#[test]
fn a_fault_is_cleared_at_a_running_agent_and_at_a_stopped_one() {
    let mut cabinet = Cabinet::new();
    let fault = cabinet.file("fault.json");
    let latch = || {
        std::fs::write(
            &fault,
            r#"{"reason":"a lamp was dark","at":"2026-01-01T00:00:00Z","clock":"synced"}"#,
        )
        .expect("written");
    };
    latch();
    cabinet.start();
    let state = cabinet.state_when("the fault", |state| state["fault"]["reason"] == "a lamp was dark");
    assert_eq!(state["fault"]["at"], "2026-01-01T00:00:00Z", "{state}");
    let (code, _, error) = cabinet.run(&["lamps", "flash"]);
    assert_eq!(code, Some(1));
    assert!(error.starts_with("a fault is latched; clear it first"), "{error}");

    let (code, text, error) = cabinet.run(&["lamps", "clear-fault"]);
    assert_eq!((code, text.as_str()), (Some(0), "the signal starts up"), "{error}");
    assert!(is_clear(&fault));
    cabinet.state_when("operation", |state| {
        state.get("fault").is_none() && state["signal"]["groups"]["N"] == "green"
    });
    assert_eq!(cabinet.run(&["lamps", "clear-fault"]).1, "no fault is latched");
    cabinet.stop();

    latch();
    let (code, text, _) = cabinet.run(&["lamps", "clear-fault"]);
    assert_eq!(code, Some(0));
    let nobody = format!("No agent answers at {}", path(&cabinet.file("agent.sock")));
    assert!(text.starts_with("Cleared: a lamp was dark") && text.contains(&nobody), "{text}");
    assert!(is_clear(&fault));
    let (code, text, _) = cabinet.run(&["lamps", "clear-fault"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with(&format!("No fault is kept on the disk. {nobody}")), "{text}");
    let trace = cabinet.file("fault-cleared.jsonl");
    let noted = std::fs::read_to_string(&trace).expect("who has done it is kept");
    assert_eq!(noted.matches("a lamp was dark").count(), 1, "{noted}");
    assert!(noted.contains(&format!("\"uid\":{}", rustix::process::getuid().as_raw())), "{noted}");
    let log = cabinet.file("agent.log");
    let file = std::fs::File::create(&log).expect("a file");
    cabinet.agent = Some(cabinet.command(&["run"]).stderr(file).spawn().expect("the agent starts"));
    cabinet.state_when("operation", |state| state["signal"]["groups"]["N"] == "green");
    cabinet.stop();
    let said = std::fs::read_to_string(&log).expect("it is there");
    assert!(said.contains("was cleared at this machine while no agent ran"), "{said}");
    assert!(!trace.exists(), "it is told once");
}

#[test]
fn a_fault_that_the_disk_did_not_take_holds_the_next_start() {
    let mut cabinet = Cabinet::new();
    let folder = cabinet.folder.path().to_owned();
    let (disk, memory) = (folder.join("disk"), folder.join("memory"));
    std::fs::create_dir(&memory).expect("a folder");
    let text = std::fs::read_to_string(&cabinet.config).expect("it is there");
    let text = text.replace("outbox.sqlite", "disk/outbox.sqlite").replace("agent.sock", "memory/agent.sock");
    std::fs::write(&cabinet.config, text).expect("written");
    let mut failsafe = cabinet.command(&["failsafe", "--after-agent"]);
    let output = failsafe.env("SERVICE_RESULT", "watchdog").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("disk/fault.json cannot be written"), "{said}");
    assert!(said.contains("memory/fault.json has it"), "{said}");
    cabinet.lamps_when("red first", |lamps| lamps["N"] == "red" && lamps["E"] == "red");

    std::fs::create_dir(&disk).expect("a folder");
    cabinet.start();
    cabinet.lamps_when("the fault", |lamps| lamps["N"] == "flash_amber" && lamps["E"] == "flash_amber");
    let state = cabinet.state_when("the fault", |state| state.get("fault").is_some());
    let reason = state["fault"]["reason"].as_str().unwrap_or_default();
    assert!(reason.ends_with("the watchdog ended the agent"), "{state}");
    let (code, text, error) = cabinet.run(&["lamps", "clear-fault"]);
    assert_eq!((code, text.as_str()), (Some(0), "the signal starts up"), "{error}");
    assert!(is_clear(&disk.join("fault.json")) && is_clear(&memory.join("fault.json")));
    cabinet.stop();
}

#[test]
fn an_agent_without_its_socket_is_not_taken_for_none() {
    let mut cabinet = Cabinet::new();
    let fault = cabinet.file("fault.json");
    std::fs::write(&fault, r#"{"reason":"a lamp was dark","at":"2026-01-01T00:00:00Z","clock":"synced"}"#)
        .expect("written");
    cabinet.start();
    cabinet.state_when("the fault", |state| state["fault"]["reason"] == "a lamp was dark");
    std::fs::remove_file(cabinet.file("agent.sock")).expect("it listened there");
    let (code, text, _) = cabinet.run(&["lamps", "clear-fault"]);
    assert_eq!(code, Some(0));
    assert!(!text.contains("No agent runs") && !text.contains("systemctl start"), "{text}");
    assert!(text.contains("systemctl restart flextraff-agent"), "{text}");
    cabinet.lamps_when("the fault still", |lamps| lamps["N"] == "flash_amber" && lamps["E"] == "flash_amber");
    // As it says: anew.
    cabinet.stop();
    cabinet.start();
    cabinet.lamps_when("operation", |lamps| lamps["N"] == "green");
    cabinet.stop();
}

#[test]
fn without_an_agent_lamps_can_be_tested_and_nothing_else() {
    let cabinet = Cabinet::new();
    for arguments in [&["lamps", "state"][..], &["lamps", "flash"], &["lamps", "flash", "--off"]] {
        let (code, _, error) = cabinet.run(arguments);
        assert_eq!(code, Some(1));
        assert!(error.starts_with("no agent answers: nobody listens at"), "{error}");
    }
    // As an agent that has ended in order leaves it: its red is over with the first lamp.
    std::fs::write(cabinet.file("ended.json"), "{}").expect("written");
    let (code, text, _) = cabinet.run(&["lamps", "test"]);
    assert_eq!((code, text.as_str()), (Some(0), "6 lamps were lit; every head shows red now."));
    assert!(!cabinet.file("ended.json").exists());
    cabinet.lamps_when("the last lamp", |lamps| lamps["E"] == "green" && lamps["N"] == "dark");
    cabinet.lamps_when("red", |lamps| lamps["E"] == "red" && lamps["N"] == "red");
}

#[test]
fn failsafe_needs_no_configuration_once_the_agent_has_run() {
    let mut cabinet = Cabinet::new();
    let red = |lamps: &serde_json::Value| lamps["N"] == "red" && lamps["E"] == "red";
    assert_eq!(cabinet.run(&["failsafe"]).0, Some(0));
    cabinet.lamps_when("red", red);
    let right = std::fs::read_to_string(&cabinet.config).expect("it is there");
    // The name of a key is wrong; what says where the outbox lies can still be read.
    let broken = right.replace("amber_s = 1\n", "ambr_s = 1\n");
    let elsewhere = format!(
        "{right}[mqtt]\nurl = \"mqtt://a\"\nusername = \"u\"\npassword_file = \"/nonexistent/password\"\n"
    );

    std::fs::write(&cabinet.config, elsewhere).expect("written");
    let (code, _, error) = cabinet.run(&["failsafe"]);
    assert_eq!(code, Some(0), "what is wrong has nothing to do with lamps: {error}");
    assert!(error.contains("/nonexistent/password") && error.contains("of the lamps is right"), "{error}");
    cabinet.lamps_when("red", red);

    std::fs::write(&cabinet.config, &broken).expect("written");
    let (code, _, error) = cabinet.run(&["failsafe"]);
    assert_eq!(code, Some(2), "nothing was kept yet");
    assert!(error.contains("did you mean \"amber_s\"?") && error.contains("nor are there pins"), "{error}");

    std::fs::write(&cabinet.config, &right).expect("written");
    cabinet.start();
    cabinet.lamps_when("a green", |lamps| lamps["N"] == "green");
    cabinet.stop();
    assert!(cabinet.file("pins.json").exists(), "kept at a good start");
    std::fs::write(&cabinet.config, &broken).expect("written");
    while cabinet.lamps.set_nonblocking(true).is_ok() && cabinet.lamps.recv(&mut [0; 4096]).is_ok() {}
    cabinet.lamps.set_nonblocking(false).expect("it can wait again");
    let (code, _, error) = cabinet.run(&["failsafe"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("the pins of the last good start serve"), "{error}");
    cabinet.lamps_when("red", red);

    let ended = cabinet.file("ended.json");
    assert!(ended.exists(), "red has followed red");
    let mut flash = cabinet.command(&["failsafe", "--flash"]).stderr(Stdio::null()).spawn().expect("it runs");
    cabinet
        .lamps_when("the fault aspect", |lamps| lamps["N"] == "flash_amber" && lamps["E"] == "flash_amber");
    let pid = rustix::process::Pid::from_child(&flash);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    assert!(!ended.exists(), "the heads were not red all the while: the next start flashes first");
    cabinet.lamps_when("red at the end", red);
    assert_eq!(flash.wait().expect("it ends").code(), Some(0));

    std::fs::write(cabinet.file("pins.json"), "{}").expect("written");
    let (code, _, error) = cabinet.run(&["failsafe"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("missing field"), "{error}");
}

#[test]
fn an_agent_that_the_watchdog_has_ended_leaves_a_latched_fault() {
    let mut cabinet = Cabinet::new();
    let right = std::fs::read_to_string(&cabinet.config).expect("it is there");
    let fault = cabinet.file("fault.json");
    let after = |cabinet: &Cabinet, result: &str, arguments: &[&str]| {
        let mut command = cabinet.command(&[&["failsafe"], arguments].concat());
        let output = command.env("SERVICE_RESULT", result).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        fault.exists()
    };
    assert!(
        !after(&cabinet, "success", &["--after-agent"]) && !after(&cabinet, "signal", &["--after-agent"])
    );
    assert!(!after(&cabinet, "watchdog", &[]), "what else drives the lamps is no signal");
    let counter = right.replace("[device]\n", "[device]\ntype = \"rfid_counter\"\n");
    std::fs::write(&cabinet.config, counter).expect("written");
    assert!(!after(&cabinet, "watchdog", &["--after-agent"]), "it has no lamps");
    std::fs::write(&cabinet.config, &right).expect("written");
    assert!(after(&cabinet, "watchdog", &["--after-agent"]));
    cabinet.lamps_when("red first", |lamps| lamps["N"] == "red" && lamps["E"] == "red");
    cabinet.start();
    let state = cabinet.state_when("the fault", |state| state.get("fault").is_some());
    let reason = state["fault"]["reason"].as_str().unwrap_or_default();
    assert!(reason.ends_with("the watchdog ended the agent"), "{state}");
    cabinet
        .lamps_when("the fault aspect", |lamps| lamps["N"] == "flash_amber" && lamps["E"] == "flash_amber");
}

#[test]
fn whoever_may_not_use_the_socket_is_told_what_to_do() {
    let cabinet = Cabinet::new();
    let (code, _, error) =
        cabinet.run(&["lamps", "state", "--socket", path(Path::new("/proc/nowhere/agent.sock"))]);
    assert_eq!(code, Some(1));
    assert!(error.contains("nobody listens at /proc/nowhere/agent.sock"), "{error}");
}

/// A broker on the loopback address that asks nobody for a password.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    fn start(folder: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port can be found")
            .port();
        let config = folder.join("mosquitto.conf");
        std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"))
            .expect("written");
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = program.into_iter().find(|path| Path::new(path).exists()).unwrap_or("mosquitto");
        let child = Command::new(program).args(["-c", path(&config)]).stderr(Stdio::null()).spawn();
        Self { child: child.expect("mosquitto is needed by this test; install it"), port }
    }

    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(arguments).stderr(Stdio::null());
        command
    }

    /// Sends a command again and again until its reply comes.
    fn command(&self, id: &str, kind: &str) -> serde_json::Value {
        let device = "flextraff/11111111-1111-4111-8111-111111111111";
        let reply = format!("{device}/reply/22222222-2222-4222-8222-222222222222");
        let topic = reply.replace("/reply/", "/command/");
        let payload = format!(r#"{{"v":1,"id":"{id}","type":"{kind}","expires_at":"2099-01-01T00:00:00Z"}}"#);
        let (_keep, pause) = mpsc::channel::<()>();
        for _ in 0..40 {
            let mut waits = self.client("mosquitto_sub", &["-t", &reply, "-C", "1", "-W", "2"]);
            let waits = waits.stdout(Stdio::piped()).spawn().expect("mosquitto_sub is installed");
            let _ = pause.recv_timeout(Duration::from_millis(200));
            self.client("mosquitto_pub", &["-q", "1", "-t", &topic, "-m", &payload])
                .status()
                .expect("mosquitto_pub is installed");
            let output = waits.wait_with_output().expect("it ends by itself");
            if let Ok(reply) = serde_json::from_slice::<serde_json::Value>(&output.stdout)
                && reply["id"] == id
            {
                return reply;
            }
        }
        panic!("no reply to {kind}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_server_may_ask_for_a_blink_and_for_a_lamp_test_in_flash() {
    let mut cabinet = Cabinet::new();
    let broker = Broker::start(cabinet.folder.path());
    let text = std::fs::read_to_string(&cabinet.config).expect("it is there");
    let text = text.replace("[output]\n", "[output]\nidentify_pin = 16\n");
    let text = format!("{text}[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n", broker.port);
    std::fs::write(&cabinet.config, text).expect("written");
    cabinet.start();
    let reply = broker.command("one", "identify");
    assert_eq!((&reply["ok"], &reply["detail"]), (&true.into(), &"identify_pin blinks for 30 s".into()));
    let reply = broker.command("two", "lamp_test");
    assert_eq!(reply["ok"], false, "in operation: {reply}");
    assert!(reply["detail"].as_str().is_some_and(|text| text.starts_with("lamps are tested in flash only")));
    assert_eq!(cabinet.run(&["lamps", "flash"]).0, Some(0));
    cabinet.state_when("flash", |state| shows(state, "flash"));
    let reply = broker.command("three", "lamp_test");
    assert_eq!(
        (&reply["ok"], &reply["detail"]),
        (&true.into(), &"6 lamps are lit in turn, a second each".into())
    );
    cabinet.lamps_when("a lamp alone", |lamps| lamps["N"] == "amber" && lamps["E"] == "dark");
    cabinet.stop();
}
