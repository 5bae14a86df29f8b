//! What the agent does where something is not to be had when it starts or goes on: threads, which come back, and pins, which it opens last.

#[path = "support/site.rs"]
mod site;

use site::TWO_LANES;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long a test waits for anything before it fails: longer than it takes until the agent tries again.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at what tells nobody that it has come.
const LOOK: Duration = Duration::from_millis(20);

/// More lines of its log than an agent writes here by far.
const MOST_LINES: usize = 200;

/// Linked in before the C library: while the file that `NO_THREADS` names is there, one thread more is to be had, the one that reads the
/// configuration, and then none, as the kernel says it.
const NO_THREADS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
    static atomic_int given;
    if (access(getenv("NO_THREADS"), F_OK) == 0 && atomic_fetch_add(&given, 1) > 0) return EAGAIN;
    return ((create *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, run, argument);
}
"#;

/// A running agent in a folder of its own.
struct Agent {
    folder: tempfile::TempDir,
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(folder: &Path, more: &str) -> PathBuf {
    let (config, at) = (folder.join("agent.toml"), folder.display());
    // Which it would else be only with readers.
    let lanes = TWO_LANES.replace("[device]", "[device]\ntype = \"junction\"");
    let text = format!(
        "{lanes}{more}\n[outbox]\npath = \"{at}/outbox.sqlite\"\n[console]\nsocket = \"{at}/agent.sock\"\n"
    );
    std::fs::write(&config, text).expect("it is writable");
    config
}

impl Agent {
    fn start(more: &str, shim: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"));
        command.args(["run", "--config"]).arg(configure(folder.path(), more)).stderr(Stdio::piped());
        if let Some(shim) = shim {
            command.env("LD_PRELOAD", shim).env("NO_THREADS", folder.path().join("no-threads"));
        }
        let mut child = command.spawn().expect("the agent starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped"));
        let (tell, log) = mpsc::channel();
        std::thread::spawn(move || lines.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { folder, child, log, seen: Vec::new() }
    }

    /// Waits until the log has a text.
    fn logged(&mut self, text: &str) {
        while !self.seen.iter().any(|line| line.contains(text)) {
            let line = self.log.recv_timeout(PATIENCE);
            self.seen.push(line.unwrap_or_else(|_| panic!("never: {text}; the log has {:#?}", self.seen)));
            assert!(self.seen.len() < MOST_LINES, "never: {text}; the log has {:#?}", self.seen);
        }
    }

    /// What the log has until it is asked.
    fn log(&mut self) -> &[String] {
        self.seen.extend(self.log.try_iter());
        &self.seen
    }
}

/// Waits for somebody to connect.
fn wait_for(listener: TcpListener, what: &str) {
    let (tell, came) = mpsc::channel();
    std::thread::spawn(move || tell.send(listener.accept()));
    came.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("never: {what}")).expect("it is accepted");
}

#[test]
fn readers_and_link_that_could_not_be_started_are_started_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, shim) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
    std::fs::write(&source, NO_THREADS).expect("it is writable");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&shim, &source]).status();
    assert!(built.expect("there is a C compiler").success());
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (reader, broker) = (listen(), listen());
    let port = |listener: &TcpListener| listener.local_addr().expect("it listens").port();
    let sections = format!(
        "[[reader]]\nname = \"north\"\nprotocol = \"ascii\"\nport = \"tcp://127.0.0.1:{}\"\nlanes = {{ default = \"N\" }}\n\
         [mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n",
        port(&reader),
        port(&broker)
    );

    // Alone as it is, it has nothing to try again.
    let mut alone = Agent::start("", None);
    alone.logged("[mqtt] is not configured");
    let mut agent = Agent::start("", Some(&shim));
    agent.logged("[mqtt] is not configured");
    let none = agent.folder.path().join("no-threads");
    std::fs::write(&none, "").expect("it is writable");
    configure(agent.folder.path(), &sections);
    let pid = rustix::process::Pid::from_child(&agent.child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("it runs");
    agent.logged("reload: changed");
    agent.logged("it cannot be started");
    agent.logged("the link cannot be started");
    std::fs::remove_file(&none).expect("it is there");
    wait_for(reader, "the reader's port is opened");
    wait_for(broker, "the broker is asked");
    // It was started before, and has tried again before.
    let told = alone.log().iter().filter(|line| line.contains("[mqtt] is not configured")).count();
    assert_eq!(told, 1, "{:#?}", alone.seen);
}

#[test]
fn the_latched_fault_is_read_before_the_pins_are_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let latch = folder.path().join("fault.json");
    let made = Command::new("mkfifo").arg(&latch).status();
    assert!(made.expect("there is mkfifo").success());
    let ended = folder.path().join("ended.json");
    std::fs::write(&ended, "{}").expect("it is writable");
    // Pins that cannot be opened end the agent at once. A fault file that tells nothing yet is a disk that stands still.
    let pins = |red: u8| format!("pins = {{ red = {red}, amber = {}, green = {} }}\n", red + 1, red + 2);
    let text = "[output]\ndriver = \"gpiochip\"\nchip = \"/dev/null\"\n";
    let config = configure(folder.path(), text);
    let site = std::fs::read_to_string(&config).expect("it is there");
    let site = site
        .replace("name = \"N\"\n[[lane]]", &format!("name = \"N\"\n{}[[lane]]", pins(2)))
        .replacen("name = \"E\"\n", &format!("name = \"E\"\n{}", pins(5)), 1);
    std::fs::write(&config, site).expect("it is writable");
    let child = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
        .args(["run", "--config"])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent starts");
    let (tell, output) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    let said = |output: std::io::Result<std::process::Output>| {
        String::from_utf8(output.expect("it ends").stderr).expect("UTF-8")
    };
    let mut looks = 0;
    // Opens as soon as somebody reads.
    let mut fault = loop {
        match OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&latch) {
            Ok(fault) => break fault,
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "{error}"),
        }
        match output.recv_timeout(LOOK) {
            Ok(output) => panic!("it has opened the pins before it has read the fault: {}", said(output)),
            Err(RecvTimeoutError::Timeout) => looks += 1,
            Err(RecvTimeoutError::Disconnected) => panic!("nobody waits for it"),
        }
        assert!(LOOK * looks < PATIENCE, "never: the fault is read");
    };
    assert!(output.recv_timeout(LOOK * 10).is_err(), "it waits for the fault");
    fault
        .write_all(br#"{"reason":"a lamp was dark","at":"2026-01-01T00:00:00Z","clock":"synced"}"#)
        .expect("it reads");
    drop(fault);
    let said = said(output.recv_timeout(PATIENCE).expect("then it opens the pins"));
    assert!(said.contains("/dev/null is no GPIO character device"), "{said}");
    assert!(!ended.exists(), "whether it had ended in order is read before, too");
}
