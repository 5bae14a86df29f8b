//! Readers: their ports are there, allowed and not taken, and what is at the end of them.

use super::Finding;
use crate::clock::Clock;
use crate::config::{Config, Protocol, ReaderConfig, ReaderMode, TCP};
use crate::reader::port::{Line, OpenError};
use crate::reader::prober::{Probe, Prober};
use serialport::ErrorKind;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a line is tried at all speeds and with all questions.
const ROUNDS: u32 = 1;
const READ_WAIT: Duration = Duration::from_millis(50);

/// Opens each port and asks the reader who it is; a port that the running agent holds is left alone.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    if config.readers.is_empty() {
        return vec![Finding::ok("serial", "no reader is configured")];
    }
    let clock = Clock::new(config.clock_trust);
    config.readers.iter().map(|reader| check_reader(reader, &clock)).collect()
}

fn check_reader(reader: &ReaderConfig, clock: &Clock) -> Finding {
    let ReaderConfig { name, port, baud, .. } = reader;
    if port == "virtual" {
        return Finding::ok("serial", format!("reader \"{name}\" is virtual"));
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
        ErrorKind::NoDevice if Path::new(port).exists() => Finding::warning(
            "serial",
            format!("reader \"{name}\": {port} is in use"),
            "if that is not the running agent, stop the program that holds it",
        ),
        _ => Finding::failed("serial", message, "check the cable and the port in the configuration"),
    }
}

fn found(reader: &ReaderConfig, mut line: Line, clock: &Clock) -> Finding {
    let ReaderConfig { name, port, protocol, mode, .. } = reader;
    match probe(reader, &mut line, clock) {
        Ok(Some((protocol, baud))) => {
            let baud = baud.map_or_else(String::new, |baud| format!(" at {baud} baud"));
            Finding::ok(
                "serial",
                format!("reader \"{name}\": {port} has a reader of protocol {}{baud}", protocol.name()),
            )
        }
        // It may have nothing to say: it is never asked.
        Ok(None) if *mode == ReaderMode::Listen || matches!(protocol, Protocol::Ascii | Protocol::Cc) => {
            Finding::ok("serial", format!("reader \"{name}\": {port} opens; nothing was read meanwhile"))
        }
        Ok(None) => Finding::warning(
            "serial",
            format!(
                "reader \"{name}\": {port} opens, but no reader of protocol {} is heard",
                protocol.name()
            ),
            "check the reader's power and cable, protocol and baud",
        ),
        Err(error) => Finding::failed(
            "serial",
            format!("reader \"{name}\": {port} opens, and is gone at once ({error})"),
            "check the cable",
        ),
    }
}

fn probe(
    reader: &ReaderConfig,
    line: &mut Line,
    clock: &Clock,
) -> io::Result<Option<(Protocol, Option<u32>)>> {
    let first = (!reader.port.starts_with(TCP)).then_some(reader.baud);
    let mut prober = Prober::new(reader.protocol, first, reader.antenna_byte, reader.mode, clock.mono());
    let mut buffer = [0; 1024];
    while prober.rounds() < ROUNDS {
        for probe in prober.take_probes() {
            match probe {
                Probe::Baud(baud) => line.set_baud(baud)?,
                Probe::Ask(question) => line.write(&question)?,
            }
        }
        let found = match line.read(&mut buffer, READ_WAIT) {
            Ok(bytes) => prober.feed(&buffer[..bytes], clock.mono()),
            Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::Interrupted) => {
                None
            }
            Err(error) => return Err(error),
        };
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
