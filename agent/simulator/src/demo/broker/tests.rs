use super::super::services::Database;
use super::*;
use flextraff_common::wire::topics::Topic;
use rustix::process::Pid;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

/// A Mosquitto that knows nobody yet.
struct Mosquitto {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Mosquitto {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let at = |name: &str| dir.path().join(name);
        for file in ["passwd", "acl"] {
            write(&at(file), b"").expect("a file");
        }
        // As root it would change its user, who could not read the files again.
        let config = format!(
            "listener {port} 127.0.0.1\nuser root\nallow_anonymous false\npassword_file {}\nacl_file {}\n",
            at("passwd").display(),
            at("acl").display()
        );
        write(&at("conf"), config.as_bytes()).expect("a file");
        let program = find_program("mosquitto").expect("mosquitto is installed");
        let mut command = Command::new(program);
        command.arg("-c").arg(at("conf")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("mosquitto starts");
        Self { dir, port, child }
    }

    fn services(&self) -> Services {
        let nothing = || String::new();
        Services {
            database: Database {
                user: nothing(),
                password: nothing(),
                host: nothing(),
                port: nothing(),
                name: nothing(),
            },
            mqtt_port: self.port,
            mosquitto: Pid::from_raw(self.child.id() as i32).expect("a process"),
            config: self.dir.path().join("conf"),
            passwords: self.dir.path().join("passwd"),
            rights: self.dir.path().join("acl"),
        }
    }

    /// Signs in; the broker's return code (0: welcome).
    fn connect(&self, user: &str, password: &str) -> Option<(TcpStream, u8)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b1100_0010, 0, 60];
        body.extend([text(user), text(user), text(password)].concat());
        stream.write_all(&packet(0x10, &body)).ok()?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).ok()?;
        Some((stream, answer[3]))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind, body.len() as u8 & 0x7F | 0x80, (body.len() >> 7) as u8];
    packet.extend(body);
    packet
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

/// Subscribes with QoS 0.
fn subscribe(stream: &mut TcpStream, filter: &str) {
    stream
        .write_all(&packet(0x82, &[vec![0, 1], text(filter), vec![0]].concat()))
        .expect("the broker listens");
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).expect("the broker answers");
    assert_eq!(answer[0], 0x90);
}

/// Publishes with QoS 1; returns when the broker has taken it.
fn publish(stream: &mut TcpStream, topic: &str) {
    stream.write_all(&packet(0x32, &[text(topic), vec![0, 7]].concat())).expect("the broker listens");
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).expect("the broker answers");
    assert_eq!(answer[0], 0x40);
}

/// Topic of the next message.
fn heard(stream: &mut TcpStream) -> String {
    let mut head = [0; 4];
    stream.read_exact(&mut head).expect("a message");
    assert_eq!(head[0] & 0xF0, 0x30);
    let mut rest = vec![0; usize::from(head[1]) - 2];
    stream.read_exact(&mut rest).expect("a message");
    String::from_utf8_lossy(&rest[..usize::from(head[3])]).into_owned()
}

/// Tries until it works, at most ten seconds.
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = crate::clock::Clock::start();
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    while clock.now().0 < 10_000 {
        if let Some(value) = attempt() {
            return Some(value);
        }
        let _ = never.recv_timeout(Duration::from_millis(20));
    }
    None
}

#[test]
fn the_broker_lets_a_device_hear_its_own_junction_and_its_neighbours() {
    let broker = Mosquitto::start();
    assert!(until(|| broker.connect("nobody", "x")).is_some_and(|(_, code)| code != 0));
    let city = City::new(1);
    let scratch = broker.dir.path().join("scratch");
    let passwords = admit(&city, &broker.services(), &scratch).unwrap();
    assert!(!scratch.exists());
    let sign_in = |index: usize| {
        let user = city.places[index].device.to_string();
        let welcome = until(|| broker.connect(&user, &passwords[index]).filter(|(_, code)| *code == 0));
        welcome.expect("the broker knows the device").0
    };
    let (mut own, mut neighbour, mut stranger) = (sign_in(0), sign_in(1), sign_in(2));
    let signal = |index: usize| Topic::Signal(city.places[index].junction).to_string();
    // Mosquitto grants every subscription and holds back what may not be read.
    for index in 0..3 {
        subscribe(&mut own, &signal(index));
    }
    publish(&mut stranger, &signal(2));
    publish(&mut stranger, &signal(0));
    publish(&mut neighbour, &signal(1));
    assert_eq!(heard(&mut own), signal(1));
    publish(&mut neighbour, &signal(0));
    publish(&mut neighbour, &signal(1));
    assert_eq!(heard(&mut own), signal(1));
    let user = city.places[0].device.to_string();
    assert!(broker.connect(&user, &passwords[1]).is_some_and(|(_, code)| code != 0));
}

#[test]
fn a_device_may_write_under_its_own_junction_only() {
    let city = City::new(1);
    let text = rights(&city);
    let mut own = String::new();
    for line in text.lines() {
        if let Some(device) = line.strip_prefix("user ") {
            let place = city.places.iter().find(|place| place.device.to_string() == device).unwrap();
            own = place.junction.to_string();
        } else if let Some(topic) = line.strip_prefix("topic write ") {
            assert!(topic.contains(&own), "{topic}");
        }
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("user ")).count(), 6);
    let foreign = text.lines().filter(|line| line.ends_with("/demand") && line.starts_with("topic read"));
    assert_eq!(foreign.count(), 6 + 14);
}

#[test]
fn secrets_differ_and_are_plain() {
    let (one, other) = (secret(32), secret(32));
    assert_ne!(one, other);
    assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
}
