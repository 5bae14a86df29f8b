//! The agent's configuration: read from TOML, checked as a whole, defaults filled in.
//!
//! A file may be overridden by others beside it, key by key (`merge`). The commented example, `config/agent.toml`, documents every key. Whatever is wrong is reported at once, each error with its line, its
//! column and the way out; an unknown key is an error, because a mistyped one would otherwise hide for months.

mod changes;
mod console;
mod counting;
mod effective;
mod errors;
mod fallback;
mod junction;
mod log;
mod merge;
mod mqtt;
mod origin;
mod output;
mod pin_doubts;
mod places;
mod reader;
#[cfg(test)]
pub(crate) mod sample;
mod signal_doubts;
mod site;
mod sources;
mod table;

pub use changes::Changes;
pub use counting::{Accept, CountingConfig, OutboxConfig, Privacy};
pub use errors::{ConfigError, ConfigErrors};
pub use log::LogLevel;
pub use mqtt::{MqttConfig, Secret, read_password_file};
pub use output::{Driver, GroupPins, InputConfig, MOST_STOP_S, OutputConfig};
pub use pin_doubts::Doubt;
pub use reader::{
    AntennaByte, Antennas, LaneMap, NamesAntenna, Protocol, ReaderConfig, ReaderMode, Region, StopLines, TCP,
    Watch,
};
pub use site::{ClockTrust, FallbackTable, LaneConfig, LinkConfig, LinkDirection};
pub use sources::OVERRIDES;

use errors::Report;
use flextraff_common::ids::DeviceId;
use flextraff_common::junction::Junction;
use flextraff_common::wire::{DeviceType, ZoneName};
use junction::Draft;
use output::Pinned;
use sources::Sources;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use table::Table;

/// Where the configuration lies when nobody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/flextraff/agent.toml";

/// Distance of the advance zone of a lane that has an advance reader and does not say where, metres.
const ADVANCE_M: f64 = 100.0;

/// Everything that the TOML says, checked and with defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// This device.
    pub device: DeviceId,
    /// What it does: counts, drives the lamps, or both.
    pub device_type: DeviceType,
    /// The junction that it serves.
    pub junction: Arc<Junction>,
    /// Time zone of the time-of-day tables.
    pub time_zone: chrono_tz::Tz,
    /// Whether the wall clock is trusted without asking the kernel.
    pub clock_trust: ClockTrust,
    /// What the TOML says of each lane beyond its name, in lane order.
    pub lanes: Vec<LaneConfig>,
    /// Readers.
    pub readers: Vec<ReaderConfig>,
    /// Counting.
    pub counting: CountingConfig,
    /// Outbox.
    pub outbox: OutboxConfig,
    /// Whether the high-resolution log of the signal is kept.
    pub events: bool,
    /// Identity of vehicles.
    pub privacy: Privacy,
    /// Broker; `None`: the agent works alone.
    pub mqtt: Option<MqttConfig>,
    /// Lamps, and the inputs in the cabinet.
    pub output: OutputConfig,
    /// Socket through which a person at this machine looks at the running agent.
    pub console: PathBuf,
    /// How much the log tells.
    pub log: LogLevel,
    /// Neighbours.
    pub links: Vec<LinkConfig>,
    /// Greens by time of day, when no plan is valid; where tables overlap, the first one holds.
    pub fallback: Vec<FallbackTable>,
    /// Hash of the effective configuration, secrets left out; 16 hex digits.
    pub hash: String,
}

/// Reads and checks a configuration: the file, what overrides it in [`OVERRIDES`] beside it, and the password file that it may name.
///
/// # Errors
/// Everything that is wrong with it, in the order of the files.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    check(path, &Sources::read(path)?)
}

/// As [`load`], for the agent that is to run: a password that cannot be read is no reason to leave the lamps undriven. The link reads it anew for each
/// connection; until it can, that is what keeps the agent from the broker, given beside the configuration.
///
/// # Errors
/// As [`load`], but for the password.
pub fn load_to_run(path: &Path) -> Result<(Config, Option<ConfigErrors>), ConfigErrors> {
    let sources = Sources::read(path)?;
    let report = Report::default();
    let config = read_whole(&sources, &report)?;
    let of_link = report.take_of_link(&sources);
    finish(path, &sources, report, config).map(|config| (config, of_link))
}

/// As much of a configuration as is about the lamps, if that has no errors; whatever the other sections say.
pub fn load_lamps(path: &Path) -> Option<Config> {
    const SECTIONS: [&str; 9] =
        ["junction", "device", "lane", "group", "stage", "compatible", "intergreen", "signal", "output"];
    let sources = Sources::read(path).ok()?;
    let mut table = sources.merged().ok()?;
    let others: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
    for key in others.iter().filter(|key| !SECTIONS.contains(&key.as_str())) {
        table.remove(key.as_str());
    }
    let report = Report::default();
    let config = read(&mut Table::root(&table, &report), &report)?;
    report.into_errors(&sources).is_none().then_some(config)
}

/// Where the outbox lies by a configuration that may be broken in every other respect; else its default.
pub fn outbox_path(path: &Path) -> PathBuf {
    path_of(path, "outbox", "path", counting::OUTBOX)
}

/// Where the agent listens, as [`outbox_path`].
pub fn console_path(path: &Path) -> PathBuf {
    path_of(path, "console", "socket", console::SOCKET)
}

fn path_of(path: &Path, section: &str, key: &str, usual: &str) -> PathBuf {
    let sources = Sources::read(path).ok();
    let table = sources.as_ref().map(|sources| sources.merged_as_far_as_possible().0);
    let named = table.as_ref().and_then(|table| table.get(section)?.get_ref().get(key)?.get_ref().as_str());
    PathBuf::from(named.unwrap_or(usual))
}

/// Checks the text of a configuration; `path` names it in errors.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigErrors> {
    check(path, &Sources::of(path, text))
}

/// The effective configuration as TOML, and behind each value the file and line that it comes from, or that it is the default.
///
/// # Errors
/// As [`load`].
pub fn explain(path: &Path) -> Result<String, ConfigErrors> {
    let sources = Sources::read(path)?;
    let toml = effective_toml(path, &check(path, &sources)?)?;
    Ok(origin::annotated(&toml, &sources.merged()?, &sources))
}

fn check(path: &Path, sources: &Sources) -> Result<Config, ConfigErrors> {
    let report = Report::default();
    let config = read_whole(sources, &report)?;
    finish(path, sources, report, config)
}

fn read_whole(sources: &Sources, report: &Report) -> Result<Option<Config>, ConfigErrors> {
    let table = sources.merged()?;
    Ok(read(&mut Table::root(&table, report), report))
}

fn finish(
    path: &Path,
    sources: &Sources,
    report: Report,
    config: Option<Config>,
) -> Result<Config, ConfigErrors> {
    match (report.into_errors(sources), config) {
        (None, Some(mut config)) => {
            config.hash = effective::hash(&effective_toml(path, &config)?);
            Ok(config)
        }
        (Some(errors), _) => Err(errors),
        (None, None) => Err(ConfigErrors::whole_file(path, "the configuration is incomplete".to_owned())),
    }
}

fn effective_toml(path: &Path, config: &Config) -> Result<String, ConfigErrors> {
    config.to_toml().map_err(|error| {
        ConfigErrors::whole_file(path, format!("the effective configuration cannot be written: {error}"))
    })
}

/// Reads every section; `None` only after an error was reported.
fn read(root: &mut Table<'_>, report: &Report) -> Option<Config> {
    let mut device = root.table("device", "[device]");
    let id = device.id::<DeviceId>("id");
    let device_type = device.choice(
        "type",
        &[
            ("junction", DeviceType::Junction),
            ("rfid_counter", DeviceType::RfidCounter),
            ("light_controller", DeviceType::LightController),
        ],
    );
    device.finish();
    let pinned = Pinned::read(root);
    let mut draft = Draft::read(root, &pinned);
    let readers = reader::read_readers(root, &draft, report);
    let links = site::read_links(root, &draft, report);
    let fallback = fallback::read_fallback(root, &draft.spec.stages, report);
    let counting = counting::read_counting(root);
    let outbox = counting::read_outbox(root);
    let events = counting::read_events(root);
    let privacy = counting::read_privacy(root);
    let mqtt = mqtt::read_mqtt(root);
    let clock_trust = site::read_clock(root);
    let console = console::read_console(root);
    let log = log::read_log(root);
    let output = pinned.assign(&draft, report);
    let junction = draft.build(report);
    root.finish();
    let mut lanes = draft.lanes;
    for watch in
        readers.iter().flat_map(ReaderConfig::watches).filter(|watch| watch.zone == ZoneName::Advance)
    {
        lanes[watch.lane.index()].advance_m.get_or_insert(ADVANCE_M);
    }
    let derived = if readers.is_empty() { DeviceType::LightController } else { DeviceType::Junction };
    Some(Config {
        device: id?,
        device_type: device_type.map_or(derived, |given| given.value),
        junction: Arc::new(junction?),
        time_zone: draft.time_zone,
        clock_trust,
        lanes,
        readers,
        counting,
        outbox,
        events,
        privacy,
        mqtt,
        output,
        console,
        log,
        links,
        fallback,
        hash: String::new(),
    })
}

impl Config {
    /// The effective configuration as TOML, defaults filled in and secrets masked.
    ///
    /// # Errors
    /// When a value cannot be written as TOML, such as a path that is no UTF-8.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        effective::to_toml(self)
    }

    /// For how long the agent waits for the end of the present stage when it is told to end, seconds: what the file says, else what the stage
    /// that takes longest needs, but no longer than systemd waits.
    pub fn longest_stop_s(&self) -> u32 {
        self.output.longest_stop_s.unwrap_or_else(|| self.junction.longest_end_s().min(MOST_STOP_S))
    }

    /// The effective configuration as a table.
    fn to_table(&self) -> Result<toml::Table, toml::ser::Error> {
        effective::to_table(self)
    }
}
