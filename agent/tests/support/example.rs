//! The commented example as a whole.

use std::path::Path;

const EXAMPLE: &str = include_str!("../../../config/agent.toml");

/// The key that only the driver gpiochip has, where socket is only for virtual.
pub(crate) const CHIP: &str = "chip = \"/dev/gpiochip0\"";

/// The example with every commented-out line in force that suits its driver.
pub(crate) fn with_every_key(password_file: &Path) -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') => rest,
        _ => line,
    });
    let text: Vec<&str> = lines.collect();
    // With the pedestrian head the longest clearance is longer than the usual all-red of the start.
    let text = text.join("\n").replace(CHIP, "").replace("startup_all_red_s = 6", "startup_all_red_s = 13");
    text.replace("/etc/flextraff/mqtt-password", password_file.to_str().expect("UTF-8 path"))
}
