//! `config`: prints the effective configuration.

use super::{FAILED, OK, USAGE, complain, load, print};
use std::path::Path;

/// How to print it.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// Behind each value the file and line that it comes from
    #[arg(long)]
    origin: bool,
    /// Print nothing when it is right
    #[arg(long, conflicts_with = "origin")]
    check: bool,
}

/// Prints the effective configuration as TOML, secrets masked.
pub(super) fn run(path: &Path, args: &ConfigArgs) -> u8 {
    if args.check {
        return load(path).map_or_else(|code| code, |_| OK);
    }
    if args.origin {
        return match crate::config::explain(path) {
            Ok(text) => print(text.trim_end()),
            Err(errors) => {
                complain(&errors.to_string());
                USAGE
            }
        };
    }
    let config = match super::load(path) {
        Ok(config) => config,
        Err(code) => return code,
    };
    match config.to_toml() {
        Ok(toml) => print(toml.trim_end()),
        Err(error) => {
            complain(&format!("the effective configuration cannot be written as TOML: {error}"));
            FAILED
        }
    }
}
