//! People who ask the server for this and that while the disk of its tables is full: each gets an answer that says what is the matter, and what he
//! wants once there is room again.

use super::super::api::{Answer, Api};
use anyhow::{Context, Result};
use flextraff_common::ids::JunctionId;
use serde_json::json;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_secs(2);
/// Rounds after there is room again within which all must be answered as ever: a minute.
const ROUNDS: u32 = 30;

/// What came of the questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Answers as ever.
    pub(super) done: u64,
    /// Refusals that say that the server cannot at present.
    pub(super) refused: u64,
    /// Sentences: answers that help nobody.
    pub(super) unclear: Vec<String>,
    /// How often the server's health said that the disk is full.
    pub(super) told_full: u64,
    /// Whether all was as ever again after there was room.
    pub(super) recovered: bool,
}

/// People who ask at this time.
#[derive(Debug)]
pub(super) struct People {
    over: Sender<()>,
    asking: JoinHandle<Asked>,
}

impl People {
    /// They sign in, and then ask until [`Self::there_is_room`] and until all is as ever.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(mut api: Api, junction: JunctionId, name: String) -> Result<Self> {
        // While there is room; else they do it when they are told to.
        let _ = api.sign_in();
        let (over, is_over) = channel();
        let asking = thread::Builder::new().name("people".to_owned()).spawn(move || {
            let mut asked = Asked::default();
            let mut number = 0;
            loop {
                number += 1;
                round(&mut api, junction, &format!("{name}-{number}"), &mut asked);
                if is_over.recv_timeout(PAUSE).is_ok() {
                    break;
                }
            }
            for _ in 0..ROUNDS {
                number += 1;
                if round(&mut api, junction, &format!("{name}-{number}"), &mut asked) {
                    asked.recovered = true;
                    break;
                }
                // Nobody says anything any more: it is a pause.
                let _ = is_over.recv_timeout(PAUSE);
            }
            asked
        });
        Ok(Self { over, asking: asking.context("starting a thread")? })
    }

    /// From now on all must be as ever within a minute.
    pub(super) fn there_is_room(&self) {
        // Who has ended his thread by a panic is found out when he is asked.
        let _ = self.over.send(());
    }

    /// What came of it.
    pub(super) fn end(self) -> Asked {
        let Self { over, asking } = self;
        let asked = asking.join();
        drop(over);
        asked.unwrap_or_else(|_| Asked {
            unclear: vec!["Who asked has panicked.".to_owned()],
            ..Asked::default()
        })
    }
}

/// Asks everything once; whether all was done.
fn round(api: &mut Api, junction: JunctionId, name: &str, asked: &mut Asked) -> bool {
    let mode = format!("/api/junctions/{junction}/mode");
    let user = json!({
        "username": name, "email": format!("{name}@example.org"), "password": format!("correct horse {name}"), "full_name": name,
    });
    let requests = [
        ("GET", "/api/junctions/".to_owned(), None),
        ("GET", format!("/api/junctions/{junction}/plans/current"), None),
        ("GET", "/api/alarms".to_owned(), None),
        ("PUT", mode, Some(json!({"mode": "automatic"}))),
        ("POST", "/api/users/register".to_owned(), Some(user)),
    ];
    // Not judged: a broker that is away at the same time is another reason not to be well.
    if let Answer::Said(503, detail) = api.ask("GET", "/health", None)
        && detail.contains("disk of the database is full")
    {
        asked.told_full += 1;
    }
    let mut all = true;
    for (method, path, body) in requests {
        let answer = api.ask(method, &path, body.as_ref());
        if matches!(answer, Answer::Said(401, _)) {
            // A server that was started anew may have no room for a session; then so does the next round.
            let _ = api.sign_in();
        }
        let judged = judged(&answer);
        all &= matches!(judged, Judged::Done);
        match judged {
            Judged::Done => asked.done += 1,
            Judged::Refused => asked.refused += 1,
            // Something else goes wrong at the same time: a server that was killed says nothing.
            Judged::Nothing => {}
            Judged::Unclear(what) => asked.unclear.push(format!("{method} {path} {what}.")),
        }
    }
    all
}

enum Judged {
    Done,
    Refused,
    Nothing,
    Unclear(String),
}

fn judged(answer: &Answer) -> Judged {
    match answer {
        Answer::Said(200..=299, _) => Judged::Done,
        Answer::Said(503, detail) if detail.contains(' ') => Judged::Refused,
        Answer::Said(401, _) | Answer::Nobody => Judged::Nothing,
        Answer::Said(status, detail) => Judged::Unclear(format!("was answered with {status}: {detail}")),
        Answer::TooLate => Judged::Unclear("was not answered in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use uuid::Uuid;

    /// A server that answers each request with a status and a sentence, and from `room` on with 200.
    fn server(status: u16, room: &Arc<AtomicBool>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let (port, room) = (listener.local_addr().expect("an address").port(), Arc::clone(room));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let (mut line, mut body) = (String::new(), 0);
                while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                    let head = line.to_ascii_lowercase();
                    body = head
                        .strip_prefix("content-length:")
                        .map_or(body, |size| size.trim().parse().unwrap());
                    line.clear();
                }
                // What is left unread when the connection is closed resets it, and the answer may be lost.
                let _ = std::io::copy(&mut reader.by_ref().take(body), &mut std::io::sink());
                let status = if room.load(Relaxed) { 200 } else { status };
                let body = r#"{"detail": "The disk of the database is full."}"#;
                let length = body.len();
                let mut stream = reader.into_inner();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
            }
        });
        port
    }

    fn one_round(status: u16) -> (bool, Asked) {
        let mut api = Api::new(server(status, &Arc::default()), "secret".to_owned());
        let mut asked = Asked::default();
        (round(&mut api, JunctionId(Uuid::nil()), "people-1", &mut asked), asked)
    }

    #[test]
    fn a_refusal_says_why_and_a_fault_is_told() {
        let (all, refused) = one_round(503);
        assert_eq!((all, refused.done, refused.refused, refused.unclear.len()), (false, 0, 5, 0));
        assert_eq!(refused.told_full, 1);
        let (all, fault) = one_round(500);
        assert_eq!((all, fault.refused, fault.unclear.len()), (false, 0, 5));
        assert!(
            fault.unclear[0].contains("answered with 500: The disk of the database is full."),
            "{:?}",
            fault.unclear
        );
        let (all, done) = one_round(200);
        assert_eq!((all, done.done, done.told_full), (true, 5, 0));
    }

    #[test]
    fn they_ask_until_all_is_as_ever() {
        let room = Arc::new(AtomicBool::new(false));
        let api = Api::new(server(503, &room), "secret".to_owned());
        let people = People::start(api, JunctionId(Uuid::nil()), "people".to_owned()).expect("a thread");
        room.store(true, Relaxed);
        people.there_is_room();
        let asked = people.end();
        assert!(asked.recovered && asked.done >= 5 && asked.unclear.is_empty(), "{asked:?}");
    }
}
