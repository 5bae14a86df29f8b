//! `flextraff-agent lamps`: what a person at the cabinet does with the lamps.

use super::agent_socket::{ConnectError, ask};
use super::{FAILED, complain, load_site, print};
use crate::clock::Clock;
use crate::config::{Config, Driver};
use crate::console::protocol::{LampsState, Message, Request, line};
use crate::output::{self, ClearedFaults, FaultLatch, LampTest, OrderlyEnd, all_red, show_once};
use flextraff_common::time::MonoMs;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Between two writes of a lamp test.
const TICK: Duration = Duration::from_millis(50);

/// What to do, and with which agent.
#[derive(Debug, clap::Args)]
pub(super) struct LampsArgs {
    #[command(subcommand)]
    command: LampsCommand,
    /// The agent's socket, instead of the one that the configuration names
    #[arg(long, value_name = "FILE", global = true)]
    socket: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum LampsCommand {
    /// Print what the lamps of the running agent show, and the latched fault
    State {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Light each lamp of each head in turn, a second each
    ///
    /// Only while the signal flashes on request or shows the fault aspect, or while no agent runs. Nobody may be driving by these lamps.
    Test,
    /// Bring the signal to flash, through the due clearances; with --off back into operation, through start-up
    Flash {
        /// End flash
        #[arg(long)]
        off: bool,
    },
    /// Clear the latched fault, after its cause has been found; a running agent then starts up
    ClearFault,
}

pub(super) fn run(path: &Path, args: &LampsArgs) -> u8 {
    let config = match load_site(path) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let socket = args.socket.as_deref().unwrap_or(&config.console);
    let (request, json) = match args.command {
        LampsCommand::State { json } => (Request::LampState, json),
        LampsCommand::Test => (Request::LampTest, false),
        LampsCommand::Flash { off } => (Request::Flash { on: !off }, false),
        LampsCommand::ClearFault => (Request::ClearFault, false),
    };
    match (ask(socket, request), &args.command) {
        (Ok(message), _) => tell(&message, json),
        (Err(ConnectError::NoAgent { .. }), LampsCommand::ClearFault) => clear_fault(&config, socket),
        (Err(ConnectError::NoAgent { .. }), LampsCommand::Test) => test(&config),
        (Err(error), _) => {
            complain(&error.to_string());
            FAILED
        }
    }
}

fn tell(message: &Message, json: bool) -> u8 {
    match message {
        Message::Lamps(_) if json => print(line(message).trim_end()),
        Message::Lamps(state) => print(describe(state).trim_end()),
        Message::Done { detail } => print(detail),
        Message::Error { detail } => {
            complain(detail);
            FAILED
        }
        Message::Snapshot(_) | Message::Read(_) | Message::Unknown => {
            complain("the agent answers something else; this program and the agent should be of one version");
            FAILED
        }
    }
}

fn describe(state: &LampsState) -> String {
    let mut text = String::new();
    match &state.fault {
        Some(fault) => {
            let _ = writeln!(text, "Fault: {} ({})", fault.reason, fault.at);
        }
        None => text.push_str("No fault is latched.\n"),
    }
    let _ = writeln!(text, "Driver: {}; shown: {}", state.driver, state.shows);
    for found in state.tested.iter().flatten() {
        let _ = writeln!(text, "Last lamp test: {found}");
    }
    let Some(signal) = &state.signal else {
        text.push_str("No lamps have been shown yet.\n");
        return text;
    };
    for (group, aspect) in &signal.groups {
        let aspect = serde_json::to_value(aspect).unwrap_or_default();
        let _ = writeln!(text, "  {group}: {}", aspect.as_str().unwrap_or("?"));
    }
    text
}

/// Where no agent answers: the next one to start finds no fault. One may run all the same, without its socket; it keeps the fault until it ends.
fn clear_fault(config: &Config, socket: &Path) -> u8 {
    let latch = FaultLatch::of(config);
    let fault = latch.read();
    if let Some(fault) = &fault {
        let cleared = ClearedFaults::beside(&config.outbox.path);
        let noted = cleared.note(fault, &Clock::new(config.clock_trust).now());
        if let Err(error) = &noted {
            complain(&format!(
                "the next run will not tell that the fault was cleared: {error}; note it down"
            ));
        }
        if let Err(error) = latch.clear() {
            if let Ok(noted) = noted {
                noted.take_back();
            }
            complain(&format!("{error}; the fault stays"));
            if let Err(error) = latch.write(fault) {
                complain(&error.to_string());
            }
            return FAILED;
        }
        if let failed @ 1.. = print(&format!("Cleared: {} ({})", fault.reason, fault.at)) {
            return failed;
        }
    }
    let found = if fault.is_none() { "No fault is kept on the disk. " } else { "" };
    print(&format!(
        "{found}No agent answers at {}, so none was told: systemctl restart flextraff-agent starts it, or ends the fault that one shows which runs without this socket",
        socket.display()
    ))
}

/// Without an agent: this process drives the lamps itself, and leaves red.
fn test(config: &Config) -> u8 {
    match test_lamps(config) {
        Ok((lamps, found)) => {
            let done = format!("{lamps} lamps were lit; every head shows red now.");
            print(&[found, vec![done]].concat().join("\n"))
        }
        Err(error) => {
            complain(&format!("{error:#}"));
            FAILED
        }
    }
}

/// How many lamps were lit, and what the feedback has found.
fn test_lamps(config: &Config) -> anyhow::Result<(usize, Vec<String>)> {
    let clock = Clock::new(config.clock_trust);
    let mut output = output::open(&config.output, &config.junction)?;
    let stopped = super::told_to_stop()?;
    OrderlyEnd::forget(&OrderlyEnd::beside(&config.outbox.path));
    let mut test = LampTest::new(&config.junction, clock.mono());
    if config.output.driver != Driver::Virtual {
        complain(&format!("{} lamps are lit in turn, a second each; Ctrl-C ends it.", test.lamps()));
    }
    let mut enable = false;
    while let Some(lamps) = test.shows(clock.mono()) {
        enable = !enable;
        let (lit, at) = (output::lit_heads(&lamps, MonoMs(0)), clock.mono());
        output.show(&output::Frame { lamps: &lamps, lit: &lit, enable, identify: false, at })?;
        if stopped.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        test.look(&output.seen()?, clock.mono());
    }
    show_once(&mut *output, &all_red(config.junction.groups().len()), MonoMs(0))?;
    let names: Vec<String> = config.junction.groups().iter().map(|group| group.name.clone()).collect();
    Ok((test.lamps(), test.found(&names)))
}
