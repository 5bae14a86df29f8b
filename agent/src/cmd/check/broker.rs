//! The broker: its address resolves, its port answers, the files for its certificate are there.

use super::Finding;
use crate::config::{Config, MqttConfig};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens a TCP connection and closes it; nothing is said to the broker.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let Some(mqtt) = &config.mqtt else {
        return vec![Finding::ok("broker", "no broker is configured; the agent works alone")];
    };
    let files = [("ca_file", &mqtt.ca_file), ("cert_file", &mqtt.cert_file), ("key_file", &mqtt.key_file)];
    let mut findings: Vec<Finding> = files
        .into_iter()
        .filter_map(|(key, file)| file.as_deref().and_then(|file| check_pem(key, file)))
        .collect();
    findings.push(reach(mqtt));
    findings
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

fn reach(mqtt: &MqttConfig) -> Finding {
    let address = format!("{}:{}", mqtt.host, mqtt.port);
    let addresses = match (mqtt.host.as_str(), mqtt.port).to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(error) => {
            return Finding::failed(
                "broker",
                format!("the name {} does not resolve ({error})", mqtt.host),
                "check url of [mqtt] and the network; counts wait in the outbox until the broker is reached",
            );
        }
    };
    let mut refused = "it has no address".to_owned();
    for socket in addresses {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(_) => return Finding::ok("broker", format!("{address} answers")),
            Err(error) => refused = error.to_string(),
        }
    }
    Finding::failed(
        "broker",
        format!("{address} does not answer ({refused})"),
        "check url of [mqtt], the network and the broker; counts wait in the outbox until it is reached",
    )
}
