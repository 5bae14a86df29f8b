//! The broker: the files for it are there and private, its address resolves, its port answers, and it accepts the device.

use super::Finding;
use crate::clock::{self, Clock};
use crate::config::{Config, MqttConfig};
use crate::link;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Permission of all users to read a file.
const OTHERS_READ: u32 = 0o004;

/// Connects as the agent would, under a client id of its own, and says goodbye.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let Some(mqtt) = &config.mqtt else {
        return vec![Finding::ok("broker", "no broker is configured; the agent works alone")];
    };
    let files = [("ca_file", &mqtt.ca_file), ("cert_file", &mqtt.cert_file), ("key_file", &mqtt.key_file)];
    let mut findings = Vec::new();
    if mqtt.is_exposed() {
        findings.push(Finding::warning(
            "broker",
            "the connection to the broker is not encrypted: whoever is on the way can read the counts and the password, and send plans to the lamps",
            "write mqtts:// in url of [mqtt], with the port of the broker's TLS, mostly 8883",
        ));
    }
    let pem =
        files.into_iter().filter_map(|(key, file)| file.as_deref().and_then(|file| check_pem(key, file)));
    findings.extend(pem);
    let secret = [("password_file", &mqtt.password_file), ("key_file", &mqtt.key_file)];
    findings.extend(
        secret.into_iter().filter_map(|(key, file)| file.as_deref().and_then(|file| check_mode(key, file))),
    );
    findings.push(reach(mqtt).unwrap_or_else(|| accepted(mqtt, config)));
    findings
}

fn check_mode(key: &str, file: &Path) -> Option<Finding> {
    // A file that cannot be looked at is reported where it is read.
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & OTHERS_READ != 0).then(|| {
        let shown = file.display();
        Finding::warning(
            "broker",
            format!("every user may read {key} {shown}"),
            format!("chmod 640 {shown}; chown root:flextraff {shown}"),
        )
    })
}

fn accepted(mqtt: &MqttConfig, config: &Config) -> Finding {
    let address = format!("{}:{}", mqtt.host, mqtt.port);
    let now = Clock::new(config.clock_trust).now();
    match link::probe(mqtt, config.device, &now, clock::earliest()) {
        Ok(()) => Finding::ok("broker", format!("{address} accepts the device")),
        Err(reason) => {
            let (cause, way_out) = reason.split_once("; ").unwrap_or((&reason, "look at the broker's log"));
            Finding::failed("broker", format!("{address}: {cause}"), way_out)
        }
    }
}

fn check_pem(key: &str, file: &Path) -> Option<Finding> {
    let shown = file.display();
    match std::fs::read(file) {
        Ok(bytes) if bytes.windows(11).any(|window| window == b"-----BEGIN ") => None,
        Ok(_) => Some(Finding::failed(
            "broker",
            format!("{key} {shown} is no PEM file"),
            "give a file that begins with -----BEGIN",
        )),
        Err(error) => Some(Finding::failed(
            "broker",
            format!("{key} {shown} cannot be read ({error})"),
            "correct the path, or make it readable for the user flextraff",
        )),
    }
}

/// Why no TCP connection can be made, if none can.
fn reach(mqtt: &MqttConfig) -> Option<Finding> {
    let address = format!("{}:{}", mqtt.host, mqtt.port);
    let addresses = match (mqtt.host.as_str(), mqtt.port).to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(error) => {
            return Some(Finding::failed(
                "broker",
                format!("the name {} does not resolve ({error})", mqtt.host),
                "check url of [mqtt] and the network; counts wait in the outbox until the broker is reached",
            ));
        }
    };
    let mut refused = "it has no address".to_owned();
    for socket in addresses {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(_) => return None,
            Err(error) => refused = error.to_string(),
        }
    }
    Some(Finding::failed(
        "broker",
        format!("{address} does not answer ({refused})"),
        "check url of [mqtt], the network and the broker; counts wait in the outbox until it is reached",
    ))
}
