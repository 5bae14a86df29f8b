//! `[log]`: which log lines are written, and how.

use super::Key;
use tracing_subscriber::filter::Targets;

/// Log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Filter in the form `info` or `warn,flextraff_server::ingest=debug`; the environment variable `FLEXTRAFF_LOG` wins.
    pub filter: String,
    /// How lines look that do not go to the journal, which keeps their fields apart in any case.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

impl LogFormat {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::default() }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
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
    },
    Key {
        section: "log",
        name: "format",
        set: |config, given| {
            let text = given.text()?;
            let known = [LogFormat::Text, LogFormat::Json].into_iter().find(|format| format.name() == text);
            config.log.format = known.ok_or_else(|| format!("\"{text}\" is neither text nor json"))?;
            Ok(())
        },
        show: |config| Some(config.log.format.name().into()),
    },
];
