//! Serial ports of the readers: there, allowed, and not taken.

use super::Finding;
use crate::config::{Config, ReaderConfig};
use serialport::ErrorKind;
use std::time::Duration;

/// Opens each port for a moment; a reader notices nothing of it.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    if config.readers.is_empty() {
        return vec![Finding::ok("serial", "no reader is configured")];
    }
    config.readers.iter().map(check_reader).collect()
}

fn check_reader(reader: &ReaderConfig) -> Finding {
    let ReaderConfig { name, port, baud, .. } = reader;
    if port == "virtual" {
        return Finding::ok("serial", format!("reader \"{name}\" is virtual"));
    }
    let Err(error) = serialport::new(port, *baud).timeout(Duration::from_millis(100)).open() else {
        return Finding::ok("serial", format!("reader \"{name}\": {port} opens at {baud} baud"));
    };
    let message = format!("reader \"{name}\": {port} does not open ({})", error.description);
    match error.kind {
        ErrorKind::Io(std::io::ErrorKind::NotFound) => Finding::failed("serial", message, present_ports()),
        ErrorKind::Io(std::io::ErrorKind::PermissionDenied) => Finding::failed(
            "serial",
            message,
            "run the check as the user flextraff, or add this user to the group dialout",
        ),
        ErrorKind::NoDevice if std::path::Path::new(port).exists() => Finding::warning(
            "serial",
            format!("reader \"{name}\": {port} is in use"),
            "if that is not the running agent, stop the program that holds it",
        ),
        _ => Finding::failed("serial", message, "check the cable and the port in the configuration"),
    }
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
