//! `[[reader]]`.

use super::errors::{At, Report};
use super::junction::Draft;
use super::table::{Table, kind};
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::ZoneName;
use std::collections::BTreeMap;

/// A reader's serial protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Found out by listening and asking.
    Auto,
    /// Chafon Len-Adr-Cmd: `UHFReader18`, 288, RRU, CF-RU, MU.
    Uhfreader,
    /// Chafon with CF header.
    Cf,
    /// M100, QM100, YRM100 and R200.
    M100,
    /// A line of hex digits per read.
    Ascii,
    /// `ThingMagic` M6e and M7e.
    Thingmagic,
    /// Impinj Indy, Invelion, Rodinbell.
    A0,
    /// `CC FF FF`.
    Cc,
}

/// Whether the agent tells a reader what to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReaderMode {
    /// It sets the reader, starts it and keeps it reading.
    #[default]
    Drive,
    /// It never writes to it: the vendor's tool has set it to read by itself.
    Listen,
}

/// A frequency region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// India, 865 to 868 MHz.
    In,
    /// Europe, 865 to 868 MHz.
    Eu,
    /// United States, 902 to 928 MHz.
    Us,
    /// China, 920 to 925 MHz.
    Cn,
}

/// How a frame's antenna byte names the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AntennaByte {
    /// One bit a port.
    #[default]
    Mask,
    /// The port's number, from 0.
    Index,
}

impl AntennaByte {
    /// The port, from 1, that a frame names with this byte; `None` where it names none, or several at once.
    pub fn port(self, byte: u8) -> Option<u8> {
        match self {
            Self::Mask => byte.is_power_of_two().then(|| byte.trailing_zeros() as u8 + 1),
            Self::Index => byte.checked_add(1),
        }
    }
}

/// What an antenna watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watch {
    /// The lane.
    pub lane: LaneIx,
    /// Where on it.
    pub zone: ZoneName,
}

/// Which antenna watches what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneMap {
    /// By port, from 1.
    pub ports: BTreeMap<u8, Watch>,
    /// Reads that name no port, or one that is not listed.
    pub default: Option<Watch>,
}

impl LaneMap {
    /// What a read with this antenna port (from 1; `None`: the frame has none) was of.
    pub fn watch(&self, port: Option<u8>) -> Option<Watch> {
        port.and_then(|port| self.ports.get(&port).copied()).or(self.default)
    }
}

/// Through which of its antennas a reader sees: none when it is down, else all that it does not miss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Antennas {
    up: bool,
    /// One bit a port; the lowest for reads that name none.
    missing: u32,
}

impl From<bool> for Antennas {
    fn from(up: bool) -> Self {
        Self { up, missing: 0 }
    }
}

impl Antennas {
    const fn bit(port: Option<u8>) -> u32 {
        1_u32.unbounded_shl(match port {
            Some(port) => port as u32,
            None => 0,
        })
    }

    /// The same, but for what a port (from 1; `None`: reads that name none) would give.
    #[must_use]
    pub const fn without(self, port: Option<u8>) -> Self {
        Self { missing: self.missing | Self::bit(port), ..self }
    }

    /// Whether reads of a port can come.
    pub const fn see(self, port: Option<u8>) -> bool {
        self.up && self.missing & Self::bit(port) == 0
    }

    /// Whether the reader is up.
    pub const fn are_up(self) -> bool {
        self.up
    }
}

/// A reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderConfig {
    /// Name, unique.
    pub name: String,
    /// Its serial protocol.
    pub protocol: Protocol,
    /// Device file, `tcp://host:port`, or `virtual` for none.
    pub port: String,
    /// Bits per second.
    pub baud: u32,
    /// How its frames name the antenna; `None`: as readers of its protocol usually do.
    pub antenna_byte: Option<AntennaByte>,
    /// Which antenna watches what.
    pub lanes: LaneMap,
    /// Transmit power, dBm; `None`: as the reader is set.
    pub power_dbm: Option<u8>,
    /// Frequency region; `None`: as the reader is set.
    pub region: Option<Region>,
    /// Gen2 session 0 to 3; `None`: as the reader is set.
    pub session: Option<u8>,
    /// Whether it is told anything.
    pub mode: ReaderMode,
    /// A reader that should have said something for so long is silent, milliseconds.
    pub silence_ms: i64,
}

const MODES: [(&str, ReaderMode); 2] = [("drive", ReaderMode::Drive), ("listen", ReaderMode::Listen)];

const REGIONS: [(&str, Region); 4] =
    [("IN", Region::In), ("EU", Region::Eu), ("US", Region::Us), ("CN", Region::Cn)];

/// Three signs of life of a reader that gives one every 30 s.
const SILENCE_S: i64 = 90;

const PROTOCOLS: [(&str, Protocol); 8] = [
    ("auto", Protocol::Auto),
    ("uhfreader", Protocol::Uhfreader),
    ("cf", Protocol::Cf),
    ("m100", Protocol::M100),
    ("ascii", Protocol::Ascii),
    ("thingmagic", Protocol::Thingmagic),
    ("a0", Protocol::A0),
    ("cc", Protocol::Cc),
];

/// Begins the port of a reader in the network.
pub const TCP: &str = "tcp://";

/// Speeds of serial ports that readers use.
const BAUDS: [i64; 10] = [4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 500_000, 921_600];

/// Antenna ports of the largest readers.
const MOST_PORTS: u8 = 16;

impl ReaderConfig {
    /// Everything that its antennas watch.
    pub fn watches(&self) -> impl Iterator<Item = Watch> {
        self.places().map(|(_, watch)| watch)
    }

    /// What each port watches; last, without one, what reads are of that name no port or another one.
    fn places(&self) -> impl Iterator<Item = (Option<u8>, Watch)> {
        let ports = self.lanes.ports.iter().map(|(port, watch)| (Some(*port), *watch));
        ports.chain(self.lanes.default.map(|watch| (None, watch)))
    }

    /// The lanes that it watches in a zone, each with the port.
    pub fn lanes_by_port(&self, zone: ZoneName) -> Vec<(Option<u8>, LaneIx)> {
        let places = self.places().filter(|(_, watch)| watch.zone == zone);
        places.map(|(port, watch)| (port, watch.lane)).collect()
    }

    /// Lanes whose stop line it watches, in order, each once.
    pub fn stop_lines(&self) -> Vec<LaneIx> {
        let stop_line = self.watches().filter(|watch| watch.zone == ZoneName::StopLine);
        let mut lanes: Vec<LaneIx> = stop_line.map(|watch| watch.lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }
}

/// Which reader watches the stop lines of which lanes.
#[derive(Clone, Debug)]
pub struct StopLines {
    lanes: usize,
    readers: Vec<Vec<(Option<u8>, LaneIx)>>,
}

impl StopLines {
    /// Those of a junction with so many lanes.
    pub fn new(lanes: usize, readers: &[ReaderConfig]) -> Self {
        let readers = readers.iter().map(|reader| reader.lanes_by_port(ZoneName::StopLine));
        Self { lanes, readers: readers.collect() }
    }

    /// Whether a reader watches each lane's stop line; `antennas` by place in the TOML. With `all` also the lanes that no reader of this device
    /// watches count.
    pub fn watched<A: Into<Antennas>>(&self, antennas: impl Fn(usize) -> A, all: bool) -> Vec<bool> {
        let (mut has_reader, mut watched) = (vec![false; self.lanes], vec![false; self.lanes]);
        for (reader, lanes) in self.readers.iter().enumerate() {
            let antennas = antennas(reader).into();
            for (port, lane) in lanes {
                has_reader[lane.index()] = true;
                watched[lane.index()] |= antennas.see(*port);
            }
        }
        let lanes = watched.into_iter().zip(has_reader);
        lanes.map(|(watched, has_reader)| watched || (all && !has_reader)).collect()
    }
}

impl Protocol {
    /// The speed at which its readers leave the factory, bits per second.
    pub const fn usual_baud(self) -> u32 {
        match self {
            Self::Auto | Self::Uhfreader => 57_600,
            Self::Ascii => 9600,
            Self::Cf | Self::M100 | Self::Thingmagic | Self::A0 | Self::Cc => 115_200,
        }
    }

    /// Its name in the TOML.
    pub fn name(self) -> &'static str {
        PROTOCOLS.iter().find(|(_, protocol)| *protocol == self).map_or("", |(name, _)| name)
    }
}

/// Whether the frames of a protocol say which antenna has read a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesAntenna {
    /// All of them.
    Always,
    /// Those of some readers.
    Sometimes,
    /// None.
    Never,
}

impl Protocol {
    /// Whether its frames say which antenna has read a tag.
    pub const fn names_antenna(self) -> NamesAntenna {
        match self {
            Self::Cf | Self::Thingmagic | Self::A0 => NamesAntenna::Always,
            Self::Auto | Self::Uhfreader => NamesAntenna::Sometimes,
            Self::M100 | Self::Ascii | Self::Cc => NamesAntenna::Never,
        }
    }
}

impl ReaderMode {
    /// Its name in the TOML.
    pub fn name(self) -> &'static str {
        MODES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}

impl Region {
    /// Its name in the TOML.
    pub fn name(self) -> &'static str {
        REGIONS.iter().find(|(_, region)| *region == self).map_or("", |(name, _)| name)
    }

    /// Whether readers of this protocol can be told to use it. With `auto` that shows when the reader is found.
    pub const fn is_known_to(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Uhfreader => !matches!(self, Self::Cn),
            Protocol::Auto | Protocol::M100 | Protocol::Thingmagic | Protocol::A0 => true,
            Protocol::Cf | Protocol::Ascii | Protocol::Cc => false,
        }
    }
}

/// Reads every `[[reader]]`.
pub(super) fn read_readers(root: &mut Table<'_>, draft: &Draft, report: &Report) -> Vec<ReaderConfig> {
    let mut readers: Vec<ReaderConfig> = Vec::new();
    for (position, mut table) in root.tables("reader").into_iter().enumerate() {
        let name =
            table.text("name").unwrap_or(At { value: format!("reader{}", position + 1), at: table.at });
        if readers.iter().any(|other| other.name == name.value) {
            report.add(name.at, format!("two readers are named \"{}\"; names are unique", name.value));
        }
        if name.value.is_empty() || name.value.chars().count() > 64 {
            report.add(name.at, format!("{} has 1 to 64 characters; shorten or fill it", table.path("name")));
        }
        let port = read_port(&mut table, &readers);
        let protocol =
            table.choice("protocol", &PROTOCOLS).map_or(Protocol::Uhfreader, |protocol| protocol.value);
        let place_of_lanes = table.place("lanes");
        let lanes = read_lane_map(&mut table, draft, report);
        if protocol.names_antenna() == NamesAntenna::Never
            && !lanes.ports.is_empty()
            && lanes.default.is_none()
        {
            let (title, protocol) = (table.path("lanes"), protocol.name());
            report.add(
                place_of_lanes,
                format!(
                    "{title} has no default, but frames of protocol \"{protocol}\" name no antenna, so none of its reads would count; add the lane, such as default = \"N\""
                ),
            );
        }
        let config = ReaderConfig {
            protocol,
            baud: read_baud(&mut table, protocol.usual_baud()),
            antenna_byte: table
                .choice("antenna_byte", &[("mask", AntennaByte::Mask), ("index", AntennaByte::Index)])
                .map(|named| named.value),
            lanes,
            power_dbm: table.whole("power_dbm", 0..=33, "dBm").map(|power| power.value as u8),
            region: read_region(&mut table, protocol),
            session: table.whole("session", 0..=3, "").map(|session| session.value as u8),
            mode: table.choice("mode", &MODES).map(|mode| mode.value).unwrap_or_default(),
            silence_ms: table.whole("silence_s", 40..=3600, "s").map_or(SILENCE_S, |time| time.value) * 1000,
            name: name.value,
            port,
        };
        readers.push(config);
        table.finish();
    }
    readers
}

fn read_port(table: &mut Table<'_>, readers: &[ReaderConfig]) -> String {
    let at = table.place("port");
    let port = table.text("port").map_or_else(|| "/dev/ttyUSB0".to_owned(), |port| port.value);
    let is_right = match port.strip_prefix(TCP) {
        Some(address) => address.rsplit_once(':').is_some_and(|(host, number)| {
            !host.is_empty() && number.parse::<u16>().is_ok_and(|number| number > 0)
        }),
        None => port == "virtual" || port.starts_with('/'),
    };
    if !is_right {
        let what = table.path("port");
        table.report.add(
            at,
            format!(
                "{what} is \"{port}\"; it is a device file such as \"/dev/serial/by-path/…\", \"tcp://host:port\", or \"virtual\" for none"
            ),
        );
    }
    if let Some(other) = readers.iter().find(|other| other.port == port && port != "virtual") {
        let what = table.path("port");
        table.report.add(
            at,
            format!(
                "{what} is \"{port}\", which is already that of reader \"{}\"; each needs its own",
                other.name
            ),
        );
    }
    port
}

fn read_region(table: &mut Table<'_>, protocol: Protocol) -> Option<Region> {
    let region = table.choice("region", &REGIONS)?;
    if !region.value.is_known_to(protocol) {
        let known: Vec<String> = REGIONS
            .iter()
            .filter(|(_, region)| region.is_known_to(protocol))
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        let way_out = if known.is_empty() {
            "set it with the vendor's tool and leave the key out".to_owned()
        } else {
            format!("{} are possible", known.join(", "))
        };
        let what = table.path("region");
        let (name, protocol) = (region.value.name(), protocol.name());
        table.report.add(
            region.at,
            format!(
                "{what} is \"{name}\", to which readers of protocol \"{protocol}\" cannot be set; {way_out}"
            ),
        );
    }
    Some(region.value)
}

fn read_baud(table: &mut Table<'_>, usual: u32) -> u32 {
    let Some(baud) = table.any_number("baud", "bits per second") else { return usual };
    if baud.value.fract() == 0.0 && BAUDS.contains(&(baud.value as i64)) {
        return baud.value as u32;
    }
    let all: Vec<String> = BAUDS.iter().map(ToString::to_string).collect();
    let what = table.path("baud");
    table.report.add(baud.at, format!("{what} is {}; serial ports have {}", baud.value, all.join(", ")));
    usual
}

fn read_lane_map(table: &mut Table<'_>, draft: &Draft, report: &Report) -> LaneMap {
    let title = table.path("lanes");
    let lanes = table.table("lanes", &title);
    let mut map = LaneMap::default();
    let entries = lanes.entries();
    if entries.is_empty() && (table.place("lanes") == table.at || lanes.is_present()) {
        report.add(
            table.at,
            format!(
                "{} watches no lane; add lanes, such as lanes = {{ \"1\" = \"N\", default = \"N\" }}",
                table.title
            ),
        );
    }
    for (key, value) in entries {
        let port = key.value.parse::<u8>().ok().filter(|port| (1..=MOST_PORTS).contains(port));
        if port.is_none() && key.value != "default" {
            report.add(
                key.at,
                format!("{title} has no port \"{}\"; its keys are the antenna ports \"1\" to \"{MOST_PORTS}\" and default", key.value),
            );
        }
        let Some(text) = value.get_ref().as_str() else {
            let kind = kind(value.get_ref());
            report.add(
                value.span().start,
                format!("{title} has {kind} for {}; write a lane in quotes, such as \"N\"", key.value),
            );
            continue;
        };
        let watch = read_watch(text, &title, value.span().start, draft, report);
        match port {
            Some(port) => {
                if let Some(watch) = watch {
                    map.ports.insert(port, watch);
                }
            }
            None => map.default = watch,
        }
    }
    map
}

/// `N`, `N:stop_line` or `N:advance`.
fn read_watch(text: &str, title: &str, at: usize, draft: &Draft, report: &Report) -> Option<Watch> {
    let (name, zone) = match text.rsplit_once(':') {
        None => (text, ZoneName::StopLine),
        Some((name, "stop_line")) => (name, ZoneName::StopLine),
        Some((name, "advance")) => (name, ZoneName::Advance),
        Some((name, zone)) => {
            report.add(
                at,
                format!(
                    "{title} names the zone \"{zone}\" of lane \"{name}\"; zones are stop_line and advance"
                ),
            );
            return None;
        }
    };
    draft.lane(title, name, at, report).map(|lane| Watch { lane, zone })
}
