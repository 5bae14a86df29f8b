//! Readers: their ports are there, allowed and not taken, and what is at the end of them.

use super::super::agent_socket;
use super::Finding;
use crate::clock::Clock;
use crate::config::{Config, NamesAntenna, Protocol, ReaderConfig, ReaderMode, TCP};
use crate::reader::port::{Line, OpenError};
use crate::reader::prober::{Probe, Prober};
use flextraff_common::wire::{ReaderState, ReaderStatus};
use serialport::ErrorKind;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a line is tried at all speeds and with all questions.
const ROUNDS: u32 = 1;
const READ_WAIT: Duration = Duration::from_millis(50);

/// Opens each port and asks the reader who it is; a port that the running agent holds is left alone, and the agent asked instead.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    if config.readers.is_empty() {
        return vec![Finding::ok("serial", "no reader is configured")];
    }
    let clock = Clock::new(config.clock_trust);
    let running =
        agent_socket::snapshot(&config.console).map_or_else(Vec::new, |snapshot| snapshot.status.readers);
    let check = |reader: &ReaderConfig| {
        let status = running.iter().find(|status| status.name == reader.name);
        [Some(check_reader(reader, status, &clock)), unnamed(reader), status.and_then(unmapped)]
    };
    config.readers.iter().flat_map(check).flatten().collect()
}

/// Antennas may go unnamed, and nothing says which lane that is then.
fn unnamed(reader: &ReaderConfig) -> Option<Finding> {
    let lanes = &reader.lanes;
    if lanes.default.is_some() || reader.protocol.names_antenna() != NamesAntenna::Sometimes {
        return None;
    }
    let (name, protocol) = (&reader.name, reader.protocol.name());
    Some(Finding::warning(
        "serial",
        format!(
            "reader \"{name}\": some readers of protocol {protocol} name no antenna, and such reads belong to no lane"
        ),
        "add default, the lane of such reads, to its lanes",
    ))
}

/// Reads that the running agent could not count.
fn unmapped(status: &ReaderStatus) -> Option<Finding> {
    (status.unmapped > 0).then(|| {
        Finding::warning(
            "serial",
            format!("reader \"{}\": {} reads belong to no lane and were not counted", status.name, status.unmapped),
            "add their antenna to its lanes, or default for those that name none; the agent's log names the first",
        )
    })
}

/// `status`: what the running agent says of the reader.
fn check_reader(reader: &ReaderConfig, status: Option<&ReaderStatus>, clock: &Clock) -> Finding {
    let ReaderConfig { name, port, baud, .. } = reader;
    if port == "virtual" {
        return Finding::ok("serial", format!("reader \"{name}\" is virtual"));
    }
    // A second connection would take the reader's answers from the first.
    if let Some(status) = status.filter(|status| port.starts_with(TCP) && status.state != ReaderState::Down) {
        return as_the_agent_says(reader, status);
    }
    let error = match Line::open(port, *baud) {
        Ok(line) => return found(reader, line, clock),
        Err(error) => error,
    };
    let message = format!("reader \"{name}\": {port} does not open ({error})");
    let OpenError::Serial(cause) = &error else {
        return Finding::failed("serial", message, error.way_out());
    };
    match cause.kind {
        ErrorKind::Io(io::ErrorKind::NotFound) => Finding::failed("serial", message, present_ports()),
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => Finding::failed(
            "serial",
            message,
            "run the check as the user flextraff, or add this user to the group dialout",
        ),
        ErrorKind::NoDevice if Path::new(port).exists() => match (status, holder(Path::new(port))) {
            (Some(status), _) if status.state != ReaderState::Down => as_the_agent_says(reader, status),
            (_, Some(holder)) => Finding::failed(
                "serial",
                format!("reader \"{name}\": {port} is in use by {holder}"),
                "stop that program, and keep it from starting again",
            ),
            (_, None) => Finding::failed(
                "serial",
                format!("reader \"{name}\": {port} is in use by another program"),
                format!("find it with sudo fuser -v {port}, and stop it"),
            ),
        },
        _ => Finding::failed("serial", message, "check the cable and the port in the configuration"),
    }
}

/// What the agent that has the port open knows of its reader.
fn as_the_agent_says(reader: &ReaderConfig, status: &ReaderStatus) -> Finding {
    let message = format!("reader \"{}\": the running agent has {} open", reader.name, reader.port);
    match &status.detail {
        Some(detail) => {
            let (what, action) = detail.split_once("; ").unwrap_or((detail, "see flextraff-agent monitor"));
            Finding::warning("serial", format!("{message}; {what}"), action)
        }
        None if status.state == ReaderState::Silent => Finding::warning(
            "serial",
            format!("{message} and hears nothing"),
            "check the reader's power and cable",
        ),
        None => Finding::ok("serial", message),
    }
}

/// The program that has a device open, as far as this user may see it.
fn holder(device: &Path) -> Option<String> {
    let device = std::fs::canonicalize(device).ok()?;
    let own = std::process::id().to_string();
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let id = process.file_name().into_string().unwrap_or_default();
        if id == own || !id.starts_with(|digit: char| digit.is_ascii_digit()) {
            continue;
        }
        let Ok(open) = std::fs::read_dir(process.path().join("fd")) else { continue };
        if open.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|target| target == device)) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {id})", name.trim()));
        }
    }
    None
}

fn found(reader: &ReaderConfig, mut line: Line, clock: &Clock) -> Finding {
    let ReaderConfig { name, port, protocol, mode, .. } = reader;
    let wanted = match probe(reader, *protocol, &mut line, clock) {
        Ok(None) if *protocol != Protocol::Auto => {
            probe(reader, Protocol::Auto, &mut line, clock).map(|found| found.map(|found| (found, true)))
        }
        found => found.map(|found| found.map(|found| (found, false))),
    };
    match wanted {
        Ok(Some(((found, baud), is_other))) => {
            let at = baud.map_or_else(String::new, |baud| format!(" at {baud} baud"));
            let message = format!("reader \"{name}\": {port} has a reader of protocol {}{at}", found.name());
            if is_other { other(reader, &message, found, baud) } else { Finding::ok("serial", message) }
        }
        // It may have nothing to say: it is never asked.
        Ok(None) if *mode == ReaderMode::Listen || matches!(protocol, Protocol::Ascii | Protocol::Cc) => {
            Finding::ok("serial", format!("reader \"{name}\": {port} opens; nothing was read meanwhile"))
        }
        Ok(None) => Finding::warning(
            "serial",
            format!("reader \"{name}\": {port} opens, but no reader is heard at any usual speed"),
            "check the reader's power and its cable; it may also be set to a speed that is not usual",
        ),
        Err(error) => Finding::failed(
            "serial",
            format!("reader \"{name}\": {port} opens, and is gone at once ({error})"),
            "check the cable",
        ),
    }
}

/// A reader is there that the configuration does not describe.
fn other(reader: &ReaderConfig, message: &str, found: Protocol, baud: Option<u32>) -> Finding {
    let mut wrong = Vec::new();
    let mut keys = Vec::new();
    if found != reader.protocol {
        wrong.push(format!("protocol {}", reader.protocol.name()));
        keys.push(format!("protocol = \"{}\"", found.name()));
    }
    if let Some(baud) = baud.filter(|baud| *baud != reader.baud) {
        wrong.push(format!("{} baud", reader.baud));
        keys.push(format!("baud = {baud}"));
    }
    if keys.is_empty() {
        // It was heard on second thought.
        return Finding::ok("serial", message);
    }
    let message = format!("{message}, not {}", wrong.join(" at "));
    Finding::failed("serial", message, format!("set {}", keys.join(" and ")))
}

fn probe(
    reader: &ReaderConfig,
    protocol: Protocol,
    line: &mut Line,
    clock: &Clock,
) -> io::Result<Option<(Protocol, Option<u32>)>> {
    let first = (!reader.port.starts_with(TCP)).then_some(reader.baud);
    let mut prober = Prober::new(protocol, first, reader.antenna_byte, reader.mode, clock.mono());
    let mut buffer = [0; 1024];
    while prober.rounds() < ROUNDS {
        for probe in prober.take_probes() {
            match probe {
                Probe::Baud(baud) => line.set_baud(baud)?,
                Probe::Ask(question) => line.write(&question)?,
            }
        }
        let bytes = if line.wait(READ_WAIT)? { line.read(&mut buffer)? } else { 0 };
        let found = if bytes == 0 { None } else { prober.feed(&buffer[..bytes], clock.mono()) };
        if let Some(found) = found.or_else(|| prober.handle_timeout(clock.mono())) {
            return Ok(Some((found.protocol, found.baud)));
        }
    }
    Ok(None)
}

fn present_ports() -> String {
    let ports: Vec<String> =
        serialport::available_ports().unwrap_or_default().into_iter().map(|port| port.port_name).collect();
    if ports.is_empty() {
        "plug the reader in; no serial port is present".to_owned()
    } else {
        format!("plug the reader in, or set port to one that is present: {}", ports.join(", "))
    }
}
