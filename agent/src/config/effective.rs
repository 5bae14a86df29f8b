//! The effective configuration as TOML: what was written and what the defaults added, secrets masked. It loads again.

mod shape;

use self::shape::{
    Clock, Console, Counting, Device, Effective, Events, Fallback, Group, Head, Input, Lane, Link, Log, Mqtt,
    Outbox, Output, PrivacySection, Reader, Signal, Stage,
};
use super::{
    Accept, AntennaByte, ClockTrust, Config, FallbackTable, GroupPins, InputConfig, LaneMap, LinkConfig,
    LinkDirection, MqttConfig, Privacy, ReaderConfig, Region, Watch,
};
use flextraff_common::junction::{CompatibleSpec, GroupIx, GroupKind, IntergreenSpec, Junction, LaneIx};
use flextraff_common::wire::ZoneName;
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;

/// The effective configuration as TOML, secrets masked.
pub(super) fn to_toml(config: &Config) -> Result<String, toml::ser::Error> {
    toml::to_string(&effective(config))
}

/// The same as a table.
pub(super) fn to_table(config: &Config) -> Result<toml::Table, toml::ser::Error> {
    toml::Table::try_from(effective(config))
}

/// The first 16 hex digits of the SHA-256 of the effective configuration; a secret does not enter it.
pub(super) fn hash(toml: &str) -> String {
    let hash = digest(&SHA256, toml.as_bytes());
    hash.as_ref().iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn effective(config: &Config) -> Effective<'_> {
    let junction = &*config.junction;
    let signal = &junction.signal;
    Effective {
        junction: Head { id: junction.id, name: &junction.name, time_zone: config.time_zone.name() },
        device: Device { id: config.device, r#type: config.device_type },
        mqtt: config.mqtt.as_ref().map(mqtt),
        clock: Clock {
            trust: match config.clock_trust {
                ClockTrust::Kernel => "kernel",
                ClockTrust::Always => "always",
            },
        },
        signal: Signal {
            amber_s: seconds(signal.amber_ms),
            all_red_s: seconds(signal.all_red_ms),
            red_amber_s: seconds(signal.red_amber_ms),
            stage_order: signal.stage_order,
            longest_red_s: signal.longest_red_s,
            startup_flash_s: signal.startup_flash_s,
            startup_all_red_s: signal.startup_all_red_s,
            fault_aspect: signal.fault_aspect,
        },
        counting: Counting {
            settle_ms: config.counting.settle_ms,
            absence_s: config.counting.absence_ms as f64 / 1000.0,
            interval_s: config.counting.interval_ms / 1000,
            accept: match config.counting.accept {
                Accept::Fastag => "fastag",
                Accept::All => "all",
            },
        },
        outbox: Outbox {
            path: &config.outbox.path,
            max_mb: config.outbox.max_bytes / 1_000_000,
            flush_ms: config.outbox.flush_ms,
        },
        events: Events { enabled: config.events },
        privacy: PrivacySection {
            epc: match config.privacy {
                Privacy::Raw => "raw",
                Privacy::Pseudonym => "pseudonym",
            },
        },
        output: Output {
            driver: config.output.driver.name(),
            active: if config.output.active_high { "high" } else { "low" },
            socket: config.output.socket.as_deref(),
            chip: config.output.chip.as_deref(),
            enable_pin: config.output.enable_pin,
            enable_on_fault: config.output.enable_on_fault,
            identify_pin: config.output.identify_pin,
            feedback_active: if config.output.feedback_active_high { "high" } else { "low" },
            longest_stop_s: config.output.longest_stop_s,
        },
        input: input(&config.output.input),
        console: Console { socket: &config.console },
        log: Log { level: config.log.name() },
        lane: lanes(config),
        group: groups(config),
        stage: stages(junction),
        compatible: compatible(junction),
        intergreen: intergreens(junction),
        reader: config.readers.iter().map(|reader| self::reader(reader, junction)).collect(),
        link: config.links.iter().map(|link| self::link(link, junction)).collect(),
        fallback: config.fallback.iter().map(|table| fallback(table, junction)).collect(),
    }
}

fn mqtt(mqtt: &MqttConfig) -> Mqtt<'_> {
    let scheme = if mqtt.tls { "mqtts" } else { "mqtt" };
    let host = if mqtt.host.contains(':') { format!("[{}]", mqtt.host) } else { mqtt.host.clone() };
    let user = mqtt.username.as_deref();
    let (masked, username) = match (&mqtt.password, user) {
        (Some(_), _) => (format!("{}:***@", user.map(percent_encoded).unwrap_or_default()), None),
        (None, user) => (String::new(), user),
    };
    Mqtt {
        url: format!("{scheme}://{masked}{host}:{}", mqtt.port),
        username,
        ca_file: mqtt.ca_file.as_deref(),
        cert_file: mqtt.cert_file.as_deref(),
        key_file: mqtt.key_file.as_deref(),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1000.0
}

fn lane_names<'c>(lanes: &[LaneIx], junction: &'c Junction) -> Vec<&'c str> {
    lanes.iter().map(|lane| junction.lane(*lane).name.as_str()).collect()
}

fn lanes(config: &Config) -> Vec<Lane<'_>> {
    let lanes = config.junction.lanes().iter().zip(&config.lanes);
    lanes
        .map(|(lane, more)| Lane {
            id: lane.id,
            name: &lane.name,
            direction: lane.direction,
            speed_kmh: more.speed_kmh,
            advance_m: more.advance_m,
            stop_zone_m: more.stop_zone_m,
        })
        .collect()
}

fn groups(config: &Config) -> Vec<Group<'_>> {
    let junction = &*config.junction;
    let pins = |all: &[GroupPins], position: usize| {
        all.get(position).copied().filter(|pins| *pins != GroupPins::default())
    };
    let (driven, feedback) = (&config.output.pins, &config.output.feedback);
    junction
        .groups()
        .iter()
        .enumerate()
        .map(|(position, group)| Group {
            name: &group.name,
            kind: group.kind,
            lanes: lane_names(&group.lanes, junction),
            exits: &group.exits,
            walk_s: Some(seconds(group.walk_ms)).filter(|_| group.kind == GroupKind::Pedestrian),
            clearance_s: Some(seconds(group.clearance_ms)).filter(|clearance| *clearance > 0.0),
            button: config.output.buttons.get(position).copied().flatten(),
            pins: pins(driven, position),
            feedback: pins(feedback, position),
        })
        .collect()
}

fn stages(junction: &Junction) -> Vec<Stage<'_>> {
    let stages = junction.stages().iter();
    stages
        .map(|stage| Stage {
            name: &stage.name,
            groups: stage.groups.iter().map(|group| junction.group(group).name.as_str()).collect(),
            min_green_s: stage.min_green_s,
            max_green_s: stage.max_green_s,
            skip: stage.skip,
        })
        .collect()
}

fn compatible(junction: &Junction) -> Vec<CompatibleSpec> {
    let name = |group: GroupIx| junction.group(group).name.clone();
    let pairs = junction
        .group_indexes()
        .flat_map(|a| junction.group_indexes().filter(move |b| *b > a).map(move |b| (a, b)))
        .filter(|(a, b)| !junction.conflicts(*a, *b));
    pairs
        .map(|(a, b)| {
            let turned = junction.yields().contains(&(b, a));
            let yields = turned || junction.yields().contains(&(a, b));
            let (a, b) = if turned { (b, a) } else { (a, b) };
            CompatibleSpec { a: name(a), b: name(b), yields }
        })
        .collect()
}

fn intergreens(junction: &Junction) -> Vec<IntergreenSpec> {
    let usual = junction.signal.amber_ms + junction.signal.all_red_ms;
    let pairs = junction
        .group_indexes()
        .flat_map(|from| junction.group_indexes().map(move |to| (from, to)))
        .filter(|(from, to)| junction.conflicts(*from, *to));
    pairs
        .map(|(from, to)| (from, to, junction.intergreen_ms(from, to)))
        .filter(|(_, _, ms)| *ms != usual)
        .map(|(from, to, ms)| IntergreenSpec {
            from: junction.group(from).name.clone(),
            to: junction.group(to).name.clone(),
            seconds: seconds(ms),
        })
        .collect()
}

fn watch(watch: Watch, junction: &Junction) -> String {
    let name = &junction.lane(watch.lane).name;
    match watch.zone {
        ZoneName::StopLine => format!("{name}:stop_line"),
        ZoneName::Advance => format!("{name}:advance"),
    }
}

fn reader<'c>(reader: &'c ReaderConfig, junction: &Junction) -> Reader<'c> {
    let LaneMap { ports, default } = &reader.lanes;
    let mut lanes: BTreeMap<String, String> =
        ports.iter().map(|(port, at)| (port.to_string(), watch(*at, junction))).collect();
    if let Some(at) = default {
        lanes.insert("default".to_owned(), watch(*at, junction));
    }
    Reader {
        name: &reader.name,
        protocol: reader.protocol.name(),
        port: &reader.port,
        baud: reader.baud,
        antenna_byte: reader.antenna_byte.map(|named| match named {
            AntennaByte::Mask => "mask",
            AntennaByte::Index => "index",
        }),
        power_dbm: reader.power_dbm,
        region: reader.region.map(Region::name),
        session: reader.session,
        mode: reader.mode.name(),
        silence_s: reader.silence_ms / 1000,
        lanes,
    }
}

fn link<'c>(link: &'c LinkConfig, junction: &'c Junction) -> Link<'c> {
    Link {
        junction: link.junction,
        direction: match link.direction {
            LinkDirection::From => "from",
            LinkDirection::To => "to",
        },
        lanes: lane_names(&link.lanes, junction),
        their_lanes: &link.their_lanes,
        exit: link.exit.as_deref(),
        distance_m: link.distance_m,
        free_flow_s: link.free_flow_s,
    }
}

fn fallback<'c>(table: &FallbackTable, junction: &'c Junction) -> Fallback<'c> {
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    Fallback {
        days: super::fallback::DAYS
            .iter()
            .zip(table.days)
            .filter(|(_, chosen)| *chosen)
            .map(|(day, _)| *day)
            .collect(),
        from: time(table.from_min),
        to: time(table.to_min),
        greens: junction
            .stages()
            .iter()
            .zip(&table.greens)
            .map(|(stage, green)| (stage.name.as_str(), *green))
            .collect(),
    }
}

const fn input(input: &InputConfig) -> Input {
    Input {
        panel: input.panel,
        advance: input.advance,
        flash: input.flash,
        door: input.door,
        active: if input.active_high { "high" } else { "low" },
        longest_panel_s: input.longest_panel_s,
    }
}
