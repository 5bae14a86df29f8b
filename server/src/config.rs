//! The server's configuration, checked: defaults, then the TOML file, then the environment.
//!
//! Each section has a file with its fields and a table of its keys. The tables are what the file, the environment and the `config` command
//! go by, so that a key which works in one works in all.

mod alarms;
mod auth;
mod dashboard;
mod database;
mod devices;
mod given;
mod http;
mod load;
mod log;
mod mqtt;
mod origin;
mod retention;
mod secret;

pub use alarms::Alarms;
pub use auth::Auth;
pub use dashboard::Dashboard;
pub use database::Database;
pub use devices::Devices;
pub use http::Http;
pub(crate) use load::unknown;
pub use load::{ConfigError, Problem};
pub use log::{Log, LogFormat};
pub use mqtt::{Broker, Mqtt};
pub use origin::{Origin, Origins, Setting};
pub use retention::Retention;
pub use secret::Secret;

/// Where the file is when the command line names none.
pub const DEFAULT_FILE: &str = "/etc/flextraff/server.toml";

/// Everything that file and environment say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// HTTP server.
    pub http: Http,
    /// PostgreSQL.
    pub database: Database,
    /// Broker.
    pub mqtt: Mqtt,
    /// Certificates of devices.
    pub devices: Devices,
    /// Sign-in.
    pub auth: Auth,
    /// Who is told of alarms.
    pub alarms: Alarms,
    /// The dashboard.
    pub dashboard: Dashboard,
    /// How long data is kept.
    pub retention: Retention,
    /// Log lines.
    pub log: Log,
    /// Where the values come from.
    pub origins: Origins,
}

/// One key of one section.
struct Key {
    section: &'static str,
    name: &'static str,
    /// Takes a value, or says in a sentence what it must be.
    set: fn(&mut Config, &given::Given) -> Result<(), String>,
    /// The effective value, secrets masked; `None` when unset.
    show: fn(&Config) -> Option<toml::Value>,
}

/// All keys, in the order in which they are shown.
fn keys() -> impl Iterator<Item = &'static Key> {
    [
        http::KEYS,
        database::KEYS,
        mqtt::KEYS,
        devices::KEYS,
        auth::KEYS,
        alarms::KEYS,
        dashboard::KEYS,
        retention::KEYS,
        log::KEYS,
    ]
    .into_iter()
    .flatten()
}
