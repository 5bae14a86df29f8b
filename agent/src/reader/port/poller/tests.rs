//! Lines that say what is done with them.

use super::*;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

const DEADLINE: Duration = Duration::from_secs(10);
/// Later than any of these tests lasts.
const LATER_MS: i64 = 3_600_000;

fn now() -> MonoMs {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    MonoMs(time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// What it read; `None`: it was called without any bytes.
    Step(Option<Vec<u8>>),
    HandedBack,
}

/// A line that ends with the byte `e`, and ends the thread by a defect with the byte `!`.
struct Line {
    stream: UnixStream,
    due: MonoMs,
    awaits: bool,
    told: Sender<Told>,
}

impl Polled for Line {
    fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    fn due(&self) -> MonoMs {
        self.due
    }

    fn awaits_answer(&self) -> bool {
        self.awaits
    }

    fn step(&mut self, now: MonoMs, readable: bool) -> bool {
        if self.due <= now {
            self.due = now + LATER_MS;
        }
        let mut buffer = [0; 64];
        let came = readable.then(|| self.stream.read(&mut buffer).expect("bytes"));
        let bytes = came.map(|came| buffer[..came].to_vec());
        assert!(bytes.as_deref() != Some(b"!"), "a defect");
        let ends = bytes.as_deref().is_some_and(|bytes| bytes.is_empty() || bytes == b"e");
        let _ = self.told.send(Told::Step(bytes));
        !ends
    }

    fn hand_back(self: Box<Self>) {
        let _ = self.told.send(Told::HandedBack);
    }
}

/// A line that is brought, its other end, and what it tells.
fn bring(poller: &Poller, due: MonoMs) -> (UnixStream, Receiver<Told>) {
    bring_one(poller, due, false)
}

fn bring_one(poller: &Poller, due: MonoMs, awaits: bool) -> (UnixStream, Receiver<Told>) {
    let (stream, other) = UnixStream::pair().expect("a pair");
    let (told, tells) = channel();
    poller.bring(Box::new(Line { stream, due, awaits, told }));
    (other, tells)
}

/// What it tells next but for steps without bytes, which come whenever anything happens anywhere.
fn next(tells: &Receiver<Told>) -> Told {
    loop {
        match tells.recv_timeout(DEADLINE).expect("something is told in time") {
            Told::Step(None) => {}
            told => return told,
        }
    }
}

#[test]
fn bytes_are_taken_where_they_come_and_what_is_done_is_handed_back() {
    let poller = Poller::start(now).unwrap();
    let lines: Vec<_> = (0..3).map(|_| bring(&poller, now() + LATER_MS)).collect();
    for (number, (other, tells)) in (0..).zip(&lines) {
        (&*other).write_all(&[number]).unwrap();
        assert_eq!(next(tells), Told::Step(Some(vec![number])));
    }
    (&lines[1].0).write_all(b"e").unwrap();
    assert_eq!(next(&lines[1].1), Told::Step(Some(b"e".to_vec())));
    assert_eq!(next(&lines[1].1), Told::HandedBack);
    (&lines[2].0).write_all(b"x").unwrap();
    assert_eq!(next(&lines[2].1), Told::Step(Some(b"x".to_vec())), "the others go on");
}

#[test]
fn what_is_due_is_done_though_nothing_comes_and_so_is_what_somebody_rings_for() {
    let poller = Poller::start(now).unwrap();
    let (_other, tells) = bring(&poller, now() + 50);
    let step = || tells.recv_timeout(DEADLINE).expect("a step in time");
    assert_eq!(step(), Told::Step(None), "it is brought, which rings");
    assert_eq!(step(), Told::Step(None), "it is due");
    poller.ring();
    assert_eq!(step(), Told::Step(None));
}

/// Bytes that one line is sent, and steps in which they are taken, while another is sent something twenty times and each time waits for that to be
/// taken; `awaits`: whether the other one awaits an answer all the time.
fn beside_a_busy_line(awaits: bool) -> (usize, usize) {
    let poller = Poller::start(now).unwrap();
    let (busy, its) = bring(&poller, now() + LATER_MS);
    let (other, tells) = bring_one(&poller, now() + LATER_MS, awaits);
    let (stop, stopped) = channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut sent = 0;
        while stopped.recv_timeout(Duration::from_micros(200)) == Err(RecvTimeoutError::Timeout) {
            (&busy).write_all(b"b").expect("it is read");
            sent += 1;
        }
        (sent, busy)
    });
    for _ in 0..20 {
        (&other).write_all(b"x").unwrap();
        assert_eq!(next(&tells), Told::Step(Some(b"x".to_vec())));
    }
    drop(stop);
    let (sent, _busy) = writer.join().unwrap();
    let mut taken = 0;
    let mut steps = 0;
    while taken < sent {
        let Told::Step(Some(bytes)) = next(&its) else { panic!("it ends") };
        taken += bytes.len();
        steps += 1;
    }
    (sent, steps)
}

#[test]
fn a_busy_line_is_taken_in_beats_and_holds_up_no_other() {
    let (sent, steps) = beside_a_busy_line(false);
    assert!(steps * 2 < sent, "{sent} bytes are taken in {steps} steps");
}

#[test]
fn an_answer_that_is_waited_for_waits_for_no_beat() {
    let (_, in_beats) = beside_a_busy_line(false);
    let start = now();
    let (sent, steps) = beside_a_busy_line(true);
    // Twenty beats alone take 200 ms.
    assert!(
        now().since(start) < 150 || steps > 2 * in_beats,
        "{sent} bytes in {steps} steps, {in_beats} in beats"
    );
}

#[test]
fn after_a_defect_that_ends_the_thread_another_takes_what_is_brought() {
    let poller = Poller::start(now).unwrap();
    let (other, tells) = bring(&poller, now() + LATER_MS);
    (&other).write_all(b"!").unwrap();
    let lost = loop {
        match tells.recv_timeout(DEADLINE) {
            Ok(Told::Step(None)) => {}
            end => break end,
        }
    };
    assert_eq!(lost, Err(RecvTimeoutError::Disconnected), "whoever brought it sees that it is gone");
    // The channel of the thread closes after its lines have gone.
    let deadline = now() + 10_000;
    loop {
        let (other, tells) = bring(&poller, now() + LATER_MS);
        // A line that is not taken is gone by now.
        let _ = (&other).write_all(b"x");
        match tells.recv_timeout(DEADLINE) {
            Ok(Told::Step(None)) => assert_eq!(next(&tells), Told::Step(Some(b"x".to_vec()))),
            Ok(told) => assert_eq!(told, Told::Step(Some(b"x".to_vec()))),
            Err(_) => {
                assert!(now() < deadline, "nobody takes lines any more");
                continue;
            }
        }
        break;
    }
}

#[test]
fn the_thread_ends_when_nobody_can_bring_it_anything() {
    let poller = Poller::start(now).unwrap();
    let bell = Arc::downgrade(&poller.bell);
    drop(poller);
    let (_keep, never) = channel::<()>();
    let deadline = now() + 10_000;
    while bell.upgrade().is_some() {
        assert!(now() < deadline, "it still runs");
        let _ = never.recv_timeout(Duration::from_millis(10));
    }
}
