//! The socket of the running agent, with real clients: several, slow ones, ones that talk nonsense.

use flextraff_agent::console::protocol::{Message, Request, line};
use flextraff_agent::console::{Asks, Console, Hub, Peer};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);
const MONITOR: &[u8] = b"{\"v\":1,\"request\":\"monitor\"}\n";

/// Tries again and again until there is something.
fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let (_keep, pause) = mpsc::channel::<()>();
    for _ in 0..DEADLINE.as_millis() / 10 {
        if let Some(found) = attempt() {
            return found;
        }
        let _ = pause.recv_timeout(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// Nobody takes what is asked.
fn nobody() -> Asks {
    Arc::new(drop)
}

struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(path: &Path) -> Self {
        let stream = until("somebody listens", || UnixStream::connect(path).ok());
        stream.set_read_timeout(Some(DEADLINE)).expect("a time-out can be set");
        Self(BufReader::new(stream))
    }

    fn watching(path: &Path) -> Self {
        let mut client = Self::connect(path);
        client.say(MONITOR);
        client
    }

    fn say(&mut self, bytes: &[u8]) {
        // An agent that has no room may have closed its side already.
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// The next line; empty at the end.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line in time");
        line
    }

    /// The next error.
    fn error(&mut self) -> String {
        let line = self.next();
        let value: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        assert_eq!((&value["type"], &value["v"]), (&"error".into(), &1.into()), "{line}");
        value["detail"].as_str().expect("an error says why").to_owned()
    }
}

struct Scene {
    folder: tempfile::TempDir,
    hub: Hub,
    console: Option<Console>,
}

impl Scene {
    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"))
    }

    fn in_folder(folder: tempfile::TempDir) -> Self {
        let hub = Hub::default();
        let console =
            Console::start(folder.path().join("agent.sock"), hub.clone(), nobody()).expect("a thread");
        Self { folder, hub, console: Some(console) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    /// Clients that are known to be served, because each has got a line.
    fn clients(&self, number: usize) -> Vec<Client> {
        let clients = (0..number).map(|_| {
            let mut client = Client::watching(&self.path());
            client
                .0
                .get_ref()
                .set_read_timeout(Some(Duration::from_millis(20)))
                .expect("a time-out can be set");
            until("the client is served", || {
                self.hub.tell(|| message("hello"));
                let mut line = String::new();
                (client.0.read_line(&mut line).is_ok() && line.contains("hello")).then_some(())
            });
            client.0.get_ref().set_read_timeout(Some(DEADLINE)).expect("a time-out can be set");
            client
        });
        clients.collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(console) = self.console.take() {
            console.stop();
        }
    }
}

/// Any message does: what it says is no business of the socket's.
fn message(text: &str) -> Message {
    Message::Error { detail: text.to_owned() }
}

#[test]
fn several_clients_get_the_same_lines_in_order_and_the_socket_goes_with_the_agent() {
    let mut scene = Scene::new();
    let mut clients = scene.clients(3);
    let mode = std::fs::metadata(scene.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    for number in 0..100 {
        scene.hub.tell(|| message(&format!("number {number}")));
    }
    for client in &mut clients {
        let lines: Vec<String> = std::iter::from_fn(|| Some(client.next()))
            .filter(|line| !line.contains("hello"))
            .take(100)
            .collect();
        let told: Vec<String> = (0..100).map(|number| line(&message(&format!("number {number}")))).collect();
        assert_eq!(lines, told);
    }
    scene.console.take().unwrap().stop();
    assert!(clients.iter_mut().all(|client| client.next().is_empty()), "every connection ends");
    assert!(!scene.path().exists());
}

#[test]
fn a_ninth_client_is_told_why_it_cannot_look_and_keeps_nobody_from_the_lamps() {
    let scene = Scene::new();
    let mut clients = scene.clients(8);
    assert_eq!(
        Client::watching(&scene.path()).error(),
        "8 clients look at the agent already, more cannot; end one of them"
    );
    let mut at_cabinet = Client::connect(&scene.path());
    at_cabinet.say(b"{\"v\":1,\"request\":\"clear_fault\"}\n");
    let error = at_cabinet.error();
    assert!(error.contains("does not take this request"), "it was passed on, and nobody is there: {error}");
    clients.pop();
    until("there is room again", || {
        scene.hub.tell(|| message("hello"));
        let mut client = Client::watching(&scene.path());
        client.0.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        scene.hub.tell(|| message("hello"));
        let mut line = String::new();
        (client.0.read_line(&mut line).is_err() || line.contains("hello")).then_some(())
    });
}

#[test]
fn nonsense_is_answered_with_a_sentence_and_the_end_of_the_connection() {
    let scene = Scene::new();
    for (bad, says) in [
        (&b"GET / HTTP/1.1\r\n"[..], r#"a request is {"v":1,"request":"monitor"}"#),
        (b"{\"v\":1,\"request\":\"fly\"}\n", "unknown variant `fly`"),
        (b"{\"v\":9,\"request\":\"monitor\"}\n", "version 9 is newer than 1"),
        (b"\xff\xfe\n", "this is no request"),
        (&[b'x'; 5000], "a request has at most 4096 bytes"),
    ] {
        let mut client = Client::connect(&scene.path());
        client.say(bad);
        let error = client.error();
        assert!(error.contains(says), "{error}");
        // What was not read yet may end the connection in an error instead of an end.
        assert!(client.0.read_to_end(&mut Vec::new()).is_ok_and(|more| more == 0) || bad.len() > 4096);
    }
    let mut greedy = scene.clients(1).remove(0);
    greedy.say(MONITOR);
    let error = std::iter::from_fn(|| Some(greedy.error())).find(|error| error != "hello").unwrap();
    assert_eq!(error, "a connection takes one request; make another one");
    assert!(Client::connect(&scene.path()).0.get_ref().shutdown(std::net::Shutdown::Both).is_ok());
    assert_eq!(scene.clients(1).len(), 1, "whoever behaves is served as before");
}

#[test]
fn a_client_may_close_its_side_and_go_on_listening() {
    let scene = Scene::new();
    let mut client = scene.clients(1).remove(0);
    client.0.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    scene.hub.tell(|| message("still there?"));
    assert!((0..10).any(|_| client.error() == "still there?"));
}

#[test]
fn a_stuck_client_loses_its_connection_and_nobody_waits_for_it() {
    let scene = Scene::new();
    let mut stuck = scene.clients(1).remove(0);
    let mut lively = scene.clients(1).remove(0);
    let filler = "x".repeat(400);
    let mut told = 0;
    // 16 MB, in portions that the lively one takes before the next.
    for portion in 0..40 {
        for _ in 0..1000 {
            scene.hub.tell(|| message(&filler));
            told += 1;
        }
        let mark = format!("portion {portion}");
        scene.hub.tell(|| message(&mark));
        while lively.error() != mark {}
    }
    drop(lively);
    until("both are gone", || {
        scene.hub.tell(|| message("anybody?"));
        (!scene.hub.is_watched()).then_some(())
    });
    let mut got = 0;
    while !stuck.next().is_empty() {
        got += 1;
    }
    assert!(0 < got && got < told / 2, "{got} of {told}: what lay in the kernel, and then the end");
}

#[test]
fn a_socket_that_a_killed_agent_left_is_replaced_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(folder.path().join("agent.sock")).unwrap());
    assert!(folder.path().join("agent.sock").exists(), "it is left over");
    let first = Scene::in_folder(folder);
    let mut client = first.clients(1).remove(0);

    let second = Hub::default();
    let other = Console::start(first.path(), second.clone(), nobody()).unwrap();
    let mut third = first.clients(1).remove(0);
    other.stop();
    assert!(!second.is_watched(), "the agent that is there stays there");
    first.hub.tell(|| message("here"));
    for client in [&mut client, &mut third] {
        while client.error() != "here" {}
    }

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("agent.sock"), "a letter").unwrap();
    let scene = Scene::in_folder(folder);
    let path = scene.path();
    assert!(UnixStream::connect(&path).is_err());
    let Scene { folder: ref kept, .. } = scene;
    assert_eq!(std::fs::read_to_string(kept.path().join("agent.sock")).unwrap(), "a letter");
}

#[test]
fn what_is_asked_goes_to_the_agent_with_whoever_asks_and_one_answer_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let asks: Asks = Arc::new(move |question| {
        seen.lock().unwrap().push((question.request, question.peer));
        if question.request != Request::ClearFault {
            let detail = format!("{:?} it is", question.request);
            question.answer.send(Message::Done { detail }).expect("the client waits");
        }
    });
    let console = Console::start(path.clone(), Hub::default(), asks).expect("a thread");
    let answer = |request: &str| {
        let mut client = Client::connect(&path);
        client.say(format!("{request}\n").as_bytes());
        let answer = client.next();
        assert!(client.next().is_empty(), "one answer, and the end");
        answer
    };
    assert_eq!(
        answer(r#"{"request":"flash","on":true}"#),
        "{\"v\":1,\"type\":\"done\",\"detail\":\"Flash { on: true } it is\"}\n"
    );
    assert!(answer(r#"{"v":1,"request":"lamp_test"}"#).contains("LampTest it is"));
    assert!(
        answer(r#"{"request":"clear_fault"}"#).contains("does not take this request just now; try again")
    );
    let error = answer(r#"{"request":"flash"}"#);
    assert!(error.contains("missing field `on`"), "{error}");
    console.stop();
    let me = Peer { uid: rustix::process::getuid().as_raw(), pid: Some(std::process::id().cast_signed()) };
    let expected = [Request::Flash { on: true }, Request::LampTest, Request::ClearFault];
    assert_eq!(*asked.lock().unwrap(), expected.map(|request| (request, me)));
}
