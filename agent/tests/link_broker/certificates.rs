//! Certificates whose time has not come or has passed, and clocks that are wrong.

use super::faults::dated_certificate;
use super::support::{Broker, certificate};
use super::{Agent, clock, connections, disconnected, folder, mqtt};
use flextraff_agent::config::MqttConfig;
use flextraff_common::time::{ClockState, Moment, UnixMs};
use std::path::Path;

const VALID: (&str, &str) = ("20240101000000Z", "20400101000000Z");
/// 2025-01-01.
const WITHIN: UnixMs = UnixMs(1_735_689_600_000);

/// A broker whose certificate is valid from 2024 to 2040, and how to reach it.
fn broker(folder: &Path, more: &str) -> (Broker, MqttConfig) {
    let ca = folder.join("ca.pem");
    certificate(folder, "ca", "/CN=Test authority", &[]);
    let (pem, key) = dated_certificate(folder, "broker", "IP:127.0.0.1", VALID);
    let lines =
        format!("cafile {}\ncertfile {}\nkeyfile {}\n{more}", ca.display(), pem.display(), key.display());
    let broker = Broker::start_with(folder, &lines);
    let known = MqttConfig { tls: true, ca_file: Some(ca), ..mqtt(broker.port) };
    (broker, known)
}

fn wrong(wall: i64) -> impl Fn() -> Moment {
    let clock = clock();
    move || {
        let now = clock();
        Moment { wall: UnixMs(wall + now.mono.0), clock: ClockState::Unsynced, ..now }
    }
}

/// A Pi that has just booted.
fn of_1970() -> impl Fn() -> Moment {
    wrong(12_000)
}

/// Somebody has set the year wrongly.
fn of_2070() -> impl Fn() -> Moment {
    wrong(3_155_760_000_000)
}

/// In 1970 until a time server is reached, after some seconds.
fn soon_right() -> impl Fn() -> Moment {
    let (early, right) = (wrong(12_000), clock());
    move || {
        let now = right();
        if now.mono.0 < 4000 { early() } else { now }
    }
}

#[test]
fn a_clock_of_1970_is_named_and_the_connection_waits_for_the_time() {
    let folder = folder();
    let (_broker, known) = broker(folder.path(), "");
    let mut agent = Agent::start_at(folder.path(), known, UnixMs(0), soon_right);
    agent.serve_until("the refusal", |agent| {
        disconnected(
            agent,
            "is not valid yet; correct this computer's date: the certificate begins at 2024-01-01",
        ) && disconnected(agent, "this computer's clock says 1970-01-01T00:00:1")
            && disconnected(agent, "is not synchronised")
    });
    assert_eq!(connections(&agent), 0);
    agent.serve_until("the connection, without a restart", |agent| connections(agent) == 1);
    agent.stop();
}

#[test]
fn what_is_known_to_have_passed_lets_a_clock_of_1970_connect() {
    let folder = folder();
    let (_broker, known) = broker(folder.path(), "");
    let mut agent = Agent::start_at(folder.path(), known, WITHIN, of_1970);
    agent.serve_until("the connection", |agent| connections(agent) == 1);
    assert!(!disconnected(&agent, ""), "{:?}", agent.seen);
    agent.stop();
}

#[test]
fn no_clock_makes_a_certificate_valid_that_has_expired_before() {
    let folder = folder();
    let (_broker, known) = broker(folder.path(), "");
    let after = UnixMs(2_300_000_000_000);
    let mut agent = Agent::start_at(folder.path(), known, after, of_1970);
    agent.serve_until("the refusal", |agent| {
        disconnected(agent, "has expired; renew it at the broker: it ended at 2040-01-01")
            && disconnected(agent, "is not synchronised and far behind; it is at least 2042-")
    });
    assert_eq!(connections(&agent), 0);
    agent.stop();
}

#[test]
fn a_clock_that_is_far_ahead_is_named() {
    let folder = folder();
    let (_broker, known) = broker(folder.path(), "");
    let mut agent = Agent::start_at(folder.path(), known, WITHIN, of_2070);
    agent.serve_until("the refusal", |agent| {
        disconnected(agent, "it ended at 2040-01-01")
            && disconnected(agent, "this computer's clock says 2070-01-01T")
            && disconnected(agent, "correct the date if that is wrong")
    });
    assert_eq!(connections(&agent), 0);
    agent.stop();
}

#[test]
fn the_devices_own_certificate_out_of_its_time_is_named() {
    let folder = folder();
    let (_broker, known) = broker(folder.path(), "require_certificate true");
    let past = ("20200101000000Z", "20210101000000Z");
    let future = ("20700101000000Z", "20710101000000Z");
    for (name, dates, words) in [
        ("past", past, "this device's certificate has expired; put a new one at cert_file"),
        ("future", future, "does not accept this device's certificate"),
    ] {
        let (cert, key) = dated_certificate(folder.path(), name, "DNS:device", dates);
        let own = MqttConfig { cert_file: Some(cert), key_file: Some(key), ..known.clone() };
        let mut agent = Agent::start(folder.path(), own);
        agent.serve_until(name, |agent| disconnected(agent, words));
        assert_eq!(connections(&agent), 0);
        agent.stop();
    }
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let folder = folder();
    let (_broker, known) = broker(folder.path(), "");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (empty, broken) = (file("empty.pem", ""), file("broken.pem", "-----BEGIN CERTIFICATE-----\nx\n"));
    let own = folder.path().join("broker.pem");
    let cases = [
        (MqttConfig { ca_file: Some(empty.clone()), ..known.clone() }, "ca_file"),
        (MqttConfig { ca_file: Some(broken), ..known.clone() }, "give a PEM file"),
        (
            MqttConfig { cert_file: Some(own.clone()), key_file: Some(empty), ..known.clone() },
            "has no key that can be used",
        ),
        (
            MqttConfig { cert_file: Some(own), key_file: Some(folder.path().join("ca.key")), ..known },
            "do not belong together",
        ),
    ];
    for (config, words) in cases {
        let mut agent = Agent::start(folder.path(), config);
        agent.serve_until(words, |agent| disconnected(agent, words));
        agent.stop();
    }
}
