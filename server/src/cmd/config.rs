//! `flextraff-server config`: the effective configuration.

use super::say;
use crate::config::Config;
use std::process::ExitCode;

/// Prints it.
pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    say(config.to_masked_toml()?.trim_end());
    Ok(ExitCode::SUCCESS)
}
