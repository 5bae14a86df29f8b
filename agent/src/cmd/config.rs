//! `config`: prints the effective configuration.

use super::{FAILED, complain, load, print};
use std::path::Path;

/// Prints the effective configuration as TOML, secrets masked.
pub(super) fn run(path: &Path) -> u8 {
    let config = match load(path) {
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
