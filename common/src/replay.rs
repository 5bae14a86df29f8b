//! What the replay commands of agent and server have in common: JSON lines in, JSON lines out, on a given clock.

use crate::time::MonoMs;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, BufRead, Write};

/// Longest line that is read, bytes: a payload, and what stands around it.
const LONGEST_LINE: u64 = 1 << 20;
/// Times beyond this, seconds, are a mistake: 3 years, far more than anybody replays.
const MOST_S: f64 = 1e8;

/// A line that comes in.
pub trait Timed {
    /// Its time, seconds.
    fn t(&self) -> f64;
}

/// A program that is replayed.
pub trait Replay {
    /// What comes in.
    type Line<'a>: Deserialize<'a> + Timed;

    /// The time of the last line; none before the first one.
    fn now(&self) -> Option<MonoMs>;

    /// The first line has come.
    ///
    /// # Errors
    /// When the program cannot start.
    fn start(&mut self, at: MonoMs) -> io::Result<()>;

    /// Lets the time pass.
    fn advance(&mut self, to: MonoMs);

    /// Takes what a line says.
    ///
    /// # Errors
    /// Why it cannot be used; the replay goes on.
    fn take(&mut self, line: Self::Line<'_>, at: MonoMs) -> Result<(), String>;

    /// What is to be said so far; [`play`] adds to it, writes it and empties it.
    fn lines(&mut self) -> &mut Vec<String>;
}

/// Plays every line, counted from 1, and flushes what is said to each; `{"t": …, "done": true}` ends it. A line that cannot be used is named, and
/// the replay goes on with the next. Empty lines are passed over; more than 1 MiB is too long.
///
/// # Errors
/// When input or output fail, or the program cannot start.
pub fn play(replay: &mut impl Replay, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    write(replay, &mut output)?;
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        let read = io::Read::take(&mut input, LONGEST_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
            refuse(replay, number, &format!("a line has at most {LONGEST_LINE} bytes"));
        } else if !line.trim_ascii().is_empty() {
            play_line(replay, number, line.trim_ascii())?;
        }
        write(replay, &mut output)?;
    }
}

fn write(replay: &mut impl Replay, output: &mut impl Write) -> io::Result<()> {
    for line in replay.lines().drain(..) {
        output.write_all(line.as_bytes())?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

fn play_line<R: Replay>(replay: &mut R, number: u64, line: &[u8]) -> io::Result<()> {
    let (at, line) = read::<R::Line<'_>>(line);
    let at = match (at, replay.now()) {
        (None, _) => {
            refuse(replay, number, &line.err().unwrap_or_default());
            return Ok(());
        }
        (Some(at), Some(last)) if at < last => {
            let what = format!("t is {}, before {} of the line before", seconds(at), seconds(last));
            refuse(replay, number, &what);
            return Ok(());
        }
        (Some(at), Some(_)) => at,
        (Some(at), None) => {
            replay.start(at)?;
            at
        }
    };
    replay.advance(at);
    if let Err(what) = line.and_then(|line| replay.take(line, at)) {
        say_error(replay, number, &what, at);
    }
    say_done(replay, at);
    Ok(())
}

/// A line without a time of its own is answered at the present one.
fn refuse(replay: &mut impl Replay, number: u64, what: &str) {
    let at = replay.now().unwrap_or_default();
    say_error(replay, number, what, at);
    say_done(replay, at);
}

fn say_error(replay: &mut impl Replay, number: u64, what: &str, at: MonoMs) {
    let line = json!({"t": seconds(at), "error": format!("line {number}: {what}")});
    replay.lines().push(line.to_string());
}

fn say_done(replay: &mut impl Replay, at: MonoMs) {
    replay.lines().push(format!("{{\"t\":{},\"done\":true}}", json!(seconds(at))));
}

/// `{"link": "up"}` and `{"reader": {"state": "down"}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpDown {
    /// It works from now on.
    Up,
    /// It does not.
    Down,
}

/// A line as far as it can be used: its time, if it has one, and what it says or why that cannot be used.
fn read<'a, L: Deserialize<'a> + Timed>(line: &'a [u8]) -> (Option<MonoMs>, Result<L, String>) {
    match serde_json::from_slice::<L>(line) {
        Ok(line) => match time(line.t()) {
            Ok(at) => (Some(at), Ok(line)),
            Err(error) => (None, Err(error)),
        },
        Err(error) => {
            let at = serde_json::from_slice::<Value>(line).ok().and_then(|value| value.get("t")?.as_f64());
            (at.and_then(|at| time(at).ok()), Err(error.to_string()))
        }
    }
}

fn time(t: f64) -> Result<MonoMs, String> {
    if !(-MOST_S..=MOST_S).contains(&t) {
        return Err(format!("t is {t}; it is a number of seconds between -{MOST_S} and {MOST_S}"));
    }
    Ok(MonoMs((t * 1000.0).round() as i64))
}

/// The time of a line that is said, seconds.
pub fn seconds(at: MonoMs) -> f64 {
    at.0 as f64 / 1000.0
}
