//! The commented example documents every key: as it stands it is the defaults, and every example in it is accepted.

#[path = "support/example.rs"]
mod example;

use example::{CHIP, with_every_key};
use flextraff_agent::config::{
    Accept, AntennaByte, ClockTrust, Driver, LinkDirection, Privacy, Protocol, ReaderMode, Region, load,
    parse,
};
use flextraff_common::junction::{FaultAspect, StageOrder};
use flextraff_common::wire::DeviceType;
use std::path::Path;

/// Only what has no default.
const BARE: &str = r#"
[junction]
id = "11111111-1111-4111-8111-111111111111"
name = "Example junction"
[device]
id = "22222222-2222-4222-8222-222222222222"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
direction = "N"
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "S"
direction = "S"
[[lane]]
id = "33333333-3333-4333-8333-000000000003"
name = "E"
direction = "E"
[[lane]]
id = "33333333-3333-4333-8333-000000000004"
name = "W"
direction = "W"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "S"
lanes = ["S"]
[[stage]]
name = "E"
lanes = ["E"]
[[stage]]
name = "W"
lanes = ["W"]
"#;

#[test]
fn the_example_is_the_defaults() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/agent.toml"));
    let example = load(path).unwrap_or_else(|errors| panic!("{errors}"));
    let bare = parse(Path::new("bare.toml"), BARE).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(example.to_toml().unwrap(), bare.to_toml().unwrap());
    assert_eq!(example.hash, bare.hash);
    assert_eq!(example.hash.len(), 16);
    assert_eq!(example.time_zone.name(), "Asia/Kolkata");
    assert_eq!(example.clock_trust, ClockTrust::Kernel);
    assert_eq!(example.device_type, DeviceType::LightController);
    assert_eq!(example.privacy, Privacy::Raw);
    assert_eq!(example.output.driver, Driver::Virtual);
    assert!(example.output.active_high && example.output.pins.is_empty() && example.mqtt.is_none());
    let counting = example.counting;
    assert_eq!((counting.settle_ms, counting.absence_ms, counting.interval_ms), (1000, 10_000, 5000));
    assert_eq!(counting.accept, Accept::Fastag);
    assert!(example.events);
    assert_eq!(example.console, Path::new("/run/flextraff/agent.sock"));
    assert_eq!(example.outbox.path, Path::new("/var/lib/flextraff/outbox.sqlite"));
    assert_eq!((example.outbox.max_bytes, example.outbox.flush_ms), (512_000_000, 1000));
    let signal = example.junction.signal;
    assert_eq!((signal.amber_ms, signal.all_red_ms, signal.red_amber_ms), (3000, 2000, 0));
    assert_eq!((signal.longest_red_s, signal.stage_order), (180, StageOrder::Fixed));
    assert_eq!(signal.fault_aspect, FaultAspect::FlashAmber);
    assert!(signal.startup_flash_s + signal.startup_all_red_s <= 20);
}

#[test]
fn every_example_is_accepted() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "s3cret\n").unwrap();
    let text = with_every_key(password.path());
    let config = parse(Path::new("agent.toml"), &text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.device_type, DeviceType::Junction);
    let reader = &config.readers[0];
    assert_eq!((reader.protocol, reader.baud), (Protocol::Uhfreader, 57_600));
    assert_eq!(
        (reader.antenna_byte, reader.power_dbm, reader.session, reader.region),
        (Some(AntennaByte::Mask), Some(30), Some(1), Some(Region::In))
    );
    assert_eq!((reader.mode, reader.silence_ms), (ReaderMode::Drive, 90_000));
    assert_eq!(reader.lanes.watch(Some(7)), reader.lanes.watch(Some(1)), "other ports are the default's");
    assert_ne!(reader.lanes.watch(Some(2)), reader.lanes.watch(Some(1)), "port 2 watches the advance zone");
    let mqtt = config.mqtt.as_ref().expect("the example has a broker");
    assert_eq!((mqtt.host.as_str(), mqtt.port, mqtt.tls), ("broker.example.org", 8883, true));
    assert_eq!(mqtt.password.as_ref().map(|secret| secret.0.as_str()), Some("s3cret"));
    assert_eq!(config.junction.groups().len(), 5);
    let walk = &config.junction.groups()[4];
    assert_eq!((walk.walk_ms, walk.clearance_ms, walk.button), (7000, 10_000, true));
    assert_eq!(config.output.buttons, [None, None, None, None, Some(18)]);
    let input = config.output.input;
    assert_eq!((input.panel, input.advance, input.flash, input.door), (Some(5), Some(6), Some(4), Some(2)));
    assert_eq!((input.active_high, input.longest_panel_s), (false, 3600));
    assert_eq!(config.links[0].direction, LinkDirection::To);
    assert_eq!(config.fallback[0].days, [true, true, true, true, true, false, false]);
    assert_eq!((config.fallback[0].from_min, config.fallback[0].to_min), (420, 630));
    assert_eq!(config.fallback[0].greens, [35, 35, 20, 20, 0]);
}

#[test]
fn every_example_is_accepted_with_lamps_too() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "s3cret").unwrap();
    for (driver, more) in [("rppal", ""), ("gpiochip", CHIP)] {
        let text = with_every_key(password.path())
            .replace("driver = \"virtual\"", &format!("driver = \"{driver}\""))
            .replace("socket = \"/run/flextraff/lamps.sock\"", more);
        let config = parse(Path::new("agent.toml"), &text).unwrap_or_else(|errors| panic!("{errors}"));
        let output = &config.output;
        assert_eq!(output.pins.len(), 5);
        assert_eq!(output.pins[1].red, Some(17), "pins follow the order of the groups");
        assert_eq!((output.feedback[0].red, output.feedback[1].red), (Some(12), None));
        assert_eq!((output.enable_pin, output.identify_pin), (Some(7), Some(8)));
        assert_eq!(output.chip.is_some(), driver == "gpiochip");
    }
}

#[test]
fn the_effective_configuration_loads_again_and_hides_the_password() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "s3cret\n").unwrap();
    let text = with_every_key(password.path());
    let config = parse(Path::new("agent.toml"), &text).unwrap_or_else(|errors| panic!("{errors}"));
    let effective = config.to_toml().unwrap();
    assert!(!effective.contains("s3cret"), "{effective}");
    let again = parse(Path::new("effective.toml"), &effective).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(again.to_toml().unwrap(), effective);
    assert_eq!(again.hash, config.hash);
    std::fs::write(password.path(), "another\n").unwrap();
    let other = parse(Path::new("agent.toml"), &text).unwrap();
    assert_eq!(other.hash, config.hash, "a secret does not enter the hash");
    let slower = parse(Path::new("agent.toml"), &text.replace("amber_s = 3.0", "amber_s = 3.5")).unwrap();
    assert_ne!(slower.hash, config.hash);
}

/// As a simulator writes it: whole and decimal seconds mixed, several lanes an approach, arrows, links, readers without a port.
#[test]
fn a_generated_junction_loads() {
    let text = r#"
[junction]
id = "5c8a4c6e-0f5e-4f0a-9d3c-6c5b8a0f1e2d"
name = "cologne3 360082"

[device]
id = "6c8a4c6e-0f5e-4f0a-9d3c-6c5b8a0f1e2d"

[[lane]]
id = "7c8a4c6e-0f5e-4f0a-9d3c-6c5b8a0f1e2d"
name = "N1"
direction = "N"
speed_kmh = 50.0
stop_zone_m = 0.2
advance_m = 118.4

[[lane]]
id = "8c8a4c6e-0f5e-4f0a-9d3c-6c5b8a0f1e2d"
name = "W1"
direction = "W"
speed_kmh = 30.6
stop_zone_m = 12

[[group]]
name = "N1a"
kind = "vehicle"
lanes = ["N1"]

[[group]]
name = "N1b"
kind = "arrow"
lanes = ["N1"]

[[group]]
name = "W1"
kind = "vehicle"
lanes = ["W1"]

[[stage]]
name = "stage1"
groups = ["N1a", "N1b"]
min_green_s = 5
max_green_s = 50.0

[[stage]]
name = "stage2"
groups = ["W1", "N1b"]
min_green_s = 5
max_green_s = 50

[[compatible]]
a = "N1a"
b = "N1b"
yield = false

[[compatible]]
a = "W1"
b = "N1b"
yield = true

[signal]
amber_s = 3.0
all_red_s = 0.0
stage_order = "free"
longest_red_s = 120

[[reader]]
name = "r_N1"
protocol = "uhfreader"
port = "virtual"
baud = 57600
lanes = { "1" = "N1", "2" = "N1:advance", default = "N1" }

[[reader]]
name = "r_W1"
protocol = "uhfreader"
port = "virtual"
baud = 57600
lanes = { "1" = "W1", default = "W1" }

[[link]]
junction = "9c8a4c6e-0f5e-4f0a-9d3c-6c5b8a0f1e2d"
direction = "from"
lanes = ["N1"]
their_lanes = ["S2", "S1"]
distance_m = 210.5
free_flow_s = 15

[counting]
accept = "all"

[outbox]
path = "/tmp/outbox.sqlite"

[output]
driver = "virtual"

[[fallback]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "00:00"
to = "24:00"
greens = { "stage1" = 74, "stage2" = 9 }
"#;
    let config = parse(Path::new("agent.toml"), text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.lanes[0].advance_m, Some(118.4));
    assert_eq!(config.lanes[1].advance_m, None);
    assert_eq!(config.junction.signal.all_red_ms, 0);
    assert_eq!(config.fallback[0].greens, [50, 9], "a green is brought into the range of its stage");
    assert_eq!((config.fallback[0].from_min, config.fallback[0].to_min), (0, 1440));
    assert_eq!(config.readers.len(), 2);
}
