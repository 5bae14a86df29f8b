//! `[log]`: which log lines are written.

use super::Key;
use tracing_subscriber::filter::Targets;

/// Log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Filter in the form `info` or `warn,flextraff_server::ingest=debug`; the environment variable `FLEXTRAFF_LOG` wins.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned() }
    }
}

pub(super) const KEYS: &[Key] = &[Key {
    section: "log",
    name: "filter",
    set: |config, given| {
        let filter = given.text()?;
        if let Err(error) = filter.parse::<Targets>() {
            return Err(format!("\"{filter}\" is no filter: {error}; write a level such as info"));
        }
        config.log.filter = filter;
        Ok(())
    },
    show: |config| Some(config.log.filter.clone().into()),
}];
