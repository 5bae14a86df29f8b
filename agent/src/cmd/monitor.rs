//! `flextraff-agent monitor`: what the running agent reads, counts, shows and thinks.

mod cells;
mod connection;
mod lines;
mod screen;
mod table;

use super::{FAILED, OK, USAGE, complain, load, print};
use crate::clock::Clock;
use crate::config::ClockTrust;
use crate::console::protocol::{Message, Snapshot, TagRead, read_message};
use connection::{Input, connect};
use lines::Lines;
use screen::Screen;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Reads that are remembered for the screen.
const REMEMBERED_READS: usize = 200;
/// Time between two drawings, milliseconds: a flood of reads must not become one of drawings.
const DRAWING_MS: i64 = 100;
/// An agent that lives says something within this time: it tells a snapshot each second.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// How to look.
#[derive(Debug, clap::Args)]
pub(super) struct MonitorArgs {
    /// One line for each read and each change, without colours; what is printed when the output is no terminal
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// The lines of the agent as they come, one JSON object each
    #[arg(long)]
    json: bool,
    /// Print how everything is now, and end
    #[arg(long)]
    once: bool,
    /// The agent's socket, instead of the one that the configuration names
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
}

/// Why looking ended before it was told to.
#[derive(Debug, thiserror::Error)]
enum MonitorError {
    #[error("{0}")]
    Agent(String),
    #[error(
        "the agent has closed the connection: it has ended, or was not read from in time; systemctl status flextraff-agent tells"
    )]
    Closed,
    #[error("the agent says nothing; journalctl -u flextraff-agent may tell why")]
    Silent,
    #[error("the agent's line cannot be understood ({0}); monitor and agent should be of one version")]
    Foreign(#[from] flextraff_common::wire::WireError),
    #[error("{0}")]
    Output(#[from] io::Error),
}

pub(super) fn run(config: &Path, args: &MonitorArgs) -> u8 {
    let socket = match &args.socket {
        Some(socket) => socket.clone(),
        None => match load(config) {
            Ok(config) => config.console,
            Err(code) => return code,
        },
    };
    if socket.as_os_str().is_empty() {
        complain("--socket is empty; name the agent's socket");
        return USAGE;
    }
    let inputs = match connect(&socket) {
        Ok(inputs) => inputs,
        Err(error) => {
            complain(&error.to_string());
            return FAILED;
        }
    };
    let shown = match (args.once, args.json, args.plain || !io::stdout().is_terminal()) {
        (true, json, _) => once(&inputs, json),
        (false, true, _) => pass_on(&inputs),
        (false, false, true) => tell(&inputs),
        (false, false, false) => draw(&inputs),
    };
    match shown {
        Ok(()) => OK,
        Err(MonitorError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => OK,
        Err(error) => {
            complain(&error.to_string());
            FAILED
        }
    }
}

/// What the agent says next; none when it is time to end.
fn next_line(inputs: &Receiver<Input>, wait: Duration) -> Result<Option<Vec<u8>>, MonitorError> {
    loop {
        return match inputs.recv_timeout(wait) {
            Ok(Input::Line(line)) => Ok(Some(line)),
            Ok(Input::Resized) => continue,
            Ok(Input::Stop) => Ok(None),
            Ok(Input::Closed) | Err(RecvTimeoutError::Disconnected) => Err(MonitorError::Closed),
            Err(RecvTimeoutError::Timeout) => Err(MonitorError::Silent),
        };
    }
}

fn understood(line: &[u8]) -> Result<Message, MonitorError> {
    match read_message(line)? {
        Message::Error { detail } => Err(MonitorError::Agent(detail)),
        message => Ok(message),
    }
}

fn once(inputs: &Receiver<Input>, json: bool) -> Result<(), MonitorError> {
    while let Some(line) = next_line(inputs, ANSWERS_WITHIN)? {
        let Message::Snapshot(snapshot) = understood(&line)? else { continue };
        let text = if json {
            String::from_utf8_lossy(&line).trim_end().to_owned()
        } else {
            let view = View { snapshot: Some(*snapshot), reads: VecDeque::new() };
            table::rows(&view).iter().map(cells::Row::plain).collect::<Vec<_>>().join("\n")
        };
        print(&text);
        return Ok(());
    }
    Ok(())
}

fn pass_on(inputs: &Receiver<Input>) -> Result<(), MonitorError> {
    while let Some(line) = next_line(inputs, ANSWERS_WITHIN)? {
        let message = understood(&line);
        write_line(String::from_utf8_lossy(&line).trim_end())?;
        message?;
    }
    Ok(())
}

fn tell(inputs: &Receiver<Input>) -> Result<(), MonitorError> {
    let mut lines = Lines::default();
    while let Some(line) = next_line(inputs, ANSWERS_WITHIN)? {
        for text in lines.handle(&understood(&line)?) {
            write_line(&text)?;
        }
    }
    Ok(())
}

fn write_line(text: &str) -> io::Result<()> {
    use io::Write as _;
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// What the screen shows.
#[derive(Debug, Default)]
struct View {
    snapshot: Option<Snapshot>,
    /// The newest first.
    reads: VecDeque<TagRead>,
}

impl View {
    fn handle(&mut self, message: Message) {
        match message {
            Message::Snapshot(snapshot) => self.snapshot = Some(*snapshot),
            Message::Read(read) => {
                self.reads.truncate(REMEMBERED_READS - 1);
                self.reads.push_front(read);
            }
            Message::Lamps(_) | Message::Done { .. } | Message::Error { .. } | Message::Unknown => {}
        }
    }
}

fn draw(inputs: &Receiver<Input>) -> Result<(), MonitorError> {
    let clock = Clock::new(ClockTrust::Always);
    let mut view = View::default();
    let _screen = Screen::open()?;
    loop {
        screen::draw(&table::rows(&view))?;
        let mut wait = ANSWERS_WITHIN;
        let until = clock.mono() + DRAWING_MS;
        // The first thing that happens is waited for, what follows it within a moment goes into the same drawing.
        loop {
            match inputs.recv_timeout(wait) {
                Ok(Input::Line(line)) => view.handle(understood(&line)?),
                Ok(Input::Resized) => {}
                Ok(Input::Stop) => return Ok(()),
                Ok(Input::Closed) | Err(RecvTimeoutError::Disconnected) => return Err(MonitorError::Closed),
                Err(RecvTimeoutError::Timeout) if wait == ANSWERS_WITHIN => return Err(MonitorError::Silent),
                Err(RecvTimeoutError::Timeout) => break,
            }
            wait = Duration::from_millis(until.since(clock.mono()).max(0).unsigned_abs());
        }
    }
}
